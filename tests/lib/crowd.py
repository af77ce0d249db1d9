"""Listeners by the thousand: bench/listen as a process, told what to do line by line.

Its --help says which words it knows; each becomes a call here: crowd.ask("park",
over_ms=1000) gives its answer as a dict. What it counts as wrong is raised.
"""

import json
import os
import pathlib
import subprocess
import threading

from .http import quote
from .server import TOP, binary


def program():
    """bench/listen of the server's own build tree, or of the release."""
    beside = pathlib.Path(binary()).parent / "bench/listen"
    return os.environ.get("PARLOUR_LISTEN") or str(
        beside if beside.exists() else TOP / "build/release/bench/listen")


END_WITHIN_S = 60
ANSWER_WITHIN_S = 600  # beyond the seconds that it is told to go on for


class Wrong(Exception):
    """A listener heard what it should not have, or did not hear what it should."""


class Crowd:
    """`with Crowd(address, pid, sender, rooms, quiet, listeners=1000) as crowd: ...`"""

    def __init__(self, address, pid, sender, rooms, quiet, **options):
        words = {"server": address, "pid": pid, "sender": sender, "quiet": quote(quiet),
                 **options}
        self.command = [program(), *(f"--{name}={value}" for name, value in words.items()),
                        *map(quote, rooms)]
        self.listeners, self.process = options["listeners"], None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.read()
        return self

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        try:
            status = self.process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        said = self.process.stderr.read().strip()
        self.process.stdout.close()
        self.process.stderr.close()
        if kind is None and status != 0:
            raise Wrong(f"bench/listen ended with status {status}: {said}")

    def read(self, within_s=ANSWER_WITHIN_S):
        late = threading.Timer(within_s, self.process.kill)
        late.start()
        try:
            line = self.process.stdout.readline()
        finally:
            late.cancel()
        if not line:
            raise Wrong(self.process.stderr.read().strip()
                        or f"bench/listen has ended, or said nothing in {within_s} s")
        said = json.loads(line)
        if said.get("wrong"):
            raise Wrong(f"{said['wrong']} wrong; {said['first_wrong']}")
        if said.get("missing"):
            raise Wrong(f"{said['missing']} of {self.listeners} listeners heard nothing")
        return said

    def ask(self, word, **arguments):
        words = [word, *(f"{name}={value}" for name, value in arguments.items())]
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self.read(ANSWER_WITHIN_S + arguments.get("seconds", 0))
