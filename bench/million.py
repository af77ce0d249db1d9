#!/usr/bin/env python3
"""A million listeners by HTTP/2, in one process, on this machine.

Guests of their own, each with a token and a parked poll: STREAMS of them on each of
CONNECTIONS. Then one event for all: every answer must have status 200 and hold it once.
Memory is the server's resident one; the CPU is that of all its threads, the event itself
included. The floor is a bare loop that sends as many bytes on as many sockets.
"""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import bench as benching
from target import TOP, V3, Parlour, quote

RESULT = TOP / "bench/MILLION.md"
PARK_WITHIN_S = 600  # a million, on a small machine that has other work


class Crowd:
    """bench/million, a word and its answer at a time."""

    def __init__(self, program, target, connections, streams):
        self.process = subprocess.Popen(
            [program, target.address, str(connections), str(streams)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.listen_for("connected")

    def listen_for(self, word):
        answer = self.process.stdout.readline().split()
        assert answer and answer[0] == word, answer
        return [int(number) for number in answer[1:]]

    def say(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def park(crowd, target, room_id, owner, count):
    """Has all of them ask, and returns once all wait: (seconds, CPU us each)."""
    path = f"{V3}/events?room_id={quote(room_id)}"
    end = target.load.ask_each([("GET", path + "&timeout=0", owner.token, None)])[0]["end"]
    began, cpu = time.monotonic(), target.cpu_s()
    crowd.say(f"park {path}&from={quote(end)}&timeout=3000000")
    crowd.listen_for("asked")
    while (parked := target.server.parked()) < count:
        assert time.monotonic() - began < PARK_WITHIN_S, f"{parked} of {count} parked"
        time.sleep(0.02)  # between two looks at a gauge
    return time.monotonic() - began, (target.cpu_s() - cpu) * 1e6 / count


def say(crowd, target, room_id, owner, text, count):
    """One event to all: figures, every answer checked."""
    crowd.say(f"hear {text}")
    crowd.listen_for("listening")
    cpu = target.cpu_s()
    target.load.ask_each([("PUT", f"{V3}/rooms/{quote(room_id)}/send/m.room.message/{text}",
                           owner.token, {"msgtype": "m.text", "body": text})])
    answered = time.monotonic()
    right, wrong, *times = crowd.listen_for("heard")
    assert right == count and wrong == 0, f"{right} right, {wrong} wrong answers"
    first, half, last = (us / 1e6 - answered for us in times)
    return {"first s": first, "half s": half, "last s": last,
            "CPU us/answer": (target.cpu_s() - cpu) * 1e6 / count}


def measure(bench, options):
    count = options.connections * options.streams
    target = bench.new(Parlour)
    target.server.settings["limits"] = {"rate": "off", "events_timeout_max": "1h"}
    target.server.write_config()
    target.start()
    owner, rounds = target.accounts(1)[0], []
    room_id = target.public_room(owner)
    crowd = Crowd(bench.program("bench/million"), target, options.connections, options.streams)
    try:
        got = {"listeners": count, "answers right": 0}
        idle, began = target.resident_bytes(), time.monotonic()
        crowd.say("register")
        assert crowd.listen_for("registered") == [count]
        got["guests registered/s"] = count / (time.monotonic() - began)
        before = target.resident_bytes()
        got["bytes/connection"] = (before - idle) / options.connections
        for turn in range(options.rounds):
            seconds, cpu_us = park(crowd, target, room_id, owner, count)
            if turn == 0:
                got["resident bytes/stream"] = (target.resident_bytes() - before) / count
            rounds.append({"parked/s": count / seconds, "CPU us/poll": cpu_us}
                          | say(crowd, target, room_id, owner, f"mark{turn}.", count))
            got["answers right"] += count
        encoded = sum(value for name, value in target.metrics().items()
                      if name.startswith("parlour_events_encoded_total"))
        got["encodings an event"] = encoded / options.rounds
    finally:
        crowd.end()
        target.stop()
    return got | {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def floor(bench, options):
    """CPU for each answer's share of a send() on a socket, and the time of all."""
    said = bench.run([bench.program("bench/million"), "floor", options.connections,
                      options.bytes * options.streams])
    rounds = [tuple(map(int, line.split()[1:])) for line in said.splitlines()]
    count = options.connections * options.streams
    return {"CPU us/answer": statistics.median(cpu for cpu, _ in rounds) / count,
            "last s": statistics.median(us for _, us in rounds) / 1e6}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench million", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--streams", type=int, default=100, help="on each of them")
    parser.add_argument("--rounds", type=int, default=3, help="events, one after another")
    parser.add_argument("--bytes", type=int, default=450, help="of the floor, for each stream")
    parser.add_argument("--save", action="store_true", help=f"writes {RESULT.name}")
    parser.add_argument("--build", default=str(TOP / "build/release"), metavar="FOLDER")
    options = parser.parse_args()
    options.quick, options.runs = False, 1
    bench = benching.Bench(options)
    with bench.ready("bench/million"):
        ours, bare = measure(bench, options), floor(bench, options)
    rows = [["million", "Parlour", "floor", "of it"]]
    for name, figure in ours.items():
        beside = bare.get(name)
        rows.append([name, benching.number(figure), benching.number(beside),
                     benching.ratio(figure, beside)])
    print("\n" + benching.aligned(rows))
    if options.save:
        RESULT.write_text("\n".join(["# A million listeners", "", __doc__.split("\n\n", 1)[1],
                                     *benching.machine(), "", benching.markdown(rows), ""]),
                          encoding="utf-8")


if __name__ == "__main__":
    main()
