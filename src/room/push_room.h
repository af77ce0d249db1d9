/*
 * Which members of a room have push rules of their own: so that an event costs nothing
 * for all others. Kept with the room, under its lock, and true of its pending tip.
 * Between room/push_append and room/push.
 */
#ifndef ROOM_PUSH_ROOM_H
#define ROOM_PUSH_ROOM_H

#include "base/map.h"
#include "room/room.h"

/* A user of this server. */
struct push_member {
	char *user_id;
	bool is_joined;
	bool is_quiet; /* the room's count is not theirs (unread_modes) */
};

/* Guarded by room->lock. */
struct push_room {
	struct push_member **members; /* who is here or was */
	int count, cap;
	struct map by_id;
	uint64_t newcomers; /* of push_newcomers, how many were looked at */
	uint32_t epoch;	    /* the room's when it was made */
};

/* The room's, made or brought up to date with s. NULL: a new room, that has nobody. */
struct push_room *push_room_of(struct ctx *ctx, struct room *room, struct snapshot *s);
/* user_id's membership of the room is another from now on. */
void push_room_member(
    struct ctx *ctx, struct room *room, const char *user_id, bool is_joined);
void push_room_free(struct push_room *pr); /* NULL is allowed */

#endif
