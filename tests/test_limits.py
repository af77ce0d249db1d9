"""Rate limits, on servers of their own: who is slowed down, how he is told, who is not.

Spec: client-server-api/#rate-limiting.
"""

import socket
import time

import pytest

from lib.client import Client, fresh


@pytest.fixture
def limited(private):
    return private(limits={"rate": "on"}, trusted_proxies=["127.0.0.1/32"])


def until_limited(ask, most=3000):
    """Asks until told to slow down; the answer that says so."""
    for _ in range(most):
        got = ask()
        if got.status == 429:
            return got
    raise AssertionError(f"{most} requests in a row, and no limit")


def from_address(address):
    return {"X-Forwarded-For": address}


def check_limited(got):
    assert got.errcode() == "M_LIMIT_EXCEEDED"
    assert int(got.headers["retry-after"]) >= 1
    assert got.json().get("retry_after_ms", 1) > 0


def test_one_who_sends_too_much_is_told_when_to_come_back(limited):
    ann = limited.api.register()
    room = ann.create_room()
    check_limited(until_limited(lambda: ann.reply(
        "PUT", ann.room(room, f"/send/m.room.message/{fresh('t')}"), {"body": "x"})))


def test_one_who_is_slowed_down_slows_nobody_else(limited):
    ann, ben = limited.api.register(), limited.api.register()
    room = ann.create_room(preset="public_chat")
    other = ben.create_room()
    until_limited(lambda: ann.reply(
        "PUT", ann.room(room, f"/send/m.room.message/{fresh('t')}"), {"body": "x"},
        headers=from_address("192.0.2.1")))
    ben.request("PUT", ben.room(other, f"/send/m.room.message/{fresh('t')}"), {"body": "x"},
                headers=from_address("192.0.2.2"))


def test_logins_are_limited_by_address(limited):
    body = {"type": "m.login.password", "password": "wrong",
            "identifier": {"type": "m.id.user", "user": "nobody"}}

    def ask(address="192.0.2.7"):
        return limited.api.reply("POST", "/login", body, headers=from_address(address))

    check_limited(until_limited(ask))
    assert ask("192.0.2.8").status == 403


def test_guests_are_limited_by_address(limited):
    def ask(address="198.51.100.1"):
        return limited.api.reply("POST", "/register?kind=guest", {},
                                 headers=from_address(address))

    check_limited(until_limited(ask))
    assert ask("198.51.100.2").status == 200


def test_an_ipv6_network_of_64_bits_counts_as_one(limited):
    def ask(address):
        return limited.api.reply("POST", "/register?kind=guest", {},
                                 headers=from_address(address))

    count = iter(range(1, 10**6))
    check_limited(until_limited(lambda: ask(f"2001:db8:1:1::{next(count):x}")))
    assert ask("2001:db8:1:2::1").status == 200


def test_an_address_is_believed_of_trusted_proxies_alone(private):
    one = private(limits={"rate": "on"}, trusted_proxies=["192.0.2.1/32"])
    count = iter(range(1, 10**6))

    def ask():
        at = next(count)
        return one.api.reply("POST", "/register?kind=guest", {},
                             headers=from_address(f"198.51.{at // 250}.{at % 250}"))

    check_limited(until_limited(ask))


def test_what_a_client_forges_before_a_trusted_proxy_is_not_believed(limited):
    count = iter(range(1, 10**6))

    def ask(address="203.0.113.9"):
        forged = f"198.51.100.{next(count) % 250}"
        return limited.api.reply("POST", "/register?kind=guest", {},
                                 headers=from_address(f"{forged}, {address}"))

    check_limited(until_limited(ask))
    assert ask("203.0.113.10").status == 200


def test_with_limits_off_nobody_is_slowed_down(own):
    ann = own.api.register()
    room = ann.create_room()
    for _ in range(200):
        ann.send(room, "x")
    for _ in range(200):
        own.api.guest()
    for _ in range(30):
        own.api.login("nobody", "wrong", expect=(403, "M_FORBIDDEN"))


def test_a_preflight_is_never_limited(limited):
    for _ in range(300):
        got = limited.api.reply("OPTIONS", "/login", token=None)
        assert got.status in (200, 204)


def test_a_slowed_down_guest_keeps_its_token(limited):
    ann, guest = limited.api.register(), limited.api.guest()
    hall = ann.public_room()
    other = Client(guest.http, guest.token)
    until_limited(lambda: other.reply("GET", other.room(hall, "/messages?dir=b")), most=5000)
    got = guest.reply("GET", "/account/whoami")
    assert got.status in (200, 429)


# --- how many at one time ---------------------------------------------------


class Holder:
    """A poll that stays parked on a connection of its own until it is closed."""

    def __init__(self, server, guest, room, address=None):
        host, port = server.http.base.split("//")[1].split(":")
        self.socket = socket.create_connection((host, int(port)))
        forwarded = f"X-Forwarded-For: {address}\r\n" if address else ""
        self.socket.sendall(
            f"GET /_matrix/client/v3/events?timeout=60000&room_id={room} HTTP/1.1\r\n"
            f"Host: x\r\nAuthorization: Bearer {guest.token}\r\n{forwarded}\r\n".encode())

    def close(self):
        self.socket.close()


def test_one_token_parks_only_so_many_listeners(private):
    server = private(limits={"rate": "off", "parked_per_token": 3})
    room = server.api.register().public_room()
    guest, other = server.api.guest(), server.api.guest()
    holders = [Holder(server, guest, room) for _ in range(3)]
    server.until_parked(3)
    check_limited(guest.reply("GET", f"/events?room_id={room}"))
    assert "chunk" in other.events(other.now([room]), [room], 0)
    holders.pop().close()
    server.until_parked_at_most(2)
    assert "chunk" in guest.events(guest.now([room]), [room], 0)
    for holder in holders:
        holder.close()
    server.until_parked_at_most(0)


def test_one_address_parks_only_so_many_listeners(private):
    server = private(limits={"rate": "off", "parked_per_address": 2},
                     trusted_proxies=["127.0.0.1/32"])
    room = server.api.register().public_room()
    guests = [server.api.guest() for _ in range(4)]
    holders = [Holder(server, guest, room, "192.0.2.1") for guest in guests[:2]]
    server.until_parked(2)
    path = f"/events?timeout=0&room_id={room}"
    check_limited(guests[2].reply("GET", path, headers=from_address("192.0.2.1")))
    assert guests[3].reply("GET", path, headers=from_address("192.0.2.2")).status == 200
    for holder in holders:
        holder.close()


def test_an_ipv6_network_counts_as_one_address(private):
    server = private(limits={"rate": "off", "parked_per_address": 1},
                     trusted_proxies=["127.0.0.1/32"])
    room, guest = server.api.register().public_room(), server.api.guest()
    holder = Holder(server, guest, room, "2001:db8:1:2::1")
    server.until_parked(1)
    path = f"/events?timeout=0&room_id={room}"
    check_limited(guest.reply("GET", path, headers=from_address("2001:db8:1:2:ff::9")))
    assert guest.reply("GET", path, headers=from_address("2001:db8:1:3::1")).status == 200
    holder.close()


HEALTH = b"GET /_parlour/health HTTP/1.1\r\nHost: x\r\n\r\n"


def one_more(server):
    """A connection, and what its first request is answered."""
    host, port = server.http.base.split("//")[1].split(":")
    one = socket.create_connection((host, int(port)))
    try:
        one.sendall(HEALTH)
        return one, one.recv(4096)
    except ConnectionError:  # turned away before it could ask
        return one, b""


def test_one_address_has_only_so_many_connections(private):
    server = private(limits={"rate": "off", "connections_per_address": 8}, trusted_proxies=[])
    held = []
    while True:  # this test's own client has some already
        one, answer = one_more(server)
        if not answer.startswith(b"HTTP/1.1 200"):
            break
        held.append(one)
        assert len(held) <= 8
    assert answer.startswith(b"HTTP/1.1 503") and b"\r\nRetry-After: " in answer
    held.pop().close()
    deadline = time.monotonic() + 20
    while not one_more(server)[1].startswith(b"HTTP/1.1 200"):  # it notices the end of one
        assert time.monotonic() < deadline
    for one in held:
        one.close()


def test_a_proxy_has_as_many_connections_as_it_likes(private):
    server = private(limits={"rate": "off", "connections_per_address": 2},
                     trusted_proxies=["127.0.0.1/32"])
    held = [one_more(server) for _ in range(20)]
    assert all(answer.startswith(b"HTTP/1.1 200") for _, answer in held)
