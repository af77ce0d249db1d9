/*
 * Migrations, and the files that are refused and stay as they were.
 */
#include "db/migrate.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/crypto.h"
#include "db/handle.h"

static const struct migration two[] = {
	{ 1, "first", "CREATE TABLE a (x BIGINT);" },
	{ 2, "second", "CREATE TABLE b (x BIGINT); INSERT INTO b VALUES (7);" },
	{ 3, "third", "ALTER TABLE b ADD COLUMN y TEXT; CREATE TABLE broken (;" },
};

struct fixture {
	char folder[32], path[64];
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/parlour-db-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[80];

	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, endings[i]);
		unlink(path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

/* What opening and migrating says; NULL: it worked. */
static char *
bring_up(const char *path, const struct migration *list, int n)
{
	char *error;
	struct db *db = db_open(path, DB_WRITE, &error);
	enum mx_err err;

	if (db == NULL)
		return error;
	err = migrate_with(db, list, n, &error);
	assert_int_equal(err == M_OK, error == NULL);
	db_close(db);
	return error;
}

static int64_t
ask(const char *path, const char *sql)
{
	char *error;
	struct db *db = db_open(path, DB_READ, &error);
	int64_t n;

	assert_non_null(db);
	assert_int_equal(db_ask_int(db, sql, &n), M_OK);
	db_close(db);
	return n;
}

static void
file_hash(const char *path, uint8_t out[SHA256_LEN])
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	char *bytes;

	assert_int_equal(fstat(fd, &st), 0);
	bytes = xmalloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	sha256(bytes, (size_t)st.st_size, out);
	free(bytes);
	close(fd);
}

static void
write_at(const char *path, const char *bytes, size_t n, off_t at)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(pwrite(fd, bytes, n, at), (ssize_t)n);
	close(fd);
}

/* Must be refused with a sentence that has `words`, and not one byte changed. */
static void
assert_refused(const char *path, const struct migration *list, int n, const char *words)
{
	uint8_t before[SHA256_LEN], after[SHA256_LEN];
	char *error;

	file_hash(path, before);
	error = bring_up(path, list, n);
	assert_non_null(error);
	if (strstr(error, words) == NULL || strstr(error, path) == NULL)
		fail_msg("said: %s", error);
	free(error);
	file_hash(path, after);
	assert_memory_equal(before, after, SHA256_LEN);
}

static void
migrations_are_applied_once_and_in_order(void **state)
{
	struct fixture *f = *state;

	assert_null(bring_up(f->path, two, 1));
	assert_int_equal(ask(f->path, "SELECT count(*) FROM schema_version"), 1);
	assert_null(bring_up(f->path, two, 2));
	assert_null(bring_up(f->path, two, 2));
	assert_int_equal(ask(f->path, "SELECT sum(version) FROM schema_version"), 3);
	assert_int_equal(ask(f->path, "SELECT sum(x) FROM b"), 7);
}

static void
a_migration_that_fails_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	char *error = bring_up(f->path, two, 3);

	assert_non_null(strstr(error, "migration 3 (third)"));
	free(error);
	assert_int_equal(ask(f->path, "SELECT max(version) FROM schema_version"), 2);
	assert_int_equal(
	    ask(f->path, "SELECT count(*) FROM pragma_table_info('b')"), 1);
}

static void
a_database_newer_than_the_program_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_null(bring_up(f->path, two, 2));
	assert_refused(f->path, two, 1, "is of version 2, made by a newer program");
}

static void
a_migration_whose_text_has_changed_is_refused(void **state)
{
	struct fixture *f = *state;
	struct migration changed[] = { two[0], two[1] };

	assert_null(bring_up(f->path, two, 2));
	changed[0].sql = "CREATE TABLE a (x BIGINT, y TEXT);";
	assert_refused(f->path, changed, 2, "another text of migration 1 (first)");
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;
	char text[4096];

	memset(text, 'x', sizeof text);
	write_at(f->path, text, sizeof text, 0);
	assert_refused(f->path, two, 2, "is not an SQLite database");
}

static void
the_database_of_another_program_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(other, "CREATE TABLE contacts (x)", NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_close(other);
	assert_refused(f->path, two, 2, "is a database of another program");
}

static void
a_damaged_database_is_refused(void **state)
{
	struct fixture *f = *state;
	char garbage[4096];
	int64_t root;

	assert_null(bring_up(f->path, two, 2));
	root = ask(f->path, "SELECT rootpage FROM sqlite_schema WHERE name = 'b'");
	memset(garbage, 0x5a, sizeof garbage);
	write_at(f->path, garbage, sizeof garbage, (root - 1) * 4096);
	assert_refused(f->path, two, 2, "is damaged");
}

static void
a_database_cut_short_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_null(bring_up(f->path, two, 2));
	assert_int_equal(truncate(f->path, 2 * 4096), 0);
	assert_refused(f->path, two, 2, "cannot be read");
}

static void
an_empty_file_becomes_a_database(void **state)
{
	struct fixture *f = *state;

	write_at(f->path, "", 0, 0);
	assert_null(bring_up(f->path, two, 2));
}

static void
the_migrations_of_the_program_apply(void **state)
{
	struct fixture *f = *state;
	int n;
	const struct migration *all = migrations_all(&n);

	for (int i = 0; i < n; i++)
		assert_int_equal(all[i].version, i + 1);
	assert_null(bring_up(f->path, all, n));
	assert_null(bring_up(f->path, all, n));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(migrations_are_applied_once_and_in_order),
		TEST(a_migration_that_fails_leaves_nothing_behind),
		TEST(a_database_newer_than_the_program_is_refused),
		TEST(a_migration_whose_text_has_changed_is_refused),
		TEST(a_file_that_is_no_database_is_refused),
		TEST(the_database_of_another_program_is_refused),
		TEST(a_damaged_database_is_refused),
		TEST(a_database_cut_short_is_refused),
		TEST(an_empty_file_becomes_a_database),
		TEST(the_migrations_of_the_program_apply),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
