"""Fixtures: the one server that most tests share, private ones, and fresh accounts."""

import os
import pathlib

import pytest

from lib.server import External, Server, binary


def pytest_report_header():
    return f"server: {os.environ.get('PARLOUR_URL') or binary()}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The shared server: registration open, guests may join, no rate limits."""
    url = os.environ.get("PARLOUR_URL")
    if url:
        yield External(url)
        return
    one = Server(tmp_path_factory.mktemp("shared"))
    one.start()
    yield one
    one.stop()


@pytest.fixture
def private(tmp_path):
    """Starts servers with settings of their own; all are stopped, and must stop well."""
    if os.environ.get("PARLOUR_URL"):
        pytest.skip("needs a server of its own")
    started = []

    def start(name="private", running=True, **settings):
        one = Server(pathlib.Path(tmp_path) / name, **settings)
        started.append(one)
        return one.start() if running else one

    yield start
    for one in started:
        if one.process is not None:
            one.stop()


@pytest.fixture
def own(server):
    """The shared server, for tests of what only Parlour has."""
    if server.external:
        pytest.skip("not a matter of the specification")
    return server


@pytest.fixture
def api(server):
    return server.api


@pytest.fixture
def ann(api):
    return api.register()


@pytest.fixture
def ben(api):
    return api.register()


@pytest.fixture
def cat(api):
    return api.register()


@pytest.fixture
def guest(api):
    return api.guest()


def pytest_collection_modifyitems(items):
    """What stresses the server comes last, so that a plain failure is seen first."""
    items.sort(key=lambda item: item.path.name in ("test_hostile.py", "test_limits.py"))
