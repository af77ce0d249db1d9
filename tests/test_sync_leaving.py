"""GET /sync: rooms that are left, entered again, refused, closed; and what of them was hidden
(client-server-api/#syncing, #leaving-rooms, #room-history-visibility)."""

import json

import pytest


def sync(who, since=None, filter_=None, **query):
    if filter_ is not None:
        query["filter"] = json.dumps(filter_)
    return who.get("/sync", since=since, **query)


def bodies(part):
    return [event["content"].get("body") for event in part["timeline"]["events"]
            if event["type"] == "m.room.message"]


def memberships(events, who):
    return [event["content"]["membership"] for event in events
            if event["type"] == "m.room.member" and event["state_key"] == who.user_id]


def left(got, room):
    return got["rooms"]["leave"][room]


def rooms(got, part):
    return set(got.get("rooms", {}).get(part, {}))


LEAVE = {"room": {"include_leave": True}}


@pytest.fixture
def room(ann, ben):
    one = ann.public_room(visibility="shared")
    ben.join(one)
    return one


# --- leaving ---


@pytest.mark.parametrize("after", [False, True])
def test_who_was_banned_after_leaving_is_told_of_both(ann, ben, room, after):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ben.leave(room)
    ann.send(room, "behind the back")
    ann.ban(room, ben.user_id)
    part = left(sync(ben, since, use_state_after=after), room)
    assert bodies(part) == ["last words"]
    assert memberships(part["timeline"]["events"], ben) == ["leave", "ban"]
    if after:
        assert memberships(part["state_after"]["events"], ben) == ["ban"]
    assert not part["timeline"]["limited"]


def test_who_was_unbanned_since_is_told_of_the_stay(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ann.ban(room, ben.user_id)
    ann.send(room, "behind the back")
    ann.unban(room, ben.user_id)
    part = left(sync(ben, since), room)
    assert bodies(part) == ["last words"]
    assert memberships(part["timeline"]["events"], ben) == ["ban", "leave"]


def test_a_ban_is_told_to_who_had_left_before(ann, ben, room):
    ben.leave(room)
    since = sync(ben)["next_batch"]
    ann.send(room, "behind the back")
    ann.ban(room, ben.user_id, reason="noise")
    got = sync(ben, since)
    part = left(got, room)
    assert [event["content"] for event in part["timeline"]["events"]] == [
        {"membership": "ban", "reason": "noise"}]
    assert part["state"]["events"] == []
    assert "rooms" not in sync(ben, got["next_batch"])


def test_a_short_stay_between_two_syncs_is_told(ann, ben, room):
    ben.leave(room)
    since = sync(ben)["next_batch"]
    ben.join(room)
    ann.send(room, "welcome back")
    ben.leave(room)
    ann.send(room, "behind the back")
    part = left(sync(ben, since), room)
    assert bodies(part) == ["welcome back"]
    assert memberships(part["timeline"]["events"], ben)[-2:] == ["join", "leave"]


def test_an_invitation_refused_after_a_stay_does_not_hide_the_stay(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ben.leave(room)
    ann.send(room, "behind the back")
    ann.invite(room, ben.user_id)
    ben.leave(room)
    part = left(sync(ben, since), room)
    assert bodies(part) == ["last words"]
    kept = left(sync(ben, filter_=LEAVE), room)
    assert "last words" in bodies(kept) and "behind the back" not in bodies(kept)


def test_who_left_is_told_so_also_where_all_state_is_asked_for(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ben.leave(room)
    part = left(sync(ben, since, full_state=True), room)
    assert bodies(part) == ["last words"]
    assert memberships(part["timeline"]["events"], ben) == ["leave"]
    assert {"m.room.create", "m.room.power_levels"} <= {
        event["type"] for event in part["state"]["events"]}


def test_all_state_of_a_room_left_before_comes_without_its_timeline_again(ann, ben, room):
    ben.leave(room)
    since = sync(ben)["next_batch"]
    part = left(sync(ben, since, LEAVE, full_state=True), room)
    assert part["timeline"]["events"] == [] and not part["timeline"]["limited"]
    assert memberships(part["state"]["events"], ben) == ["leave"]
    assert rooms(sync(ben, since, full_state=True), "leave") == set()


def test_of_a_room_that_was_forgotten_others_are_told_that_it_was_left(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ann.set_state(room, "m.room.topic", {"topic": "tea"})
    ben.leave(room)
    ben.forget(room)
    for got in (sync(ben, since), sync(ben, since, LEAVE, full_state=True)):
        part = left(got, room)
        assert memberships(part["timeline"]["events"], ben) == ["leave"]
        events = part["timeline"]["events"] + part["state"]["events"]
        assert {event.get("state_key") for event in events} == {ben.user_id}
        assert rooms(sync(ben, got["next_batch"], LEAVE, full_state=True), "leave") == set()
    assert rooms(sync(ben, filter_=LEAVE), "leave") == set()
    ben.join(room)
    assert rooms(sync(ben, since), "join") == {room}


def test_a_room_that_nobody_knew_of_and_was_forgotten_is_never_told(ann, ben):
    room, since = ann.public_room(visibility="shared"), sync(ben)["next_batch"]
    ben.join(room)
    ben.leave(room)
    ben.forget(room)
    assert "rooms" not in sync(ben, since)
    assert "rooms" not in sync(ben, since, LEAVE, full_state=True)


def test_what_one_keeps_for_a_room_that_was_left_is_told_to_who_asks_for_such(ann, ben, room):
    ben.leave(room)
    since = sync(ben)["next_batch"]
    ben.put(f"/user/{ben.user_id}/rooms/{room}/account_data/org.example.a", {"a": 1})
    assert "rooms" not in sync(ben, since)
    part = left(sync(ben, since, LEAVE), room)
    assert part["account_data"]["events"] == [{"type": "org.example.a", "content": {"a": 1}}]
    assert part["timeline"]["events"] == part["state"]["events"] == []


# --- refusing ---


def test_state_after_a_refusal_knows_of_it(ann, ben):
    room = ann.create_room(preset="private_chat", invite=[ben.user_id])
    since = sync(ben)["next_batch"]
    ben.leave(room)
    part = left(sync(ben, since, use_state_after=True), room)
    assert memberships(part["state_after"]["events"], ben) == ["leave"]
    assert memberships(part["timeline"]["events"], ben) == ["leave"]


def test_what_was_refused_or_taken_up_stands_beside_it(ann, ben):
    """Also where the room shows nothing older than the joining: the invitation was told."""
    room = ann.create_room(preset="private_chat", invite=[ben.user_id])
    ann.visibility(room, "joined")
    since = sync(ben)["next_batch"]
    ben.leave(room)
    part = left(sync(ben, since), room)
    assert part["timeline"]["events"][-1]["unsigned"]["prev_content"]["membership"] == "invite"
    ann.invite(room, ben.user_id, reason="do come")
    ben.join(room)
    joining = sync(ben)["rooms"]["join"][room]["timeline"]["events"][-1]
    for event in (joining, ben.event(room, joining["event_id"])):
        assert event["unsigned"]["prev_content"] == {"membership": "invite", "reason": "do come"}


def test_a_refusal_goes_through_the_filter(ann, ben):
    room = ann.create_room(preset="private_chat", invite=[ben.user_id])
    since = sync(ben)["next_batch"]
    ben.leave(room)
    words = {"types": ["m.room.message"]}
    part = left(sync(ben, since, {"room": {"timeline": words}}), room)
    assert part["timeline"]["events"] == []
    assert memberships(part["state"]["events"], ben) == ["leave"]
    part = left(sync(ben, since, {"room": {"timeline": words, "state": words}}), room)
    assert part["timeline"]["events"] == part["state"]["events"] == []
    part = left(sync(ben, since, {"event_fields": ["type"]}), room)
    assert part["timeline"]["events"] == [{"type": "m.room.member"}]


def test_a_room_that_was_never_entered_shows_nothing_of_itself(ann, ben):
    room = ann.create_room(preset="private_chat", name="Vault", invite=[ben.user_id])
    ben.leave(room)
    for state in ({}, {"use_state_after": True}, {"full_state": True}):
        part = left(sync(ben, filter_=LEAVE, **state), room)
        events = part["timeline"]["events"] + part.get("state", part.get("state_after"))["events"]
        assert {event["state_key"] for event in events} == {ben.user_id}


# --- being invited ---


def test_a_second_invitation_is_told(ann, ben, cat):
    room = ann.create_room(preset="private_chat", invite=[ben.user_id, cat.user_id])
    cat.join(room)
    since = sync(ben)["next_batch"]
    ben.leave(room)
    cat.invite(room, ben.user_id, reason="do come")
    got = sync(ben, since)
    events = got["rooms"]["invite"][room]["invite_state"]["events"]
    own = [event for event in events if event["state_key"] == ben.user_id]
    assert [event["content"].get("reason") for event in own] == ["do come"]
    assert "rooms" not in sync(ben, got["next_batch"])


def test_a_second_knock_is_told(ann, ben):
    room = ann.create_room(initial_state=[
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}])
    ben.knock(room)
    since = sync(ben)["next_batch"]
    ben.leave(room)
    ben.knock(room, reason="please")
    events = sync(ben, since)["rooms"]["knock"][room]["knock_state"]["events"]
    own = [event for event in events if event["state_key"] == ben.user_id]
    assert own[0]["content"].get("reason") == "please"


# --- what was hidden ---


def topics(events):
    return [event["content"]["topic"] for event in events if event["type"] == "m.room.topic"]


def test_state_from_before_one_came_stays_hidden(ann, ben):
    """Only what it was when they came, and became since."""
    room = ann.public_room(visibility="joined", topic="secret")
    ann.set_state(room, "m.room.topic", {"topic": "plain"})
    ben.join(room)
    part = sync(ben)["rooms"]["join"][room]
    assert topics(part["state"]["events"]) == ["plain"]
    ann.set_state(room, "m.room.topic", {"topic": "new"})
    part = sync(ben, filter_={"room": {"timeline": {"limit": 2}}})["rooms"]["join"][room]
    assert topics(part["state"]["events"]) == ["plain"]
    assert topics(part["timeline"]["events"]) == ["new"]


def test_each_key_stands_in_state_once(ann, ben):
    room = ann.public_room(visibility="shared", topic="one")
    for n in range(12):
        ann.send(room, str(n))
    ann.set_state(room, "m.room.topic", {"topic": "two"})
    words = {"room": {"timeline": {"types": ["m.room.message"], "limit": 5}}}
    events = sync(ann, filter_=words)["rooms"]["join"][room]["state"]["events"]
    keys = [(event["type"], event["state_key"]) for event in events]
    assert len(keys) == len(set(keys)) and topics(events) == ["two"]


def test_what_a_filter_left_out_is_behind_prev_batch(ann):
    """/messages without that filter goes on right before the first event of the timeline."""
    room = ann.public_room()
    ann.send(room, {"x": 1}, "org.example.thing")
    sent = ann.send(room, "words")
    part = sync(ann, filter_={"room": {"timeline": {"types": ["m.room.message"]}}})
    timeline = part["rooms"]["join"][room]["timeline"]
    assert [event["event_id"] for event in timeline["events"]] == [sent]
    before = ann.messages(room, "b", from_=timeline["prev_batch"], limit=1)["chunk"]
    assert [event["type"] for event in before] == ["org.example.thing"]


# --- whom one ignores ---


def test_typing_of_who_is_ignored_is_not_told(ann, ben, cat, room):
    cat.join(room)
    ann.put(f"/user/{ann.user_id}/account_data/m.ignored_user_list",
            {"ignored_users": {ben.user_id: {}}})
    since = sync(ann)["next_batch"]
    for who in (ben, cat):
        who.put(who.room(room, "/typing/" + who.user_id), {"typing": True, "timeout": 30000})
    part = sync(ann, since)["rooms"]["join"][room]
    assert part["ephemeral"]["events"] == [
        {"type": "m.typing", "content": {"user_ids": [cat.user_id]}}]


# --- tokens ---


def test_a_since_from_the_end_of_all_numbers_is_refused(ann, room):
    for query in ({}, {"full_state": True}):
        got = ann.reply("GET", "/sync", query={"since": "s1_e9223372036854775807", **query})
        assert (got.status, got.errcode()) == (400, "M_INVALID_PARAM")
    assert sync(ann, "s1_e9223372036854775806", full_state=True)["next_batch"]


def test_device_lists_come_with_increments_alone(ann):
    """client-server-api/#e2e-extensions-to-sync"""
    got = sync(ann)
    assert "device_lists" not in got
    assert "device_lists" in sync(ann, got["next_batch"])


@pytest.mark.parametrize("prefix", ["/_matrix/client/v3", "/_matrix/client/r0",
                                    "/_matrix/client/v2_alpha"])
def test_other_methods_are_refused(ann, prefix):
    for method in ("PUT", "POST", "DELETE"):
        got = ann.reply(method, prefix + "/sync", {})
        assert (got.status, got.errcode()) == (405, "M_UNRECOGNIZED")


def test_a_token_in_the_query_is_as_good(ann):
    assert ann.reply("GET", "/sync", token=None, query={"access_token": ann.token}).status == 200


def test_state_from_after_the_leaving_stays_hidden(ann, ben, cat, room):
    """Also beside a timeline that has room for nothing but the ban."""
    one = {"room": {"include_leave": True, "timeline": {"limit": 1}}}
    since = sync(ben, filter_=one)["next_batch"]
    ben.leave(room)
    cat.join(room)
    ann.set_state(room, "m.room.topic", {"topic": "behind the back"})
    ann.ban(room, ben.user_id)
    for got in (sync(ben, since, one), sync(ben, filter_=one), sync(ben, since, one, full_state=True)):
        part = left(got, room)
        assert memberships(part["timeline"]["events"], ben) == ["ban"]
        assert memberships(part["state"]["events"], cat) == []
        assert topics(part["state"]["events"]) == []


@pytest.mark.parametrize("after", [False, True])
def test_who_changed_in_the_gap_is_told_lazily_beside_all_state(ann, ben, cat, room, after):
    lazy = {"room": {"state": {"lazy_load_members": True}, "timeline": {"limit": 1}}}
    cat.join(room)
    ann.set_state(room, "m.room.name", {"name": "so that nobody is needed to name it"})
    since = sync(ann, filter_=lazy)["next_batch"]
    ann.ban(room, cat.user_id)
    ann.send(room, "words")
    part = sync(ann, since, lazy, full_state=True, use_state_after=after)["rooms"]["join"][room]
    assert memberships(part["state_after" if after else "state"]["events"], cat) == ["ban"]
