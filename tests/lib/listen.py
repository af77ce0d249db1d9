"""Listening in the background, so that tests await events and never sleep.

A Parked is one poll that runs while the test goes on; a Listener polls on and on and
keeps what it heard. Both stand on lib/client.py.
"""

import threading
import time

from .client import Client
from .http import Http

HEARD_WITHIN_S = 20


class Parked:
    """One request in a thread of its own."""

    def __init__(self, ask):
        self.value = self.failure = None
        self.thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self.started = time.monotonic()
        self.thread.start()

    def _run(self, ask):
        try:
            self.value = ask()
        except BaseException as failure:  # raised again by result()
            self.failure = failure
        self.took_s = time.monotonic() - self.started

    def is_waiting(self):
        return self.thread.is_alive()

    def result(self, within_s=HEARD_WITHIN_S):
        self.thread.join(within_s)
        assert not self.thread.is_alive(), f"no answer within {within_s} s"
        if self.failure:
            raise self.failure
        return self.value


class Listener:
    """Polls /events from a position until stopped; keeps events and the last error."""

    def __init__(self, client, rooms=None, from_=None, timeout=10000):
        self.http = Http(client.http.base)  # its own, so that stop() can cut the poll off
        self.client = Client(self.http, client.token, client.user_id)
        self.rooms, self.timeout = rooms, timeout
        self.position = from_ or client.now(rooms)
        self.heard, self.polls, self.error = [], 0, None
        self.changed = threading.Condition()
        self.going = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while self.going:
            try:
                page = self.client.events(self.position, self.rooms, self.timeout, expect=None)
            except Exception as failure:  # a closed server: the test says whether it may
                page = {"errcode": repr(failure)}
            with self.changed:
                self.polls += 1
                if "chunk" in page:
                    assert page["start"] == self.position
                    self.heard += page["chunk"]
                    self.position = page["end"]
                else:
                    self.error, self.going = page, False
                self.changed.notify_all()

    def _until(self, is_there, what):
        deadline = time.monotonic() + HEARD_WITHIN_S
        with self.changed:
            while True:
                found = is_there()
                if found:
                    return found
                left = deadline - time.monotonic()
                assert left > 0, f"{what}: not within {HEARD_WITHIN_S} s; heard {self.heard}"
                if not self.going:
                    raise AssertionError(f"{what}: the listener ended with {self.error}")
                self.changed.wait(left)

    def until(self, event_id):
        """The event with this id, once it has been heard."""
        return self._until(
            lambda: next((e for e in self.heard if e.get("event_id") == event_id), None), event_id)

    def until_where(self, wanted, what="an event"):
        return self._until(lambda: next((e for e in self.heard if wanted(e)), None), what)

    def until_refused(self):
        """The error that ended the listening."""
        deadline = time.monotonic() + HEARD_WITHIN_S
        with self.changed:
            while self.error is None:
                left = deadline - time.monotonic()
                assert left > 0, "the listener is still heard"
                self.changed.wait(left)
        return self.error

    def ids(self):
        with self.changed:
            return [e["event_id"] for e in self.heard if "event_id" in e]

    def stop(self):
        """Hangs up; hears nothing further."""
        self.going = False
        self.http.abort()
        self.thread.join(HEARD_WITHIN_S)
