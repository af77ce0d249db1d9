/*
 * Settings carried from a room to its replacement. Each is a change that is worked out
 * on the writer thread, so that nothing the user sets at the same moment is lost.
 * Called by core/membership and core/upgrade; relies on room/account_data and
 * room/push_rules.
 */
#include "core/carry.h"

#include <string.h>

#include "room/account_data.h"
#include "room/push_rules.h"

/* --- which room --- */

static bool
is_text(const struct json *object, const char *key, const char *text)
{
	const char *value = json_get_str(object, key);

	return value != NULL && strcmp(value, text) == 0;
}

/* Anybody may found a room that claims to replace another: that one has to agree. */
static enum mx_err
find_replaced(struct ctx *ctx, struct room *room, struct room **old_out)
{
	struct snapshot *s = room_snapshot(room);
	const char *room_id = json_get_str(
	    json_get(snapshot_content(s, "m.room.create", ""), "predecessor"),
	    "room_id");
	enum mx_err err =
	    room_id == NULL ? M_NOT_FOUND : room_get(ctx, room_id, old_out);

	snapshot_unref(s);
	if (err != M_OK)
		return err;
	s = room_snapshot(*old_out);
	if (!is_text(snapshot_content(s, "m.room.tombstone", ""), "replacement_room",
		room->room_id))
		err = M_NOT_FOUND;
	snapshot_unref(s);
	if (err != M_OK)
		room_put(*old_out);
	return err;
}

/* --- account data --- */

static enum mx_err
read_content(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct room *room, const char *type, const struct json **out)
{
	struct account_data_row row;
	enum mx_err err = store_account_data_get(
	    ctx->db, arena, user_id, room == NULL ? 0 : room->id, type, &row);

	*out = err == M_OK
		   ? json_parse_copy(arena, row.json, row.json_n, JSON_LENIENT, NULL)
		   : NULL;
	return err == M_NOT_FOUND ? M_OK : err;
}

/* What would be too large is left as it is: no join fails for it. */
static void
set_after(struct arena *arena, const struct json *after, const struct json **after_out)
{
	size_t n;

	json_text(arena, after, &n);
	if (n <= ACCOUNT_DATA_SIZE_MAX)
		*after_out = after;
}

/* Tags that are set here already stay as they are. */
static enum mx_err
add_tags(struct account_data_change *change, struct db *db, const struct json *before,
    const struct json **after_out)
{
	struct arena *arena = change->update->arena;
	const struct json *old = change->arg, *here = json_get_object(before, "tags");
	struct json *content = json_object(arena), *tags;

	tags = here == NULL ? json_object(arena) : json_shallow(arena, here);
	for (uint32_t i = 0; i < old->n; i++)
		if (json_get_n(tags, old->members[i].key, old->members[i].key_n) ==
		    NULL)
			json_set_n(arena, tags, old->members[i].key,
			    old->members[i].key_n, &old->members[i].value);
	json_set(arena, content, "tags", tags);
	set_after(arena, content, after_out);
	return M_OK;
}

static enum mx_err
carry_tags(struct ctx *ctx, struct arena *arena, const struct room *old,
    struct room *room, const char *user_id)
{
	struct account_data_change *change;
	const struct json *content, *tags;
	enum mx_err err = read_content(ctx, arena, user_id, old, "m.tag", &content);

	tags = err == M_OK ? json_get_object(content, "tags") : NULL;
	if (tags == NULL || tags->n == 0)
		return err;
	change = account_data_change_new(ctx, user_id, room, "m.tag");
	change->fn = add_tags;
	change->arg = json_copy(change->update->arena, tags);
	account_data_change_queue(ctx, change);
	return M_OK;
}

/* Two rooms, by their ids. */
struct pair {
	const char *from, *to;
};

static bool
lists(const struct json *rooms, const char *room_id)
{
	for (uint32_t i = 0; json_is(rooms, JSON_ARRAY) && i < rooms->n; i++) {
		const char *id = json_as_str(&rooms->items[i]);

		if (id != NULL && strcmp(id, room_id) == 0)
			return true;
	}
	return false;
}

/* m.direct lists the rooms of each user. */
static bool
wants_direct(const struct json *rooms, const struct pair *pair)
{
	return lists(rooms, pair->from) && !lists(rooms, pair->to);
}

static enum mx_err
add_direct(struct account_data_change *change, struct db *db, const struct json *before,
    const struct json **after_out)
{
	struct arena *arena = change->update->arena;
	const struct pair *pair = change->arg;
	struct json *content;
	bool wants = false;

	if (!json_is(before, JSON_OBJECT))
		return M_OK;
	content = json_shallow(arena, before);
	for (uint32_t i = 0; i < content->n; i++) {
		struct json_member *m = &content->members[i];
		struct json *rooms;

		if (!wants_direct(&m->value, pair))
			continue;
		rooms = json_shallow(arena, &m->value);
		json_push(arena, rooms, json_str(arena, pair->to));
		m->value = *rooms;
		wants = true;
	}
	if (wants)
		set_after(arena, content, after_out);
	return M_OK;
}

static enum mx_err
carry_direct(struct ctx *ctx, struct arena *arena, const struct room *old,
    const struct room *room, const char *user_id)
{
	struct pair pair = { old->room_id, room->room_id }, *copy;
	struct account_data_change *change;
	const struct json *content;
	bool wants = false;
	enum mx_err err = read_content(ctx, arena, user_id, NULL, "m.direct", &content);

	for (uint32_t i = 0; json_is(content, JSON_OBJECT) && i < content->n; i++)
		wants = wants || wants_direct(&content->members[i].value, &pair);
	if (!wants)
		return err;
	change = account_data_change_new(ctx, user_id, NULL, "m.direct");
	copy = ARENA_NEW(change->update->arena, struct pair);
	*copy = (struct pair){ arena_strdup(change->update->arena, pair.from),
		arena_strdup(change->update->arena, pair.to) };
	change->fn = add_direct;
	change->arg = copy;
	account_data_change_queue(ctx, change);
	return M_OK;
}

/* --- all of it --- */

enum mx_err
carry_settings(
    struct ctx *ctx, struct arena *arena, struct room *room, const char *user_id)
{
	struct room *old;
	enum mx_err err = find_replaced(ctx, room, &old);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	err = carry_tags(ctx, arena, old, room, user_id);
	if (err == M_OK)
		err = carry_direct(ctx, arena, old, room, user_id);
	if (err == M_OK)
		err =
		    push_rules_carry(ctx, arena, user_id, old->room_id, room->room_id);
	room_put(old);
	return err;
}
