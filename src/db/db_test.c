/*
 * The database interface, as the store sees it. Relies on a folder under /tmp.
 */
#include "db/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/thread.h"

struct fixture {
	char folder[32], path[64], other[64];
	struct db *db;
};

static struct db *
open_or_fail(const char *path, enum db_mode mode)
{
	char *error;
	struct db *db = db_open(path, mode, &error);

	if (db == NULL)
		fail_msg("%s", error);
	return db;
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/parlour-db-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
	snprintf(f->other, sizeof f->other, "%s/b.db", f->folder);
	f->db = open_or_fail(f->path, DB_WRITE);
	*state = f;
	return db_exec(f->db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB)");
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm", "b.db",
		"b.db-wal", "b.db-shm" };
	struct fixture *f = *state;
	char path[64];

	db_close(f->db);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

static enum mx_err
add(struct db *db, int64_t a, const char *b)
{
	struct stmt *q = db_stmt(db, "INSERT INTO t (a, b) VALUES ($1, $2)");

	stmt_int(q, 1, a);
	stmt_text(q, 2, b);
	return stmt_run(q);
}

static int64_t
count(struct db *db)
{
	struct stmt *q = db_stmt(db, "SELECT count(*) FROM t");
	int64_t n;

	assert_true(stmt_next(q));
	n = col_int(q, 0);
	assert_int_equal(stmt_done(q), M_OK);
	return n;
}

static void
parameters_are_bound_by_their_number_not_their_order(void **state)
{
	struct fixture *f = *state;
	struct stmt *q = db_stmt(
	    f->db, "SELECT $2 || $1 || '$1' || \"b\" FROM (SELECT '-' AS b) -- $9");

	stmt_text(q, 1, "one");
	stmt_text(q, 2, "two");
	assert_true(stmt_next(q));
	assert_string_equal(col_text(q, 0), "twoone$1-");
	assert_false(stmt_next(q));
	assert_false(stmt_next(q));
	assert_int_equal(stmt_done(q), M_OK);
}

static void
a_statement_comes_back_without_its_old_parameters(void **state)
{
	struct fixture *f = *state;
	struct stmt *q = NULL, *first = NULL;

	for (int round = 0; round < 2; round++) {
		q = db_stmt(f->db, "SELECT $1, $2");
		if (round == 0) {
			stmt_text(q, 1, "old");
			stmt_int(q, 2, 7);
			first = q;
		}
		assert_true(stmt_next(q));
		assert_int_equal(col_is_null(q, 0), round == 1);
		assert_int_equal(col_is_null(q, 1), round == 1);
		assert_int_equal(stmt_done(q), M_OK);
	}
	assert_ptr_equal(q, first);
}

static void
values_come_back_as_they_were_put_in(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = arena_new();
	struct stmt *q = db_stmt(f->db, "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)");

	stmt_int(q, 1, INT64_MIN);
	stmt_text(q, 2, "\xc3\xa4");
	stmt_blob(q, 3, "a\0b", 3);
	assert_int_equal(stmt_run(q), M_OK);
	assert_int_equal(db_changes(f->db), 1);
	q = db_stmt(f->db, "INSERT INTO t (a, b, c) VALUES ($1, $2, $3)");
	stmt_int(q, 1, 2);
	stmt_null(q, 2);
	stmt_blob(q, 3, NULL, 0);
	assert_int_equal(stmt_run(q), M_OK);

	q = db_stmt(f->db, "SELECT a, b, c FROM t ORDER BY a");
	assert_true(stmt_next(q));
	assert_true(col_int(q, 0) == INT64_MIN);
	assert_string_equal(col_dup(q, 1, arena), "\xc3\xa4");
	assert_int_equal(col_blob(q, 2).n, 3);
	assert_memory_equal(col_blob(q, 2).p, "a\0b", 3);
	assert_true(stmt_next(q));
	assert_null(col_text(q, 1));
	assert_null(col_dup(q, 1, arena));
	assert_int_equal(col_int(q, 1), 0);
	assert_false(col_is_null(q, 2));
	assert_non_null(col_blob(q, 2).p);
	assert_int_equal(col_blob(q, 2).n, 0);
	assert_int_equal(stmt_done(q), M_OK);
	arena_free(arena);
}

static void
a_broken_constraint_is_reported_and_the_statement_usable_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f->db, 1, "x"), M_OK);
	assert_int_equal(add(f->db, 1, "y"), M_UNKNOWN);
	assert_int_equal(add(f->db, 2, "y"), M_OK);
	assert_false(db_is_broken(f->db));
	assert_int_equal(count(f->db), 2);
}

static void
a_savepoint_undoes_its_own_part_only(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(add(f->db, 1, "kept"), M_OK);
	assert_int_equal(db_savepoint(f->db), M_OK);
	assert_int_equal(add(f->db, 2, "undone"), M_OK);
	assert_int_equal(db_savepoint(f->db), M_OK);
	assert_int_equal(add(f->db, 3, "undone with its parent"), M_OK);
	assert_int_equal(db_release(f->db), M_OK);
	db_rollback_to(f->db);
	assert_int_equal(add(f->db, 4, "kept"), M_OK);
	assert_true(db_in_transaction(f->db));
	assert_int_equal(db_commit(f->db), M_OK);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(count(f->db), 2);
	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(add(f->db, 5, "undone"), M_OK);
	db_rollback(f->db);
	assert_int_equal(count(f->db), 2);
}

/* ON CONFLICT ROLLBACK ends the transaction as a full disk does: from inside SQLite. */
static void
nothing_runs_outside_a_transaction_that_was_lost_in_its_middle(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f->db, 1, "there"), M_OK);
	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(db_savepoint(f->db), M_OK);
	assert_int_equal(add(f->db, 2, "lost"), M_OK);
	assert_int_equal(
	    stmt_run(db_stmt(f->db, "INSERT OR ROLLBACK INTO t (a) VALUES (1)")),
	    M_UNKNOWN);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(add(f->db, 3, "must not be committed alone"), M_UNKNOWN);
	assert_int_equal(db_exec(f->db, "INSERT INTO t (a) VALUES (4)"), M_UNKNOWN);
	db_rollback_to(f->db);
	assert_int_equal(db_commit(f->db), M_UNKNOWN);
	assert_int_equal(count(f->db), 1);
	assert_int_equal(add(f->db, 5, "a new start"), M_OK);
}

static void
a_reader_sees_what_is_committed_and_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct db *reader = open_or_fail(f->path, DB_READ);

	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(add(f->db, 1, "x"), M_OK);
	assert_int_equal(count(reader), 0);
	assert_int_equal(db_commit(f->db), M_OK);
	assert_int_equal(count(reader), 1);
	assert_int_equal(db_begin(reader), M_OK);
	assert_int_equal(count(reader), 1);
	assert_int_equal(add(f->db, 2, "y"), M_OK);
	assert_int_equal(count(reader), 1); /* its transaction is one moment */
	assert_int_equal(db_commit(reader), M_OK);
	assert_int_equal(count(reader), 2);
	assert_int_equal(add(reader, 3, "z"), M_UNKNOWN);
	db_close(reader);
}

static void
the_files_are_readable_by_their_owner_only(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[80];

	assert_int_equal(add(f->db, 1, "x"), M_OK);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof path, "%s-wal", f->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* Every row's blob is its number over and over. */
static enum mx_err
add_blobs(struct db *db, int from, int to, size_t size)
{
	uint8_t *bytes = xmalloc(size);
	enum mx_err err = M_OK;

	for (int a = from; err == M_OK && a < to; a++) {
		struct stmt *q = db_stmt(db, "INSERT INTO t (a, c) VALUES ($1, $2)");

		memset(bytes, a & 0xff, size);
		stmt_int(q, 1, a);
		stmt_blob(q, 2, bytes, size);
		err = stmt_run(q);
	}
	free(bytes);
	return err;
}

static void
assert_blobs(struct db *db, int n, size_t size)
{
	struct stmt *q = db_stmt(db, "SELECT a, c FROM t ORDER BY a");
	int rows = 0;

	for (; stmt_next(q); rows++) {
		struct str c = col_blob(q, 1);

		assert_int_equal(col_int(q, 0), rows);
		assert_int_equal(c.n, size);
		for (size_t i = 0; i < c.n; i++)
			assert_int_equal((uint8_t)c.p[i], rows & 0xff);
	}
	assert_int_equal(stmt_done(q), M_OK);
	assert_int_equal(rows, n);
}

/* 20 MB: more than the cache holds, so that pages go to the log before the commit and
 * are read back from it, and far more than is kept of the log at once. */
static void
a_transaction_larger_than_the_cache_is_whole(void **state)
{
	struct fixture *f = *state;
	struct db *reader;

	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(add_blobs(f->db, 0, 1000, 20000), M_OK);
	assert_blobs(f->db, 1000, 20000);
	assert_int_equal(add_blobs(f->db, 1000, 1010, 20000), M_OK);
	assert_int_equal(db_commit(f->db), M_OK);
	reader = open_or_fail(f->path, DB_READ);
	assert_blobs(reader, 1010, 20000);
	db_close(reader);
	assert_int_equal(db_begin(f->db), M_OK);
	assert_int_equal(add_blobs(f->db, 1010, 2000, 20000), M_OK);
	db_rollback(f->db);
	assert_blobs(f->db, 1010, 20000);
}

static void
a_checkpoint_empties_the_log_unless_a_reader_stays_in_it(void **state)
{
	struct fixture *f = *state;
	struct db *reader = open_or_fail(f->path, DB_READ);
	int64_t bytes;

	assert_int_equal(add(f->db, 1, "x"), M_OK);
	assert_true(db_wal_bytes(f->db) > 0);
	assert_int_equal(db_checkpoint(f->db, false, &bytes), M_OK);
	assert_true(bytes > 0); /* copied, yet still there */
	assert_int_equal(db_begin(reader), M_OK);
	assert_int_equal(add(f->db, 2, "y"), M_OK);
	assert_int_equal(count(reader), 2);
	assert_int_equal(add(f->db, 3, "z"), M_OK);
	assert_int_equal(db_restart_log(f->db, &bytes), M_OK);
	assert_true(bytes > 0);
	assert_int_equal(db_commit(reader), M_OK);
	assert_int_equal(db_restart_log(f->db, &bytes), M_OK);
	assert_int_equal(bytes, 0);
	assert_int_equal(add(f->db, 4, "w"), M_OK);
	assert_int_equal(db_checkpoint(f->db, true, &bytes), M_OK);
	assert_int_equal(bytes, 0);
	assert_int_equal(count(reader), 4);
	db_close(reader);
}

/* Rows go in as pairs, so that a copy of one moment holds an even number. */
struct pairs {
	struct db *db;
	bool stop;	 /* atomic */
	int64_t written; /* atomic */
	sem_t hundred;	 /* so many have been written */
};

static void *
write_pairs(void *arg)
{
	struct pairs *p = arg;

	for (int64_t n = 0; !__atomic_load_n(&p->stop, __ATOMIC_RELAXED); n += 2) {
		if (db_begin(p->db) != M_OK || add(p->db, n, "first") != M_OK ||
		    add(p->db, n + 1, "second") != M_OK || db_commit(p->db) != M_OK)
			abort();
		__atomic_store_n(&p->written, n + 2, __ATOMIC_RELEASE);
		if (n + 2 == 100)
			sem_post(&p->hundred);
	}
	return NULL;
}

static void
a_backup_under_load_is_one_moment_and_holds_all_that_was_there(void **state)
{
	struct fixture *f = *state;
	struct db *reader = open_or_fail(f->path, DB_READ), *copy;
	struct pairs p = { .db = f->db };
	pthread_t thread;
	struct stat st;
	char *error;
	int64_t before, n;

	sem_init(&p.hundred, 0, 0);
	thread = thread_start("pairs", ROLE_WRITER, write_pairs, &p);
	while (sem_wait(&p.hundred) != 0)
		;
	before = __atomic_load_n(&p.written, __ATOMIC_ACQUIRE);
	assert_int_equal(db_backup(reader, f->other, &error), M_OK);
	__atomic_store_n(&p.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);

	assert_int_equal(stat(f->other, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	copy = open_or_fail(f->other, DB_WRITE);
	n = count(copy);
	assert_true(n >= before);
	assert_int_equal(n % 2, 0);
	assert_int_equal(add(copy, -1, "the copy can be written to"), M_OK);
	db_close(copy);

	assert_int_equal(db_backup(reader, f->other, &error), M_UNKNOWN);
	assert_non_null(strstr(error, "File exists"));
	free(error);
	db_close(reader);
}

static void
a_database_that_cannot_be_opened_is_a_sentence(void **state)
{
	struct fixture *f = *state;
	char *error;

	assert_null(db_open("/nowhere/at/all.db", DB_WRITE, &error));
	assert_string_equal(error,
	    "cannot create the database /nowhere/at/all.db: No such file or directory");
	free(error);
	assert_null(db_open(f->other, DB_READ, &error));
	assert_non_null(strstr(error, "cannot open the database"));
	free(error);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(parameters_are_bound_by_their_number_not_their_order),
		TEST(a_statement_comes_back_without_its_old_parameters),
		TEST(values_come_back_as_they_were_put_in),
		TEST(a_broken_constraint_is_reported_and_the_statement_usable_again),
		TEST(a_savepoint_undoes_its_own_part_only),
		TEST(nothing_runs_outside_a_transaction_that_was_lost_in_its_middle),
		TEST(a_reader_sees_what_is_committed_and_cannot_write),
		TEST(the_files_are_readable_by_their_owner_only),
		TEST(a_transaction_larger_than_the_cache_is_whole),
		TEST(a_checkpoint_empties_the_log_unless_a_reader_stays_in_it),
		TEST(a_backup_under_load_is_one_moment_and_holds_all_that_was_there),
		TEST(a_database_that_cannot_be_opened_is_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
