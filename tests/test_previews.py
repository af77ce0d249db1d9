"""Previews of links (client-server-api/#get_matrixclientv1mediapreview_url), made of the pages
of a small web server in this file. Which addresses are asked is src/fetch's own tests'."""

import gzip
import http.server
import json
import pathlib
import sqlite3
import ssl
import threading
import time
import zlib

import pytest

from lib.server import Server
from lib.tls import make_certificate
from test_media import download, files_of, until, upload

PREVIEW = "/_matrix/client/v1/media/preview_url"
SAMPLES = pathlib.Path(__file__).parent / "corpus/pictures"
PNG = (SAMPLES / "opaque.png").read_bytes()
ON = {"enabled": True, "allow_private_addresses": True}


class Web:
    """Pages by their path: bytes, or a function that is given the request's handler."""

    def __init__(self, certificate=None):
        self.pages, self.asked, self.heads = {}, [], []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                web.asked.append(self.path)
                web.heads.append(self.headers)
                page = web.pages.get(self.path)
                try:
                    if callable(page):
                        page(self)
                    elif page is None:
                        answer(self, b"not here", status=404)
                    else:
                        answer(self, page)
                except OSError:
                    pass  # it has hung up, as it may
                self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://localhost:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,),
                                       daemon=True)
        self.thread.start()

    def put(self, path, page):
        self.pages[path] = page
        return self.url + path

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def answer(handler, body, content_type="text/html; charset=utf-8", status=200, **headers):
    handler.send_response(status)
    if content_type:
        handler.send_header("Content-Type", content_type)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def page(body, content_type="text/html; charset=utf-8", **more):
    return lambda handler: answer(handler, body, content_type, **more)


def to(where, status=302):
    return page(b"elsewhere", status=status, Location=where)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("previews"), previews=ON) as server:
        yield server


@pytest.fixture(scope="module")
def amy(one):
    return one.api.register()


@pytest.fixture
def web():
    web = Web()
    yield web
    web.stop()


def preview(who, url, expect=200, **query):
    return who.get(PREVIEW, expect=expect, url=url, **query)


# --- what is in it ---


def test_a_page_that_says_what_it_is(amy, web):
    url = web.put("/a/b", b"""<!DOCTYPE html><html><head><title>No</title>
        <meta property="og:title" content="Fish &amp; chips"><meta property="og:type" content="article">
        <meta property="og:description" content=" All of
        it "><meta property="og:site_name" content="Paper"><meta property="og:url" content="/c">
        <meta property="og:image" content="../cat.png"><meta property="og:image:alt" content="A cat">
        <meta property="og:image:width" content="9999">""")
    web.put("/cat.png", page(PNG, "image/png"))
    got = preview(amy, url)
    image = got.pop("og:image")
    assert got == {
        "og:title": "Fish & chips", "og:type": "article", "og:description": "All of it",
        "og:site_name": "Paper", "og:url": web.url + "/c", "og:image:alt": "A cat",
        "og:image:type": "image/png", "og:image:width": int.from_bytes(PNG[16:20], "big"),
        "og:image:height": int.from_bytes(PNG[20:24], "big"), "matrix:image:size": len(PNG)}
    assert image.startswith("mxc://localhost/")
    assert download(amy, image).body == PNG


def test_a_page_with_a_title_alone(amy, web):
    url = web.put("/", b"<title>Just this</title><meta name=description content=that>")
    assert preview(amy, url) == {"og:title": "Just this", "og:description": "that"}


def test_a_page_that_says_nothing_is_empty(amy, web):
    assert preview(amy, web.put("/", b"<p>Hello")) == {}
    assert preview(amy, web.put("/empty", b"")) == {}
    assert preview(amy, web.put("/pdf", page(b"%PDF <title>x</title>", "application/pdf"))) == {}


def test_twitter_s_cards_are_read(amy, web):
    url = web.put("/", b"<title>x</title><meta name='twitter:title' content='card'>"
                       b"<meta name='twitter:image' content='/cat.png'>")
    web.put("/cat.png", page(PNG, "image/png"))
    got = preview(amy, url)
    assert got["og:title"] == "card" and got["matrix:image:size"] == len(PNG)


def test_oembed_says_what_the_page_does_not(amy, web):
    url = web.put("/", b"<link rel=alternate type='application/json+oembed' href='/o?format=json'>")
    web.put("/o?format=json", page(json.dumps({
        "version": "1.0", "type": "video", "title": "A film", "provider_name": "Tube",
        "thumbnail_url": web.url + "/cat.png"}).encode(), "application/json"))
    web.put("/cat.png", page(PNG, "image/png"))
    got = preview(amy, url)
    assert (got["og:title"], got["og:site_name"]) == ("A film", "Tube")
    assert got["matrix:image:size"] == len(PNG)


def test_a_link_to_a_picture_is_a_preview_of_it(amy, web):
    got = preview(amy, web.put("/x", page(PNG, "image/png")))
    assert download(amy, got["og:image"]).body == PNG
    assert got["og:image:type"] == "image/png" and got["matrix:image:size"] == len(PNG)
    assert "og:title" not in got


@pytest.mark.parametrize("body, content_type, title", [
    ("<title>\u00e4\u201c</title>".encode("cp1252"), "text/html; charset=windows-1252", "\u00e4\u201c"),
    ("<meta charset=shift_jis><title>\u30c6\u30b9\u30c8</title>".encode("shift_jis"), "text/html",
     "\u30c6\u30b9\u30c8"),
    ("<title>\u00e9</title>".encode("utf-16"), "text/html", "\u00e9"),
    ("<title>\u00e9</title>".encode(), "text/html", "\u00e9"),
    (b"<title>a\xff\xfeb</title>", "text/html; charset=utf-8", "a\ufffd\ufffdb"),
    (b"<title>a\xc3</title>", "text/html; charset=no-such", "a\u00c3"),
    ("<title>x</title>".encode(), None, "x")])
def test_a_page_is_read_in_its_charset(amy, web, body, content_type, title):
    assert preview(amy, web.put("/", page(body, content_type))) == {"og:title": title}


def test_long_texts_are_cut(amy, web):
    url = web.put("/", ("<title>" + "\u20ac" * 5000 + "</title>").encode())
    assert preview(amy, url) == {"og:title": "\u20ac" * 199 + "\u2026"}


@pytest.mark.parametrize("name, content_type", [
    ("vector.svg", "image/svg+xml"), ("html.gif", "image/gif"), ("document.pdf", "image/png"),
    ("opaque.png", "text/html")])
def test_what_is_no_picture_is_left_out(amy, web, name, content_type):
    web.put("/image", page((SAMPLES / name).read_bytes(), content_type))
    url = web.put("/", b"<title>x</title><meta property=og:image content=/image>")
    assert preview(amy, url) == {"og:title": "x"}


def test_a_picture_that_is_too_large_is_left_out(amy, web):
    web.put("/image", page(PNG + bytes(10 << 20), "image/png"))
    url = web.put("/", b"<title>x</title><meta property=og:image content=/image>")
    assert preview(amy, url) == {"og:title": "x"}
    assert preview(amy, web.url + "/image") == {}


# --- how it is asked for ---


def test_redirects_are_followed_and_links_are_of_where_they_lead(amy, web):
    url = web.put("/1", to("/2"))
    web.put("/2", to(web.url + "/deep/3", 307))
    web.put("/deep/3", b"<title>x</title><meta property=og:url content=4>")
    assert preview(amy, url) == {"og:title": "x", "og:url": web.url + "/deep/4"}


def test_five_redirects_are_followed_and_no_more(amy, web):
    for i in range(1, 7):
        web.put(f"/{i}", to(f"/{i - 1}"))
    web.put("/0", b"<title>x</title>")
    assert preview(amy, web.url + "/5") == {"og:title": "x"}
    preview(amy, web.url + "/6", expect=(502, "M_UNKNOWN"))


def test_a_redirect_that_goes_round_ends(amy, web):
    preview(amy, web.put("/", to("/")), expect=(502, "M_UNKNOWN"))
    assert len(web.asked) == 6


@pytest.mark.parametrize("where", [
    "file:///etc/passwd", "ftp://localhost/", "gopher://localhost/", "http://a:b@localhost/", "data:,x"])
def test_no_redirect_leads_off_the_web(amy, web, where):
    preview(amy, web.put("/", to(where)), expect=(502, "M_UNKNOWN"))


def test_a_request_tells_nothing_of_who_asks(amy, web):
    preview(amy, web.put("/x", page(b"<title>x</title>", Set_Cookie="a=b")))
    preview(amy, web.put("/y", b"<title>y</title>"))
    for head in web.heads:
        assert set(map(str.lower, head.keys())) == {"host", "user-agent", "accept", "accept-encoding"}
        assert head["User-Agent"].startswith("Parlour/")


def test_no_proxy_of_the_environment_is_used(private, web, monkeypatch):
    proxy = Web()
    for name in "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY":
        monkeypatch.setenv(name, proxy.url)
    one = private(previews=ON)
    assert preview(one.api.register(), web.put("/", b"<title>x</title>")) == {"og:title": "x"}
    assert proxy.asked == []
    proxy.stop()


def test_a_packed_page_is_unpacked(amy, web):
    body = gzip.compress(b"<title>packed</title>")
    assert preview(amy, web.put("/", page(body, Content_Encoding="gzip"))) == {"og:title": "packed"}


def test_a_certificate_that_nobody_vouches_for_is_not_taken(amy, tmp_path):
    web = Web(make_certificate(tmp_path))
    preview(amy, web.put("/", b"<title>x</title>"), expect=(502, "M_UNKNOWN"))
    assert web.asked == []
    web.stop()


# --- once ---


def test_it_is_asked_for_once_in_an_hour(amy, one, web):
    url = web.put("/", b"<title>first</title>")
    assert preview(amy, url) == {"og:title": "first"}
    web.put("/", b"<title>second</title>")
    assert preview(amy, url + "#part", ts=5) == {"og:title": "first"}
    assert preview(one.api.register(), url) == {"og:title": "first"}
    assert web.asked == ["/"]


def test_of_many_who_ask_at_once_one_asks_the_page(amy, web):
    go, got = threading.Event(), []

    def slow(handler):
        go.wait(20)
        answer(handler, b"<title>x</title>")

    url = web.put("/", slow)
    threads = [threading.Thread(target=lambda: got.append(preview(amy, url))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for i in range(5):  # the others are at it by then, or find it made
        preview(amy, web.put(f"/{i}", b""))
    go.set()
    for thread in threads:
        thread.join()
    assert got == [{"og:title": "x"}] * 6
    assert web.asked.count("/") == 1


def test_the_same_picture_is_kept_once_and_in_nobody_s_quota(private, web):
    one = private(previews=ON, media={"max_files_per_user": 1})
    ann = one.api.register()
    web.put("/cat.png", page(PNG, "image/png"))
    urls = [web.put(f"/{i}", b"<meta property=og:image content=/cat.png>") for i in range(3)]
    assert len({preview(ann, url)["og:image"] for url in urls}) == 1
    assert len(files_of(one)[0]) == 1 and not files_of(one)[1]
    one.restart()
    assert len(files_of(one)[0]) == 1


def grown_older(server, days):
    """Everything about previews; the server must not run."""
    with sqlite3.connect(server.folder / "data/parlour.db") as db:
        ms = days * 24 * 3600 * 1000
        db.execute("UPDATE url_previews SET ts = ts - ?, expires_ts = expires_ts - ?", (ms, ms))
        db.execute("UPDATE media SET created_ts = created_ts - ?", (ms,))
    db.close()


def previews_of(server):
    db = sqlite3.connect(server.folder / "data/parlour.db")
    urls = [url for url, in db.execute("SELECT url FROM url_previews ORDER BY url")]
    db.close()
    return urls


def test_what_is_over_is_dropped_and_a_picture_a_week_later(private, web):
    one = private(previews=ON)
    ann = one.api.register()
    web.put("/cat.png", page(PNG, "image/png"))
    url = web.put("/", b"<title>first</title><meta property=og:image content=/cat.png>")
    image = preview(ann, url)["og:image"]
    upload(ann, b"another")
    one.stop()
    grown_older(one, 1)
    one.start()
    until(lambda: previews_of(one) == [])
    assert download(ann, image).body == PNG
    web.put("/", b"<title>second</title>")
    assert preview(ann, url) == {"og:title": "second"}
    one.stop()
    grown_older(one, 7)
    one.start()
    until(lambda: len(files_of(one)[0]) == 1)
    download(ann, image, expect=(404, "M_NOT_FOUND"))


def test_slow_pages_hold_up_nobody_who_logs_in_nor_the_end(private, web):
    one = private(previews=ON)
    ann = one.api.register()
    go = threading.Event()
    urls = [web.put(f"/{i}", lambda handler: go.wait(30)) for i in range(12)]
    threads = [threading.Thread(target=lambda url=url: ann.reply("GET", PREVIEW, query={"url": url}))
               for url in urls]
    for thread in threads:
        thread.start()
    while len(web.asked) < 8:
        time.sleep(0.01)
    began = time.monotonic()
    ann.login()
    assert time.monotonic() - began < 5
    began = time.monotonic()
    one.stop()
    assert time.monotonic() - began < 8
    go.set()
    for thread in threads:
        thread.join()


# --- who may, and what not ---


def test_a_server_that_makes_none_does_not_know_the_paths(ann):
    for path in PREVIEW, "/_matrix/media/v3/preview_url", "/_matrix/media/r0/preview_url":
        ann.get(path, url="http://localhost/", expect=(404, "M_UNRECOGNIZED"))


def test_the_paths_of_before_do_as_well(amy, web):
    url = web.put("/", b"<title>x</title>")
    for version in "r0", "v1", "v3":
        assert amy.get(f"/_matrix/media/{version}/preview_url", url=url) == {"og:title": "x"}


def test_accounts_alone_may_ask(one, web):
    url = web.put("/", b"<title>x</title>")
    preview(one.api.guest(), url, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    one.api.request("GET", PREVIEW, token=None, query={"url": url}, expect=(401, "M_MISSING_TOKEN"))
    assert web.asked == []


@pytest.mark.parametrize("url", [
    "", "x", "/x", "localhost/", "ftp://localhost/", "file:///etc/passwd", "javascript:alert(1)",
    "http://", "http://ann:secret@localhost/", "http://localhost:99999/", "http://a b/",
    "http://localhost/" + "x" * 2048])
def test_what_is_no_link_is_400(amy, url):
    preview(amy, url, expect=(400, "M_INVALID_PARAM"))


def test_arguments_are_looked_at(amy):
    amy.get(PREVIEW, expect=(400, "M_MISSING_PARAM"))
    preview(amy, "http://localhost/", ts="now", expect=(400, "M_INVALID_PARAM"))


def test_addresses_around_the_server_are_not_asked(private, web):
    one = private(previews={"enabled": True})
    ann = one.api.register()
    port = web.server.server_port
    web.put("/", b"<title>secret</title>")
    for host in ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0",
                 "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
                 "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "169.254.169.254", "10.0.0.1"]:
        preview(ann, f"http://{host}:{port}/", expect=(403, "M_FORBIDDEN"))
    assert web.asked == []


def test_what_cannot_be_had_is_502(amy, web):
    preview(amy, web.url + "/nothing", expect=(502, "M_UNKNOWN"))
    preview(amy, web.put("/500", page(b"<title>x</title>", status=500)), expect=(502, "M_UNKNOWN"))
    preview(amy, web.put("/300", page(b"", status=302)), expect=(502, "M_UNKNOWN"))
    preview(amy, "http://no-such-host.invalid/", expect=(502, "M_UNKNOWN"))
    preview(amy, "http://localhost:1/", expect=(502, "M_UNKNOWN"))
    preview(amy, web.put("/cut", lambda handler: handler.wfile.write(b"SSH-2.0\r\n\r\n")),
            expect=(502, "M_UNKNOWN"))


def test_one_user_asks_for_so_many_and_no_more(private, web):
    one = private(previews=ON, limits={"rate": "on"})
    ann = one.api.register()
    url = web.put("/", b"<title>x</title>")
    got = [ann.reply("GET", PREVIEW, query={"url": url}).status for _ in range(70)]
    assert got.count(429) >= 10 and got[0] == 200


# --- hostile pages ---


def head_of(handler, content_type="text/html", **headers):
    handler.send_response(200)
    handler.send_header("Content-Type", content_type)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()


def endless(handler):
    head_of(handler)
    handler.wfile.write(b"<title>endless</title>")
    while True:
        handler.wfile.write(b"<p>and on" * 1000)


def endless_head(handler):
    handler.send_response(200)
    while True:
        handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")


def bomb(handler):
    head_of(handler, Content_Encoding="gzip")
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    handler.wfile.write(pack.compress(b"<title>bomb</title>"))
    for _ in range(2000):  # 2 GB
        handler.wfile.write(pack.compress(bytes(1 << 20)))


def test_of_an_endless_page_the_beginning_is_read(amy, web):
    assert preview(amy, web.put("/", endless)) == {"og:title": "endless"}


def test_of_a_bomb_no_more_is_unpacked_than_of_a_page(amy, one, web):
    assert preview(amy, web.put("/", bomb)) == {"og:title": "bomb"}


@pytest.mark.parametrize("body", [
    b"<title>x</title>" + b"<div>" * 200000, b"<title>x</title>" + b"<b>" * 200000 + b"</x>" * 100000,
    b"<title>x</title><p " + b"a " * 500000, b"<title>x</title>" + b"\xff" * 1000000,
    b"<title>x</title><!--" + b"-" * 1000000, b"<title>x</title>" + b"\0" * 1000000])
def test_a_page_that_is_made_to_keep_the_server_busy_does_not(amy, web, body):
    assert preview(amy, web.put("/", body)) == {"og:title": "x"}


def test_a_head_without_end_is_given_up(amy, web):
    preview(amy, web.put("/", endless_head), expect=(502, "M_UNKNOWN"))


def test_a_page_that_comes_too_slowly_is_given_up_in_ten_seconds(amy, web):
    done = threading.Event()

    def drip(handler):
        head_of(handler)
        while not done.wait(0.3):
            handler.wfile.write(b"<")

    began = time.monotonic()
    preview(amy, web.put("/", drip), expect=(502, "M_UNKNOWN"))
    done.set()
    assert 9 < time.monotonic() - began < 20


def test_a_slow_picture_costs_the_picture_alone(amy, web):
    done = threading.Event()
    url = web.put("/", b"<title>x</title><meta property=og:image content=/image>")
    web.put("/image", lambda handler: done.wait(30))
    assert preview(amy, url) == {"og:title": "x"}
    done.set()
