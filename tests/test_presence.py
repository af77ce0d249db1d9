"""Who is online, what they say of themselves, and who is told.

Spec: client-server-api/#presence; the presence lists are those of 2015.
"""

import pytest

from lib.client import V1, V3
from lib.http import quote
from lib.listen import Listener, Parked

V2 = "/_matrix/client/v2_alpha"
EVERY = ["/_matrix/client/v3", "/_matrix/client/r0", V1, V2]
NO_RIGHT = (403, "M_FORBIDDEN")
HERE = "online"


def path_of(user, prefix=""):
    return f"{prefix}/presence/{quote(user.user_id)}/status"


def list_of(user, prefix=V1):
    return f"{prefix}/presence/list/{quote(user.user_id)}"


def presence_of(user):
    return lambda e: e["type"] == "m.presence" and e["sender"] == user.user_id


def says(user, presence=None, status=None):
    def wanted(e):
        return (presence_of(user)(e) and presence in (None, e["content"]["presence"])
                and status in (None, e["content"].get("status_msg")))
    return wanted


@pytest.fixture
def both(ann, ben, room):
    """A room of ann's and ben's."""
    ben.join(room)
    return room


# --- asking ------------------------------------------------------------------


@pytest.mark.parametrize("prefix", EVERY)
def test_a_status_is_set_and_seen_by_who_shares_a_room(ann, ben, both, prefix):
    assert ann.put(path_of(ann, prefix), {"presence": HERE, "status_msg": "I am here"}) == {}
    got = ben.get(path_of(ann, prefix))
    assert got["presence"] == HERE and got["status_msg"] == "I am here"
    assert got["currently_active"] is True and 0 <= got["last_active_ago"] < 60000


@pytest.mark.parametrize("state", ["online", "unavailable", "offline"])
def test_each_state_is_taken(ann, ben, both, state):
    ann.put(path_of(ann), {"presence": state})
    got = ben.get(path_of(ann))
    assert got["presence"] == state and "status_msg" not in got
    assert ("currently_active" in got) == (state == "online")


def test_a_status_that_is_not_given_again_is_gone(ann):
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "here"})
    ann.put(path_of(ann), {"presence": HERE})
    assert "status_msg" not in ann.get(path_of(ann))
    for none in (None, ""):
        ann.put(path_of(ann), {"presence": HERE, "status_msg": "here"})
        ann.put(path_of(ann), {"presence": HERE, "status_msg": none})
        assert "status_msg" not in ann.get(path_of(ann))


def test_who_was_never_seen_is_offline(ann, ben, both):
    assert ben.get(path_of(ann))["presence"] in ("offline", "online")  # ann made the room
    assert ann.get(path_of(ben)) == {"presence": "offline"}


def test_one_sees_ones_own(ann):
    ann.put(path_of(ann), {"presence": "unavailable"})
    assert ann.get(path_of(ann))["presence"] == "unavailable"


def test_who_shares_no_room_may_not_see(ann, ben):
    ann.put(path_of(ann), {"presence": HERE})
    ben.get(path_of(ann), expect=NO_RIGHT)


def test_to_2015_what_one_may_not_see_is_not_there(own, ann, ben):
    ann.put(path_of(ann), {"presence": HERE})
    ben.get(f"{V1}/presence/{quote(ann.user_id)}/status", expect=(404, "M_NOT_FOUND"))


def test_who_has_left_may_not_see(ann, ben, both):
    ben.get(path_of(ann))
    ben.leave(both)
    ben.get(path_of(ann), expect=NO_RIGHT)


def test_the_presence_of_nobody_is_404(ann):
    ann.get("/presence/@nobody-at-all:localhost/status", expect=(404, "M_NOT_FOUND"))


def test_what_is_no_user_id_is_400(ann):
    ann.get("/presence/nonsense/status", expect=(400, "M_INVALID_PARAM"))


def test_nobody_sets_anothers(ann, ben, both):
    ben.put(path_of(ann), {"presence": HERE}, expect=NO_RIGHT)


@pytest.mark.parametrize("body, errcode", [
    ({}, "M_MISSING_PARAM"), ({"presence": 5}, "M_BAD_JSON"),
    ({"presence": "asleep"}, "M_INVALID_PARAM"), ({"presence": ""}, "M_INVALID_PARAM"),
    ({"presence": "free_for_chat"}, "M_INVALID_PARAM"),
    ({"presence": HERE, "status_msg": 5}, "M_BAD_JSON"),
    ({"presence": HERE, "status_msg": ["x"]}, "M_BAD_JSON"),
    ({"presence": HERE, "status_msg": "a\u0000b"}, "M_BAD_JSON")])
def test_what_is_no_presence_is_400(own, ann, body, errcode):
    ann.put(path_of(ann), body, expect=(400, errcode))


def test_a_status_beyond_measure_is_refused(own, ann):
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "x" * 1024})
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "x" * 1025}, expect=(413, "M_TOO_LARGE"))
    assert len(ann.get(path_of(ann))["status_msg"]) == 1024


def test_presence_needs_a_token_and_an_account(own, ann, guest):
    own.api.get(path_of(ann), expect=(401, "M_MISSING_TOKEN"))
    own.api.put(path_of(ann), {"presence": HERE}, expect=(401, "M_MISSING_TOKEN"))
    guest.get(path_of(ann), expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    guest.put(path_of(guest), {"presence": HERE}, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


@pytest.mark.parametrize("prefix", [V1, V2])
def test_the_fourth_state_of_2015_is_an_online_to_the_rest(own, ann, ben, both, prefix):
    ann.put(path_of(ann, prefix), {"presence": "free_for_chat"})
    assert ben.get(path_of(ann, prefix))["presence"] == "free_for_chat"
    assert ben.get(path_of(ann))["presence"] == "online"


@pytest.mark.parametrize("prefix, state", [
    (V1, "free_for_chat"), ("/_matrix/client/r0", "online"), (V3, "online")])
def test_the_fourth_state_is_heard_by_the_paths_of_2015(own, ann, ben, both, prefix, state):
    at = ben.now()
    ann.put(path_of(ann, V1), {"presence": "free_for_chat"})
    told = [e["content"]["presence"] for e in ben.events(at, prefix=prefix)["chunk"]
            if presence_of(ann)(e)]
    assert told == [state]
    first = ben.get(prefix + "/initialSync")["presence"]
    assert [e["content"]["presence"] for e in first if presence_of(ann)(e)] == [state]


# --- what makes one online -----------------------------------------------------


def test_who_listens_is_online(own, ann, ben, both):
    assert ann.get(path_of(ben))["presence"] == "offline"
    ben.events()
    assert ann.get(path_of(ben))["presence"] == "online"


def test_who_sends_is_online(own, ann, ben, both):
    assert ann.get(path_of(ben))["presence"] == "offline"
    ben.send(both)
    got = ann.get(path_of(ben))
    assert got["presence"] == "online" and got["currently_active"]


def test_who_types_is_online(own, ann, ben, both):
    ben.put(ben.room(both, f"/typing/{quote(ben.user_id)}"), {"typing": True})
    assert ann.get(path_of(ben))["presence"] == "online"


def test_who_sends_is_idle_no_longer(own, ann, ben, both):
    ben.put(path_of(ben), {"presence": "unavailable"})
    ben.send(both)
    assert ann.get(path_of(ben))["presence"] == "online"


def test_who_hides_goes_on_hiding(own, ann, ben, both):
    ben.put(path_of(ben), {"presence": "offline"})
    ben.send(both)
    ben.events()
    assert ann.get(path_of(ben)) == {"presence": "offline"}


def test_who_logs_out_is_offline(own, ann, ben, both):
    ben.put(path_of(ben), {"presence": HERE, "status_msg": "back soon"})
    ben.post("/logout")
    assert ann.get(path_of(ben))["presence"] == "offline"
    assert ann.get(path_of(ben))["status_msg"] == "back soon"


def test_a_guest_who_listens_has_no_presence(own, ann, guest, hall):
    guest.join(hall)
    guest.events(rooms=hall)
    assert ann.get(path_of(guest)) == {"presence": "offline"}


# --- who is told -----------------------------------------------------------------


def test_a_change_is_told_to_who_shares_a_room(own, ann, ben, both):
    ann.put(path_of(ann), {"presence": "online"})
    ear = Listener(ben)
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "at lunch"})
    got = ear.until_where(says(ann, "unavailable", "at lunch"), "the change")
    assert got["content"]["user_id"] == ann.user_id and "room_id" not in got
    assert got["content"]["last_active_ago"] >= 0
    ann.send(both)
    ear.until_where(says(ann, "online"), "ann back")
    ear.stop()


def test_a_change_wakes_who_waits(own, ann, ben, both):
    at = ben.now()
    waiting = Parked(lambda: ben.events(at, timeout=30000))
    own.until_parked(1)
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "away"})
    page = waiting.result()
    while not any(says(ann, "unavailable", "away")(e) for e in page["chunk"]):
        page = ben.events(page["end"], timeout=30000)
    assert waiting.took_s < 20


def test_who_shares_no_room_is_told_nothing(own, ann, ben, cat, both):
    far, near = Listener(cat), Listener(ben)
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "away"})
    near.until_where(says(ann, "unavailable"), "the change")
    room = cat.create_room()
    far.until_where(lambda e: e.get("room_id") == room, "a room of cat's own")
    assert not any(presence_of(ann)(e) for e in far.heard)
    far.stop(), near.stop()


def test_who_names_a_room_is_told_of_events_alone(own, ann, ben, both):
    at = ben.now(both)
    ann.put(path_of(ann), {"presence": "unavailable"})
    ann.send(both, "x")
    page = ben.events(at, rooms=both)
    assert [e["type"] for e in page["chunk"]] == ["m.room.message"]
    assert "_p" not in page["end"]


def test_what_one_sets_ones_other_device_is_told(own, ann):
    ear = Listener(ann.login())
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "from the other one"})
    ear.until_where(says(ann, HERE, "from the other one"), "one's own status")
    ear.stop()


def test_listening_itself_is_not_told_to_who_listens(own, ann):
    at = ann.now()
    page = ann.events(at)
    assert page["chunk"] == []


def test_who_joins_is_shown_to_who_is_there_and_they_to_them(own, ann, ben, room):
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "of ann"})
    ben.put(path_of(ben), {"presence": HERE, "status_msg": "of ben"})
    ears = [Listener(one) for one in (ann, ben)]
    ben.join(room)
    ears[0].until_where(says(ben, HERE, "of ben"), "ben, to ann")
    ears[1].until_where(says(ann, HERE, "of ann"), "ann, to ben")
    for ear in ears:
        ear.stop()


@pytest.mark.parametrize("key, value", [
    ("displayname", "Annabel"), ("avatar_url", "mxc://localhost/annabel")])
def test_a_new_name_or_picture_is_told(own, ann, ben, both, key, value):
    ears = [Listener(ben), Listener(ann.login())]  # to oneself too: one's other devices
    ann.put(f"/profile/{quote(ann.user_id)}/{key}", {key: value})
    for ear in ears:
        ear.until_where(lambda e: presence_of(ann)(e) and e["content"].get(key) == value, "it")
    ann.delete(f"/profile/{quote(ann.user_id)}/{key}")
    for ear in ears:
        ear.until_where(lambda e, ear=ear: presence_of(ann)(e) and key not in e["content"]
                        and ear.heard.index(e) > 0, "that it is gone")
        ear.stop()


def test_who_is_in_no_room_is_told_of_their_own_new_name(own, ann):
    ear = Listener(ann)
    ann.put(f"/profile/{quote(ann.user_id)}/displayname", {"displayname": "Annabel"})
    ear.until_where(lambda e: presence_of(ann)(e)
                    and e["content"].get("displayname") == "Annabel", "it")
    ear.stop()


def test_a_token_without_a_part_of_presence_is_still_good(own, ann, ben, both):
    at = ben.now()
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "away"})
    old = at.split("_p")[0]
    page = ben.events(old)
    assert not any(e["type"] == "m.presence" for e in page["chunk"])
    assert "_p" in page["end"]
    assert any(says(ann, "unavailable")(e) for e in ben.events(at)["chunk"])


# --- at the beginning --------------------------------------------------------------


@pytest.mark.parametrize("prefix", EVERY)
def test_the_first_look_shows_who_is_there(own, ann, ben, cat, both, prefix):
    for one in (ann, cat):
        one.put(path_of(one), {"presence": HERE, "status_msg": "hi"})
    ben.put(path_of(ben), {"presence": "unavailable"})
    got = {e["sender"]: e for e in ben.get(prefix + "/initialSync")["presence"]}
    assert set(got) == {ann.user_id, ben.user_id}
    content = got[ann.user_id]["content"]
    assert content["presence"] == HERE and content["status_msg"] == "hi"
    assert content["user_id"] == ann.user_id and got[ann.user_id]["type"] == "m.presence"


def test_listening_goes_on_where_the_first_look_ended(own, ann, ben, both):
    end = ben.get("/initialSync")["end"]
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "since"})
    assert any(says(ann, "unavailable", "since")(e) for e in ben.events(end)["chunk"])


def test_a_room_shows_its_members_to_its_members(own, ann, ben, cat, hall):
    ben.join(hall)
    ann.put(path_of(ann), {"presence": HERE})
    path = ann.room(hall, "/initialSync")
    assert [e["sender"] for e in ben.get(path)["presence"]] == [ann.user_id]
    assert cat.get(path)["presence"] == []  # reads, and is not in it


# --- restarts, and without it --------------------------------------------------------


def test_a_status_outlives_a_restart(private):
    one = private()
    ann = one.api.register()
    ben = one.api.register()
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ann.put(path_of(ann), {"presence": HERE, "status_msg": "for ever"})
    at = ben.now()
    one.restart()
    assert ben.get(path_of(ann))["status_msg"] == "for ever"
    ann.put(path_of(ann), {"presence": "unavailable", "status_msg": "for ever"})
    assert any(says(ann, "unavailable")(e) for e in ben.events(at)["chunk"])


def test_where_it_is_disabled_everybody_is_offline_and_nothing_is_told(private):
    one = private(presence={"enabled": False})
    ann, ben = one.api.register(), one.api.register()
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    at = ben.now()
    assert "_p" not in at
    assert ann.put(path_of(ann), {"presence": HERE, "status_msg": "hi"}) == {}
    assert ann.get(path_of(ann)) == ben.get(path_of(ann)) == {"presence": "offline"}
    ann.send(room, "the end")
    assert [e["type"] for e in ben.events(at)["chunk"]] == ["m.room.message"]
    assert ben.get("/initialSync")["presence"] == []
    ann.get("/presence/@nobody-at-all:localhost/status", expect=(404, "M_NOT_FOUND"))


def test_who_has_ended_their_account_is_gone(own, ann, ben, both):
    ben.put(path_of(ben), {"presence": HERE, "status_msg": "still here"})
    auth = {"type": "m.login.password", "password": ben.password,
            "identifier": {"type": "m.id.user", "user": ben.user_id}}
    ben.post("/account/deactivate", {"auth": auth})
    ann.get(path_of(ben), expect=(404, "M_NOT_FOUND"))


# --- the lists of 2015 -----------------------------------------------------------------


@pytest.mark.parametrize("prefix", [V1, V2])
def test_a_list_shows_those_in_it_who_share_a_room(own, ann, ben, cat, both, prefix):
    assert ann.get(list_of(ann, prefix)) == []
    ann.post(list_of(ann, prefix), {"invite": [ben.user_id, cat.user_id]})
    got = ann.get(list_of(ann, prefix))
    assert [e["content"]["user_id"] for e in got] == [ben.user_id]
    assert got[0]["type"] == "m.presence" and got[0]["content"]["presence"] == "offline"
    ben.put(path_of(ben), {"presence": HERE, "status_msg": "hi"})
    assert ann.get(list_of(ann, prefix))[0]["content"]["status_msg"] == "hi"
    ann.post(list_of(ann, prefix), {"drop": [ben.user_id]})
    assert ann.get(list_of(ann, prefix)) == []


def test_a_list_is_its_owners(own, ann, ben):
    ben.get(list_of(ann), expect=NO_RIGHT)
    ben.post(list_of(ann), {"invite": [ben.user_id]}, expect=NO_RIGHT)


def test_a_list_outlives_a_restart(private):
    one = private()
    ann, ben = one.api.register(), one.api.register()
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ann.post(list_of(ann), {"invite": [ben.user_id, ben.user_id]})
    one.restart()
    assert len(ann.get(list_of(ann))) == 1


@pytest.mark.parametrize("body, expect", [
    ({"invite": "x"}, (400, "M_BAD_JSON")), ({"drop": [5]}, (400, "M_BAD_JSON")),
    ({"invite": ["nonsense"]}, (400, "M_INVALID_PARAM")),
    ({"invite": ["@nobody-at-all:localhost"]}, (404, "M_NOT_FOUND")),
    ({"invite": [f"@a{n}:elsewhere.example" for n in range(1001)]}, (413, "M_TOO_LARGE")),
    ({"drop": [f"@a{n}:elsewhere.example" for n in range(1001)]}, (413, "M_TOO_LARGE"))])
def test_a_list_of_something_else_is_an_error_and_changes_nothing(own, ann, ben, both, body, expect):
    ann.post(list_of(ann), {"invite": [ben.user_id]})
    ann.post(list_of(ann), body, expect=expect)
    assert len(ann.get(list_of(ann))) == 1


def test_a_list_does_not_grow_beyond_measure(own, ann):
    for half in range(2):
        ann.post(list_of(ann), {"invite": [f"@a{half}-{n}:x.example" for n in range(500)]})
    ann.post(list_of(ann), {"invite": ["@one-more:x.example"]}, expect=(413, "M_TOO_LARGE"))
