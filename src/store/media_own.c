/*
 * All the SQL about the server's own files. Relies on db alone. Below core/media_own.
 */
#include "store/media_own.h"

#include <string.h>

enum mx_err
store_media_own_renew(struct db *db, struct arena *arena,
    const uint8_t sha256[SHA256_LEN], int64_t now_ts, const char **media_id_out)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE media SET created_ts = $1 WHERE sha256 = $2 AND "
			"user_id = '' RETURNING media_id");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, now_ts);
	stmt_blob(q, 2, sha256, SHA256_LEN);
	found = stmt_next(q);
	if (found)
		*media_id_out = col_dup(q, 0, arena);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_media_own_old(struct db *db, struct arena *arena, int64_t before_ts,
    const char **media_id_out, uint8_t sha256_out[SHA256_LEN])
{
	struct stmt *q =
	    db_stmt(db, "SELECT media_id, sha256 FROM media WHERE user_id = '' AND "
			"created_ts < $1 AND quarantined = 0 LIMIT 1");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, before_ts);
	found = stmt_next(q);
	if (found) {
		*media_id_out = col_dup(q, 0, arena);
		memcpy(sha256_out, col_blob(q, 1).p, SHA256_LEN);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_media_own_drop(struct db *db, const char *media_id, int64_t before_ts)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM media WHERE media_id = $1 AND user_id = '' AND "
			"created_ts < $2");

	stmt_text(q, 1, media_id);
	stmt_int(q, 2, before_ts);
	return stmt_run(q);
}
