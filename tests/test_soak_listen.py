"""Many listeners for a while: tests/soak_listen.py, the short form."""

import os

import pytest

from soak_listen import GROWTH_MAX, MODES, Heard, soak

LISTENERS = 500
SECONDS = 10

pytestmark = pytest.mark.skipif("PARLOUR_URL" in os.environ, reason="needs a server of its own")


@pytest.mark.parametrize("mode", MODES)
def test_five_hundred_guests_hear_every_event_once_and_in_order(tmp_path, mode):
    heard = soak(tmp_path, LISTENERS, rounds=1, seconds=SECONDS, mode=mode)
    assert heard.deliveries == heard.events * LISTENERS
    assert heard.fault() is None


def held(resident):
    """What came of a soak after which so much was resident, round by round."""
    return Heard(1, 1, 1, 0, 0, 0, 0, 0, [{"resident": size} for size in resident])


def test_memory_that_grows_all_the_time_is_a_fault():
    each = GROWTH_MAX / 40
    fault = held([40e6 + each * n for n in range(61)]).fault()
    assert fault is not None and "not flat" in fault


def test_memory_that_settles_or_swings_is_none():
    assert held([80e6, 60e6] + [50e6] * 59).fault() is None
    assert held([20e6 + 2e6 * min(n, 10) for n in range(61)]).fault() is None
    assert held([40e6 + 3e6 * (n % 2) for n in range(61)]).fault() is None
    assert held([40e6] * 59 + [60e6] * 2).fault() is None  # a burst that is not read yet
