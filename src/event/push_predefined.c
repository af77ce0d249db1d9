/*
 * The predefined push rules: one table in the order of the specification, and each of
 * them as JSON. Pure. Below event/push_ruleset.
 */
#include "event/push_predefined.h"

#include <string.h>

#include "base/str.h"

enum audience {
	TODAY = 1,
	LEGACY =
	    2, /* clients of 2015, which take conditions they do not know for met */
	BOTH = 3,
};

#define MATCH(key, pattern)                                                            \
	"{\"kind\":\"event_match\",\"key\":\"" key "\",\"pattern\":\"" pattern "\"}"
#define TWO_MEMBERS "{\"kind\":\"room_member_count\",\"is\":\"2\"}"
#define SOUND(name) "{\"set_tweak\":\"sound\",\"value\":\"" name "\"}"
#define HIGHLIGHT "{\"set_tweak\":\"highlight\"}"

/* In conditions and pattern `@` stands for the user's id, `=` for its local part, each
 * in place of a whole JSON string. */
static const struct rule {
	const char *kind, *rule_id;
	enum audience audience;
	bool is_disabled;
	const char *conditions; /* NULL: it has none (content, room, sender) */
	const char *pattern;	/* NULL: only rules of content have one */
	const char *actions;
} table[] = {
	{ "override", ".m.rule.master", BOTH, true, "[]", NULL, "[]" },
	{ "override", ".m.rule.suppress_notices", BOTH, false,
	    "[" MATCH("content.msgtype", "m.notice") "]", NULL, "[]" },
	{ "override", ".m.rule.invite_for_me", BOTH, false,
	    "[" MATCH("type", "m.room.member") "," MATCH(
		"content.membership", "invite") ",{\"kind\":\"event_match\",\"key\":"
						"\"state_key\",\"pattern\":@}]",
	    NULL, "[\"notify\"," SOUND("default") "]" },
	{ "override", ".m.rule.member_event", BOTH, false,
	    "[" MATCH("type", "m.room.member") "]", NULL, "[]" },
	{ "override", ".m.rule.is_user_mention", TODAY, false,
	    "[{\"kind\":\"event_property_contains\","
	    "\"key\":\"content.m\\\\.mentions.user_ids\",\"value\":@}]",
	    NULL, "[\"notify\"," SOUND("default") "," HIGHLIGHT "]" },
	{ "override", ".m.rule.is_room_mention", TODAY, false,
	    "[{\"kind\":\"event_property_is\",\"key\":\"content.m\\\\.mentions.room\","
	    "\"value\":true},"
	    "{\"kind\":\"sender_notification_permission\",\"key\":\"room\"}]",
	    NULL, "[\"notify\"," HIGHLIGHT "]" },
	{ "override", ".m.rule.contains_display_name", LEGACY, false,
	    "[{\"kind\":\"contains_display_name\"}]", NULL,
	    "[\"notify\"," SOUND("default") "," HIGHLIGHT "]" },
	{ "override", ".m.rule.tombstone", BOTH, false,
	    "[" MATCH("type", "m.room.tombstone") "," MATCH("state_key", "") "]", NULL,
	    "[\"notify\"," HIGHLIGHT "]" },
	{ "override", ".m.rule.reaction", BOTH, false,
	    "[" MATCH("type", "m.reaction") "]", NULL, "[]" },
	{ "override", ".m.rule.room.server_acl", BOTH, false,
	    "[" MATCH("type", "m.room.server_acl") "," MATCH("state_key", "") "]", NULL,
	    "[]" },
	{ "override", ".m.rule.suppress_edits", TODAY, false,
	    "[{\"kind\":\"event_property_is\","
	    "\"key\":\"content.m\\\\.relates_to.rel_type\",\"value\":\"m.replace\"}]",
	    NULL, "[]" },
	{ "content", ".m.rule.contains_user_name", LEGACY, false, NULL, "=",
	    "[\"notify\"," SOUND("default") "," HIGHLIGHT "]" },
	{ "underride", ".m.rule.call", BOTH, false,
	    "[" MATCH("type", "m.call.invite") "]", NULL,
	    "[\"notify\"," SOUND("ring") "]" },
	{ "underride", ".m.rule.encrypted_room_one_to_one", BOTH, false,
	    "[" TWO_MEMBERS "," MATCH("type", "m.room.encrypted") "]", NULL,
	    "[\"notify\"," SOUND("default") "]" },
	{ "underride", ".m.rule.room_one_to_one", BOTH, false,
	    "[" TWO_MEMBERS "," MATCH("type", "m.room.message") "]", NULL,
	    "[\"notify\"," SOUND("default") "]" },
	{ "underride", ".m.rule.message", BOTH, false,
	    "[" MATCH("type", "m.room.message") "]", NULL, "[\"notify\"]" },
	{ "underride", ".m.rule.encrypted", BOTH, false,
	    "[" MATCH("type", "m.room.encrypted") "]", NULL, "[\"notify\"]" },
};

#define RULE_COUNT ((int)(sizeof table / sizeof table[0]))

static bool
is_of(const struct rule *rule, bool legacy, const char *kind)
{
	return (rule->audience & (legacy ? LEGACY : TODAY)) != 0 &&
	       strcmp(rule->kind, kind) == 0;
}

/* The template with the user's id and its local part in place. */
static const struct json *
fill_in(struct arena *arena, const char *user_id, const char *template)
{
	size_t local_n = strcspn(user_id, ":");
	struct buf text = { 0 };
	const struct json *json;

	for (; *template != '\0'; template ++) {
		if (*template == '@')
			buf_json_str(&text, user_id);
		else if (*template == '=')
			buf_json(&text, user_id + 1, local_n < 1 ? 0 : local_n - 1);
		else
			buf_char(&text, *template);
	}
	json = json_parse_copy(arena, text.p, text.n, JSON_STRICT, NULL);
	buf_free(&text);
	return json;
}

static struct json *
rule_json(struct arena *arena, const char *user_id, const struct rule *rule)
{
	struct json *json = json_object(arena);

	json_set(arena, json, "actions", fill_in(arena, user_id, rule->actions));
	if (rule->conditions != NULL)
		json_set(arena, json, "conditions",
		    fill_in(arena, user_id, rule->conditions));
	json_set_bool(arena, json, "default", true);
	json_set_bool(arena, json, "enabled", !rule->is_disabled);
	if (rule->pattern != NULL)
		json_set(
		    arena, json, "pattern", fill_in(arena, user_id, rule->pattern));
	json_set_str(arena, json, "rule_id", rule->rule_id);
	return json;
}

struct json *
push_predefined(struct arena *arena, const char *user_id, bool legacy, const char *kind)
{
	struct json *list = json_array(arena);

	for (int i = 0; i < RULE_COUNT; i++)
		if (is_of(&table[i], legacy, kind))
			json_push(arena, list, rule_json(arena, user_id, &table[i]));
	return list;
}
