/*
 * All the SQL about guests. Relies on store/users for the row they share with accounts.
 * Below core/guests; read at start and on a guest's first write, never to check a
 * token.
 */
#include "store/guests.h"

#include "store/devices.h"
#include "store/profiles.h"
#include "store/users.h"

static enum mx_err
denial_has(struct db *db, const char *user_id, bool *found_out)
{
	struct stmt *q = db_stmt(db, "SELECT 1 FROM guest_denials WHERE user_id = $1");

	stmt_text(q, 1, user_id);
	*found_out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_guest_add(struct db *db, const char *user_id, int64_t now_ts, int64_t expires_ts)
{
	struct user_row row = { .user_id = user_id,
		.kind = USER_GUEST,
		.created_ts = now_ts,
		.seen_ts = now_ts,
		.expires_ts = expires_ts };
	bool denied;
	enum mx_err err = denial_has(db, user_id, &denied);

	if (err == M_OK && denied)
		return M_UNKNOWN_TOKEN;
	if (err == M_OK)
		err = store_user_add(db, &row);
	return err == M_USER_IN_USE ? M_OK : err;
}

enum mx_err
store_guest_seen(struct db *db, const char *user_id, int64_t ts)
{
	struct stmt *q = db_stmt(db,
	    "UPDATE users SET seen_ts = $2"
	    " WHERE user_id = $1 AND kind = 1 AND seen_ts > 0 AND seen_ts < $2");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, ts);
	return stmt_run(q);
}

enum mx_err
store_guest_end(struct db *db, const char *user_id)
{
	struct stmt *q = db_stmt(db, "UPDATE users SET seen_ts = 0, expires_ts = 0"
				     " WHERE user_id = $1 AND kind = 1");

	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

/* 1 join, 2 invite, 3 knock: somebody would wait for a guest that is no more. */
static enum mx_err
is_in_a_room(struct db *db, const char *user_id, bool *found_out)
{
	struct stmt *q = db_stmt(db,
	    "SELECT 1 FROM members WHERE user_id = $1 AND membership IN (1, 2, 3)"
	    " LIMIT 1");

	stmt_text(q, 1, user_id);
	*found_out = stmt_next(q);
	return stmt_done(q);
}

enum mx_err
store_guest_remove(struct db *db, const char *user_id)
{
	struct stmt *q;
	bool in_a_room;
	enum mx_err err = is_in_a_room(db, user_id, &in_a_room);

	if (err == M_OK && in_a_room)
		err = M_BAD_STATE;
	if (err == M_OK)
		err = store_devices_remove_all(db, user_id);
	if (err == M_OK)
		err = store_profile_remove(db, user_id);
	if (err != M_OK)
		return err;
	q = db_stmt(db, "DELETE FROM users WHERE user_id = $1 AND kind = 1");
	stmt_text(q, 1, user_id);
	return stmt_run(q);
}

enum mx_err
store_guest_upgrade(
    struct db *db, const char *user_id, const char *hash, int64_t now_ts)
{
	struct stmt *q =
	    db_stmt(db, "UPDATE users SET kind = 0, password_hash = $2, expires_ts = 0"
			" WHERE user_id = $1 AND kind = 1");
	struct user_row row = { .user_id = user_id,
		.password_hash = hash,
		.created_ts = now_ts,
		.seen_ts = now_ts };
	enum mx_err err;

	stmt_text(q, 1, user_id);
	stmt_text(q, 2, hash);
	err = stmt_run(q);
	if (err != M_OK || db_changes(db) > 0)
		return err;
	return store_user_add(db, &row);
}

enum mx_err
store_guests_each(struct db *db,
    void (*each)(void *arg, const char *user_id, int64_t seen_ts, int64_t expires_ts),
    void *arg)
{
	struct stmt *q = db_stmt(
	    db, "SELECT user_id, seen_ts, expires_ts FROM users WHERE kind = 1");

	while (stmt_next(q))
		each(arg, col_text(q, 0), col_int(q, 1), col_int(q, 2));
	return stmt_done(q);
}

enum mx_err
store_denial_add(struct db *db, const char *user_id, int64_t until_ts)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO guest_denials (user_id, until_ts) VALUES ($1, $2)"
	    " ON CONFLICT (user_id) DO UPDATE SET until_ts = excluded.until_ts");

	stmt_text(q, 1, user_id);
	stmt_int(q, 2, until_ts);
	return stmt_run(q);
}

enum mx_err
store_denials_each(struct db *db,
    void (*each)(void *arg, const char *user_id, int64_t until_ts), void *arg)
{
	struct stmt *q = db_stmt(db, "SELECT user_id, until_ts FROM guest_denials");

	while (stmt_next(q))
		each(arg, col_text(q, 0), col_int(q, 1));
	return stmt_done(q);
}

enum mx_err
store_denials_prune(struct db *db, int64_t now_ts)
{
	struct stmt *q = db_stmt(db, "DELETE FROM guest_denials WHERE until_ts <= $1");

	stmt_int(q, 1, now_ts);
	return stmt_run(q);
}
