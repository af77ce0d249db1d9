/*
 * All the SQL about account data. Relies on db alone.
 * Below room/account_data; read for each /sync.
 */
#include "store/account_data.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define COLUMNS "room, type, json, position"

static void
read_row(struct stmt *q, struct arena *arena, struct account_data_row *out)
{
	struct str json = col_blob(q, 2);

	*out = (struct account_data_row){ .room = col_int(q, 0),
		.type = col_dup(q, 1, arena),
		.json = arena_strndup(arena, json.p, json.n),
		.json_n = json.n,
		.position = col_int(q, 3) };
}

static enum mx_err
read_rows(struct stmt *q, struct arena *arena, struct account_data_row **rows_out,
    int *count_out)
{
	VEC(struct account_data_row) rows = { 0 };

	while (stmt_next(q)) {
		struct account_data_row row;

		read_row(q, arena, &row);
		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

enum mx_err
store_account_data_get(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, const char *type, struct account_data_row *out)
{
	struct stmt *q = db_stmt(db, "SELECT " COLUMNS " FROM account_data"
				     " WHERE user_id = $1 AND room = $2 AND type = $3");
	enum mx_err err;
	bool found;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	stmt_text(q, 3, type);
	found = stmt_next(q);
	if (found)
		read_row(q, arena, out);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

/* *is_there_out: the type has a value; *is_same_out: this very one. */
static enum mx_err
compare(struct db *db, const char *user_id, const struct account_data_row *row,
    bool *is_there_out, bool *is_same_out)
{
	struct stmt *q = db_stmt(db, "SELECT json FROM account_data"
				     " WHERE user_id = $1 AND room = $2 AND type = $3");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, row->room);
	stmt_text(q, 3, row->type);
	*is_there_out = stmt_next(q);
	*is_same_out = *is_there_out &&
		       str_eq(col_blob(q, 0), (struct str){ row->json, row->json_n });
	return stmt_done(q);
}

static enum mx_err
check_count(struct db *db, const char *user_id, int64_t room)
{
	struct stmt *q = db_stmt(
	    db, "SELECT count(*) FROM account_data WHERE user_id = $1 AND room = $2");
	int64_t count;
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	count = stmt_next(q) ? col_int(q, 0) : 0;
	err = stmt_done(q);
	return err == M_OK && count >= ACCOUNT_DATA_MAX ? M_TOO_LARGE : err;
}

static enum mx_err
put(struct db *db, const char *user_id, const struct account_data_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO account_data (user_id, room, type, json, position)"
	    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, room, type)"
	    " DO UPDATE SET json = excluded.json, position = excluded.position");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, row->room);
	stmt_text(q, 3, row->type);
	stmt_blob(q, 4, row->json, row->json_n);
	stmt_int(q, 5, row->position);
	return stmt_run(q);
}

enum mx_err
store_account_data_set(struct db *db, const char *user_id,
    const struct account_data_row *row, bool *changed_out)
{
	bool is_there, is_same;
	enum mx_err err = compare(db, user_id, row, &is_there, &is_same);

	*changed_out = false;
	if (err == M_OK && !is_there)
		err = check_count(db, user_id, row->room);
	if (err != M_OK || is_same)
		return err;
	*changed_out = true;
	return put(db, user_id, row);
}

enum mx_err
store_account_data_since(struct db *db, struct arena *arena, const char *user_id,
    int64_t since, int64_t until, struct account_data_row **rows_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " COLUMNS " FROM account_data"
			" WHERE user_id = $1 AND position > $2 AND position <= $3"
			" ORDER BY position");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, since);
	stmt_int(q, 3, until);
	return read_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_account_data_of(struct db *db, struct arena *arena, const char *user_id,
    int64_t room, struct account_data_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db, "SELECT " COLUMNS " FROM account_data"
				     " WHERE user_id = $1 AND room = $2 ORDER BY type");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, room);
	return read_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_account_data_remove(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM account_data WHERE user_id = $1");

	stmt_text(q, 1, user_id);
	return stmt_run(q);
}
