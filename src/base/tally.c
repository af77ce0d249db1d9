/*
 * A count-min sketch of two rows. Relies on atomics and on hashes that nobody outside
 * can aim.
 */
#include "base/tally.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/str.h"

#define ROWS 2
#define WIDTH_MIN 1024

struct tally {
	size_t size;   /* of all of it */
	uint32_t mask; /* of a row's index */
	_Atomic uint32_t counters[];
};

struct tally *
tally_new(uint32_t things)
{
	uint32_t width = WIDTH_MIN;
	struct tally *t;
	size_t size;

	while (width < things && width < UINT32_C(1) << 28)
		width *= 2;
	size = sizeof *t + (size_t)width * ROWS * sizeof *t->counters;
	t = xpages(size);
	t->size = size;
	t->mask = width - 1;
	return t;
}

void
tally_free(struct tally *t)
{
	if (t != NULL)
		xpages_free(t, t->size);
}

static size_t
index_of(const struct tally *t, uint64_t hash, int row)
{
	uint32_t half = (uint32_t)(hash >> (row * 32));

	return (size_t)row * (t->mask + 1) + (half & t->mask);
}

uint32_t
tally_add(struct tally *t, uint64_t hash)
{
	uint32_t least = UINT32_MAX;

	for (int row = 0; row < ROWS; row++) {
		uint32_t n =
		    atomic_fetch_add_explicit(
			&t->counters[index_of(t, hash, row)], 1, memory_order_relaxed) +
		    1;

		least = n < least ? n : least;
	}
	return least;
}

void
tally_sub(struct tally *t, uint64_t hash)
{
	for (int row = 0; row < ROWS; row++)
		atomic_fetch_sub_explicit(
		    &t->counters[index_of(t, hash, row)], 1, memory_order_relaxed);
}

bool
tally_has(const struct tally *t, uint64_t hash)
{
	for (int row = 0; row < ROWS; row++)
		if (atomic_load_explicit(&t->counters[index_of(t, hash, row)],
			memory_order_relaxed) == 0)
			return false;
	return true;
}
