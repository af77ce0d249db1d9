/*
 * Folding and the borders of words. Stands beside fold.c, run by the test suite.
 */
#include "base/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
case_makes_no_difference_in_any_script(void **state)
{
	struct buf b = { 0 };

	fold_add(&b, "Ann GRÜN \xce\xa3 \xf0\x9f\xa6\x8a 7");
	buf_char(&b, '\0');
	assert_string_equal(b.p, "ann grün \xcf\x83 \xf0\x9f\xa6\x8a 7");
	buf_reset(&b);
	fold_add(&b, NULL);
	assert_int_equal(b.n, 0);
	buf_free(&b);
}

static void
a_character_is_read_whole(void **state)
{
	uint32_t c;

	assert_int_equal(fold_char("a", &c), 1);
	assert_int_equal(c, 'a');
	assert_int_equal(fold_char("ü", &c), 2);
	assert_int_equal(c, 0xfc);
	assert_int_equal(fold_char("田", &c), 3);
	assert_int_equal(c, 0x7530);
	assert_int_equal(fold_char("🦊", &c), 4);
	assert_int_equal(c, 0x1f98a);
}

static void
words_are_letters_and_digits(void **state)
{
	static const uint32_t in[] = { 'a', 'Z', '0', 0xfc, 0x7530, 0x3b1 };
	static const uint32_t out[] = { ' ', '.', '_', '-', '@',
		0x3000 /* wide space */, 0x3002 /* full stop */ };

	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		assert_true(fold_is_word(in[i]));
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		assert_false(fold_is_word(out[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_makes_no_difference_in_any_script),
		cmocka_unit_test(a_character_is_read_whole),
		cmocka_unit_test(words_are_letters_and_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
