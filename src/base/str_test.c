/*
 * Slices, UTF-8, buffers, and the JSON string writer against jansson.
 * Relies on base/str and jansson.
 * Stands beside str.c, run by the test suite.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
slices_compare_by_length_and_bytes(void **state)
{
	assert_true(str_eq(STR("abc"), str_of("abc")));
	assert_false(str_eq(STR("abc"), STR("abd")));
	assert_false(str_eq(STR("abc"), STR("ab")));
	assert_true(str_eq(str_of(NULL), STR("")));
	assert_true(str_eq((struct str){ NULL, 0 }, STR("")));
	assert_true(str_is(STR("m.room"), "m.room"));
	assert_false(str_is(STR("a\0b"), "a"));
	assert_true(str_starts(STR("m.room"), "m."));
	assert_false(str_starts(STR("m"), "m."));
	assert_true(starts_with("m.room", "m.") && !starts_with("m", "m."));
	assert_true(ends_with("a.png", ".png") && !ends_with("png", ".png"));
}

static void
case_is_folded_for_ascii_letters_only(void **state)
{
	assert_true(str_ieq(STR("Content-TYPE"), "content-type"));
	assert_true(str_ieq(STR("az"), "AZ"));
	assert_false(str_ieq(STR("@"), "`"));
	assert_false(str_ieq(STR("["), "{"));
	assert_false(str_ieq(STR("abc"), "ab"));
}

static void
integers_parse_up_to_their_bounds(void **state)
{
	int64_t v = 77;

	assert_true(str_int(STR("9223372036854775807"), &v) && v == INT64_MAX);
	assert_true(str_int(STR("-9223372036854775808"), &v) && v == INT64_MIN);
	assert_true(str_int(STR("0"), &v) && v == 0);
	assert_true(str_int(STR("-17"), &v) && v == -17);
}

static void
what_is_not_an_integer_is_refused_and_writes_nothing(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1.0", "0x1",
		"--1", "9223372036854775808", "-9223372036854775809",
		"99999999999999999999", "1e3" };
	int64_t v = 77;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(str_int(str_of(bad[i]), &v));
	assert_int_equal(v, 77);
}

/* Encodes c in len bytes, also where a shorter form exists. */
static void
encode_in(uint32_t c, size_t len, char *out)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[len] | c);
}

static void
every_code_point_is_valid_in_its_shortest_form_only(void **state)
{
	static const uint32_t limit[] = { 0, 0x80, 0x800, 0x10000, 0x200000 };
	char s[4];

	for (uint32_t c = 0; c < 0x200000; c++) {
		bool scalar = c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff);

		for (size_t len = 1; len <= 4; len++) {
			if (c >= limit[len])
				continue;
			encode_in(c, len, s);
			if (utf8_valid(s, len) != (scalar && c >= limit[len - 1]))
				fail_msg("U+%04X in %zu bytes", c, len);
		}
	}
}

static void
what_fits_ends_with_a_whole_character(void **state)
{
	static const char text[] = "a\u00e9\u20ac\U0001f345z"; /* 1, 2, 3, 4, 1 bytes */
	static const size_t fits[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	for (size_t max = 0; max < sizeof fits / sizeof *fits; max++)
		assert_int_equal(utf8_fit(text, sizeof text - 1, max), fits[max]);
}

static void
bad_utf8_is_found_wherever_it_stands(void **state)
{
	static const char *const bad[] = { "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
		"\xff", "\xc3(", "\xe2(\xac", "\xf8\x88\x80\x80\x80" };
	char s[40];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		size_t n = strlen(bad[i]);

		for (size_t at = 0; at < 20; at++) {
			memset(s, 'a', sizeof s);
			assert_true(utf8_valid(s, sizeof s));
			memcpy(s + at, bad[i], n);
			assert_false(utf8_valid(s, sizeof s));
			assert_false(utf8_valid(s, at + n));
		}
	}
}

static void
a_buffer_grows_with_what_is_added(void **state)
{
	struct buf b = { 0 };
	size_t n;
	char *taken;

	for (int i = 0; i < 1000; i++) {
		buf_str(&b, "ab");
		buf_char(&b, 'c');
		buf_lit(&b, "d");
		buf_add(&b, NULL, 0);
	}
	assert_int_equal(b.n, 4000);
	taken = buf_take(&b, &n);
	assert_int_equal(n, 4000);
	assert_int_equal(strlen(taken), 4000);
	assert_memory_equal(taken + 3996, "abcd", 4);
	assert_null(b.p);
	free(taken);
}

static void
taking_from_an_empty_buffer_gives_an_empty_string(void **state)
{
	struct buf b = { 0 };
	char *taken = buf_take(&b, NULL);

	assert_string_equal(taken, "");
	free(taken);
}

static void
a_reset_buffer_keeps_its_memory(void **state)
{
	struct buf b = { 0 };
	char *p;

	buf_str(&b, "something");
	p = b.p;
	buf_reset(&b);
	assert_int_equal(b.n, 0);
	buf_str(&b, "else");
	assert_ptr_equal(b.p, p);
	buf_free(&b);
	assert_null(b.p);
}

static void
integers_print_as_printf_prints_them(void **state)
{
	static const int64_t numbers[] = { 0, 1, -1, 9, 10, -10, 1234567890123,
		INT64_MAX, INT64_MIN };
	char want[32];

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		struct buf b = { 0 };

		buf_int(&b, numbers[i]);
		snprintf(want, sizeof want, "%lld", (long long)numbers[i]);
		buf_char(&b, '\0');
		assert_string_equal(b.p, want);
		buf_free(&b);
	}
}

static void
printing_into_a_buffer_appends_any_length(void **state)
{
	char longer[3001];

	memset(longer, 'y', sizeof longer);
	for (int n = 0; n <= 3000; n += 59) {
		struct buf b = { 0 };

		buf_str(&b, ">");
		buf_printf(&b, "%.*s|%d", n, longer, 5);
		assert_int_equal(b.n, n + 3);
		assert_memory_equal(b.p + b.n - 2, "|5", 2);
		buf_free(&b);
	}
}

/* The escape that canonical JSON wants for an ASCII character, the slow way. */
static void
expected_escape(int c, char *out)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *at = c != 0 ? strchr(from, c) : NULL;

	if (at != NULL)
		sprintf(out, "\\%c", to[at - from]);
	else if (c < 0x20)
		sprintf(out, "\\u%04x", (unsigned)c);
	else
		sprintf(out, "%c", c);
}

static void
every_ascii_character_is_escaped_canonically_at_every_offset(void **state)
{
	char in[24], escape[8], want[64];

	for (int c = 0; c < 0x80; c++) {
		expected_escape(c, escape);
		for (int at = 0; at < 24; at++) {
			struct buf b = { 0 };

			memset(in, 'a', sizeof in);
			in[at] = (char)c;
			sprintf(want, "\"%.*s%s%.*s\"", at, "aaaaaaaaaaaaaaaaaaaaaaaa",
			    escape, 23 - at, "aaaaaaaaaaaaaaaaaaaaaaaa");
			buf_json(&b, in, sizeof in);
			buf_char(&b, '\0');
			assert_string_equal(b.p, want);
			buf_free(&b);
		}
	}
}

static void
jansson_reads_back_what_was_written(void **state)
{
	static const char text[] = "r\xc3\xa9sum\xc3\xa9 \xf0\x9f\x98\x80 \"q\" "
				   "\\ \x7f \x1f / \n\0 end";
	struct buf b = { 0 };
	json_t *read;

	buf_json(&b, text, sizeof text - 1);
	read = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	assert_non_null(read);
	assert_int_equal(json_string_length(read), sizeof text - 1);
	assert_memory_equal(json_string_value(read), text, sizeof text - 1);
	json_decref(read);
	buf_free(&b);
}

static void
no_string_is_written_as_null(void **state)
{
	struct buf b = { 0 };

	buf_json_str(&b, NULL);
	buf_json_str(&b, "");
	buf_json_str(&b, "x");
	buf_char(&b, '\0');
	assert_string_equal(b.p, "null\"\"\"x\"");
	buf_free(&b);
}

static void
the_allocators_give_memory_even_for_size_zero(void **state)
{
	char *a = xmalloc(0), *b = xcalloc(0, 8), *c = xstrndup("abc", 2);
	char *d = xrealloc(NULL, 0), *e = xstrdup("abc");

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(d);
	assert_string_equal(c, "ab");
	assert_string_equal(e, "abc");
	free(a);
	free(b);
	free(c);
	free(d);
	free(e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_compare_by_length_and_bytes),
		cmocka_unit_test(case_is_folded_for_ascii_letters_only),
		cmocka_unit_test(integers_parse_up_to_their_bounds),
		cmocka_unit_test(what_is_not_an_integer_is_refused_and_writes_nothing),
		cmocka_unit_test(every_code_point_is_valid_in_its_shortest_form_only),
		cmocka_unit_test(bad_utf8_is_found_wherever_it_stands),
		cmocka_unit_test(what_fits_ends_with_a_whole_character),
		cmocka_unit_test(a_buffer_grows_with_what_is_added),
		cmocka_unit_test(taking_from_an_empty_buffer_gives_an_empty_string),
		cmocka_unit_test(a_reset_buffer_keeps_its_memory),
		cmocka_unit_test(integers_print_as_printf_prints_them),
		cmocka_unit_test(printing_into_a_buffer_appends_any_length),
		cmocka_unit_test(
		    every_ascii_character_is_escaped_canonically_at_every_offset),
		cmocka_unit_test(jansson_reads_back_what_was_written),
		cmocka_unit_test(no_string_is_written_as_null),
		cmocka_unit_test(the_allocators_give_memory_even_for_size_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
