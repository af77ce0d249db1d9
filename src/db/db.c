/*
 * What every driver has in common: the cache of statements, transactions, savepoints.
 * Relies on the driver (sqlite.c) for all that touches the database itself.
 * Every store function comes through here; the writer's jobs inside its transaction.
 */
#include "db/handle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

/* Stands first in the search for a statement: a pointer's bytes are the key. */
static struct stmt *
find_stmt(struct db *db, const char *sql)
{
	struct stmt *q = map_get(&db->stmts, &sql, sizeof sql);

	if (q != NULL)
		return q;
	q = driver_prepare(db, sql);
	map_put(&db->stmts, &q->sql, sizeof q->sql, q);
	return q;
}

struct stmt *
db_stmt(struct db *db, const char *sql)
{
	struct stmt *q = find_stmt(db, sql);

#ifdef PARLOUR_DEBUG
	assert(strcmp(q->text, sql) == 0); /* db_stmt is for literals */
#endif
	assert(!q->open); /* one user at a time, who ends with stmt_run or stmt_done */
	q->open = true;
	q->ended = false;
	q->err = M_OK;
	db->asked++;
	return q;
}

uint64_t
db_asked(const struct db *db)
{
	return db->asked;
}

enum mx_err
db_ask_int(struct db *db, const char *sql, int64_t *out)
{
	struct stmt *q = db_stmt(db, sql);

	*out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

char *
col_dup(struct stmt *q, int i, struct arena *arena)
{
	const char *s = col_text(q, i);

	return s == NULL ? NULL : arena_strdup(arena, s);
}

enum mx_err
db_begin(struct db *db)
{
	enum mx_err err;

	assert(!db->begun);
	/* A writer takes its lock at once: a later upgrade could only fail. */
	if (db->mode == DB_WRITE)
		err = stmt_run(db_stmt(db, "BEGIN IMMEDIATE"));
	else
		err = stmt_run(db_stmt(db, "BEGIN"));
	if (err != M_OK)
		return err;
	db->begun = true;
	db->depth = 0;
	return M_OK;
}

enum mx_err
db_commit(struct db *db)
{
	enum mx_err err;

	assert(db->begun && db->depth == 0);
	if (db_in_transaction(db)) {
		err = stmt_run(db_stmt(db, "COMMIT"));
	} else {
		/* The database gave the transaction up in its middle. */
		err = db->last_err;
	}
	if (err != M_OK)
		db_rollback(db);
	db->begun = false;
	return err;
}

void
db_rollback(struct db *db)
{
	assert(db->begun);
	if (db_in_transaction(db) && stmt_run(db_stmt(db, "ROLLBACK")) != M_OK)
		log_error("db: %s: a rollback failed", db->where);
	driver_rolled_back(db);
	db->begun = false;
	db->depth = 0;
}

static const char *const savepoint_sql[DB_SAVEPOINTS_MAX] = { "SAVEPOINT s1",
	"SAVEPOINT s2", "SAVEPOINT s3", "SAVEPOINT s4" };
static const char *const release_sql[DB_SAVEPOINTS_MAX] = { "RELEASE s1", "RELEASE s2",
	"RELEASE s3", "RELEASE s4" };
static const char *const rollback_to_sql[DB_SAVEPOINTS_MAX] = { "ROLLBACK TO s1",
	"ROLLBACK TO s2", "ROLLBACK TO s3", "ROLLBACK TO s4" };

enum mx_err
db_savepoint(struct db *db)
{
	enum mx_err err;

	assert(db->begun && db->depth < DB_SAVEPOINTS_MAX);
	err = stmt_run(db_stmt(db, savepoint_sql[db->depth]));
	if (err == M_OK)
		db->depth++;
	return err;
}

enum mx_err
db_release(struct db *db)
{
	assert(db->begun && db->depth > 0);
	db->depth--;
	return stmt_run(db_stmt(db, release_sql[db->depth]));
}

void
db_rollback_to(struct db *db)
{
	assert(db->begun && db->depth > 0);
	db->depth--;
	if (!db_in_transaction(db))
		return; /* all of it is gone already */
	if (stmt_run(db_stmt(db, rollback_to_sql[db->depth])) != M_OK ||
	    stmt_run(db_stmt(db, release_sql[db->depth])) != M_OK)
		log_error("db: %s: a savepoint could not be undone", db->where);
}
