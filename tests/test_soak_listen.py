"""Many listeners for a while: tests/soak_listen.py, the short form."""

import os

import pytest

from soak_listen import MODES, soak

LISTENERS = 500
SECONDS = 10

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


@pytest.mark.parametrize("mode", MODES)
def test_five_hundred_guests_hear_every_event_once_and_in_order(tmp_path, mode):
    heard = soak(tmp_path, LISTENERS, rounds=1, seconds=SECONDS, mode=mode)
    assert heard.deliveries == heard.events * LISTENERS
    assert heard.fault() is None
