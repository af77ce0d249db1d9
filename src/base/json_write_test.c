/*
 * The canonical form: the specification's own examples, every escape, every number.
 */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
becomes(struct arena *arena, int flags, const char *text, const char *canonical)
{
	struct json_error error = { 0 };
	struct json *v = json_parse_copy(arena, text, strlen(text), flags, &error);
	size_t n;

	if (v == NULL)
		fail_msg("%s: %s at %zu", text, error.why, error.at);
	assert_string_equal(json_text(arena, v, &n), canonical);
	assert_int_equal(n, strlen(canonical));
}

/* appendices/#canonical-json, in its order; the same in every mode but for the last,
 * whose 1e10 is an integer to JSON_FLOATS alone. */
static void
the_specifications_examples_come_out(void **state)
{
	static const char *const examples[][2] = {
		{ "{}", "{}" },
		{ "{\n    \"one\": 1,\n    \"two\": \"Two\"\n}",
		    "{\"one\":1,\"two\":\"Two\"}" },
		{ "{\n    \"b\": \"2\",\n    \"a\": \"1\"\n}",
		    "{\"a\":\"1\",\"b\":\"2\"}" },
		{ "{\"b\":\"2\",\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"2\"}" },
		{ "{ \"auth\": { \"success\": true,"
		  " \"mxid\": \"@john.doe:example.com\","
		  " \"profile\": { \"display_name\": \"John Doe\","
		  " \"three_pids\": [ { \"medium\": \"email\","
		  " \"address\": \"john.doe@example.org\" },"
		  " { \"medium\": \"msisdn\", \"address\": \"123456789\" } ] } } }",
		    "{\"auth\":{\"mxid\":\"@john.doe:example.com\",\"profile\":"
		    "{\"display_name\":\"John Doe\",\"three_pids\":[{\"address\":"
		    "\"john.doe@example.org\",\"medium\":\"email\"},{\"address\":"
		    "\"123456789\",\"medium\":\"msisdn\"}]},\"success\":true}}" },
		{ "{ \"a\": \"日本語\" }", "{\"a\":\"日本語\"}" },
		{ "{ \"本\": 2, \"日\": 1 }", "{\"日\":1,\"本\":2}" },
		{ "{ \"a\": \"\\u65E5\" }", "{\"a\":\"日\"}" },
		{ "{ \"a\": null }", "{\"a\":null}" },
	};
	static const char last[] = "{ \"a\": -0, \"b\": 1e10 }";

	for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
		becomes(*state, JSON_STRICT, examples[i][0], examples[i][1]);
		becomes(*state, JSON_FLOATS, examples[i][0], examples[i][1]);
		becomes(*state, JSON_LENIENT, examples[i][0], examples[i][1]);
	}
	becomes(*state, JSON_FLOATS, last, "{\"a\":0,\"b\":10000000000}");
	becomes(*state, JSON_LENIENT, last, "{\"a\":0,\"b\":10000000000.0}");
	assert_null(json_parse_copy(*state, last, strlen(last), JSON_STRICT, NULL));
}

/* Two-letter escapes where there are some, lower-case \u00xx else. */
static void
only_quotes_backslashes_and_controls_are_escaped(void **state)
{
	struct arena *arena = *state;
	static const char *const letters[0x20] = {
		[8] = "\\b", [9] = "\\t", [10] = "\\n", [12] = "\\f", [13] = "\\r"
	};

	for (int c = 0; c < 0x80; c++) {
		char expected[16], raw = (char)c;

		if (c == '"' || c == '\\')
			snprintf(expected, sizeof expected, "\"\\%c\"", c);
		else if (c < 0x20 && letters[c] != NULL)
			snprintf(expected, sizeof expected, "\"%s\"", letters[c]);
		else if (c < 0x20)
			snprintf(expected, sizeof expected, "\"\\u%04x\"", c);
		else
			snprintf(expected, sizeof expected, "\"%c\"", c);
		assert_string_equal(
		    json_text(arena, json_strn(arena, &raw, 1), NULL), expected);
	}
}

/* Strings are copied in steps of eight bytes: every place in them, every remainder. */
static void
an_escape_is_found_wherever_it_stands(void **state)
{
	struct arena *arena = *state;
	static const char special[] = { '"', '\\', '\n', '\x1f', '\0' };
	static const char *const escaped[] = { "\\\"", "\\\\", "\\n", "\\u001f",
		"\\u0000" };

	for (int n = 1; n < 40; n++) {
		for (int at = 0; at < n; at++) {
			char s[40], expected[60];
			int kind = (n + at) % 5;

			memset(s, 'x', sizeof s);
			s[at] = special[kind];
			snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", at, s,
			    escaped[kind], n - at - 1, s + at + 1);
			assert_string_equal(
			    json_text(arena, json_strn(arena, s, (size_t)n), NULL),
			    expected);
		}
	}
}

static void
plain_strings_of_every_length_are_copied(void **state)
{
	struct arena *arena = *state;
	const char *all =
	    "The quick brown f\xc3\xb6x jumps over the lazy d\xf0\x9f\x90\xb6g";

	for (size_t n = 0; n <= strlen(all); n++) {
		size_t got;
		char *text = json_text(arena, json_strn(arena, all, n), &got);

		assert_int_equal(got, n + 2);
		assert_int_equal(text[0], '"');
		assert_memory_equal(text + 1, all, n);
		assert_int_equal(text[n + 1], '"');
	}
}

static void
an_embedded_nul_is_kept(void **state)
{
	becomes(*state, JSON_STRICT, "{\"a\\u0000b\":\"\\u0000c\"}",
	    "{\"a\\u0000b\":\"\\u0000c\"}");
}

/* What json.dumps(json.loads(text)) of Python 3.11 gives. */
static void
lenient_numbers_print_as_python_prints_them(void **state)
{
	static const char *const python[][2] = {
		{ "0", "0" },
		{ "-0", "0" },
		{ "1", "1" },
		{ "-1", "-1" },
		{ "9007199254740991", "9007199254740991" },
		{ "9007199254740992", "9007199254740992" },
		{ "-9007199254740993", "-9007199254740993" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "9223372036854775808", "9223372036854775808" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "-9223372036854775809", "-9223372036854775809" },
		{ "10000000000000000000", "10000000000000000000" },
		{ "18446744073709551616", "18446744073709551616" },
		{ "-123456789012345678901234567890123456789",
		    "-123456789012345678901234567890123456789" },
		{ "0.0", "0.0" },
		{ "-0.0", "-0.0" },
		{ "0e5", "0.0" },
		{ "-0e-5", "-0.0" },
		{ "1.0", "1.0" },
		{ "-1.5", "-1.5" },
		{ "1e3", "1000.0" },
		{ "1E3", "1000.0" },
		{ "1e+3", "1000.0" },
		{ "1.50", "1.5" },
		{ "1e10", "10000000000.0" },
		{ "1e15", "1000000000000000.0" },
		{ "1e16", "1e+16" },
		{ "123456789012345.6", "123456789012345.6" },
		{ "1234567890123456.7", "1234567890123456.8" },
		{ "9007199254740993.0", "9007199254740992.0" },
		{ "12345678901234567.0", "1.2345678901234568e+16" },
		{ "1e22", "1e+22" },
		{ "1e23", "1e+23" },
		{ "9.999999999999999e22", "1e+23" },
		{ "1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "0.1", "0.1" },
		{ "0.30000000000000004", "0.30000000000000004" },
		{ "0.001", "0.001" },
		{ "0.0001", "0.0001" },
		{ "0.00012345", "0.00012345" },
		{ "0.00001", "1e-05" },
		{ "1.5e-7", "1.5e-07" },
		{ "1e-400", "0.0" },
		{ "-1e-400", "-0.0" },
		{ "2.2250738585072014e-308", "2.2250738585072014e-308" },
		{ "2.225073858507201e-308", "2.225073858507201e-308" },
		{ "4.9406564584124654e-324", "5e-324" },
		{ "1e-323", "1e-323" },
		{ "5.684341886080802e-14", "5.684341886080802e-14" },
		{ "9.5367431640625e-07", "9.5367431640625e-07" },
		{ "2.718281828459045235360", "2.718281828459045" },
		{ "0.1234567890123456789", "0.12345678901234568" },
		{ "33.333333333333336", "33.333333333333336" },
	};

	for (size_t i = 0; i < sizeof python / sizeof python[0]; i++)
		becomes(*state, JSON_LENIENT, python[i][0], python[i][1]);
}

static void
powers_of_two_read_back_as_they_were(void **state)
{
	struct arena *arena = *state;
	double f = 4.9406564584124654e-324;

	for (int i = -1074; i < 1024; i++, f *= 2) {
		struct json v = { .type = JSON_FLOAT, .f = f };
		char *text = json_text(arena, &v, NULL);

		assert_true(strtod(text, NULL) == f);
		assert_in_range(strlen(text), 3, 24);
	}
}

static void
what_was_written_is_written_the_same_again(void **state)
{
	struct arena *arena = *state;
	const char *text = "{\"z\":[1,-2,\"\\u001b\\n\\\"\\\\/\",{\"\\u00e9\":null}],"
			   "\"a\":{\"b\":true,\"\":false},\"f\":[1.5,1e30,"
			   "123456789012345678901234567890]}";
	struct json *v = json_parse_copy(arena, text, strlen(text), JSON_LENIENT, NULL);
	char *once = json_text(arena, v, NULL);
	struct json *again =
	    json_parse_copy(arena, once, strlen(once), JSON_LENIENT, NULL);

	assert_string_equal(once,
	    "{\"a\":{\"\":false,\"b\":true},\"f\":[1.5,1e+30,"
	    "123456789012345678901234567890],\"z\":[1,-2,\"\\u001b\\n\\\"\\\\/\","
	    "{\"\xc3\xa9\":null}]}");
	assert_true(json_equal(v, again));
	assert_string_equal(json_text(arena, again, NULL), once);
}

static void
writing_appends_to_the_buffer(void **state)
{
	struct arena *arena = *state;
	struct buf out = { 0 };

	buf_str(&out, "data: ");
	json_write(&out, json_int(arena, 12));
	json_write(&out, json_str(arena, "x"));
	buf_char(&out, '\0');
	assert_string_equal(out.p, "data: 12\"x\"");
	buf_free(&out);
}

static void
large_trees_outgrow_the_buffer(void **state)
{
	struct arena *arena = *state;
	struct json *list = json_array(arena);
	size_t n, expected = 1;

	for (int i = 0; i < 5000; i++) {
		json_push(arena, list, json_strn(arena, "0123456789", (size_t)i % 11));
		expected += (size_t)i % 11 + 3;
	}
	assert_non_null(json_text(arena, list, &n));
	assert_int_equal(n, expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    the_specifications_examples_come_out, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    only_quotes_backslashes_and_controls_are_escaped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_escape_is_found_wherever_it_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    plain_strings_of_every_length_are_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    an_embedded_nul_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    lenient_numbers_print_as_python_prints_them, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    powers_of_two_read_back_as_they_were, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_was_written_is_written_the_same_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    writing_appends_to_the_buffer, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    large_trees_outgrow_the_buffer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
