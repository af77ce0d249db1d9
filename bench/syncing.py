"""The measurements of `./dev bench sync`, one function each; bench/sync.py runs and prints.

As in bench/measure.py, each is a generator that prepares its target once. Members are
guests who have joined; the one who syncs is an account. No two questions are quite the same
({n} in the filter), since Synapse answers the same one again from a cache.
"""

import itertools
import json

from measure import Held, kernel_bytes, now, poll_target, send_request
from target import V3, quote

ANEW = "another"
TALK = 20  # messages in each room
SMALL, LARGE, QUICK = (30, 50), (200, 300), (10, 20)
FILTERS = {
    "timeline 1": {"room": {"timeline": {"limit": 1}}},
    "Element's filter": {"room": {"state": {"lazy_load_members": True},
                                  "timeline": {"limit": 20, "unread_thread_notifications": True}}},
    "full state": {"room": {"timeline": {"limit": 20}}},
}


def sync_target(since=None, timeout=0, filter_=None):
    words = [f"timeout={timeout}"]
    words += [f"since={since}"] if since else []
    words += [f"filter={quote(json.dumps(filter_)).replace(ANEW, '{n}')}"] if filter_ else []
    return f"{V3}/sync?" + "&".join(words)


def anew(filter_):
    """The same with a key that nobody knows, and another value each time."""
    return {**filter_, "org.parlour.bench": ANEW}


def house(target, owner, rooms, members):
    """So many rooms of so many members, in each of which something was said."""
    ids = [target.public_room(owner) for _ in range(rooms)]
    tokens = target.guests(members - 1)
    for room_id in ids:
        target.join(room_id, tokens)
    talk = [send_request(owner, room_id) for room_id in ids for _ in range(TALK)]
    target.load.run("each", talk, connections=16)
    return ids


def next_batch(target, token):
    return target.load.ask_each([("GET", sync_target(), token, None)])[0]["next_batch"]


def initial(bench, target):
    """A first sync of a user in 30 rooms of 50 members (and, of ours, in 200 of 300), 20
    messages in each: with a timeline of one event, with the filter that Element has, and
    with all members; over one connection, not compressed."""
    sizes = [QUICK] if bench.is_quick else [SMALL, LARGE] if target.name == "Parlour" \
        else [SMALL]
    owners = {size: target.accounts(1)[0] for size in sizes}
    for size, owner in owners.items():
        house(target, owner, *size)
        # Whatever is loaded once, by each of its threads, is none of the filters' own.
        ask = ("GET", sync_target(None, 0, anew(FILTERS["full state"])), owner.token, None)
        target.load.run("each", [ask] * 16, connections=8)
    while True:
        got = {}
        for (rooms, members), owner in owners.items():
            for name, filter_ in FILTERS.items():
                ask = ("GET", sync_target(None, 0, anew(filter_)), owner.token, None)
                said = target.load.run("repeat", [ask], warm=1, seconds=bench.seconds)
                figure = f"{rooms} rooms of {members}, {name}: "
                got[figure + "ms"] = said["p50_us"] / 1000
                got[figure + "CPU ms"] = said["cpu_us"] / 1000
                got[figure + "kB"] = said["bytes"] / 1000
        yield got


def incremental(bench, target):
    """A sync after one message, of a user in 1, 100 and 1,000 rooms; the same question
    again and again, over one connection."""
    counts = [1, 20] if bench.is_quick else [1, 100, 1000] if target.name == "Parlour" \
        else [1, 100]
    users = {count: target.accounts(1)[0] for count in counts}
    rooms = {count: [target.public_room(user) for _ in range(count)]
             for count, user in users.items()}
    while True:
        got = {}
        for count, user in users.items():
            since = next_batch(target, user.token)
            target.load.run("each", [send_request(user, rooms[count][0])])
            ask = ("GET", sync_target(quote(since), 0, anew({})), user.token, None)
            said = target.load.run("repeat", [ask], seconds=bench.seconds)
            got[f"{count:,} rooms: ms"] = said["p50_us"] / 1000
            got[f"{count:,} rooms: CPU ms"] = said["cpu_us"] / 1000
        yield got


def members(bench, target):
    """A message to a room of 2,000 members who are all parked (peers hold 200), and to as
    many guests who listen by /events in another room; CPU for each answer with its next
    poll."""
    count = 100 if bench.is_quick else 2000 if target.name == "Parlour" else 200
    owner = target.accounts(1)[0]
    room_id, open_room = target.public_room(owner), target.public_room(owner)
    tokens, strangers = target.guests(count), target.guests(count)
    target.join(room_id, tokens)
    syncs = [("GET", sync_target("{from}", 120000), token, None) for token in tokens]
    polls = [("GET", poll_target(open_room, "{from}", 120000), token, None)
             for token in strangers]
    rounds = 3 if bench.is_quick else 10
    while True:
        synced = target.load.run("listen", [send_request(owner, room_id), *syncs],
                                 rounds=rounds, **{"from": quote(next_batch(target, tokens[0]))})
        heard = target.load.run("listen", [send_request(owner, open_room), *polls],
                                rounds=rounds,
                                **{"from": quote(now(target, open_room, strangers[0]))})
        yield {"last of them ms": synced["wake_us"] / 1000,
               "CPU us/answer": synced["cpu_us"],
               "a guest's CPU us/answer": heard["cpu_us"],
               "of a guest's": synced["cpu_us"] / heard["cpu_us"]}


def memory(bench, target):
    """Resident memory for each parked sync of 2,000 members of a room (peers hold 200): what
    the last three quarters of them add to the first."""
    count = 100 if bench.is_quick else 2000 if target.name == "Parlour" else 200
    owner = target.accounts(1)[0]
    room_id = target.public_room(owner)
    tokens = target.guests(count)
    target.join(room_id, tokens)
    listeners = [("GET", sync_target("{from}", 120000), token, None) for token in tokens]
    while True:
        start = next_batch(target, tokens[0])
        some, rest = listeners[:count // 4], listeners[count // 4:]
        with Held(target, some, start):
            before, kernel = target.resident_bytes(), kernel_bytes()
            with Held(target, rest, start):
                got = {"resident bytes": (target.resident_bytes() - before) / len(rest),
                       "kernel bytes, both ends": (kernel_bytes() - kernel) / len(rest)}
        yield got


ALL = {one.__name__: one for one in (initial, incremental, members, memory)}
FLOORS = {}

# Where --save writes them.
RESULT = "bench/SYNC.md"

GOALS = {("members", "of a guest's"): ("<= 3", lambda ours, _: ours <= 3)}
for _count in ("1", "100", "1,000"):
    GOALS["incremental", f"{_count} rooms: CPU ms"] = ("<= 1", lambda ours, _: ours <= 1)
for _name, _most in zip(FILTERS, itertools.repeat(8600)):
    GOALS["initial", f"200 rooms of 300, {_name}: ms"] = (
        "< 8,600", lambda ours, _, most=_most: ours < most)
