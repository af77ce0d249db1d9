/*
 * Filters: how they are read, what is wrong with them, what they keep.
 * Stands beside filter.c, run by the test suite.
 */
#include "room/filter.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/clock.h"

static int
set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static struct filter
filter(struct arena *arena, const char *text)
{
	struct filter f;
	const char *why = NULL;

	if (filter_read(arena, text, &f, &why) != M_OK)
		fail_msg("%s: %s", text, why);
	f.room_id = "!here:x";
	return f;
}

static bool
keeps(struct arena *arena, const char *text, const char *type, const char *sender,
    const char *content)
{
	struct filter f = filter(arena, text);
	struct sliced e = {
		.type = type, .sender = sender, .raw.content = str_of(content)
	};

	return filter_keeps(&e, &f);
}

/* A filter holds 64 KiB of them, and each event is held against all. */
static void
a_hard_pattern_takes_no_longer_than_its_length(void **state)
{
	size_t n = 400000;
	char *pattern = arena_alloc(*state, n), *text = arena_alloc(*state, n);
	int64_t began_ms = clock_mono_ms();

	memset(text, 'a', n - 1);
	memset(pattern, 'a', n / 2);
	pattern[0] = '*';
	assert_true(filter_matches(pattern, text));
	pattern[n / 2 - 1] = 'b';
	assert_false(filter_matches(pattern, text));
	assert_true(clock_mono_ms() - began_ms < 5000);
}

static void
what_is_known_to_keep_nothing_is_known_without_an_event(void **state)
{
	static const char *const nothing[] = { "{\"types\":[]}", "{\"senders\":[]}",
		"{\"rooms\":[]}", "{\"rooms\":[\"!there:x\"]}",
		"{\"not_rooms\":[\"!here:x\"]}" };
	static const char *const some[] = { "{}", "{\"types\":[\"a\"]}",
		"{\"not_types\":[]}", "{\"not_senders\":[]}", "{\"not_rooms\":[]}",
		"{\"rooms\":[\"!here:x\"]}" };

	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		struct filter f = filter(*state, nothing[i]);

		assert_true(filter_keeps_nothing(&f));
	}
	for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
		struct filter f = filter(*state, some[i]);

		assert_false(filter_keeps_nothing(&f));
	}
}

static void
a_star_stands_for_any_characters(void **state)
{
	assert_true(filter_matches("m.room.*", "m.room.message"));
	assert_true(filter_matches("m.room.*", "m.room."));
	assert_true(filter_matches("*", ""));
	assert_true(filter_matches("**", "x"));
	assert_true(filter_matches("a*b*c", "a-b-b-c"));
	assert_true(filter_matches("*.message", "m.room.message"));
	assert_true(filter_matches("m.?", "m.?"));
	assert_true(filter_matches("*aa", "aaa"));
	assert_false(filter_matches("aa*aa", "aaa"));
	assert_false(filter_matches("a*b", "ab-"));
	assert_false(filter_matches("", "a"));
	assert_true(filter_matches("", ""));
	assert_false(filter_matches("m.room.*", "m.room"));
	assert_false(filter_matches("a*b*c", "a-b-c-d"));
	assert_false(filter_matches("", "x"));
	assert_false(filter_matches("m.?", "m.x"));
	assert_false(filter_matches("m.room.message", "m.room.messages"));
}

static void
no_filter_and_an_empty_one_keep_everything(void **state)
{
	assert_true(keeps(*state, NULL, "t", "@a:x", "{}"));
	assert_true(keeps(*state, "{}", "t", "@a:x", "{}"));
	assert_true(keeps(*state, "{\"types\":null}", "t", "@a:x", "{}"));
}

static void
a_filter_keeps_what_it_names(void **state)
{
	assert_true(keeps(*state, "{\"types\":[\"a\",\"b.*\"]}", "b.c", "@a:x", "{}"));
	assert_false(keeps(*state, "{\"types\":[\"a\",\"b.*\"]}", "c", "@a:x", "{}"));
	assert_false(keeps(*state, "{\"types\":[]}", "c", "@a:x", "{}"));
	assert_true(keeps(*state, "{\"senders\":[\"@a:x\"]}", "c", "@a:x", "{}"));
	assert_false(keeps(*state, "{\"senders\":[\"@a:x\"]}", "c", "@b:x", "{}"));
	assert_true(keeps(*state, "{\"rooms\":[\"!here:x\"]}", "c", "@b:x", "{}"));
	assert_false(keeps(*state, "{\"rooms\":[\"!there:x\"]}", "c", "@b:x", "{}"));
}

static void
what_is_excluded_stays_so_even_if_it_is_included(void **state)
{
	assert_false(keeps(*state, "{\"types\":[\"*\"],\"not_types\":[\"m.*\"]}", "m.x",
	    "@a:x", "{}"));
	assert_false(
	    keeps(*state, "{\"senders\":[\"@a:x\"],\"not_senders\":[\"@a:x\"]}", "m.x",
		"@a:x", "{}"));
	assert_false(
	    keeps(*state, "{\"rooms\":[\"!here:x\"],\"not_rooms\":[\"!here:x\"]}",
		"m.x", "@a:x", "{}"));
	assert_true(keeps(*state, "{\"not_rooms\":[]}", "m.x", "@a:x", "{}"));
}

static void
contains_url_looks_at_the_key_url_of_the_content(void **state)
{
	static const char with[] = "{\"body\":\"x\",\"url\":\"mxc://x/y\"}";
	static const char without[] = "{\"body\":\"url\",\"info\":{\"url\":1}}";

	assert_true(keeps(*state, "{\"contains_url\":true}", "t", "@a:x", with));
	assert_false(keeps(*state, "{\"contains_url\":true}", "t", "@a:x", without));
	assert_false(keeps(*state, "{\"contains_url\":false}", "t", "@a:x", with));
	assert_true(keeps(*state, "{\"contains_url\":false}", "t", "@a:x", without));
}

static void
the_other_fields_are_read(void **state)
{
	struct filter f = filter(*state,
	    "{\"limit\":7,\"lazy_load_members\":true,\"include_redundant_members\":"
	    "true,"
	    "\"unread_thread_notifications\":false,\"org.example\":1.5}");

	assert_int_equal(f.limit, 7);
	assert_true(f.lazy_load_members && f.include_redundant_members);
	f = filter(*state, "{}");
	assert_int_equal(f.limit, 0);
	assert_false(f.lazy_load_members || f.include_redundant_members);
}

static void
a_mistake_in_a_filter_is_named(void **state)
{
	static const char *const wrong[] = { "", "{", "[]", "5", "{\"types\":\"m.*\"}",
		"{\"types\":[5]}", "{\"not_types\":{}}", "{\"senders\":[\"ann\"]}",
		"{\"not_senders\":[\"\"]}", "{\"rooms\":[\"#a:x\"]}", "{\"limit\":0}",
		"{\"limit\":\"7\"}", "{\"limit\":1.5}", "{\"contains_url\":\"yes\"}",
		"{\"lazy_load_members\":1}", "{\"types\":[\"a\\u0000b\"]}" };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		const char *why = NULL;
		struct filter f;

		assert_int_equal(
		    filter_read(*state, wrong[i], &f, &why), M_INVALID_PARAM);
		assert_non_null(why);
	}
}

static enum mx_err
check(struct arena *arena, const char *text)
{
	const char *why = NULL;
	enum mx_err err = filter_check(
	    json_parse_copy(arena, text, strlen(text), JSON_FLOATS, NULL), &why);

	assert_int_equal(err == M_OK, why == NULL);
	return err;
}

static void
a_whole_filter_is_checked_in_all_its_parts(void **state)
{
	assert_int_equal(check(*state, "{}"), M_OK);
	assert_int_equal(
	    check(*state, "{\"room\":{\"state\":{\"types\":[\"m.room.*\"]},"
			  "\"timeline\":{\"limit\":10},\"include_leave\":true,"
			  "\"rooms\":[\"!a:x\"]},\"presence\":{\"types\":[]},"
			  "\"event_format\":\"client\",\"event_fields\":[\"type\"]}"),
	    M_OK);
	assert_int_equal(check(*state, "{\"room\":[]}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"room\":{\"state\":5}}"), M_BAD_JSON);
	assert_int_equal(
	    check(*state, "{\"room\":{\"timeline\":{\"limit\":-1}}}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"room\":{\"include_leave\":1}}"), M_BAD_JSON);
	assert_int_equal(
	    check(*state, "{\"room\":{\"rooms\":[\"#a:x\"]}}"), M_BAD_JSON);
	assert_int_equal(
	    check(*state, "{\"room\":{\"not_rooms\":[\"\"]}}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"presence\":[]}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"account_data\":{\"types\":1}}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"event_format\":\"other\"}"), M_BAD_JSON);
	assert_int_equal(check(*state, "{\"event_fields\":[{}]}"), M_BAD_JSON);
	assert_int_equal(check(*state, "[]"), M_BAD_JSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_star_stands_for_any_characters),
		TEST(a_hard_pattern_takes_no_longer_than_its_length),
		TEST(what_is_known_to_keep_nothing_is_known_without_an_event),
		TEST(no_filter_and_an_empty_one_keep_everything),
		TEST(a_filter_keeps_what_it_names),
		TEST(what_is_excluded_stays_so_even_if_it_is_included),
		TEST(contains_url_looks_at_the_key_url_of_the_content),
		TEST(the_other_fields_are_read),
		TEST(a_mistake_in_a_filter_is_named),
		TEST(a_whole_filter_is_checked_in_all_its_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
