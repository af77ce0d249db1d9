"""GET /sync: what a filter leaves of a timeline, and the counts beside it
(client-server-api/#filtering, #receiving-notifications)."""

import json

import pytest


def sync(who, since=None, filter_=None, **query):
    if filter_ is not None:
        query["filter"] = json.dumps(filter_)
    return who.get("/sync", since=since, **query)


@pytest.fixture
def room(ann, ben):
    one = ann.public_room()
    ben.join(one)
    return one


def counts(got, room):
    return got["rooms"]["join"][room]["unread_notifications"]["notification_count"]


@pytest.mark.parametrize("timeline", [{"types": []}, {"types": ["m.room.name"]},
                                      {"senders": []}, {"rooms": []}, {"not_types": ["*"]}])
def test_what_a_filter_keeps_out_is_counted_all_the_same(ann, ben, room, timeline):
    only = {"room": {"timeline": timeline}}
    since = sync(ann, filter_=only)["next_batch"]
    ben.send(room, "words")
    got = sync(ann, since, only)
    part = got["rooms"]["join"][room]
    assert part["timeline"]["events"] == [] and not part["timeline"]["limited"]
    assert counts(got, room) == 1
    assert "rooms" not in sync(ann, got["next_batch"], only)
    ann.send(room, "an answer, from another device")
    got = sync(ann, got["next_batch"], only)
    assert counts(got, room) == 0
    ben.send(room, {"x": 1}, "org.example.noise")
    assert "rooms" not in sync(ann, got["next_batch"], only)


def test_ones_own_receipt_counts_where_nobody_knows_any_more_what_moved(private):
    server = private(presence={"enabled": False})
    ann, ben = server.api.register(), server.api.register()
    room, quiet = ann.public_room(), ann.public_room()
    ben.join(room)
    words = ben.send(room, "words")
    nothing = {"room": {"timeline": {"types": []}, "ephemeral": {"types": []}}}
    since = sync(ann, filter_=nothing)["next_batch"]
    ann.post(ann.room(room, "/receipt/m.read.private/" + words))
    server.kill()
    server.start()
    got = sync(ann, since, nothing)
    assert counts(got, room) == 0 and quiet not in got["rooms"]["join"]


def test_limited_counts_what_passes_alone(ann, ben, room):
    words = {"room": {"timeline": {"types": ["m.room.message"], "limit": 2}}}
    since = sync(ann, filter_=words)["next_batch"]
    ben.send(room, {"x": 1}, "org.example.noise")
    ben.send(room, "one")
    ben.send(room, {"x": 1}, "org.example.noise")
    ben.send(room, "two")
    part = sync(ann, since, words)["rooms"]["join"][room]
    assert [event["content"]["body"] for event in part["timeline"]["events"]] == ["one", "two"]
    assert not part["timeline"]["limited"]
    ben.send(room, "three")
    part = sync(ann, since, words)["rooms"]["join"][room]
    assert part["timeline"]["limited"]
    gap = ann.messages(room, "b", from_=part["timeline"]["prev_batch"], to=since,
                       filter=json.dumps(words["room"]["timeline"]))["chunk"]
    assert [event["content"]["body"] for event in gap] == ["one"]


def test_account_data_that_a_filter_keeps_out_changes_no_counts(ann, room):
    only = {"room": {"account_data": {"types": ["m.tag"]}}}
    since = sync(ann, filter_=only)["next_batch"]
    ann.put(f"/user/{ann.user_id}/rooms/{room}/account_data/org.example.a", {"a": 1})
    assert "rooms" not in sync(ann, since, only)


@pytest.mark.parametrize("state", [{"types": []}, {"not_types": ["m.*"]},
                                   {"rooms": ["!other:example.org"]}, {"senders": []}])
def test_state_that_nobody_asks_for_is_not_told(ann, ben, room, state):
    part = sync(ann, filter_={"room": {"state": state, "timeline": {"limit": 1}}})
    assert part["rooms"]["join"][room]["state"]["events"] == []


def test_who_comes_is_counted_though_no_event_of_it_passes(ann, ben, cat, room):
    """"Required otherwise": client-server-api/#get_matrixclientv3sync, m.joined_member_count"""
    nothing = {"room": {"timeline": {"types": []}, "state": {"types": []}}}
    since = sync(ann, filter_=nothing)["next_batch"]
    cat.join(room)
    summary = sync(ann, since, nothing)["rooms"]["join"][room]["summary"]
    assert summary["m.joined_member_count"] == 3
