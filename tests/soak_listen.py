#!/usr/bin/env python3
"""Holds listeners for a long time: guests in one room that hear two events a second and
a burst of a hundred each minute. Each answer is checked: every event once, in order,
none missing. No connection may be lost, and the memory of the server must stay flat: from
the end of the first sixth (ten minutes of an hour) on it may grow by 2 MB, by medians of
five minutes. Before, events go to one listener as fast as they are taken: until the caches
of the database are full, memory grows with them.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import statistics
import sys

from lib.crowd import Crowd, Wrong
from lib.server import TOP, Server
from lib.tls import add_secure

EVENTS_A_SECOND = 2
SENDERS = 16
BURST = 100
MODES = ("poll", "sse", "h2", "tls")
GROWTH_MAX = 2_000_000
MEDIAN_OF = 5  # rounds
WARM = 20_000  # events; the caches are full after about 15,000
WARM_SENDERS = 64


@dataclasses.dataclass
class Heard:
    """What came of it. memory: at the start and after each round, {what: bytes}."""

    events: int
    answers: int
    deliveries: int
    lost: int
    wrong: int
    wake_p50_us: int
    wake_p99_us: int
    wake_max_us: int
    memory: list

    def growth(self):
        """{what: bytes} since it has settled; empty: there were too few rounds to tell."""
        rounds = self.memory[1:]
        settled = rounds[len(rounds) // 6:]
        if len(settled) < 2 * MEDIAN_OF:
            return {}
        return {what: statistics.median(now[what] for now in settled[-MEDIAN_OF:])
                - statistics.median(then[what] for then in settled[:MEDIAN_OF])
                for what in settled[0]}

    def fault(self):
        """What should not have been, in words; None: all was well."""
        growth = self.growth()
        if self.wrong > 0 or self.lost > 0:
            return f"{self.wrong} wrong, {self.lost} connections lost"
        if growth and growth["resident"] > GROWTH_MAX:
            return f"the memory of the server is not flat: it grew by {in_words(growth)}"
        return None


def in_words(memory):
    return ", ".join(f"{what} {size / 1e6:.1f} MB" for what, size in memory.items())


# Of /proc/PID/status, and of /metrics.
KINDS = {"resident": "VmRSS", "anonymous": "RssAnon", "files": "RssFile"}
GAUGES = {"connections": "parlour_http_memory_bytes",
          "listeners": "parlour_listener_memory_bytes",
          "unread answers": "parlour_http_pinned_bytes"}


def memory_of(server):
    """{what: bytes}: all that is resident, what kinds it is of, and what of it the server
    knows to be for whom."""
    text = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    told = server.metrics()
    return ({what: int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024
             for what, name in KINDS.items()} |
            {what: int(told[name]) for what, name in GAUGES.items()})


class Soak:
    """A server, its room, and its listeners."""

    def __init__(self, server, listeners, mode, every_ms):
        self.server, self.every_ms = server, every_ms
        owner = server.api.register()
        room, quiet = owner.public_room(), owner.public_room()
        secure = {"tls": f"127.0.0.1:{server.tls_port}"} if mode == "tls" else {}
        who = (f"127.0.0.1:{server.port}", server.process.pid, owner.token, [room], quiet)
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
        said = self.crowd.ask("send", every_ms=self.every_ms, seconds=seconds, senders=SENDERS,
                              burst=BURST, burst_every_ms=burst_every_s * 1000)
        checked = self.crowd.ask("check")  # counts what came between two rounds as well
        return {**said, "lost": checked["lost"], "wrong": checked["wrong"]}


def soak(folder, listeners, rounds, seconds=60, mode="poll", warm=0,
         events_a_second=EVENTS_A_SECOND, say=lambda text: None):
    """So many rounds of so many seconds, a burst in the middle of each; Wrong is raised
    as soon as somebody heard what was not said, or did not hear what was."""
    server = Server(folder, log={"level": "warn"})
    if mode == "tls":
        add_secure(server, server.folder)
    with server:
        one = Soak(server, listeners, mode, 1000 // events_a_second)
        if warm > 0:
            one.warm(warm)
        with one.crowd:
            one.begin()
            memory, worst = [memory_of(server)], {}
            heard = {"sent": 0, "answers": 0, "events": 0, "lost": 0, "wrong": 0}
            for number in range(rounds):
                said = one.round(seconds, seconds)
                memory.append(memory_of(server))
                for name in heard:
                    heard[name] += said[name]
                for name in ("wake_p50_us", "wake_p99_us", "wake_max_us"):
                    worst[name] = max(worst.get(name, 0), said[name])
                say(f"{number + 1}: {heard['sent']} events, {heard['events']} deliveries, "
                    f"wake-up p99 {said['wake_p99_us'] / 1000:.1f} ms, "
                    f"{in_words(memory[-1])}")
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
    parser.add_argument("--events", type=int, default=EVENTS_A_SECOND, metavar="N",
                        help="how many a second between the bursts (2)")
    options = parser.parse_args()
    folder = TOP / "build" / f"soak-listen-{os.getpid()}"
    try:
        heard = soak(folder, options.listeners, options.minutes, mode=options.mode, warm=WARM,
                     events_a_second=options.events,
                     say=lambda text: print(text, flush=True))
    except Wrong as wrong:
        sys.exit(f"{wrong} (data: {folder})")
    print(f"{options.listeners} listeners, {heard.events} events, {heard.answers} answers, "
          f"{heard.deliveries} deliveries, {heard.wrong} wrong, {heard.lost} connections lost\n"
          f"resident: {heard.memory[0]['resident'] / 1e6:.1f} MB at the start, "
          f"{heard.memory[1]['resident'] / 1e6:.1f} MB after a minute, "
          f"{heard.memory[-1]['resident'] / 1e6:.1f} MB at the end\n"
          f"wake-up, the worst minute: p50 {heard.wake_p50_us / 1000:.1f} ms, p99 "
          f"{heard.wake_p99_us / 1000:.1f} ms, last {heard.wake_max_us / 1000:.1f} ms")
    if growth := heard.growth():
        print(f"growth since it has settled: {in_words(growth)}")
    if fault := heard.fault():
        sys.exit(f"{fault} (data: {folder})")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
