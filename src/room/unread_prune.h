/*
 * Rows of what is unread (store/unread) go when they are of no more use: their events
 * have been read, and are too old to be listed as such (doc/unread.md).
 */
#ifndef ROOM_UNREAD_PRUNE_H
#define ROOM_UNREAD_PRUNE_H

#include "room/ctx.h"
#include "store/unread.h"

/* What was read is listed by /notifications for so long. */
#define UNREAD_HISTORY_MS (30LL * 24 * 3600 * 1000)

/* Where a walk over all users' rows stands; all zero: it has not begun. Owned by the
 * thread that walks. */
struct unread_walk {
	char *user_id; /* malloc'ed; NULL: at the beginning */
	int64_t room, event;
	int64_t begins_ms; /* clock_mono_ms */
};

void unread_walk_fini(struct unread_walk *walk);
/* Once a second, on a thread with a reader's connection: a portion of the walk, which
 * goes from end to end once a day. Errors are logged; the next walk tries again. */
void unread_prune(struct ctx *ctx, struct arena *arena, struct unread_walk *walk);

#endif
