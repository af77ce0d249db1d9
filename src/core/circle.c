/*
 * Circles from the rooms' snapshots. Relies on store/rooms for which rooms those are.
 * Below presence and the user directory.
 */
#include "core/circle.h"

#include <string.h>

#include "base/map.h"
#include "store/rooms.h"

static enum mx_err
add_room(struct ctx *ctx, struct circle *circle, int64_t id)
{
	struct room *room;
	struct snapshot *s;
	enum mx_err err = room_get_by_id(ctx, id, &room);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	s = room_snapshot(room);
	/* The row was read before: who has left since is in it no longer. */
	if (snapshot_membership(s, circle->user_id) != MEMBERSHIP_JOIN) {
		snapshot_unref(s);
		room_put(room);
		return M_OK;
	}
	circle->rooms[circle->count] = room;
	circle->snapshots[circle->count++] = s;
	circle->joined += s->joined;
	return M_OK;
}

enum mx_err
circle_open(
    struct ctx *ctx, struct arena *arena, const char *user_id, struct circle *out)
{
	struct member_row *rows;
	int n;
	enum mx_err err =
	    store_member_rooms(ctx->db, arena, user_id, MEMBERSHIP_JOIN, &rows, &n);

	*out = (struct circle){ .user_id = user_id };
	if (err != M_OK)
		return err;
	out->rooms = ARENA_ARRAY(arena, struct room *, (size_t)n);
	out->snapshots = ARENA_ARRAY(arena, struct snapshot *, (size_t)n);
	for (int i = 0; err == M_OK && i < n; i++)
		err = add_room(ctx, out, rows[i].room);
	if (err != M_OK)
		circle_close(out);
	return err;
}

void
circle_close(struct circle *circle)
{
	for (int i = 0; i < circle->count; i++) {
		snapshot_unref(circle->snapshots[i]);
		room_put(circle->rooms[i]);
	}
	circle->count = 0;
}

bool
circle_has(const struct circle *circle, const char *user_id)
{
	if (strcmp(user_id, circle->user_id) == 0)
		return true;
	for (int i = 0; i < circle->count; i++)
		if (snapshot_membership(circle->snapshots[i], user_id) ==
		    MEMBERSHIP_JOIN)
			return true;
	return false;
}

/* A walk over members on its way. */
struct finding {
	struct map wanted; /* user id -> its place in in_out */
	bool *in_out;
};

static bool
find_member(const struct state_entry *entry, void *arg)
{
	struct finding *f = arg;
	bool *in;

	if (entry->membership != MEMBERSHIP_JOIN)
		return true;
	in = map_del_str(&f->wanted, entry->state_key);
	if (in != NULL)
		*in = true;
	return f->wanted.count > 0;
}

static void
walk_members(
    const struct circle *circle, const char *const *user_ids, int count, bool *in_out)
{
	struct finding f = { .in_out = in_out };

	for (int i = 0; i < count; i++) {
		in_out[i] = strcmp(user_ids[i], circle->user_id) == 0;
		if (!in_out[i])
			map_put_str(&f.wanted, user_ids[i], &in_out[i]);
	}
	for (int i = 0; i < circle->count && f.wanted.count > 0; i++)
		state_each_of(
		    circle->snapshots[i]->state, "m.room.member", find_member, &f);
	map_fini(&f.wanted);
}

void
circle_find(
    const struct circle *circle, const char *const *user_ids, int count, bool *in_out)
{
	if ((uint64_t)count * (uint64_t)circle->count > circle->joined) {
		walk_members(circle, user_ids, count, in_out);
		return;
	}
	for (int i = 0; i < count; i++)
		in_out[i] = circle_has(circle, user_ids[i]);
}

enum mx_err
circle_shared(struct ctx *ctx, const char *user_id, const char *other, bool *out)
{
	int64_t room;
	enum mx_err err;

	*out = strcmp(user_id, other) == 0;
	if (*out)
		return M_OK;
	err = store_shared_room(ctx->db, user_id, other, &room);
	*out = err == M_OK;
	return err == M_NOT_FOUND ? M_OK : err;
}

static enum mx_err
find_in_circle(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *const *others, int count, bool *in_out, int *opened_out)
{
	struct circle circle;
	enum mx_err err = circle_open(ctx, arena, user_id, &circle);

	if (err != M_OK)
		return err;
	*opened_out += circle.count;
	circle_find(&circle, others, count, in_out);
	circle_close(&circle);
	return M_OK;
}

enum mx_err
circle_shared_with(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *const *others, int count, bool *in_out, int *opened_out)
{
	bool is_wide = false;
	enum mx_err err = M_OK;

	if (count > 0)
		err = store_member_has_rooms(ctx->db, user_id, count, &is_wide);
	if (err == M_OK && count > 0 && !is_wide)
		return find_in_circle(
		    ctx, arena, user_id, others, count, in_out, opened_out);
	for (int i = 0; err == M_OK && i < count; i++)
		err = circle_shared(ctx, user_id, others[i], &in_out[i]);
	return err;
}
