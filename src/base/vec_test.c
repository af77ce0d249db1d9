/*
 * Growing arrays of any type.
 * Relies on base/vec.
 * Stands beside vec.h, run by the test suite.
 */
#include "base/vec.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

static void
pushed_items_keep_their_order_while_it_grows(void **state)
{
	VEC(int) v = { 0 };

	for (int i = 0; i < 1000; i++)
		vec_push(&v, i * 3);
	assert_int_equal(v.n, 1000);
	assert_true(v.cap >= v.n);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i * 3);
	vec_free(&v);
}

static void
a_freed_vector_is_empty_and_may_be_filled_again(void **state)
{
	VEC(const char *) v = { 0 };

	vec_push(&v, "one");
	vec_free(&v);
	assert_null(v.v);
	assert_int_equal(v.n, 0);
	vec_push(&v, "two");
	assert_string_equal(v.v[0], "two");
	vec_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pushed_items_keep_their_order_while_it_grows),
		cmocka_unit_test(a_freed_vector_is_empty_and_may_be_filled_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
