/*
 * What db.c and a driver share: the connection and the prepared statement.
 * Relies on SQLite's types today. Nothing outside src/db includes this.
 */
#ifndef DB_HANDLE_H
#define DB_HANDLE_H

#include <sqlite3.h>
#include "base/map.h"
#include "db/db.h"

#define DB_SAVEPOINTS_MAX 4 /* how deep they nest */

/* Owned by one thread at a time. */
struct db {
	sqlite3 *handle;
	struct map stmts; /* by the address of their SQL */
	enum db_mode mode;
	bool begun;	      /* between db_begin and its commit or rollback */
	bool broken;	      /* an I/O error or corruption was seen */
	int depth;	      /* open savepoints */
	uint64_t asked;	      /* statements since it was opened */
	enum mx_err last_err; /* of the last statement that failed */
	int64_t page_size;
	int64_t wal_bytes;	/* of the log after this connection's last commit */
	int64_t full_logged_ms; /* when a full disk was last complained about */
	char *where;
};

/* Owned by its connection. Open from db_stmt until stmt_run or stmt_done. */
struct stmt {
	const char *sql; /* the caller's literal: its address is the key */
	struct db *db;
	sqlite3_stmt *q;
	bool open, ended;
	enum mx_err err;
#ifdef PARLOUR_DEBUG
	char *text; /* to notice a key that is no literal */
#endif
};

/* The driver's part of db_stmt: compiles sql; aborts with its text if it is wrong. */
struct stmt *driver_prepare(struct db *db, const char *sql);
void driver_finalize(struct stmt *q);

/* The driver's part of db_rollback, once the transaction is gone. */
void driver_rolled_back(struct db *db);

/* One number from a query, for the driver's and migrate's own questions. */
enum mx_err db_ask_int(struct db *db, const char *sql, int64_t *out) MUST_USE;
/* Says that this is our database and in order: its last close may tidy the file. */
void db_adopt(struct db *db);

#endif
