/*
 * What members of rooms have not read: running counts, marks, and rows for whoever
 * deviates from them (schema/0006, doc/unread.md). thread is "main" or the id of a
 * thread's root; where it says so, "" stands for the whole room.
 */
#ifndef STORE_UNREAD_H
#define STORE_UNREAD_H

#include "db/db.h"

/* --- written with an event, on the writer --- */

/* An event in a thread, and what it is by the predefined rules. */
enum mx_err store_unread_thread_add(struct db *db, int64_t room, int64_t event,
    const char *thread, int hops, bool notifies, bool loud) MUST_USE;
/* user_id has read up to event. thread "": everything. */
enum mx_err store_unread_mark(struct db *db, int64_t room, const char *user_id,
    const char *thread, int64_t event) MUST_USE;

/* The same of everything, unless that is marked further on already. */
enum mx_err store_unread_mark_forwards(
    struct db *db, int64_t room, const char *user_id, int64_t event) MUST_USE;

struct unread_row {
	const char *user_id; /* NULL where it is known */
	int64_t room, event;
	const char *thread;
	bool notifies, highlights;	      /* what the event is to the user */
	int64_t add_notifies, add_highlights; /* to what the room's count says */
};

enum mx_err store_unread_row_add(struct db *db, const struct unread_row *row) MUST_USE;
/* This row (user_id, room, event) goes. */
enum mx_err store_unread_row_drop(struct db *db, const struct unread_row *row) MUST_USE;
/* Behind this event the room's count is (not) the user's. */
enum mx_err store_unread_mode_add(struct db *db, const char *user_id, int64_t room,
    int64_t event, bool is_quiet) MUST_USE;
/* The event notifies nobody any more. */
enum mx_err store_unread_redact(struct db *db, int64_t room, int64_t event) MUST_USE;
/* The user has left: rows and marks go. */
enum mx_err store_unread_clear(
    struct db *db, const char *user_id, int64_t room) MUST_USE;

/* --- read --- */

/* Which thread is an event in? M_NOT_FOUND: in none. */
enum mx_err store_unread_thread_of(struct db *db, struct arena *arena, int64_t room,
    int64_t event, const char **thread_out, int *hops_out) MUST_USE;
/* The user's last mode in the room; false where there is none. */
enum mx_err store_unread_quiet(
    struct db *db, const char *user_id, int64_t room, bool *quiet_out) MUST_USE;

/* By which event has the user joined? 0: that was before this was kept. */
enum mx_err store_unread_joined(
    struct db *db, int64_t room, const char *user_id, int64_t *event_out) MUST_USE;

/* How many events notify and highlight by the predefined rules. */
struct unread_sums {
	int64_t notifies, highlights;
};
/* Up to and with this event of the room; none of an event that is not there. */
enum mx_err store_unread_sums(
    struct db *db, int64_t event, struct unread_sums *out) MUST_USE;
/* Of those in threads (thread NULL) or in one thread. */
enum mx_err store_unread_thread_sums(struct db *db, int64_t room, const char *thread,
    int64_t event, struct unread_sums *out) MUST_USE;

/* All below: in the arena, in the order of events. */

struct unread_mark {
	const char *thread; /* "": everything */
	int64_t event;
};
/* Marks and receipts (public and private) of a user, in no order. */
enum mx_err store_unread_marks(struct db *db, struct arena *arena, int64_t room,
    const char *user_id, struct unread_mark **marks_out, int *count_out) MUST_USE;
/* A user's rows with from < event <= to. */
enum mx_err store_unread_rows(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, int64_t from, int64_t to, struct unread_row **rows_out,
    int *count_out) MUST_USE;
/* The newest of a user's rows before an event that notify (or highlight), newest first,
 * at most limit. */
enum mx_err store_unread_rows_before(struct db *db, struct arena *arena,
    const char *user_id, int64_t room, int64_t before, bool only_highlights, int limit,
    struct unread_row **rows_out, int *count_out) MUST_USE;

/* All users' rows behind `after` (user_id, room, event) in the order of those: looks at
 * `limit` of them, gives those of events from before before_ts (origin_server_ts).
 * *last_out: the last that was looked at; *more_out: there are more behind it. */
enum mx_err store_unread_rows_old(struct db *db, struct arena *arena,
    const struct unread_row *after, int64_t before_ts, int limit,
    struct unread_row **rows_out, int *count_out, struct unread_row *last_out,
    bool *more_out) MUST_USE;

struct unread_mode {
	int64_t event;
	bool is_quiet;
};
enum mx_err store_unread_modes(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, struct unread_mode **modes_out, int *count_out) MUST_USE;

struct unread_gone {
	int64_t event;
	const char *thread;
	bool loud;
};
/* What notifies no more, with from < event <= to. */
enum mx_err store_unread_redacted(struct db *db, struct arena *arena, int64_t room,
    int64_t from, int64_t to, struct unread_gone **gone_out, int *count_out) MUST_USE;
/* Threads in which something behind an event notifies by the predefined rules, and the
 * last event of each that does. */
enum mx_err store_unread_threads_since(struct db *db, struct arena *arena, int64_t room,
    int64_t since, struct unread_mark **ends_out, int *count_out) MUST_USE;

/* An event that notifies by the predefined rules. */
struct unread_event {
	int64_t event;
	bool loud;
};
/*
 * Those with after < event < before, newest first, at most limit; not redacted. Looks
 * at `scan` events of the room at most: *scanned_out is the oldest it looked at if
 * there may be more behind it, 0 if there are not.
 */
enum mx_err store_unread_events_before(struct db *db, struct arena *arena, int64_t room,
    int64_t after, int64_t before, bool only_loud, int limit, int scan,
    struct unread_event **events_out, int *count_out, int64_t *scanned_out) MUST_USE;

#endif
