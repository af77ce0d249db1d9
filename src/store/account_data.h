/*
 * What users keep with the server for themselves, of one room or of none.
 * Spec: client-server-api/#client-config
 */
#ifndef STORE_ACCOUNT_DATA_H
#define STORE_ACCOUNT_DATA_H

#include "db/db.h"

#define ACCOUNT_DATA_MAX 1000 /* types of one user, in one room or global */

/* One type's value. When read, all of it lies in the arena. */
struct account_data_row {
	int64_t room; /* its integer; 0: global */
	const char *type;
	const char *json; /* the content, canonical */
	size_t json_n;
	int64_t position;
};

enum mx_err store_account_data_get(struct db *db, struct arena *arena,
    const char *user_id, int64_t room, const char *type,
    struct account_data_row *out) MUST_USE; /* M_NOT_FOUND */
/* On the writer. *changed_out false: it had this content before and keeps its position.
 * M_TOO_LARGE: there are ACCOUNT_DATA_MAX other types. */
enum mx_err store_account_data_set(struct db *db, const char *user_id,
    const struct account_data_row *row, bool *changed_out) MUST_USE;
/* What was written behind `since`, up to `until`, by position: of all rooms and global.
 */
enum mx_err store_account_data_since(struct db *db, struct arena *arena,
    const char *user_id, int64_t since, int64_t until,
    struct account_data_row **rows_out, int *count_out) MUST_USE;
/* All of one room, or (0) what is global, by type. */
enum mx_err store_account_data_of(struct db *db, struct arena *arena,
    const char *user_id, int64_t room, struct account_data_row **rows_out,
    int *count_out) MUST_USE;
/* All of a user's. */
enum mx_err store_account_data_remove(struct db *db, const char *user_id) MUST_USE;

#endif
