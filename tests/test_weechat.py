"""weechat with weechat-matrix, both Debian's, in a terminal of tmux: somebody signs in, joins
a room, and talks with ann. With PARLOUR_PICTURES the screens are left in that folder.
"""

import contextlib
import os
import pathlib
import select
import shutil
import socket
import subprocess
import time

import pytest

from lib.server import mortal
from lib.tls import start_secure

SCRIPT = "/usr/share/weechat/python/matrix.py"
WIDTH, HEIGHT = 100, 28
WITHIN_S = 40
UTF_8 = {**os.environ, "LC_ALL": "C.UTF-8"}  # tmux starts under no other


class Terminal:
    """A program in tmux: what it shows, and typing into it."""

    def __init__(self, folder, *words):
        self.socket, fifo = folder / "tmux", folder / "output"
        os.mkfifo(fifo)
        self.output = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        # tmux as a child of ours, which ends with us; by itself it would become a daemon.
        self.process = subprocess.Popen(
            mortal("tmux", "-S", self.socket, "-f", "/dev/null", "-D", how="TERM"),
            stdin=subprocess.DEVNULL, env=UTF_8)
        self.until_there()
        self.tmux("new-session", "-d", "-x", str(WIDTH), "-y", str(HEIGHT), "env",
                  "LC_ALL=C.UTF-8", "TERM=screen-256color", f"HOME={folder}",
                  "PATH=/usr/bin:/bin", *words)  # its Python is Debian's, not the first there
        self.tmux("pipe-pane", f"cat > {fifo}")

    def tmux(self, *words):
        return subprocess.run(["tmux", "-N", "-S", str(self.socket), *words], text=True,
                              check=True, capture_output=True, env=UTF_8).stdout

    def until_there(self):
        end = time.monotonic() + WITHIN_S
        with socket.socket(socket.AF_UNIX) as probe:
            while probe.connect_ex(str(self.socket)) != 0:
                assert self.process.poll() is None and time.monotonic() < end, "tmux is not there"
                time.sleep(0.01)  # between two tries to connect: there is nothing to await yet

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def until(self, text):
        """Waits until the screen shows it; whatever is drawn wakes us."""
        end = time.monotonic() + WITHIN_S
        while text not in (shown := self.screen()):
            left = max(end - time.monotonic(), 0)
            drawn, _, _ = select.select([self.output], [], [], left)
            assert drawn, f"{text!r} is not shown:\n{shown}"
            os.read(self.output, 65536)
        return shown

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.tmux("kill-server")
        self.process.wait(WITHIN_S)
        os.close(self.output)


@pytest.fixture
def weechat(private, tmp_path):
    """Signed in as ben, at a server by TLS: weechat-matrix knows nothing else."""
    if not pathlib.Path(SCRIPT).exists() or not shutil.which("tmux"):
        pytest.fail("weechat-matrix or tmux is not there: ./dev test installs them")
    server = start_secure(private, tmp_path)
    ben = server.api.register("ben")
    settings = {"ssl_verify": "off", "username": "ben", "password": ben.password,
                "autoconnect": "off"}
    commands = ["/plugin unload irc", "/plugin unload xfer",
                "/set weechat.look.paste_max_lines -1", "/set weechat.bar.buflist.size_max 22",
                f"/python load {SCRIPT}",
                f"/matrix server add parlour 127.0.0.1:{server.tls_port}",
                *(f"/set matrix.server.parlour.{name} {value}"
                  for name, value in settings.items()), "/matrix connect parlour"]
    words = [word for command in commands for word in ("-r", command)]
    terminal = Terminal(tmp_path, "weechat", "-d", str(tmp_path / "weechat"), *words)
    terminal.server = server
    yield terminal
    terminal.close()


def keep(name, screen):
    folder = os.environ.get("PARLOUR_PICTURES")
    if folder:
        pathlib.Path(folder, name).write_text(screen.rstrip() + "\n", encoding="utf-8")


def until_heard(who, room, since, body):
    """Waits until ben's words have come to somebody else; where to go on."""
    while True:
        got = who.get("/sync", since=since, timeout=20000)
        since = got["next_batch"]
        events = got.get("rooms", {}).get("join", {}).get(room, {}).get(
            "timeline", {}).get("events", [])
        if any(e["sender"] == "@ben:localhost" and e["content"].get("body") == body
               for e in events):
            return since


def test_weechat_signs_in_joins_and_talks(weechat):
    ann = weechat.server.api.register("ann")
    room = ann.public_room(visibility="shared", name="Tea room", room_alias_name="tea",
                           room_version="10")  # its nio wants a creator in m.room.create
    ann.send(room, "the kettle is on")
    weechat.until("Logged in as @ben:localhost")
    weechat.type("/input switch_active_buffer")  # the server's shares a place with weechat's own
    weechat.type("/join #tea:localhost")
    weechat.until("#Tea room")
    weechat.type("/buffer 2")
    weechat.until("the kettle is on")
    since = ann.get("/sync")["next_batch"]
    weechat.type("good morning ann")
    since = until_heard(ann, room, since, "good morning ann")
    ann.send(room, "one lump or two?")
    weechat.until("one lump or two?")
    weechat.type("/me takes two")
    until_heard(ann, room, since, "takes two")
    keep("weechat.txt", weechat.until("takes two"))
