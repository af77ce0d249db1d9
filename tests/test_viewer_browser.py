"""Pages of public rooms in Chromium: with scripts and without, live, on phones and desktops,
for screen readers (axe-core), and under attack (lib/xss.py).

Stands on Debian's chromium and tests/js (npm ci there once; ./dev test does both).
"""

import itertools
import json
import os
import queue
import re
import shutil
import subprocess
import threading

import pytest

from lib.client import fresh, in_threads
from lib.http import quote
from lib.page import open_viewer
from lib.said import OPEN, POLL, edit_of, in_thread, reaction, vote
from lib.server import Server, binary
from lib.stage import Stage, face, upload
from lib.xss import contents, payloads
from test_sdk import JS, NODE

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")

IS_SLOW = any(word in binary() for word in ("/asan/", "/tsan/"))
TOLD_WITHIN_S = 120
PHONE, DESKTOP = (360, 740), (1280, 800)


class Browser:
    """js/viewer.mjs, which answers one command after the other."""

    def __init__(self):
        chromium = shutil.which("chromium")
        if not NODE.exists() or chromium is None:
            pytest.fail(f"{NODE} or chromium is not there: ./dev test installs both")
        self.process = subprocess.Popen(
            [NODE, JS / "viewer.mjs", chromium], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.told, self.errors, self.names = queue.Queue(), [], itertools.count()
        self.readers = [threading.Thread(target=read, daemon=True)
                        for read in (self._read, self._read_errors)]
        for reader in self.readers:
            reader.start()
        self._next()

    def _read(self):
        for line in self.process.stdout:
            self.told.put(json.loads(line))
        self.told.put(None)

    def _read_errors(self):
        self.errors += self.process.stderr

    def _next(self):
        got = self.told.get(timeout=TOLD_WITHIN_S)
        assert got is not None, "".join(self.errors)
        return got

    def do(self, does, **command):
        self.process.stdin.write(json.dumps({"does": does, **command}) + "\n")
        self.process.stdin.flush()
        got = self._next()
        assert "error" not in got, f"{does} {command}: {got['error']}"
        return got["value"]

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for reader in self.readers:
            reader.join()


class Tab:
    """A window of its own, without anything kept from others."""

    def __init__(self, browser, viewer, path, **options):
        self.browser, self.viewer = browser, viewer
        self.name = str(next(browser.names))
        self.url = self.do("open", url=self.address(path), options=options)

    def address(self, path):
        return path if path.startswith("http") else self.viewer.base + path

    def do(self, does, **command):
        return self.browser.do(does, name=self.name, **command)

    def go(self, path):
        self.url = self.do("go", url=self.address(path))

    def get(self, code):
        return self.do("evaluate", code=code)

    def until(self, code):
        return self.do("until", code=code)

    def act(self, *steps):
        self.url = self.do("act", steps=steps)
        return self.url

    def text(self, selector="body"):
        return self.do("text", selector=selector)

    def until_line(self, event_id, holds=""):
        """Once the line is there, and holds these words."""
        return self.until(f"{line(event_id)}?.textContent.includes({json.dumps(holds)})")

    def ids(self):
        return self.get("[...document.querySelectorAll('li.line')].map((e) => e.id)")

    def heard(self):
        return self.do("heard")

    def assert_good(self):
        """Nothing went wrong, and nothing went elsewhere."""
        heard = self.heard()
        assert heard["console"] == [] and heard["ran"] == []
        away = [url for url in heard["requests"] if not url.startswith(self.viewer.base + "/")]
        assert away == []


def line(event_id):
    return f"document.getElementById({json.dumps(event_id)})"


@pytest.fixture(scope="module")
def browser():
    one = Browser()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("viewer-browser"))
    try:
        yield open_viewer(server)
    finally:
        server.stop()


@pytest.fixture
def viewer(private):
    def start(**settings):
        return open_viewer(private(running=False), **settings)

    return start


@pytest.fixture(scope="module")
def stage(one):
    return Stage(one.api).play()


@pytest.fixture
def ann(one):
    return one.api.register()


@pytest.fixture
def hall(ann):
    return ann.public_room(name="The hall", topic="What is said")


@pytest.fixture
def tab(browser):
    """Opens tabs, which are closed behind the test."""
    opened = []

    def start(viewer, path, **options):
        opened.append(Tab(browser, viewer, path, **options))
        return opened[-1]

    yield start
    for each in opened:
        each.do("close")


KINDS = ["rooms", "found rooms", "no rooms", "room", "event", "thread", "day", "days", "search",
         "nothing found", "error"]


@pytest.fixture(scope="module")
def kinds(one, stage):
    days = one.room(stage.room_id, "days")
    day = days.root.one("table").all("a[href]")[0]["href"]
    return {"rooms": "/rooms", "found rooms": "/rooms?q=garden", "no rooms": "/rooms?q=xyz",
            "room": one.path(stage.room_id),
            "event": one.path(stage.room_id, "event", stage.events["image"]),
            "thread": one.path(stage.room_id, "thread", stage.events["thread"]),
            "day": day, "days": one.path(stage.room_id, "days"),
            "search": one.path(stage.room_id, "search", q="tomatoes"),
            "nothing found": one.path(stage.room_id, "search", q="xyz"),
            "error": "/rooms/nowhere:localhost"}


# --- without scripts -------------------------------------------------------------------


def test_a_page_reads_whole_without_scripts(one, stage, tab):
    page = tab(one, one.path(stage.room_id), javaScriptEnabled=False)
    text = page.text("main")
    for words in ("Good evening, everybody", "half a kilo of tomatoes", "pump.run(minutes=5)",
                  "September", "The hill, an hour ago", "See you on Saturday", "مساء الخير",
                  "This message was deleted.", "Who helps with the fence?", "waters the roses",
                  "plan.pdf", "The garden gate", "When shall we meet?", "encrypted", "Good night!"):
        assert words in text, words
    assert page.text("h1") == "The Evening Garden"
    page.assert_good()


def test_a_spoiler_hides_without_scripts_and_is_to_be_read(one, stage, tab):
    page = tab(one, one.path(stage.room_id), javaScriptEnabled=False)
    page.act(("focus", ".spoiler"))
    assert "Maya, by two kilos!" in page.text(".spoiler")


def test_one_gets_around_without_scripts(one, stage, tab):
    page = tab(one, "/rooms", javaScriptEnabled=False)
    page.act(("click", "main a:has-text('The Evening Garden')"),
             ("waitForSelector", "li.said"))
    assert page.text("h1") == "The Evening Garden"
    page.act(("fill", "input[name=q]", "crickets"), ("press", "input[name=q]", "Enter"),
             ("waitForSelector", "text=Good night!"))
    assert "/search?q=crickets" in page.url
    page.act(("click", "li.line a.when"), ("waitForSelector", "li.marked"))
    assert "/event/" in page.url and "Good night!" in page.text("li.marked")
    page.act(("click", "a[hreflang=de]"), ("waitForSelector", "html[lang=de]"))
    page.assert_good()


# --- live ---------------------------------------------------------------------------------


def test_what_is_said_edited_and_redacted_arrives(one, ann, hall, tab):
    before = ann.send(hall, "before")
    page = tab(one, one.path(hall))
    sent = ann.send(hall, "saterday")
    page.until_line(sent, "saterday")
    ann.send(hall, edit_of(sent, "saturday"))
    page.until_line(sent, "saturday")
    ann.send(hall, reaction(sent, "🎉"), "m.reaction")
    page.until(f"{line(sent)}.querySelector('.reactions')?.textContent.includes('🎉')")
    ann.send(hall, in_thread(before, "in a thread"))
    page.until_line(before, "in a thread")
    asked = ann.send(hall, POLL, "m.poll.start")
    page.until_line(asked, "Coffee")
    ann.send(hall, vote(asked, "b"), "m.poll.response")
    page.until(f"/1/.test({line(asked)}.querySelector('.poll').textContent)")
    ann.redact(hall, sent)
    page.until(f"!{line(sent)}.textContent.includes('saturday')")
    assert "saterday" not in page.get("document.documentElement.outerHTML")
    assert page.ids() == one.room(hall).ids
    page.assert_good()


def test_a_live_page_looks_like_one_that_is_fetched(one, ann, hall, tab):
    """Days, runs, and who goes on speaking, as the script makes them."""
    people = [one.api.register() for _ in range(6)]
    page = tab(one, one.path(hall))
    ann.send(hall, "one")
    ann.send(hall, "two")
    for who in people:
        who.join(hall)
    people[0].send(hall, "three")
    for who in people[:2]:
        who.leave(hall)
    last = ann.send(hall, "four")
    page.until_line(last, "four")
    shape = """[...document.querySelectorAll('#lines li')].map((e) => [e.id, ['line', 'said',
        'quiet', 'moved', 'follows', 'run', 'day'].filter((c) => e.classList.contains(c)).join(' '),
        e.querySelector('summary')?.textContent.replace(/\\s+/g, ' ').trim()])"""
    live = page.get(shape)
    other = tab(one, one.path(hall))
    assert live == other.get(shape)


def test_a_page_hears_on_over_a_restart_without_loss_or_doubles(viewer, tab):
    one = viewer()
    ann = one.api.register()
    room = ann.public_room()
    page = tab(one, one.path(room))
    sent = [ann.send(room, f"word {n}") for n in range(5)]
    page.until_line(sent[-1])
    for how in ("kill", "stop"):
        getattr(one.server, how)()
        one.server.start()
        sent += [ann.send(room, f"behind a {how} {n}") for n in range(5)]
        page.until_line(sent[-1])
    ids = page.ids()
    assert [e for e in ids if e in set(sent)] == sent and len(ids) == len(set(ids))
    assert page.heard()["ran"] == []


def test_a_page_that_was_far_behind_is_as_fresh_as_another(one, ann, hall, tab):
    page = tab(one, one.path(hall))
    first = ann.send(hall, "first")
    page.until_line(first)
    page.do("offline", value=True)
    for n in range(320):
        last = ann.send(hall, f"word {n}")
    page.do("offline", value=False)
    ann.send(hall, edit_of(last, "the last word"))
    page.until_line(last, "the last word")
    ids = page.ids()
    assert len(ids) == len(set(ids)) and ids[-40:] == one.room(hall).ids[-40:]


@pytest.mark.parametrize("how", ["visibility", "operator"])
def test_a_page_says_that_its_room_has_closed_and_stops(one, ann, hall, tab, how):
    page = tab(one, one.path(hall))
    sent = ann.send(hall, "open")
    page.until_line(sent)
    words = page.get("document.querySelector('[data-closed]').dataset.closed")
    if how == "visibility":
        ann.visibility(hall, "shared")
    else:
        one.operator("room", "hide", hall)
    page.until(f"[...document.querySelectorAll('[role=status], [role=alert]')].some((e) => "
               f"e.checkVisibility() && e.textContent.includes({json.dumps(words)}))")
    ann.send(hall, "behind closed doors")
    assert words in page.text() and "behind closed doors" not in page.text()
    streams = [url for url in page.heard()["requests"] if "/live" in url]
    assert len(streams) <= 2


def test_a_page_speaks_its_readers_language_also_live(one, ann, hall, tab):
    for language, joined in (("ar", "انضم"), ("ja", "参加")):
        page = tab(one, one.path(hall), locale=language)
        assert page.get("document.documentElement.lang") == language
        assert page.get("getComputedStyle(document.body).direction") == (
            "rtl" if language == "ar" else "ltr")
        who = one.api.register()
        who.join(hall)
        page.until(f"document.getElementById('lines').textContent.includes('{who.user_id}')")
        assert joined in page.text("#lines")
        page.assert_good()


def test_times_are_those_of_the_reader(one, ann, hall, tab):
    sent = ann.send(hall, "now")
    clock = f"{line(sent)}.querySelector('time').textContent.match(/\\d+/)[0]"
    hours = []
    for zone in ("UTC", "Asia/Tokyo", "Asia/Kolkata"):
        page = tab(one, one.path(hall), timezoneId=zone, locale="de")
        page.until(f"{line(sent)}.querySelector('time')")
        here = page.get(f"new Date({line(sent)}.querySelector('time').dateTime).getHours()")
        page.until(f"Number({clock}) === {here}")
        hours.append(here)
    assert hours[0] != hours[1]


# --- every kind of page ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_complains_or_looks_elsewhere(one, kinds, tab, kind):
    page = tab(one, kinds[kind])
    page.get("document.querySelectorAll('img').forEach((e) => { e.loading = 'eager'; })")
    page.get("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    page.get("Promise.all([...document.images].map((e) => e.decode().catch(() => 0)))")
    heard = page.heard()
    errors = [e for e in heard["console"] if kind != "error" or "404" not in e]
    assert errors == [] and heard["ran"] == []
    assert all(url.startswith(one.base + "/") for url in heard["requests"])
    broken = page.get("[...document.images].filter((e) => !e.naturalWidth).map((e) => e.src)")
    assert broken == []


# The innermost elements that stand out of the window.
TOO_WIDE = """(() => {
    const room = screen.width;
    const scrolls = (e) => e !== document.body && e.closest('html') !== e && (
        getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
    const out = [...document.querySelectorAll('body *')].filter((e) => {
        const { left, right } = e.getBoundingClientRect();
        return (right > room + 1 || left < -1) && !scrolls(e.parentElement);
    });
    return out.filter((e) => !out.some((other) => other !== e && e.contains(other))).slice(0, 8)
        .map((e) => `${Math.round(e.getBoundingClientRect().right)} ${e.outerHTML.slice(0, 160)}`);
})()"""


@pytest.mark.parametrize("size", [PHONE, (320, 600), (800, 1000), DESKTOP])
def test_no_page_scrolls_sideways(one, ann, kinds, tab, size):
    page = tab(one, kinds["room"], size=size, isMobile=size[0] < 500)
    wrong = []
    for kind in KINDS:
        for language in ("de", "ar") if kind in ("room", "rooms") else ("fr",):
            page.go(kinds[kind] + ("&" if "?" in kinds[kind] else "?") + "lang=" + language)
            wide, window = page.get("[document.documentElement.scrollWidth, innerWidth]")
            if not wide <= window <= size[0]:
                wrong.append((kind, language, wide, page.get(TOO_WIDE)))
    assert wrong == []


def test_nothing_that_is_long_scrolls_a_page_sideways(one, ann, tab):
    long_ = "W" * 400
    room = ann.public_room(name=long_[:250], topic=long_)
    ann.put(f"/profile/{ann.user_id}/displayname", {"displayname": long_[:200]})
    html = {"format": "org.matrix.custom.html", "msgtype": "m.text", "body": long_}
    for content in (long_, {**html, "formatted_body": f"<pre><code>{long_}</code></pre>"},
                    {**html, "formatted_body": f"<table><tr>{'<td>cell cell</td>' * 60}</table>"},
                    {**html, "formatted_body": f"<h1>{long_}</h1><blockquote>{long_}</blockquote>"},
                    {**html, "formatted_body": "<ul><li>" * 40 + long_},
                    {**html, "formatted_body": "<blockquote>" * 60 + "deep"},
                    {"msgtype": "m.file", "body": long_, "url": "mxc://localhost/x"},
                    {"msgtype": "m.image", "body": long_, "url": "mxc://localhost/x",
                     "info": {"w": 9000, "h": 10}}):
        sent = ann.send(room, content)
    ann.send(room, reaction(sent, long_[:100]), "m.reaction")
    ann.send(room, {**POLL, "m.poll": {**POLL["m.poll"], "answers": [
        {"m.id": "a", "m.text": [{"body": long_}]}]}}, "m.poll.start")
    ann.send(room, {}, long_[:200])
    for size in (PHONE, DESKTOP):
        page = tab(one, one.path(room), size=size, isMobile=size is PHONE)
        wide, window = page.get("[document.documentElement.scrollWidth, innerWidth]")
        assert wide <= window <= size[0], page.get(TOO_WIDE)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_serious_stands_in_the_way_of_anybody(one, kinds, tab, kind):
    page = tab(one, kinds[kind], colorScheme="light", reducedMotion="reduce")
    found = {"light": page.do("check")}
    page.do("media", value={"colorScheme": "dark"})
    found["dark"] = page.do("check")
    assert found == {"light": [], "dark": []}


def test_nothing_serious_stands_in_the_way_on_a_phone_and_from_right_to_left(one, kinds, tab):
    page = tab(one, kinds["room"] + "?lang=ar", size=PHONE, isMobile=True, reducedMotion="reduce")
    page.get("document.querySelectorAll('details').forEach((e) => { e.open = true; })")
    assert page.do("check") == []


def test_a_page_is_dark_for_those_who_like_it_so(one, kinds, tab):
    lightness = """(() => {
        const behind = [document.body, document.documentElement].map((e) =>
            getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number));
        const [r, g, b] = behind.find(([, , , alpha]) => alpha !== 0);
        return (r + g + b) / 3;
    })()"""
    page = tab(one, kinds["room"], colorScheme="light")
    light = page.get(lightness)
    page.do("media", value={"colorScheme": "dark"})
    assert light > 200 and page.get(lightness) < 80


def test_the_first_stop_of_a_keyboard_leads_to_the_messages(one, kinds, tab):
    page = tab(one, kinds["room"])
    page.act(("press", "body", "Tab"))
    href = page.get("document.activeElement.getAttribute('href')")
    assert href == "#main" and page.get("document.activeElement.checkVisibility()")
    page.act(("press", "body", "Enter"))
    assert page.url.endswith("#main")


def test_nothing_moves_for_those_who_want_no_motion(one, ann, hall, tab):
    page = tab(one, one.path(hall), reducedMotion="reduce")
    sent = ann.send(hall, "hello")
    page.until_line(sent)
    moving = page.get("""document.getAnimations().filter((a) =>
        a.effect.getComputedTiming().duration > 100).map((a) => a.animationName)""")
    assert moving == []


# --- attacks -----------------------------------------------------------------------------------

CORPUS = payloads()[::4 if IS_SLOW else 1]
STAYING = [p for p in CORPUS if "<meta" not in p]  # of them no policy is for

# Whatever could run later, were it touched; and all that is drawn when it is.
TOUCH = """(() => {
    const found = [];
    for (const e of document.querySelectorAll('*')) {
        for (const { name, value } of e.attributes)
            if (/^on|^style$|^srcdoc$/i.test(name) ||
                (/^(href|src|action|formaction|data|xlink:href|poster|srcset)$/i.test(name) &&
                 /^[\\x00-\\x20]*(javascript|vbscript|data)\\s*:/i.test(value)))
                found.push(e.outerHTML.slice(0, 500));
        if (e.localName === 'details')
            e.open = true;
        for (const kind of ['mouseover', 'focus', 'toggle', 'animationstart', 'error', 'load'])
            if (e.closest('#lines, header, aside, .room-list') && e.localName !== 'img')
                e.dispatchEvent(new Event(kind));
    }
    document.querySelectorAll('img').forEach((e) => { e.loading = 'eager'; });
    return found;
})()"""


@pytest.fixture(scope="module")
def attacked(one):
    """(room ids, the room in which all is said, its events): every payload in every field."""
    host = one.api.register()
    mxc = upload(host, face("red"), "image/png", "x.png")
    main = host.public_room(name="Attacked", topic="x")
    known = host.send(main, "a root")
    # One room and one member for each payload, named by it.
    def one_of(p):
        who = one.api.register()
        room = who.create_room(preset="public_chat", visibility="public", name=p, topic=p,
                               initial_state=[OPEN])
        alias = "#" + p.replace(":", "_") + ":localhost"
        who.reply("PUT", f"/directory/room/{quote(alias)}", {"room_id": room})
        for kind, content in (("m.room.canonical_alias", {"alias": alias}),
                              ("m.room.avatar", {"url": p}),
                              ("m.room.pinned_events", {"pinned": [p]}),
                              ("m.room.name", {"name": p}), ("m.room.topic", {"topic": p}),
                              ("m.room.tombstone", {"body": p, "replacement_room": p})):
            who.reply("PUT", who.room(room, f"/state/{kind}"), content)
        who.reply("PUT", f"/profile/{who.user_id}/displayname", {"displayname": p})
        who.reply("PUT", f"/profile/{who.user_id}/avatar_url", {"avatar_url": p})
        who.join(main)
        who.reply("PUT", who.room(main, f"/state/m.room.member/{quote(who.user_id)}"),
                  {"membership": "join", "displayname": p, "avatar_url": p, "reason": p})
        kind, key = quote("org.x." + p[:200]), quote(p[:200])
        host.reply("PUT", host.room(main, f"/state/{kind}/{key}"), {"x": p})
        sent = [host.send(main, p)]
        for kind, content in contents(p, mxc, known):
            got = who.reply("PUT", who.room(main, f"/send/{quote(kind)}/{fresh('x')}"), content)
            assert got.status == 200 or len(kind) > 20, (kind, content, got)
            if got.status == 200:
                sent.append(got.json()["event_id"])
        host.reply("PUT", host.room(main, f"/send/m.room.message/{fresh('x')}"), edit_of(
            sent[0], p, format="org.matrix.custom.html", formatted_body=p))
        return room, sent

    made = [pair for pairs in in_threads(
        [lambda n=n: [one_of(p) for p in CORPUS[n::4]] for n in range(4)]) for pair in pairs]
    return [room for room, _ in made], main, known, [event for _, sent in made for event in sent]


def check_attacked(page):
    assert page.get(TOUCH) == [], page.url
    page.get("Promise.all([...document.images].map((e) => e.decode().catch(() => 0)))")
    heard = page.heard()
    assert heard["ran"] == [], page.url
    away = [url for url in heard["requests"] if not url.startswith(page.viewer.base + "/")]
    assert away == [], page.url
    assert page.get("location.href") == page.url
    return heard


def walk(one, page, path, rel):
    """Opens a page and those that it leads on to; how many lines they had."""
    count = 0
    while path:
        page.go(path)
        check_attacked(page)
        count += page.get("document.querySelectorAll('li.line').length")
        path = page.get(f"document.querySelector('a[rel~={rel}]')?.href ?? null")
    return count


def test_an_attack_that_worked_would_be_noticed(one, hall, tab):
    """So that the tests below can fail: the payloads as they stand, in a page."""
    page = tab(one, one.path(hall), bypassCSP=True)
    for p in STAYING:
        page.get(f"""(() => {{ const e = document.createElement('div');
            e.id = 'lines'; e.innerHTML = {json.dumps(p)}; document.body.append(e); }})()""")
    touched = page.get(TOUCH)
    page.get("Promise.all([...document.images].map((e) => e.decode().catch(() => 0)))")
    heard = page.heard()
    away = [url for url in heard["requests"] if "evil.example" in url]
    assert len(touched) > len(CORPUS) / 4 and len(set(heard["ran"])) > len(CORPUS) / 8
    assert len(away) > len(CORPUS) / 20


def test_a_page_keeps_to_its_policy_even_if_markup_got_through(one, hall, tab):
    page = tab(one, one.path(hall))
    for p in STAYING:
        page.get(f"document.body.insertAdjacentHTML('beforeend', {json.dumps(p)})")
    page.get("Promise.all([...document.images].map((e) => e.decode().catch(() => 0)))")
    heard = page.heard()
    assert heard["ran"] == [] and any("violates" in words for words in heard["console"])
    assert page.get("location.href") == page.url


@pytest.mark.parametrize("policy", ["with its policy", "without"])
def test_nothing_that_people_write_runs_or_is_fetched_from_elsewhere(one, attacked, tab, policy):
    """Without the policy the pages must be as harmless: it is the second wall."""
    rooms, main, known, sent = attacked
    day = one.room(main, "days").root.one("table").first("a")["href"]
    page = tab(one, "/rooms", bypassCSP=policy == "without")
    if policy == "without":
        assert walk(one, page, day, "next") > len(sent) * 0.8
        walk(one, page, one.path(main, "thread", known), "next")
        walk(one, page, one.path(main, "search", q="needle"), "next")
        walk(one, page, "/rooms", "next")
        paths = [one.path(main, "event", event) for event in sent[::200]]
        paths += [one.path(main, "search", q=p[:150]) for p in CORPUS[::9]]
        paths += [one.path(room) for room in rooms[::3]]
    else:
        paths = [day, one.path(main), one.path(main, "search", q="needle"), "/rooms",
                 one.path(main, "thread", known), *map(one.path, rooms[::9])]
    for path in paths:
        page.go(path)
        heard = check_attacked(page)
        assert policy == "without" or not [w for w in heard["console"] if "violates" in w], path


def test_every_attack_is_text_or_nothing_in_the_html(one, attacked):
    """As lib/page.py holds each page against what all of them keep to."""
    rooms, main, known, sent = attacked
    path, seen = one.path(main), set()
    while path:
        page = one.page(path)
        seen |= set(page.ids)
        path = page.rel("prev")
    assert len(seen & set(sent)) > len(sent) * 0.8
    for room in rooms:
        one.page(one.path(room))
    for event in sent[::100]:
        one.page(one.path(main, "event", event))
    for p in CORPUS:
        page = one.page(one.path(main, "search", q=p[:60] + " zzz"))
        if "\r" not in p:
            assert page.root.first("input")["value"].split() == [*p[:60].split(), "zzz"]
        for tail in ("event", "thread", "day", "media"):
            got = one.ask(one.path(main, tail, p) + ("/x" if tail == "media" else ""))
            assert got.status in (400, 404) and b"pwned" not in got.body
        assert b"pwned" not in one.ask("/rooms/" + quote("#none" + p)).body
    for q in CORPUS[::10]:
        one.page("/rooms?q=" + quote(q[:60]))
    path = "/rooms"
    while path:
        page = one.page(path)
        path = page.rel("next")


@pytest.mark.parametrize("policy", ["with its policy", "without"])
def test_nothing_that_arrives_live_runs(one, ann, hall, tab, policy):
    known = ann.send(hall, "a root")
    page = tab(one, one.path(hall), bypassCSP=policy == "without")
    for p in CORPUS[::8]:
        for kind, content in contents(p, "mxc://localhost/x", known):
            ann.reply("PUT", ann.room(hall, f"/send/{quote(kind)}/{fresh('x')}"), content)
        last = ann.send(hall, p)
        ann.send(hall, edit_of(last, p, format="org.matrix.custom.html", formatted_body=p))
    last = ann.send(hall, "the last word")
    page.until_line(last, "the last word")
    heard = check_attacked(page)
    assert not [words for words in heard["console"] if "violates" in words]


def test_an_upload_that_could_run_does_not_when_its_link_is_followed(one, ann, hall, tab):
    page = tab(one, one.path(hall))
    for kind, data in (("text/html", b"<script>pwned(1)</script>"),
                       ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' "
                                         b"onload='pwned(2)'><script>pwned(3)</script></svg>"),
                       ("application/xhtml+xml", b"<html xmlns='http://www.w3.org/1999/xhtml'>"
                                                 b"<script>pwned(4)</script></html>")):
        mxc = upload(ann, data, kind, "file")
        sent = ann.send(hall, {"msgtype": "m.file", "body": "file", "url": mxc})
        path = one.path(hall, "media", sent, "file")
        # As a page, a frame, a picture and an object of the same origin.
        page.get(f"""Promise.all(['iframe', 'img', 'object', 'script'].map((name) => {{
            const e = document.createElement(name);
            e.src = e.data = {json.dumps(path)};
            document.body.append(e);
            return new Promise((done) => {{ e.onload = e.onerror = done; setTimeout(done, 300); }});
        }}))""")
        assert page.heard()["ran"] == []
    assert re.match("http", page.url)
