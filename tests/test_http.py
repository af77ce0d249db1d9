"""HTTP itself: framing, methods, paths, tokens and the errors common to all endpoints.

Spec: client-server-api/#api-standards, #web-browser-clients; RFC 9112.
"""

import gzip
import json
import re

import pytest

from lib.client import V3, fresh
from lib.http import Raw, quote
from lib.server import TOP

VERSIONS = "/_matrix/client/versions"
ROUTES_DEF = TOP / "src/api/client/routes.def"


@pytest.fixture
def raw(server):
    with Raw("127.0.0.1", server.port) as one:
        yield one


@pytest.fixture
def raw_own(own):
    with Raw("127.0.0.1", own.port) as one:
        yield one


def get(path, *lines):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""])


def test_a_connection_serves_many_requests_one_after_the_other(raw):
    for _ in range(5):
        raw.say(get(VERSIONS))
        assert raw.answer().status == 200


def test_pipelined_requests_are_answered_in_their_order(raw):
    raw.say(get(VERSIONS) + get("/_matrix/client/v3/no/such/path") + get(VERSIONS))
    assert [raw.answer().status for _ in range(3)] == [200, 404, 200]


def test_a_request_behind_a_parked_one_waits_for_its_turn(server, ann):
    room = ann.create_room()
    with Raw("127.0.0.1", server.port) as raw:
        path = f"{V3}/events?timeout=300&room_id={quote(room)}"
        raw.say(get(path, "Authorization: Bearer " + ann.token) + get(VERSIONS))
        assert "chunk" in raw.answer().json()
        assert "versions" in raw.answer().json()


def test_a_head_that_comes_byte_by_byte_is_understood(raw):
    for byte in get(VERSIONS):
        raw.say(byte)
    assert raw.answer().status == 200


def test_connection_close_is_obeyed(raw):
    raw.say(get(VERSIONS, "Connection: close"))
    got = raw.answer()
    assert got.status == 200 and raw.is_closed()


def test_http_1_0_gets_its_answer_and_the_connection_closes(raw):
    raw.say(f"GET {VERSIONS} HTTP/1.0\r\nHost: x\r\n\r\n")
    assert raw.answer().status == 200
    assert raw.is_closed()


def test_a_chunked_body_is_put_together(raw, ann):
    body = json.dumps({"name": "in pieces"})
    head = (f"POST {V3}/createRoom HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    raw.say(head)
    for at in range(0, len(body), 7):
        piece = body[at : at + 7]
        raw.say(f"{len(piece):x};ext=1\r\n{piece}\r\n")
    raw.say("0\r\nTrailer: ignored\r\n\r\n")
    room = raw.answer().json()["room_id"]
    assert ann.state(room, "m.room.name") == {"name": "in pieces"}


def test_head_gives_the_head_of_get_and_no_body(raw):
    raw.say(get(VERSIONS) + get(VERSIONS).replace("GET", "HEAD", 1) + get(VERSIONS))
    whole, only, behind = raw.answer(), raw.answer(is_head=True), raw.answer()
    assert only.status == 200
    assert int(only.headers["content-length"]) == len(whole.body) > 0
    for one in (whole, only):
        one.headers.pop("date", None)
    assert only.headers == whole.headers
    assert behind.body == whole.body  # a body of HEAD's would stand before it


@pytest.mark.parametrize("path", [VERSIONS, V3 + "/createRoom", V3 + "/rooms/!x:y/send/a/b"])
def test_options_answers_a_preflight_without_a_token(api, path):
    got = api.reply("OPTIONS", path, token=None, headers={
        "Origin": "https://app.example", "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization"})
    assert got.status in (200, 204)
    assert got.headers["access-control-allow-origin"] == "*"
    methods = got.headers["access-control-allow-methods"]
    assert all(m in methods for m in ("GET", "POST", "PUT", "DELETE", "OPTIONS"))
    names = got.headers["access-control-allow-headers"].lower()
    assert all(n in names for n in ("x-requested-with", "content-type", "authorization"))


ROUTES = re.findall(r'ROUTE\((\w+), ([^,]+), "([^"]+)"', ROUTES_DEF.read_text())
PREFIXES = {"A1": "/_matrix/client/api/v1", "A2": "/_matrix/client/v2_alpha", "V3": V3,
            "R0": "/_matrix/client/r0", "V1": "/_matrix/client/v1", "ROOT": "",
            "UNSTABLE": "/_matrix/client/unstable", "M_R0": "/_matrix/media/r0",
            "M_V1": "/_matrix/media/v1", "M_V3": "/_matrix/media/v3"}


def test_a_preflight_lets_a_stream_say_where_it_goes_on_and_a_file_which_part(api):
    def allowed(wanted):
        got = api.reply("OPTIONS", V3 + "/events", token=None, headers={
            "Origin": "https://app.example", "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": wanted})
        return got.headers["access-control-allow-headers"]

    assert "Last-Event-ID" in allowed("authorization,last-event-id")
    assert "Last-Event-ID" not in allowed("authorization")
    for of_files in "Range", "If-Range", "If-None-Match":
        assert allowed("authorization," + of_files.lower()) == of_files


def test_every_route_answers_a_preflight_and_is_open_to_browsers(own):
    assert len(ROUTES) > 70
    for method, versions, path in ROUTES:
        for version in versions.split(" | "):
            target = PREFIXES[version] + re.sub(r"\{\w+\}", "x", path)
            flight = own.api.reply("OPTIONS", target, token=None, headers={
                "Origin": "https://app.example", "Access-Control-Request-Method": method})
            answer = own.api.reply(method, target, token=None,
                                   body={} if method in ("POST", "PUT") else None)
            assert flight.status in (200, 204) and answer.status not in (405, 500), target
            for got in (flight, answer):
                assert got.headers["access-control-allow-origin"] == "*", target
                assert method in got.headers["access-control-allow-methods"], target


def test_cors_headers_are_on_answers_and_on_errors(api):
    for path in (VERSIONS, V3 + "/account/whoami", V3 + "/nothing/here"):
        got = api.reply("GET", path, token=None)
        assert got.headers["access-control-allow-origin"] == "*", path


def test_answers_are_json_in_utf_8(api):
    got = api.reply("GET", VERSIONS)
    assert got.headers["content-type"].lower().startswith("application/json")


def test_a_long_answer_is_compressed_for_who_asks(own, ann):
    room = ann.create_room(topic="Ö" * 3000)
    path = V3 + ann.room(room, "/state")
    plain = ann.reply("GET", path, expect=200)
    assert "content-encoding" not in plain.headers
    packed = ann.reply("GET", path, expect=200, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    unpacked = {e["event_id"] for e in json.loads(gzip.decompress(packed.body))}
    assert unpacked == {e["event_id"] for e in plain.json()}


def test_a_short_answer_is_not_compressed(own, ann):
    got = ann.reply("GET", "/account/whoami", expect=200, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in got.headers


def test_gzip_refused_by_quality_zero_is_not_sent(own, ann):
    room = ann.create_room(topic="x" * 3000)
    got = ann.reply("GET", ann.room(room, "/state"), expect=200,
                    headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in got.headers


def test_expect_100_continue_is_answered_before_the_body(raw_own, ann):
    raw = raw_own
    raw.say(f"POST {V3}/createRoom HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.token}\r\n"
            "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert raw.answer().status == 100
    raw.say("{}")
    assert "room_id" in raw.answer().json()


POST = f"POST {V3}/login HTTP/1.1"
SMUGGLING = {
    "length_and_chunked": [POST, "Host: x", "Content-Length: 2", "Transfer-Encoding: chunked"],
    "two_lengths": [POST, "Host: x", "Content-Length: 2", "Content-Length: 3"],
    "the_same_length_twice": [POST, "Host: x", "Content-Length: 2", "Content-Length: 2"],
    "a_list_of_lengths": [POST, "Host: x", "Content-Length: 2, 3"],
    "a_signed_length": [POST, "Host: x", "Content-Length: +2"],
    "a_negative_length": [POST, "Host: x", "Content-Length: -2"],
    "a_length_in_hex": [POST, "Host: x", "Content-Length: 0x2"],
    "an_empty_length": [POST, "Host: x", "Content-Length: "],
    "a_length_too_long_for_a_number": [POST, "Host: x", "Content-Length: " + "9" * 30],
    "a_blank_before_the_colon": [POST, "Host: x", "Content-Length : 2"],
    "a_folded_header": [POST, "Host: x", "X-A: 1", " folded", "Content-Length: 2"],
    "a_header_without_a_colon": [POST, "Host: x", "nonsense"],
    "an_empty_header_name": [POST, "Host: x", ": value"],
    "a_nul_in_a_value": [POST, "Host: x", "X-A: a\0b"],
    "a_cr_in_a_value": [POST, "Host: x", "X-A: a\rb"],
    "no_host": [POST, "Content-Length: 2"],
    "two_hosts": [POST, "Host: x", "Host: y"],
    "chunked_twice": [POST, "Host: x", "Transfer-Encoding: chunked, chunked"],
    "two_blanks_in_the_request_line": [POST.replace(" /", "  /"), "Host: x"],
    "a_tab_in_the_request_line": [POST.replace(" /", "\t/"), "Host: x"],
    "no_version": [f"POST {V3}/login", "Host: x"],
}


@pytest.mark.parametrize("form", SMUGGLING)
def test_an_ambiguous_head_gets_400_and_the_connection_closes(raw_own, form):
    raw = raw_own
    raw.say("\r\n".join(SMUGGLING[form]) + "\r\n\r\n{}" + get(VERSIONS))
    got = raw.answer()
    assert got.status == 400, (form, got)
    assert raw.is_closed(), "what stands behind an ambiguous head must not be read"


def test_a_bare_lf_gets_400(raw_own):
    raw_own.say(f"GET {VERSIONS} HTTP/1.1\nHost: x\n\n")
    assert raw_own.answer().status == 400
    assert raw_own.is_closed()


@pytest.mark.parametrize("size", ["g", "-1", "+1", "0x1", "", " 1", "1 ", "f" * 20])
def test_a_bad_chunk_size_gets_400(raw_own, size):
    raw = raw_own
    raw.say(f"{POST}\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{{\r\n0\r\n\r\n")
    assert raw.answer().status in ((400, 413) if size == "f" * 20 else (400,))
    assert raw.is_closed()


def test_an_unknown_transfer_coding_gets_501(raw_own):
    raw_own.say(f"{POST}\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n")
    assert raw_own.answer().status in (400, 501)
    assert raw_own.is_closed()


def test_an_unknown_http_version_gets_505(raw_own):
    raw_own.say(f"GET {VERSIONS} HTTP/3.7\r\nHost: x\r\n\r\n")
    assert raw_own.answer().status == 505
    assert raw_own.is_closed()


def test_a_head_beyond_the_limit_gets_431(raw_own):
    raw_own.say(get(VERSIONS, "X-Long: " + "a" * 40000))
    assert raw_own.answer().status == 431
    assert raw_own.is_closed()


def test_a_target_beyond_the_limit_gets_414(raw_own):
    raw_own.say(get(VERSIONS + "?a=" + "a" * 12000))
    assert raw_own.answer().status == 414
    assert raw_own.is_closed()


def test_a_body_announced_beyond_all_measure_gets_413(raw_own, ann):
    raw_own.say(f"POST {V3}/createRoom HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {ann.token}\r\nContent-Length: 4000000000\r\n\r\n")
    got = raw_own.answer()
    assert (got.status, got.errcode()) == (413, "M_TOO_LARGE")


def test_a_chunked_body_beyond_all_measure_gets_413(raw_own, ann):
    raw_own.say(f"POST {V3}/createRoom HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {ann.token}\r\nTransfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    try:
        for _ in range(2000):
            raw_own.say(piece)
    except OSError:
        pass  # the server answered and closed before all was said
    got = raw_own.answer()
    assert got.status in (413, None)
    assert got.status is None or got.errcode() == "M_TOO_LARGE"


def test_an_event_beyond_64_kib_gets_413(ann):
    room = ann.create_room()
    ann.send(room, "x" * 70000, expect=(413, "M_TOO_LARGE"))


# --- paths ----------------------------------------------------------------


@pytest.mark.parametrize("path", [
    "/_matrix/client/v3/nothing/here", "/_matrix/client/v99/sync", "/_matrix/nothing"])
def test_an_unknown_path_is_404_m_unrecognized(api, path):
    api.request("GET", path, expect=(404, "M_UNRECOGNIZED"), token=None)


@pytest.mark.parametrize("method, path", [
    ("POST", VERSIONS), ("DELETE", V3 + "/login"), ("GET", V3 + "/createRoom"),
    ("PUT", V3 + "/account/whoami"), ("PATCH", V3 + "/login"), ("BREW", V3 + "/login")])
def test_a_wrong_method_is_405_m_unrecognized(api, method, path):
    got = api.reply(method, path, token=None)
    assert (got.status, got.errcode()) == (405, "M_UNRECOGNIZED")


def test_a_405_names_the_methods_that_there_are(own):
    for path, allowed in ((V3 + "/login", "GET, HEAD, POST, OPTIONS"),
                          (V3 + "/createRoom", "POST, OPTIONS")):
        got = own.api.reply("PATCH", path, token=None)
        assert (got.status, got.headers.get("allow")) == (405, allowed)


def test_ids_work_raw_and_encoded(server, ann):
    room, alias = ann.create_room(room_alias_name=fresh("sigils")), None
    alias = ann.state(room, "m.room.canonical_alias")["alias"]
    event = ann.send(room, "hello")
    paths = [
        (f"/rooms/{room}/event/{event}", f"/rooms/{quote(room)}/event/{quote(event)}"),
        (f"/rooms/{room}/state/m.room.member/{ann.user_id}",
         f"/rooms/{quote(room)}/state/m.room.member/{quote(ann.user_id)}"),
        (f"/directory/room/{alias}", f"/directory/room/{quote(alias)}")]
    for as_is, encoded in paths:
        with Raw("127.0.0.1", server.port) as raw:
            for path in (as_is, encoded):
                if "#" in path and server.external:
                    continue
                raw.say(get(V3 + path, "Authorization: Bearer " + ann.token))
                assert raw.answer().status == 200, path


def test_an_encoded_slash_stays_in_the_id(ann):
    room = ann.create_room()
    ann.set_state(room, "org.example.path", {"deep": True}, key="a/b/c")
    assert ann.state(room, "org.example.path", "a/b/c") == {"deep": True}
    path = ann.room(room, "/state/org.example.path/")
    assert ann.get(path + "a%2Fb%2fc") == {"deep": True}
    ann.get(path + "a/b/c", expect=(404, "M_UNRECOGNIZED"))


def test_an_encoded_percent_is_decoded_once(ann):
    room = ann.create_room()
    ann.set_state(room, "org.example.path", {"n": 1}, key="100%25 / ü 🦊")
    assert ann.state(room, "org.example.path", "100%25 / ü 🦊") == {"n": 1}
    keys = [e["state_key"] for e in ann.get(ann.room(room, "/state"))
            if e["type"] == "org.example.path"]
    assert keys == ["100%25 / ü 🦊"]


@pytest.mark.parametrize("bad", ["%", "%2", "%zz", "%00", "%ff", "%c0%af"])
def test_a_malformed_path_is_an_error_of_the_asker(own, ann, bad):
    got = ann.reply("GET", f"{V3}/rooms/{bad}/state")
    assert got.status in (400, 404), got
    assert got.errcode()


# --- tokens and bodies ----------------------------------------------------


def test_a_missing_token_is_401(api):
    api.get("/account/whoami", expect=(401, "M_MISSING_TOKEN"))


@pytest.mark.parametrize("token", ["nonsense", "x" * 3000, "syt_abc_def_ghi", "..", "%00"])
def test_an_unknown_token_is_401(api, token):
    api.request("GET", "/account/whoami", token=token, expect=(401, "M_UNKNOWN_TOKEN"))


def test_a_token_in_the_query_is_as_good_as_one_in_the_head(api, ann):
    got = api.get("/account/whoami", access_token=ann.token)
    assert got["user_id"] == ann.user_id


def test_the_word_bearer_is_understood_in_any_case(own, ann):
    for word in ("Bearer", "bearer"):
        ann.request("GET", "/account/whoami", token=None,
                    headers={"Authorization": f"{word} {ann.token}"})


def test_another_scheme_than_bearer_is_no_token(api):
    api.request("GET", "/account/whoami", token=None, expect=(401, "M_MISSING_TOKEN"),
                headers={"Authorization": "Basic YTpi"})


@pytest.mark.parametrize("body", [
    b"{", b"", b"nonsense", b'{"a": 1,}', b"\xff\xfe", b'{"a": "\xc3"}', b"{} trailing",
    b'{"a": 01}', b"{'a': 1}", b'{"a": NaN}', b'{"a"', b'"' ])
def test_what_is_no_json_is_400_m_not_json(own, ann, body):
    if body == b"":
        ann.request("PUT", "/rooms/!x:localhost/send/m.room.message/1", raw=body, expect=(
            400, "M_NOT_JSON"))
        return
    ann.request("POST", "/createRoom", raw=body, expect=(400, "M_NOT_JSON"))


@pytest.mark.parametrize("body", [
    [], "text", 5, None, {"name": 5}, {"invite": "x"}, {"initial_state": {}},
    {"creation_content": []}, {"preset": 1}, {"is_direct": "yes"}, {"initial_state": [5]}])
def test_json_of_the_wrong_shape_is_400_m_bad_json(ann, body):
    ann.request("POST", "/createRoom", raw=json.dumps(body).encode(),
                expect=[(400, "M_BAD_JSON"), (400, "M_INVALID_PARAM")])


def test_a_body_needs_no_content_type(server, ann):
    with Raw("127.0.0.1", server.port) as raw:
        raw.say(f"POST {V3}/createRoom HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                f"Authorization: Bearer {ann.token}\r\n\r\n{{}}")
        assert "room_id" in raw.answer().json()


def test_errors_are_for_people_too(api):
    got = api.get("/account/whoami", expect=401)
    assert isinstance(got["error"], str) and len(got["error"]) > 3


# --- what the server says about itself -------------------------------------


def test_versions_names_the_versions_it_speaks(api):
    got = api.get(VERSIONS)
    assert all(isinstance(v, str) for v in got["versions"])
    assert "v1.11" in got["versions"] and "r0.6.1" in got["versions"]
    assert all(isinstance(v, bool) for v in got.get("unstable_features", {}).values())


def test_capabilities_name_twelve_room_versions(ann):
    got = ann.get("/capabilities")["capabilities"]["m.room_versions"]
    assert isinstance(got["default"], str)
    for version in range(1, 13):
        assert got["available"][str(version)] == "stable"


def test_the_default_room_version_is_twelve(own, ann):
    got = ann.get("/capabilities")["capabilities"]
    assert got["m.room_versions"]["default"] == "12"
    assert isinstance(got["m.change_password"]["enabled"], bool)


def test_well_known_client_names_the_base_url(private):
    one = private(public_base_url="https://matrix.example.org")
    got = one.api.get("/.well-known/matrix/client")
    assert got["m.homeserver"]["base_url"] == "https://matrix.example.org"


def test_well_known_support_is_an_object_or_404(own):
    got = own.api.reply("GET", "/.well-known/matrix/support", token=None)
    assert got.status in (200, 404)
    if got.status == 200:
        assert "contacts" in got.json() or "support_page" in got.json()
    else:
        assert got.errcode()
