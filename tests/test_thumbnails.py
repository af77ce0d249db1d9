"""Thumbnails (client-server-api/#thumbnails). How pictures are decoded, and by whom, is
src/media/pictures_test.c's."""

import pathlib
import struct
import threading

import pytest

from test_media import download, files_of, place, upload

THUMBNAIL = "/_matrix/client/v1/media/thumbnail/"
SAMPLES = pathlib.Path(__file__).parent / "corpus/pictures"


def sample(name):
    return (SAMPLES / name).read_bytes()


def size_of(data):
    """(width, height) of a JPEG, PNG, GIF or WebP."""
    if data.startswith(b"\x89PNG"):
        return struct.unpack(">II", data[16:24])
    if data.startswith(b"GIF8"):
        return struct.unpack("<HH", data[6:10])
    if data[8:16] == b"WEBPVP8X":
        return tuple(1 + int.from_bytes(data[at:at + 3], "little") for at in (24, 27))
    if data[8:16] == b"WEBPVP8 ":
        return tuple(n & 0x3fff for n in struct.unpack("<HH", data[26:30]))
    if data[8:16] == b"WEBPVP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1
    assert data.startswith(b"\xff\xd8")
    at = 2
    while data[at + 1] not in (0xc0, 0xc1, 0xc2):
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return width, height


def thumbnail(who, uri, width=96, height=96, expect=200, **query):
    return who.reply("GET", THUMBNAIL + place(uri), expect=expect,
                     query={"width": width, "height": height, **query})


def big_png(width, height):
    """A picture of that size, black."""
    import zlib

    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data
                + struct.pack(">I", zlib.crc32(name + data)))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(3 * width)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


@pytest.fixture(scope="module")
def large():
    return big_png(2000, 1000)


@pytest.mark.parametrize("asked, made", [
    ((32, 32, "crop"), (32, 32)), ((96, 96, "crop"), (96, 96)), ((48, 48, "crop"), (96, 96)),
    ((50, 100, "crop"), (80, 160)), ((320, 240, "scale"), (320, 160)),
    ((640, 480, "scale"), (640, 320)), ((800, 600, "scale"), (800, 400)),
    ((10, 10, "scale"), (320, 160)), ((1000, 1000, "scale"), (1600, 800))])
def test_a_thumbnail_has_the_size_that_is_asked_for_or_the_next(ann, large, asked, made):
    uri = upload(ann, large, "image/png", "large.png")
    got = thumbnail(ann, uri, asked[0], asked[1], method=asked[2])
    assert size_of(got.body) == made
    assert got.headers["content-type"] in ("image/png", "image/jpeg")
    assert got.headers["content-disposition"].startswith('inline; filename="thumbnail.')
    assert got.headers["content-security-policy"].startswith("sandbox;")


def test_scale_is_what_is_meant_without_a_word(ann, large):
    assert size_of(thumbnail(ann, upload(ann, large), 320, 240).body) == (320, 160)


def test_a_small_picture_is_not_made_larger(ann):
    data = sample("plain.jpg")
    uri = upload(ann, data, "image/jpeg", "me.jpg")
    for method in "crop", "scale":
        got = thumbnail(ann, uri, 800, 600, method=method)
        assert got.body == data
        assert got.headers["content-disposition"] == 'inline; filename="me.jpg"'


def test_of_what_is_larger_than_any_thumbnail_the_original_is_given(ann, large):
    assert thumbnail(ann, upload(ann, large), 1700, 100).body == large


@pytest.mark.parametrize("size", [800, 2000])
def test_an_original_is_called_what_it_is_and_shown_in_place(ann, size):
    for said in "application/octet-stream", "text/html", "image/png;,text/html":
        got = thumbnail(ann, upload(ann, sample("plain.jpg"), said), size, size)
        assert got.headers["content-type"] == "image/jpeg"
        assert got.headers["content-disposition"] == 'inline; filename="thumbnail.jpg"'
        assert got.body == sample("plain.jpg")


def test_however_much_is_asked_for_what_moves_stands_still_and_what_is_no_picture_is_400(ann):
    moving = upload(ann, sample("moving.gif"), "image/gif")
    for asked in {}, {"animated": "false"}, {"method": "crop"}:
        got = thumbnail(ann, moving, 2000, 2000, **asked)
        assert got.headers["content-type"] == "image/jpeg" and size_of(got.body) == (40, 20)
    assert thumbnail(ann, moving, 2000, 2000, animated="true").body == sample("moving.gif")
    thumbnail(ann, upload(ann, b"no picture", "image/png"), 2000, 2000, expect=(400, "M_UNKNOWN"))


def test_what_it_is_decides_and_not_what_it_is_called(ann, large):
    got = thumbnail(ann, upload(ann, large, "application/octet-stream", "x.bin"))
    assert size_of(got.body) == (320, 160)


@pytest.mark.parametrize("name", ["vector.svg", "document.pdf", "html.gif", "plain.tif"])
def test_what_is_no_picture_of_the_four_kinds_is_400(ann, name):
    uri = upload(ann, sample(name), "image/png")
    thumbnail(ann, uri, expect=(400, "M_UNKNOWN"))
    assert download(ann, uri).body == sample(name)


def test_a_bomb_is_413(ann):
    bomb = sample("plain.jpg")  # whose head says 65,000 by 65,000
    at = bomb.index(b"\xff\xc0") + 5
    bomb = bomb[:at] + struct.pack(">HH", 65000, 65000) + bomb[at + 4:]
    thumbnail(ann, upload(ann, bomb, "image/jpeg"), expect=(413, "M_TOO_LARGE"))


def test_a_picture_moves_where_that_is_asked_for(ann):
    uri = upload(ann, sample("moving.gif"), "image/gif")
    still = thumbnail(ann, uri, 8, 8, method="crop", animated="false")
    moving = thumbnail(ann, uri, 8, 8, method="crop", animated="true")
    assert still.body != moving.body and b"ANIM" in moving.body or moving.body[:4] == b"GIF8"
    assert b"ANIM" not in still.body


@pytest.mark.parametrize("query, errcode", [
    ({"width": 0}, "M_INVALID_PARAM"), ({"height": -1}, "M_INVALID_PARAM"),
    ({"width": "wide"}, "M_INVALID_PARAM"), ({"width": 1.5}, "M_INVALID_PARAM"),
    ({"method": "stretch"}, "M_INVALID_PARAM"), ({"animated": "maybe"}, "M_INVALID_PARAM")])
def test_what_makes_no_sense_is_400(ann, query, errcode):
    uri = upload(ann, sample("plain.jpg"), "image/jpeg")
    thumbnail(ann, uri, expect=(400, errcode), **{"width": 32, "height": 32, **query})


def test_a_size_that_is_not_given_is_missed(ann):
    where = THUMBNAIL + place(upload(ann))
    ann.get(where, width=32, expect=(400, "M_MISSING_PARAM"))
    ann.get(where, height=32, expect=(400, "M_MISSING_PARAM"))


def test_the_same_picture_is_made_smaller_once(private, large):
    one = private()
    ann, ben = one.api.register(), one.api.register()
    uris = [upload(ann, large), upload(ben, large)]
    got = []

    def ask(nth):
        got.append(thumbnail(ann, uris[nth % 2], 320, 240).body)

    threads = [threading.Thread(target=ask, args=(nth,)) for nth in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 12 and len(set(got)) == 1
    etag = thumbnail(ann, uris[0], 320, 240).headers["etag"]
    ann.reply("GET", THUMBNAIL + place(uris[1]), expect=304, headers={"If-None-Match": etag},
              query={"width": 300, "height": 200})
    kept = files_of(one)[0]
    assert len(kept) == 2
    one.kill()
    one.start()
    assert thumbnail(ann, uris[1], 320, 240).body == got[0]
    assert files_of(one)[0] == kept


def test_nobody_has_thumbnails_made_without_end(private, large):
    one = private()
    ann = one.api.register()
    uri = upload(ann, large)
    for height in range(1, 60):
        thumbnail(ann, uri, 96, height, method="crop")
    assert len(files_of(one)[0]) < 40
    assert size_of(thumbnail(ann, uri, 90, 1, method="crop").body) == (96, 96)


def test_guests_see_thumbnails_and_others_a_token_opens(server, ann, guest, large):
    uri = upload(ann, large)
    assert size_of(thumbnail(guest, uri, 96, 96).body) == (320, 160)
    thumbnail(server.api, uri, expect=(401, "M_MISSING_TOKEN"))
    for version in "r0", "v1", "v3":
        server.api.get(f"/_matrix/media/{version}/thumbnail/{place(uri)}", width=9, height=9,
                       expect=(404, "M_NOT_FOUND"))


def test_an_operator_may_open_thumbnails_too(private, large):
    one = private(media={"allow_unauthenticated": True})
    uri = upload(one.api.register(), large)
    got = one.api.reply("GET", f"/_matrix/media/v3/thumbnail/{place(uri)}", expect=200,
                        query={"width": 96, "height": 96, "method": "crop"})
    assert size_of(got.body) == (96, 96)


def test_what_is_not_there_has_no_thumbnail(ann):
    thumbnail(ann, f"mxc://{ann.server_name}/nothing", expect=(404, "M_NOT_FOUND"))
    uri = ann.post("/_matrix/media/v1/create")["content_uri"]
    thumbnail(ann, uri, timeout_ms=0, expect=(504, "M_NOT_YET_UPLOADED"))
