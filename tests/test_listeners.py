"""Where the server listens: Unix sockets, sockets handed over, what a proxy says first.

doc/operating.md
"""

import http.client
import socket
import ssl

import pytest

from lib.server import Server, free_port
from lib.tls import make_certificate

HEALTH = b"GET /_parlour/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def ask(one, request=HEALTH):
    """All that is answered until the end of the connection."""
    one.settimeout(20)
    one.sendall(request)
    answer = b""
    while True:
        try:
            part = one.recv(65536)
        except ConnectionResetError:  # closed with what it had not read
            part = b""
        if not part:
            return answer
        answer += part


def unix(path):
    one = socket.socket(socket.AF_UNIX)
    one.connect(str(path))
    return one


@pytest.fixture
def with_listeners(private):
    """Starts a server that has these listeners beside its own."""
    def start(*listeners, **settings):
        one = private(running=False, **settings)
        one.add_listeners(*listeners)
        return one.start()

    return start


def test_a_unix_socket_is_served_and_goes_with_its_server(with_listeners, tmp_path):
    path = tmp_path / "parlour.sock"
    server = with_listeners({"address": f"unix:{path}", "serve": ["client"]})
    assert ask(unix(path)).startswith(b"HTTP/1.1 200")
    server.stop()
    assert not path.exists()


def test_the_socket_of_one_that_was_killed_is_taken_over(with_listeners, tmp_path):
    path = tmp_path / "parlour.sock"
    server = with_listeners({"address": f"unix:{path}", "serve": ["client"]})
    server.kill()
    assert path.exists()
    server.start()
    assert ask(unix(path)).startswith(b"HTTP/1.1 200")


def test_a_unix_socket_in_use_is_refused(with_listeners, tmp_path):
    path = tmp_path / "parlour.sock"
    with_listeners({"address": f"unix:{path}", "serve": ["client"]})
    other = Server(tmp_path / "other")
    other.add_listeners({"address": f"unix:{path}", "serve": ["client"]})
    got = other.run("serve")
    assert got.returncode == 1 and f"{path}: is in use by another program" in got.stderr
    assert ask(unix(path)).startswith(b"HTTP/1.1 200")


def test_many_at_once_are_served_by_a_unix_socket(with_listeners, tmp_path):
    path = tmp_path / "parlour.sock"
    with_listeners({"address": f"unix:{path}", "serve": ["client"]})
    held = [unix(path) for _ in range(100)]
    assert all(ask(one).startswith(b"HTTP/1.1 200") for one in held)


# --- sockets that are handed over ---------------------------------------------


def handed_over(sockets, names=None):
    """How a server is started by systemd: its sockets are number 3 and so on, and the pid
    is that of the server itself."""
    moved = " ".join(f"{at}<&{one.fileno()}" for at, one in enumerate(sockets, 3))
    named = f"LISTEN_FDNAMES={names} " if names else ""
    script = f'exec {moved}; LISTEN_PID=$$ LISTEN_FDS={len(sockets)} {named}exec "$@"'
    return {"before": ["bash", "-c", script, "systemd"],
            "pass_fds": [one.fileno() for one in sockets]}


@pytest.fixture
def activated(private):
    """A server that is to have its sockets from systemd, and two for its own ports."""
    one = private(running=False)
    with (socket.create_server(("127.0.0.1", one.port)) as one.web,
          socket.create_server(("127.0.0.1", one.metrics_port)) as one.numbers):
        yield one


@pytest.mark.parametrize("address, names", [("systemd", None), ("systemd:web", "web")])
def test_a_socket_that_was_handed_over_is_served(activated, address, names):
    activated.write_config(listeners=[{"address": address, "serve": ["client"]}])
    early = socket.create_connection(("127.0.0.1", activated.port))  # waits in its queue
    activated.start(**handed_over([activated.web], names))
    assert ask(early).startswith(b"HTTP/1.1 200")


# Names first, wherever their listeners and sockets stand; then what is left.
@pytest.mark.parametrize("address", ["systemd:web", "systemd"])
def test_each_of_two_sockets_goes_to_the_listener_of_its_name(activated, address):
    activated.write_config(listeners=[
        {"address": address, "serve": ["client"]},
        {"address": "systemd:numbers", "serve": ["metrics"]}])
    activated.start(**handed_over([activated.numbers, activated.web], "numbers:web"))
    assert activated.http.ask("GET", "/_matrix/client/versions").status == 200
    assert activated.metrics_http.ask("GET", "/_matrix/client/versions").status == 404
    assert activated.parked() == 0


def refusal(server, sockets, names=None):
    got = server.run("serve", **handed_over(sockets, names))
    assert got.returncode == 1
    return got.stderr


def test_a_socket_that_nobody_handed_over_is_a_sentence(activated):
    activated.write_config(listeners=[{"address": "systemd", "serve": ["client"]}])
    got = activated.run("serve")
    assert got.returncode == 1
    assert "systemd has handed over no socket of that name, or too few" in got.stderr
    activated.write_config(listeners=[{"address": "systemd:other", "serve": ["client"]}])
    assert "systemd has handed over no socket of that name, or too few" in refusal(
        activated, [activated.web], "web")


@pytest.mark.parametrize("address, names", [("systemd", None), ("systemd:web", "web:numbers")])
def test_a_socket_that_is_no_listeners_is_a_sentence(activated, address, names):
    activated.write_config(listeners=[{"address": address, "serve": ["client"]}])
    assert "systemd has handed over a socket that is no listener's address" in refusal(
        activated, [activated.web, activated.numbers], names)


# --- what a proxy says first ------------------------------------------------

V2 = b"\r\n\r\n\0\r\nQUIT\n"


def proxied(port, **more):
    return {"address": f"127.0.0.1:{port}", "serve": ["client"], "proxy_protocol": True, **more}


def limited_by_address(with_listeners, port, **more):
    return with_listeners(proxied(port, **more),
                          limits={"rate": "off", "connections_per_address": 1},
                          trusted_proxies=["127.0.0.1/32"])


@pytest.mark.parametrize("first, same", [
    (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n",
     V2 + b"\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb"),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n",
     b"PROXY TCP6 2001:db8::7 2001:db8::2 56324 443\r\n"),
])
def test_a_proxy_says_for_whom_it_connects(with_listeners, first, same):
    port = free_port()
    limited_by_address(with_listeners, port)
    held = socket.create_connection(("127.0.0.1", port))
    held.sendall(first + HEALTH.replace(b"Connection: close\r\n", b""))
    assert held.recv(65536).startswith(b"HTTP/1.1 200")
    # The same client, as the other connection is still there: one too many.
    again = socket.create_connection(("127.0.0.1", port))
    assert ask(again, same + HEALTH) == b""
    other = socket.create_connection(("127.0.0.1", port))
    assert ask(other, b"PROXY TCP4 192.0.2.99 198.51.100.1 1 443\r\n" + HEALTH
               ).startswith(b"HTTP/1.1 200")
    held.close()


@pytest.mark.parametrize("rest", [
    b"\x20\0\0\0", b"\x21\0\0\0", b"\x21\0\0\7\4\0\4abcd", b"\x21\x31\0\xd8" + 216 * b"x"],
    ids=["local", "unspec", "unspec_with_more", "unix"])
def test_a_proxy_that_names_no_address_speaks_for_itself(with_listeners, rest):
    port = free_port()
    limited_by_address(with_listeners, port)
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    for one in held:  # of a trusted one, as many as it likes
        one.sendall(V2 + rest)
    assert all(ask(one).startswith(b"HTTP/1.1 200") for one in held)


def test_a_proxy_header_may_come_in_parts(with_listeners):
    port = free_port()
    limited_by_address(with_listeners, port)
    one = socket.create_connection(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n":
        one.sendall(bytes([byte]))
    assert ask(one).startswith(b"HTTP/1.1 200")


def test_a_proxy_that_says_nothing_of_it_is_let_go(with_listeners):
    port = free_port()
    limited_by_address(with_listeners, port)
    one = socket.create_connection(("127.0.0.1", port))
    assert ask(one) == b""


def test_who_is_no_proxy_may_not_speak_for_others(with_listeners):
    port = free_port()
    with_listeners(proxied(port), trusted_proxies=["192.0.2.0/24"])
    one = socket.create_connection(("127.0.0.1", port))
    assert ask(one, b"PROXY TCP4 192.0.2.1 198.51.100.1 1 443\r\n" + HEALTH) == b""


def test_tls_begins_behind_what_the_proxy_says(with_listeners, tmp_path):
    port = free_port()
    certificate, key = make_certificate(tmp_path)
    limited_by_address(with_listeners, port,
                       tls={"certificate": str(certificate), "key": str(key)})
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n")
    secure = ssl.create_default_context(cafile=str(certificate)).wrap_socket(
        one, server_hostname="localhost")
    assert ask(secure).startswith(b"HTTP/1.1 200")


def test_each_listener_serves_what_it_is_for(with_listeners):
    port = free_port()
    with_listeners({"address": f"127.0.0.1:{port}", "serve": ["metrics"]})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for path, status in (("/metrics", 200), ("/_matrix/client/versions", 404)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
