/*
 * What of guests stands in the database: rows in users once they have written
 * something, and denials of tokens that would otherwise still be good. doc/events.md.
 */
#ifndef STORE_GUESTS_H
#define STORE_GUESTS_H

#include "db/db.h"

/* A guest's first write. expires_ts: of its token. Nothing if it has a row already;
 * M_UNKNOWN_TOKEN if it has been denied. */
enum mx_err store_guest_add(
    struct db *db, const char *user_id, int64_t now_ts, int64_t expires_ts) MUST_USE;
enum mx_err store_guest_seen(struct db *db, const char *user_id, int64_t ts) MUST_USE;
/* The guest's time is up from now on; its row waits for the sweep. */
enum mx_err store_guest_end(struct db *db, const char *user_id) MUST_USE;
/* Takes away all rows of a guest. M_BAD_STATE if it is still in a room (or invited). */
enum mx_err store_guest_remove(struct db *db, const char *user_id) MUST_USE;
/* The guest becomes an account under the same id, whether it had a row or not.
 * M_USER_IN_USE if it is one already. hash NULL: no password. */
enum mx_err store_guest_upgrade(
    struct db *db, const char *user_id, const char *hash, int64_t now_ts) MUST_USE;
enum mx_err store_guests_each(struct db *db,
    void (*each)(void *arg, const char *user_id, int64_t seen_ts, int64_t expires_ts),
    void *arg) MUST_USE;

enum mx_err store_denial_add(
    struct db *db, const char *user_id, int64_t until_ts) MUST_USE;
enum mx_err store_denials_each(struct db *db,
    void (*each)(void *arg, const char *user_id, int64_t until_ts), void *arg) MUST_USE;
enum mx_err store_denials_prune(struct db *db, int64_t now_ts) MUST_USE;

#endif
