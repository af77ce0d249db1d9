/*
 * The SQL of push rules. Below room/push_rules and room/push.
 */
#include "store/push_rules.h"

#include <string.h>

static enum mx_err
read_json(struct stmt *q, struct arena *arena, struct str *json_out)
{
	bool found = stmt_next(q);
	enum mx_err err;

	if (found) {
		struct str json = col_blob(q, 0);

		*json_out =
		    (struct str){ arena_strndup(arena, json.p, json.n), json.n };
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_push_rules_get(struct db *db, struct arena *arena, const char *user_id,
    const char *scope, struct str *json_out)
{
	struct stmt *q = db_stmt(
	    db, "SELECT json FROM push_rules WHERE user_id = $1 AND scope = $2");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, scope);
	return read_json(q, arena, json_out);
}

enum mx_err
store_push_rules_set(struct db *db, const char *user_id, const char *scope,
    struct str json, int64_t position)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO push_rules (user_id, scope, json, position)"
	    " VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, scope)"
	    " DO UPDATE SET json = excluded.json, position = excluded.position");

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, scope);
	stmt_blob(q, 3, json.p, json.n);
	stmt_int(q, 4, position);
	return stmt_run(q);
}

enum mx_err
store_push_rules_touch(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO push_rules (user_id, scope, json, position)"
	    " VALUES ($1, '', $2, 0) ON CONFLICT (user_id, scope) DO NOTHING");

	stmt_text(q, 1, user_id);
	stmt_blob(q, 2, "{}", 2);
	return stmt_run(q);
}

enum mx_err
store_push_rules_changed(
    struct db *db, const char *user_id, int64_t since, int64_t until, bool *changed_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM push_rules WHERE user_id = $1 AND scope = ''"
			" AND position > $2 AND position <= $3");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, since);
	stmt_int(q, 3, until);
	*changed_out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_push_rules_scopes(struct db *db, struct arena *arena, const char *user_id,
    const char ***scopes_out, int *count_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT scope FROM push_rules WHERE user_id = $1 AND scope > ''"
			" ORDER BY scope");
	const char **scopes = NULL;
	int n = 0, cap = 0;

	stmt_text(q, 1, user_id);
	while (stmt_next(q)) {
		if (n == cap) {
			const char **more;

			cap = cap == 0 ? 8 : cap * 2;
			more = ARENA_ARRAY(arena, const char *, cap);
			if (n > 0)
				memcpy(more, scopes, sizeof *more * n);
			scopes = more;
		}
		scopes[n++] = col_dup(q, 0, arena);
	}
	*scopes_out = scopes;
	*count_out = n;
	return stmt_done(q);
}

enum mx_err
store_push_rules_users(
    struct db *db, void (*each)(const char *user_id, void *arg), void *arg)
{
	struct stmt *q = db_stmt(db, "SELECT user_id FROM push_rules WHERE scope = ''");

	while (stmt_next(q))
		each(col_text(q, 0), arg);
	return stmt_done(q);
}
