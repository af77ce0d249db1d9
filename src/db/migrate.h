/*
 * Forward migrations: schema/NNNN_name.sql, compiled into the program, applied in
 * order, each in a transaction with its row in schema_version.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

struct migration {
	int version; /* from 1, no gaps */
	const char *name;
	const char *sql;
};

/* All of schema/, in order; count in *n_out (made by tools/embed_schema at build). */
const struct migration *migrations_all(int *n_out);

/*
 * Brings db to the newest version. Refused with a sentence in *error_out (malloc'ed)
 * and the database untouched: a version newer than the program's, a file that is no
 * database of ours, a damaged one (quick_check), an applied migration whose text has
 * changed.
 */
enum mx_err migrate(struct db *db, char **error_out) MUST_USE;
/* The same with a list of the caller's. */
enum mx_err migrate_with(struct db *db, const struct migration *migrations, int n,
    char **error_out) MUST_USE;

#endif
