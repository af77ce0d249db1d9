"""What is unread and what was notified about, through GET /notifications and /sync.

Spec: client-server-api/#listing-notifications, #marking-notifications-as-read,
#user-and-room-mentions, #threaded-read-receipts.
"""

import json

import pytest

from lib.client import fresh
from lib.http import quote

HIGHLIGHT = {"set_tweak": "highlight"}
SOUND = {"set_tweak": "sound", "value": "default"}


def listed(client, **query):
    """All pages, newest first."""
    got, token = [], None
    while True:
        page = client.get("/notifications", **{"from": token, **query})
        got += page["notifications"]
        token = page.get("next_token")
        if token is None:
            return got


def ids(client, **query):
    return [n["event"]["event_id"] for n in listed(client, **query)]


def unread(client, **query):
    return [n["event"]["event_id"] for n in listed(client, **query) if not n["read"]]


def mention(client, room, *users, **more):
    names = ", ".join(u.user_id for u in users)
    return client.send(room, {"msgtype": "m.text", "body": f"hey {names}",
                              "m.mentions": {"user_ids": [u.user_id for u in users]}, **more})


def thread(client, room, root, **more):
    return client.send(room, {"msgtype": "m.text", "body": "in a thread", "m.relates_to": {
        "rel_type": "m.thread", "event_id": root}, **more})


def read(client, room, event_id, kind="m.read", **body):
    client.post(client.room(room, f"/receipt/{kind}/{quote(event_id)}"), body)


def rule(client, kind, rule_id, **body):
    client.put(f"/pushrules/global/{kind}/{quote(rule_id)}", {"actions": [], **body})


@pytest.fixture
def both(ann, ben, room):
    """ann's room with ben in it."""
    ben.join(room)
    return room


# --- what is listed ------------------------------------------------------


def test_a_message_is_a_notification(ann, ben, both):
    said = ann.send(both, "hello")
    got = ben.get("/notifications")
    assert set(got) == {"notifications"}
    (one,) = got["notifications"]
    assert one["actions"] == ["notify", SOUND]  # a room of two
    assert one["room_id"] == both and one["read"] is False
    event = one["event"]
    assert event["event_id"] == said and event["content"]["body"] == "hello"
    assert event["sender"] == ann.user_id and event["type"] == "m.room.message"
    assert one["ts"] == event["origin_server_ts"] and "room_id" not in event


def test_what_one_says_oneself_is_none(ann, ben, both):
    ann.send(both)
    assert ids(ann) == []


def test_a_mention_is_highlighted(ann, ben, cat, both):
    cat.join(both)
    plain, named = ann.send(both), mention(ann, both, ben)
    assert ids(ben) == [named, plain] == ids(cat)
    assert ids(ben, only="highlight") == [named] and ids(cat, only="highlight") == []
    assert listed(ben)[0]["actions"] == ["notify", SOUND, HIGHLIGHT]
    assert listed(cat)[0]["actions"] == ["notify"]


def test_who_is_mentioned_twice_is_notified_once(ann, ben, both):
    named = mention(ann, both, ben, ben)
    assert ids(ben) == [named]


def test_a_mention_of_the_room_is_for_those_who_may(ann, ben, cat, both):
    cat.join(both)
    content = {"msgtype": "m.text", "body": "all!", "m.mentions": {"room": True}}
    loud, quiet = ann.send(both, content), ben.send(both, content)
    assert ids(cat, only="highlight") == [loud] and ids(cat) == [quiet, loud]
    assert listed(cat, only="highlight")[0]["actions"] == ["notify", HIGHLIGHT]


@pytest.mark.parametrize("mentions", [
    {"user_ids": "everybody"}, {"user_ids": [5, None, {}]}, [], "x", {"room": "true"},
    {"user_ids": ["not an id", "@x:elsewhere.example", ""]}])
def test_mentions_of_the_wrong_shape_mention_nobody(ann, ben, both, mentions):
    said = ann.send(both, {"msgtype": "m.text", "body": "x", "m.mentions": mentions})
    assert ids(ben) == [said] and ids(ben, only="highlight") == []


def test_a_name_in_the_text_is_no_mention(ann, ben, both):
    ann.send(both, f"{ben.user_id} {ben.local_part} @room")
    assert ids(ben, only="highlight") == []


def test_notices_edits_and_reactions_notify_nobody(ann, ben, both):
    said = ann.send(both)
    ann.send(both, {"msgtype": "m.notice", "body": "x"})
    ann.send(both, {"msgtype": "m.text", "body": "* y", "m.new_content": {
        "msgtype": "m.text", "body": "y"}, "m.relates_to": {
            "rel_type": "m.replace", "event_id": said}})
    ann.send(both, {"m.relates_to": {"rel_type": "m.annotation", "event_id": said,
                                     "key": "x"}}, kind="m.reaction")
    ann.set_state(both, "m.room.topic", {"topic": "x"})
    assert ids(ben) == [said]


def test_an_invitation_is_listed(ann, ben, closed):
    ann.invite(closed, ben.user_id)
    (one,) = listed(ben)
    assert one["event"]["content"]["membership"] == "invite"
    assert one["event"]["state_key"] == ben.user_id and one["room_id"] == closed
    assert one["actions"] == ["notify", SOUND]
    ben.leave(closed)
    assert ids(ben) == []


def test_an_upgrade_highlights_everybody(ann, ben, both):
    ann.post(ann.room(both, "/upgrade"), {"new_version": "11"})
    (one,) = listed(ben, only="highlight")
    assert one["event"]["type"] == "m.room.tombstone"


def test_notifications_of_several_rooms_are_in_one_order(ann, ben):
    rooms = [ann.create_room(preset="public_chat") for _ in range(3)]
    for room in rooms:
        ben.join(room)
    said = [ann.send(rooms[n % 3]) for n in range(9)]
    assert ids(ben) == said[::-1]


def test_pages_follow_one_another(ann, ben, both):
    said = [mention(ann, both, ben) if n % 3 == 0 else ann.send(both) for n in range(10)]
    first = ben.get("/notifications", limit=4)
    assert [n["event"]["event_id"] for n in first["notifications"]] == said[:5:-1]
    late = ann.send(both)
    second = ben.get("/notifications", limit=4, **{"from": first["next_token"]})
    assert [n["event"]["event_id"] for n in second["notifications"]] == said[5:1:-1]
    assert ids(ben, limit=1) == [late, *said[::-1]]
    assert ids(ben, limit=1, only="highlight") == said[::-3]


def test_what_does_not_notify_is_passed_over(ann, ben, both):
    """Far more of it than is looked at for one page."""
    said = ann.send(both)
    for _ in range(520):
        ann.send(both, {"msgtype": "m.notice", "body": "x"})
    page = ben.get("/notifications")
    assert page["notifications"] == [] and "next_token" in page
    assert ids(ben) == [said]


@pytest.mark.parametrize("query", [{"from": "nonsense"}, {"limit": "x"}, {"limit": "-1"}])
def test_arguments_that_are_none_are_400(ann, query):
    ann.get("/notifications", expect=(400, "M_INVALID_PARAM"), **query)


def test_guests_and_strangers_have_none(api, guest):
    guest.get("/notifications", expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    api.get("/notifications", expect=(401, "M_MISSING_TOKEN"))


# --- read and unread -----------------------------------------------------


@pytest.mark.parametrize("kind", ["m.read", "m.read.private"])
def test_a_receipt_reads_up_to_its_event(ann, ben, both, kind):
    said = [ann.send(both) for _ in range(3)]
    read(ben, both, said[1], kind)
    assert unread(ben) == [said[2]]
    assert [n["read"] for n in listed(ben)] == [False, True, True]


def test_the_receipt_that_is_ahead_counts(ann, ben, both):
    said = [ann.send(both) for _ in range(4)]
    read(ben, both, said[2])
    read(ben, both, said[0], "m.read.private")
    assert unread(ben) == [said[3]]
    read(ben, both, said[3], "m.read.private")
    assert unread(ben) == []


def test_who_speaks_has_read(ann, ben, both):
    ann.send(both)
    mention(ann, both, ben)
    ben.send(both)
    assert unread(ben) == []
    after = ann.send(both)
    assert unread(ben) == [after]


def test_receipts_of_threads_read_what_the_specification_says(ann, ben, cat, both):
    cat.join(both)
    a, b = ann.send(both), ann.send(both)
    c, d, e = thread(ann, both, a), thread(ann, both, b), thread(ann, both, a)
    i = ann.send(both)
    read(ben, both, i, thread_id="main")
    assert unread(ben) == [e, d, c]
    read(ben, both, e, thread_id=a)
    assert unread(ben) == [d]
    read(cat, both, d)
    assert unread(cat) == [i, e]


def test_what_relates_to_a_thread_is_in_it(ann, ben, both):
    root = ann.send(both)
    inside = thread(ann, both, root)
    related = ann.send(both, {"msgtype": "m.text", "body": "x", "m.relates_to": {
        "rel_type": "m.reference", "event_id": inside}})
    last = ann.send(both)
    read(ben, both, last, thread_id="main")
    assert unread(ben) == [related, inside]
    read(ben, both, related, thread_id=root)
    assert unread(ben) == []


def test_what_is_redacted_is_listed_no_more(ann, ben, both):
    plain, named = ann.send(both), mention(ann, both, ben)
    ann.redact(both, named)
    assert ids(ben) == [plain] and ids(ben, only="highlight") == []
    ann.redact(both, plain)
    assert ids(ben) == []


def test_leaving_clears_and_coming_back_begins_anew(ann, ben, both):
    mention(ann, both, ben)
    ben.leave(both)
    assert ids(ben) == []
    mention(ann, both, ben)
    ben.join(both)
    assert ids(ben) == []
    named = mention(ann, both, ben)
    assert ids(ben) == [named]


def test_who_joins_late_is_not_told_what_was_said_before(ann, ben, room):
    ann.send(room)
    ben.join(room)
    assert ids(ben) == []


def test_notifications_are_the_same_after_a_restart(private):
    server = private()
    ann, ben = server.api.register(), server.api.register()
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    plain, named = ann.send(room), mention(ann, room, ben)
    read(ben, room, plain)
    server.restart()
    assert ids(ben) == [named, plain] and unread(ben) == [named]
    later = ann.send(room)
    assert unread(ben) == [later, named]


# --- by one's own rules --------------------------------------------------


def test_a_room_that_is_muted_tells_of_mentions_alone(ann, ben, both):
    before = ann.send(both)
    rule(ben, "room", both)
    ann.send(both)
    ann.send(both)
    named = mention(ann, both, ben)
    assert ids(ben) == [named, before]
    ben.delete(f"/pushrules/global/room/{quote(both)}")
    after = ann.send(both)
    assert ids(ben) == [after, named, before]


def test_a_room_is_muted_altogether_by_an_override(ann, ben, both):
    rule(ben, "override", both, conditions=[
        {"kind": "event_match", "key": "room_id", "pattern": both}])
    ann.send(both)
    mention(ann, both, ben)
    assert ids(ben) == []


def test_the_master_rule_silences_everything(ann, ben, both):
    ben.put("/pushrules/global/override/.m.rule.master/enabled", {"enabled": True})
    ann.send(both)
    mention(ann, both, ben)
    assert ids(ben) == []
    ben.put("/pushrules/global/override/.m.rule.master/enabled", {"enabled": False})
    assert ids(ben) == []
    said = ann.send(both)
    assert ids(ben) == [said]


def test_a_sender_is_not_heard(ann, ben, cat, both):
    cat.join(both)
    rule(ben, "sender", cat.user_id)
    cat.send(both)
    said = ann.send(both)
    assert ids(ben) == [said]


def test_a_word_of_ones_own_is_highlighted(ann, ben, both):
    rule(ben, "content", "cake", pattern="c?ke", actions=["notify", HIGHLIGHT])
    said = ann.send(both, "There is CAKE!")
    ann.send(both, "There are cakes")
    assert ids(ben, only="highlight") == [said] and len(ids(ben)) == 2
    assert listed(ben, only="highlight")[0]["actions"] == ["notify", HIGHLIGHT]


def test_rules_count_members(ann, ben, cat, both):
    rule(ben, "override", "crowd", conditions=[{"kind": "room_member_count", "is": ">2"}])
    said = ann.send(both)
    cat.join(both)
    ann.send(both)
    assert ids(ben) == [said]


def test_a_rule_may_ask_for_the_name_in_the_room(ann, ben, both):
    name = fresh("Ben the Great")
    ben.put(f"/profile/{quote(ben.user_id)}/displayname", {"displayname": name})
    rule(ben, "override", "name", conditions=[{"kind": "contains_display_name"}],
         actions=["notify", HIGHLIGHT])
    said = ann.send(both, f"hey {name.upper()}!")
    ann.send(both, f"hey {name}s")
    assert ids(ben, only="highlight") == [said]


def test_messages_that_are_switched_off_are_not_counted(ann, ben, both):
    for rule_id in (".m.rule.message", ".m.rule.room_one_to_one"):
        ben.put(f"/pushrules/global/underride/{rule_id}/actions", {"actions": []})
    ann.send(both)
    named = mention(ann, both, ben)
    assert ids(ben) == [named]


def test_who_is_ignored_notifies_nobody(ann, ben, cat, both):
    cat.join(both)
    ben.put(f"/user/{quote(ben.user_id)}/account_data/m.ignored_user_list",
            {"ignored_users": {cat.user_id: {}}})
    mention(cat, both, ben)
    said = ann.send(both)
    assert ids(ben) == [said]
    ben.put(f"/user/{quote(ben.user_id)}/account_data/m.ignored_user_list",
            {"ignored_users": {}})
    heard = cat.send(both)
    assert ids(ben) == [heard, said]


def test_the_rules_are_account_data_too(ann):
    rule(ann, "content", "cake", pattern="cake")
    where = f"/user/{quote(ann.user_id)}/account_data/m.push_rules"
    assert ann.get(where) == ann.get("/pushrules/")


# --- in /sync ------------------------------------------------------------


def sync(client, since=None, by_thread=False):
    room_filter = {"timeline": {"unread_thread_notifications": by_thread}}
    return client.get("/sync", since=since, timeout=0, filter=json.dumps({"room": room_filter}))


def counts(answer, room):
    """Notifications, highlights; and the same of threads."""
    joined = answer["rooms"]["join"][room]
    pairs = {None: joined["unread_notifications"],
             **joined.get("unread_thread_notifications", {})}
    return {k: (v["notification_count"], v["highlight_count"]) for k, v in pairs.items()}


def test_counts_come_with_the_events_that_they_count(ann, ben, both):
    start = sync(ben)
    assert counts(start, both) == {None: (0, 0)}
    said = mention(ann, both, ben)
    got = sync(ben, start["next_batch"])
    assert got["rooms"]["join"][both]["timeline"]["events"][-1]["event_id"] == said
    assert counts(got, both) == {None: (1, 1)}
    ann.send(both)
    got = sync(ben, got["next_batch"])
    assert counts(got, both) == {None: (2, 1)} == counts(sync(ben), both)


@pytest.mark.parametrize("kind", ["m.read", "m.read.private"])
def test_a_receipt_changes_the_counts(ann, ben, both, kind):
    said = [mention(ann, both, ben), ann.send(both)]
    before = sync(ben)
    assert counts(before, both) == {None: (2, 1)}
    read(ben, both, said[0], kind)
    got = sync(ben, before["next_batch"])
    assert counts(got, both) == {None: (1, 0)}
    read(ben, both, said[1], kind)
    assert counts(sync(ben, got["next_batch"]), both) == {None: (0, 0)}


def test_threads_are_counted_for_whoever_asks(ann, ben, both):
    a, b = ann.send(both), ann.send(both)
    thread(ann, both, a)
    last = thread(ann, both, a, **{"m.mentions": {"user_ids": [ben.user_id]}})
    thread(ann, both, b)
    assert counts(sync(ben), both) == {None: (5, 1)}
    assert counts(sync(ben, by_thread=True), both) == {None: (2, 0), a: (2, 1), b: (1, 0)}
    read(ben, both, last, thread_id=a)
    assert counts(sync(ben), both) == {None: (3, 0)}
    assert counts(sync(ben, by_thread=True), both) == {None: (2, 0), b: (1, 0)}
    read(ben, both, last)
    assert counts(sync(ben, by_thread=True), both) == {None: (0, 0), b: (1, 0)}


def test_a_redaction_changes_the_counts(ann, ben, both):
    named = mention(ann, both, ben)
    before = sync(ben)
    ann.redact(both, named)
    assert counts(sync(ben, before["next_batch"]), both) == {None: (0, 0)}


def test_rules_that_change_are_told(ann):
    start = sync(ann)
    (rules,) = [e for e in start["account_data"]["events"] if e["type"] == "m.push_rules"]
    assert rules["content"] == ann.get("/pushrules/")
    idle = sync(ann, start["next_batch"])
    assert not idle.get("account_data", {}).get("events")
    rule(ann, "content", "cake", pattern="cake")
    got = sync(ann, idle["next_batch"])
    (rules,) = got["account_data"]["events"]
    assert rules["type"] == "m.push_rules" and rules["content"] == ann.get("/pushrules/")
    rule(ann, "content", "cake", pattern="cake")  # as it was: nobody is told
    assert not sync(ann, got["next_batch"]).get("account_data", {}).get("events")


@pytest.mark.parametrize("pattern", ["*", "**" * 50 + "x", "?" * 300, "[", "\\", "\x00", "é" * 400])
def test_patterns_of_all_sorts_do_no_harm(ann, ben, both, pattern):
    rule(ben, "content", "odd", pattern=pattern)
    rule(ben, "override", "odd", conditions=[
        {"kind": "event_match", "key": "content.body", "pattern": pattern},
        {"kind": "event_match", "key": "content.formatted_body", "pattern": pattern}])
    ann.send(both, {"msgtype": "m.text", "body": "a b?" * 8000, "formatted_body": "a" * 9000})
    ids(ben)
    assert ben.get("/pushrules/global/content/odd")["pattern"] == pattern
