"""What kill -9 leaves: tests/soak_kill.py, with PARLOUR_KILLS kills (30 if not set)."""

import os

import pytest

from soak_kill import soak

KILLS = int(os.environ.get("PARLOUR_KILLS", 30))


@pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")
@pytest.mark.skipif(KILLS == 0, reason="PARLOUR_KILLS is 0")
def test_what_was_acknowledged_before_a_kill_is_there_once_and_in_order(tmp_path):
    done = soak(tmp_path, KILLS)
    assert done.kills == KILLS and done.acknowledged > KILLS and done.mover.moves > 0
