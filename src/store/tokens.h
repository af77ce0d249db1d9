/*
 * Access tokens and refresh tokens, known by their SHA-256 alone, and registration
 * tokens. Spec: client-server-api/#refreshing-access-tokens,
 * #token-authenticated-registration
 */
#ifndef STORE_TOKENS_H
#define STORE_TOKENS_H

#include "base/crypto.h"
#include "db/db.h"

#define TOKEN_HASH_LEN SHA256_LEN

struct access_row {
	const char *user_id, *device_id;
	int64_t expires_ts;	     /* 0: never */
	const uint8_t *refresh_hash; /* of the refresh token beside it; NULL: none */
	/* Of its user and device, filled in by store_access_find. */
	bool is_admin;
	int64_t seen_ts;
};

enum mx_err store_access_add(struct db *db, const uint8_t hash[TOKEN_HASH_LEN],
    const struct access_row *row) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err store_access_find(struct db *db, struct arena *arena,
    const uint8_t hash[TOKEN_HASH_LEN], struct access_row *out) MUST_USE;

struct refresh_row {
	const char *user_id, *device_id;
	const uint8_t *next_hash; /* NULL: never used */
};

enum mx_err store_refresh_add(struct db *db, const uint8_t hash[TOKEN_HASH_LEN],
    const char *user_id, const char *device_id) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err store_refresh_find(struct db *db, struct arena *arena,
    const uint8_t hash[TOKEN_HASH_LEN], struct refresh_row *out) MUST_USE;
/* The token was used: next_hash is its successor from now on. */
enum mx_err store_refresh_used(struct db *db, const uint8_t hash[TOKEN_HASH_LEN],
    const uint8_t next_hash[TOKEN_HASH_LEN]) MUST_USE;
/* Which token did this one succeed? M_NOT_FOUND: none that still lives. */
enum mx_err store_refresh_before(struct db *db, struct arena *arena,
    const char *user_id, const char *device_id, const uint8_t next_hash[TOKEN_HASH_LEN],
    const uint8_t **hash_out) MUST_USE;
/* A refresh token and the access tokens issued beside it. */
enum mx_err store_refresh_remove(struct db *db, const char *user_id,
    const char *device_id, const uint8_t hash[TOKEN_HASH_LEN]) MUST_USE;

/* Both kinds, of one device or of all. */
enum mx_err store_tokens_remove(
    struct db *db, const char *user_id, const char *device_id) MUST_USE;
enum mx_err store_tokens_remove_all(struct db *db, const char *user_id) MUST_USE;

struct registration_token_row {
	const char *token;
	int64_t uses_allowed; /* -1: no limit */
	int64_t completed;
	int64_t expires_ts; /* 0: never */
};

/* M_USER_IN_USE if the token is there already. */
enum mx_err store_registration_token_add(
    struct db *db, const struct registration_token_row *row) MUST_USE;
/* M_NOT_FOUND. */
enum mx_err store_registration_token_remove(struct db *db, const char *token) MUST_USE;
/* By token. */
enum mx_err store_registration_tokens_list(struct db *db, struct arena *arena,
    struct registration_token_row **rows_out, int *count_out) MUST_USE;
enum mx_err store_registration_token_valid(
    struct db *db, const char *token, int64_t now_ts, bool *valid_out) MUST_USE;
/* Counts one registration; M_UNAUTHORIZED if the token is not (or no longer) good. */
enum mx_err store_registration_token_use(
    struct db *db, const char *token, int64_t now_ts) MUST_USE;

#endif
