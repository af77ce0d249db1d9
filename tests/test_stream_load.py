"""The event stream under load: many listeners and senders at once, rooms that open and
close, clients that break off; and what a hundred thousand polls leave behind.

What each listener must hear is worked out afterwards from the rooms' whole histories, by
the rules of client-server-api/#room-history-visibility and doc/events.md.
"""

import random
import resource
import socket
import threading
import time

import pytest

from lib.client import V3, Client, in_threads, query_of
from lib.http import Http, Raw
from lib.server import binary

LOAD_S = 20
PEEK = (403, "M_FORBIDDEN")


def poll_head(client, position, rooms, timeout):
    query = query_of({"from": position, "timeout": timeout, "room_id": rooms})
    return (f"GET {V3}/events?{query} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {client.token}\r\n\r\n")


class Ear(threading.Thread):
    """Polls with ever changing timeouts and limits, breaks polls off now and then, and
    goes on after a 403; ends at an empty page once all has been said."""

    def __init__(self, client, rooms, position, all_said):
        super().__init__(daemon=True)
        self.client = Client(Http(client.http.base), client.token, client.user_id)
        self.rooms, self.position, self.all_said = rooms, position, all_said
        self.heard, self.failure, self.is_done = [], None, False
        self.random = random.Random(client.token)

    def break_one_off(self):
        with socket.create_connection((self.client.http.host, self.client.http.port)) as sock:
            sock.sendall(poll_head(self.client, self.position, self.rooms, 30000).encode())

    def poll(self, is_last):
        timeout = 0 if is_last else self.random.choice([0, 1, 50, 300, 2000])
        limit = self.random.choice([None, None, None, 100, 17, 3, 1])
        rooms = self.rooms
        if rooms and self.random.random() < 0.3:
            rooms = [",".join(rooms)]
        page = self.client.events(self.position, rooms, timeout, limit=limit,
                                  expect=[200, PEEK])
        if "chunk" not in page:
            assert not is_last, page  # every room is open in the end
            return False  # closed for now: asked again at once
        events = [e for e in page["chunk"] if "event_id" in e]
        assert page["start"] == self.position
        assert limit is None or len(events) <= limit
        self.heard += events
        self.position = page["end"]
        return is_last and not page["chunk"]

    def run(self):
        try:
            while not self.is_done:
                is_last = self.all_said.is_set()
                if not is_last and self.random.random() < 0.05:
                    self.break_one_off()
                self.is_done = self.poll(is_last)
        except BaseException as failure:  # raised again by the test
            self.failure = failure


def entitled(history, user_id, after):
    """The ids of a room's events behind the one with id `after` that user_id may see."""
    joined = False
    for event in history:
        if event["type"] == "m.room.member" and event["state_key"] == user_id:
            joined = event["content"]["membership"] == "join"
    setting, member, allowed, since = "shared", None, [], False
    for event in history:
        before = setting, member
        if event["type"] == "m.room.history_visibility":
            setting = event["content"]["history_visibility"]
        elif event["type"] == "m.room.member" and event["state_key"] == user_id:
            member = event["content"]["membership"]
        if since and any(s == "world_readable" or m == "join" or (s == "shared" and joined)
                         for s, m in (before, (setting, member))):
            allowed.append(event["event_id"])
        since = since or event["event_id"] == after
    return allowed


def speak(who, rooms, number, going):
    choice, count = random.Random(number), 0
    while going():
        who.send(choice.choice(rooms), f"{number}.{count}")
        count += 1
    return count


def flip(ann, rooms, going):
    choice = random.Random(7)
    values = ["world_readable"] * 3 + ["shared", "joined", "invited"]
    while going():
        room = choice.choice(rooms)
        regretted = ann.send(room, "regretted")
        ann.visibility(choice.choice(rooms), choice.choice(values))
        ann.redact(room, regretted)
    for room in rooms:
        ann.visibility(room, "world_readable")


def test_fifty_listeners_hear_exactly_what_they_may_once_and_in_order(own, api, ann):
    """Guests, guests that joined, members and strangers with accounts; one room, several,
    all of theirs; four senders, three rooms, visibility going to and fro."""
    rooms = [ann.public_room() for _ in range(3)]
    senders = [ann] + [api.register() for _ in range(3)]
    members = [api.register() for _ in range(15)]
    guests, joined = ([api.guest() for _ in range(n)] for n in (20, 8))
    strangers = [api.register() for _ in range(3)]
    for who in senders[1:] + members:
        for room in rooms:
            who.join(room)
    for who in joined[:4]:
        who.join(rooms[0])
    last_before = {room: ann.send(room, "first") for room in rooms}
    start = guests[0].now([rooms[0]])
    all_said = threading.Event()

    def asks(who, number):
        if who in members and number < 8:
            return None
        return [[rooms[number % 3]], rooms[: 2 + number % 2]][number % 3 == 2]

    ears = [Ear(who, asks(who, n), start, all_said)
            for group in (guests, joined, members, strangers, [guests[0]] * 4)
            for n, who in enumerate(group)]
    assert len(ears) == 50
    for ear in ears:
        ear.start()
    until = time.monotonic() + LOAD_S

    def going():
        return time.monotonic() < until and not any(e.failure for e in ears)

    sent = in_threads([lambda w=w, n=n: speak(w, rooms, n, going)
                       for n, w in enumerate(senders)] + [lambda: flip(ann, rooms, going)])
    for room in rooms:
        ann.send(room, "last")
    all_said.set()
    for ear in ears:
        ear.join(60)
        if ear.failure:
            raise ear.failure
        assert ear.is_done, "a listener still waits"
    assert min(sent[:4]) > 0
    histories = {room: ann.all_messages(room) for room in rooms}
    for ear in ears:
        for room in ear.rooms or rooms:
            heard = [e["event_id"] for e in ear.heard if e["room_id"] == room]
            want = entitled(histories[room], ear.client.user_id, last_before[room])
            lost = [e for e in want if e not in set(heard)]
            leaked = [e for e in heard if e not in set(want)]
            assert heard == want, (ear.client.user_id, ear.rooms, lost[:3], leaked[:3])


def test_thousands_listen_and_half_of_them_vanish(own, ann, guest):
    hall = ann.public_room()
    position = guest.now([hall])
    head = poll_head(guest, position, [hall], 60000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4000:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4000, hard), hard))
    ears = []
    try:
        for _ in range(3000):
            ears.append(Raw("127.0.0.1", own.port))
            ears[-1].say(head)
        own.until_parked(len(ears))
        for ear in ears[::2]:
            ear.sock.close()
        counted = own.metrics()
        sent = ann.send(hall, "to all who are left")
        for ear in ears[1::2]:
            assert [e["event_id"] for e in ear.answer().json()["chunk"]] == [sent]
        now = own.metrics()
    finally:
        for ear in ears:
            ear.sock.close()
    encoded, delivered = (
        now[name] - counted[name]
        for name in ("parlour_events_encoded_total", "parlour_events_delivered_total"))
    assert delivered >= 1500 and encoded == 1


@pytest.mark.skipif(any(w in binary() for w in ("asan", "tsan")),
                    reason="sanitizers keep freed memory")
def test_a_hundred_thousand_polls_leave_no_memory_behind(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    old = guest.now([hall])
    for n in range(5):
        ann.send(hall, f"word {n}")

    def ask(times):
        heads = [poll_head(guest, None, [hall], 0), poll_head(guest, old, [hall], 0),
                 poll_head(ann, None, None, 0), poll_head(ann, old, [hall], 0)]
        with Raw("127.0.0.1", one.port) as raw:
            for _ in range(times // 40):
                raw.say("".join(heads) * 10)
                for _ in range(40):
                    assert raw.answer().status == 200

    def resident():
        return one.metrics()["process_resident_memory_bytes"]

    ask(10000)
    before = resident()
    ask(100000)
    assert resident() - before < 8 << 20
