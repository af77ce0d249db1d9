/*
 * What a user has been notified about, newest first, over all rooms the user is in or
 * is invited to: the member's own rows, and the events that notify everybody, read back
 * from the rooms. Spec: client-server-api/#listing-notifications
 */
#ifndef ROOM_NOTIFICATIONS_H
#define ROOM_NOTIFICATIONS_H

#include "room/identity.h"
#include "room/room.h"

/* What is asked for, and what comes of it. */
struct notifications {
	const struct identity *who;
	int64_t before; /* events before this one; INT64_MAX: from the newest on */
	bool only_highlights;
	int limit;
	/* Filled in: where to go on; 0: there is nothing further. Since a room is
	 * looked through piecemeal, there may be less than limit, or nothing, and still
	 * more. */
	int64_t next;
};

/* Appends the JSON array of notifications. */
enum mx_err notifications_write(struct ctx *ctx, struct arena *arena,
    struct notifications *n, struct buf *out) MUST_USE;

#endif
