/*
 * The errcodes' spelling.
 * Relies on base/err.
 * Stands beside err.c, run by the test suite.
 */
#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static void
each_error_has_the_name_of_its_errcode(void **state)
{
	assert_string_equal(err_name(M_FORBIDDEN), "M_FORBIDDEN");
	assert_string_equal(err_name(M_BAD_STATUS), "M_BAD_STATUS");
	for (int err = M_OK; err < M_ERR_COUNT; err++)
		assert_int_equal(strncmp(err_name(err), "M_", 2), 0);
}

static void
no_two_errcodes_share_a_name(void **state)
{
	for (int a = M_OK; a < M_UNAVAILABLE; a++) {
		for (int b = a + 1; b < M_UNAVAILABLE; b++)
			assert_string_not_equal(err_name(a), err_name(b));
	}
}

static void
what_the_specification_does_not_know_is_m_unknown(void **state)
{
	assert_string_equal(err_name(M_UNAVAILABLE), "M_UNKNOWN");
	assert_string_equal(err_name(M_ERR_COUNT), "M_UNKNOWN");
	assert_string_equal(err_name((enum mx_err) - 1), "M_UNKNOWN");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_error_has_the_name_of_its_errcode),
		cmocka_unit_test(no_two_errcodes_share_a_name),
		cmocka_unit_test(what_the_specification_does_not_know_is_m_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
