/*
 * Profiles: one row a field, its value as JSON text.
 */
#ifndef STORE_PROFILES_H
#define STORE_PROFILES_H

#include "db/db.h"

struct profile_row {
	const char *field, *value; /* JSON text */
	size_t value_n;
};

/* All fields of a user, by name; none is no error. */
enum mx_err store_profile_get(struct db *db, struct arena *arena, const char *user_id,
    struct profile_row **rows_out, int *count_out) MUST_USE;
/* One field; M_NOT_FOUND. */
enum mx_err store_profile_field(struct db *db, struct arena *arena, const char *user_id,
    const char *field, struct profile_row *out) MUST_USE;
/* M_PROFILE_TOO_LARGE if all names and values together exceed max bytes then. */
enum mx_err store_profile_set(struct db *db, const char *user_id,
    const struct profile_row *row, size_t max) MUST_USE;
enum mx_err store_profile_unset(
    struct db *db, const char *user_id, const char *field) MUST_USE;
/* With the words by which the user is found. */
enum mx_err store_profile_remove(struct db *db, const char *user_id) MUST_USE;

#endif
