#!/usr/bin/env python3
"""kill -9 at random moments under load: what was acknowledged is there, once, in order.

Each round loads the server from many threads, kills it, starts it again on the same data
and looks at everything through HTTP. Run by ./dev soak kill N, and by test_kill.py.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
from lib.client import in_threads
from lib.http import quote
from lib.server import TOP, Server

SENDERS = 8
ROOMS = 3
SECONDS = 0.7
REPEATED = 12  # transactions that each sender repeats after a kill, besides what broke off
WHOLE_EVERY = 10  # rounds between two readings of whole rooms
KILLED_AT_START = 0.2  # how often the start after a kill is killed too
BROKEN = (OSError, http.client.HTTPException)


class Lost(AssertionError):
    """Something acknowledged is not there, not once, or not as it was."""


class Sent:
    """One transaction: an event asked for, and its id once that is known."""

    def __init__(self, room, who, n, topic):
        self.room, self.who, self.n, self.topic = room, who, n, topic
        self.event_id = None
        self.acknowledged = False

    def content(self):
        mark = {"who": self.who, "n": self.n}
        return {"topic": f"{self.who} {self.n}", **mark} if self.topic else \
            {"msgtype": "m.text", "body": f"{self.who} {self.n}", **mark}

    def ask(self, client):
        """Sends it, or sends it again: the event's id."""
        path = f"/rooms/{quote(self.room)}/" + (
            "state/m.room.topic" if self.topic else f"send/m.room.message/{self.who}.{self.n}")
        return client.put(path, self.content())["event_id"]


class Sender:
    """Sends one event after the other into its rooms; every tenth changes the topic."""

    def __init__(self, name, client, rooms):
        self.name, self.client, self.rooms = name, client, rooms
        self.sent = []
        self.going, self.failure = False, None

    def run(self, chance):
        while self.going:
            n = len(self.sent)
            one = Sent(chance.choice(self.rooms), self.name, n, topic=n % 10 == 9)
            self.sent.append(one)
            try:
                one.event_id = one.ask(self.client)
            except BROKEN:
                return  # killed: whether it is there is not known
            except (AssertionError, ValueError) as failure:
                self.failure = failure
                return
            one.acknowledged = True


class Mover:
    """Joins and leaves one room in turn; `known` is its membership, None while unsure."""

    def __init__(self, client, room):
        self.client, self.room = client, room
        self.known, self.moves = "leave", 0
        self.going, self.failure = False, None

    def run(self, _chance):
        while self.going:
            to = "leave" if self.known == "join" else "join"
            before, self.known = self.known, None
            try:
                (self.client.join if to == "join" else self.client.leave)(self.room)
            except BROKEN:
                return
            except (AssertionError, ValueError) as failure:
                self.failure, self.known = failure, before
                return
            self.known = to
            self.moves += 1


class Room:
    """What is known to be in a room: its events in order, and the state they make."""

    def __init__(self, room_id, reader):
        self.room_id, self.reader = room_id, reader
        self.ids, self.known, self.state = [], set(), {}
        self.marks = {}  # (who, n): event id
        self.latest = collections.defaultdict(lambda: -1)  # who: n

    def newer(self):
        """The events that are not known yet, oldest first."""
        found, token = [], None
        while True:
            page = self.reader.messages(self.room_id, "b", from_=token, limit=100)
            for event in page["chunk"]:
                if event["event_id"] in self.known:
                    return found[::-1]
                found.append(event)
            token = page.get("end")
            if token is None or not page["chunk"]:
                if self.known:
                    raise Lost(f"{self.room_id}: {self.ids[-1]}, known before, is not there")
                return found[::-1]

    def take(self, event):
        """Notes a new event; an event of a sender comes once, and after its earlier ones."""
        event_id, content = event["event_id"], event["content"]
        if event_id in self.known:
            raise Lost(f"{self.room_id}: {event_id} stands there twice")
        if "who" in content:
            who, n = content["who"], content["n"]
            if (who, n) in self.marks:
                raise Lost(f"{who} {n} is there twice: {self.marks[who, n]} and {event_id}")
            if n < self.latest[who]:
                raise Lost(f"{who} {n} comes after {who} {self.latest[who]}")
            self.marks[who, n], self.latest[who] = event_id, n
        self.ids.append(event_id)
        self.known.add(event_id)
        if "state_key" in event:
            self.state[event["type"], event["state_key"]] = event_id

    def read_on(self):
        for event in self.newer():
            self.take(event)

    def check_state(self):
        told = {(event["type"], event["state_key"]): event["event_id"]
                for event in self.reader.get(self.reader.room(self.room_id, "/state"))}
        if told != self.state:
            odd = {key for key in told.keys() | self.state.keys()
                   if told.get(key) != self.state.get(key)}
            raise Lost(f"{self.room_id}: the state is not what its events make: {odd}")

    def check_whole(self):
        ids = [event["event_id"] for event in self.reader.all_messages(self.room_id)]
        if ids != self.ids:
            raise Lost(f"{self.room_id}: {len(ids)} events, where {len(self.ids)} were known")


class Soak:
    """A server, those who load it, and what they know."""

    def __init__(self, server, chance):
        self.server, self.chance = server, chance
        self.kills = self.acknowledged = self.broken_off = 0
        people = [server.api.register() for _ in range(SENDERS + 2)]
        reader, mover, people = people[0], people[1], people[2:]
        rooms = [reader.public_room() for _ in range(ROOMS)]
        for one in people:
            for room_id in rooms:
                one.join(room_id)
        self.rooms = {room_id: Room(room_id, reader) for room_id in rooms}
        # All talk in the first room; every other of them in the second and third.
        self.senders = [Sender(f"s{at}", one, [rooms[0], rooms[1 + at % (ROOMS - 1)]])
                        for at, one in enumerate(people)]
        for one in people:  # so that each may set the topic
            for room_id in rooms:
                reader.power(room_id, {"users": {one.user_id: 50}})
        self.mover = Mover(mover, rooms[0])
        self.read_on()

    def loaders(self):
        return [*self.senders, self.mover]

    def read_on(self):
        for room in self.rooms.values():
            room.read_on()

    # --- the kill ---------------------------------------------------------

    def load_and_kill(self, seconds):
        threads = []
        for one in self.loaders():
            one.going = True
            own = random.Random(self.chance.random())
            threads.append(threading.Thread(target=one.run, args=(own,)))
        for one in threads:
            one.start()
        time.sleep(self.chance.uniform(0.02, seconds))  # the moment is the test
        self.server.kill()
        self.kills += 1
        for one in self.loaders():
            one.going = False
        for one in threads:
            one.join()
        for one in self.loaders():
            if one.failure:
                raise one.failure

    def start_again(self):
        if self.chance.random() < KILLED_AT_START:
            self.server.start(expect_health=False)
            time.sleep(self.chance.uniform(0, 0.02))  # the moment is the test
            self.server.kill()
        self.server.start()

    # --- what must be so afterwards -----------------------------------------

    def check_sent(self, sent):
        """Of one round: what was acknowledged is there under the id that was told; what
        broke off is there or is not."""
        for one in sent:
            found = self.rooms[one.room].marks.get((one.who, one.n))
            if one.acknowledged and found != one.event_id:
                raise Lost(f"{one.who} {one.n}: acknowledged as {one.event_id}, found {found}")
            if not one.acknowledged:
                one.event_id = found

    def repeat(self, sender, sent):
        """The same transaction gives the same event; one that broke off is made good."""
        sends = [one for one in sent if not one.topic]
        broken = [one for one in sends if not one.acknowledged]
        whole = [one for one in sends if one.acknowledged]
        for one in broken + self.chance.sample(whole, min(REPEATED, len(whole))):
            event_id = one.ask(sender.client)
            if one.event_id not in (None, event_id):
                raise Lost(f"{one.who} {one.n}: {one.event_id} became {event_id} when repeated")
            one.event_id, one.acknowledged = event_id, True

    def check_mover(self):
        found = self.mover.client.get("/joined_rooms")["joined_rooms"]
        state = self.rooms[self.mover.room]
        reader = state.reader
        is_in = self.mover.room in found
        members = reader.get(reader.room(self.mover.room, "/joined_members"))["joined"]
        if (self.mover.client.user_id in members) != is_in:
            raise Lost("joined_rooms and joined_members disagree")
        if self.mover.known not in (None, "join" if is_in else "leave"):
            raise Lost(f"membership was {self.mover.known}; joined is {is_in} now")
        self.mover.known = "join" if is_in else "leave"

    def check(self, sent):
        self.read_on()
        for each in sent:
            self.check_sent(each)
        in_threads([lambda at=at: self.repeat(self.senders[at], sent[at])
                    for at in range(SENDERS)])
        self.read_on()
        for each in sent:
            self.check_sent([one for one in each if one.acknowledged])
        for room in self.rooms.values():
            room.check_state()
        self.check_mover()

    def round(self, seconds):
        before = [len(one.sent) for one in self.senders]
        self.load_and_kill(seconds)
        sent = [one.sent[n:] for one, n in zip(self.senders, before)]
        self.acknowledged += sum(one.acknowledged for each in sent for one in each)
        self.broken_off += sum(not one.acknowledged for each in sent for one in each)
        self.start_again()
        self.check(sent)
        if self.kills % WHOLE_EVERY == 0:
            self.check_whole()

    def check_whole(self):
        for room in self.rooms.values():
            room.check_whole()


def soak(folder, kills, seconds=SECONDS, seed=None, say=lambda text: None):
    """Kills a server so often; the Soak, for its counts. Lost is raised otherwise."""
    with Server(folder, log={"level": "warn"}) as server:
        one = Soak(server, random.Random(seed))
        for _ in range(kills):
            one.round(seconds)
            say(f"{one.kills} kills, {one.acknowledged} events acknowledged, "
                f"{one.broken_off} broken off")
        one.check_whole()
    return one


def main():
    parser = argparse.ArgumentParser(prog="./dev soak kill", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int, metavar="N", help="how often the server is killed")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S",
                        help=f"the longest load before a kill ({SECONDS})")
    parser.add_argument("--seed", type=int, help="for the random moments")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    folder = TOP / "build" / f"soak-kill-{os.getpid()}"
    progress = (lambda text: print("\r" + text, end="", file=sys.stderr, flush=True)) \
        if sys.stderr.isatty() else (lambda text: None)
    try:
        done = soak(folder, options.kills, options.seconds, seed, progress)
    except Lost as lost:
        print(json.dumps({"lost": str(lost), "seed": seed, "data": str(folder)}))
        sys.exit(1)
    shutil.rmtree(folder)
    print(f"{done.kills} kills, {done.acknowledged} events acknowledged, 0 lost, 0 twice "
          f"({done.broken_off} broken off by a kill and then repeated)")


if __name__ == "__main__":
    main()
