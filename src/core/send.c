/*
 * What clients send into rooms. Stands between the handlers of /send, /state and
 * /redact and room/append, which checks, builds and queues.
 */
#include "core/send.h"

#include <string.h>

#include "core/directory.h"
#include "core/guest_access.h"
#include "core/guests.h"
#include "core/membership.h"
#include "core/presence.h"
#include "event/auth_rules.h"
#include "room/append.h"
#include "room/relations.h"
#include "room/typing.h"
#include "store/events.h"

#define REDACTION "m.room.redaction"

static bool
is_joined(struct room *room, const char *user_id)
{
	struct snapshot *s = room_snapshot(room);
	bool joined = snapshot_membership(s, user_id) == MEMBERSHIP_JOIN;

	snapshot_unref(s);
	return joined;
}

/* path: what of the request's path tells transactions apart. */
static struct append_extra
transaction(const struct sending *s, const char *path)
{
	return (struct append_extra){ .device_id = s->who->device_id,
		.txn_id = s->txn_id,
		.txn_path = path,
		.judge = relations_judge };
}

/* What is refused now may be the repetition of what was not: its sender may have left,
 * or lost the power, since. path as in transaction. */
static enum mx_err
refuse(struct ctx *ctx, struct arena *arena, const struct sending *s, const char *path,
    enum mx_err err, const char **event_id_out)
{
	struct append_extra extra = transaction(s, path);

	return append_repeated(
		   ctx, arena, s->room, s->who->user_id, &extra, event_id_out)
		   ? M_OK
		   : err;
}

/* path as in transaction. */
static enum mx_err
append(struct ctx *ctx, struct arena *arena, const struct sending *s,
    struct new_event *e, const char *path, const char **event_id_out)
{
	struct append_extra extra = transaction(s, path);
	struct identity who = *s->who;
	enum mx_err err;

	/* Guests that joined while they were let may find that they may only read. */
	err = guests_make_row(ctx, &who);
	/* Others are refused by the rules, and learn nothing of the room's events. */
	if (err == M_OK && is_joined(s->room, s->who->user_id))
		err = relations_check(ctx, arena, s->room, e->content);
	if (err != M_OK)
		return refuse(ctx, arena, s, path, err, event_id_out);
	e->sender = s->who->user_id;
	err = room_append(ctx, arena, s->room, e, 1, &extra);
	if (err == M_OK) {
		*event_id_out = e->event_id;
		typing_set(ctx->core, s->room, e->sender, 0);
		presence_active(ctx->core, s->who);
	}
	return err;
}

/* --- redactions --- */

/* The event to be redacted, parsed; M_NOT_FOUND, M_INVALID_PARAM. */
static enum mx_err
find_target(struct ctx *ctx, struct arena *arena, const struct room *room,
    const char *event_id, struct event **target_out)
{
	struct stored_event stored;
	struct json *tree;
	const char *why;
	int64_t number, room_number;
	enum mx_err err = store_event_find(ctx->db, event_id, &number, &room_number);

	if (err == M_NOT_FOUND)
		return ctx_fail(
		    ctx, M_NOT_FOUND, "there is no such event in this room");
	if (err == M_OK && room_number != room->id)
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "an event is redacted in its own room");
	if (err == M_OK)
		err = store_event_get(ctx->db, arena, number,
		    room->version->event_id_format == EVENT_ID_BASE64, &stored);
	if (err != M_OK)
		return err;
	if (!stored_event_is(&stored, event_id))
		return ctx_fail(
		    ctx, M_NOT_FOUND, "there is no such event in this room");
	tree = json_parse(
	    arena, stored.json, stored.json_n, room->version->json_flags, NULL);
	if (tree == NULL)
		return M_UNKNOWN;
	return event_parse(
	    arena, room->version, tree, stored.event_id, &why, target_out);
}

static enum mx_err
check_redaction(struct ctx *ctx, const struct sending *s, const struct event *target)
{
	struct snapshot *snapshot = room_snapshot(s->room);
	struct power power = snapshot_power(snapshot);
	bool may =
	    strcmp(target->sender, s->who->user_id) == 0 ||
	    power_user(&power, s->who->user_id) >= power_to(&power, POWER_REDACT);

	snapshot_unref(snapshot);
	return may ? M_OK
		   : ctx_fail(ctx, M_FORBIDDEN, "you may not redact others' events");
}

static enum mx_err
judge(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *event_id, struct event **target_out)
{
	enum mx_err err;

	if (!is_joined(s->room, s->who->user_id))
		return ctx_fail(ctx, M_FORBIDDEN, "you are not in this room");
	err = find_target(ctx, arena, s->room, event_id, target_out);
	return err == M_OK ? check_redaction(ctx, s, *target_out) : err;
}

/* path as in transaction. */
static enum mx_err
redact(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *event_id, const char *path, const char **event_id_out)
{
	struct new_event e = {
		.type = REDACTION, .content = s->content, .redacts = event_id
	};
	struct event *target;
	enum mx_err err = judge(ctx, arena, s, event_id, &target);

	if (err != M_OK)
		return refuse(ctx, arena, s, path, err, event_id_out);
	err = append(ctx, arena, s, &e, path, event_id_out);
	if (err == M_OK && event_is(target, "m.room.guest_access", ""))
		err = guest_access_enforce(ctx, arena, s->room);
	return err;
}

enum mx_err
send_redaction(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *event_id, const char **event_id_out)
{
	struct json *content = json_shallow(arena, s->content);
	struct sending without = *s;

	/* The path says it, and nothing in the body says otherwise. */
	json_del(content, "redacts");
	without.content = content;
	return redact(ctx, arena, &without, event_id,
	    arena_printf(arena, "redact/%s/%s", s->room->room_id, event_id),
	    event_id_out);
}

/* From version 11 on `redacts` stands in the content, before at the top of the event.
 */
static enum mx_err
send_redaction_as_message(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *path, const char **event_id_out)
{
	struct json *content = json_shallow(arena, s->content);
	const char *redacts = json_get_str(s->content, "redacts");
	struct sending without = *s;

	if (redacts == NULL)
		return ctx_fail(
		    ctx, M_BAD_JSON, "a redaction must say what it redacts");
	redacts = arena_strdup(arena, redacts);
	json_del(content, "redacts");
	without.content = content;
	return redact(ctx, arena, &without, redacts, path, event_id_out);
}

/* --- messages and state --- */

enum mx_err
send_message(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char **event_id_out)
{
	const char *path = arena_printf(arena, "send/%s/%s", s->room->room_id, s->type);
	struct new_event e = { .type = s->type, .content = s->content };

	if (strcmp(s->type, REDACTION) == 0)
		return send_redaction_as_message(ctx, arena, s, path, event_id_out);
	return append(ctx, arena, s, &e, path, event_id_out);
}

/* What is wrong with a state event whoever sends it: 400, where the rules of rooms
 * would only forbid it, or let it pass. */
static enum mx_err
check_content(struct ctx *ctx, struct arena *arena, const struct sending *s)
{
	const char *successor;

	if (strcmp(s->type, "m.room.canonical_alias") == 0 &&
	    is_joined(s->room, s->who->user_id))
		return directory_check_canonical(ctx, arena, s->room, s->content);
	if (strcmp(s->type, "m.room.power_levels") == 0 &&
	    !auth_levels_well_formed(s->content))
		return ctx_fail(ctx, M_BAD_JSON, "power levels must be integers");
	if (strcmp(s->type, "m.room.tombstone") == 0) {
		successor = json_get_str(s->content, "replacement_room");
		if (successor != NULL && strcmp(successor, s->room->room_id) == 0)
			return ctx_fail(ctx, M_INVALID_PARAM,
			    "a room cannot be its own replacement");
	}
	return M_OK;
}

/* A redaction redacts as a state event too, where its content says what: *target_out,
 * untouched else. */
static enum mx_err
judge_as_state(struct ctx *ctx, struct arena *arena, const struct sending *s,
    struct event **target_out)
{
	const char *redacts = json_get_str(s->content, "redacts");

	if (strcmp(s->type, REDACTION) != 0 || redacts == NULL ||
	    !s->room->version->redacts_in_content)
		return M_OK;
	return judge(ctx, arena, s, redacts, target_out);
}

enum mx_err
send_state(struct ctx *ctx, struct arena *arena, const struct sending *s,
    const char *state_key, const char **event_id_out)
{
	struct new_event e = {
		.type = s->type, .state_key = state_key, .content = s->content
	};
	struct move move = { .room = s->room, .who = s->who, .user_id = state_key };
	struct event *target = NULL;
	enum mx_err err = M_OK;

	if (strcmp(s->type, "m.room.member") == 0)
		return membership_set(ctx, arena, &move, s->content, event_id_out);
	if (state_key[0] == '\0')
		err = check_content(ctx, arena, s);
	if (err == M_OK)
		err = judge_as_state(ctx, arena, s, &target);
	if (err == M_OK)
		err = append(ctx, arena, s, &e, NULL, event_id_out);
	if (err == M_OK &&
	    (strcmp(s->type, "m.room.guest_access") == 0 ||
		(target != NULL && event_is(target, "m.room.guest_access", ""))))
		err = guest_access_enforce(ctx, arena, s->room);
	return err;
}
