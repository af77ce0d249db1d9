"""Plain HTTP for the tests: one kept connection a thread, and raw sockets.

The standard library alone, so that what is tested is the server and not a client's
kindness. Everything above (lib/client.py) speaks through this.
"""

import http.client
import json
import socket
import threading
import urllib.parse

ANSWER_WITHIN_S = 60


def quote(text):
    """A path segment or query value with everything but letters encoded."""
    return urllib.parse.quote(text, safe="")


class Reply:
    """Status, headers (names in lower case) and body of one answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def errcode(self):
        try:
            return self.json().get("errcode")
        except (ValueError, AttributeError):
            return None

    def __repr__(self):
        return f"<{self.status} {self.body[:600]!r}>"


class Http:
    """One server's address; keeps a connection for each thread that asks."""

    def __init__(self, base):
        parts = urllib.parse.urlsplit(base)
        self.base, self.host, self.port = base.rstrip("/"), parts.hostname, parts.port
        self.local = threading.local()
        self.latest = None  # the connection last opened, by whichever thread
        self.aborted = False

    def ask(self, method, target, body=None, headers=None, within_s=ANSWER_WITHIN_S):
        """One exchange. A kept connection that the server closed is opened anew, once."""
        kept = getattr(self.local, "conn", None)
        for fresh in ((False, True) if kept else (True,)):
            if fresh:
                kept = http.client.HTTPConnection(self.host, self.port, timeout=within_s)
                kept.connect()
                kept.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.local.conn = self.latest = kept
            kept.sock.settimeout(within_s)
            try:
                kept.request(method, target, body=body, headers=headers or {})
                got = kept.getresponse()
                data = got.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()
                if fresh or self.aborted:
                    raise
                continue
            except BaseException:
                self.close()
                raise
            if got.will_close:
                self.close()
            names = {k.lower(): v for k, v in got.getheaders()}
            return Reply(got.status, names, data)

    def abort(self):
        """From another thread: breaks off what the latest connection waits for."""
        self.aborted = True
        sock = self.latest and self.latest.sock
        if sock:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended by itself

    def close(self):
        conn = getattr(self.local, "conn", None)
        self.local.conn = None
        if conn is not None:
            conn.close()


class Raw:
    """A socket to the server that says exactly the bytes it is given."""

    def __init__(self, host, port, within_s=20):
        self.sock = socket.create_connection((host, port), timeout=within_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kept = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def say(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.sock.sendall(data)

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.kept += data
        return bool(data)

    def head(self):
        """The next answer's status and headers; (None, {}) where the server closed."""
        while b"\r\n\r\n" not in self.kept:
            if not self._more():
                return None, {}
        text, self.kept = self.kept.split(b"\r\n\r\n", 1)
        lines = text.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1."), f"no answer begins with {lines[0][:200]!r}"
        names = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            names[name.strip().lower()] = value.strip()
        return int(lines[0].split(" ")[1]), names

    def answer(self, is_head=False):
        """The next whole answer; a Reply whose status is None: the server closed."""
        status, names = self.head()
        if status is None or is_head or status in (100, 204, 304):
            return Reply(status, names, b"")
        if names.get("transfer-encoding", "").lower() == "chunked":
            return Reply(status, names, self._chunks())
        if "content-length" not in names:
            while self._more():
                pass
            body, self.kept = self.kept, b""
            return Reply(status, names, body)
        size = int(names["content-length"])
        while len(self.kept) < size and self._more():
            pass
        body, self.kept = self.kept[:size], self.kept[size:]
        return Reply(status, names, body)

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.kept and self._more():
                pass
            line, self.kept = self.kept.split(b"\r\n", 1)
            size = int(line.split(b";")[0], 16)
            while len(self.kept) < size + 2 and self._more():
                pass
            body, self.kept = body + self.kept[:size], self.kept[size + 2 :]
            if size == 0:
                return body

    def is_closed(self):
        """True once the server has closed its side (waits for it, bounded)."""
        if self.kept:
            return False
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
