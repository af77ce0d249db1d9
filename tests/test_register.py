"""Registration: interactive authentication, tokens, the shared secret, availability.

Spec: client-server-api/#account-registration-and-management,
#user-interactive-authentication-api, #token-authenticated-registration.
"""

import hashlib
import hmac

import pytest

from lib.client import V1, Client, fresh
from lib.listen import Parked
from lib.server import SHARED_SECRET

ADMIN = "/_synapse/admin/v1/register"


def stages(got):
    return [flow["stages"] for flow in got["flows"]]


def test_registering_without_auth_names_the_flows(api):
    got = api.post("/register", {"username": fresh("new"), "password": "pw"}, expect=401)
    assert got["session"]
    assert ["m.login.dummy"] in stages(got)
    assert "errcode" not in got


def test_the_dummy_stage_completes_an_open_registration(api):
    name = fresh("new")
    user = api.register(name)
    assert user.local_part == name
    assert user.get("/account/whoami")["user_id"] == user.user_id
    assert user.device_id == user.get("/account/whoami")["device_id"]


def test_a_session_may_be_completed_without_repeating_the_body(api):
    name = fresh("new")
    first = api.post("/register", {"username": name, "password": "long enough pw"}, expect=401)
    got = api.post("/register", {
        "username": name, "password": "long enough pw",
        "auth": {"type": "m.login.dummy", "session": first["session"]}})
    assert got["user_id"].startswith(f"@{name}:")


def test_a_user_without_a_name_is_given_one(api):
    first = api.post("/register", {"password": "a long password"}, expect=401)
    got = api.post("/register", {"password": "a long password", "auth": {
        "type": "m.login.dummy", "session": first["session"]}})
    assert got["user_id"].startswith("@") and got["access_token"]


def test_inhibit_login_gives_no_token(api):
    name = fresh("new")
    body = {"username": name, "password": "a long password", "inhibit_login": True}
    first = api.post("/register", body, expect=401)
    got = api.post("/register", {**body, "auth": {
        "type": "m.login.dummy", "session": first["session"]}})
    assert got["user_id"].startswith(f"@{name}:")
    assert "access_token" not in got and "device_id" not in got


def test_the_device_is_the_one_asked_for(api):
    user = api.register(device_id="MYDEVICE", initial_device_display_name="the phone")
    assert user.device_id == "MYDEVICE"


def test_a_taken_name_is_400_m_user_in_use(api, ann):
    api.post("/register", {"username": ann.local_part, "password": "a long password"},
             expect=(400, "M_USER_IN_USE"))


@pytest.mark.parametrize("name", ["has space", "q\u0000q", "ü", "a:b", "@x", "x" * 300, "a\nb"])
def test_an_invalid_name_is_400_m_invalid_username(api, name):
    api.post("/register", {"username": name, "password": "a long password"},
             expect=(400, "M_INVALID_USERNAME"))


def test_upper_case_in_a_name_is_folded_or_refused(api):
    name = fresh("Upper")
    got = api.post("/register", {"username": name, "password": "a long password"}, expect=None)
    assert got.get("errcode") == "M_INVALID_USERNAME" or "session" in got


@pytest.mark.parametrize("body", [
    {"username": 5, "password": "x"}, {"username": ["a"]}, {"password": {}},
    {"auth": "x"}, {"username": "ok", "password": "x", "device_id": 5}, {"auth": {"type": 5}}])
def test_registration_with_wrong_types_is_400(api, body):
    got = api.reply("POST", "/register", body)
    assert got.status in (400, 401) and (got.status == 401 or got.errcode())
    if not any(k in body for k in ("auth", "device_id")):
        assert got.status == 400


def test_an_unknown_kind_is_400(own):
    own.api.post("/register?kind=alien", {}, expect=400)


def test_an_unknown_session_is_refused(api):
    got = api.post("/register", {
        "username": fresh("new"), "password": "a long password",
        "auth": {"type": "m.login.dummy", "session": "nosuchsession"}}, expect=None)
    assert "access_token" not in got


def test_an_unknown_stage_is_refused(api):
    name = fresh("new")
    first = api.post("/register", {"username": name, "password": "a long password"}, expect=401)
    api.post("/register", {"username": name, "password": "a long password", "auth": {
        "type": "org.example.none", "session": first["session"]}}, expect=[400, 401])


def test_two_who_race_for_a_name_do_not_both_get_it(api):
    name = fresh("race")
    body = {"username": name, "password": "a long password"}
    one = api.post("/register", body, expect=401)["session"]
    two = api.post("/register", body, expect=401)["session"]
    auth = {"type": "m.login.dummy"}
    api.post("/register", {**body, "auth": {**auth, "session": one}})
    got = api.post("/register", {**body, "auth": {**auth, "session": two}}, expect=400)
    assert got["errcode"] == "M_USER_IN_USE"


def all_at_once(ask, count):
    """What `count` clients, each on a connection of its own, are answered."""
    return [one.result() for one in [Parked(lambda n=n: ask(n)) for n in range(count)]]


def test_of_many_at_the_same_time_one_gets_the_name(api):
    body = {"username": fresh("race"), "password": "a long password",
            "auth": {"type": "m.login.dummy"}}
    got = all_at_once(lambda _: Client(api.http.base).reply("POST", "/register", body), 8)
    assert sorted(one.status for one in got) == [200] + [400] * 7
    assert {one.errcode() for one in got if one.status == 400} == {"M_USER_IN_USE"}


# --- a completed session, retried --------------------------------------------


def completed(api, **body):
    """The body of a registration that was carried out, and its answer."""
    body = {"password": "a long password", **body}
    session = api.post("/register", body, expect=401)["session"]
    body["auth"] = {"type": "m.login.dummy", "session": session}
    return body, api.post("/register", body)


def whoami(api, got):
    return Client(api.http, got["access_token"]).get("/account/whoami")


@pytest.mark.parametrize("named", [True, False])
def test_a_completed_registration_retried_logs_in_to_the_same_account(api, named):
    body, first = completed(api, **({"username": fresh("lost")} if named else {}))
    for auth in (body["auth"], {"session": body["auth"]["session"]}):
        again = api.post("/register", {**body, "auth": auth})
        assert again["user_id"] == first["user_id"]
        assert again["access_token"] != first["access_token"]
        assert whoami(api, again)["device_id"] == again["device_id"]
    whoami(api, first)


def test_a_retried_registration_logs_in_on_the_device_it_names(api):
    body, first = completed(api, username=fresh("lost"), device_id="PHONE")
    again = api.post("/register", body)
    assert first["device_id"] == again["device_id"] == "PHONE"
    assert whoami(api, again)["user_id"] == first["user_id"]


def test_a_retried_registration_without_login_gives_no_token(api):
    body, first = completed(api, username=fresh("lost"), inhibit_login=True)
    again = api.post("/register", body)
    assert again["user_id"] == first["user_id"]
    assert not {"access_token", "device_id"} & set(again)
    assert api.post("/register", {**body, "inhibit_login": False})["access_token"]


def test_a_retried_registration_needs_the_accounts_password(api):
    body, _ = completed(api, username=fresh("lost"))
    api.post("/register", {**body, "password": "a wrong password"}, expect=(403, "M_FORBIDDEN"))
    api.post("/register", {"auth": body["auth"]}, expect=(400, "M_MISSING_PARAM"))


def test_a_session_that_has_made_an_account_makes_no_other(api):
    body, first = completed(api, username=fresh("lost"))
    body["username"] = fresh("another")
    got = api.post("/register", body, expect=(401, "M_UNAUTHORIZED"))
    assert got["session"] != body["auth"]["session"] and "access_token" not in got
    body["auth"] = {"type": "m.login.dummy", "session": got["session"]}
    assert api.post("/register", body)["user_id"] != first["user_id"]


@pytest.mark.parametrize("named", [True, False])
def test_retries_at_the_same_moment_make_one_account(api, named):
    body = {"password": "a long password", **({"username": fresh("lost")} if named else {})}
    session = api.post("/register", body, expect=401)["session"]
    body["auth"] = {"type": "m.login.dummy", "session": session}
    got = all_at_once(lambda _: Client(api.http.base).post("/register", body), 6)
    assert len({one["user_id"] for one in got}) == 1
    assert len({one["access_token"] for one in got}) == 6
    for one in got:
        whoami(api, one)


def test_a_session_of_another_request_is_refused(api, ann):
    session = ann.post("/account/deactivate", {}, expect=401)["session"]
    got = api.post("/register", {
        "username": fresh("new"), "password": "a long password",
        "auth": {"type": "m.login.dummy", "session": session}}, expect=401)
    assert got["session"] != session


def test_a_free_name_is_available(api):
    assert api.get("/register/available", username=fresh("free"))["available"] is True


def test_a_taken_name_is_not_available(api, ann):
    api.get("/register/available", username=ann.local_part, expect=(400, "M_USER_IN_USE"))


def test_an_invalid_name_is_not_available(api):
    api.get("/register/available", username="a b", expect=(400, "M_INVALID_USERNAME"))


def test_availability_needs_a_name(api):
    api.get("/register/available", expect=(400, "M_MISSING_PARAM"))


def test_closed_registration_is_403_for_users(private):
    one = private(registration={"mode": "closed"})
    one.api.post("/register", {"username": "x", "password": "y"}, expect=(403, "M_FORBIDDEN"))


def test_closed_registration_still_has_guests(private):
    one = private(registration={"mode": "closed"})
    assert one.api.guest().get("/account/whoami")["is_guest"] is True


# --- registration tokens ---------------------------------------------------


@pytest.fixture
def token_server(private):
    return private(registration={"mode": "token"})


def token_added(server, *more):
    token = fresh("token")
    got = server.run("token", "add", token, *more)
    assert got.returncode == 0, got.stderr
    return token


def with_token(api, token, name=None, expect=200):
    body = {"username": name or fresh("new"), "password": "a long password"}
    first = api.post("/register", body, expect=401)
    assert all("m.login.registration_token" in flow for flow in stages(first))
    return api.post("/register", {**body, "auth": {
        "type": "m.login.registration_token", "token": token,
        "session": first["session"]}}, expect=expect)


def test_a_registration_token_opens_the_door(token_server):
    got = with_token(token_server.api, token_added(token_server))
    assert got["access_token"]


def test_a_wrong_registration_token_does_not(token_server):
    got = with_token(token_server.api, "wrong", expect=401)
    assert got["errcode"] in ("M_UNAUTHORIZED", "M_FORBIDDEN")
    assert got["session"] and got.get("completed", []) == []


def test_the_dummy_stage_does_not_stand_for_a_token(token_server):
    body = {"username": fresh("new"), "password": "a long password"}
    first = token_server.api.post("/register", body, expect=401)
    got = token_server.api.post("/register", {**body, "auth": {
        "type": "m.login.dummy", "session": first["session"]}}, expect=None)
    assert "access_token" not in got


def test_a_completed_registration_by_token_retried_uses_the_token_once(token_server):
    api, token = token_server.api, token_added(token_server, "--uses", "2")
    body = {"username": fresh("lost"), "password": "a long password"}
    session = api.post("/register", body, expect=401)["session"]
    body["auth"] = {"type": "m.login.registration_token", "token": token, "session": session}
    first, again = api.post("/register", body), api.post("/register", body)
    assert again["user_id"] == first["user_id"] and whoami(api, again)
    assert "used 1 of 2" in token_server.run("token", "list").stdout


def test_a_deleted_token_is_no_longer_good(token_server):
    token = token_added(token_server)
    assert token in token_server.run("token", "list").stdout
    assert token_server.run("token", "delete", token).returncode == 0
    assert token not in token_server.run("token", "list").stdout
    with_token(token_server.api, token, expect=401)


def test_the_last_use_of_a_token_is_for_one(token_server):
    token = token_added(token_server, "--uses", "2")

    def ask(_):
        return Client(token_server.http.base).reply("POST", "/register", {
            "username": fresh("new"), "password": "a long password",
            "auth": {"type": "m.login.registration_token", "token": token}})

    got = all_at_once(ask, 8)
    assert sorted(one.status for one in got) == [200] * 2 + [401] * 6
    for one in got:
        if one.status == 401:
            assert one.errcode() == "M_UNAUTHORIZED" and one.json()["session"]
    assert "used 2 of 2" in token_server.run("token", "list").stdout


def test_a_registration_that_fails_leaves_its_token_unused(token_server):
    token = token_added(token_server, "--uses", "1")
    with_token(token_server.api, token, name="taken")
    other = token_added(token_server, "--uses", "1")
    token_server.api.post("/register", {
        "username": "taken", "password": "a long password",
        "auth": {"type": "m.login.registration_token", "token": other}},
        expect=(400, "M_USER_IN_USE"))
    assert with_token(token_server.api, other)["access_token"]


def test_the_validity_of_a_token_can_be_asked(token_server):
    path = "/_matrix/client/v1/register/m.login.registration_token/validity"
    token = token_added(token_server)
    assert token_server.api.get(path, token=token) == {"valid": True}
    assert token_server.api.get(path, token="wrong") == {"valid": False}
    token_server.api.get(path, expect=(400, "M_MISSING_PARAM"))


def test_where_registration_is_closed_the_validity_is_403(private):
    path = "/_matrix/client/v1/register/m.login.registration_token/validity"
    private(registration={"mode": "closed"}).api.get(path, token="x", expect=(403, "M_FORBIDDEN"))


# --- fallback pages --------------------------------------------------------


def test_the_dummy_stage_has_a_fallback_page(own):
    session = own.api.post("/register", {"username": fresh("new"), "password": "pw pw pw"},
                           expect=401)["session"]
    got = own.api.reply("GET", "/auth/m.login.dummy/fallback/web", query={"session": session})
    assert got.status == 200 and got.headers["content-type"].startswith("text/html")
    assert b"onAuthDone" in got.body


def test_the_dummy_stage_completed_on_its_page_registers(own):
    body = {"username": fresh("new"), "password": "a long password"}
    session = own.api.post("/register", body, expect=401)["session"]
    own.api.reply("GET", "/auth/m.login.dummy/fallback/web", query={"session": session},
                  expect=200)
    got = own.api.post("/register", {**body, "auth": {"session": session}})
    assert got["access_token"]


def test_the_token_stage_has_a_fallback_page_that_completes_it(token_server):
    api, token = token_server.api, token_added(token_server)
    body = {"username": fresh("new"), "password": "a long password"}
    session = api.post("/register", body, expect=401)["session"]
    path = "/auth/m.login.registration_token/fallback/web"
    page = api.reply("GET", path, query={"session": session}, expect=200)
    assert b"<form" in page.body and session.encode() in page.body
    form = f"session={session}&token={token}".encode()
    done = api.reply("POST", path, raw=form, query={"session": session}, expect=200,
                     headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert b"onAuthDone" in done.body
    got = api.post("/register", {**body, "auth": {"session": session}})
    assert got["access_token"]


def test_a_stage_completed_on_its_page_is_not_asked_for_again(token_server):
    api, token = token_server.api, token_added(token_server)
    body = {"username": fresh("new"), "password": "a long password"}
    session = api.post("/register", body, expect=401)["session"]
    path = "/auth/m.login.registration_token/fallback/web"
    api.reply("POST", path, raw=f"session={session}&token={token}".encode(), expect=200,
              headers={"Content-Type": "application/x-www-form-urlencoded"})
    got = api.post("/register", {**body, "auth": {
        "type": "m.login.registration_token", "session": session}})
    assert got["access_token"]


def test_a_fallback_page_without_a_session_is_an_error(own):
    got = own.api.reply("GET", "/auth/m.login.dummy/fallback/web")
    assert got.status in (400, 404)


def test_a_fallback_page_of_a_stage_not_offered_is_404(own):
    got = own.api.reply("GET", "/auth/org.example.none/fallback/web", query={"session": "x"})
    assert got.status in (400, 404)


def test_a_fallback_page_escapes_what_it_repeats(own):
    got = own.api.reply("GET", "/auth/m.login.registration_token/fallback/web",
                        query={"session": '"><script>alert(1)</script>'})
    assert b"<script>alert(1)" not in got.body


def test_the_login_fallback_page_is_html(own):
    got = own.api.reply("GET", "/_matrix/static/client/login/", token=None)
    assert got.status == 200 and got.headers["content-type"].startswith("text/html")


# --- the shared secret -----------------------------------------------------


def mac_of(nonce, name, password, admin=False, secret=SHARED_SECRET):
    words = [nonce, name, password, "admin" if admin else "notadmin"]
    return hmac.new(secret.encode(), "\0".join(words).encode(), hashlib.sha1).hexdigest()


def shared(api, name, password, expect=200, path=ADMIN, **wrong):
    nonce = api.get(path)["nonce"]
    body = {"nonce": nonce, "username": name, "password": password, "admin": False,
            "mac": mac_of(nonce, name, password), **wrong}
    return api.post(path, body, expect=expect)


def test_the_shared_secret_makes_an_account(own):
    name = fresh("shared")
    got = shared(own.api, name, "pw pw pw pw")
    assert got["user_id"] == f"@{name}:localhost" and got["access_token"]
    own.api.login(name, "pw pw pw pw")


def test_the_shared_secret_works_where_registration_is_closed(private):
    one = private(registration={"mode": "closed"})
    assert shared(one.api, "ann", "pw pw pw pw")["access_token"]


def test_a_wrong_mac_is_403(own):
    got = shared(own.api, fresh("shared"), "pw", expect=403, mac="0" * 40)
    assert got["errcode"] in ("M_FORBIDDEN", "M_UNKNOWN")


def test_a_mac_for_a_plain_user_makes_no_admin(own):
    shared(own.api, fresh("shared"), "pw", expect=403, admin=True)


def test_the_shared_secret_gives_a_name_as_long_as_a_profile_takes(own):
    name = fresh("shared")
    shared(own.api, name, "pw", displayname="The Shared One")
    assert own.api.get(f"/profile/@{name}:localhost/displayname") == {
        "displayname": "The Shared One"}
    shared(own.api, fresh("shared"), "pw", displayname="x" * 1025,
           expect=(400, "M_INVALID_PARAM"))


def test_a_nonce_serves_once(own):
    nonce = own.api.get(ADMIN)["nonce"]
    for expect, name in ((200, fresh("shared")), (400, fresh("shared"))):
        own.api.post(ADMIN, {"nonce": nonce, "username": name, "password": "pw",
                             "admin": False, "mac": mac_of(nonce, name, "pw")}, expect=expect)


def test_an_invented_nonce_is_400(own):
    name = fresh("shared")
    own.api.post(ADMIN, {"nonce": "invented", "username": name, "password": "pw",
                         "admin": False, "mac": mac_of("invented", name, "pw")}, expect=400)


def test_without_a_shared_secret_the_door_is_shut(private):
    one = private(registration={"shared_secret": ""})
    got = one.api.reply("GET", ADMIN, token=None)
    assert got.status in (400, 403, 404), got


# --- 2015 ------------------------------------------------------------------


def test_the_v1_register_shape_makes_an_account(own):
    flows = own.api.get(V1 + "/register")["flows"]
    assert any(f["type"] in ("m.login.password", "m.login.dummy") for f in flows)
    name = fresh("old")
    got = own.api.post(V1 + "/register", {"type": "m.login.password", "user": name,
                                          "password": "a long password"})
    assert got["user_id"] == f"@{name}:localhost" and got["access_token"]
    assert got["home_server"] == "localhost"
