/*
 * The event format of each room version: what is taken apart, and what is refused.
 * Relies on event/event; one good event is spoilt in one place at a time.
 * Stands beside event.c, run by the test suite.
 */
#include "event/event.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "base/crypto.h"

#define HASH "Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X256 X64 X64 X64 X64

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

/* In this file ' stands for " in JSON. */
static struct json *
json_of(struct arena *arena, int flags, const char *text)
{
	char *copy = arena_strdup(arena, text);
	struct json *v;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(arena, copy, strlen(copy), flags, NULL);
	assert_non_null(v);
	return v;
}

static const struct room_version *
version(int n)
{
	int count;

	return &room_version_list(&count)[n - 1];
}

/* A message as version n wants it. */
static struct json *
good(struct arena *arena, int n)
{
	struct json *e = json_of(arena, JSON_STRICT,
	    "{'type':'m.room.message','sender':'@ann:x','content':{'body':'hi'},'depth'"
	    ":7,"
	    "'origin_server_ts':1000,'hashes':{'sha256':'x'},'signatures':{},"
	    "'unsigned':{'age':1}}");

	json_set_str(arena, e, "room_id", n < 12 ? "!room:x" : "!" HASH);
	if (n < 3)
		json_set_str(arena, e, "event_id", "$own:x");
	json_set(arena, e, "prev_events",
	    json_of(
		arena, JSON_STRICT, n < 3 ? "[['$a:x',{'sha256':'h'}]]" : "['$a']"));
	json_set(arena, e, "auth_events",
	    json_of(arena, JSON_STRICT,
		n < 3 ? "[['$b:x',{}],['$c:x',{}]]" : "['$b','$c']"));
	return e;
}

static enum mx_err
parse(struct arena *arena, int n, const struct json *json, struct event **out)
{
	const char *why = NULL;
	enum mx_err err = event_parse(arena, version(n), json, NULL, &why, out);

	if (err != M_OK) {
		assert_int_equal(err, M_BAD_JSON);
		assert_non_null(why);
	}
	return err;
}

static void
a_good_event_comes_apart_in_every_version(void **state)
{
	for (int n = 1; n <= 12; n++) {
		const struct json *json = good(*state, n);
		struct event *e;

		assert_int_equal(parse(*state, n, json, &e), M_OK);
		assert_string_equal(e->type, "m.room.message");
		assert_string_equal(e->sender, "@ann:x");
		assert_string_equal(e->room_id, n < 12 ? "!room:x" : "!" HASH);
		assert_null(e->state_key);
		assert_null(e->redacts);
		assert_null(e->membership);
		assert_int_equal(e->depth, 7);
		assert_int_equal(e->origin_server_ts, 1000);
		assert_ptr_equal(e->json, json);
		assert_ptr_equal(e->content, json_get(json, "content"));
		assert_int_equal(e->prev_count, 1);
		assert_string_equal(e->prev_events[0], n < 3 ? "$a:x" : "$a");
		assert_int_equal(e->auth_count, 2);
		assert_string_equal(e->auth_events[1], n < 3 ? "$c:x" : "$c");
		if (n < 3)
			assert_string_equal(e->event_id, "$own:x");
		else
			assert_int_equal(strlen(e->event_id), 44);
		assert_true(event_is(e, "m.room.message", NULL));
		assert_false(event_is(e, "m.room.message", ""));
	}
}

/* A value that spoils the event, in the versions from..to. */
static const struct {
	const char *key, *value; /* value NULL: the key is missing */
	int from, to;
} spoilt[] = {
	{ "type", NULL, 1, 12 },
	{ "type", "5", 1, 12 },
	{ "type", "'" X256 "'", 1, 12 },
	{ "type", "'a\\u0000'", 1, 12 },
	{ "sender", NULL, 1, 12 },
	{ "sender", "'ann'", 1, 12 },
	{ "sender", "'@ann:" X256 "'", 1, 12 },
	{ "state_key", "5", 1, 12 },
	{ "state_key", "null", 1, 12 },
	{ "state_key", "'" X256 "'", 1, 12 },
	{ "content", NULL, 1, 12 },
	{ "content", "[]", 1, 12 },
	{ "depth", NULL, 1, 12 },
	{ "depth", "'1'", 1, 12 },
	{ "depth", "-1", 1, 12 },
	{ "depth", "9007199254740992", 6, 12 },
	{ "depth", "9223372036854775808", 1, 12 },
	{ "depth", "1.0", 1, 12 },
	{ "origin_server_ts", NULL, 1, 12 },
	{ "origin_server_ts", "'1'", 1, 12 },
	{ "hashes", NULL, 1, 12 },
	{ "hashes", "'x'", 1, 12 },
	{ "signatures", NULL, 1, 12 },
	{ "signatures", "[]", 1, 12 },
	{ "unsigned", "[]", 1, 12 },
	{ "room_id", NULL, 1, 12 },
	{ "room_id", "'room'", 1, 12 },
	{ "room_id", "'!" HASH "'", 1, 11 },
	{ "room_id", "'!room:x'", 12, 12 },
	{ "event_id", NULL, 1, 2 },
	{ "event_id", "'$nodomain'", 1, 2 },
	{ "event_id", "'$" X256 ":x'", 1, 2 },
	{ "prev_events", NULL, 1, 12 },
	{ "prev_events", "{}", 1, 12 },
	{ "prev_events", "[5]", 1, 12 },
	{ "prev_events", "['a']", 1, 12 },
	{ "prev_events", "['$" X256 "']", 1, 12 },
	{ "prev_events", "['$a']", 1, 2 },
	{ "prev_events", "[['$a:x']]", 1, 12 },
	{ "prev_events", "[['$a:x','hash']]", 1, 12 },
	{ "prev_events", "[['$a:x',{}]]", 3, 12 },
	{ "prev_events", "[['$a:x',{},{}]]", 1, 12 },
	{ "auth_events", NULL, 1, 12 },
	{ "auth_events", "['$a',null]", 1, 12 },
};

static void
each_spoilt_part_is_found(void **state)
{
	for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++)
		for (int n = 1; n <= 12; n++) {
			struct json *json = good(*state, n);
			struct event *e;
			bool bad = n >= spoilt[i].from && n <= spoilt[i].to;

			json_del(json, spoilt[i].key);
			if (spoilt[i].value != NULL)
				json_set(*state, json, spoilt[i].key,
				    json_of(*state, JSON_LENIENT, spoilt[i].value));
			if ((parse(*state, n, json, &e) != M_OK) != bad)
				fail_msg("version %d, %s: %s", n, spoilt[i].key,
				    spoilt[i].value ? spoilt[i].value : "missing");
		}
}

static void
what_is_no_object_is_no_event(void **state)
{
	struct event *e;

	assert_int_equal(
	    parse(*state, 12, json_of(*state, JSON_STRICT, "[]"), &e), M_BAD_JSON);
	assert_int_equal(
	    parse(*state, 12, json_of(*state, JSON_STRICT, "'x'"), &e), M_BAD_JSON);
}

/* Sets key to n event ids in version 12's form. */
static void
set_refs(struct arena *arena, struct json *json, const char *key, int n)
{
	struct json *refs = json_array(arena);

	while (n-- > 0)
		json_push(arena, refs, json_str(arena, "$a"));
	json_set(arena, json, key, refs);
}

static void
edges_are_limited_to_20_and_10(void **state)
{
	struct json *json = good(*state, 12);
	struct event *e;

	set_refs(*state, json, "prev_events", 20);
	set_refs(*state, json, "auth_events", 10);
	assert_int_equal(parse(*state, 12, json, &e), M_OK);
	assert_int_equal(e->prev_count, 20);
	set_refs(*state, json, "prev_events", 21);
	assert_int_equal(parse(*state, 12, json, &e), M_BAD_JSON);
	set_refs(*state, json, "prev_events", 0);
	set_refs(*state, json, "auth_events", 11);
	assert_int_equal(parse(*state, 12, json, &e), M_BAD_JSON);
}

static void
the_create_event_gives_its_room_the_id_from_version_12_on(void **state)
{
	struct json *json = good(*state, 12);
	struct event *e;

	json_set_str(*state, json, "type", "m.room.create");
	json_set_str(*state, json, "state_key", "");
	json_del(json, "room_id");
	assert_int_equal(parse(*state, 12, json, &e), M_OK);
	assert_int_equal(e->room_id[0], '!');
	assert_string_equal(e->room_id + 1, e->event_id + 1);
	assert_true(event_is(e, "m.room.create", ""));
	assert_int_equal(parse(*state, 11, json, &e), M_BAD_JSON);
	/* With another state_key it makes no room, and belongs to none. */
	json_set_str(*state, json, "state_key", "x");
	assert_int_equal(parse(*state, 12, json, &e), M_BAD_JSON);
}

static void
redacts_is_read_from_where_the_version_has_it(void **state)
{
	for (int n = 1; n <= 12; n++) {
		struct json *json = good(*state, n);
		struct event *e;

		json_set_str(*state, json, "type", "m.room.redaction");
		json_set_str(*state, json, "redacts", "$top");
		json_set(*state, json, "content",
		    json_of(*state, JSON_STRICT, "{'redacts':'$inside'}"));
		assert_int_equal(parse(*state, n, json, &e), M_OK);
		assert_string_equal(e->redacts, n < 11 ? "$top" : "$inside");
		json_set_str(*state, json, "type", "m.room.message");
		assert_int_equal(parse(*state, n, json, &e), M_OK);
		assert_null(e->redacts);
	}
}

static void
membership_is_read_from_member_events_alone(void **state)
{
	struct json *json = good(*state, 12);
	struct event *e;

	json_set(*state, json, "content",
	    json_of(*state, JSON_STRICT, "{'membership':'join'}"));
	assert_int_equal(parse(*state, 12, json, &e), M_OK);
	assert_null(e->membership);
	json_set_str(*state, json, "type", "m.room.member");
	assert_int_equal(parse(*state, 12, json, &e), M_OK);
	assert_string_equal(e->membership, "join");
}

static void
a_known_event_id_is_taken_as_it_is(void **state)
{
	const char *why;
	struct event *e;

	assert_int_equal(
	    event_parse(*state, version(12), good(*state, 12), "$" HASH, &why, &e),
	    M_OK);
	assert_string_equal(e->event_id, "$" HASH);
}

static void
old_versions_hold_integers_of_64_bits(void **state)
{
	struct json *json = good(*state, 1);
	struct event *e;

	json_set(*state, json, "depth",
	    json_of(*state, JSON_LENIENT, "9223372036854775807"));
	assert_int_equal(parse(*state, 1, json, &e), M_OK);
	assert_true(e->depth == INT64_MAX);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_good_event_comes_apart_in_every_version),
		TEST(each_spoilt_part_is_found),
		TEST(what_is_no_object_is_no_event),
		TEST(edges_are_limited_to_20_and_10),
		TEST(the_create_event_gives_its_room_the_id_from_version_12_on),
		TEST(redacts_is_read_from_where_the_version_has_it),
		TEST(membership_is_read_from_member_events_alone),
		TEST(a_known_event_id_is_taken_as_it_is),
		TEST(old_versions_hold_integers_of_64_bits),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
