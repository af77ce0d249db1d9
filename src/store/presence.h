/*
 * What of presence is written down: who was online, what they say of themselves, and
 * the presence lists of 2015.
 */
#ifndef STORE_PRESENCE_H
#define STORE_PRESENCE_H

#include "db/db.h"

struct presence_stored {
	const char *user_id;
	bool is_online;
	const char *status_msg; /* NULL: none */
	int64_t last_active_ts, changed_ts;
};

/* Who was online, says something, or has changed since. */
enum mx_err store_presence_each(struct db *db, int64_t since_ts,
    void (*each)(void *arg, const struct presence_stored *row), void *arg) MUST_USE;
/* All but the status. Nothing, here and below, of an account that has ended. */
enum mx_err store_presence_set(
    struct db *db, const struct presence_stored *row) MUST_USE;
enum mx_err store_presence_status(
    struct db *db, const char *user_id, const char *status_msg) MUST_USE;
/* With the user's presence list. */
enum mx_err store_presence_remove(struct db *db, const char *user_id) MUST_USE;

enum mx_err store_presence_list(struct db *db, struct arena *arena, const char *user_id,
    const char ***observed_out, int *count_out) MUST_USE;
/* No error if it is there, or not there, already. */
enum mx_err store_presence_list_add(
    struct db *db, const char *user_id, const char *observed) MUST_USE;
enum mx_err store_presence_list_drop(
    struct db *db, const char *user_id, const char *observed) MUST_USE;

#endif
