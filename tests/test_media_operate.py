"""The operator's words about files: `parlour media`, and what must be true of removal."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading

import pytest

from lib.http import Raw
from lib.server import command
from test_login import behind_uia
from test_media import CREATE, DOWNLOAD, download, files_of, place, until, upload
from test_thumbnails import big_png, thumbnail

GONE = (404, "M_NOT_FOUND")


def say(server, *words, expect=0):
    got = server.run("media", *words)
    assert got.returncode == expect, got.stdout + got.stderr
    return got.stdout


def told(server, *words):
    return json.loads(say(server, *words, "--json"))


def uris(server, *words):
    return [one["uri"] for one in told(server, "list", *words)["files"]]


def put(who, uri, data=b"x", expect=200):
    return who.request("PUT", "/_matrix/media/v3/upload/" + place(uri), raw=data, expect=expect)


@pytest.fixture
def one(private):
    return private()


@pytest.fixture
def people(one):
    return one.api.register("ann"), one.api.register("ben")


@pytest.fixture(params=["running", "stopped"])
def mode(request, one):
    """Called where the operator speaks: the server runs, or it does not."""
    class Mode:
        def operate(self):
            if request.param == "stopped":
                one.stop()

        def serve(self):
            if one.process is None:
                one.start()

    return Mode()


# --- what there is ---


def test_files_are_listed_newest_first(one, people, mode):
    ann, ben = people
    small = upload(ann, b"small", "text/plain", "a.txt")
    large = upload(ben, b"x" * 3000, "image/png", "b\x1b[31m.png")
    ann.post(CREATE)
    mode.operate()
    lines = say(one, "list").splitlines()
    assert [line.split()[0] for line in lines] == [large, small]
    assert "3000 bytes  @ben:localhost  20" in lines[0] and "image/png  b?[31m.png" in lines[0]
    got = told(one, "list")
    assert not got["more"] and [f["uri"] for f in got["files"]] == [large, small]
    assert got["files"][1] == {
        "uri": small, "user_id": ann.user_id, "size": 5, "content_type": "text/plain",
        "file_name": "a.txt", "quarantined": False, "sha256": hashlib.sha256(b"small").hexdigest(),
        "created_ts": got["files"][1]["created_ts"]}
    assert uris(one, "--user", "ann") == uris(one, "--user", ann.user_id) == [small]
    assert uris(one, "--larger-than", "1K") == [large]
    assert uris(one, "--older-than", "1d") == [] and len(uris(one, "--older-than", "1ms")) == 2
    assert uris(one, "--limit", "1") == [large] and told(one, "list", "--limit", "1")["more"]


def test_usage_counts_the_same_bytes_once_on_disk(one, people, mode):
    ann, ben = people
    for who in ann, ann, ben:
        upload(who, b"x" * 1000)
    upload(ben, b"y" * 10)
    mode.operate()
    got = told(one, "usage")
    assert got["users"] == [
        {"user_id": ann.user_id, "files": 2, "bytes": 2000, "stored_files": 1, "stored_bytes": 1000},
        {"user_id": ben.user_id, "files": 2, "bytes": 1010, "stored_files": 2, "stored_bytes": 1010}]
    assert got["total"] == {"files": 4, "bytes": 3010, "stored_files": 2, "stored_bytes": 1010}
    assert told(one, "usage", "--user", "ben") == {"users": got["users"][1:]}
    assert say(one, "usage").splitlines()[-1] == "all  4 files  3010 bytes  1010 bytes stored"


# --- deleting ---


def test_what_is_deleted_is_gone_at_once(one, people, mode):
    ann, ben = people
    kept, by_id, by_uri = (upload(ann, os.urandom(99)) for _ in range(3))
    mode.operate()
    said = say(one, "delete", place(by_id).split("/")[1], by_uri, by_uri)
    assert said == "2 files, 198 bytes deleted; 198 bytes freed\n"
    assert uris(one) == [kept]
    mode.serve()
    for uri in by_id, by_uri:
        download(ben, uri, expect=GONE)
        put(ann, uri, expect=GONE)
    assert download(ben, kept)
    assert len(files_of(one)[0]) == 1
    assert one.metrics()["parlour_media_files"] == 1


def test_a_file_stays_as_long_as_somebody_else_has_the_same(one, people):
    ann, ben = people
    anns, bens = upload(ann, b"shared"), upload(ben, b"shared")
    assert say(one, "delete", anns) == "1 file, 6 bytes deleted; 0 bytes freed\n"
    download(ben, anns, expect=GONE)
    assert download(ann, bens).body == b"shared"
    assert say(one, "delete", bens) == "1 file, 6 bytes deleted; 6 bytes freed\n"
    assert files_of(one) == ([], False)
    again = upload(ann, b"shared")
    assert download(ben, again).body == b"shared" and again not in (anns, bens)


def test_of_several_ids_all_are_deleted_or_none(one, people):
    uri = upload(people[0])
    got = one.run("media", "delete", uri, "nothing")
    assert got.returncode == 1 and "There is no file 'nothing' here" in got.stderr
    got = one.run("media", "delete", uri, "mxc://elsewhere.example/abc")
    assert got.returncode == 1 and "no file of this server, localhost" in got.stderr
    assert uris(one) == [uri] and download(people[1], uri)


def test_a_users_files_go_and_nobody_elses(one, people, mode):
    ann, ben = people
    for n in range(250):  # more than are taken at one time
        upload(ann, b"%d" % n)
    kept = upload(ben, b"7")
    mode.operate()
    dry = say(one, "delete", "--user", "ann", "--dry-run").splitlines()
    assert len(dry) == 251 and dry[-1].startswith("250 files, 640 bytes would be deleted")
    assert len(uris(one, "--user", "ann")) == 250
    assert say(one, "delete", "--user", "ann") == "250 files, 640 bytes deleted; 639 bytes freed\n"
    assert uris(one) == [kept]
    mode.serve()
    assert len(files_of(one)[0]) == 1 and download(ann, kept).body == b"7"


def test_old_files_go_by_their_age(one, people):
    ann, ben = people
    anns, bens = upload(ann, b"1"), upload(ben, b"2")
    assert say(one, "delete", "--older-than", "1d").startswith("0 files")
    assert say(one, "delete", "--older-than", "1d", "--user", "ann").startswith("0 files")
    assert say(one, "delete", "--older-than", "1ms", "--user", "ann").startswith("1 file,")
    assert uris(one) == [bens]
    dry = say(one, "delete", "--older-than", "1ms", "--dry-run")
    assert bens in dry and "1 file, 1 bytes would be deleted" in dry
    assert say(one, "delete", "--older-than", "1ms").startswith("1 file,")
    assert uris(one) == [] and anns not in dry


def test_an_announced_upload_may_be_deleted_before_it_comes(one, people):
    ann, ben = people
    uri = ann.post(CREATE)["content_uri"]
    assert "0 files" in say(one, "delete", uri, "--dry-run")
    put(ben, uri, expect=(403, "M_FORBIDDEN"))
    say(one, "delete", uri)
    put(ann, uri, expect=GONE)
    download(ben, uri, expect=GONE)


def test_who_is_downloading_gets_all_of_a_file_that_is_deleted_meanwhile(one, people):
    ann, _ = people
    data = os.urandom(1 << 20) * 24 + b"the end"
    uri = upload(ann, data)
    with Raw("127.0.0.1", one.port) as raw:
        raw.say(f"GET {DOWNLOAD}{place(uri)} HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {ann.token}\r\n\r\n".encode())
        head = raw.sock.recv(1)  # it has begun, and is longer than buffers are
        say(one, "delete", uri)
        assert files_of(one) == ([], False)
        got = bytearray(head)
        while not got.endswith(b"the end"):
            more = raw.sock.recv(1 << 20)
            assert more
            got += more
    assert got.split(b"\r\n\r\n", 1)[1] == data
    download(ann, uri, expect=GONE)


def test_the_same_may_be_uploaded_while_it_is_deleted(one, people):
    """Whoever has a row has its file."""
    ann, ben = people
    over, sent = threading.Event(), []

    def uploads():
        while not over.is_set():
            sent.append(upload(ben, b"both"))

    thread = threading.Thread(target=uploads)
    thread.start()
    try:
        for _ in range(20):
            until(lambda n=len(sent): len(sent) > n)
            say(one, "delete", "--user", "ben")
    finally:
        over.set()
        thread.join()
    upload(ann, b"both")
    assert all(download(ann, uri).body == b"both" for uri in uris(one))
    assert len(files_of(one)[0]) == one.metrics()["parlour_media_files"] == 1


def test_thumbnails_go_with_the_last_of_their_originals(one, people):
    ann, ben = people
    picture = big_png(700, 500)
    anns, bens = upload(ann, picture), upload(ben, picture)
    made = thumbnail(ben, anns).body
    smaller = thumbnail(ben, bens, 32, 32, method="crop").body
    sizes = len(picture), len(made) + len(smaller)
    got = told(one, "usage")
    assert (got["total"]["stored_bytes"], got["thumbnail_bytes"]) == sizes
    assert say(one, "usage").splitlines()[-1] == f"thumbnails  2 files  {sizes[1]} bytes stored"
    assert one.metrics()["parlour_media_files"] == len(files_of(one)[0]) == 3
    assert one.metrics()["parlour_media_bytes"] == sum(sizes)
    say(one, "quarantine", anns)
    thumbnail(ben, bens, expect=GONE)
    say(one, "quarantine", anns, "--release")
    say(one, "delete", anns)
    assert thumbnail(ben, bens).body == made
    thumbnail(ben, anns, expect=GONE)
    one.restart()
    assert one.metrics()["parlour_media_bytes"] == sum(sizes)
    assert say(one, "delete", bens).endswith(f"; {sum(sizes)} bytes freed\n")
    assert files_of(one) == ([], False) and one.metrics()["parlour_media_bytes"] == 0
    again = upload(ann, picture)
    assert thumbnail(ben, again).body == made


def test_a_kill_while_files_are_deleted_leaves_no_row_without_its_file(one, people):
    ann, ben = people
    for n in range(600):
        upload(ann, b"%d" % n)
    deletes = subprocess.Popen(command("media", "delete", "--user", "ann", "--config", one.config),
                               cwd=one.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: len(files_of(one)[0]) < 550)
    one.kill()
    deletes.wait(20)
    one.start()
    there = told(one, "list", "--user", "ann")["files"]
    until(lambda: files_of(one) == (sorted(f["sha256"] for f in there), False))
    assert len(there) < 600
    for file in there[:20] + there[-20:]:
        download(ben, file["uri"])


# --- with an account ---


@pytest.mark.parametrize("body, stays", [({"erase": True}, False), ({"erase": False}, True), ({}, True)])
def test_an_account_that_is_erased_takes_its_files_along(own, ann, ben, body, stays):
    shared = os.urandom(20)
    anns = [upload(ann, shared), upload(ann, os.urandom(20))]
    bens = upload(ben, shared)
    behind_uia(ann, "/account/deactivate", body)
    for uri in anns:
        download(ben, uri, expect=200 if stays else GONE)
    assert download(ben, bens).body == shared


def test_the_operator_erases_an_account(one, people, mode):
    ann, ben = people
    uri, kept = upload(ann), upload(ben, b"kept")
    mode.operate()
    assert one.run("user", "deactivate", "ann", "--erase").returncode == 0
    assert uris(one) == [kept] and uris(one, "--user", "ann") == []
    mode.serve()
    download(ben, uri, expect=GONE)


# --- quarantine ---


def test_quarantine_is_of_what_is_in_a_file(one, people, mode):
    ann, ben = people
    anns, bens, other = upload(ann, b"bad"), upload(ben, b"bad"), upload(ben, b"good")
    etag = download(ann, anns).headers["etag"]
    mode.operate()
    say(one, "quarantine", anns)
    assert [f["quarantined"] for f in told(one, "list")["files"]] == [False, True, True]
    mode.serve()
    later = upload(ben, b"bad")
    for uri in anns, bens, later:
        download(ann, uri, expect=GONE)
        download(ann, uri, expect=GONE, headers={"If-None-Match": etag})
        put(ann if uri == anns else ben, uri, expect=(409, "M_CANNOT_OVERWRITE_MEDIA"))
    assert download(ann, other).body == b"good"
    mode.operate()
    assert say(one, "quarantine", "--release", bens) == "1 file released\n"
    mode.serve()
    for uri in anns, bens, later:
        assert download(ann, uri).body == b"bad"


def test_a_quarantine_outlives_its_files(one, people):
    ann, ben = people
    uri = upload(ann, b"bad")
    say(one, "quarantine", uri)
    say(one, "delete", uri)
    assert files_of(one) == ([], False)
    later = upload(ben, b"bad")
    download(ben, later, expect=GONE)
    filled = ben.post(CREATE)["content_uri"]
    put(ben, filled, b"bad")
    download(ben, filled, expect=GONE)
    say(one, "quarantine", "--release", later)
    assert download(ben, later).body == download(ben, filled).body == b"bad"


def test_all_that_a_user_uploaded_is_quarantined_and_released(one, people):
    ann, ben = people
    anns = [upload(ann, b"%d" % n) for n in range(3)]
    bens = [upload(ben, b"2"), upload(ben, b"3")]
    assert say(one, "quarantine", "--user", "ann") == "3 files quarantined\n"
    for uri in [*anns, bens[0]]:
        download(ben, uri, expect=GONE)
    assert download(ann, bens[1])
    assert upload(ann, b"new") and len(uris(one)) == 6
    say(one, "quarantine", "--user", "ann", "--release")
    assert all(download(ben, uri) for uri in [*anns, *bens])


def test_what_has_not_come_is_not_quarantined(one, people):
    uri = people[0].post(CREATE)["content_uri"]
    got = one.run("media", "quarantine", uri)
    assert got.returncode == 1 and "There is no file" in got.stderr


# --- misuse ---


@pytest.mark.parametrize("words, said", [
    (["delete"], "needs to be told which"), (["delete", "--dry-run"], "needs to be told which"),
    (["delete", "abc", "--user", "ann"], "takes IDs alone"),
    (["quarantine"], "needs to be told which"), (["quarantine", "--release"], "needs to be told which"),
    (["quarantine", "abc", "--user", "ann"], "takes IDs alone"),
    (["delete", "--older-than", "soon"], "--older-than"), (["list", "--larger-than", "big"], "--larger-than"),
    (["list", "--limit", "0"], "--limit"), (["list", "abc"], "one word too many"),
    (["quarantin", "abc"], "did you mean 'quarantine'")])
def test_misuse_is_told_with_status_2(private, words, said):
    got = private(running=False).run("media", *words)
    assert got.returncode == 2 and said in got.stderr


def test_an_account_that_is_not_there_has_no_files(one):
    for words in (["list"], ["usage"], ["delete"], ["quarantine"]):
        got = one.run("media", *words, "--user", "nobody")
        assert got.returncode == 1 and "There is no account 'nobody' here" in got.stderr
    assert "usage: parlour media list" in say(one, "--help")


# --- what it says of itself ---


def test_metrics_count_files_and_their_bytes(one, people):
    ann, ben = people
    uri = upload(ann, b"x" * 1000)
    upload(ben, b"x" * 1000)
    put(ann, ann.post(CREATE)["content_uri"], b"y" * 10)
    for _ in range(3):
        download(ben, uri)
    download(ben, uri, expect=206, headers={"Range": "bytes=0-99"})

    def counted():
        return {name.removeprefix("parlour_media_"): int(value)
                for name, value in one.metrics().items() if name.startswith("parlour_media_")}

    assert counted() == {"files": 2, "bytes": 1010, "uploads_total": 3, "received_bytes_total": 2010,
                         "downloads_total": 4, "sent_bytes_total": 3100, "waiting": 0,
                         "hot_files": 1, "hot_bytes": 1000, "hot_answers_total": 2}
    say(one, "delete", uri)
    assert (counted()["hot_files"], counted()["hot_bytes"]) == (0, 0)
    assert (counted()["files"], counted()["bytes"]) == (2, 1010)
    say(one, "delete", "--user", "ben")
    assert (counted()["files"], counted()["bytes"]) == (1, 10)
    one.restart()
    assert (counted()["files"], counted()["bytes"], counted()["uploads_total"]) == (1, 10, 0)


# --- files and rows against each other ---


def stored(server, data):
    name = hashlib.sha256(data).hexdigest()
    return server.folder / "data/media" / name[:2] / name[2:4] / name


def test_a_check_tells_what_is_lost_and_drops_what_nobody_names(one, people, mode):
    ann, ben = people
    uris = [upload(ann, b"lost", name="a.txt"), upload(ben, b"lost"), upload(ann, b"here")]
    picture = big_png(200, 200)
    uri = upload(ann, picture, "image/png")
    made = thumbnail(ann, uri, 32, 32, method="crop").body
    mode.operate()
    assert say(one, "check") == "4 files; 0 lost\n"
    stored(one, b"lost").unlink()
    stored(one, made).unlink()
    orphan = stored(one, b"nobody's")
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"nobody's")
    got = told(one, "check")
    assert {key: got[key] for key in got if key.endswith(("files", "thumbnails")) and key != "files"} == {
        "stored_files": 3, "dropped_files": 1, "lost_files": 1, "lost_thumbnails": 1}
    assert sorted(row["uri"] for row in got["files"]) == sorted(uris[:2])
    assert not orphan.exists()
    said = say(one, "check").splitlines()
    assert said[0] == "2 files; 1 lost"
    assert {line.split()[0] for line in said[1:]} == set(uris[:2])
    mode.serve()
    assert thumbnail(ann, uri, 32, 32, method="crop").body == made
    say(one, "delete", *uris[:2])
    assert say(one, "check") == "3 files; 0 lost\n"
    assert one.metrics()["parlour_media_files"] == 3


def test_a_check_beside_uploads_finds_nothing(one, people):
    ann, done = people[0], threading.Event()

    def send():
        n = 0
        while not done.is_set():
            upload(ann, b"%d" % n)
            n += 1

    sender = threading.Thread(target=send)
    sender.start()
    for _ in range(20):
        assert told(one, "check")["lost_files"] == 0
    done.set()
    sender.join()
    for uri in uris(one):
        download(ann, uri)


# --- the folder ---


def check(server, **media):
    server.write_config(media=media)
    got = server.run("check")
    return got.returncode, got.stdout


def test_check_looks_at_the_folder_of_files(private, tmp_path):
    one = private(running=False)
    assert check(one) == (0, AnyWith(f"media: {one.folder}/data/media is not there yet; serve makes it"))
    (tmp_path / "file").write_text("")
    for store, said in [(tmp_path / "file", "Not a directory"), (tmp_path / "file/media", "Not a directory"),
                        (tmp_path / "no/media", "cannot be made"), ("s3://bucket", "named under media.s3")]:
        assert check(one, store=str(store)) == (1, AnyWith(said)), store
    (tmp_path / "media").mkdir()
    status, said = check(one, store=str(tmp_path / "media"))
    assert status == 0 and "media" not in said.replace(str(one.folder), "")


def test_check_finds_tmp_on_another_file_system(private, tmp_path):
    elsewhere = tempfile.TemporaryDirectory(dir="/dev/shm")
    with elsewhere as other:
        if os.stat(other).st_dev == os.stat(tmp_path).st_dev:
            pytest.skip("needs a second file system")
        (tmp_path / "media").mkdir()
        (tmp_path / "media/tmp").symlink_to(other)
        one = private(running=False)
        assert check(one, store=str(tmp_path / "media")) == (1, AnyWith("is not on the file system of"))


class AnyWith:
    """Equal to any text that holds these words."""

    def __init__(self, words):
        self.words = words

    def __eq__(self, text):
        return self.words in text

    def __repr__(self):
        return f"...{self.words}..."


# --- backups ---


def restored(private, archive, media=None):
    """A server on what is in the archive, with the folder of files that was copied."""
    two = private("restored", running=False)
    data = two.folder / "data"
    data.mkdir(mode=0o700)
    subprocess.run(["tar", "-xf", archive, "-C", data], check=True)
    if media is not None:
        shutil.copytree(media, data / "media")
    return two.start()


def test_a_backup_has_all_files(private, one, people, tmp_path):
    ann, ben = people
    uris = [upload(ann, b"%d" % n, "text/plain", f"{n}.txt") for n in range(250)]
    upload(ben, b"1")
    empty = upload(ben, b"")
    picture = upload(ben, big_png(700, 500))
    made = thumbnail(ben, picture).body
    assert one.run("backup", tmp_path / "b.tar").returncode == 0
    one.stop()
    two = restored(private, tmp_path / "b.tar")
    again = two.api.login(ann.user_id, "correct horse battery")
    assert [download(again, uri).body for uri in uris] == [b"%d" % n for n in range(250)]
    assert download(again, empty).body == b""
    assert len(files_of(two)[0]) == two.metrics()["parlour_media_files"] == 253
    assert thumbnail(again, picture).body == made
    assert two.metrics()["parlour_media_files"] == 253


def test_a_backup_without_files_takes_a_plain_copy_behind_it(private, one, people, tmp_path):
    ann, _ = people
    uri = upload(ann, b"tea")
    assert one.run("backup", tmp_path / "b.tar", "--no-media").returncode == 0
    names = subprocess.run(["tar", "-tf", tmp_path / "b.tar"], capture_output=True, text=True).stdout
    assert sorted(names.split()) == ["parlour.db", "secret", "signing.key"]
    upload(ann, b"later")
    shutil.copytree(one.folder / "data/media", tmp_path / "copy", ignore=shutil.ignore_patterns("tmp"))
    one.stop()
    two = restored(private, tmp_path / "b.tar", tmp_path / "copy")
    until(lambda: len(files_of(two)[0]) == 1)
    assert download(two.api.login(ann.user_id, "correct horse battery"), uri).body == b"tea"


def test_a_backup_names_files_that_are_lost_and_goes_on(one, people, tmp_path):
    uri = upload(people[0], b"tea")
    upload(people[0], b"coffee")
    lost = hashlib.sha256(b"tea").hexdigest()
    (one.folder / "data/media" / lost[:2] / lost[2:4] / lost).unlink()
    got = one.run("backup", tmp_path / "b.tar")
    assert got.returncode == 0 and "1 uploaded files are lost" in got.stderr
    assert f"{hashlib.sha256(b'coffee').hexdigest()}" in subprocess.run(
        ["tar", "-tf", tmp_path / "b.tar"], capture_output=True, text=True).stdout
    download(people[0], uri, expect=GONE)
    assert "is not there" in one.tail()


def test_a_database_of_before_there_were_files_is_backed_up(one, tmp_path):
    one.stop()
    db = sqlite3.connect(one.folder / "data/parlour.db")
    for words in ("DROP TABLE media", "DROP TABLE media_quarantined", "DROP TABLE thumbnails",
                  "DROP TABLE url_previews", "ALTER TABLE rooms DROP COLUMN hidden",
                  "DELETE FROM schema_version WHERE version >= 11"):
        db.execute(words)
    db.commit()
    db.close()
    assert one.run("backup", tmp_path / "b.tar").returncode == 0
    one.start()
