/*
 * All the SQL about tokens. Relies on db alone; tokens come as hashes already.
 * Below core/login: a request reaches it when its token is not in memory.
 */
#include "store/tokens.h"

#include <stdlib.h>
#include "base/vec.h"

/* M_NOT_FOUND where the one row was not there. */
static enum mx_err
ended(struct stmt *q, bool found)
{
	enum mx_err err = stmt_done(q);

	return err != M_OK || found ? err : M_NOT_FOUND;
}

static const uint8_t *
hash_or_null(struct stmt *q, int i, struct arena *arena)
{
	struct str hash = col_blob(q, i);

	return hash.n == TOKEN_HASH_LEN ? arena_dup(arena, hash.p, hash.n) : NULL;
}

/* --- access tokens --- */

enum mx_err
store_access_add(
    struct db *db, const uint8_t hash[TOKEN_HASH_LEN], const struct access_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO access_tokens (hash, user_id, device_id, expires_ts,"
	    " refresh_hash) VALUES ($1, $2, $3, $4, $5)");

	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	stmt_text(q, 2, row->user_id);
	stmt_text(q, 3, row->device_id);
	if (row->expires_ts == 0)
		stmt_null(q, 4);
	else
		stmt_int(q, 4, row->expires_ts);
	if (row->refresh_hash == NULL)
		stmt_null(q, 5);
	else
		stmt_blob(q, 5, row->refresh_hash, TOKEN_HASH_LEN);
	return stmt_run(q);
}

enum mx_err
store_access_find(struct db *db, struct arena *arena,
    const uint8_t hash[TOKEN_HASH_LEN], struct access_row *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT t.user_id, t.device_id, t.expires_ts, t.refresh_hash, u.admin,"
	    " d.last_seen_ts FROM access_tokens t"
	    " JOIN users u ON u.user_id = t.user_id"
	    " LEFT JOIN devices d"
	    " ON d.user_id = t.user_id AND d.device_id = t.device_id"
	    " WHERE t.hash = $1");
	bool found;

	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	found = stmt_next(q);
	if (found)
		*out = (struct access_row){ .user_id = col_dup(q, 0, arena),
			.device_id = col_dup(q, 1, arena),
			.expires_ts = col_int(q, 2),
			.refresh_hash = hash_or_null(q, 3, arena),
			.is_admin = col_int(q, 4) != 0,
			.seen_ts = col_int(q, 5) };
	return ended(q, found);
}

/* --- refresh tokens --- */

enum mx_err
store_refresh_add(struct db *db, const uint8_t hash[TOKEN_HASH_LEN],
    const char *user_id, const char *device_id)
{
	struct stmt *q = db_stmt(db, "INSERT INTO refresh_tokens (hash, user_id, "
				     "device_id) VALUES ($1, $2, $3)");

	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	stmt_text(q, 2, user_id);
	stmt_text(q, 3, device_id);
	return stmt_run(q);
}

enum mx_err
store_refresh_find(struct db *db, struct arena *arena,
    const uint8_t hash[TOKEN_HASH_LEN], struct refresh_row *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT user_id, device_id, next_hash FROM refresh_tokens WHERE hash = $1");
	bool found;

	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	found = stmt_next(q);
	if (found)
		*out = (struct refresh_row){ .user_id = col_dup(q, 0, arena),
			.device_id = col_dup(q, 1, arena),
			.next_hash = hash_or_null(q, 2, arena) };
	return ended(q, found);
}

enum mx_err
store_refresh_used(struct db *db, const uint8_t hash[TOKEN_HASH_LEN],
    const uint8_t next_hash[TOKEN_HASH_LEN])
{
	struct stmt *q =
	    db_stmt(db, "UPDATE refresh_tokens SET next_hash = $2 WHERE hash = $1");

	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	stmt_blob(q, 2, next_hash, TOKEN_HASH_LEN);
	return stmt_run(q);
}

enum mx_err
store_refresh_before(struct db *db, struct arena *arena, const char *user_id,
    const char *device_id, const uint8_t next_hash[TOKEN_HASH_LEN],
    const uint8_t **hash_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT hash FROM refresh_tokens"
			" WHERE user_id = $1 AND device_id = $2 AND next_hash = $3");
	bool found;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	stmt_blob(q, 3, next_hash, TOKEN_HASH_LEN);
	found = stmt_next(q);
	if (found)
		*hash_out = hash_or_null(q, 0, arena);
	return ended(q, found);
}

enum mx_err
store_refresh_remove(struct db *db, const char *user_id, const char *device_id,
    const uint8_t hash[TOKEN_HASH_LEN])
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM access_tokens"
			" WHERE user_id = $1 AND device_id = $2 AND refresh_hash = $3");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	stmt_blob(q, 3, hash, TOKEN_HASH_LEN);
	err = stmt_run(q);
	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM refresh_tokens WHERE hash = $1");
	stmt_blob(q, 1, hash, TOKEN_HASH_LEN);
	return stmt_run(q);
}

/* --- both --- */

enum mx_err
store_tokens_remove(struct db *db, const char *user_id, const char *device_id)
{
	struct stmt *q = db_stmt(
	    db, "DELETE FROM access_tokens WHERE user_id = $1 AND device_id = $2");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	err = stmt_run(q);
	if (err != M_OK)
		return err;
	q = db_stmt(
	    db, "DELETE FROM refresh_tokens WHERE user_id = $1 AND device_id = $2");
	stmt_text(q, 1, user_id);
	stmt_text(q, 2, device_id);
	return stmt_run(q);
}

enum mx_err
store_tokens_remove_all(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM access_tokens WHERE user_id = $1");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	err = stmt_run(q);
	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM refresh_tokens WHERE user_id = $1");
	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

/* --- registration tokens --- */

enum mx_err
store_registration_token_add(struct db *db, const struct registration_token_row *row)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO registration_tokens (token, uses_allowed, "
			"completed, expires_ts)"
			" VALUES ($1, $2, $3, $4) ON CONFLICT (token) DO NOTHING");
	enum mx_err err;

	stmt_text(q, 1, row->token);
	if (row->uses_allowed < 0)
		stmt_null(q, 2);
	else
		stmt_int(q, 2, row->uses_allowed);
	stmt_int(q, 3, row->completed);
	if (row->expires_ts == 0)
		stmt_null(q, 4);
	else
		stmt_int(q, 4, row->expires_ts);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_USER_IN_USE : err;
}

enum mx_err
store_registration_token_remove(struct db *db, const char *token)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM registration_tokens WHERE token = $1");
	enum mx_err err;

	stmt_text(q, 1, token);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_NOT_FOUND : err;
}

enum mx_err
store_registration_tokens_list(struct db *db, struct arena *arena,
    struct registration_token_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db, "SELECT token, uses_allowed, completed, expires_ts"
				     " FROM registration_tokens ORDER BY token");
	VEC(struct registration_token_row) rows = { 0 };

	while (stmt_next(q)) {
		struct registration_token_row row = { .token = col_dup(q, 0, arena),
			.uses_allowed = col_is_null(q, 1) ? -1 : col_int(q, 1),
			.completed = col_int(q, 2),
			.expires_ts = col_int(q, 3) };

		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

#define TOKEN_IS_GOOD                                                                  \
	"token = $1 AND (uses_allowed IS NULL OR completed < uses_allowed)"            \
	" AND (expires_ts IS NULL OR expires_ts > $2)"

enum mx_err
store_registration_token_valid(
    struct db *db, const char *token, int64_t now_ts, bool *valid_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM registration_tokens WHERE " TOKEN_IS_GOOD);

	stmt_text(q, 1, token);
	stmt_int(q, 2, now_ts);
	*valid_out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_registration_token_use(struct db *db, const char *token, int64_t now_ts)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE registration_tokens SET completed = completed + 1"
			" WHERE " TOKEN_IS_GOOD);
	enum mx_err err;

	stmt_text(q, 1, token);
	stmt_int(q, 2, now_ts);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_UNAUTHORIZED : err;
}
