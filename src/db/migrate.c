/*
 * Brings a database to the program's version, or says why it will not be touched.
 * Relies on db and on the table that tools/embed_schema makes of schema/.
 * Runs once, when the writer opens, before any request.
 */
#include "db/migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/codec.h"
#include "base/crypto.h"
#include "base/log.h"
#include "db/handle.h"

#define CHECK_WHOLE_MAX                                                                \
	(16 << 20) /* bytes that are read through at each start: 25 ms */

struct list {
	const struct migration *v;
	int n;
};

static enum mx_err refuse(struct db *db, enum mx_err err, char **error_out,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static enum mx_err
refuse(struct db *db, enum mx_err err, char **error_out, const char *fmt, ...)
{
	struct buf b = { 0 };
	char *why;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) < 0)
		abort();
	va_end(ap);
	buf_printf(&b, "the database %s %s", db->where, why);
	free(why);
	*error_out = buf_take(&b, NULL);
	return err;
}

static void
checksum(const char *sql, char out[SHA256_LEN * 2 + 1])
{
	uint8_t hash[SHA256_LEN];

	sha256(sql, strlen(sql), hash);
	hex_encode(hash, sizeof hash, out);
}

/*
 * A small database is read through. In a large one that would hold up the start for
 * seconds; there, what opening has shown must do: the header is ours, its page count
 * agrees with the file's size, the schema's own pages parse. Damage elsewhere is found
 * when it is met, and stops the writer.
 */
static enum mx_err
check_sound(struct db *db, char **error_out)
{
	int64_t pages, page_size;
	struct stmt *q;
	enum mx_err err;
	char *found = NULL;

	if (db_ask_int(db, "PRAGMA page_count", &pages) != M_OK ||
	    db_ask_int(db, "PRAGMA page_size", &page_size) != M_OK)
		return refuse(db, M_UNKNOWN, error_out, "is damaged");
	if (pages * page_size > CHECK_WHOLE_MAX)
		return M_OK;
	q = db_stmt(db, "PRAGMA quick_check(1)");
	if (stmt_next(q) && strcmp(col_text(q, 0), "ok") != 0)
		found = xstrdup(col_text(q, 0));
	err = stmt_done(q);
	if (found != NULL)
		err = refuse(db, M_UNKNOWN, error_out, "is damaged: %s", found);
	else if (err != M_OK)
		err = refuse(db, err, error_out, "is damaged");
	free(found);
	return err;
}

/* Does the row of schema_version that q stands on agree with the program? */
static enum mx_err
check_row(struct db *db, struct stmt *q, struct list all, char **error_out)
{
	int64_t version = col_int(q, 0);
	const char *sum = col_text(q, 2);
	char ours[SHA256_LEN * 2 + 1];

	if (version > all.n)
		return refuse(db, M_UNKNOWN, error_out,
		    "is of version %lld, made by a newer program; this one knows"
		    " versions up to %d",
		    (long long)version, all.n);
	if (version < 1)
		return refuse(db, M_UNKNOWN, error_out, "has no version that could be");
	checksum(all.v[version - 1].sql, ours);
	if (sum == NULL || strcmp(sum, ours) != 0)
		return refuse(db, M_UNKNOWN, error_out,
		    "was made with another text of migration %lld (%s)",
		    (long long)version, all.v[version - 1].name);
	return M_OK;
}

/* Looks at what was applied; how many in *n_out. */
static enum mx_err
check_applied(struct db *db, struct list all, int *n_out, char **error_out)
{
	int64_t has_table;
	struct stmt *q;
	enum mx_err err, end;

	*n_out = 0;
	err = db_ask_int(db,
	    "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'",
	    &has_table);
	if (err != M_OK)
		return refuse(db, err, error_out, "cannot be read");
	if (!has_table)
		return M_OK;
	q = db_stmt(
	    db, "SELECT version, name, checksum FROM schema_version ORDER BY version");
	while (err == M_OK && stmt_next(q)) {
		err = check_row(db, q, all, error_out);
		if (err == M_OK && col_int(q, 0) != ++*n_out)
			err = refuse(
			    db, M_UNKNOWN, error_out, "lacks migration %d", *n_out);
	}
	end = stmt_done(q);
	if (err == M_OK && end != M_OK)
		err = refuse(db, end, error_out, "cannot be read");
	return err;
}

static enum mx_err
note_applied(struct db *db, const struct migration *m)
{
	struct stmt *q;
	char sum[SHA256_LEN * 2 + 1];

	checksum(m->sql, sum);
	q = db_stmt(db,
	    "INSERT INTO schema_version (version, name, checksum, applied_at)"
	    " VALUES ($1, $2, $3, $4)");
	stmt_int(q, 1, m->version);
	stmt_text(q, 2, m->name);
	stmt_text(q, 3, sum);
	stmt_int(q, 4, clock_now_ms());
	return stmt_run(q);
}

static enum mx_err
apply(struct db *db, const struct migration *m)
{
	enum mx_err err = db_begin(db);

	if (err != M_OK)
		return err;
	err = db_exec(db,
	    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY,"
	    " name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)");
	if (err == M_OK)
		err = db_exec(db, m->sql);
	if (err == M_OK)
		err = note_applied(db, m);
	if (err == M_OK)
		return db_commit(db);
	db_rollback(db);
	return err;
}

enum mx_err
migrate_with(struct db *db, const struct migration *migrations, int n, char **error_out)
{
	struct list all = { migrations, n };
	enum mx_err err;
	int applied;

	*error_out = NULL;
	err = check_sound(db, error_out);
	if (err == M_OK)
		err = check_applied(db, all, &applied, error_out);
	if (err != M_OK)
		return err;
	db_adopt(db);
	for (int i = applied; i < n; i++) {
		err = apply(db, &migrations[i]);
		if (err != M_OK)
			return refuse(db, err, error_out, "refused migration %d (%s)",
			    migrations[i].version, migrations[i].name);
		log_info("db: %s: migration %d (%s) applied", db->where,
		    migrations[i].version, migrations[i].name);
	}
	return M_OK;
}

enum mx_err
migrate(struct db *db, char **error_out)
{
	int n;
	const struct migration *all = migrations_all(&n);

	return migrate_with(db, all, n, error_out);
}
