"""A store that does what it is told: keeps objects as any would, looks at no signature, and
answers some requests otherwise, as a test wants it. What a well-behaved one does is tried
against another's: lib/bucket.
"""

import contextlib
import hashlib
import socket
import ssl
import threading
import urllib.parse


def reply(status, body=b"", **headers):
    """The bytes of an answer; a header's name has _ for -."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def fault(status, code, message="so it is", **headers):
    return reply(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
                 .encode(), **headers)


class Asked:
    """One request."""

    def __init__(self, sock, head):
        first, *lines = head.decode().split("\r\n")
        self.sock, self.head, self.body = sock, head, b""
        self.method, self.target, _ = first.split(" ")
        self.headers = {name.lower(): value
                        for name, value in (line.split(": ", 1) for line in lines)}
        path, _, query = self.target.partition("?")
        self.query = dict(urllib.parse.parse_qsl(query))
        self.key = path.rpartition("/")[2]

    def is_of_a_file(self):
        return len(self.key) == 64


class OddStore:
    """`odd.does = f`: f is given each request before its body is read, and answers it: with
    bytes, or None for what a store does, or False to hang up. It may read the body itself
    (`odd.take`) and write what it likes to `asked.sock`."""

    def __init__(self, certificate=None, host="127.0.0.1"):
        self.objects, self.does, self.asked = {}, None, []
        self.socks, self.lock = set(), threading.Lock()
        self.ends = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.port = self.listener.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        self.endpoint = f"{'https' if certificate else 'http'}://{name}:{self.port}"
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        threading.Thread(target=self._accept, daemon=True).start()

    def settings(self, **more):
        return {"s3": {"bucket": "odd", "endpoint": self.endpoint, "access_key": "KEY",
                       "secret_key": "SECRET", **more}}

    def files(self):
        return sorted(key for key in self.objects if len(key) == 64)

    def count(self, method):
        """Of requests for files."""
        return sum(1 for one in self.asked if one.method == method and one.is_of_a_file())

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock = self.listener.accept()[0]
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with self.lock:
            self.socks.add(sock)
        with contextlib.suppress(OSError, ValueError, IndexError), sock:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            rest = b""
            while True:
                while b"\r\n\r\n" not in rest:
                    data = sock.recv(65536)
                    if not data:
                        return
                    rest += data
                head, _, rest = rest.partition(b"\r\n\r\n")
                asked = Asked(sock, head)
                asked.body = rest
                if self._answer(asked) is False:
                    return
                rest = b""
        with self.lock:
            self.socks.discard(sock)

    def _answer(self, asked):
        self.asked.append(asked)
        what = self.does(asked) if self.does else None
        if what is None:
            what = self.usual(asked)
        if what:
            self.take(asked)
            asked.sock.sendall(what)
        return what

    def take(self, asked):
        """Its body, whole."""
        if "expect" in asked.headers and not asked.body:
            asked.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = int(asked.headers.get("content-length", 0)) - len(asked.body)
        while left > 0:
            data = asked.sock.recv(min(left, 1 << 20))
            if not data:
                raise OSError("it has hung up")
            asked.body += data
            left -= len(data)
        return asked.body

    def usual(self, asked):
        """What a store does."""
        if asked.method == "PUT":
            body = self.take(asked)
            if hashlib.sha256(body).hexdigest() != asked.headers["x-amz-content-sha256"]:
                return fault(400, "XAmzContentSHA256Mismatch")
            self.objects[asked.key] = body
            return reply(200)
        if asked.method == "DELETE":
            self.objects.pop(asked.key, None)
            return reply(204)
        if "list-type" in asked.query:
            return reply(200, self.page(sorted(self.objects)))
        if asked.key not in self.objects:
            return fault(404, "NoSuchKey")
        return reply(200, self.objects[asked.key])

    @staticmethod
    def page(keys, token=None):
        inside = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
        if token is not None:
            inside += f"<NextContinuationToken>{token}</NextContinuationToken>"
        return f"<ListBucketResult>{inside}</ListBucketResult>".encode()

    def close(self):
        self.ends.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for sock in self.socks:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
