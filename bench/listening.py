"""The measurements of `./dev bench listen`; bench/listen.py runs and prints them.

Generators as in measure.py. The floor (bench/send_floor) is a target like the others: it
is asked by the same listeners, who check it as they check a homeserver.
"""

import dataclasses
import time

from measure import gauges, kernel_bytes
from target import Parlour, SecureParlour, WORLD_READABLE, V3

STREAMS = 100  # on a connection, as bench/listen_h2.c has it
BURST_LISTENERS, BURST_EVENTS, SENDERS = 1000, 200, 16
HERD_MS = 1000
TIMEOUT_AFTER_MS = 4000
WARM_ROUNDS = 10
SLOW_LISTENERS = 1000
SLOW_FOR_S = 15  # before we look: longer than a head may take to come
COUNTERS = {"encodings an event": "events_encoded_total",
            "bodies an event": "listener_bodies_total",
            "workers' looks an event": "listener_looks_total"}


def parked(target, count):
    if hasattr(target, "server"):
        target.server.until_parked(count)


def ms(said, name):
    return said[name] / 1000


def counted(target):
    """What the server counts: events encoded, answers' bytes made, looks by workers."""
    told = target.metrics() if hasattr(target, "metrics") else {}
    return {name: sum(value for key, value in told.items() if key.startswith(f"parlour_{name}"))
            for name in COUNTERS.values()} if told else {}


def counted_since(target, before, events):
    now = counted(target)
    return {figure: (now[name] - before[name]) / events
            for figure, name in COUNTERS.items() if now}


# ---- all in one room ----

def memory_each(target, count, before):
    """Bytes for each listener since before: (resident, kernel, gauges)."""
    resident, kernel, told = before
    now = gauges(target)
    got = {}
    if now:
        http = now["parlour_http_memory_bytes"]  # what it had before, too
        hub = now["parlour_listener_memory_bytes"] - told["parlour_listener_memory_bytes"]
        got = {"connection bytes": http / count,
               "connection and place bytes": (http + hub) / count}
    got["resident bytes"] = (target.resident_bytes() - resident) / count
    got["kernel bytes, both ends"] = (kernel_bytes() - kernel) / count
    return got


def once_around(bench, target, crowd):
    """Resident bytes after the first events: what comes with them, comes once."""
    bench.size(target)
    for _ in range(WARM_ROUNDS):
        crowd.ask("send")
        crowd.ask("park")
        parked(target, crowd.listeners)
    return target.resident_bytes()


def listeners(bench, target):
    """All listen to one room; one event, and then all ask again. Memory is what is there
    for each once all wait. Times are from the sender's answer (below 0: it was heard
    before that). CPU is all that the process takes, the event itself included. The
    floor makes a page durable, does one send() of as many bytes to each socket, and
    reads each question and does nothing about it; in no mode does it encrypt. Growth
    is that of a young server, whose caches and threads fill with its first events,
    however many hear them; ./dev soak listen looks whether it ends."""
    count = bench.count(target)
    with bench.crowd(target, count) as crowd:
        before = target.resident_bytes(), kernel_bytes(), gauges(target)
        crowd.ask("open")
        crowd.ask("park")
        parked(target, count)
        each = memory_each(target, count, before)
        settled, events = once_around(bench, target, crowd), 0
        while True:
            bench.size(target)
            numbers = counted(target)
            said = crowd.ask("send")
            bench.answer_bytes = bench.answer_bytes or said["bytes"] // count
            numbers = counted_since(target, numbers, 1)
            again = crowd.ask("park")
            parked(target, count)
            events += 1
            got = {**each, "first ms": ms(said, "first_us"), "half ms": ms(said, "half_us"),
                   "last ms": ms(said, "last_us"), "CPU us/answer": said["cpu_us"] / count}
            if bench.asks_again(target):
                got["CPU us/re-poll"] = again["cpu_us"] / count
            crowd.ask("check")
            yield {**got, "answer bytes": said["bytes"] / count, **numbers,
                   "resident growth kB/event":
                       (target.resident_bytes() - settled) / 1000 / events}


# ---- a burst ----

def burst(bench, target):
    """200 events by 16 senders, as fast as they are answered, to 1,000 listeners who ask
    again at once; a delivery is one event heard by one listener. CPU is all that the
    process takes, the events themselves included."""
    count = min(BURST_LISTENERS, bench.count(target))
    with bench.crowd(target, count) as crowd:
        crowd.ask("again", on=1)
        crowd.ask("open")
        crowd.ask("park")
        while True:
            numbers = counted(target)
            said = crowd.ask("send", count=BURST_EVENTS, senders=SENDERS)
            crowd.ask("check")
            yield {"CPU us/delivery": said["cpu_us"] / said["events"],
                   "events/answer": said["events"] / said["answers"],
                   "events/s": BURST_EVENTS / (said["took_us"] / 1e6),
                   "last behind the last event ms": ms(said, "last_us"),
                   **counted_since(target, numbers, BURST_EVENTS)}


# ---- all at once ----

def probed(crowd, doing):
    crowd.ask("probe", on=1)
    try:
        doing()
    finally:
        said = crowd.ask("probe", on=0)
    assert not said["failed"], "a probe of the quiet room or a newcomer failed"
    return said


def herd_again(crowd, bench):
    """All that listen ask again, or come back, within a second."""
    word = "reopen" if bench.mode.goes_on else "park"
    return lambda: crowd.ask(word, over_ms=HERD_MS)


def time_out(crowd, target):
    """All that wait are answered with nothing in the same second, and ask again."""
    crowd.ask("send")
    crowd.ask("park", over_ms=HERD_MS, until_ms=TIMEOUT_AFTER_MS)
    crowd.ask("again", on=1)
    floor = {"poke": 1} if target.name == "floor" else {}
    if not floor:
        crowd.ask("await", empty=1)
    said = probed(crowd, lambda: (
        crowd.ask("await", empty=crowd.listeners, more=int(not floor), **floor), time.sleep(0.2)))
    crowd.ask("again", on=0)
    return said


def herd(bench, target):
    """A /send to a room that nobody listens to, and newcomers (connect, ask for /versions,
    leave), while all that listen hear one event, then come back within the same
    second, then are answered with nothing in the same second and come back at once."""
    count = bench.count(target)
    with bench.crowd(target, count) as crowd:
        crowd.ask("open")
        crowd.ask("park")
        parked(target, count)
        while True:
            bench.size(target)
            quiet = probed(crowd, lambda: time.sleep(bench.seconds))
            fan_out = probed(crowd, lambda: crowd.ask("send"))
            back = probed(crowd, herd_again(crowd, bench))
            got = {"quiet: send p50 ms": ms(quiet, "send_p50_us"),
                   "quiet: send p99 ms": ms(quiet, "send_p99_us"),
                   "fan-out: worst send ms": ms(fan_out, "send_max_us"),
                   "fan-out: worst send above quiet ms":
                       (fan_out["send_max_us"] - quiet["send_p50_us"]) / 1000,
                   "come back: send p99 ms": ms(back, "send_p99_us"),
                   "come back: newcomer p99 ms": ms(back, "newcomer_p99_us")}
            if not bench.mode.goes_on:
                over = time_out(crowd, target)
                got |= {"time out: send p99 ms": ms(over, "send_p99_us"),
                        "time out: newcomer p99 ms": ms(over, "newcomer_p99_us")}
            crowd.ask("check")
            yield got


# ---- many rooms ----

def one_big_room(bench, target, count, before):
    """(bytes, CPU us of an answer) for each of so many listeners to one room."""
    with bench.crowd(target, count) as crowd:
        crowd.ask("open")
        crowd.ask("park")
        parked(target, count)
        bytes_each = bytes_since(target, before, count)
        cpu = []
        for _ in range(bench.runs):
            cpu.append(crowd.ask("send")["cpu_us"] / count)
            crowd.ask("park")
        return bytes_each, sorted(cpu)[len(cpu) // 2]


def bytes_since(target, before, count):
    told, resident = before
    now = gauges(target)
    if not now:
        return (target.resident_bytes() - resident) / count
    return sum(now[name] - told[name] for name in now) / count


def rooms(bench, target):
    """As many rooms as --rooms says, with one listener each, beside one room with as many
    listeners. An event to each room; what the same events cost in as many rooms with no
    listener is taken off. Bytes are those that the server tells."""
    count = bench.room_count(target)
    # Places of listeners stay for those who come next: both are counted from here.
    before = gauges(target), target.resident_bytes()
    big_bytes, big_cpu = one_big_room(bench, target, count, before)
    with bench.crowd(target, count, rooms=2 * count, listened=count) as crowd:
        crowd.ask("open")
        crowd.ask("park")
        parked(target, count)
        bytes_each = bytes_since(target, before, count)
        while True:
            all_of = {"count": count, "rooms": count, "senders": SENDERS}
            heard = unheard = 0
            for _ in range(2):  # the order changes nothing, the machine's mood does
                unheard += crowd.ask("send", room=count, **all_of)["cpu_us"]
                for _ in range(2):
                    heard += crowd.ask("send", room=0, **all_of)["cpu_us"]
                    crowd.ask("park")
                    parked(target, count)
                unheard += crowd.ask("send", room=count, **all_of)["cpu_us"]
            crowd.ask("check")
            cpu = (heard - unheard) / (4 * count)
            yield {"bytes/listener, one big room": big_bytes,
                   "bytes/listener, a room each": bytes_each,
                   "bytes more a room": bytes_each - big_bytes,
                   "CPU us/answer, one big room": big_cpu,
                   "CPU us/answer, a room each": cpu,
                   "CPU of an answer, of one big room's": cpu / big_cpu,
                   "CPU us/event that nobody hears": unheard / (4 * count)}


# ---- the slow ----

def at_ease(crowd, rounds, seconds):
    """A /send to the quiet room, and how long 1,000 listeners wait for an event."""
    probe = probed(crowd, lambda: time.sleep(seconds))
    wakes = []
    for _ in range(rounds):
        wakes.append(ms(crowd.ask("send"), "last_us"))
        crowd.ask("park")
    return {"send p50 ms": ms(probe, "send_p50_us"), "send p99 ms": ms(probe, "send_p99_us"),
            "newcomer p99 ms": ms(probe, "newcomer_p99_us"),
            "last of 1,000 ms": sorted(wakes)[len(wakes) // 2], "worst last ms": max(wakes)}


def slow(bench, target):
    """1,000 listeners alone, and then beside 15,000 connections (fewer with --quick) that
    are of no use: a third says nothing, a third asks 64 times and reads nothing, a third
    sends a byte a second. Whoever of them is closed comes back at once."""
    count, useless = min(SLOW_LISTENERS, bench.count(target)), bench.slow_count
    rounds, seconds = (3, 2) if bench.is_quick else (10, 12)
    with bench.crowd(target, count) as crowd:
        crowd.ask("open")
        crowd.ask("park")
        while True:
            got = {f"without: {name}": value
                   for name, value in at_ease(crowd, rounds, seconds).items()}
            crowd.ask("slow", n=useless)
            time.sleep(1 if bench.is_quick else SLOW_FOR_S)
            got |= {f"with: {name}": value
                    for name, value in at_ease(crowd, rounds, seconds).items()}
            left = crowd.ask("slow", n=0)
            crowd.ask("check")
            yield {**got, "connections of no use": left["open"],
                   "closed and back": left["reopened"]}


# ---- the crowd's rooms ----

def public_rooms(target, owner, count):
    body = {"preset": "public_chat", "initial_state": WORLD_READABLE}
    asks = [("POST", V3 + "/createRoom", owner.token, body)] * count
    return [got["room_id"] for got in target.load.ask_each(asks)]


ALL = {one.__name__: one for one in (listeners, burst, herd, rooms, slow)}
HAVE_FLOOR = {"listeners", "herd"}

# Where --save writes them.
RESULT = "bench/LISTEN.md"

ENCODED_ONCE = {(name, "encodings an event"): ("1", lambda ours, _: ours <= 1)
                for name in ("listeners", "burst")}

# What is asked for: (measurement, figure): (words, is it met?), of figure and floor.
GOALS = ENCODED_ONCE | {
    ("listeners", "connection bytes"): ("<= 100", lambda ours, _: ours <= 100),
    ("listeners", "connection and place bytes"): ("<= 256", lambda ours, _: ours <= 256),
    ("listeners", "CPU us/answer"): ("<= 1.2x", lambda ours, floor: ours <= 1.2 * floor),
    ("listeners", "CPU us/re-poll"): ("<= 1.5x", lambda ours, floor: ours <= 1.5 * floor),
    ("burst", "CPU us/delivery"): ("<= 1", lambda ours, _: ours <= 1),
    ("herd", "fan-out: worst send above quiet ms"): ("<= 20", lambda ours, _: ours <= 20),
    ("herd", "come back: send p99 ms"): ("<= 1.5x", lambda ours, floor: ours <= 1.5 * floor),
    ("herd", "time out: send p99 ms"): ("<= 1.5x", lambda ours, floor: ours <= 1.5 * floor),
    ("rooms", "bytes more a room"): ("<= 200", lambda ours, _: ours <= 200),
    ("rooms", "CPU of an answer, of one big room's"): ("<= 3", lambda ours, _: ours <= 3),
}


# ---- the ways to listen ----

@dataclasses.dataclass(frozen=True)
class Mode:
    """How they listen, what is measured of it, and what its floor is."""

    about: str
    goals: dict
    each: int = 1  # listeners on a connection
    kind: type = Parlour
    floor: str = "poll"  # the floor's mode
    about_floor: str = ""
    goes_on: bool = False  # nobody asks again
    has_peers: bool = True
    unmeasured: dict = dataclasses.field(default_factory=dict)  # {measurement: why}

    def measurements(self):
        return [name for name in ALL if name not in self.unmeasured]


def resident_goal(words, most):
    return ENCODED_ONCE | {
        ("listeners", "resident bytes"): (words, lambda ours, _: ours <= most)}


MODES = {
    "poll": Mode("a poll after another, on a connection of its own", GOALS),
    "tls": Mode("the same by TLS 1.3; senders and newcomers come without",
                resident_goal("<= 16 KB", 16 << 10), kind=SecureParlour,
                about_floor="that of mode poll, which does no encryption", has_peers=False,
                unmeasured={"slow": "connections of no use speak no TLS"}),
    "h2": Mode(f"polls as streams of HTTP/2 with prior knowledge, {STREAMS} on a connection",
               resident_goal("<= 1 KB", 1 << 10), each=STREAMS,
               about_floor=f"one send() of what {STREAMS} answers are on each connection, where "
               "one question was read", has_peers=False,
               unmeasured={"slow": "connections of no use speak HTTP/1.1"}),
    "sse": Mode("a stream of events, on a connection of its own", GOALS, floor="sse",
                goes_on=True),
}
