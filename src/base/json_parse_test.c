/*
 * What the JSON parser takes and what it refuses, rule by rule.
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

/* From memory that ends with the text's NUL, so that ASan sees reads behind it. */
static struct json *
parse(struct arena *arena, const char *text, int flags, struct json_error *error)
{
	size_t n = strlen(text);
	char *exact = malloc(n + 1);
	struct json *v;

	memcpy(exact, text, n + 1);
	v = json_parse(arena, exact, n, flags, error);
	if (v != NULL)
		v = json_copy(arena, v);
	free(exact);
	return v;
}

static void
takes(struct arena *arena, int flags, const char *text, const char *canonical)
{
	struct json_error error = { 0 };
	struct json *v = parse(arena, text, flags, &error);

	if (v == NULL)
		fail_msg("%s: %s at %zu", text, error.why, error.at);
	assert_string_equal(json_text(arena, v, NULL), canonical);
}

static void
refuses(struct arena *arena, int flags, const char *text, const char *why, size_t at)
{
	struct json_error error = { 0 };

	if (parse(arena, text, flags, &error) != NULL)
		fail_msg("taken: %s", text);
	assert_string_equal(error.why, why);
	assert_int_equal(error.at, at);
	assert_false(error.number);
}

/* It is JSON, but has a number that flags do not allow. */
static void
refuses_number(struct arena *arena, int flags, const char *text, size_t at)
{
	struct json_error error = { 0 };

	if (parse(arena, text, flags, &error) != NULL)
		fail_msg("taken: %s", text);
	assert_non_null(error.why);
	assert_int_equal(error.at, at);
	assert_true(error.number);
}

static void
every_type_is_read(void **state)
{
	struct arena *arena = *state;
	struct json *v =
	    parse(arena, "[null,true,false,-7,\"s\",[],{}]", JSON_STRICT, NULL);

	assert_true(json_is(v, JSON_ARRAY));
	assert_int_equal(v->n, 7);
	assert_int_equal(v->items[0].type, JSON_NULL);
	assert_int_equal(v->items[1].type, JSON_BOOL);
	assert_true(v->items[1].b);
	assert_int_equal(v->items[2].type, JSON_BOOL);
	assert_false(v->items[2].b);
	assert_int_equal(v->items[3].type, JSON_INT);
	assert_int_equal(v->items[3].i, -7);
	assert_int_equal(v->items[4].type, JSON_STR);
	assert_string_equal(v->items[4].s, "s");
	assert_int_equal(v->items[5].type, JSON_ARRAY);
	assert_int_equal(v->items[5].n, 0);
	assert_int_equal(v->items[6].type, JSON_OBJECT);
	assert_int_equal(v->items[6].n, 0);
}

static void
a_value_of_any_type_may_be_the_whole_text(void **state)
{
	takes(*state, JSON_STRICT, "null", "null");
	takes(*state, JSON_STRICT, "true", "true");
	takes(*state, JSON_STRICT, " 12 ", "12");
	takes(*state, JSON_STRICT, "\"\"", "\"\"");
}

static void
white_space_is_skipped_wherever_it_may_stand(void **state)
{
	takes(*state, JSON_STRICT,
	    " \t\r\n{ \"b\" :\n[ 1 ,\t2 , { } , [ ] ] , \"a\"\r: true } \n",
	    "{\"a\":true,\"b\":[1,2,{},[]]}");
}

static void
only_jsons_four_white_spaces_are_skipped(void **state)
{
	refuses(*state, JSON_STRICT, "\f1", "no value where one belongs", 0);
	refuses(*state, JSON_STRICT, "1\v", "something behind the value", 1);
	refuses(*state, JSON_STRICT, "\xef\xbb\xbf{}", "no value where one belongs", 0);
	refuses(*state, JSON_STRICT, "[1\xc2\xa0]", "no ',' or ']' behind an item", 2);
}

static void
the_value_must_be_all_there_is(void **state)
{
	refuses(*state, JSON_STRICT, "", "the text ends too early", 0);
	refuses(*state, JSON_STRICT, "  ", "the text ends too early", 2);
	refuses(*state, JSON_STRICT, "{} x", "something behind the value", 3);
	refuses(*state, JSON_STRICT, "{}{}", "something behind the value", 2);
	refuses(*state, JSON_STRICT, "1 2", "something behind the value", 2);
}

static void
punctuation_must_be_complete(void **state)
{
	struct arena *arena = *state;

	refuses(arena, JSON_STRICT, "[1,]", "no value where one belongs", 3);
	refuses(arena, JSON_STRICT, "[,1]", "no value where one belongs", 1);
	refuses(arena, JSON_STRICT, "[1 2]", "no ',' or ']' behind an item", 3);
	refuses(arena, JSON_STRICT, "[1}", "no ',' or ']' behind an item", 2);
	refuses(arena, JSON_STRICT, "{\"a\":1,}", "no key where one belongs", 7);
	refuses(arena, JSON_STRICT, "{,}", "no key where one belongs", 1);
	refuses(arena, JSON_STRICT, "{a:1}", "no key where one belongs", 1);
	refuses(arena, JSON_STRICT, "{1:1}", "no key where one belongs", 1);
	refuses(arena, JSON_STRICT, "{\"a\" 1}", "no ':' behind a key", 5);
	refuses(arena, JSON_STRICT, "{\"a\":}", "no value where one belongs", 5);
	refuses(arena, JSON_STRICT, "{\"a\":1]", "no ',' or '}' behind a member", 6);
	refuses(arena, JSON_STRICT, "'a'", "no value where one belongs", 0);
	refuses(arena, JSON_STRICT, "[1] // x", "something behind the value", 4);
}

static void
words_must_be_spelled_right(void **state)
{
	refuses(*state, JSON_STRICT, "True", "no value where one belongs", 0);
	refuses(*state, JSON_STRICT, "trux", "an unknown word", 3);
	refuses(*state, JSON_STRICT, "nul", "the text ends too early", 3);
	refuses(*state, JSON_STRICT, "nulL", "an unknown word", 3);
	refuses(*state, JSON_STRICT, "falsey", "something behind the value", 5);
	refuses(*state, JSON_STRICT, "NaN", "no value where one belongs", 0);
	refuses(*state, JSON_LENIENT, "NaN", "no value where one belongs", 0);
	refuses(*state, JSON_LENIENT, "Infinity", "no value where one belongs", 0);
	refuses(*state, JSON_LENIENT, "-Infinity", "no digit behind the minus", 1);
}

static void
every_escape_stands_for_its_character(void **state)
{
	struct json *v = parse(*state,
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u65E5\\ud83d\\uDE00\"",
	    JSON_STRICT, NULL);

	assert_non_null(v);
	assert_string_equal(
	    json_as_str(v), "\"\\/\b\f\n\r\tA\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80");
	assert_int_equal(v->n, strlen(v->s));
}

static void
unicode_escapes_cover_the_ends_of_every_utf8_length(void **state)
{
	struct json *v = parse(*state,
	    "\"\\u007f\\u0080\\u07ff\\u0800\\ud7ff\\ue000\\uffff\\ud800\\udc00"
	    "\\udbff\\udfff\"",
	    JSON_STRICT, NULL);

	assert_non_null(v);
	assert_string_equal(v->s,
	    "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
	    "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf");
}

static void
other_escapes_are_refused(void **state)
{
	refuses(*state, JSON_STRICT, "\"\\x41\"", "an unknown escape", 2);
	refuses(*state, JSON_STRICT, "\"\\'\"", "an unknown escape", 2);
	refuses(*state, JSON_STRICT, "\"\\U0041\"", "an unknown escape", 2);
	refuses(*state, JSON_STRICT, "\"a\\u00g0\"", "\\u without four hex digits", 2);
	refuses(*state, JSON_STRICT, "\"\\u12\"", "\\u without four hex digits", 1);
}

static void
lone_surrogates_are_refused(void **state)
{
	refuses(*state, JSON_STRICT, "\"\\ud83d\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ude00\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83dx\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83d\\n\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83d\\ud83d\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83d\\u0041\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83d\\ue000\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ud83d\\udbff\"", "a lone surrogate", 1);
	refuses(*state, JSON_STRICT, "\"\\ude00\\ud83d\"", "a lone surrogate", 1);
	refuses(*state, JSON_LENIENT, "\"\\udfff\"", "a lone surrogate", 1);
}

static void
control_characters_in_strings_are_refused(void **state)
{
	for (char c = 1; c < 0x20; c++) {
		char text[] = { '"', 'a', c, '"', 0 };

		refuses(
		    *state, JSON_STRICT, text, "a control character in a string", 2);
	}
	takes(*state, JSON_STRICT, "\"\x7f\"", "\"\x7f\"");
}

static void
a_raw_nul_is_refused_wherever_it_stands(void **state)
{
	const char text[] = "{\"a\":[1,\"x\"]}";

	for (size_t at = 0; at <= sizeof text - 1; at++) {
		char with_nul[sizeof text + 1];

		memcpy(with_nul, text, at);
		with_nul[at] = '\0';
		memcpy(with_nul + at + 1, text + at, sizeof text - at);
		assert_null(
		    json_parse(*state, with_nul, sizeof text, JSON_LENIENT, NULL));
	}
}

static void
well_formed_utf8_is_taken_as_it_is(void **state)
{
	const char *text = "\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
			   "\xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"";

	takes(*state, JSON_STRICT, text, text);
}

static void
invalid_utf8_is_refused(void **state)
{
	static const char *const bad[] = {
		/* continuations alone */
		"\x80",
		"\xbf",
		/* too short, at the end and before something else */
		"\xc2",
		"\xe6\x97",
		"\xf0\x9f\x98",
		"\xc2x",
		"\xe6\x97x",
		"\xf0\x9f\x98x",
		/* overlong */
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		/* surrogates */
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		/* too large */
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xfe",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char text[32];

		snprintf(text, sizeof text, "\"ok %s\"", bad[i]);
		refuses(*state, JSON_LENIENT, text, "invalid UTF-8", 4);
		snprintf(text, sizeof text, "{\"ok %s\":1}", bad[i]);
		refuses(*state, JSON_STRICT, text, "invalid UTF-8", 5);
	}
}

/* So each special byte meets each place of a 16-byte step, and the steps' remainder. */
static void
strings_are_read_alike_at_every_length(void **state)
{
	struct arena *arena = *state;

	for (size_t n = 0; n < 70; n++) {
		char text[100], expected[100];
		struct json *v;

		memset(text, 'x', sizeof text);
		text[0] = '"';
		strcpy(text + 1 + n, "\\n\xc3\xa9 \\\"z\"");
		v = parse(arena, text, JSON_STRICT, NULL);
		assert_non_null(v);
		memset(expected, 'x', sizeof expected);
		strcpy(expected + n, "\n\xc3\xa9 \"z");
		assert_string_equal(v->s, expected);
		assert_int_equal(v->n, n + 6);
		text[n + 1] = '\x1f';
		refuses(
		    arena, JSON_STRICT, text, "a control character in a string", n + 1);
		text[n + 1] = '\xff';
		refuses(arena, JSON_STRICT, text, "invalid UTF-8", n + 1);
	}
}

static void
strings_and_keys_end_with_a_nul_in_place(void **state)
{
	char text[] = "{\"key\":\"value\",\"k\\u0032\":[\"a\",\"b\"]}";
	struct json *v = json_parse(*state, text, strlen(text), JSON_STRICT, NULL);

	assert_non_null(v);
	assert_string_equal(v->members[0].key, "k2");
	assert_string_equal(v->members[1].key, "key");
	assert_ptr_equal(v->members[1].key, text + 2);
	assert_string_equal(v->members[1].value.s, "value");
	assert_string_equal(v->members[0].value.items[0].s, "a");
	assert_string_equal(v->members[0].value.items[1].s, "b");
}

static void
members_are_sorted_by_the_bytes_of_their_keys(void **state)
{
	struct json *v = parse(*state,
	    "{\"b\":1,\"\\u00e9\":2,\"ab\":3,\"\":4,\"a\":5,\"B\":6,\"\\ud83d\\ude00\":"
	    "7,"
	    "\"\\uffff\":8,\"a\\u0000\":9}",
	    JSON_STRICT, NULL);
	static const int64_t order[] = { 4, 6, 5, 9, 3, 1, 2, 8, 7 };

	assert_non_null(v);
	assert_int_equal(v->n, 9);
	for (int i = 0; i < 9; i++)
		assert_int_equal(v->members[i].value.i, order[i]);
}

/* {"k<first>":0,"k<second>":1,...} of n keys, each multiplied by a factor modulo n. */
static char *
large_object(struct arena *arena, int n, int factor, const char *more)
{
	struct buf b = { 0 };
	char *text;

	buf_char(&b, '{');
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s\"k%06d\":%d", i > 0 ? "," : "",
		    (int)((int64_t)i * factor % n), i);
	buf_printf(&b, "%s}", more);
	text = arena_strndup(arena, b.p, b.n);
	buf_free(&b);
	return text;
}

static void
large_objects_are_sorted(void **state)
{
	struct arena *arena = *state;
	struct json *v =
	    parse(arena, large_object(arena, 100003, 7919, ""), JSON_STRICT, NULL);

	assert_non_null(v);
	assert_int_equal(v->n, 100003);
	for (uint32_t i = 0; i < v->n; i++) {
		char key[16];

		snprintf(key, sizeof key, "k%06u", i);
		assert_string_equal(v->members[i].key, key);
		assert_int_equal(v->members[i].value.i * 7919 % 100003, i);
	}
}

static void
duplicate_keys_are_refused(void **state)
{
	struct arena *arena = *state;
	const char *why = "a duplicate key";

	refuses(arena, JSON_STRICT, "{\"a\":1,\"a\":1}", why, 8);
	refuses(arena, JSON_STRICT, "{\"a\":1,\"b\":2,\"a\":3}", why, 14);
	refuses(arena, JSON_LENIENT, "{\"x\":{\"a\":1,\"\\u0061\":2}}", why, 13);
	refuses(arena, JSON_FLOATS, "{\"\":1,\"\":2}", why, 7);
	refuses(arena, JSON_STRICT, "{\"a\\u0000b\":1,\"a\\u0000b\":2}", why, 15);
	assert_null(parse(
	    arena, large_object(arena, 5000, 7, ",\"k004321\":-1"), JSON_STRICT, NULL));
}

static void
keys_that_only_begin_alike_are_no_duplicates(void **state)
{
	takes(*state, JSON_STRICT, "{\"a\":1,\"a\\u0000\":2,\"A\":3,\"aa\":4}",
	    "{\"A\":3,\"a\":1,\"a\\u0000\":2,\"aa\":4}");
}

static void
the_last_duplicate_wins_where_that_is_asked_for(void **state)
{
	struct arena *arena = *state;
	struct json *v;

	takes(arena, JSON_LAST_WINS, "{\"a\":1,\"a\":2}", "{\"a\":2}");
	takes(arena, JSON_LAST_WINS,
	    "{\"b\":0,\"a\":1,\"c\":1,\"\\u0061\":2,\"b\":[],\"a\":3}",
	    "{\"a\":3,\"b\":[],\"c\":1}");
	v = parse(arena,
	    large_object(
		arena, 5000, 7, ",\"k004321\":-1,\"k000000\":-2,\"k004321\":-3"),
	    JSON_LAST_WINS, NULL);
	assert_non_null(v);
	assert_int_equal(v->n, 5000);
	assert_int_equal(json_get(v, "k004321")->i, -3);
	assert_int_equal(json_get(v, "k000000")->i, -2);
	assert_int_equal(json_get(v, "k000007")->i, 1);
}

static void
strict_integers_reach_to_two_to_the_53(void **state)
{
	struct arena *arena = *state;

	takes(arena, JSON_STRICT, "9007199254740991", "9007199254740991");
	takes(arena, JSON_STRICT, "-9007199254740991", "-9007199254740991");
	refuses_number(arena, JSON_STRICT, "9007199254740992", 0);
	refuses_number(arena, JSON_STRICT, "-9007199254740992", 0);
	refuses_number(arena, JSON_STRICT, "9223372036854775808", 0);
	refuses_number(arena, JSON_STRICT, "18446744073709551617", 0);
	refuses_number(arena, JSON_STRICT, "100000000000000000000000000000000", 0);
}

static void
strict_numbers_have_neither_fraction_nor_exponent(void **state)
{
	refuses_number(*state, JSON_STRICT, "1.0", 0);
	refuses_number(*state, JSON_STRICT, "[1,2.5]", 3);
	refuses_number(*state, JSON_STRICT, "{\"a\":1e3}", 5);
	refuses_number(*state, JSON_STRICT, "-0.0", 0);
	takes(*state, JSON_STRICT, "-0", "0");
}

static void
a_bad_number_counts_only_if_the_rest_is_json(void **state)
{
	refuses_number(*state, JSON_STRICT, "[1.5,2.5,\"x\"] ", 1);
	refuses(*state, JSON_STRICT, "[1.5,}", "no value where one belongs", 5);
	refuses(*state, JSON_STRICT, "[1.5", "the text ends too early", 4);
	refuses(*state, JSON_STRICT, "1.5 x", "something behind the value", 4);
}

static void
malformed_numbers_are_not_json(void **state)
{
	struct arena *arena = *state;

	refuses(arena, JSON_LENIENT, "01", "a number with a leading zero", 0);
	refuses(arena, JSON_LENIENT, "-01", "a number with a leading zero", 1);
	refuses(arena, JSON_LENIENT, "00", "a number with a leading zero", 0);
	refuses(arena, JSON_LENIENT, "-", "the text ends too early", 1);
	refuses(arena, JSON_LENIENT, "-x", "no digit behind the minus", 1);
	refuses(arena, JSON_LENIENT, "+1", "no value where one belongs", 0);
	refuses(arena, JSON_LENIENT, ".5", "no value where one belongs", 0);
	refuses(arena, JSON_LENIENT, "1.", "the text ends too early", 2);
	refuses(arena, JSON_LENIENT, "1.e5", "no digit behind the point", 2);
	refuses(arena, JSON_LENIENT, "[1e]", "no digit in the exponent", 3);
	refuses(arena, JSON_LENIENT, "[1e+]", "no digit in the exponent", 4);
	refuses(arena, JSON_LENIENT, "0x10", "something behind the value", 1);
	refuses(arena, JSON_LENIENT, "1.5.5", "something behind the value", 3);
}

static void
floats_are_taken_where_they_are_allowed(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "[1,0.25,-1.5e-3]", JSON_FLOATS, NULL);

	assert_non_null(v);
	assert_int_equal(v->items[0].type, JSON_INT);
	assert_int_equal(v->items[1].type, JSON_FLOAT);
	assert_true(v->items[1].f == 0.25);
	assert_true(v->items[2].f == -0.0015);
	takes(arena, JSON_FLOATS, "[0.1,1e-7,1.50]", "[0.1,1e-07,1.5]");
	takes(arena, JSON_FLOATS, "9007199254740993", "9007199254740992.0");
	takes(arena, JSON_FLOATS, "123456789012345678901", "1.2345678901234568e+20");
	refuses_number(arena, JSON_FLOATS, "[1e400]", 1);
}

/* As the last of the specification's examples has it. */
static void
whole_numbers_are_integers_however_they_are_written(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena, "[1.0,1e3,-0.0]", JSON_FLOATS, NULL);

	assert_non_null(v);
	for (int i = 0; i < 3; i++)
		assert_int_equal(v->items[i].type, JSON_INT);
	takes(arena, JSON_FLOATS, "[1.0,1e3,-0.0,9007199254740991.0]",
	    "[1,1000,0,9007199254740991]");
}

static void
lenient_integers_keep_all_their_digits(void **state)
{
	struct arena *arena = *state;
	struct json *v = parse(arena,
	    "[9223372036854775807,-9223372036854775808,9223372036854775808,"
	    "-9223372036854775809]",
	    JSON_LENIENT, NULL);

	assert_non_null(v);
	assert_int_equal(v->items[0].type, JSON_INT);
	assert_true(v->items[0].i == INT64_MAX);
	assert_int_equal(v->items[1].type, JSON_INT);
	assert_true(v->items[1].i == INT64_MIN);
	assert_int_equal(v->items[2].type, JSON_BIG);
	assert_string_equal(v->items[2].s, "9223372036854775808");
	assert_int_equal(v->items[2].n, 19);
	assert_int_equal(v->items[3].type, JSON_BIG);
	assert_string_equal(v->items[3].s, "-9223372036854775809");
	refuses_number(arena, JSON_LENIENT, "1e400", 0);
	refuses_number(arena, JSON_LENIENT, "[-1e400]", 1);
}

static char *
nested(struct arena *arena, int depth, const char *open, const char *close)
{
	struct buf b = { 0 };
	char *text;

	for (int i = 0; i < depth; i++)
		buf_str(&b, open);
	buf_char(&b, '1');
	for (int i = 0; i < depth; i++)
		buf_str(&b, close);
	text = arena_strndup(arena, b.p, b.n);
	buf_free(&b);
	return text;
}

static void
nesting_is_limited(void **state)
{
	struct arena *arena = *state;
	char *deep = nested(arena, JSON_DEPTH_MAX, "[", "]");

	takes(arena, JSON_STRICT, deep, deep);
	deep = nested(arena, JSON_DEPTH_MAX, "{\"a\":", "}");
	takes(arena, JSON_STRICT, deep, deep);
	deep = nested(arena, JSON_DEPTH_MAX + 1, "[", "]");
	refuses(arena, JSON_STRICT, deep, "nested too deeply", JSON_DEPTH_MAX);
	deep = nested(arena, JSON_DEPTH_MAX / 2 + 1, "[{\"a\":", "}]");
	assert_null(parse(arena, deep, JSON_STRICT, NULL));
	deep = nested(arena, 1000000, "[", "]");
	refuses(arena, JSON_STRICT, deep, "nested too deeply", JSON_DEPTH_MAX);
}

static void
depth_is_not_length(void **state)
{
	struct arena *arena = *state;
	struct buf b = { 0 };

	buf_str(&b, "[[]");
	for (int i = 0; i < 300; i++)
		buf_str(&b, ",[{}]");
	buf_char(&b, ']');
	assert_non_null(json_parse_copy(arena, b.p, b.n, JSON_STRICT, NULL));
	buf_free(&b);
}

static void
every_beginning_of_a_text_is_refused(void **state)
{
	struct arena *arena = *state;
	const char *text =
	    "{\"k\\u00e9y\":[true,null,-12,\"\\ud83d\\ude00\xe6\x97\xa5\","
	    "{\"a\":\"0123456789abcdef0123\"}],\"b\":false}";
	struct json_error error;

	for (size_t n = 0; n < strlen(text); n++) {
		char *part = malloc(n + 1);

		memcpy(part, text, n);
		part[n] = 'x'; /* not the text's: must be ignored */
		assert_null(json_parse(arena, part, n, JSON_STRICT, &error));
		assert_in_range(error.at, 0, n);
		assert_false(error.number);
		free(part);
	}
	assert_non_null(parse(arena, text, JSON_STRICT, NULL));
}

static void
what_is_behind_the_text_is_not_read(void **state)
{
	char text[] = "12345";
	struct json *v = json_parse(*state, text, 2, JSON_STRICT, NULL);

	assert_non_null(v);
	assert_int_equal(v->i, 12);
	assert_memory_equal(text, "12\00045", 6);
}

static void
a_parsed_copy_leaves_the_text_alone(void **state)
{
	static const char text[] = "{\"b\":\"\\u0041\",\"a\":1}";
	struct json *v = json_parse_copy(*state, text, strlen(text), JSON_STRICT, NULL);

	assert_string_equal(json_text(*state, v, NULL), "{\"a\":1,\"b\":\"A\"}");
	assert_string_equal(text, "{\"b\":\"\\u0041\",\"a\":1}");
}

static void
wide_and_nested_texts_outgrow_the_first_stack(void **state)
{
	struct arena *arena = *state;
	struct buf b = { 0 };
	struct json *v;

	buf_char(&b, '[');
	for (int i = 0; i < 3000; i++)
		buf_printf(&b, "%s{\"i\":%d,\"l\":[%d,[]]}", i > 0 ? "," : "", i, i);
	buf_char(&b, ']');
	v = json_parse_copy(arena, b.p, b.n, JSON_STRICT, NULL);
	assert_non_null(v);
	assert_int_equal(v->n, 3000);
	assert_int_equal(json_get(&v->items[2999], "l")->items[0].i, 2999);
	b.p[b.n - 1] = 'x'; /* refused late, with all of it on the stack */
	assert_null(json_parse_copy(arena, b.p, b.n, JSON_STRICT, NULL));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_type_is_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_value_of_any_type_may_be_the_whole_text, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    white_space_is_skipped_wherever_it_may_stand, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    only_jsons_four_white_spaces_are_skipped, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_value_must_be_all_there_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    punctuation_must_be_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    words_must_be_spelled_right, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_escape_stands_for_its_character, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    unicode_escapes_cover_the_ends_of_every_utf8_length, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    other_escapes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    lone_surrogates_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    control_characters_in_strings_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_raw_nul_is_refused_wherever_it_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    well_formed_utf8_is_taken_as_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    invalid_utf8_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strings_are_read_alike_at_every_length, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strings_and_keys_end_with_a_nul_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    members_are_sorted_by_the_bytes_of_their_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    large_objects_are_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    duplicate_keys_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    keys_that_only_begin_alike_are_no_duplicates, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    the_last_duplicate_wins_where_that_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strict_integers_reach_to_two_to_the_53, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    strict_numbers_have_neither_fraction_nor_exponent, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_bad_number_counts_only_if_the_rest_is_json, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    malformed_numbers_are_not_json, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    floats_are_taken_where_they_are_allowed, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    whole_numbers_are_integers_however_they_are_written, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    lenient_integers_keep_all_their_digits, setup, teardown),
		cmocka_unit_test_setup_teardown(nesting_is_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(depth_is_not_length, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    every_beginning_of_a_text_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    what_is_behind_the_text_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    a_parsed_copy_leaves_the_text_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    wide_and_nested_texts_outgrow_the_first_stack, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
