/*
 * Tokens are read as they were written, and nothing else is one.
 * Stands beside token.c, run by the test suite.
 */
#include "stream/token.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static const char *
text_of(struct buf *b)
{
	buf_char(b, '\0');
	return b->p;
}

static void
a_stream_token_is_read_as_it_was_written(void **state)
{
	static const struct stream_token tokens[] = { { 0, -1, -1 }, { 1, 0, -1 },
		{ 123, 7, 9 }, { 123, -1, 0 }, { INT64_MAX, INT64_MAX, INT64_MAX },
		{ INT64_MAX, -1, -1 } };

	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		struct stream_token got;
		struct buf b = { 0 };

		token_write(&b, &tokens[i]);
		assert_true(b.n < TOKEN_MAX);
		assert_true(token_parse(text_of(&b), &got));
		assert_true(got.events == tokens[i].events);
		assert_true(got.typing == tokens[i].typing);
		assert_true(got.presence == tokens[i].presence);
		buf_free(&b);
	}
}

static void
a_place_is_read_as_it_was_written(void **state)
{
	static const struct place places[] = { { 0, 0 }, { 1, -1 }, { 77, 3 },
		{ INT64_MAX, INT64_MIN }, { INT64_MIN, INT64_MAX } };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		struct stream_token stream;
		struct place got;
		struct buf b = { 0 };

		token_write_place(&b, places[i]);
		assert_true(b.n < TOKEN_MAX);
		assert_true(token_parse_place(text_of(&b), &got));
		assert_true(got.line == places[i].line && got.sub == places[i].sub);
		assert_false(token_parse(b.p, &stream));
		buf_free(&b);
	}
}

static void
a_stream_token_is_the_place_behind_its_last_event(void **state)
{
	struct place got;

	assert_true(token_parse_place("s1_e41", &got));
	assert_true(got.line == 42 && got.sub == 0);
	assert_true(token_parse_place("s1_e41_t9", &got));
	assert_true(got.line == 42 && got.sub == 0);
	assert_false(token_parse_place("s1_e9223372036854775807", &got));
}

static void
what_is_no_token_is_refused(void **state)
{
	static const char *const wrong[] = { NULL, "", "s", "s1", "s1_", "s1_e",
		"s1_e-1", "s1_e+1", "s1_e01", "s1_e00", "s1_e1_", "s1_e1_t",
		"s1_e1_t-1", "s1_e1_t01", "s1_e1_x2", "s1_e1 ", " s1_e1", "s1_e1_t1_t1",
		"s1_e1_p", "s1_e1_p-1", "s1_e1_p01", "s1_e1_p1_t1", "s1_e1_p1_p1",
		"s1_e1_t1_p1_", "s1_p1", "s2_e1", "S1_e1", "s1_e1e",
		"s1_e9223372036854775808", "s1_e99999999999999999999999", "t1", "t1_",
		"t1_1", "t1_1_", "t1__1", "t1_1_2_3", "t1_-0_1", "t1_1_-0", "t1_01_1",
		"t1_9223372036854775808_0", "t2_1_1", "END", "s3456_9_0",
		"t44-3453_9_0" };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct stream_token stream;
		struct place place;

		if (token_parse(wrong[i], &stream) ||
		    token_parse_place(wrong[i], &place))
			fail_msg("%s is taken for a token", wrong[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_token_is_read_as_it_was_written),
		cmocka_unit_test(a_place_is_read_as_it_was_written),
		cmocka_unit_test(a_stream_token_is_the_place_behind_its_last_event),
		cmocka_unit_test(what_is_no_token_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
