/*
 * One look of /sync, shared by sync.c (which rooms, what is global), sync_room.c (a
 * room one is in), sync_left.c (one that was left), sync_changes.c (its timeline, and
 * what changed), sync_state.c (its state) and sync_stripped.c (invites and knocks).
 */
#ifndef STREAM_SYNC_INSIDE_H
#define STREAM_SYNC_INSIDE_H

#include "base/map.h"
#include "base/vec.h"
#include "room/ignored.h"
#include "room/state_list.h"
#include "room/timeline.h"
#include "store/account_data.h"
#include "stream/sync.h"

/* Owned by one look. */
struct syncing {
	struct ctx *ctx;
	struct arena *arena; /* the look's; what is of one room lies in the room's */
	const struct sync_ask *ask;
	int64_t since, until; /* since < position <= until is new; since 0: all is */
	/* The user's own data that is new, of all rooms (room 0: of none). */
	bool has_own;
	struct account_data_row *own;
	int own_count;
	/* Since: rooms that the user has joined, and users who joined one of theirs. */
	VEC(int64_t) joined_rooms;
	VEC(const char *) joined_users;
	struct map joined_before;      /* joined_users, to have each once */
	const struct ignored *ignored; /* whom the user ignores; read when asked for */
	bool has_ignored;
	bool failed;	/* that could not be read */
	int scans_left; /* events that may yet be looked at for timelines */
	size_t begun;	/* where the answer begins in join */
	size_t size_max;
	/* The answer up to its joined rooms; the others', comma-separated. */
	struct buf *join, invite, knock, leave;
};

/* What is known to have moved in a room. */
struct room_news {
	int64_t room;	   /* its integer */
	bool has_events;   /* in its timeline */
	bool has_receipts; /* that all may see */
	bool has_typing;
	bool has_own;  /* account data or receipts of the user's own */
	bool is_guess; /* nobody knows: each of these may be so */
};

/* Of one (type, state_key) that changed. */
struct changed_key {
	const struct state_ref *last, *before; /* before: of those before `start` */
	int64_t told; /* the newest event of it that is in the timeline; 0: none */
	bool listed;  /* it is in the list of state */
};

/* A room on its way into the answer. */
struct room_sync {
	struct syncing *sync;
	struct arena *arena; /* emptied behind the room */
	struct room_news news;
	struct room *room;
	struct snapshot *s;
	struct seer seer;
	int64_t since, until; /* as in syncing; until the leaving of who has left */
	bool is_full;	      /* all its state is told, not what changed alone */
	bool tells_summary;
	struct filter timeline, state; /* of the room */
	struct page page;	       /* the timeline, newest first */
	struct map told;	       /* its events, by their integers */
	int64_t start; /* the first of them; without any, behind `until` */
	/* The state events behind `since` (0: from `start`), up to `until`. */
	struct state_ref *changed;
	int changed_count;
	struct map keys; /* type, 0, state_key -> struct changed_key */
	struct buf key;	 /* one that is looked for */
	/* The user's own membership, where it became another after they left; event 0:
	 * it did not. */
	struct state_ref own;
	bool is_own_new;  /* it goes into the timeline */
	bool hides_state; /* the user was never in it */
};

/* sync_room.c: appends "!room":{...} where there is anything to tell. */
enum mx_err sync_joined(struct room_sync *r, bool was_joined, struct buf *out) MUST_USE;
/* Appends the entry, and takes it back if nothing in it is new (is_news: something is).
 */
enum mx_err sync_write_room(
    struct room_sync *r, bool is_joined, bool is_news, struct buf *out) MUST_USE;
/* sync_left.c: the same of a room that the user is in no longer; nothing if that is no
 * news and not asked for. */
enum mx_err sync_left(struct room_sync *r, struct buf *out) MUST_USE;

/* sync_changes.c: the filter's parts become those of this room. */
void sync_set_filters(struct room_sync *r);
/* The timeline behind `since`, up to `until`. */
enum mx_err sync_read_timeline(struct room_sync *r) MUST_USE;
/* What changed of the state, with the timeline cut where it would mislead. */
enum mx_err sync_read_changes(struct room_sync *r) MUST_USE;
/* One more event, the newest, if it passes the filter. */
enum mx_err sync_add_to_timeline(struct room_sync *r, int64_t event) MUST_USE;
bool sync_in_timeline(const struct room_sync *r, int64_t event);
/* NULL: it did not change. */
struct changed_key *sync_change_of(
    struct room_sync *r, const char *type, const char *state_key);
void sync_changes_fini(struct room_sync *r);

/* sync_state.c: the events for "state" or "state_after". */
enum mx_err sync_state_refs(
    struct room_sync *r, struct state_ref **refs_out, int *n_out) MUST_USE;
/* A member just before `at`; M_NOT_FOUND. */
enum mx_err sync_member_at(struct room_sync *r, int64_t at, const char *user_id,
    struct state_ref *out) MUST_USE;
/* Appends ,"summary":{...} */
enum mx_err sync_write_summary(struct room_sync *r, struct buf *out) MUST_USE;
/* The members that name a room which has no name of its own; returns how many. */
int sync_heroes(struct room_sync *r, const char ***heroes_out);

/* sync_stripped.c: appends "!room":{"invite_state":{...}}; key is "invite_state" or
 * "knock_state"; own is the user's membership. Nothing if who invites is ignored. */
enum mx_err sync_stripped(struct room_sync *r, const char *key,
    const struct state_ref *own, struct buf *out) MUST_USE;

/* Appends those of the rows that are of the room (0: of none) and pass, as events;
 * true: there is one. */
bool sync_write_own(struct buf *out, const struct filter *filter,
    const struct account_data_row *rows, int n, int64_t room);
/* Whom the user ignores; read when it is first asked for. NULL: nobody. */
const struct ignored *sync_ignored(struct syncing *sync);
bool sync_ignores(struct syncing *sync, const char *user_id);
size_t sync_size(const struct syncing *sync); /* of the answer so far */
/* Begins an entry of an object of rooms. */
void sync_room_key(struct buf *out, const char *room_id);

#endif
