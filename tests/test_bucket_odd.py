"""A store that does not do what stores do: that it costs nobody more than its files, and
none that was acknowledged. What is tried with a real one is in test_bucket."""

import concurrent.futures
import hashlib
import os
import random
import subprocess
import threading
import time

import pytest

from lib.bucket import signature
from lib.odd_store import OddStore, fault, reply
from test_bucket import SOME, anew, fetched, forget_quietly, name_of
from test_media import DOWNLOAD, UPLOAD, download, files_of, place, until, upload
from test_thumbnails import THUMBNAIL, sample


@pytest.fixture
def odd():
    one = OddStore()
    yield one
    one.close()


@pytest.fixture
def one(private, odd):
    return private(media=odd.settings())


@pytest.fixture
def ann(one):
    return one.api.register("ann")


def of_files(method, answer):
    return lambda asked: answer(asked) if asked.method == method and asked.is_of_a_file() else None


def raw(*parts):
    """Sends that, and hangs up."""
    def answer(asked):
        asked.sock.sendall(b"".join(parts))
        return False
    return answer


def silence(odd):
    def answer(asked):
        odd.ends.wait()
        return False
    return answer


# --- what comes back is otherwise ---


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize("answer", [
    lambda asked: fault(503, "SlowDown"),
    lambda asked: fault(404, "NoSuchBucket"),
    lambda asked: fault(307, "TemporaryRedirect", Location="http://127.0.0.1:1/odd/x"),
    lambda asked: reply(401, WWW_Authenticate='Basic realm="x"'),
    lambda asked: reply(200),
    lambda asked: reply(206, SOME),
    lambda asked: reply(200, SOME + b"x"),
    raw(reply(200, SOME)[:1000]),
    raw(HEAD, b"Content-Length: 10\r\n\r\n", SOME),
    raw(b"HTTP/1.1 204 No\r\n\r\n"),
    raw(b"what is this\r\n\r\n" * 100),
    raw(),
])
def test_what_is_not_the_file_is_503_and_not_kept(one, ann, odd, answer):
    uri = upload(ann, SOME)
    anew(one)
    odd.does = of_files("GET", answer)
    download(ann, uri, expect=503)
    assert files_of(one) == ([], False)
    odd.does = None
    assert download(ann, uri).body == SOME


def test_a_file_that_breaks_off_is_asked_for_again(one, ann, odd):
    uri = upload(ann, SOME)
    anew(one)
    broken = [raw(reply(200, SOME)[:200_000]), raw(reply(200, SOME[::-1])[:1000])]
    odd.does = of_files("GET", lambda asked: broken.pop()(asked) if broken else None)
    assert download(ann, uri).body == SOME
    assert odd.count("GET") == 3


@pytest.mark.parametrize("answer", [
    lambda asked: fault(500, "InternalError"),
    lambda asked: fault(301, "PermanentRedirect"),
    lambda asked: fault(307, "TemporaryRedirect", Location="http://127.0.0.1:1/odd/x"),
    raw(fault(503, "SlowDown", Connection="close")),
    raw(HEAD, b"Content-Length: 100\r\n\r\n<Err"),
    raw(),
])
@pytest.mark.parametrize("size", [100, 3_000_000])
def test_an_upload_that_the_store_does_not_take_is_503(one, ann, odd, answer, size):
    odd.does = of_files("PUT", answer)
    upload(ann, os.urandom(size), expect=503)
    until(lambda: files_of(one) == ([], False))


@pytest.mark.parametrize("answer", [
    raw(reply(200)),
    raw(reply(200, Connection="close")),
    raw(b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, Connection="close")),
    raw(b"HTTP/1.0 200 OK\r\n\r\n"),
])
def test_who_says_yes_before_all_was_sent_has_it_not(one, ann, odd, answer):
    odd.does = of_files("PUT", answer)
    upload(ann, os.urandom(30_000_000), expect=503)


def test_keys_go_to_no_other_host_and_never_as_they_are(one, ann, odd):
    other = OddStore()
    uri = upload(ann, SOME)
    anew(one)
    to = f"http://127.0.0.1:{other.port}/odd/x"
    for answer in (fault(307, "TemporaryRedirect", Location=to), reply(302, Location=to),
                   reply(401, WWW_Authenticate='Basic realm="x"'),
                   reply(407, Proxy_Authenticate='Basic realm="x"')):
        odd.does = of_files("GET", lambda asked, answer=answer: answer)
        download(ann, uri, expect=503)
    other.close()
    assert not other.asked
    assert {asked.headers["authorization"].split(" ")[0] for asked in odd.asked} \
        == {"AWS4-HMAC-SHA256"}
    assert "SECRET" not in one.log.read_text()


@pytest.mark.parametrize("key, secret, at", [
    ("a:b/c+d=", "a/b+c=d:e%2Ff g\\h\"i'", "127.0.0.1"),
    ("KEY", "SECRET", "::1"),
])
def test_requests_are_signed_whatever_is_in_the_keys_and_the_address(private, key, secret, at):
    odd = OddStore(host=at)
    one = private(media=odd.settings(access_key=key, secret_key=secret))
    ann = one.api.register("ann")
    uri = upload(ann, SOME)
    anew(one)
    assert download(ann, uri).body == SOME
    for asked in odd.asked:
        made, there = signature(asked.head, key, secret)
        assert made == there
    one.stop()
    odd.close()


def test_a_certificate_that_nobody_vouches_for_is_not_spoken_to(private, tmp_path):
    made = tmp_path / "certificate", tmp_path / "key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    odd = OddStore(certificate=made)
    one = private(running=False,
                  media=odd.settings(endpoint=f"https://localhost:{odd.port}"))
    got = one.run("check")
    assert got.returncode == 1 and "certificate" in got.stdout
    assert not odd.asked
    odd.close()


# --- what it has is not what it had ---


def test_what_lies_in_the_cache_alone_is_sent_again(one, ann, odd):
    """The folder may have been another bucket's, or a machine has lost power between two
    things that it did."""
    upload(ann, SOME)
    one.stop()
    del odd.objects[name_of(SOME)]
    one.start()
    uri = upload(ann, SOME)
    anew(one)
    assert download(ann, uri).body == SOME


def test_a_list_that_turns_in_a_circle_is_left(one, ann, odd):
    uri = upload(ann, SOME)
    nexts = {None: "a", "a": "b", "b": "c", "c": "a"}
    odd.does = lambda asked: reply(200, odd.page([], nexts[asked.query.get("continuation-token")])) \
        if "list-type" in asked.query else None
    one.restart()
    one.until_logged("lists the same names again")
    assert sum(1 for asked in odd.asked if "list-type" in asked.query) < 20
    assert download(ann, uri).body == SOME


@pytest.mark.parametrize("page", [
    b"", b"<html>", b"<ListBucketResult><Contents><Key>" + b"0" * 64,
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b"]><ListBucketResult><Key>&b;</Key></ListBucketResul>",
    b"<ListBucketResult>" + b"<Contents><Key>x</Key></Contents>" * 200_000])
def test_what_is_no_list_drops_nothing(one, ann, odd, page):
    uri = upload(ann, SOME)
    odd.does = lambda asked: reply(200, page) if "list-type" in asked.query else None
    one.restart()
    one.until_logged("files that nobody names may have stayed")
    assert download(ann, uri).body == SOME and odd.files() == [name_of(SOME)]


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    got = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder],
                         capture_output=True)
    if got.returncode != 0:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_the_cache_gives_way_where_the_disk_is_full(private, odd, small_disk):
    one = private(media={"store": str(small_disk / "media"), **odd.settings()})
    ann = one.api.register("ann")
    there = {}
    for _ in range(20):
        data = os.urandom(1_000_000)
        there[upload(ann, data)] = data
    for uri, data in there.items():
        assert download(ann, uri).body == data
    one.stop()


# --- a store that says nothing ---


def test_a_server_starts_and_words_end_while_the_store_says_nothing(one, ann, odd):
    uri = upload(ann, SOME)
    one.stop()
    odd.does = silence(odd)
    began = time.monotonic()
    got = one.run("media", "delete", uri)
    assert time.monotonic() - began < 12
    assert got.returncode == 0 and "1 deleted files stay in the bucket" in got.stderr
    one.start()  # within its time
    one.stop()
    odd.does = None
    one.start()
    until(lambda: odd.files() == [])


@pytest.mark.parametrize("code, status", [("RequestTimeTooSkewed", 403), ("RequestTimeout", 400)])
def test_what_the_store_may_like_in_a_moment_stops_no_server(private, odd, code, status):
    """A clock that is set when the network is there."""
    odd.does = lambda asked: fault(status, code)
    one = private(media=odd.settings())
    ann = one.api.register("ann")
    upload(ann, SOME, expect=503)
    odd.does = None
    upload(ann, SOME)


def test_a_bucket_of_another_region_is_told_with_its_endpoint(private, odd):
    odd.does = lambda asked: reply(
        301, b"<Error><Code>PermanentRedirect</Code><Message>Not\n here</Message>"
        b"<Endpoint>odd.s3.eu-central-1.example</Endpoint></Error>")
    one = private(running=False, media=odd.settings())
    for word in "serve", "check":
        got = one.run(word)
        assert got.returncode != 0
        assert "301 PermanentRedirect: Not  here: its endpoint is odd.s3.eu-central-1.example" \
            in got.stdout + got.stderr


def test_who_waits_for_anothers_fetch_is_told_with_it_that_it_failed(one, ann, odd):
    uri = upload(ann, SOME)
    anew(one)
    asks, goes = threading.Event(), threading.Event()

    def answer(asked):
        asks.set()
        goes.wait()
        return fault(403, "AccessDenied")

    odd.does = of_files("GET", answer)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        first = pool.submit(download, ann, uri, expect=503)
        asks.wait()
        rest = [pool.submit(download, ann, uri, expect=503) for _ in range(7)]
        until(lambda: len(os.listdir(one.folder / "data/media/tmp")) == 8)
        goes.set()
        for each in first, *rest:
            each.result()
    assert odd.count("GET") <= 2  # one may have come to wait when it was over
    odd.does = None
    assert download(ann, uri).body == SOME


def test_who_wants_the_same_thumbnail_is_told_with_the_others_too(one, ann, odd):
    uri = upload(ann, sample("plain.jpg"), "image/jpeg")
    anew(one)
    asks, goes = threading.Event(), threading.Event()

    def answer(asked):
        asks.set()
        goes.wait()
        return fault(403, "AccessDenied")

    def ask():
        return ann.reply("GET", THUMBNAIL + place(uri), query={"width": 32, "height": 32},
                         expect=503)

    odd.does = of_files("GET", answer)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask)
        asks.wait()
        rest = [pool.submit(ask) for _ in range(7)]
        until(lambda: len(os.listdir(one.folder / "data/media/tmp")) == 8)
        goes.set()
        for each in first, *rest:
            each.result()
    assert odd.count("GET") <= 2


# --- all at once ---


def test_what_was_acknowledged_is_there_whatever_the_store_did(one, odd):
    """Of a few contents, which come and go all the time, at a store that fails a fourth of
    what it is asked, before or after doing it."""
    contents = [os.urandom(3000 + n) for n in range(4)]
    chance = random.Random(1)

    def answer(asked):
        n = chance.random()
        if n < 0.1:
            return fault(503, "SlowDown")
        if n < 0.15:
            return False
        if n < 0.25:
            odd.usual(asked)
            return False
        return None

    there, lock = {}, threading.Lock()

    def turn(n):
        who, mine = one.api.register(f"user{n}"), {}
        for _ in range(60):
            data = contents[chance.randrange(len(contents))]
            got = who.reply("POST", UPLOAD, raw=data)
            if got.status == 200:
                mine[got.json()["content_uri"]] = data
            if chance.random() < 0.2:
                forget_quietly(one)
            for uri, data in mine.items():
                got = who.reply("GET", DOWNLOAD + place(uri))
                assert got.status == 503 or got.body == data
            if mine and chance.random() < 0.7:
                uri = chance.choice(list(mine))
                mine.pop(uri)
                assert one.run("media", "delete", uri).returncode == 0
        with lock:
            there.update(mine)

    odd.does = lambda asked: answer(asked) if asked.is_of_a_file() else None
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(turn, range(4)))
    odd.does = None
    anew(one)
    ann = one.api.register("ann")
    for uri, data in there.items():
        assert download(ann, uri).body == data
    until(lambda: odd.files() == sorted({name_of(data) for data in there.values()}))
