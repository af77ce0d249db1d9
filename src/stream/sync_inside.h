/*
 * One look of /sync, shared by sync.c (which rooms, what is global), sync_room.c (a
 * room one is or was in), sync_state.c (its state) and sync_stripped.c (invites and
 * knocks).
 */
#ifndef STREAM_SYNC_INSIDE_H
#define STREAM_SYNC_INSIDE_H

#include "base/vec.h"
#include "core/ignored.h"
#include "core/state_list.h"
#include "core/timeline.h"
#include "store/account_data.h"
#include "stream/sync.h"

/* Owned by one look. */
struct syncing {
	struct ctx *ctx;
	struct arena *arena;
	const struct sync_ask *ask;
	int64_t since, until; /* since < position <= until is new; since 0: all is */
	/* The user's own data that is new, of all rooms (room 0: of none). */
	bool has_own;
	struct account_data_row *own;
	int own_count;
	/* Since: rooms that the user has joined, and users who joined one of theirs. */
	VEC(int64_t) joined_rooms;
	VEC(const char *) joined_users;
	struct ignored *ignored; /* whom the user ignores; read when it is asked for */
	bool has_ignored;
	struct buf join, invite, knock, leave; /* rooms, comma-separated */
};

/* What is known to have moved in a room. */
struct room_news {
	int64_t room;	   /* its integer */
	bool has_events;   /* in its timeline */
	bool has_receipts; /* that all may see */
	bool has_typing;
	bool has_own; /* account data or receipts of the user's own */
};

/* A room on its way into the answer. */
struct room_sync {
	struct syncing *sync;
	struct room_news news;
	struct room *room;
	struct snapshot *s;
	struct seer seer;
	int64_t since, until; /* as in syncing; until the leaving of who has left */
	bool is_full;	      /* all its state is told, not what changed alone */
	bool tells_summary;
	struct filter timeline, state; /* of the room */
	struct page page;	       /* the timeline, newest first */
	int64_t start; /* all behind it up to `until` is in the timeline, or kept out */
	/* The state events from `start`, or behind `since`, up to `until`. */
	struct state_ref *changed;
	int changed_count;
};

/* sync_room.c: appends "!room":{...} where there is anything to tell. */
enum mx_err sync_joined(struct room_sync *r, bool was_joined, struct buf *out) MUST_USE;
enum mx_err sync_left(struct room_sync *r, struct buf *out) MUST_USE;

/* sync_state.c: the events for "state" or "state_after". */
enum mx_err sync_state_refs(
    struct room_sync *r, struct state_ref **refs_out, int *n_out) MUST_USE;
/* Appends ,"summary":{...} */
enum mx_err sync_write_summary(struct room_sync *r, struct buf *out) MUST_USE;
/* The members that name a room which has no name of its own; returns how many. */
int sync_heroes(struct room_sync *r, const char ***heroes_out);

/* sync_stripped.c: appends "!room":{"invite_state":{...}}; key is "invite_state" or
 * "knock_state". */
enum mx_err sync_stripped(
    struct room_sync *r, const char *key, struct buf *out) MUST_USE;

/* Appends those of the rows that are of the room (0: of none) and pass, as events;
 * true: there is one. */
bool sync_write_own(struct buf *out, const struct filter *filter,
    const struct account_data_row *rows, int n, int64_t room);
bool sync_ignores(struct syncing *sync, const char *user_id);
/* Begins an entry of an object of rooms. */
void sync_room_key(struct buf *out, const char *room_id);

#endif
