/*
 * Clients' filters: all the SQL about them. Used by api/client/filter.
 */
#include "store/filters.h"

static enum mx_err
find(struct db *db, const char *user_id, struct str json, int64_t *id_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT filter_id FROM filters WHERE user_id = $1 AND json = $2");
	bool found;
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_blob(q, 2, json.p, json.n);
	found = stmt_next(q);
	if (found)
		*id_out = col_int(q, 0);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

static enum mx_err
last_id(struct db *db, const char *user_id, int64_t *id_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT max(filter_id) FROM filters WHERE user_id = $1");

	stmt_text(q, 1, user_id);
	*id_out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

enum mx_err
store_filter_add(struct db *db, const char *user_id, struct str json, int64_t *id_out)
{
	enum mx_err err = find(db, user_id, json, id_out);
	struct stmt *q;

	if (err != M_NOT_FOUND)
		return err;
	err = last_id(db, user_id, id_out);
	if (err != M_OK)
		return err;
	if (*id_out >= FILTERS_MAX)
		return M_LIMIT_EXCEEDED;
	q = db_stmt(
	    db, "INSERT INTO filters (user_id, filter_id, json) VALUES ($1, $2, $3)");
	stmt_text(q, 1, user_id);
	stmt_int(q, 2, ++*id_out);
	stmt_blob(q, 3, json.p, json.n);
	return stmt_run(q);
}

enum mx_err
store_filter_get(struct db *db, struct arena *arena, const char *user_id, int64_t id,
    struct str *json_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT json FROM filters WHERE user_id = $1 AND filter_id = $2");
	bool found;
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, id);
	found = stmt_next(q);
	if (found) {
		struct str json = col_blob(q, 0);

		*json_out =
		    (struct str){ arena_strndup(arena, json.p, json.n), json.n };
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}
