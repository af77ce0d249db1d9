/*
 * Room upgrades, by the numbered steps of the specification. The new room comes first;
 * then the tombstone, and with it, in one savepoint, aliases and the place in the
 * directory change hands. Relies on core/create_room for the founding.
 */
#include "core/upgrade.h"

#include <stdlib.h>
#include <string.h>

#include "core/carry.h"
#include "core/create_room.h"
#include "core/directory.h"
#include "core/public_rooms.h"
#include "room/state_list.h"
#include "store/rooms.h"
#include "store/state.h"

/* One upgrade under way. */
struct upgrade {
	struct ctx *ctx;
	struct arena *arena;
	const char *user_id;
	struct room *old;
	struct snapshot *s;	       /* of the old room */
	struct founding f;	       /* of the new one */
	const struct json *additional; /* its other creators; NULL: none */
	bool published;
};

/* --- power levels, carried over --- */

/* A level as an integer: old versions have strings and floats, which new ones refuse.
 */
static const struct json *
level_of(const struct upgrade *u, const struct json *v)
{
	int64_t level;

	return power_level(u->old->version, v, &level) ? json_int(u->arena, level) : v;
}

static const struct json *
levels_of(const struct upgrade *u, const struct json *v)
{
	struct json *all;

	if (!json_is(v, JSON_OBJECT))
		return level_of(u, v);
	all = json_object(u->arena);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct json_member *m = &v->members[i];

		json_set_n(u->arena, all, m->key, m->key_n, levels_of(u, &m->value));
	}
	return all;
}

/* The highest level in it: whoever founds the room needs as much to set it. */
static int64_t
highest(const struct json *v)
{
	int64_t top = 100;

	if (json_is(v, JSON_INT))
		return v->i;
	for (uint32_t i = 0; json_is(v, JSON_OBJECT) && i < v->n; i++) {
		int64_t level = highest(&v->members[i].value);

		if (level > top)
			top = level;
	}
	return top;
}

/* Creators of the new room may not stand among its users. */
static struct json *
users_of(const struct upgrade *u, const struct json *levels,
    const struct json *additional, int64_t top)
{
	const struct json *old = json_get_object(levels, "users");
	struct json *users =
	    old == NULL ? json_object(u->arena) : json_shallow(u->arena, old);

	if (!u->f.version->creators_power) {
		/* Who was a creator beyond all levels keeps the highest. */
		if (u->old->version->creators_power)
			json_set_int(u->arena, users, u->user_id, top);
		return users;
	}
	json_del(users, u->user_id);
	for (uint32_t i = 0; additional != NULL && i < additional->n; i++)
		json_del(users, json_as_str(&additional->items[i]));
	return users;
}

static struct json *
carried_levels(const struct upgrade *u, const struct json *additional)
{
	const struct json *old = snapshot_content(u->s, "m.room.power_levels", "");
	struct json *levels = old == NULL ? founding_power_levels(&u->f)
					  : json_shallow(u->arena, levels_of(u, old));

	json_set(u->arena, levels, "users",
	    users_of(u, levels, additional, highest(levels)));
	founding_raise_tombstone(&u->f, levels);
	return levels;
}

/* What the founder needs until the carried levels stand. */
static struct json *
first_levels(const struct upgrade *u, const struct json *carried)
{
	struct json *levels = founding_power_levels(&u->f);
	struct json *users = json_object(u->arena);

	if (!u->f.version->creators_power)
		json_set_int(u->arena, users, u->user_id, highest(carried));
	json_set(u->arena, levels, "users", users);
	return levels;
}

/* --- the new room --- */

/* 2. */
static struct json *
creation_content(const struct upgrade *u, const struct json *additional)
{
	const struct json *old = snapshot_content(u->s, "m.room.create", "");
	const struct json *type = json_get(old, "type");
	const struct json *federate = json_get(old, "m.federate");
	struct json *content = json_object(u->arena), *before = json_object(u->arena);

	json_set_str(u->arena, before, "room_id", u->old->room_id);
	if (u->s->extremity_count > 0)
		json_set_str(
		    u->arena, before, "event_id", u->s->extremities[0].event_id);
	json_set(u->arena, content, "predecessor", before);
	if (type != NULL)
		json_set(u->arena, content, "type", type);
	if (federate != NULL)
		json_set(u->arena, content, "m.federate", federate);
	if (u->f.version->creators_power && additional != NULL && additional->n > 0)
		json_set(u->arena, content, "additional_creators", additional);
	return content;
}

/* 3. */
static void
carry_state(struct upgrade *u)
{
	static const char *const types[] = { "m.room.canonical_alias",
		"m.room.server_acl", "m.room.encryption", "m.room.name",
		"m.room.avatar", "m.room.topic", "m.room.guest_access",
		"m.room.history_visibility", "m.room.join_rules" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		const struct json *content = snapshot_content(u->s, types[i], "");

		if (content != NULL)
			founding_add(&u->f, types[i], "", content);
	}
}

static bool
will_create(const struct upgrade *u, const char *user_id)
{
	if (!u->f.version->creators_power || u->additional == NULL)
		return false;
	for (uint32_t i = 0; i < u->additional->n; i++)
		if (strcmp(json_as_str(&u->additional->items[i]), user_id) == 0)
			return true;
	return false;
}

/* Nobody has the power to ban a creator. */
static bool
is_banned(const struct state_ref *ref, const void *arg)
{
	return ref->membership == MEMBERSHIP_BAN && !will_create(arg, ref->state_key);
}

static void
carry_ban(const struct sliced *e, const struct state_ref *ref, void *arg)
{
	struct upgrade *u = arg;
	struct json *content = json_object(u->arena);
	const char *reason = slice_text_of(u->arena, e->raw.content, "reason");

	json_set_str(u->arena, content, "membership", "ban");
	if (reason != NULL)
		json_set_str(u->arena, content, "reason", reason);
	founding_add(
	    &u->f, "m.room.member", arena_strdup(u->arena, ref->state_key), content);
}

/* Other memberships are their users' own; who was banned does not come back this way.
 */
static enum mx_err
carry_bans(struct upgrade *u)
{
	struct state_pick pick = {
		.type = "m.room.member", .want = is_banned, .arg = u
	};
	struct seer seer;

	seer_init(&seer, u->ctx, u->arena, u->old, u->s, u->user_id, NULL);
	return state_list_each(&seer, STATE_NOW, &pick, carry_ban, u);
}

static enum mx_err
found(struct upgrade *u, struct room **new_out)
{
	const struct json *carried = carried_levels(u, u->additional);
	enum mx_err err;

	founding_begin(&u->f, creation_content(u, u->additional));
	founding_add(&u->f, "m.room.power_levels", "", first_levels(u, carried));
	carry_state(u);
	err = carry_bans(u);
	if (err != M_OK)
		return err;
	founding_add(&u->f, "m.room.power_levels", "", carried);
	return founding_append(&u->f, new_out);
}

/* --- the old room --- */

/* Beside the tombstone, on the writer. Owned by the append. */
struct moving {
	int64_t from, to;
	bool published;
};

/* 4., and the place in the directory. */
static enum mx_err
move(void *arg, struct db *db)
{
	const struct moving *m = arg;
	enum mx_err err = store_aliases_move(db, m->from, m->to);

	if (err == M_OK && m->published)
		err = store_room_publish(db, m->from, false);
	if (err == M_OK && m->published)
		err = store_room_publish(db, m->to, true);
	return err;
}

/* 5. */
static enum mx_err
bury(struct upgrade *u, struct room *new)
{
	struct json *content = json_object(u->arena);
	struct moving *m = xcalloc(1, sizeof *m);
	struct append_extra extra = { .also = move, .done = free, .arg = m };
	struct new_event e = { .sender = u->user_id,
		.type = "m.room.tombstone",
		.state_key = "",
		.content = content };
	enum mx_err err;

	*m = (struct moving){ u->old->id, new->id, u->published };
	json_set_str(u->arena, content, "body", "This room has been replaced");
	json_set_str(u->arena, content, "replacement_room", new->room_id);
	err = room_append(u->ctx, u->arena, u->old, &e, 1, &extra);
	if (err == M_OK)
		err = ctx_settle(u->ctx);
	if (err == M_OK && u->published) {
		public_rooms_note(u->ctx->core, u->old, false);
		public_rooms_note(u->ctx->core, new, true);
	}
	return err;
}

/* One that may fail: the room is replaced all the same. */
static void
try_state(struct upgrade *u, const char *type, const struct json *content)
{
	struct new_event e = {
		.sender = u->user_id, .type = type, .state_key = "", .content = content
	};

	if (directory_may_send(u->s, u->user_id, type) &&
	    room_append(u->ctx, u->arena, u->old, &e, 1, NULL) != M_OK)
		u->ctx->why = NULL;
}

/* 6. events_default and invite become the greater of 50 and users_default + 1. */
static void
silence(struct upgrade *u)
{
	const struct json *old = snapshot_content(u->s, "m.room.power_levels", "");
	struct json *levels;
	int64_t usual = 0, level;

	if (old == NULL)
		return;
	levels = json_shallow(u->arena, old);
	power_level(u->old->version, json_get(old, "users_default"), &usual);
	level = usual + 1 > 50 ? usual + 1 : 50;
	json_set_int(u->arena, levels, "events_default", level);
	json_set_int(u->arena, levels, "invite", level);
	try_state(u, "m.room.power_levels", levels);
}

static enum mx_err
upgrade(struct upgrade *u, struct room **new_out)
{
	struct room *new;
	enum mx_err err;

	/* 1. */
	if (!directory_may_send(u->s, u->user_id, "m.room.tombstone"))
		return ctx_fail(u->ctx, M_FORBIDDEN, "you may not upgrade this room");
	err = public_rooms_is_published(u->ctx, u->old->room_id, &u->published);
	if (err == M_OK)
		err = found(u, &new);
	if (err != M_OK)
		return err;
	err = bury(u, new);
	if (err != M_OK) {
		room_put(new);
		return err;
	}
	if (snapshot_content(u->s, "m.room.canonical_alias", "") != NULL)
		try_state(u, "m.room.canonical_alias", json_object(u->arena));
	silence(u);
	/* Who upgrades is in the new room since before it was the replacement. */
	err = carry_settings(u->ctx, u->arena, new, u->user_id);
	if (err != M_OK) {
		room_put(new);
		return err;
	}
	*new_out = new;
	return M_OK;
}

enum mx_err
upgrade_room(struct ctx *ctx, struct arena *arena, const struct identity *who,
    struct room *old, const struct room_version *version, const struct json *additional,
    struct room **new_out)
{
	struct upgrade u = { .ctx = ctx,
		.arena = arena,
		.user_id = who->user_id,
		.old = old,
		.s = room_snapshot(old),
		.f = { .ctx = ctx,
		    .arena = arena,
		    .version = version,
		    .creator = who->user_id },
		.additional = additional };
	enum mx_err err = upgrade(&u, new_out);

	snapshot_unref(u.s);
	return err;
}
