/*
 * Room aliases: who may make, see and remove them, and what m.room.canonical_alias may
 * name. Relies on store/rooms for the table; asked by api and by joins.
 */
#include "core/directory.h"

#include <string.h>

#include "event/ids.h"
#include "room/append.h"
#include "store/rooms.h"

#define CANONICAL "m.room.canonical_alias"

enum mx_err
directory_room(struct ctx *ctx, struct arena *arena, const char *room_id_or_alias,
    struct room **room_out)
{
	const char *creator;
	int64_t room;
	enum mx_err err;

	if (id_room_valid(room_id_or_alias)) {
		err = room_get(ctx, room_id_or_alias, room_out);
	} else if (id_alias_valid(room_id_or_alias)) {
		err =
		    store_alias_find(ctx->db, arena, room_id_or_alias, &room, &creator);
		if (err == M_OK)
			err = room_get_by_id(ctx, room, room_out);
	} else {
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "this is no room id and no alias");
	}
	return err == M_NOT_FOUND ? ctx_fail(ctx, err, "this server knows no such room")
				  : err;
}

bool
directory_may_send(const struct snapshot *s, const char *user_id, const char *type)
{
	struct power power = snapshot_power(s);

	return snapshot_membership(s, user_id) == MEMBERSHIP_JOIN &&
	       power_user(&power, user_id) >= power_to_send(&power, type, true);
}

enum mx_err
directory_check_alias(struct ctx *ctx, const char *alias)
{
	if (!id_alias_valid(alias) || alias[1] == ':')
		return ctx_fail(ctx, M_INVALID_PARAM, "this is no room alias");
	if (!id_is_of(alias, ctx->core->set.server_name))
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "this alias belongs to another server");
	return M_OK;
}

/* One row to be, for the writer. */
struct adding {
	const char *alias, *creator;
	int64_t room;
};

static enum mx_err
add(void *arg, struct db *db)
{
	const struct adding *a = arg;

	return store_alias_add(db, a->alias, a->room, a->creator);
}

static bool
is_joined(struct room *room, const char *user_id)
{
	struct snapshot *s = room_snapshot(room);
	bool joined = snapshot_membership(s, user_id) == MEMBERSHIP_JOIN;

	snapshot_unref(s);
	return joined;
}

enum mx_err
directory_add(
    struct ctx *ctx, const struct identity *who, const char *alias, struct room *room)
{
	struct adding adding = { alias, who->user_id, room->id };
	enum mx_err err = directory_check_alias(ctx, alias);

	if (err != M_OK)
		return err;
	if (!who->is_admin && !is_joined(room, who->user_id))
		return ctx_fail(ctx, M_FORBIDDEN, "you are not in this room");
	err = ctx_write(ctx, add, &adding);
	return err == M_ROOM_IN_USE
		   ? ctx_fail(ctx, err, "a room alias with that name already exists")
		   : err;
}

static enum mx_err
drop(void *arg, struct db *db)
{
	return store_alias_remove(db, arg);
}

/* The list without alias; NULL if it is not in it. */
static struct json *
list_without(struct arena *arena, const struct json *list, const char *alias)
{
	struct json *rest = json_array(arena);
	bool found = false;

	for (uint32_t i = 0; list != NULL && i < list->n; i++) {
		const char *one = json_as_str(&list->items[i]);

		if (one != NULL && strcmp(one, alias) == 0)
			found = true;
		else
			json_push(arena, rest, &list->items[i]);
	}
	return found ? rest : NULL;
}

/* The content of m.room.canonical_alias without alias; NULL if it does not name it. */
static struct json *
canonical_without(struct arena *arena, const struct json *content, const char *alias)
{
	struct json *rest, *alts;
	const char *main;

	if (content == NULL)
		return NULL;
	rest = json_shallow(arena, content);
	main = json_get_str(content, "alias");
	alts = list_without(arena, json_get_array(content, "alt_aliases"), alias);
	if (alts != NULL)
		json_set(arena, rest, "alt_aliases", alts);
	if (main != NULL && strcmp(main, alias) == 0)
		json_del(rest, "alias");
	else if (alts == NULL)
		return NULL;
	return rest;
}

/* The alias is gone whether or not its user may also take it out of the room's state.
 */
static void
withdraw(struct ctx *ctx, struct arena *arena, const char *user_id, const char *alias,
    struct room *room)
{
	struct snapshot *s = room_snapshot(room);
	struct new_event e = { .sender = user_id,
		.type = CANONICAL,
		.state_key = "",
		.content = canonical_without(
		    arena, snapshot_content(s, CANONICAL, ""), alias) };

	if (e.content != NULL && directory_may_send(s, user_id, CANONICAL) &&
	    room_append(ctx, arena, room, &e, 1, NULL) != M_OK)
		ctx->why = NULL;
	snapshot_unref(s);
}

enum mx_err
directory_remove(
    struct ctx *ctx, struct arena *arena, const struct identity *who, const char *alias)
{
	const char *creator;
	struct room *room = NULL;
	struct snapshot *s;
	int64_t number;
	bool may;
	enum mx_err err = directory_check_alias(ctx, alias);

	if (err == M_OK)
		err = store_alias_find(ctx->db, arena, alias, &number, &creator);
	if (err == M_OK)
		err = room_get_by_id(ctx, number, &room);
	if (err != M_OK)
		return err;
	s = room_snapshot(room);
	may = who->is_admin || strcmp(creator, who->user_id) == 0 ||
	      directory_may_send(s, who->user_id, CANONICAL);
	snapshot_unref(s);
	if (may)
		err = ctx_write(ctx, drop, (void *)alias);
	else
		err = ctx_fail(ctx, M_FORBIDDEN, "this alias is somebody else's");
	if (err == M_OK) {
		withdraw(ctx, arena, who->user_id, alias, room);
		pages_changed(ctx->core, room);
	}
	room_put(room);
	return err;
}

enum mx_err
directory_aliases(struct ctx *ctx, struct arena *arena, const struct identity *who,
    struct room *room, const char ***aliases_out, int *count_out)
{
	struct snapshot *s = room_snapshot(room);
	bool may = s->visibility == VISIBILITY_WORLD_READABLE ||
		   snapshot_membership(s, who->user_id) == MEMBERSHIP_JOIN ||
		   who->is_admin;

	snapshot_unref(s);
	if (!may)
		return ctx_fail(ctx, M_FORBIDDEN, "you are not in this room");
	return store_aliases_of(ctx->db, arena, room->id, aliases_out, count_out);
}

/* --- m.room.canonical_alias --- */

static bool
names(const struct json *content, const char *alias)
{
	const char *main = json_get_str(content, "alias");
	const struct json *alts = json_get_array(content, "alt_aliases");

	if (main != NULL && strcmp(main, alias) == 0)
		return true;
	for (uint32_t i = 0; alts != NULL && i < alts->n; i++) {
		const char *one = json_as_str(&alts->items[i]);

		if (one != NULL && strcmp(one, alias) == 0)
			return true;
	}
	return false;
}

/* One alias that the event lists; before: the event that stands. */
static enum mx_err
check_listed(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct json *before, const struct json *listed)
{
	const char *alias = json_as_str(listed), *creator;
	int64_t number;
	enum mx_err err;

	if (alias == NULL)
		return ctx_fail(ctx, M_BAD_JSON, "an alias must be a string");
	if (names(before, alias))
		return M_OK;
	if (!id_alias_valid(alias))
		return ctx_fail(ctx, M_INVALID_PARAM,
		    arena_printf(arena, "'%s' is no room alias", alias));
	err = store_alias_find(ctx->db, arena, alias, &number, &creator);
	if (err == M_NOT_FOUND || (err == M_OK && number != room->id))
		return ctx_fail(ctx, M_BAD_ALIAS,
		    arena_printf(
			arena, "The alias '%s' does not point to this room.", alias));
	return err;
}

enum mx_err
directory_check_canonical(
    struct ctx *ctx, struct arena *arena, struct room *room, const struct json *content)
{
	struct snapshot *s = room_snapshot(room);
	const struct json *before = snapshot_content(s, CANONICAL, ""),
			  *main = json_get(content, "alias"),
			  *alts = json_get(content, "alt_aliases");
	enum mx_err err = M_OK;

	if (main != NULL && !json_is(main, JSON_NULL) &&
	    !(json_is(main, JSON_STR) && main->n == 0))
		err = check_listed(ctx, arena, room, before, main);
	if (err == M_OK && alts != NULL && !json_is(alts, JSON_NULL) &&
	    !json_is(alts, JSON_ARRAY))
		err = ctx_fail(ctx, M_BAD_JSON, "alt_aliases must be a list");
	for (uint32_t i = 0; err == M_OK && json_is(alts, JSON_ARRAY) && i < alts->n;
	     i++)
		err = check_listed(ctx, arena, room, before, &alts->items[i]);
	snapshot_unref(s);
	return err;
}
