"""What a test starts ends with the tests, also where those are killed in the middle."""

import os
import pathlib
import select
import subprocess
import sys

import pytest

ENDS_WITHIN_S = 20
TESTS = pathlib.Path(__file__).parent
STARTER = """
import sys, time
from lib.server import Server
one = Server(sys.argv[1])
one.start()
print(one.process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")
def test_a_server_ends_with_the_tests_that_started_it(tmp_path):
    with subprocess.Popen([sys.executable, "-c", STARTER, tmp_path / "server"],
                          env={**os.environ, "PYTHONPATH": str(TESTS)},
                          stdout=subprocess.PIPE, text=True) as starter:
        server = os.pidfd_open(int(starter.stdout.readline()))
        starter.kill()
    ended, _, _ = select.select([server], [], [], ENDS_WITHIN_S)
    os.close(server)
    assert ended
