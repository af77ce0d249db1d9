"""The configurations of doc/proxies.md, as they stand there, with Debian's own proxies.

Each is started with the ports and files of the test in place of the document's. Clients
come from 127.0.0.2 and so on, so that it shows whether the server learns who they are.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest
import yaml

from lib.server import free_port, mortal
from lib.tls import make_certificate

DOC = pathlib.Path(__file__).resolve().parent.parent / "doc" / "proxies.md"


def block(title, language):
    """The first block in that language behind the heading."""
    text = DOC.read_text().split(f"\n## {title}\n", 1)[1]
    return re.search(rf"```{language}\n(.*?)```", text, re.S)[1]


def write_nginx(proxy, text):
    """A whole configuration around the document's part of it."""
    # Else its workers are nobody, to whom the test's folder is closed.
    user = "user root; " if os.geteuid() == 0 else ""
    (proxy.folder / "nginx.conf").write_text(
        f"{user}daemon off; pid {proxy.folder}/nginx.pid; error_log stderr;\n"
        f"events {{ worker_connections 512; }}\nhttp {{ access_log off;\n"
        + "".join(f"{kind}_temp_path {proxy.folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        + text.replace("listen 443", f"listen {proxy.port}") + "}\n")


class Proxy:
    """A proxy in front of a server of its own."""

    def __init__(self, folder, server):
        self.folder, self.server = folder, server
        self.port, self.process = free_port(), None
        self.pem, self.key = make_certificate(folder, "proxy", "example.org")
        self.both = folder / "both.pem"
        self.both.write_text(self.pem.read_text() + self.key.read_text())

    def text(self, title, language):
        text = block(title, language).replace("127.0.0.1:8008", f"127.0.0.1:{self.server.port}")
        for name, path in (("example.org.both.pem", self.both), ("example.org.pem", self.pem),
                           ("example.org.key", self.key)):
            text = text.replace(f"/etc/ssl/{name}", str(path))
        return text

    def start(self, *command, until="/_matrix/client/versions", **more):
        with open(self.folder / "proxy.txt", "wb") as out:
            self.process = subprocess.Popen(mortal(*command, how="TERM"), stdout=out,
                                            stderr=out, **more)
        deadline = time.monotonic() + 30
        while self.get(until).returncode != 0:
            assert self.process.poll() is None, (self.folder / "proxy.txt").read_text()
            assert time.monotonic() < deadline, (self.folder / "proxy.txt").read_text()
            time.sleep(0.02)  # between two tries to connect: there is nothing to await yet
        return self

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)

    def curl(self, path, *options, address="127.0.0.2"):
        return ["curl", "-sS", "--http2", "--max-time", "30", "--cacert", str(self.pem),
                "--interface", address, "--resolve", f"example.org:{self.port}:127.0.0.1",
                *options, f"https://example.org:{self.port}{path}"]

    def get(self, path, *options, **more):
        return subprocess.run(self.curl(path, *options, **more), capture_output=True, text=True,
                              timeout=60, check=False)


def nginx(proxy):
    write_nginx(proxy, proxy.text("nginx", "nginx"))
    return proxy.start("/usr/sbin/nginx", "-c", proxy.folder / "nginx.conf", "-p", proxy.folder)


def caddy(proxy):
    (proxy.folder / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https disable_redirects\n"
        f"\tstorage file_system {proxy.folder}/caddy\n}}\n"
        + proxy.text("Caddy", "caddy").replace("example.org {", f"example.org:{proxy.port} {{"))
    return proxy.start("caddy", "run", "--adapter", "caddyfile", "--config",
                       proxy.folder / "Caddyfile", env={"HOME": str(proxy.folder)})


def haproxy(proxy):
    (proxy.folder / "haproxy.cfg").write_text(
        proxy.text("HAProxy", "haproxy").replace("bind :443", f"bind 127.0.0.1:{proxy.port}"))
    return proxy.start("/usr/sbin/haproxy", "-f", proxy.folder / "haproxy.cfg")


def passthrough(proxy):
    title = "Passing bytes alone"
    behind = free_port()
    settings = proxy.text(title, "yaml").replace("127.0.0.1:8448", f"127.0.0.1:{behind}")
    proxy.server.stop()
    proxy.server.add_listeners(*yaml.safe_load(settings)["listeners"])
    proxy.server.start()
    (proxy.folder / "haproxy.cfg").write_text(
        proxy.text(title, "haproxy").replace("bind :443", f"bind 127.0.0.1:{proxy.port}")
        .replace("127.0.0.1:8448", f"127.0.0.1:{behind}"))
    return proxy.start("/usr/sbin/haproxy", "-f", proxy.folder / "haproxy.cfg")


@pytest.fixture(params=[nginx, caddy, haproxy, passthrough], ids=lambda one: one.__name__)
def proxy(request, private, tmp_path):
    program = {"passthrough": "haproxy"}.get(request.param.__name__, request.param.__name__)
    if not (shutil.which(program) or pathlib.Path("/usr/sbin", program).exists()):
        pytest.fail(f"{program} is not there: ./dev test installs it")
    one = Proxy(tmp_path, private(limits={"rate": "off", "parked_per_address": 1},
                                  trusted_proxies=["127.0.0.1/32"]))
    try:
        yield request.param(one)
    finally:
        one.stop()


@pytest.fixture
def room(proxy):
    """A member, and a room that is open to the world."""
    ann = proxy.server.api.register()
    return ann, ann.public_room()


def events(proxy, room, *options, **more):
    token = proxy.server.api.guest().token
    return proxy.curl(f"/_matrix/client/v3/events?room_id={room[1]}&timeout=60000",
                      "-H", f"Authorization: Bearer {token}", *options, **more)


def test_a_poll_waits_behind_it_and_hears(proxy, room):
    with subprocess.Popen(events(proxy, room), stdout=subprocess.PIPE, text=True) as poll:
        proxy.server.until_parked(1)
        said = room[0].send(room[1], "hello")
        assert said in poll.communicate(timeout=30)[0]


def test_it_tells_who_the_client_is(proxy, room):
    # One listener an address: the second from the same one is refused, not another's.
    with subprocess.Popen(events(proxy, room, address="127.0.0.2"),
                          stdout=subprocess.PIPE, text=True) as poll:
        proxy.server.until_parked(1)
        status = ["-o", "/dev/null", "-w", "%{http_code}"]
        refused = subprocess.run(events(proxy, room, *status, address="127.0.0.2"),
                                 capture_output=True, text=True, timeout=60, check=True)
        assert refused.stdout == "429"
        with subprocess.Popen(events(proxy, room, *status, address="127.0.0.3"),
                              stdout=subprocess.PIPE, text=True) as other:
            proxy.server.until_parked(2)
            room[0].send(room[1], "hello")
            assert other.communicate(timeout=30)[0] == "200"
        assert "hello" in poll.communicate(timeout=30)[0]


def test_events_of_a_stream_pass_at_once(proxy, room):
    stream = events(proxy, room, "-N", "-H", "Accept: text/event-stream")
    with subprocess.Popen(stream, stdout=subprocess.PIPE, text=True) as listening:
        proxy.server.until_parked(1)
        for _ in range(5):
            said = room[0].send(room[1], "hello")
            for line in listening.stdout:  # each is here before the next is said
                if line.startswith("data: ") and said in line:
                    break
            else:
                raise AssertionError("the stream ended")
        listening.terminate()


def test_http_2_passes(proxy):
    got = proxy.get("/_matrix/client/versions", "-o", "/dev/null", "-w", "%{http_version}")
    assert got.stdout == "2", got


def test_files_pass_and_refusals_of_them(proxy, tmp_path):
    ann = proxy.server.api.register()
    token = "Authorization: Bearer " + ann.token
    upload, sent = "/_matrix/media/v3/upload", tmp_path / "sent"
    sent.write_bytes(os.urandom(1000003) * 5)
    got = proxy.get(upload, "-H", token, "--data-binary", f"@{sent}")
    place = json.loads(got.stdout)["content_uri"].removeprefix("mxc://")
    proxy.get("/_matrix/client/v1/media/download/" + place, "-H", token, "-o", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == sent.read_bytes()
    for _ in range(5):
        got = proxy.get(upload, "-H", "Authorization: Bearer none", "-H", "Expect:",
                        "--data-binary", f"@{sent}")
        assert "M_UNKNOWN_TOKEN" in got.stdout, got
    with open(sent, "wb") as large:
        large.truncate((100 << 20) + 1)
    got = proxy.get(upload, "-H", token, "-H", "Expect:", "-T", str(sent), "-X", "POST")
    assert "M_TOO_LARGE" in got.stdout, got


def test_encoded_ids_pass_as_they_are(proxy):
    got = proxy.get("/_matrix/client/v3/directory/room/%23no%2Fsuch%3Aexample.org")
    assert "M_NOT_FOUND" in got.stdout, got


def test_pages_and_what_they_need_pass(proxy, room):
    for path, kind in (("/rooms", "text/html"), ("/robots.txt", "text/plain"),
                       (f"/rooms/{room[1]}", "text/html")):
        got = proxy.get(path, "-o", "/dev/null", "-w", "%{http_code} %{content_type}")
        assert got.stdout.startswith(f"200 {kind}"), (path, got.stdout, got.stderr)
    page = proxy.get(f"/rooms/{room[1]}").stdout
    for asset in re.findall(r"/_parlour/assets/[^\"]+", page):
        got = proxy.get(asset, "-o", "/dev/null", "-w", "%{http_code}")
        assert got.stdout == "200", asset


# --- a cache in front of pages -------------------------------------------

@pytest.fixture
def cache(private, tmp_path):
    """nginx as the document has it, in front of a server of its own."""
    if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
        pytest.fail("nginx is not there: ./dev test installs it")
    one = Proxy(tmp_path, private())
    write_nginx(one, one.text("A cache for pages", "nginx")
                .replace("/var/cache/nginx/parlour", str(tmp_path / "cache")))
    one.start("/usr/sbin/nginx", "-c", tmp_path / "nginx.conf", "-p", tmp_path, until="/rooms")
    yield one
    one.stop()


def pages_answered(server):
    metrics = server.metrics()
    return sum(metrics[f'parlour_pages_total{{how="{how}"}}'] for how in ("made", "kept"))


def test_a_cache_answers_for_pages_and_forgets_what_was_redacted(cache):
    ann = cache.server.api.register()
    room = ann.public_room()
    said = ann.send(room, "soon to be taken back")
    path, before = f"/rooms/{room}", pages_answered(cache.server)
    for _ in range(30):
        assert "soon to be taken back" in cache.get(path).stdout
    assert pages_answered(cache.server) - before < 10
    german = cache.get(path, "-H", "Accept-Language: de-AT,de;q=0.9").stdout
    assert 'lang="de"' in german and "soon to be taken back" in german

    ann.redact(room, said)
    redacted = time.monotonic()
    while "soon to be taken back" in cache.get(path).stdout:
        assert time.monotonic() - redacted < 15  # 10 s, and a slow machine
        time.sleep(0.2)  # its age is all that ends it


def test_a_stream_passes_beside_the_cache(cache):
    ann = cache.server.api.register()
    room = ann.public_room()
    page = cache.get(f"/rooms/{room}").stdout
    at = re.search(r'data-from="([^"]+)"', page)[1]
    ann.send(room, "live behind the cache")
    with subprocess.Popen(cache.curl(f"/rooms/{room}/live?from={at}", "-N"),
                          stdout=subprocess.PIPE, text=True) as stream:
        assert any("live behind the cache" in line for line in stream.stdout)
        stream.terminate()
