#!/usr/bin/env python3
"""Measures /sync of the release, beside another homeserver in the same run.

Peers hold smaller houses (30 rooms of 50 members) than Parlour does beside (200 of 300);
both take turns, run by run, and what is printed are medians.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import syncing
from bench import run

if __name__ == "__main__":
    run(syncing, "./dev bench sync", __doc__)
