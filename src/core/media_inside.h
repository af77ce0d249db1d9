/*
 * What core/media and core/thumbnail share.
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

/* Waits while somebody else makes the same. */
void media_making_begin(struct media *media, const struct thumbnail_row *row);
void media_making_end(struct media *media, const struct thumbnail_row *row);

#endif
