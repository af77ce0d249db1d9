/*
 * Filters that clients have left with the server, as canonical JSON.
 */
#ifndef STORE_FILTERS_H
#define STORE_FILTERS_H

#include "db/db.h"

#define FILTER_SIZE_MAX 65536
#define FILTERS_MAX 1000 /* of one user */

/* The id of user_id's filter with this text, a new one if there is none. On the writer.
 * M_LIMIT_EXCEEDED: the user has FILTERS_MAX of them. */
enum mx_err store_filter_add(
    struct db *db, const char *user_id, struct str json, int64_t *id_out) MUST_USE;
/* Its text, in the arena; M_NOT_FOUND. */
enum mx_err store_filter_get(struct db *db, struct arena *arena, const char *user_id,
    int64_t id, struct str *json_out) MUST_USE;

#endif
