/*
 * All the SQL about receipts. Relies on store/events for which event is the later one.
 * Below room/receipts; read for each /sync.
 */
#include "store/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "store/events.h"
#include "store/unread.h"

#define COLUMNS "room, user_id, kind, thread, event, event_id, ts, position"

static void
read_row(struct stmt *q, struct arena *arena, struct receipt_row *out)
{
	*out = (struct receipt_row){ .room = col_int(q, 0),
		.user_id = col_dup(q, 1, arena),
		.kind = (int)col_int(q, 2),
		.thread = col_dup(q, 3, arena),
		.event = col_int(q, 4),
		.event_id = col_dup(q, 5, arena),
		.ts = col_int(q, 6),
		.position = col_int(q, 7) };
}

static enum mx_err
read_rows(
    struct stmt *q, struct arena *arena, struct receipt_row **rows_out, int *count_out)
{
	VEC(struct receipt_row) rows = { 0 };

	while (stmt_next(q)) {
		struct receipt_row row;

		read_row(q, arena, &row);
		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

/* The event of the present receipt; 0: there is none. */
static enum mx_err
present(struct db *db, const struct receipt_row *row, int64_t *event_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT event FROM receipts"
	    " WHERE room = $1 AND user_id = $2 AND kind = $3 AND thread = $4");

	stmt_int(q, 1, row->room);
	stmt_text(q, 2, row->user_id);
	stmt_int(q, 3, row->kind);
	stmt_text(q, 4, row->thread);
	*event_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

static enum mx_err
put(struct db *db, const struct receipt_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO receipts (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
	    " ON CONFLICT (room, user_id, kind, thread) DO UPDATE SET"
	    " event = excluded.event, event_id = excluded.event_id,"
	    " ts = excluded.ts, position = excluded.position");

	stmt_int(q, 1, row->room);
	stmt_text(q, 2, row->user_id);
	stmt_int(q, 3, row->kind);
	stmt_text(q, 4, row->thread);
	stmt_int(q, 5, row->event);
	stmt_text(q, 6, row->event_id);
	stmt_int(q, 7, row->ts);
	stmt_int(q, 8, row->position);
	return stmt_run(q);
}

/* Of as many threads as may be the one that was read the least far; "": there are not
 * so many. */
static enum mx_err
find_surplus(struct db *db, const struct receipt_row *row, struct arena *arena,
    struct receipt_row *out)
{
	struct stmt *q = db_stmt(db, "SELECT thread, event FROM receipts"
				     " WHERE room = $1 AND user_id = $2 AND kind = $3"
				     " AND thread <> '' AND thread <> 'main'"
				     " ORDER BY event DESC LIMIT 1 OFFSET $4");

	*out = *row;
	out->thread = "";
	stmt_int(q, 1, row->room);
	stmt_text(q, 2, row->user_id);
	stmt_int(q, 3, row->kind);
	stmt_int(q, 4, RECEIPTS_THREADS_MAX - 1);
	if (stmt_next(q)) {
		out->thread = col_dup(q, 0, arena);
		out->event = col_int(q, 1);
	}
	return stmt_done(q);
}

static enum mx_err
drop(struct db *db, const struct receipt_row *row)
{
	struct stmt *q = db_stmt(db,
	    "DELETE FROM receipts"
	    " WHERE room = $1 AND user_id = $2 AND kind = $3 AND thread = $4");

	stmt_int(q, 1, row->room);
	stmt_text(q, 2, row->user_id);
	stmt_int(q, 3, row->kind);
	stmt_text(q, 4, row->thread);
	return stmt_run(q);
}

/* Makes room for a thread that the user had no receipt of. What was read shall not be
 * unread again: up to there everything counts as read. */
static enum mx_err
trim_threads(struct db *db, const struct receipt_row *row)
{
	struct arena *arena = arena_new();
	struct receipt_row surplus;
	enum mx_err err = find_surplus(db, row, arena, &surplus);

	if (err == M_OK && surplus.thread[0] != '\0') {
		err = drop(db, &surplus);
		if (err == M_OK)
			err = store_unread_mark_forwards(
			    db, row->room, row->user_id, surplus.event);
	}
	arena_free(arena);
	return err;
}

static bool
is_of_thread(const struct receipt_row *row)
{
	return row->thread[0] != '\0' && strcmp(row->thread, "main") != 0;
}

enum mx_err
store_receipt_set(struct db *db, const struct receipt_row *row, bool *changed_out)
{
	int64_t event;
	bool is_later = true;
	enum mx_err err = present(db, row, &event);

	*changed_out = false;
	if (err == M_OK && event != 0)
		err = store_event_is_later(db, row->event, event, &is_later);
	if (err != M_OK || !is_later)
		return err;
	*changed_out = true;
	if (event == 0 && is_of_thread(row))
		err = trim_threads(db, row);
	return err == M_OK ? put(db, row) : err;
}

static void
turn(struct receipt_row *rows, int n)
{
	for (int i = 0; i < n / 2; i++) {
		struct receipt_row row = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = row;
	}
}

enum mx_err
store_receipts_since(struct db *db, struct arena *arena, int64_t room,
    const char *asker, int64_t since, int64_t until, int limit,
    struct receipt_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT " COLUMNS " FROM receipts"
	    " WHERE room = $1 AND position > $2 AND position <= $3"
	    " AND (kind = 0 OR user_id = $4) ORDER BY position DESC LIMIT $5");
	enum mx_err err;

	stmt_int(q, 1, room);
	stmt_int(q, 2, since);
	stmt_int(q, 3, until);
	stmt_text(q, 4, asker);
	stmt_int(q, 5, limit);
	err = read_rows(q, arena, rows_out, count_out);
	turn(*rows_out, *count_out);
	return err;
}

enum mx_err
store_receipts_of_user(struct db *db, struct arena *arena, int64_t room,
    const char *user_id, struct receipt_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT " COLUMNS " FROM receipts WHERE room = $1 AND user_id = $2"
	    " ORDER BY kind, thread");

	stmt_int(q, 1, room);
	stmt_text(q, 2, user_id);
	return read_rows(q, arena, rows_out, count_out);
}
