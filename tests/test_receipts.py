"""How far users have read: receipts, private ones, of threads, and read markers.

Spec: client-server-api/#receipts, #read-and-unread-markers; 2015's /events and
initialSync.
"""

import time

import pytest

from lib.client import V1, fresh, in_threads
from lib.http import quote
from lib.listen import Listener
from lib.sse import Stream

A2 = "/_matrix/client/v2_alpha"
R0 = "/_matrix/client/r0"
V3 = "/_matrix/client/v3"
NO_RIGHT = (403, "M_FORBIDDEN")
NOTHING = (404, "M_NOT_FOUND")
BAD = (400, "M_INVALID_PARAM")
UNKNOWN = "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def receipt(user, room, event_id, kind="m.read", expect=200, prefix=V3, **body):
    path = f"{prefix}/rooms/{quote(room)}/receipt/{quote(kind)}/{quote(event_id)}"
    return user.post(path, body, expect=expect)


def markers(user, room, expect=200, prefix=V3, **body):
    return user.post(f"{prefix}/rooms/{quote(room)}/read_markers", body, expect=expect)


def fully_read(user, room, expect=200):
    return user.get(f"/user/{quote(user.user_id)}/rooms/{quote(room)}/account_data/m.fully_read",
                    expect=expect)


def receipts_in(user, room):
    """(event, type, user, thread) of all that a member is told, by room initialSync."""
    return {(event_id, kind, user_id, value.get("thread_id"))
            for event in user.get(user.room(room, "/initialSync"))["receipts"]
            for event_id, kinds in event["content"].items()
            for kind, users in kinds.items()
            for user_id, value in users.items()}


def related(user, room, event_id, rel_type):
    return user.send(room, {"msgtype": "m.text", "body": "x", "m.relates_to": {
        "rel_type": rel_type, "event_id": event_id}})


@pytest.fixture
def both(ann, ben, room):
    """A room that ann and ben are in."""
    ben.join(room)
    return room


# --- receipts ----------------------------------------------------------------------

@pytest.mark.parametrize("prefix", [V3, R0, A2])
def test_a_receipt_is_set_and_told(own, ann, ben, both, prefix):
    one = ann.send(both)
    before = time.time() * 1000
    assert receipt(ben, both, one, prefix=prefix) == {}
    got = ann.get(ann.room(both, "/initialSync"))["receipts"]
    assert len(got) == 1 and got[0]["type"] == "m.receipt" and got[0]["room_id"] == both
    ts = got[0]["content"][one]["m.read"].pop(ben.user_id)["ts"]
    assert before - 1000 <= ts <= time.time() * 1000 + 1000
    assert got[0]["content"] == {one: {"m.read": {}}}


def test_a_receipt_needs_no_body(own, ann, both):
    one = ann.send(both)
    path = ann.room(both, f"/receipt/m.read/{quote(one)}")
    ann.request("POST", path)
    assert receipts_in(ann, both) == {(one, "m.read", ann.user_id, None)}


def test_a_receipt_never_goes_back(own, ann, ben, both):
    one, two = ann.send(both), ann.send(both)
    receipt(ben, both, two)
    receipt(ben, both, one)
    assert receipts_in(ann, both) == {(two, "m.read", ben.user_id, None)}


def test_receipts_at_the_same_time_end_at_the_newest(own, ann, ben, both):
    sent = [ann.send(both) for _ in range(12)]
    in_threads([lambda e=e: receipt(ben, both, e) for e in sent])
    assert receipts_in(ann, both) == {(sent[-1], "m.read", ben.user_id, None)}


def test_a_private_receipt_is_its_owners_alone(own, ann, ben, both):
    one, two = ann.send(both), ann.send(both)
    receipt(ben, both, two, "m.read.private")
    receipt(ben, both, one)
    public = (one, "m.read", ben.user_id, None)
    assert receipts_in(ann, both) == {public}
    assert receipts_in(ben, both) == {public, (two, "m.read.private", ben.user_id, None)}


def test_who_leaves_leaves_their_receipts_behind(own, ann, ben, both):
    """A client that was there knows them; one that is new is told the same."""
    event_id = ann.send(both)
    receipt(ben, both, event_id)
    receipt(ben, both, event_id, "m.read.private")
    public = event_id, "m.read", ben.user_id, None
    ben.leave(both)
    assert receipts_in(ann, both) == {public}
    ben.join(both)
    assert receipts_in(ben, both) == {public, (event_id, "m.read.private", ben.user_id, None)}


def test_receipts_are_for_members_alone(own, api, ann, ben, cat, guest, hall, closed):
    one = ann.send(hall)
    receipt(ann, hall, one)
    receipt(ben, hall, one, expect=NO_RIGHT)  # who may read it is no member yet
    assert receipts_in(ben, hall) == set()
    ann.invite(closed, ben.user_id)
    receipt(ben, closed, ann.send(closed), expect=NO_RIGHT)
    ben.join(closed)
    ben.leave(closed)
    receipt(ben, closed, ann.send(closed), expect=NO_RIGHT)
    markers(ben, closed, expect=NO_RIGHT)
    assert receipts_in(ben, closed) == set()
    api.post(ann.room(hall, f"/receipt/m.read/{quote(one)}"), expect=(401, "M_MISSING_TOKEN"))
    guest.join(hall)
    receipt(guest, hall, one, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    markers(guest, hall, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


@pytest.mark.parametrize("kind", ["m.read", "m.read.private", "m.fully_read"])
def test_the_event_must_be_one_of_the_room(own, ann, both, kind):
    elsewhere = ann.send(ann.create_room())
    for event_id, expect in ((elsewhere, NOTHING), (UNKNOWN, NOTHING), ("$x", NOTHING),
                             ("nonsense", BAD), ("$" + "x" * 300, BAD)):
        receipt(ann, both, event_id, kind, expect=expect)
        markers(ann, both, expect=expect, **{kind: event_id})
    assert receipts_in(ann, both) == set()
    fully_read(ann, both, expect=NOTHING)


def test_an_event_that_one_may_not_see_is_not_there(own, ann, ben, room):
    ann.visibility(room, "joined")
    hidden = ann.send(room)
    ben.join(room)
    receipt(ben, room, hidden, expect=NOTHING)
    receipt(ben, room, ann.send(room))


def test_there_are_three_kinds(own, ann, both):
    one = ann.send(both)
    for kind in ("m.delivered", "read", "M.READ", "m.read ", "ü", "m.receipt"):
        receipt(ann, both, one, kind, expect=BAD)
    assert receipts_in(ann, both) == set()


def test_unknown_and_impossible_rooms(own, ann, both):
    one = ann.send(both)
    receipt(ann, "!nobody:localhost", one, expect=[NOTHING, NO_RIGHT])
    receipt(ann, "nonsense", one, expect=BAD)
    markers(ann, "!nobody:localhost", expect=[NOTHING, NO_RIGHT])
    markers(ann, "nonsense", expect=BAD)


# --- threads -----------------------------------------------------------------------

def test_each_thread_has_a_receipt_of_its_own(own, ann, ben, both):
    a, b = ann.send(both), ann.send(both)
    c = related(ann, both, a, "m.thread")
    d = related(ann, both, b, "m.reference")
    receipt(ben, both, c, thread_id=a)
    receipt(ben, both, d, thread_id="main")
    receipt(ben, both, a)
    assert receipts_in(ann, both) == {
        (c, "m.read", ben.user_id, a), (d, "m.read", ben.user_id, "main"),
        (a, "m.read", ben.user_id, None)}
    receipt(ben, both, b, thread_id="main")  # behind d
    receipt(ben, both, b)
    assert receipts_in(ann, both) == {
        (c, "m.read", ben.user_id, a), (d, "m.read", ben.user_id, "main"),
        (b, "m.read", ben.user_id, None)}


def test_receipts_of_two_threads_at_one_event_are_both_told(own, ann, ben, both):
    one = ann.send(both)
    receipt(ben, both, one, thread_id="main")
    receipt(ben, both, one)
    assert receipts_in(ann, both) == {
        (one, "m.read", ben.user_id, None), (one, "m.read", ben.user_id, "main")}


def test_the_event_must_be_in_the_thread(own, ann, both):
    a, b = ann.send(both), ann.send(both)
    c = related(ann, both, a, "m.thread")
    e = related(ann, both, c, "m.annotation")
    receipt(ann, both, c, thread_id="main", expect=BAD)
    receipt(ann, both, e, thread_id="main", expect=BAD)
    receipt(ann, both, c, thread_id=b, expect=BAD)
    receipt(ann, both, b, thread_id=a, expect=BAD)
    receipt(ann, both, b, thread_id=UNKNOWN, expect=BAD)
    assert receipts_in(ann, both) == set()
    receipt(ann, both, e, thread_id=a)
    receipt(ann, both, a, thread_id="main")


@pytest.mark.parametrize("thread", ["", 5, None, True, [], {}, ["main"], "main\x00", "x" * 5000])
def test_a_thread_id_is_a_string_with_something_in_it(own, ann, both, thread):
    one = ann.send(both)
    receipt(ann, both, one, thread_id=thread, expect=BAD)
    assert receipts_in(ann, both) == set()


def test_the_fully_read_marker_has_no_thread(own, ann, both):
    one = ann.send(both)
    receipt(ann, both, one, "m.fully_read", thread_id="main", expect=BAD)
    fully_read(ann, both, expect=NOTHING)


# --- read markers ------------------------------------------------------------------

@pytest.mark.parametrize("prefix", [V3, R0])
def test_all_three_are_set_at_once(own, ann, ben, both, prefix):
    one, two, three = (ann.send(both) for _ in range(3))
    body = {"m.fully_read": one, "m.read": two, "m.read.private": three}
    assert markers(ben, both, prefix=prefix, **body) == {}
    assert fully_read(ben, both) == {"event_id": one}
    assert receipts_in(ben, both) == {(two, "m.read", ben.user_id, None),
                                      (three, "m.read.private", ben.user_id, None)}
    fully_read(ann, both, expect=NOTHING)


def test_none_of_them_is_needed(own, ann, both):
    assert markers(ann, both) == {}
    one = ann.send(both)
    assert markers(ann, both, **{"m.read": one}) == {}
    fully_read(ann, both, expect=NOTHING)
    assert receipts_in(ann, both) == {(one, "m.read", ann.user_id, None)}


def test_one_that_is_wrong_leaves_all_as_they_were(own, ann, both):
    one = ann.send(both)
    for key in ("m.fully_read", "m.read", "m.read.private"):
        good = {"m.fully_read": one, "m.read": one, "m.read.private": one}
        markers(ann, both, expect=NOTHING, **{**good, key: UNKNOWN})
        markers(ann, both, expect=(400, "M_BAD_JSON"), **{**good, key: 5})
        markers(ann, both, expect=(400, "M_BAD_JSON"), **{**good, key: [one]})
    assert receipts_in(ann, both) == set()
    fully_read(ann, both, expect=NOTHING)


def test_the_fully_read_marker_goes_forwards_by_either_way(own, ann, both):
    one, two, three = (ann.send(both) for _ in range(3))
    receipt(ann, both, one, "m.fully_read")
    assert fully_read(ann, both) == {"event_id": one}
    markers(ann, both, **{"m.fully_read": three})
    receipt(ann, both, two, "m.fully_read")
    assert fully_read(ann, both) == {"event_id": three}
    assert receipts_in(ann, both) == set()


def test_the_fully_read_marker_is_not_set_as_account_data(own, ann, both):
    one, two = ann.send(both), ann.send(both)
    markers(ann, both, **{"m.fully_read": one})
    ann.put(f"/user/{quote(ann.user_id)}/rooms/{quote(both)}/account_data/m.fully_read",
            {"event_id": two}, expect=(405, "M_BAD_JSON"))
    assert fully_read(ann, both) == {"event_id": one}


# --- who hears of it ---------------------------------------------------------------

@pytest.mark.parametrize("prefix", [V1, R0, V3])
def test_initial_sync_lists_receipts_of_ones_rooms(own, ann, ben, cat, both, prefix):
    one = ann.send(both)
    receipt(ben, both, one)
    receipt(ben, both, one, "m.read.private")
    got = ann.get(prefix + "/initialSync")["receipts"]
    assert [(e["type"], e["room_id"], list(e["content"])) for e in got] == [
        ("m.receipt", both, [one])]
    assert list(got[0]["content"][one]) == ["m.read"]
    assert list(ben.get(prefix + "/initialSync")["receipts"][0]["content"][one]) == [
        "m.read", "m.read.private"]
    assert cat.get(prefix + "/initialSync")["receipts"] == []


def is_receipt_at(event_id, kind, user):
    return lambda e: (e["type"] == "m.receipt" and
                      user.user_id in e["content"].get(event_id, {}).get(kind, {}))


def test_members_hear_a_receipt_and_its_owner_a_private_one(own, ann, ben, cat, both):
    one = ann.send(both)
    ear, owner, stranger = Listener(ann), Listener(ben.login()), Listener(cat)
    receipt(ben, both, one, "m.read.private")
    receipt(ben, both, one)
    got = ear.until_where(is_receipt_at(one, "m.read", ben), "the receipt")
    assert got["room_id"] == both and list(got["content"][one]) == ["m.read"]
    owner.until_where(is_receipt_at(one, "m.read", ben), "the receipt")
    owner.until_where(is_receipt_at(one, "m.read.private", ben), "the private one")
    markers(ben, both, **{"m.fully_read": one})
    owner.until_where(lambda e: e == {"type": "m.fully_read", "room_id": both,
                                      "content": {"event_id": one}}, "the marker")
    ear.until(ann.send(both))
    assert "m.read.private" not in str(ear.heard) and "m.fully_read" not in str(ear.heard)
    stranger.until(cat.send(cat.create_room()))
    assert not [e for e in stranger.heard if not e["type"].startswith("m.room")]
    for listener in (ear, owner, stranger):
        listener.stop()


def test_receipts_set_while_nobody_listened_are_heard_in_one_event(own, ann, ben, cat, both):
    cat.join(both)
    one, two = ann.send(both), ann.send(both)
    before = ann.now()
    receipt(ben, both, one)
    receipt(cat, both, one)
    receipt(ben, both, two)
    heard, end = ann.drain(before)
    told = [event["content"] for event in heard if event["type"] != "m.presence"]
    assert [sorted((e, u) for e in content for u in content[e]["m.read"])
            for content in told] == [sorted([(one, cat.user_id), (two, ben.user_id)])]
    receipt(ben, both, one)  # nothing new
    assert ann.drain(end)[0] == []


def test_a_listener_that_polls_on_misses_no_last_receipt(own, ann, ben, cat, both):
    cat.join(both)
    sent = [ann.send(both) for _ in range(15)]
    ear = Listener(ann)
    in_threads([lambda who=who, kind=kind: [receipt(who, both, e, kind) for e in sent]
                for who in (ann, ben, cat) for kind in ("m.read", "m.read.private")])
    for who in (ann, ben, cat):
        ear.until_where(is_receipt_at(sent[-1], "m.read", who), f"the last of {who.user_id}")
    ear.until_where(is_receipt_at(sent[-1], "m.read.private", ann), "one's own private one")
    assert all(list(users) == [ann.user_id] for e in ear.heard if e["type"] == "m.receipt"
               for kinds in e["content"].values()
               for kind, users in kinds.items() if kind == "m.read.private")
    ear.stop()


def test_a_listener_of_named_rooms_hears_events_alone(own, ann, ben, both):
    one = ann.send(both)
    before = ann.now(both)
    receipt(ben, both, one)
    two = ann.send(both)
    heard, _ = ann.drain(before, both)
    assert [e.get("event_id") for e in heard] == [two]


def next_but_presence(stream):
    while True:
        heard = stream.next()
        if heard.kind != "m.presence":
            return heard


def test_a_stream_of_server_sent_events_has_receipts(own, ann, ben, both):
    one = ann.send(both)
    with Stream(ann) as stream:
        stream.opening()
        receipt(ben, both, one)
        heard = next_but_presence(stream)
        assert heard.kind == "m.receipt" and ben.user_id in heard.json["content"][one]["m.read"]
        markers(ann, both, **{"m.fully_read": one})
        heard = next_but_presence(stream)
        assert (heard.kind, heard.json["content"]) == ("m.fully_read", {"event_id": one})
    two = ann.send(both)
    with Stream(ann, from_=heard.id) as stream:  # nothing twice
        assert next_but_presence(stream).event_id == two


# --- and that somebody is there ----------------------------------------------------

@pytest.mark.parametrize("kind", ["m.read", "m.read.private", "m.fully_read"])
def test_who_reads_is_online(own, ann, ben, both, kind):
    one = ann.send(both)
    status = f"/presence/{quote(ben.user_id)}/status"
    assert ann.get(status)["presence"] == "offline"
    receipt(ben, both, one, kind)
    assert ann.get(status)["currently_active"] is True


def test_who_moves_a_marker_is_online_and_who_moves_none_is_not(own, ann, ben, both):
    one = ann.send(both)
    status = f"/presence/{quote(ben.user_id)}/status"
    markers(ben, both)
    ben.post(f"/rooms/{quote(both)}/read_markers", {"m.read": "$nothing"}, expect=None)
    assert ann.get(status)["presence"] == "offline"
    markers(ben, both, **{"m.fully_read": one})
    assert ann.get(status)["currently_active"] is True


# --- how long they last ------------------------------------------------------------

def test_a_restart_keeps_everything(private):
    server = private()
    ann = server.api.register(fresh("ann"))
    room = ann.create_room()
    one, two = ann.send(room), ann.send(room)
    before = ann.now()
    markers(ann, room, **{"m.fully_read": one, "m.read": two, "m.read.private": two})
    receipt(ann, room, one, thread_id="main")
    kept = receipts_in(ann, room)
    assert len(kept) == 3
    server.restart()
    assert receipts_in(ann, room) == kept
    assert fully_read(ann, room) == {"event_id": one}
    heard, end = ann.drain(before)
    assert sorted(e["type"] for e in heard) == ["m.fully_read", "m.receipt"]
    receipt(ann, room, one)  # still never goes back
    assert receipts_in(ann, room) == kept
    three = ann.send(room)
    receipt(ann, room, three)
    assert [e["type"] for e in ann.drain(end)[0]] == ["m.room.message", "m.receipt"]
