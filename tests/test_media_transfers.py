"""Uploads and downloads on the wire: clients that go, that are slow, that say more or less
than they announced, many at a time, by HTTP/1.0, 1.1 and 2, by TLS and behind a proxy."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import os
import pathlib
import socket
import ssl
import struct

import httpx
import pytest

from lib.http import Raw
from lib.server import free_port
from lib.tls import start_secure
from test_http2 import plain_client, secure_client
from test_media import DOWNLOAD, UPLOAD, download, files_of, place, until, upload

PORTION = 128 << 10
VERSIONS = "/_matrix/client/versions"
BIG = os.urandom(1 << 20) * 12  # more than the sockets of one connection hold


def head(who, length, *more, version="1.1"):
    lines = [f"POST {UPLOAD} HTTP/{version}", "Host: x", f"Authorization: Bearer {who.token}", *more]
    lines += [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join([*lines, "", ""]).encode()


def asks(who, uri, *more, version="1.1", method="GET"):
    return "\r\n".join([f"{method} {DOWNLOAD}{place(uri)} HTTP/{version}", "Host: x",
                        f"Authorization: Bearer {who.token}", *more, "", ""]).encode()


def reset(sock):
    """Closes so that the other end is told of no end, but of a connection that is gone."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def narrow(port):
    """A connection that takes in little before it is read from."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", port))
    return sock


@pytest.fixture
def one(private):
    return private()


def files_open(one):
    """How many files the server has open for those who send or take them."""
    count, folder = 0, pathlib.Path(f"/proc/{one.process.pid}/fd")
    for link in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += "/data/media/" in os.readlink(link)
    return count


# --- clients that go ---


@pytest.mark.parametrize("go", [socket.socket.close, reset], ids=["close", "reset"])
def test_whoever_goes_in_the_middle_of_an_upload_leaves_nothing(one, go):
    ann = one.api.register()
    data = head(ann, 3 * PORTION) + os.urandom(3 * PORTION)
    begins = len(data) - 3 * PORTION
    for cut in (1, begins - 1, begins, begins + 1, begins + 8191, begins + PORTION,
                begins + PORTION + 1, begins + 2 * PORTION, len(data) - 1):
        raw = Raw("127.0.0.1", one.port)
        raw.say(data[:cut])
        go(raw.sock)
    one.assert_alive()
    until(lambda: files_of(one) == ([], False))


@pytest.mark.parametrize("go", [socket.socket.close, reset], ids=["close", "reset"])
def test_whoever_goes_in_the_middle_of_a_download_costs_nothing(one, go):
    ann = one.api.register()
    uri = upload(ann, BIG)
    for taken in 0, 1, 100000, len(BIG) // 2:
        for _ in range(5):
            sock = narrow(one.port)
            sock.sendall(asks(ann, uri))
            left = taken
            while left > 0:
                left -= len(sock.recv(min(left, 65536)))
            go(sock)
    assert download(ann, uri).body == BIG
    until(lambda: files_open(one) == 0)


def test_the_server_stops_in_the_middle_of_transfers(private):
    one = private()
    ann = one.api.register()
    uri = upload(ann, BIG)
    kept = files_of(one)[0]
    socks = []
    for n in range(30):
        socks.append(narrow(one.port))
        socks[-1].sendall([asks(ann, uri), head(ann, 9 * PORTION) + b"x" * (n * PORTION // 5),
                           head(ann, 0)][n % 3])
    one.stop()
    for sock in socks:
        sock.close()
    one.start()
    until(lambda: set(files_of(one)[0]) >= set(kept) and not files_of(one)[1])
    assert hashlib.sha256(download(ann, uri).body).digest() == hashlib.sha256(BIG).digest()


# --- what is said and what comes ---


def test_what_comes_behind_an_upload_is_the_next_request(one):
    ann = one.api.register()
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(ann, 3) + b"one" + f"GET {VERSIONS} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
                + head(ann, PORTION + 1) + b"t" * (PORTION + 1) + head(ann, 0)
                + head(ann, 3) + b"end" + b"no request\r\n\r\n")
        said = [raw.answer() for _ in range(6)]
    assert [got.status for got in said] == [200, 200, 200, 200, 200, 400]
    uris = [said[n].json()["content_uri"] for n in (0, 2, 3, 4)]
    assert [download(ann, uri).body for uri in uris] == [b"one", b"t" * (PORTION + 1), b"", b"end"]


def test_less_than_was_announced_is_no_file(one):
    ann = one.api.register()
    for body in b"", b"half", b"x" * (PORTION + 5):
        with Raw("127.0.0.1", one.port) as raw:
            raw.say(head(ann, 2 * PORTION) + body)
            raw.sock.shutdown(socket.SHUT_WR)
            assert raw.answer().status in (None, 400)
    until(lambda: files_of(one) == ([], False))


def test_a_token_that_ends_before_its_file_has_come_keeps_none(one):
    ann = one.api.register()
    folder = pathlib.Path(one.folder) / "data/media/tmp"
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(ann, 3 * PORTION) + b"x" * (3 * PORTION - 1))
        until(lambda: any(half.stat().st_size > 0 for half in folder.iterdir()))
        ann.post("/_matrix/client/v3/logout")
        raw.say(b"x")
        got = raw.answer()
    assert (got.status, got.errcode()) == (401, "M_UNKNOWN_TOKEN")
    until(lambda: files_of(one) == ([], False))


def test_who_waits_to_be_told_is_told_only_where_the_file_is_wanted(private):
    one = private(media={"max_upload": "1M"})
    ann, expects = one.api.register(), "Expect: 100-continue"
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(ann, 5, expects))
        assert raw.answer().status == 100
        raw.say(b"hello")
        assert download(ann, raw.answer().json()["content_uri"]).body == b"hello"
        raw.say(head(ann, (1 << 20) + 1, expects))
        assert raw.answer().status == 413
        assert raw.is_closed()
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(one.api.guest(), 5, expects))
        assert raw.answer().status == 403
        assert raw.is_closed()


def test_chunks_may_have_extensions_and_trailers(one):
    ann = one.api.register()
    with Raw("127.0.0.1", one.port) as raw:
        for _ in range(2):
            raw.say(head(ann, None, "Transfer-Encoding: chunked"))
            for byte in b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n":
                raw.say(bytes([byte]))
            assert download(ann, raw.answer().json()["content_uri"]).body == b"hello!"


def test_chunks_that_are_none_are_refused_and_leave_nothing(one):
    ann = one.api.register()
    for wrong in b"5\r\nhello!\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"1\nx\r\n":
        with Raw("127.0.0.1", one.port) as raw:
            raw.say(head(ann, None, "Transfer-Encoding: chunked") + wrong)
            assert raw.answer().status == 400
            assert raw.is_closed()
    until(lambda: files_of(one) == ([], False))


def test_http_1_0_uploads_and_downloads(one):
    ann = one.api.register()
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(ann, len(BIG), version="1.0"))
        raw.say(BIG)
        uri = raw.answer().json()["content_uri"]
        assert raw.is_closed()
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(asks(ann, uri, "Connection: keep-alive", version="1.0"))
        got = raw.answer()
        assert got.headers["connection"] == "keep-alive" and got.body == BIG
        raw.say(asks(ann, uri, version="1.0", method="HEAD"))
        assert raw.answer(is_head=True).headers["content-length"] == str(len(BIG))
        assert raw.is_closed()


def test_a_head_request_leaves_the_connection_to_the_next(one):
    ann = one.api.register()
    uri = upload(ann, BIG)
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(asks(ann, uri, method="HEAD") + asks(ann, uri, "Range: bytes=0-4"))
        assert raw.answer(is_head=True).headers["content-length"] == str(len(BIG))
        assert raw.answer().body == BIG[:5]


# --- the slow ---


def test_who_sends_nothing_is_told_so_and_leaves_nothing(private):
    one = private(http={"body_timeout": "1s"})
    ann = one.api.register()
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(head(ann, 2 * PORTION) + b"x" * (PORTION + 10))
        assert raw.answer().status == 408
        assert raw.is_closed()
    until(lambda: files_of(one) == ([], False))


def test_who_takes_nothing_is_let_go_and_others_are_served(private):
    one = private(http={"body_timeout": "1s"})
    ann = one.api.register()
    uri = upload(ann, BIG)
    slow = [narrow(one.port) for _ in range(20)]
    for sock in slow:
        sock.sendall(asks(ann, uri))
    assert download(ann, uri).body == BIG
    until(lambda: files_open(one) == 0)
    for sock in slow:
        sock.close()


# --- TLS, HTTP/2, proxies ---


def test_files_go_through_tls(secure):
    ann = secure.api.register()
    context = ssl.create_default_context(cafile=str(secure.certificate))
    with httpx.Client(base_url=f"https://localhost:{secure.tls_port}", verify=context, timeout=60,
                      headers={"Authorization": "Bearer " + ann.token}, trust_env=False) as client:
        uri = client.post(UPLOAD, content=BIG).json()["content_uri"]
        assert client.get(DOWNLOAD + place(uri)).content == BIG
        assert client.get(DOWNLOAD + place(uri), headers={"Range": "bytes=-9"}).content == BIG[-9:]


@pytest.mark.parametrize("by", [plain_client, secure_client], ids=["plain", "tls"])
def test_a_hundred_files_go_up_and_down_on_one_http_2_connection(secure, by):
    ann = secure.api.register()
    files = [os.urandom(300000) for _ in range(100)]

    async def story():
        async with by(secure) as client:
            client.headers["Authorization"] = "Bearer " + ann.token
            sent = await asyncio.gather(*(client.post(UPLOAD, content=one) for one in files))
            assert [got.status_code for got in sent] == [200] * len(files)
            uris = [got.json()["content_uri"] for got in sent]
            got = await asyncio.gather(*(client.get(DOWNLOAD + place(uri)) for uri in uris))
            assert [one.content for one in got] == files

    asyncio.run(story())


def test_a_proxy_says_who_uploads(private):
    one = private(running=False, trusted_proxies=["127.0.0.1/32"])
    port = free_port()
    one.add_listeners({"address": f"127.0.0.1:{port}", "serve": ["client"], "proxy_protocol": True})
    one.start()
    ann = one.api.register()
    with Raw("127.0.0.1", port) as raw:
        raw.say(b"PROXY TCP4 192.0.2.7 192.0.2.1 4000 443\r\n" + head(ann, len(BIG)))
        raw.say(BIG)
        uri = raw.answer().json()["content_uri"]
        raw.say(asks(ann, uri))
        assert raw.answer().body == BIG


# --- many ---


def test_transfers_take_no_descriptor_that_somebody_else_needs(private):
    """Workers open the database when they are first needed, and must not find that they cannot."""
    one = private(running=False)
    one.start(before=("prlimit", "--nofile=400:400"))
    ann, *others = [one.api.register() for _ in range(10)]
    uri = upload(ann, BIG)
    before = one.metrics()["parlour_http_requests_total"]
    socks = [narrow(one.port) for _ in range(200)]
    for n, sock in enumerate(socks):
        who = others[n % 9]
        sock.sendall(asks(who, uri) if n % 2 else head(who, 9 * PORTION) + b"x")
    until(lambda: one.metrics()["parlour_http_requests_total"] >= before + 200)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: one.api.register(), range(32)))
    assert "Too many open files" not in one.tail()
    upload(ann, b"one too many", expect=(429, "M_LIMIT_EXCEEDED"))
    for sock in socks:
        sock.close()
    until(lambda: files_open(one) == 0)
    assert download(ann, upload(ann, b"again")).body == b"again"


def test_one_user_does_not_keep_the_others_from_their_files(private):
    one = private(running=False)
    one.start(before=("prlimit", "--nofile=400:400"))
    ann, ben = one.api.register(), one.api.register()
    uri = upload(ann, BIG)
    socks = [narrow(one.port) for _ in range(60)]
    before = one.metrics()["parlour_http_requests_total"]
    for sock in socks:
        sock.sendall(asks(ann, uri))
    until(lambda: one.metrics()["parlour_http_requests_total"] >= before + 60)
    got = download(ann, uri, expect=(429, "M_LIMIT_EXCEEDED"))
    assert got.json()["retry_after_ms"] > 0 and int(got.headers["retry-after"]) > 0
    assert "cache-control" not in got.headers and "content-disposition" not in got.headers
    assert download(ben, uri).body == BIG
    assert download(ben, upload(ben, b"mine")).body == b"mine"
    for sock in socks:
        sock.close()
