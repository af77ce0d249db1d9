#!/usr/bin/env python3
"""Measures the release, each figure beside its floor in the same run.

Floors and Synapse take turns with Parlour, run by run, and what is printed are medians,
so that a noisy machine troubles all of them alike. Every server keeps its data below
build/, on the disk of the checkout.
"""

import argparse
import contextlib
import inspect
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import measure
from target import TOP, Parlour, Synapse, Target, free_port
from lib.http import Http

PEERS = {"synapse": Synapse}


class Bare(Target):
    """A program that does nothing but what cannot be left out. In its words {port} is where
    it is to listen, {folder} where it may write."""

    name = "floor"

    def __init__(self, folder, load_program, program, *words):
        super().__init__(folder, load_program)
        self.program, self.words, self.port = program, words, free_port()
        self.http = Http(f"http://{self.address}")

    def spawn(self):
        words = [word.format(port=self.port, folder=self.folder) for word in self.words]
        self.process = subprocess.Popen([self.program, *words], stdout=subprocess.DEVNULL)

    def tail(self):
        return ""


class Bench:
    """What the measurements need to know: how long, where, and with which programs."""

    def __init__(self, options):
        self.is_quick = options.quick
        self.runs = 1 if options.quick else options.runs
        self.seconds = 1 if options.quick else 2
        self.tree = pathlib.Path(options.build).resolve()
        self.folder = TOP / "build" / f"bench-data-{os.getpid()}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.servers = 0

    @contextlib.contextmanager
    def ready(self, *programs):
        """Builds these and says where it measures; at the end of the with block the data goes."""
        build(self.tree, *programs)
        print("\n".join(machine()), flush=True)
        try:
            yield
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        return str(self.tree / name)

    def run(self, command):
        return subprocess.run([str(word) for word in command], text=True, check=True,
                              stdout=subprocess.PIPE).stdout

    def new(self, kind, *more):
        self.servers += 1
        folder = self.folder / f"{kind.name}-{self.servers}"
        return kind(folder, self.program("bench/load"), *more)

    @contextlib.contextmanager
    def started(self, kind, *more):
        """A new server of that kind with no data, until the end of the with block."""
        target = self.new(kind, *more)
        try:
            target.first_start_s = target.start()
            yield target
        finally:
            target.__exit__()

    def another(self, target):
        return self.started(type(target))

    def bare(self, program, *words):
        return self.started(Bare, self.program(program), *words)


# ---- running ----

def medians(runs):
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} \
        if runs else {}


def measured(bench, module, name, peers):
    """{column: {figure: median}}: Parlour, floor, and each peer."""
    floor = module.FLOORS.get(name)
    columns = {"floor": []}
    with contextlib.ExitStack() as stack:
        going = {}
        for kind in (Parlour, *peers):
            target = stack.enter_context(bench.started(kind))
            going[kind.name] = module.ALL[name](bench, target)
            columns[kind.name] = []
        for _ in range(bench.runs):
            if floor:
                columns["floor"].append(floor(bench))
            for kind, measurement in going.items():
                columns[kind].append(next(measurement))
    return {column: medians(runs) for column, runs in columns.items()}


# ---- printing ----

def machine():
    """The lines that say what was measured, and on what."""
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    mount = subprocess.run(["findmnt", "-no", "FSTYPE,SOURCE", "--target", str(TOP)], text=True,
                           capture_output=True, check=False).stdout.split()
    return [f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GB, Linux {platform.release()}, "
            f"{' on '.join(mount) or 'file system unknown'}"]


def number(value):
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def ratio(ours, beside):
    """Ours as a part of the other; nothing where there is no such thing."""
    if ours is None or not beside:
        return ""
    part = ours / beside
    return f"{part:.2f}x" if part < 10 else f"{part:,.0f}x"


def verdict(goal, ours, floor):
    words, is_met = goal or (None, None)
    if words is None:
        return ""
    return f"{words}: {'met' if is_met(ours, floor) else 'MISSED'}"


def table(name, columns, goals):
    """Rows of texts, the first being the head."""
    beside = [column for column, figures in columns.items() if column != "Parlour" and figures]
    head = [name, "Parlour"]
    for column in beside:
        head += [column, "of it"]
    rows = [[*head, "goal"]]
    for figure, ours in columns["Parlour"].items():
        row = [figure, number(ours)]
        for column in beside:
            other = columns[column].get(figure)
            row += [number(other), ratio(ours, other)]
        goal = verdict(goals.get((name, figure)), ours, columns["floor"].get(figure, 0))
        rows.append([*row, goal])
    return rows


def aligned(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join("  ".join(
        cell.ljust(width) if at in (0, len(widths) - 1) else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in rows)


def markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" + "|---:" * (len(rows[0]) - 2) + "|---|", *lines[1:]])


def save(module, title, about, results, goals, tail=(), path=None):
    """Writes path (the module's RESULT): a section for each measurement, and the tail's
    lines."""
    text = [title, "", *machine(), "", about, ""]
    for name, columns in results.items():
        doc = " ".join(inspect.getdoc(module.ALL[name]).split())
        text += [f"## {name}", "", doc, "", markdown(table(name, columns, goals)), ""]
    (TOP / (path or module.RESULT)).write_text("\n".join([*text, *tail]), encoding="utf-8")


def save_json(path, bench, **about):
    about = {"machine": machine(), "runs": bench.runs, **about}
    pathlib.Path(path).write_text(json.dumps(about, indent=1), encoding="utf-8")


# ---- the command line ----

def words(module):
    lines = ["measurements:"]
    for name, one in module.ALL.items():
        lines += [f"  {name}", *(f"      {line}" for line in inspect.getdoc(one).splitlines())]
    return "\n".join(lines)


def common_arguments(parser, module):
    """What all that measure by a module of measurements understand."""
    def measurement(name):
        if name in module.ALL:
            return name
        raise argparse.ArgumentTypeError(
            f"no measurement {name}; there are: {' '.join(module.ALL)}")

    parser.epilog = words(module)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", type=measurement,
                        help="only these measurements")
    parser.add_argument("--peer", action="append", choices=PEERS, default=[],
                        help="runs the same load against another homeserver beside")
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument("--runs", type=int, default=3, help="how many runs (3)")
    parser.add_argument("--json", metavar="FILE", help="writes the figures as JSON")
    parser.add_argument("--save", action="store_true", help=f"writes {module.RESULT}")
    parser.add_argument("--build", default=str(TOP / "build/release"), metavar="FOLDER",
                        help="the build tree to measure (build/release)")


def build(tree, *programs):
    made = subprocess.run(["ninja", "-C", str(tree), "parlour", "bench/load", *programs],
                          text=True, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if made.returncode != 0:
        sys.exit(made.stdout)
    os.environ["PARLOUR_BIN"] = str(tree / "parlour")


def run(module, prog, about, *programs):
    """What a command does whose measurements stand in a module."""
    parser = argparse.ArgumentParser(prog=prog, description=about)
    common_arguments(parser, module)
    options = parser.parse_args()
    bench = Bench(options)
    peers, results = [PEERS[name] for name in options.peer], {}
    with bench.ready(*programs):
        for name in options.names or module.ALL:
            results[name] = measured(bench, module, name, peers)
            print("\n" + aligned(table(name, results[name], module.GOALS)), flush=True)
    if options.json:
        save_json(options.json, bench, figures=results)
    if options.save:
        title = about.split("\n\n", maxsplit=1)[0].replace(
            "Measures", f"# Figures\n\n`{prog}` measures")
        save(module, title, f"Medians of {bench.runs} runs.", results, module.GOALS)


if __name__ == "__main__":
    run(measure, "./dev bench", __doc__, "bench/http_floor", "src/store/commit_floor")
