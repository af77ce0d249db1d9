"""Increments of /sync add up to what an initial sync tells, whatever has happened."""

import json
import os
import random

import pytest

from lib.http import quote
from lib.server import binary
from lib.sync_model import SyncClient, compare

USERS, ROOMS, STEPS = 3, 2, 40
# Sanitizers make each of them ten times as long.
IS_SLOW = any(word in binary() for word in ("/asan/", "/tsan/"))
HISTORIES = int(os.environ.get("PARLOUR_HISTORIES", "20" if IS_SLOW else "500"))

FILTERS = [
    None,
    {"room": {"timeline": {"limit": 1}}},
    {"room": {"timeline": {"limit": 3}}},
    {"room": {"timeline": {"limit": 50}}},
    {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 2}}},
    {"room": {"state": {"lazy_load_members": True, "include_redundant_members": True}}},
    {"room": {"timeline": {"limit": 2, "types": ["m.room.message"]}}},
    {"room": {"timeline": {"not_types": ["m.room.member"]}}},
    {"room": {"state": {"types": ["m.room.name", "m.room.topic"]}, "timeline": {"limit": 2}}},
    {"room": {"ephemeral": {"types": []}, "account_data": {"not_types": ["m.tag"]}}},
    {"room": {"include_leave": True, "timeline": {"limit": 1}}},
    {"room": {"timeline": {"types": []}, "state": {"types": []}}},
    {"room": {"rooms": ["%s"]}},
    {"room": {"not_rooms": ["%s"], "include_leave": True}},
    {"room": {"timeline": {"rooms": ["%s"]}, "state": {"not_rooms": ["%s"]}}},
]


class History:
    """A few people and rooms, and something that happens."""

    def __init__(self, api, seed):
        self.chance = random.Random(seed)
        self.users = [api.register() for _ in range(USERS)]
        self.rooms = [self.users[0].public_room(visibility=self.chance.choice(
            ["shared", "joined", "invited", "world_readable"])) for _ in range(ROOMS)]
        self.sent = {room: [] for room in self.rooms}
        self.number = 0

    def happen(self):
        """One thing; what is not allowed just does not happen."""
        room, who, other = (self.chance.choice(some) for some in
                            (self.rooms, self.users, self.users))
        self.number += 1
        word = self.chance.choices(
            ["say", "burst", "name", "member", "visibility", "redact", "call", "type", "read",
             "keep", "tag", "ignore"], [30, 4, 8, 30, 3, 8, 4, 6, 12, 4, 4, 2])[0]
        getattr(self, word)(room, who, other)

    def say(self, room, who, other):
        sent = who.send(room, f"message {self.number}", expect=None)
        if isinstance(sent, dict) and "event_id" in sent:
            self.sent[room].append(sent["event_id"])

    def burst(self, room, who, other):
        for _ in range(self.chance.randint(5, 15)):
            self.number += 1
            self.say(room, who, other)

    def name(self, room, who, other):
        kind, key = self.chance.choice([("m.room.name", "name"), ("m.room.topic", "topic"),
                                        ("org.example.thing", "thing")])
        sent = self.users[0].set_state(room, kind, {key: f"{kind} {self.number}"}, expect=None)
        if isinstance(sent, dict) and "event_id" in sent:
            self.sent[room].append(sent["event_id"])

    def member(self, room, who, other):
        ask = self.chance.choice(["join", "join", "leave", "invite", "kick", "ban", "unban"])
        if ask in ("join", "leave"):
            if who is not self.users[0]:
                getattr(who, ask)(room, expect=None)
        elif other is not self.users[0]:
            getattr(self.users[0], ask)(room, other.user_id, expect=None)

    def visibility(self, room, who, other):
        value = self.chance.choice(["shared", "joined", "invited", "world_readable"])
        self.users[0].set_state(room, "m.room.history_visibility",
                                {"history_visibility": value}, expect=None)

    def redact(self, room, who, other):
        if self.sent[room]:
            who.redact(room, self.chance.choice(self.sent[room]), expect=None)

    def call(self, room, who, other):
        who.put(f"/profile/{who.user_id}/displayname", {"displayname": f"N{self.number}"})

    def type(self, room, who, other):
        who.put(who.room(room, f"/typing/{who.user_id}"),
                {"typing": self.chance.random() < 0.5, "timeout": 60000}, expect=None)


    def read(self, room, who, other):
        if self.sent[room]:
            kind = self.chance.choice(["m.read", "m.read", "m.read.private", "m.fully_read"])
            body = self.chance.choice([{}, {}, {"thread_id": "main"}])
            event_id = quote(self.chance.choice(self.sent[room]))
            who.post(who.room(room, f"/receipt/{kind}/{event_id}"),
                     {} if kind == "m.fully_read" else body, expect=None)

    def keep(self, room, who, other):
        kind = self.chance.choice(["org.example.a", "org.example.b"])
        where = self.chance.choice(["", f"/rooms/{quote(room)}"])
        who.put(f"/user/{who.user_id}{where}/account_data/{kind}",
                {"number": self.chance.randint(1, 3)}, expect=None)

    def tag(self, room, who, other):
        path = f"/user/{who.user_id}/rooms/{quote(room)}/tags/u.{self.chance.choice('ab')}"
        if self.chance.random() < 0.5:
            who.put(path, {"order": 0.5}, expect=None)
        else:
            who.delete(path, expect=None)

    def ignore(self, room, who, other):
        whom = self.chance.choice([{}, {other.user_id: {}}])
        who.put(f"/user/{who.user_id}/account_data/m.ignored_user_list",
                {"ignored_users": whom})


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_increments_add_up_to_an_initial_sync(api, seed):
    history = History(api, seed)
    chance = history.chance
    filters = json.loads(json.dumps(FILTERS).replace("%s", history.rooms[0]))
    clients = [SyncClient(user, chance.choice(filters), chance.random() < 0.3)
               for user in history.users for _ in range(2)]
    kept = {}
    for _ in range(STEPS):
        history.happen()
        if chance.random() < 0.5:
            client = chance.choice(clients)
            if client in kept and chance.random() < 0.2:
                client.go_back(kept[client])
            client.sync(full_state=True if chance.random() < 0.1 else None)
            if chance.random() < 0.2:
                kept[client] = client.keep()
    for client in clients:
        client.catch_up()
        compare(client)
