"""Guests: tokens without rows, what they may do, joining, upgrade, the end of their stay.

Spec: client-server-api/#guest-access; doc/events.md says what goes beyond it.
"""

import base64
import os
import time

import pytest

from lib.client import Client, fresh
from lib.http import quote
from lib.listen import Listener, Parked

FORBIDDEN = (403, "M_GUEST_ACCESS_FORBIDDEN")
GONE = (401, "M_UNKNOWN_TOKEN")
NO_RIGHT = (403, "M_FORBIDDEN")


def whoami(client, expect=200):
    return client.get("/account/whoami", expect=expect)


# --- the token -------------------------------------------------------------


def test_registering_a_guest_takes_no_stages_and_no_body(api):
    for raw in (b"{}", b'{"initial_device_display_name": "web"}'):
        got = api.request("POST", "/register?kind=guest", raw=raw)
        assert got["user_id"].endswith(":localhost") and got["access_token"] and got["device_id"]


def test_every_guest_is_another(api):
    assert len({api.guest().user_id for _ in range(20)}) == 20


def test_whoami_knows_a_guest(guest):
    got = whoami(guest)
    assert got == {"user_id": guest.user_id, "device_id": guest.device_id, "is_guest": True}


def flipped(token):
    """The token with each of some characters changed to another."""
    for at in sorted({0, 5, len(token) // 3, len(token) // 2, len(token) - 12, len(token) - 2}):
        if at < len(token) and (token[at].isalnum() or token[at] in "-_"):
            yield token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]


def test_a_tampered_token_is_refused(own, guest):
    changed = list(flipped(guest.token))
    assert len(changed) >= 3
    for token in changed:
        own.api.request("GET", "/account/whoami", token=token, expect=GONE)


@pytest.mark.parametrize("cut", [1, 4, 10, 30])
def test_a_cut_or_lengthened_token_is_refused(own, guest, cut):
    for token in (guest.token[:-cut], guest.token[cut:], guest.token + "A" * cut):
        own.api.request("GET", "/account/whoami", token=token, expect=GONE)


def test_the_parts_of_two_tokens_make_no_third(own):
    one, two = own.api.guest().token, own.api.guest().token
    for at in range(8, min(len(one), len(two)), 9):
        mixed = one[:at] + two[at:]
        if mixed not in (one, two):
            own.api.request("GET", "/account/whoami", token=mixed, expect=GONE)


def test_a_token_of_another_server_is_refused(own, private):
    other = private("other")
    own.api.request("GET", "/account/whoami", token=other.api.guest().token, expect=GONE)


def test_guests_leave_nothing_on_the_disk(private):
    one = private()
    folder = one.folder / "data"
    for _ in range(50):
        one.api.guest()

    def size():
        return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()
                   and f.suffix not in (".log", ".txt"))

    before = size()
    for _ in range(300):
        one.api.guest()
    assert size() == before


def test_a_guest_survives_a_restart(private):
    one = private()
    guest = one.api.guest()
    one.restart()
    assert whoami(guest)["user_id"] == guest.user_id


def test_a_guest_ends_with_its_lifetime(private):
    one = private(guests={"lifetime": "2s"})
    hall = one.api.register().public_room()
    guest = one.api.guest()
    whoami(guest)
    guest.events(rooms=[hall], timeout=30000, expect=GONE)
    whoami(guest, expect=GONE)
    assert one.api.guest().user_id != guest.user_id


def test_a_guest_with_rows_lives_while_it_is_used_and_then_leaves(private):
    one = private(guests={"lifetime": "3s"})
    ann = one.api.register()
    hall = ann.public_room()
    ear = Listener(ann)
    guest = one.api.guest()
    guest.join(hall)
    used_until = time.monotonic() + 5
    while time.monotonic() < used_until:
        guest.send(hall, "still here")
        time.sleep(0.25)  # being used now and then is what is tested
    ear.until_where(lambda e: e.get("state_key") == guest.user_id
                    and e["content"]["membership"] == "leave", "the expired guest's leave")
    whoami(guest, expect=GONE)
    assert guest.user_id not in ann.get(ann.room(hall, "/joined_members"))["joined"]
    ear.stop()


def test_a_guest_logs_out(guest, api):
    other = api.guest()
    assert guest.post("/logout") == {}
    whoami(guest, expect=GONE)
    whoami(other)


def test_a_guests_logout_survives_a_restart(private):
    one = private()
    guest = one.api.guest()
    guest.post("/logout")
    one.restart()
    whoami(guest, expect=GONE)


# --- the modes -------------------------------------------------------------


def test_where_guests_are_off_none_is_registered(private):
    one = private(guests={"mode": "off"})
    one.api.post("/register?kind=guest", {}, expect=[NO_RIGHT, FORBIDDEN])


def test_a_change_of_mode_ends_or_limits_the_guests_there_are(private):
    one = private()
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    one.restart(guests={"mode": "read"})
    guest.events(rooms=[hall])
    guest.join(hall, expect=[FORBIDDEN, NO_RIGHT])
    one.restart(guests={"mode": "off"})
    whoami(guest, expect=[GONE, FORBIDDEN])
    one.restart(guests={"mode": "join"})
    guest.join(hall)


def test_capabilities_tell_guests_what_they_may_change(private):
    one = private()
    got = one.api.guest().get("/capabilities")["capabilities"]
    assert got["m.profile_fields"] == {"enabled": True, "allowed": ["displayname"]}
    assert got["m.set_displayname"] == {"enabled": True}
    assert got["m.set_avatar_url"] == got["m.change_password"] == {"enabled": False}
    one.restart(guests={"mode": "read"})
    got = one.api.guest().get("/capabilities")["capabilities"]
    assert got["m.profile_fields"] == got["m.set_displayname"] == {"enabled": False}


def test_reading_guests_listen_and_write_nothing(private):
    one = private(guests={"mode": "read"})
    ann, guest = one.api.register(), one.api.guest()
    hall = ann.public_room()
    ear = Listener(guest, [hall])
    ear.until(ann.send(hall, "hello, readers"))
    assert guest.messages(hall)["chunk"]
    for status in (guest.join(hall, expect=[FORBIDDEN, NO_RIGHT]),
                   guest.put(f"/profile/{quote(guest.user_id)}/displayname", {"displayname": "x"},
                             expect=[FORBIDDEN, NO_RIGHT])):
        assert status["errcode"]
    ear.stop()


# --- what guests may do ----------------------------------------------------


def test_a_guest_reads_a_world_readable_room_without_joining(ann, guest):
    hall = ann.public_room(guests="forbidden")
    event = ann.send(hall, "for all to read")
    assert guest.event(hall, event)["content"]["body"] == "for all to read"
    assert guest.messages(hall)["chunk"][0]["event_id"] == event
    assert guest.get(guest.room(hall, "/context/" + quote(event)))["event"]["event_id"] == event
    assert guest.state(hall, "m.room.create") is not None
    assert len(guest.get(guest.room(hall, "/state"))) >= 5
    assert guest.get(guest.room(hall, "/initialSync"))["room_id"] == hall
    assert guest.get(guest.room(hall, "/members"))["chunk"]
    ear = Listener(guest, [hall])
    ear.until(ann.send(hall, "live"))
    ear.stop()


@pytest.mark.parametrize("visibility", ["shared", "invited", "joined"])
def test_a_guest_reads_no_other_room(ann, guest, visibility):
    room = ann.public_room(visibility=visibility)
    event = ann.send(room, "not for all")
    for tail in ("/messages?dir=b", "/state", "/state/m.room.create", "/initialSync", "/members"):
        guest.get(guest.room(room, tail), expect=403)
    for tail in ("/event/", "/context/"):
        guest.get(guest.room(room, tail + quote(event)), expect=[403, 404])
    guest.events(rooms=[room], expect=403)


def test_a_guest_joins_speaks_sets_state_and_leaves(own, ann, guest, hall):
    assert guest.join(hall)["room_id"] == hall
    guest.send(hall, "hello from a guest")
    guest.send(hall, {"n": 1}, kind="org.example.any")
    ann.power(hall, {"events": {"org.example.free": 0}})
    guest.set_state(hall, "org.example.free", {"by": "a guest"})
    assert guest.get("/joined_rooms")["joined_rooms"] == [hall]
    guest.leave(hall)
    assert ann.membership(hall, guest.user_id) == "leave"


def test_a_guest_joins_by_alias(own, ann, guest):
    name = fresh("guests")
    hall = ann.public_room(room_alias_name=name)
    assert guest.post("/join/" + quote(f"#{name}:localhost"))["room_id"] == hall


@pytest.mark.parametrize("access", ["forbidden", "nonsense", None])
def test_a_guest_joins_only_where_guests_can(ann, guest, access):
    content = {"guest_access": access} if access else {}
    room = ann.create_room(preset="public_chat", initial_state=[
        {"type": "m.room.guest_access", "state_key": "", "content": content}])
    guest.join(room, expect=[FORBIDDEN, NO_RIGHT])


def test_an_invitation_does_not_open_a_room_without_guest_access(ann, guest):
    room = ann.public_room(guests="forbidden")
    ann.invite(room, guest.user_id)
    guest.join(room, expect=[FORBIDDEN, NO_RIGHT])


def test_a_guest_keeps_a_name_and_nothing_else(own, ann, guest, hall):
    path = f"/profile/{quote(guest.user_id)}/"
    guest.put(path + "displayname", {"displayname": "A Guest"})
    assert guest.get(path + "displayname") == {"displayname": "A Guest"}
    guest.put(path + "avatar_url", {"avatar_url": "mxc://x/y"}, expect=[FORBIDDEN, NO_RIGHT])
    guest.join(hall)
    assert ann.state(hall, "m.room.member", guest.user_id)["displayname"] == "A Guest"
    guest.delete(path + "displayname")


@pytest.mark.parametrize("method, path, body", [
    ("GET", "/capabilities", None), ("GET", "/joined_rooms", None), ("GET", "/publicRooms", None),
    ("GET", "/pushrules/", None), ("GET", "/account/whoami", None),
    ("POST", "/publicRooms", {})])
def test_a_guest_may_also(own, guest, method, path, body):
    guest.request(method, path, body)


@pytest.mark.parametrize("method, path, body", [
    ("POST", "/createRoom", {}),
    ("POST", "/rooms/HALL/invite", {"user_id": "@x:localhost"}),
    ("POST", "/rooms/HALL/kick", {"user_id": "@x:localhost"}),
    ("POST", "/rooms/HALL/ban", {"user_id": "@x:localhost"}),
    ("POST", "/rooms/HALL/unban", {"user_id": "@x:localhost"}),
    ("POST", "/rooms/HALL/forget", {}), ("POST", "/knock/HALL", {}),
    ("POST", "/rooms/HALL/upgrade", {"new_version": "12"}),
    ("PUT", "/rooms/HALL/redact/$x/1", {}),
    ("PUT", "/directory/room/%23x%3Alocalhost", {"room_id": "HALL"}),
    ("DELETE", "/directory/room/%23x%3Alocalhost", None),
    ("PUT", "/directory/list/room/HALL", {"visibility": "public"}),
    ("POST", "/account/password", {"new_password": "x"}), ("POST", "/account/deactivate", {}),
    ("POST", "/logout/all", {}), ("GET", "/initialSync", None)])
def test_a_guest_may_not(own, guest, hall, method, path, body):
    path = path.replace("HALL", quote(hall))
    if body and body.get("room_id"):
        body = {"room_id": hall}
    expect = FORBIDDEN if path != "/logout/all" else [FORBIDDEN, 200]
    guest.request(method, path, body, expect=expect)


# --- withdrawal and upgrade --------------------------------------------------


def test_when_guest_access_is_withdrawn_guests_are_made_to_leave(api, ann, ben, hall):
    guests = [api.guest() for _ in range(5)]
    for one in [*guests, ben]:
        one.join(hall)
    ear = Listener(ann, [hall])
    ann.guest_access(hall, "forbidden")
    for one in guests:
        ear.until_where(lambda e, one=one: e.get("state_key") == one.user_id
                        and e["content"]["membership"] == "leave", "a guest's leave")
    assert set(ann.get(ann.room(hall, "/joined_members"))["joined"]) == {
        ann.user_id, ben.user_id}
    for one in guests:
        one.send(hall, "too late", expect=403)
        one.join(hall, expect=[FORBIDDEN, NO_RIGHT])
    ann.guest_access(hall, "can_join")
    guests[0].join(hall)
    ear.stop()


def test_a_guest_becomes_an_account_and_keeps_id_and_rooms(own, ann, guest, hall):
    guest.join(hall)
    body = {"username": guest.local_part, "password": "a long password",
            "guest_access_token": guest.token}
    first = own.api.post("/register", body, expect=401)
    got = own.api.post("/register", {**body, "auth": {
        "type": "m.login.dummy", "session": first["session"]}})
    assert got["user_id"] == guest.user_id
    user = Client(own.http, got["access_token"], got["user_id"], got["device_id"])
    assert whoami(user).get("is_guest", False) is False
    assert user.get("/joined_rooms")["joined_rooms"] == [hall]
    whoami(guest, expect=GONE)
    ann.guest_access(hall, "forbidden")
    user.send(hall, "I may stay")
    own.api.login(guest.user_id, "a long password")


def test_a_completed_upgrade_retried_logs_in_to_the_account(own, guest):
    body = {"username": guest.local_part, "password": "a long password",
            "guest_access_token": guest.token}
    session = own.api.post("/register", body, expect=401)["session"]
    body["auth"] = {"type": "m.login.dummy", "session": session}
    own.api.post("/register", body)
    again = own.api.post("/register", body)
    assert again["user_id"] == guest.user_id
    assert whoami(Client(own.http, again["access_token"]))["is_guest"] is False


def test_an_upgrade_needs_the_guests_own_name(own, guest):
    body = {"username": fresh("other"), "password": "a long password",
            "guest_access_token": guest.token}
    first = own.api.post("/register", body, expect=[400, 401, 403])
    if "session" in first:
        own.api.post("/register", {**body, "auth": {
            "type": "m.login.dummy", "session": first["session"]}}, expect=[400, 401, 403])
    whoami(guest)


def test_of_upgrades_that_race_one_wins(own, guest):
    body = {"username": guest.local_part, "password": "a long password",
            "guest_access_token": guest.token, "auth": {"type": "m.login.dummy"}}
    asked = [Parked(lambda: Client(own.http.base).reply("POST", "/register", body))
             for _ in range(6)]
    got = [one.result() for one in asked]
    assert sorted(one.status for one in got)[0] == 200
    assert [one.status for one in got].count(200) == 1
    assert {one.errcode() for one in got if one.status != 200} <= {
        "M_USER_IN_USE", "M_FORBIDDEN"}
    whoami(guest, expect=GONE)


def test_who_has_logged_out_becomes_no_account(own, guest):
    guest.post("/logout")
    own.api.post("/register", {
        "username": guest.local_part, "password": "a long password",
        "guest_access_token": guest.token, "auth": {"type": "m.login.dummy"}}, expect=NO_RIGHT)


def test_an_upgrade_needs_a_guests_token(own, ann, guest):
    for token in ("nonsense", ann.token):
        body = {"username": guest.local_part, "password": "a long password",
                "guest_access_token": token}
        got = own.api.post("/register", body, expect=None)
        if "session" in got:
            got = own.api.post("/register", {**body, "auth": {
                "type": "m.login.dummy", "session": got["session"]}}, expect=None)
        assert "access_token" not in got


def test_nobody_else_registers_a_guests_name(own, guest):
    own.api.post("/register", {"username": guest.local_part, "password": "a long password"},
                 expect=[(400, "M_USER_IN_USE"), (400, "M_INVALID_USERNAME"),
                         (400, "M_EXCLUSIVE")])


def test_no_login_goes_to_a_guest(own, guest):
    own.api.login(guest.user_id, "", expect=[NO_RIGHT, 400])


def test_random_tokens_are_no_guests(own):
    prefix = own.api.guest().token[:4]
    for size in (0, 1, 8, 40, 80, 200, 4000):
        token = prefix + base64.urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")
        own.api.request("GET", "/account/whoami", token=token, expect=GONE)
