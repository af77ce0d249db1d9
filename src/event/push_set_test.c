/*
 * Rules evaluated: each kind of condition, priorities, mentions, tweaks.
 * Stands beside push_set.c, run by the test suite.
 */
#include "event/push_set.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#define ANN "@ann:example.org"
#define BEN "@ben:example.org"
#define ROOM "!room:example.org"

static struct push_set *predefined;

static int
set_up(void **state)
{
	predefined = push_set_predefined();
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	push_set_unref(predefined);
	return 0;
}

static const struct json *
parse(struct arena *arena, const char *text)
{
	struct json_error error = { .why = "" };
	const struct json *json =
	    json_parse_copy(arena, text, strlen(text), JSON_LENIENT, &error);

	if (json == NULL)
		fail_msg("%s: %s", text, error.why);
	return json;
}

/* An event of ben's. */
static struct event *
event(struct arena *arena, const char *type, const char *state_key, const char *content)
{
	struct event *e = ARENA_NEW(arena, struct event);
	struct json *json = json_object(arena);

	*e = (struct event){ .version = room_version_find("12"),
		.event_id = "$event",
		.room_id = ROOM,
		.type = type,
		.state_key = state_key,
		.sender = BEN,
		.content = parse(arena, content) };
	e->membership = json_get_str(e->content, "membership");
	json_set_int(arena, json, "origin_server_ts", 1234);
	json_set_int(arena, json, "depth", 5);
	e->json = json;
	return e;
}

/* What a set says of an event to ann, in a room of so many. */
static struct push_result
say(struct arena *arena, const struct push_set *set, const struct event *e, int joined)
{
	struct power power = { .levels = NULL };
	struct push_event pe = { .event = e, .room_id = ROOM, .arena = arena };
	struct push_facts facts = { .user_id = ANN,
		.display_name = "Ann *",
		.joined = (uint32_t)joined,
		.power = &power };
	struct push_result r;

	push_evaluate(set, &pe, &facts, &r);
	return r;
}

static struct push_set *
set_of(struct arena *arena, const char *own, const char *ignored)
{
	struct push_ruleset set = { .user_id = ANN, .own = parse(arena, own) };

	return push_set_new(
	    &set, predefined, ignored == NULL ? NULL : parse(arena, ignored));
}

/* By the predefined rules; NULL: none matched. */
static const char *
rule_of(struct arena *arena, const struct event *e, int joined, struct push_result *out)
{
	struct push_set *own = set_of(arena, "{}", NULL);
	struct push_result same = say(arena, own, e, joined);
	const char *rule_id;

	*out = say(arena, predefined, e, joined);
	rule_id = out->rule_id == NULL ? NULL : arena_strdup(arena, out->rule_id);
	/* Those that are shared by all say the same as those written out for ann. */
	assert_int_equal(same.notifies, out->notifies);
	assert_int_equal(same.highlights, out->highlights);
	assert_int_equal(same.rule_id == NULL, rule_id == NULL);
	if (rule_id != NULL)
		assert_string_equal(same.rule_id, rule_id);
	push_set_unref(own);
	return rule_id;
}

/* Spec: client-server-api/#predefined-rules */
static void
the_predefined_rules_judge_what_they_are_for(void **state)
{
	static const struct {
		const char *type, *state_key, *content;
		int joined;
		const char *rule;
		bool notifies, highlights;
	} table[] = {
		{ "m.room.message", NULL, "{\"body\":\"x\"}", 3, ".m.rule.message",
		    true, false },
		{ "m.room.message", NULL, "{\"body\":\"x\"}", 2,
		    ".m.rule.room_one_to_one", true, false },
		{ "m.room.encrypted", NULL, "{}", 3, ".m.rule.encrypted", true, false },
		{ "m.room.encrypted", NULL, "{}", 2,
		    ".m.rule.encrypted_room_one_to_one", true, false },
		{ "m.room.message", NULL, "{\"msgtype\":\"m.notice\"}", 2,
		    ".m.rule.suppress_notices", false, false },
		{ "m.room.member", ANN, "{\"membership\":\"invite\"}", 2,
		    ".m.rule.invite_for_me", true, false },
		{ "m.room.member", BEN, "{\"membership\":\"invite\"}", 2,
		    ".m.rule.member_event", false, false },
		{ "m.room.message", NULL,
		    "{\"m.mentions\":{\"user_ids\":[\"" BEN "\",\"" ANN "\"]}}", 3,
		    ".m.rule.is_user_mention", true, true },
		{ "m.room.message", NULL,
		    "{\"m.mentions\":{\"user_ids\":[\"" BEN "\"]}}", 3,
		    ".m.rule.message", true, false },
		{ "m.room.message", NULL, "{\"m.mentions\":{\"user_ids\":\"" ANN "\"}}",
		    3, ".m.rule.message", true, false },
		{ "m.room.topic", "", "{\"m.mentions\":{\"user_ids\":[\"" ANN "\"]}}",
		    3, ".m.rule.is_user_mention", true, true },
		{ "m.room.tombstone", "", "{}", 3, ".m.rule.tombstone", true, true },
		{ "m.room.tombstone", "x", "{}", 3, NULL, false, false },
		{ "m.room.tombstone", NULL, "{}", 3, NULL, false, false },
		{ "m.reaction", NULL, "{}", 2, ".m.rule.reaction", false, false },
		{ "m.room.server_acl", "", "{}", 2, ".m.rule.room.server_acl", false,
		    false },
		{ "m.room.message", NULL,
		    "{\"m.relates_to\":{\"rel_type\":\"m.replace\"}}", 2,
		    ".m.rule.suppress_edits", false, false },
		{ "m.call.invite", NULL, "{}", 3, ".m.rule.call", true, false },
		{ "m.room.topic", "", "{}", 2, NULL, false, false },
		/* Names in the text are no mentions any more. */
		{ "m.room.message", NULL, "{\"body\":\"ann: Ann *\"}", 3,
		    ".m.rule.message", true, false },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct push_result r;
		const char *rule = rule_of(*state,
		    event(*state, table[i].type, table[i].state_key, table[i].content),
		    table[i].joined, &r);

		if ((rule == NULL) != (table[i].rule == NULL) ||
		    (rule != NULL && strcmp(rule, table[i].rule) != 0))
			fail_msg("%zu: %s", i, rule == NULL ? "none" : rule);
		assert_int_equal(r.notifies, table[i].notifies);
		assert_int_equal(r.highlights, table[i].highlights);
	}
}

static void
the_room_is_mentioned_by_those_who_may(void **state)
{
	static const char *const levels[] = { "{\"users\":{\"" BEN "\":50}}",
		"{\"users\":{\"" BEN "\":49}}",
		"{\"users\":{\"" BEN "\":20},\"notifications\":{\"room\":20}}",
		"{\"users\":{\"" BEN "\":50},\"notifications\":{\"room\":51}}" };
	static const bool may[] = { true, false, true, false };
	const struct event *e =
	    event(*state, "m.room.message", NULL, "{\"m.mentions\":{\"room\":true}}");

	for (int i = 0; i < 4; i++) {
		struct power power = { .levels = event(*state, "m.room.power_levels",
					   "", levels[i]) };
		struct push_event pe = { .event = e, .room_id = ROOM, .arena = *state };
		struct push_facts facts = { .joined = 3, .power = &power };
		struct push_result r;

		push_evaluate(predefined, &pe, &facts, &r);
		assert_true(r.notifies);
		assert_int_equal(r.highlights, may[i]);
	}
}

/* Would an override rule with this condition match? */
static bool
holds(struct arena *arena, const struct event *e, const char *condition)
{
	struct push_set *set = set_of(arena,
	    arena_printf(arena,
		"{\"override\":[{\"rule_id\":\"a\",\"actions\":[\"notify\"],"
		"\"conditions\":[%s]}]}",
		condition),
	    NULL);
	struct push_result r = say(arena, set, e, 10);
	bool matched = r.rule_id != NULL && strcmp(r.rule_id, "a") == 0;

	push_set_unref(set);
	return matched;
}

#define COND(kind, rest) "{\"kind\":\"" kind "\"," rest "}"

static void
event_match_looks_at_strings_alone(void **state)
{
	const struct event *e = event(*state, "m.x", NULL,
	    "{\"a\":\"Text\",\"n\":5,\"l\":[\"x\"],\"z\":null,\"\":\"e\","
	    "\"m.b\":{\"c\\\\d\":\"y\"},\"s\":{\"\":{\".\":\"dot\"}}}");

	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"content.a\",\"pattern\":\"t?XT\"")));
	assert_true(holds(
	    *state, e, COND("event_match", "\"key\":\"content.a\",\"pattern\":\"*\"")));
	assert_false(holds(
	    *state, e, COND("event_match", "\"key\":\"content.n\",\"pattern\":\"*\"")));
	assert_false(holds(
	    *state, e, COND("event_match", "\"key\":\"content.l\",\"pattern\":\"*\"")));
	assert_false(holds(
	    *state, e, COND("event_match", "\"key\":\"content.z\",\"pattern\":\"*\"")));
	assert_false(holds(*state, e,
	    COND("event_match", "\"key\":\"content.none\",\"pattern\":\"*\"")));
	assert_false(holds(
	    *state, e, COND("event_match", "\"key\":\"state_key\",\"pattern\":\"*\"")));
	assert_false(holds(
	    *state, e, COND("event_match", "\"key\":\"content\",\"pattern\":\"*\"")));
	assert_false(holds(*state, e, COND("event_match", "\"key\":\"type\"")));
	assert_false(holds(*state, e, COND("event_match", "\"pattern\":\"*\"")));
}

/* Spec: appendices/#dot-separated-property-paths */
static void
keys_may_hold_dots_and_backslashes(void **state)
{
	const struct event *e = event(*state, "m.x", NULL,
	    "{\"\":\"e\",\"m.b\":{\"c\\\\d\":\"y\",\"c\\\\xd\":\"w\"},"
	    "\"s\":{\"\":{\".\":\"dot\"}}}");

	assert_true(holds(*state, e,
	    COND("event_match",
		"\"key\":\"content.m\\\\.b.c\\\\\\\\d\",\"pattern\":\"y\"")));
	assert_true(holds(*state, e,
	    COND("event_match",
		"\"key\":\"content.m\\\\.b.c\\\\xd\",\"pattern\":\"w\"")));
	assert_false(holds(*state, e,
	    COND("event_match", "\"key\":\"content.m.b.c\",\"pattern\":\"*\"")));
	assert_true(holds(
	    *state, e, COND("event_match", "\"key\":\"content.\",\"pattern\":\"e\"")));
	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"content.s..\\\\.\",\"pattern\":\"dot\"")));
	assert_false(
	    holds(*state, e, COND("event_match", "\"key\":\"\",\"pattern\":\"*\"")));
	assert_false(
	    holds(*state, e, COND("event_match", "\"key\":\".\",\"pattern\":\"*\"")));
}

static void
what_clients_are_shown_is_what_is_matched(void **state)
{
	const struct event *e = event(*state, "m.x", "key", "{}");

	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"room_id\",\"pattern\":\"" ROOM "\"")));
	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"sender\",\"pattern\":\"@BEN:*\"")));
	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"event_id\",\"pattern\":\"$event\"")));
	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"state_key\",\"pattern\":\"key\"")));
	assert_true(holds(*state, e,
	    COND("event_property_is", "\"key\":\"origin_server_ts\",\"value\":1234")));
	assert_false(holds(
	    *state, e, COND("event_property_is", "\"key\":\"depth\",\"value\":5")));
}

static void
the_body_is_matched_by_words(void **state)
{
	const struct event *e = event(
	    *state, "m.room.message", NULL, "{\"body\":\"An exciting triple-whammy\"}");

	assert_true(holds(*state, e,
	    COND("event_match", "\"key\":\"content.body\",\"pattern\":\"ex*ple\"")));
	assert_false(holds(*state, e,
	    COND("event_match", "\"key\":\"content.body\",\"pattern\":\"whamm\"")));
	e = event(*state, "m.room.message", NULL, "{\"body\":7}");
	assert_false(holds(*state, e,
	    COND("event_match", "\"key\":\"content.body\",\"pattern\":\"*\"")));
}

static void
a_property_is_what_it_is_without_casting(void **state)
{
	const struct event *e = event(*state, "m.x", NULL,
	    "{\"t\":true,\"n\":1,\"s\":\"true\",\"z\":null,\"o\":{},\"f\":1.0}");
	static const char *const yes[] = { "\"key\":\"content.t\",\"value\":true",
		"\"key\":\"content.n\",\"value\":1",
		"\"key\":\"content.s\",\"value\":\"true\"",
		"\"key\":\"content.z\",\"value\":null",
		"\"key\":\"type\",\"value\":\"m.x\"" };
	static const char *const no[] = { "\"key\":\"content.t\",\"value\":\"true\"",
		"\"key\":\"content.n\",\"value\":true",
		"\"key\":\"content.s\",\"value\":\"TRUE\"",
		"\"key\":\"content.s\",\"value\":\"*\"",
		"\"key\":\"content.none\",\"value\":null",
		"\"key\":\"content.o\",\"value\":{}", "\"key\":\"content.t\"",
		"\"key\":\"content.f\",\"value\":1", "\"key\":5,\"value\":1" };

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(holds(*state, e,
		    arena_printf(
			*state, "{\"kind\":\"event_property_is\",%s}", yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		if (holds(*state, e,
			arena_printf(
			    *state, "{\"kind\":\"event_property_is\",%s}", no[i])))
			fail_msg("%s", no[i]);
}

static void
an_array_contains_a_value_exactly(void **state)
{
	const struct event *e = event(
	    *state, "m.x", NULL, "{\"l\":[\"#room:x\",1,[2],null],\"s\":\"#room:x\"}");
	const char *kind = "event_property_contains";
	static const char *const yes[] = { "\"content.l\",\"value\":\"#room:x\"",
		"\"content.l\",\"value\":1", "\"content.l\",\"value\":null" };
	static const char *const no[] = { "\"content.l\",\"value\":\":x\"",
		"\"content.l\",\"value\":2", "\"content.l\",\"value\":[2]",
		"\"content.s\",\"value\":\"#room:x\"",
		"\"content.none\",\"value\":null" };

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(holds(*state, e,
		    arena_printf(
			*state, "{\"kind\":\"%s\",\"key\":%s}", kind, yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(holds(*state, e,
		    arena_printf(*state, "{\"kind\":\"%s\",\"key\":%s}", kind, no[i])));
}

/* In a room of ten. */
static void
members_are_counted(void **state)
{
	const struct event *e = event(*state, "m.x", NULL, "{}");
	static const char *const yes[] = { "10", "==10", "<11", ">9", ">=10", "<=10" };
	static const char *const no[] = { "9", "==11", "<10", ">10", ">=11", "<=9", "",
		"ten", "= 10", "10 ", "=>10", "1e1" };

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(holds(*state, e,
		    arena_printf(*state,
			"{\"kind\":\"room_member_count\",\"is\":\"%s\"}", yes[i])));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		if (holds(*state, e,
			arena_printf(*state,
			    "{\"kind\":\"room_member_count\",\"is\":\"%s\"}", no[i])))
			fail_msg("%s", no[i]);
	assert_false(holds(*state, e, "{\"kind\":\"room_member_count\"}"));
	assert_false(holds(*state, e, "{\"kind\":\"room_member_count\",\"is\":10}"));
}

/* Ann is called "Ann *" in the room: the star is a star. */
static void
a_display_name_is_found_as_a_word(void **state)
{
	static const char name[] = "{\"kind\":\"contains_display_name\"}";

	assert_true(holds(
	    *state, event(*state, "m.x", NULL, "{\"body\":\"hey ANN *!\"}"), name));
	assert_false(holds(*state,
	    event(*state, "m.x", NULL, "{\"body\":\"hey Ann and all\"}"), name));
	assert_false(
	    holds(*state, event(*state, "m.x", NULL, "{\"body\":\"joann *\"}"), name));
	assert_false(holds(*state, event(*state, "m.x", NULL, "{}"), name));
}

static void
conditions_that_nobody_knows_match_nothing(void **state)
{
	const struct event *e = event(*state, "m.x", NULL, "{}");

	assert_true(holds(*state, e, ""));
	assert_false(holds(*state, e, "{\"kind\":\"org.example.moon_is_full\"}"));
	assert_false(
	    holds(*state, e, "{\"kind\":\"profile_tag\",\"profile_tag\":\"x\"}"));
	assert_false(holds(*state, e, "{}"));
	assert_false(holds(*state, e, "\"text\""));
	assert_false(holds(*state, e, "{\"kind\":\"sender_notification_permission\"}"));
}

static void
kinds_are_checked_in_their_order(void **state)
{
	static const char *const kinds[] = { "override", "content", "room", "sender",
		"underride" };
	static const char *const rules[] = { "{\"rule_id\":\"o\",\"actions\":[]}",
		"{\"rule_id\":\"c\",\"actions\":[],\"pattern\":\"cake\"}",
		"{\"rule_id\":\"" ROOM "\",\"actions\":[]}",
		"{\"rule_id\":\"" BEN "\",\"actions\":[]}",
		"{\"rule_id\":\"u\",\"actions\":[]}" };
	static const char *const ids[] = { "o", "c", ROOM, BEN, "u" };
	const struct event *e =
	    event(*state, "m.room.message", NULL, "{\"body\":\"my cake\"}");

	for (int from = 0; from < 5; from++) {
		const char *own = "";
		struct push_set *set;
		struct push_result r;

		for (int i = from; i < 5; i++)
			own = arena_printf(*state, "%s%s\"%s\":[%s]", own,
			    i == from ? "" : ",", kinds[i], rules[i]);
		set = set_of(*state, arena_printf(*state, "{%s}", own), NULL);
		r = say(*state, set, e, 10);
		assert_string_equal(r.rule_id, ids[from]);
		assert_false(r.notifies);
		push_set_unref(set);
	}
}

static void
room_sender_and_content_rules_match_what_they_name(void **state)
{
	struct push_set *set = set_of(*state,
	    "{\"room\":[{\"rule_id\":\"!other:x\",\"actions\":[]}],"
	    "\"sender\":[{\"rule_id\":\"" ANN "\",\"actions\":[]}],"
	    "\"content\":[{\"rule_id\":\"c\",\"actions\":[],\"pattern\":\"pie\"}]}",
	    NULL);
	struct push_result r = say(*state, set,
	    event(*state, "m.room.message", NULL, "{\"body\":\"cake\"}"), 10);

	assert_string_equal(r.rule_id, ".m.rule.message");
	push_set_unref(set);
}

static void
the_master_rule_is_above_all(void **state)
{
	struct push_set *set = set_of(*state,
	    "{\"changed\":{\".m.rule.master\":{\"enabled\":true}},"
	    "\"override\":[{\"rule_id\":\"a\",\"actions\":[\"notify\"]}]}",
	    NULL);
	struct push_result r =
	    say(*state, set, event(*state, "m.room.message", NULL, "{}"), 10);

	assert_string_equal(r.rule_id, ".m.rule.master");
	assert_false(r.notifies);
	push_set_unref(set);
}

static void
a_rule_that_is_switched_off_never_matches(void **state)
{
	struct push_set *set = set_of(*state,
	    "{\"changed\":{\".m.rule.message\":{\"enabled\":false}},"
	    "\"override\":[{\"rule_id\":\"a\",\"actions\":[],\"enabled\":false}]}",
	    NULL);
	struct push_result r =
	    say(*state, set, event(*state, "m.room.message", NULL, "{}"), 10);

	assert_null(r.rule_id);
	assert_false(r.notifies);
	push_set_unref(set);
}

static void
a_highlight_is_a_tweak_of_what_notifies(void **state)
{
	static const struct {
		const char *actions;
		bool notifies, highlights;
	} table[] = { { "[\"notify\",{\"set_tweak\":\"highlight\"}]", true, true },
		{ "[{\"set_tweak\":\"highlight\",\"value\":true},\"notify\"]", true,
		    true },
		{ "[\"notify\",{\"set_tweak\":\"highlight\",\"value\":false}]", true,
		    false },
		{ "[\"notify\",{\"set_tweak\":\"highlight\",\"value\":\"x\"}]", true,
		    false },
		{ "[{\"set_tweak\":\"highlight\"}]", false, false },
		{ "[\"notify\",{\"set_tweak\":\"sound\"}]", true, false },
		{ "[]", false, false } };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct push_set *set = set_of(*state,
		    arena_printf(*state,
			"{\"override\":[{\"rule_id\":\"a\",\"actions\":%s}]}",
			table[i].actions),
		    NULL);
		struct push_result r =
		    say(*state, set, event(*state, "m.x", NULL, "{}"), 10);

		assert_int_equal(r.notifies, table[i].notifies);
		assert_int_equal(r.highlights, table[i].highlights);
		push_set_unref(set);
	}
}

/* Spec: client-server-api/#ignoring-users */
static void
ignored_users_notify_nobody(void **state)
{
	struct push_set *set =
	    set_of(*state, "{}", "{\"ignored_users\":{\"" BEN "\":{}}}");
	struct push_result r = say(*state, set,
	    event(*state, "m.room.message", NULL,
		"{\"m.mentions\":{\"user_ids\":[\"" ANN "\"]}}"),
	    10);

	assert_false(r.notifies);
	r = say(*state, set,
	    event(*state, "m.room.member", ANN, "{\"membership\":\"invite\"}"), 10);
	assert_false(r.notifies);
	r = say(*state, set, event(*state, "m.room.tombstone", "", "{}"), 10);
	assert_true(r.notifies);
	push_set_unref(set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_predefined_rules_judge_what_they_are_for),
		TEST(the_room_is_mentioned_by_those_who_may),
		TEST(event_match_looks_at_strings_alone),
		TEST(keys_may_hold_dots_and_backslashes),
		TEST(what_clients_are_shown_is_what_is_matched),
		TEST(the_body_is_matched_by_words),
		TEST(a_property_is_what_it_is_without_casting),
		TEST(an_array_contains_a_value_exactly),
		TEST(members_are_counted),
		TEST(a_display_name_is_found_as_a_word),
		TEST(conditions_that_nobody_knows_match_nothing),
		TEST(kinds_are_checked_in_their_order),
		TEST(room_sender_and_content_rules_match_what_they_name),
		TEST(the_master_rule_is_above_all),
		TEST(a_rule_that_is_switched_off_never_matches),
		TEST(a_highlight_is_a_tweak_of_what_notifies),
		TEST(ignored_users_notify_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
