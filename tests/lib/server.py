"""The server under test as a process: its configuration, start, health and stop.

PARLOUR_BIN names the binary (default build/release/parlour), PARLOUR_WRAP words before it
(`setarch -R`), PARLOUR_URL a homeserver that already runs, for the tests that need no
more than that.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import time

from .client import Client
from .http import Http

TOP = pathlib.Path(__file__).resolve().parents[2]
START_WITHIN_S = 30
STOP_WITHIN_S = 20
PARKED_WITHIN_S = 20
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "runtime error", "WARNING: ThreadSanitizer",
                   "LeakSanitizer")
SHARED_SECRET = "a secret that only this test knows"

DEFAULTS = {
    "server_name": "localhost",
    "registration": {"mode": "open", "shared_secret": SHARED_SECRET},
    "guests": {"mode": "join", "lifetime": "7d"},
    "limits": {"rate": "off"},
    "password_hashing": {"memory_kib": 8192, "passes": 1},
}


def binary():
    return os.path.abspath(os.environ.get("PARLOUR_BIN", TOP / "build/release/parlour"))


def command(*words, before=()):
    """before: words of another program's, which then becomes the server."""
    return [*before, *shlex.split(os.environ.get("PARLOUR_WRAP", "")), binary(),
            *map(str, words)]


def mortal(*words, how="KILL"):
    """A program that ends with the thread which starts it, also where that is killed: a test
    run that is broken off leaves none behind. how: the signal that it gets then."""
    return ["setpriv", "--pdeathsig", how, *map(str, words)]


def run(*words, cwd=None, stdin="", within_s=60, env=None, before=(), pass_fds=()):
    """One word of the command line, to its end."""
    return subprocess.run(command(*words, before=before), cwd=cwd, input=stdin, text=True,
                          timeout=within_s, capture_output=True, pass_fds=pass_fds,
                          env={**os.environ, **(env or {})})


# Names that stand for ports which were given out and are not bound yet, so that no other
# test is given the same; of so many the first are long in use.
CLAIMED = collections.deque(maxlen=100)


def free_port():
    """Below those that the kernel gives to outgoing connections: nobody takes it meanwhile."""
    while True:
        port, claim = random.SystemRandom().randrange(10000, 32000), socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            claim.bind(f"\0parlour-test-port-{port}")
            with socket.create_server(("0.0.0.0", port)):
                CLAIMED.append(claim)
                return port
        claim.close()


def yaml_of(value):
    """YAML in flow style; plain words stay plain, as people write them."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {yaml_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(yaml_of, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[a-z0-9_]*[a-z]", value):
        return value
    return json.dumps(value)


def merged(base, more):
    out = dict(base)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


class Server:
    """A running server. `with Server(dir, guests={"mode": "off"}) as server: ...`"""

    external = False

    def __init__(self, folder, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.metrics_port = free_port(), free_port()
        self.settings = merged(DEFAULTS, {"data_dir": str(self.folder / "data"), **settings})
        self.settings.setdefault("listeners", [
            {"address": f"127.0.0.1:{self.port}", "serve": ["client", "viewer"]},
            {"address": f"127.0.0.1:{self.metrics_port}", "serve": ["metrics"]}])
        self.config = self.folder / "parlour.yaml"
        self.log = self.folder / "stderr.txt"
        self.process = None
        self.http = Http(f"http://127.0.0.1:{self.port}")
        self.metrics_http = Http(f"http://127.0.0.1:{self.metrics_port}")
        self.api = Client(self.http)
        self.write_config()

    def write_config(self, **changes):
        self.settings = merged(self.settings, changes)
        text = "".join(f"{k}: {yaml_of(v)}\n" for k, v in self.settings.items())
        self.config.write_text(text)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.process:
            self.process.kill()
            self.process.wait()

    def add_listeners(self, *listeners):
        """Beside those it has, from its next start on."""
        self.write_config(listeners=[*self.settings["listeners"], *listeners])

    def start(self, expect_health=True, before=(), pass_fds=()):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                mortal(*command("serve", "--config", self.config, before=before)),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                pass_fds=pass_fds)
        if expect_health:
            self.wait_until_healthy()
        return self

    def wait_until_healthy(self):
        deadline = time.monotonic() + START_WITHIN_S
        while True:
            assert self.process.poll() is None, f"the server ended at start: {self.tail()}"
            try:
                if self.http.ask("GET", "/_parlour/health", within_s=5).status == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, f"not healthy in time: {self.tail()}"
            time.sleep(0.01)  # between two tries to connect: there is nothing to await yet

    def tail(self):
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def until_logged(self, words):
        """Returns once the log says so."""
        deadline = time.monotonic() + START_WITHIN_S
        while words not in self.log.read_text(errors="replace"):
            assert time.monotonic() < deadline, f"no {words!r} in the log: {self.tail()}"
            time.sleep(0.005)  # between two looks at a file

    def stop(self, how=signal.SIGTERM):
        """Asks it to stop; the exit status must be 0 and the log free of alarms."""
        self.http.close()
        self.metrics_http.close()
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            status = process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"did not stop in {STOP_WITHIN_S} s: {self.tail()}") from None
        assert status == 0, f"exit status {status}: {self.tail()}"
        self.assert_no_alarm()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.http.close()

    def restart(self, **changes):
        self.stop()
        self.write_config(**changes)
        self.start()

    def assert_no_alarm(self):
        text = self.log.read_text(errors="replace")
        for word in SANITIZER_WORDS:
            assert word not in text, text[text.index(word) - 200 :][:8000]

    def assert_alive(self):
        assert self.process.poll() is None, f"the server has ended: {self.tail()}"
        self.api.request("GET", "/_matrix/client/versions", token=None)

    def run(self, *words, **more):
        """A word of the operator's, on this server's configuration."""
        return run(*words, "--config", self.config, cwd=self.folder, **more)

    # --- what it says about itself ----------------------------------------

    def metrics(self):
        """{name with labels: value} of GET /metrics."""
        text = self.metrics_http.ask("GET", "/metrics").body.decode()
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                found[name] = float(value)
        return found

    def listeners(self, state):
        """How many listeners are in this state. KeyError: the server does not tell."""
        return self.metrics()[f'parlour_listeners{{state="{state}"}}']

    def parked(self):
        """How many listeners wait in the hubs, those looked for among them."""
        metrics = self.metrics()
        return sum(metrics[f'parlour_listeners{{state="{state}"}}']
                   for state in ("parked", "looking"))

    def _until_parked(self, is_enough, what):
        deadline = time.monotonic() + PARKED_WITHIN_S
        while not is_enough(now := self.parked()):
            assert time.monotonic() < deadline, f"{now:.0f} listeners parked, not {what}"
            time.sleep(0.005)  # between two looks at a gauge

    def until_parked(self, count):
        """Returns once `count` listeners are parked, so that what follows finds them so:
        who is still being looked for may not have a place in the stream yet."""
        self._until_parked(
            lambda now: now >= count and self.listeners("looking") == 0, count)

    def until_parked_at_most(self, count):
        """Returns once no more than `count` are: the server knows that the others went."""
        self._until_parked(lambda now: now <= count, f"at most {count}")


class External:
    """A homeserver that somebody else started, for the tests that only speak Matrix."""

    external = True

    def __init__(self, url):
        self.http = Http(url)
        self.api = Client(self.http)
        self.port = self.http.port

    def assert_alive(self):
        self.api.request("GET", "/_matrix/client/versions", token=None)

    def assert_no_alarm(self):
        pass

    def parked(self):
        return None

    def until_parked(self, count):
        pass
