"""What every endpoint refuses, and in which words: other methods, tokens that are missing or
wrong, guests, paths and bodies that are malformed.

The rows are the server's own table (lib/routes.py); what guests may use is written down here
as well. test_hostile.py throws at random what this asks in order. Spec:
client-server-api/#standard-error-response, #client-authentication, #guest-access.
"""

import re

import pytest

from lib.client import V1, V3, fresh
from lib.http import quote
from lib.routes import rows

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]
ROWS = [row for row in rows() if row[1].startswith(("/_matrix/client/", "/_matrix/media/"))]
UPLOADS = [path for _, path, _ in ROWS if "/upload" in path]  # of which no body is wrong
PARAM = re.compile(r"\{(\w+)\}")
ENDS_A_SESSION = ("/logout", "/logout/all", "/account/deactivate")
FORM = "/fallback/web"  # a browser's form, and no JSON
DEEP = b'{"a":' * 200 + b"1" + b"}" * 200
BAD_BODIES = {
    b"": "M_NOT_JSON", b"{": "M_NOT_JSON", b"nul": "M_NOT_JSON", b"{}{}": "M_NOT_JSON",
    b"\x00": "M_NOT_JSON", b'{"a":1,"a":2}': "M_NOT_JSON", b'{"a":"\xff"}': "M_NOT_JSON",
    b'{"a":"\xed\xa0\x80"}': "M_NOT_JSON", b'{"a":"\\ud800"}': "M_NOT_JSON", b"[]": "M_BAD_JSON",
    b"null": "M_BAD_JSON", b"5": "M_BAD_JSON", b'"x"': "M_BAD_JSON", DEEP: None}

#: modules/guest_access.md, as far as there are such endpoints yet, and doc/rooms.md.
FOR_GUESTS = {("GET", V3 + path) for path in [
    "/rooms/{roomId}/state", "/rooms/{roomId}/context/{eventId}",
    "/rooms/{roomId}/event/{eventId}", "/rooms/{roomId}/state/{eventType}/{stateKey}",
    "/rooms/{roomId}/messages", "/rooms/{roomId}/members", "/rooms/{roomId}/initialSync", "/sync",
    "/events", "/devices", "/devices/{deviceId}", "/account/whoami"]} | {
        ("POST", V3 + "/rooms/{roomId}/join"), ("POST", V3 + "/rooms/{roomId}/leave"),
        ("PUT", V3 + "/rooms/{roomId}/send/{eventType}/{txnId}"),
        ("PUT", V3 + "/rooms/{roomId}/state/{eventType}/{stateKey}"),
        ("PUT", V3 + "/profile/{userId}/{keyName}"),
        ("DELETE", V3 + "/profile/{userId}/{keyName}"), ("PUT", V3 + "/devices/{deviceId}")}


def filled(path, user, **instead):
    """The path with ids that are well-formed, and the ones that are given as they stand."""
    ids = {"roomId": "!x:localhost", "eventId": "$x", "userId": user.user_id,
           "roomIdOrAlias": "!x:localhost", "roomAlias": "#x:localhost", "txnId": fresh("t"),
           "deviceId": user.device_id, "keyName": "displayname", "kind": "override"}
    return PARAM.sub(lambda name: instead.get(name[1]) or quote(ids.get(name[1], "x")), path)


def asked(user, method, path, body=None, token=True):
    return user.reply(method, path, token=token, raw=body)


def is_refused(got, status, errcode):
    """In the standard form, with a sentence."""
    try:
        said = got.json()
    except ValueError:
        return False
    return (got.status == status and errcode in (None, said.get("errcode"))
            and re.fullmatch(r"M_[A-Z_]+", said.get("errcode", ""))
            and len(said.get("error", "")) > 8)


def missing(wrong):
    """Fails with all that is wrong, not with the first of it."""
    assert not wrong, "\n".join(f"{method} {path}: {got}" for method, path, got in wrong[:30])


def test_the_table_is_there(own):
    assert len(ROWS) > 300


def test_every_path_says_which_methods_it_takes(own, ann):
    taken, wrong = {}, []
    for method, path, _ in ROWS:
        taken.setdefault(path, set()).add(method)
    for path, methods in taken.items():
        for method in set(METHODS) - methods:
            got = asked(ann, method, filled(path, ann))
            allow = set(got.headers.get("allow", "").split(", ")) - {"HEAD", "OPTIONS"}
            if not is_refused(got, 405, "M_UNRECOGNIZED") or allow != methods:
                wrong.append((method, path, (got, allow)))
    missing(wrong)


@pytest.mark.parametrize("path", [
    "/_matrix/client/v3/nothing", "/_matrix/client/v9/sync", "/_matrix/client/v3/rooms//state",
    "/_matrix/client/v3/sync/", "/_matrix/client/V3/sync", "/_matrix/client/v3/rooms/!x/y/z", "/x"])
def test_what_is_not_there_is_not_recognized(own, ann, path):
    for method in METHODS:
        assert is_refused(asked(ann, method, path), 404, "M_UNRECOGNIZED")


@pytest.mark.parametrize("token, errcode", [
    (None, "M_MISSING_TOKEN"), ("nonsense", "M_UNKNOWN_TOKEN"), ("plr_x", "M_UNKNOWN_TOKEN"),
    ("plg_x", "M_UNKNOWN_TOKEN"), ("a" * 3000, "M_UNKNOWN_TOKEN")])
def test_every_row_that_needs_a_token_says_so(own, ann, token, errcode):
    needed = [row for row in ROWS if row[2] in ("GUEST", "USER")]
    assert len(needed) > 200
    missing([(method, path, got) for method, path, _ in needed
             if not is_refused(got := asked(ann, method, filled(path, ann), b"{}", token), 401,
                               errcode)])


def test_a_token_in_the_query_is_as_wrong(own, ann):
    for token, errcode in (("nonsense", "M_UNKNOWN_TOKEN"), ("", "M_MISSING_TOKEN")):
        missing([(method, path, got) for method, path, who in ROWS if who in ("GUEST", "USER")
                 if not is_refused(got := asked(
                     ann, method, filled(path, ann) + "?access_token=" + token, b"{}", None), 401,
                     errcode)])


def test_guests_are_refused_by_every_row_of_accounts(own, guest):
    missing([(method, path, got) for method, path, who in ROWS if who == "USER"
             if not is_refused(got := asked(guest, method, filled(path, guest), b"{}"), 403,
                               "M_GUEST_ACCESS_FORBIDDEN")])


def test_what_guests_may_use_is_theirs(own, guest):
    table = {(method, path): who for method, path, who in ROWS}
    assert {row for row in FOR_GUESTS if table.get(row) != "GUEST"} == set()
    missing([(method, path, got) for method, path in FOR_GUESTS
             if (got := asked(guest, method, filled(path, guest) + "?timeout=0", b"{}")).errcode()
             == "M_GUEST_ACCESS_FORBIDDEN" and not path.endswith("/join")])


@pytest.mark.parametrize("bad", ["%", "%z1", "%00", "%ff", "%C0%80", "%ED%A0%80", "a%00b"])
def test_a_path_that_is_not_encoded_as_it_should_be_is_400(own, ann, bad):
    wrong = []
    for method, path, _ in ROWS:
        for name in PARAM.findall(path):
            got = asked(ann, method, filled(path, ann, **{name: bad}), b"{}")
            if not is_refused(got, 400, "M_INVALID_PARAM"):
                wrong.append((method, path, got))
    missing(wrong)


@pytest.mark.parametrize("query", ["a=%", "a=%zz", "a=%ff", "%00=b", "a=%00", "timeout=%ED%A0%80"])
def test_a_query_that_is_not_encoded_as_it_should_be_is_400(own, ann, query):
    missing([(method, path, got) for method, path, _ in ROWS
             if not is_refused(got := asked(ann, method, f"{filled(path, ann)}?{query}", b"{}"),
                               400, "M_INVALID_PARAM")])


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_body_that_is_no_object_is_400(own, ann, body):
    """None at all is an empty one where nothing has to be in it."""
    missing([(method, path, got) for method, path, _ in ROWS
             if method == "PUT" or (method == "POST" and body)
             if not path.endswith((*ENDS_A_SESSION, FORM, "/forget", "/media/v1/create")) and path not in UPLOADS
             if not is_refused(got := asked(ann, method, filled(path, ann), body), 400,
                               BAD_BODIES[body])])


def test_ids_that_are_none_are_refused_in_words(own, ann):
    wrong = []
    ids = ["x", "!", "@", "$", "#", "!x", "@x", ":", "@:", "#:x", "%20", "%0d%0a", "a" * 256,
           "%40" + "a" * 300 + "%3Alocalhost", "%21" + "a" * 300, "%24" + "a" * 300, "@x:y:z:1",
           "-1", "%F0%9F%A6%8A", "%2F", "%5C"]
    known = ("roomId", "roomIdOrAlias", "eventId", "userId", "roomAlias", "deviceId", "filterId")
    for method, path, _ in ROWS:
        if path.endswith(ENDS_A_SESSION) or not path.startswith((V1, V3, "/_matrix/client/v1/")):
            continue
        for name in set(PARAM.findall(path)) & set(known):
            for one in ids:
                got = asked(ann, method, filled(path, ann, **{name: one}), b"{}")
                uia = got.status == 401 and "flows" in got.json()
                if not uia and not (400 <= got.status < 500 and is_refused(got, got.status, None)):
                    wrong.append((method, path, (name, one[:40], got)))
    missing(wrong)
    own.assert_no_alarm()
