/*
 * The floor: what SQLite itself takes from a bare loop of group commits, with rows like
 * an event's and nothing else of the server around it.
 * Relies on libsqlite3 alone; the figures of `./dev bench` stand beside these.
 */
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define JSON_BYTES 350
#define CHECKPOINT_PAGES 16000 /* 64 MB: more often is slower */

static const char *const schema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -8192;"
    "CREATE TABLE events (event INTEGER PRIMARY KEY, room BIGINT, line BIGINT,"
    " sub BIGINT, event_id BLOB, type BIGINT, key BIGINT, ts BIGINT, depth BIGINT,"
    " flags BIGINT);"
    "CREATE UNIQUE INDEX events_by_id ON events (event_id);"
    "CREATE TABLE event_json (event INTEGER PRIMARY KEY, json BLOB);"
    "CREATE TABLE edges (event BIGINT, prev BIGINT, PRIMARY KEY (event, prev))"
    " WITHOUT ROWID;"
    "CREATE TABLE txns (device BIGINT, txn TEXT, event BIGINT,"
    " PRIMARY KEY (device, txn)) WITHOUT ROWID;";

enum { EVENT, JSON, EDGE, TXN, STATEMENTS };

static const char *const inserts[STATEMENTS] = {
	"INSERT INTO events VALUES (?1, 1, ?1, 0, ?2, 7, NULL, 1700000000000, ?1, 1)",
	"INSERT INTO event_json VALUES (?1, ?2)",
	"INSERT INTO edges VALUES (?1, ?1 - 1)",
	"INSERT INTO txns VALUES (?1 % 64, ?2, ?1)",
};

static void
must(sqlite3 *db, int rc, const char *what)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE)
		return;
	fprintf(stderr, "commit_floor: %s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static void
run(sqlite3 *db, const char *sql)
{
	must(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

static void
fill(uint8_t *out, size_t n, uint64_t *seed)
{
	for (size_t i = 0; i < n; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		out[i] = (uint8_t)(*seed >> 56);
	}
}

static void
add_event(sqlite3 *db, sqlite3_stmt **q, int64_t event, uint64_t *seed)
{
	uint8_t id[32], json[JSON_BYTES];
	char txn[64];

	fill(id, sizeof id, seed);
	fill(json, sizeof json, seed);
	snprintf(txn, sizeof txn, "m%lld.%lld", 1700000000000LL, (long long)event);
	sqlite3_bind_blob(q[EVENT], 2, id, sizeof id, SQLITE_STATIC);
	sqlite3_bind_blob(q[JSON], 2, json, sizeof json, SQLITE_STATIC);
	sqlite3_bind_text(q[TXN], 2, txn, -1, SQLITE_STATIC);
	for (int i = 0; i < STATEMENTS; i++) {
		sqlite3_bind_int64(q[i], 1, event);
		must(db, sqlite3_step(q[i]), inserts[i]);
		sqlite3_reset(q[i]);
	}
}

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static int
log_pages(void *arg, sqlite3 *db, const char *name, int pages)
{
	*(int *)arg = pages;
	return SQLITE_OK;
}

/* Commits groups of `batch` for `seconds`; the log is copied back in the same loop. */
static void
measure(sqlite3 *db, sqlite3_stmt **q, int batch, double seconds, int64_t *event)
{
	static uint64_t seed = 1;
	double start = now_s(), cpu = cpu_s(), took;
	int64_t first = *event;
	int pages = 0, done = 0;

	sqlite3_wal_hook(db, log_pages, &pages);
	while ((took = now_s() - start) < seconds) {
		run(db, "BEGIN IMMEDIATE");
		for (int i = 0; i < batch; i++)
			add_event(db, q, ++*event, &seed);
		run(db, "COMMIT");
		if (pages < done)
			done = 0;
		if (pages - done >= CHECKPOINT_PAGES) {
			sqlite3_wal_checkpoint_v2(
			    db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
			done = pages;
		}
	}
	printf("batch %3d: %8.0f events/s  %6.1f us of CPU an event\n", batch,
	    (double)(*event - first) / took,
	    (cpu_s() - cpu) * 1e6 / (double)(*event - first));
}

int
main(int argc, char **argv)
{
	static const int batches[] = { 1, 16, 64 };
	double seconds = argc > 2 ? atof(argv[2]) : 3;
	int page_size = argc > 3 ? atoi(argv[3]) : 4096;
	int64_t event = 0;
	sqlite3_stmt *q[STATEMENTS];
	sqlite3 *db;
	char path[4096], sql[64];

	if (argc < 2 || strcmp(argv[1], "--help") == 0) {
		fputs("usage: commit_floor FOLDER [SECONDS [PAGE_SIZE]]\n", stderr);
		return 2;
	}
	snprintf(path, sizeof path, "%s/commit_floor.db", argv[1]);
	unlink(path);
	must(NULL, sqlite3_open(path, &db), path);
	snprintf(sql, sizeof sql, "PRAGMA page_size = %d", page_size);
	run(db, sql);
	run(db, schema);
	for (int i = 0; i < STATEMENTS; i++)
		must(db, sqlite3_prepare_v2(db, inserts[i], -1, &q[i], NULL),
		    inserts[i]);
	for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
		measure(db, q, batches[i], seconds, &event);
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(q[i]);
	sqlite3_close(db);
	unlink(path);
	return 0;
}
