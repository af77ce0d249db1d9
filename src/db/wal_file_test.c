/*
 * The log's file on a disk that is full at times: a VFS beneath ours plays the disk.
 */
#include "db/wal_file.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/str.h"

/* --- a disk --- */

static bool disk_is_full;
static sqlite3_vfs *real, disk;
static sqlite3_io_methods disk_methods;
static const sqlite3_io_methods *real_methods;

static int
disk_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	return disk_is_full ? SQLITE_FULL : real_methods->xWrite(file, bytes, n, at);
}

/* Of the logs: what else is written is a checkpoint's. */
static int
disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *got)
{
	int rc = real->xOpen(real, name, file, flags, got);

	if (rc != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
		return rc;
	real_methods = file->pMethods;
	disk_methods = *real_methods;
	disk_methods.xWrite = disk_write;
	file->pMethods = &disk_methods;
	return rc;
}

static int
register_disk(void **state)
{
	if (sqlite3_initialize() != SQLITE_OK)
		return -1;
	real = sqlite3_vfs_find(NULL);
	disk = *real;
	disk.pNext = NULL;
	disk.zName = "disk";
	disk.xOpen = disk_open;
	return sqlite3_vfs_register(&disk, 1) == SQLITE_OK &&
		       wal_file_register() == SQLITE_OK
		   ? 0
		   : -1;
}

/* --- a database on it --- */

struct fixture {
	char folder[32], path[64];
	sqlite3 *db;
};

static int
run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static sqlite3 *
open_or_fail(const char *path)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, WAL_FILE_VFS),
	    SQLITE_OK);
	assert_int_equal(
	    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024"),
	    SQLITE_OK);
	return db;
}

#define COUNT_TO(n)                                                                    \
	"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i "     \
	"< " #n ")"

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/parlour-db-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
	f->db = open_or_fail(f->path);
	*state = f;
	return run(f->db,
	    "CREATE TABLE large (a INTEGER PRIMARY KEY, b BLOB NOT NULL);"
	    "CREATE TABLE small (a INTEGER PRIMARY KEY, b INTEGER NOT NULL);" COUNT_TO(
		50000) "INSERT INTO small SELECT i, i FROM n");
}

static int
tear_down(void **state)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	struct fixture *f = *state;
	char path[80];

	disk_is_full = false;
	sqlite3_close(f->db);
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, endings[i]);
		unlink(path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

static int
keep_text(void *arg, int n, char **texts, char **names)
{
	snprintf(arg, 64, "%s", texts[0]);
	return 0;
}

static void
expect(sqlite3 *db, const char *sql, const char *text)
{
	char got[64] = "";

	assert_int_equal(sqlite3_exec(db, sql, keep_text, got, NULL), SQLITE_OK);
	assert_string_equal(got, text);
}

/* As another connection finds it, and as a program does that opens a copy of the files:
 * after a crash. */
static void
expect_whole(const struct fixture *f, const char *rows)
{
	sqlite3 *other = open_or_fail(f->path);
	char command[400], copy[80];

	expect(other, "SELECT count(*) FROM large", rows);
	expect(other, "PRAGMA integrity_check", "ok");
	sqlite3_close(other);
	snprintf(copy, sizeof copy, "%s/copy.db", f->folder);
	snprintf(command, sizeof command, "cp %s %s && cp %s-wal %s-wal", f->path, copy,
	    f->path, copy);
	assert_int_equal(system(command), 0);
	other = open_or_fail(copy);
	expect(other, "SELECT count(*) FROM large", rows);
	expect(other, "PRAGMA integrity_check", "ok");
	sqlite3_close(other);
	unlink(copy);
}

/* Far more than the cache holds: most of its pages are in the log before the commit,
 * and the last of these are kept. */
#define ADD_LARGE                                                                      \
	COUNT_TO(2000)                                                                 \
	"INSERT INTO large SELECT (SELECT count(*) FROM large) + i, randomblob(3000) " \
	"FROM n"
/* It might change several rows: where it fails, it fails alone, and the transaction
 * goes on. */
#define CHANGE_SMALL "UPDATE small SET b = -1 WHERE a > 20000 AND a < 20002"

static void
a_page_of_the_log_is_read_though_what_is_kept_finds_no_room(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f->db, "BEGIN IMMEDIATE"), SQLITE_OK);
	assert_int_equal(run(f->db, ADD_LARGE), SQLITE_OK);
	disk_is_full = true;
	assert_int_equal(run(f->db, CHANGE_SMALL), SQLITE_OK);
	disk_is_full = false;
	assert_int_equal(run(f->db, "COMMIT"), SQLITE_OK);
	expect_whole(f, "2000");
	expect(f->db, "SELECT min(b) FROM small", "-1");
}

static void
a_transaction_that_a_full_disk_ends_is_gone_and_the_next_is_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f->db, ADD_LARGE), SQLITE_OK);
	assert_int_equal(run(f->db, "BEGIN IMMEDIATE; " CHANGE_SMALL), SQLITE_OK);
	disk_is_full = true;
	assert_int_equal(run(f->db, "COMMIT"), SQLITE_FULL);
	run(f->db, "ROLLBACK");
	wal_file_forget(f->db);
	expect_whole(f, "2000");
	expect(f->db, "SELECT min(b) FROM small", "1");
	/* It needs no room. */
	assert_int_equal(run(f->db, "PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
	disk_is_full = false;
	assert_int_equal(run(f->db, ADD_LARGE), SQLITE_OK);
	expect_whole(f, "4000");
	expect(f->db, "SELECT min(b) FROM small", "1");
}

/* --- the file alone --- */

static sqlite3_file *
open_log(const char *path)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(WAL_FILE_VFS);
	sqlite3_file *file = xcalloc(1, (size_t)vfs->szOsFile);
	FILE *made = fopen(path, "we");

	assert_non_null(made);
	fclose(made);
	assert_int_equal(
	    vfs->xOpen(vfs, path, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, NULL),
	    SQLITE_OK);
	return file;
}

static void
what_finds_no_room_is_kept_until_there_is_some(void **state)
{
	struct fixture *f = *state;
	char path[80], got[6] = "";
	sqlite3_file *log;
	sqlite3_int64 size;

	snprintf(path, sizeof path, "%s-log", f->path);
	log = open_log(path);
	disk_is_full = true;
	assert_int_equal(log->pMethods->xWrite(log, "one", 3, 0), SQLITE_OK);
	assert_int_equal(log->pMethods->xWrite(log, "two", 3, 3), SQLITE_OK);
	assert_int_equal(log->pMethods->xRead(log, got, 6, 0), SQLITE_FULL);
	assert_int_equal(log->pMethods->xSync(log, SQLITE_SYNC_NORMAL), SQLITE_FULL);
	assert_int_equal(log->pMethods->xWrite(log, "other", 5, 100), SQLITE_FULL);
	assert_int_equal(log->pMethods->xFileSize(log, &size), SQLITE_OK);
	assert_int_equal(size, 6);
	disk_is_full = false;
	assert_int_equal(log->pMethods->xRead(log, got, 6, 0), SQLITE_OK);
	assert_memory_equal(got, "onetwo", 6);
	log->pMethods->xClose(log);
	unlink(path);
	free(log);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_page_of_the_log_is_read_though_what_is_kept_finds_no_room),
		TEST(a_transaction_that_a_full_disk_ends_is_gone_and_the_next_is_whole),
		TEST(what_finds_no_room_is_kept_until_there_is_some),
	};

	return cmocka_run_group_tests(tests, register_disk, NULL);
}
