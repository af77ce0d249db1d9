/*
 * How many unread notifications a member has in a room: differences of the room's
 * running counts between two places, put right by the few rows of what is different to
 * this member (doc/unread.md). For /sync. Spec:
 * client-server-api/#receiving-notifications, #marking-notifications-as-read,
 * #threaded-read-receipts
 */
#ifndef ROOM_UNREAD_H
#define ROOM_UNREAD_H

#include "room/room.h"
#include "store/unread.h"

struct unread {
	int64_t notifications, highlights; /* highlights are among the notifications */
};

struct unread_thread {
	const char *thread; /* the root's id */
	struct unread unread;
};

/*
 * user_id's in a room as s has it (the committed snapshot, taken before the database is
 * looked at). Nothing for whoever is not joined.
 *
 * until: what is later is not counted, though the snapshot has it already.
 * threads_out NULL: *main_out counts all of the room's events. Else (the client's
 * filter says unread_thread_notifications) *main_out counts the main timeline alone,
 * and *threads_out those threads that have any, in the arena. A few look-ups in
 * indexes, and one more for each thread that is not read to its end.
 */
enum mx_err unread_of(struct ctx *ctx, struct arena *arena, struct room *room,
    const struct snapshot *s, const char *user_id, int64_t until,
    struct unread *main_out, struct unread_thread **threads_out,
    int *thread_count_out) MUST_USE;

/* May what unread_of counts have become another number by the events behind `since`, up
 * to `until`?
 * One of them is unread and counts, takes another away, or says how far the user has
 * read. */
enum mx_err unread_moved(struct ctx *ctx, struct arena *arena, struct room *room,
    const struct snapshot *s, const char *user_id, int64_t since, int64_t until,
    bool *moved_out) MUST_USE;

/* How far a user has read a room. */
struct unread_read {
	int64_t whole; /* everything up to this event */
	struct unread_mark *marks;
	int count;
};

/* In the arena. */
enum mx_err unread_read_of(struct ctx *ctx, struct arena *arena, int64_t room,
    const char *user_id, struct unread_read *out) MUST_USE;
/* Up to which event has this thread ("main": the main timeline) been read? */
int64_t unread_read_up_to(const struct unread_read *read, const char *thread);

#endif
