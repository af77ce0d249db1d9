/*
 * Previews of links: answers that are kept for a while.
 */
#ifndef STORE_PREVIEWS_H
#define STORE_PREVIEWS_H

#include "db/db.h"

/* json in the arena. M_NOT_FOUND, also of one that is over at now_ts. */
enum mx_err store_preview_get(struct db *db, struct arena *arena, const char *url,
    int64_t now_ts, const char **json_out) MUST_USE;
/* In place of the one that is there. */
enum mx_err store_preview_set(struct db *db, const char *url, int64_t ts,
    int64_t expires_ts, const char *json) MUST_USE;
/* Drops what is over at now_ts, and of the rest what is more than the max newest. */
enum mx_err store_previews_sweep(struct db *db, int64_t now_ts, int max) MUST_USE;

#endif
