"""What is no longer heard of users whom one ignores: by polls and streams of /events, by
the initialSyncs of 2015, by lists of children. Spec: client-server-api/#ignoring-users.
"""

import pytest

from lib.client import V1
from lib.http import quote
from lib.listen import Listener, Parked
from lib.sse import Stream


def ignore(who, *users):
    who.put(f"/user/{quote(who.user_id)}/account_data/m.ignored_user_list",
            {"ignored_users": {user.user_id: {} for user in users}})


def ids(events):
    return [e["event_id"] for e in events if "event_id" in e]


def kinds(events):
    return [e["type"] for e in events]


@pytest.fixture
def trio(ann, ben, cat, room):
    """A room of ann, ben and cat; ann ignores ben."""
    ben.join(room)
    cat.join(room)
    ignore(ann, ben)
    return room


@pytest.mark.parametrize("named", [True, False])
def test_a_poll_leaves_out_what_the_ignored_say_but_not_what_they_set(ann, ben, cat, trio, named):
    ann.power(trio, {"users": {ben.user_id: 50}})
    rooms = [trio] if named else None
    start = ann.now(rooms)
    ben.send(trio, "unheard")
    named_it = ben.set_state(trio, "m.room.name", {"name": "Ben's"})
    said = cat.send(trio, "heard")
    heard, _ = ann.drain(start, rooms)
    assert ids(heard) == [named_it, said]
    assert len(ids(cat.drain(start, rooms)[0])) == 3


@pytest.mark.parametrize("named", [True, False])
def test_what_is_older_than_what_is_in_memory_is_left_out_too(ann, ben, cat, trio, named):
    rooms = [trio] if named else None
    start = ann.now(rooms)
    said = []
    for n in range(40):
        ben.send(trio, f"unheard {n}")
        said.append(cat.send(trio, f"heard {n}"))
    heard, _ = ann.drain(start, rooms, limit=7)
    assert ids(heard) == said


def test_a_poll_waits_on_while_the_ignored_talk(own, ann, ben, cat, trio):
    start = ann.now([trio])
    poll = Parked(lambda: ann.events(start, [trio], timeout=20000))
    other = Parked(lambda: cat.events(start, [trio], timeout=20000))
    own.until_parked(2)
    ben.send(trio, "unheard")
    assert len(other.result()["chunk"]) == 1
    said = cat.send(trio, "heard")
    assert ids(poll.result()["chunk"]) == [said]


def test_who_waits_with_others_hears_less_from_the_change_on(own, ann, ben, cat, room):
    ben.join(room)
    cat.join(room)
    start = ann.now([room])
    poll = Parked(lambda: ann.events(start, [room], timeout=20000))
    other = Parked(lambda: cat.events(start, [room], timeout=20000))
    own.until_parked(2)
    ignore(ann, ben)
    ben.send(room, "unheard")
    assert len(other.result()["chunk"]) == 1
    said = cat.send(room, "heard")
    assert ids(poll.result()["chunk"]) == [said]


def test_a_stream_hears_less_and_more_as_the_list_says(own, ann, ben, cat, room):
    ben.join(room)
    cat.join(room)
    with Stream(ann, [room]) as stream:
        stream.opening()
        first = ben.send(room, "heard")
        assert stream.next().event_id == first
        ignore(ann, ben)
        ben.send(room, "unheard")
        second = cat.send(room, "heard")
        assert stream.next().event_id == second
        ignore(ann)
        third = ben.send(room, "heard again")
        assert stream.next().event_id == third


def test_invitations_by_the_ignored_are_not_told(ann, ben, cat):
    ignore(ann, ben)
    start = ann.now()
    unwanted = ben.create_room(invite=[ann.user_id])
    wanted = cat.create_room(invite=[ann.user_id])
    heard, end = ann.drain(start)
    assert [e["room_id"] for e in heard if e["type"] == "m.room.member"] == [wanted]
    assert [one["room_id"] for one in ann.get("/initialSync")["rooms"]] == [wanted]
    # Taken all the same, the room is one like others, and what its state says is heard.
    ann.join(unwanted)
    heard, _ = ann.drain(end)
    assert {e["room_id"] for e in heard if e["type"] == "m.room.member"} == {unwanted}


def test_a_room_that_all_may_read_tells_no_invitation_by_the_ignored(ann, ben):
    hall = ben.public_room()
    ignore(ann, ben)
    start = ann.now([hall])
    ben.invite(hall, ann.user_id)
    named = ben.set_state(hall, "m.room.name", {"name": "Ben's"})
    assert ids(ann.drain(start, [hall])[0]) == [named]


def test_presence_and_receipts_of_the_ignored_are_not_told(own, ann, ben, cat, trio):
    said = ann.send(trio, "read this")
    ears = Listener(ann)
    for user in (ben, cat):
        user.put(f"/presence/{quote(user.user_id)}/status",
                 {"presence": "online", "status_msg": "here"})
        user.post(f"/rooms/{quote(trio)}/receipt/m.read/{quote(said)}")
    ears.until_where(lambda e: e["type"] == "m.presence" and e["sender"] == cat.user_id)
    read = ears.until_where(lambda e: e["type"] == "m.receipt")
    assert set(read["content"][said]["m.read"]) == {cat.user_id}
    ears.stop()
    assert ben.user_id not in {e.get("sender") for e in ears.heard if e["type"] == "m.presence"}
    assert all(ben.user_id not in str(e) for e in ears.heard if e["type"] == "m.receipt")


@pytest.mark.parametrize("prefix", [V1, "/_matrix/client/v3"])
def test_the_initial_syncs_leave_the_ignored_out(own, ann, ben, cat, trio, prefix):
    said = ann.send(trio, "read this")
    for user in (ben, cat):
        user.send(trio, "hello")
        user.put(f"/presence/{quote(user.user_id)}/status", {"presence": "online"})
        user.post(f"/rooms/{quote(trio)}/receipt/m.read/{quote(said)}")
    whole = ann.get(f"{prefix}/initialSync")
    one = ann.get(f"{prefix}/rooms/{quote(trio)}/initialSync")
    for presence in (whole["presence"], one["presence"]):
        senders = {e["sender"] for e in presence}
        assert cat.user_id in senders and ben.user_id not in senders
    for receipts in (whole["receipts"], one["receipts"]):
        assert cat.user_id in str(receipts) and ben.user_id not in str(receipts)
    for room in (*[r for r in whole["rooms"] if r["room_id"] == trio], one):
        spoken = [e["sender"] for e in room["messages"]["chunk"]
                  if e["type"] == "m.room.message"]
        assert spoken == [ann.user_id, cat.user_id]
        assert ben.user_id in {e["state_key"] for e in room["state"]
                               if e["type"] == "m.room.member"}


def test_lists_of_children_leave_the_ignored_out(ann, ben, cat, trio):
    parent = ann.send(trio, "parent")
    born = [who.send(trio, {"msgtype": "m.text", "body": "x", "m.relates_to": {
        "rel_type": "m.thread", "event_id": parent}}) for who in (ben, cat)]
    path = f"/_matrix/client/v1/rooms/{quote(trio)}/relations/{quote(parent)}"
    assert ids(ann.get(path)["chunk"]) == born[1:]
    assert ids(cat.get(path)["chunk"]) == born[::-1]
