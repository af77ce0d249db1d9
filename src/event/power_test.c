/*
 * Power levels: what is said, what is not, and how old versions may say it.
 * Relies on event/power, events by hand.
 * Stands beside power.c, run by the test suite.
 */
#include "event/power.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct arena *arena;
	struct event create, levels;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->arena = arena_new();
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f);
	return 0;
}

static const struct json *
json_of(struct fixture *f, const char *text)
{
	const struct json *v =
	    json_parse_copy(f->arena, text, strlen(text), JSON_LENIENT, NULL);

	assert_non_null(v);
	return v;
}

/* The levels of a room of @ann:x's; content NULL: without m.room.power_levels. */
static struct power
room(struct fixture *f, const char *version, const char *content)
{
	f->create = (struct event){ .version = room_version_find(version),
		.sender = "@ann:x",
		.content = json_of(f, "{\"creator\":\"@ann:x\",\"additional_creators\":"
				      "[\"@bob:x\",5]}") };
	f->levels = (struct event){ .version = f->create.version };
	if (content == NULL)
		return (struct power){ &f->create, NULL };
	f->levels.content = json_of(f, content);
	return (struct power){ &f->create, &f->levels };
}

static void
a_room_without_levels_has_the_defaults(void **state)
{
	struct power p = room(*state, "10", NULL);

	assert_int_equal(power_user(&p, "@ann:x"), 100);
	assert_int_equal(power_user(&p, "@bob:x"), 0);
	assert_int_equal(power_to_send(&p, "m.room.message", false), 0);
	assert_int_equal(power_to_send(&p, "m.room.topic", true), 50);
	assert_int_equal(power_to(&p, POWER_INVITE), 0);
	assert_int_equal(power_to(&p, POWER_KICK), 50);
	assert_int_equal(power_to(&p, POWER_BAN), 50);
	assert_int_equal(power_to(&p, POWER_REDACT), 50);
	assert_int_equal(power_to_notify(&p, "room"), 50);
}

static void
empty_levels_have_the_defaults_but_make_nobody_special(void **state)
{
	struct power p = room(*state, "10", "{}");

	assert_int_equal(power_user(&p, "@ann:x"), 0);
	assert_int_equal(power_to_send(&p, "m.room.message", false), 0);
	assert_int_equal(power_to_send(&p, "m.room.topic", true), 50);
	assert_int_equal(power_to(&p, POWER_INVITE), 0);
	assert_int_equal(power_to(&p, POWER_KICK), 50);
	assert_int_equal(power_to_notify(&p, "room"), 50);
}

static void
what_the_event_says_holds(void **state)
{
	struct power p = room(*state, "10",
	    "{\"users\":{\"@ann:x\":7},\"users_default\":3,\"events_default\":1,"
	    "\"state_default\":2,\"events\":{\"a\":9},\"invite\":11,\"kick\":12,"
	    "\"ban\":13,\"redact\":14,\"notifications\":{\"room\":15}}");

	assert_int_equal(power_user(&p, "@ann:x"), 7);
	assert_int_equal(power_user(&p, "@bob:x"), 3);
	assert_int_equal(power_to_send(&p, "a", false), 9);
	assert_int_equal(power_to_send(&p, "a", true), 9);
	assert_int_equal(power_to_send(&p, "b", false), 1);
	assert_int_equal(power_to_send(&p, "b", true), 2);
	assert_int_equal(power_to(&p, POWER_INVITE), 11);
	assert_int_equal(power_to(&p, POWER_KICK), 12);
	assert_int_equal(power_to(&p, POWER_BAN), 13);
	assert_int_equal(power_to(&p, POWER_REDACT), 14);
	assert_int_equal(power_to_notify(&p, "room"), 15);
	assert_int_equal(power_to_notify(&p, "other"), 50);
}

static void
creators_are_above_everything_from_version_12_on(void **state)
{
	const char *content = "{\"users\":{\"@cem:x\":9007199254740991}}";
	struct power p = room(*state, "12", content);

	assert_true(power_user(&p, "@ann:x") == POWER_INFINITE);
	assert_true(power_user(&p, "@bob:x") == POWER_INFINITE);
	assert_true(power_user(&p, "@cem:x") < POWER_INFINITE);
	p = room(*state, "12", NULL);
	assert_true(power_user(&p, "@bob:x") == POWER_INFINITE);
	assert_int_equal(power_user(&p, "@cem:x"), 0);
	p = room(*state, "11", content);
	assert_int_equal(power_user(&p, "@ann:x"), 0);
	assert_int_equal(power_user(&p, "@bob:x"), 0);
}

static void
the_creator_is_named_in_content_before_version_11(void **state)
{
	struct fixture *f = *state;
	struct power p = room(f, "10", NULL);

	f->create.sender = "@zoe:x";
	assert_int_equal(power_user(&p, "@ann:x"), 100);
	assert_int_equal(power_user(&p, "@zoe:x"), 0);
	assert_true(power_is_creator(&f->create, "@ann:x"));
	f->create.version = room_version_find("11");
	assert_int_equal(power_user(&p, "@ann:x"), 0);
	assert_int_equal(power_user(&p, "@zoe:x"), 100);
	assert_false(power_is_creator(NULL, "@zoe:x"));
}

/* How a level may be written: up to which version, and what it then is. */
static const struct {
	const char *text;
	int up_to;
	int64_t level;
} written[] = {
	{ "50", 12, 50 },
	{ "-7", 12, -7 },
	{ "9007199254740991", 12, 9007199254740991 },
	{ "\"100\"", 9, 100 },
	{ "\"000100\"", 9, 100 },
	{ "\"+100\"", 9, 100 },
	{ "\"-100\"", 9, -100 },
	{ "\" \\t\\n100 \"", 9, 100 },
	{ "\" -0100 \"", 9, -100 },
	{ "5.114698E4", 9, 51146 },
	{ "50.57", 9, 50 },
	{ "-1.9", 9, -1 },
	{ "1e300", 9, INT64_MAX - 1 },
	{ "-1e300", 9, -(INT64_MAX - 1) },
	{ "9223372036854775807", 12, INT64_MAX - 1 },
	{ "99999999999999999999", 12, INT64_MAX - 1 },
	{ "\"99999999999999999999\"", 9, INT64_MAX - 1 },
	{ "\"-99999999999999999999\"", 9, -(INT64_MAX - 1) },
	{ "\"\"", 0, 0 },
	{ "\" \"", 0, 0 },
	{ "\"+\"", 0, 0 },
	{ "\"+-1\"", 0, 0 },
	{ "\"- 1\"", 0, 0 },
	{ "\"1.0\"", 0, 0 },
	{ "\"1e3\"", 0, 0 },
	{ "\"0x10\"", 0, 0 },
	{ "\"1 2\"", 0, 0 },
	{ "\"1\\u0000\"", 0, 0 },
	{ "\"abc\"", 0, 0 },
	{ "null", 0, 0 },
	{ "true", 0, 0 },
	{ "[]", 0, 0 },
	{ "{}", 0, 0 },
};

static void
levels_are_integers_and_in_old_versions_strings_too(void **state)
{
	int count;
	const struct room_version *list = room_version_list(&count);

	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++) {
		const struct json *v = json_of(*state, written[i].text);

		for (int n = 1; n <= count; n++) {
			int64_t level = -1;
			bool is_level = power_level(&list[n - 1], v, &level);

			if (is_level != (n <= written[i].up_to))
				fail_msg("%s in version %d", written[i].text, n);
			if (is_level && level != written[i].level)
				fail_msg("%s in version %d is %lld", written[i].text, n,
				    (long long)level);
		}
	}
	assert_false(power_level(&list[0], NULL, &(int64_t){ 0 }));
}

static void
what_is_no_level_counts_as_unsaid(void **state)
{
	struct power p = room(*state, "9",
	    "{\"users\":{\"@ann:x\":[],\"@bob:x\":\"x\"},\"users_default\":\"20\","
	    "\"ban\":null,\"events\":[],\"state_default\":{}}");

	assert_int_equal(power_user(&p, "@ann:x"), 20);
	assert_int_equal(power_user(&p, "@bob:x"), 20);
	assert_int_equal(power_to(&p, POWER_BAN), 50);
	assert_int_equal(power_to_send(&p, "a", true), 50);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_room_without_levels_has_the_defaults),
		TEST(empty_levels_have_the_defaults_but_make_nobody_special),
		TEST(what_the_event_says_holds),
		TEST(creators_are_above_everything_from_version_12_on),
		TEST(the_creator_is_named_in_content_before_version_11),
		TEST(levels_are_integers_and_in_old_versions_strings_too),
		TEST(what_is_no_level_counts_as_unsaid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
