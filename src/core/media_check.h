/*
 * Files and their rows, held against each other: for the operator, where a disk or a
 * bucket may have lost something. At start only what has no row is looked for
 * (media_drop_orphans).
 */
#ifndef CORE_MEDIA_CHECK_H
#define CORE_MEDIA_CHECK_H

#include "core/media.h"

struct media_checked {
	int64_t stored;		 /* files that are there */
	int64_t dropped;	 /* of these, what no row named */
	int64_t lost;		 /* contents that rows name, and that are not there */
	int64_t lost_thumbnails; /* forgotten: they are made anew when asked for */
	struct media_row
	    *rows; /* those whose files are lost, at most max, in the arena */
	int count;
};

/* Reads the folder and the bucket, and every row: takes minutes where there are very
 * many. M_UNAVAILABLE: the bucket cannot be listed; then nothing is said. */
enum mx_err media_check(
    struct ctx *ctx, struct arena *arena, int max, struct media_checked *out) MUST_USE;

#endif
