/*
 * What core/media, core/media_own, core/thumbnail and core/preview share.
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

/* Shared; constant once it is open, but for what the lock guards. */
struct media {
	struct files *files;
	struct pictures *pictures;
	struct lock lock; /* RANK_LEAF */
	pthread_cond_t made;
	struct media_making *making;
};

/* A file that no row may name any more. */
enum mx_err media_drop_unnamed(
    struct ctx *ctx, const uint8_t sha256[SHA256_LEN]) MUST_USE;

/* A picture that is the server's own: as media_add, of nobody and in no quota. The same
 * one again has the id that it had. */
enum mx_err media_add_own(struct ctx *ctx, struct arena *arena, struct file_new *file,
    const char *content_type, const char **media_id_out) MUST_USE;
/* Drops those that have not been added again since before_ts. */
enum mx_err media_drop_own(struct ctx *ctx, int64_t before_ts) MUST_USE;

/* Waits while somebody else makes the same. */
void media_making_begin(struct media *media, const struct thumbnail_row *row);
void media_making_end(struct media *media, const struct thumbnail_row *row);

#endif
