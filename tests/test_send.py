"""Putting events into rooms: messages, transaction ids, state, redactions.

Spec: client-server-api/#sending-events-to-a-room, #transaction-identifiers, #redactions.
"""

import json

import pytest

from lib.client import fresh, in_threads
from lib.http import quote

NO_RIGHT = (403, "M_FORBIDDEN")


def test_a_sent_event_is_read_back_as_it_was(ann, room):
    content = {"msgtype": "m.text", "body": "Grüße 🦊 \u0001 \\ \" /", "n": 2**53 - 1,
               "deep": {"a": [None, True, -1, {}]}, "": "an empty key"}
    event = ann.send(room, content)
    got = ann.event(room, event)
    assert got["content"] == content
    assert got["type"] == "m.room.message" and got["sender"] == ann.user_id
    assert got["room_id"] == room and got["event_id"] == event
    assert isinstance(got["origin_server_ts"], int) and "state_key" not in got
    assert not {"auth_events", "prev_events", "hashes", "signatures", "depth"} & set(got)
    assert isinstance(got["unsigned"]["age"], int) and got["unsigned"]["age"] >= 0


def test_the_same_transaction_sends_once(ann, room):
    assert ann.send(room, "one", txn="x") == ann.send(room, "one", txn="x")
    assert ann.send(room, "one", txn="y") != ann.send(room, "one", txn="x")
    assert [e["content"].get("body") for e in ann.all_messages(room)].count("one") == 2


def test_the_same_transaction_at_the_same_moment_sends_once(ann, room):
    got = in_threads([lambda: ann.send(room, "at once", txn="same")] * 8)
    assert len(set(got)) == 1
    assert [e["content"].get("body") for e in ann.all_messages(room)].count("at once") == 1


def test_a_transaction_belongs_to_a_device_and_a_room(ann, room):
    other_room, other_device = ann.create_room(), ann.login()
    ids = {ann.send(room, "x", txn="t"), ann.send(other_room, "x", txn="t"),
           other_device.send(room, "x", txn="t")}
    assert len(ids) == 3


def test_the_senders_device_alone_sees_its_transaction_id(ann, ben, room):
    ben.join(room)
    event = ann.send(room, "mine", txn="my-txn")
    assert ann.event(room, event)["unsigned"]["transaction_id"] == "my-txn"
    assert "transaction_id" not in ben.event(room, event)["unsigned"]
    assert "transaction_id" not in ann.login().event(room, event)["unsigned"]


def test_a_transaction_is_answered_alike_when_its_sender_has_left(ann, ben, room):
    ben.join(room)
    event, other = ben.send(room, "one", txn="sent"), ben.send(room, "two")
    redaction = ben.redact(room, event, txn="redacted")
    message = ben.send(room, {"redacts": other}, kind="m.room.redaction", txn="said")
    ben.leave(room)
    assert ben.send(room, "one", txn="sent") == event
    assert ben.redact(room, event, txn="redacted") == redaction
    assert ben.send(room, {"redacts": other}, kind="m.room.redaction", txn="said") == message
    ben.redact(room, event, txn="another", expect=NO_RIGHT)


def test_a_refused_transaction_may_be_tried_again(ann, ben, room):
    ben.send(room, "let me in", txn="again", expect=NO_RIGHT)
    ben.join(room)
    ben.send(room, "let me in", txn="again")


@pytest.mark.parametrize("version", ["r0", "v3"])
def test_an_event_is_sent_and_redacted_without_a_transaction(ann, room, version):
    path = f"/_matrix/client/{version}" + ann.room(room)
    event = ann.post(path + "/send/m.room.message", {"msgtype": "m.text", "body": "x"})["event_id"]
    assert ann.event(room, event)["content"]["body"] == "x"
    assert ann.post(path + "/send/m.room.message", {"body": "x"})["event_id"] != event
    assert ann.post(path + "/redact/" + quote(event), {})["event_id"]
    assert ann.event(room, event)["content"] == {}


def test_who_is_no_member_may_not_send(ann, ben, room):
    ben.send(room, "hello?", expect=NO_RIGHT)


def test_sending_into_no_room_is_refused(ann):
    ann.send("!nosuchroom:localhost", "hello?", expect=[NO_RIGHT, (404, "M_NOT_FOUND")])


def test_who_has_too_little_power_may_not_send(ann, ben, room):
    ben.join(room)
    ann.power(room, {"events_default": 10})
    ben.send(room, "shh", expect=NO_RIGHT)
    ann.power(room, {"events": {"org.example.free": 0}})
    ben.send(room, {}, kind="org.example.free")


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"true"])
def test_a_content_that_is_no_object_is_400(ann, room, body):
    path = ann.room(room, "/send/m.room.message/" + fresh("t"))
    ann.request("PUT", path, raw=body, expect=[(400, "M_BAD_JSON"), (400, "M_NOT_JSON")])


@pytest.mark.parametrize("value", [
    "1.5", "9007199254740992", "-9007199254740992", "1e400", "1.0", "1e2", "-0.0"])
def test_a_number_that_canonical_json_has_not_is_400(own, ann, room, value):
    path = ann.room(room, "/send/org.example.n/" + fresh("t"))
    ann.request("PUT", path, raw=b'{"n": %s}' % value.encode(), expect=(400, "M_BAD_JSON"))


@pytest.mark.parametrize("version", ["1", "2", "3", "4", "5"])
@pytest.mark.parametrize("value", [
    "9007199254740992", "-9007199254740993", "36893488147419103232", "1.5", "1e2"])
def test_an_old_room_version_takes_numbers_that_new_ones_refuse(own, ann, version, value):
    room = ann.create_room(room_version=version)
    path = ann.room(room, "/send/org.example.n/" + fresh("t"))
    event = ann.request("PUT", path, raw=b'{"n": %s}' % value.encode())["event_id"]
    got = ann.event(room, event)["content"]["n"]
    assert got == json.loads(value) and type(got) is type(json.loads(value))


def test_a_key_given_twice_is_one_key_or_400(own, ann, room):
    path = ann.room(room, "/send/org.example.n/" + fresh("t"))
    got = ann.reply("PUT", path, raw=b'{"a": 1, "a": 2}')
    assert got.status in (200, 400)
    if got.status == 200:
        assert ann.event(room, got.json()["event_id"])["content"] in ({"a": 1}, {"a": 2})


def test_a_lone_surrogate_is_400(own, ann, room):
    path = ann.room(room, "/send/org.example.n/" + fresh("t"))
    ann.request("PUT", path, raw=b'{"a": "\\ud800"}', expect=[
        (400, "M_NOT_JSON"), (400, "M_BAD_JSON")])


def test_an_event_type_beyond_255_bytes_is_refused(own, ann, room):
    ann.send(room, {}, kind="x" * 256, expect=(413, "M_TOO_LARGE"))
    ann.set_state(room, "org.example.k", {}, key="x" * 256, expect=(413, "M_TOO_LARGE"))
    ann.set_state(room, "org.example.k", {}, key="é" * 128, expect=(413, "M_TOO_LARGE"))
    ann.set_state(room, "org.example.k", {}, key="x" * 255)


def test_an_event_just_below_the_limit_fits(ann, room):
    ann.send(room, "x" * 63000)


def test_many_senders_at_once_lose_nothing_and_repeat_nothing(ann, ben, room):
    ben.join(room)
    jobs = [lambda who=who, n=n: [who.send(room, f"{n}.{i}") for i in range(15)]
            for n, who in enumerate([ann, ben, ann, ben])]
    sent = [event for one in in_threads(jobs) for event in one]
    read = [e["event_id"] for e in ann.all_messages(room) if e["type"] == "m.room.message"]
    assert sorted(sent) == sorted(read)
    by_body = [e["content"]["body"] for e in ann.all_messages(room)
               if e["type"] == "m.room.message"]
    for n in range(4):
        mine = [b for b in by_body if b.startswith(f"{n}.")]
        assert mine == [f"{n}.{i}" for i in range(15)]


# --- state -----------------------------------------------------------------


def test_state_is_set_and_read_with_and_without_a_key(ann, room):
    ann.set_state(room, "org.example.s", {"v": 1})
    ann.set_state(room, "org.example.s", {"v": 2}, key="k")
    assert ann.state(room, "org.example.s") == {"v": 1}
    assert ann.get(ann.room(room, "/state/org.example.s/")) == {"v": 1}
    assert ann.state(room, "org.example.s", "k") == {"v": 2}


def test_state_is_read_as_an_event_where_asked(ann, room):
    event = ann.set_state(room, "m.room.name", {"name": "n"})
    got = ann.state(room, "m.room.name", format="event")
    assert got["event_id"] == event and got["content"] == {"name": "n"}
    assert ann.state(room, "m.room.name", format="content") == {"name": "n"}
    assert got["state_key"] == "" and got["sender"] == ann.user_id


def test_all_state_is_the_latest_of_each_key(ann, room):
    for n in (1, 2, 3):
        ann.set_state(room, "org.example.s", {"v": n})
    got = ann.get(ann.room(room, "/state"))
    keys = [(e["type"], e["state_key"]) for e in got]
    assert len(keys) == len(set(keys))
    assert {"m.room.create", "m.room.member", "m.room.power_levels"} <= {k for k, _ in keys}
    assert [e["content"] for e in got if e["type"] == "org.example.s"] == [{"v": 3}]


def test_a_state_event_tells_what_it_replaces(ann, room):
    first = ann.set_state(room, "m.room.topic", {"topic": "one"})
    second = ann.set_state(room, "m.room.topic", {"topic": "two"})
    unsigned = ann.event(room, second)["unsigned"]
    assert unsigned["prev_content"] == {"topic": "one"}
    assert unsigned.get("replaces_state", first) == first


def test_the_same_state_again_is_no_new_event(ann, room):
    first = ann.set_state(room, "m.room.topic", {"topic": "same"})
    assert ann.set_state(room, "m.room.topic", {"topic": "same"}) == first


def test_a_state_that_is_not_there_is_404(ann, room):
    ann.state(room, "org.example.none", expect=(404, "M_NOT_FOUND"))
    ann.state(room, "m.room.topic", "nokey", expect=(404, "M_NOT_FOUND"))


def test_who_was_never_there_reads_no_state(ann, ben, room):
    ben.get(ben.room(room, "/state"), expect=NO_RIGHT)
    ben.state(room, "m.room.create", expect=NO_RIGHT)


def test_one_who_left_reads_the_state_as_it_was(ann, ben, room):
    ben.join(room)
    ann.set_state(room, "m.room.topic", {"topic": "then"})
    ben.leave(room)
    ann.set_state(room, "m.room.topic", {"topic": "now"})
    assert ben.state(room, "m.room.topic") == {"topic": "then"}
    topics = [e["content"] for e in ben.get(ben.room(room, "/state"))
              if e["type"] == "m.room.topic"]
    assert topics == [{"topic": "then"}]


def test_state_takes_power(ann, ben, room):
    ben.join(room)
    ben.set_state(room, "m.room.name", {"name": "mine"}, expect=NO_RIGHT)
    ben.set_state(room, "m.room.create", {}, expect=[NO_RIGHT, 400])


def test_a_state_key_that_is_a_user_belongs_to_that_user(ann, ben, room):
    ben.join(room)
    ann.power(room, {"state_default": 0})
    ben.set_state(room, "org.example.mine", {}, key=ben.user_id)
    ben.set_state(room, "org.example.mine", {}, key=ann.user_id, expect=NO_RIGHT)


@pytest.mark.parametrize("key", ["a/b", "/", "..", "%", "a b", "?x=1#y", "é🦊", "_@x"])
def test_a_state_key_may_be_any_text(ann, room, key):
    ann.set_state(room, "org.example.k", {"key": key}, key=key)
    assert ann.state(room, "org.example.k", key) == {"key": key}
    assert ann.state(room, "org.example.k", key, format="event")["state_key"] == key


@pytest.mark.parametrize("version", ["1", "5", "6"])
def test_members_with_power_alone_say_what_aliases_a_room_has(own, ann, ben, cat, guest, version):
    room = ann.public_room(room_version=version)
    content, key = {"aliases": ["#x:localhost"]}, ann.server_name
    ben.set_state(room, "m.room.aliases", content, key=key, expect=NO_RIGHT)
    guest.set_state(room, "m.room.aliases", content, key=key, expect=403)
    ann.ban(room, ben.user_id)
    ben.set_state(room, "m.room.aliases", content, key=key, expect=NO_RIGHT)
    cat.join(room)
    cat.set_state(room, "m.room.aliases", content, key=key, expect=NO_RIGHT)
    ann.state(room, "m.room.aliases", key, expect=404)
    ann.power(room, {"events": {"m.room.aliases": 0}})
    cat.set_state(room, "m.room.aliases", content, key=key)
    assert ann.state(room, "m.room.aliases", key) == content


def test_a_canonical_alias_must_point_here(ann, room):
    other = ann.create_room(room_alias_name=fresh("other"))
    alias = ann.state(other, "m.room.canonical_alias")["alias"]
    ann.set_state(room, "m.room.canonical_alias", {"alias": alias}, expect=(400, "M_BAD_ALIAS"))
    ann.set_state(room, "m.room.canonical_alias", {"alias": "#nobody-has-it:localhost"},
                  expect=(400, "M_BAD_ALIAS"))
    ann.set_state(room, "m.room.canonical_alias", {"alt_aliases": [alias]},
                  expect=(400, "M_BAD_ALIAS"))
    ann.set_state(room, "m.room.canonical_alias", {"alias": "nonsense"},
                  expect=(400, "M_INVALID_PARAM"))


@pytest.mark.parametrize("content", [
    {"users": {"nonsense": 5}}, {"users": {"@a:b": "fifty"}}, {"ban": "x"}, {"events": 5}])
def test_power_levels_of_the_wrong_shape_are_refused(ann, room, content):
    ann.set_state(room, "m.room.power_levels", content, expect=[400, 403])


@pytest.mark.parametrize("version", ["1", "9", "10", "12"])
@pytest.mark.parametrize("levels", [
    {"users_default": "0"}, {"events": {"a": "5"}}, {"notifications": {"room": "5"}},
    {"users": {"@a:b": "5"}}, {"events": []}, {"notifications": 5}, {"users": []},
    {"ban": None}, {"kick": True}, {"invite": {}}])
def test_power_levels_are_integers_in_every_version(own, ann, version, levels):
    room = ann.create_room(room_version=version)
    old = ann.state(room, "m.room.power_levels")
    ann.set_state(room, "m.room.power_levels", {**old, **levels}, expect=(400, "M_BAD_JSON"))
    ann.create_room(room_version=version, power_level_content_override=levels,
                    expect=(400, "M_BAD_JSON"))
    ann.create_room(room_version=version, expect=(400, "M_BAD_JSON"), initial_state=[
        {"type": "m.room.power_levels", "content": {**old, **levels}}])
    assert ann.state(room, "m.room.power_levels") == old


@pytest.mark.parametrize("version", ["1", "5"])
def test_power_levels_are_no_floats_where_events_may_hold_them(own, ann, version):
    room = ann.create_room(room_version=version)
    ann.set_state(room, "org.example.float", {"n": 1.5})
    ann.power(room, {"ban": 50.5}, expect=(400, "M_BAD_JSON"))
    ann.power(room, {"ban": 50.0}, expect=(400, "M_BAD_JSON"))


def test_a_room_cannot_be_its_own_replacement(own, ann, room):
    ann.set_state(room, "m.room.tombstone", {"body": "moved", "replacement_room": room},
                  expect=(400, "M_INVALID_PARAM"))
    ann.state(room, "m.room.tombstone", expect=404)


# --- redactions ------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "6", "10", "11", "12"])
def test_a_redaction_empties_the_event_and_says_why(ann, version):
    room = ann.create_room(room_version=version)
    event = ann.send(room, "oops")
    redaction = ann.redact(room, event, reason="a slip")
    got = ann.event(room, event)
    assert got["content"] == {}
    why = got["unsigned"]["redacted_because"]
    assert why["event_id"] == redaction and why["content"]["reason"] == "a slip"
    assert why["type"] == "m.room.redaction" and why["sender"] == ann.user_id
    seen = ann.event(room, redaction)
    for one in (why, seen):  # for clients of any age, wherever the version has it
        assert one["redacts"] == one["content"]["redacts"] == event


def test_a_redaction_reaches_messages_and_context(ann, room):
    event = ann.send(room, "secret words")
    ann.redact(room, event)
    for events in (ann.all_messages(room),
                   [ann.get(ann.room(room, "/context/" + event))["event"]]):
        got = next(e for e in events if e["event_id"] == event)
        assert got["content"] == {} and "redacted_because" in got["unsigned"]
    assert "secret words" not in json.dumps(ann.all_messages(room))


def test_a_redacted_state_event_keeps_what_its_version_keeps(ann):
    room = ann.create_room(room_version="11")
    event = ann.set_state(room, "m.room.join_rules", {"join_rule": "public", "extra": 1})
    ann.redact(room, event)
    assert ann.state(room, "m.room.join_rules") == {"join_rule": "public"}
    topic = ann.set_state(room, "m.room.topic", {"topic": "gone"})
    ann.redact(room, topic)
    assert ann.state(room, "m.room.topic") == {}


def test_one_redacts_ones_own_and_with_power_those_of_others(ann, ben, room):
    ben.join(room)
    mine, hers = ben.send(room, "mine"), ann.send(room, "hers")
    ben.redact(room, mine)
    ben.redact(room, hers, expect=NO_RIGHT)
    ann.redact(room, ben.send(room, "again"))


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_redaction_that_is_a_state_event_takes_the_power_to_redact(own, ann, ben, version):
    room = ann.create_room(room_version=version, preset="public_chat")
    ben.join(room)
    ann.power(room, {"users": {ben.user_id: 50}, "redact": 51})
    mine, hers = ben.send(room, "mine"), ann.send(room, "hers")
    refused = 200 if version == "10" else NO_RIGHT  # where nothing but the top is read
    ben.set_state(room, "m.room.redaction", {"redacts": hers}, expect=refused)
    assert ann.event(room, hers)["content"]["body"] == "hers"
    ben.set_state(room, "m.room.redaction", {"redacts": hers}, key="k", expect=refused)
    assert ann.event(room, hers)["content"]["body"] == "hers"
    ben.set_state(room, "m.room.redaction", {"redacts": mine})
    assert (ann.event(room, mine)["content"] == {}) == (version != "10")


def test_the_same_redaction_transaction_redacts_once(ann, room):
    event = ann.send(room, "x")
    assert ann.redact(room, event, txn="r") == ann.redact(room, event, txn="r")


@pytest.mark.parametrize("version", ["10", "11"])
def test_the_body_of_a_redaction_names_no_other_event(own, ann, version):
    room = ann.create_room(room_version=version)
    event, other = ann.send(room, "x"), ann.send(room, "y")
    redaction = ann.event(room, ann.redact(room, event, redacts=other))
    assert redaction["redacts"] == redaction["content"]["redacts"] == event
    assert ann.event(room, other)["content"]["body"] == "y"


def test_redacting_what_is_not_there_is_refused(own, ann, room):
    ann.redact(room, "$nosuchevent", expect=[(404, "M_NOT_FOUND"), NO_RIGHT, 400])


def test_an_event_is_redacted_in_its_own_room_alone(own, ann, room, closed):
    event = ann.send(room, "x")
    ann.redact(closed, event, expect=(400, "M_INVALID_PARAM"))
    assert ann.event(room, event)["content"]["body"] == "x"


def test_redacting_in_a_room_one_is_not_in_is_403(ann, ben, room):
    ben.redact(room, ann.send(room, "x"), expect=NO_RIGHT)
