/*
 * All the SQL about previews of links. Relies on db alone. Below core/preview.
 */
#include "store/previews.h"

enum mx_err
store_preview_get(struct db *db, struct arena *arena, const char *url, int64_t now_ts,
    const char **json_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT json FROM url_previews WHERE url = $1 AND expires_ts > $2");
	bool found;
	enum mx_err err;

	stmt_text(q, 1, url);
	stmt_int(q, 2, now_ts);
	found = stmt_next(q);
	if (found)
		*json_out = col_dup(q, 0, arena);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_preview_set(
    struct db *db, const char *url, int64_t ts, int64_t expires_ts, const char *json)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO url_previews (url, ts, expires_ts, json) VALUES ($1, $2, $3, "
	    "$4) ON CONFLICT (url) DO UPDATE SET ts = excluded.ts, expires_ts = "
	    "excluded.expires_ts, json = excluded.json");

	stmt_text(q, 1, url);
	stmt_int(q, 2, ts);
	stmt_int(q, 3, expires_ts);
	stmt_text(q, 4, json);
	return stmt_run(q);
}

static enum mx_err
drop_more_than(struct db *db, int max)
{
	struct stmt *q = db_stmt(db,
	    "DELETE FROM url_previews WHERE expires_ts <= (SELECT expires_ts FROM "
	    "url_previews ORDER BY expires_ts DESC LIMIT 1 OFFSET $1)");

	stmt_int(q, 1, max);
	return stmt_run(q);
}

enum mx_err
store_previews_sweep(struct db *db, int64_t now_ts, int max)
{
	struct stmt *q = db_stmt(db, "DELETE FROM url_previews WHERE expires_ts <= $1");
	enum mx_err err;

	stmt_int(q, 1, now_ts);
	err = stmt_run(q);
	return err == M_OK ? drop_more_than(db, max) : err;
}
