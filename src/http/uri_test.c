/*
 * Paths are split before they are decoded; query strings give what was sent.
 * Relies on base/arena for decoded text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "http/uri.h"

static struct arena *arena;
static struct uri_path path;
static struct uri_query query;

static bool
split(const char *text)
{
	return uri_split(str_of(text), &path);
}

static const char *
decode(const char *text)
{
	return uri_decode(arena, str_of(text));
}

static bool
parse(const char *text)
{
	return uri_query_parse(arena, str_of(text), &query);
}

static void
a_path_is_split_before_it_is_decoded(void **state)
{
	assert_true(split("/rooms/!a:b/x%2Fy"));
	assert_int_equal(path.count, 3);
	assert_true(str_is(path.segments[0], "rooms"));
	assert_true(str_is(path.segments[1], "!a:b"));
	assert_true(str_is(path.segments[2], "x%2Fy"));
	assert_string_equal(uri_decode(arena, path.segments[2]), "x/y");
}

static void
empty_segments_are_kept(void **state)
{
	assert_true(split("/"));
	assert_int_equal(path.count, 1);
	assert_int_equal(path.segments[0].n, 0);
	assert_true(split("/a//b/"));
	assert_int_equal(path.count, 4);
	assert_int_equal(path.segments[1].n, 0);
	assert_true(str_is(path.segments[2], "b"));
	assert_int_equal(path.segments[3].n, 0);
}

static void
a_path_begins_with_a_slash(void **state)
{
	assert_false(split(""));
	assert_false(split("*"));
	assert_false(split("a/b"));
}

static void
a_path_has_at_most_24_segments_of_any_length(void **state)
{
	char text[5000] = "";

	for (int i = 0; i < URI_SEGMENTS_MAX; i++)
		strcat(text, "/a");
	assert_true(split(text));
	assert_int_equal(path.count, URI_SEGMENTS_MAX);
	strcat(text, "/");
	assert_false(split(text));
	memset(text, 'a', sizeof text - 1);
	text[0] = '/';
	text[sizeof text - 1] = '\0';
	assert_true(split(text));
	assert_int_equal(path.segments[0].n, sizeof text - 2);
}

static void
sigils_are_the_same_raw_and_encoded(void **state)
{
	assert_string_equal(decode("!a:b@c$d#e"), "!a:b@c$d#e");
	assert_string_equal(decode("%21a%3Ab%40c%24d%23e"), "!a:b@c$d#e");
	assert_string_equal(decode("%3a%3A"), "::");
	assert_string_equal(decode("100%25"), "100%");
	assert_string_equal(decode("%252F"), "%2F");
	assert_string_equal(decode(""), "");
}

static void
malformed_encoding_is_refused(void **state)
{
	static const char *const texts[] = { "%", "a%", "%4", "%g0", "%0g", "%%20",
		"% 20", "%+1", "%-1", "%00", "a%00b", "%80", "%C3", "%C0%80",
		"%ED%A0%80", "%F4%90%80%80", "\xc3" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (decode(texts[i]) != NULL)
			fail_msg("not refused: %s", texts[i]);
	assert_null(uri_decode(arena, (struct str){ "a\0b", 3 }));
	assert_null(uri_decode(arena, (struct str){ "%41", 2 }));
	assert_string_equal(decode("%C3%A9%E2%82%AC%F0%9F%98%80"), "é€😀");
}

static void
a_plus_is_a_blank_in_queries_only(void **state)
{
	assert_string_equal(decode("a+b"), "a+b");
	assert_string_equal(uri_decode_query(arena, STR("a+b%2Bc")), "a b+c");
}

static void
a_query_gives_its_parameters_in_order(void **state)
{
	assert_true(
	    parse("&room_id=%21a%3Ab&from=s1+2&room_id=!c:d&&flag&e=&=v&x=1=2&"));
	assert_int_equal(query.count, 7);
	assert_string_equal(query.params[0].name, "room_id");
	assert_string_equal(query.params[0].value, "!a:b");
	assert_string_equal(query.params[1].value, "s1 2");
	assert_string_equal(query.params[2].name, "room_id");
	assert_string_equal(query.params[2].value, "!c:d");
	assert_string_equal(query.params[3].name, "flag");
	assert_string_equal(query.params[3].value, "");
	assert_string_equal(query.params[5].name, "");
	assert_string_equal(query.params[5].value, "v");
	assert_string_equal(uri_query_get(&query, "x"), "1=2");
	assert_string_equal(uri_query_get(&query, "room_id"), "!a:b");
	assert_string_equal(uri_query_get(&query, "e"), "");
	assert_null(uri_query_get(&query, "roo"));
	assert_true(parse(""));
	assert_int_equal(query.count, 0);
}

static void
a_query_with_malformed_encoding_is_refused(void **state)
{
	assert_false(parse("a=%zz"));
	assert_false(parse("a=1&b%=2"));
	assert_false(parse("a=%FF"));
}

static void
a_query_has_at_most_so_many_parameters(void **state)
{
	char text[2 * URI_PARAMS_MAX + 2] = "";

	for (int i = 0; i < URI_PARAMS_MAX; i++)
		strcat(text, "a&");
	assert_true(parse(text));
	assert_int_equal(query.count, URI_PARAMS_MAX);
	strcat(text, "a");
	assert_false(parse(text));
}

static void
a_raw_value_is_found_without_decoding(void **state)
{
	struct str value;

	assert_true(uri_query_raw(
	    STR("x=1&access_token=a%2Bb+c&access_token=d"), "access_token", &value));
	assert_true(str_is(value, "a%2Bb+c"));
	assert_false(uri_query_raw(
	    STR("access_tokens=1&my_access_token=2"), "access_token", &value));
	assert_int_equal(value.n, 0);
	assert_true(uri_query_raw(STR("&&flag"), "flag", &value));
	assert_int_equal(value.n, 0);
	assert_false(uri_query_raw(STR(""), "flag", &value));
	assert_false(uri_query_raw(STR("&&"), "", &value));
}

static void
all_but_unreserved_characters_are_encoded(void **state)
{
	struct buf b = { 0 };

	uri_encode(&b, "aZ09-._~ /!%é", strlen("aZ09-._~ /!%é"), "");
	buf_char(&b, '\0');
	assert_string_equal(b.p, "aZ09-._~%20%2F%21%25%C3%A9");
	buf_free(&b);
}

static void
what_is_encoded_decodes_to_itself(void **state)
{
	struct buf b = { 0 };
	char all[128];

	for (int c = 1; c < 128; c++)
		all[c - 1] = (char)c;
	all[127] = '\0';
	uri_encode(&b, all, 127, "");
	assert_string_equal(uri_decode_query(arena, (struct str){ b.p, b.n }), all);
	buf_free(&b);
}

static int
set_up(void **state)
{
	arena = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_split_before_it_is_decoded),
		cmocka_unit_test(empty_segments_are_kept),
		cmocka_unit_test(a_path_begins_with_a_slash),
		cmocka_unit_test(a_path_has_at_most_24_segments_of_any_length),
		cmocka_unit_test(sigils_are_the_same_raw_and_encoded),
		cmocka_unit_test(malformed_encoding_is_refused),
		cmocka_unit_test(a_plus_is_a_blank_in_queries_only),
		cmocka_unit_test(a_query_gives_its_parameters_in_order),
		cmocka_unit_test(a_query_with_malformed_encoding_is_refused),
		cmocka_unit_test(a_query_has_at_most_so_many_parameters),
		cmocka_unit_test(a_raw_value_is_found_without_decoding),
		cmocka_unit_test(all_but_unreserved_characters_are_encoded),
		cmocka_unit_test(what_is_encoded_decodes_to_itself),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
