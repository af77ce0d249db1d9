"""Events that point at other events: edits, threads, references, annotations; what is
shown of them with their parents, and lists of them.

Spec: client-server-api/#forming-relationships-between-events, #event-replacements,
#event-annotations-and-reactions, #threading, #reference-relations.
"""

import json
import sqlite3

import pytest

from lib.client import in_threads
from lib.http import quote

NO_RIGHT = (403, "M_FORBIDDEN")
NOT_THERE = (404, "M_NOT_FOUND")
BAD = (400, "M_INVALID_PARAM")
V1 = "/_matrix/client/v1"


def relates(parent, rel_type, **more):
    return {"m.relates_to": {"event_id": parent, "rel_type": rel_type, **more}}


def relate(who, room, parent, rel_type, body="x", kind="m.room.message", **more):
    content = {"msgtype": "m.text", "body": body, **relates(parent, rel_type, **more)}
    return who.send(room, content, kind=kind)


def edit(who, room, parent, body, kind="m.room.message", expect=200):
    content = {"msgtype": "m.text", "body": "* " + body,
               "m.new_content": {"msgtype": "m.text", "body": body},
               **relates(parent, "m.replace")}
    return who.send(room, content, kind=kind, expect=expect)


def react(who, room, parent, key="+1", kind="m.reaction", expect=200, **more):
    return who.send(room, relates(parent, "m.annotation", key=key), kind=kind, expect=expect,
                    **more)


def of(event):
    return event["unsigned"].get("m.relations", {})


def everywhere(who, room, event_id):
    """The bundle of an event as each endpoint shows it, which must be the same."""
    context = who.get(who.room(room, "/context/" + quote(event_id)), limit=100)
    beside = who.messages(room, "b", limit=2)["chunk"][0]["event_id"]
    around = who.get(who.room(room, "/context/" + quote(beside)), limit=1000)
    lists = [[who.event(room, event_id)], [context["event"]],
             who.all_messages(room), who.all_messages(room, "b"),
             around["events_before"] + around["events_after"] + [around["event"]]]
    found = [of(e) for events in lists for e in events if e["event_id"] == event_id]
    assert len(found) == len(lists)
    stripped = [without_age(one) for one in found]
    assert all(one == stripped[0] for one in stripped), stripped
    return found[0]


def without_age(value):
    if isinstance(value, dict):
        return {k: without_age(v) for k, v in value.items() if k != "age"}
    return [without_age(v) for v in value] if isinstance(value, list) else value


def children(who, room, event_id, *tail, expect=200, **query):
    query = {"from" if k == "from_" else k: v for k, v in query.items()}
    path = "".join("/" + quote(part) for part in (event_id, *tail))
    return who.get(f"{V1}/rooms/{quote(room)}/relations{path}", expect=expect, **query)


def threads(who, room, expect=200, **query):
    query = {"from" if k == "from_" else k: v for k, v in query.items()}
    return who.get(f"{V1}/rooms/{quote(room)}/threads", expect=expect, **query)


def ids(events):
    return [e["event_id"] for e in events]


def all_pages(ask, **query):
    """Every event that ask gives, page by page."""
    got, token = [], None
    while True:
        page = ask(from_=token, **query)
        got += ids(page["chunk"])
        token = page.get("next_batch")
        if token is None:
            return got


def newest(who, room, edits):
    """The most recent of some events: of those of one millisecond, that of the largest id."""
    return max(edits, key=lambda e: (who.event(room, e)["origin_server_ts"], e))


def push_out_of_the_tail(who, room):
    """More events than the server keeps of a room in memory."""
    for n in range(70):
        who.send(room, f"filler {n}")


@pytest.fixture
def pair(ann, ben, room):
    """ann and ben in a room of ann's."""
    ben.join(room)
    return room


# --- edits -----------------------------------------------------------------


def test_the_newest_edit_is_shown_with_the_event(ann, room):
    said = ann.send(room, "one")
    texts = {edit(ann, room, said, text): text for text in ("two", "three")}
    last = newest(ann, room, texts)
    shown = everywhere(ann, room, said)
    assert list(shown) == ["m.replace"]
    shown = shown["m.replace"]
    assert shown["event_id"] == last and shown["room_id"] == room
    assert shown["sender"] == ann.user_id and shown["type"] == "m.room.message"
    assert shown["content"]["m.new_content"]["body"] == texts[last]
    assert isinstance(shown["origin_server_ts"], int)


def test_the_content_of_an_edited_event_is_left_as_it_was(ann, room):
    said = ann.send(room, "one")
    edit(ann, room, said, "two")
    assert ann.event(room, said)["content"]["body"] == "one"


def test_an_edit_is_by_the_same_sender(ann, ben, pair):
    said = ann.send(pair, "one")
    edit(ben, pair, said, "two")
    assert everywhere(ann, pair, said) == {}
    own = edit(ann, pair, said, "three")
    edit(ben, pair, said, "four")
    assert everywhere(ben, pair, said)["m.replace"]["event_id"] == own


def test_an_edit_is_of_the_same_type(ann, room):
    said = ann.send(room, "one")
    edit(ann, room, said, "two", kind="m.sticker")
    assert everywhere(ann, room, said) == {}


def test_a_state_event_is_no_edit_and_is_not_edited(ann, room):
    said = ann.send(room, {"body": "x"}, kind="org.example.a")
    ann.set_state(room, "org.example.a", {"m.new_content": {}, **relates(said, "m.replace")})
    assert everywhere(ann, room, said) == {}
    topic = ann.set_state(room, "m.room.topic", {"topic": "one"})
    edit(ann, room, topic, "two", kind="m.room.topic")
    relate(ann, room, topic, "m.thread")
    assert everywhere(ann, room, topic) == {}


def test_an_edit_is_not_edited(ann, room):
    said = ann.send(room, "one")
    edited = edit(ann, room, said, "two")
    edit(ann, room, edited, "three")
    assert everywhere(ann, room, edited) == {}
    assert everywhere(ann, room, said)["m.replace"]["event_id"] == edited


@pytest.mark.parametrize("new_content", [None, 5, "x", [], True])
def test_an_edit_says_what_is_new(ann, room, new_content):
    said = ann.send(room, "one")
    good = edit(ann, room, said, "two")
    content = {"body": "* x", "m.new_content": new_content, **relates(said, "m.replace")}
    if new_content is None:
        del content["m.new_content"]
    ann.send(room, content)
    assert everywhere(ann, room, said)["m.replace"]["event_id"] == good


def test_an_encrypted_edit_says_what_is_new_where_the_server_cannot_see_it(ann, room):
    content = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x"}
    said = ann.send(room, content, kind="m.room.encrypted")
    edited = ann.send(room, {**content, **relates(said, "m.replace")}, kind="m.room.encrypted")
    assert everywhere(ann, room, said)["m.replace"]["event_id"] == edited


def test_a_redacted_edit_is_gone_at_once_and_the_one_before_is_back(ann, room):
    said = ann.send(room, "one")
    edits = [edit(ann, room, said, "two"), edit(ann, room, said, "three")]
    second = newest(ann, room, edits)
    edits.remove(second)
    assert everywhere(ann, room, said)["m.replace"]["event_id"] == second
    ann.redact(room, second)
    assert everywhere(ann, room, said)["m.replace"]["event_id"] == edits[0]
    ann.redact(room, edits[0])
    assert everywhere(ann, room, said) == {}


def test_a_redacted_event_is_shown_with_no_edit(ann, room):
    said = ann.send(room, "one")
    edited = edit(ann, room, said, "two")
    said_about = relate(ann, room, said, "m.reference")
    ann.redact(room, said)
    shown = everywhere(ann, room, said)
    assert shown == {"m.reference": {"chunk": [{"event_id": said_about}]}}
    assert ann.event(room, edited)["content"]["body"] == "* two"
    push_out_of_the_tail(ann, room)
    assert everywhere(ann, room, said) == shown


def test_an_event_in_another_room_is_not_edited(ann, room):
    other = ann.create_room()
    said = ann.send(other, "one")
    edit(ann, room, said, "two")
    assert everywhere(ann, other, said) == {}


# --- references, annotations, other kinds ----------------------------------


def test_what_refers_to_an_event_is_shown_with_it(ann, ben, pair):
    said = ann.send(pair, "one")
    refers = [relate(who, pair, said, "m.reference") for who in (ann, ben, ann)]
    assert everywhere(ben, pair, said) == {
        "m.reference": {"chunk": [{"event_id": event} for event in refers]}}
    ben.redact(pair, refers[1])
    del refers[1]
    assert everywhere(ben, pair, said) == {
        "m.reference": {"chunk": [{"event_id": event} for event in refers]}}


def test_annotations_and_unknown_kinds_are_not_shown_with_the_event(ann, room):
    said = ann.send(room, "one")
    react(ann, room, said)
    relate(ann, room, said, "org.example.kind")
    assert everywhere(ann, room, said) == {}


def test_all_kinds_are_shown_beside_each_other(ann, room):
    said = ann.send(room, "one")
    edit(ann, room, said, "two")
    relate(ann, room, said, "m.reference")
    relate(ann, room, said, "m.thread")
    assert set(everywhere(ann, room, said)) == {"m.reference", "m.replace", "m.thread"}


def test_the_stream_of_2015_is_without_them(own, ann, room):
    before = ann.now([room])
    said = ann.send(room, "one")
    relate(ann, room, said, "m.reference")
    heard, _ = ann.drain(before, [room])
    assert ids(heard)[0] == said and of(heard[0]) == {}


def sync(who, room, since=None, limit=10):
    """The room's timeline in an answer of /sync, and where to go on."""
    filter = {"room": {"timeline": {"limit": limit, "not_types": ["m.room.member"]}}}
    got = who.get("/sync", since=since, filter=json.dumps(filter))
    return got["rooms"]["join"][room]["timeline"], got["next_batch"]


def test_a_limited_timeline_of_sync_has_them(ann, room):
    said = ann.send(room, "one")
    _, since = sync(ann, room)
    edited = edit(ann, room, said, "two")
    child = relate(ann, room, said, "m.thread")
    timeline, _ = sync(ann, room, limit=3)
    assert timeline["limited"] and ids(timeline["events"]) == [said, edited, child]
    shown = of(timeline["events"][0])
    assert shown["m.replace"]["event_id"] == edited and "room_id" not in shown["m.replace"]
    assert shown["m.thread"]["latest_event"]["event_id"] == child
    timeline, _ = sync(ann, room, since, limit=3)
    assert not timeline["limited"] and ids(timeline["events"]) == [edited, child]
    ann.redact(room, edited)
    timeline, _ = sync(ann, room, limit=4)
    assert set(of(timeline["events"][0])) == {"m.thread"}


def test_a_timeline_of_sync_that_is_whole_has_none(ann, room):
    _, since = sync(ann, room)
    said = ann.send(room, "one")
    child = relate(ann, room, said, "m.reference")
    timeline, _ = sync(ann, room, since)
    assert not timeline["limited"] and ids(timeline["events"]) == [said, child]
    assert of(timeline["events"][0]) == {}
    timeline, _ = sync(ann, room, since, limit=1)
    assert timeline["limited"] and ids(timeline["events"]) == [child]


# --- annotations twice -----------------------------------------------------


TWICE = (400, "M_DUPLICATE_ANNOTATION")


def test_nobody_annotates_twice_alike(ann, ben, pair):
    said, other = ann.send(pair, "one"), ann.send(pair, "two")
    react(ann, pair, said)
    react(ann, pair, said, expect=TWICE)
    react(ann, pair, said, key="-1")
    react(ann, pair, said, kind="org.example.reaction")
    react(ann, pair, other)
    react(ben, pair, said)
    react(ben, pair, said, expect=TWICE)


def test_an_annotation_that_was_redacted_may_be_said_again(ann, room):
    said = ann.send(room, "one")
    for _ in range(3):
        event = react(ann, room, said)
        react(ann, room, said, expect=TWICE)
        ann.redact(room, event)
    react(ann, room, said)


def test_an_old_annotation_is_remembered(ann, room):
    said = ann.send(room, "one")
    event = react(ann, room, said)
    push_out_of_the_tail(ann, room)
    react(ann, room, said, expect=TWICE)
    ann.redact(room, event)
    react(ann, room, said)


def test_the_same_transaction_is_no_second_annotation(ann, room):
    said = ann.send(room, "one")
    assert react(ann, room, said, txn="t") == react(ann, room, said, txn="t")
    react(ann, room, said, txn="u", expect=TWICE)


def test_of_annotations_at_the_same_moment_one_is_taken(ann, room):
    said = ann.send(room, "one")
    got = in_threads([lambda: ann.reply("POST", ann.room(room, "/send/m.reaction"),
                                        relates(said, "m.annotation", key="+1"))] * 8)
    assert sorted(reply.status for reply in got) == [200] + [400] * 7
    assert len(children(ann, room, said)["chunk"]) == 1


def test_an_annotation_without_a_key_is_no_second_one(ann, room):
    said = ann.send(room, "one")
    for _ in range(2):
        ann.send(room, relates(said, "m.annotation"), kind="m.reaction")
        ann.send(room, relates(said, "m.annotation", key=5), kind="m.reaction")
        ann.send(room, relates(said, "m.reference", key="+1"), kind="m.reaction")


# --- threads ---------------------------------------------------------------


def test_a_thread_is_summed_up_with_its_root(ann, ben, pair):
    root = ann.send(pair, "root")
    relate(ben, pair, root, "m.thread", "one")
    last = relate(ben, pair, root, "m.thread", "two")
    thread = everywhere(ann, pair, root)["m.thread"]
    assert thread["count"] == 2 and thread["current_user_participated"] is True
    latest = thread["latest_event"]
    assert latest["event_id"] == last and latest["content"]["body"] == "two"
    assert latest["sender"] == ben.user_id and latest["type"] == "m.room.message"
    assert latest["room_id"] == pair and "origin_server_ts" in latest


def test_who_takes_part_in_a_thread_is_told_so(ann, ben, cat, pair):
    cat.join(pair)
    root = ann.send(pair, "root")
    relate(ann, pair, root, "m.thread")
    said = relate(cat, pair, root, "m.thread")

    def takes_part(who):
        return everywhere(who, pair, root)["m.thread"]["current_user_participated"]

    assert [takes_part(who) for who in (ann, ben, cat)] == [True, False, True]
    relate(ben, pair, root, "m.thread")
    cat.redact(pair, said)
    assert [takes_part(who) for who in (ann, ben, cat)] == [True, True, False]


def test_the_latest_of_a_thread_has_its_own_edit(ann, room):
    root = ann.send(room, "root")
    said = relate(ann, room, root, "m.thread", "one")
    edited = edit(ann, room, said, "two")
    refers = relate(ann, room, said, "m.reference")
    latest = everywhere(ann, room, root)["m.thread"]["latest_event"]
    assert latest["event_id"] == said
    assert of(latest)["m.replace"]["event_id"] == edited
    assert of(latest)["m.reference"] == {"chunk": [{"event_id": refers}]}
    ann.redact(room, edited)
    latest = everywhere(ann, room, root)["m.thread"]["latest_event"]
    assert "m.replace" not in of(latest)


def test_what_is_redacted_leaves_the_thread_at_once(ann, room):
    root = ann.send(room, "root")
    said = [relate(ann, room, root, "m.thread", str(n)) for n in range(3)]
    for left in (2, 1, 0):
        ann.redact(room, said[left])
        thread = everywhere(ann, room, root).get("m.thread")
        if left == 0:
            assert thread is None
        else:
            assert thread["count"] == left
            assert thread["latest_event"]["event_id"] == said[left - 1]


def test_a_thread_outlives_its_root(ann, room):
    root = ann.send(room, "root")
    relate(ann, room, root, "m.thread", "one")
    ann.redact(room, root)
    assert everywhere(ann, room, root)["m.thread"]["count"] == 1


def test_old_threads_are_shown_as_new_ones_are(ann, room):
    root = ann.send(room, "root")
    last = relate(ann, room, root, "m.thread", "one")
    fresh = everywhere(ann, room, root)
    push_out_of_the_tail(ann, room)
    assert without_age(everywhere(ann, room, root)) == without_age(fresh)
    ann.redact(room, last)
    assert everywhere(ann, room, root) == {}


@pytest.mark.parametrize("kind", ["m.thread", "m.replace", "m.annotation", "org.example.kind"])
def test_no_thread_begins_at_a_child(ann, room, kind):
    root = ann.send(room, "root")
    child = relate(ann, room, root, kind)
    got = ann.send(room, {"body": "x", **relates(child, "m.thread")}, expect=400)
    assert got["errcode"] == "M_UNKNOWN"
    assert everywhere(ann, room, child) == {}


def test_who_is_not_in_the_room_learns_nothing_of_its_events(ann, ben, closed):
    root = ann.send(closed, "root")
    child = relate(ann, closed, root, "m.thread")
    for parent in (root, child, "$" + "A" * 43):
        ben.send(closed, relates(parent, "m.thread"), expect=NO_RIGHT)


def test_a_thread_begins_at_a_reply_or_at_what_is_a_child_no_more(ann, room):
    root = ann.send(room, "root")
    reply = ann.send(room, {"body": "x", "m.relates_to": {"m.in_reply_to": {"event_id": root}}})
    relate(ann, room, reply, "m.thread")
    assert everywhere(ann, room, reply)["m.thread"]["count"] == 1
    child = relate(ann, room, root, "m.reference")
    ann.redact(room, child)
    relate(ann, room, child, "m.thread")
    assert everywhere(ann, room, child)["m.thread"]["count"] == 1


def test_a_fallback_changes_nothing_of_a_thread(ann, room):
    root = ann.send(room, "root")
    relate(ann, room, root, "m.thread", is_falling_back=True,
           **{"m.in_reply_to": {"event_id": root}})
    assert everywhere(ann, room, root)["m.thread"]["count"] == 1


# --- who sees what ---------------------------------------------------------


def test_children_that_one_may_not_see_are_neither_counted_nor_shown(ann, ben):
    room = ann.public_room("joined")
    ben.join(room)
    root = ann.send(room, "root")
    first = relate(ann, room, root, "m.thread", "first")
    refers = relate(ann, room, root, "m.reference")
    ben.leave(room)
    hidden = [relate(ann, room, root, "m.thread", "hidden"),
              relate(ann, room, root, "m.reference"), edit(ann, room, root, "hidden")]
    shown = everywhere(ann, room, root)
    assert shown["m.thread"]["count"] == 2
    assert shown["m.replace"]["event_id"] == hidden[2]
    shown = of(ben.event(room, root))
    assert shown["m.thread"]["count"] == 1
    assert shown["m.thread"]["latest_event"]["event_id"] == first
    assert shown["m.reference"] == {"chunk": [{"event_id": refers}]}
    assert "m.replace" not in shown
    assert not set(hidden) & set(ids(children(ben, room, root)["chunk"]))
    ben.join(room)
    last = relate(ann, room, root, "m.thread", "last")
    shown = everywhere(ben, room, root)
    assert shown["m.thread"]["count"] == 2
    assert shown["m.thread"]["latest_event"]["event_id"] == last
    assert everywhere(ann, room, root)["m.thread"]["count"] == 3


def test_a_thread_of_which_nothing_may_be_seen_is_not_shown(ann, ben):
    room = ann.public_room("joined")
    ben.join(room)
    root = ann.send(room, "root")
    ben.leave(room)
    relate(ann, room, root, "m.thread")
    assert of(ben.event(room, root)) == {}
    assert threads(ben, room)["chunk"] == []
    assert ids(threads(ann, room)["chunk"]) == [root]


def test_a_guest_sees_the_children_of_an_open_room(ann, guest, hall):
    root = ann.send(hall, "root")
    child = relate(ann, hall, root, "m.thread")
    thread = everywhere(guest, hall, root)["m.thread"]
    assert thread["count"] == 1 and thread["current_user_participated"] is False
    assert ids(children(guest, hall, root)["chunk"]) == [child]


def test_who_joins_later_counts_what_was_shared(ann, ben):
    room = ann.public_room("shared")
    root = ann.send(room, "root")
    relate(ann, room, root, "m.thread")
    ben.join(room)
    relate(ann, room, root, "m.thread")
    assert everywhere(ben, room, root)["m.thread"]["count"] == 2


def ignore(who, *users):
    who.put(f"/user/{quote(who.user_id)}/account_data/m.ignored_user_list",
            {"ignored_users": {user.user_id: {} for user in users}})


def test_children_by_whom_one_ignores_are_left_out(ann, ben, pair):
    root = ann.send(pair, "root")
    mine = relate(ann, pair, root, "m.thread")
    relate(ben, pair, root, "m.thread")
    relate(ben, pair, root, "m.reference")
    ignore(ann, ben)
    shown = everywhere(ann, pair, root)
    assert shown["m.thread"]["count"] == 1 and set(shown) == {"m.thread"}
    assert shown["m.thread"]["latest_event"]["event_id"] == mine
    timeline, _ = sync(ann, pair, limit=2)
    assert timeline["limited"] and of(timeline["events"][0])["m.thread"]["count"] == 1
    assert everywhere(ben, pair, root)["m.thread"]["count"] == 2
    ignore(ann)
    assert everywhere(ann, pair, root)["m.thread"]["count"] == 2


def test_a_thread_of_whom_one_ignores_has_a_redacted_root(ann, ben, pair):
    root = ben.send(pair, "root")
    relate(ann, pair, root, "m.thread")
    ignore(ann, ben)
    got = threads(ann, pair)["chunk"]
    assert ids(got) == [root] and got[0]["content"] == {}
    assert of(got[0])["m.thread"]["count"] == 1
    assert threads(ben, pair)["chunk"][0]["content"]["body"] == "root"


# --- lists of children -----------------------------------------------------


@pytest.fixture
def family(ann, ben, pair):
    """A parent of ann's and its six children, oldest first."""
    parent = ann.send(pair, "parent")
    kinds = ["m.thread", "m.reference", "m.thread", "m.reference", "m.thread", "m.reference"]
    return parent, [relate(ben, pair, parent, kind, str(n)) for n, kind in enumerate(kinds)]


def test_the_children_of_an_event_come_newest_first(ann, pair, family):
    parent, born = family
    got = children(ann, pair, parent)
    assert ids(got["chunk"]) == born[::-1]
    assert not {"next_batch", "prev_batch", "recursion_depth"} & set(got)
    assert got["chunk"][0]["content"]["body"] == "5"


def test_the_older_path_gives_the_same(own, ann, pair, family):
    parent, born = family
    path = f"/_matrix/client/unstable/rooms/{quote(pair)}/relations/{quote(parent)}"
    assert ids(ann.get(path)["chunk"]) == born[::-1]


def test_children_of_one_kind_and_of_one_type(ann, pair, family):
    parent, born = family
    other = relate(ann, pair, parent, "m.thread", kind="org.example.a")
    assert ids(children(ann, pair, parent, "m.thread")["chunk"]) == [other, *born[4::-2]]
    assert ids(children(ann, pair, parent, "m.reference")["chunk"]) == born[5::-2]
    assert ids(children(ann, pair, parent, "m.thread", "m.room.message")["chunk"]) == born[4::-2]
    assert ids(children(ann, pair, parent, "m.thread", "org.example.a")["chunk"]) == [other]
    assert children(ann, pair, parent, "m.thread", "org.example.b")["chunk"] == []
    assert children(ann, pair, parent, "m.annotation")["chunk"] == []


@pytest.mark.parametrize("dir", ["b", "f"])
@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
@pytest.mark.parametrize("tail", [(), ("m.thread",)])
def test_pages_of_children_give_everything_once_in_order(ann, pair, family, dir, limit, tail):
    parent, born = family
    wanted = born[::2] if tail else born
    got = all_pages(lambda **query: children(ann, pair, parent, *tail, **query),
                    dir=dir, limit=limit)
    assert got == (wanted[::-1] if dir == "b" else wanted)


def test_a_page_goes_to_and_fro(ann, pair, family):
    parent, born = family
    first = children(ann, pair, parent, limit=2)
    assert ids(first["chunk"]) == born[:3:-1] and "prev_batch" not in first
    second = children(ann, pair, parent, limit=2, from_=first["next_batch"])
    assert ids(second["chunk"]) == born[3:1:-1]
    back = children(ann, pair, parent, dir="f", from_=second["prev_batch"])
    assert ids(back["chunk"]) == born[4:]
    again = children(ann, pair, parent, dir="f", from_=second["next_batch"], limit=2)
    assert ids(again["chunk"]) == born[2:4]


def test_a_list_ends_at_to(ann, pair, family):
    parent, born = family
    first = children(ann, pair, parent, limit=2)
    second = children(ann, pair, parent, limit=2, from_=first["next_batch"])
    assert ids(children(ann, pair, parent, to=second["next_batch"])["chunk"]) == born[:1:-1]
    assert children(ann, pair, parent, from_=second["next_batch"],
                    to=first["next_batch"])["chunk"] == []


def test_tokens_of_messages_and_of_the_stream_are_taken(ann, pair, family):
    parent, born = family
    place = ann.messages(pair, "b", limit=2)["end"]
    assert ids(children(ann, pair, parent, from_=place)["chunk"]) == born[3::-1]
    start = ann.messages(pair, "b", from_=place, limit=1)["start"]
    assert ids(children(ann, pair, parent, from_=start)["chunk"]) == born[3::-1]
    position = ann.now([pair])
    later = relate(ann, pair, parent, "m.thread")
    assert ids(children(ann, pair, parent, from_=position)["chunk"]) == born[::-1]
    assert ids(children(ann, pair, parent, dir="f", from_=position)["chunk"]) == [later]
    assert ids(children(ann, pair, parent, to=position)["chunk"]) == [later]


def test_children_are_listed_with_their_own_children(ann, room):
    parent = ann.send(room, "parent")
    child = relate(ann, room, parent, "m.thread")
    edited = edit(ann, room, child, "two")
    got = children(ann, room, parent)["chunk"]
    assert of(got[0])["m.replace"]["event_id"] == edited


def test_a_redacted_child_is_listed_no_more(ann, ben, pair, family):
    parent, born = family
    ben.redact(pair, born[5])
    assert ids(children(ann, pair, parent)["chunk"]) == born[4::-1]


def test_the_children_of_a_redacted_event_stay(ann, pair, family):
    parent, born = family
    ann.redact(pair, parent)
    assert ids(children(ann, pair, parent)["chunk"]) == born[::-1]


def test_replies_alone_are_no_children(ann, room):
    said = ann.send(room, "one")
    ann.send(room, {"body": "x", "m.relates_to": {"m.in_reply_to": {"event_id": said}}})
    assert children(ann, room, said)["chunk"] == []


def test_children_of_children_come_when_they_are_asked_for(ann, room):
    parent = ann.send(room, "parent")
    line = [relate(ann, room, parent, "m.thread")]
    for _ in range(4):
        line.append(relate(ann, room, line[-1], "m.reference"))
    assert ids(children(ann, room, parent)["chunk"]) == line[:1]
    got = children(ann, room, parent, recurse="false")
    assert ids(got["chunk"]) == line[:1] and isinstance(got["recursion_depth"], int)
    got = children(ann, room, parent, recurse="true")
    depth = got["recursion_depth"]
    assert depth >= 3 and ids(got["chunk"]) == line[depth - 1::-1]
    assert all_pages(lambda **query: children(ann, room, parent, **query), recurse="true",
                     limit=1, dir="f") == line[:depth]


def test_the_way_to_a_child_of_a_child_is_of_the_kind_asked_for(ann, room):
    parent = ann.send(room, "parent")
    child = relate(ann, room, parent, "m.thread")
    relate(ann, room, child, "m.reference")
    reference = relate(ann, room, parent, "m.reference")
    below = relate(ann, room, reference, "m.reference")
    got = children(ann, room, parent, "m.reference", recurse="true")
    assert ids(got["chunk"]) == [below, reference]
    got = children(ann, room, parent, "m.reference", "org.example.a", recurse="true")
    assert got["chunk"] == []


@pytest.mark.parametrize("query", [
    {"dir": "x"}, {"limit": "many"}, {"limit": -1}, {"from_": "nonsense"}, {"to": "nonsense"},
    {"recurse": "maybe"}])
def test_a_bad_parameter_of_relations_is_400(own, ann, pair, family, query):
    children(ann, pair, family[0], expect=BAD, **query)


def test_a_limit_beyond_measure_is_cut(ann, pair, family):
    assert len(children(ann, pair, family[0], limit=10**12)["chunk"]) == 6


def test_children_of_what_may_not_be_seen_are_404(ann, ben, room):
    said = ann.send(room, "one")
    children(ben, room, said, expect=NOT_THERE)
    children(ann, room, "$nosuchevent", expect=NOT_THERE)
    children(ann, "!nosuchroom:localhost", said, expect=NOT_THERE)
    other = ann.create_room()
    children(ann, other, said, expect=NOT_THERE)
    ben.join(room)
    assert children(ben, room, said)["chunk"] == []


def test_relations_need_a_token(api, ann, room):
    said = ann.send(room, "one")
    children(api, room, said, expect=(401, "M_MISSING_TOKEN"))


# --- threads of a room -----------------------------------------------------


def test_threads_are_ordered_by_their_latest(ann, room):
    first, second, third = (ann.send(room, f"root {n}") for n in range(3))
    for root in (first, second, third, first):
        last = relate(ann, room, root, "m.thread")
    got = threads(ann, room)
    assert ids(got["chunk"]) == [first, third, second] and "next_batch" not in got
    assert of(got["chunk"][0])["m.thread"]["latest_event"]["event_id"] == last
    assert of(got["chunk"][0])["m.thread"]["count"] == 2
    ann.redact(room, last)
    assert ids(threads(ann, room)["chunk"]) == [third, second, first]


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_of_threads_give_each_once(ann, room, limit):
    roots = [ann.send(room, f"root {n}") for n in range(5)]
    for root in [*roots, *roots[::-1], roots[0]]:
        relate(ann, room, root, "m.thread")
    assert all_pages(lambda **query: threads(ann, room, **query), limit=limit) == roots


def test_a_thread_that_moves_while_pages_are_turned_is_not_lost_behind(ann, room):
    roots = [ann.send(room, f"root {n}") for n in range(3)]
    for root in roots:
        relate(ann, room, root, "m.thread")
    page = threads(ann, room, limit=1)
    assert ids(page["chunk"]) == [roots[2]]
    relate(ann, room, roots[0], "m.thread")
    rest = threads(ann, room, from_=page["next_batch"])
    assert ids(rest["chunk"]) == [roots[1]]
    assert ids(threads(ann, room)["chunk"]) == [roots[0], roots[2], roots[1]]


def test_threads_in_which_one_takes_part(ann, ben, pair):
    anns, bens, both = ann.send(pair, "a"), ben.send(pair, "b"), ann.send(pair, "c")
    relate(ann, pair, anns, "m.thread")
    relate(ann, pair, bens, "m.thread")
    relate(ben, pair, both, "m.thread")
    assert ids(threads(ben, pair, include="all")["chunk"]) == [both, bens, anns]
    assert ids(threads(ben, pair, include="participated")["chunk"]) == [both, bens]
    assert ids(threads(ann, pair, include="participated")["chunk"]) == [both, bens, anns]
    assert all_pages(lambda **query: threads(ben, pair, **query), limit=1,
                     include="participated") == [both, bens]


def test_only_roots_are_threads(ann, room):
    said = ann.send(room, "one")
    edit(ann, room, said, "two")
    react(ann, room, said)
    relate(ann, room, said, "m.reference")
    relate(ann, room, "$nosuchevent", "m.thread")
    relate(ann, room, ann.send(ann.create_room(), "elsewhere"), "m.thread")
    assert threads(ann, room) == {"chunk": []}
    topic = ann.set_state(room, "m.room.topic", {"topic": "x"})
    relate(ann, room, topic, "m.thread")
    ann.redact(room, said)
    relate(ann, room, said, "m.thread")
    assert ids(threads(ann, room)["chunk"]) == [said, topic]


@pytest.mark.parametrize("query", [
    {"from_": "nonsense"}, {"include": "some"}, {"limit": 0}, {"limit": -1}, {"limit": "many"}])
def test_a_bad_parameter_of_threads_is_400(own, ann, room, query):
    threads(ann, room, expect=BAD, **query)


def test_threads_are_for_who_may_see_the_room(ann, ben, guest, room, hall):
    threads(ben, room, expect=NO_RIGHT)
    threads(ann, "!nosuchroom:localhost", expect=NO_RIGHT)
    root = ann.send(hall, "root")
    relate(ann, hall, root, "m.thread")
    assert ids(threads(ben, hall)["chunk"]) == [root]
    threads(guest, hall, expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


# --- filters ---------------------------------------------------------------


def test_messages_with_children_of_a_kind_or_by_a_sender(ann, ben, pair):
    root, said, other = (ann.send(pair, text) for text in ("root", "said", "other"))
    relate(ben, pair, root, "m.thread")
    relate(ann, pair, said, "m.thread")
    relate(ben, pair, said, "m.reference")

    def kept(**filter):
        got = ann.messages(pair, "f", limit=100, filter=json.dumps(filter))["chunk"]
        return ids(got)

    assert kept(related_by_rel_types=["m.thread"]) == [root, said]
    assert kept(related_by_senders=[ben.user_id]) == [root, said]
    assert kept(related_by_senders=[ben.user_id], related_by_rel_types=["m.thread"]) == [root]
    assert kept(related_by_rel_types=["m.reference", "m.replace"]) == [said]
    assert kept(related_by_rel_types=[]) == kept(related_by_senders=[]) == []
    assert kept(related_by_rel_types=["m.thread"], not_types=["m.room.message"]) == []
    push_out_of_the_tail(ann, pair)
    assert kept(related_by_rel_types=["m.thread"]) == [root, said]


def test_sync_takes_the_filter_too(ann, room):
    root = ann.send(room, "root")
    relate(ann, room, root, "m.thread")
    filter = {"room": {"timeline": {"related_by_rel_types": ["m.thread"]}}}
    got = ann.get("/sync", filter=json.dumps(filter))
    assert ids(got["rooms"]["join"][room]["timeline"]["events"]) == [root]


@pytest.mark.parametrize("filter", [
    {"related_by_senders": "x"}, {"related_by_senders": ["x"]}, {"related_by_rel_types": [5]}])
def test_a_bad_filter_of_relations_is_400(own, ann, room, filter):
    ann.messages(room, filter=json.dumps(filter), expect=BAD)


# --- what clients should not send ------------------------------------------


SHAPES = [None, True, 0, -1, "", "x", [], {}, [{}], {"event_id": "PARENT"},
          {"rel_type": "m.thread"}, {"rel_type": None, "event_id": "PARENT"},
          {"rel_type": 5, "event_id": "PARENT"}, {"rel_type": "", "event_id": "PARENT"},
          {"rel_type": ["m.thread"], "event_id": "PARENT"},
          {"rel_type": {"m.thread": 1}, "event_id": "PARENT"},
          {"rel_type": "m.thread\0", "event_id": "PARENT"},
          {"rel_type": "x" * 256, "event_id": "PARENT"},
          {"rel_type": "m.thread", "event_id": None}, {"rel_type": "m.thread", "event_id": 5},
          {"rel_type": "m.thread", "event_id": ""}, {"rel_type": "m.thread", "event_id": "$"},
          {"rel_type": "m.thread", "event_id": "PARENT\0"},
          {"rel_type": "m.thread", "event_id": "PARENT "},
          {"rel_type": "m.thread", "event_id": "x" * 300},
          {"rel_type": "m.thread", "event_id": "$" + "x" * 60000},
          {"rel_type": "m.thread", "event_id": ["PARENT"]},
          {"rel_type": "m.thread", "event_id": {"event_id": "PARENT"}},
          {"m.in_reply_to": 5}, {"m.in_reply_to": {"event_id": "PARENT"}}]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda v: json.dumps(v)[:50])
def test_a_relation_of_no_shape_is_none(ann, room, shape):
    parent = ann.send(room, "one")
    shape = json.loads(json.dumps(shape).replace("PARENT", parent))
    sent = ann.send(room, {"body": "x", "m.relates_to": shape})
    assert ann.event(room, sent)["content"]["m.relates_to"] == shape
    assert everywhere(ann, room, parent) == {}
    assert children(ann, room, parent)["chunk"] == []
    assert threads(ann, room)["chunk"] == []
    ann.redact(room, sent)


@pytest.mark.parametrize("kind", ["x" * 255, "A kind of 🦊", "'; DROP TABLE relations; --", "%"])
def test_a_kind_may_be_any_word(ann, room, kind):
    parent = ann.send(room, "one")
    child = relate(ann, room, parent, kind)
    assert ids(children(ann, room, parent, kind)["chunk"]) == [child]
    assert everywhere(ann, room, parent) == {}


def test_a_key_may_be_as_long_as_an_event(ann, room):
    parent = ann.send(room, "one")
    react(ann, room, parent, key="🦊" * 15000)
    react(ann, room, parent, key="🦊" * 15000, expect=TWICE)
    react(ann, room, parent, key="🦊" * 14999)


@pytest.mark.parametrize("version", ["1", "3", "10", "11"])
def test_every_room_version_has_relations(own, ann, version):
    room = ann.create_room(room_version=version)
    root = ann.send(room, "root")
    child = relate(ann, room, root, "m.thread")
    edited = edit(ann, room, root, "two")
    refers = relate(ann, room, root, "m.reference")
    shown = everywhere(ann, room, root)
    assert shown["m.thread"]["latest_event"]["event_id"] == child
    assert shown["m.replace"]["event_id"] == edited
    assert shown["m.reference"]["chunk"] == [{"event_id": refers}]
    assert ids(children(ann, room, root, recurse="true")["chunk"]) == [refers, edited, child]
    assert ids(threads(ann, room)["chunk"]) == [root]
    ann.redact(room, child)
    assert threads(ann, room)["chunk"] == []


def test_relations_are_there_after_a_restart(private):
    server = private()
    ann = server.api.register()
    room = ann.create_room()
    root = ann.send(room, "root")
    relate(ann, room, root, "m.thread")
    event = react(ann, room, root)
    before = everywhere(ann, room, root)
    server.restart()
    assert without_age(everywhere(ann, room, root)) == without_age(before)
    react(ann, room, root, expect=TWICE)
    ann.redact(room, event)
    react(ann, room, root)


# What the migrations from 5 on have made, taken back.
TO_VERSION_4 = """
DROP TABLE relations; DROP TABLE relations_fill;
DROP TABLE push_rules; DROP TABLE unread_threads; DROP TABLE unread_thread_ends;
DROP TABLE unread_redacted; DROP TABLE unread_marks; DROP TABLE unread_rows;
DROP TABLE unread_modes;
ALTER TABLE events DROP COLUMN notified; ALTER TABLE events DROP COLUMN loud;
DROP TABLE presence; DROP TABLE presence_lists; DROP TABLE user_words;
DROP TABLE user_words_filled;
DROP TABLE media; DROP TABLE media_quarantined; DROP TABLE thumbnails; DROP TABLE url_previews;
CREATE INDEX events_redacted_state ON events (room, event)
    WHERE redacted_by IS NOT NULL AND key IS NOT NULL;
ALTER TABLE rooms DROP COLUMN hidden;
DELETE FROM schema_version WHERE version > 4;
"""


def test_a_database_of_before_there_were_relations_gets_them(private):
    server = private()
    ann, ben = server.api.register(), server.api.register()
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    root = ann.send(room, "root")
    child = relate(ben, room, root, "m.thread")
    edit(ben, room, child, "edited")
    reaction = react(ann, room, child)
    relate(ben, room, root, "m.reference")
    ann.redact(room, relate(ann, room, root, "m.thread"))
    before = everywhere(ann, room, root)
    below = children(ann, room, root, recurse="true")["chunk"]
    server.stop()
    with sqlite3.connect(server.folder / "data/parlour.db") as db:
        db.executescript(TO_VERSION_4)
    db.close()
    server.start()
    server.until_logged("relations: those of all events have been read")
    assert without_age(everywhere(ann, room, root)) == without_age(before)
    assert (without_age(children(ann, room, root, recurse="true")["chunk"]) ==
            without_age(below))
    assert ids(threads(ann, room)["chunk"]) == [root]
    react(ann, room, child, expect=TWICE)
    for event in (child, reaction):
        ann.post(ann.room(room, f"/receipt/m.read/{quote(event)}"), {"thread_id": root})
    ann.redact(room, child)
    assert threads(ann, room)["chunk"] == []
    server.restart()  # nothing is owed any more
    assert server.log.read_text().count("have been read") == 1
