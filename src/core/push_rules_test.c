/*
 * The predefined push rules, as today's and 2015's clients are shown them.
 * Stands beside push_rules.c, run by the test suite.
 */
#include "core/push_rules.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/json.h"

#define ANN "@an\"n:example.org"

static const struct push_rules today = { ANN, false }, legacy = { ANN, true };

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
all(struct arena *arena, const struct push_rules *rules)
{
	struct json_error error = { .why = "" };
	struct buf b = { 0 };
	const struct json *json;

	push_rules_write(&b, rules);
	json = json_parse_copy(arena, b.p, b.n, JSON_STRICT, &error);
	if (json == NULL)
		fail_msg("at %zu: %s", error.at, error.why);
	buf_free(&b);
	return json;
}

static const struct json *
rule(struct arena *arena, const struct push_rules *rules, const char *kind,
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
	const struct push_rules *both[] = { &today, &legacy };

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
	const struct push_rule *r =
	    push_rules_find(&today, "override", ".m.rule.master");

	assert_non_null(r);
	assert_false(push_rules_enabled(r));
	assert_false(json_get_bool(
	    rule(*state, &today, "override", ".m.rule.master"), "enabled", true));
	r = push_rules_find(&today, "underride", ".m.rule.message");
	assert_non_null(r);
	assert_true(push_rules_enabled(r));
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

static void
a_rule_is_found_by_its_kind_and_id_alone(void **state)
{
	assert_non_null(push_rules_find(&today, "underride", ".m.rule.call"));
	assert_null(push_rules_find(&today, "override", ".m.rule.call"));
	assert_null(push_rules_find(&today, "underride", ".m.rule"));
	assert_null(push_rules_find(&today, "content", ".m.rule.contains_user_name"));
	assert_non_null(
	    push_rules_find(&legacy, "content", ".m.rule.contains_user_name"));
	assert_true(push_rules_kind("room"));
	assert_false(push_rules_kind("rooms"));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
