/*
 * Thumbnails that were made: which file is which picture, smaller.
 */
#ifndef STORE_THUMBNAILS_H
#define STORE_THUMBNAILS_H

#include "base/crypto.h"
#include "base/str.h"
#include "db/db.h"

struct thumbnail_row {
	/* of what: the original's content, and how it was asked for */
	uint8_t sha256[SHA256_LEN];
	int width, height;
	bool is_crop, is_animated;
	/* what it is */
	bool is_original; /* no file of its own: the original will do */
	uint8_t file[SHA256_LEN];
	int64_t size;
	const char *content_type; /* by what is in it, of an original too */
};

/* Looks for row's first five; fills in the rest, content_type in the arena.
 * M_NOT_FOUND. */
enum mx_err store_thumbnail_get(
    struct db *db, struct arena *arena, struct thumbnail_row *row) MUST_USE;
/* If it is there already it stays. */
enum mx_err store_thumbnail_add(
    struct db *db, const struct thumbnail_row *row) MUST_USE;
/* Removes all that are of this content, and adds the hashes of their files to out, with
 * their sizes (int64_t) behind each. */
enum mx_err store_thumbnails_remove(
    struct db *db, const uint8_t sha256[SHA256_LEN], struct buf *out) MUST_USE;
/* Those that are in this file: they will have to be made again. *size_out: its size. */
enum mx_err store_thumbnails_forget(
    struct db *db, const uint8_t file[SHA256_LEN], int64_t *size_out) MUST_USE;
/* What files they come to that nobody has uploaded. */
enum mx_err store_thumbnails_sum(
    struct db *db, int64_t *files_out, int64_t *bytes_out) MUST_USE;
/* How many there are of this content. */
enum mx_err store_thumbnails_of(
    struct db *db, const uint8_t sha256[SHA256_LEN], int *count_out) MUST_USE;

#endif
