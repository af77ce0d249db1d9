/*
 * The SQL of what is unread, as it is read. Below room/unread and room/notifications;
 * store/unread_write has the other half.
 */
#include "store/unread.h"

#include <string.h>

#include "store/events.h"

/* Room for one more item behind n. */
static void *
grown(struct arena *arena, void *items, int n, size_t size)
{
	void *more;

	if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
		return items;
	more = arena_raw(arena, size * (n < 8 ? 8 : n * 2));
	if (n > 0)
		memcpy(more, items, size * n);
	return more;
}

enum mx_err
store_unread_thread_of(struct db *db, struct arena *arena, int64_t room, int64_t event,
    const char **thread_out, int *hops_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT thread, hops FROM unread_threads WHERE room = $1 AND event = $2");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	found = stmt_next(q);
	if (found) {
		*thread_out = col_dup(q, 0, arena);
		*hops_out = (int)col_int(q, 1);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_unread_quiet(struct db *db, const char *user_id, int64_t room, bool *quiet_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT quiet FROM unread_modes WHERE user_id = $1 AND room = $2"
	    " ORDER BY event DESC LIMIT 1");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	*quiet_out = stmt_next(q) && col_int(q, 0) != 0;
	return stmt_done(q);
}

enum mx_err
store_unread_joined(
    struct db *db, int64_t room, const char *user_id, int64_t *event_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event FROM unread_marks"
			" WHERE room = $1 AND user_id = $2 AND thread = ''");

	stmt_int(q, 1, room);
	stmt_text(q, 2, user_id);
	*event_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

/* --- counts --- */

static enum mx_err
read_sums(struct stmt *q, struct unread_sums *out)
{
	*out = (struct unread_sums){ 0, 0 };
	if (stmt_next(q))
		*out = (struct unread_sums){ col_int(q, 0), col_int(q, 1) };
	return stmt_done(q);
}

enum mx_err
store_unread_sums(struct db *db, int64_t event, struct unread_sums *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT notified, loud FROM events WHERE event = $1");

	stmt_int(q, 1, event);
	return read_sums(q, out);
}

enum mx_err
store_unread_thread_sums(struct db *db, int64_t room, const char *thread, int64_t event,
    struct unread_sums *out)
{
	struct stmt *q;

	if (thread == NULL)
		q = db_stmt(db,
		    "SELECT all_notified, all_loud FROM unread_threads"
		    " WHERE room = $1 AND event <= $2 ORDER BY event DESC LIMIT 1");
	else
		/* Asked for otherwise, SQLite walks back through all threads. */
		q = db_stmt(db,
		    "SELECT notified, loud FROM unread_threads WHERE room = $1"
		    " AND event = (SELECT max(event) FROM unread_threads"
		    " WHERE room = $1 AND thread = $3 AND event <= $2)");
	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	if (thread != NULL)
		stmt_text(q, 3, thread);
	return read_sums(q, out);
}

/* --- what one user has read, and what is different to them --- */

enum mx_err
store_unread_marks(struct db *db, struct arena *arena, int64_t room,
    const char *user_id, struct unread_mark **marks_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT thread, event FROM unread_marks WHERE room = $1 AND user_id = $2"
	    " UNION ALL"
	    " SELECT thread, event FROM receipts WHERE room = $1 AND user_id = $2");
	struct unread_mark *marks = NULL;
	int n = 0;

	stmt_int(q, 1, room);
	stmt_text(q, 2, user_id);
	while (stmt_next(q)) {
		marks = grown(arena, marks, n, sizeof *marks);
		marks[n++] =
		    (struct unread_mark){ col_dup(q, 0, arena), col_int(q, 1) };
	}
	*marks_out = marks;
	*count_out = n;
	return stmt_done(q);
}

/* What read_row reads, in its order. */
#define ROW_COLUMNS                                                                    \
	"room, event, thread, notifies, highlights, add_notifies, add_highlights"

static enum mx_err
read_unread_rows(
    struct stmt *q, struct arena *arena, struct unread_row **rows_out, int *count_out)
{
	struct unread_row *rows = NULL;
	int n = 0;

	while (stmt_next(q)) {
		rows = grown(arena, rows, n, sizeof *rows);
		rows[n++] = (struct unread_row){ .room = col_int(q, 0),
			.event = col_int(q, 1),
			.thread = col_dup(q, 2, arena),
			.notifies = col_int(q, 3) != 0,
			.highlights = col_int(q, 4) != 0,
			.add_notifies = col_int(q, 5),
			.add_highlights = col_int(q, 6) };
	}
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_unread_rows(struct db *db, struct arena *arena, const char *user_id, int64_t room,
    int64_t from, int64_t to, struct unread_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT " ROW_COLUMNS " FROM unread_rows WHERE user_id = $1 AND room = $2"
	    " AND event > $3 AND event <= $4 ORDER BY event");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	stmt_int(q, 3, from);
	stmt_int(q, 4, to);
	return read_unread_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_unread_rows_before(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, int64_t before, bool only_highlights, int limit,
    struct unread_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT " ROW_COLUMNS " FROM unread_rows WHERE user_id = $1 AND room = $2"
	    " AND event < $3 AND notifies = 1 AND highlights >= $4"
	    " ORDER BY event DESC LIMIT $5");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	stmt_int(q, 3, before);
	stmt_int(q, 4, only_highlights);
	stmt_int(q, 5, limit);
	return read_unread_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_unread_rows_old(struct db *db, struct arena *arena,
    const struct unread_row *after, int64_t before_ts, int limit,
    struct unread_row **rows_out, int *count_out, struct unread_row *last_out,
    bool *more_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT u.user_id, u.room, u.event, u.thread, e.ts FROM unread_rows u"
	    " LEFT JOIN events e ON e.event = u.event"
	    " WHERE (u.user_id, u.room, u.event) > ($1, $2, $3)"
	    " ORDER BY u.user_id, u.room, u.event LIMIT $4");
	struct unread_row *rows = ARENA_ARRAY(arena, struct unread_row, (size_t)limit);
	int n = 0, looked = 0;

	stmt_text(q, 1, after->user_id);
	stmt_int(q, 2, after->room);
	stmt_int(q, 3, after->event);
	stmt_int(q, 4, limit);
	for (; looked < limit && stmt_next(q); looked++) {
		*last_out = (struct unread_row){ .user_id = col_dup(q, 0, arena),
			.room = col_int(q, 1),
			.event = col_int(q, 2),
			.thread = col_dup(q, 3, arena) };
		if (col_int(q, 4) < before_ts)
			rows[n++] = *last_out;
	}
	*rows_out = rows;
	*count_out = n;
	*more_out = looked == limit;
	return stmt_done(q);
}

enum mx_err
store_unread_modes(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, struct unread_mode **modes_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT event, quiet FROM unread_modes WHERE user_id = $1 AND room = $2"
	    " ORDER BY event");
	struct unread_mode *modes = NULL;
	int n = 0;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	while (stmt_next(q)) {
		modes = grown(arena, modes, n, sizeof *modes);
		modes[n++] = (struct unread_mode){ col_int(q, 0), col_int(q, 1) != 0 };
	}
	*modes_out = modes;
	*count_out = n;
	return stmt_done(q);
}

/* --- what is the same to all --- */

enum mx_err
store_unread_redacted(struct db *db, struct arena *arena, int64_t room, int64_t from,
    int64_t to, struct unread_gone **gone_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT event, thread, loud FROM unread_redacted"
	    " WHERE room = $1 AND event > $2 AND event <= $3 ORDER BY event");
	struct unread_gone *gone = NULL;
	int n = 0;

	stmt_int(q, 1, room);
	stmt_int(q, 2, from);
	stmt_int(q, 3, to);
	while (stmt_next(q)) {
		gone = grown(arena, gone, n, sizeof *gone);
		gone[n++] = (struct unread_gone){ col_int(q, 0), col_dup(q, 1, arena),
			col_int(q, 2) != 0 };
	}
	*gone_out = gone;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_unread_threads_since(struct db *db, struct arena *arena, int64_t room,
    int64_t since, struct unread_mark **ends_out, int *count_out)
{
	struct stmt *q = db_stmt(db, "SELECT thread, event FROM unread_thread_ends"
				     " WHERE room = $1 AND event > $2 ORDER BY event");
	struct unread_mark *ends = NULL;
	int n = 0;

	stmt_int(q, 1, room);
	stmt_int(q, 2, since);
	while (stmt_next(q)) {
		ends = grown(arena, ends, n, sizeof *ends);
		ends[n++] = (struct unread_mark){ col_dup(q, 0, arena), col_int(q, 1) };
	}
	*ends_out = ends;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_unread_events_before(struct db *db, struct arena *arena, int64_t room,
    int64_t after, int64_t before, bool only_loud, int limit, int scan,
    struct unread_event **events_out, int *count_out, int64_t *scanned_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event, flags, redacted_by FROM events"
			" WHERE room = $1 AND line > $2 AND line < $3 AND sub = 0"
			" ORDER BY line DESC LIMIT $4");
	int64_t wanted = only_loud ? EVENT_LOUD : EVENT_NOTIFIES, last = 0;
	struct unread_event *events = NULL;
	int n = 0, looked = 0;

	stmt_int(q, 1, room);
	stmt_int(q, 2, after);
	stmt_int(q, 3, before);
	stmt_int(q, 4, scan);
	for (; n < limit && stmt_next(q); looked++) {
		int64_t flags = col_int(q, 1);

		last = col_int(q, 0);
		if ((flags & wanted) == 0 || !col_is_null(q, 2))
			continue;
		events = grown(arena, events, n, sizeof *events);
		events[n++] = (struct unread_event){ last, (flags & EVENT_LOUD) != 0 };
	}
	*events_out = events;
	*count_out = n;
	*scanned_out = n == limit || looked == scan ? last : 0;
	return stmt_done(q);
}
