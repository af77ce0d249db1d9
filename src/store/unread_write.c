/*
 * The SQL of what is unread, as it is written: with each event, on the writer thread,
 * by room/push_append.
 */
#include "store/events.h"
#include "store/unread.h"

/* --- threads --- */

static enum mx_err
set_end(struct db *db, int64_t room, int64_t event, const char *thread)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO unread_thread_ends (room, thread, event) VALUES ($1, $2, $3)"
	    " ON CONFLICT (room, thread) DO UPDATE SET event = excluded.event");

	stmt_int(q, 1, room);
	stmt_text(q, 2, thread);
	stmt_int(q, 3, event);
	return stmt_run(q);
}

enum mx_err
store_unread_thread_add(struct db *db, int64_t room, int64_t event, const char *thread,
    int hops, bool notifies, bool loud)
{
	struct unread_sums all, own;
	enum mx_err err = store_unread_thread_sums(db, room, NULL, event, &all);
	struct stmt *q;

	if (err == M_OK)
		err = store_unread_thread_sums(db, room, thread, event, &own);
	if (err != M_OK)
		return err;
	q = db_stmt(db,
	    "INSERT INTO unread_threads (room, event, thread, hops, all_notified,"
	    " all_loud, notified, loud) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	stmt_text(q, 3, thread);
	stmt_int(q, 4, hops);
	stmt_int(q, 5, all.notifies + notifies);
	stmt_int(q, 6, all.highlights + loud);
	stmt_int(q, 7, own.notifies + notifies);
	stmt_int(q, 8, own.highlights + loud);
	err = stmt_run(q);
	return err == M_OK && notifies ? set_end(db, room, event, thread) : err;
}

/* --- users --- */

enum mx_err
store_unread_mark(
    struct db *db, int64_t room, const char *user_id, const char *thread, int64_t event)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO unread_marks (room, user_id, thread, event)"
			" VALUES ($1, $2, $3, $4) ON CONFLICT (room, user_id, thread)"
			" DO UPDATE SET event = excluded.event");

	stmt_int(q, 1, room);
	stmt_text(q, 2, user_id);
	stmt_text(q, 3, thread);
	stmt_int(q, 4, event);
	return stmt_run(q);
}

enum mx_err
store_unread_mark_forwards(
    struct db *db, int64_t room, const char *user_id, int64_t event)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO unread_marks (room, user_id, thread, event)"
			" VALUES ($1, $2, '', $3) ON CONFLICT (room, user_id, thread)"
			" DO UPDATE SET event = excluded.event"
			" WHERE excluded.event > unread_marks.event");

	stmt_int(q, 1, room);
	stmt_text(q, 2, user_id);
	stmt_int(q, 3, event);
	return stmt_run(q);
}

enum mx_err
store_unread_row_add(struct db *db, const struct unread_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO unread_rows (user_id, room, event, thread, notifies,"
	    " highlights, add_notifies, add_highlights)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

	stmt_text(q, 1, row->user_id);
	stmt_int(q, 2, row->room);
	stmt_int(q, 3, row->event);
	stmt_text(q, 4, row->thread);
	stmt_int(q, 5, row->notifies);
	stmt_int(q, 6, row->highlights);
	stmt_int(q, 7, row->add_notifies);
	stmt_int(q, 8, row->add_highlights);
	return stmt_run(q);
}

enum mx_err
store_unread_row_drop(struct db *db, const struct unread_row *row)
{
	struct stmt *q = db_stmt(db,
	    "DELETE FROM unread_rows WHERE user_id = $1 AND room = $2 AND event = $3");

	stmt_text(q, 1, row->user_id);
	stmt_int(q, 2, row->room);
	stmt_int(q, 3, row->event);
	return stmt_run(q);
}

enum mx_err
store_unread_mode_add(
    struct db *db, const char *user_id, int64_t room, int64_t event, bool is_quiet)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO unread_modes (user_id, room, event, quiet)"
			" VALUES ($1, $2, $3, $4)");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	stmt_int(q, 3, event);
	stmt_int(q, 4, is_quiet);
	return stmt_run(q);
}

static enum mx_err
clear(struct db *db, const char *sql, const char *user_id, int64_t room)
{
	struct stmt *q = db_stmt(db, sql);

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	return stmt_run(q);
}

enum mx_err
store_unread_clear(struct db *db, const char *user_id, int64_t room)
{
	enum mx_err err = clear(db,
	    "DELETE FROM unread_rows WHERE user_id = $1 AND room = $2", user_id, room);

	if (err != M_OK)
		return err;
	return clear(db, "DELETE FROM unread_marks WHERE user_id = $1 AND room = $2",
	    user_id, room);
}

/* --- redactions --- */

/* flags: 16 notifies, 32 highlights (enum event_flag). */
static enum mx_err
note_redacted(struct db *db, int64_t event)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO unread_redacted (room, event, thread, loud)"
	    " SELECT e.room, e.event, COALESCE((SELECT t.thread FROM unread_threads t"
	    " WHERE t.room = e.room AND t.event = e.event), 'main'),"
	    " e.flags / 32 % 2 FROM events e"
	    " WHERE e.event = $1 AND e.flags / 16 % 2 = 1"
	    " ON CONFLICT (room, event) DO NOTHING");

	stmt_int(q, 1, event);
	return stmt_run(q);
}

enum mx_err
store_unread_redact(struct db *db, int64_t room, int64_t event)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM unread_rows WHERE room = $1 AND event = $2");
	enum mx_err err;

	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	err = stmt_run(q);
	return err == M_OK ? note_redacted(db, event) : err;
}
