/*
 * A database of an earlier version, brought up: what it held is read as before.
 */
#include "store/events.h"

#include <string.h>

#include "base/crypto.h"
#include "store/pack.h"
#include "store/rooms.h"
#include "store/state.h"
#include "store/testing.h"

/* A database in memory with the first n migrations; the caller's to close. */
static struct db *
database_of_version(int n)
{
	char *error = NULL;
	struct db *db = db_open(":memory:", DB_WRITE, &error);
	int all;

	assert_non_null(db);
	assert_ok(migrate_with(db, migrations_all(&all), n, &error));
	assert_true(n <= all);
	return db;
}

/* Packed JSON as version 2 kept it, in a table of its own. */
static void
add_json(struct fixture *f, struct db *db, int64_t event, const char *json)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO event_json (event, json) VALUES ($1, $2)");
	struct str packed = pack_json(f->arena, json, strlen(json));

	stmt_int(q, 1, event);
	stmt_blob(q, 2, packed.p, packed.n);
	assert_ok(stmt_run(q));
}

/* Events 1, then 2 and 3 beside each other, then 4 behind both; 5 behind 1. */
static const char *const version_2 =
    "INSERT INTO events (event, room, line, sub, event_id, type, key, ts, depth, flags,"
    " redacted_by) VALUES"
    " (1, 1, 1, 0, CAST('' || char(2) || '$e1:x' AS BLOB), 1, 1, 1010, 1, 1, 4),"
    " (2, 1, 2, 0, CAST('' || char(2) || '$e2:x' AS BLOB), 2, NULL, 1020, 2, 1, NULL),"
    " (3, 1, 3, 0, CAST('' || char(2) || '$e3:x' AS BLOB), 2, NULL, 1030, 2, 1, NULL),"
    " (4, 1, 4, 0, CAST('' || char(2) || '$e4:x' AS BLOB), 2, NULL, 1040, 3, 1, NULL),"
    " (5, 1, 5, 0, CAST('' || char(2) || '$e5:x' AS BLOB), 2, NULL, 1050, 2, 1, NULL);"
    "INSERT INTO event_edges VALUES (2, 1), (3, 1), (4, 2), (4, 3), (5, 1);"
    "INSERT INTO event_state VALUES (1, 1, 1), (2, 1, 2), (3, 7, 2), (4, 1, 4),"
    " (5, 1, 5);"
    "INSERT INTO event_txns VALUES (2, CAST('0123456789abcdef' AS BLOB), 'PHONE',"
    " 't2');"
    "INSERT INTO extremities VALUES (1, 4), (1, 5);";

static void
assert_state_before(struct db *db, int64_t event, int64_t segment, int64_t at)
{
	int64_t segment_there, at_there;

	assert_ok(store_state_before(db, event, &segment_there, &at_there));
	assert_int_equal(segment_there, segment);
	assert_int_equal(at_there, at);
}

static int64_t
count(struct db *db, const char *sql)
{
	struct stmt *q = db_stmt(db, sql);
	int64_t n;

	assert_true(stmt_next(q));
	n = col_int(q, 0);
	assert_ok(stmt_done(q));
	return n;
}

static void
events_of_version_2_are_all_there(void **state)
{
	struct fixture *f = *state;
	struct db *db = database_of_version(2);
	struct stored_event e;
	struct extremity_row *ends;
	char *error = NULL;
	int64_t event;
	int n;

	assert_ok(db_exec(db, version_2));
	for (int i = 1; i <= 5; i++)
		add_json(f, db, i, arena_printf(f->arena, "{\"n\":%d}", i));
	assert_ok(migrate(db, &error));

	for (int i = 1; i <= 5; i++) {
		assert_ok(store_event_get(db, f->arena, i, false, &e));
		assert_string_equal(e.event_id, arena_printf(f->arena, "$e%d:x", i));
		assert_string_equal(e.json, arena_printf(f->arena, "{\"n\":%d}", i));
		assert_int_equal(e.ts, 1000 + i * 10);
		assert_int_equal(e.redacted_by, i == 1 ? 4 : 0);
		assert_state_before(db, i, i == 3 ? 7 : 1, i == 3 ? 2 : i);
	}
	assert_ok(store_event_get(db, f->arena, 2, false, &e));
	assert_string_equal(e.device_id, "PHONE");
	assert_string_equal(e.txn_id, "t2");
	assert_ok(store_txn_find(db, (const uint8_t *)"0123456789abcdef", &event));
	assert_int_equal(event, 2);
	assert_ok(store_extremities(db, f->arena, 1, false, &ends, &n));
	assert_int_equal(n, 2);
	assert_int_equal(ends[0].event, 4);
	assert_int_equal(ends[1].event, 5);
	assert_int_equal(count(db, "SELECT sum(prev) FROM events"), 1 + 1 + 2 + 1);
	assert_int_equal(count(db, "SELECT sum(prev) FROM event_edges"), 3);
	db_close(db);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_of_version_2_are_all_there),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
