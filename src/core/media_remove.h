/*
 * Taking files away again: for the operator, and with an account that is erased. What
 * is in a file may be quarantined: then nobody is handed it, under whatever id, as long
 * as it is not released.
 */
#ifndef CORE_MEDIA_REMOVE_H
#define CORE_MEDIA_REMOVE_H

#include "core/media.h"

/* What a removal came to; what others have uploaded as well stays on disk. */
struct media_removed {
	int64_t files, bytes;
	int64_t freed_files, freed_bytes; /* on disk */
};

/* All of these ids or none. Files, and announced uploads that have not come.
 * M_NOT_FOUND: one is not there (ctx->why, in the arena, names it). */
enum mx_err media_remove_ids(struct ctx *ctx, struct arena *arena,
    const char *const *ids, int count, struct media_removed *out) MUST_USE;
/* All files that the filter lets through, some at a time: where it is cut short, the
 * others are still there. Does nothing where files are not kept (tests). */
enum mx_err media_remove_some(struct ctx *ctx, const struct media_filter *filter,
    struct media_removed *out) MUST_USE;

/* What is in these files, all or none; or what is in all files of a user. Counts
 * contents, those that were quarantined already among them. M_NOT_FOUND as above, and
 * of what has not been uploaded yet. */
enum mx_err media_quarantine_ids(struct ctx *ctx, struct arena *arena,
    const char *const *ids, int count, bool release, int64_t *contents_out) MUST_USE;
enum mx_err media_quarantine_user(struct ctx *ctx, struct arena *arena,
    const char *user_id, bool release, int64_t *contents_out) MUST_USE;

#endif
