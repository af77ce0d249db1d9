#!/usr/bin/env python3
"""Holds listeners for a long time: guests in one room that hear two events a second and
a burst of a hundred each minute. Each answer is checked: every event once, in order,
none missing. No connection may be lost, and after the first minute the memory of the
server may not grow by more than 16 MB. Before, events go to one listener as fast as they
are taken: until the caches of the database are full, memory grows with them.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import sys

from lib.crowd import Crowd, Wrong
from lib.server import TOP, Server
from lib.tls import add_secure

EVERY_MS = 500
SENDERS = 16
BURST = 100
MODES = ("poll", "sse", "h2", "tls")
GROWTH_MAX = 16_000_000
WARM = 20_000  # events; the caches are full after about 15,000
WARM_SENDERS = 64


@dataclasses.dataclass
class Heard:
    """What came of it; memory in bytes, resident."""

    events: int
    answers: int
    deliveries: int
    lost: int
    wrong: int
    wake_p50_us: int
    wake_p99_us: int
    wake_max_us: int
    memory: list

    def fault(self):
        """What should not have been, in words; None: all was well."""
        growth = self.memory[-1] - self.memory[1]
        if self.wrong > 0 or self.lost > 0:
            return f"{self.wrong} wrong, {self.lost} connections lost"
        if growth > GROWTH_MAX:
            return f"the memory of the server grew by {growth / 1e6:.1f} MB after a minute"
        return None


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)[1]) * 1024


class Soak:
    """A server, its room, and its listeners."""

    def __init__(self, server, listeners, mode):
        self.server, self.pid = server, server.process.pid
        owner = server.api.register()
        room, quiet = owner.public_room(), owner.public_room()
        secure = {"tls": f"127.0.0.1:{server.tls_port}"} if mode == "tls" else {}
        who = f"127.0.0.1:{server.port}", self.pid, owner.token, [room], quiet
        self.warming = Crowd(*who, listeners=1, mode="poll")
        self.crowd = Crowd(*who, listeners=listeners, mode=mode, **secure)

    def warm(self, events):
        with self.warming as one:
            one.ask("again", on=1)
            one.ask("open")
            one.ask("park")
            one.ask("send", count=events, senders=WARM_SENDERS)

    def begin(self):
        self.crowd.ask("again", on=1)
        self.crowd.ask("open")
        self.crowd.ask("park")

    def round(self, seconds, burst_every_s):
        said = self.crowd.ask("send", every_ms=EVERY_MS, seconds=seconds, senders=SENDERS,
                              burst=BURST, burst_every_ms=burst_every_s * 1000)
        checked = self.crowd.ask("check")  # counts what came between two rounds as well
        return {**said, "lost": checked["lost"], "wrong": checked["wrong"]}


def soak(folder, listeners, rounds, seconds=60, mode="poll", warm=0, say=lambda text: None):
    """So many rounds of so many seconds, a burst in the middle of each; Wrong is raised
    as soon as somebody heard what was not said, or did not hear what was."""
    server = Server(folder, log={"level": "warn"})
    if mode == "tls":
        add_secure(server, server.folder)
    with server:
        one = Soak(server, listeners, mode)
        if warm > 0:
            one.warm(warm)
        with one.crowd:
            one.begin()
            memory, worst = [resident(one.pid)], {}
            heard = {"sent": 0, "answers": 0, "events": 0, "lost": 0, "wrong": 0}
            for number in range(rounds):
                said = one.round(seconds, seconds)
                memory.append(resident(one.pid))
                for name in heard:
                    heard[name] += said[name]
                for name in ("wake_p50_us", "wake_p99_us", "wake_max_us"):
                    worst[name] = max(worst.get(name, 0), said[name])
                say(f"{number + 1}: {heard['sent']} events, {heard['events']} deliveries, "
                    f"wake-up p99 {said['wake_p99_us'] / 1000:.1f} ms, "
                    f"resident {memory[-1] / 1e6:.1f} MB")
    return Heard(heard["sent"], heard["answers"], heard["events"], heard["lost"],
                 heard["wrong"], memory=memory, **worst)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak listen", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60, metavar="M", help="how long (60)")
    parser.add_argument("--listeners", type=int, default=15000, metavar="N",
                        help="how many (15,000)")
    parser.add_argument("--mode", choices=MODES, default="poll",
                        help="how they listen (poll)")
    options = parser.parse_args()
    folder = TOP / "build" / f"soak-listen-{os.getpid()}"
    try:
        heard = soak(folder, options.listeners, options.minutes, mode=options.mode, warm=WARM,
                     say=lambda text: print(text, flush=True))
    except Wrong as wrong:
        sys.exit(f"{wrong} (data: {folder})")
    print(f"{options.listeners} listeners, {heard.events} events, {heard.answers} answers, "
          f"{heard.deliveries} deliveries, {heard.wrong} wrong, {heard.lost} connections lost\n"
          f"resident: {heard.memory[0] / 1e6:.1f} MB at the start, "
          f"{heard.memory[1] / 1e6:.1f} MB after a minute, {heard.memory[-1] / 1e6:.1f} MB at the end\n"
          f"wake-up, the worst minute: p50 {heard.wake_p50_us / 1000:.1f} ms, p99 "
          f"{heard.wake_p99_us / 1000:.1f} ms, last {heard.wake_max_us / 1000:.1f} ms")
    if fault := heard.fault():
        sys.exit(f"{fault} (data: {folder})")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
