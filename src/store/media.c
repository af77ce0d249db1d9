/*
 * All the SQL about uploaded files. Relies on db alone. Below core/media.
 */
#include "store/media.h"

#include <string.h>

static void
bind_content(struct stmt *q, int n, const struct media_row *row)
{
	if (row->has_content)
		stmt_blob(q, n, row->sha256, SHA256_LEN);
	else
		stmt_null(q, n);
	stmt_int(q, n + 1, row->size);
	stmt_text(q, n + 2, row->content_type);
	stmt_text(q, n + 3, row->file_name);
}

enum mx_err
store_media_add(struct db *db, const struct media_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO media (media_id, user_id, created_ts, expires_ts, sha256, "
	    "size, content_type, file_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");

	stmt_text(q, 1, row->media_id);
	stmt_text(q, 2, row->user_id);
	stmt_int(q, 3, row->created_ts);
	stmt_int(q, 4, row->expires_ts);
	bind_content(q, 5, row);
	return stmt_run(q);
}

enum mx_err
store_media_get(
    struct db *db, struct arena *arena, const char *media_id, struct media_row *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT media_id, user_id, created_ts, expires_ts, sha256, size, "
	    "content_type, file_name, quarantined FROM media WHERE media_id = $1");
	bool found;
	enum mx_err err;

	stmt_text(q, 1, media_id);
	found = stmt_next(q);
	if (found) {
		struct str sha256 = col_blob(q, 4);

		*out = (struct media_row){ .media_id = col_dup(q, 0, arena),
			.user_id = col_dup(q, 1, arena),
			.created_ts = col_int(q, 2),
			.expires_ts = col_int(q, 3),
			.has_content = sha256.n == SHA256_LEN,
			.size = col_int(q, 5),
			.content_type = col_dup(q, 6, arena),
			.file_name = col_dup(q, 7, arena),
			.quarantined = col_int(q, 8) != 0 };
		if (out->has_content)
			memcpy(out->sha256, sha256.p, SHA256_LEN);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_media_fill(struct db *db, const struct media_row *row)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE media SET expires_ts = 0, sha256 = $2, size = $3, "
			"content_type = $4, file_name = $5 WHERE media_id = $1");

	stmt_text(q, 1, row->media_id);
	bind_content(q, 2, row);
	return stmt_run(q);
}

enum mx_err
store_media_usage(struct db *db, const char *user_id, int64_t now_ts,
    int64_t *files_out, int64_t *bytes_out, int64_t *awaited_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT count(sha256), coalesce(sum(size), 0), coalesce(sum(CASE WHEN "
	    "sha256 IS NULL AND expires_ts > $2 THEN 1 ELSE 0 END), 0) FROM media "
	    "WHERE user_id = $1");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, now_ts);
	*files_out = *bytes_out = *awaited_out = 0;
	if (stmt_next(q)) {
		*files_out = col_int(q, 0);
		*bytes_out = col_int(q, 1);
		*awaited_out = col_int(q, 2);
	}
	return stmt_done(q);
}

enum mx_err
store_media_has(struct db *db, const uint8_t sha256[SHA256_LEN], bool *out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT 1 WHERE EXISTS (SELECT 1 FROM media WHERE sha256 = $1) OR "
	    "EXISTS (SELECT 1 FROM thumbnails WHERE file = $1)");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	*out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_media_expire(struct db *db, int64_t now_ts)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM media WHERE sha256 IS NULL AND expires_ts <= $1");

	stmt_int(q, 1, now_ts);
	return stmt_run(q);
}
