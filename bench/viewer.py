#!/usr/bin/env python3
"""Measures public rooms as live pages of the release: who watches one, and who reads one.

Viewers are real streams of server-sent events, and every event is checked: told once, in
order, none missing. What stands beside takes turns with them, run by run, and what is
printed are medians. Whoever asks shares the machine's cores with the server.
"""

import argparse
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import viewing
from bench import Bench, aligned, common_arguments, medians, save, save_json, table
from listen import SPARE_DESCRIPTORS


class Viewing(Bench):
    """What the measurements need to know besides: how many watch, and how much is read."""

    def __init__(self, options):
        super().__init__(options)
        self.viewers = options.viewers
        self.pages, self.rooms, self.news, self.loads = (10, 10, 3, 5) if self.is_quick else \
            (60, 40, 7, 21)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if self.viewers > limit - SPARE_DESCRIPTORS:
            sys.exit(f"nofile is {limit} here: the server holds {limit - SPARE_DESCRIPTORS} "
                     "viewers")
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def measured(bench, name):
    """{column: {figure: median}}: Parlour and floor."""
    with bench.started(viewing.Viewed) as target:
        going = viewing.ALL[name](bench, target)
        try:
            ours, floor = zip(*(next(going) for _ in range(bench.runs)))
        finally:
            going.close()
    return {"Parlour": medians(ours), "floor": medians(floor)}


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench viewer", description=__doc__)
    common_arguments(parser, viewing)
    parser.add_argument("--viewers", type=int, metavar="N", help="how many (10,000)")
    options = parser.parse_args()
    if options.peer:
        parser.error("no other homeserver has pages")
    options.viewers = options.viewers or (1000 if options.quick else 10000)
    return options


def main():
    options = arguments()
    bench, results = Viewing(options), {}
    with bench.ready("bench/listen"):
        for name in options.names or viewing.ALL:
            results[name] = measured(bench, name)
            print("\n" + aligned(table(name, results[name], viewing.GOALS)), flush=True)
    if options.json:
        save_json(options.json, bench, viewers=bench.viewers, figures=results)
    if options.save:
        save(viewing, "# Viewers\n\n`./dev bench viewer` measures public rooms as live pages "
             "of the release: who watches one, and who reads one.",
             f"{bench.viewers:,} viewers; medians of {bench.runs} runs.", results,
             viewing.GOALS)


if __name__ == "__main__":
    main()
