/*
 * What core/media, core/media_own, core/media_remove, core/preview and core/thumbnail
 * share; not for others.
 */
#ifndef CORE_MEDIA_INSIDE_H
#define CORE_MEDIA_INSIDE_H

#include "core/thumbnail.h"
#include "media/pictures.h"

/* A thumbnail that is being made. */
struct media_making {
	struct media_making *next;
	const struct thumbnail_row *row; /* its first five fields */
};

/* Shared; constant once it is open, but for what the lock guards and what is counted.
 */
struct media {
	struct files *files;
	struct pictures *pictures;
	struct lock lock; /* RANK_LEAF */
	pthread_cond_t made;
	struct media_making *making;
	int64_t swept_ms; /* clock_mono_ms; the keeper's own */
	struct media_hooks hooks;
	/* Of media_stats. What is in files that rows name: counted behind the write, so
	 * perhaps as gone a moment before it is counted; hence signed. */
	_Atomic int64_t contents, stored_bytes;
	_Atomic uint64_t uploads, downloads, bytes_in, bytes_out;
};

/* Waits while somebody else makes the same. */
void media_making_begin(struct media *media, const struct thumbnail_row *row);
void media_making_end(struct media *media, const struct thumbnail_row *row);

/* Tells of it whoever is above. */
void media_settled(struct core *core, const char *media_id);
void media_changed(struct core *core, const uint8_t (*hashes)[SHA256_LEN], int n);

/* A row that names this is durable, the first to do so. */
void media_count_new(struct media *media, int64_t size);

/* Drops those files that no row names. On the writer thread, when everything of before
 * is durable and before anything else is written: neither a row that is being written
 * nor one whose removal fails after all loses its file. A few at a time: whoever writes
 * waits behind it. */
enum mx_err media_drop(
    struct ctx *ctx, const uint8_t (*hashes)[SHA256_LEN], int n) MUST_USE;

/* A picture that is the server's own: as media_add, of nobody and in no quota. The same
 * one again has the id that it had. */
enum mx_err media_add_own(struct ctx *ctx, struct arena *arena, struct file_new *file,
    const char *content_type, const char **media_id_out) MUST_USE;
/* Drops those that have not been added again since before_ts. */
enum mx_err media_drop_own(struct ctx *ctx, int64_t before_ts) MUST_USE;

#endif
