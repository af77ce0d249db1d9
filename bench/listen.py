#!/usr/bin/env python3
"""Measures listeners of the release, all of them held by real requests of real guests.

Every answer is checked: each event once, in order, none missing. The floor is a bare
program that holds as many connections and sends as many bytes; it, Parlour and Synapse
take turns, run by run, and what is printed are medians.
"""

import argparse
import contextlib
import pathlib
import resource
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import listening
from bench import (PEERS, Bench, aligned, common_arguments, markdown, medians, number, save,
                   save_json, table)
from target import SecureParlour
from lib.crowd import Crowd

SLOPE = (1000, 4000, 10000, 18000)
SLOPE_QUICK = (200, 1000)
SPARE_DESCRIPTORS = 500  # of the server: what is no listener


class Listening(Bench):
    """What the measurements need to know besides: how many, and how they listen."""

    def __init__(self, options):
        super().__init__(options)
        self.mode_name, self.mode = options.mode, listening.MODES[options.mode]
        self.listeners, self.rooms = options.listeners, options.rooms
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        most = (limit - SPARE_DESCRIPTORS) * self.mode.each
        if self.listeners > most:
            sys.exit(f"nofile is {limit} here: the server holds {most} listeners")
        self.slow_count = 600 if self.is_quick else min(15000, most - 1000)
        self.answer_bytes = 0
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    def count(self, target):
        return min(self.listeners, 1000) if target.name in PEER_NAMES else self.listeners

    def room_count(self, target):
        return min(self.rooms, 50) if target.name in PEER_NAMES else self.rooms

    def size(self, target):
        """Tells a floor how long Parlour's answers were that go out on one connection."""
        if target.name == "floor":
            target.http.ask("POST", f"/floor/bytes/{self.answer_bytes * self.mode.each}")

    def asks_again(self, target):
        """Is there a question for each answer? A floor reads one for all of a connection."""
        return not self.mode.goes_on and (target.name != "floor" or self.mode.each == 1)

    def crowd(self, target, count, rooms=1, listened=None):
        """Listeners to new rooms of a new account, who are not connected yet."""
        more = {"mode": self.mode_name}
        if target.name == "floor":
            more = {"mode": self.mode.floor}
            count = -(-count // self.mode.each)
            owner = types.SimpleNamespace(token="floor")
            *heard, quiet = [f"!room{n}:floor" for n in range(rooms)] + ["!quiet:floor"]
        else:
            owner = target.accounts(1)[0]
            *heard, quiet = listening.public_rooms(target, owner, rooms + 1)
            if self.mode.kind is SecureParlour:
                more["tls"] = target.tls_address
        return Crowd(target.address, target.pid, owner.token, heard, quiet, listeners=count,
                     listened=listened or rooms, **more)

    def floor(self):
        return self.bare("bench/send_floor", "{port}", self.mode.floor, "{folder}/page")


PEER_NAMES = {kind.name for kind in PEERS.values()}


# ---- running ----

def measured(bench, name, peers):
    """{column: {figure: median}}: Parlour, floor, and each peer."""
    columns = {"Parlour": [], "floor": []}
    with contextlib.ExitStack() as stack:
        going = {}
        for kind in (bench.mode.kind, *peers):
            target = stack.enter_context(bench.started(kind))
            going[kind.name] = listening.ALL[name](bench, target)
            columns[kind.name] = []
        if name in listening.HAVE_FLOOR:
            target = stack.enter_context(bench.floor())
            going["floor"] = listening.ALL[name](bench, target)
        try:
            for _ in range(bench.runs):
                for column, measurement in going.items():
                    columns[column].append(next(measurement))
        finally:
            for measurement in going.values():
                measurement.close()
    return {column: medians(runs) for column, runs in columns.items()}


def slope(bench):
    """{listeners: columns of the first measurement}."""
    got = {}
    for count in SLOPE_QUICK if bench.is_quick else SLOPE:
        bench.listeners, bench.answer_bytes = count, 0
        got[count] = measured(bench, "listeners", [])
    return got


# ---- printing ----

def slope_table(got):
    """Rows of texts: a figure of Parlour's for each number of listeners, and the floor's."""
    rows = [["for each of", *(f"{count:,}" for count in got), ""]]
    for column in ("Parlour", "floor"):
        first = next(iter(got.values()))[column]
        rows += [[f"{column}: {figure}", *(number(one[column].get(figure)) for one in got.values()),
                  ""] for figure in first if column == "Parlour" or "CPU" in figure]
    return rows


def print_figures(bench, name, columns):
    print("\n" + aligned(table(name, columns, bench.mode.goals)), flush=True)
    if columns["floor"] and bench.mode.about_floor:
        print(f"(floor: {bench.mode.about_floor})", flush=True)
    for column in columns:
        if column in PEER_NAMES and name != "rooms":
            print(f"({column}: {min(bench.listeners, 1000):,} listeners)", flush=True)


def save_figures(bench, results, by_count):
    title = __doc__.split("\n\n", maxsplit=1)[0].replace(
        "Measures listeners of the release", "# Listeners\n\n`./dev bench listen` measures "
        "listeners of the release")
    tail = ["## slope", "", "The first measurement with more and more listeners.", "",
            markdown(slope_table(by_count)), ""] if by_count else []
    floor = bench.mode.about_floor and f" The floor is {bench.mode.about_floor}."
    save(listening, title, f"{bench.listeners:,} listeners, mode {bench.mode_name}; medians of "
         f"{bench.runs} runs.{floor}", results, bench.mode.goals, tail,
         listening.RESULT if bench.mode_name == "poll" else
         listening.RESULT.replace(".", f"-{bench.mode_name}."))


# ---- the command line ----

def check(parser, options):
    """Refuses what cannot be measured in the mode."""
    mode = listening.MODES[options.mode]
    for name in options.names:
        if name in mode.unmeasured:
            parser.error(f"{name} is not measured in mode {options.mode}: "
                         f"{mode.unmeasured[name]}")
    if options.peer and not mode.has_peers:
        parser.error(f"no homeserver is measured beside ours in mode {options.mode}")


def mode_words():
    return "\n".join(["modes:", *(f"  {name:8}{mode.about}"
                                 for name, mode in listening.MODES.items())])


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench listen", description=__doc__)
    common_arguments(parser, listening)
    parser.add_argument("--listeners", type=int, metavar="N",
                        help="how many (15,000; peers hold 1,000)")
    parser.add_argument("--rooms", type=int, metavar="R",
                        help="of the measurement rooms (1,000; peers have 50)")
    parser.epilog = f"{mode_words()}\n\n{parser.epilog}"
    parser.add_argument("--mode", choices=listening.MODES, default="poll",
                        help="how they listen (poll)")
    parser.add_argument("--slope", action="store_true",
                        help="figures for each of 1,000, 4,000, 10,000 and 18,000 listeners")
    options = parser.parse_args()
    check(parser, options)
    options.listeners = options.listeners or (1000 if options.quick else 15000)
    options.rooms = options.rooms or (100 if options.quick else 1000)
    return options


def main():
    options = arguments()
    bench = Listening(options)
    peers, results, by_count = [PEERS[name] for name in options.peer], {}, {}
    with bench.ready("bench/listen", "bench/send_floor"):
        for name in options.names or ([] if options.slope else bench.mode.measurements()):
            results[name] = measured(bench, name, peers)
            print_figures(bench, name, results[name])
        if options.slope:
            by_count = slope(bench)
            print("\n" + aligned(slope_table(by_count)), flush=True)
    bench.listeners = options.listeners
    if options.json:
        save_json(options.json, bench, mode=bench.mode_name, listeners=bench.listeners,
                  figures=results, slope=by_count)
    if options.save:
        save_figures(bench, results, by_count)


if __name__ == "__main__":
    main()
