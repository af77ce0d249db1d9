"""Where the server listens: Unix sockets, sockets handed over, what a proxy says first.

doc/operating.md
"""

import http.client
import os
import socket
import ssl
import subprocess

import pytest

from lib.server import Server, command, free_port

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
def with_listeners(tmp_path):
    """Starts a server that has these listeners beside its own."""
    servers = []

    def start(*listeners, **settings):
        server = Server(tmp_path / f"s{len(servers)}", **settings)
        own = server.settings["listeners"]
        server.settings["listeners"] = [*own, *listeners]
        server.write_config()
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


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
    (tmp_path / "other.yaml").write_text(
        f"data_dir: {tmp_path}/other\n"
        f"listeners: [{{address: 'unix:{path}', serve: [client]}}]\n")
    got = subprocess.run(command("serve", "--config", str(tmp_path / "other.yaml")),
                         capture_output=True, text=True, timeout=60, check=False)
    assert got.returncode != 0 and f"{path}: is in use by another program" in got.stderr
    assert ask(unix(path)).startswith(b"HTTP/1.1 200")


def test_many_at_once_are_served_by_a_unix_socket(with_listeners, tmp_path):
    path = tmp_path / "parlour.sock"
    with_listeners({"address": f"unix:{path}", "serve": ["client"]})
    held = [unix(path) for _ in range(100)]
    assert all(ask(one).startswith(b"HTTP/1.1 200") for one in held)


@pytest.mark.parametrize("address", ["systemd", "systemd:web"])
def test_a_socket_that_was_handed_over_is_served(tmp_path, address):
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    (tmp_path / "c.yaml").write_text(
        f"data_dir: {tmp_path}/data\nlog: {{format: json}}\n"
        f"listeners: [{{address: '{address}', serve: [client]}}]\n")
    # As systemd does: the socket is number 3, and the pid is that of the server itself.
    script = 'exec 3<&$FD; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", *command("serve", "--config", str(tmp_path / "c.yaml"))],
        env={**os.environ, "FD": str(listening.fileno())}, pass_fds=[listening.fileno()])
    try:
        # It listens already: who comes too early waits in its queue.
        one = socket.create_connection(("127.0.0.1", port))
        assert ask(one).startswith(b"HTTP/1.1 200")
    finally:
        process.terminate()
        assert process.wait(20) == 0
        listening.close()


def test_a_socket_that_nobody_handed_over_is_a_sentence(tmp_path):
    (tmp_path / "c.yaml").write_text(
        f"data_dir: {tmp_path}/data\nlisteners: [{{address: systemd, serve: [client]}}]\n")
    got = subprocess.run(command("serve", "--config", str(tmp_path / "c.yaml")),
                         capture_output=True, text=True, timeout=60, check=False)
    assert got.returncode != 0 and "systemd has handed over no socket" in got.stderr


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
    assert not ask(again, same + HEALTH).startswith(b"HTTP/1.1 200")
    other = socket.create_connection(("127.0.0.1", port))
    assert ask(other, b"PROXY TCP4 192.0.2.99 198.51.100.1 1 443\r\n" + HEALTH
               ).startswith(b"HTTP/1.1 200")
    held.close()


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
    port, pem = free_port(), tmp_path / "c.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", str(tmp_path / "k.pem"), "-out", str(pem)],
                   check=True, capture_output=True)
    limited_by_address(with_listeners, port,
                       tls={"certificate": str(pem), "key": str(tmp_path / "k.pem")})
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n")
    secure = ssl.create_default_context(cafile=str(pem)).wrap_socket(
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
