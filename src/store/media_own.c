/*
 * All the SQL about the server's own files. Relies on db alone. Below core/media_own.
 */
#include "store/media_own.h"

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
