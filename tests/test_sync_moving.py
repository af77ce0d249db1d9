"""GET /sync: what a room is to someone who moves in and out of it between two answers
(client-server-api/#syncing, #leaving-rooms)."""

import json

import pytest

from lib.http import quote


def sync(who, since=None, filter_=None, **query):
    if filter_ is not None:
        query["filter"] = json.dumps(filter_)
    return who.get("/sync", since=since, **query)


def rooms(got):
    """The parts of the answer that have rooms."""
    return {part: set(some) for part, some in got.get("rooms", {}).items() if some}


def joined(got, room):
    return got["rooms"]["join"][room]


def told(events):
    return [event["content"].get("membership") or event["content"].get("body")
            for event in events]


def members(events):
    return {event["state_key"] for event in events if event["type"] == "m.room.member"}


def timeline(part):
    return part["timeline"]["events"]


@pytest.fixture
def room(ann, ben):
    one = ann.public_room(visibility="shared", name="Hall")
    ben.join(one)
    return one


def fill(who, room, n=12):
    for number in range(n):
        who.send(room, f"words {number}")


# --- staying ---


def test_a_new_profile_is_one_event_and_no_joining(ann, ben, room):
    fill(ann, room)
    since = sync(ben)["next_batch"]
    ben.put(f"/profile/{ben.user_id}/displayname", {"displayname": "Benjamin"})
    part = joined(sync(ben, since), room)
    assert part["state"]["events"] == [] and not part["timeline"]["limited"]
    assert [event["content"]["displayname"] for event in timeline(part)] == ["Benjamin"]
    assert timeline(part)[0]["unsigned"]["prev_content"] == {"membership": "join"}


def test_a_joining_that_was_redacted_is_one_still(ann, ben, room):
    path = ben.room(room, "/state/m.room.member/" + quote(ben.user_id))
    since = sync(ben)["next_batch"]
    ann.redact(room, ben.get(path, format="event")["event_id"])
    got = sync(ben, since)
    assert rooms(got) == {"join": {room}}
    assert [event["type"] for event in timeline(joined(got, room))] == ["m.room.redaction"]
    assert rooms(sync(ben)) == {"join": {room}}


# --- away and back between two answers ---


def test_who_left_and_came_back_is_told_what_has_changed_alone(ann, ben, room):
    fill(ann, room)
    since = sync(ben)["next_batch"]
    ben.leave(room)
    ann.set_state(room, "m.room.topic", {"topic": "while away"})
    ben.join(room)
    got = sync(ben, since, {"room": {"timeline": {"limit": 1}}})
    assert rooms(got) == {"join": {room}}
    part = joined(got, room)
    assert {event["type"] for event in part["state"]["events"]} == {
        "m.room.topic", "m.room.member"}
    assert told(timeline(part)) == ["join"] and part["timeline"]["limited"]


def test_who_left_came_back_and_left_is_told_both_stays(ann, ben, room):
    since = sync(ben)["next_batch"]
    ben.leave(room)
    ann.send(room, "while away")
    ben.join(room)
    ann.send(room, "welcome back")
    ben.leave(room)
    ann.send(room, "behind the back")
    got = sync(ben, since)
    assert rooms(got) == {"leave": {room}}
    assert told(timeline(got["rooms"]["leave"][room])) == [
        "leave", "while away", "join", "welcome back", "leave"]


def test_who_was_put_out_and_invited_again_is_invited(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.kick(room, ben.user_id)
    ann.invite(room, ben.user_id)
    got = sync(ben, since)
    assert rooms(got) == {"invite": {room}}
    fill(ann, room)
    ben.join(room)
    part = joined(sync(ben, got["next_batch"]), room)
    assert {"m.room.create", "m.room.power_levels"} <= {
        event["type"] for event in part["state"]["events"]}


def test_all_state_is_told_of_a_stay_between_two_answers(ann, ben):
    room = ann.public_room(visibility="shared")
    ann.set_state(room, "org.example.thing", {"a": 1})
    fill(ann, room)
    only = {"room": {"timeline": {"limit": 2}, "state": {"types": ["org.example.thing"]}}}
    since = sync(ben, filter_=only)["next_batch"]
    ben.join(room)
    ben.leave(room)
    part = sync(ben, since, only)["rooms"]["leave"][room]
    assert [event["content"] for event in part["state"]["events"]] == [{"a": 1}]
    assert told(timeline(part)) == ["join", "leave"]


# --- coming ---


def test_who_joins_is_told_who_types_and_what_was_read(ann, ben, cat, room):
    said = ann.send(room, "words")
    ann.post(ann.room(room, f"/receipt/m.read/{quote(said)}"))
    ben.post(ben.room(room, f"/receipt/m.read.private/{quote(said)}"))
    ann.put(ann.room(room, "/typing/" + ann.user_id), {"typing": True, "timeout": 30000})
    since = sync(cat)["next_batch"]
    cat.join(room)
    for got in (sync(cat, since), sync(cat)):
        events = {event["type"]: event["content"]
                  for event in joined(got, room)["ephemeral"]["events"]}
        assert events["m.typing"] == {"user_ids": [ann.user_id]}
        assert list(events["m.receipt"][said]) == ["m.read"]
        assert list(events["m.receipt"][said]["m.read"]) == [ann.user_id]


@pytest.mark.parametrize("after", [False, True])
def test_who_joins_lazily_is_told_of_themselves(ann, ben, cat, room, after):
    """"MUST include the syncing user's own membership event when they join a room, or when
    the full state of rooms is requested" """
    lazy = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 2}}}
    since = sync(cat, filter_=lazy, use_state_after=after)["next_batch"]
    cat.join(room)
    fill(ann, room, 3)
    key = "state_after" if after else "state"
    got = sync(cat, since, lazy, use_state_after=after)
    assert members(joined(got, room)[key]["events"]) == {ann.user_id, cat.user_id}
    got = sync(cat, got["next_batch"], lazy, use_state_after=after, full_state=True)
    assert members(joined(got, room)[key]["events"]) == {cat.user_id}


def test_who_goes_in_the_gap_is_told_lazily(ann, ben, cat, room):
    lazy = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}
    cat.join(room)
    since = sync(ann, filter_=lazy)["next_batch"]
    ben.leave(room)
    fill(cat, room, 3)
    part = joined(sync(ann, since, lazy), room)
    assert told(event for event in part["state"]["events"]
                if event["state_key"] == ben.user_id) == ["leave"]


# --- who names a room ---


def test_those_who_have_gone_name_a_room_that_nobody_else_is_in(ann, ben, cat):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    cat.join(room)
    ben.leave(room)
    ann.ban(room, cat.user_id)
    fill(ann, room, 3)
    lazy = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}
    part = joined(sync(ann, filter_=lazy), room)
    assert part["summary"] == {"m.heroes": [ben.user_id, cat.user_id],
                               "m.joined_member_count": 1, "m.invited_member_count": 0}
    assert members(part["state"]["events"]) == {ann.user_id, ben.user_id, cat.user_id}


def test_five_name_a_room(api, ann):
    room = ann.create_room(preset="public_chat")
    others = [api.register() for _ in range(6)]
    for one in others:
        one.join(room)
    names = [one.user_id for one in others]
    assert joined(sync(ann), room)["summary"]["m.heroes"] == names[:5]
    assert joined(sync(others[0]), room)["summary"]["m.heroes"] == [ann.user_id, *names[1:5]]


# --- rooms that are replaced ---


def test_an_upgrade_ends_one_room_and_begins_another(ann, ben, room):
    since = {who: sync(who)["next_batch"] for who in (ann, ben)}
    new = ann.post(ann.room(room, "/upgrade"), {"new_version": "11"})["replacement_room"]
    got = sync(ben, since[ben])
    assert rooms(got) == {"join": {room}}
    stone = timeline(joined(got, room))[0]
    assert stone["type"] == "m.room.tombstone"
    assert stone["content"]["replacement_room"] == new
    assert rooms(sync(ann, since[ann])) == {"join": {room, new}}
    ben.join(new)
    assert rooms(sync(ben, got["next_batch"])) == {"join": {new}}
