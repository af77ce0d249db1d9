"""Files that are asked for again and again, which are answered out of memory: as those that are
not, and not a moment longer than they may be."""

import asyncio
import concurrent.futures
import contextlib
import os
import pathlib
import threading

import pytest

from lib.http import Raw, quote
from test_http2 import plain_client, secure_client
from test_login import behind_uia
from test_media import DOWNLOAD, download, place, until, upload
from test_media_operate import GONE, say
from test_media_transfers import asks, narrow
from test_thumbnails import THUMBNAIL, big_png, thumbnail

SMALL = os.urandom(50000)


@pytest.fixture
def one(private):
    return private()


def hits(server):
    return server.metrics()["parlour_media_hot_answers_total"]


def shown(got):
    return got.status, {name: value for name, value in got.headers.items() if name != "date"}, got.body


def heat(server, ask):
    """Asks until the answer comes out of memory, perhaps not at once: what is being written
    to the disk is not at hand. What all of them were."""
    before = hits(server)
    said = [ask() for _ in range(5)]
    until(lambda: hits(server) >= before + 2 or said.append(ask()))
    return said


def test_what_is_hot_is_answered_as_what_is_not(one):
    ann, guest = one.api.register(), one.api.guest()
    uri = upload(ann, SMALL, "text/plain; charset=utf-8", "Tee ☕.txt")
    etag = '"' + download(ann, uri).headers["etag"].strip('"') + '"'
    asked = [(who, tail, method, headers) for who in (ann, guest) for tail, method, headers in (
        ("", "GET", {}), ("", "HEAD", {}), ("/" + quote("zwei ☕.html"), "GET", {}),
        ("", "GET", {"Range": "bytes=10-19"}), ("", "GET", {"Range": "bytes=-7"}),
        ("", "GET", {"Range": "bytes=49999-"}), ("", "GET", {"Range": "bytes=1-2,4-5"}),
        ("", "GET", {"Range": "bytes=50000-"}), ("", "HEAD", {"Range": "bytes=5-"}),
        ("", "GET", {"If-None-Match": etag}), ("", "GET", {"If-None-Match": '"other"'}),
        ("", "GET", {"Range": "bytes=0-1", "If-Range": '"other"'}),
        ("", "GET", {"Range": "bytes=0-1", "If-Range": etag}), ("?timeout_ms=soon", "GET", {}))]

    def all_of_them(uri):
        return [shown(who.reply(method, DOWNLOAD + place(uri) + tail, headers=headers))
                for who, tail, method, headers in asked]

    heat(one, lambda: download(ann, uri))
    before = hits(one)
    hot = all_of_them(uri)
    assert hits(one) == before + len(asked) - 2  # those of the wrong timeout are no hits
    one.restart()
    cold = [shown(asked_of(one, uri, *how)) for how in asked]
    assert hot == cold
    assert hot[0][2] == SMALL


def asked_of(one, uri, who, tail, method, headers):
    """As the first to ask, since nothing is known of what was never asked for."""
    one.restart()
    return who.reply(method, DOWNLOAD + place(uri) + tail, headers=headers)


@pytest.mark.parametrize("query", [{}, {"width": 40, "height": 30, "method": "crop"},
                                   {"width": 5000, "height": 5000}], ids=str)
def test_thumbnails_are_hot_too(one, query):
    ann = one.api.register()
    uri = upload(ann, big_png(700, 500), "image/png", "a.png")
    said = [shown(got) for got in heat(one, lambda: thumbnail(ann, uri, **query))]
    assert all(got == said[0] for got in said)
    etag = said[0][1]["etag"]
    before = hits(one)
    got = ann.reply("GET", THUMBNAIL + place(uri), expect=304, headers={"If-None-Match": etag},
                    query={"width": 96, "height": 96, **query})
    assert got.body == b"" and hits(one) == before + 1


def test_each_size_of_a_thumbnail_is_itself(one):
    ann = one.api.register()
    uri = upload(ann, big_png(700, 500), "image/png")
    asked = [(32, 32, "crop"), (96, 96, "crop"), (300, 200, "scale"), (640, 480, "scale"), (32, 16, "crop")]
    for _ in range(3):
        said = [thumbnail(ann, uri, width, height, method=method).body for width, height, method in asked]
    assert len(set(said)) == len(asked)
    assert [thumbnail(ann, uri, w, h, method=method).body for w, h, method in reversed(asked)] == said[::-1]
    # An id that reads like what is remembered of another is none.
    for name in "32x32c " + place(uri).split("/")[1], "whole " + place(uri).split("/")[1]:
        ann.reply("GET", f"{DOWNLOAD}{ann.server_name}/{quote(name)}", expect=GONE)


def test_who_has_a_large_file_is_told_so_without_looking_at_it(one):
    ann = one.api.register()
    uri = upload(ann, os.urandom(1 << 20))
    etag = download(ann, uri).headers["etag"]
    for lost in (pathlib.Path(one.folder) / "data/media").rglob("?" * 64):
        lost.unlink()
    before = hits(one)
    assert download(ann, uri, expect=304, headers={"If-None-Match": etag}).body == b""
    assert hits(one) == before + 1
    download(ann, uri, expect=GONE)


def test_it_depends_on_who_asks_who_may_keep_it(private):
    one = private(media={"allow_unauthenticated": True})
    ann = one.api.register()
    uri = upload(ann, SMALL)
    open_path = "/_matrix/media/v3/download/" + place(uri)
    heat(one, lambda: download(ann, uri))
    for _ in range(3):
        assert one.api.reply("GET", open_path, expect=200).headers["cache-control"].startswith("public")
        assert download(ann, uri).headers["cache-control"].startswith("private")
    heat(one, lambda: one.api.reply("GET", open_path, expect=200))


def test_what_is_hot_asks_for_a_token_all_the_same(one):
    ann, ben = one.api.register(), one.api.register()
    uri = upload(ann, SMALL)
    heat(one, lambda: download(ben, uri))
    ben.post("/_matrix/client/v3/logout")
    download(ben, uri, expect=(401, "M_UNKNOWN_TOKEN"))
    download(one.api, uri, expect=(401, "M_MISSING_TOKEN"))
    one.api.get("/_matrix/media/v3/download/" + place(uri), expect=(404, "M_NOT_FOUND"))
    elsewhere = "elsewhere.example/" + place(uri).split("/")[1]
    ann.get(DOWNLOAD + elsewhere, expect=GONE)
    ann.get(DOWNLOAD + quote("no name") + "/x", expect=(400, "M_INVALID_PARAM"))


# --- what may not be handed out any more ---


def hot_picture(server, who, others):
    """Of which the file and a thumbnail are hot, under two ids."""
    picture = big_png(300, 200) + os.urandom(8)
    uris = [upload(who, picture, "image/png"), upload(others, picture, "image/png")]
    for uri in uris:
        heat(server, lambda uri=uri: download(who, uri))
        heat(server, lambda uri=uri: thumbnail(who, uri, 32, 32, method="crop"))
    return uris


def is_gone(who, uri):
    etag = {"If-None-Match": "*"}
    download(who, uri, expect=GONE)
    download(who, uri, expect=GONE, headers=etag)
    thumbnail(who, uri, 32, 32, method="crop", expect=GONE)
    return True


def test_what_is_quarantined_is_hot_no_more(one):
    ann, ben = one.api.register("ann"), one.api.register("ben")
    uris = hot_picture(one, ann, ben)
    for words in ([uris[0]], ["--user", "ann"]):
        say(one, "quarantine", *words)
        assert all(is_gone(ann, uri) for uri in uris)
        say(one, "quarantine", "--release", *words)
        for uri in uris:
            heat(one, lambda uri=uri: download(ben, uri))


@pytest.mark.parametrize("words", [[], ["--user", "ann"]], ids=["id", "user"])
def test_what_is_deleted_is_hot_no_more(one, words):
    ann, ben = one.api.register("ann"), one.api.register("ben")
    anns, bens = hot_picture(one, ann, ben)
    say(one, "delete", *(words or [anns]))
    assert is_gone(ben, anns)
    heat(one, lambda: download(ann, bens))
    say(one, "delete", "--older-than", "1ms")
    assert is_gone(ben, bens)


def test_what_goes_with_an_account_is_hot_no_more(one):
    ann, ben = one.api.register("ann"), one.api.register("ben")
    anns, _ = hot_picture(one, ann, ben)
    behind_uia(ann, "/account/deactivate", {"erase": True})
    assert is_gone(ben, anns)


def test_nobody_is_handed_it_once_the_operator_has_been_answered(one):
    """While others ask for it without a pause, so that it is put back as often as may be."""
    ann = one.api.register()
    uri = upload(ann, SMALL)
    heat(one, lambda: download(ann, uri))
    over, answered, wrong = threading.Event(), [0], []

    def asks_on():
        who = ann  # a connection for each thread
        while not over.is_set():
            before = answered[0]
            got = who.reply("GET", DOWNLOAD + place(uri))
            if before == answered[0] and before % 2 and got.status != 404:
                wrong.append((before, got.status))

    threads = [threading.Thread(target=asks_on) for _ in range(6)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            say(one, "quarantine", uri)
            answered[0] += 1
            assert download(ann, uri, expect=GONE)
            before = hits(one)
            answered[0] += 1  # from here on it may be either
            say(one, "quarantine", "--release", uri)
            until(lambda before=before: hits(one) > before)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert wrong == []


# --- many, and slow ---


@pytest.mark.parametrize("by", [plain_client, secure_client], ids=["plain", "tls"])
def test_many_hot_files_at_a_time_on_one_http_2_connection(secure, by):
    ann = secure.api.register()
    files = [os.urandom(120000) for _ in range(100)]
    uris = [upload(ann, data) for data in files]
    for uri in uris:
        for _ in range(2):
            download(ann, uri)

    async def story():
        async with by(secure) as client:
            client.headers["Authorization"] = "Bearer " + ann.token
            got = await asyncio.gather(*(client.get(DOWNLOAD + place(uri)) for uri in uris))
            assert [one.content for one in got] == files
            got = await client.get(DOWNLOAD + place(uris[0]), headers={"Range": "bytes=5-9"})
            assert (got.status_code, got.content) == (206, files[0][5:10])
            got = await client.head(DOWNLOAD + place(uris[0]))
            assert (got.headers["content-length"], got.content) == ("120000", b"")

    before = hits(secure)
    asyncio.run(story())
    assert hits(secure) >= before + 100


@pytest.mark.parametrize("go", ["reads", "closes"])
def test_who_takes_a_hot_file_slowly_gets_all_of_it_or_goes(one, go):
    ann = one.api.register()
    data = os.urandom(128 << 10)
    uri = upload(ann, data)
    heat(one, lambda: download(ann, uri))
    socks = [narrow(one.port) for _ in range(20)]
    for sock in socks:
        sock.sendall(asks(ann, uri) * 4)
    heat(one, lambda: download(ann, uri))
    say(one, "delete", uri)  # which it has no more, while they still take it
    for sock in socks if go == "reads" else []:
        got = bytearray()
        while got.count(b"HTTP/1.1 ") < 4 or not got.endswith((data, b"}")):
            more = sock.recv(65536)
            assert more
            got += more
        assert got.count(data) + got.count(b"M_NOT_FOUND") == 4 and data in got
    for sock in socks:
        sock.close()
    download(ann, uri, expect=GONE)
    assert download(ann, upload(ann, b"again")).body == b"again"


def test_who_takes_nothing_of_a_hot_file_is_let_go(private):
    one = private(http={"body_timeout": "1s"})
    ann = one.api.register()
    uri = upload(ann, os.urandom(128 << 10))
    heat(one, lambda: download(ann, uri))
    sock = narrow(one.port)
    sock.sendall(asks(ann, uri) * 50)
    until(lambda: one.metrics()["parlour_http_pinned_bytes"] > 0)
    until(lambda: one.metrics()["parlour_http_pinned_bytes"] == 0)
    taken = 0
    with contextlib.suppress(ConnectionResetError):
        while got := sock.recv(65536):
            taken += len(got)
    assert taken < 50 * (128 << 10)
    sock.close()


def test_one_connection_may_ask_for_many_hot_files_in_a_row(one):
    ann = one.api.register()
    uris = [upload(ann, os.urandom(100000 + n)) for n in range(5)]
    for uri in uris:
        heat(one, lambda uri=uri: download(ann, uri))
    expected = [download(ann, uri).body for uri in uris]
    with Raw("127.0.0.1", one.port) as raw:
        sender = threading.Thread(target=raw.say, args=(b"".join(asks(ann, uri) for uri in uris) * 40,))
        sender.start()
        for _ in range(40):
            assert [raw.answer().body for _ in uris] == expected
        sender.join()


def test_all_files_of_a_busy_room_are_had_by_everyone(one):
    """More of them than fit into memory at the same time."""
    ann, *people = [one.api.register() for _ in range(5)]
    files = {upload(ann, os.urandom(120000)): None for _ in range(400)}  # 48 MB
    for uri in files:
        files[uri] = download(ann, uri).body

    def reads(who):
        for _ in range(2):
            for uri, data in files.items():
                assert download(who, uri).body == data
        return True

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(reads, people))
    assert one.metrics()["parlour_media_hot_bytes"] <= 32 << 20
