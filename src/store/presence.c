/*
 * All the SQL about presence. Relies on db alone. Below core/presence, which reads it
 * at start and writes rarely; and below the presence lists.
 */
#include "store/presence.h"

#include <stdlib.h>

#include "base/vec.h"

/* Its device's last sign of life may come behind the end of an account. */
#define HAS_ENDED "EXISTS (SELECT 1 FROM users WHERE user_id = $1 AND deactivated = 1)"

enum mx_err
store_presence_each(struct db *db, int64_t since_ts,
    void (*each)(void *arg, const struct presence_stored *row), void *arg)
{
	struct stmt *q = db_stmt(db,
	    "SELECT user_id, is_online, status_msg, last_active_ts, changed_ts"
	    " FROM presence"
	    " WHERE is_online = 1 OR status_msg IS NOT NULL OR changed_ts >= $1"
	    " ORDER BY changed_ts");

	stmt_int(q, 1, since_ts);
	while (stmt_next(q)) {
		struct presence_stored row = { .user_id = col_text(q, 0),
			.is_online = col_int(q, 1) != 0,
			.status_msg = col_text(q, 2),
			.last_active_ts = col_int(q, 3),
			.changed_ts = col_int(q, 4) };

		each(arg, &row);
	}
	return stmt_done(q);
}

enum mx_err
store_presence_set(struct db *db, const struct presence_stored *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO presence (user_id, is_online, last_active_ts, changed_ts)"
	    " SELECT $1, $2, $3, $4 WHERE NOT " HAS_ENDED " ON CONFLICT (user_id)"
	    " DO UPDATE SET is_online = excluded.is_online,"
	    " last_active_ts = excluded.last_active_ts,"
	    " changed_ts = excluded.changed_ts");

	stmt_text(q, 1, row->user_id);
	stmt_int(q, 2, row->is_online);
	stmt_int(q, 3, row->last_active_ts);
	stmt_int(q, 4, row->changed_ts);
	return stmt_run(q);
}

enum mx_err
store_presence_status(struct db *db, const char *user_id, const char *status_msg)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO presence (user_id, status_msg)"
			" SELECT $1, $2 WHERE NOT " HAS_ENDED " ON CONFLICT (user_id)"
			" DO UPDATE SET status_msg = excluded.status_msg");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, status_msg);
	return stmt_run(q);
}

enum mx_err
store_presence_remove(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM presence WHERE user_id = $1");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	err = stmt_run(q);
	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM presence_lists WHERE user_id = $1");
	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

enum mx_err
store_presence_list(struct db *db, struct arena *arena, const char *user_id,
    const char ***observed_out, int *count_out)
{
	struct stmt *q = db_stmt(db, "SELECT observed FROM presence_lists"
				     " WHERE user_id = $1 ORDER BY observed");
	VEC(const char *) ids = { 0 };

	stmt_text(q, 1, user_id);
	while (stmt_next(q))
		vec_push(&ids, col_dup(q, 0, arena));
	*observed_out = arena_dup(arena, ids.v, ids.n * sizeof *ids.v);
	*count_out = (int)ids.n;
	vec_free(&ids);
	return stmt_done(q);
}

enum mx_err
store_presence_list_add(struct db *db, const char *user_id, const char *observed)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO presence_lists (user_id, observed) VALUES ($1, $2)"
			" ON CONFLICT (user_id, observed) DO NOTHING");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, observed);
	return stmt_run(q);
}

enum mx_err
store_presence_list_drop(struct db *db, const char *user_id, const char *observed)
{
	struct stmt *q = db_stmt(
	    db, "DELETE FROM presence_lists WHERE user_id = $1 AND observed = $2");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, observed);
	return stmt_run(q);
}
