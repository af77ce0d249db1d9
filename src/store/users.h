/*
 * Accounts, and guests who have written something: the table users.
 */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "db/db.h"

enum user_kind { USER_ACCOUNT, USER_GUEST };

struct user_row {
	const char *user_id;
	enum user_kind kind;
	const char *password_hash; /* NULL: no login by password */
	bool is_admin, is_deactivated;
	int64_t created_ts;
	int64_t seen_ts, expires_ts; /* guests: last active; the token's own expiry */
};

/* M_USER_IN_USE if the id was ever given to anybody. */
enum mx_err store_user_add(struct db *db, const struct user_row *row) MUST_USE;
/* M_NOT_FOUND. What *out points to lies in the arena. */
enum mx_err store_user_get(struct db *db, struct arena *arena, const char *user_id,
    struct user_row *out) MUST_USE;
/* M_NOT_FOUND if there is no such account (guests are none). */
enum mx_err store_user_set_password(
    struct db *db, const char *user_id, const char *hash) MUST_USE;
/* The id stays taken; the password goes. M_NOT_FOUND as above. */
enum mx_err store_user_deactivate(struct db *db, const char *user_id) MUST_USE;
/* Is it deactivated? */
enum mx_err store_user_has_ended(
    struct db *db, const char *user_id, bool *out) MUST_USE;
/* Any user at all, to see whose database this is. M_NOT_FOUND. */
enum mx_err store_users_any(
    struct db *db, struct arena *arena, const char **user_id_out) MUST_USE;
/* Every account (no guests), by id. */
enum mx_err store_users_list(struct db *db, struct arena *arena,
    struct user_row **rows_out, int *count_out) MUST_USE;
/* Accounts that administer the server, at most `limit`. */
enum mx_err store_users_admins(struct db *db, struct arena *arena, int limit,
    const char ***user_ids_out, int *count_out) MUST_USE;

#endif
