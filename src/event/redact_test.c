/*
 * What survives a redaction, by a table for every algorithm and type.
 * Relies on event/redact.
 * Stands beside redact.c, run by the test suite.
 */
#include "event/redact.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* In this file ' stands for " in JSON. */
static struct json *
json_of(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);
	struct json *v;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(arena, copy, strlen(copy), JSON_STRICT, NULL);
	assert_non_null(v);
	return v;
}

static const char content[] =
    "{'aliases':1,'allow':2,'ban':3,'body':4,'creator':5,'events':6,"
    "'events_default':7,'history_visibility':8,'invite':9,'join_authorised_via_users_"
    "server':10,'join_rule':11,'kick':12,'membership':13,'notifications':14,'redact':"
    "15,"
    "'redacts':16,'room_version':17,'state_default':18,'third_party_invite':"
    "{'display_name':'x','signed':{'token':'t'}},'users':19,'users_default':20}";

static const struct {
	const char *type;
	int from, to;
	const char *left; /* of content; NULL: all of it */
} rows[] = {
	{ "m.room.member", 1, 8, "{'membership':13}" },
	{ "m.room.member", 9, 10,
	    "{'join_authorised_via_users_server':10,'membership':13}" },
	{ "m.room.member", 11, 12,
	    "{'join_authorised_via_users_server':10,'membership':13,"
	    "'third_party_invite':{'signed':{'token':'t'}}}" },
	{ "m.room.create", 1, 10, "{'creator':5}" },
	{ "m.room.create", 11, 12, NULL },
	{ "m.room.join_rules", 1, 7, "{'join_rule':11}" },
	{ "m.room.join_rules", 8, 12, "{'allow':2,'join_rule':11}" },
	{ "m.room.power_levels", 1, 10,
	    "{'ban':3,'events':6,'events_default':7,'kick':12,'redact':15,"
	    "'state_default':18,'users':19,'users_default':20}" },
	{ "m.room.power_levels", 11, 12,
	    "{'ban':3,'events':6,'events_default':7,'invite':9,'kick':12,'redact':15,"
	    "'state_default':18,'users':19,'users_default':20}" },
	{ "m.room.aliases", 1, 5, "{'aliases':1}" },
	{ "m.room.aliases", 6, 12, "{}" },
	{ "m.room.history_visibility", 1, 12, "{'history_visibility':8}" },
	{ "m.room.redaction", 1, 10, "{}" },
	{ "m.room.redaction", 11, 12, "{'redacts':16}" },
	{ "m.room.message", 1, 12, "{}" },
	{ "m.room.topic", 1, 12, "{}" },
	{ "", 1, 12, "{}" },
};

static void
each_type_keeps_its_keys(void **state)
{
	struct arena *arena = arena_new();
	int count;
	const struct room_version *list = room_version_list(&count);
	int seen = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json *event = json_object(arena);
		const struct json *left =
		    json_of(arena, rows[i].left ? rows[i].left : content);

		json_set_str(arena, event, "type", rows[i].type);
		json_set(arena, event, "content", json_of(arena, content));
		for (int n = rows[i].from; n <= rows[i].to; n++, seen++) {
			const struct json *got =
			    redact_event(arena, &list[n - 1], event);

			if (!json_equal(json_get(got, "content"), left))
				fail_msg("%s, version %d: %s", rows[i].type, n,
				    json_text(arena, got, NULL));
		}
	}
	assert_int_equal(seen, count * 10); /* ten types in each version */
	arena_free(arena);
}

static void
the_top_keeps_what_makes_it_an_event(void **state)
{
	struct arena *arena = arena_new();
	int count;
	const struct room_version *list = room_version_list(&count);
	const struct json *event = json_of(arena,
	    "{'age':0,'auth_events':1,'content':{'body':1},'depth':2,'event_id':3,"
	    "'hashes':4,'membership':5,'origin':6,'origin_server_ts':7,'prev_events':8,"
	    "'prev_state':9,'redacts':10,'room_id':11,'sender':12,'signatures':13,"
	    "'state_key':14,'type':'m.room.message','unsigned':{'a':1},'zzz':1}");
	const struct json *old = json_of(arena,
	    "{'auth_events':1,'content':{},'depth':2,'event_id':3,'hashes':4,"
	    "'membership':5,'origin':6,'origin_server_ts':7,'prev_events':8,"
	    "'prev_state':9,'room_id':11,'sender':12,'signatures':13,'state_key':14,"
	    "'type':'m.room.message'}");
	const struct json *new = json_of(arena,
	    "{'auth_events':1,'content':{},'depth':2,'event_id':3,'hashes':4,"
	    "'origin_server_ts':7,'prev_events':8,'room_id':11,'sender':12,"
	    "'signatures':13,'state_key':14,'type':'m.room.message'}");

	for (int n = 1; n <= count; n++)
		assert_true(json_equal(
		    redact_event(arena, &list[n - 1], event), n < 11 ? old : new));
	arena_free(arena);
}

static void
the_event_itself_stays_as_it_is(void **state)
{
	struct arena *arena = arena_new();
	const char *text = "{'content':{'body':'x'},'type':'m.room.message'}";
	struct json *event = json_of(arena, text);

	(void)redact_event(arena, room_version_default(), event);
	assert_true(json_equal(event, json_of(arena, text)));
	arena_free(arena);
}

static void
what_is_no_event_does_no_harm(void **state)
{
	static const char *const texts[] = { "[]", "1", "{}", "{'type':5,'content':[]}",
		"{'type':'m.room.create','content':1}",
		"{'type':'m.room.member','content':{'third_party_invite':5}}" };
	struct arena *arena = arena_new();
	int count;
	const struct room_version *list = room_version_list(&count);

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (int n = 1; n <= count; n++) {
			const struct json *got =
			    redact_event(arena, &list[n - 1], json_of(arena, texts[i]));

			assert_int_equal(json_get_object(got, "content")->n, 0);
		}
	arena_free(arena);
}

static void
an_unsigned_third_party_invite_is_left_empty(void **state)
{
	struct arena *arena = arena_new();
	const struct json *got = redact_event(arena, room_version_find("11"),
	    json_of(arena,
		"{'type':'m.room.member','content':{'third_party_invite':{'a':1}}}"));

	assert_true(json_equal(
	    json_get(got, "content"), json_of(arena, "{'third_party_invite':{}}")));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_type_keeps_its_keys),
		cmocka_unit_test(the_top_keeps_what_makes_it_an_event),
		cmocka_unit_test(the_event_itself_stays_as_it_is),
		cmocka_unit_test(what_is_no_event_does_no_harm),
		cmocka_unit_test(an_unsigned_third_party_invite_is_left_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
