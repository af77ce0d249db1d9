"""Reading rooms back: messages, context, one event, by time, members, joined rooms.

Spec: client-server-api/#getting-events-for-a-room, #event-context, #room-membership.
"""

import json

import pytest

from lib.http import quote

NO_RIGHT = (403, "M_FORBIDDEN")


@pytest.fixture
def told(ann, room):
    """Ten messages, oldest first."""
    return [ann.send(room, f"line {n}") for n in range(10)]


def ids(events):
    return [e["event_id"] for e in events]


# --- messages --------------------------------------------------------------


def test_messages_backwards_begin_with_the_newest(ann, room, told):
    got = ann.messages(room, "b", limit=3)
    assert ids(got["chunk"]) == told[:-4:-1]
    assert got["start"] and got["end"]


def test_messages_forwards_begin_with_the_oldest(ann, room, told):
    got = ann.messages(room, "f", limit=2)
    assert [e["type"] for e in got["chunk"]] == ["m.room.create", "m.room.member"]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_of_any_size_give_everything_once_in_order(ann, room, told, limit):
    forwards = ids(ann.all_messages(room, "f", limit=limit))
    backwards = ids(ann.all_messages(room, "b", limit=limit))
    assert forwards == backwards[::-1]
    assert forwards[-10:] == told and len(set(forwards)) == len(forwards)


def test_the_start_is_the_from_given(ann, room, told):
    end = ann.messages(room, "b", limit=2)["end"]
    assert ann.messages(room, "b", from_=end, limit=2)["start"] == end


def test_an_empty_token_is_one_not_given(ann, room, told):
    """libQuotient says `from=` of a room of which it keeps no token, as after its start."""
    for direction in "bf":
        got = ann.messages(room, direction, from_="", to="", limit=3)
        assert got == ann.messages(room, direction, limit=3) | {"chunk": got["chunk"]}
        assert ids(got["chunk"]) == ids(ann.messages(room, direction, limit=3)["chunk"])
    assert ids(ann.messages(room, "b", from_="", limit=3)["chunk"]) == told[:-4:-1]


def test_a_page_turned_round_gives_the_same_events(ann, room, told):
    end = ann.messages(room, "b", limit=4)["end"]
    assert ids(ann.messages(room, "f", from_=end, limit=4)["chunk"]) == told[-4:]


def test_messages_stop_at_to(ann, room, told):
    to = ann.messages(room, "b", limit=3)["end"]
    got = ann.messages(room, "b", to=to, limit=100)
    assert ids(got["chunk"]) == told[:-4:-1]


def test_no_end_where_the_history_begins(ann, room, told):
    assert "end" not in ann.messages(room, "b", limit=100) or not ann.messages(
        room, "b", from_=ann.messages(room, "b", limit=100)["end"])["chunk"]


def test_the_position_of_the_stream_is_a_from_for_messages(ann, room, told):
    position = ann.now([room])
    assert ids(ann.messages(room, "b", from_=position, limit=2)["chunk"]) == told[:-3:-1]
    later = ann.send(room, "later")
    assert ids(ann.messages(room, "f", from_=position)["chunk"]) == [later]


@pytest.mark.parametrize("query, errcode", [
    ({}, "M_MISSING_PARAM"), ({"dir": "x"}, "M_INVALID_PARAM"),
    ({"dir": "b", "limit": "many"}, "M_INVALID_PARAM"),
    ({"dir": "b", "limit": "-5"}, "M_INVALID_PARAM"),
    ({"dir": "b", "from": "nonsense"}, "M_INVALID_PARAM"),
    ({"dir": "b", "to": "nonsense"}, "M_INVALID_PARAM"),
    ({"dir": "b", "filter": "{"}, "M_INVALID_PARAM"),
    ({"dir": "b", "filter": "[]"}, "M_INVALID_PARAM")])
def test_a_bad_parameter_of_messages_is_400(own, ann, room, query, errcode):
    got = ann.get(ann.room(room, "/messages"), expect=400, **query)
    assert got["errcode"] in (errcode, "M_INVALID_PARAM", "M_UNKNOWN", "M_NOT_JSON", "M_BAD_JSON")


def test_a_limit_beyond_measure_is_cut(ann, room, told):
    assert len(ann.messages(room, "b", limit=10**9)["chunk"]) >= 10


def test_messages_are_for_who_may_see_the_room(ann, ben, room):
    ben.messages(room, expect=NO_RIGHT)
    ben.messages("!nosuchroom:localhost", expect=[NO_RIGHT, (404, "M_NOT_FOUND")])


@pytest.mark.parametrize("filter, wanted", [
    ({"types": ["m.room.message"]}, lambda e: e["type"] == "m.room.message"),
    ({"types": ["m.room.*"]}, lambda e: e["type"].startswith("m.room.")),
    ({"not_types": ["m.room.message"]}, lambda e: e["type"] != "m.room.message"),
    ({"types": []}, lambda e: False),
    ({"senders": ["BEN"]}, lambda e: e["sender"] == "BEN"),
    ({"not_senders": ["BEN"]}, lambda e: e["sender"] != "BEN"),
    ({"contains_url": True}, lambda e: "url" in e["content"]),
    ({"contains_url": False}, lambda e: "url" not in e["content"]),
    ({"rooms": []}, lambda e: False),
    ({"types": ["m.room.message"], "not_senders": ["BEN"]},
     lambda e: e["type"] == "m.room.message" and e["sender"] != "BEN")],
    ids=lambda v: json.dumps(v) if isinstance(v, dict) else "")
def test_a_filter_leaves_what_it_names(ann, ben, room, filter, wanted):
    ben.join(room)
    for who in (ann, ben):
        who.send(room, "words")
        who.send(room, {"msgtype": "m.image", "body": "x", "url": "mxc://x/y"})
    text = json.dumps(filter).replace("BEN", ben.user_id)
    everything = ann.all_messages(room)
    expected = []
    for event in everything:
        named = {**event, "sender": "BEN" if event["sender"] == ben.user_id else "ANN"}
        if wanted(named):
            expected.append(event["event_id"])
    got, token = [], None
    while True:
        page = ann.messages(room, "f", from_=token, limit=3, filter=text)
        got += ids(page["chunk"])
        token = page.get("end")
        if token is None:
            break
    assert got == expected


def test_lazy_loading_adds_the_senders_members(ann, ben, room):
    ben.join(room)
    ben.send(room, "here I am")
    got = ann.messages(room, "b", limit=1, filter=json.dumps({"lazy_load_members": True}))
    assert [(e["type"], e["state_key"]) for e in got["state"]] == [("m.room.member", ben.user_id)]


# --- filters that are left with the server -----------------------------------


def leave_filter(user, filter, expect=200):
    return user.post(f"/user/{quote(user.user_id)}/filter", filter, expect=expect)


@pytest.mark.parametrize("key", ["rooms", "not_rooms"])
def test_a_filter_for_what_are_no_rooms_is_400(ann, room, key):
    for part in ({key: ["nonsense"]}, {"timeline": {key: ["nonsense"]}}):
        leave_filter(ann, {"room": part}, expect=(400, "M_BAD_JSON"))
    assert leave_filter(ann, {"room": {key: [room]}})["filter_id"]


# --- context and one event --------------------------------------------------


def test_context_shows_what_is_around_an_event(ann, room, told):
    got = ann.get(ann.room(room, "/context/" + quote(told[5])), limit=4)
    assert got["event"]["event_id"] == told[5]
    assert ids(got["events_before"]) == [told[4], told[3]]
    assert ids(got["events_after"]) == [told[6], told[7]]
    assert ("m.room.create", "") in {(e["type"], e["state_key"]) for e in got["state"]}
    older = ann.messages(room, "b", from_=got["start"], limit=2)
    newer = ann.messages(room, "f", from_=got["end"], limit=2)
    assert ids(older["chunk"]) == [told[2], told[1]]
    assert ids(newer["chunk"]) == [told[8], told[9]]


def test_a_context_of_limit_zero_is_the_event_alone(ann, room, told):
    got = ann.get(ann.room(room, "/context/" + quote(told[5])), limit=0)
    assert got["event"]["event_id"] == told[5]
    assert got.get("events_before", []) == [] and got.get("events_after", []) == []


def test_the_state_of_a_context_is_that_of_its_last_event(ann, room):
    ann.set_state(room, "m.room.topic", {"topic": "old"})
    event = ann.send(room, "then")
    ann.send(room, "between")
    ann.send(room, "between")
    ann.set_state(room, "m.room.topic", {"topic": "new"})
    got = ann.get(ann.room(room, "/context/" + quote(event)), limit=2)
    assert [e["content"] for e in got["state"] if e["type"] == "m.room.topic"] == [
        {"topic": "old"}]


@pytest.mark.parametrize("tail", ["/context/$nosuchevent", "/event/$nosuchevent"])
def test_an_event_that_is_not_there_is_404(ann, room, tail):
    ann.get(ann.room(room, tail), expect=(404, "M_NOT_FOUND"))


@pytest.mark.parametrize("tail", ["/context/", "/event/"])
def test_an_event_of_another_room_is_404(ann, room, told, tail):
    ann.get(ann.room(ann.create_room(), tail + quote(told[0])), expect=(404, "M_NOT_FOUND"))


def in_the_other_alphabet(event):
    return event.translate(str.maketrans("-_+/", "+/-_"))


@pytest.mark.parametrize("version", ["3", "4", "12"])
def test_an_event_id_in_the_other_alphabet_names_no_event(own, ann, version):
    room = ann.create_room(room_version=version)
    event = ann.send(room, "x")
    while in_the_other_alphabet(event) == event:  # it has no letter that differs
        event = ann.send(room, "x")
    other = in_the_other_alphabet(event)
    for path in (ann.room(room, "/event/"), ann.room(room, "/context/"), "/events/"):
        ann.get(path + quote(event))
        ann.get(path + quote(other), expect=(404, "M_NOT_FOUND"))
    ann.redact(room, other, expect=(404, "M_NOT_FOUND"))
    assert ann.event(room, event)["content"]["body"] == "x"


def test_an_event_one_may_not_read_is_as_if_it_were_not_there(ann, ben, room, told):
    ben.event(room, told[0], expect=[(404, "M_NOT_FOUND"), NO_RIGHT])
    ben.get(ben.room(room, "/context/" + quote(told[0])), expect=[(404, "M_NOT_FOUND"), NO_RIGHT])


# --- by time ---------------------------------------------------------------


def test_the_event_nearest_to_a_moment_is_found(ann, room, told):
    events = {e["event_id"]: e["origin_server_ts"] for e in ann.all_messages(room)}
    first = by_time(ann, room, 0, "f")
    assert events[first["event_id"]] == min(events.values()) == first["origin_server_ts"]
    last = by_time(ann, room, 2**52, "b")
    assert last["event_id"] == told[-1]
    middle = by_time(ann, room, events[told[4]], "b")
    assert middle["origin_server_ts"] == events[told[4]]
    assert by_time(ann, room, events[told[4]], "f")["origin_server_ts"] == events[told[4]]


def by_time(client, room, ts, dir, expect=200):
    return client.get("/_matrix/client/v1" + client.room(room, "/timestamp_to_event"), ts=ts,
                      dir=dir, expect=expect)


def test_beyond_the_ends_of_time_no_event_is_found(ann, room, told):
    by_time(ann, room, 2**52, "f", expect=(404, "M_NOT_FOUND"))
    by_time(ann, room, 0, "b", expect=(404, "M_NOT_FOUND"))


@pytest.mark.parametrize("ts, dir", [("x", "f"), (5, "q"), (None, "f"), (5, None), (-1.5, "b")])
def test_a_bad_moment_is_400(ann, room, ts, dir):
    by_time(ann, room, ts, dir, expect=400)


def test_time_is_for_who_may_see_the_room(ann, ben, room, told):
    by_time(ben, room, 0, "f", expect=[NO_RIGHT, (404, "M_NOT_FOUND")])


# --- members and joined rooms ----------------------------------------------


def members_of(client, room, expect=200, **query):
    got = client.get(client.room(room, "/members"), expect=expect, **query)
    return {e["state_key"]: e["content"]["membership"] for e in got["chunk"]}


def test_members_lists_every_membership(ann, ben, cat, room):
    ben.join(room)
    ann.invite(room, cat.user_id)
    assert members_of(ann, room) == {
        ann.user_id: "join", ben.user_id: "join", cat.user_id: "invite"}


def test_members_are_filtered_by_membership(ann, ben, cat, room):
    ben.join(room)
    ann.invite(room, cat.user_id)
    assert set(members_of(ann, room, membership="join")) == {ann.user_id, ben.user_id}
    assert set(members_of(ann, room, membership="invite")) == {cat.user_id}
    assert set(members_of(ann, room, not_membership="join")) == {cat.user_id}


def test_members_at_an_earlier_moment_are_those_of_then(ann, ben, room, told):
    at = ann.messages(room, "b", limit=1)["start"]
    ben.join(room)
    assert set(members_of(ann, room, at=at)) == {ann.user_id}
    assert set(members_of(ann, room)) == {ann.user_id, ben.user_id}


def test_members_are_for_who_may_see_the_room(ann, ben, room):
    ben.get(ben.room(room, "/members"), expect=NO_RIGHT)
    ann.get(ann.room(room, "/members"), at="nonsense", expect=400)


def test_one_who_left_sees_the_members_as_they_were(ann, ben, cat, room):
    ben.join(room)
    ben.leave(room)
    cat.join(room)
    assert cat.user_id not in members_of(ben, room)


def test_joined_members_have_names_and_pictures(ann, ben, room):
    ann.put(f"/profile/{quote(ann.user_id)}/displayname", {"displayname": "Ann"})
    ben.join(room)
    ben.leave(room)
    got = ann.get(ann.room(room, "/joined_members"))["joined"]
    assert set(got) == {ann.user_id}
    assert got[ann.user_id]["display_name"] == "Ann"


def test_joined_members_is_for_members(ann, ben, room):
    ben.get(ben.room(room, "/joined_members"), expect=NO_RIGHT)


def test_joined_rooms_lists_the_joined_alone(ann, ben, room):
    invited = ann.create_room(invite=[ben.user_id])
    ben.join(room)
    assert ben.get("/joined_rooms") == {"joined_rooms": [room]}
    ben.join(invited)
    assert set(ben.get("/joined_rooms")["joined_rooms"]) == {room, invited}
    ben.leave(room)
    assert ben.get("/joined_rooms") == {"joined_rooms": [invited]}
