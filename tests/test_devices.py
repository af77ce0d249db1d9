"""Devices: looking at them, naming them, deleting them, and the tokens that go along.

Spec: client-server-api/#device-management.
"""

import pytest

from lib.client import Client, fresh
from lib.http import quote

PASSWORD = "correct horse battery"
GONE = (401, "M_UNKNOWN_TOKEN")
NONE = (404, "M_NOT_FOUND")
FORBIDDEN = (403, "M_FORBIDDEN")


def path_of(device_id):
    return f"/devices/{quote(device_id)}"


def auth_of(user, session=None, password=PASSWORD):
    return {"type": "m.login.password", "session": session, "password": password,
            "identifier": {"type": "m.id.user", "user": user.user_id}}


def ids(user):
    return {device["device_id"] for device in user.get("/devices")["devices"]}


def test_a_login_makes_a_device_with_the_name_it_asked_for(ann):
    other = ann.login(initial_device_display_name="the phone")
    assert ids(ann) == {ann.device_id, other.device_id}
    got = ann.get(path_of(other.device_id))
    assert got["device_id"] == other.device_id and got["display_name"] == "the phone"
    assert got["last_seen_ip"] and got["last_seen_ts"] > 1_600_000_000_000


def test_a_device_without_a_name_has_none_and_in_a_list_an_empty_one(ann):
    # "Absent if no name has been set"; but matrix-nio wants the key in every device of a list.
    other = ann.login()
    assert "display_name" not in ann.get(path_of(other.device_id))
    listed = {one["device_id"]: one for one in ann.get("/devices")["devices"]}
    assert listed[other.device_id]["display_name"] == ""
    ann.put(path_of(other.device_id), {"display_name": "the phone"})
    assert ann.get(path_of(other.device_id))["display_name"] == "the phone"


def test_a_login_onto_a_device_leaves_it_its_name(ann):
    phone = ann.login(initial_device_display_name="the phone")
    ann.login(device_id=phone.device_id, initial_device_display_name="another name")
    assert ann.get(path_of(phone.device_id))["display_name"] == "the phone"


def test_a_device_is_named_anew(ann):
    assert ann.put(path_of(ann.device_id), {"display_name": "My other phone"}) == {}
    assert ann.get(path_of(ann.device_id))["display_name"] == "My other phone"
    ann.put(path_of(ann.device_id), {})
    assert ann.get(path_of(ann.device_id))["display_name"] == "My other phone"


@pytest.mark.parametrize("body", [{"display_name": 5}, {"display_name": ["x"]}])
def test_a_device_name_of_the_wrong_type_is_400(ann, body):
    ann.put(path_of(ann.device_id), body, expect=(400, "M_BAD_JSON"))


def test_a_device_name_beyond_measure_is_refused(own, ann):
    ann.put(path_of(ann.device_id), {"display_name": "x" * 256}, expect=(413, "M_TOO_LARGE"))


def test_anothers_device_or_none_is_404(ann, ben):
    for device_id in (ben.device_id, "NEVERWAS"):
        ann.get(path_of(device_id), expect=NONE)
        ann.put(path_of(device_id), {"display_name": "mine"}, expect=NONE)


def test_devices_need_a_token(api, ann):
    for method, path in (("GET", "/devices"), ("GET", path_of(ann.device_id)),
                         ("DELETE", path_of(ann.device_id))):
        api.request(method, path, expect=(401, "M_MISSING_TOKEN"))


def test_deleting_a_device_asks_for_the_password_and_ends_its_token(ann):
    other = ann.login()
    first = ann.delete(path_of(other.device_id), expect=401)
    assert ["m.login.password"] in [flow["stages"] for flow in first["flows"]]
    assert first["session"] and "errcode" not in first
    other.get("/account/whoami")
    assert ann.request("DELETE", path_of(other.device_id),
                       {"auth": auth_of(ann, first["session"])}) == {}
    other.get("/account/whoami", expect=GONE)
    ann.get(path_of(other.device_id), expect=NONE)
    assert ids(ann) == {ann.device_id}


def test_a_session_for_one_device_does_not_delete_another(own, ann):
    one, two = ann.login(), ann.login()
    session = ann.delete(path_of(one.device_id), expect=401)["session"]
    ann.request("DELETE", path_of(two.device_id), {"auth": auth_of(ann, session)}, expect=401)
    two.get("/account/whoami")


def test_a_wrong_password_deletes_nothing(ann):
    other = ann.login()
    got = ann.request("DELETE", path_of(other.device_id),
                      {"auth": auth_of(ann, password="wrong")}, expect=401)
    assert got["errcode"] == "M_FORBIDDEN" and got["completed"] == []
    other.get("/account/whoami")


@pytest.mark.parametrize("named", [
    {"identifier": {"type": "m.id.thirdparty", "medium": "email", "address": "a@example.org"}},
    {"medium": "email", "address": "a@example.org"}, {"user": "nobody"}, {}])
def test_whom_the_server_does_not_know_by_this_name_deletes_nothing(own, ann, named):
    """"In the case that the homeserver does not know about the supplied 3PID, the
    homeserver must respond with 403 Forbidden." """
    other = ann.login()
    session = ann.delete(path_of(other.device_id), expect=401)["session"]
    auth = {"type": "m.login.password", "password": ann.password, "session": session, **named}
    ann.request("DELETE", path_of(other.device_id), {"auth": auth}, expect=FORBIDDEN)
    other.get("/account/whoami")


def test_the_password_of_another_deletes_nothing(ann, ben):
    other = ann.login()
    session = ann.delete(path_of(other.device_id), expect=401)["session"]
    ann.request("DELETE", path_of(other.device_id), {"auth": auth_of(ben, session)},
                expect=FORBIDDEN)
    other.get("/account/whoami")


def test_several_devices_are_deleted_at_once_and_those_that_never_were_do_not_matter(ann):
    others = [ann.login() for _ in range(3)]
    body = {"devices": [other.device_id for other in others] + ["NEVERWAS"]}
    session = ann.post("/delete_devices", body, expect=401)["session"]
    assert ann.post("/delete_devices", {**body, "auth": auth_of(ann, session)}) == {}
    for other in others:
        other.get("/account/whoami", expect=GONE)
    assert ids(ann) == {ann.device_id}


@pytest.mark.parametrize("body, errcode", [
    ({}, "M_MISSING_PARAM"), ({"devices": "X"}, "M_BAD_JSON"), ({"devices": [5]}, "M_BAD_JSON")])
def test_deleting_what_is_no_list_of_devices_is_400(own, ann, body, errcode):
    ann.post("/delete_devices", body, expect=(400, errcode))


def test_more_devices_than_anybody_has_are_not_deleted_at_once(own, ann):
    body = {"devices": [f"D{n}" for n in range(1001)], "auth": auth_of(ann)}
    ann.post("/delete_devices", body, expect=(413, "M_TOO_LARGE"))
    ann.post("/delete_devices", {**body, "devices": body["devices"][:1000]})


def test_nobody_deletes_anothers_device(ann, ben):
    body = {"devices": [ben.device_id], "auth": auth_of(ann)}
    ann.post("/delete_devices", body)
    ben.get("/account/whoami")


def test_a_guest_sees_and_names_its_device_and_deletes_none(own, guest):
    assert ids(guest) == {guest.device_id}
    assert guest.get(path_of(guest.device_id))["device_id"] == guest.device_id
    name = fresh("web")
    guest.put(path_of(guest.device_id), {"display_name": name})
    assert guest.get(path_of(guest.device_id))["display_name"] == name
    guest.delete(path_of(guest.device_id), expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))
    guest.post("/delete_devices", {"devices": [guest.device_id]},
               expect=(403, "M_GUEST_ACCESS_FORBIDDEN"))


@pytest.mark.parametrize("given, kept", [
    ("the web", "the web"), ("", ""), (None, ""), ("x" * 300, "x" * 64),
    ("x" + "ü" * 60, "x" + "ü" * 31)])
def test_a_guests_device_has_the_name_it_was_registered_with(own, given, kept):
    got = own.api.post("/register?kind=guest", {"initial_device_display_name": given,
                                                "device_id": "IGNORED", "username": 5})
    guest = Client(own.http, got["access_token"], got["user_id"], got["device_id"])
    assert guest.get("/devices")["devices"] == [
        {"device_id": guest.device_id, "display_name": kept}]
    guest.put(f"/profile/{quote(guest.user_id)}/displayname", {"displayname": "Guest"})
    assert guest.get(path_of(guest.device_id)).get("display_name", "") == kept


def test_the_name_of_a_guests_device_is_a_string(own):
    own.api.post("/register?kind=guest", {"initial_device_display_name": 5},
                 expect=(400, "M_BAD_JSON"))


def test_what_is_deleted_already_is_deleted_once_more(ann):
    other = ann.login()
    for _ in range(2):
        assert ann.request("DELETE", path_of(other.device_id), {"auth": auth_of(ann)}) == {}


def test_a_device_is_seen_with_the_address_of_its_last_request(own, ann):
    other = ann.login()
    got = next(one for one in ann.get("/devices")["devices"]
               if one["device_id"] == other.device_id)
    assert got["last_seen_ip"] == "127.0.0.1" and got["last_seen_ts"] > 1_600_000_000_000


def test_only_an_application_service_makes_devices(ann):
    ann.put(path_of("BRANDNEW"), {"display_name": "x"}, expect=NONE)
    assert ids(ann) == {ann.device_id}
