"""Names and pictures, and what they do to the rooms their owner is in.

Spec: client-server-api/#profiles.
"""

import pytest

from lib.client import in_threads
from lib.http import quote
from lib.listen import Listener

NO_RIGHT = (403, "M_FORBIDDEN")


def path_of(user, key=""):
    return f"/profile/{quote(user.user_id)}" + (f"/{key}" if key else "")


@pytest.mark.parametrize("key, value", [
    ("displayname", "Ann the Grüne 🦊"), ("avatar_url", "mxc://localhost/abc")])
def test_a_field_is_set_and_read_without_a_token(api, ann, key, value):
    assert ann.put(path_of(ann, key), {key: value}) == {}
    assert api.get(path_of(ann, key)) == {key: value}
    assert api.get(path_of(ann))[key] == value


def test_a_new_user_has_the_local_part_for_a_name_or_none(api, ann):
    assert api.get(path_of(ann)).get("displayname") in (None, ann.local_part)


def test_a_profile_of_nobody_is_404(api):
    for tail in ("", "/displayname", "/avatar_url"):
        api.get("/profile/@nobody-at-all:localhost" + tail, expect=(404, "M_NOT_FOUND"))


def test_a_field_that_is_not_set_is_404_or_empty(api, ann):
    got = api.get(path_of(ann, "avatar_url"), expect=[200, (404, "M_NOT_FOUND")])
    assert not got.get("avatar_url")


def test_nobody_sets_anothers_name(ann, ben):
    for key in ("displayname", "avatar_url"):
        ben.put(path_of(ann, key), {key: "mine now"}, expect=NO_RIGHT)


def test_setting_needs_a_token(api, ann):
    api.put(path_of(ann, "displayname"), {"displayname": "x"}, expect=(401, "M_MISSING_TOKEN"))


@pytest.mark.parametrize("body", [{}, {"displayname": 5}, {"displayname": ["x"]}])
def test_a_name_of_the_wrong_shape_is_400(ann, body):
    ann.put(path_of(ann, "displayname"), body, expect=[
        (400, "M_MISSING_PARAM"), (400, "M_BAD_JSON"), (400, "M_INVALID_PARAM")])


def test_what_else_the_body_says_is_nothing(api, ann):
    # "exactly one property": whoever sends more than the schema asks for sets that one.
    ann.put(path_of(ann, "displayname"), {"displayname": "Ann", "avatar_url": "mxc://x/y",
                                          "org.example.field": 1})
    got = api.get(path_of(ann))
    assert got["displayname"] == "Ann"
    assert not got.get("avatar_url") and "org.example.field" not in got


def test_a_name_beyond_measure_is_refused(ann):
    got = ann.put(path_of(ann, "displayname"), {"displayname": "x" * 70000}, expect=[400, 413])
    assert got["errcode"] in ("M_PROFILE_TOO_LARGE", "M_TOO_LARGE", "M_BAD_JSON", "M_UNKNOWN",
                              "M_INVALID_PARAM")


def test_a_name_is_taken_away(own, ann):
    ann.put(path_of(ann, "displayname"), {"displayname": "x"})
    assert ann.delete(path_of(ann, "displayname")) == {}
    got = ann.get(path_of(ann, "displayname"), expect=[200, (404, "M_NOT_FOUND")])
    assert not got.get("displayname")


@pytest.mark.parametrize("value", ["https://example.org/a.png", "mxc://localhost", "mxc:///a",
                                   "mxc://localhost/../../etc/passwd", "a picture"])
def test_a_picture_is_an_mxc_uri(ann, value):
    path = path_of(ann, "avatar_url")
    ann.put(path, {"avatar_url": "mxc://localhost/before"})
    ann.put(path, {"avatar_url": value}, expect=(400, "M_INVALID_PARAM"))
    assert ann.get(path) == {"avatar_url": "mxc://localhost/before"}


def test_an_empty_picture_takes_the_picture_away(own, ann):
    ann.put(path_of(ann, "avatar_url"), {"avatar_url": "mxc://localhost/before"})
    ann.put(path_of(ann, "avatar_url"), {"avatar_url": ""})
    ann.get(path_of(ann, "avatar_url"), expect=(404, "M_NOT_FOUND"))


def test_an_id_that_cannot_be_is_an_error(api):
    api.get("/profile/nonsense", expect=[(400, "M_INVALID_PARAM"), (404, "M_NOT_FOUND")])


def test_a_join_carries_name_and_picture(ann, ben):
    ben.put(path_of(ben, "displayname"), {"displayname": "Ben"})
    ben.put(path_of(ben, "avatar_url"), {"avatar_url": "mxc://localhost/ben"})
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    got = ann.state(room, "m.room.member", ben.user_id)
    assert got == {"membership": "join", "displayname": "Ben", "avatar_url": "mxc://localhost/ben"}


def test_an_invitation_carries_the_invitees_name(ann, ben):
    ben.put(path_of(ben, "displayname"), {"displayname": "Ben"})
    room = ann.create_room(invite=[ben.user_id])
    assert ann.state(room, "m.room.member", ben.user_id)["displayname"] == "Ben"


def test_a_change_of_name_is_heard_in_every_room(ann, ben):
    rooms = [ann.create_room(preset="public_chat") for _ in range(3)]
    for room in rooms:
        ben.join(room)
    ear = Listener(ann)
    ben.put(path_of(ben, "displayname"), {"displayname": "Benjamin"})
    for room in rooms:
        got = ear.until_where(lambda e: e.get("room_id") == room and e["type"] == "m.room.member")
        assert got["content"]["displayname"] == "Benjamin"
        assert got["content"]["membership"] == "join" and got["state_key"] == ben.user_id
    ear.stop()


def test_a_name_set_while_one_joins_comes_to_the_room(api, ann):
    for round in range(40):
        room = ann.create_room(preset="public_chat")
        ben = api.register()
        in_threads([lambda: ben.join(room),
                    lambda: ben.put(path_of(ben, "displayname"), {"displayname": "Ben"})])
        assert ann.state(room, "m.room.member", ben.user_id).get("displayname") == "Ben", round


def test_of_names_set_at_the_same_time_rooms_have_the_one_that_stays(api, ann, room):
    for round in range(20):
        in_threads([lambda name=name: ann.put(path_of(ann, "displayname"), {"displayname": name})
                    for name in ("Ann", "Anna", "Annette")])
        stays = api.get(path_of(ann, "displayname"))["displayname"]
        assert ann.state(room, "m.room.member", ann.user_id)["displayname"] == stays, round


def test_a_room_of_its_own_name_is_not_undone_by_a_leave(ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    ben.put(path_of(ben, "displayname"), {"displayname": "After"})
    ben.leave(room)
    ben.put(path_of(ben, "displayname"), {"displayname": "Later"})
    assert ann.state(room, "m.room.member", ben.user_id)["membership"] == "leave"


# --- fields of one's own --------------------------------------------------------


@pytest.mark.parametrize("key, value", [
    ("m.tz", "Europe/London"), ("org.example.job_title", "Baker"), ("org.example.n", 5),
    ("org.example.list", [1, None, {"a": "b"}]), ("org.example.none", None), ("a.b", {}),
    ("org.example.yes", True)])
def test_a_field_of_ones_own_holds_any_json(own, api, ann, key, value):
    assert ann.put(path_of(ann, key), {key: value}) == {}
    assert api.get(path_of(ann, key)) == {key: value}
    assert api.get(path_of(ann))[key] == value
    assert ann.delete(path_of(ann, key)) == {}
    api.get(path_of(ann, key), expect=(404, "M_NOT_FOUND"))
    assert key not in api.get(path_of(ann))


def test_what_is_not_there_can_be_taken_away(own, ann):
    for key in ("displayname", "avatar_url", "m.tz", "org.example.never"):
        assert ann.delete(path_of(ann, key)) == {}


@pytest.mark.parametrize("key", ["nodots", "Org.example.x", "org.exa mple", "1.x", ".x", "x.",
                                 "org.example.ü", "name", "_a.b"])
def test_a_field_with_an_odd_name_is_400(own, ann, key):
    wrong = (400, "M_INVALID_PARAM")
    ann.put(path_of(ann, quote(key)), {key: "x"}, expect=wrong)
    ann.delete(path_of(ann, quote(key)), expect=wrong)
    ann.get(path_of(ann, quote(key)), expect=wrong)


def test_a_field_with_a_long_name_is_400(own, ann):
    key = "a." + "b" * 253
    ann.put(path_of(ann, key), {key: 1})
    key += "b"
    ann.put(path_of(ann, key), {key: 1}, expect=(400, "M_KEY_TOO_LARGE"))
    ann.delete(path_of(ann, key), expect=(400, "M_KEY_TOO_LARGE"))


def test_the_whole_profile_stays_below_64_kib(own, api, ann):
    one, two = "org.example.one", "org.example.two"
    ann.put(path_of(ann, one), {one: "x" * 40000})
    ann.put(path_of(ann, two), {two: "x" * 40000}, expect=(400, "M_PROFILE_TOO_LARGE"))
    whole = len('{"%s":"%s","%s":""}' % (one, "x" * 40000, two))
    ann.put(path_of(ann, two), {two: "x" * (65536 - whole)}, expect=(400, "M_PROFILE_TOO_LARGE"))
    ann.put(path_of(ann, two), {two: "x" * (65535 - whole)})
    assert api.get(path_of(ann, one))[one] == "x" * 40000


def test_the_field_must_be_the_one_of_the_path(own, ann):
    ann.put(path_of(ann, "m.tz"), {"org.example.x": "y"}, expect=(400, "M_MISSING_PARAM"))
    ann.put(path_of(ann, "m.tz"), {"m.tz": 5}, expect=(400, "M_INVALID_PARAM"))
    ann.request("PUT", path_of(ann, "m.tz"), raw=b"{", expect=(400, "M_NOT_JSON"))


def test_nobody_changes_anothers_field(own, ann, ben):
    ann.put(path_of(ann, "m.tz"), {"m.tz": "Europe/London"})
    ben.put(path_of(ann, "m.tz"), {"m.tz": "Europe/Paris"}, expect=NO_RIGHT)
    ben.delete(path_of(ann, "m.tz"), expect=NO_RIGHT)
    assert ben.get(path_of(ann, "m.tz")) == {"m.tz": "Europe/London"}


def test_a_field_of_ones_own_is_told_to_no_room(own, ann, room):
    at = ann.now(room)
    ann.put(path_of(ann, "m.tz"), {"m.tz": "Europe/London"})
    assert ann.events(at, rooms=room)["chunk"] == []


def test_accounts_are_told_that_they_may_change_all_of_it(own, ann):
    got = ann.get("/capabilities")["capabilities"]
    assert got["m.profile_fields"] == {"enabled": True}
    assert got["m.set_displayname"] == got["m.set_avatar_url"] == {"enabled": True}


def test_a_picture_taken_away_goes_from_the_rooms_too(own, ann, room):
    ann.put(path_of(ann, "avatar_url"), {"avatar_url": "mxc://localhost/abc"})
    assert ann.state(room, "m.room.member", ann.user_id)["avatar_url"] == "mxc://localhost/abc"
    ann.delete(path_of(ann, "avatar_url"))
    assert "avatar_url" not in ann.state(room, "m.room.member", ann.user_id)
