/*
 * All the SQL about profiles. Relies on db alone.
 * Below core/profile; read for profile look-ups and for each new member event.
 */
#include "store/profiles.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "store/user_words.h"

/* What a field costs beside its name and value: quotes, colon, comma. */
#define FIELD_OVERHEAD 4

static void
read_row(struct stmt *q, struct arena *arena, struct profile_row *out)
{
	struct str value = col_blob(q, 1);

	*out = (struct profile_row){ .field = col_dup(q, 0, arena),
		.value = arena_strndup(arena, value.p, value.n),
		.value_n = value.n };
}

enum mx_err
store_profile_get(struct db *db, struct arena *arena, const char *user_id,
    struct profile_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT field, value FROM profiles WHERE user_id = $1 ORDER BY field");
	VEC(struct profile_row) rows = { 0 };

	stmt_text(q, 1, user_id);
	while (stmt_next(q)) {
		struct profile_row row;

		read_row(q, arena, &row);
		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

enum mx_err
store_profile_field(struct db *db, struct arena *arena, const char *user_id,
    const char *field, struct profile_row *out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT field, value FROM profiles WHERE user_id = $1 AND field = $2");
	enum mx_err err;
	bool found;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, field);
	found = stmt_next(q);
	if (found)
		read_row(q, arena, out);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

/* The other fields' size as JSON, braces included. */
static enum mx_err
size_of_others(struct db *db, const char *user_id, const char *field, size_t *out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT field, value FROM profiles WHERE user_id = $1 AND field <> $2");

	*out = 2;
	stmt_text(q, 1, user_id);
	stmt_text(q, 2, field);
	while (stmt_next(q))
		*out += strlen(col_text(q, 0)) + col_blob(q, 1).n + FIELD_OVERHEAD;
	return stmt_done(q);
}

enum mx_err
store_profile_set(
    struct db *db, const char *user_id, const struct profile_row *row, size_t max)
{
	struct stmt *q;
	size_t others;
	enum mx_err err = size_of_others(db, user_id, row->field, &others);

	if (err != M_OK)
		return err;
	if (others + strlen(row->field) + row->value_n + FIELD_OVERHEAD > max)
		return M_PROFILE_TOO_LARGE;
	q = db_stmt(db,
	    "INSERT INTO profiles (user_id, field, value) VALUES ($1, $2, $3)"
	    " ON CONFLICT (user_id, field) DO UPDATE SET value = excluded.value");
	stmt_text(q, 1, user_id);
	stmt_text(q, 2, row->field);
	stmt_blob(q, 3, row->value, row->value_n);
	return stmt_run(q);
}

enum mx_err
store_profile_unset(struct db *db, const char *user_id, const char *field)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM profiles WHERE user_id = $1 AND field = $2");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, field);
	return stmt_run(q);
}

enum mx_err
store_profile_remove(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "DELETE FROM profiles WHERE user_id = $1");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	err = stmt_run(q);
	return err == M_OK ? store_user_words_remove(db, user_id) : err;
}
