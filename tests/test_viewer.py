"""Public rooms as pages: GET /rooms and what is below it.

What holds of every page (its policy, its links, no code in it) is lib/page.py's, which
looks at each page that is fetched here. The stream is test_viewer_live.py's, and what a
browser makes of it all test_viewer_browser.py's; what is shown of messages is
test_viewer_said.py's. See doc/viewer.md.
"""

import gzip
import hashlib
import os
import re

import pytest

from lib.client import fresh, in_threads
from lib.http import Raw, quote
from lib.page import LANGUAGES, Viewer, open_viewer, until
from lib.said import OPEN, POLL, edit_of, in_thread, picture, reaction, reply_to, vote
from lib.server import Server
from lib.stage import Stage, face, upload
from test_limits import until_limited
from test_thumbnails import size_of

BASE = "https://talk.example"

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Somebody who looks at a server's pages; its address is not the one it is asked at."""
    server = Server(tmp_path_factory.mktemp("viewer"))
    try:
        yield open_viewer(server, BASE)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def stage(one):
    return Stage(one.api).play()


@pytest.fixture
def ann(one):
    return one.api.register()


@pytest.fixture
def ben(one):
    return one.api.register()


@pytest.fixture
def hall(ann):
    return ann.public_room(name="The hall")


@pytest.fixture
def viewer(private):
    """Starts a server with pages and settings of its own."""
    def start(base=BASE, **settings):
        return open_viewer(private(running=False), base, **settings)

    return start


def kinds_of(room, event, thread):
    """Every kind of a room's page."""
    def path(*parts):
        return "/".join(["/rooms", quote(room), *map(quote, parts)])
    return {
        "room": path(), "event": path("event", event), "thread": path("thread", thread),
        "days": path("days"), "month": path("days", "2026-11"), "day": path("day", "2026-11-26"),
        "search": path("search") + "?q=tomatoes", "live": path("live") + "?from=s1_e1",
        "face": path("media", event, "face"), "file": path("media", event, "file")}


PAGES = ["rooms", "found rooms", "room", "older", "event", "thread", "day", "days", "month",
         "search", "nothing found"]


@pytest.fixture
def kinds(one, stage):
    """{kind: path}, of a room in which there is everything."""
    days = one.page(kinds_of(stage.room_id, "x", "x")["days"])
    day = next(e["href"] for e in days.root.one("table").all("a[href]"))
    some = kinds_of(stage.room_id, stage.events["image"], stage.events["thread"])
    return {"rooms": "/rooms", "found rooms": "/rooms?q=garden", "room": some["room"],
            "older": one.room(stage.room_id, "event", stage.events["last"]).rel("prev"),
            "event": some["event"], "thread": some["thread"], "days": some["days"],
            "month": some["days"] + "/" + day.rsplit("/", 1)[1][:7], "day": day,
            "search": some["search"], "nothing found": some["search"] + "xyz"}


# --- which rooms are shown --------------------------------------------------------


def test_a_room_is_found_by_its_id_and_by_its_alias_with_and_without_its_sign(one, ann):
    alias = fresh("lobby")
    room = ann.public_room(name="The lobby", room_alias_name=alias)
    sent = ann.send(room, "hello")
    for path in (quote(room), room, f"%23{alias}:localhost", f"{alias}:localhost",
                 quote(f"#{alias}:localhost")):
        page = one.page("/rooms/" + path)
        assert page.title == page.root.one("h1").text == "The lobby"
        assert page.line(sent).body == "hello"


@pytest.mark.parametrize("value", ["shared", "invited", "joined"])
def test_a_room_that_not_everybody_may_read_has_no_page_of_any_kind(one, ann, value):
    room = ann.public_room(visibility=value, name="A secret name")
    sent = ann.send(room, picture(upload(ann, face("red"), "image/png", "a.png")))
    for path in kinds_of(room, sent, sent).values():
        assert "secret" not in one.gone(path).source


def test_a_room_opened_later_shows_nothing_of_what_was_before(one, ann):
    room = ann.public_room(visibility="shared", name="The shed")
    mxc = upload(ann, face("red"), "image/png", "a.png")
    old = [ann.send(room, "a word of before"), ann.send(room, picture(mxc, filename="before"))]
    ann.send(room, in_thread(old[0], "an answer of before"))
    ann.visibility(room, "world_readable")
    new = [ann.send(room, reply_to(old[0], "a word since")), ann.send(room, picture(mxc))]
    ann.send(room, in_thread(old[0], "an answer since"))
    paths = [one.path(room), one.path(room, "event", new[0]), one.today(room),
             one.path(room, "search", q="word"), one.path(room, "search", q="before")]
    for path in paths:
        page = one.page(path)
        assert not set(old) & set(page.ids) and "of before" not in page.source
    assert one.page(paths[0]).line(new[0]).part("quote") is None
    assert one.page(paths[3]).ids == [new[0]]
    for event in old:
        one.gone(one.path(room, "event", event))
        one.gone(one.path(room, "thread", event))
    one.gone(one.path(room, "media", old[1], "file"))
    assert one.ask(one.path(room, "media", new[1], "file")).status == 200


def test_what_was_said_while_a_room_was_closed_is_never_shown(one, ann):
    room = ann.public_room(name="The door")
    open_ = ann.send(room, "the first word")
    asked = ann.send(room, POLL, "m.poll.start")
    ann.visibility(room, "shared")
    secret = ann.send(room, "a secret word")
    ann.send(room, edit_of(open_, "a secret word"))
    ann.send(room, in_thread(open_, "a secret word"))
    ann.send(room, reaction(open_, "🤫"), "m.reaction")
    ann.send(room, vote(asked, "a"), "m.poll.response")
    ann.visibility(room, "world_readable")
    last = ann.send(room, reply_to(secret, "the last word"))
    for path in (one.path(room), one.path(room, "event", open_), one.today(room),
                 one.path(room, "search", q="word"), one.path(room, "thread", open_)):
        page = one.page(path)
        assert "secret" not in page.source and secret not in page.ids
        line = page.line(open_)
        assert line.body == "the first word" and line.reactions == {}
        assert line.part("edits") is line.part("thread") is None
    page = one.room(room)
    assert page.line(last).part("quote") is None
    assert page.line(asked).options == {"Tea": 0, "Coffee": 0}
    one.gone(one.path(room, "event", secret))
    assert one.room(room, "search", q="secret").ids == []


def test_a_redaction_takes_effect_though_nobody_outside_may_see_it(one, ann, hall):
    said = ann.send(hall, "regretted")
    ann.visibility(hall, "joined")
    ann.redact(hall, said)
    ann.visibility(hall, "world_readable")
    for path in (one.path(hall), one.path(hall, "event", said), one.path(hall, "search", q="reg")):
        assert "regretted" not in one.page(path).root.first("main").html()


def test_closing_a_room_closes_its_pages_at_once_and_opening_it_opens_them(one, ann, hall):
    sent = ann.send(hall, picture(upload(ann, face("red"), "image/png", "a.png")))
    paths = kinds_of(hall, sent, sent)
    paths["day"] = one.today(hall)
    del paths["face"], paths["live"]
    for _ in range(5):
        assert {one.ask(path).status for path in paths.values()} == {200}
        ann.visibility(hall, "shared")
        assert {one.ask(path).status for path in paths.values()} == {404}
        ann.visibility(hall, "world_readable")


@pytest.mark.parametrize("content, is_shown", [
    ({"show": False}, False), ({"show": False, "index": True}, False), ({"show": True}, True),
    ({}, True), ({"show": "no"}, True), ({"show": None}, True)])
def test_a_room_has_a_say_in_whether_it_is_shown(one, ann, hall, content, is_shown):
    sent = ann.send(hall, "hello")
    one.room(hall)  # which may be kept
    ann.set_state(hall, "org.parlour.viewer", content)
    paths = [one.path(hall), one.path(hall, "event", sent), one.path(hall, "search", q="x")]
    assert {one.ask(path).status for path in paths} == {200 if is_shown else 404}
    ann.set_state(hall, "org.parlour.viewer", {"show": True})
    assert {one.ask(path).status for path in paths} == {200}


def test_what_an_operator_hides_stays_hidden_until_it_is_shown(viewer):
    one = viewer()
    ann = one.api.register()
    alias = fresh("cellar")
    room = ann.public_room(visibility="world_readable", room_alias_name=alias, name="Cellar")
    ann.put(f"/directory/list/room/{quote(room)}", {"visibility": "public"})
    ann.set_state(room, "org.parlour.viewer", {"show": True, "index": True})
    sent = ann.send(room, picture(upload(ann, face("red"), "image/png", "a.png")))
    paths = kinds_of(room, sent, sent)
    paths["alias"] = f"/rooms/{alias}:localhost"
    assert one.page(paths["room"]).ids and one.page(paths["alias"]).ids
    one.operator("room", "hide", f"#{alias}:localhost")
    for path in paths.values():
        one.gone(path)
    assert "Cellar" not in one.page("/rooms").source
    assert quote(alias) not in one.ask("/rooms/sitemap.xml").body.decode()
    one.server.restart()
    one.gone(paths["room"])
    ann.set_state(room, "org.parlour.viewer", {"show": True})
    one.gone(paths["room"])
    one.operator("room", "show", room)
    assert sent in one.page(paths["room"]).ids
    assert "Cellar" in one.page("/rooms").source
    ann.set_state(room, "org.parlour.viewer", {"show": False})
    one.gone(paths["room"])


def test_an_operator_is_told_that_there_is_no_such_room(viewer):
    one = viewer()
    got = one.server.run("room", "hide", "#nowhere:localhost")
    assert got.returncode != 0 and got.stderr


def test_listed_rooms_alone_are_shown_where_the_operator_says_so(viewer):
    one = viewer(viewer={"rooms": "listed"})
    ann = one.api.register()
    room = ann.public_room(name="The library")
    path = one.path(room)
    one.gone(path)
    for _ in range(3):
        ann.put(f"/directory/list/room/{quote(room)}", {"visibility": "public"})
        assert one.page(path).title == "The library"
        ann.put(f"/directory/list/room/{quote(room)}", {"visibility": "private"})
        one.gone(path)


def test_an_alias_that_leads_elsewhere_shows_what_is_there_now(one, ann):
    alias = fresh("inn")
    rooms = [ann.public_room(name=name) for name in ("The old inn", "The new inn")]
    path = f"/rooms/{alias}:localhost"
    one.gone(path)
    for room, name in zip(rooms, ("The old inn", "The new inn")):
        ann.put(f"/directory/room/{quote(f'#{alias}:localhost')}", {"room_id": room})
        assert one.page(path).title == one.page(path).title == name
        ann.delete(f"/directory/room/{quote(f'#{alias}:localhost')}")
        one.gone(path)


@pytest.mark.parametrize("room", [
    "nowhere:localhost", "%23nowhere:localhost", "!nowhere:localhost", "!x", "%21", "%23", "%25",
    "@ann:localhost", "a" * 300, "%F0%9F%8D%85", "..", "%2e%2e%2f", "x:other.example",
    "%23x:other.example", "<script>alert(1)<%2Fscript>", "%3Cb%3E"])
def test_a_room_that_is_not_there_is_a_page_that_says_so(one, room):
    for tail in ("", "/event/$x", "/days", "/search?q=x", "/live?from=s1_e1", "/media/$x/file"):
        page = one.gone(f"/rooms/{room}{tail}")
        assert page.root.one("h1").text == "This page is not here"
        assert [e["href"] for e in page.root.one("main").all("a[href]")] == [f"{BASE}/rooms"]


@pytest.mark.parametrize("tail", [
    "event/$unknown", "event/x", "thread/$unknown", "day/2026-02-30", "day/2026-13-01",
    "day/today", "day/26-11-26", "day/2026-11-26-01", "days/2026-00", "days/2026", "day/99999-01-01",
    "media/$unknown/file", "day/0000-00-00", "day/+026-+1-+1", "days/-999-11"])
def test_a_page_of_what_is_not_in_a_room_is_404(one, hall, tail):
    one.gone(one.path(hall) + "/" + tail)


@pytest.mark.parametrize("tail", [
    "?before=x", "?after=", "?before=t1", "/search?q=x&before=x", "/live", "/live?from=x",
    "/search?q=" + "x" * 201, "/search?q=%FF", "/day/2026-11-26?after=x"])
def test_an_address_that_nobody_gave_out_is_400(one, hall, tail):
    page = one.page(one.path(hall) + tail, 400)
    assert page.headers["cache-control"] == "no-store" and page.robots == "noindex"


@pytest.mark.parametrize("path", ["/rooms/%00", "/rooms/%FF", "/rooms/x/event/%00",
                                  "/rooms/x/media/y/face%00", "/rooms?q=%FF"])
def test_an_address_that_no_text_can_have_is_400(one, path):
    page = one.page(path, 400)
    assert page.headers["cache-control"] == "no-store"
    assert page.root.one("h1").text == "This address is not valid"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_pages_are_only_read(one, hall, method):
    for path in ("/rooms", one.path(hall), one.path(hall, "live")):
        got = one.ask(path, method)
        assert got.status == 405 and "GET" in got.headers["allow"]


def test_other_methods_are_told_so_by_a_page(one, hall):
    page = one.page(one.path(hall), 405, method="POST")
    assert page.headers["cache-control"] == "no-store"


def test_an_address_below_rooms_that_is_none_is_told_so_by_a_page(one, hall):
    one.gone(one.path(hall, "nothing"))


# --- the list of rooms ---------------------------------------------------------------


def test_the_list_has_the_directorys_rooms_that_everybody_may_read(viewer):
    one = viewer()
    ann = one.api.register()
    empty = one.page("/rooms").root.one("main").text
    assert empty
    ann.create_room(preset="public_chat", visibility="public", name="Orchard", topic="Apples",
                    initial_state=[OPEN])
    ann.create_room(preset="public_chat", visibility="public", name="Not open")
    ann.public_room(name="Not listed")
    said_no = ann.create_room(preset="public_chat", visibility="public", name="Said no",
                              initial_state=[OPEN])
    ann.set_state(said_no, "org.parlour.viewer", {"show": False})
    page = one.page("/rooms")
    assert page.names == ["Orchard"] and page.root.one("main").text != empty
    assert "Apples" in page.cards[0].text
    assert one.page(page.cards[0].first("a")["href"]).title == "Orchard"
    for term, count in (("orch", 1), ("APPLE", 1), ("pears", 0), ("", 1)):
        found = one.page("/rooms?q=" + term)
        assert len(found.cards) == count
        assert found.root.one("input")["value"] == term


def test_the_list_has_pages_that_lead_on_and_back(viewer):
    one = viewer(viewer={"title": "Our <rooms>"})
    ann = one.api.register()
    names = {f"Room {n:03}" for n in range(70)}
    for name in names:
        ann.create_room(preset="public_chat", visibility="public", name=name, initial_state=[OPEN])
    seen, path, pages = [], "/rooms", []
    while path:
        page = one.page(path)
        pages.append(path)
        assert page.title == page.root.one("h1").text == "Our <rooms>"
        seen += page.names
        path = page.rel("next")
    assert sorted(seen) == sorted(names) and len(pages) == 3
    back, path = [], pages[-1]
    while path:
        page = one.page(path)
        back = page.names + back
        path = page.rel("prev")
    assert back == seen
    assert one.page("/rooms?q=Room").rel("next") and one.page("/rooms?q=069").rel("next") is None


def test_the_list_tells_who_listens_now(one, ann):
    name = fresh("listened")
    room = ann.create_room(preset="public_chat", visibility="public", name=name,
                           initial_state=[OPEN])

    def card():
        return one.page("/rooms?q=" + name).cards[0]

    assert not card().has(".now")
    page = one.room(room)
    with one.watch(page) as a, one.watch(page) as b:
        a.opening(), b.opening()
        until(lambda: card().has(".now"))
        assert re.search(r"\d+", card().one(".now").text)[0] == "2"


# --- headers -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_may_be_kept_for_ten_seconds_and_is_known_again(one, kinds, kind):
    page = one.page(kinds[kind])
    assert page.headers["cache-control"] == "public, max-age=10, must-revalidate"
    assert page.headers["vary"] == "Accept-Language, Accept-Encoding"
    etag = page.headers["etag"]
    for known in (etag, f'"x", {etag}', etag.removeprefix("W/"), "*"):
        got = one.ask(kinds[kind], If_None_Match=known)
        assert (got.status, got.body, got.headers["etag"]) == (304, b"", etag)
        assert got.headers["cache-control"] == page.headers["cache-control"]
        assert got.headers["vary"] == page.headers["vary"]
    assert one.page(kinds[kind], If_None_Match='W/"x"').source == page.source
    other = one.ask(kinds[kind], If_None_Match=etag, language="de")
    assert other.status == 200 and other.headers["etag"] != etag


@pytest.mark.parametrize("kind", PAGES)
def test_head_and_gzip_give_the_same_page(one, kinds, kind):
    def ask(method, more=""):
        with Raw(one.http.host, one.http.port) as raw:
            raw.say(f"{method} {one.local(kinds[kind])} HTTP/1.1\r\nHost: x\r\n{more}\r\n")
            while b"\r\n\r\n" not in raw.kept:
                assert raw._more()
            vary = re.findall(rb"(?m)^Vary: (.*)\r$", raw.kept)
            got = raw.answer(is_head=method == "HEAD")
            got.headers["vary"] = b", ".join(sorted(vary)).decode()
            return got

    plain, head, packed = ask("GET"), ask("HEAD"), ask("GET", "Accept-Encoding: gzip\r\n")
    assert (head.status, head.body) == (200, b"")
    for headers in (plain.headers, head.headers, packed.headers):
        headers.pop("date")
    assert head.headers == plain.headers
    assert packed.headers["content-encoding"] == "gzip" and len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body
    for headers in (plain.headers, packed.headers):
        assert set(headers["vary"].split(", ")) == {"Accept-Encoding", "Accept-Language"}
    assert packed.headers["etag"] == plain.headers["etag"]


def test_a_page_knows_whether_it_changed(one, ann, hall):
    etags = set()
    for n in range(5):
        etags.add(one.room(hall).headers["etag"])
        ann.send(hall, str(n))
        etag = one.room(hall).headers["etag"]
        assert etag not in etags
        assert one.ask(one.path(hall), If_None_Match=etag).status == 304


@pytest.mark.parametrize("wish, robots", [
    (None, "noindex"), ({"index": False}, "noindex"), ({"index": "yes"}, "noindex"),
    ({"index": True}, None)])
def test_search_engines_keep_what_a_room_asks_them_to(one, ann, hall, wish, robots):
    said = ann.send(hall, "hello")
    if wish is not None:
        ann.set_state(hall, "org.parlour.viewer", wish)
    for path in (one.path(hall), one.path(hall), one.path(hall, "event", said),
                 one.path(hall, "thread", said)):
        assert one.page(path).robots == robots
    for path in (one.path(hall, "days"), one.today(hall), one.path(hall, "search", q="hello"),
                 one.path(hall, "search"), one.path(hall, "days", "2026-11")):
        assert one.page(path).robots == "noindex"
    got = one.ask(one.path(hall), If_None_Match=one.room(hall).headers["etag"])
    assert got.headers.get("x-robots-tag") == robots


def test_a_page_says_what_others_show_of_it(one, ann):
    room = ann.public_room(visibility="world_readable", name='A "b" <c>', topic="Of <b>fish</b>")
    head = one.room(room).root.one("head")
    said = {e["property"]: e["content"] for e in head.all("meta") if e.get("property")}
    canonical = next(e["href"] for e in head.all("link") if e["rel"] == "canonical")
    assert canonical == said.pop("og:url") == f"{BASE}/rooms/{room}"
    assert 'A "b" <c>' in said.pop("og:title")
    assert said == {"og:type": "website", "og:description": "Of <b>fish</b>"}


def test_the_sitemap_has_the_rooms_that_ask(one, ann):
    aliases = {}
    for wish in ({"index": True}, {"index": False}, {"index": True, "show": False}, None):
        alias = fresh("mapped&lt")
        room = ann.create_room(preset="public_chat", visibility="public", room_alias_name=alias,
                               initial_state=[OPEN])
        if wish is not None:
            ann.set_state(room, "org.parlour.viewer", wish)
        aliases[alias] = wish
    got = one.ask("/rooms/sitemap.xml")
    assert got.headers["content-type"].startswith("application/xml")
    text = got.body.decode()
    assert "&amp;" in text or "%26" in text
    for alias, wish in aliases.items():
        assert (quote(alias) in text) == (wish == {"index": True})
    for address in re.findall("<loc>(.*?)</loc>", text):
        assert one.page(address.replace("&amp;", "&")).robots is None


def test_robots_are_told_where_the_sitemap_is(one):
    got = one.ask("/robots.txt")
    assert got.headers["content-type"].startswith("text/plain")
    lines = got.body.decode().splitlines()
    assert f"Sitemap: {BASE}/rooms/sitemap.xml" in lines and "User-agent: *" in lines
    assert "Disallow: /rooms/*/search" in lines and "Disallow: /_matrix/" in lines
    assert not any(line.startswith("Disallow: /rooms") and "*" not in line for line in lines)


def test_addresses_are_the_configurations_whatever_a_request_says(one, kinds):
    lies = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "ftp",
            "Forwarded": "host=evil.example;proto=ftp", "Origin": "https://evil.example",
            "Referer": "https://evil.example/"}
    for path in [*kinds.values(), "/robots.txt", "/rooms/sitemap.xml"]:
        got = one.http.ask("GET", one.local(path), headers=lies)
        assert got.status == 200 and b"evil" not in got.body
        assert not any("evil" in value for value in got.headers.values())
    got = one.http.ask("GET", "/rooms/nowhere:localhost", headers=lies)
    assert b"evil" not in got.body


def test_no_page_has_a_token_or_sets_a_cookie(one, stage, kinds):
    tokens = [who.token for who in stage.people.values()]
    for path in kinds.values():
        got = one.http.ask("GET", one.local(path),
                           headers={"Authorization": "Bearer " + tokens[0], "Cookie": "a=b"})
        text = got.body.decode() + str(got.headers)
        assert got.status == 200 and not any(token in text for token in tokens)
        assert "set-cookie" not in got.headers


def test_assets_are_kept_for_good_and_named_by_what_is_in_them(one, kinds):
    page = one.page(kinds["room"])
    found = {*page.policy["script-src"], *page.policy["style-src"],
             *(e["href"] for e in page.root.all("link") if "icon" in e["rel"])}
    assert len(found) >= 3
    for address in found:
        got = one.ask(address)
        assert got.status == 200
        assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert got.headers["x-content-type-options"] == "nosniff"
        kind = got.headers["content-type"].split(";")[0]
        assert kind == {"js": "text/javascript", "css": "text/css",
                        "svg": "image/svg+xml"}[address.rsplit(".", 1)[1]]
        name = address.rsplit("/", 1)[1].split(".")[-2]
        assert hashlib.sha256(got.body).hexdigest().startswith(name)
        for wrong in (address.replace(name, "0" * len(name)), address + "x",
                      re.sub(r"\.[0-9a-f]+\.", ".", address)):
            assert one.ask(wrong).status == 404
    one.gone("/_parlour/assets/%2e%2e%2fparlour.yaml")


def test_a_page_and_its_assets_are_small(one, stage):
    """What a first visit takes, packed: 60 KB at most, pictures aside."""
    page = one.room(stage.room_id)
    addresses = [one.path(stage.room_id), *page.policy["script-src"], *page.policy["style-src"],
                 *(e["href"] for e in page.root.all("link") if "icon" in e["rel"])]
    total = sum(len(one.ask(address, Accept_Encoding="gzip").body) for address in addresses)
    assert total <= 60 * 1024


# --- who serves them ----------------------------------------------------------------


def test_there_are_no_pages_where_they_are_switched_off(viewer):
    one = viewer(viewer={"enabled": False})
    room = one.api.register().public_room()
    for path in ("/rooms", one.path(room), "/robots.txt", "/rooms/sitemap.xml"):
        got = one.ask(path)
        assert (got.status, got.errcode()) == (404, "M_UNRECOGNIZED")


def test_a_listener_has_the_pages_or_the_api_that_it_is_told_to(private):
    server = private(running=False)
    one = open_viewer(server, BASE, serve=["client"])
    room = one.api.register().public_room()
    got = one.ask(one.path(room))
    assert (got.status, got.errcode()) == (404, "M_UNRECOGNIZED")
    got = one.ask("/rooms")
    assert (got.status, got.errcode()) == (404, "M_UNRECOGNIZED")
    server.stop()
    one = open_viewer(server, BASE, serve=["viewer"])
    assert one.room(room).root.has("h1") and one.ask("/robots.txt").status == 200
    assert one.ask("/_matrix/client/versions").status == 404
    assert one.ask("/_parlour/health").status == 200


def test_old_days_and_searches_are_limited_apart_from_pages(viewer):
    one = viewer(limits={"rate": "on"})
    ann = one.api.register()
    room = ann.public_room()
    ann.send(room, "hello")
    got = until_limited(lambda: one.ask(one.path(room, "search", q="hello")), 100)
    assert int(got.headers["retry-after"]) >= 1
    page = one.page(one.path(room, "search", q="hello"), 429)
    assert page.headers["cache-control"] == "no-store" and page.title == "Too many requests"
    one.page(one.path(room, "days"), 429)
    assert one.room(room).ids
    page = one.page(until_limited_path(one, one.path(room)), 429, language="fr")
    assert page.title == "Trop de requêtes" and int(page.headers["retry-after"]) >= 1
    one.page("/rooms", 429)
    for asset in page.policy["style-src"] + page.policy["script-src"]:
        assert one.ask(asset).status == 200
    assert ann.send(room, "others are not held up")


def until_limited_path(one, path):
    until_limited(lambda: one.ask(path), 1000)
    return path


def test_search_is_there_unless_it_is_switched_off(viewer):
    one = viewer(viewer={"search": False})
    room = one.api.register().public_room()
    assert not any("/search" in link for link in one.room(room).links())
    assert one.room(room).root.first("form") is None
    one.gone(one.path(room, "search", q="x"))


# --- languages -----------------------------------------------------------------------

TITLES = {"en": "Public rooms", "de": "Öffentliche Räume", "fr": "Salons publics",
          "es": "Salas públicas", "ja": "公開ルーム", "ar": "الغرف العامة"}


@pytest.mark.parametrize("accept, language", [
    (None, "en"), ("de", "de"), ("de-CH", "de"), ("DE-at,en;q=0.5", "de"), ("nl,sv", "en"),
    ("nl, fr;q=0.3", "fr"), ("en;q=0.1, ja;q=0.9", "ja"), ("es;q=0.5,ar;q=0.50,fr;q=0.501", "fr"),
    ("de;q=0, es;q=0.001", "es"), ("ar-EG", "ar"), ("fr; q=0.2, es ; q=0.4", "es"),
    ("*", "en"), ("", "en"), (",,;q=,de;q=x,ja", "ja"), ("den", "en"), ("x" * 4000, "en"),
    ("de;q=0.8;level=1,fr;q=0.7", "de"), ("en-US,en;q=0.9,de;q=0.8", "en"), ("zh-ja", "en")])
def test_a_page_is_in_the_language_that_a_browser_likes_best(one, accept, language):
    page = one.page("/rooms", language=accept)
    assert page.language == language and page.title == TITLES[language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_in_one_language_and_offers_the_others(one, stage, kinds, language):
    said = {}
    for kind, path in kinds.items():
        page = one.page(path, language=language)
        assert page.language == language
        others = {e["hreflang"]: e["href"] for e in page.root.all("a[hreflang]")}
        assert set(others) == set(LANGUAGES) - {language}
        joiner = "&" if "?" in path else "?"
        assert one.page(path + joiner + "lang=" + language, language="nl").source == page.source
        said[kind] = page.text
    assert one.gone("/rooms/nowhere:localhost").language == "en"
    if language != "en":
        assert not re.search(r"\b(Older|joined|Search|Members|Reactions|Thread)\b", said["room"])
    assert one.page("/rooms/nowhere:localhost", 404, language=language).language == language


@pytest.mark.parametrize("kind", ["older", "search", "found rooms", "room"])
def test_another_language_is_of_the_same_page(one, kinds, kind):
    page = one.page(kinds[kind])
    link = next(e["href"] for e in page.root.all("a[hreflang]") if e["hreflang"] == "de")
    other = one.page(link if link.startswith(BASE) else kinds[kind].split("?")[0] + link)
    assert other.language == "de" and other.ids == page.ids
    if kind in ("search", "found rooms"):
        assert [e["value"] for e in other.root.all("input")] == [
            e["value"] for e in page.root.all("input")]


def test_a_language_that_is_not_there_is_not_one_that_was_asked_for(one):
    for wanted in ("nl", "", "xx", "en-US", "<b>"):
        assert one.page("/rooms?lang=" + quote(wanted), language="fr").language == "fr"


def test_only_the_languages_that_the_operator_wants_are_offered(viewer):
    one = viewer(viewer={"languages": ["ja", "de"]})
    for accept, language in ((None, "de"), ("en", "de"), ("ja,de;q=0.5", "ja")):
        page = one.page("/rooms", language=accept)
        assert page.language == language
        assert {e["hreflang"] for e in page.root.all("a[hreflang]")} == {"ja", "de"} - {language}
    assert one.page("/rooms?lang=en").language == "de"


# --- as fresh as can be ---------------------------------------------------------------


def test_a_page_has_all_that_was_acknowledged_before_it_was_asked_for(one, ann):
    alias = fresh("fresh")
    room = ann.public_room(room_alias_name=alias)
    paths = [one.path(room), f"/rooms/{alias}:localhost"]
    for n in range(90):
        sent = ann.send(room, f"word {n}")
        page = one.page(paths[n % 2], language=LANGUAGES[n % 3])
        assert page.ids[-1] == sent
        if n % 3 == 0:
            ann.send(room, edit_of(sent, f"edited {n}"))
            assert one.page(paths[0]).line(sent).body == f"edited {n}"
        if n % 3 == 1:
            ann.redact(room, sent)
            assert f"word {n}." not in one.page(paths[1]).source
            assert one.page(paths[1]).line(sent).body == "This message was deleted."
        if n % 3 == 2:
            ann.send(room, reaction(sent, "+"), "m.reaction")
            assert one.page(paths[0]).line(sent).reactions == {"+": "1"}


def test_a_page_is_made_once_for_as_long_as_nothing_happens(viewer):
    one = viewer()
    ann = one.api.register()
    room = ann.public_room()

    def counts():
        metrics = one.server.metrics()
        return [metrics[f'parlour_pages_total{{how="{how}"}}'] for how in ("made", "kept")]

    for n in range(3):
        ann.send(room, str(n))
        made, kept = counts()
        pages = {one.room(room).source for _ in range(10)}
        assert len(pages) == 1 and counts() == [made + 1, kept + 9]


def test_a_page_is_as_fresh_while_many_speak_and_look(one, ann):
    room = ann.public_room()
    people = [one.api.register() for _ in range(4)]
    for who in people:
        who.join(room)

    def speak_and_look(who):
        for n in range(30):
            sent = who.send(room, f"{who.user_id} {n}")
            page = Viewer(one.server).room(room, language=LANGUAGES[n % 2])
            assert sent in page.ids
        return True

    assert all(in_threads([lambda who=who: speak_and_look(who) for who in people]))


def test_the_names_on_a_page_are_those_of_now(one, ann, ben, hall):
    ben.join(hall)
    sent = ben.send(hall, "hello")
    answer = ann.send(hall, reply_to(sent))
    ann.send(hall, in_thread(answer, "x"))
    ben.send(hall, in_thread(answer, "y"))
    for name in ("Ben", "Benjamin <b>", "بن"):
        ben.put(f"/profile/{ben.user_id}/displayname", {"displayname": name})
        until(lambda name=name: one.room(hall).line(sent).name == name)
        page = one.room(hall)
        assert name in page.line(answer).said("quote")
        assert name in page.line(answer).said("thread")
        assert page.people.count(name) == 1
    assert "Benjamin <b> is now called بن" not in page.source
    assert page.lines[-1].element.has("bdi")


def test_a_name_that_somebody_had_before_a_room_opened_is_not_told(one, ann, ben):
    room = ann.public_room(visibility="shared")
    ben.put(f"/profile/{ben.user_id}/displayname", {"displayname": "An old name"})
    ben.join(room)
    ann.visibility(room, "world_readable")
    ben.put(f"/profile/{ben.user_id}/displayname", {"displayname": "A new name"})
    page = until(lambda: (p := one.room(room)) and "A new name" in p.source and p)
    assert "An old name" not in page.source


def test_faces_are_those_of_now(one, ann, hall):
    sent = ann.send(hall, "hello")
    assert one.room(hall).line(sent).face is None
    seen = set()
    for colour in ("red", "blue"):
        mxc = upload(ann, face(colour), "image/png", "face.png")
        ann.put(f"/profile/{ann.user_id}/avatar_url", {"avatar_url": mxc})
        address = until(lambda: (a := one.room(hall).line(sent).face) not in seen and a)
        seen.add(address)
        got = one.ask(address)
        assert got.status == 200 and size_of(got.body) == (96, 96)
        assert got.headers["cache-control"] == "public, max-age=10, must-revalidate"
    ann.put(f"/profile/{ann.user_id}/avatar_url", {"avatar_url": ""})
    until(lambda: one.room(hall).line(sent).face is None)


# --- there and back -------------------------------------------------------------------


def test_paging_through_two_hundred_messages_loses_and_repeats_nothing(one, ann):
    room = ann.public_room(name="Long")
    sent = [ann.send(room, f"number {n}") for n in range(200)]
    for _ in range(3):
        ann.send(room, reaction(sent[-1], fresh("r")), "m.reaction")
    pages, path = [], one.path(room)
    while path:
        pages.append(path)
        page = one.page(path)
        assert len(page.lines) <= 60
        path = page.rel("prev")
    said = [[line.id for line in one.page(path).lines if line.is_said] for path in pages]
    assert [e for ids in reversed(said) for e in ids] == sent and len(pages) >= 4
    forth, path = [], pages[-1]
    while path:
        page = one.page(path)
        forth += page.ids
        path = page.rel("next")
    assert [e for e in forth if e in set(sent)] == sent and len(set(forth)) == len(forth)
    assert one.page(pages[-1]).rel("prev") is None


def test_a_page_of_before_goes_back_to_the_live_room(one, ann, hall):
    for n in range(60):
        ann.send(hall, str(n))
    page = one.room(hall)
    older = one.page(page.rel("prev"))
    assert page.root.has("[data-live]") and not older.root.has("[data-live]")
    up = older.root.one("a.up")
    assert one.page(up["href"]).source == page.source
    assert one.page(older.rel("next")).ids == page.ids


@pytest.mark.parametrize("place", [0, 1, 40, 98, 99])
def test_a_link_to_a_message_shows_what_was_said_around_it(one, long_talk, place):
    room, sent = long_talk
    page = one.room(room, "event", sent[place])
    said = [line.id for line in page.lines if line.is_said]
    assert said == sent[max(0, place - 25):place + 26]
    assert [line.id for line in page.lines if line.is_marked] == [sent[place]]
    if place == 40:
        before, behind = one.page(page.rel("prev")), one.page(page.rel("next"))
        assert before.ids[-1] == sent[14] and behind.ids[0] == sent[66]


@pytest.fixture(scope="module")
def long_talk(one):
    ann = one.api.register()
    room = ann.public_room()
    return room, [ann.send(room, f"number {n}") for n in range(100)]


def test_every_line_has_a_link_to_itself(one, stage):
    page = one.room(stage.room_id)
    for line in page.lines:
        links = [e["href"] for e in line.element.all("a[href]") if e.has("time")]
        assert len(links) == 1
        there = one.page(links[0])
        assert [l.id for l in there.lines if l.is_marked] == [line.id]


def test_a_link_to_what_is_no_line_of_its_own_is_a_page_all_the_same(one, stage):
    for name in ("reaction", "edit", "vote", "redaction", "in_thread"):
        page = one.room(stage.room_id, "event", stage.events[name])
        assert page.lines


def test_an_event_of_another_room_is_not_in_this_one(one, ann, hall):
    other = ann.public_room()
    sent = ann.send(other, picture(upload(ann, face("red"), "image/png", "a.png")))
    closed = ann.create_room()
    secret = ann.send(closed, "secret")
    for event in (sent, secret):
        for tail in ("event", "thread"):
            one.gone(one.path(hall, tail, event))
        one.gone(one.path(hall, "media", event, "file"))
        ann.send(hall, reply_to(event, "quoting"))
        ann.send(hall, in_thread(event, "answering"))
    page = one.room(hall)
    assert "secret" not in page.source and not page.root.has(".quote")
