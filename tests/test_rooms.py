"""Making rooms and moving in and out of them.

Spec: client-server-api/#creation, #room-membership, #restricted-rooms, #knocking-on-rooms.
"""

import pytest

from lib.client import fresh
from lib.http import quote

VERSIONS = [str(v) for v in range(1, 13)]
NO_RIGHT = (403, "M_FORBIDDEN")
NOT_SO = [NO_RIGHT, (403, "M_BAD_STATE"), (400, "M_BAD_STATE")]


def state_map(client, room):
    return {(e["type"], e["state_key"]): e["content"] for e in client.get(
        client.room(room, "/state"))}


# --- createRoom ------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_room_of_every_version_takes_members_messages_and_redactions(ann, ben, version):
    room = ann.create_room(room_version=version, preset="public_chat")
    create = ann.state(room, "m.room.create")
    assert create.get("room_version", "1") == version
    assert ("creator" in create) == (int(version) < 11)
    if int(version) < 12:
        assert room.endswith(":localhost")
    else:
        assert ":" not in room and len(room) == 44
    ben.join(room)
    event = ben.send(room, "one")
    ann.redact(room, event)
    got = ann.event(room, event)
    why = got["unsigned"]["redacted_because"]
    assert got["content"] == {}
    assert why["redacts"] == why["content"]["redacts"] == event
    assert (":" in event) == (int(version) < 3)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_creator_rules_a_room_of_every_version(ann, ben, version):
    room = ann.create_room(room_version=version, preset="public_chat")
    levels = ann.state(room, "m.room.power_levels")
    if int(version) >= 12:
        assert ann.user_id not in levels["users"]
        assert levels["events"]["m.room.tombstone"] > levels.get("state_default", 50)
    else:
        assert levels["users"][ann.user_id] == 100
    ben.join(room)
    ann.power(room, {"users": {ben.user_id: 50}})
    ben.set_state(room, "m.room.topic", {"topic": "ours"})
    ben.power(room, {"users": {ben.user_id: 101}}, expect=NO_RIGHT)
    ann.power(room, {"users": {ben.user_id: 0}})
    ben.set_state(room, "m.room.topic", {"topic": "mine"}, expect=NO_RIGHT)


def test_a_room_of_version_12_lists_no_creator_among_its_power_levels(own, ann):
    room = ann.create_room(room_version="12")
    ann.power(room, {"users": {ann.user_id: 100}}, expect=[NO_RIGHT, (400, "M_BAD_STATE")])


def test_an_unknown_room_version_is_400(ann):
    ann.create_room(room_version="thirteen", expect=(400, "M_UNSUPPORTED_ROOM_VERSION"))


@pytest.mark.parametrize("preset, join_rule, guests", [
    ("private_chat", "invite", "can_join"), ("trusted_private_chat", "invite", "can_join"),
    ("public_chat", "public", "forbidden")])
def test_a_preset_sets_the_rules_it_names(ann, preset, join_rule, guests):
    room = ann.create_room(preset=preset)
    assert ann.state(room, "m.room.join_rules")["join_rule"] == join_rule
    assert ann.state(room, "m.room.history_visibility")["history_visibility"] == "shared"
    got = ann.state(room, "m.room.guest_access", expect=[200, 404])
    assert got.get("guest_access", "forbidden") == guests


@pytest.mark.parametrize("visibility, join_rule", [
    (None, "invite"), ("private", "invite"), ("public", "public")])
def test_without_a_preset_the_visibility_chooses_it(ann, visibility, join_rule):
    options = {"visibility": visibility} if visibility else {}
    room = ann.create_room(**options)
    assert ann.state(room, "m.room.join_rules")["join_rule"] == join_rule
    shown = ann.get("/directory/list/room/" + room)["visibility"]
    assert shown == (visibility or "private")


@pytest.mark.parametrize("bad", [{"preset": "party"}, {"visibility": "secret"}])
def test_an_unknown_preset_or_visibility_is_400(ann, bad):
    ann.create_room(**bad, expect=400)


@pytest.mark.parametrize("version", ["11", "12"])
def test_trusted_invitees_are_the_creators_equals(ann, ben, version):
    room = ann.create_room(preset="trusted_private_chat", invite=[ben.user_id],
                           room_version=version)
    ben.join(room)
    if version == "12":
        assert ben.user_id in ann.state(room, "m.room.create")["additional_creators"]
    else:
        assert ann.state(room, "m.room.power_levels")["users"][ben.user_id] == 100
    ben.set_state(room, "m.room.name", {"name": "as good as she"})
    ben.power(room, {"events_default": 3})


def test_the_events_of_a_new_room_come_in_the_specified_order(ann, ben):
    alias = fresh("order")
    room = ann.create_room(
        room_alias_name=alias, name="the name", topic="the topic", invite=[ben.user_id],
        initial_state=[{"type": "org.example.one", "content": {"n": 1}},
                       {"type": "org.example.two", "state_key": "k", "content": {"n": 2}}])
    got = [(e["type"], e["state_key"]) for e in ann.all_messages(room)]
    order = [("m.room.create", ""), ("m.room.member", ann.user_id), ("m.room.power_levels", ""),
             ("m.room.canonical_alias", ""), ("m.room.join_rules", ""), ("org.example.one", ""),
             ("org.example.two", "k"), ("m.room.name", ""), ("m.room.topic", ""),
             ("m.room.member", ben.user_id)]
    assert [one for one in got if one in order] == order


def test_initial_state_goes_before_the_preset(ann):
    room = ann.create_room(preset="public_chat", initial_state=[
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "invite"}}])
    assert ann.state(room, "m.room.join_rules")["join_rule"] == "invite"


def test_name_and_topic_go_before_initial_state(ann):
    room = ann.create_room(name="right", topic="right", initial_state=[
        {"type": "m.room.name", "content": {"name": "wrong"}},
        {"type": "m.room.topic", "content": {"topic": "wrong"}}])
    assert ann.state(room, "m.room.name")["name"] == "right"
    assert ann.state(room, "m.room.topic")["topic"] == "right"


def test_creation_content_is_kept_but_for_what_the_server_sets(ann):
    room = ann.create_room(room_version="10", creation_content={
        "m.federate": False, "creator": "@evil:x", "room_version": "1", "org.example.x": [1],
        "type": "m.space"})
    got = ann.state(room, "m.room.create")
    assert got["m.federate"] is False and got["org.example.x"] == [1]
    assert got["type"] == "m.space"
    assert got["creator"] == ann.user_id and got["room_version"] == "10"


def test_the_power_level_override_replaces_keys_and_leaves_others(ann):
    room = ann.create_room(room_version="11", power_level_content_override={
        "events_default": 7, "events": {"m.room.name": 33}})
    got = ann.state(room, "m.room.power_levels")
    assert got["events_default"] == 7 and got["events"] == {"m.room.name": 33}
    assert got["users"][ann.user_id] == 100


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_key_with_a_nul_in_it_is_another_key(own, ann, version):
    events = {"m.room.name\0": 7, "m.room.name": 33}
    room = ann.create_room(room_version=version, power_level_content_override={
        "events_default\0": 9, "events": events})
    got = ann.state(room, "m.room.power_levels")
    assert got["events_default"] == 0 and got["events_default\0"] == 9
    new = ann.post(ann.room(room, "/upgrade"), {"new_version": "11"})["replacement_room"]
    got = ann.state(new, "m.room.power_levels")
    assert got["events_default"] == 0 and got["events_default\0"] == 9
    assert got["events"].items() >= events.items()


@pytest.mark.parametrize("override, level", [
    ({}, 150), ({"events": {"m.room.name": 50}}, 150), ({"state_default": 200}, 201),
    ({"events": {"m.room.tombstone": 50}}, 150), ({"events": {"m.room.tombstone": 51}}, 51),
    ({"events": {"m.room.tombstone": 200}, "state_default": 199}, 200)])
def test_creators_alone_replace_a_room_of_version_12(own, ann, ben, override, level):
    room = ann.create_room(
        preset="public_chat", room_version="12",
        power_level_content_override={**override, "users": {ben.user_id: 50}})
    ben.join(room)
    assert ann.state(room, "m.room.power_levels")["events"]["m.room.tombstone"] == level
    ben.set_state(room, "m.room.tombstone", {"body": "gone"}, expect=NO_RIGHT)
    ann.set_state(room, "m.room.tombstone", {"body": "gone"})


@pytest.mark.parametrize("highest", [2**53 - 1, 2**63 - 1])
def test_a_state_default_that_nothing_can_be_above_is_refused_in_version_12(own, ann, highest):
    ann.create_room(room_version="12", expect=400,
                    power_level_content_override={"state_default": highest})


def test_before_version_12_the_override_says_who_replaces_a_room(own, ann, ben):
    room = ann.create_room(
        preset="public_chat", room_version="11", power_level_content_override={
            "events": {"m.room.name": 50}, "users": {ann.user_id: 100, ben.user_id: 50}})
    ben.join(room)
    assert ann.state(room, "m.room.power_levels")["events"] == {"m.room.name": 50}
    ben.set_state(room, "m.room.tombstone", {"body": "gone"})


def test_a_room_whose_creator_may_not_set_its_state_is_refused(ann):
    ann.create_room(room_version="11", name="x", expect=[400, 403],
                    power_level_content_override={"users": {ann.user_id: 0}})


def test_an_alias_given_at_creation_is_canonical(ann):
    name = fresh("made")
    room = ann.create_room(room_alias_name=name)
    assert ann.state(room, "m.room.canonical_alias")["alias"] == f"#{name}:localhost"
    assert ann.get(f"/directory/room/%23{name}%3Alocalhost")["room_id"] == room


def test_a_taken_alias_is_400_m_room_in_use(ann, ben):
    name = fresh("taken")
    ann.create_room(room_alias_name=name)
    before = ben.get("/joined_rooms")["joined_rooms"]
    ben.create_room(room_alias_name=name, expect=(400, "M_ROOM_IN_USE"))
    assert ben.get("/joined_rooms")["joined_rooms"] == before


@pytest.mark.parametrize("field", ["alias", "alt_aliases"])
def test_a_new_room_does_not_name_anothers_alias(ann, ben, field):
    name = fresh("others")
    ann.create_room(room_alias_name=name)
    alias = f"#{name}:localhost"
    ben.create_room(expect=(400, "M_BAD_ALIAS"), initial_state=[
        {"type": "m.room.canonical_alias",
         "content": {field: alias if field == "alias" else [alias]}}])


def test_initial_state_may_name_the_alias_made_with_the_room(ann):
    alias = f"#{fresh('mine')}:localhost"
    room = ann.create_room(room_alias_name=alias[1:].split(":")[0], initial_state=[
        {"type": "m.room.canonical_alias", "content": {"alias": alias, "alt_aliases": []}}])
    assert ann.state(room, "m.room.canonical_alias") == {"alias": alias, "alt_aliases": []}


@pytest.mark.parametrize("name", ["a:b", "nul\u0000", "x" * 300])
def test_an_alias_that_cannot_be_is_400(own, ann, name):
    ann.create_room(room_alias_name=name, expect=400)


def test_a_direct_chat_marks_its_invites(ann, ben):
    room = ann.create_room(is_direct=True, invite=[ben.user_id])
    assert ann.state(room, "m.room.member", ben.user_id)["is_direct"] is True


def test_nobody_is_invited_twice_at_the_creation(ann, ben):
    room = ann.create_room(invite=[ben.user_id, ben.user_id])
    assert [e.get("state_key") for e in ann.all_messages(room)].count(ben.user_id) == 1


@pytest.mark.parametrize("creators", ["@a:localhost", ["nobody"], {}, [5]])
@pytest.mark.parametrize("preset", ["private_chat", "trusted_private_chat"])
def test_additional_creators_that_are_no_list_of_users_are_400(ann, ben, creators, preset):
    ann.create_room(preset=preset, invite=[ben.user_id], expect=400, room_version="12",
                    creation_content={"additional_creators": creators})


@pytest.mark.parametrize("who", ["nonsense", "@no-colon", ""])
def test_an_invitation_of_nobody_is_400(ann, who):
    ann.create_room(invite=[who], expect=400)


# --- invite, join, leave ---------------------------------------------------


def test_an_invited_user_joins_and_leaves(ann, ben):
    room = ann.create_room(invite=[ben.user_id])
    assert ann.membership(room, ben.user_id) == "invite"
    assert ben.join(room) == {"room_id": room}
    assert room in ben.get("/joined_rooms")["joined_rooms"]
    assert ben.leave(room) == {}
    assert room not in ben.get("/joined_rooms")["joined_rooms"]
    assert ann.membership(room, ben.user_id) == "leave"


def test_a_private_room_takes_no_strangers(ann, ben):
    ben.join(ann.create_room(), expect=NO_RIGHT)


def test_a_room_that_is_not_there_cannot_be_joined(ann):
    ann.join("!nosuchroom:localhost", expect=[(404, "M_NOT_FOUND"), NO_RIGHT])


def test_a_room_is_joined_by_id_and_by_alias(ann, ben, cat):
    name = fresh("door")
    room = ann.create_room(preset="public_chat", room_alias_name=name)
    assert ben.post(f"/join/%23{name}%3Alocalhost", {"reason": "curious"})["room_id"] == room
    assert cat.post("/join/" + room.replace("!", "%21"))["room_id"] == room
    assert ann.state(room, "m.room.member", ben.user_id)["reason"] == "curious"


def test_an_alias_that_is_not_there_is_404(ben):
    ben.post(f"/join/%23{fresh('no')}%3Alocalhost", expect=(404, "M_NOT_FOUND"))


@pytest.mark.parametrize("path", ["/join/nonsense", "/join/@ann:localhost"])
def test_what_is_neither_id_nor_alias_cannot_be_joined(ben, path):
    ben.post(path, expect=400)


def test_a_join_keeps_keys_of_the_clients_own(ann, ben, cat):
    room = ann.public_room(room_alias_name=fresh("own"))
    alias = ann.state(room, "m.room.canonical_alias")["alias"]
    ben.join(room, **{"org.example.mood": "good"})
    assert ann.state(room, "m.room.member", ben.user_id)["org.example.mood"] == "good"
    cat.put(f"/profile/{quote(cat.user_id)}/displayname", {"displayname": "Cat"})
    cat.post("/join/" + quote(alias), {
        "reason": "hi", "membership": "ban", "displayname": "Not Cat", "org.example.mood": 1,
        "third_party_invite": {}, "join_authorised_via_users_server": ann.user_id,
        "membership\0": "ban"})
    assert ann.state(room, "m.room.member", cat.user_id) == {
        "membership": "join", "displayname": "Cat", "reason": "hi", "org.example.mood": 1}


def test_joining_twice_changes_nothing(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    count = len(ann.all_messages(room))
    ben.join(room)
    assert len(ann.all_messages(room)) == count


def test_leaving_refuses_an_invitation(ann, ben):
    room = ann.create_room(invite=[ben.user_id])
    ben.leave(room, reason="no time")
    got = ann.state(room, "m.room.member", ben.user_id)
    assert got["membership"] == "leave" and got["reason"] == "no time"
    ben.join(room, expect=NO_RIGHT)


def test_who_is_not_there_cannot_leave(ann, ben):
    ben.leave(ann.create_room(preset="public_chat"), expect=[403, 404])


def test_one_who_left_may_not_speak(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ben.leave(room)
    ben.send(room, "still here", expect=NO_RIGHT)


@pytest.mark.parametrize("word, before, after", [
    ("invite", None, "invite"), ("kick", "join", "leave"), ("ban", "join", "ban"),
    ("unban", "ban", "leave")])
def test_each_move_of_another_member_keeps_its_reason(ann, ben, word, before, after):
    room = ann.create_room(preset="public_chat")
    if before == "join":
        ben.join(room)
    if before == "ban":
        ann.ban(room, ben.user_id)
    assert getattr(ann, word)(room, ben.user_id, reason="because") == {}
    got = ann.state(room, "m.room.member", ben.user_id)
    assert (got["membership"], got["reason"]) == (after, "because")


@pytest.mark.parametrize("word", ["invite", "kick", "ban", "unban"])
def test_each_move_of_another_member_takes_power(ann, ben, cat, word):
    room = ann.create_room(preset="public_chat", room_version="11",
                           power_level_content_override={"invite": 50})
    ben.join(room)
    if word == "unban":
        ann.ban(room, cat.user_id)
    elif word in ("kick", "ban"):
        cat.join(room)
    getattr(ben, word)(room, cat.user_id, expect=NO_RIGHT)


@pytest.mark.parametrize("word", ["invite", "kick", "ban", "unban"])
def test_each_move_of_another_member_is_for_members(ann, ben, cat, word):
    room = ann.create_room(preset="public_chat")
    if word == "unban":
        ann.ban(room, cat.user_id)
    elif word != "invite":
        cat.join(room)
    getattr(ben, word)(room, cat.user_id, expect=NO_RIGHT)


@pytest.mark.parametrize("word", ["invite", "kick", "ban", "unban"])
@pytest.mark.parametrize("body", [{}, {"user_id": 5}, {"user_id": "nobody"}, {"user_id": None}])
def test_each_move_of_another_member_needs_a_user_id(ann, word, body):
    room = ann.create_room()
    ann.post(ann.room(room, "/" + word), body, expect=[
        (400, "M_MISSING_PARAM"), (400, "M_INVALID_PARAM"), (400, "M_BAD_JSON")])


def test_a_member_cannot_be_invited_again(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ann.invite(room, ben.user_id, expect=NOT_SO)


def test_a_banned_user_can_neither_be_invited_nor_join_nor_knock(ann, ben):
    room = ann.create_room(preset="public_chat")
    ann.ban(room, ben.user_id)
    ann.invite(room, ben.user_id, expect=NOT_SO)
    ben.join(room, expect=NOT_SO)
    ann.set_state(room, "m.room.join_rules", {"join_rule": "knock"})
    ben.knock(room, expect=NOT_SO)
    ann.unban(room, ben.user_id)
    ben.knock(room)


def test_who_is_not_in_the_room_cannot_be_kicked(ann, ben):
    ann.kick(ann.create_room(), ben.user_id, expect=NOT_SO)


def test_who_is_not_banned_cannot_be_unbanned(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ann.unban(room, ben.user_id, expect=NOT_SO)


def test_nobody_is_kicked_by_an_equal(ann, ben):
    room = ann.create_room(preset="public_chat", room_version="11")
    ben.join(room)
    ann.power(room, {"users": {ben.user_id: 100}})
    ann.kick(room, ben.user_id, expect=NO_RIGHT)
    ben.kick(room, ann.user_id, expect=NO_RIGHT)


def test_an_invitation_is_withdrawn_by_a_kick(ann, ben):
    room = ann.create_room(invite=[ben.user_id])
    ann.kick(room, ben.user_id)
    ben.join(room, expect=NO_RIGHT)


# --- forget ----------------------------------------------------------------


def test_a_left_room_can_be_forgotten_and_is_then_closed(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ben.leave(room)
    ben.messages(room)
    assert ben.forget(room) == {}
    ben.messages(room, expect=NO_RIGHT)
    ben.join(room)
    ben.messages(room)


def test_what_is_sent_along_with_a_forget_is_not_looked_at(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ben.leave(room)
    assert ben.post(ben.room(room, "/forget"), raw=b"null") == {}


def test_a_room_one_is_in_cannot_be_forgotten(ann):
    ann.forget(ann.create_room(), expect=400)


def test_forgetting_an_unknown_room_is_an_error(ann):
    ann.forget("!nosuchroom:localhost", expect=[400, 403, 404])


# --- knock -----------------------------------------------------------------


def knock_room(client, **options):
    return client.create_room(initial_state=[
        {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}],
        **options)


@pytest.mark.parametrize("version", [v for v in VERSIONS if int(v) >= 7])
def test_one_knocks_and_is_let_in(ann, ben, version):
    room = knock_room(ann, room_version=version)
    assert ben.knock(room, reason="please")["room_id"] == room
    got = ann.state(room, "m.room.member", ben.user_id)
    assert (got["membership"], got["reason"]) == ("knock", "please")
    ben.join(room, expect=NO_RIGHT)
    ann.invite(room, ben.user_id)
    ben.join(room)


def test_a_knock_by_alias_works(ann, ben):
    name = fresh("knock")
    room = knock_room(ann, room_alias_name=name)
    assert ben.post(f"/knock/%23{name}%3Alocalhost")["room_id"] == room


def test_a_knock_at_an_unknown_alias_is_404(ben):
    ben.post(f"/knock/%23{fresh('no')}%3Alocalhost", expect=(404, "M_NOT_FOUND"))


def test_a_knock_can_be_taken_back_and_refused(ann, ben):
    room = knock_room(ann)
    ben.knock(room)
    ben.leave(room)
    ben.knock(room)
    ann.kick(room, ben.user_id)
    assert ann.membership(room, ben.user_id) == "leave"


def test_a_room_without_the_rule_hears_no_knock(ann, ben):
    ben.knock(ann.create_room(), expect=NO_RIGHT)


def test_a_member_does_not_knock(ann):
    ann.knock(knock_room(ann), expect=NO_RIGHT)


# --- restricted rooms ------------------------------------------------------


def restricted(client, *rooms, rule="restricted", **options):
    return client.create_room(initial_state=[
        {"type": "m.room.join_rules", "state_key": "", "content": {
            "join_rule": rule,
            "allow": [{"type": "m.room_membership", "room_id": r} for r in rooms]}}], **options)


@pytest.mark.parametrize("version", ["8", "9", "10", "11", "12"])
def test_a_member_of_an_allowed_room_joins_a_restricted_one(ann, ben, cat, version):
    hall = ann.create_room(preset="public_chat")
    ben.join(hall)
    room = restricted(ann, hall, room_version=version)
    ben.join(room)
    by = ann.state(room, "m.room.member", ben.user_id)["join_authorised_via_users_server"]
    assert by == ann.user_id
    cat.join(room, expect=NO_RIGHT)
    ann.invite(room, cat.user_id)
    cat.join(room)


def test_one_who_left_the_allowed_room_is_not_let_in(ann, ben):
    hall = ann.create_room(preset="public_chat")
    ben.join(hall)
    ben.leave(hall)
    ben.join(restricted(ann, hall), expect=NO_RIGHT)


def test_an_additional_creator_lets_others_into_a_restricted_room(ann, ben, cat):
    hall = ann.create_room(preset="public_chat")
    cat.join(hall)
    room = restricted(ann, hall, invite=[ben.user_id], room_version="12",
                      creation_content={"additional_creators": [ben.user_id]},
                      power_level_content_override={"invite": 50})
    ben.join(room)
    ann.leave(room)
    cat.join(room)
    by = ben.state(room, "m.room.member", cat.user_id)["join_authorised_via_users_server"]
    assert by == ben.user_id


def test_who_lets_one_into_a_restricted_room_is_not_ones_own_word(own, ann, ben):
    hall = ann.create_room(preset="public_chat")
    room = restricted(ann, hall)
    said = {"membership": "join", "join_authorised_via_users_server": ann.user_id}
    ben.set_state(room, "m.room.member", said, key=ben.user_id, expect=NO_RIGHT)
    ann.invite(room, ben.user_id)
    said["join_authorised_via_users_server"] = "@somebody:elsewhere.example"
    ben.set_state(room, "m.room.member", said, key=ben.user_id)
    assert ann.state(room, "m.room.member", ben.user_id) == {"membership": "join"}


@pytest.mark.parametrize("version", ["7", "8", "12"])
def test_a_new_room_does_not_say_who_lets_its_creator_in(own, ann, version):
    said = {"membership": "join", "displayname": "Ann",
            "join_authorised_via_users_server": "@somebody:elsewhere.example"}
    room = ann.create_room(room_version=version, initial_state=[
        {"type": "m.room.member", "state_key": ann.user_id, "content": said}])
    assert ann.state(room, "m.room.member", ann.user_id) == {
        "membership": "join", "displayname": "Ann"}


def test_a_knock_restricted_room_takes_both(ann, ben, cat):
    hall = ann.create_room(preset="public_chat")
    ben.join(hall)
    room = restricted(ann, hall, rule="knock_restricted")
    ben.join(room)
    cat.knock(room)
    assert ann.membership(room, cat.user_id) == "knock"


def test_a_member_event_may_not_move_another_who_is_not_asked(ann, ben):
    room = ann.create_room(preset="public_chat")
    ann.set_state(room, "m.room.member", {"membership": "join"}, key=ben.user_id, expect=403)


def test_a_membership_can_be_set_as_state(ann, ben):
    room = ann.create_room()
    ann.set_state(room, "m.room.member", {"membership": "invite"}, key=ben.user_id)
    ben.set_state(room, "m.room.member", {"membership": "join"}, key=ben.user_id)
    assert room in ben.get("/joined_rooms")["joined_rooms"]
    ben.set_state(room, "m.room.member", {"membership": "leave"}, key=ben.user_id)
    assert room not in ben.get("/joined_rooms")["joined_rooms"]
