"""The measurements of `./dev bench viewer`, one function each; bench/viewer.py runs and
prints.

Generators as in bench/measure.py, each of which yields two dictionaries: ours, and those
of the floor beside in the same run.
"""

import gzip
import json
import random
import re
import statistics
import subprocess
import time

from listening import BURST_EVENTS, BURST_LISTENERS, SENDERS, memory_each, ms, public_rooms
from measure import gauges, kernel_bytes
from target import TOP, V3, Parlour, quote
from transfers import Nginx
from lib.client import fresh
from lib.crowd import Crowd

WARM, EVENTS = 3, 8  # of a crowd, one at a time: not counted, and counted
LANGUAGES = "en,de,ar"
WARM_VIEWERS = 100           # bring what comes with the first of them
LINES = 50                   # on a page
CONNECTIONS = 4
GZIP_LEVEL = 5               # as src/http/gzip.c has it
SETTLE_S = 0.1               # until events have had their consequences
PEOPLE = ("Maya", "Jonas", "Aiko", "Layla")
WORDS = """and the a of to in is it that we you for on with this have not are at be they
    from will what when there all can our about more some how evening garden tomato basket fence
    harvest water Saturday morning weather coffee recipe neighbour window bicycle market bread
    olive rain clear street music late early bring help question answer lovely simple broken green
    yellow quiet corner letter photo meeting idea travel station river winter summer salt pepper
    soup onion kitchen table paint ladder hammer rope seeds pumpkin apple honey bees cricket
    lantern path gate bench stone wall roses ivy""".split()
TYPES = "types { image/png png; }"  # as bench/transfers.py has it


class Viewed(Parlour):
    """Whose pages name the address at which they are read."""

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        self.server.write_config(public_base_url=f"http://{self.address}")


# ---- crowds ----

def crowd(target, owner, room, quiet, count, **options):
    return Crowd(target.address, target.pid, owner.token, [room], quiet, listeners=count,
                 **options)


def opened(target, one):
    one.ask("open")
    one.ask("park")
    target.server.until_parked(one.listeners)


def told(one):
    """What one event costs each, the median of several, one at a time."""
    for _ in range(WARM):
        one.ask("send")
    said = [one.ask("send") for _ in range(EVENTS)]
    one.ask("check")
    return {"CPU us/delivery": statistics.median(it["cpu_us"] for it in said) / one.listeners,
            "last ms": statistics.median(ms(it, "last_us") for it in said),
            "bytes": said[-1]["bytes"] / one.listeners}


def named(name, figures):
    return {f"{name}: {figure}": value for figure, value in figures.items()}


def viewers(bench, target):
    """All watch one page, 10,000 unless --viewers says otherwise; events one at a time,
    each told to all. The floor is as many guests who listen to the same room by
    server-sent events of /events, in the same process: crowds take turns, run by run.
    CPU is all that the process takes for an event, made and packed and sent, the event
    itself included; the time is from the sender's answer to the last one's."""
    owner = target.accounts(1)[0]
    room, quiet = public_rooms(target, owner, 2)

    def one(**options):
        target.server.until_parked_at_most(0)
        with crowd(target, owner, room, quiet, bench.viewers, **options) as going:
            opened(target, going)
            return told(going)

    while True:
        ours, floor = {}, {}
        for packed in ({}, {"gzip": 1}):
            name = ", packed" if packed else ""
            ours |= named(f"one language{name}", one(mode="page", **packed))
            guests = one(mode="sse", **packed)
            floor |= named(f"one language{name}", guests)
            floor |= named(f"three languages{name}", guests)
            ours |= named(f"three languages{name}", one(mode="page", languages=LANGUAGES,
                                                        **packed))
        yield ours, floor


def memory(bench, target):
    """What each viewer takes while all wait for the first event: what the server tells of,
    what became resident in a process that has had 100 of them before, and what the kernel
    holds for both ends of the connection. The floor is as many guests, likewise."""
    def one(mode):
        with bench.another(target) as fresh_one:
            owner = fresh_one.accounts(1)[0]
            room, quiet = public_rooms(fresh_one, owner, 2)
            fresh_one.http.ask("GET", f"/rooms/{quote(room)}")
            told_of = gauges(fresh_one)  # before the first: their places stay
            with crowd(fresh_one, owner, room, quiet, WARM_VIEWERS, mode=mode) as going:
                opened(fresh_one, going)
            fresh_one.server.until_parked_at_most(0)
            with crowd(fresh_one, owner, room, quiet, bench.viewers, mode=mode) as going:
                before = fresh_one.resident_bytes(), kernel_bytes(), told_of
                opened(fresh_one, going)
                return memory_each(fresh_one, bench.viewers, before)

    while True:
        yield one("page"), one("sse")


def burst(bench, target):
    """200 events by 16 senders, as fast as they are answered, to 1,000 viewers of one page;
    a delivery is one event told to one of them. CPU is all that the process takes, the
    events themselves included. The floor is as many guests by /events, in another room of
    the same process."""
    owner = target.accounts(1)[0]
    ours, theirs, quiet = public_rooms(target, owner, 3)
    count = min(BURST_LISTENERS, bench.viewers)

    def one(going):
        said = going.ask("send", count=BURST_EVENTS, senders=SENDERS)
        going.ask("check")
        return {"CPU us/delivery": said["cpu_us"] / said["events"],
                "events/block": said["events"] / said["answers"],
                "events/s": BURST_EVENTS / (said["took_us"] / 1e6),
                "last behind the last event ms": ms(said, "last_us")}

    with crowd(target, owner, ours, quiet, count, mode="page") as watching, \
            crowd(target, owner, theirs, quiet, count, mode="sse") as listening:
        for going in watching, listening:
            going.ask("open")
            going.ask("park")
        target.server.until_parked(2 * count)
        while True:
            yield one(watching), one(listening)


# ---- a room to read ----

def say(client, room, content, kind="m.room.message"):
    path = f"{V3}/rooms/{quote(room)}/send/{kind}/{fresh('t')}"
    return ("PUT", path, client.token, content)


def message(number, to=None):
    """The same for each number: 4 to 20 words, every fifth with HTML."""
    chance = random.Random(number)
    words = chance.choices(WORDS, k=chance.randint(4, 20))
    content = {"msgtype": "m.text", "body": " ".join(words).capitalize() + "."}
    if number % 5 == 0:
        words[1] = f"<strong>{words[1]}</strong>"
        content |= {"format": "org.matrix.custom.html", "formatted_body":
                    f"<p>{' '.join(words[:3])}:</p><ul><li>{' '.join(words[3:])}</li></ul>"}
    if to:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": to}}
    return content


def talk(target, people, room, number):
    """A page's worth: one message in seven answers another, and some have reactions."""
    plain, replies = LINES - LINES // 7, LINES // 7
    who = [people[n // 2 % len(people)] for n in range(LINES)]
    ids = [it["event_id"] for it in target.load.ask_each(
        [say(who[n], room, message(number + n)) for n in range(plain)], connections=1)]
    target.load.ask_each([say(who[n], room, {"m.relates_to": {
        "rel_type": "m.annotation", "event_id": ids[3 * n], "key": "🎉"}}, "m.reaction")
        for n in range(10)], connections=1)
    target.load.ask_each([say(who[-1 - n], room, message(number - n - 1, ids[5 * n]))
                          for n in range(replies)], connections=1)


def library(target, pages, others=0):
    """(owner, rooms): the first with so many pages of messages, the others with one."""
    people = target.accounts(len(PEOPLE))
    for one, name in zip(people, PEOPLE):
        one.put(f"/profile/{one.user_id}/displayname", {"displayname": name})
    rooms = [target.public_room(people[0]) for _ in range(1 + others)]
    for room in rooms:
        target.join(room, [one.token for one in people[1:]])
        for number in range(pages if room == rooms[0] else 1):
            talk(target, people, room, number * LINES)
    return people[0], rooms


def body_of(target, path, packed=False):
    headers = {"Accept-Encoding": "gzip"} if packed else {}
    got = target.http.ask("GET", path, headers=headers)
    assert got.status == 200 and (got.headers.get("content-encoding") == "gzip") == packed, got
    return got.body


def older(target, page):
    """The paths of the pages before, one behind the other."""
    found = []
    while path := re.search(r'href="http://[^/"]+(/rooms/[^"]+[?&]before=[^"]+)"',
                            body_of(target, page).decode()):
        page = path[1].replace("&amp;", "&")
        found.append(page)
    return found


# ---- pages ----

def repeated(bench, target, path, **more):
    target.load.run("repeat", [("GET", path, None, None)], warm=0, seconds=0.2, **more)
    cpu_s = target.cpu_s()
    said = target.load.run("repeat", [("GET", path, None, None)] * CONNECTIONS, warm=0,
                           connections=CONNECTIONS, seconds=bench.seconds, **more)
    return {"CPU ms/page": (target.cpu_s() - cpu_s) / said["answers"] * 1000,
            "pages/s": said["per_s"]}


def asked_once(target, paths, **more):
    """CPU for each, in ms."""
    cpu_s = target.cpu_s()
    target.load.run("each", [("GET", path, None, None) for path in paths], **more)
    return (target.cpu_s() - cpu_s) / len(paths) * 1000


def behind_news(bench, target, owner, rooms, **more):
    """An event to each room, and then each one's page."""
    def once(number):
        target.load.ask_each([say(owner, room, message(number)) for room in rooms])
        time.sleep(SETTLE_S)
        return asked_once(target, [f"/rooms/{quote(room)}" for room in rooms], **more)

    return {"CPU ms/page": statistics.median(once(n) for n in range(bench.news))}


def page(bench, target):
    """The latest page of a room: 50 lines of short messages, some with HTML, some that
    answer others, some with reactions. Asked for again and again over 4 connections;
    asked for once behind each new event, where one line is made and the page is put
    together, 40 rooms one after the other; and pages of 3,000 lines before (by ?before=),
    none of which was asked for lately. All of it once as it is and once packed (gzip). The
    floor is nginx (Debian's, sendfile), which serves a file of as many bytes."""
    owner, rooms = library(target, bench.pages, bench.rooms)
    latest = f"/rooms/{quote(rooms[0])}"
    before = older(target, latest)
    with bench.started(Nginx) as static:
        while True:
            ours, floor = {}, {}
            for name, packed in (("", False), (", packed", True)):
                more = {"gzip": int(packed)}
                body = body_of(target, latest, packed)
                (static.root / f"page{packed}.png").write_bytes(body)
                ours[f"bytes{name}"] = floor[f"bytes{name}"] = len(body)
                ours |= named(f"again{name}", repeated(bench, target, latest, **more))
                floor |= named(f"again{name}", repeated(bench, static, f"/page{packed}.png"))
                ours |= named(f"behind an event{name}",
                              behind_news(bench, target, owner, rooms[1:], **more))
                ours[f"old{name}: CPU ms/page"] = asked_once(target, before, **more)
            yield ours, floor


# ---- in a browser ----

class Static(Nginx):
    """Files for a browser, packed beforehand."""

    name = "static"

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        text = self.config.read_text()
        assert TYPES in text
        self.config.write_text(text.replace(
            TYPES, "types { text/html html; text/css css; image/svg+xml svg; }\n"
                   "gzip_static on; gzip_vary on;"))

    def put(self, path, data):
        at = self.root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(data)
        at.with_name(at.name + ".gz").write_bytes(gzip.compress(data, GZIP_LEVEL))


def saved(target, static, path):
    """The page and its styles as files of as many bytes, without its scripts."""
    html = body_of(target, path).decode()
    for name in set(re.findall(rf"http://{target.address}(/_parlour/assets/[^\"]+)\"", html)):
        if not name.endswith(".js"):
            static.put(name[1:], body_of(target, name))
    html = re.sub(r"<script[^>]*></script>",
                  lambda tag: "<!--" + "-" * (len(tag[0]) - 7) + "-->", html)
    static.put("page.html", html.replace(target.address, static.address).encode())
    return f"http://{static.address}/page.html"


def painted(bench, *urls):
    """{url: what its loads in Chromium took}, in turn, each in a context of its own."""
    said = subprocess.run(["node", str(TOP / "bench/paint.cjs"), str(bench.loads), *urls],
                          text=True, check=True, stdout=subprocess.PIPE)
    return json.loads(said.stdout)


def paint(bench, target):
    """From the start of loading to the first contentful paint in Chromium (headless), the
    median of loads in contexts of their own, of the same room's latest page. The floor is
    the same page saved: HTML and styles of as many bytes, packed beforehand and served by
    nginx, without scripts. Transferred is all of it, with headers: what one who comes for
    the first time waits for."""
    _, rooms = library(target, 2)
    path = f"/rooms/{quote(rooms[0])}"
    with bench.started(Static) as static:
        while True:
            ours, theirs = f"http://{target.address}{path}", saved(target, static, path)
            said = painted(bench, ours, theirs)
            yield tuple({"first paint ms": statistics.median(said[url]["paint_ms"]),
                         "first byte ms": statistics.median(said[url]["byte_ms"]),
                         "transferred kB": said[url]["bytes"] / 1000}
                        for url in (ours, theirs))


ALL = {one.__name__: one for one in (viewers, memory, page, paint, burst)}

# Where --save writes them.
RESULT = "bench/VIEWER.md"

BESIDE_GUESTS = ("<= 1.3x", lambda ours, floor: ours <= 1.3 * floor)
A_PAGE = ("<= 0.2", lambda ours, _: ours <= 0.2)

# What is asked for: (measurement, figure): (words, is it met?), of figure and floor.
GOALS = {
    ("burst", "CPU us/delivery"): BESIDE_GUESTS,
    ("paint", "first paint ms"): ("<= 1.5x", lambda ours, floor: ours <= 1.5 * floor),
    ("paint", "transferred kB"): ("<= 60", lambda ours, _: ours <= 60),
}
for _packed in ("", ", packed"):
    GOALS["viewers", f"one language{_packed}: CPU us/delivery"] = BESIDE_GUESTS
    GOALS["viewers", f"three languages{_packed}: CPU us/delivery"] = BESIDE_GUESTS
    GOALS["page", f"again{_packed}: CPU ms/page"] = A_PAGE
    GOALS["page", f"behind an event{_packed}: CPU ms/page"] = A_PAGE
