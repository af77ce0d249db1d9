/*
 * What the tests of the auth rules share: a room's state out of texts, and tables of
 * cases. Included by auth_rules_test and auth_member_test alone.
 */
#ifndef EVENT_AUTH_ROOM_TEST_H
#define EVENT_AUTH_ROOM_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "event/auth_rules.h"

#define STATE_MAX 8

/* A room's state, made of texts. */
struct fixture {
	struct arena *arena;
	const struct room_version *version;
	const char *room_id;
	const struct event *state[STATE_MAX];
	int n, made;
	const char *not_signed_by; /* what signed_by says no to */
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

/* ' stands for " in JSON. */
static struct json *
json_of(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);
	struct json *v;

	for (char *p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(arena, copy, strlen(copy), JSON_LENIENT, NULL);
	if (v == NULL)
		fail_msg("no JSON: %s", text);
	return v;
}

static const struct event *
held(const struct fixture *f, const char *type, const char *state_key)
{
	for (int i = 0; i < f->n; i++)
		if (event_is(f->state[i], type, state_key))
			return f->state[i];
	return NULL;
}

static void
add_prev(struct fixture *f, struct json *prev_events, const char *event_id)
{
	if (!f->version->refs_with_hashes) {
		json_push(f->arena, prev_events, json_str(f->arena, event_id));
		return;
	}
	struct json *pair = json_array(f->arena);

	json_push(f->arena, pair, json_str(f->arena, event_id));
	json_push(f->arena, pair, json_object(f->arena));
	json_push(f->arena, prev_events, pair);
}

/* "type|sender|state_key|content|prev": state_key "-" for none, prev "create" or "". */
static struct event *
event_of(struct fixture *f, const char *text)
{
	struct arena *arena = f->arena;
	char *rest = arena_strdup(arena, text);
	const char *type = strsep(&rest, "|"), *sender = strsep(&rest, "|");
	const char *state_key = strsep(&rest, "|");
	struct json *content = json_of(arena, strsep(&rest, "|"));
	struct json *e = json_object(arena), *prev = json_array(arena);
	struct event *parsed;
	const char *why;

	json_set_str(arena, e, "type", type);
	json_set_str(arena, e, "sender", sender);
	if (strcmp(state_key, "-") != 0)
		json_set_str(arena, e, "state_key", state_key);
	if (f->room_id != NULL)
		json_set_str(arena, e, "room_id", f->room_id);
	if (!f->version->redacts_in_content && json_get(content, "redacts") != NULL)
		json_set(arena, e, "redacts", json_get(content, "redacts"));
	if (f->version->event_id_format == EVENT_ID_GIVEN)
		json_set_str(arena, e, "event_id",
		    arena_printf(arena, "$%d:%s", f->made, strchr(sender, ':') + 1));
	if (rest != NULL)
		add_prev(f, prev,
		    strcmp(rest, "create") == 0 ? f->state[0]->event_id : "$x:x");
	json_set(arena, e, "content", content);
	json_set_int(arena, e, "depth", ++f->made);
	json_set_int(arena, e, "origin_server_ts", 1);
	json_set(arena, e, "hashes", json_object(arena));
	json_set(arena, e, "signatures", json_object(arena));
	json_set(arena, e, "prev_events", prev);
	json_set(arena, e, "auth_events", json_array(arena));
	if (event_parse(arena, f->version, e, NULL, &why, &parsed) != M_OK)
		fail_msg("%s: %s", text, why);
	return parsed;
}

/* Puts an event into the state, in place of an earlier one. */
static void
put(struct fixture *f, const char *text)
{
	const struct event *e = event_of(f, text);
	int i;

	for (i = 0; i < f->n; i++)
		if (event_is(f->state[i], e->type, e->state_key))
			break;
	assert_true(i < STATE_MAX);
	f->state[i] = e;
	if (i == f->n)
		f->n++;
}

#define CREATE(json) "m.room.create|@ann:x||" json
#define MEMBER(user, membership)                                                       \
	"m.room.member|" user "|" user "|{'membership':'" membership "'}"
#define BY(sender, user, membership)                                                   \
	"m.room.member|" sender "|" user "|{'membership':'" membership "'}"
#define RULE(rule) "m.room.join_rules|@ann:x||{'join_rule':'" rule "'}"
#define LEVELS(json) "m.room.power_levels|@ann:x||" json

/* An empty state but for @ann:x's m.room.create, and herself in the room. */
static void
new_room(struct fixture *f, int version)
{
	int count;

	f->version = &room_version_list(&count)[version - 1];
	f->n = 0;
	f->room_id = version < 12 ? "!r:x" : NULL;
	put(f, CREATE("{'creator':'@ann:x'}"));
	f->room_id = f->state[0]->room_id;
	put(f, MEMBER("@ann:x", "join"));
}

static const struct event *
get(void *arg, const char *type, const char *state_key)
{
	return held(arg, type, state_key);
}

static bool
signed_by(void *arg, const struct event *e, const char *server_name)
{
	const struct fixture *f = arg;

	return f->not_signed_by == NULL || strcmp(f->not_signed_by, server_name) != 0;
}

static bool
allowed(struct fixture *f, const struct event *e)
{
	struct auth_state state = { .get = get, .signed_by = signed_by, .arg = f };
	const char *why = NULL;
	enum mx_err err = auth_check(e, &state, &why);

	if (err == M_OK)
		return true;
	assert_int_equal(err, M_FORBIDDEN);
	assert_non_null(why);
	return false;
}

/*
 * In the versions from..to the event is allowed, in all others it is not (ONLY), or the
 * other way round: there it is refused, and nothing is said of the others (NEVER).
 */
enum verdict { ONLY, NEVER };

struct row {
	enum verdict verdict;
	int from, to;
	const char *rule; /* the step it is about: its number in one of the versions */
	const char *event;
	const char *state[5]; /* besides what new_room puts there */
};

static void
check(struct fixture *f, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (int version = 1; version <= 12; version++) {
			bool within = version >= rows[i].from && version <= rows[i].to;

			if (rows[i].verdict == NEVER && !within)
				continue;
			new_room(f, version);
			for (int s = 0; s < 5 && rows[i].state[s] != NULL; s++)
				put(f, rows[i].state[s]);
			if (allowed(f, event_of(f, rows[i].event)) !=
			    (rows[i].verdict == ONLY && within))
				fail_msg("version %d, row %zu, %s, %s", version, i,
				    rows[i].rule, rows[i].event);
		}
}

#define CHECK(f, rows) check(f, rows, sizeof rows / sizeof rows[0])
#define BOB "@bob:y"

#define VIA(user)                                                                      \
	"m.room.member|@bob:y|@bob:y|{'membership':'join',"                            \
	"'join_authorised_via_users_server':" user "}"

#endif
