/*
 * Interned event types and state keys: rows elsewhere hold integers. The writer makes
 * them; a rolled-back savepoint takes its new ones with it, so none are cached here.
 */
#include "store/intern.h"

static enum mx_err
one_int(struct stmt *q, int64_t *out)
{
	bool found = stmt_next(q);
	enum mx_err err;

	if (found)
		*out = col_int(q, 0);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
intern_type(struct db *db, const char *type, int64_t *out)
{
	struct stmt *q = db_stmt(db, "SELECT type FROM event_types WHERE name = $1");
	enum mx_err err;

	stmt_text(q, 1, type);
	err = one_int(q, out);
	if (err != M_NOT_FOUND)
		return err;
	q = db_stmt(db, "INSERT INTO event_types (name) VALUES ($1) RETURNING type");
	stmt_text(q, 1, type);
	return one_int(q, out);
}

enum mx_err
intern_key(struct db *db, int64_t type, const char *state_key, int64_t *out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT key FROM state_keys WHERE type = $1 AND state_key = $2");
	enum mx_err err;

	stmt_int(q, 1, type);
	stmt_text(q, 2, state_key);
	err = one_int(q, out);
	if (err != M_NOT_FOUND)
		return err;
	q = db_stmt(db,
	    "INSERT INTO state_keys (type, state_key) VALUES ($1, $2) RETURNING key");
	stmt_int(q, 1, type);
	stmt_text(q, 2, state_key);
	return one_int(q, out);
}

enum mx_err
intern_find_key(struct db *db, const char *type, const char *state_key, int64_t *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT k.key FROM state_keys k JOIN event_types t ON t.type = k.type"
	    " WHERE t.name = $1 AND k.state_key = $2");

	stmt_text(q, 1, type);
	stmt_text(q, 2, state_key);
	return one_int(q, out);
}
