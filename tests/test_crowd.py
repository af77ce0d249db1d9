"""Each way to listen that bench/listen knows, in small: every event heard once by all."""

import os

import pytest

from lib.crowd import Crowd
from lib.server import Server
from lib.tls import add_secure

LISTENERS = 230  # no whole number of connections in mode h2
ROOMS, EVENTS, SENDERS = 3, 40, 4

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


@pytest.fixture
def secure(tmp_path):
    server = Server(tmp_path, log={"level": "warn"})
    add_secure(server, tmp_path)
    with server:
        yield server


def crowd_of(server, mode):
    owner = server.api.register()
    rooms, quiet = [owner.public_room() for _ in range(ROOMS)], owner.public_room()
    more = {"tls": f"127.0.0.1:{server.tls_port}"} if mode == "tls" else {}
    return Crowd(f"127.0.0.1:{server.port}", server.process.pid, owner.token, rooms, quiet,
                 listeners=LISTENERS, mode=mode, **more)


@pytest.mark.parametrize("mode", ["poll", "tls", "h2", "sse"])
def test_all_hear_every_event_once_also_when_they_come_back(secure, mode):
    with crowd_of(secure, mode) as crowd:
        crowd.ask("again", on=1)
        crowd.ask("open")
        crowd.ask("park")
        crowd.ask("send", count=EVENTS * ROOMS, rooms=ROOMS, senders=SENDERS)
        crowd.ask("reopen", over_ms=100)
        crowd.ask("send", count=EVENTS * ROOMS, rooms=ROOMS, senders=SENDERS)
        said = crowd.ask("check")
    assert said["events"] == 2 * EVENTS * LISTENERS
    assert said["lost"] == 0


@pytest.mark.parametrize("mode", ["poll", "tls", "h2"])
def test_each_poll_times_out_and_goes_on(secure, mode):
    with crowd_of(secure, mode) as crowd:
        crowd.ask("open")
        crowd.ask("park", timeout_ms=50)
        assert crowd.ask("await", empty=LISTENERS, more=1)["empty"] == LISTENERS
        crowd.ask("park")
        crowd.ask("send", count=ROOMS, rooms=ROOMS)
        assert crowd.ask("check")["events"] == LISTENERS
