"""Server-sent events over a raw socket, read by the rules of the HTML specification.

Stands on lib/http.py. Reads incrementally: what has arrived is told at once, packed or
not, and how a stream ended is told apart (its last chunk, or a connection that broke off).
"""

import json
import zlib

from .client import V3, query_of
from .http import Raw, Reply

EVENT_STREAM = "text/event-stream"


class Event:
    def __init__(self, kind, data, id):
        self.kind, self.id, self.json = kind, id, json.loads(data)
        self.event_id = self.json.get("event_id")

    @property
    def body(self):
        return self.json["content"].get("body")


class Stream:
    """One request for a stream, and what comes of it."""

    def __init__(self, client, rooms=None, from_=None, last_id=None, gzip=False,
                 version="1.1", prefix=V3, in_query=False, headers="", **query):
        asked = query_of({"from": from_, "room_id": rooms, **query,
                          "access_token": client.token if in_query else None})
        lines = [f"GET {prefix}/events?{asked} HTTP/{version}", "Host: x",
                 f"Accept: {EVENT_STREAM}"]
        if client.token and not in_query:
            lines.append(f"Authorization: Bearer {client.token}")
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        if gzip:
            lines.append("Accept-Encoding: gzip, deflate")
        self.raw = Raw(client.http.host, client.http.port)
        self.raw.say("\r\n".join(lines) + f"\r\n{headers}\r\n")
        self.status = None
        self.last_id, self.retry, self.comments, self.ended = "", None, 0, None
        self.text, self.kind, self.data, self.events = "", "", [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.raw.sock.close()

    # --- bytes ---------------------------------------------------------------

    def begin(self):
        """Reads the head; for tests that look at it, or want to know that it is there."""
        if self.status is None:
            self.status, self.headers = self.raw.head()
            packed = self.headers.get("content-encoding") == "gzip"
            self.unpack = zlib.decompressobj(31).decompress if packed else lambda data: data
        return self

    def answer(self):
        """The whole answer where there is no stream; of a stream the head alone."""
        self.begin()
        size = int(self.headers.get("content-length", 0))
        while len(self.raw.kept) < size and self.raw._more():
            pass
        return Reply(self.status, self.headers, self.raw.kept[:size])

    def refusal(self):
        got = self.answer()
        return got.status, got.errcode()

    def _line(self):
        while b"\r\n" not in self.raw.kept:
            if not self.raw._more():
                return None
        line, self.raw.kept = self.raw.kept.split(b"\r\n", 1)
        return line

    def _chunk(self):
        line = self._line()
        if line is None:
            self.ended = "cut"
            return b""
        size = int(line, 16)
        while len(self.raw.kept) < size + 2:
            assert self.raw._more(), "a chunk that broke off"
        data, self.raw.kept = self.raw.kept[:size], self.raw.kept[size + 2 :]
        if size == 0:
            self.ended = "end"
        return data

    def _bare(self):
        if not self.raw.kept and not self.raw._more():
            self.ended = "closed"
        data, self.raw.kept = self.raw.kept, b""
        return data

    def _read(self):
        self.begin()
        assert self.status == 200, (self.status, self.headers)
        chunked = self.headers.get("transfer-encoding") == "chunked"
        data = self._chunk() if chunked else self._bare()
        self.text += self.unpack(data).decode()
        while "\n" in self.text:
            line, self.text = self.text.split("\n", 1)
            self._take(line)

    # --- lines ----------------------------------------------------------------

    def _take(self, line):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if self.data:
                self.events.append(
                    Event(self.kind or "message", "\n".join(self.data), self.last_id))
            self.kind, self.data = "", []
        elif not name:
            self.comments += 1
        elif name == "data":
            self.data.append(value)
        elif name == "event":
            self.kind = value
        elif name == "id":
            self.last_id = value
        elif name == "retry":
            self.retry = int(value)
        else:
            raise AssertionError(f"a field that nobody knows: {line}")

    # --- what tests ask for -----------------------------------------------------

    def opening(self):
        """Waits until the stream says where it stands; that id."""
        while not self.last_id:
            self._read()
        return self.last_id

    def next(self):
        """The next event; None: the stream has ended, and .ended says how."""
        while not self.events and not self.ended:
            self._read()
        return self.events.pop(0) if self.events else None

    def take(self, count):
        heard = [self.next() for _ in range(count)]
        assert None not in heard, f"{self.ended} after {heard}"
        return heard

    def rest(self):
        """All that comes until the end."""
        heard = []
        while (event := self.next()) is not None:
            heard.append(event)
        return heard

    def until_comment(self):
        before = self.comments
        while self.comments == before:
            self._read()
