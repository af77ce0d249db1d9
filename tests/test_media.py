"""The content repository: uploads, downloads, announced uploads (client-server-api/#content-repository)."""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import sqlite3
import threading
import time
import urllib.parse

import pytest

from lib.http import Raw, quote

UPLOAD = "/_matrix/media/v3/upload"
CREATE = "/_matrix/media/v1/create"
DOWNLOAD = "/_matrix/client/v1/media/download/"
SOME = bytes(range(256)) * 40


def upload(who, data=SOME, content_type="application/octet-stream", name=None, expect=200):
    got = who.reply("POST", UPLOAD, raw=data, expect=expect,
                    query={"filename": name} if name is not None else None,
                    headers={"Content-Type": content_type})
    return got.json()["content_uri"] if expect == 200 else got


def place(uri):
    """"server/id" of mxc://server/id."""
    assert uri.startswith("mxc://")
    return uri[len("mxc://"):]


def download(who, uri, tail="", expect=200, headers=None, **query):
    return who.reply("GET", DOWNLOAD + place(uri) + tail, expect=expect, query=query,
                     headers=headers)


def files_of(server):
    """What is kept, and whether anything is half written."""
    names = [one.name for one in (pathlib.Path(server.folder) / "data/media").rglob("*")
             if one.is_file()]
    return sorted(name for name in names if len(name) == 64), any(len(n) != 64 for n in names)


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # a folder says nothing when it changes


# --- up and down ---


def test_what_is_uploaded_is_handed_out_as_it_was(ann, ben):
    uri = upload(ann, SOME, "image/png", "cat.png")
    got = download(ben, uri)
    assert got.body == SOME
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == 'inline; filename="cat.png"'
    assert got.headers["content-length"] == str(len(SOME))
    assert got.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert got.headers["cross-origin-resource-policy"] == "cross-origin"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "private, max-age=86400, immutable"


def test_a_large_file_goes_through_in_portions(ann):
    data = os.urandom(1000003) * 9
    got = download(ann, upload(ann, data))
    assert hashlib.sha256(got.body).digest() == hashlib.sha256(data).digest()


def test_an_empty_file_is_a_file(ann):
    assert download(ann, upload(ann, b"")).body == b""


def test_a_file_in_chunks_needs_no_length(server, ann):
    with Raw("127.0.0.1", server.port) as raw:
        raw.say(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n".encode())
        uri = raw.answer().json()["content_uri"]
    assert download(ann, uri).body == b"hello, world"


def test_of_two_uploads_of_the_same_each_has_an_id_and_the_bytes_are_there_once(own):
    ann, ben = own.api.register(), own.api.register()
    before = len(files_of(own)[0])
    data = os.urandom(5000)
    one, two = upload(ann, data, "text/plain"), upload(ben, data, "image/png")
    assert one != two
    assert len(files_of(own)[0]) == before + 1
    assert download(ann, one).headers["content-type"] == "text/plain"
    assert download(ann, two).headers["content-type"] == "image/png"


@pytest.mark.parametrize("base", ["/_matrix/media/r0", "/_matrix/media/v1", "/_matrix/media/v3"])
def test_the_older_paths_take_uploads(ann, base):
    got = ann.request("POST", base + "/upload", raw=b"x", headers={"Content-Type": "text/plain"})
    assert download(ann, got["content_uri"]).body == b"x"
    assert ann.get(base + "/config")["m.upload.size"] == 100 << 20
    uri = ann.post(CREATE)["content_uri"]
    ann.request("PUT", f"{base}/upload/{place(uri)}", raw=b"y")
    assert download(ann, uri).body == b"y"


def test_the_limit_is_told(ann, guest):
    for who in ann, guest:
        assert who.get("/_matrix/client/v1/media/config") == {"m.upload.size": 100 << 20}


# --- names and types ---


@pytest.mark.parametrize("name, shown", [
    ("plain.txt", '"plain.txt"'), ("with space.txt", '"with space.txt"'),
    ("semi;colon.txt", '"semi;colon.txt"'), ('quo"te.txt', '"quo\\"te.txt"'),
    ("back\\slash", '"back\\\\slash"'), ("../../etc/passwd", '"../../etc/passwd"')])
def test_a_name_of_ascii_is_quoted(ann, name, shown):
    uri = upload(ann, content_type="text/plain", name=name)
    assert download(ann, uri).headers["content-disposition"] == "inline; filename=" + shown


@pytest.mark.parametrize("name", ["tée.txt", "☕", "100%41.txt", "Ж ж.png", "line\r\nSet-Cookie: x"])
def test_any_other_name_is_in_utf_8(ann, name):
    uri = upload(ann, content_type="text/plain", name=name)
    shown = download(ann, uri).headers["content-disposition"]
    assert shown.startswith("inline; filename*=utf-8''")
    assert urllib.parse.unquote(shown.split("''")[1]) == name
    assert shown.isascii() and "set-cookie" not in download(ann, uri).headers


def test_a_name_in_the_path_takes_the_place_of_the_uploads(ann):
    uri = upload(ann, content_type="text/plain", name="one.txt")
    got = download(ann, uri, "/" + quote("zwei ☕.txt"))
    assert got.headers["content-disposition"].endswith("utf-8''zwei%20%E2%98%95.txt")


def test_without_a_name_or_type_none_is_made_up(ann):
    with_none = http.client.HTTPConnection("127.0.0.1", int(ann.http.base.rsplit(":", 1)[1]))
    with_none.request("POST", UPLOAD, b"x", {"Authorization": "Bearer " + ann.token})
    uri = json.loads(with_none.getresponse().read())["content_uri"]
    got = download(ann, uri)
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"


@pytest.mark.parametrize("content_type", [
    "text/html", "image/svg+xml", "application/xhtml+xml", "application/javascript", "text/xml",
    "image/png2", "text/plainly", "image/png;,text/html", "text/plain ,text/html"])
def test_what_a_browser_might_run_is_an_attachment(ann, content_type):
    uri = upload(ann, b"<script>alert(1)</script>", content_type, "x.html")
    got = download(ann, uri)
    assert got.headers["content-type"] == content_type
    assert got.headers["content-disposition"] == 'attachment; filename="x.html"'


@pytest.mark.parametrize("content_type", ["text/plain; charset=utf-8", "IMAGE/PNG", "audio/ogg"])
def test_what_is_harmless_is_shown_in_place(ann, content_type):
    got = download(ann, upload(ann, content_type=content_type))
    assert got.headers["content-type"] == content_type
    assert got.headers["content-disposition"] == "inline"


def test_a_name_may_be_as_long_as_file_systems_let_it_and_no_longer(ann):
    for name in "x" * 1024, "語" * 255:
        shown = download(ann, upload(ann, name=name)).headers["content-disposition"]
        assert name in urllib.parse.unquote(shown)
    upload(ann, name="x" * 1025, expect=(400, "M_INVALID_PARAM"))


# --- parts, and what a client has already ---


def test_a_part_of_a_file_is_handed_out(ann):
    uri = upload(ann, SOME)
    for asked, part in [("bytes=0-0", SOME[:1]), ("bytes=10-19", SOME[10:20]),
                        ("bytes=10000-", SOME[10000:]), ("bytes=-7", SOME[-7:]),
                        ("bytes=10-99999999", SOME[10:]), ("bytes=-99999999", SOME)]:
        got = download(ann, uri, expect=206, headers={"Range": asked})
        assert got.body == part
        assert got.headers["content-range"].endswith(f"/{len(SOME)}")


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=a-b", "bytes=0-1,3-4", "lines=1-2", "bytes", "bytes=",
                                   "bytes=-", "bytes=1-2-3", "bytes=99999999999999999999-"])
def test_a_range_that_is_not_understood_is_not_heeded(ann, asked):
    assert download(ann, upload(ann), headers={"Range": asked}).body == SOME


def test_a_range_behind_the_end_is_416(ann):
    got = download(ann, upload(ann), expect=416, headers={"Range": f"bytes={len(SOME)}-"})
    assert got.headers["content-range"] == f"bytes */{len(SOME)}"
    assert "cache-control" not in got.headers and "etag" not in got.headers


def test_an_error_is_not_kept_for_a_day_as_the_file_would_be(private):
    one = private()
    ann = one.api.register()
    uri = upload(ann)
    for lost in (pathlib.Path(one.folder) / "data/media").rglob("?" * 64):
        lost.unlink()
    got = download(ann, uri, expect=(404, "M_NOT_FOUND"))
    assert "cache-control" not in got.headers and "etag" not in got.headers


def test_a_client_that_has_it_is_told_so(ann):
    uri = upload(ann)
    etag = download(ann, uri).headers["etag"]
    assert etag == f'"{hashlib.sha256(SOME).hexdigest()}"'
    for named in etag, f'"x", {etag}', "*", "W/" + etag:
        got = download(ann, uri, expect=304, headers={"If-None-Match": named})
        assert got.body == b""
    assert download(ann, uri, headers={"If-None-Match": '"other"'}).body == SOME
    assert download(ann, uri, headers={"Range": "bytes=0-1", "If-Range": '"other"'}).body == SOME
    download(ann, uri, expect=206, headers={"Range": "bytes=0-1", "If-Range": etag})
    for other in "W/" + etag, "*", f"{etag}, {etag}", "Thu, 26 Nov 2026 19:35:01 GMT":
        assert download(ann, uri, headers={"Range": "bytes=0-1", "If-Range": other}).body == SOME


def test_a_head_request_gets_the_head(ann):
    got = ann.reply("HEAD", DOWNLOAD + place(upload(ann)), expect=200)
    assert got.headers["content-length"] == str(len(SOME)) and got.body == b""
    got = ann.reply("HEAD", DOWNLOAD + place(upload(ann)), expect=200, headers={"Range": "bytes=0-1"})
    assert got.headers["content-length"] == str(len(SOME)) and "content-range" not in got.headers


def test_a_script_of_another_origin_sees_what_it_got(ann):
    uri = upload(ann, name="a.txt")
    shown = download(ann, uri, expect=206, headers={"Range": "bytes=0-1"}).headers
    assert shown["access-control-expose-headers"] == "Content-Disposition, Content-Range, ETag"


# --- who may ---


def test_guests_read_and_do_not_write(ann, guest):
    assert download(guest, upload(ann)).body == SOME
    upload(guest, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    guest.post(CREATE, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


def test_without_a_token_nothing_is_taken_and_nothing_handed_out(server, ann):
    uri = upload(ann)
    nobody = server.api
    upload(nobody, expect=(401, "M_MISSING_TOKEN"))
    nobody.post(CREATE, token=None, expect=(401, "M_MISSING_TOKEN"))
    download(nobody, uri, expect=(401, "M_MISSING_TOKEN"))
    for version in "r0", "v1", "v3":
        nobody.get(f"/_matrix/media/{version}/download/{place(uri)}", expect=(404, "M_NOT_FOUND"))


def test_the_older_paths_hand_files_to_who_has_a_token(ann, guest):
    """As bots do that know no other."""
    uri = upload(ann)
    for version in "r0", "v1", "v3":
        path = f"/_matrix/media/{version}/download/{place(uri)}"
        for who in ann, guest:
            got = who.reply("GET", path, expect=200)
            assert got.body == SOME
            assert got.headers["cache-control"].startswith("private")
        assert guest.reply("GET", path, query={"access_token": guest.token}, token=None,
                           expect=200).body == SOME
        ann.reply("GET", path, token="plr_nobody", expect=(401, "M_UNKNOWN_TOKEN"))


def test_an_operator_may_open_the_paths_of_before(private):
    one = private(media={"allow_unauthenticated": True})
    uri = upload(one.api.register(), content_type="text/plain", name="a.txt")
    for version in "r0", "v1", "v3":
        base = f"/_matrix/media/{version}/download/{place(uri)}"
        got = one.api.reply("GET", base, expect=200)
        assert got.body == SOME
        assert got.headers["cache-control"] == "public, max-age=86400, immutable"
        named = one.api.reply("GET", base + "/b.txt", expect=200)
        assert named.headers["content-disposition"] == 'inline; filename="b.txt"'


def test_what_is_not_there_is_404(ann):
    name = ann.server_name
    for where in f"{name}/nothing", f"{name}/..%2F..%2Fparlour.db", "elsewhere.example/abc", f"{name}/a/b":
        ann.get(DOWNLOAD + where, expect=(404, "M_NOT_FOUND"))
    ann.get(DOWNLOAD + "not%20a%20name/abc", expect=(400, "M_INVALID_PARAM"))


# --- how much ---


def test_a_file_over_the_limit_is_refused(private):
    one = private(media={"max_upload": "10K"})
    ann = one.api.register()
    assert ann.get("/_matrix/client/v1/media/config") == {"m.upload.size": 10240}
    assert download(ann, upload(ann, b"x" * 10240)).body == b"x" * 10240
    said = upload(ann, b"x" * 10241, expect=(413, "M_TOO_LARGE")).json()["error"]
    assert "10240 bytes" in said
    with Raw("127.0.0.1", one.port) as raw:  # whose length is not said
        raw.say(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode())
        raw.say(b"2801\r\n" + b"x" * 10241 + b"\r\n0\r\n\r\n")
        got = raw.answer()
    assert (got.status, got.errcode(), got.json()["error"]) == (413, "M_TOO_LARGE", said)
    until(lambda: [len(files_of(one)[0]), files_of(one)[1]] == [1, False])


def test_a_user_has_as_many_files_as_the_operator_lets_them(private):
    one = private(media={"max_files_per_user": 2})
    ann, ben = one.api.register(), one.api.register()
    upload(ann, b"1")
    upload(ann, b"2")
    upload(ann, b"3", expect=(403, "M_FORBIDDEN"))
    upload(ben, b"3")


def test_a_users_files_take_no_more_than_the_operator_lets_them(private):
    one = private(media={"max_total_per_user": "10K"})
    ann = one.api.register()
    upload(ann, b"x" * 9000)
    upload(ann, b"x" * 2000, expect=(403, "M_FORBIDDEN"))
    upload(ann, b"x" * 1000)


@pytest.mark.parametrize("limit", [{"max_files_per_user": 1}, {"max_total_per_user": "1500"}])
def test_who_may_have_more_is_told_where(private, limit):
    one = private(media={**limit, "quota_link": "https://example.org/more?of=files"})
    ann = one.api.register()
    upload(ann, b"x" * 1000)
    got = upload(ann, b"y" * 1000, expect=(403, "M_USER_LIMIT_EXCEEDED")).json()
    assert got["info_uri"] == "https://example.org/more?of=files"
    assert got["can_upgrade"] is True
    assert "may" in got["error"]


@pytest.mark.parametrize("limit", [{"max_files_per_user": 3}, {"max_total_per_user": "350000"}])
def test_uploads_at_once_do_not_pass_the_limits_together(private, limit):
    one = private(media=limit)
    ann = one.api.register()
    socks = []
    for n in range(12):  # half of them do not say how much comes
        body = bytes([n]) * 100000
        socks.append(Raw("127.0.0.1", one.port))
        said = f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
        if n % 2:
            socks[-1].say(f"{said}Content-Length: 100000\r\n\r\n".encode() + body[:-1])
        else:
            socks[-1].say(f"{said}Transfer-Encoding: chunked\r\n\r\n186a0\r\n".encode() + body[:-1])
    folder = pathlib.Path(one.folder) / "data/media/tmp"
    until(lambda: len(list(folder.iterdir())) == 12)  # each has been let in
    for n, sock in enumerate(socks):
        sock.say(bytes([n]) + (b"" if n % 2 else b"\r\n0\r\n\r\n"))
    said = [sock.answer() for sock in socks]
    assert sorted(got.status for got in said) == [200] * 3 + [403] * 9
    assert {got.errcode() for got in said if got.status == 403} == {"M_FORBIDDEN"}
    until(lambda: [len(files_of(one)[0]), files_of(one)[1]] == [3, False])
    for sock in socks:
        sock.sock.close()


# --- announced ---


def test_an_announced_upload_is_filled_once_by_who_announced_it(ann, ben):
    made = ann.post(CREATE)
    assert made["unused_expires_at"] > time.time() * 1000 + 23 * 3600 * 1000
    where = "/_matrix/media/v3/upload/" + place(made["content_uri"])
    plain = {"Content-Type": "text/plain"}
    ben.request("PUT", where, raw=b"mine", headers=plain, expect=(403, "M_FORBIDDEN"))
    assert ann.request("PUT", where + "?filename=a.txt", raw=b"tea", headers=plain) == {}
    got = download(ben, made["content_uri"])
    assert got.body == b"tea" and got.headers["content-disposition"] == 'inline; filename="a.txt"'
    ann.request("PUT", where, raw=b"x", headers=plain, expect=(409, "M_CANNOT_OVERWRITE_MEDIA"))
    assert download(ben, made["content_uri"]).body == b"tea"


def test_what_stands_in_the_body_of_an_announcement_is_not_looked_at(ann):
    for body in b"", b"null", b"{}", b"no json":
        assert "content_uri" in ann.request("POST", CREATE, raw=body)


def test_what_was_not_announced_is_not_filled(ann):
    for where in f"{ann.server_name}/nothing", "elsewhere.example/abc", place(upload(ann)):
        expect = (409, "M_CANNOT_OVERWRITE_MEDIA") if len(where) > 30 else (404, "M_NOT_FOUND")
        ann.request("PUT", "/_matrix/media/v3/upload/" + where, raw=b"x", expect=expect)


def test_who_asks_too_early_waits(ann, ben):
    uri = ann.post(CREATE)["content_uri"]
    download(ben, uri, expect=(504, "M_NOT_YET_UPLOADED"), timeout_ms=0)
    download(ben, uri, expect=(504, "M_NOT_YET_UPLOADED"), timeout_ms=1)
    got = []
    waits = threading.Thread(target=lambda: got.append(download(ben, uri, timeout_ms=20000)))
    waits.start()
    ann.request("PUT", "/_matrix/media/v3/upload/" + place(uri), raw=b"here it is")
    waits.join()
    assert got[0].body == b"here it is"
    download(ben, uri, expect=(400, "M_INVALID_PARAM"), timeout_ms="soon")


def waits(server, who, uri, **query):
    """A thread that asks for what has not come; its answer is the first of the list."""
    got = []
    thread = threading.Thread(target=lambda: got.append(who.reply(
        "GET", DOWNLOAD + place(uri), query={"timeout_ms": 60000, **query})))
    before = server.metrics()["parlour_media_waiting"]
    thread.start()
    until(lambda: server.metrics()["parlour_media_waiting"] > before)
    return thread, got


def test_who_waits_for_what_is_deleted_is_told_at_once(private):
    one = private()
    ann, ben = one.api.register(), one.api.register()
    begun = time.monotonic()
    gone, kept = ann.post(CREATE)["content_uri"], ann.post(CREATE)["content_uri"]
    waiting = [waits(one, who, uri) for who, uri in ((ann, gone), (ben, gone), (ben, kept))]
    assert one.run("media", "delete", gone).returncode == 0
    for thread, got in waiting[:2]:
        thread.join()
        assert (got[0].status, got[0].errcode()) == (404, "M_NOT_FOUND")
    assert one.metrics()["parlour_media_waiting"] == 1
    ann.request("PUT", "/_matrix/media/v3/upload/" + place(kept), raw=b"tea")
    waiting[2][0].join()
    assert waiting[2][1][0].body == b"tea"
    assert time.monotonic() - begun < 50  # which is less than they would wait


def test_who_waits_for_what_expires_waits_no_longer(private):
    one = private()
    ann = one.api.register()
    uri = ann.post(CREATE)["content_uri"]
    one.stop()
    with contextlib.closing(sqlite3.connect(pathlib.Path(one.folder) / "data/parlour.db")) as db, db:
        db.execute("UPDATE media SET expires_ts = ?", (int(time.time() * 1000) + 4000,))
    one.start()
    begun = time.monotonic()
    download(ann, uri, expect=(404, "M_NOT_FOUND"), timeout_ms=60000)
    assert time.monotonic() - begun < 30


def test_nobody_announces_without_end(ann):
    for _ in range(100):
        uri = ann.post(CREATE)["content_uri"]
    ann.post(CREATE, expect=(429, "M_LIMIT_EXCEEDED"))
    ann.request("PUT", "/_matrix/media/v3/upload/" + place(uri), raw=b"x")
    ann.post(CREATE)


# --- what is interrupted ---


def half_an_upload(server, who):
    raw = Raw("127.0.0.1", server.port)
    raw.say(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {who.token}\r\n"
            "Content-Length: 1000000\r\n\r\n".encode() + b"x" * 300000)
    folder = pathlib.Path(server.folder) / "data/media/tmp"
    until(lambda: any(one.stat().st_size > 0 for one in folder.iterdir()))
    return raw


def test_an_upload_that_breaks_off_leaves_nothing(private):
    one = private()
    half_an_upload(one, one.api.register()).sock.close()
    until(lambda: files_of(one) == ([], False))


def test_a_kill_leaves_what_was_answered_and_nothing_else(private):
    one = private()
    ann = one.api.register()
    data = os.urandom(300000)
    uri = upload(ann, data)
    kept = files_of(one)[0]
    raw = half_an_upload(one, ann)
    # As if it had been killed between the file and its row.
    orphan = pathlib.Path(one.folder) / "data/media" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"nobody's")
    one.kill()
    raw.sock.close()
    one.start()
    until(lambda: files_of(one) == (kept, False))
    assert download(ann, uri).body == data


def test_a_disk_without_room_is_no_crash(private, tmp_path):
    one = private(media={"store": str(tmp_path / "files")})
    ann = one.api.register()
    uri = upload(ann, b"first")
    (tmp_path / "files/tmp").rename(tmp_path / "files/gone")
    upload(ann, b"second", expect=503)
    (tmp_path / "files/gone").rename(tmp_path / "files/tmp")
    assert download(ann, uri).body == b"first"
    assert download(ann, upload(ann, b"third")).body == b"third"
