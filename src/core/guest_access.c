/*
 * Where guests may be members, and how they are made to leave. Relies on store/users to
 * tell guests from accounts; behind joins, state events and redactions.
 */
#include "core/guest_access.h"

#include <stdlib.h>

#include "base/vec.h"
#include "event/ids.h"
#include "room/append.h"
#include "store/guests.h"
#include "store/rooms.h"
#include "store/users.h"

enum mx_err
guest_access_check(struct ctx *ctx, const struct snapshot *s)
{
	if (ctx->core->set.guests != GUESTS_JOIN)
		return ctx_fail(ctx, M_GUEST_ACCESS_FORBIDDEN,
		    "guests may not join rooms on this server");
	if (!s->guests_may_join)
		return ctx_fail(
		    ctx, M_GUEST_ACCESS_FORBIDDEN, "this room does not let guests in");
	return M_OK;
}

/* The guests among a room's members. */
struct finding {
	struct ctx *ctx;
	struct arena *arena;
	VEC(const char *) guests;
};

static bool
is_guest(struct finding *f, const char *user_id)
{
	struct user_row row;

	return store_user_get(f->ctx->db, f->arena, user_id, &row) == M_OK &&
	       row.kind == USER_GUEST;
}

static bool
find_guest(const struct state_entry *entry, void *arg)
{
	struct finding *f = arg;

	if (entry->membership == MEMBERSHIP_JOIN &&
	    id_is_of(entry->state_key, f->ctx->core->set.server_name) &&
	    is_guest(f, entry->state_key))
		vec_push(&f->guests, entry->state_key);
	return true;
}

/* One who has left in the meantime is refused by the rules, as it should be. */
static void
make_leave(struct ctx *ctx, struct arena *arena, struct room *room, const char *user_id)
{
	struct json *content = json_object(arena);
	struct new_event e = { .sender = user_id,
		.type = "m.room.member",
		.state_key = user_id,
		.content = content };

	json_set_str(arena, content, "membership", "leave");
	if (room_append(ctx, arena, room, &e, 1, NULL) != M_OK)
		ctx->why = NULL;
}

enum mx_err
guest_access_enforce(struct ctx *ctx, struct arena *arena, struct room *room)
{
	struct finding f = { .ctx = ctx, .arena = arena };
	struct snapshot *s;
	enum mx_err err = ctx_settle(ctx);

	if (err != M_OK)
		return err;
	s = room_snapshot(room);
	if (!s->guests_may_join)
		state_each_of(s->state, "m.room.member", find_guest, &f);
	for (size_t i = 0; i < f.guests.n; i++)
		make_leave(ctx, arena, room, f.guests.v[i]);
	vec_free(&f.guests);
	snapshot_unref(s);
	return M_OK;
}

static void
note_guest(void *arg, const char *user_id, int64_t seen_ts, int64_t expires_ts)
{
	struct finding *f = arg;

	vec_push(&f->guests, arena_strdup(f->arena, user_id));
}

static void
sweep_rooms_of(struct ctx *ctx, struct arena *arena, const char *user_id)
{
	struct member_row *rows;
	int n;

	if (store_member_rooms(ctx->db, arena, user_id, MEMBERSHIP_JOIN, &rows, &n) !=
	    M_OK)
		return;
	for (int i = 0; i < n; i++) {
		struct room *room;
		struct snapshot *s;

		if (room_get_by_id(ctx, rows[i].room, &room) != M_OK)
			continue;
		s = room_snapshot(room);
		if (!s->guests_may_join)
			make_leave(ctx, arena, room, user_id);
		snapshot_unref(s);
		room_put(room);
	}
}

enum mx_err
guest_access_sweep(struct ctx *ctx)
{
	struct finding f = { .ctx = ctx, .arena = arena_new() };
	enum mx_err err = store_guests_each(ctx->db, note_guest, &f);

	for (size_t i = 0; err == M_OK && i < f.guests.n; i++)
		sweep_rooms_of(ctx, f.arena, f.guests.v[i]);
	vec_free(&f.guests);
	arena_free(f.arena);
	return err == M_OK ? ctx_settle(ctx) : err;
}
