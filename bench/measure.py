"""The measurements of `./dev bench`, one function each; bench/bench.py runs and prints.

Each is a generator: it prepares its target once and then yields, as often as it is asked,
{figure: number}. A figure's name ends with its unit. NAME_floor gives the figures of the
same names that a bare program has, which does nothing but what cannot be left out.
"""

import json
import pathlib
import re
import sqlite3
import subprocess
import threading

from target import V3, quote

TEXT = "The parlour is open; whoever comes in may listen, and hears what is said here."
MESSAGE = {"body": TEXT, "msgtype": "m.text"}
SENDERS = [1, 16, 64]


def send_request(client, room_id):
    path = f"{V3}/rooms/{quote(room_id)}/send/m.room.message/m{{n}}"
    return ("PUT", path, client.token, MESSAGE)


def bare_http(bench, requests, connections):
    """Answers per second and CPU of src/http with nothing behind it."""
    with bench.bare("bench/http_floor", "serve", "{port}") as target:
        return target.load.run("repeat", requests, connections=connections,
                               seconds=bench.seconds)


# ---- sending ----

def events(bench, target):
    """Durable events per second over HTTP: 1, 16 and 64 senders, each waiting for its
    answer before it sends again, all in one room and in a room each. The floor is
    bench/commit_floor: the same SQLite settings, rows like an event's, as many to a
    commit as there are senders."""
    people = target.accounts(max(SENDERS))
    shared = target.public_room(people[0])
    target.join(shared, [one.token for one in people[1:]])
    own = target.rooms(people)
    while True:
        got = {}
        for count in SENDERS:
            for where, rooms in (("one room", [shared] * count), ("a room each", own[:count])):
                asks = [send_request(*pair) for pair in zip(people, rooms)]
                said = target.load.run("repeat", asks, connections=count, seconds=bench.seconds)
                name = f"{count} sender{'s' * (count > 1)}, {where}: "
                got[name + "events/s"] = said["per_s"]
                got[name + "p50 ms"] = said["p50_us"] / 1000
                got[name + "p99 ms"] = said["p99_us"] / 1000
                got[name + "CPU ms/event"] = said["cpu_us"] / 1000
        yield got


def commit_floor(bench):
    """{rows to a commit: (rows per second, CPU ms of each)} of a bare loop of commits."""
    said = bench.run([bench.program("src/store/commit_floor"), bench.folder,
                      str(bench.seconds)])
    found = re.findall(r"batch +(\d+): +(\d+) events/s +([\d.]+) us", said)
    return {int(batch): (float(per_s), float(us) / 1000) for batch, per_s, us in found}


def events_floor(bench):
    got = {}
    for batch, (per_s, cpu_ms) in commit_floor(bench).items():
        for where in ("one room", "a room each"):
            name = f"{batch} sender{'s' * (batch > 1)}, {where}: "
            got[name + "events/s"], got[name + "CPU ms/event"] = per_s, cpu_ms
    return got


# ---- guests and their polls ----

GUEST_CONNECTIONS = 16
REGISTER_GUEST = ("POST", V3 + "/register?kind=guest", None, {})


def guests(bench, target):
    """Guests registered per second over 16 connections, and what one leaves on disk.
    The floor is src/http answering the same requests with {}."""
    while True:
        before = target.disk_bytes()
        said = target.load.run("repeat", [REGISTER_GUEST], connections=GUEST_CONNECTIONS,
                               seconds=bench.seconds, warm=0)
        yield {"guests/s": said["per_s"], "CPU us/guest": said["cpu_us"],
               "disk bytes/guest": (target.disk_bytes() - before) / said["answers"]}


def guests_floor(bench):
    said = bare_http(bench, [REGISTER_GUEST], GUEST_CONNECTIONS)
    return {"guests/s": said["per_s"], "CPU us/guest": said["cpu_us"]}


def poll_target(room_id, start, timeout):
    return f"{V3}/events?room_id={quote(room_id)}&from={start}&timeout={timeout}"


def now(target, room_id, token):
    """The stream's live end, as a guest gets it."""
    path = f"{V3}/events?room_id={quote(room_id)}&timeout=0"
    return target.load.ask_each([("GET", path, token, None)])[0]["end"]


def polls(bench, target):
    """Answers per second to polls of guests that have heard all (timeout=0), over 16
    connections. The floor is src/http answering the same requests with {}."""
    tokens = target.guests(GUEST_CONNECTIONS)
    room_id = target.public_room(target.accounts(1)[0])
    path = poll_target(room_id, quote(now(target, room_id, tokens[0])), 0)
    asks = [("GET", path, token, None) for token in tokens]
    while True:
        said = target.load.run("repeat", asks, connections=len(asks), seconds=bench.seconds)
        yield {"polls/s": said["per_s"], "CPU us/poll": said["cpu_us"],
               "p99 ms": said["p99_us"] / 1000}


def polls_floor(bench):
    path = poll_target("!AbCdEfGhIjKlMnOpQr:localhost", "s1_1234", 0)
    said = bare_http(bench, [("GET", path, "x" * 120, None)], GUEST_CONNECTIONS)
    return {"polls/s": said["per_s"], "CPU us/poll": said["cpu_us"],
            "p99 ms": said["p99_us"] / 1000}


# ---- listeners ----

LISTENERS = 1000


def listener_requests(target, count):
    """The sender's request, each listener's, and what tells where they are to start."""
    owner = target.accounts(1)[0]
    room_id = target.public_room(owner)
    tokens = target.guests(count)
    path = poll_target(room_id, "{from}", 120000)
    listeners = [("GET", path, token, None) for token in tokens]
    return send_request(owner, room_id), listeners, lambda: now(target, room_id, tokens[0])


def wake(bench, target):
    """A message to a room with 1,000 parked guests: the time from the sender's answer to
    the last listener's, and CPU for each answer with its poll. The floor is a bare loop
    of 1,000 send() on connected sockets, which writes no event and parses no poll."""
    sender, listeners, live_end = listener_requests(target, LISTENERS)
    rounds = 5 if bench.is_quick else 15
    while True:
        said = target.load.run("listen", [sender, *listeners], rounds=rounds,
                               **{"from": quote(live_end())})
        yield {"last of 1,000 ms": said["wake_us"] / 1000,
               "worst round ms": said["worst_us"] / 1000,
               "the send itself ms": said["send_us"] / 1000,
               "CPU us/answer": said["cpu_us"]}


def wake_floor(bench):
    said = bench.run([bench.program("bench/http_floor"), "listen", str(LISTENERS)])
    rounds = sorted(float(us) for us in re.findall(r"bare send\(\) ([\d.]+) us", said))
    each = rounds[len(rounds) // 2]
    return {"last of 1,000 ms": each * LISTENERS / 1000, "CPU us/answer": each}


def kernel_bytes():
    """What the kernel holds for itself: slabs and the buffers of sockets."""
    text = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    slab = int(re.search(r"^Slab: +(\d+) kB", text, re.M)[1]) * 1024
    sockets = pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii")
    return slab + int(re.search(r"^TCP:.* mem (\d+)", sockets, re.M)[1]) * 4096


class Held:
    """Listeners that stay parked until the end of the with block."""

    def __init__(self, target, listeners, start):
        self.target, self.count = target, len(listeners)
        command = target.load.command("hold", listeners, **{"from": quote(start)})
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        assert self.process.stdout.readline() == b"holding\n"
        if hasattr(self.target, "server"):
            self.target.server.until_parked(self.count)
        else:
            threading.Event().wait(15)  # it does not tell when it has read them all
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def memory(bench, target):
    """Resident memory after the start and for each parked listener; where the server
    tells in /metrics what it holds for parked connections, that too. The kernel's share
    is for both ends of a connection, since the listeners are on this machine."""
    idle = target.resident_bytes()
    count = 2000 if bench.is_quick or target.name != "Parlour" else 10000
    _, listeners, live_end = listener_requests(target, count)
    while True:
        before, kernel, told = target.resident_bytes(), kernel_bytes(), gauges(target)
        with Held(target, listeners, live_end()):
            got = {"idle MB": idle / 1e6,
                   "resident bytes/listener": (target.resident_bytes() - before) / count,
                   "kernel bytes/listener": (kernel_bytes() - kernel) / count}
            for name, value in gauges(target).items():
                got[f"{name} bytes/listener"] = (value - told.get(name, 0)) / count
        yield got


def gauges(target):
    if not hasattr(target, "metrics"):
        return {}
    return {name: value for name, value in target.metrics().items()
            if name.startswith("parlour_") and name.endswith("_memory_bytes")}


def start(bench, target):
    """From the start of the process to its first answer: with no data, with some, and
    the data of a room with 1,000 members."""
    target.public_room(target.accounts(1)[0], 1000 if target.name == "Parlour" else 50)
    while True:
        target.stop()
        again = target.start()
        with bench.another(target) as other:
            first = other.first_start_s
        yield {"first start ms": first * 1000, "start with data ms": again * 1000}


# ---- rooms ----

def initialsync(bench, target):
    """rooms/{roomId}/initialSync of a room with 1,000 members and with 50,000 (guests,
    who joined over HTTP), for its owner, over one connection, not compressed."""
    owner = target.accounts(1)[0]
    sizes = [1000] if target.name != "Parlour" else [1000, 5000] if bench.is_quick \
        else [1000, 50000]
    rooms = {size: target.public_room(owner, size) for size in sizes}
    while True:
        got = {}
        for size, room_id in rooms.items():
            path = f"{V3}/rooms/{quote(room_id)}/initialSync?limit=20"
            said = target.load.run("repeat", [("GET", path, owner.token, None)], warm=0,
                                   seconds=bench.seconds)
            got[f"{size:,} members: ms"] = said["p50_us"] / 1000
            got[f"{size:,} members: CPU ms"] = said["cpu_us"] / 1000
            got[f"{size:,} members: answer kB"] = said["bytes"] / 1000
        yield got


def messages(bench, target):
    """Pages of 100 of /messages, twenty different ones, over one connection."""
    owner = target.accounts(1)[0]
    room_id = target.public_room(owner)
    pages, rounds = (20, 50) if target.name == "Parlour" else (3, 10)
    target.load.run("each", [send_request(owner, room_id)] * 100 * pages)
    paths, token = [], None
    for _ in range(pages):
        query = "?dir=b&limit=100" + (f"&from={quote(token)}" if token else "")
        paths.append(f"{V3}/rooms/{quote(room_id)}/messages{query}")
        page = target.load.ask_each([("GET", paths[-1], owner.token, None)])[0]
        assert len(page["chunk"]) == 100
        token = page["end"]
    asks = [("GET", path, owner.token, None) for path in paths]
    while True:
        said = target.load.run("each", asks * rounds)
        yield {"pages/s": said["per_s"], "CPU ms/page": said["cpu_us"] / 1000,
               "p50 ms": said["p50_us"] / 1000, "answer kB": said["bytes"] / 1000}


def joins(bench, target):
    """Accounts joining a public room of 500 and of 10,000 members, one at a time and 16
    at a time: a join and what it costs. The members are guests who joined over HTTP. The
    floor is bench/commit_floor, the CPU of the bare commit of one row each."""
    sizes = [500, 10000] if target.name == "Parlour" else [500]
    owner = target.accounts(1)[0]
    rooms = {size: target.public_room(owner, size) for size in sizes}
    count = 100 if target.name == "Parlour" else 16
    while True:
        got = {}
        for size, room_id in rooms.items():
            for connections in (1, 16):
                tokens = [one.token for one in target.accounts(count)]
                said = target.join(room_id, tokens, connections)
                name = f"{size:,} members, {connections} at a time: "
                got[name + "CPU ms/join"] = said["cpu_us"] / 1000
                got[name + "p50 ms"] = said["p50_us"] / 1000
        yield got


def joins_floor(bench):
    bare = commit_floor(bench)
    return {f"{size:,} members, {batch} at a time: CPU ms/join": bare[batch][1]
            for size in (500, 10000) for batch in (1, 16)}


# ---- disk ----

def unpacked_bytes(packed):
    """The length of an event's JSON, which stands in the head of its zstd frame."""
    if packed[0] == 0:
        return len(packed) - 1
    head, at = packed[1], 2
    width = [1 if head & 0x20 else 0, 2, 4, 8][head >> 6]
    at += (not head & 0x20) + [0, 1, 2, 4][head & 3]
    return int.from_bytes(packed[at:at + width], "little") + (256 if width == 2 else 0)


def table_bytes(path):
    """{table or index: bytes} of a SQLite file that nobody writes."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return dict(db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))


def disk(bench, target):
    """What 64 people talking in 65 rooms leave on disk: all of it for each event, and,
    of ours, everything but the events' JSON beside that JSON uncompressed."""
    people = target.accounts(64)
    shared = target.public_room(people[0])
    target.join(shared, [one.token for one in people[1:]])
    rooms = target.rooms(people)
    asks = [send_request(*pair) for pair in zip(people, rooms)]
    asks += [send_request(one, shared) for one in people]
    target.load.run("each", asks * (5 if target.name != "Parlour" else 150), connections=64)
    target.stop()
    path = next(one for one in target.data.rglob("*.db") if one.stat().st_size > 65536)
    got = {"database bytes/event": 0.0}
    sizes = table_bytes(path)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        count = db.execute("SELECT count(*) FROM events").fetchone()[0]
        got["database bytes/event"] = sum(sizes.values()) / count
        if target.name == "Parlour":
            packed = [row[0] for row in db.execute("SELECT json FROM events")]
            plain = sum(map(unpacked_bytes, packed))
            rest = sum(sizes.values()) - sum(map(len, packed))
            got |= {"JSON bytes/event": plain / count,
                    "JSON packed bytes/event": sum(map(len, packed)) / count,
                    "all but JSON bytes/event": rest / count,
                    "all but JSON, of uncompressed JSON %": 100 * rest / plain}
    target.start()
    while True:
        yield got


def sizes_of(path):
    """For a look by hand: what each table takes."""
    return json.dumps(table_bytes(path), indent=1)


ALL = {one.__name__: one for one in (
    events, guests, polls, wake, memory, start, initialsync, messages, joins, disk)}
FLOORS = {"events": events_floor, "guests": guests_floor, "polls": polls_floor,
          "wake": wake_floor, "joins": joins_floor}

# Where --save writes them.
RESULT = "bench/RESULTS.md"

# What is asked for: (measurement, figure): (words, is it met?), of figure and floor.
GOALS = {
    ("guests", "guests/s"): (">= 20,000", lambda ours, _: ours >= 20000),
    ("guests", "disk bytes/guest"): ("0", lambda ours, _: ours == 0),
    ("memory", "idle MB"): ("<= 30", lambda ours, _: ours <= 30),
    ("start", "first start ms"): ("<= 100", lambda ours, _: ours <= 100),
    ("messages", "CPU ms/page"): ("<= 0.6", lambda ours, _: ours <= 0.6),
    ("disk", "all but JSON, of uncompressed JSON %"): ("<= 100", lambda ours, _: ours <= 100),
}
for _room in ("500 members", "10,000 members"):
    for _times in (1, 16):
        GOALS["joins", f"{_room}, {_times} at a time: CPU ms/join"] = (
            "<= 0.5", lambda ours, _: ours <= 0.5)
for _where in ("one room", "a room each"):
    GOALS["events", f"16 senders, {_where}: events/s"] = (
        ">= 50 % of the floor", lambda ours, floor: ours >= floor / 2)
    for _senders in ("1 sender", "16 senders", "64 senders"):
        GOALS["events", f"{_senders}, {_where}: CPU ms/event"] = (
            "<= 0.2", lambda ours, _: ours <= 0.2)
