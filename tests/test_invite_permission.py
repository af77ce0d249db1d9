"""Accounts that take no invitations (client-server-api/#invite-permission)."""

import json

import pytest

from lib.client import V1

BLOCKED = (403, "M_INVITE_BLOCKED")


def set_default(who, content):
    who.put(f"/user/{who.user_id}/account_data/m.invite_permission_config", content)


def invites(got):
    return set(got.get("rooms", {}).get("invite", {}))


@pytest.fixture
def closed_ben(ben):
    set_default(ben, {"default_action": "block"})
    return ben


def test_who_takes_no_invitations_cannot_be_invited(ann, closed_ben, closed):
    ben = closed_ben.user_id
    ann.invite(closed, ben, expect=BLOCKED)
    ann.set_state(closed, "m.room.member", {"membership": "invite"}, ben, expect=BLOCKED)
    ann.request("POST", V1 + ann.room(closed, "/invite"), {"user_id": ben}, expect=BLOCKED)
    ann.create_room(invite=[ben], expect=BLOCKED)
    assert ann.reply("GET", ann.room(closed, "/state/m.room.member/" + ben)).status == 404
    assert "rooms" not in closed_ben.get("/sync")


def test_who_takes_no_invitations_joins_and_is_put_out_as_ever(ann, closed_ben, hall):
    closed_ben.join(hall)
    ann.kick(hall, closed_ben.user_id)
    ann.ban(hall, closed_ben.user_id)
    ann.unban(hall, closed_ben.user_id)


@pytest.mark.parametrize("content", [{}, {"default_action": "allow"}, {"default_action": 1},
                                     {"default_action": None}])
def test_any_other_setting_lets_invitations_in(ann, closed_ben, closed, content):
    ann.invite(closed, closed_ben.user_id, expect=BLOCKED)
    set_default(closed_ben, content)
    ann.invite(closed, closed_ben.user_id)
    assert invites(closed_ben.get("/sync")) == {closed}


def test_an_invitation_that_came_before_is_told_no_more(ann, ben, closed):
    since, start = ben.get("/sync")["next_batch"], ben.now()
    ann.invite(closed, ben.user_id)
    assert invites(ben.get("/sync", since=since)) == {closed}
    set_default(ben, {"default_action": "block"})
    for query in ({}, {"since": since}, {"since": since, "full_state": True}):
        assert invites(ben.get("/sync", **query)) == set()
    heard, end = ben.drain(start)
    assert closed not in json.dumps(heard)
    assert ben.get("/initialSync")["rooms"] == []
    # The room's state is as it is, and the invitation may still be taken.
    assert ann.membership(closed, ben.user_id) == "invite"
    ben.join(closed)
    assert closed in ben.get("/sync", since=since)["rooms"]["join"]
    assert closed in json.dumps(ben.drain(end)[0])


def test_who_was_put_out_before_such_an_invitation_is_told_of_that_alone(ann, ben, hall):
    ben.join(hall)
    since = ben.get("/sync")["next_batch"]
    ann.kick(hall, ben.user_id)
    ann.invite(hall, ben.user_id)
    set_default(ben, {"default_action": "block"})
    got = ben.get("/sync", since=since)
    assert invites(got) == set()
    timeline = got["rooms"]["leave"][hall]["timeline"]["events"]
    assert [event["content"]["membership"] for event in timeline] == ["leave"]
