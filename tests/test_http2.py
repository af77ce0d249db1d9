"""HTTP/2 as curl, Python's h2 and httpx see it, with TLS and without."""

import asyncio
import json
import socket
import ssl
import subprocess

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from lib.http import quote

EVENTS = "/_matrix/client/api/v1/events"
HEALTH = "/_parlour/health"
VERSIONS = "/_matrix/client/versions"
MANY = 200


def plain_client(server):
    """HTTP/2 with prior knowledge, on one connection."""
    return httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", http1=False, http2=True, timeout=60,
        limits=httpx.Limits(max_connections=1), trust_env=False)


def secure_client(server):
    return httpx.AsyncClient(
        base_url=f"https://localhost:{server.tls_port}", http2=True, timeout=60,
        verify=ssl.create_default_context(cafile=str(server.certificate)),
        limits=httpx.Limits(max_connections=1), trust_env=False)


async def until_parked(server, count):
    await asyncio.to_thread(server.until_parked, count)


async def a_guest_hears(client, server):
    ann = server.api.register()
    room = ann.public_room()
    guest = (await client.post("/_matrix/client/v3/register?kind=guest", json={})).json()
    poll = asyncio.create_task(client.get(
        EVENTS, params={"room_id": room, "access_token": guest["access_token"]}))
    await until_parked(server, 1)
    event = await asyncio.to_thread(ann.send, room, "by two")
    got = await poll
    assert got.http_version == "HTTP/2"
    assert [e["event_id"] for e in got.json()["chunk"]] == [event]
    await client.aclose()


def test_a_guest_registers_and_hears_with_prior_knowledge(private):
    server = private()
    asyncio.run(a_guest_hears(plain_client(server), server))


def test_a_guest_registers_and_hears_through_tls(secure):
    asyncio.run(a_guest_hears(secure_client(secure), secure))


@pytest.mark.parametrize("is_secure", [False, True])
def test_two_hundred_guests_on_one_connection_hear_one_event(secure, is_secure):
    ann = secure.api.register()
    room = ann.public_room()
    frames = Frames(secure, is_secure)
    path = f"{EVENTS}?room_id={quote(room)}&access_token="
    streams = [frames.ask(head(path + secure.api.guest().token)) for _ in range(MANY)]
    secure.until_parked(MANY)
    event = ann.send(room, "to all")
    frames.await_ended(streams)
    assert [frames.heard(stream) for stream in streams] == [[event]] * MANY
    secure.until_parked_at_most(0)
    frames.sock.close()


@pytest.mark.parametrize("who", ["guest", "member"])
def test_a_stream_of_events_goes_on_by_http_2_and_nobody_looks_for_it(secure, who):
    ann = secure.api.register()
    room = ann.public_room()
    listener = secure.api.guest() if who == "guest" else secure.api.register()
    if who == "member":
        listener.join(room)

    def looked():
        return secure.metrics()["parlour_listener_looks_total"]

    async def listen():
        heard = []
        async with secure_client(secure) as client, client.stream(
                "GET", EVENTS, params={"room_id": room, "access_token": listener.token},
                headers={"Accept": "text/event-stream"}) as got:
            assert got.http_version == "HTTP/2"
            assert got.headers["content-type"].startswith("text/event-stream")
            assert "transfer-encoding" not in got.headers
            sent = []
            async for line in got.aiter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line[6:])["event_id"])
                # The first blank line ends the opening, each other one an event.
                if line == "" and len(heard) == len(sent):
                    if len(sent) == 0:
                        before = await asyncio.to_thread(looked)
                    if len(sent) == 20:
                        break
                    sent.append(await asyncio.to_thread(ann.send, room, f"{len(sent)}"))
        return sent, heard, before

    sent, heard, before = asyncio.run(listen())
    assert heard == sent
    assert looked() == before
    secure.until_parked_at_most(0)


def test_who_stops_listening_is_gone_and_the_connection_stays(private):
    server = private()
    ann = server.api.register()
    room, guest = ann.public_room(), server.api.guest()
    frames = Frames(server)
    path = f"{EVENTS}?room_id={quote(room)}&access_token={guest.token}"
    streams = [frames.ask(head(path)) for _ in range(3)]
    server.until_parked(3)
    frames.reset(streams.pop(1))
    server.until_parked_at_most(2)
    event = ann.send(room, "who is there")
    frames.await_ended(streams)
    assert [frames.heard(stream) for stream in streams] == [[event]] * 2
    frames.sock.close()


# --- curl --------------------------------------------------------------------


def curl(server, path, *words):
    return subprocess.run(
        ["curl", "-s", "-S", "--http2-prior-knowledge", "--max-time", "30", *words,
         f"http://127.0.0.1:{server.port}{path}"], capture_output=True, text=True)


def test_a_server_that_stops_answers_those_who_wait(secure):
    server = secure
    room = server.api.register().public_room()
    url = (f"https://localhost:{server.tls_port}{EVENTS}?room_id={quote(room)}"
           f"&access_token={server.api.guest().token}")
    # Many streams on one connection.
    with subprocess.Popen(
            ["curl", "-s", "-Z", "--max-time", "30", "--cacert", server.certificate,
             "--resolve", f"localhost:{server.tls_port}:127.0.0.1", "-w", "\n%{http_version} %{response_code}\n", *[url] * 20],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as curls:
        server.until_parked(20)
        server.process.terminate()
        wrote = curls.communicate(timeout=60)[0]
    assert wrote.splitlines().count("2 200") == 20
    assert wrote.count('"chunk":[]') == 20


def test_curl_sends_and_receives_large_bodies(private):
    server = private()
    ann = server.api.register()
    room = ann.public_room()
    body = json.dumps({"msgtype": "m.text", "body": "y" * 60000})
    for txn in range(20):
        got = curl(server, f"/_matrix/client/v3/rooms/{quote(room)}/send/m.room.message/{txn}"
                   f"?access_token={ann.token}", "-X", "PUT", "-d", body,
                   "-w", "\n%{http_version} %{response_code}")
        assert got.stdout.splitlines()[-1] == "2 200", got.stdout + got.stderr
    got = curl(server, f"/_matrix/client/v3/rooms/{quote(room)}/messages?dir=b&limit=20"
               f"&access_token={ann.token}")
    page = json.loads(got.stdout)
    assert [len(e["content"]["body"]) for e in page["chunk"]] == [60000] * 20


def test_a_body_that_is_too_large_gets_413(private, tmp_path):
    server = private()
    big = tmp_path / "big"
    big.write_bytes(b"z" * 3_000_000)
    got = curl(server, "/_matrix/client/v3/register?kind=guest", "-X", "POST",
               "--data-binary", f"@{big}", "-w", "\n%{http_version} %{response_code}")
    assert got.stdout.splitlines()[-1] == "2 413", got.stdout + got.stderr
    assert json.loads(got.stdout.splitlines()[0])["errcode"] == "M_TOO_LARGE"


# --- frames by hand ----------------------------------------------------------


class Frames:
    """One connection by Python's h2, which sends also what is wrong."""

    def __init__(self, server, is_secure=False):
        port = server.tls_port if is_secure else server.port
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        if is_secure:
            context = ssl.create_default_context(cafile=str(server.certificate))
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
            assert self.sock.selected_alpn_protocol() == "h2"
        self.statuses, self.heads, self.bodies, self.ended = {}, {}, {}, {}
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(
            validate_outbound_headers=False, normalize_outbound_headers=False))
        self.conn.initiate_connection()
        self.push()

    def push(self):
        self.sock.sendall(self.conn.data_to_send())

    def ask(self, fields, end=True):
        stream = self.conn.get_next_available_stream_id()
        self.conn.send_headers(stream, fields, end_stream=end)
        self.push()
        return stream

    def reset(self, stream):
        """Takes a request back."""
        self.conn.reset_stream(stream)
        self.push()

    def read(self):
        """Takes what comes; False when the connection has ended."""
        data = self.sock.recv(65536)
        for event in self.conn.receive_data(data) if data else []:
            stream = getattr(event, "stream_id", None)
            if isinstance(event, h2.events.ConnectionTerminated):
                return False
            if isinstance(event, h2.events.ResponseReceived):
                self.heads[stream] = {k.decode(): v.decode() for k, v in event.headers}
                self.statuses[stream] = int(self.heads[stream][":status"])
            if isinstance(event, h2.events.DataReceived):
                self.bodies[stream] = self.bodies.get(stream, b"") + event.data
                self.conn.acknowledge_received_data(event.flow_controlled_length, stream)
            if isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                self.ended[stream] = isinstance(event, h2.events.StreamEnded)
        self.push()
        return bool(data)

    def await_ended(self, streams):
        while not all(stream in self.ended for stream in streams):
            assert self.read()

    def answer(self, stream):
        """The status of that stream's answer, "reset", or "closed" when all is over."""
        while stream not in self.ended:
            if not self.read():
                return "closed"
        return self.statuses[stream] if self.ended[stream] else "reset"

    def heard(self, stream):
        """The ids of the events in a poll's answer."""
        assert self.statuses[stream] == 200
        return [e["event_id"] for e in json.loads(self.bodies[stream])["chunk"]]


def head(path=HEALTH, method="GET", **more):
    fields = {":method": method, ":scheme": "http", ":authority": "x", ":path": path}
    fields.update(more)
    return [(k.replace("_", "-"), v) for k, v in fields.items() if v is not None]


BAD = [
    head(**{"x-a": "b\r\nx-evil: yes"}), head(**{"X-Upper": "b"}), head("/a b"),
    head(**{":authority": None}), head(**{":scheme": None}), head(**{":path": None}),
    head(connection="close"), head(transfer_encoding="chunked"), head(content_length="5"),
    [("x-a", "b"), *head()],
]


@pytest.mark.parametrize("fields", BAD)
def test_what_is_no_request_is_refused(own, fields):
    frames = Frames(own)
    assert frames.answer(frames.ask(fields)) in (400, "reset", "closed")
    frames.sock.close()
    frames = Frames(own)
    assert frames.answer(frames.ask(head())) == 200
    frames.sock.close()


def test_head_gives_the_head_of_get_and_no_body(own):
    frames = Frames(own)
    whole, only = (frames.ask(head(VERSIONS, method)) for method in ("GET", "HEAD"))
    frames.await_ended([whole, only])
    assert int(frames.heads[only]["content-length"]) == len(frames.bodies[whole]) > 0
    for stream in (whole, only):
        frames.heads[stream].pop("date", None)
    assert frames.heads[only] == frames.heads[whole]
    assert only not in frames.bodies
    frames.sock.close()


def test_options_answers_a_preflight(own):
    frames = Frames(own)
    stream = frames.ask(head(VERSIONS, "OPTIONS", origin="https://app.example"))
    assert frames.answer(stream) == 200 and json.loads(frames.bodies[stream]) == {}
    assert frames.heads[stream]["access-control-allow-origin"] == "*"
    assert "OPTIONS" in frames.heads[stream]["access-control-allow-methods"]
    frames.sock.close()


def test_rapid_resets_end_the_connection_and_harm_nobody(own):
    frames = Frames(own)
    try:
        for _ in range(3000):
            frames.reset(frames.ask(head(VERSIONS)))
        while frames.sock.recv(65536):
            pass
    except ConnectionError:
        pass  # closed before all of it was read
    own.assert_alive()
