/*
 * Thumbnails: which sizes there are, and those that have been made. Pictures are
 * decoded by media/pictures. Spec: client-server-api/#thumbnails
 */
#ifndef CORE_THUMBNAIL_H
#define CORE_THUMBNAIL_H

#include "core/media.h"
#include "store/thumbnails.h"

/* Of one file at most; then the sizes that the specification names are all there is. */
#define THUMBNAILS_MAX 32
/* Width and height, where more is asked for than is made: no picture is larger. */
#define THUMBNAIL_WHOLE (1 << 20)

/* What is asked for; width and height 1 or more. */
struct thumbnail_ask {
	int width, height;
	bool is_crop, is_animated;
};

/* Makes it one of the sizes that are made, not smaller, or THUMBNAIL_WHOLE. */
void thumbnail_snap(struct thumbnail_ask *ask, bool standard_alone);

/* One that has been made; M_NOT_FOUND: it has not. *snapped: as it is to be made. */
enum mx_err thumbnail_find(struct ctx *ctx, struct arena *arena,
    const struct media_row *row, const struct thumbnail_ask *ask,
    struct thumbnail_row *out) MUST_USE;
/* Makes the one that thumbnail_find did not find, and keeps it. Takes up to some
 * seconds: on a slow worker. M_REFUSED: it is no picture that is read here;
 * M_TOO_LARGE. */
enum mx_err thumbnail_make(struct ctx *ctx, struct arena *arena,
    const struct media_row *row, struct thumbnail_row *out) MUST_USE;

#endif
