#!/usr/bin/env python3
"""Measures uploads and downloads of the release, each beside what it cannot be faster than.

Downloads stand beside Debian's nginx, which serves the same file by sendfile(); uploads
beside a bare write() and fsync() of the same bytes. They take turns, run by run, and what
is printed are medians. All of it is HTTP/1.1 over loopback, not encrypted; what receives
and what sends shares the machine's cores with the server.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import transfers
from bench import run

if __name__ == "__main__":
    run(transfers, "./dev bench media", __doc__, "bench/listen")
