/*
 * Slices of events: what is found, what is not, and what is no event.
 * Stands beside event_slices.c, run by the test suite.
 */
#include "event/event_slices.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define EVENT                                                                          \
	"{\"auth_events\":[\"$a\",\"$b\"],\"content\":{\"a}\":\"{\\\"}\",\"b\":[{},[]" \
	"]},"                                                                          \
	"\"depth\":3,\"origin_server_ts\":-5,\"sender\":\"@a:x\",\"state_key\":\"\","  \
	"\"type\":\"m.room.topic\",\"unsigned\":{\"type\":\"no\"}}"

static void
an_events_fields_are_found_as_they_stand(void **state)
{
	struct event_slices e;

	assert_true(event_slice(STR(EVENT), &e));
	assert_true(str_is(e.content, "{\"a}\":\"{\\\"}\",\"b\":[{},[]]}"));
	assert_true(str_is(e.origin_server_ts, "-5"));
	assert_true(str_is(e.sender, "\"@a:x\""));
	assert_true(str_is(e.state_key, "\"\""));
	assert_true(str_is(e.type, "\"m.room.topic\""));
	assert_null(e.redacts.p);
}

static void
what_is_cut_off_anywhere_is_no_event(void **state)
{
	struct str whole = STR(EVENT);
	struct event_slices e;

	/* Behind "type" nothing is looked at any more. */
	for (size_t n = 0; n < whole.n - sizeof ",\"unsigned\":{\"type\":\"no\"}"; n++)
		assert_false(event_slice((struct str){ whole.p, n }, &e));
}

static void
an_event_has_content_a_sender_and_a_type(void **state)
{
	static const char *const wrong[] = { "", "[]", "null", "{}", "{\"content\":{}}",
		"{\"content\":[],\"origin_server_ts\":1,\"sender\":\"@a:x\",\"type\":"
		"\"t\"}",
		"{\"content\":{},\"sender\":\"@a:x\",\"type\":\"t\"}",
		"{\"content\":{},\"origin_server_ts\":1,\"sender\":5,\"type\":\"t\"}",
		"{\"content\":{},\"origin_server_ts\":1,\"sender\":\"@a:x\",\"type\":{}"
		"}",
		"{\"content\":{},\"origin_server_ts\":1,\"sender\":\"@a:x\",\"state_"
		"key\":1,"
		"\"type\":\"t\"}" };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		struct event_slices e;

		assert_false(event_slice(str_of(wrong[i]), &e));
	}
}

/* "\n" and "é" stand elsewhere among the keys than their escapes or bytes suggest. */
static void
keys_that_need_escapes_hide_no_other_key(void **state)
{
	struct str keys[] = { STR("a"), STR("z") }, out[2];

	assert_true(
	    json_slices(STR("{\"\\n\":1,\"a\":2,\"b\\\"\":3,\"z\":4,\"\xc3\xa9\":5}"),
		keys, 2, out));
	assert_true(str_is(out[0], "2"));
	assert_true(str_is(out[1], "4"));
	assert_true(json_slices(STR("{\"b\":1}"), keys, 2, out));
	assert_null(out[0].p);
	assert_null(out[1].p);
}

static void
texts_are_unescaped(void **state)
{
	struct arena *arena = arena_new();

	assert_string_equal(slice_text(arena, STR("\"plain\"")), "plain");
	assert_string_equal(slice_text(arena, STR("\"\\\"\\\\ \\n\"")), "\"\\ \n");
	assert_string_equal(
	    slice_text_of(arena, STR("{\"displayname\":\"\\t\"}"), "displayname"),
	    "\t");
	assert_null(slice_text_of(arena, STR("{\"displayname\":null}"), "displayname"));
	assert_null(slice_text_of(arena, STR("{}"), "displayname"));
	assert_null(slice_text(arena, STR("5")));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_events_fields_are_found_as_they_stand),
		cmocka_unit_test(what_is_cut_off_anywhere_is_no_event),
		cmocka_unit_test(an_event_has_content_a_sender_and_a_type),
		cmocka_unit_test(keys_that_need_escapes_hide_no_other_key),
		cmocka_unit_test(texts_are_unescaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
