/*
 * All the SQL about devices. Relies on store/tokens, whose rows belong to devices.
 * Below core/devices and core/login.
 */
#include "store/devices.h"

#include <stdlib.h>
#include "base/vec.h"
#include "store/tokens.h"

#define DEVICE_COLUMNS "device_id, display_name, last_seen_ts, last_seen_ip"

enum mx_err
store_device_add(struct db *db, const char *user_id, const struct device_row *row)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO devices (user_id, " DEVICE_COLUMNS ")"
			" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, device_id)"
			" DO UPDATE SET last_seen_ts = excluded.last_seen_ts,"
			" last_seen_ip = excluded.last_seen_ip");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, row->device_id);
	stmt_text(q, 3, row->display_name);
	stmt_int(q, 4, row->last_seen_ts);
	stmt_text(q, 5, row->last_seen_ip);
	return stmt_run(q);
}

static void
read_device(struct stmt *q, struct arena *arena, struct device_row *out)
{
	*out = (struct device_row){ .device_id = col_dup(q, 0, arena),
		.display_name = col_dup(q, 1, arena),
		.last_seen_ts = col_int(q, 2),
		.last_seen_ip = col_dup(q, 3, arena) };
}

enum mx_err
store_devices_list(struct db *db, struct arena *arena, const char *user_id,
    struct device_row **rows_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " DEVICE_COLUMNS
			" FROM devices WHERE user_id = $1 ORDER BY device_id");
	VEC(struct device_row) rows = { 0 };

	stmt_text(q, 1, user_id);
	while (stmt_next(q)) {
		struct device_row row;

		read_device(q, arena, &row);
		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

enum mx_err
store_device_get(struct db *db, struct arena *arena, const char *user_id,
    const char *device_id, struct device_row *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " DEVICE_COLUMNS
			" FROM devices WHERE user_id = $1 AND device_id = $2");
	enum mx_err err;
	bool found;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	found = stmt_next(q);
	if (found)
		read_device(q, arena, out);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_device_rename(
    struct db *db, const char *user_id, const char *device_id, const char *display_name)
{
	struct stmt *q = db_stmt(db, "UPDATE devices SET display_name = $3"
				     " WHERE user_id = $1 AND device_id = $2");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	stmt_text(q, 3, display_name);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_NOT_FOUND : err;
}

enum mx_err
store_device_seen(struct db *db, const char *user_id, const char *device_id, int64_t ts,
    const char *ip)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE devices SET last_seen_ts = $3, last_seen_ip = $4"
			" WHERE user_id = $1 AND device_id = $2");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	stmt_int(q, 3, ts);
	stmt_text(q, 4, ip);
	return stmt_run(q);
}

enum mx_err
store_device_remove(struct db *db, const char *user_id, const char *device_id)
{
	struct stmt *q;
	enum mx_err err = store_tokens_remove(db, user_id, device_id);

	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM devices WHERE user_id = $1 AND device_id = $2");
	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	return stmt_run(q);
}

enum mx_err
store_devices_remove_all(struct db *db, const char *user_id)
{
	struct stmt *q;
	enum mx_err err = store_tokens_remove_all(db, user_id);

	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM devices WHERE user_id = $1");
	stmt_text(q, 1, user_id);
	return stmt_run(q);
}
