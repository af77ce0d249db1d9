/*
 * What has been uploaded, and by whom: the table's rows. The bytes are media/files'.
 */
#ifndef STORE_MEDIA_H
#define STORE_MEDIA_H

#include "base/crypto.h"
#include "db/db.h"

struct media_row {
	const char *media_id, *user_id;
	int64_t created_ts, expires_ts; /* expires_ts: of one that has not come */
	bool has_content;
	uint8_t sha256[SHA256_LEN];
	int64_t size;
	const char *content_type, *file_name; /* NULL: not given */
	bool quarantined;
};

/* A new row, with or without content. */
enum mx_err store_media_add(struct db *db, const struct media_row *row) MUST_USE;
/* Strings in the arena. M_NOT_FOUND. */
enum mx_err store_media_get(struct db *db, struct arena *arena, const char *media_id,
    struct media_row *out) MUST_USE;
/* Gives its content to a row that has none. */
enum mx_err store_media_fill(struct db *db, const struct media_row *row) MUST_USE;
/* How much is the user's, of what is there, and how many are still awaited at now_ts.
 */
enum mx_err store_media_usage(struct db *db, const char *user_id, int64_t now_ts,
    int64_t *files_out, int64_t *bytes_out, int64_t *awaited_out) MUST_USE;
/* Is there a row with this content, or a thumbnail that is it? */
enum mx_err store_media_has(
    struct db *db, const uint8_t sha256[SHA256_LEN], bool *out) MUST_USE;
/* Drops rows that were awaited until before now_ts. */
enum mx_err store_media_expire(struct db *db, int64_t now_ts) MUST_USE;

#endif
