/*
 * createRoom: a body's fields become the first events of a room, in the order that the
 * specification gives, appended as one unit. core/upgrade founds rooms the same way.
 */
#include "core/create_room.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/directory.h"
#include "core/membership.h"
#include "core/public_rooms.h"
#include "event/ids.h"
#include "store/rooms.h"

#define EVENTS_MAX 2000 /* of one createRoom */
#define TWINS_MAX 1000	/* rooms that one user makes at the same moment */

/* --- founding a room --- */

void
founding_add(struct founding *f, const char *type, const char *state_key,
    const struct json *content)
{
	if (f->n == f->cap) {
		struct new_event *more;

		f->cap = f->cap == 0 ? 16 : f->cap * 2;
		more = ARENA_ARRAY(f->arena, struct new_event, f->cap);
		if (f->n > 0)
			memcpy(more, f->events, sizeof *more * f->n);
		f->events = more;
	}
	f->events[f->n++] = (struct new_event){ .sender = f->creator,
		.type = type,
		.state_key = state_key,
		.content = content };
}

void
founding_begin(struct founding *f, const struct json *creation_content)
{
	struct json *content = creation_content == NULL
				   ? json_object(f->arena)
				   : json_shallow(f->arena, creation_content);

	json_set_str(f->arena, content, "room_version", f->version->id);
	if (f->version->creator_is_sender)
		json_del(content, "creator");
	else
		json_set_str(f->arena, content, "creator", f->creator);
	founding_add(f, "m.room.create", "", content);
	founding_add(f, "m.room.member", f->creator,
	    membership_content(f->ctx, f->arena, MEMBERSHIP_JOIN, f->creator, NULL));
}

/* An alias and a place in the directory, on the writer. Owned by the append. */
struct beside {
	struct room *room; /* the job's */
	char *alias, *creator;
	bool published;
};

static enum mx_err
beside_write(void *arg, struct db *db)
{
	struct beside *b = arg;
	enum mx_err err = M_OK;

	if (b->alias != NULL)
		err = store_alias_add(db, b->alias, b->room->id, b->creator);
	if (err == M_OK && b->published)
		err = store_room_publish(db, b->room->id, true);
	return err;
}

static void
beside_free(void *arg)
{
	struct beside *b = arg;

	free(b->alias);
	free(b->creator);
	free(b);
}

static struct beside *
beside_new(const struct founding *f, struct room *room)
{
	struct beside *b = xcalloc(1, sizeof *b);

	b->room = room;
	b->alias = f->alias == NULL ? NULL : xstrdup(f->alias);
	b->creator = xstrdup(f->creator);
	b->published = f->published;
	return b;
}

/* The rules' refusal of an event means that the request asked for an impossible room.
 */
static enum mx_err
append(struct founding *f, struct room *room, const struct append_extra *extra)
{
	enum mx_err err = room_append(f->ctx, f->arena, room, f->events, f->n, extra);

	f->is_twin = err == M_ROOM_IN_USE;
	return err == M_FORBIDDEN ? M_INVALID_ROOM_STATE : err;
}

static enum mx_err
append_with(struct founding *f, struct room *room)
{
	struct append_extra extra = {
		.also = beside_write, .done = beside_free, .arg = beside_new(f, room)
	};
	enum mx_err err = append(f, room, &extra);

	if (err == M_OK)
		err = ctx_settle(f->ctx);
	if (err == M_ROOM_IN_USE && !f->is_twin)
		return ctx_fail(
		    f->ctx, err, "a room alias with that name already exists");
	if (err == M_OK && f->published)
		public_rooms_note(f->ctx->core, room, true);
	return err;
}

static enum mx_err
append_once(struct founding *f, struct room **room_out)
{
	const char *room_id =
	    f->version->create_is_room_id
		? NULL
		: id_new(f->arena, '!', f->ctx->core->set.server_name);
	struct room *room = room_make(f->ctx, room_id, f->version);
	enum mx_err err = f->alias != NULL || f->published ? append_with(f, room)
							   : append(f, room, NULL);

	if (err != M_OK) {
		room_put(room);
		return err;
	}
	*room_out = room;
	return M_OK;
}

/* Where the room id is a hash of m.room.create, two rooms that one user makes within a
 * millisecond would be the same room: the second is made a little later. */
enum mx_err
founding_append(struct founding *f, struct room **room_out)
{
	enum mx_err err = append_once(f, room_out);

	for (int later_ms = 1; f->is_twin && later_ms <= TWINS_MAX; later_ms++) {
		f->events[0].ts = clock_now_ms() + later_ms;
		err = append_once(f, room_out);
	}
	return f->is_twin ? M_UNAVAILABLE : err;
}

void
founding_raise_tombstone(const struct founding *f, struct json *levels)
{
	const struct json *old = json_get_object(levels, "events");
	struct json *events;
	int64_t usual = 50, level = 0;

	json_get_int(levels, "state_default", &usual);
	if (!f->version->creators_power || usual == INT64_MAX)
		return; /* above that is nothing, and the version cannot hold it */
	events = old == NULL ? json_object(f->arena) : json_shallow(f->arena, old);
	if (!json_get_int(events, "m.room.tombstone", &level) || level <= usual)
		json_set_int(f->arena, events, "m.room.tombstone",
		    usual < 150 ? 150 : usual + 1);
	json_set(f->arena, levels, "events", events);
}

struct json *
founding_power_levels(const struct founding *f)
{
	static const struct {
		const char *type;
		int level;
	} usual[] = { { "m.room.name", 50 }, { "m.room.avatar", 50 },
		{ "m.room.canonical_alias", 50 }, { "m.room.power_levels", 100 },
		{ "m.room.history_visibility", 100 }, { "m.room.encryption", 100 },
		{ "m.room.server_acl", 100 } };
	struct arena *arena = f->arena;
	struct json *levels = json_object(arena), *events = json_object(arena),
		    *users = json_object(arena);

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		json_set_int(arena, events, usual[i].type, usual[i].level);
	json_set_int(
	    arena, events, "m.room.tombstone", f->version->creators_power ? 150 : 100);
	if (!f->version->creators_power)
		json_set_int(arena, users, f->creator, 100);
	json_set(arena, levels, "events", events);
	json_set(arena, levels, "users", users);
	json_set_int(arena, levels, "users_default", 0);
	json_set_int(arena, levels, "events_default", 0);
	json_set_int(arena, levels, "state_default", 50);
	json_set_int(arena, levels, "ban", 50);
	json_set_int(arena, levels, "kick", 50);
	json_set_int(arena, levels, "redact", 50);
	json_set_int(arena, levels, "invite", 50);
	return levels;
}

/* --- the request --- */

enum preset_kind { PRESET_PRIVATE, PRESET_TRUSTED, PRESET_PUBLIC };

static const struct {
	const char *name, *join_rule, *guest_access;
} presets[] = {
	[PRESET_PRIVATE] = { "private_chat", "invite", "can_join" },
	[PRESET_TRUSTED] = { "trusted_private_chat", "invite", "can_join" },
	[PRESET_PUBLIC] = { "public_chat", "public", "forbidden" },
};

/* One createRoom under way. */
struct creating {
	struct founding f;
	const struct json *body;
	enum preset_kind preset;
	const struct json *initial_state, *invite;	/* arrays; NULL: none */
	const struct json *creation_content, *override; /* objects; NULL: none */
	const char *name, *topic;			/* NULL: none */
	bool is_direct;
};

/* A field of the body that must be of this type where it is given. */
static enum mx_err
take(
    struct creating *c, const char *field, enum json_type type, const struct json **out)
{
	const struct json *v = json_get(c->body, field);

	*out = NULL;
	if (v == NULL || json_is(v, JSON_NULL))
		return M_OK;
	if (!json_is(v, type))
		return ctx_fail(c->f.ctx, M_BAD_JSON,
		    arena_printf(c->f.arena, "%s is not of the right type", field));
	*out = v;
	return M_OK;
}

static enum mx_err
take_str(struct creating *c, const char *field, const char **out)
{
	const struct json *v;
	enum mx_err err = take(c, field, JSON_STR, &v);

	*out = json_as_str(v);
	if (err == M_OK && v != NULL && *out == NULL)
		return ctx_fail(c->f.ctx, M_BAD_JSON,
		    arena_printf(c->f.arena, "%s has a NUL in it", field));
	return err;
}

static enum mx_err
take_preset(struct creating *c)
{
	const char *preset, *visibility;
	enum mx_err err = take_str(c, "visibility", &visibility);

	if (err == M_OK)
		err = take_str(c, "preset", &preset);
	if (err != M_OK)
		return err;
	if (visibility != NULL && strcmp(visibility, "public") != 0 &&
	    strcmp(visibility, "private") != 0)
		return ctx_fail(
		    c->f.ctx, M_BAD_JSON, "visibility must be public or private");
	c->f.published = visibility != NULL && strcmp(visibility, "public") == 0;
	c->preset = c->f.published ? PRESET_PUBLIC : PRESET_PRIVATE;
	if (preset == NULL)
		return M_OK;
	for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
		if (strcmp(preset, presets[i].name) == 0) {
			c->preset = (enum preset_kind)i;
			return M_OK;
		}
	return ctx_fail(c->f.ctx, M_BAD_JSON, "there is no such preset");
}

static enum mx_err
take_version(struct creating *c)
{
	const char *version;
	enum mx_err err = take_str(c, "room_version", &version);

	if (err != M_OK)
		return err;
	if (version == NULL)
		version = c->f.ctx->core->set.default_room_version;
	c->f.version = room_version_find(version);
	return c->f.version != NULL ? M_OK : M_UNSUPPORTED_ROOM_VERSION;
}

static enum mx_err
take_alias(struct creating *c)
{
	const char *name, *creator;
	int64_t room;
	enum mx_err err = take_str(c, "room_alias_name", &name);

	if (err != M_OK || name == NULL)
		return err;
	if (name[0] == '\0' || strchr(name, ':') != NULL)
		return ctx_fail(
		    c->f.ctx, M_INVALID_PARAM, "room_alias_name is no local part");
	c->f.alias =
	    arena_printf(c->f.arena, "#%s:%s", name, c->f.ctx->core->set.server_name);
	err = directory_check_alias(c->f.ctx, c->f.alias);
	if (err != M_OK)
		return err;
	/* Told early where possible; what counts is the row beside the events. */
	if (store_alias_find(c->f.ctx->db, c->f.arena, c->f.alias, &room, &creator) ==
	    M_OK)
		return ctx_fail(c->f.ctx, M_ROOM_IN_USE,
		    "a room alias with that name already exists");
	return M_OK;
}

/* Nobody is invited twice. */
static const struct json *
without_repetitions(struct arena *arena, const struct json *users)
{
	struct json *each = json_array(arena);
	struct map seen = { 0 };

	for (uint32_t i = 0; i < users->n; i++)
		if (map_put_str(&seen, json_as_str(&users->items[i]), each) == NULL)
			json_push(arena, each, &users->items[i]);
	map_fini(&seen);
	return each;
}

static enum mx_err
check_invites(struct creating *c)
{
	const struct json *third;
	enum mx_err err = take(c, "invite_3pid", JSON_ARRAY, &third);

	if (err == M_OK && third != NULL && third->n > 0)
		return ctx_fail(c->f.ctx, M_UNSUPPORTED,
		    "this server asks no identity server: invite by user id");
	for (uint32_t i = 0; err == M_OK && c->invite != NULL && i < c->invite->n; i++)
		err = membership_invitable(
		    c->f.ctx, c->f.arena, json_as_str(&c->invite->items[i]));
	if (err == M_OK && c->invite != NULL)
		c->invite = without_repetitions(c->f.arena, c->invite);
	return err;
}

static const char *
state_key_of(const struct json *e)
{
	const char *key = json_get_str(e, "state_key");

	return key == NULL ? "" : key;
}

static bool
is_own_alias(const struct creating *c, const struct json *alias)
{
	const char *text = json_as_str(alias);

	return text != NULL && (text[0] == '\0' || (c->f.alias != NULL &&
						       strcmp(text, c->f.alias) == 0));
}

/* An m.room.canonical_alias may name what points to the room: nothing but the alias
 * made with it. */
static bool
names_own_alias(const struct creating *c, const struct json *e)
{
	const struct json *content = json_get_object(e, "content");
	const struct json *main = json_get(content, "alias");
	const struct json *alts = json_get_array(content, "alt_aliases");

	if (strcmp(json_get_str(e, "type"), "m.room.canonical_alias") != 0 ||
	    state_key_of(e)[0] != '\0')
		return true;
	for (uint32_t i = 0; alts != NULL && i < alts->n; i++)
		if (!is_own_alias(c, &alts->items[i]))
			return false;
	return main == NULL || json_is(main, JSON_NULL) || is_own_alias(c, main);
}

static enum mx_err
check_levels(struct creating *c, const struct json *levels)
{
	return auth_levels_well_formed(levels)
		   ? M_OK
		   : ctx_fail(c->f.ctx, M_BAD_JSON, "power levels must be integers");
}

/* As in core/send. */
static enum mx_err
check_initial_levels(struct creating *c, const struct json *e)
{
	if (strcmp(json_get_str(e, "type"), "m.room.power_levels") != 0 ||
	    state_key_of(e)[0] != '\0')
		return M_OK;
	return check_levels(c, json_get_object(e, "content"));
}

static bool
is_member_event(const struct json *e)
{
	return strcmp(json_get_str(e, "type"), "m.room.member") == 0;
}

/* Asked for as in core/membership, whatever the rules would let pass. */
static enum mx_err
check_initial_member(struct creating *c, const struct json *e)
{
	enum membership membership;

	if (!is_member_event(e))
		return M_OK;
	membership =
	    membership_of(json_get_str(json_get_object(e, "content"), "membership"));
	if (membership == MEMBERSHIP_NONE)
		return ctx_fail(c->f.ctx, M_BAD_JSON, "this is no membership");
	if (membership == MEMBERSHIP_INVITE)
		return membership_invitable(c->f.ctx, c->f.arena, state_key_of(e));
	return M_OK;
}

static enum mx_err
check_initial_state(struct creating *c)
{
	const struct json *list = c->initial_state;
	enum mx_err err;

	for (uint32_t i = 0; list != NULL && i < list->n; i++) {
		const struct json *e = &list->items[i], *key = json_get(e, "state_key");

		if (json_get_str(e, "type") == NULL ||
		    json_get_object(e, "content") == NULL ||
		    (key != NULL && json_as_str(key) == NULL))
			return ctx_fail(c->f.ctx, M_BAD_JSON,
			    "each of initial_state needs a type and a content");
		if (!names_own_alias(c, e))
			return ctx_fail(c->f.ctx, M_BAD_ALIAS,
			    "a new room has no alias but its room_alias_name");
		err = check_initial_member(c, e);
		if (err == M_OK)
			err = check_initial_levels(c, e);
		if (err != M_OK)
			return err;
	}
	if ((list == NULL ? 0 : list->n) + (c->invite == NULL ? 0 : c->invite->n) >
	    EVENTS_MAX)
		return ctx_fail(c->f.ctx, M_TOO_LARGE, "too many events at once");
	return M_OK;
}

static enum mx_err
take_all(struct creating *c)
{
	const struct json *direct;
	enum mx_err err = take_preset(c);

	if (err == M_OK)
		err = take_version(c);
	if (err == M_OK)
		err = take_str(c, "name", &c->name);
	if (err == M_OK)
		err = take_str(c, "topic", &c->topic);
	if (err == M_OK)
		err = take(c, "is_direct", JSON_BOOL, &direct);
	if (err == M_OK)
		c->is_direct = direct != NULL && direct->b;
	if (err == M_OK)
		err = take(c, "creation_content", JSON_OBJECT, &c->creation_content);
	if (err == M_OK)
		err = take(c, "initial_state", JSON_ARRAY, &c->initial_state);
	if (err == M_OK)
		err = take(c, "invite", JSON_ARRAY, &c->invite);
	if (err == M_OK)
		err =
		    take(c, "power_level_content_override", JSON_OBJECT, &c->override);
	if (err == M_OK && c->override != NULL)
		err = check_levels(c, c->override);
	if (err == M_OK)
		err = check_invites(c);
	if (err == M_OK)
		err = take_alias(c);
	return err == M_OK ? check_initial_state(c) : err;
}

/* --- its events --- */

static bool
list_has(const struct json *list, const char *s)
{
	for (uint32_t i = 0; i < list->n; i++) {
		const char *one = json_as_str(&list->items[i]);

		if (one != NULL && strcmp(one, s) == 0)
			return true;
	}
	return false;
}

/* Whom a trusted_private_chat invites, beside those whom creation_content names. */
static const struct json *
additional_creators(struct creating *c)
{
	struct arena *arena = c->f.arena;
	const struct json *named =
	    json_get_array(c->creation_content, "additional_creators");
	struct json *all = json_array(arena);

	for (uint32_t i = 0; named != NULL && i < named->n; i++)
		json_push(arena, all, &named->items[i]);
	for (uint32_t i = 0; c->invite != NULL && i < c->invite->n; i++)
		if (!list_has(all, json_as_str(&c->invite->items[i])))
			json_push(arena, all, &c->invite->items[i]);
	return all;
}

/* 1. and 2. */
static void
begin(struct creating *c)
{
	const struct json *content = c->creation_content;
	const struct json *named = json_get(content, "additional_creators");

	/* What is no list is left to the rules to refuse. */
	if (c->f.version->creators_power && c->preset == PRESET_TRUSTED &&
	    c->invite != NULL && c->invite->n > 0 &&
	    (named == NULL || json_is(named, JSON_ARRAY))) {
		struct json *with = content == NULL ? json_object(c->f.arena)
						    : json_shallow(c->f.arena, content);

		json_set(
		    c->f.arena, with, "additional_creators", additional_creators(c));
		content = with;
	}
	founding_begin(&c->f, content);
}

/* 3. */
static void
add_power_levels(struct creating *c)
{
	struct arena *arena = c->f.arena;
	struct json *levels = founding_power_levels(&c->f);
	struct json *users = json_shallow(arena, json_get_object(levels, "users"));

	if (c->preset != PRESET_PUBLIC)
		json_set_int(arena, levels, "invite", 0);
	if (c->preset == PRESET_TRUSTED && !c->f.version->creators_power)
		for (uint32_t i = 0; c->invite != NULL && i < c->invite->n; i++)
			json_set_int(
			    arena, users, json_as_str(&c->invite->items[i]), 100);
	json_set(arena, levels, "users", users);
	for (uint32_t i = 0; c->override != NULL && i < c->override->n; i++) {
		const struct json_member *m = &c->override->members[i];

		json_set_n(arena, levels, m->key, m->key_n, &m->value);
	}
	founding_raise_tombstone(&c->f, levels);
	founding_add(&c->f, "m.room.power_levels", "", levels);
}

static struct json *
object_of(struct arena *arena, const char *key, const char *value)
{
	struct json *o = json_object(arena);

	json_set_str(arena, o, key, value);
	return o;
}

static bool
initial_state_has(const struct creating *c, const char *type)
{
	for (uint32_t i = 0; c->initial_state != NULL && i < c->initial_state->n; i++) {
		const struct json *e = &c->initial_state->items[i];

		if (strcmp(json_get_str(e, "type"), type) == 0 &&
		    state_key_of(e)[0] == '\0')
			return true;
	}
	return false;
}

/* 5. What initial_state sets takes precedence. */
static void
add_preset(struct creating *c, const char *type, const char *key, const char *value)
{
	if (!initial_state_has(c, type))
		founding_add(&c->f, type, "", object_of(c->f.arena, key, value));
}

/* Who lets somebody in is not the client's to say: other servers check its signature.
 */
static const struct json *
initial_content(struct creating *c, const struct json *e)
{
	const struct json *content = json_get_object(e, "content");
	struct json *own;

	if (!is_member_event(e))
		return content;
	own = json_shallow(c->f.arena, content);
	json_del(own, "join_authorised_via_users_server");
	return own;
}

/* 6. name and topic overwrite what stands here. */
static void
add_initial_state(struct creating *c)
{
	for (uint32_t i = 0; c->initial_state != NULL && i < c->initial_state->n; i++) {
		const struct json *e = &c->initial_state->items[i];
		const char *type = json_get_str(e, "type"), *key = state_key_of(e);

		if (key[0] == '\0' &&
		    ((c->name != NULL && strcmp(type, "m.room.name") == 0) ||
			(c->topic != NULL && strcmp(type, "m.room.topic") == 0)))
			continue;
		founding_add(&c->f, type, key, initial_content(c, e));
	}
}

/* 7. Spec: client-server-api/#mroomtopic, "m.topic" */
static void
add_name_and_topic(struct creating *c)
{
	struct arena *arena = c->f.arena;
	struct json *content, *block, *texts;

	if (c->name != NULL)
		founding_add(
		    &c->f, "m.room.name", "", object_of(arena, "name", c->name));
	if (c->topic == NULL)
		return;
	content = object_of(arena, "topic", c->topic);
	texts = json_array(arena);
	block = json_object(arena);
	json_push(arena, texts, object_of(arena, "body", c->topic));
	json_set(arena, block, "m.text", texts);
	json_set(arena, content, "m.topic", block);
	founding_add(&c->f, "m.room.topic", "", content);
}

/* 8. */
static void
add_invites(struct creating *c)
{
	for (uint32_t i = 0; c->invite != NULL && i < c->invite->n; i++) {
		const char *user_id = json_as_str(&c->invite->items[i]);
		struct json *content = membership_content(
		    c->f.ctx, c->f.arena, MEMBERSHIP_INVITE, user_id, NULL);

		if (c->is_direct)
			json_set_bool(c->f.arena, content, "is_direct", true);
		founding_add(&c->f, "m.room.member", user_id, content);
	}
}

enum mx_err
create_room(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const struct json *body, struct room **room_out, const char **alias_out)
{
	struct creating c = {
		.f = { .ctx = ctx, .arena = arena, .creator = who->user_id },
		.body = body,
	};
	enum mx_err err = take_all(&c);

	if (err != M_OK)
		return err;
	begin(&c);
	add_power_levels(&c);
	/* 4. */
	if (c.f.alias != NULL)
		founding_add(&c.f, "m.room.canonical_alias", "",
		    object_of(arena, "alias", c.f.alias));
	add_preset(&c, "m.room.join_rules", "join_rule", presets[c.preset].join_rule);
	add_preset(&c, "m.room.history_visibility", "history_visibility", "shared");
	add_preset(
	    &c, "m.room.guest_access", "guest_access", presets[c.preset].guest_access);
	add_initial_state(&c);
	add_name_and_topic(&c);
	add_invites(&c);
	*alias_out = c.f.alias;
	return founding_append(&c.f, room_out);
}
