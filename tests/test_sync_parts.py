"""GET /sync: presence, what passes, what is the user's own, and the filters of each
(client-server-api/#syncing, #filtering, #presence)."""

import json

import pytest

from lib.http import quote
from lib.listen import Parked


def sync(who, since=None, filter_=None, **query):
    if filter_ is not None:
        query["filter"] = json.dumps(filter_)
    return who.get("/sync", since=since, **query)


def seen(got):
    """Whose presence is told, and what it is."""
    return {event["sender"]: event["content"]["presence"]
            for event in got.get("presence", {}).get("events", [])}


def set_presence(who, presence, **more):
    who.put(f"/presence/{quote(who.user_id)}/status", {"presence": presence, **more})


def kinds(part):
    return [event["type"] for event in part["events"]]


def joined(got, room):
    return got["rooms"]["join"][room]


@pytest.fixture
def room(ann, ben):
    one = ann.public_room()
    ben.join(one)
    return one


# --- presence ---


def test_a_first_sync_shows_who_is_there(ann, ben, cat, room):
    for who in (ann, ben, cat):
        set_presence(who, "online")
    assert seen(sync(ann)) == {ann.user_id: "online", ben.user_id: "online"}
    assert seen(sync(cat)) == {cat.user_id: "online"}


def test_who_syncs_is_there_unless_they_say_otherwise(ann, ben, room):
    for how in ("online", "unavailable", "offline"):
        since = sync(ann)["next_batch"]
        sync(ben, set_presence=how)
        assert seen(sync(ann, since))[ben.user_id] == how


def test_a_change_of_presence_is_told_once_and_wakes(own, ann, ben, room):
    since = sync(ann)["next_batch"]
    waiting = Parked(lambda: sync(ann, since, timeout=30000))
    own.until_parked(1)
    set_presence(ben, "unavailable", status_msg="at lunch")
    got = waiting.result()
    event = got["presence"]["events"][0]
    assert event["type"] == "m.presence" and event["sender"] == ben.user_id
    assert event["content"]["status_msg"] == "at lunch" and "user_id" not in event["content"]
    assert "presence" not in sync(ann, got["next_batch"])


def test_who_joins_is_shown_and_is_shown_who_is_there(ann, ben, cat, room):
    for who in (ann, cat):
        set_presence(who, "online")
    since = {who: sync(who)["next_batch"] for who in (ann, cat)}
    cat.join(room)
    assert seen(sync(ann, since[ann]))[cat.user_id] == "online"
    assert seen(sync(cat, since[cat]))[ann.user_id] == "online"


@pytest.mark.parametrize("part, shown", [
    ({"types": []}, False), ({"types": ["m.presence"]}, True), ({"types": ["m.*"]}, True),
    ({"not_types": ["m.presence"]}, False), ({"not_senders": ["%s"]}, False),
    ({"senders": ["%s"]}, True), ({"senders": ["@nobody:localhost"]}, False)])
def test_presence_goes_through_its_filter(ann, ben, room, part, shown):
    filter_ = json.loads(json.dumps({"presence": part}).replace("%s", ben.user_id))
    since = sync(ann, filter_=filter_)["next_batch"]
    set_presence(ben, "online")
    for got in (sync(ann, since, filter_), sync(ann, filter_=filter_)):
        assert (ben.user_id in seen(got)) == shown


def test_presence_of_who_is_ignored_is_not_told(ann, ben, cat, room):
    cat.join(room)
    ann.put(f"/user/{ann.user_id}/account_data/m.ignored_user_list",
            {"ignored_users": {ben.user_id: {}}})
    since = sync(ann)["next_batch"]
    for who in (ben, cat):
        set_presence(who, "online")
    for got in (sync(ann, since), sync(ann)):
        assert ben.user_id not in seen(got) and cat.user_id in seen(got)


# --- what passes ---


@pytest.mark.parametrize("part, shown", [
    ({}, ["m.receipt", "m.typing"]), ({"types": ["m.typing"]}, ["m.typing"]),
    ({"types": ["m.*"]}, ["m.receipt", "m.typing"]), ({"not_types": ["m.receipt"]}, ["m.typing"]),
    ({"types": []}, []), ({"not_rooms": ["%s"]}, []), ({"rooms": ["%s"]}, ["m.receipt", "m.typing"])])
def test_what_passes_goes_through_its_filter(ann, ben, room, part, shown):
    filter_ = json.loads(json.dumps({"room": {"ephemeral": part}}).replace("%s", room))
    said = ann.send(room, "words")
    since = sync(ann, filter_=filter_)["next_batch"]
    ben.post(ben.room(room, f"/receipt/m.read/{quote(said)}"))
    ben.put(ben.room(room, "/typing/" + ben.user_id), {"typing": True, "timeout": 30000})
    assert kinds(joined(sync(ann, filter_=filter_), room)["ephemeral"]) == shown
    got = sync(ann, since, filter_)
    if shown:
        assert kinds(joined(got, room)["ephemeral"]) == shown
    else:
        assert "rooms" not in got


def test_who_leaves_ceases_to_type(ann, ben, room):
    ben.put(ben.room(room, "/typing/" + ben.user_id), {"typing": True, "timeout": 30000})
    since = sync(ann)["next_batch"]
    ben.leave(room)
    assert joined(sync(ann, since), room)["ephemeral"]["events"] == [
        {"type": "m.typing", "content": {"user_ids": []}}]


# --- the user's own ---


@pytest.mark.parametrize("part, shown", [
    ({}, ["m.push_rules", "org.example.a"]), ({"types": ["org.*"]}, ["org.example.a"]),
    ({"not_types": ["org.*"]}, ["m.push_rules"]), ({"types": []}, [])])
def test_account_data_goes_through_its_filter(ann, part, shown):
    ann.put(f"/user/{ann.user_id}/account_data/org.example.a", {"a": 1})
    got = sync(ann, filter_={"account_data": part})
    assert sorted(kinds(got.get("account_data", {"events": []}))) == shown


@pytest.mark.parametrize("part, shown", [
    ({}, ["m.tag", "org.example.a"]), ({"types": ["m.tag"]}, ["m.tag"]),
    ({"not_types": ["m.*"]}, ["org.example.a"]), ({"not_rooms": ["%s"]}, [])])
def test_account_data_of_a_room_goes_through_its_filter(ann, room, part, shown):
    filter_ = json.loads(json.dumps({"room": {"account_data": part}}).replace("%s", room))
    since = sync(ann, filter_=filter_)["next_batch"]
    ann.put(f"/user/{ann.user_id}/rooms/{room}/account_data/org.example.a", {"a": 1})
    ann.put(f"/user/{ann.user_id}/rooms/{room}/tags/u.work", {"order": 0.5})
    assert sorted(kinds(joined(sync(ann, filter_=filter_), room)["account_data"])) == shown
    got = sync(ann, since, filter_)
    told = got.get("rooms", {}).get("join", {}).get(room, {}).get("account_data", {"events": []})
    assert sorted(kinds(told)) == shown


def test_what_is_kept_of_an_invitation_comes_with_the_joining(ann, ben):
    room = ann.create_room(invite=[ben.user_id])
    since = sync(ben)["next_batch"]
    ben.put(f"/user/{ben.user_id}/rooms/{room}/account_data/org.example.a", {"a": 1})
    ben.join(room)
    assert joined(sync(ben, since), room)["account_data"]["events"] == [
        {"type": "org.example.a", "content": {"a": 1}}]


def test_what_is_emptied_is_told(ann):
    path = f"/user/{ann.user_id}/account_data/org.example.a"
    ann.put(path, {"a": 1})
    since = sync(ann)["next_batch"]
    ann.put(path, {})
    assert sync(ann, since)["account_data"]["events"] == [
        {"type": "org.example.a", "content": {}}]


# --- events that changed since ---


def test_a_redacted_event_says_why(ann, ben, room):
    said, since = ann.send(room, "words"), sync(ben)["next_batch"]
    why = ann.redact(room, said, reason="noise")
    part = joined(sync(ben, since), room)
    assert [(event["type"], event["redacts"]) for event in part["timeline"]["events"]] == [
        ("m.room.redaction", said)]
    event = joined(sync(ben), room)["timeline"]["events"][-2]
    assert event["event_id"] == said and event["content"] == {}
    assert event["unsigned"]["redacted_because"]["event_id"] == why
