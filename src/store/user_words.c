/*
 * All the SQL about users' words. Relies on db alone. Below core/user_directory.
 */
#include "store/user_words.h"

/* Behind every text that begins with what stands before it. */
#define LAST "\xf4\x8f\xbf\xbf"

enum mx_err
store_user_words_remove(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM user_words WHERE user_id = $1");

	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

enum mx_err
store_user_words_set(
    struct db *db, const char *user_id, const char *const *words, int count)
{
	enum mx_err err = store_user_words_remove(db, user_id);

	for (int i = 0; err == M_OK && i < count; i++) {
		struct stmt *q =
		    db_stmt(db, "INSERT INTO user_words (word, user_id) VALUES ($1, $2)"
				" ON CONFLICT (word, user_id) DO NOTHING");

		stmt_text(q, 1, words[i]);
		stmt_text(q, 2, user_id);
		err = stmt_run(q);
	}
	return err;
}

static struct str
copied(struct stmt *q, int i, struct arena *arena)
{
	struct str value = col_blob(q, i);

	if (value.p == NULL)
		return value;
	return (struct str){ arena_strndup(arena, value.p, value.n), value.n };
}

enum mx_err
store_user_words_find(struct db *db, struct arena *arena, const char *prefix,
    const struct user_word_row *after, int limit, struct user_word_row **rows_out,
    int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT w.word, w.user_id,"
			" (SELECT value FROM profiles p"
			"  WHERE p.user_id = w.user_id AND p.field = 'displayname'),"
			" (SELECT value FROM profiles p"
			"  WHERE p.user_id = w.user_id AND p.field = 'avatar_url')"
			" FROM user_words w WHERE w.word >= $1 AND w.word < $2"
			" AND (w.word > $3 OR (w.word = $3 AND w.user_id > $4))"
			" ORDER BY w.word, w.user_id LIMIT $5");
	struct user_word_row *rows =
	    ARENA_ARRAY(arena, struct user_word_row, (size_t)limit);
	int n = 0;

	stmt_text(q, 1, after == NULL ? prefix : after->word);
	stmt_text(q, 2, arena_printf(arena, "%s" LAST, prefix));
	stmt_text(q, 3, after == NULL ? "" : after->word);
	stmt_text(q, 4, after == NULL ? "" : after->user_id);
	stmt_int(q, 5, limit);
	while (n < limit && stmt_next(q))
		rows[n++] = (struct user_word_row){ .word = col_dup(q, 0, arena),
			.user_id = col_dup(q, 1, arena),
			.displayname = copied(q, 2, arena),
			.avatar_url = copied(q, 3, arena) };
	*rows_out = rows;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_user_words_filled(struct db *db, struct arena *arena, const char **user_id_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT user_id FROM user_words_filled WHERE one = 1");

	*user_id_out = stmt_next(q) ? col_dup(q, 0, arena) : "";
	return stmt_done(q);
}

enum mx_err
store_user_words_fill(struct db *db, const char *user_id)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO user_words_filled (one, user_id) VALUES (1, $1)"
			" ON CONFLICT (one) DO UPDATE SET user_id = excluded.user_id");

	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

enum mx_err
store_user_words_unfilled(struct db *db, struct arena *arena, const char *after,
    int limit, const char ***user_ids_out, int *count_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT user_id FROM users WHERE user_id > $1 AND deactivated = 0"
	    " ORDER BY user_id LIMIT $2");
	const char **ids = ARENA_ARRAY(arena, const char *, (size_t)limit);
	int n = 0;

	stmt_text(q, 1, after);
	stmt_int(q, 2, limit);
	while (n < limit && stmt_next(q))
		ids[n++] = col_dup(q, 0, arena);
	*user_ids_out = ids;
	*count_out = n;
	return stmt_done(q);
}
