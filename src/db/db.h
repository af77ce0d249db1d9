/*
 * One small interface to an SQL database, for two drivers (SQLite today). SQL is in the
 * subset both share: $1 .. $n, ON CONFLICT, RETURNING, BIGINT, TEXT, BLOB.
 * A struct db is one connection and belongs to one thread at a time.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db;
struct stmt;

enum db_mode {
	DB_READ,  /* a reader's connection: query_only */
	DB_WRITE, /* the one writer; sets WAL, synchronous=FULL; makes the file */
};

/* where: a path, or ":memory:" (shared between connections of the process by name is
 * not offered: tests of one connection only). NULL with a sentence in *error_out. */
struct db *db_open(const char *where, enum db_mode mode, char **error_out);
void db_close(struct db *db);

/* A prepared statement, cached by the *address* of sql (pass literals): the same call
 * site gets the same statement back, reset and unbound. Never NULL: SQL that does not
 * compile is a broken invariant and aborts with its text. */
struct stmt *db_stmt(struct db *db, const char *sql);

void stmt_int(struct stmt *q, int n, int64_t v);      /* n from 1: binds $n */
void stmt_text(struct stmt *q, int n, const char *s); /* NULL binds NULL; borrowed */
void stmt_blob(struct stmt *q, int n, const void *p, size_t size); /* borrowed */
void stmt_null(struct stmt *q, int n);

/* The next row: true. False: no more, or an error (then stmt_done says M_UNKNOWN). */
bool stmt_next(struct stmt *q);
/* Ends reading; M_OK, or M_UNKNOWN / M_UNAVAILABLE (disk full, busy) already logged. */
enum mx_err stmt_done(struct stmt *q) MUST_USE;
/* Runs a statement that returns no rows, and resets it. */
enum mx_err stmt_run(struct stmt *q) MUST_USE;
/* Rows changed by the last stmt_run on this connection. */
int64_t db_changes(struct db *db);
/* Rows changed since the connection was opened, undone ones included. */
int64_t db_total_changes(struct db *db);

/* Columns of the present row, from 0. Text and blobs live until the next call on q. */
int64_t col_int(struct stmt *q, int i);	     /* NULL reads as 0 */
const char *col_text(struct stmt *q, int i); /* NULL for NULL */
struct str col_blob(struct stmt *q, int i);  /* p = NULL for NULL */
bool col_is_null(struct stmt *q, int i);
char *col_dup(struct stmt *q, int i, struct arena *arena); /* text into the arena */

/* How many statements this connection was asked for since it was opened. */
uint64_t db_asked(const struct db *db);

/* Runs SQL text of several statements (schema); M_UNKNOWN was logged. */
enum mx_err db_exec(struct db *db, const char *sql) MUST_USE;

/* Transactions; savepoints nest by name. */
enum mx_err db_begin(struct db *db) MUST_USE;  /* write: takes the lock at once */
enum mx_err db_commit(struct db *db) MUST_USE; /* failed: it was rolled back */
void db_rollback(struct db *db);
enum mx_err db_savepoint(struct db *db) MUST_USE;
enum mx_err db_release(struct db *db) MUST_USE;
void db_rollback_to(struct db *db);    /* back to, and drop, the innermost savepoint */
bool db_in_transaction(struct db *db); /* false once SQLite rolled back by itself */
/* Was the last failure an I/O error or corruption (the process should stop)? */
bool db_is_broken(struct db *db);

/* WAL: a passive checkpoint; *wal_bytes_out the log's size then. truncate: waits a
 * moment for readers and empties the log; where one stays in it, the size says so. */
enum mx_err db_checkpoint(
    struct db *db, bool truncate, int64_t *wal_bytes_out) MUST_USE;
/* As with truncate, but the log keeps its space and is written over from its beginning:
 * half as fast again as making the file grow. 0 in *wal_bytes_out: done. */
enum mx_err db_restart_log(struct db *db, int64_t *wal_bytes_out) MUST_USE;
/* The log's size after this connection's last commit or checkpoint. */
int64_t db_wal_bytes(struct db *db);
/* A consistent copy of the whole database into file `to` (must not exist). */
enum mx_err db_backup(struct db *db, const char *to, char **error_out) MUST_USE;

#endif
