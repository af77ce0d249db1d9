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
	bool quarantined;		      /* what is in it is */
};

/* Which of the files that are here; { 0 }: all of them. */
struct media_filter {
	const char *user_id; /* whose; NULL: anybody's */
	int64_t before_ts;   /* uploaded before then; 0: at any time */
	int64_t larger_than; /* bytes; 0: of any size */
};

/* What files come to: as they were uploaded, and with the same bytes counted once. */
struct media_sum {
	const char *user_id; /* NULL: of all */
	int64_t files, bytes;
	int64_t contents, stored_bytes;
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
/* Is there a row with this content, which somebody uploaded? */
enum mx_err store_media_is_uploaded(
    struct db *db, const uint8_t sha256[SHA256_LEN], bool *out) MUST_USE;
/* The same, or a thumbnail that is it? */
enum mx_err store_media_has(
    struct db *db, const uint8_t sha256[SHA256_LEN], bool *out) MUST_USE;
/* Drops rows that were awaited until before now_ts. */
enum mx_err store_media_expire(struct db *db, int64_t now_ts) MUST_USE;
enum mx_err store_media_remove(struct db *db, const char *media_id) MUST_USE;

/* --- for the operator --- */

/* Newest first, at most limit; strings in the arena. */
enum mx_err store_media_list(struct db *db, struct arena *arena,
    const struct media_filter *filter, int limit, struct media_row **rows_out,
    int *count_out) MUST_USE;
/* All rows with this content; strings in the arena. */
enum mx_err store_media_with(struct db *db, struct arena *arena,
    const uint8_t sha256[SHA256_LEN], struct media_row **rows_out,
    int *count_out) MUST_USE;
/* How many there are, and what they come to. */
enum mx_err store_media_count(struct db *db, const struct media_filter *filter,
    int64_t *files_out, int64_t *bytes_out) MUST_USE;
/* Of all, or of one user (NULL: all). Reads every row of theirs. */
enum mx_err store_media_sum(
    struct db *db, const char *user_id, struct media_sum *out) MUST_USE;
/* Of each user who has files, the largest first. */
enum mx_err store_media_sums(struct db *db, struct arena *arena,
    struct media_sum **sums_out, int *count_out) MUST_USE;
/* What is in a user's files. */
enum mx_err store_media_contents(struct db *db, struct arena *arena,
    const char *user_id, uint8_t (**hashes_out)[SHA256_LEN], int *count_out) MUST_USE;
/* Has the database the table? One that was not opened for writing by this program may
 * be of before it. */
enum mx_err store_media_is_there(struct db *db, bool *out) MUST_USE;
/* What is in any file, and in thumbnails, in order, behind `after`, at most max: a page
 * at a time, so that nobody holds a snapshot of the database for long. */
enum mx_err store_media_page(struct db *db, const uint8_t after[SHA256_LEN],
    uint8_t (*hashes)[SHA256_LEN], int max, int *count_out) MUST_USE;
/* Idempotent. There need be no row with it. */
enum mx_err store_media_quarantine(
    struct db *db, const uint8_t sha256[SHA256_LEN], int64_t now_ts) MUST_USE;
enum mx_err store_media_release(
    struct db *db, const uint8_t sha256[SHA256_LEN]) MUST_USE;

#endif
