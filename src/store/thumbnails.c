/*
 * All the SQL about thumbnails. Relies on db alone. Below core/thumbnail.
 */
#include "store/thumbnails.h"

#include <string.h>

static void
bind_key(struct stmt *q, const struct thumbnail_row *row)
{
	stmt_blob(q, 1, row->sha256, SHA256_LEN);
	stmt_int(q, 2, row->width);
	stmt_int(q, 3, row->height);
	stmt_int(q, 4, row->is_crop);
	stmt_int(q, 5, row->is_animated);
}

enum mx_err
store_thumbnail_get(struct db *db, struct arena *arena, struct thumbnail_row *row)
{
	struct stmt *q = db_stmt(db,
	    "SELECT file, size, content_type FROM thumbnails WHERE sha256 = $1 AND "
	    "width = $2 AND height = $3 AND is_crop = $4 AND is_animated = $5");
	bool found;
	enum mx_err err;

	bind_key(q, row);
	found = stmt_next(q);
	if (found) {
		struct str file = col_blob(q, 0);

		row->is_original = file.n != SHA256_LEN;
		if (!row->is_original)
			memcpy(row->file, file.p, SHA256_LEN);
		row->size = col_int(q, 1);
		row->content_type = col_dup(q, 2, arena);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_thumbnail_add(struct db *db, const struct thumbnail_row *row)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO thumbnails (sha256, width, height, is_crop, is_animated, "
	    "file, size, content_type) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
	    "ON CONFLICT DO NOTHING");

	bind_key(q, row);
	if (row->is_original)
		stmt_null(q, 6);
	else
		stmt_blob(q, 6, row->file, SHA256_LEN);
	stmt_int(q, 7, row->size);
	stmt_text(q, 8, row->content_type);
	return stmt_run(q);
}

enum mx_err
store_thumbnails_of(struct db *db, const uint8_t sha256[SHA256_LEN], int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT count(*) FROM thumbnails WHERE sha256 = $1");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	*count_out = stmt_next(q) ? (int)col_int(q, 0) : 0;
	return stmt_done(q);
}

enum mx_err
store_thumbnails_remove(
    struct db *db, const uint8_t sha256[SHA256_LEN], struct buf *out)
{
	struct stmt *q = db_stmt(
	    db, "DELETE FROM thumbnails WHERE sha256 = $1 RETURNING file, size");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	while (stmt_next(q)) {
		struct str file = col_blob(q, 0);
		int64_t size = col_int(q, 1);

		if (file.n != SHA256_LEN)
			continue;
		buf_add(out, file.p, file.n);
		buf_add(out, &size, sizeof size);
	}
	return stmt_done(q);
}

enum mx_err
store_thumbnails_forget(
    struct db *db, const uint8_t file[SHA256_LEN], int64_t *size_out)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM thumbnails WHERE file = $1 RETURNING size");

	stmt_blob(q, 1, file, SHA256_LEN);
	*size_out = 0;
	while (stmt_next(q))
		*size_out = col_int(q, 0);
	return stmt_done(q);
}

enum mx_err
store_thumbnails_sum(struct db *db, int64_t *files_out, int64_t *bytes_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT count(*), coalesce(sum(size), 0) FROM (SELECT max(size) AS size "
	    "FROM thumbnails WHERE file IS NOT NULL AND NOT EXISTS "
	    "(SELECT 1 FROM media WHERE media.sha256 = thumbnails.file) "
	    "GROUP BY file) AS f");

	*files_out = *bytes_out = 0;
	if (stmt_next(q)) {
		*files_out = col_int(q, 0);
		*bytes_out = col_int(q, 1);
	}
	return stmt_done(q);
}
