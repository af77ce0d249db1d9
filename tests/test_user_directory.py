"""Searching users. Spec: client-server-api/#user-directory."""

import pytest

from lib.client import fresh
from lib.http import quote

PATH = "/user_directory/search"


def found(user, term, **more):
    return user.post(PATH, {"search_term": term, **more})


def ids(user, term, **more):
    return [one["user_id"] for one in found(user, term, **more)["results"]]


def named(api, name=None):
    one = api.register()
    if name:
        one.put(f"/profile/{quote(one.user_id)}/displayname", {"displayname": name})
    return one


@pytest.mark.parametrize("prefix", ["/_matrix/client/v3", "/_matrix/client/r0"])
def test_who_shares_a_room_is_found_by_name_and_id(api, ann, prefix):
    name = fresh("Zoë")
    zoe = named(api, f"{name} of the Hill")
    zoe.put(f"/profile/{quote(zoe.user_id)}/avatar_url", {"avatar_url": "mxc://localhost/zoe"})
    room = ann.create_room(invite=[zoe.user_id])
    zoe.join(room)
    want = {"user_id": zoe.user_id, "display_name": f"{name} of the Hill",
            "avatar_url": "mxc://localhost/zoe"}
    for term in (name, name.upper(), f"hill {name}", zoe.local_part, zoe.user_id):
        got = ann.post(prefix + PATH, {"search_term": term})
        assert got == {"results": [want], "limited": False}, term


def test_who_has_no_name_is_found_by_id_alone(ann, ben, room):
    ben.join(room)
    assert found(ann, ben.local_part)["results"] == [{"user_id": ben.user_id}]


def test_who_is_in_a_public_room_is_found_by_anybody(ann, ben, room):
    assert ann.user_id in ids(ben, ann.local_part)


def test_who_is_in_a_world_readable_room_is_found_by_anybody(ann, ben):
    ann.create_room(initial_state=[{"type": "m.room.history_visibility", "state_key": "",
                                    "content": {"history_visibility": "world_readable"}}])
    assert ann.user_id in ids(ben, ann.local_part)


def test_who_shares_no_room_and_is_in_no_public_one_is_not_found(ann, ben, closed):
    assert ids(ben, ann.local_part) == []
    room = ann.create_room(invite=[ben.user_id])
    assert ids(ben, ann.local_part) == []  # invited, not joined
    ben.join(room)
    assert ids(ben, ann.local_part) == [ann.user_id]


def test_a_room_that_closes_hides_its_members(ann, ben, room):
    assert ids(ben, ann.local_part) == [ann.user_id]
    ann.set_state(room, "m.room.join_rules", {"join_rule": "invite"})
    assert ids(ben, ann.local_part) == []
    ann.set_state(room, "m.room.join_rules", {"join_rule": "public"})
    assert ids(ben, ann.local_part) == [ann.user_id]


def test_who_has_ended_their_account_is_not_found(own, ann, ben, room):
    ben.join(room)
    auth = {"type": "m.login.password", "password": ben.password,
            "identifier": {"type": "m.id.user", "user": ben.user_id}}
    ben.post("/account/deactivate", {"auth": auth})
    assert ids(ann, ben.local_part) == []


def test_a_guest_is_found_by_its_name(own, ann, guest, hall):
    name = fresh("visitor").replace("-", "")
    guest.join(hall)
    assert ids(ann, guest.local_part) == []
    guest.put(f"/profile/{quote(guest.user_id)}/displayname", {"displayname": name})
    assert ids(ann, name) == [guest.user_id]


def test_the_limit_is_kept_and_told(api, ann, room):
    name = fresh("crowd").replace("-", "")
    crowd = [named(api, f"{name} {n}") for n in range(12)]
    for one in crowd:
        one.join(room)
    got = found(ann, name)
    assert len(got["results"]) == 10 and got["limited"] is True
    assert len(found(ann, name, limit=3)["results"]) == 3
    got = found(ann, name, limit=12)
    assert {one["user_id"] for one in got["results"]} == {one.user_id for one in crowd}
    assert got["limited"] is False
    assert found(ann, name, limit=0)["results"] == []
    assert len(found(ann, name, limit=10**9)["results"]) == 12


def test_a_whole_name_comes_before_a_part_of_one(api, ann, room):
    name = fresh("whole").replace("-", "")
    part, whole = named(api, f"{name}some more"), named(api, name)
    for one in (part, whole):
        one.join(room)
    assert ids(ann, name) == [whole.user_id, part.user_id]


@pytest.mark.parametrize("term", ["", " ", "@", ":", "%", "_", "\U0001f98a", "'; --", "x" * 5000,
                                  "xqzx" + " zqxq" * 2000, "*"])
def test_odd_terms_find_nobody(own, ann, room, term):
    assert found(ann, term) == {"results": [], "limited": False}


@pytest.mark.parametrize("body, errcode", [
    ({}, "M_MISSING_PARAM"), ({"search_term": 5}, "M_BAD_JSON"),
    ({"search_term": ["x"]}, "M_BAD_JSON"), ({"search_term": "a\u0000"}, "M_BAD_JSON"), ({"search_term": "x", "limit": "5"}, "M_BAD_JSON"),
    ({"search_term": "x", "limit": -1}, "M_INVALID_PARAM")])
def test_what_is_no_search_is_400(own, ann, body, errcode):
    ann.post(PATH, body, expect=(400, errcode))


def test_searching_needs_an_account(own, guest):
    own.api.post(PATH, {"search_term": "x"}, expect=(401, "M_MISSING_TOKEN"))
    guest.post(PATH, {"search_term": "x"}, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


def test_it_is_the_same_after_a_restart(private):
    one = private()
    ann = one.api.register()
    ann.create_room(preset="public_chat")
    one.restart()
    assert ids(ann, ann.local_part) == [ann.user_id]
