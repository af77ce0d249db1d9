/*
 * Event types and (type, state_key) pairs as integers.
 */
#ifndef STORE_INTERN_H
#define STORE_INTERN_H

#include "db/db.h"

/* On the writer: the integer, made if it is new. */
enum mx_err intern_type(struct db *db, const char *type, int64_t *out) MUST_USE;
enum mx_err intern_key(
    struct db *db, int64_t type, const char *state_key, int64_t *out) MUST_USE;
/* On any connection: M_NOT_FOUND if nobody used it yet. */
enum mx_err intern_find_key(
    struct db *db, const char *type, const char *state_key, int64_t *out) MUST_USE;

#endif
