"""What users keep with the server: account data, tags, unread markers, ignored users.

Spec: client-server-api/#client-config, #room-tagging, #unread-markers, #ignoring-users;
the same under the paths of 2015.
"""

import json

import pytest

from lib.client import V1, fresh, in_threads
from lib.http import Http, quote
from lib.listen import Listener

V3 = "/_matrix/client/v3"
A2 = "/_matrix/client/v2_alpha"
NO_RIGHT = (403, "M_FORBIDDEN")
NOTHING = (404, "M_NOT_FOUND")
KIND = "org.example.kind"
UNKNOWN_ROOM = "!nobody-has-made-this:localhost"


def path_of(user, kind=KIND, room=None, prefix=V3):
    where = f"/rooms/{quote(room)}" if room else ""
    return f"{prefix}/user/{quote(user.user_id)}{where}/account_data/{quote(kind)}"


def tags_of(user, room, tag=None, prefix=V3):
    tail = "/" + quote(tag) if tag else ""
    return f"{prefix}/user/{quote(user.user_id)}/rooms/{quote(room)}/tags{tail}"


def event(kind, content, **more):
    return {"type": kind, "content": content, **more}


# --- values ------------------------------------------------------------------------

@pytest.mark.parametrize("prefix", [V3, "/_matrix/client/r0", A2])
def test_a_value_is_set_and_read(ann, room, prefix):
    for where in (None, room):
        content = {"text": "Grüße 🦊", "list": [1, 0.25, None, {"deep": True}], "in": where}
        ann.get(path_of(ann, room=where, prefix=prefix), expect=NOTHING)
        assert ann.put(path_of(ann, room=where, prefix=prefix), content) == {}
        assert ann.get(path_of(ann, room=where, prefix=prefix)) == content


def test_a_later_value_replaces_the_whole_of_the_one_before(ann, room):
    for where in (None, room):
        ann.put(path_of(ann, room=where), {"a": 1, "b": 2})
        ann.put(path_of(ann, room=where), {"b": 3})
        assert ann.get(path_of(ann, room=where)) == {"b": 3}


def test_a_room_does_not_fall_back_to_what_is_global(ann, room):
    ann.put(path_of(ann), {"a": 1})
    ann.get(path_of(ann, room=room), expect=NOTHING)


def test_types_are_any_word(ann):
    for kind in ("m.direct", "a/b", "x y", "ü🦊", "%", "'); DROP TABLE users;--", "t" * 255):
        ann.put(path_of(ann, kind), {"kind": kind})
        assert ann.get(path_of(ann, kind)) == {"kind": kind}


def test_nobody_reads_or_sets_anothers(ann, ben, room):
    ben.join(room)
    for where in (None, room):
        ann.put(path_of(ann, room=where), {"mine": True})
        ben.get(path_of(ann, room=where), expect=NO_RIGHT)
        ben.put(path_of(ann, room=where), {"mine": False}, expect=NO_RIGHT)
        ben.get(path_of(ben, room=where), expect=NOTHING)
        assert ann.get(path_of(ann, room=where)) == {"mine": True}


def test_it_needs_an_account(api, ann, guest, room):
    for where in (None, room):
        api.get(path_of(ann, room=where), expect=(401, "M_MISSING_TOKEN"))
        api.put(path_of(ann, room=where), {}, expect=(401, "M_MISSING_TOKEN"))
        guest.get(path_of(guest, room=where), expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
        guest.put(path_of(guest, room=where), {}, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


# --- errors ------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["m.fully_read", "m.push_rules"])
def test_what_the_server_keeps_is_405(own, ann, room, kind):
    for where in (None, room):
        got = ann.reply("PUT", path_of(ann, kind, where), {"event_id": "$x"},
                        expect=(405, "M_BAD_JSON"))
        assert "GET" in got.headers["allow"] and "PUT" not in got.headers["allow"]
    ann.get(path_of(ann, "m.fully_read", room), expect=NOTHING)


def test_push_rules_are_read_as_account_data(own, ann):
    got = ann.get(path_of(ann, "m.push_rules"))
    assert got == {"global": ann.get("/pushrules/")["global"]}


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b'{"a":1}x', b"\xff\xfe",
                                  b'{"a":' * 200 + b"1" + b"}" * 200])
def test_a_body_that_is_no_json_is_400(own, ann, room, body):
    for where in (None, room):
        ann.request("PUT", path_of(ann, room=where), raw=body, expect=(400, "M_NOT_JSON"))
        ann.get(path_of(ann, room=where), expect=NOTHING)


@pytest.mark.parametrize("body", [[], [{}], None, 5, "text", True])
def test_a_body_that_is_no_object_is_400(own, ann, room, body):
    for where in (None, room):
        ann.request("PUT", path_of(ann, room=where), raw=json.dumps(body).encode(),
                    expect=(400, "M_BAD_JSON"))
        ann.get(path_of(ann, room=where), expect=NOTHING)


def test_a_content_has_at_most_64_kib(own, ann):
    ann.put(path_of(ann), {"a": "x" * (65536 - len('{"a":""}'))})
    ann.put(path_of(ann), {"a": "x" * (65537 - len('{"a":""}'))}, expect=(413, "M_TOO_LARGE"))
    assert len(ann.get(path_of(ann))["a"]) == 65528


def test_a_type_has_at_most_255_bytes(own, ann):
    ann.put(path_of(ann, "t" * 256), {}, expect=(400, "M_INVALID_PARAM"))
    ann.put(path_of(ann, "ü" * 128), {}, expect=(400, "M_INVALID_PARAM"))


def test_there_is_a_bound_for_the_number_of_types(own, ann, room):
    in_threads([lambda at=at: [ann.put(path_of(ann, f"t{at}.{i}"), {}) for i in range(250)]
                for at in range(4)])
    ann.put(path_of(ann, "more"), {}, expect=(413, "M_TOO_LARGE"))
    ann.get(path_of(ann, "more"), expect=NOTHING)
    ann.put(path_of(ann, "t0.0"), {"changed": True})
    ann.put(path_of(ann, "more", room), {})


@pytest.mark.parametrize("name", ["nonsense", "@user:localhost", "#alias:localhost", "!", "x!y:z"])
def test_what_is_no_room_id_is_400(own, ann, name):
    ann.get(path_of(ann, room=name), expect=(400, "M_INVALID_PARAM"))
    ann.put(path_of(ann, room=name), {}, expect=(400, "M_INVALID_PARAM"))
    ann.get(tags_of(ann, name), expect=(400, "M_INVALID_PARAM"))
    ann.put(tags_of(ann, name, "u.a"), {}, expect=(400, "M_INVALID_PARAM"))


def test_a_room_that_one_has_nothing_to_do_with_is_like_one_that_is_not_there(
        own, ann, ben, closed):
    answers = []
    for name in (closed, UNKNOWN_ROOM):
        answers.append([
            ben.get(path_of(ben, room=name), expect=NOTHING),
            ben.put(path_of(ben, room=name), {}, expect=NOTHING),
            ben.put(tags_of(ben, name, "u.a"), {}, expect=NOTHING),
            ben.delete(tags_of(ben, name, "u.a"), expect=NOTHING),
            ben.get(tags_of(ben, name))])
    assert answers[0] == answers[1]
    assert answers[0][-1] == {"tags": {}}


def test_invited_left_and_looked_into_are_rooms_to_keep_something_of(own, ann, ben, closed, hall):
    ann.invite(closed, ben.user_id)
    ben.put(tags_of(ben, closed, "u.invited"), {})
    ben.join(closed)
    ben.leave(closed)
    ben.put(path_of(ben, room=closed), {"left": True})
    assert ben.get(path_of(ben, room=closed)) == {"left": True}
    assert ben.get(tags_of(ben, closed)) == {"tags": {"u.invited": {}}}
    ben.put(path_of(ben, room=hall), {"peeked": True})
    assert ben.get(path_of(ben, room=hall)) == {"peeked": True}


# --- tags --------------------------------------------------------------------------

@pytest.mark.parametrize("prefix", [V3, "/_matrix/client/r0", A2])
def test_tags_come_and_go(ann, room, prefix):
    assert ann.get(tags_of(ann, room, prefix=prefix)) == {"tags": {}}
    assert ann.put(tags_of(ann, room, "m.favourite", prefix), {"order": 0.25}) == {}
    assert ann.put(tags_of(ann, room, "u.Arbeit/🦊", prefix), {}) == {}
    assert ann.get(tags_of(ann, room, prefix=prefix)) == {
        "tags": {"m.favourite": {"order": 0.25}, "u.Arbeit/🦊": {}}}
    assert ann.delete(tags_of(ann, room, "m.favourite", prefix)) == {}
    assert ann.delete(tags_of(ann, room, "m.favourite", prefix)) == {}
    assert ann.get(tags_of(ann, room, prefix=prefix)) == {"tags": {"u.Arbeit/🦊": {}}}


def test_the_order_of_2015_is_a_string(ann, room):
    ann.put(tags_of(ann, room, "work", A2), {"order": "apples"})
    assert ann.get(tags_of(ann, room)) == {"tags": {"work": {"order": "apples"}}}


def test_tags_are_the_rooms_m_tag(ann, room):
    ann.put(tags_of(ann, room, "u.a"), {"order": 1})
    assert ann.get(path_of(ann, "m.tag", room)) == {"tags": {"u.a": {"order": 1}}}
    ann.put(path_of(ann, "m.tag", room), {"tags": {"u.b": {}}})
    assert ann.get(tags_of(ann, room)) == {"tags": {"u.b": {}}}


def test_tags_are_of_one_user_and_one_room(ann, ben, room, hall):
    ben.join(room)
    ann.put(tags_of(ann, room, "u.a"), {})
    assert ann.get(tags_of(ann, hall)) == ben.get(tags_of(ben, room)) == {"tags": {}}
    ben.get(tags_of(ann, room), expect=NO_RIGHT)
    ben.put(tags_of(ann, room, "u.b"), {}, expect=NO_RIGHT)
    ben.delete(tags_of(ann, room, "u.a"), expect=NO_RIGHT)
    assert ann.get(tags_of(ann, room)) == {"tags": {"u.a": {}}}


def test_tags_need_an_account(api, ann, guest, hall):
    guest.join(hall)
    for who, expect in ((api, (401, "M_MISSING_TOKEN")),
                        (guest, (403, "M_GUEST_ACCESS_FORBIDDEN"))):
        user = ann if who is api else guest
        who.get(tags_of(user, hall), expect=expect)
        who.put(tags_of(user, hall, "u.a"), {}, expect=expect)
        who.delete(tags_of(user, hall, "u.a"), expect=expect)


def test_tags_put_at_the_same_time_all_stay(ann, room):
    names = [f"u.{at}" for at in range(24)]
    ann.put(tags_of(ann, room, "u.gone"), {})
    in_threads([lambda name=name: ann.put(tags_of(ann, room, name), {}) for name in names]
               + [lambda: ann.delete(tags_of(ann, room, "u.gone"))])
    assert sorted(ann.get(tags_of(ann, room))["tags"]) == sorted(names)


def test_the_name_of_a_tag_has_at_most_255_bytes(own, ann, room):
    ann.put(tags_of(ann, room, "t" * 255), {})
    ann.put(tags_of(ann, room, "t" * 256), {}, expect=(400, "M_INVALID_PARAM"))
    ann.put(tags_of(ann, room, "ü" * 128), {}, expect=(400, "M_INVALID_PARAM"))
    assert list(ann.get(tags_of(ann, room))["tags"]) == ["t" * 255]


def test_hostile_tags_are_refused_and_the_others_stay(own, ann, room):
    ann.put(tags_of(ann, room, "u.good"), {"order": 0.5})
    bad = tags_of(ann, room, "u.bad")
    ann.request("PUT", bad, raw=b"", expect=(400, "M_NOT_JSON"))
    ann.request("PUT", bad, raw=b"[]", expect=(400, "M_BAD_JSON"))
    ann.request("PUT", bad, raw=b'{"order":1e999}', expect=400)
    for order in (True, [], {}, 10**400):
        ann.put(bad, {"order": order}, expect=(400, "M_BAD_JSON"))
    ann.request("PUT", bad, raw=b'{"a":' * 99 + b"1" + b"}" * 99, expect=(400, "M_BAD_JSON"))
    ann.put(bad, {"a": "x" * 65500}, expect=(413, "M_TOO_LARGE"))
    ann.put(f"{V3}/user/{quote(ann.user_id)}/rooms/{quote(room)}/tags/%00", {}, expect=400)
    ann.put(f"{V3}/user/{quote(ann.user_id)}/rooms/{quote(room)}/tags/%ff", {}, expect=400)
    assert ann.get(tags_of(ann, room)) == {"tags": {"u.good": {"order": 0.5}}}


# --- types that the specification names --------------------------------------------

def test_a_room_is_marked_unread_and_read_again(ann, room):
    ann.put(path_of(ann, "m.marked_unread", room), {"unread": True})
    assert ann.get(path_of(ann, "m.marked_unread", room)) == {"unread": True}
    ann.put(path_of(ann, "m.marked_unread", room), {"unread": False})
    assert ann.get(path_of(ann, "m.marked_unread", room)) == {"unread": False}


def test_the_list_of_ignored_users_is_kept(ann, ben):
    content = {"ignored_users": {ben.user_id: {}}}
    ann.put(path_of(ann, "m.ignored_user_list"), content)
    assert ann.get(path_of(ann, "m.ignored_user_list")) == content


# --- who hears of it ---------------------------------------------------------------

def test_ones_own_listeners_hear_it(own, ann, ben, room):
    ben.join(room)
    other = Listener(ben)
    ear = Listener(ann.login())
    ann.put(path_of(ann), {"n": 1})
    ear.until_where(lambda e: e == event(KIND, {"n": 1}), "global account data")
    ann.put(path_of(ann, room=room), {"n": 2})
    ear.until_where(lambda e: e == event(KIND, {"n": 2}, room_id=room), "a room's")
    ann.put(tags_of(ann, room, "u.a"), {"order": 0.5})
    ear.until_where(
        lambda e: e == event("m.tag", {"tags": {"u.a": {"order": 0.5}}}, room_id=room), "tags")
    other.until(ann.send(room, "the end"))
    assert not [e for e in other.heard if e["type"] in (KIND, "m.tag")]
    ear.stop()
    other.stop()


def test_what_was_set_while_nobody_listened_is_heard_later_once(own, ann, room):
    before = ann.now()
    for n in range(3):
        ann.put(path_of(ann), {"n": n})
    heard, end = ann.drain(before)
    assert heard == [event(KIND, {"n": 2})]
    ann.put(path_of(ann), {"n": 2})  # as it was: nothing to tell
    assert ann.drain(end)[0] == []


def test_events_and_account_data_are_heard_across_pages(own, ann, room):
    before = ann.now()
    sent = []
    for n in range(7):
        sent.append(ann.send(room, str(n)))
        ann.put(path_of(ann, f"{KIND}.{n}"), {"n": n})
    heard, _ = ann.drain(before, limit=3)
    assert [e["event_id"] for e in heard if "event_id" in e] == sent
    assert [e["content"] for e in heard if e["type"].startswith(KIND)] == [
        {"n": n} for n in range(7)]


@pytest.mark.parametrize("prefix", [V1, A2, "/_matrix/client/r0", V3])
def test_initial_sync_has_it(own, ann, ben, room, prefix):
    ben.join(room)
    ann.put(path_of(ann), {"n": 1})
    ann.put(path_of(ann, room=room), {"n": 2})
    ann.put(tags_of(ann, room, "u.a"), {})
    got = ann.get(prefix + "/initialSync")
    assert got["account_data"] == [event(KIND, {"n": 1})]
    mine = next(r for r in got["rooms"] if r["room_id"] == room)["account_data"]
    expected = [event("m.tag", {"tags": {"u.a": {}}}), event(KIND, {"n": 2})]
    assert sorted(mine, key=lambda e: e["type"]) == expected
    one = ann.get(f"{prefix}/rooms/{quote(room)}/initialSync")["account_data"]
    assert sorted(one, key=lambda e: e["type"]) == expected
    assert ben.get(f"{prefix}/rooms/{quote(room)}/initialSync")["account_data"] == []
    assert ben.get(prefix + "/initialSync")["account_data"] == []


def test_what_follows_initial_sync_is_heard_from_its_end(own, ann):
    ann.put(path_of(ann), {"n": 1})
    end = ann.get("/initialSync")["end"]
    ann.put(path_of(ann), {"n": 2})
    assert ann.drain(end)[0] == [event(KIND, {"n": 2})]


# --- how long it lasts -------------------------------------------------------------

def test_a_restart_keeps_everything(private):
    server = private()
    ann = server.api.register(fresh("ann"))
    room = ann.create_room()
    before = ann.now()
    ann.put(path_of(ann), {"n": 1})
    ann.put(path_of(ann, room=room), {"n": 2})
    ann.put(tags_of(ann, room, "u.a"), {"order": 0.5})
    server.restart()
    assert ann.get(path_of(ann)) == {"n": 1}
    assert ann.get(path_of(ann, room=room)) == {"n": 2}
    assert ann.get(tags_of(ann, room)) == {"tags": {"u.a": {"order": 0.5}}}
    heard, end = ann.drain(before)
    assert len(heard) == 3
    ann.put(path_of(ann), {"n": 3})
    assert ann.drain(end)[0] == [event(KIND, {"n": 3})]


def test_a_kill_keeps_what_was_answered(private):
    server = private()
    ann = server.api.register(fresh("ann"))
    room = ann.create_room()
    for n in range(20):
        ann.put(tags_of(ann, room, f"u.{n}"), {})
    server.kill()
    server.start()
    server.http = ann.http = Http(server.http.base)
    assert len(ann.get(tags_of(ann, room))["tags"]) == 20
