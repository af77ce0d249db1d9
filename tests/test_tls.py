"""TLS in the server itself, as curl, openssl and Python's ssl see it."""

import http.client
import json
import signal
import socket
import ssl
import threading
import time

import pytest

from lib.http import quote
from lib.server import run
from lib.tls import curl, make_certificate, s_client

EVENTS = "/_matrix/client/api/v1/events"
HEALTH = "/_parlour/health"
GET = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n"


def dial(server, **options):
    """A connection of Python's own, certificate checked."""
    context = ssl.create_default_context(cafile=str(server.certificate))
    context.set_alpn_protocols(["http/1.1"])
    for name, value in options.items():
        setattr(context, name, value)
    plain = socket.create_connection(("127.0.0.1", server.tls_port), timeout=30)
    return context.wrap_socket(plain, server_hostname="localhost")


def ask(conn, path, method="GET", body=None):
    """One exchange on a kept connection; its status and what its JSON says."""
    client = http.client.HTTPConnection("localhost")
    client.sock = conn
    client.request(method, path, body=body, headers={"Content-Type": "application/json"})
    got = client.getresponse()
    return got.status, json.loads(got.read())


def test_plain_and_secure_listeners_serve_side_by_side(secure):
    assert secure.http.ask("GET", HEALTH).status == 200
    got = curl(secure, HEALTH, "--http1.1", "-w", "\n%{http_version} %{response_code}")
    assert got.returncode == 0, got.stderr
    assert got.stdout.splitlines()[-1] == "1.1 200"
    assert curl(secure, HEALTH, "-w", "\n%{http_version}").stdout.splitlines()[-1] == "2"


@pytest.mark.parametrize("version, works", [("1.0", False), ("1.1", False), ("1.2", True),
                                            ("1.3", True)])
def test_old_versions_are_refused(secure, version, works):
    got = curl(secure, HEALTH, "--tlsv1.0", "--tls-max", version,
               *([] if works else ["--ciphers", "DEFAULT:@SECLEVEL=0"]))
    assert (got.returncode == 0) == works, got.stderr


def test_a_guest_registers_and_hears_by_tls(secure):
    ann = secure.api.register()
    room = ann.public_room()
    conn = dial(secure)
    _, guest = ask(conn, "/_matrix/client/v3/register?kind=guest", "POST", "{}")
    heard = []
    path = f"{EVENTS}?room_id={quote(room)}&access_token={guest['access_token']}"
    listener = threading.Thread(target=lambda: heard.append(ask(conn, path)))
    listener.start()
    secure.until_parked(1)
    event = ann.send(room, "through TLS")
    listener.join(30)
    (status, answer), = heard
    assert status == 200
    assert [e["event_id"] for e in answer["chunk"]] == [event]
    conn.close()


def test_tickets_resume_also_after_the_certificate_was_read_again(secure, tmp_path):
    session = tmp_path / "session.pem"
    for reloads, version in enumerate(("-tls1_2", "-tls1_3"), 1):
        # HTTP/1.0: the server ends it, after the ticket has come.
        say = f"GET {HEALTH} HTTP/1.0\r\n\r\n"
        first = s_client(secure, version, "-ign_eof", "-sess_out", session, say=say)
        assert "New, TLS" in first.stdout and "200 OK" in first.stdout
        secure.process.send_signal(signal.SIGHUP)
        until_logged(secure, "is read again", reloads)
        again = s_client(secure, version, "-ign_eof", "-sess_in", session, say=say)
        assert "Reused, TLS" in again.stdout and "200 OK" in again.stdout


def until_logged(server, words, count=1):
    deadline = time.monotonic() + 20
    while server.log.read_text().count(words) < count:
        assert time.monotonic() < deadline, server.tail()
        time.sleep(0.01)  # a file says nothing when it grows


def serial_of(conn):
    return conn.getpeercert()["serialNumber"]


def test_a_new_certificate_is_taken_without_losing_a_connection(secure, tmp_path):
    ann = secure.api.register()
    room, guest = ann.public_room(), secure.api.guest()
    old, heard = dial(secure), []
    path = f"{EVENTS}?room_id={quote(room)}&access_token={guest.token}"
    listener = threading.Thread(target=lambda: heard.append(ask(old, path)))
    listener.start()
    secure.until_parked(1)
    make_certificate(tmp_path)  # of the same paths
    secure.process.send_signal(signal.SIGHUP)
    until_logged(secure, "is read again")
    new = dial(secure)
    assert serial_of(new) != serial_of(old)
    event = ann.send(room, "still here")
    listener.join(30)
    assert [e["event_id"] for e in heard[0][1]["chunk"]] == [event]
    assert ask(new, HEALTH)[0] == 200
    old.close()
    new.close()


def test_a_damaged_certificate_leaves_the_old_one(secure):
    before = dial(secure)
    good = secure.certificate.read_text()
    secure.certificate.write_text(good[: len(good) // 2])
    secure.process.send_signal(signal.SIGHUP)
    until_logged(secure, "the old certificate stays")
    assert str(secure.certificate) in secure.tail()
    secure.certificate.write_text(good)
    after = dial(secure)
    assert serial_of(after) == serial_of(before)
    before.close()
    after.close()


def test_a_hang_up_ends_no_server_without_certificates(private):
    one = private()
    one.process.send_signal(signal.SIGHUP)
    until_logged(one, "no listener has a certificate")
    one.assert_alive()


def test_who_was_started_by_nohup_hears_a_hang_up_too(private):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        one = private()
    finally:
        signal.signal(signal.SIGHUP, before)
    one.process.send_signal(signal.SIGHUP)
    until_logged(one, "no listener has a certificate")
    one.assert_alive()


def test_a_megabyte_goes_to_a_slow_reader(secure):
    ann = secure.api.register()
    room = ann.public_room()
    for _ in range(20):
        ann.send(room, "x" * 60000)
    plain = socket.create_connection(("127.0.0.1", secure.tls_port), timeout=60)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    context = ssl.create_default_context(cafile=str(secure.certificate))
    with context.wrap_socket(plain, server_hostname="localhost") as conn:
        status, page = ask(
            conn, f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=b&limit=20"
            f"&access_token={ann.token}")
    assert status == 200
    assert [len(e["content"]["body"]) for e in page["chunk"]] == [60000] * 20


def test_the_end_is_announced(secure):
    with dial(secure, options=ssl.OP_ALL) as conn:
        conn.sendall(f"GET {HEALTH} HTTP/1.0\r\n\r\n".encode())
        # Python raises SSLEOFError where close_notify is missing.
        conn.suppress_ragged_eofs = False
        got = b""
        while more := conn.recv(65536):
            got += more
    assert got.startswith(b"HTTP/1.1 200 OK")


def test_what_is_no_tls_is_closed_and_harms_nobody(secure):
    for text in (GET.encode(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"\x16\x03\x01\xff\xff" + b"x" * 900):
        with socket.create_connection(("127.0.0.1", secure.tls_port), timeout=30) as plain:
            plain.sendall(text)
            try:
                while plain.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    assert curl(secure, HEALTH).returncode == 0


# --- parlour check and serve -------------------------------------------------


def spoil_missing(certificate, key):
    certificate.unlink()
    return certificate


def spoil_damaged(certificate, key):
    certificate.write_text("no certificate")
    return certificate


def spoil_missing_key(certificate, key):
    key.unlink()
    return key


def spoil_pair(certificate, key):
    other, _ = make_certificate(certificate.parent, "other")
    certificate.write_text(other.read_text())
    return key


@pytest.mark.parametrize("spoil", [spoil_missing, spoil_damaged, spoil_missing_key, spoil_pair])
def test_check_and_serve_name_the_file_that_is_wrong(tmp_path, spoil):
    certificate, key = make_certificate(tmp_path)
    config = tmp_path / "parlour.yaml"
    config.write_text(
        f"data_dir: {tmp_path}/data\nlisteners:\n  - {{address: '127.0.0.1:0', serve: [client],"
        f" tls: {{certificate: {certificate}, key: {key}}}}}\n")
    assert run("check", "--config", config).returncode == 0
    wrong = spoil(certificate, key)
    got = run("check", "--config", config)
    assert got.returncode == 1
    assert f"error: listeners: {wrong}: " in got.stdout
    got = run("serve", "--config", config)
    assert got.returncode == 1
    assert f"parlour: {wrong}: " in got.stderr
