"""Random histories, read by everyone over HTTP and held against lib/model.py. Leaks: 0.

Spec: client-server-api/#room-history-visibility. PARLOUR_HISTORIES: how many rooms.
"""

import os
import random

import pytest

from lib.client import fresh, in_threads
from lib.http import quote
from lib.model import visible

HISTORIES = int(os.environ.get("PARLOUR_HISTORIES", "500"))
SEED = int(os.environ.get("PARLOUR_SEED", "20150817"))
VISIBILITIES = ["world_readable", "shared", "invited", "joined", "nonsense"]
NO_RIGHT = (403, "M_FORBIDDEN")
AT_ONCE = 4


class Cast:
    """Those who live through one thread's histories; each thread has its own."""

    def __init__(self, api):
        self.owner = api.register()
        self.movers = [api.register(), api.register()]
        self.stranger, self.guest = api.register(), api.guest()

    def observers(self):
        return [*self.movers, self.stranger, self.guest]


def step(cast, room, where, dice):
    """One random thing that happens in the room."""
    owner = cast.owner
    if dice.random() < 0.4:
        owner.send(room, fresh("word"))
        return
    if dice.random() < 0.4:
        owner.visibility(room, dice.choice(VISIBILITIES))
        return
    user = dice.choice(cast.movers)
    now = where.get(user.user_id, "leave")
    if now == "join":
        word = dice.choice(["leave", "kick", "ban", "rename"])
    elif now == "invite":
        word = dice.choice(["join", "leave", "ban", "join"])
    elif now == "ban":
        word = "unban"
    else:
        word = dice.choice(["join", "join", "invite", "ban"])
    after = {"kick": "leave", "unban": "leave", "rename": "join"}.get(word, word)
    if word in ("join", "leave"):
        getattr(user, word)(room)
    elif word == "rename":
        user.set_state(room, "m.room.member", {
            "membership": "join", "displayname": fresh("name")}, key=user.user_id)
    else:
        getattr(owner, word)(room, user.user_id)
    where[user.user_id] = after


def live(cast, dice):
    """One history; its room and the stream's position before it."""
    start = cast.owner.now()
    state = []
    if dice.random() < 0.7:
        state.append({"type": "m.room.history_visibility", "state_key": "", "content": {
            "history_visibility": dice.choice(VISIBILITIES)}})
    room = cast.owner.create_room(
        preset="public_chat", initial_state=state,
        room_version=dice.choice(["1", "6", "10", "11", "12", "12"]))
    where = {}
    for _ in range(dice.randint(4, 14)):
        step(cast, room, where, dice)
    return start, room


def stream_of(user, start, room):
    """Everything the stream gives after start; the 403 that may end it is no event."""
    heard, position = [], start
    while True:
        page = user.events(position, [room], expect=[200, NO_RIGHT])
        if "chunk" not in page or not page["chunk"]:
            return heard, "chunk" not in page
        heard += [e["event_id"] for e in page["chunk"] if "event_id" in e]
        position = page["end"]


def check_messages(user, room, allowed, was_member):
    got = user.all_messages(room, "f", expect=[200, NO_RIGHT])
    back = user.all_messages(room, "b", expect=[200, NO_RIGHT])
    if isinstance(got, dict):
        assert isinstance(back, dict), "refused one way only"
        assert not was_member, "a member, past or present, is refused"
        return
    assert [e["event_id"] for e in got] == allowed
    assert [e["event_id"] for e in back] == allowed[::-1]


def check(cast, start, room, dice):
    timeline = cast.owner.all_messages(room)
    assert [e["event_id"] for e in timeline] == visible(timeline, cast.owner.user_id)
    for user in cast.observers():
        allowed = visible(timeline, user.user_id)
        joins = [e for e in timeline if e["type"] == "m.room.member"
                 and e["state_key"] == user.user_id and e["content"]["membership"] == "join"]
        check_messages(user, room, allowed, bool(joins))
        heard, refused = stream_of(user, start, room)
        # One's own invitation or ban is told live though the five rules hide it later.
        told = {e["event_id"] for e in timeline if e["type"] == "m.room.member"
                and e["state_key"] == user.user_id} - set(allowed)
        assert [e for e in heard if e not in told] == allowed
        assert not (refused and joins and not heard)
        for event in dice.sample(timeline, min(3, len(timeline))):
            may = event["event_id"] in allowed
            user.event(room, event["event_id"], expect=200 if may else [
                (404, "M_NOT_FOUND"), NO_RIGHT])


def stage(api, seeds):
    cast = Cast(api)
    for seed in seeds:
        dice = random.Random(seed)
        start, room = live(cast, dice)
        try:
            check(cast, start, room, dice)
        except AssertionError as failure:
            raise AssertionError(f"history {seed} in {room}: {failure}") from failure
        for user in [cast.owner, *cast.movers]:
            if room in user.get("/joined_rooms")["joined_rooms"]:
                user.leave(room)


@pytest.mark.parametrize("batch", range(4))
def test_random_histories_are_seen_as_the_rules_say(own, batch):
    seeds = [SEED + n for n in range(batch, HISTORIES, 4)]
    in_threads([lambda n=n: stage(own.api, seeds[n::AT_ONCE]) for n in range(AT_ONCE)])


def test_context_shows_no_more_than_the_rules_allow(ann, ben):
    room = ann.public_room(visibility="joined")
    hidden = [ann.send(room, "before") for _ in range(3)]
    ben.join(room)
    seen = ann.send(room, "with ben")
    ben.leave(room)
    hidden += [ann.send(room, "after") for _ in range(3)]
    got = ben.get(ben.room(room, "/context/" + quote(seen)), limit=20)
    around = {e["event_id"] for e in got["events_before"] + got["events_after"]}
    assert not around & set(hidden)


def test_a_moment_in_time_shows_no_more_than_the_rules_allow(ann, ben):
    room = ann.public_room(visibility="joined")
    hidden = ann.send(room, "before")
    ben.join(room)
    got = ben.get("/_matrix/client/v1" + ben.room(room, "/timestamp_to_event"), ts=0, dir="f",
                  expect=[200, (404, "M_NOT_FOUND")])
    assert got.get("event_id") != hidden
    ben.get(ben.room(room, "/context/" + quote(hidden)), expect=[
        (404, "M_NOT_FOUND"), NO_RIGHT])
