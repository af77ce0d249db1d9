/*
 * All the SQL about uploaded files. Relies on db alone. Below core/media.
 */
#include "store/media.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

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

/* What read_row reads. */
#define ROW                                                                            \
	"SELECT media_id, user_id, created_ts, expires_ts, sha256, size, "             \
	"content_type, file_name, (SELECT count(*) FROM media_quarantined q "          \
	"WHERE q.sha256 = media.sha256) FROM media "

static struct media_row
read_row(struct stmt *q, struct arena *arena)
{
	struct str sha256 = col_blob(q, 4);
	struct media_row row = { .media_id = col_dup(q, 0, arena),
		.user_id = col_dup(q, 1, arena),
		.created_ts = col_int(q, 2),
		.expires_ts = col_int(q, 3),
		.has_content = sha256.n == SHA256_LEN,
		.size = col_int(q, 5),
		.content_type = col_dup(q, 6, arena),
		.file_name = col_dup(q, 7, arena),
		.quarantined = col_int(q, 8) != 0 };

	if (row.has_content)
		memcpy(row.sha256, sha256.p, SHA256_LEN);
	return row;
}

enum mx_err
store_media_get(
    struct db *db, struct arena *arena, const char *media_id, struct media_row *out)
{
	struct stmt *q = db_stmt(db, ROW "WHERE media_id = $1");
	bool found;
	enum mx_err err;

	stmt_text(q, 1, media_id);
	found = stmt_next(q);
	if (found)
		*out = read_row(q, arena);
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
store_media_is_uploaded(struct db *db, const uint8_t sha256[SHA256_LEN], bool *out)
{
	struct stmt *q = db_stmt(db, "SELECT 1 FROM media WHERE sha256 = $1 LIMIT 1");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	*out = stmt_next(q);
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

enum mx_err
store_media_remove(struct db *db, const char *media_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM media WHERE media_id = $1");

	stmt_text(q, 1, media_id);
	return stmt_run(q);
}

/* --- for the operator --- */

#define FILTERED "WHERE sha256 IS NOT NULL AND created_ts < $1 AND size > $2 "
#define OF_USER "AND user_id = $3 "
#define NEWEST "ORDER BY created_ts DESC, media_id "

/* Returns the number of the next one to bind. */
static int
bind_filter(struct stmt *q, const struct media_filter *filter)
{
	stmt_int(q, 1, filter->before_ts == 0 ? INT64_MAX : filter->before_ts);
	stmt_int(q, 2, filter->larger_than == 0 ? -1 : filter->larger_than);
	if (filter->user_id == NULL)
		return 3;
	stmt_text(q, 3, filter->user_id);
	return 4;
}

static enum mx_err
read_rows(
    struct stmt *q, struct arena *arena, struct media_row **rows_out, int *count_out)
{
	VEC(struct media_row) rows = { 0 };
	enum mx_err err;

	while (stmt_next(q))
		vec_push(&rows, read_row(q, arena));
	err = stmt_done(q);
	*count_out = (int)rows.n;
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	vec_free(&rows);
	return err;
}

enum mx_err
store_media_list(struct db *db, struct arena *arena, const struct media_filter *filter,
    int limit, struct media_row **rows_out, int *count_out)
{
	struct stmt *q = filter->user_id == NULL
			     ? db_stmt(db, ROW FILTERED NEWEST "LIMIT $3")
			     : db_stmt(db, ROW FILTERED OF_USER NEWEST "LIMIT $4");

	stmt_int(q, bind_filter(q, filter), limit);
	return read_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_media_with(struct db *db, struct arena *arena, const uint8_t sha256[SHA256_LEN],
    struct media_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(db, ROW "WHERE sha256 = $1 " NEWEST);

	stmt_blob(q, 1, sha256, SHA256_LEN);
	return read_rows(q, arena, rows_out, count_out);
}

enum mx_err
store_media_count(struct db *db, const struct media_filter *filter, int64_t *files_out,
    int64_t *bytes_out)
{
	struct stmt *q = filter->user_id == NULL
			     ? db_stmt(db, "SELECT count(*), coalesce(sum(size), 0) "
					   "FROM media " FILTERED)
			     : db_stmt(db, "SELECT count(*), coalesce(sum(size), 0) "
					   "FROM media " FILTERED OF_USER);

	bind_filter(q, filter);
	*files_out = *bytes_out = 0;
	if (stmt_next(q)) {
		*files_out = col_int(q, 0);
		*bytes_out = col_int(q, 1);
	}
	return stmt_done(q);
}

/* Sums over what is in files, each with how often it is there. */
#define SUM                                                                            \
	"coalesce(sum(n), 0), coalesce(sum(n * size), 0), count(*), "                  \
	"coalesce(sum(size), 0) "

static void
read_sum(struct stmt *q, int i, struct media_sum *out)
{
	out->files = col_int(q, i);
	out->bytes = col_int(q, i + 1);
	out->contents = col_int(q, i + 2);
	out->stored_bytes = col_int(q, i + 3);
}

enum mx_err
store_media_sum(struct db *db, const char *user_id, struct media_sum *out)
{
	struct stmt *q =
	    user_id == NULL
		? db_stmt(db,
		      "SELECT " SUM "FROM (SELECT max(size) AS size, count(*) AS n "
		      "FROM media WHERE sha256 IS NOT NULL "
		      "GROUP BY sha256) AS c")
		: db_stmt(db,
		      "SELECT " SUM "FROM (SELECT max(size) AS size, count(*) AS n "
		      "FROM media WHERE sha256 IS NOT NULL AND user_id = $1 "
		      "GROUP BY sha256) AS c");

	if (user_id != NULL)
		stmt_text(q, 1, user_id);
	*out = (struct media_sum){ .user_id = user_id };
	if (stmt_next(q))
		read_sum(q, 0, out);
	return stmt_done(q);
}

enum mx_err
store_media_sums(
    struct db *db, struct arena *arena, struct media_sum **sums_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT user_id, " SUM
	    "FROM (SELECT user_id, max(size) AS size, count(*) AS n FROM media "
	    "WHERE sha256 IS NOT NULL GROUP BY user_id, sha256) AS c "
	    "GROUP BY user_id ORDER BY 3 DESC, user_id");
	VEC(struct media_sum) sums = { 0 };
	enum mx_err err;

	while (stmt_next(q)) {
		struct media_sum sum = { .user_id = col_dup(q, 0, arena) };

		read_sum(q, 1, &sum);
		vec_push(&sums, sum);
	}
	err = stmt_done(q);
	*count_out = (int)sums.n;
	*sums_out = arena_dup(arena, sums.v, sums.n * sizeof *sums.v);
	vec_free(&sums);
	return err;
}

enum mx_err
store_media_contents(struct db *db, struct arena *arena, const char *user_id,
    uint8_t (**hashes_out)[SHA256_LEN], int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT DISTINCT sha256 FROM media WHERE sha256 IS NOT NULL AND "
	    "user_id = $1");
	struct buf hashes = { 0 };
	enum mx_err err;

	stmt_text(q, 1, user_id);
	while (stmt_next(q))
		buf_add(&hashes, col_blob(q, 0).p, SHA256_LEN);
	err = stmt_done(q);
	*count_out = (int)(hashes.n / SHA256_LEN);
	*hashes_out = arena_dup(arena, hashes.p, hashes.n);
	buf_free(&hashes);
	return err;
}

enum mx_err
store_media_is_there(struct db *db, bool *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM schema_version WHERE name = 'media'");

	*out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_media_page(struct db *db, const uint8_t after[SHA256_LEN],
    uint8_t (*hashes)[SHA256_LEN], int max, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT sha256 FROM media WHERE sha256 > $1 UNION "
	    "SELECT file FROM thumbnails WHERE file > $1 ORDER BY 1 LIMIT $2");

	stmt_blob(q, 1, after, SHA256_LEN);
	stmt_int(q, 2, max);
	for (*count_out = 0; stmt_next(q); ++*count_out)
		memcpy(hashes[*count_out], col_blob(q, 0).p, SHA256_LEN);
	return stmt_done(q);
}

enum mx_err
store_media_quarantine(struct db *db, const uint8_t sha256[SHA256_LEN], int64_t now_ts)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO media_quarantined (sha256, quarantined_ts) VALUES ($1, $2) "
	    "ON CONFLICT (sha256) DO NOTHING");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	stmt_int(q, 2, now_ts);
	return stmt_run(q);
}

enum mx_err
store_media_release(struct db *db, const uint8_t sha256[SHA256_LEN])
{
	struct stmt *q = db_stmt(db, "DELETE FROM media_quarantined WHERE sha256 = $1");

	stmt_blob(q, 1, sha256, SHA256_LEN);
	return stmt_run(q);
}
