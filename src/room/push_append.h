/*
 * Whom an event notifies: worked out once, when it is appended, and written with it. By
 * the predefined rules for everybody at once; one by one only for those whom the event
 * names and those who have rules of their own. Between room/append and store/unread
 * (doc/unread.md). Spec: client-server-api/#receiving-notifications
 */
#ifndef ROOM_PUSH_APPEND_H
#define ROOM_PUSH_APPEND_H

#include "room/room.h"
#include "store/relations.h"
#include "store/unread.h"

/* A member's mode from behind the event on. */
struct push_mode {
	const char *user_id;
	bool is_quiet;
};

/* What goes into the tables with an event. Lies in the append's arena. */
struct push_outcome {
	bool notifies, loud; /* everybody who has the predefined rules */
	const char *thread;  /* NULL: it is in the main timeline */
	int hops;
	const char *speaker; /* who has read up to here by speaking; NULL: nobody */
	const char *joined, *left; /* users of this server; NULL: nobody */
	const char *moved;	   /* whose place in push_room is another */
	bool was_joined;
	struct unread_row *rows; /* their room and event are the event's */
	int row_count, row_cap;
	struct push_mode *modes;
	int mode_count, mode_cap;
};

/*
 * Works out what `e` is to whom. Under the room's lock; s has the event in its state,
 * and its counts go on. The thread is noted in `e`. relation: what it is a child of;
 * NULL: of nothing. arena is the append's.
 */
void push_append(struct ctx *ctx, struct arena *arena, struct room *room,
    struct snapshot *s, struct live_event *e, const struct relation_row *relation,
    struct push_outcome *out);
/* It came to nothing: what was noted of it in memory is taken back. Under the room's
 * lock; of several events the last one first. */
void push_append_undo(struct room *room, const struct push_outcome *outcome);
/* Writes it, on the writer, behind the event's row. target: what it redacts; 0:
 * nothing.
 */
enum mx_err push_append_write(struct db *db, int64_t room, int64_t event,
    int64_t target, const struct push_outcome *outcome) MUST_USE;

#endif
