"""Finding rooms: aliases, the published directory, upgrades.

Spec: client-server-api/#room-aliases, #published-room-directory, #room-upgrades.
"""

import pytest

from lib.client import fresh
from lib.http import quote

NO_RIGHT = (403, "M_FORBIDDEN")
BAD_ALIAS = (400, "M_INVALID_PARAM")


def path_of(alias):
    return "/directory/room/" + quote(alias)


@pytest.fixture
def alias():
    return f"#{fresh('place')}:localhost"


def test_an_alias_is_made_asked_for_and_taken_away(api, ann, room, alias):
    assert ann.put(path_of(alias), {"room_id": room}) == {}
    got = api.get(path_of(alias))
    assert got["room_id"] == room and got["servers"] == ["localhost"]
    assert ann.delete(path_of(alias)) == {}
    api.get(path_of(alias), expect=(404, "M_NOT_FOUND"))
    ann.delete(path_of(alias), expect=(404, "M_NOT_FOUND"))


def test_an_alias_names_one_room(ann, ben, room, alias):
    ann.put(path_of(alias), {"room_id": room})
    ann.put(path_of(alias), {"room_id": ann.create_room()}, expect=409)
    got = ann.put(path_of(alias), {"room_id": room}, expect=409)
    assert got["errcode"] == "M_UNKNOWN"


@pytest.mark.parametrize("bad", ["nonsense", "#no-colon", "!room:localhost", "#:localhost"])
def test_an_alias_that_cannot_be_is_400(own, ann, room, bad):
    ann.put(path_of(bad), {"room_id": room}, expect=BAD_ALIAS)
    ann.get(path_of(bad), expect=BAD_ALIAS)


def test_an_alias_of_another_server_is_refused(ann, room):
    ann.put(path_of("#x:elsewhere.example"), {"room_id": room}, expect=[400, 403])


@pytest.mark.parametrize("body", [{}, {"room_id": 5}, {"room_id": "nonsense"}])
def test_an_alias_needs_a_room(ann, alias, body):
    ann.put(path_of(alias), body, expect=400)


def test_an_alias_of_a_room_that_is_not_there_is_refused(ann, alias):
    ann.put(path_of(alias), {"room_id": "!nosuchroom:localhost"}, expect=[400, 403, 404])


def test_an_alias_needs_a_token_to_make_and_none_to_ask(api, room, alias):
    api.put(path_of(alias), {"room_id": room}, expect=(401, "M_MISSING_TOKEN"))
    api.delete(path_of(alias), expect=(401, "M_MISSING_TOKEN"))


def test_ones_own_alias_can_be_deleted_and_anothers_takes_power(ann, ben, room, alias):
    ben.join(room)
    ben.put(path_of(alias), {"room_id": room})
    ben.delete(path_of(alias))
    ann.put(path_of(alias), {"room_id": room})
    ben.delete(path_of(alias), expect=NO_RIGHT)


def test_deleting_the_canonical_alias_takes_it_out_of_the_room(ann):
    name = fresh("gone")
    room = ann.create_room(room_alias_name=name)
    ann.delete(path_of(f"#{name}:localhost"))
    assert "alias" not in ann.state(room, "m.room.canonical_alias", expect=[200, 404])


def test_the_aliases_of_a_room_are_listed_for_its_members(ann, ben, room, alias):
    ann.put(path_of(alias), {"room_id": room})
    assert ann.get(ann.room(room, "/aliases")) == {"aliases": [alias]}
    ben.get(ben.room(room, "/aliases"), expect=NO_RIGHT)
    ben.join(room)
    assert ben.get(ben.room(room, "/aliases"))["aliases"] == [alias]


def test_the_aliases_of_a_world_readable_room_are_listed_for_all(ann, ben, alias):
    room = ann.public_room()
    ann.put(path_of(alias), {"room_id": room})
    assert ben.get(ben.room(room, "/aliases"))["aliases"] == [alias]


# --- the published directory -----------------------------------------------


def shown(client, **query):
    return [r["room_id"] for r in client.get("/publicRooms", **query)["chunk"]]


def test_a_room_is_published_and_withdrawn(api, ann, room):
    path = "/directory/list/room/" + quote(room)
    assert api.get(path) == {"visibility": "private"}
    assert ann.put(path, {"visibility": "public"}) == {}
    assert api.get(path) == {"visibility": "public"}
    assert room in shown(ann)
    ann.put(path, {"visibility": "private"})
    assert room not in shown(ann)
    ann.put(path)
    assert api.get(path) == {"visibility": "public"}


def test_publishing_takes_power_and_a_room(ann, ben, room):
    path = "/directory/list/room/"
    ben.join(room)
    ben.put(path + quote(room), {"visibility": "public"}, expect=NO_RIGHT)
    ann.put(path + "!nosuchroom:localhost", {"visibility": "public"}, expect=(404, "M_NOT_FOUND"))
    ann.get(path + "!nosuchroom:localhost", expect=(404, "M_NOT_FOUND"))
    ann.put(path + quote(room), {"visibility": "secret"}, expect=400)


def test_the_directory_tells_about_a_room(ann, ben):
    name = fresh("told")
    room = ann.create_room(
        visibility="public", name="The name", topic="The topic", room_alias_name=name,
        initial_state=[
            {"type": "m.room.history_visibility",
             "content": {"history_visibility": "world_readable"}},
            {"type": "m.room.guest_access", "content": {"guest_access": "can_join"}},
            {"type": "m.room.avatar", "content": {"url": "mxc://x/y"}}])
    ben.join(room)
    got = next(r for r in ann.get("/publicRooms")["chunk"] if r["room_id"] == room)
    assert got == {**got, "name": "The name", "topic": "The topic", "num_joined_members": 2,
                   "canonical_alias": f"#{name}:localhost", "world_readable": True,
                   "guest_can_join": True, "avatar_url": "mxc://x/y", "join_rule": "public"}


@pytest.mark.parametrize("content, shown_as", [
    ({"topic": "old", "m.topic": {"m.text": [
        {"body": "<b>new</b>", "mimetype": "text/html"}, {"body": "new"}]}}, "new"),
    ({"topic": "old", "m.topic": {"m.text": [
        {"body": "new", "mimetype": "text/plain"}]}}, "new"),
    ({"topic": "old", "m.topic": {"m.text": [
        {"body": "<b>new</b>", "mimetype": "text/html"}]}}, "old"),
    ({"topic": "old", "m.topic": {"m.text": "nonsense"}}, "old"),
    ({"topic": "", "m.topic": {"m.text": [{"body": "new"}]}}, None),
    ({"topic": 5}, None),
])
def test_the_directory_shows_the_topic_in_plain_text(ann, content, shown_as):
    room = ann.create_room(visibility="public", initial_state=[
        {"type": "m.room.topic", "content": content}])
    got = next(r for r in ann.get("/publicRooms")["chunk"] if r["room_id"] == room)
    assert got.get("topic") == shown_as


@pytest.fixture
def five(ann):
    """Five published rooms that share a rare word; 1, 2, ... 5 members."""
    word = fresh("zebra")
    users = [ann.register() for _ in range(4)]
    rooms = []
    for n in range(5):
        room = ann.create_room(visibility="public", name=f"{word} number {n}")
        for user in users[:n]:
            user.join(room)
        rooms.append(room)
    return word, rooms


def search(client, expect=200, **body):
    return client.post("/publicRooms", body, expect=expect)


def test_the_directory_is_searched_by_words(ann, five):
    word, rooms = five
    got = search(ann, filter={"generic_search_term": word})
    assert {r["room_id"] for r in got["chunk"]} == set(rooms)
    assert search(ann, filter={"generic_search_term": word.upper()})["chunk"]
    assert search(ann, filter={"generic_search_term": fresh("nothing")})["chunk"] == []


def test_the_fullest_rooms_come_first(ann, five):
    word, rooms = five
    got = search(ann, filter={"generic_search_term": word})["chunk"]
    assert [r["num_joined_members"] for r in got] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_the_directory_is_paged_forwards_and_back(ann, five, limit):
    word, rooms = five
    seen, since, pages = [], None, []
    while True:
        body = {"limit": limit, "filter": {"generic_search_term": word}}
        got = search(ann, **body, **({"since": since} if since else {}))
        assert len(got["chunk"]) <= limit
        pages.append([r["room_id"] for r in got["chunk"]])
        seen += pages[-1]
        assert ("prev_batch" in got) == (since is not None)
        since = got.get("next_batch")
        if since is None:
            break
    assert sorted(seen) == sorted(rooms)
    if len(pages) > 1:
        back = search(ann, limit=limit, since=got["prev_batch"],
                      filter={"generic_search_term": word})
        assert [r["room_id"] for r in back["chunk"]] == pages[-2]


def test_get_is_paged_too(ann, five):
    first = ann.get("/publicRooms", limit=1)
    assert len(first["chunk"]) == 1 and first["next_batch"]
    second = ann.get("/publicRooms", limit=1, since=first["next_batch"])
    assert second["chunk"][0]["room_id"] != first["chunk"][0]["room_id"]


def test_the_directory_is_filtered_by_room_type(ann):
    word = fresh("kind")
    plain = ann.create_room(visibility="public", name=word)
    space = ann.create_room(visibility="public", name=word, creation_content={"type": "m.space"})
    for types, wanted in (([None], {plain}), (["m.space"], {space}),
                          ([None, "m.space"], {plain, space})):
        got = search(ann, filter={"generic_search_term": word, "room_types": types})
        assert {r["room_id"] for r in got["chunk"]} == wanted


@pytest.mark.parametrize("body", [
    {"limit": "x"}, {"filter": 5}, {"since": 5}, {"filter": {"generic_search_term": 5}},
    {"filter": {"room_types": "m.space"}}, {"since": "nonsense"}, {"limit": -1}])
def test_a_bad_search_of_the_directory_is_400(own, ann, body):
    search(ann, expect=400, **body)


def test_a_bad_query_of_the_directory_is_400(own, ann):
    ann.get("/publicRooms", limit="x", expect=400)
    ann.get("/publicRooms", limit=-1, expect=(400, "M_INVALID_PARAM"))
    ann.get("/publicRooms", since="nonsense", expect=400)


def test_the_directory_is_open_by_default(api, ann):
    room = ann.create_room(visibility="public")
    assert room in shown(api)


def test_the_directory_asks_for_a_token_where_configured(private):
    one = private(rooms={"public_list_without_token": False})
    one.api.get("/publicRooms", expect=(401, "M_MISSING_TOKEN"))
    assert one.api.guest().get("/publicRooms")["chunk"] == []


def test_searching_the_directory_needs_a_token(api):
    api.post("/publicRooms", {}, expect=[200, (401, "M_MISSING_TOKEN")])


# --- upgrades --------------------------------------------------------------


def upgrade(client, room, version="12", expect=200, **more):
    got = client.post(client.room(room, "/upgrade"), {"new_version": version, **more},
                      expect=expect)
    return got["replacement_room"] if expect == 200 else got


@pytest.mark.parametrize("old, new", [("1", "11"), ("6", "10"), ("11", "12"), ("12", "12")])
def test_an_upgrade_moves_a_room(ann, ben, old, new):
    name = fresh("moving")
    room = ann.create_room(room_version=old, preset="public_chat", room_alias_name=name,
                           name="A name", topic="A topic")
    ben.join(room)
    following = upgrade(ann, room, new)
    assert ann.state(room, "m.room.tombstone")["replacement_room"] == following
    create = ann.state(following, "m.room.create")
    assert create["predecessor"]["room_id"] == room
    assert create.get("room_version", "1") == new
    assert ann.state(following, "m.room.name") == {"name": "A name"}
    assert ann.state(following, "m.room.topic")["topic"] == "A topic"
    assert ann.state(following, "m.room.join_rules")["join_rule"] == "public"
    assert ann.get(path_of(f"#{name}:localhost"))["room_id"] == following
    ben.join(following)
    ben.send(room, "too late", expect=NO_RIGHT)


def test_an_upgrade_moves_the_place_in_the_directory(ann):
    room = ann.create_room(visibility="public")
    following = upgrade(ann, room)
    rooms = shown(ann)
    assert following in rooms and room not in rooms


@pytest.mark.parametrize("version", ["11", "12"])
def test_an_upgrade_lets_no_banned_user_back_in(ann, ben, cat, room, version):
    ann.ban(room, ben.user_id, reason="spam")
    ann.ban(room, "@somebody:elsewhere.example")
    following = upgrade(ann, room, version)
    assert ann.state(following, "m.room.member", ben.user_id) == {
        "membership": "ban", "reason": "spam"}
    assert ann.membership(following, "@somebody:elsewhere.example") == "ban"
    ben.join(following, expect=NO_RIGHT)
    cat.join(following)


def test_a_banned_user_named_as_a_creator_is_no_longer_banned(ann, ben, room):
    ann.ban(room, ben.user_id)
    ben.join(upgrade(ann, room, additional_creators=[ben.user_id]))


def test_an_upgrade_silences_the_old_room_below_unusual_levels_too(ann, room):
    ann.power(room, {"users_default": 80, "state_default": 100})
    upgrade(ann, room)
    levels = ann.state(room, "m.room.power_levels")
    assert levels["events_default"] == levels["invite"] == 81


def test_an_upgrade_to_an_unknown_version_is_400(ann, room):
    upgrade(ann, room, "thirteen", expect=(400, "M_UNSUPPORTED_ROOM_VERSION"))


@pytest.mark.parametrize("body", [{}, {"new_version": 5}])
def test_an_upgrade_needs_a_version(ann, room, body):
    ann.post(ann.room(room, "/upgrade"), body, expect=400)


def test_an_upgrade_takes_power(ann, ben, room):
    ben.join(room)
    upgrade(ben, room, expect=NO_RIGHT)


def test_an_upgrade_of_no_room_is_refused(ann):
    upgrade(ann, "!nosuchroom:localhost", expect=[403, 404])


def test_additional_creators_are_named_at_the_upgrade(ann, ben, room):
    following = upgrade(ann, room, additional_creators=[ben.user_id])
    assert ann.state(following, "m.room.create")["additional_creators"] == [ben.user_id]


@pytest.mark.parametrize("creators", ["nobody", ["nobody"], [5]])
def test_versions_without_additional_creators_do_not_look_at_them(ann, room, creators):
    upgrade(ann, room, "12", additional_creators=creators, expect=400)
    following = upgrade(ann, room, "11", additional_creators=creators)
    assert "additional_creators" not in ann.state(following, "m.room.create")
