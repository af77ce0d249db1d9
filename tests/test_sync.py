"""GET /sync: what a client is told, and what it is told not (client-server-api/#syncing)."""

import json
import threading
import time

import pytest

from lib.client import fresh
from lib.http import quote
from lib.listen import Parked


def sync(who, since=None, filter_=None, **query):
    if filter_ is not None:
        query["filter"] = filter_ if isinstance(filter_, str) else json.dumps(filter_)
    return who.get("/sync", since=since, **query)


def joined(got, room):
    return got["rooms"]["join"][room]


def bodies(part):
    return [event["content"].get("body") for event in part["timeline"]["events"]
            if event["type"] == "m.room.message"]


def kinds(events):
    return [event["type"] for event in events]


def next_sync(who, act, since, **query):
    """The next answer about rooms of a sync that is parked when act() is called."""
    got = []

    def wait(since=since):
        while True:
            answer = sync(who, since, timeout=20000, **query)
            if "rooms" in answer:  # else somebody has come or gone (presence)
                got.append(answer)
                return
            since = answer["next_batch"]

    thread = threading.Thread(target=wait)
    thread.start()
    act()
    thread.join()
    return got[0]


@pytest.fixture
def room(ann, ben):
    one = ann.public_room()
    ben.join(one)
    return one


ONE = {"room": {"timeline": {"limit": 1}}}


# --- the answer ---


def test_a_first_sync_tells_all_of_a_new_room_in_its_timeline(ann):
    room = ann.public_room(name="Hall")
    part = joined(sync(ann, filter_={"room": {"timeline": {"limit": 50}}}), room)
    assert part["state"]["events"] == []
    assert not part["timeline"]["limited"]
    assert kinds(part["timeline"]["events"])[:2] == ["m.room.create", "m.room.member"]
    assert part["summary"] == {"m.joined_member_count": 1, "m.invited_member_count": 0}


def test_state_stands_at_the_start_of_the_timeline(ann):
    room = ann.public_room(name="before")
    ann.send(room, "one")
    ann.set_state(room, "m.room.name", {"name": "after"})
    part = joined(sync(ann, filter_={"room": {"timeline": {"limit": 1}}}), room)
    names = [e["content"]["name"] for e in part["state"]["events"]
             if e["type"] == "m.room.name"]
    assert names == ["before"]
    assert kinds(part["timeline"]["events"]) == ["m.room.name"]
    assert part["timeline"]["limited"]


def test_state_after_stands_at_the_end_of_it(ann):
    room = ann.public_room(name="before")
    since = sync(ann)["next_batch"]
    ann.set_state(room, "m.room.name", {"name": "after"})
    ann.send(room, "one")
    part = joined(sync(ann, since, use_state_after=True), room)
    assert "state" not in part
    assert [e["content"] for e in part["state_after"]["events"]] == [{"name": "after"}]
    first = joined(sync(ann, use_state_after=True), room)
    assert [e["content"]["name"] for e in first["state_after"]["events"]
            if e["type"] == "m.room.name"] == ["after"]


def test_events_stand_without_their_room(ann):
    room = ann.public_room()
    ann.send(room, "one", txn="mine")
    part = joined(sync(ann), room)
    assert all("room_id" not in e for e in part["timeline"]["events"])
    last = part["timeline"]["events"][-1]
    assert last["unsigned"]["transaction_id"] == "mine"
    assert last["unsigned"]["membership"] == "join"


def test_increments_tell_what_is_new_once(ann, ben, room):
    since = sync(ann)["next_batch"]
    ben.send(room, "one")
    got = sync(ann, since)
    assert bodies(joined(got, room)) == ["one"]
    assert joined(got, room)["state"]["events"] == []
    again = sync(ann, got["next_batch"])
    assert "rooms" not in again
    assert bodies(joined(sync(ann, since), room)) == ["one"]


def test_a_gap_is_told_and_can_be_filled(ann, ben, room):
    since = sync(ann)["next_batch"]
    for n in range(30):
        ben.send(room, str(n))
    part = joined(sync(ann, since, {"room": {"timeline": {"limit": 5}}}), room)
    assert part["timeline"]["limited"]
    assert bodies(part) == ["25", "26", "27", "28", "29"]
    page = ann.messages(room, "b", from_=part["timeline"]["prev_batch"], to=since, limit=100)
    assert [e["content"]["body"] for e in page["chunk"]] == [str(n) for n in range(24, -1, -1)]


def test_next_batch_is_a_place_for_messages_both_ways(ann, ben, room):
    ben.send(room, "before")
    since = sync(ann)["next_batch"]
    ben.send(room, "behind")
    assert ann.messages(room, "f", from_=since)["chunk"][0]["content"]["body"] == "behind"
    assert ann.messages(room, "b", from_=since)["chunk"][0]["content"]["body"] == "before"


def test_full_state_tells_state_again_and_does_not_wait(ann, room):
    since = sync(ann)["next_batch"]
    started = time.monotonic()
    part = joined(sync(ann, since, full_state=True, timeout=20000), room)
    assert time.monotonic() - started < 10
    assert {"m.room.create", "m.room.power_levels"} <= set(kinds(part["state"]["events"]))
    assert part["timeline"]["events"] == []


# --- waiting ---


def test_a_sync_waits_until_something_is_said(ann, ben, room):
    since = sync(ann)["next_batch"]
    got = next_sync(ann, lambda: ben.send(room, "at last"), since)
    assert bodies(joined(got, room)) == ["at last"]


def test_without_a_timeout_it_does_not_wait(ann, room):
    got = sync(ann, sync(ann)["next_batch"])
    assert "rooms" not in got and got["next_batch"]


def test_what_a_filter_keeps_out_wakes_nobody(ann, ben, room):
    only = {"room": {"timeline": {"types": ["m.room.message"]}}}
    since = sync(ann, filter_=only)["next_batch"]

    def act():
        ben.send(room, {"x": 1}, "org.example.noise")
        ben.send(room, "words")

    got = next_sync(ann, act, since, filter_=only)
    assert bodies(joined(got, room)) == ["words"]
    assert kinds(joined(got, room)["timeline"]["events"]) == ["m.room.message"]


def test_typing_is_told_and_ends(ann, ben, room):
    since = sync(ann)["next_batch"]
    path = ben.room(room, "/typing/" + ben.user_id)
    got = next_sync(ann, lambda: ben.put(path, {"typing": True, "timeout": 30000}), since)
    assert joined(got, room)["ephemeral"]["events"] == [
        {"type": "m.typing", "content": {"user_ids": [ben.user_id]}}]
    got = next_sync(ann, lambda: ben.put(path, {"typing": False}), got["next_batch"])
    assert joined(got, room)["ephemeral"]["events"][0]["content"] == {"user_ids": []}


def test_who_waits_as_the_server_stops_is_told_that_nobody_types(private):
    """Else they would be shown as typing until somebody types there again."""
    server = private(presence={"enabled": False})
    ann, ben = server.api.register(), server.api.register()
    room = ann.public_room()
    ben.join(room)
    ben.put(ben.room(room, "/typing/" + ben.user_id), {"typing": True, "timeout": 30000})
    parked = Parked(lambda: sync(ann, sync(ann)["next_batch"], timeout=20000))
    server.until_parked(1)
    server.stop()
    got = joined(parked.result(), room)["ephemeral"]["events"]
    assert got == [{"type": "m.typing", "content": {"user_ids": []}}]


def test_members_who_wait_share_one_encoding_of_an_event(private):
    one = private(http={"io_threads": 2})
    ann = one.api.register()
    hall = ann.public_room()
    members = [one.api.register() for _ in range(12)]
    quiet = {"presence": {"not_types": ["*"]}}
    since = {}
    for member in members:
        member.join(hall)
    for member in members:
        since[member] = sync(member, filter_=quiet, set_presence="offline")["next_batch"]
    told = {}

    def wait(member):
        told[member] = joined(sync(member, since[member], quiet, timeout=20000,
                                   set_presence="offline"), hall)

    threads = [threading.Thread(target=wait, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    one.until_parked(len(members))
    before = one.metrics()["parlour_events_encoded_total"]
    ann.send(hall, "to all")
    for thread in threads:
        thread.join()
    assert [bodies(told[member]) for member in members] == [["to all"]] * len(members)
    assert one.metrics()["parlour_events_encoded_total"] - before == 1


def test_who_has_ended_their_account_types_no_more(ann, ben, room):
    ben.join(room)
    ben.put(ben.room(room, f"/typing/{ben.user_id}"), {"typing": True, "timeout": 60000})
    before = ann.get("/sync")
    assert ben.user_id in str(before["rooms"]["join"][room]["ephemeral"])
    ben.post("/account/deactivate", {"auth": {
        "type": "m.login.password", "password": ben.password,
        "identifier": {"type": "m.id.user", "user": ben.user_id}}})
    told = ann.get("/sync", since=before["next_batch"])["rooms"]["join"][room]
    assert told["ephemeral"]["events"] == [{"type": "m.typing", "content": {"user_ids": []}}]


def test_a_logout_ends_a_sync_that_waits(ann):
    other = ann.login()
    since = sync(other)["next_batch"]
    got = []
    thread = threading.Thread(target=lambda: got.append(
        other.reply("GET", "/sync", query={"since": since, "timeout": 20000})))
    thread.start()
    other.post("/logout")
    thread.join()
    # The poll may come in before or after the logout; it is told the same.
    assert (got[0].status, got[0].errcode()) == (401, "M_UNKNOWN_TOKEN")


# --- moving in and out ---


def test_an_invitation_shows_what_room_it_is(ann, ben):
    room = ann.create_room(name="Parlour", topic="tea", preset="private_chat")
    since = sync(ben)["next_batch"]
    got = next_sync(ben, lambda: ann.invite(room, ben.user_id, reason="come"), since)
    events = got["rooms"]["invite"][room]["invite_state"]["events"]
    assert all(set(e) == {"type", "state_key", "content", "sender"} for e in events)
    shown = {(e["type"], e["state_key"]): e["content"] for e in events}
    assert shown["m.room.name", ""] == {"name": "Parlour"}
    assert shown["m.room.topic", ""]["topic"] == "tea"
    assert ("m.room.create", "") in shown and ("m.room.join_rules", "") in shown
    assert shown["m.room.member", ann.user_id]["membership"] == "join"
    assert shown["m.room.member", ben.user_id]["membership"] == "invite"
    assert room in sync(ben)["rooms"]["invite"]
    assert "rooms" not in sync(ben, got["next_batch"])


def test_who_joins_is_told_all_of_the_room(ann, ben):
    room = ann.public_room(name="Hall")
    ann.send(room, "said before")
    since = sync(ben)["next_batch"]
    ben.join(room)
    part = joined(sync(ben, since), room)
    everything = kinds(part["state"]["events"] + part["timeline"]["events"])
    assert {"m.room.create", "m.room.name", "m.room.power_levels"} <= set(everything)
    assert part["summary"]["m.joined_member_count"] == 2


def test_who_leaves_is_told_up_to_the_leaving(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.send(room, "last words")
    ben.leave(room)
    ann.send(room, "behind the back")
    got = sync(ben, since)
    part = got["rooms"]["leave"][room]
    assert bodies(part) == ["last words"]
    assert part["timeline"]["events"][-1]["content"]["membership"] == "leave"
    assert "rooms" not in sync(ben, got["next_batch"])
    assert room not in sync(ben).get("rooms", {}).get("leave", {})
    kept = sync(ben, filter_={"room": {"include_leave": True}})["rooms"]["leave"][room]
    assert kept["timeline"]["events"][-1]["content"]["membership"] == "leave"
    ben.forget(room)
    assert "rooms" not in sync(ben, filter_={"room": {"include_leave": True}})


def test_who_is_banned_is_told(ann, ben, room):
    since = sync(ben)["next_batch"]
    ann.ban(room, ben.user_id, reason="noise")
    part = sync(ben, since)["rooms"]["leave"][room]
    assert part["timeline"]["events"][-1]["content"] == {"membership": "ban", "reason": "noise"}


def test_an_invitation_refused_is_a_room_left(ann, ben):
    room = ann.create_room(preset="private_chat", invite=[ben.user_id])
    since = sync(ben)["next_batch"]
    ben.leave(room)
    part = sync(ben, since)["rooms"]["leave"][room]
    assert part["timeline"]["events"][0]["state_key"] == ben.user_id
    assert part["state"]["events"] == []


def test_a_knock_is_told_until_it_is_answered(ann, ben):
    room = ann.create_room(name="Door", initial_state=[
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}])
    since = sync(ben)["next_batch"]
    ben.knock(room)
    got = sync(ben, since)
    shown = {e["type"]: e["content"] for e in got["rooms"]["knock"][room]["knock_state"]["events"]}
    assert shown["m.room.name"] == {"name": "Door"}
    ann.invite(room, ben.user_id)
    assert room in sync(ben, got["next_batch"])["rooms"]["invite"]


def test_what_is_hidden_stays_hidden(ann, ben):
    room = ann.public_room(visibility="joined")
    ann.send(room, "among us")
    ben.join(room)
    part = joined(sync(ben), room)
    assert bodies(part) == []


# --- members ---


def lazy(**more):
    return {"room": {"state": {"lazy_load_members": True, **more}, "timeline": {"limit": 1}}}


def members(part):
    return {e["state_key"] for e in part["state"]["events"] if e["type"] == "m.room.member"}


def test_state_that_was_redacted_is_redacted_in_all_lists(ann, ben, room):
    topic = ann.set_state(room, "m.room.topic", {"topic": "secret"})
    name = ben.set_state(room, "m.room.member",
                         {"membership": "join", "displayname": "secret"}, key=ben.user_id)
    last = ann.send(room, "words")

    def lists(who):
        return [joined(sync(who, filter_=ONE), room)["state"]["events"],
                who.get(who.room(room, "/state")),
                who.get(who.room(room, "/members"))["chunk"],
                who.get(who.room(room, f"/context/{last}"), limit=1)["state"],
                list(who.get(who.room(room, "/joined_members"))["joined"].values())]

    for who in (ann, ben, ann):
        assert all("secret" in json.dumps(one) for one in lists(who))
    ann.redact(room, topic)
    ann.redact(room, name)
    ann.send(room, "more")
    for who in (ann, ben, ann):
        got = lists(who)
        assert not any("secret" in json.dumps(one) for one in got)
        assert all("redacted_because" in json.dumps(one) for one in got[:3])


def test_lazily_only_those_who_speak_are_told(ann, ben, cat, room):
    cat.join(room)
    ann.set_state(room, "m.room.name", {"name": "so that nobody is needed to name it"})
    ben.send(room, "hello")
    part = joined(sync(ann, filter_=lazy()), room)
    assert members(part) == {ann.user_id, ben.user_id}
    assert members(joined(sync(ann, filter_={"room": {"timeline": {"limit": 1}}}), room)) == {
        ann.user_id, ben.user_id, cat.user_id}


def test_a_member_is_told_once_unless_asked_for(ann, ben, cat, room):
    cat.join(room)
    ann.set_state(room, "m.room.name", {"name": "so that nobody is needed to name it"})
    got = {}
    for name, filter_ in (("once", lazy()), ("always", lazy(include_redundant_members=True))):
        ann.send(room, "zero")
        first = sync(ann, filter_=filter_)
        cat.send(room, "one")
        second = sync(ann, first["next_batch"], filter_)
        cat.send(room, "two")
        third = sync(ann, second["next_batch"], filter_)
        again = sync(ann, first["next_batch"], filter_)
        got[name] = [cat.user_id in members(joined(one, room)) for one in (second, third, again)]
    # An answer that did not arrive is asked for again, and tells the same.
    assert got["once"][1:] == [False, True]
    assert got["always"] == [True, True, True]


def test_a_profile_that_changed_in_the_gap_is_told(ann, ben, room):
    since = sync(ann, filter_=lazy())["next_batch"]
    ben.put(f"/profile/{ben.user_id}/displayname", {"displayname": "Benjamin"})
    ann.send(room, "one")
    ann.send(room, "two")
    part = joined(sync(ann, since, lazy()), room)
    assert [e["content"]["displayname"] for e in part["state"]["events"]
            if e["state_key"] == ben.user_id] == ["Benjamin"]


def test_heroes_name_a_room_without_a_name(ann, ben, cat):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ann.invite(room, cat.user_id)
    summary = joined(sync(ann), room)["summary"]
    assert summary == {"m.heroes": [ben.user_id, cat.user_id], "m.joined_member_count": 2,
                       "m.invited_member_count": 1}
    since = sync(ann)["next_batch"]
    ben.leave(room)
    assert joined(sync(ann, since), room)["summary"] == {
        "m.heroes": [cat.user_id], "m.joined_member_count": 1, "m.invited_member_count": 1}


def test_who_names_a_room_is_told_when_its_name_is_redacted(ann, ben):
    room = ann.create_room(preset="public_chat", name="Hall")
    ben.join(room)
    named = ann.set_state(room, "m.room.name", {"name": "Vault"})
    since = sync(ann, filter_=lazy())["next_batch"]
    ann.redact(room, named)
    ann.send(room, "words")
    got = sync(ann, since, lazy())
    assert joined(got, room)["summary"]["m.heroes"] == [ben.user_id]
    assert ben.user_id in members(joined(got, room))
    ann.send(room, "more words")
    assert "summary" not in joined(sync(ann, got["next_batch"], lazy()), room)


# --- filters ---


def test_a_filter_left_with_the_server_is_used_by_its_id(ann, room):
    ann.send(room, "words")
    made = ann.post(f"/user/{ann.user_id}/filter", {"room": {"timeline": {"limit": 1}}})
    part = joined(sync(ann, filter_=made["filter_id"]), room)
    assert bodies(part) == ["words"] and part["timeline"]["limited"]


def test_rooms_are_filtered_before_anything_else(ann):
    one, two = ann.public_room(), ann.public_room()
    assert set(sync(ann, filter_={"room": {"rooms": [one]}})["rooms"]["join"]) == {one}
    assert set(sync(ann, filter_={"room": {"not_rooms": [one]}})["rooms"]["join"]) == {two}
    assert "rooms" not in sync(ann, filter_={"room": {"rooms": []}})


@pytest.mark.parametrize("part, shown", [
    ({"types": ["m.room.message"]}, ["m.room.message", "m.room.message"]),
    ({"not_types": ["m.room.*", "org.*"]}, []),
    ({"senders": ["@nobody:example.org"]}, []),
    ({"contains_url": True}, ["m.room.message"]),
    ({"types": ["org.example.*"]}, ["org.example.thing"])])
def test_timelines_are_filtered(ann, part, shown):
    room = ann.public_room()
    ann.send(room, "words")
    ann.send(room, {"msgtype": "m.image", "body": "i", "url": "mxc://a/b"})
    ann.send(room, {}, "org.example.thing")
    got = joined(sync(ann, filter_={"room": {"timeline": {"limit": 50, **part}}}), room)
    assert kinds(got["timeline"]["events"]) == shown


def test_state_that_a_timeline_filter_keeps_out_stands_in_state(ann):
    room = ann.public_room()
    since = sync(ann)["next_batch"]
    ann.set_state(room, "m.room.topic", {"topic": "tea"})
    ann.send(room, "words")
    part = joined(sync(ann, since, {"room": {"timeline": {"types": ["m.room.message"]}}}), room)
    assert kinds(part["state"]["events"]) == ["m.room.topic"]
    assert bodies(part) == ["words"]


def test_only_the_fields_that_are_asked_for(ann):
    room = ann.public_room()
    ann.send(room, {"msgtype": "m.text", "body": "words", "a.b": {"c": 1, "d": 2}})
    fields = ["type", "content.body", r"content.a\.b.c", "content.nothing"]
    part = joined(sync(ann, filter_={"event_fields": fields,
                                     "room": {"timeline": {"limit": 1}}}), room)
    assert part["timeline"]["events"] == [
        {"type": "m.room.message", "content": {"body": "words", "a.b": {"c": 1}}}]
    assert all(set(e) <= {"type", "content"} for e in part["state"]["events"])


def test_events_as_servers_have_them(ann):
    room = ann.public_room()
    ann.send(room, "words")
    part = joined(sync(ann, filter_={"event_format": "federation",
                                     "room": {"timeline": {"limit": 1}}}), room)
    for event in part["timeline"]["events"] + part["state"]["events"]:
        assert {"auth_events", "prev_events", "hashes", "signatures", "depth"} <= set(event)
        assert "event_id" not in event


# --- what is refused ---


@pytest.mark.parametrize("query", [
    {"since": "yesterday"}, {"since": "t1_1_0"}, {"since": "s1_e-1"}, {"since": "s1_e1_t"},
    {"timeout": "soon"}, {"timeout": "-1"}, {"full_state": "maybe"},
    {"use_state_after": "1"}, {"filter": "{"}, {"filter": "nine"}, {"filter": "987654"},
    {"filter": '{"room": 1}'}, {"filter": '{"room": {"timeline": {"limit": 0}}}'},
    {"filter": '{"room": {"state": {"types": "m.room.name"}}}'},
    {"filter": '{"event_format": "xml"}'}])
def test_a_parameter_that_is_wrong_is_refused(ann, query):
    got = ann.reply("GET", "/sync", query=query)
    assert (got.status, got.errcode()) == (400, "M_INVALID_PARAM")
    assert len(got.json()["error"]) > 10


def test_who_is_nobody_is_told_nothing(api):
    assert api.reply("GET", "/sync", token=None).errcode() == "M_MISSING_TOKEN"
    assert api.reply("GET", "/sync", token="syt_no").errcode() == "M_UNKNOWN_TOKEN"


# --- who else syncs ---


def test_guests_sync_the_rooms_they_have_joined(ann, guest):
    room = ann.public_room()
    assert "rooms" not in sync(guest)
    guest.join(room)
    since = sync(guest)["next_batch"]
    got = next_sync(guest, lambda: ann.send(room, "welcome"), since)
    assert bodies(joined(got, room)) == ["welcome"]


@pytest.mark.parametrize("prefix", ["/_matrix/client/v2_alpha", "/_matrix/client/r0"])
def test_older_paths_answer_alike(ann, prefix):
    room = ann.public_room()
    ann.send(room, "words")
    got = ann.get(prefix + "/sync")
    assert bodies(joined(got, room)) == ["words"]


def test_a_token_survives_a_restart(private):
    server = private()
    ann = server.api.register()
    room = ann.public_room()
    since = sync(ann)["next_batch"]
    ann.send(room, "before")
    server.stop()
    server.start()
    ann.send(room, "after")
    assert bodies(joined(sync(ann, since), room)) == ["before", "after"]


def test_who_began_before_anything_had_happened_is_told_what_is_new_alone(private):
    server = private()
    ann, ben = server.api.register(), server.api.register()
    since = {who: sync(who)["next_batch"] for who in (ann, ben)}
    room = ben.public_room()
    ben.leave(room)
    parts = sync(ben, since[ben])
    assert set(parts["rooms"]["leave"]) == {room} and "account_data" not in parts
    assert "account_data" not in sync(ann, since[ann])


def test_a_new_server_lets_the_first_sync_wait(private):
    server = private()
    ann = server.api.register()
    since = sync(ann)["next_batch"]
    poll = Parked(lambda: sync(ann, since, timeout=20000))
    server.until_parked(1)
    room = ann.create_room()
    assert set(poll.result()["rooms"]["join"]) == {room}


@pytest.mark.parametrize("hears", [True, False])
def test_who_comes_back_after_a_restart_is_told_what_has_changed_alone(private, hears):
    server = private()
    ann, ben = server.api.register(), server.api.register()
    quiet, loud = ann.public_room(), ann.public_room()
    for room in (quiet, loud):
        ben.join(room)
        ann.send(room, "words")
    only = None if hears else {"room": {"ephemeral": {"types": []}}}
    since = sync(ben, filter_=only)["next_batch"]
    server.stop()
    server.start()
    assert "rooms" not in sync(ben, since, only)
    said = ann.send(loud, "more words")
    assert set(sync(ben, since, only)["rooms"]["join"]) == {loud}
    since = sync(ben, since, only)["next_batch"]
    ben.post(ben.room(loud, f"/receipt/m.read.private/{quote(said)}"))
    server.stop()
    server.start()
    got = sync(ben, since, only)["rooms"]["join"]
    assert set(got) == {loud}
    assert got[loud]["unread_notifications"]["notification_count"] == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_who_had_heard_all_is_told_nothing_but_news_after_a_restart(private, end):
    server = private(presence={"enabled": False})
    ann, ben = server.api.register(), server.api.register()
    rooms = [ann.public_room() for _ in range(3)]
    for room in rooms:
        ben.join(room)
    ben.post(ben.room(rooms[0], "/receipt/m.read/" + ben.send(rooms[0], "read")))
    since = sync(ann)["next_batch"]
    getattr(server, end)()
    server.start()
    assert "rooms" not in sync(ann, since, timeout=0)
    ben.send(rooms[1], "news")
    assert list(sync(ann, since)["rooms"]["join"]) == [rooms[1]]


def test_two_devices_are_told_the_same_and_each_its_own_transaction(ann):
    room = ann.public_room()
    other = ann.login()
    txn = fresh("t")
    ann.send(room, "mine", txn=txn)
    mine, theirs = (joined(sync(one), room)["timeline"]["events"][-1] for one in (ann, other))
    assert mine["unsigned"]["transaction_id"] == txn
    assert "transaction_id" not in theirs["unsigned"]
