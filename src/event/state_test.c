/*
 * The tree of a room's state: going through it, all of it and in part.
 * Stands beside state.c, run by the test suite.
 */
#include "event/state.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES 5
#define KEYS 40 /* of the type in the middle; the others have one */

static const char *const types[TYPES] = { "a", "m.room.create", "m.room.member",
	"m.room.memberx", "z" };

static struct state *
make(unsigned left_out)
{
	struct state *state = NULL;

	for (int t = 0; t < TYPES; t++)
		for (int k = 0; k < (t == 2 ? KEYS : 1); k++) {
			struct state *before = state;
			char key[16];

			if (left_out & 1u << t)
				continue;
			snprintf(key, sizeof key, "@%d:x", k * 7919 % KEYS);
			state = state_with(
			    before, state_entry_new(types[t], key, "$e", t * KEYS + k,
					MEMBERSHIP_NONE, NULL, NULL));
			state_unref(before);
		}
	return state;
}

struct seen {
	int count, stop_at;
	const struct state_entry *last;
	const char *only, *but;
};

static bool
see(const struct state_entry *entry, void *arg)
{
	struct seen *seen = arg;
	int order = seen->last == NULL ? -1 : strcmp(seen->last->type, entry->type);

	if (order == 0)
		order = strcmp(seen->last->state_key, entry->state_key);
	assert_true(order < 0);
	if (seen->only != NULL)
		assert_string_equal(entry->type, seen->only);
	if (seen->but != NULL)
		assert_string_not_equal(entry->type, seen->but);
	seen->last = entry;
	return ++seen->count != seen->stop_at;
}

/* With each subset of the types left out: what there is not is not gone into either. */
static void
those_of_a_type_and_all_others_are_the_whole(void **state)
{
	(void)state;
	for (unsigned left_out = 0; left_out < 1u << TYPES; left_out++) {
		struct state *all = make(left_out);

		for (int t = 0; t < TYPES; t++) {
			struct seen of = { .only = types[t] },
				    but = { .but = types[t] };
			int there = left_out & 1u << t ? 0 : t == 2 ? KEYS : 1;

			assert_true(state_each_of(all, types[t], see, &of));
			assert_true(state_each_but(all, types[t], see, &but));
			assert_int_equal(of.count, there);
			assert_int_equal(of.count + but.count, state_count(all));
		}
		state_unref(all);
	}
}

static void
going_through_a_part_stops_where_it_is_told_to(void **state)
{
	struct state *all = make(0);

	(void)state;
	for (int at = 1; at <= KEYS; at++) {
		struct seen of = { .stop_at = at };

		assert_false(state_each_of(all, "m.room.member", see, &of));
		assert_int_equal(of.count, at);
	}
	for (int at = 1; at < TYPES; at++) {
		struct seen but = { .stop_at = at };

		assert_false(state_each_but(all, "m.room.member", see, &but));
		assert_int_equal(but.count, at);
	}
	state_unref(all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_a_type_and_all_others_are_the_whole),
		cmocka_unit_test(going_through_a_part_stops_where_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
