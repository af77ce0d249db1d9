/*
 * Sets of push rules: the predefined ones, as today's and 2015's clients are shown
 * them, and what a user makes of them. Stands beside push_ruleset.c, run by the test
 * suite.
 */
#include "event/push_ruleset.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/json.h"

#define ANN "@an\"n:example.org"

static const struct push_ruleset today = { .user_id = ANN },
				 legacy = { .user_id = ANN, .legacy = true };

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

static const struct json *
all(struct arena *arena, const struct push_ruleset *set)
{
	return push_ruleset_all(arena, set);
}

static const struct json *
rule(struct arena *arena, const struct push_ruleset *rules, const char *kind,
    const char *id)
{
	const struct json *list = json_get(all(arena, rules), kind);

	for (uint32_t i = 0; list != NULL && i < list->n; i++)
		if (strcmp(json_get_str(&list->items[i], "rule_id"), id) == 0)
			return &list->items[i];
	return NULL;
}

/* In the specification's order, which is their priority. */
static void
todays_rules_are_those_of_the_specification(void **state)
{
	static const char *const override[] = { ".m.rule.master",
		".m.rule.suppress_notices", ".m.rule.invite_for_me",
		".m.rule.member_event", ".m.rule.is_user_mention",
		".m.rule.is_room_mention", ".m.rule.tombstone", ".m.rule.reaction",
		".m.rule.room.server_acl", ".m.rule.suppress_edits" };
	static const char *const underride[] = { ".m.rule.call",
		".m.rule.encrypted_room_one_to_one", ".m.rule.room_one_to_one",
		".m.rule.message", ".m.rule.encrypted" };
	const struct json *json = all(*state, &today), *list;

	assert_int_equal(json->n, 5);
	list = json_get(json, "override");
	assert_int_equal(list->n, 10);
	for (int i = 0; i < 10; i++)
		assert_string_equal(
		    json_get_str(&list->items[i], "rule_id"), override[i]);
	list = json_get(json, "underride");
	assert_int_equal(list->n, 5);
	for (int i = 0; i < 5; i++)
		assert_string_equal(
		    json_get_str(&list->items[i], "rule_id"), underride[i]);
	assert_int_equal(json_get(json, "content")->n, 0);
	assert_int_equal(json_get(json, "room")->n, 0);
	assert_int_equal(json_get(json, "sender")->n, 0);
}

static void
every_rule_is_whole(void **state)
{
	const struct push_ruleset *both[] = { &today, &legacy };

	for (int b = 0; b < 2; b++) {
		const struct json *kinds = all(*state, both[b]);

		for (uint32_t k = 0; k < kinds->n; k++) {
			const struct json *list = &kinds->members[k].value;

			for (uint32_t i = 0; i < list->n; i++) {
				const struct json *r = &list->items[i];

				assert_true(json_get_bool(r, "default", false));
				assert_true(json_is(json_get(r, "enabled"), JSON_BOOL));
				assert_non_null(json_get_array(r, "actions"));
				assert_true(json_get_array(r, "conditions") != NULL ||
					    json_get_str(r, "pattern") != NULL);
			}
		}
	}
}

static void
the_users_id_stands_where_a_rule_wants_it(void **state)
{
	const struct json *r =
	    rule(*state, &today, "override", ".m.rule.is_user_mention");
	const struct json *condition = json_get(r, "conditions")->items;

	assert_string_equal(json_get_str(condition, "value"), ANN);
	assert_string_equal(
	    json_get_str(condition, "key"), "content.m\\.mentions.user_ids");
	r = rule(*state, &legacy, "content", ".m.rule.contains_user_name");
	assert_string_equal(json_get_str(r, "pattern"), "an\"n");
}

static void
only_the_master_rule_is_switched_off(void **state)
{
	const struct json *kinds = all(*state, &today);

	for (uint32_t k = 0; k < kinds->n; k++)
		for (uint32_t i = 0; i < kinds->members[k].value.n; i++) {
			const struct json *r = &kinds->members[k].value.items[i];

			assert_int_equal(json_get_bool(r, "enabled", true),
			    strcmp(json_get_str(r, "rule_id"), ".m.rule.master") != 0);
		}
}

/* A client of 2015 takes a condition that it does not know for met. */
static void
clients_of_2015_are_shown_only_conditions_that_they_know(void **state)
{
	static const char *const known[] = { "event_match", "device",
		"contains_display_name", "room_member_count" };
	const struct json *kinds = all(*state, &legacy);

	for (uint32_t k = 0; k < kinds->n; k++)
		for (uint32_t i = 0; i < kinds->members[k].value.n; i++) {
			const struct json *r = &kinds->members[k].value.items[i];
			const struct json *conditions = json_get(r, "conditions");

			for (uint32_t c = 0; conditions != NULL && c < conditions->n;
			     c++) {
				const char *kind =
				    json_get_str(&conditions->items[c], "kind");
				bool found = false;

				for (int n = 0; n < 4; n++)
					found = found || strcmp(kind, known[n]) == 0;
				assert_true(found);
			}
		}
}

static void
not_to_notify_is_said_in_2015s_words(void **state)
{
	const struct json *actions = json_get(
	    rule(*state, &legacy, "override", ".m.rule.suppress_notices"), "actions");

	assert_int_equal(actions->n, 1);
	assert_string_equal(json_as_str(actions->items), "dont_notify");
	actions = json_get(
	    rule(*state, &today, "override", ".m.rule.suppress_notices"), "actions");
	assert_int_equal(actions->n, 0);
}

static bool
is_there(struct arena *arena, const struct push_ruleset *set, const char *kind,
    const char *id)
{
	return push_ruleset_find(arena, set, kind, id) != NULL;
}

static void
a_rule_is_found_by_its_kind_and_id_alone(void **state)
{
	assert_true(is_there(*state, &today, "underride", ".m.rule.call"));
	assert_false(is_there(*state, &today, "override", ".m.rule.call"));
	assert_false(is_there(*state, &today, "underride", ".m.rule"));
	assert_false(is_there(*state, &today, "content", ".m.rule.contains_user_name"));
	assert_true(is_there(*state, &legacy, "content", ".m.rule.contains_user_name"));
	assert_true(push_kind_valid("room"));
	assert_false(push_kind_valid("rooms"));
}

/* --- what a user makes of them --- */

static struct json *
parse(struct arena *arena, const char *text)
{
	struct json *json =
	    json_parse_copy(arena, text, strlen(text), JSON_STRICT, NULL);

	assert_non_null(json);
	return json;
}

static enum mx_err
change(struct arena *arena, struct push_ruleset *set, const struct push_change *c)
{
	const char *why;
	struct json *own;
	enum mx_err err = push_ruleset_change(arena, set, c, &own, &why);

	if (err == M_OK)
		set->own = own;
	return err;
}

static enum mx_err
put(struct arena *arena, struct push_ruleset *set, const char *kind, const char *id,
    const char *body, const char *before, const char *after)
{
	struct push_change c = { .what = PUSH_PUT,
		.kind = kind,
		.rule_id = id,
		.before = before,
		.after = after };
	const char *why;
	struct json *rule;
	enum mx_err err =
	    push_rule_read(arena, kind, parse(arena, body), set->legacy, &rule, &why);

	c.rule = rule;
	return err == M_OK ? change(arena, set, &c) : err;
}

static enum mx_err
enable(struct arena *arena, struct push_ruleset *set, const char *kind, const char *id,
    bool enabled)
{
	return change(arena, set,
	    &(struct push_change){
		.what = PUSH_ENABLE, .kind = kind, .rule_id = id, .enabled = enabled });
}

static enum mx_err
act(struct arena *arena, struct push_ruleset *set, const char *kind, const char *id,
    const char *actions)
{
	return change(arena, set,
	    &(struct push_change){ .what = PUSH_ACTIONS,
		.kind = kind,
		.rule_id = id,
		.actions = parse(arena, actions) });
}

static enum mx_err
drop(struct arena *arena, struct push_ruleset *set, const char *kind, const char *id)
{
	return change(arena, set,
	    &(struct push_change){ .what = PUSH_DELETE, .kind = kind, .rule_id = id });
}

/* The ids of a kind's rules that are the user's own, joined. */
static const char *
own_ids(struct arena *arena, const struct push_ruleset *set, const char *kind)
{
	const struct json *list = push_ruleset_list(arena, set, kind);
	const char *ids = "";

	for (uint32_t i = 0; i < list->n; i++) {
		const char *id = json_get_str(&list->items[i], "rule_id");

		if (id[0] != '.')
			ids = arena_printf(arena, "%s%s", ids, id);
	}
	return ids;
}

#define EMPTY "{\"actions\":[]}"
#define WORD "{\"actions\":[\"notify\"],\"pattern\":\"cake\"}"

static void
a_new_rule_is_the_most_important_of_the_users_own(void **state)
{
	struct push_ruleset set = today;
	const struct json *list;

	assert_int_equal(put(*state, &set, "override", "a", EMPTY, NULL, NULL), M_OK);
	assert_int_equal(put(*state, &set, "override", "b", EMPTY, NULL, NULL), M_OK);
	list = push_ruleset_list(*state, &set, "override");
	assert_string_equal(json_get_str(&list->items[0], "rule_id"), ".m.rule.master");
	assert_string_equal(json_get_str(&list->items[1], "rule_id"), "b");
	assert_string_equal(json_get_str(&list->items[2], "rule_id"), "a");
	assert_string_equal(
	    json_get_str(&list->items[3], "rule_id"), ".m.rule.suppress_notices");
	assert_false(json_get_bool(&list->items[1], "default", true));
	assert_true(json_get_bool(&list->items[1], "enabled", false));
	assert_non_null(json_get_array(&list->items[1], "conditions"));
}

static void
before_and_after_say_where_a_rule_stands(void **state)
{
	struct push_ruleset set = today;
	struct arena *a = *state;

	for (const char *id = "cba"; *id != '\0'; id++)
		assert_int_equal(
		    put(a, &set, "content", arena_strndup(a, id, 1), WORD, NULL, NULL),
		    M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "abc");
	assert_int_equal(put(a, &set, "content", "x", WORD, "b", NULL), M_OK);
	assert_int_equal(put(a, &set, "content", "y", WORD, NULL, "b"), M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "axbyc");
	/* Moves that begin on either side of their end. */
	assert_int_equal(put(a, &set, "content", "a", WORD, NULL, "c"), M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "xbyca");
	assert_int_equal(put(a, &set, "content", "c", WORD, "x", NULL), M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "cxbya");
	/* "the next most important rule with respect to `before`" */
	assert_int_equal(put(a, &set, "content", "z", WORD, "y", "c"), M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "cxbzya");
	/* Without either an old rule stays where it is. */
	assert_int_equal(put(a, &set, "content", "b", WORD, NULL, NULL), M_OK);
	assert_string_equal(own_ids(a, &set, "content"), "cxbzya");
}

static void
a_rule_stands_beside_the_users_own_alone(void **state)
{
	struct push_ruleset set = today;

	assert_int_equal(
	    put(*state, &set, "override", "a", EMPTY, ".m.rule.master", NULL),
	    M_BAD_STATE);
	assert_int_equal(
	    put(*state, &set, "override", "a", EMPTY, NULL, "nobody"), M_BAD_STATE);
	assert_int_equal(put(*state, &set, "override", "a", EMPTY, NULL, NULL), M_OK);
	assert_int_equal(
	    put(*state, &set, "override", "a", EMPTY, "a", NULL), M_BAD_STATE);
	assert_int_equal(
	    put(*state, &set, "underride", "b", EMPTY, "a", NULL), M_BAD_STATE);
}

static void
a_rule_that_is_replaced_stays_switched_off(void **state)
{
	struct push_ruleset set = today;
	const struct json *r;

	assert_int_equal(put(*state, &set, "content", "a", WORD, NULL, NULL), M_OK);
	assert_int_equal(enable(*state, &set, "content", "a", false), M_OK);
	assert_int_equal(put(*state, &set, "content", "a",
			     "{\"actions\":[],\"pattern\":\"pie\"}", NULL, NULL),
	    M_OK);
	r = push_ruleset_find(*state, &set, "content", "a");
	assert_false(json_get_bool(r, "enabled", true));
	assert_string_equal(json_get_str(r, "pattern"), "pie");
}

static void
predefined_rules_can_be_switched_and_given_actions_but_not_deleted(void **state)
{
	struct push_ruleset set = today;
	const struct json *r;

	assert_int_equal(
	    enable(*state, &set, "override", ".m.rule.master", true), M_OK);
	assert_int_equal(act(*state, &set, "underride", ".m.rule.message", "[]"), M_OK);
	r = push_ruleset_find(*state, &set, "override", ".m.rule.master");
	assert_true(json_get_bool(r, "enabled", false));
	assert_true(json_get_bool(r, "default", false));
	r = push_ruleset_find(*state, &set, "underride", ".m.rule.message");
	assert_int_equal(json_get(r, "actions")->n, 0);
	assert_int_equal(
	    drop(*state, &set, "underride", ".m.rule.message"), M_NOT_FOUND);
	/* As it was: nothing deviates any more. */
	assert_int_equal(
	    enable(*state, &set, "override", ".m.rule.master", false), M_OK);
	assert_int_equal(
	    act(*state, &set, "underride", ".m.rule.message", "[\"notify\"]"), M_OK);
	assert_int_equal(set.own->n, 0);
}

static void
what_is_not_there_is_not_found(void **state)
{
	struct push_ruleset set = today;

	assert_int_equal(enable(*state, &set, "override", "a", true), M_NOT_FOUND);
	assert_int_equal(
	    enable(*state, &set, "underride", ".m.rule.master", true), M_NOT_FOUND);
	assert_int_equal(act(*state, &set, "room", "!a:b", "[]"), M_NOT_FOUND);
	assert_int_equal(drop(*state, &set, "sender", "@a:b"), M_NOT_FOUND);
	assert_int_equal(put(*state, &set, "sender", "@a:b", EMPTY, NULL, NULL), M_OK);
	assert_int_equal(drop(*state, &set, "room", "@a:b"), M_NOT_FOUND);
	assert_int_equal(drop(*state, &set, "sender", "@a:b"), M_OK);
	assert_int_equal(set.own->n, 0);
}

static void
rules_of_the_wrong_shape_are_refused(void **state)
{
	static const struct {
		const char *kind, *body;
		enum mx_err err;
	} wrong[] = {
		{ "override", "{}", M_MISSING_PARAM },
		{ "override", "{\"actions\":\"notify\"}", M_BAD_JSON },
		{ "override", "{\"actions\":[\"sing\"]}", M_INVALID_PARAM },
		{ "override", "{\"actions\":[5]}", M_INVALID_PARAM },
		{ "override", "{\"actions\":[{\"set_tweak\":1}]}", M_BAD_JSON },
		{ "override", "{\"actions\":[],\"conditions\":{}}", M_BAD_JSON },
		{ "override", "{\"actions\":[],\"conditions\":[1]}", M_BAD_JSON },
		{ "underride", "{\"actions\":[],\"conditions\":[{}]}",
		    M_MISSING_PARAM },
		{ "underride", "{\"actions\":[],\"conditions\":[{\"kind\":1}]}",
		    M_BAD_JSON },
		{ "underride",
		    "{\"actions\":[],\"conditions\":[{\"kind\":\"x\",\"key\":1}]}",
		    M_BAD_JSON },
		{ "content", EMPTY, M_MISSING_PARAM },
		{ "content", "{\"actions\":[],\"pattern\":1}", M_BAD_JSON },
	};
	struct push_ruleset set = today;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(
		    put(*state, &set, wrong[i].kind, "a", wrong[i].body, NULL, NULL),
		    wrong[i].err);
	assert_null(set.own);
}

static void
actions_of_the_past_are_taken_out(void **state)
{
	static const char body[] = "{\"actions\":[\"dont_notify\",\"coalesce\"]}";
	struct push_ruleset set = today, old = legacy;
	const struct json *actions;

	assert_int_equal(put(*state, &set, "room", "!a:b", body, NULL, NULL), M_OK);
	actions = json_get(push_ruleset_find(*state, &set, "room", "!a:b"), "actions");
	assert_int_equal(actions->n, 0);
	/* To clients of 2015 coalesce is a notify. */
	assert_int_equal(put(*state, &old, "room", "!a:b", body, NULL, NULL), M_OK);
	actions = json_get(push_ruleset_find(*state, &old, "room", "!a:b"), "actions");
	assert_int_equal(actions->n, 1);
	assert_string_equal(json_as_str(actions->items), "notify");
}

static void
clients_of_2015_are_not_shown_own_rules_that_they_cannot_read(void **state)
{
	static const char body[] = "{\"actions\":[\"notify\"],\"conditions\":[{"
				   "\"kind\":\"event_property_is\",\"key\":\"a\","
				   "\"value\":1}]}";
	struct push_ruleset set = today, old = legacy;

	assert_int_equal(put(*state, &set, "override", "a", body, NULL, NULL), M_OK);
	old.own = set.own;
	assert_true(is_there(*state, &set, "override", "a"));
	assert_false(is_there(*state, &old, "override", "a"));
}

static void
a_device_has_no_predefined_rules(void **state)
{
	struct push_ruleset set = legacy;

	set.is_device = true;
	assert_int_equal(all(*state, &set)->n, 5);
	assert_int_equal(push_ruleset_list(*state, &set, "override")->n, 0);
	assert_int_equal(
	    enable(*state, &set, "override", ".m.rule.master", true), M_NOT_FOUND);
	assert_int_equal(put(*state, &set, "override", "a", EMPTY, NULL, NULL), M_OK);
	assert_string_equal(own_ids(*state, &set, "override"), "a");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(todays_rules_are_those_of_the_specification),
		TEST(every_rule_is_whole),
		TEST(the_users_id_stands_where_a_rule_wants_it),
		TEST(only_the_master_rule_is_switched_off),
		TEST(clients_of_2015_are_shown_only_conditions_that_they_know),
		TEST(not_to_notify_is_said_in_2015s_words),
		TEST(a_rule_is_found_by_its_kind_and_id_alone),
		TEST(a_new_rule_is_the_most_important_of_the_users_own),
		TEST(before_and_after_say_where_a_rule_stands),
		TEST(a_rule_stands_beside_the_users_own_alone),
		TEST(a_rule_that_is_replaced_stays_switched_off),
		TEST(
		    predefined_rules_can_be_switched_and_given_actions_but_not_deleted),
		TEST(what_is_not_there_is_not_found),
		TEST(rules_of_the_wrong_shape_are_refused),
		TEST(actions_of_the_past_are_taken_out),
		TEST(clients_of_2015_are_not_shown_own_rules_that_they_cannot_read),
		TEST(a_device_has_no_predefined_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
