"""The paths of 2015, api/v1 and v2_alpha, one more version in each route's row.

Spec: the client-server API of 2015 (v1, v2_alpha).
"""

import pytest

from lib.client import V1, fresh
from lib.http import quote
from lib.listen import Listener

V2 = "/_matrix/client/v2_alpha"
PREFIXES = [V1, V2, "/_matrix/client/r0"]
PASSWORD = "correct horse battery"


def old(client, room, tail, prefix=V1):
    return prefix + client.room(room, tail)


@pytest.mark.parametrize("prefix", [V1, V2])
def test_a_token_stands_in_the_query_as_in_2015(own, ann, room, prefix):
    own.api.get(f"{prefix}/rooms/{quote(room)}/state/m.room.create", access_token=ann.token)


@pytest.mark.parametrize("prefix", [V1, V2])
def test_login_has_its_2015_shape(own, ann, prefix):
    got = own.api.post(prefix + "/login", {
        "type": "m.login.password", "user": ann.user_id, "password": PASSWORD})
    assert got["user_id"] == ann.user_id and got["home_server"] == "localhost"
    own.api.post(prefix + "/login", {"type": "m.login.password", "user": ann.user_id,
                                     "password": "wrong"}, expect=(403, "M_FORBIDDEN"))


@pytest.mark.parametrize("prefix", [V2, "/_matrix/client/api/v2_alpha"])
def test_registration_of_2015_has_guests_and_users(own, prefix):
    guest = own.api.post(prefix + "/register?kind=guest", {})
    assert guest["user_id"] and guest["access_token"] and guest["home_server"] == "localhost"
    name = fresh("old")
    first = own.api.post(prefix + "/register", {"username": name, "password": PASSWORD},
                         expect=401)
    got = own.api.post(prefix + "/register", {
        "username": name, "password": PASSWORD,
        "auth": {"type": "m.login.dummy", "session": first["session"]}})
    assert got["home_server"] == "localhost" and got["user_id"].startswith("@" + name)


def test_a_room_is_made_and_moved_through_as_in_2015(own, ann, ben):
    name = fresh("v1room")
    made = ann.post(V1 + "/createRoom", {"preset": "private_chat", "room_alias_name": name,
                                         "name": "The Grand Duke Pub", "topic": "x"})
    room = made["room_id"]
    assert made.get("room_alias", f"#{name}:localhost") == f"#{name}:localhost"
    ann.post(old(ann, room, "/invite"), {"user_id": ben.user_id})
    assert ben.post(old(ben, room, "/join"))["room_id"] == room
    ann.post(old(ann, room, "/ban"), {"user_id": ben.user_id, "reason": "x"})
    assert ann.membership(room, ben.user_id) == "ban"
    ann.post(old(ann, room, "/leave"))
    ann.post(old(ann, room, "/forget"))


@pytest.mark.parametrize("prefix", [V1, V2])
def test_a_room_is_joined_by_its_alias_in_either_place(own, ann, ben, cat, prefix):
    name = fresh("pub")
    room = ann.create_room(preset="public_chat", room_alias_name=name)
    alias = quote(f"#{name}:localhost")
    assert ben.post(f"{prefix}/rooms/{alias}/join")["room_id"] == room
    assert cat.post(f"{prefix}/join/{alias}")["room_id"] == room
    assert ben.user_id in ann.get(ann.room(room, "/joined_members"))["joined"]
    ben.post(f"{prefix}/rooms/{quote('#nowhere:localhost')}/join", expect=(404, "M_NOT_FOUND"))
    ben.post(f"/rooms/{alias}/join", expect=(400, "M_INVALID_PARAM"))


@pytest.mark.parametrize("prefix", [V1, V2])
def test_who_forgets_a_room_leaves_it(own, ann, ben, prefix):
    room = ann.create_room(preset="public_chat")
    for enter in (lambda: ben.join(room), lambda: ann.invite(room, ben.user_id)):
        enter()
        ben.post(ben.room(room, "/forget"), expect=(400, "M_UNKNOWN"))
        assert ben.post(old(ben, room, "/forget", prefix)) == {}
        assert ann.membership(room, ben.user_id) == "leave"
        ben.messages(room, expect=(403, "M_FORBIDDEN"))
        assert ben.get(prefix + "/initialSync", archived=True)["rooms"] == []


def names_of(state):
    return {e["type"]: e["content"].get("name") for e in state if e["state_key"] == ""}


@pytest.mark.parametrize("prefix", [V1, "/_matrix/client/r0"])
def test_an_invitation_tells_what_room_it_is_to(own, ann, ben, prefix):
    room = ann.create_room(name="Tea room")
    ear = Listener(ben)
    ann.invite(room, ben.user_id)
    heard = ear.until_where(lambda e: e.get("state_key") == ben.user_id, "the invitation")
    ear.stop()
    assert names_of(heard["invite_room_state"])["m.room.name"] == "Tea room"
    assert heard["unsigned"]["invite_room_state"] == heard["invite_room_state"]
    assert {"m.room.create", "m.room.join_rules"} <= set(names_of(heard["invite_room_state"]))
    assert ann.user_id in [e["state_key"] for e in heard["invite_room_state"]]
    assert all(set(e) == {"content", "sender", "state_key", "type"}
               for e in heard["invite_room_state"])
    first, = ben.get(prefix + "/initialSync")["rooms"]
    assert first["membership"] == "invite" and first["inviter"] == ann.user_id
    assert first["invite"]["unsigned"]["invite_room_state"] == heard["invite_room_state"]
    assert ("invite_room_state" in first["invite"]) == (prefix == V1)


def test_what_room_an_invitation_was_to_is_told_to_nobody_else_and_no_longer(own, ann, ben):
    room = ann.create_room(name="Tea room")
    at = {one: one.now() for one in (ann, ben)}
    ann.invite(room, ben.user_id)
    ben.join(room)
    for one in (ann, ben):
        page, _ = one.drain(at[one])
        member, = [e for e in page if e.get("state_key") == ben.user_id
                   and e["content"]["membership"] == "invite"]
        assert "invite_room_state" not in member
        assert "invite_room_state" not in member["unsigned"]


def test_a_message_is_put_and_read_as_in_2015(own, ann, room):
    got = ann.put(old(ann, room, "/send/m.room.message/" + fresh("t")),
                  {"msgtype": "m.text", "body": "hello"})
    page = ann.get(old(ann, room, "/messages"), dir="b", limit=1)
    assert page["chunk"][0]["event_id"] == got["event_id"]
    assert page["start"] and page["end"]


@pytest.mark.parametrize("prefix", [V1, V2])
def test_every_page_of_2015_has_an_end_to_go_on_from(own, ann, room, prefix):
    first = ann.get(old(ann, room, "/messages", prefix), dir="b", limit=100)
    assert first["chunk"][-1]["type"] == "m.room.create"
    beyond = ann.get(old(ann, room, "/messages", prefix), dir="b", **{"from": first["end"]})
    assert beyond["chunk"] == [] and beyond["end"]


def test_state_is_put_and_read_as_in_2015(own, ann, room):
    ann.put(old(ann, room, "/state/org.example.a/k"), {"v": 1})
    ann.put(old(ann, room, "/state/m.room.topic"), {"topic": "old times"})
    assert ann.get(old(ann, room, "/state/org.example.a/k")) == {"v": 1}
    assert ann.get(old(ann, room, "/state/m.room.topic")) == {"topic": "old times"}
    assert any(e["type"] == "m.room.topic" for e in ann.get(old(ann, room, "/state")))
    assert ann.get(old(ann, room, "/members"))["chunk"][0]["state_key"] == ann.user_id


def test_a_member_says_their_membership_beside_the_content(own, ann, ben, room):
    """As 2015's examples show it: of what is stored, and of what comes."""
    ear = Listener(ann)
    ben.join(room)
    for _ in range(2):
        lists = [ann.get(old(ann, room, "/members"))["chunk"],
                 ann.get(old(ann, room, "/state")),
                 ann.get(old(ann, room, "/messages"), dir="b")["chunk"],
                 ann.get(old(ann, room, "/initialSync"))["state"]]
        for events in lists:
            found = {e["state_key"]: e["membership"] for e in events
                     if e["type"] == "m.room.member"}
            assert found.items() >= {ann.user_id: "join", ben.user_id: "join"}.items()
            assert [e for e in events if e["type"] != "m.room.member" and "membership" in e] == []
        ann.set_state(room, "org.example.membership", {"membership": "join"})
    heard = ear.until_where(lambda e: e.get("state_key") == ben.user_id, "the join")
    ear.stop()
    assert heard["membership"] == "join"
    assert "membership" not in ann.get(ann.room(room, "/members"))["chunk"][0]


def test_aliases_are_made_asked_for_and_deleted_as_in_2015(own, ann, room):
    path = f"{V1}/directory/room/" + quote(f"#{fresh('old')}:localhost")
    ann.put(path, {"room_id": room})
    assert ann.get(path)["room_id"] == room
    ann.delete(path)
    ann.get(path, expect=(404, "M_NOT_FOUND"))


def test_the_directory_answers_as_in_2015(own, ann):
    room = ann.create_room(visibility="public", name="old pub")
    got = own.api.get(V1 + "/publicRooms")
    entry = next(r for r in got["chunk"] if r["room_id"] == room)
    assert entry["num_joined_members"] == 1 and entry["name"] == "old pub"


@pytest.mark.parametrize("prefix", [V1, V2])
def test_the_directory_goes_on_from_an_end(own, ann, prefix):
    rooms = {ann.create_room(visibility="public") for _ in range(3)}
    seen, query = [], {}
    while True:
        page = own.api.get(prefix + "/publicRooms", limit=2, **query)
        seen += [r["room_id"] for r in page["chunk"]]
        if "end" not in page:
            break
        query = {"from": page["end"]}
    assert len(seen) == len(set(seen)) and rooms <= set(seen)
    back = own.api.get(prefix + "/publicRooms", limit=2, **{"from": page["start"]})
    assert back["chunk"][-1]["room_id"] == seen[-len(page["chunk"]) - 1]


def test_the_directory_of_2015_is_whole_unless_a_limit_is_given(private):
    one = private()
    ann = one.api.register()
    rooms = {ann.create_room(visibility="public") for _ in range(101)}
    got = one.api.get(V1 + "/publicRooms")
    assert {r["room_id"] for r in got["chunk"]} == rooms and "end" not in got
    assert len(one.api.get("/publicRooms")["chunk"]) == 100


def test_a_stage_of_2015_has_its_page(own):
    session = own.api.post(V2 + "/register", {}, expect=401)["session"]
    path = f"{V2}/auth/m.login.dummy/fallback/web"
    page = own.api.reply("GET", path, query={"session": session}, expect=200)
    assert b"onAuthDone" in page.body or b"<form" in page.body


def test_profiles_are_kept_as_in_2015(own, ann):
    path = f"{V1}/profile/{quote(ann.user_id)}"
    ann.put(path + "/displayname", {"displayname": "Ann"})
    ann.put(path + "/avatar_url", {"avatar_url": "mxc://localhost/a"})
    assert ann.get(path + "/displayname") == {"displayname": "Ann"}
    assert ann.get(path + "/avatar_url") == {"avatar_url": "mxc://localhost/a"}
    assert ann.get(path) == {"displayname": "Ann", "avatar_url": "mxc://localhost/a"}


def test_a_picture_of_2015_may_be_any_url(own, ann):
    path = f"{V1}/profile/{quote(ann.user_id)}/avatar_url"
    ann.put(path, {"avatar_url": "https://example.org/ann.png"})
    assert ann.get(path) == {"avatar_url": "https://example.org/ann.png"}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_predefined_push_rules_can_be_read(own, ann, prefix):
    got = ann.get(prefix + "/pushrules/")
    kinds = got["global"]
    assert {"override", "content", "room", "sender", "underride"} <= set(kinds)
    assert ".m.rule.master" in [r["rule_id"] for r in kinds["override"]]
    for rule in kinds["override"] + kinds["underride"]:
        assert rule["default"] is True and isinstance(rule["enabled"], bool)
        assert isinstance(rule["actions"], list) and isinstance(rule["conditions"], list)


@pytest.mark.parametrize("prefix", PREFIXES + ["/_matrix/client/v3"])
def test_typing_is_heard_by_the_others(own, ann, ben, prefix):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ear = Listener(ann)
    path = f"{prefix}/rooms/{quote(room)}/typing/{quote(ben.user_id)}"
    assert ben.put(path, {"typing": True, "timeout": 30000}) == {}
    got = ear.until_where(lambda e: e["type"] == "m.typing" and e["room_id"] == room
                          and e["content"]["user_ids"], "typing")
    assert got["content"]["user_ids"] == [ben.user_id] and "event_id" not in got
    ben.put(path, {"typing": False})
    ear.until_where(lambda e: e["type"] == "m.typing" and e["content"]["user_ids"] == [],
                    "typing no more")
    ear.stop()


@pytest.mark.parametrize("when", ["before the first look", "before the poll", "during it"])
def test_who_begins_with_a_first_look_hears_who_is_typing(own, ann, ben, when):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    path = f"{V1}/rooms/{quote(room)}/typing/{quote(ben.user_id)}"

    def type_if(now):
        if now == when:
            ben.put(path, {"typing": True, "timeout": 30000})

    type_if("before the first look")
    end = ann.get(V1 + "/initialSync")["end"]
    type_if("before the poll")
    ear = Listener(ann, from_=end)
    type_if("during it")
    got = ear.until_where(lambda e: e["type"] == "m.typing", "typing")
    assert got["content"]["user_ids"] == [ben.user_id] and got["room_id"] == room
    ben.put(path, {"typing": False})
    ear.until_where(lambda e: e["type"] == "m.typing" and e["content"]["user_ids"] == [],
                    "typing no more")
    ear.stop()


def test_typing_ends_by_itself(own, ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ear = Listener(ann)
    ben.put(f"{V1}/rooms/{quote(room)}/typing/{quote(ben.user_id)}",
            {"typing": True, "timeout": 500})
    ear.until_where(lambda e: e["type"] == "m.typing" and e["content"]["user_ids"], "typing")
    ear.until_where(lambda e: e["type"] == "m.typing" and not e["content"]["user_ids"], "its end")
    ear.stop()


def test_typing_is_for_members_and_for_oneself(own, ann, ben):
    room = ann.create_room(preset="public_chat")
    path = f"/rooms/{quote(room)}/typing/"
    ben.put(path + quote(ben.user_id), {"typing": True}, expect=(403, "M_FORBIDDEN"))
    ben.join(room)
    ben.put(path + quote(ann.user_id), {"typing": True}, expect=(403, "M_FORBIDDEN"))
    ben.put(path + quote(ben.user_id), {}, expect=400)
    ben.put(path + quote(ben.user_id), {"typing": "yes"}, expect=400)
    for timeout, errcode in ((-1, "M_INVALID_PARAM"), ("5", "M_BAD_JSON"), (1.5, "M_BAD_JSON")):
        ben.put(path + quote(ben.user_id), {"typing": True, "timeout": timeout},
                expect=(400, errcode))


@pytest.mark.parametrize("path", ["/initialSync", "/events?timeout=0", "/events/$nosuch"])
def test_the_stream_of_2015_needs_a_token(own, path):
    own.api.get(V1 + path, expect=(401, "M_MISSING_TOKEN"))
