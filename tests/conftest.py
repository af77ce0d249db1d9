"""Fixtures: the one server that most tests share, private ones, and fresh accounts."""

import contextlib
import os

import pytest

from lib.server import External, Server, binary
from lib.tls import start_secure


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
    with contextlib.ExitStack() as stack:  # one that does not stop well leaves none behind
        def start(name="private", running=True, **settings):
            one = Server(tmp_path / name, **settings)
            stack.callback(one.stop)
            return one.start() if running else one

        yield start


@pytest.fixture
def secure(private, tmp_path):
    """A private server with a plain listener and one with TLS."""
    return start_secure(private, tmp_path)


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


@pytest.fixture
def hall(ann):
    """A world-readable room of ann's that guests may join."""
    return ann.public_room()


@pytest.fixture
def room(ann):
    """A room of ann's that anybody with an account may join."""
    return ann.create_room(preset="public_chat")


@pytest.fixture
def closed(ann):
    """A room of ann's that nobody joins without being invited."""
    return ann.create_room()


def pytest_collection_modifyitems(items):
    """What stresses the server comes last, so that a plain failure is seen first."""
    items.sort(key=lambda item: item.path.name in ("test_hostile.py", "test_limits.py"))
