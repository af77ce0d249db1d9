/*
 * The predefined push rules: one table in the order of the specification, written out
 * for whoever asks. Pure. Read by api/client/pushrules.
 */
#include "core/push_rules.h"

#include <string.h>

enum audience {
	TODAY = 1,
	LEGACY =
	    2, /* clients of 2015, which take conditions they do not know for met */
	BOTH = 3,
};

/* In conditions, actions and pattern `@` stands for the user's id, `=` for its local
 * part, each in place of a whole JSON string. */
struct push_rule {
	const char *kind, *rule_id;
	enum audience audience;
	bool is_disabled;
	const char *conditions; /* NULL: it has none (content, room, sender) */
	const char *pattern;	/* NULL: only rules of content have one */
	const char *actions;
};

#define MATCH(key, pattern)                                                            \
	"{\"kind\":\"event_match\",\"key\":\"" key "\",\"pattern\":\"" pattern "\"}"
#define TWO_MEMBERS "{\"kind\":\"room_member_count\",\"is\":\"2\"}"
#define SOUND(name) "{\"set_tweak\":\"sound\",\"value\":\"" name "\"}"
#define HIGHLIGHT "{\"set_tweak\":\"highlight\"}"

static const struct push_rule table[] = {
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

#define RULE_COUNT (sizeof table / sizeof table[0])

static const char *const kinds[] = { "content", "override", "room", "sender",
	"underride" };

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

bool
push_rules_kind(const char *kind)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static bool
is_shown(const struct push_rules *rules, const struct push_rule *rule, const char *kind)
{
	return (rule->audience & (rules->legacy ? LEGACY : TODAY)) != 0 &&
	       strcmp(rule->kind, kind) == 0;
}

const struct push_rule *
push_rules_find(const struct push_rules *rules, const char *kind, const char *rule_id)
{
	for (size_t i = 0; i < RULE_COUNT; i++)
		if (is_shown(rules, &table[i], kind) &&
		    strcmp(table[i].rule_id, rule_id) == 0)
			return &table[i];
	return NULL;
}

/* The template with the user's id and its local part in place. */
static void
fill_in(struct buf *out, const struct push_rules *rules, const char *template)
{
	const char *id = rules->user_id;
	size_t local_n = strcspn(id, ":");

	for (; *template != '\0'; template ++) {
		if (*template == '@')
			buf_json_str(out, id);
		else if (*template == '=')
			buf_json(out, id + 1, local_n < 1 ? 0 : local_n - 1);
		else
			buf_char(out, *template);
	}
}

bool
push_rules_enabled(const struct push_rule *rule)
{
	return !rule->is_disabled;
}

void
push_rules_write_actions(
    struct buf *out, const struct push_rules *rules, const struct push_rule *rule)
{
	if (rules->legacy && strcmp(rule->actions, "[]") == 0)
		buf_lit(out, "[\"dont_notify\"]");
	else
		fill_in(out, rules, rule->actions);
}

void
push_rules_write_rule(
    struct buf *out, const struct push_rules *rules, const struct push_rule *rule)
{
	buf_lit(out, "{\"actions\":");
	push_rules_write_actions(out, rules, rule);
	if (rule->conditions != NULL) {
		buf_lit(out, ",\"conditions\":");
		fill_in(out, rules, rule->conditions);
	}
	buf_lit(out, ",\"default\":true,\"enabled\":");
	buf_str(out, push_rules_enabled(rule) ? "true" : "false");
	if (rule->pattern != NULL) {
		buf_lit(out, ",\"pattern\":");
		fill_in(out, rules, rule->pattern);
	}
	buf_lit(out, ",\"rule_id\":");
	buf_json_str(out, rule->rule_id);
	buf_char(out, '}');
}

void
push_rules_write_kind(struct buf *out, const struct push_rules *rules, const char *kind)
{
	bool is_first = true;

	buf_char(out, '[');
	for (size_t i = 0; i < RULE_COUNT; i++) {
		if (!is_shown(rules, &table[i], kind))
			continue;
		if (!is_first)
			buf_char(out, ',');
		is_first = false;
		push_rules_write_rule(out, rules, &table[i]);
	}
	buf_char(out, ']');
}

void
push_rules_write(struct buf *out, const struct push_rules *rules)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		buf_char(out, i == 0 ? '{' : ',');
		buf_json_str(out, kinds[i]);
		buf_char(out, ':');
		push_rules_write_kind(out, rules, kinds[i]);
	}
	buf_char(out, '}');
}
