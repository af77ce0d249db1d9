/*
 * Push rules: what of each user's deviates from the predefined ones, as canonical JSON.
 */
#ifndef STORE_PUSH_RULES_H
#define STORE_PUSH_RULES_H

#include "db/db.h"

/* scope: "" for the account's, else the profile tag of a device. In the arena, the byte
 * behind it writable. M_NOT_FOUND: all are as predefined. */
enum mx_err store_push_rules_get(struct db *db, struct arena *arena,
    const char *user_id, const char *scope, struct str *json_out) MUST_USE;
enum mx_err store_push_rules_set(struct db *db, const char *user_id, const char *scope,
    struct str json, int64_t position) MUST_USE;
/* Makes sure that there is a row for the account. */
enum mx_err store_push_rules_touch(struct db *db, const char *user_id) MUST_USE;
/* Were the account's written behind `since`, up to `until`? */
enum mx_err store_push_rules_changed(struct db *db, const char *user_id, int64_t since,
    int64_t until, bool *changed_out) MUST_USE;
/* The scopes of a user's devices, in the arena. */
enum mx_err store_push_rules_scopes(struct db *db, struct arena *arena,
    const char *user_id, const char ***scopes_out, int *count_out) MUST_USE;
/* Every user who has rules for the account. */
enum mx_err store_push_rules_users(
    struct db *db, void (*each)(const char *user_id, void *arg), void *arg) MUST_USE;

#endif
