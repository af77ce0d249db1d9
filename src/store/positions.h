/*
 * The one order of positions on disk: how far it has come. Events have theirs in their
 * own rows; of all else a bound is kept, moved on in steps.
 */
#ifndef STORE_POSITIONS_H
#define STORE_POSITIONS_H

#include "db/db.h"

/* No position above it was ever handed out; 0: none was. */
enum mx_err store_position_last(struct db *db, int64_t *out) MUST_USE;
/* Positions up to this one may be given to what is no event. */
enum mx_err store_position_reserve(struct db *db, int64_t reserved) MUST_USE;

#endif
