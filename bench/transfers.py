"""The measurements of `./dev bench media`, one function each; bench/media.py runs and prints.

Generators as in bench/measure.py. The floor of downloads is nginx, a target like the
others; that of uploads writes to the same disk by itself.
"""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import threading
import time

from listening import public_rooms
from target import Target, free_port
from lib.crowd import Crowd
from lib.http import Http

UPLOAD = "/_matrix/media/v3/upload"
DOWNLOAD = "/_matrix/client/v1/media/download/"
LARGE, SMALL = 100_000_000, 100_000
QUICK_LARGE = 20_000_000
SMALL_CONNECTIONS = 4
MANY, QUICK_MANY, MANY_ROUNDS = 1000, 100, 8
CHUNK = 128 << 10  # of the floor's writes, as ours come
PIECE = 64 << 10   # that one of many transfers sends or takes at a time
PEOPLE, THEIR_BYTES, THEIR_QUICK_BYTES = 100, 100_000_000, 1_000_000
BESIDE_BYTES, BESIDE_QUICK_BYTES = 10_000_000, 1_000_000  # again and again
LISTENERS, EVERY_MS = 1000, 100
PACE = 1_000_000   # bytes a second of each transfer beside the listeners
DEEP = 256 << 10   # a receiver's buffer


# ---- what sends and receives ----

def head(method, target, path, token, length=None):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.address}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Length: {length}", "Content-Type: image/png"] if length is not None else []
    return "\r\n".join([*lines, "", ""]).encode()


class Line:
    """A connection that asks one thing after the other."""

    def __init__(self, target):
        host, port = target.address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = memoryview(bytearray(DEEP))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def answer(self, pace=lambda n: None):
        """Takes one answer; (its body's first bytes, its length)."""
        begun = b""
        while b"\r\n\r\n" not in begun:
            got = self.socket.recv(PIECE)
            if not got:
                raise RuntimeError(f"the server closed behind {begun!r}")
            begun += got
        said, first = begun.split(b"\r\n\r\n", 1)
        if not said.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{said!r} {first!r}")
        length = int(re.search(rb"\r\nContent-Length: (\d+)", said, re.I)[1])
        left = length - len(first)
        while left > 0:
            n = self.socket.recv_into(self.buffer, min(left, DEEP))
            if n == 0:
                raise RuntimeError(f"the server closed {left} bytes before the end")
            left -= n
            pace(n)
        return first, length

    def fetch(self, asks, pace=lambda n: None):
        self.socket.sendall(asks)
        return self.answer(pace)[1]

    def upload(self, target, token, data, pace=None):
        """The path of what is there now."""
        self.socket.sendall(head("POST", target, UPLOAD, token, len(data)))
        if pace is None:
            self.socket.sendall(data)
        else:
            for at in range(0, len(data), PIECE):
                self.socket.sendall(data[at:at + PIECE])
                pace(PIECE)
        said = self.answer()[0].decode()
        return DOWNLOAD + re.search(r"mxc://([^\"]+)", said)[1]


class Nginx(Target):
    """Debian's, with as many workers as there are cores, and sendfile as it comes there."""

    name = "nginx"

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        self.port = free_port()
        self.http = Http(f"http://{self.address}")
        self.log = self.folder / "stderr.txt"
        self.root = self.folder / "root"
        (self.root / "_matrix/client").mkdir(parents=True)
        (self.root / "_matrix/client/versions").write_text("{}")
        self.config = self.folder / "nginx.conf"
        self.config.write_text(
            f"daemon off; pid {self.folder}/pid; error_log stderr; worker_processes auto;\n"
            "user root; events {} http { access_log off; sendfile on; tcp_nopush on;\n"
            "keepalive_requests 1000000000; types { image/png png; }\n"
            + "".join(f"{name}_temp_path {self.folder}/{name};\n" for name in (
                "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            + f"server {{ listen {self.address}; root {self.root}; }} }}\n")

    def spawn(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["/usr/sbin/nginx", "-c", str(self.config), "-p", str(self.folder)], stderr=out)

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:]

    def cpu_s(self):
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return sum(time.clock_gettime((~int(pid) << 3) | 2) for pid in (self.pid, *children))


def large_bytes(bench):
    return QUICK_LARGE if bench.is_quick else LARGE


def many_files(bench):
    return QUICK_MANY if bench.is_quick else MANY


def rates(name, n, seconds, cpu_s):
    return {f"{name}: MB/s": n / seconds / 1e6, f"{name}: CPU s/GB": cpu_s / n * 1e9}


# ---- download ----

def fetched(bench, target, path, token):
    """For seconds over one connection, whole files."""
    asks, n = head("GET", target, path, token), 0
    with Line(target) as line:
        line.fetch(asks)
        cpu_s, begun = target.cpu_s(), time.monotonic()
        while time.monotonic() - begun < bench.seconds:
            n += line.fetch(asks)
        return n, time.monotonic() - begun, target.cpu_s() - cpu_s


def walked(target, many, token):
    """All of them one after the other, several times, behind one that is not counted."""
    asks = [("GET", path, token, None) for path in many]
    target.load.run("each", asks, connections=SMALL_CONNECTIONS)
    cpu_s = target.cpu_s()
    said = target.load.run("each", asks * MANY_ROUNDS, connections=SMALL_CONNECTIONS)
    return said["answers"] * said["bytes"], said["seconds"], target.cpu_s() - cpu_s


def downloads(bench, target, large, small, many, token):
    got = rates("100 MB", *fetched(bench, target, large, token))
    got |= rates("many of 100 KB", *walked(target, many, token))
    cpu_s = target.cpu_s()
    said = target.load.run("repeat", [("GET", small, token, None)] * SMALL_CONNECTIONS, warm=0,
                           connections=SMALL_CONNECTIONS, seconds=bench.seconds)
    got |= rates("100 KB", said["answers"] * said["bytes"], said["seconds"],
                 target.cpu_s() - cpu_s)
    return {**got, "100 KB: p99 ms": said["p99_us"] / 1000}


def download(bench, target):
    """A file of 100 MB (--quick: 20 MB) again and again over one connection, and one of
    100 KB over 4, which Parlour has in its own memory from the second time on; and 1,000
    of 100 KB in turn over 4 (--quick: 100), which are three times as much as it keeps
    there. All are in the page cache. The floor is nginx (Debian's, sendfile), which
    serves the same bytes and asks for no token."""
    owner = target.accounts(1)[0]
    with Line(target) as line:
        large = line.upload(target, owner.token, os.urandom(large_bytes(bench)))
        small, *many = (line.upload(target, owner.token, os.urandom(SMALL))
                        for _ in range(1 + many_files(bench)))
    while True:
        yield downloads(bench, target, large, small, many, owner.token)


def download_floor(bench):
    with bench.started(Nginx) as target:
        (target.root / "large.png").write_bytes(os.urandom(large_bytes(bench)))
        small, *many = (f"/{n}.png" for n in range(1 + many_files(bench)))
        for path in small, *many:
            (target.root / path[1:]).write_bytes(os.urandom(SMALL))
        return downloads(bench, target, "/large.png", small, many, None)


# ---- upload ----

def upload(bench, target):
    """One file of 100 MB (--quick: 20 MB) over one connection, until the answer says that it
    is durable. The floor is a file written by 128 KB and fsynced once, on the same disk:
    no network, no SHA-256."""
    owner = target.accounts(1)[0]
    while True:
        data = os.urandom(large_bytes(bench))
        with Line(target) as line:
            cpu_s, begun = target.cpu_s(), time.monotonic()
            line.upload(target, owner.token, data)
            took_s = time.monotonic() - begun
        yield rates("100 MB", len(data), took_s, target.cpu_s() - cpu_s)


def upload_floor(bench):
    data = memoryview(os.urandom(large_bytes(bench)))
    path = bench.folder / "floor"
    cpu_s, begun = time.process_time(), time.monotonic()
    with open(path, "wb", buffering=0) as out:
        for at in range(0, len(data), CHUNK):
            out.write(data[at:at + CHUNK])
        os.fsync(out)
    took_s = time.monotonic() - begun
    cpu_s = time.process_time() - cpu_s
    path.unlink()
    return rates("100 MB", len(data), took_s, cpu_s)


# ---- many at a time ----

@contextlib.contextmanager
def at_once(jobs):
    """Runs them, each on a thread of its own, until the end of the with block; the first
    that fails is raised there."""
    failed = []

    def run(job):
        try:
            job()
        except (OSError, RuntimeError) as why:
            failed.append(why)

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]


def peak_bytes(target):
    text = pathlib.Path(f"/proc/{target.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmHWM:\s+(\d+) kB", text, re.M)[1]) * 1024


def memory(bench, target):
    """Resident memory at its highest while 100 people upload at the same time (100 MB each,
    --quick: 1 MB; all of them are half-way before one goes on), beside before the first
    time."""
    people = target.accounts(PEOPLE)
    data = memoryview(os.urandom(THEIR_QUICK_BYTES if bench.is_quick else THEIR_BYTES))
    half = threading.Barrier(PEOPLE)

    def job(who):
        passed = 0

        def pace(n):
            nonlocal passed
            before, passed = passed, passed + n
            if before < len(data) // 2 <= passed:
                half.wait(600)

        with Line(target) as line:
            line.upload(target, who.token, data, pace)

    before = target.resident_bytes()
    while True:
        pathlib.Path(f"/proc/{target.pid}/clear_refs").write_text("5")
        begun = time.monotonic()
        with at_once([lambda who=who: job(who) for who in people]):
            pass
        grew = peak_bytes(target) - before
        yield {"before MB": before / 1e6, "at its highest MB": peak_bytes(target) / 1e6,
               "more for each upload kB": grew / PEOPLE / 1000,
               "MB/s, all together": PEOPLE * len(data) / (time.monotonic() - begun) / 1e6}


# ---- beside listeners ----

def paced(per_s, is_over):
    """Waits so that no more than so many bytes pass in a second."""
    begun, passed = time.monotonic(), 0

    def pace(n):
        nonlocal passed
        passed += n
        ahead = begun + passed / per_s - time.monotonic()
        if ahead > 0:
            is_over.wait(ahead)

    return pace if per_s else lambda n: None


@contextlib.contextmanager
def transferring(target, people, path, data, per_s):
    """Half of them upload and half download, one file after the other."""
    is_over = threading.Event()

    def up(who):
        while not is_over.is_set():
            with Line(target) as line:
                line.upload(target, who.token, data, paced(per_s, is_over))

    def down(who):
        asks = head("GET", target, path, who.token)
        with Line(target) as line:
            while not is_over.is_set():
                line.fetch(asks, paced(per_s, is_over))

    jobs = [lambda who=who, do=(up, down)[n % 2]: do(who) for n, who in enumerate(people)]
    with at_once(jobs):
        try:
            yield
        finally:
            is_over.set()


def heard(bench, crowd):
    seconds = 3 if bench.is_quick else 10
    said = crowd.ask("send", every_ms=EVERY_MS, seconds=seconds)
    return said["wake_p50_us"] / 1000, said["wake_p99_us"] / 1000


def listeners(bench, target):
    """1,000 guests listen by /events to one room, ten events a second: how long from an
    event's answer to each of theirs, while nothing else goes on, and while 100
    transfers do, 50 up and 50 down: at 1 MB/s each, and as fast as they go (then they,
    the listeners and the server want more than the machine's cores have)."""
    owner, *people = target.accounts(1 + PEOPLE)
    data = memoryview(os.urandom(BESIDE_QUICK_BYTES if bench.is_quick else BESIDE_BYTES))
    with Line(target) as line:
        path = line.upload(target, owner.token, data)
    loud, quiet = public_rooms(target, owner, 2)
    with Crowd(target.address, target.pid, owner.token, [loud], quiet, listeners=LISTENERS,
               mode="poll") as crowd:
        crowd.ask("again", on=1)
        crowd.ask("open")
        crowd.ask("park")
        target.server.until_parked(LISTENERS)
        while True:
            got = {}
            got["quiet: p50 ms"], alone = heard(bench, crowd)
            got["quiet: p99 ms"] = alone
            for name, per_s in (("1 MB/s each", PACE), ("as fast as they go", 0)):
                with transferring(target, people, path, data, per_s):
                    p50, p99 = heard(bench, crowd)
                got |= {f"{name}: p50 ms": p50, f"{name}: p99 ms": p99,
                        f"{name}: p99, of quiet": p99 / alone}
            yield got


ALL = {one.__name__: one for one in (download, upload, memory, listeners)}
FLOORS = {"download": download_floor, "upload": upload_floor}

# Where --save writes them.
RESULT = "bench/MEDIA.md"

GOALS = {
    ("memory", "more for each upload kB"): ("<= 256", lambda ours, _: ours <= 256),
    ("listeners", "1 MB/s each: p99, of quiet"): ("<= 1.5", lambda ours, _: ours <= 1.5),
}
for _size in ("100 MB", "100 KB"):
    GOALS["download", f"{_size}: MB/s"] = (
        ">= 0.8 of nginx", lambda ours, floor: ours >= 0.8 * floor)
