"""What users have set for a room goes along to the one that replaces it.

Spec: client-server-api/#room-upgrades ("the server should automatically
transfer/replicate some of the user's personalized settings such as notifications, tags").
"""

import pytest

from lib.http import quote

NOT_FOUND = (404, "M_NOT_FOUND")
LOUD = ["notify", {"set_tweak": "highlight"}]


@pytest.fixture
def both(ann, ben, room):
    """ann's room with ben in it."""
    ben.join(room)
    return room


def upgrade(client, room, version="12"):
    return client.post(client.room(room, "/upgrade"),
                       {"new_version": version})["replacement_room"]


def rule(client, kind, rule_id, **body):
    client.put(f"/pushrules/global/{kind}/{quote(rule_id)}", {"actions": [], **body})


def own_rules(client, kind):
    return [r for r in client.get("/pushrules/")["global"][kind] if not r["default"]]


def data_path(client, kind, room=None):
    middle = f"/rooms/{quote(room)}" if room else ""
    return f"/user/{quote(client.user_id)}{middle}/account_data/{kind}"


def tags(client, room):
    return client.get(f"/user/{quote(client.user_id)}/rooms/{quote(room)}/tags")["tags"]


def tag(client, room, name, **content):
    client.put(f"/user/{quote(client.user_id)}/rooms/{quote(room)}/tags/{name}", content)


def names(room, key="pattern", kind="event_match"):
    return {"kind": kind, "key": "room_id", key: room}


def notified(client, room):
    return client.get("/sync")["rooms"]["join"][room]["unread_notifications"]


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_room_that_was_muted_stays_so_in_its_replacement(ann, ben, both, version):
    rule(ben, "room", both)
    new = upgrade(ann, both, version)
    ben.get(f"/pushrules/global/room/{quote(new)}", expect=NOT_FOUND)
    ben.join(new)
    assert {r["rule_id"]: r["actions"] for r in own_rules(ben, "room")} == {both: [], new: []}
    ann.send(new, "nobody is told of this")
    assert notified(ben, new) == {"notification_count": 0, "highlight_count": 0}


def test_override_rules_that_name_the_room_go_along(ann, ben, both):
    word = {"kind": "event_match", "key": "content.body", "pattern": "cake"}
    rule(ben, "override", both, conditions=[names(both)])
    rule(ben, "override", "mine", actions=LOUD,
         conditions=[word, names(both, "value", "event_property_is")])
    rule(ben, "underride", "other", conditions=[names("!other:x"), word])
    ben.put("/pushrules/global/override/mine/enabled", {"enabled": False})
    before = own_rules(ben, "override")
    new = upgrade(ann, both)
    ben.join(new)
    mine, mine_there, muted, muted_there = own_rules(ben, "override")
    assert [mine, muted] == before
    assert muted_there == {**muted, "rule_id": new, "conditions": [names(new)]}
    assert mine_there == {**mine, "rule_id": f"mine {new}", "enabled": False, "conditions": [
        word, names(new, "value", "event_property_is")]}
    assert len(own_rules(ben, "underride")) == 1
    again = upgrade(ann, new)
    ben.join(again)
    ids = [r["rule_id"] for r in own_rules(ben, "override")]
    assert ids == ["mine", f"mine {new}", f"mine {again}", both, new, again]


def test_what_is_set_in_the_replacement_already_stays(ann, ben, both):
    rule(ben, "room", both)
    tag(ben, both, "m.favourite", order=0.1)
    tag(ben, both, "u.work")
    new = upgrade(ann, both)
    rule(ben, "room", new, actions=LOUD)
    ann.invite(new, ben.user_id)
    tag(ben, new, "m.favourite", order=0.9)
    ben.join(new)
    assert ben.get(f"/pushrules/global/room/{quote(new)}")["actions"] == LOUD
    assert tags(ben, new) == {"m.favourite": {"order": 0.9}, "u.work": {}}
    assert tags(ben, both) == {"m.favourite": {"order": 0.1}, "u.work": {}}


def test_a_direct_chat_goes_on_as_one(ann, ben, both):
    direct = {ann.user_id: ["!else:x", both], "@cat:x": ["!else:x"]}
    ben.put(data_path(ben, "m.direct"), direct)
    new = upgrade(ann, both)
    ben.join(new)
    want = {**direct, ann.user_id: ["!else:x", both, new]}
    assert ben.get(data_path(ben, "m.direct")) == want
    ben.leave(new)
    ben.join(new)
    assert ben.get(data_path(ben, "m.direct")) == want


def test_who_upgrades_has_their_settings_there_at_once(ann, both):
    rule(ann, "room", both)
    tag(ann, both, "m.lowpriority")
    ann.put(data_path(ann, "m.direct"), {"@ben:x": [both]})
    new = upgrade(ann, both)
    assert tags(ann, new) == {"m.lowpriority": {}}
    assert ann.get(f"/pushrules/global/room/{quote(new)}")["actions"] == []
    assert ann.get(data_path(ann, "m.direct")) == {"@ben:x": [both, new]}


def test_a_listener_is_told_of_what_went_along(ann, ben, both):
    rule(ben, "room", both)
    tag(ben, both, "u.work")
    new = upgrade(ann, both)
    since = ben.get("/sync")["next_batch"]
    ben.join(new)
    got = ben.get("/sync", since=since)
    assert "m.push_rules" in [e["type"] for e in got["account_data"]["events"]]
    there = got["rooms"]["join"][new]["account_data"]["events"]
    assert there == [{"type": "m.tag", "content": {"tags": {"u.work": {}}}}]


def test_a_room_that_only_claims_to_replace_another_gets_nothing(ann, ben, cat, both):
    rule(ben, "room", both)
    tag(ben, both, "u.work")
    false = cat.create_room(preset="public_chat", creation_content={
        "predecessor": {"room_id": both, "event_id": "$x"}})
    ben.join(false)
    assert tags(ben, false) == {} and len(own_rules(ben, "room")) == 1


@pytest.mark.parametrize("content", [{}, {"tags": []}, {"tags": {"x": 7}}])
def test_tags_of_any_shape_do_no_harm(ann, ben, both, content):
    ben.put(data_path(ben, "m.tag", both), content)
    ben.put(data_path(ben, "m.direct"), {ann.user_id: both, "@x:y": [7, {}, both]})
    new = upgrade(ann, both)
    ben.join(new)
    assert ben.get(data_path(ben, "m.direct"))["@x:y"] == [7, {}, both, new]
    assert tags(ben, new) == ({"x": 7} if content.get("tags") else {})


def test_rules_that_would_become_too_many_stay_where_they_are(ann, ben, both):
    rule(ben, "override", "x", conditions=[
        names(both), {"kind": "org.example", "x": "y" * 40000}])
    new = upgrade(ann, both)
    ben.join(new)
    assert [r["rule_id"] for r in own_rules(ben, "override")] == ["x"]
