"""Files in a bucket of an S3-compatible store: that they come back as they were, that a
store which is not there or lies costs nobody more than its files, and what is dropped."""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import pathlib
import random
import shutil
import threading

import pytest

from lib.bucket import Bucket, Store, signature
from test_media import CREATE, DOWNLOAD, download, files_of, place, until, upload
from test_thumbnails import sample, size_of, thumbnail

SOME = os.urandom(300_000)


def name_of(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    one = Store(tmp_path_factory.mktemp("store") / "log")
    yield one
    one.stop()


@pytest.fixture
def bucket(store):
    one = Bucket(store)
    yield one
    one.gate.close()


@pytest.fixture
def one(private, bucket):
    return private(media=bucket.settings())


@pytest.fixture
def ann(one):
    return one.api.register("ann")


def forget(server):
    """What a machine that is new has of a bucket's files."""
    shutil.rmtree(pathlib.Path(server.folder) / "data/media/cache")


def anew(server, **changes):
    """Stopped and started with an empty cache."""
    server.stop()
    forget(server)
    if changes:
        server.write_config(**changes)
    return server.start()


def of(method, bucket, data=SOME):
    """How a request for this file begins."""
    return f"{method} /{bucket.name}/{name_of(data)}"


def fetched(server):
    return server.metrics()["parlour_media_bucket_fetched_total"]


@contextlib.contextmanager
def fetching(bucket, ask, times=1):
    """What ask comes to, so many times at once, while the store's answer is held back until
    the end of the with block."""
    bucket.gate.hold(of("GET", bucket))
    with concurrent.futures.ThreadPoolExecutor(times) as pool:
        waiting = [pool.submit(ask) for _ in range(times)]
        bucket.gate.until_asked()
        try:
            yield waiting
        finally:
            bucket.gate.open()


# --- up and down ---


def test_a_file_goes_into_the_bucket_and_comes_back(one, ann, bucket):
    uri = upload(ann, SOME, "image/png", "cat.png")
    assert bucket.files() == [name_of(SOME)] and bucket.get(name_of(SOME)) == SOME
    assert bucket.get("parlour-server.txt").startswith(b"localhost ed25519:")
    assert download(ann, uri).body == SOME
    assert fetched(one) == 0
    anew(one)
    for _ in range(3):
        got = download(ann, uri)
        assert got.body == SOME
        assert got.headers["content-type"] == "image/png"
        assert got.headers["content-disposition"] == 'inline; filename="cat.png"'
    assert fetched(one) == 1
    one.restart()
    assert download(ann, uri).body == SOME
    assert fetched(one) == 0


@pytest.mark.parametrize("settings, key", [
    ({"prefix": "parlour-"}, "parlour-"),
    ({"prefix": "a.B_1"}, "a.B_1"),
])
def test_a_prefix_stands_before_all_names(private, bucket, settings, key):
    bucket.put("somebody-elses", b"x")
    one = private(media=bucket.settings(**settings))
    ann = one.api.register("ann")
    uri = upload(ann, SOME)
    assert bucket.keys() == sorted([key + name_of(SOME), key + "parlour-server.txt",
                                    "somebody-elses"])
    anew(one)
    assert download(ann, uri).body == SOME


def test_what_is_listed_is_signed_as_it_is_asked_for(private, bucket):
    """moto reads the query before it looks at the signature, and so refuses a name with a
    slash in it, however it is signed."""
    one = private(media=bucket.settings(prefix="a/b/"))
    one.until_logged("media: GET ")
    asked = next(request for request in bucket.gate.sent.split(b"GET ")[1:]
                 if b"list-type" in request)
    assert b"prefix=a%2Fb%2F " in asked
    made, there = signature(b"GET " + asked, bucket.store.key, bucket.store.secret)
    assert made == there


def test_a_large_file_and_an_empty_one(one, ann, bucket):
    large = os.urandom(1 << 20) * 20
    uris = {upload(ann, large): large, upload(ann, b""): b""}
    anew(one)
    for uri, data in uris.items():
        assert download(ann, uri).body == data


def test_a_part_and_the_head_of_what_must_be_fetched(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    got = download(ann, uri, expect=206, headers={"Range": "bytes=1000-1999"})
    assert got.body == SOME[1000:2000]
    anew(one)
    got = ann.reply("HEAD", DOWNLOAD + place(uri), expect=200)
    assert got.headers["content-length"] == str(len(SOME))
    anew(one)
    download(ann, uri, expect=304, headers={"If-None-Match": f'"{name_of(SOME)}"'})
    assert fetched(one) == 0


def test_an_announced_upload_goes_the_same_way(one, ann, bucket):
    uri = ann.reply("POST", CREATE, expect=200).json()["content_uri"]
    ann.request("PUT", "/_matrix/media/v3/upload/" + place(uri), raw=SOME, expect=200)
    anew(one)
    assert download(ann, uri).body == SOME


def test_the_same_bytes_are_there_once_and_sent_once(one, ann, bucket):
    uris = [upload(ann, SOME) for _ in range(3)]
    assert bucket.files() == [name_of(SOME)]
    assert one.metrics()["parlour_media_bucket_kept_total"] == 1
    anew(one)
    upload(ann, SOME)
    assert bucket.files() == [name_of(SOME)]
    assert {download(ann, uri).body for uri in uris} == {SOME}


def test_thumbnails_are_files_like_others(one, ann, bucket):
    picture = sample("plain.jpg")
    uri = upload(ann, picture, "image/jpeg")
    anew(one)
    made = thumbnail(ann, uri, 32, 32, method="crop").body
    assert size_of(made) == (32, 32)
    assert set(bucket.files()) == {name_of(picture), name_of(made)}
    anew(one)
    assert thumbnail(ann, uri, 32, 32, method="crop").body == made
    assert fetched(one) == 1


def test_of_many_who_ask_at_once_one_fetches(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    with fetching(bucket, lambda: download(ann, uri), times=20) as got:
        pass
    assert [each.result().body for each in got] == [SOME] * 20
    assert fetched(one) == 1


# --- the cache ---


def test_the_cache_is_bounded_and_keeps_what_is_asked_for(private, bucket):
    one = private(media=bucket.settings(cache="200K"))
    ann = one.api.register("ann")
    files = {}
    for _ in range(10):
        data = os.urandom(50_000)
        files[upload(ann, data)] = data
    first = next(iter(files))
    assert download(ann, first).body == files[first]  # fetched, for it was the oldest
    for uri, data in files.items():
        assert download(ann, uri).body == data
        assert download(ann, first).body == files[first]
        assert one.metrics()["parlour_media_cache_bytes"] <= 200 * 1024
    cached = pathlib.Path(one.folder) / "data/media/cache"
    assert sum(f.stat().st_size for f in cached.rglob("*") if f.is_file()) <= 200 * 1024
    assert fetched(one) <= 10  # the first once: it is the newest again and again


def test_a_file_larger_than_the_cache_is_handed_out(private, bucket):
    one = private(media=bucket.settings(cache="0"))
    ann = one.api.register("ann")
    uri = upload(ann, SOME)
    assert download(ann, uri).body == SOME
    assert download(ann, uri).body == SOME
    assert files_of(one) == ([], False)
    assert fetched(one) == 2


def test_who_empties_the_cache_by_hand_loses_nothing(one, ann, bucket):
    uri = upload(ann, SOME)
    forget(one)
    assert download(ann, uri).body == SOME
    assert download(ann, uri).body == SOME


# --- what is dropped ---


def test_what_is_deleted_leaves_the_bucket(one, ann, bucket):
    picture = sample("plain.jpg")
    uri, other = upload(ann, picture, "image/jpeg"), upload(ann, SOME)
    thumbnail(ann, uri, 32, 32, method="crop")
    assert len(bucket.files()) == 3
    assert one.run("media", "delete", uri).returncode == 0
    download(ann, uri, expect=404)
    until(lambda: bucket.files() == [name_of(SOME)])
    one.stop()
    assert one.run("media", "delete", other).returncode == 0  # ends when it is done
    assert bucket.files() == []


def test_what_two_have_uploaded_stays_until_both_are_deleted(one, ann, bucket):
    uris = upload(ann, SOME), upload(ann, SOME)
    assert one.run("media", "delete", uris[0]).returncode == 0
    anew(one)
    assert download(ann, uris[1]).body == SOME
    assert one.run("media", "delete", uris[1]).returncode == 0
    until(lambda: bucket.files() == [])


def test_what_is_deleted_and_uploaded_at_once_is_there_for_who_was_told_so(one, ann, bucket):
    """Each upload that is answered can be read until it is deleted, whatever others do with
    the same bytes."""
    data, rounds = os.urandom(2000), 25

    def turn(n):
        who = one.api.register(f"user{n}")
        for _ in range(rounds):
            uri = upload(who, data)
            if random.random() < 0.5:
                forget_quietly(one)
            assert download(who, uri).body == data
            assert one.run("media", "delete", uri).returncode == 0

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(turn, range(3)))
    until(lambda: bucket.files() == [])
    uri = upload(ann, data)
    anew(one)
    assert download(ann, uri).body == data


def test_what_is_deleted_while_it_is_fetched_is_not_kept(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    with fetching(bucket, lambda: ann.reply("GET", DOWNLOAD + place(uri))) as got:
        assert one.run("media", "delete", uri).returncode == 0
    assert got[0].result().status == 404
    assert files_of(one) == ([], False)
    until(lambda: bucket.files() == [])


def test_nobody_is_told_of_bytes_that_are_being_dropped(one, ann, bucket):
    uri = upload(ann, SOME)
    held = bucket.gate.hold_next(of("DELETE", bucket))
    assert one.run("media", "delete", uri).returncode == 0
    bucket.gate.until_asked()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        again = pool.submit(upload, ann, SOME)
        with pytest.raises(concurrent.futures.TimeoutError):
            again.result(1)
        held.set()
        uri = again.result()
    anew(one)
    assert download(ann, uri).body == SOME


def forget_quietly(server):
    cached = pathlib.Path(server.folder) / "data/media/cache"
    for path in cached.rglob("*"):
        if path.is_file():
            path.unlink(missing_ok=True)


def test_what_nobody_names_is_dropped_at_start_and_what_is_not_ours_stays(one, ann, bucket):
    uri = upload(ann, SOME)
    one.stop()
    for n in range(5):
        bucket.put(name_of(b"nobody's %d" % n), b"nobody's")
    bucket.put("notes.txt", b"somebody's")
    bucket.put("backup/" + name_of(b"x"), b"somebody's")
    one.start()
    until(lambda: bucket.files() == sorted(["backup/" + name_of(b"x"), name_of(SOME),
                                            "notes.txt"]))
    assert download(ann, uri).body == SOME


def test_more_files_than_a_page_of_names_has(one, ann, bucket):
    uri = upload(ann, SOME)
    one.stop()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: bucket.put(f"0-{n}", b""), range(1001)))
    bucket.put("f" * 64, b"nobody's")
    one.start()
    until(lambda: len(bucket.files()) == 1002)
    assert {"f" * 64, name_of(SOME)} & set(bucket.files()) == {name_of(SOME)}
    assert download(ann, uri).body == SOME


def test_what_a_bucket_out_of_reach_still_has_is_dropped_later(one, ann, bucket):
    uri = upload(ann, SOME)
    bucket.gate.shut()
    assert one.run("media", "delete", uri).returncode == 0
    download(ann, uri, expect=404)
    bucket.gate.open()
    one.restart()
    until(lambda: bucket.files() == [])


def test_a_kill_leaves_no_row_without_its_file_and_no_file_without_its_row(one, bucket):
    ann = one.api.register("ann")
    told = {}
    for _ in range(4):
        stop = threading.Event()

        def send():
            while not stop.is_set():
                data = os.urandom(random.randrange(20_000))
                try:
                    told[upload(ann, data)] = data
                except (AssertionError, OSError):
                    return

        threads = [threading.Thread(target=send) for _ in range(4)]
        before = len(told)
        for thread in threads:
            thread.start()
        until(lambda: len(told) >= before + random.randrange(5, 20))
        one.kill()
        stop.set()
        for thread in threads:
            thread.join()
        forget(one)
        one.start()
    for uri, data in told.items():
        assert download(ann, uri).body == data
    listed = one.run("media", "list", "--json", "--limit", "10000").stdout
    until(lambda: len(bucket.files()) == listed.count("mxc://"))


def test_a_check_looks_into_the_bucket(one, ann, bucket):
    here, lost = upload(ann, SOME), upload(ann, SOME[:1000])
    bucket.s3.delete_object(Bucket=bucket.name, Key=name_of(SOME[:1000]))
    bucket.put(name_of(b"nobody's"), b"nobody's")
    forget(one)
    got = json.loads(one.run("media", "check", "--json").stdout)
    assert (got["stored_files"], got["dropped_files"], got["lost_files"]) == (2, 1, 1)
    assert [row["uri"] for row in got["files"]] == [lost]
    until(lambda: bucket.files() == [name_of(SOME)])
    bucket.gate.shut()
    got = one.run("media", "check")
    assert got.returncode != 0
    assert "Not all files can be looked at" in got.stdout + got.stderr
    bucket.gate.open()
    assert download(ann, here).body == SOME


# --- a store that is not there, or lies ---


def test_a_store_out_of_reach_costs_no_more_than_its_files(one, ann, bucket):
    here, away = upload(ann, SOME), upload(ann, SOME[:1000])
    anew(one)
    assert download(ann, here).body == SOME
    bucket.gate.shut()
    assert download(ann, here).body == SOME
    got = download(ann, away, expect=503)
    assert got.json() == {"errcode": "M_UNKNOWN",
                          "error": "The file cannot be had at the moment; try again"}
    got = upload(ann, os.urandom(1000), expect=503)
    assert got.errcode() == "M_UNKNOWN"
    one.assert_alive()
    bucket.gate.open()
    assert download(ann, away).body == SOME[:1000]
    upload(ann, os.urandom(1000))
    until(lambda: files_of(one)[1] is False)  # goes when the answer has gone


def test_a_server_starts_while_its_store_is_out_of_reach(one, ann, bucket):
    uri = upload(ann, SOME)
    one.stop()
    forget(one)
    bucket.gate.shut()
    one.start()
    one.until_logged("the bucket is out of reach")
    download(ann, uri, expect=503)
    bucket.gate.open()
    assert download(ann, uri).body == SOME


def test_a_store_that_says_nothing_does_not_hold_up_the_rest(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    with fetching(bucket, lambda: download(ann, uri)) as got:
        for _ in range(50):
            ann.request("GET", "/_matrix/client/v3/account/whoami", expect=200)
    assert got[0].result().body == SOME


def test_who_waits_for_a_file_holds_up_nobody_who_uploads(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    held = bucket.gate.hold_next(of("GET", bucket))
    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(download, ann, uri) for _ in range(40)]
        bucket.gate.until_asked()
        other = upload(one.api.register("ben"), b"something else")
        assert not any(each.done() for each in waiting)
        held.set()
        assert {each.result().body for each in waiting} == {SOME}
    assert download(ann, other).body == b"something else"


def test_a_server_stops_while_its_store_says_nothing(one, ann, bucket):
    uri = upload(ann, SOME)
    anew(one)
    with fetching(bucket, lambda: download(ann, uri)) as got:
        one.stop()  # within its time, and well
    assert isinstance(got[0].exception(), (AssertionError, OSError))  # told so, or cut off


def test_bytes_that_are_not_those_of_the_name_are_not_handed_out(one, ann, bucket):
    uri = upload(ann, SOME)
    bucket.put(name_of(SOME), b"something else")
    anew(one)
    assert download(ann, uri, expect=503).errcode() == "M_UNKNOWN"
    one.until_logged("the bucket has something else under " + name_of(SOME))
    assert files_of(one) == ([], False)


def test_what_the_bucket_has_lost_is_404_and_logged(one, ann, bucket):
    uri = upload(ann, SOME)
    bucket.s3.delete_object(Bucket=bucket.name, Key=name_of(SOME))
    anew(one)
    assert download(ann, uri, expect=404).errcode() == "M_NOT_FOUND"
    one.until_logged(f"the file {name_of(SOME)} is not there")


# --- settings ---


def refusal(server, word="serve"):
    got = server.run(word)
    assert got.returncode != 0
    return got.stdout + got.stderr


@pytest.mark.parametrize("settings, words", [
    ({"secret_key": "wrong"}, "SignatureDoesNotMatch"),
    ({"access_key": "NOBODY"}, "InvalidAccessKeyId"),
    ({"bucket": "there-is-none"}, "NoSuchBucket"),
    ({"bucket": "No Bucket"}, "media.s3.bucket: a bucket's name is 3 to 63 of a-z 0-9 - ."),
    ({"prefix": "/a"}, "media.s3.prefix: "),
    ({"prefix": "a//b"}, "media.s3.prefix: "),
    ({"region": "no region"}, "media.s3.region: "),
    ({"endpoint": "http://127.0.0.1:1/path"}, "media.s3.endpoint: "),
    ({"endpoint": "http://127.0.0.1:99999"}, "URL using bad"),
    ({"endpoint": "http://key:secret@127.0.0.1:1"}, "media.s3.endpoint: keys do not stand in it"),
    ({"prefix": "./a"}, "media.s3.prefix: "),
    ({"secret_key": ""}, "access_key and secret_key are needed"),
])
@pytest.mark.parametrize("word", ["serve", "check"])
def test_settings_that_do_not_work_are_told_at_start(private, bucket, settings, words, word):
    one = private(running=False, media=bucket.settings(**settings))
    assert words in refusal(one, word)


def test_a_bucket_of_another_server_is_not_touched(private, bucket):
    private(name="first", media=bucket.settings()).stop()
    other = private(name="other", running=False, server_name="other.example",
                    media=bucket.settings())
    for word in "serve", "check":
        assert "holds the files of localhost" in refusal(other, word)
    assert bucket.get("parlour-server.txt").startswith(b"localhost ed25519:")


def test_a_server_that_has_lost_its_data_drops_nothing(private, bucket):
    """A folder that is not mounted: a server with a database of its own, which names none
    of the files, under the name of the one before."""
    one = private(media=bucket.settings())
    ann = one.api.register("ann")
    uri = upload(ann, SOME)
    one.stop()
    (one.folder / "data").rename(one.folder / "elsewhere")
    for word in "serve", "check":
        words = refusal(one, word)
        assert "holds the files of localhost ed25519:" in words and "this is localhost" in words
    shutil.rmtree(one.folder / "data", ignore_errors=True)
    (one.folder / "elsewhere").rename(one.folder / "data")
    one.start()
    assert bucket.files() == [name_of(SOME)]
    assert download(ann, uri).body == SOME


def test_a_check_looks_and_writes_nothing(private, bucket):
    one = private(running=False, media=bucket.settings())
    got = one.run("check")
    assert f"the bucket {bucket.name} answers" in got.stdout
    assert bucket.keys() == []


def test_keys_are_not_shown(private, bucket):
    one = private(running=False, media=bucket.settings())
    got = one.run("check", "--print")
    assert bucket.name in got.stdout
    assert bucket.store.secret not in got.stdout + got.stderr


def test_files_of_before_the_bucket_stay_in_the_folder(private, bucket):
    one = private()
    ann = one.api.register("ann")
    uri = upload(ann, SOME)
    one.restart(media=bucket.settings())
    assert download(ann, uri).body == SOME
    assert bucket.files() == []
    other = upload(ann, SOME)
    assert download(ann, other).body == SOME
    for each in uri, other:
        assert one.run("media", "delete", each).returncode == 0
    until(lambda: bucket.files() == [] and files_of(one) == ([], False))


def test_a_backup_says_what_it_does_not_have(one, ann, tmp_path):
    upload(ann, SOME)
    got = one.run("backup", tmp_path / "copy.tar")
    assert got.returncode == 0, got.stderr
    assert "1 uploaded files are not in" in got.stderr
