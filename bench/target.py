"""The homeservers that are measured, as processes: Parlour, and Synapse beside it.

A target has a folder on the checkout's disk (never tmpfs: what is measured is what is on
disk), an address, a process id, and accounts, guests and rooms to load it with.
"""

import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests"))

# pylint: disable=wrong-import-position
from lib.client import Client, fresh
from lib.http import Http, quote
from lib.server import SHARED_SECRET, Server, free_port
from lib.tls import add_secure

V3 = "/_matrix/client/v3"
START_WITHIN_S = 120
NONCES = 100  # for registration, open at a time
WORLD_READABLE = [
    {"type": "m.room.history_visibility", "state_key": "",
     "content": {"history_visibility": "world_readable"}},
    {"type": "m.room.guest_access", "state_key": "",
     "content": {"guest_access": "can_join"}}]


class Load:
    """bench/load against one target."""

    def __init__(self, target, program):
        self.target, self.program = target, program
        self.list = target.folder / "requests.txt"

    def command(self, mode, requests, **options):
        with open(self.list, "w", encoding="utf-8") as out:
            for method, path, token, body in requests:
                text = "" if body is None else json.dumps(body)
                out.write(f"{method}\t{path}\t{token or ''}\t{text}\n")
        words = [f"--{name}={value}" for name, value in options.items()]
        return [str(self.program), mode, f"--server={self.target.address}",
                f"--pid={self.target.pid}", *words, str(self.list)]

    def run(self, mode, requests, **options):
        """What it measured, as a dict."""
        got = subprocess.run(self.command(mode, requests, **options), text=True,
                             capture_output=True, check=False)
        if got.returncode != 0:
            raise RuntimeError(f"{self.target.name}: {got.stderr.strip()}\n{self.target.tail()}")
        return json.loads(got.stdout)

    def ask_each(self, requests, connections=16):
        """The answers' JSON, in order."""
        out = self.target.folder / "answers.txt"
        self.run("each", requests, connections=connections, out=out)
        return [json.loads(line) for line in out.read_text().splitlines()]


class Target:
    """What both homeservers have in common: the specification, and Synapse's admin API."""

    def __init__(self, folder, load_program):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.load = Load(self, load_program)
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Seconds from the start of the program to its first answer."""
        begun = time.monotonic()
        self.spawn()
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at start: {self.tail()}")
            try:
                if self.http.ask("GET", "/_matrix/client/versions").status == 200:
                    return time.monotonic() - begun
            except OSError:
                pass
            if time.monotonic() - begun > START_WITHIN_S:
                raise RuntimeError(f"{self.name} gives no answer: {self.tail()}")
            time.sleep(0.001)  # between two tries to connect

    def stop(self):
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process = None

    # --- accounts, guests, rooms ------------------------------------------

    def accounts(self, count):
        """New accounts, registered as Synapse's tools do it with the shared secret."""
        found = []
        while len(found) < count:
            found += self.some_accounts(min(count - len(found), NONCES))
        return found

    def some_accounts(self, count):
        path, asks = "/_synapse/admin/v1/register", []
        for got in self.load.ask_each([("GET", path, None, None)] * count):
            name, password = fresh("user"), "p"
            said = "\0".join([got["nonce"], name, password, "notadmin"])
            mac = hmac.new(SHARED_SECRET.encode(), said.encode(), hashlib.sha1).hexdigest()
            asks.append(("POST", path, None, {
                "nonce": got["nonce"], "username": name, "password": password,
                "admin": False, "mac": mac}))
        return [Client(self.http, got["access_token"], got["user_id"])
                for got in self.load.ask_each(asks)]

    def guests(self, count):
        """Tokens."""
        asks = [("POST", V3 + "/register?kind=guest", None, {})] * count
        return [got["access_token"] for got in self.load.ask_each(asks)]

    def join(self, room_id, tokens, connections=64):
        path = f"{V3}/rooms/{quote(room_id)}/join"
        return self.load.run("each", [("POST", path, token, {}) for token in tokens],
                             connections=connections)

    def rooms(self, owners):
        asks = [("POST", V3 + "/createRoom", one.token, {"preset": "private_chat"})
                for one in owners]
        return [got["room_id"] for got in self.load.ask_each(asks)]

    def public_room(self, owner, members=0):
        """A world_readable room that so many guests have joined beside its owner."""
        room_id = owner.create_room(preset="public_chat", initial_state=WORLD_READABLE)
        if members > 1:
            self.join(room_id, self.guests(members - 1))
        return room_id

    # --- what the system says about it ------------------------------------

    def disk_bytes(self):
        """Of its data, as the files stand."""
        return sum(one.stat().st_size for one in self.data.rglob("*") if one.is_file())

    def resident_bytes(self):
        """Counted page by page: VmRSS of /proc/PID/status may be behind by some for each core."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        return int(re.search(r"^Rss: +(\d+) kB", text, re.M)[1]) * 1024

    def cpu_s(self):
        """CPU time of all its threads so far."""
        return time.clock_gettime((~self.pid << 3) | 2)  # as clock_getcpuclockid() makes it


class Parlour(Target):
    """Ours, with the smallest password hashes and no rate limits; else as it comes."""

    name = "Parlour"

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        self.server = Server(self.folder, password_hashing={"memory_kib": 8, "passes": 1},
                             registration={"mode": "closed"}, log={"level": "warn"})
        self.http, self.port = self.server.http, self.server.port
        self.data = self.folder / "data"

    def spawn(self):
        self.server.start(expect_health=False)
        self.process = self.server.process

    def tail(self):
        return self.server.tail()

    def metrics(self):
        return self.server.metrics()


class SecureParlour(Parlour):
    """With a listener for TLS beside the plain one; its certificate is in the run's folder."""

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        add_secure(self.server, self.folder)

    @property
    def tls_address(self):
        return f"127.0.0.1:{self.server.tls_port}"


class Synapse(Target):
    """PyPI's matrix-synapse on SQLite, without presence, statistics or rate limits."""

    name = "Synapse"

    def __init__(self, folder, load_program):
        super().__init__(folder, load_program)
        self.data, self.port = self.folder / "data", free_port()
        self.data.mkdir(exist_ok=True)
        self.http = Http(f"http://{self.address}")
        self.log = self.folder / "stderr.txt"
        self.config = self.folder / "homeserver.yaml"
        self.config.write_text(json.dumps(self.settings()), encoding="utf-8")

    def settings(self):
        unlimited = {"per_second": 1000000, "burst_count": 1000000}
        words = ["message", "registration", "admin_redaction", "joins_per_room",
                 "presence", "third_party_invite", "room_creation"]
        limits = {f"rc_{word}": unlimited for word in words}
        limits["rc_login"] = {word: unlimited for word in ("address", "account",
                                                           "failed_attempts")}
        limits["rc_joins"] = {"local": unlimited, "remote": unlimited}
        log = self.folder / "log.yaml"
        log.write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}), encoding="utf-8")
        return {
            "server_name": "localhost", "report_stats": False, "log_config": str(log),
            "pid_file": str(self.folder / "pid"), "trusted_key_servers": [],
            "signing_key_path": str(self.folder / "signing.key"),
            "media_store_path": str(self.folder / "media"),
            "listeners": [{"port": self.port, "type": "http", "bind_addresses": ["127.0.0.1"],
                           "resources": [{"names": ["client"]}]}],
            "database": {"name": "sqlite3",
                         "args": {"database": str(self.data / "homeserver.db")}},
            "registration_shared_secret": SHARED_SECRET, "allow_guest_access": True,
            "presence": {"enabled": False}, "bcrypt_rounds": 4, **limits}

    def spawn(self):
        words = [sys.executable, "-m", "synapse.app.homeserver", "-c", str(self.config)]
        with open(self.log, "ab") as out:
            if not (self.folder / "signing.key").exists():
                subprocess.run([*words, "--generate-keys"], stdout=out, stderr=out, check=True)
            self.process = subprocess.Popen(words, cwd=self.folder, stdout=out, stderr=out,
                                            env={**os.environ, "SYNAPSE_CACHE_FACTOR": "1"})

    def tail(self):
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""
