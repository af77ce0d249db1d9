/*
 * Leaving every room. Relies on store/rooms for where a user is, and on room/append for
 * the events. Behind /account/deactivate and the sweep of expired guests.
 */
#include "core/leave.h"

#include "base/log.h"
#include "core/membership.h"
#include "room/append.h"
#include "room/typing.h"
#include "store/rooms.h"

static enum mx_err
leave_one(struct ctx *ctx, struct arena *arena, int64_t id, const char *user_id,
    const char *reason)
{
	struct new_event event = { .sender = user_id,
		.type = "m.room.member",
		.state_key = user_id,
		.content =
		    membership_content(ctx, arena, MEMBERSHIP_LEAVE, user_id, reason) };
	struct room *room;
	enum mx_err err = room_get_by_id(ctx, id, &room);

	if (err != M_OK)
		return err;
	err = room_append(ctx, arena, room, &event, 1, NULL);
	if (err == M_FORBIDDEN) {
		log_warn("leave: %s may not leave %s: %s", user_id, room->room_id,
		    ctx->why == NULL ? "no reason given" : ctx->why);
		err = M_OK;
	}
	typing_set(ctx->core, room, user_id, 0);
	room_put(room);
	return err;
}

static bool
is_there(int membership)
{
	return membership == MEMBERSHIP_JOIN || membership == MEMBERSHIP_INVITE ||
	       membership == MEMBERSHIP_KNOCK;
}

enum mx_err
leave_all(struct ctx *ctx, struct arena *arena, const char *user_id, const char *reason)
{
	struct member_row *rows;
	int n;
	enum mx_err err = store_member_rooms(ctx->db, arena, user_id, 0, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++)
		if (is_there(rows[i].membership))
			err = leave_one(ctx, arena, rows[i].room, user_id, reason);
	return err != M_OK ? err : ctx_settle(ctx);
}
