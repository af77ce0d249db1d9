"""The rooms that one shares with another. Spec: client-server-api/#mutual-rooms."""

import pytest

from lib.client import in_threads

PATH = "/_matrix/client/v1/mutual_rooms"
PROPOSED = "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms"


def test_rooms_that_both_are_in_are_listed(ann, ben):
    rooms = {ann.create_room(preset="public_chat") for _ in range(3)}
    for room in rooms:
        ben.join(room)
    ann.create_room()
    ben.create_room()
    for one, other in ((ann, ben), (ben, ann)):
        got = one.get(PATH, user_id=other.user_id)
        assert set(got["joined"]) == rooms and got["count"] == 3 and "next_batch" not in got


def test_an_invitation_and_a_room_that_was_left_are_not_shared(ann, ben):
    ann.create_room(invite=[ben.user_id])
    left = ann.create_room(preset="public_chat")
    ben.join(left)
    ben.leave(left)
    assert ann.get(PATH, user_id=ben.user_id) == {"joined": [], "count": 0}


def test_nothing_is_shared_with_nobody(ann):
    for user_id in ("@nobody-at-all:localhost", "@who:elsewhere.example"):
        assert ann.get(PATH, user_id=user_id) == {"joined": [], "count": 0}


def test_many_rooms_come_in_pages(own, ann, ben):
    rooms = set(in_threads(
        [lambda: ann.create_room(preset="public_chat") for _ in range(101)]))
    for room in rooms:
        ben.join(room)
    first = ann.get(PATH, user_id=ben.user_id)
    rest = ann.get(PATH, user_id=ben.user_id, **{"from": first["next_batch"]})
    assert len(first["joined"]) == 100 and first["count"] == rest["count"] == 101
    assert set(first["joined"] + rest["joined"]) == rooms and "next_batch" not in rest
    first = ann.get(PROPOSED, user_id=ben.user_id)
    rest = ann.get(PROPOSED, user_id=ben.user_id, batch_token=first["next_batch_token"])
    assert set(first["joined"] + rest["joined"]) == rooms and "next_batch_token" not in rest


def test_clients_that_know_the_proposal_alone_find_the_list(own, ann, ben):
    """matrix-js-sdk 43: _unstable_getSharedRooms."""
    features = own.api.get("/_matrix/client/versions")["unstable_features"]
    assert features["uk.half-shot.msc2666.query_mutual_rooms"] is True
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    assert ann.get(PROPOSED, user_id=ben.user_id)["joined"] == [room]
    ann.get(PROPOSED, user_id=ben.user_id, batch_token="nonsense",
            expect=(400, "M_INVALID_PARAM"))


@pytest.mark.parametrize("query, errcode", [
    ({}, "M_MISSING_PARAM"), ({"user_id": "nonsense"}, "M_INVALID_PARAM"),
    ({"user_id": ""}, "M_INVALID_PARAM"),
    ({"user_id": "@a:x", "from": "nonsense"}, "M_INVALID_PARAM"),
    ({"user_id": "@a:x", "from": "m1_"}, "M_INVALID_PARAM"),
    ({"user_id": "@a:x", "from": "m1_-1"}, "M_INVALID_PARAM")])
def test_what_is_no_user_or_no_place_is_400(own, ann, query, errcode):
    ann.get(PATH, expect=(400, errcode), **query)


def test_oneself_is_400(ann):
    ann.get(PATH, user_id=ann.user_id, expect=(400, "M_INVALID_PARAM"))


def test_it_needs_an_account(own, ann, guest):
    own.api.get(PATH, user_id=ann.user_id, expect=(401, "M_MISSING_TOKEN"))
    guest.get(PATH, user_id=ann.user_id, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
