"""Hostile input at every route: no 5xx, no crash, no alarm of a sanitizer.

The routes are read from the server's own table, so that a new one is attacked unasked.
PARLOUR_ROUNDS multiplies how much is thrown (1). Spec:
client-server-api/#standard-error-response.
"""

import json
import os
import random
import re

import pytest

from lib.client import fresh
from lib.http import Raw, quote
from lib.routes import COMMON, routes

ROUNDS = int(os.environ.get("PARLOUR_ROUNDS", 1))
DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000
VALUES = [None, True, False, 0, -1, 2**53, -2**63, 10**400, 1.5, "", "x" * 5000, "\x00", "\ud800",
          "@a:b", "!a:b", "$a", "#a:b", [], {}, [[]], [None], {"": None}, {"a": {"b": []}},
          [1, "a", {}], "../../etc/passwd", "' OR 1=1 --", "%s%n", "🦊" * 100]
KEYS = ["user_id", "reason", "type", "identifier", "password", "auth", "username", "room_id",
        "displayname", "avatar_url", "visibility", "new_version", "invite", "initial_state",
        "preset", "power_level_content_override", "creation_content", "name", "topic", "typing",
        "timeout", "filter", "limit", "since", "refresh_token", "token", "device_id",
        "room_version", "is_direct", "body", "membership", "history_visibility", "join_rule",
        "users", "events", "alias", "new_password", "nonce", "mac", "admin", "session",
        "guest_access_token", "allow", "redacts", "logout_devices", "room_alias_name", "thread_id",
        "m.read", "m.read.private", "m.fully_read", "order"]
BODIES = [b"", b"{", b"}", b"[]", b"null", b"5", b'"x"', b"{}", b"\xff\xfe\xfd", b'{"a":"\xc3"}',
          b'{"a":"\xed\xa0\x80"}', b'{"a":"\\ud800"}', b'{"\\u0000":1}', b'{"a":1,"a":2}',
          b'{"a":1e999999}', b'{"a":' + b"9" * 4000 + b"}", DEEP, b"[" * 100000,
          b"\x00" * 100, b'{"a":-0}', b'{"a":0.1}', b"\xef\xbb\xbf{}", b"{}{}", b"nul"]
PARAMS = ["from", "to", "since", "limit", "timeout", "dir", "filter", "room_id", "at", "ts",
          "membership", "not_membership", "format", "server", "via", "kind", "username", "token",
          "session", "archived", "recurse", "include"]
TEXTS = ["", "x", "-1", "0", "99999999999999999999", "1.5", "%00", "%ff", "%", "%zz", "a" * 3000,
         "{", "[]", '{"types":5}', '{"limit":-1}', "%F0%9F%A6%8A", "!a:b,!c:d,,,", "b", "f",
         "true", "NaN", "+1", "s0_0", "../..", ";", "&&&=&=", "%26"]
SHORT = [text for text in TEXTS if not text.isdigit()]  # no poll that waits for minutes
SEGMENTS = ["x", "!x:y", "@x:y", "$x", "#x:y", "%00", "%ff", "%2F", "%", "..", ".", "%2e%2e",
            "a" * 2000, "!", "@", ":", "%F0%9F%A6%8A", "-1", "m.room.message", "%0d%0a"]
PARAM = re.compile(r"\{(\w+)\}")


def all_routes():
    return routes()


def filled(path, dice, room, event, user):
    """The path with good ids mostly, and hostile ones at times."""
    good = {"roomId": room, "eventId": event, "userId": user.user_id, "roomIdOrAlias": room,
            "eventType": "m.room.message", "stateKey": "", "txnId": fresh("t"),
            "roomAlias": "#x:localhost", "keyName": "displayname",
            "receiptType": "m.read", "type": "org.example.kind", "tag": "u.work"}

    def one(match):
        if dice.random() < 0.35 or match.group(1) not in good:
            return dice.choice(SEGMENTS)
        return quote(good[match.group(1)])

    return PARAM.sub(one, path)


def body_of(dice):
    if dice.random() < 0.4:
        return dice.choice(BODIES)
    thing = {key: dice.choice(VALUES) for key in dice.sample(KEYS, dice.randint(1, 6))}
    return json.dumps(thing).encode("utf-8", "surrogatepass")


def query_of(dice):
    names = dice.sample(PARAMS, dice.randint(0, 4))
    pairs = [f"{name}={dice.choice(TEXTS if name != 'timeout' else SHORT)}" for name in names]
    if not any(p.startswith("timeout=") for p in pairs):
        pairs.append("timeout=0")
    return "?" + "&".join(pairs)


def attack(server, victim, method, path, dice, times):
    """Throws `times` hostile requests at one route; the statuses."""
    room = victim.public_room()
    event = victim.send(room, "x")
    for _ in range(times):
        target = filled(path, dice, room, event, victim) + query_of(dice)
        body = body_of(dice) if method in ("POST", "PUT", "DELETE") else b""
        token = dice.choice([victim.token] * 8 + ["nonsense", victim.token[:-1]])
        if target.split("?")[0].endswith(("/logout", "/logout/all", "/deactivate", "/password")):
            token = "nonsense"  # the attacker would only lock himself out
        head = (f"{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")
        with Raw("127.0.0.1", server.port, within_s=40) as raw:
            raw.say(head.encode("latin-1", "replace") + body)
            got = raw.answer(is_head=method == "HEAD")
        assert got.status is not None, f"no answer to {head!r}"
        assert got.status < 500, f"{got} to {head!r} {body[:300]!r}"
        if got.status >= 400 and "json" in got.headers.get("content-type", ""):
            assert re.fullmatch(r"M_[A-Z_]+|", got.errcode() or ""), got


@pytest.fixture(scope="module")
def victim(server):
    return server.api.register()


@pytest.mark.parametrize("method, path", all_routes() or [("GET", "")])
def test_a_route_withstands_what_is_thrown_at_it(own, victim, method, path):
    assert path, "no table of routes was found in src/api"
    attack(own, victim, method, path, random.Random(f"{method} {path}"), 12 * ROUNDS)
    own.assert_alive()


@pytest.mark.parametrize("method, path", COMMON)
def test_a_common_endpoint_withstands_what_is_thrown_at_it(own, victim, method, path):
    attack(own, victim, method, path, random.Random(f"common {method} {path}"), 25 * ROUNDS)
    own.assert_alive()


@pytest.mark.parametrize("cut", [0, 1, 5, 20, 60])
def test_a_body_cut_off_is_nobodys_request(own, victim, cut):
    body = json.dumps({"name": "never made", "topic": "x" * 100}).encode()
    before = victim.get("/joined_rooms")["joined_rooms"]
    with Raw("127.0.0.1", own.port) as raw:
        raw.say(f"POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {victim.token}\r\nContent-Length: {len(body)}\r\n\r\n")
        raw.say(body[:cut])
    own.assert_alive()
    assert victim.get("/joined_rooms")["joined_rooms"] == before


def test_random_bytes_are_400_or_hung_up_on(own):
    dice = random.Random(5)
    for _ in range(150 * ROUNDS):
        with Raw("127.0.0.1", own.port, within_s=10) as raw:
            try:
                raw.say(dice.randbytes(dice.randint(1, 400)) + b"\r\n\r\n")
                got = raw.answer()
            except ConnectionError:
                continue  # hung up on while still speaking
            assert got.status is None or 400 <= got.status < 506
    own.assert_alive()


def test_requests_with_some_bytes_changed_never_break_it(own, victim):
    dice = random.Random(6)
    body = b'{"name":"x","preset":"public_chat"}'
    good = (f"POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: Bearer {victim.token}\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body
    for _ in range(200 * ROUNDS):
        bad = bytearray(good)
        for _ in range(dice.randint(1, 3)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        with Raw("127.0.0.1", own.port, within_s=10) as raw:
            raw.say(bytes(bad))
            raw.sock.shutdown(1)
            try:
                got = raw.answer()
            except (ConnectionError, TimeoutError):
                continue
            assert got.status is None or got.status < 500 or got.status in (501, 505), got
    own.assert_alive()


def test_events_nested_as_deep_as_can_be_are_refused_or_kept(own, victim):
    room = victim.create_room()
    for depth in (10, 50, 100, 500, 5000):
        raw = b'{"a":' * depth + b"1" + b"}" * depth
        got = victim.reply("PUT", victim.room(room, "/send/x/" + fresh("t")), raw=raw)
        assert got.status in (200, 400, 413)
    assert victim.all_messages(room)


def test_after_all_this_the_server_is_well(own, ann):
    room = ann.create_room()
    event = ann.send(room, "still standing")
    assert ann.event(room, event)["content"]["body"] == "still standing"
    own.assert_no_alarm()
