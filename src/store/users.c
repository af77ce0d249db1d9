/*
 * All the SQL about accounts. Relies on db alone.
 * Below core/users and core/login; a request reaches it when it logs in or registers.
 */
#include "store/users.h"

#include <stdlib.h>
#include "base/vec.h"

#define USER_COLUMNS                                                                   \
	"user_id, kind, password_hash, admin, deactivated, created_ts, seen_ts,"       \
	" expires_ts"

enum mx_err
store_user_add(struct db *db, const struct user_row *row)
{
	struct stmt *q = db_stmt(db, "INSERT INTO users (" USER_COLUMNS ")"
				     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON "
				     "CONFLICT (user_id) DO NOTHING");
	enum mx_err err;

	stmt_text(q, 1, row->user_id);
	stmt_int(q, 2, row->kind);
	stmt_text(q, 3, row->password_hash);
	stmt_int(q, 4, row->is_admin);
	stmt_int(q, 5, row->is_deactivated);
	stmt_int(q, 6, row->created_ts);
	stmt_int(q, 7, row->seen_ts);
	stmt_int(q, 8, row->expires_ts);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_USER_IN_USE : err;
}

static void
read_user(struct stmt *q, struct arena *arena, struct user_row *out)
{
	*out = (struct user_row){ .user_id = col_dup(q, 0, arena),
		.kind = (enum user_kind)col_int(q, 1),
		.password_hash = col_dup(q, 2, arena),
		.is_admin = col_int(q, 3) != 0,
		.is_deactivated = col_int(q, 4) != 0,
		.created_ts = col_int(q, 5),
		.seen_ts = col_int(q, 6),
		.expires_ts = col_int(q, 7) };
}

enum mx_err
store_user_get(
    struct db *db, struct arena *arena, const char *user_id, struct user_row *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " USER_COLUMNS " FROM users WHERE user_id = $1");
	enum mx_err err;
	bool found;

	stmt_text(q, 1, user_id);
	found = stmt_next(q);
	if (found)
		read_user(q, arena, out);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_user_set_password(struct db *db, const char *user_id, const char *hash)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE users SET password_hash = $2"
			" WHERE user_id = $1 AND kind = 0 AND deactivated = 0");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, hash);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_NOT_FOUND : err;
}

enum mx_err
store_user_deactivate(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db,
	    "UPDATE users SET deactivated = 1, admin = 0, password_hash = NULL"
	    " WHERE user_id = $1 AND kind = 0");
	enum mx_err err;

	stmt_text(q, 1, user_id);
	err = stmt_run(q);
	return err == M_OK && db_changes(db) == 0 ? M_NOT_FOUND : err;
}

enum mx_err
store_user_has_ended(struct db *db, const char *user_id, bool *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM users WHERE user_id = $1 AND deactivated = 1");

	stmt_text(q, 1, user_id);
	*out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_users_any(struct db *db, struct arena *arena, const char **user_id_out)
{
	struct stmt *q = db_stmt(db, "SELECT user_id FROM users LIMIT 1");
	enum mx_err err;
	bool found = stmt_next(q);

	if (found)
		*user_id_out = col_dup(q, 0, arena);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_users_list(
    struct db *db, struct arena *arena, struct user_row **rows_out, int *count_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT " USER_COLUMNS " FROM users WHERE kind = 0 ORDER BY user_id");
	VEC(struct user_row) rows = { 0 };

	while (stmt_next(q)) {
		struct user_row row;

		read_user(q, arena, &row);
		vec_push(&rows, row);
	}
	*rows_out = arena_dup(arena, rows.v, rows.n * sizeof *rows.v);
	*count_out = (int)rows.n;
	vec_free(&rows);
	return stmt_done(q);
}

enum mx_err
store_users_admins(struct db *db, struct arena *arena, int limit,
    const char ***user_ids_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT user_id FROM users WHERE admin = 1 AND deactivated = 0"
			" ORDER BY user_id LIMIT $1");
	const char **ids = ARENA_ARRAY(arena, const char *, (size_t)limit);
	int n = 0;

	stmt_int(q, 1, limit);
	while (n < limit && stmt_next(q))
		ids[n++] = col_dup(q, 0, arena);
	*user_ids_out = ids;
	*count_out = n;
	return stmt_done(q);
}
