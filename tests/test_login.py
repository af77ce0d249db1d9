"""Sessions: login, refresh, logout, whoami, password change, deactivation.

Spec: client-server-api/#login, #refreshing-access-tokens, #soft-logout, #account-management.
"""

import time

import pytest

from lib.client import V1, Client, fresh
from lib.listen import Parked

PASSWORD = "correct horse battery"


def password_auth(user, session=None, password=PASSWORD):
    return {"type": "m.login.password", "session": session, "password": password,
            "identifier": {"type": "m.id.user", "user": user.user_id}}


def behind_uia(user, path, body, password=PASSWORD, expect=200):
    first = user.post(path, body, expect=401)
    auth = password_auth(user, first["session"], password)
    return user.post(path, {**body, "auth": auth}, expect=expect)


def test_the_login_flows_name_the_password(api):
    assert {"type": "m.login.password"} in [
        {"type": f["type"]} for f in api.get("/login")["flows"]]


@pytest.mark.parametrize("form", ["full id", "local part", "old user field"])
def test_a_user_logs_in_by_password(api, ann, form):
    body = {"type": "m.login.password", "password": PASSWORD}
    if form == "old user field":
        body["user"] = ann.local_part
    else:
        who = ann.user_id if form == "full id" else ann.local_part
        body["identifier"] = {"type": "m.id.user", "user": who}
    got = api.post("/login", body)
    assert got["user_id"] == ann.user_id
    assert got["access_token"] != ann.token and got["device_id"] != ann.device_id
    assert "refresh_token" not in got


def test_a_wrong_password_is_403(api, ann):
    api.login(ann.user_id, "wrong", expect=(403, "M_FORBIDDEN"))


def test_an_unknown_user_is_403_like_a_wrong_password(api, ann):
    one = api.login("@nobody:localhost", "wrong", expect=(403, "M_FORBIDDEN"))
    two = api.login(ann.user_id, "wrong", expect=(403, "M_FORBIDDEN"))
    assert one == two


def test_a_user_of_another_server_is_403(api):
    api.login("@ann:elsewhere.example", PASSWORD, expect=[(403, "M_FORBIDDEN"), 400])


def test_an_unknown_login_type_is_400(api):
    api.post("/login", {"type": "org.example.none"}, expect=[
        (400, "M_UNKNOWN"), (400, "M_UNRECOGNIZED"), (400, "M_INVALID_PARAM")])


@pytest.mark.parametrize("body", [
    {}, {"type": 5}, {"type": "m.login.password"}, {"type": "m.login.password", "password": "x"},
    {"type": "m.login.password", "password": 5,
     "identifier": {"type": "m.id.user", "user": "ann"}},
    {"type": "m.login.password", "password": "x", "identifier": "ann"}])
def test_a_login_with_parts_missing_or_wrong_is_400(api, body):
    got = api.post("/login", body, expect=[400, 403])
    assert got["errcode"] in ("M_MISSING_PARAM", "M_INVALID_PARAM", "M_BAD_JSON", "M_UNKNOWN",
                              "M_FORBIDDEN", "M_UNRECOGNIZED")


@pytest.mark.parametrize("identifier", [
    {"type": "m.id.thirdparty", "medium": "email", "address": "ann@example.org"},
    {"medium": "email", "address": "ann@example.org"},
    {"type": "m.id.phone", "country": "GB", "phone": "07700 900000"}])
def test_a_login_by_an_address_that_is_not_known_is_403(api, identifier):
    api.post("/login", {"type": "m.login.password", "password": "x", "identifier": identifier},
             expect=(403, "M_FORBIDDEN"))


def test_a_login_tells_where_the_server_is_if_that_was_configured(own, private):
    ann = own.api.register()
    body = {"type": "m.login.password", "password": PASSWORD, "user": ann.user_id}
    assert "well_known" not in own.api.post("/login", body)
    one = private(public_base_url="https://matrix.example.org/")
    body["user"] = one.api.register().user_id
    assert one.api.post("/login", body)["well_known"] == {
        "m.homeserver": {"base_url": "https://matrix.example.org"}}


def test_login_onto_a_device_takes_its_old_token(api, ann):
    again = ann.login(device_id=ann.device_id)
    assert again.device_id == ann.device_id
    ann.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    again.get("/account/whoami")


def test_whoami_tells_the_device_and_that_one_is_no_guest(ann):
    got = ann.get("/account/whoami")
    assert got["user_id"] == ann.user_id and got["device_id"] == ann.device_id
    assert got.get("is_guest", False) is False


def test_whoami_tells_that_one_is_a_guest(guest):
    assert guest.get("/account/whoami")["is_guest"] is True


def test_logout_ends_the_token_and_no_other(ann):
    other = ann.login()
    assert ann.post("/logout") == {}
    ann.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    other.get("/account/whoami")


def test_logout_all_ends_every_token(ann):
    other = ann.login()
    assert ann.post("/logout/all") == {}
    for one in (ann, other):
        one.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    ann.login().get("/account/whoami")


@pytest.mark.parametrize("body", [b"null", b"[]", b"bye", b"\xff"])
def test_what_is_sent_along_with_a_logout_is_not_looked_at(ann, body):
    """The specification gives it no body; nheko says `null`."""
    other = ann.login()
    assert other.post("/logout", raw=body) == {}
    other.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    assert ann.post("/logout/all", raw=body) == {}
    ann.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_logout_ends_a_parked_poll(server, ann):
    room = ann.create_room()
    position = ann.now([room])
    poll = Parked(lambda: ann.events(position, [room], timeout=30000, expect=None))
    server.until_parked(1)
    ann.login().post("/logout/all")
    ann.get("/account/whoami", expect=401)
    if not server.external:
        got = poll.result()
        assert poll.took_s < 15
        assert got.get("errcode") == "M_UNKNOWN_TOKEN" or got["chunk"] == []


# --- refresh tokens --------------------------------------------------------


@pytest.fixture
def refreshing(ann):
    body = {"type": "m.login.password", "password": PASSWORD, "refresh_token": True,
            "identifier": {"type": "m.id.user", "user": ann.user_id}}
    return ann.post("/login", body)


def test_a_login_that_asks_for_it_gets_a_refresh_token(refreshing):
    assert refreshing["refresh_token"] and refreshing["expires_in_ms"] > 0


def test_a_refresh_gives_a_new_pair_for_the_same_device(api, refreshing):
    got = api.post("/refresh", {"refresh_token": refreshing["refresh_token"]})
    assert got["access_token"] != refreshing["access_token"]
    who = Client(api.http, got["access_token"]).get("/account/whoami")
    assert who["device_id"] == refreshing["device_id"]


def test_an_unused_new_pair_may_be_asked_for_again(api, refreshing):
    first = api.post("/refresh", {"refresh_token": refreshing["refresh_token"]})
    again = api.post("/refresh", {"refresh_token": refreshing["refresh_token"]})
    assert again["access_token"] != first["access_token"]


def test_a_used_up_refresh_token_is_401(api, refreshing):
    got = api.post("/refresh", {"refresh_token": refreshing["refresh_token"]})
    Client(api.http, got["access_token"]).get("/account/whoami")
    api.post("/refresh", {"refresh_token": refreshing["refresh_token"]},
             expect=[(401, "M_UNKNOWN_TOKEN"), (403, "M_FORBIDDEN")])


def test_an_invented_refresh_token_is_401(api):
    api.post("/refresh", {"refresh_token": "invented"}, expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_refresh_without_its_token_is_400(api):
    api.post("/refresh", {}, expect=[(400, "M_MISSING_PARAM"), (400, "M_BAD_JSON")])


def test_registration_may_ask_for_a_refresh_token(api):
    body = {"username": fresh("new"), "password": PASSWORD, "refresh_token": True}
    first = api.post("/register", body, expect=401)
    got = api.post("/register", {**body, "auth": {
        "type": "m.login.dummy", "session": first["session"]}})
    assert got["refresh_token"] and got["expires_in_ms"] > 0


def test_logout_ends_the_refresh_token_too(api, refreshing):
    Client(api.http, refreshing["access_token"]).post("/logout")
    api.post("/refresh", {"refresh_token": refreshing["refresh_token"]},
             expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_token_that_was_logged_out_is_no_soft_logout(ann):
    ann.post("/logout")
    assert ann.get("/account/whoami", expect=401).get("soft_logout", False) is False


def test_a_token_that_has_expired_is_a_soft_logout_and_can_be_refreshed(private):
    one = private(login={"access_token_lifetime": "200ms"})
    body = {"type": "m.login.password", "password": PASSWORD, "refresh_token": True,
            "user": one.api.register().user_id}
    got = one.api.post("/login", body)
    assert 0 < got["expires_in_ms"] <= 200
    old = Client(one.http, got["access_token"])
    deadline = time.monotonic() + 10
    while (said := old.reply("GET", "/account/whoami")).status == 200:
        assert time.monotonic() < deadline, "the token outlives its time"
    assert said.status == 401 and said.errcode() == "M_UNKNOWN_TOKEN"
    assert said.json()["soft_logout"] is True
    assert one.api.post("/refresh", {"refresh_token": got["refresh_token"]})["access_token"]


def test_of_refreshes_that_race_one_pair_is_good(api, refreshing):
    def refresh():
        return Client(api.http.base).post("/refresh", {
            "refresh_token": refreshing["refresh_token"]})

    pairs = [asked.result() for asked in [Parked(refresh) for _ in range(6)]]
    alive = [Client(api.http, pair["access_token"]).reply("GET", "/account/whoami").status
             for pair in pairs]
    assert alive.count(200) == 1 and alive.count(401) == 5


def test_an_access_token_and_a_refresh_token_do_not_stand_for_each_other(api, refreshing):
    api.post("/refresh", {"refresh_token": refreshing["access_token"]},
             expect=(401, "M_UNKNOWN_TOKEN"))
    api.request("GET", "/account/whoami", token=refreshing["refresh_token"],
                expect=(401, "M_UNKNOWN_TOKEN"))


def test_the_refresh_of_2015_refuses_with_403(own, refreshing):
    got = own.api.post(V1 + "/tokenrefresh", {"refresh_token": refreshing["refresh_token"]})
    assert got["access_token"] and got["refresh_token"]
    own.api.post(V1 + "/tokenrefresh", {"refresh_token": "invented"},
                 expect=(403, "M_FORBIDDEN"))


# --- password and deactivation ---------------------------------------------


def test_a_password_change_asks_for_the_old_password(ann):
    got = ann.post("/account/password", {"new_password": "another good one"}, expect=401)
    assert ["m.login.password"] in [f["stages"] for f in got["flows"]]


def test_a_password_change_works_and_ends_other_sessions(api, ann):
    other = ann.login()
    behind_uia(ann, "/account/password", {"new_password": "another good one"})
    ann.get("/account/whoami")
    other.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    api.login(ann.user_id, PASSWORD, expect=(403, "M_FORBIDDEN"))
    api.login(ann.user_id, "another good one")


def test_a_password_change_may_leave_other_sessions(ann):
    other = ann.login()
    behind_uia(ann, "/account/password", {"new_password": "another good one",
                                          "logout_devices": False})
    other.get("/account/whoami")


def test_a_password_change_with_a_wrong_password_is_401(api, ann):
    got = behind_uia(ann, "/account/password", {"new_password": "another good one"},
                     password="wrong", expect=401)
    assert got["errcode"] == "M_FORBIDDEN" and got["session"]
    api.login(ann.user_id, PASSWORD)


def test_one_may_not_change_a_password_with_another_users(ann, ben):
    first = ann.post("/account/password", {"new_password": "another good one"}, expect=401)
    ann.post("/account/password", {"new_password": "another good one",
                                   "auth": password_auth(ben, first["session"])},
             expect=[401, 403])
    ann.login()


def test_deactivation_asks_for_the_password(ann):
    assert ann.post("/account/deactivate", {}, expect=401)["session"]
    ann.get("/account/whoami")


def test_a_deactivated_account_is_gone(api, ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    got = behind_uia(ben, "/account/deactivate", {})
    assert got["id_server_unbind_result"] in ("success", "no-support")
    ben.get("/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))
    api.login(ben.user_id, PASSWORD, expect=[(403, "M_USER_DEACTIVATED"), (403, "M_FORBIDDEN")])
    api.get("/register/available", username=ben.local_part, expect=(400, "M_USER_IN_USE"))


def test_a_deactivated_account_leaves_its_rooms(own, ann, ben):
    room = ann.create_room(preset="public_chat")
    ben.join(room)
    position = ann.now()
    behind_uia(ben, "/account/deactivate", {})
    page = ann.events(position, timeout=10000)
    assert [e["content"]["membership"] for e in page["chunk"]
            if e["type"] == "m.room.member"] == ["leave"]


@pytest.mark.parametrize("path, body", [
    ("/account/deactivate", {}), ("/account/password", {"new_password": "another good one"})])
def test_no_login_by_the_old_password_outlives_its_end(api, ann, path, body):
    def log_in():
        return Client(api.http.base).reply("POST", "/login", {
            "type": "m.login.password", "password": PASSWORD, "user": ann.user_id})

    logins = [Parked(log_in) for _ in range(6)]
    ann.post(path, {**body, "auth": password_auth(ann)})
    logins = [one.result() for one in logins]
    for got in logins:
        assert got.status in (200, 403)
        if got.status == 200:
            Client(api.http, got.json()["access_token"]).get(
                "/account/whoami", expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_session_of_one_request_does_not_serve_another(ann, ben):
    session = ann.post("/account/deactivate", {}, expect=401)["session"]
    for one, path, body in ((ann, "/account/password", {"new_password": "another good one"}),
                            (ben, "/account/deactivate", {})):
        got = one.post(path, {**body, "auth": password_auth(one, session)}, expect=401)
        assert got["session"] != session
    ben.login().get("/account/whoami")


def test_the_v1_login_shape_works(own, ann):
    assert any(f["type"] == "m.login.password" for f in own.api.get(V1 + "/login")["flows"])
    got = own.api.post(V1 + "/login", {"type": "m.login.password", "user": ann.local_part,
                                       "password": PASSWORD})
    assert got["user_id"] == ann.user_id and got["home_server"] == "localhost"
