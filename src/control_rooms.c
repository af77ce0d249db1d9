/*
 * Operations on rooms, `parlour room`. Relies on core/create_room, core/directory and
 * core/public_rooms. Run by control, on the running server or beside its database.
 */
#include <string.h>

#include "control_inside.h"
#include "core/create_room.h"
#include "core/directory.h"
#include "core/hide.h"
#include "core/public_rooms.h"
#include "core/users.h"
#include "store/rooms.h"

/* ---- showing ---- */

static const char *
visibility_text(enum history_visibility visibility)
{
	switch (visibility) {
	case VISIBILITY_WORLD_READABLE:
		return "world_readable";
	case VISIBILITY_INVITED:
		return "invited";
	case VISIBILITY_JOINED:
		return "joined";
	case VISIBILITY_SHARED:
		break;
	}
	return "shared";
}

/* A field of a state event's content, where it is a string. */
static void
add_state(struct arena *arena, struct json *out, const char *name,
    const struct snapshot *s, const char *type, const char *field)
{
	const char *value = json_get_str(snapshot_content(s, type, ""), field);

	if (value != NULL)
		json_set_str(arena, out, name, value);
}

static struct json *
describe(struct arena *arena, const struct room *room, const struct snapshot *s)
{
	struct json *out = json_object(arena);

	json_set_str(arena, out, "room_id", room->room_id);
	json_set_str(arena, out, "version", room->version->id);
	add_state(arena, out, "name", s, "m.room.name", "name");
	add_state(arena, out, "alias", s, "m.room.canonical_alias", "alias");
	add_state(arena, out, "topic", s, "m.room.topic", "topic");
	add_state(arena, out, "join_rule", s, "m.room.join_rules", "join_rule");
	json_set_str(arena, out, "history_visibility", visibility_text(s->visibility));
	json_set_bool(arena, out, "guests_may_join", s->guests_may_join);
	json_set_int(arena, out, "joined", s->joined);
	json_set_int(arena, out, "invited", s->invited);
	return out;
}

static enum mx_err
room_list(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct json *list = json_array(arena);
	struct room_row *rows;
	int count;
	enum mx_err err = store_rooms_list(ctx->db, arena, false, &rows, &count);

	for (int i = 0; err == M_OK && i < count; i++) {
		struct snapshot *s;
		struct room *room;
		struct json *shown;

		err = room_get_by_id(ctx, rows[i].room, &room);
		if (err != M_OK)
			break;
		s = room_snapshot(room);
		shown = describe(arena, room, s);
		json_set_bool(arena, shown, "published", rows[i].published);
		json_push(arena, list, shown);
		snapshot_unref(s);
		room_put(room);
	}
	json_set(arena, answer, "rooms", list);
	return err;
}

/* The room that args name, counted. */
static enum mx_err
find_room(struct ctx *ctx, struct arena *arena, const struct json *args,
    struct room **room_out)
{
	const char *name = json_get_str(args, "room");
	enum mx_err err = directory_room(ctx, arena, name, room_out);

	if (err == M_NOT_FOUND)
		ctx->why = arena_printf(arena, "There is no room '%s' here", name);
	if (err == M_INVALID_PARAM)
		ctx->why = arena_printf(arena, "'%s' is no room id and no alias", name);
	return err;
}

static enum mx_err
add_aliases(
    struct ctx *ctx, struct arena *arena, const struct room *room, struct json *answer)
{
	struct json *list = json_array(arena);
	const char **aliases;
	int count;
	enum mx_err err = store_aliases_of(ctx->db, arena, room->id, &aliases, &count);

	for (int i = 0; err == M_OK && i < count; i++)
		json_push(arena, list, json_str(arena, aliases[i]));
	json_set(arena, answer, "aliases", list);
	return err;
}

static enum mx_err
room_info(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	struct snapshot *s;
	struct json *shown;
	struct room *room;
	bool published = false;
	enum mx_err err = find_room(ctx, arena, args, &room);

	if (err != M_OK)
		return err;
	s = room_snapshot(room);
	shown = describe(arena, room, s);
	err = public_rooms_is_published(ctx, room->room_id, &published);
	json_set_bool(arena, shown, "published", published);
	json_set_bool(arena, shown, "hidden", atomic_load(&room->hidden));
	if (err == M_OK)
		err = add_aliases(ctx, arena, room, shown);
	json_set(arena, answer, "room", shown);
	snapshot_unref(s);
	room_put(room);
	return err;
}

/* ---- pages ---- */

static enum mx_err
set_hidden(
    struct ctx *ctx, struct arena *arena, const struct json *args, bool is_hidden)
{
	struct room *room;
	enum mx_err err = find_room(ctx, arena, args, &room);

	if (err != M_OK)
		return err;
	if (atomic_load(&room->hidden) != is_hidden)
		err = room_hide(ctx, room, is_hidden);
	room_put(room);
	return err;
}

static enum mx_err
room_hide_pages(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	return set_hidden(ctx, arena, args, true);
}

static enum mx_err
room_show_pages(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	enum mx_err err = set_hidden(ctx, arena, args, false);

	return err == M_OK ? room_info(ctx, arena, args, answer) : err;
}

/* ---- making ---- */

static void
add_initial(struct arena *arena, struct json *list, const char *type, const char *field,
    const char *value)
{
	struct json *event = json_object(arena), *content = json_object(arena);

	json_set_str(arena, content, field, value);
	json_set_str(arena, event, "type", type);
	json_set_str(arena, event, "state_key", "");
	json_set(arena, event, "content", content);
	json_push(arena, list, event);
}

/* What a client would ask createRoom for. */
static const struct json *
creation_body(struct arena *arena, const struct json *args)
{
	struct json *body = json_object(arena), *state = json_array(arena);
	const char *name = json_get_str(args, "name");
	const char *topic = json_get_str(args, "topic");
	bool unlisted = json_get_bool(args, "unlisted", false);

	json_set_str(arena, body, "preset", "public_chat");
	json_set_str(arena, body, "room_alias_name", json_get_str(args, "alias"));
	json_set_str(arena, body, "visibility", unlisted ? "private" : "public");
	if (name != NULL)
		json_set_str(arena, body, "name", name);
	if (topic != NULL)
		json_set_str(arena, body, "topic", topic);
	if (json_get_bool(args, "world_readable", false))
		add_initial(arena, state, "m.room.history_visibility",
		    "history_visibility", "world_readable");
	if (json_get_bool(args, "guests", false))
		add_initial(
		    arena, state, "m.room.guest_access", "guest_access", "can_join");
	json_set(arena, body, "initial_state", state);
	return body;
}

static enum mx_err
room_add(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	const char *creator = json_get_str(args, "creator"), *alias = NULL;
	struct identity who = { .has_rows = true };
	struct room *room;
	enum mx_err err;

	who.user_id = users_login_id(ctx->core, arena, creator);
	if (who.user_id == NULL || !users_exists(ctx, arena, who.user_id))
		return ctx_fail(ctx, M_NOT_FOUND,
		    arena_printf(arena, "There is no account '%s' here", creator));
	err = create_room(ctx, arena, &who, creation_body(arena, args), &room, &alias);
	if (err != M_OK)
		return err;
	json_set_str(arena, answer, "room_id", room->room_id);
	json_set_str(arena, answer, "alias", alias);
	room_put(room);
	return M_OK;
}

/* ---- the directory ---- */

static enum mx_err
set_published(struct ctx *ctx, struct arena *arena, const struct json *args,
    struct json *answer, bool published)
{
	struct identity admin = { .is_admin = true, .has_rows = true };
	struct room *room;
	enum mx_err err = find_room(ctx, arena, args, &room);

	if (err != M_OK)
		return err;
	admin.user_id = arena_printf(arena, "@:%s", ctx->core->set.server_name);
	err = public_rooms_set(ctx, &admin, room, published);
	json_set_str(arena, answer, "room_id", room->room_id);
	room_put(room);
	return err;
}

static enum mx_err
room_publish(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	return set_published(ctx, arena, args, answer, true);
}

static enum mx_err
room_unpublish(
    struct ctx *ctx, struct arena *arena, const struct json *args, struct json *answer)
{
	return set_published(ctx, arena, args, answer, false);
}

const struct operation control_rooms[] = {
	{ "room list", { { NULL, JSON_NULL, false } }, room_list },
	{ "room info", { { "room", JSON_STR, true } }, room_info },
	{ "room add",
	    { { "alias", JSON_STR, true }, { "creator", JSON_STR, true },
		{ "name", JSON_STR, false }, { "topic", JSON_STR, false },
		{ "world_readable", JSON_BOOL, false }, { "guests", JSON_BOOL, false },
		{ "unlisted", JSON_BOOL, false } },
	    room_add },
	{ "room hide", { { "room", JSON_STR, true } }, room_hide_pages },
	{ "room show", { { "room", JSON_STR, true } }, room_show_pages },
	{ "room publish", { { "room", JSON_STR, true } }, room_publish },
	{ "room unpublish", { { "room", JSON_STR, true } }, room_unpublish },
};
const int control_rooms_count = sizeof control_rooms / sizeof *control_rooms;
