/*
 * The words by which users are found: each word of a name once for each user.
 */
#ifndef STORE_USER_WORDS_H
#define STORE_USER_WORDS_H

#include "db/db.h"

/* In place of those that the user has. */
enum mx_err store_user_words_set(
    struct db *db, const char *user_id, const char *const *words, int count) MUST_USE;
enum mx_err store_user_words_remove(struct db *db, const char *user_id) MUST_USE;

struct user_word_row {
	const char *word, *user_id;
	/* Profile fields as JSON text; p NULL: not set. */
	struct str displayname, avatar_url;
};

/* At most `limit` words that begin with `prefix`, in order, behind (word, user_id) of
 * `after` (NULL: from the first on). */
enum mx_err store_user_words_find(struct db *db, struct arena *arena,
    const char *prefix, const struct user_word_row *after, int limit,
    struct user_word_row **rows_out, int *count_out) MUST_USE;

/* Up to which user id those of before there were words have theirs; "": none. */
enum mx_err store_user_words_filled(
    struct db *db, struct arena *arena, const char **user_id_out) MUST_USE;
enum mx_err store_user_words_fill(struct db *db, const char *user_id) MUST_USE;
/* The next users behind that one, deactivated ones left out. */
enum mx_err store_user_words_unfilled(struct db *db, struct arena *arena,
    const char *after, int limit, const char ***user_ids_out, int *count_out) MUST_USE;

#endif
