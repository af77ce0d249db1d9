/*
 * The clocks.
 * Relies on base/clock.
 * Stands beside clock.c, run by the test suite.
 */
#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <time.h>

static void
the_wall_clock_tells_the_time_in_milliseconds(void **state)
{
	time_t before = time(NULL);
	int64_t now_ms = clock_now_ms();

	/* time() may lag the precise clock by a tick. */
	assert_true(now_ms >= before * 1000LL);
	assert_true(now_ms <= (time(NULL) + 2) * 1000LL);
}

static void
the_monotonic_clock_goes_on_and_never_back(void **state)
{
	int64_t start_us = clock_mono_us(), last_us = start_us;

	while (last_us < start_us + 2000) {
		int64_t us = clock_mono_us();

		assert_true(us >= last_us);
		last_us = us;
	}
	assert_true(clock_mono_ms() >= last_us / 1000);
	assert_true(clock_mono_ms() <= clock_mono_us() / 1000);
}

static void
a_set_clock_stands_still_until_it_is_set_again(void **state)
{
	clock_set_for_test(1432735824653);
	assert_true(clock_now_ms() == 1432735824653);
	assert_true(clock_now_ms() == 1432735824653);
	clock_set_for_test(1432735824654);
	assert_true(clock_now_ms() == 1432735824654);
	clock_set_for_test(0);
	assert_true(clock_now_ms() > 1700000000000);
}

static void
a_set_monotonic_clock_stands_still_too(void **state)
{
	clock_set_mono_for_test(86400000);
	assert_true(clock_mono_ms() == 86400000);
	assert_true(clock_mono_us() == 86400000000);
	clock_set_mono_for_test(86400999);
	assert_true(clock_mono_ms() == 86400999);
	clock_set_mono_for_test(0);
	assert_true(clock_mono_ms() <= clock_mono_us() / 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_wall_clock_tells_the_time_in_milliseconds),
		cmocka_unit_test(the_monotonic_clock_goes_on_and_never_back),
		cmocka_unit_test(a_set_clock_stands_still_until_it_is_set_again),
		cmocka_unit_test(a_set_monotonic_clock_stands_still_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
