"""Chromium's own EventSource, held against the stream of server-sent events.

Stands on Debian's chromium and tests/js (npm ci there once; ./dev test does both).
"""

import json
import queue
import shutil
import subprocess
import threading

import pytest

from lib.client import V3, query_of
from test_sdk import JS, NODE

TOLD_WITHIN_S = 60


class Page:
    """A browser with one page that listens; what it tells comes in order."""

    def __init__(self, url):
        browser = shutil.which("chromium")
        if not NODE.exists() or browser is None:
            pytest.fail(f"{NODE} or chromium is not there: ./dev test installs both")
        self.process = subprocess.Popen(
            [NODE, JS / "eventsource.mjs", browser, url], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.told = queue.Queue()
        self.errors = []
        self.readers = [threading.Thread(target=read, daemon=True)
                        for read in (self._read, self._read_errors)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.told.put(json.loads(line))
        self.told.put(None)

    def _read_errors(self):
        self.errors += self.process.stderr

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(TOLD_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for reader in self.readers:
            reader.join()

    def next(self):
        got = self.told.get(timeout=TOLD_WITHIN_S)
        assert got is not None, "".join(self.errors)
        return got

    def until(self, state):
        """Waits for this word on the connection; what was heard meanwhile."""
        heard = []
        while (got := self.next()).get("state") != state:
            if "event_id" in got:
                heard.append(got)
        return heard

    def hear(self, count):
        """So many events, whatever happens to the connection meanwhile."""
        heard = []
        while len(heard) < count:
            got = self.next()
            assert got.get("state") != "closed", "the browser gave up"
            if "event_id" in got:
                heard.append(got)
        return heard


def address(server, client, room):
    query = query_of({"room_id": room, "access_token": client.token})
    return f"{server.http.base}{V3}/events?{query}"


def test_a_browser_hears_all_in_order_over_a_kill_of_the_server(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    with Page(address(one, guest, hall)) as page:
        page.until("open")
        sent = [ann.send(hall, str(n)) for n in range(50)]
        heard = page.hear(20)
        one.kill()
        one.start()
        sent += [ann.send(hall, str(n)) for n in range(50, 100)]
        heard += page.hear(80)
        last = ann.send(hall, "last")
        heard += page.hear(1)
    assert [e["event_id"] for e in heard] == sent + [last]
    assert [e["body"] for e in heard] == [*map(str, range(100)), "last"]
    assert len({e["id"] for e in heard}) == 101


def test_a_browser_comes_back_after_an_end_and_stays_away_after_a_refusal(own, ann, guest):
    hall = ann.public_room()
    with Page(address(own, guest, hall)) as page:
        page.until("open")
        ann.visibility(hall, "joined")
        page.until("lost")
        assert page.until("closed") == []
