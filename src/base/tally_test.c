/*
 * Tallies: never too few, and hardly ever too many.
 */
#include "base/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/map.h"

static uint64_t
thing(uint64_t n)
{
	return map_hash(&n, sizeof n);
}

static void
a_thing_is_counted_up_and_down(void **state)
{
	struct tally *t = tally_new(100);

	for (uint32_t i = 1; i <= 50; i++)
		assert_int_equal(tally_add(t, thing(7)), i);
	for (uint32_t i = 0; i < 50; i++)
		tally_sub(t, thing(7));
	assert_int_equal(tally_add(t, thing(7)), 1);
	tally_free(t);
}

static void
a_thing_is_there_from_its_first_to_its_last(void **state)
{
	struct tally *t = tally_new(100);

	assert_false(tally_has(t, thing(7)));
	tally_add(t, thing(7));
	tally_add(t, thing(7));
	tally_sub(t, thing(7));
	assert_true(tally_has(t, thing(7)));
	assert_false(tally_has(t, thing(8)));
	tally_sub(t, thing(7));
	assert_false(tally_has(t, thing(7)));
	tally_free(t);
}

static void
many_things_are_never_counted_too_few_and_seldom_too_many(void **state)
{
	enum { THINGS = 20000, EACH = 3 };
	struct tally *t = tally_new(THINGS);
	int too_many = 0;

	for (uint64_t i = 0; i < THINGS; i++)
		for (int k = 0; k < EACH; k++)
			tally_add(t, thing(i));
	for (uint64_t i = 0; i < THINGS; i++) {
		uint32_t n = tally_add(t, thing(i));

		assert_true(n >= EACH + 1);
		too_many += n > 4 * EACH;
		tally_sub(t, thing(i));
	}
	assert_true(too_many < THINGS / 100);
	for (uint64_t i = 0; i < THINGS; i++)
		for (int k = 0; k < EACH; k++)
			tally_sub(t, thing(i));
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(tally_add(t, thing(i)), 1);
		tally_sub(t, thing(i));
	}
	tally_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thing_is_counted_up_and_down),
		cmocka_unit_test(a_thing_is_there_from_its_first_to_its_last),
		cmocka_unit_test(
		    many_things_are_never_counted_too_few_and_seldom_too_many),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
