/*
 * The redaction algorithms as tables: which keys survive at the top, and in the content
 * of which type, from which algorithm to which. Relies on base/json; on the way of
 * every event, since hashes, signatures and event ids cover the redacted form.
 */
#include "event/redact.h"

#include <string.h>

struct kept {
	enum redaction_algorithm from, to;
	const char *key;
};

struct kept_in {
	enum redaction_algorithm from, to;
	const char *type, *key; /* key NULL: all of the content */
};

#define FIRST REDACTION_V1
#define LAST REDACTION_V11

static const struct kept top_keys[] = {
	{ FIRST, LAST, "event_id" },
	{ FIRST, LAST, "type" },
	{ FIRST, LAST, "room_id" },
	{ FIRST, LAST, "sender" },
	{ FIRST, LAST, "state_key" },
	{ FIRST, LAST, "hashes" },
	{ FIRST, LAST, "signatures" },
	{ FIRST, LAST, "depth" },
	{ FIRST, LAST, "prev_events" },
	{ FIRST, LAST, "auth_events" },
	{ FIRST, LAST, "origin_server_ts" },
	{ FIRST, REDACTION_V9, "prev_state" },
	{ FIRST, REDACTION_V9, "origin" },
	{ FIRST, REDACTION_V9, "membership" },
};

static const struct kept_in content_keys[] = {
	{ FIRST, LAST, "m.room.member", "membership" },
	{ REDACTION_V9, LAST, "m.room.member", "join_authorised_via_users_server" },
	{ FIRST, REDACTION_V9, "m.room.create", "creator" },
	{ REDACTION_V11, LAST, "m.room.create", NULL },
	{ FIRST, LAST, "m.room.join_rules", "join_rule" },
	{ REDACTION_V8, LAST, "m.room.join_rules", "allow" },
	{ FIRST, LAST, "m.room.power_levels", "ban" },
	{ FIRST, LAST, "m.room.power_levels", "events" },
	{ FIRST, LAST, "m.room.power_levels", "events_default" },
	{ FIRST, LAST, "m.room.power_levels", "kick" },
	{ FIRST, LAST, "m.room.power_levels", "redact" },
	{ FIRST, LAST, "m.room.power_levels", "state_default" },
	{ FIRST, LAST, "m.room.power_levels", "users" },
	{ FIRST, LAST, "m.room.power_levels", "users_default" },
	{ REDACTION_V11, LAST, "m.room.power_levels", "invite" },
	{ FIRST, REDACTION_V1, "m.room.aliases", "aliases" },
	{ FIRST, LAST, "m.room.history_visibility", "history_visibility" },
	{ REDACTION_V11, LAST, "m.room.redaction", "redacts" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
keep(struct arena *arena, struct json *to, const struct json *from, const char *key)
{
	const struct json *value = json_get(from, key);

	if (value != NULL)
		json_set(arena, to, key, value);
}

/*
 * From v11 on m.room.member keeps third_party_invite, "but will only contain the signed
 * key" (rooms/v11): an empty object where there is none.
 */
static void
keep_signed_invite(struct arena *arena, struct json *to, const struct json *content)
{
	const struct json *invite = json_get_object(content, "third_party_invite");
	struct json *kept;

	if (invite == NULL)
		return;
	kept = json_object(arena);
	keep(arena, kept, invite, "signed");
	json_set(arena, to, "third_party_invite", kept);
}

static const struct json *
redact_content(struct arena *arena, enum redaction_algorithm algorithm,
    const char *type, const struct json *content)
{
	struct json *to = json_object(arena);

	for (size_t i = 0; type != NULL && i < COUNT(content_keys); i++) {
		const struct kept_in *k = &content_keys[i];

		if (algorithm < k->from || algorithm > k->to ||
		    strcmp(type, k->type) != 0)
			continue;
		if (k->key == NULL)
			return content != NULL ? content : to;
		keep(arena, to, content, k->key);
	}
	if (algorithm >= REDACTION_V11 && type != NULL &&
	    strcmp(type, "m.room.member") == 0)
		keep_signed_invite(arena, to, content);
	return to;
}

struct json *
redact_event(
    struct arena *arena, const struct room_version *version, const struct json *event)
{
	enum redaction_algorithm algorithm = version->redaction;
	const struct json *content = json_get_object(event, "content");
	struct json *to = json_object(arena);

	for (size_t i = 0; i < COUNT(top_keys); i++)
		if (algorithm >= top_keys[i].from && algorithm <= top_keys[i].to)
			keep(arena, to, event, top_keys[i].key);
	json_set(arena, to, "content",
	    redact_content(arena, algorithm, json_get_str(event, "type"), content));
	return to;
}
