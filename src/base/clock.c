/*
 * The two clocks: the wall's and the monotonic one; tests may stop either.
 * Relies on clock_gettime. Timestamps of events and deadlines of polls come from here.
 */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t test_now_ms, test_mono_ms; /* 0: the real clock */

static int64_t
clock_read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_now_ms(void)
{
	int64_t ms = atomic_load_explicit(&test_now_ms, memory_order_relaxed);

	return ms != 0 ? ms : clock_read_us(CLOCK_REALTIME) / 1000;
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_mono_us(void)
{
	int64_t ms = atomic_load_explicit(&test_mono_ms, memory_order_relaxed);

	return ms != 0 ? ms * 1000 : clock_read_us(CLOCK_MONOTONIC);
}

void
clock_set_for_test(int64_t ms)
{
	atomic_store_explicit(&test_now_ms, ms, memory_order_relaxed);
}

void
clock_set_mono_for_test(int64_t ms)
{
	atomic_store_explicit(&test_mono_ms, ms, memory_order_relaxed);
}
