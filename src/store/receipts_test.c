/*
 * Receipts in the database: they go forwards alone, each by itself.
 */
#include "store/receipts.h"

#include <string.h>

#include "store/events.h"
#include "store/pack.h"
#include "store/testing.h"
#include "store/unread.h"

#define ANN "@ann:x"
#define BEN "@ben:x"

/* An event of room 1 at a place of its timeline. */
static void
add_event(struct fixture *f, int64_t event, int64_t line, int64_t sub)
{
	struct event_row row = { .event = event,
		.room = 1,
		.line = line,
		.sub = sub,
		.ts = 1000,
		.flags = EVENT_LIVE,
		.event_id = arena_printf(f->arena, "$e%d:x", (int)event),
		.type = "m.room.message",
		.packed = pack_json(f->arena, "{}", 2),
		.segment = 1,
		.at = event };
	int64_t key;

	assert_ok(store_event_add(f->db, &row, &key));
}

static bool
set(struct fixture *f, const char *user_id, int kind, const char *thread, int64_t event,
    int64_t position)
{
	struct receipt_row row = { .room = 1,
		.user_id = user_id,
		.kind = kind,
		.thread = thread,
		.event = event,
		.event_id = arena_printf(f->arena, "$e%d:x", (int)event),
		.ts = 100 + position,
		.position = position };
	bool changed;

	assert_ok(store_receipt_set(f->db, &row, &changed));
	return changed;
}

static struct receipt_row *
only(struct fixture *f, const char *user_id)
{
	struct receipt_row *rows;
	int n;

	assert_ok(store_receipts_of_user(f->db, f->arena, 1, user_id, &rows, &n));
	assert_int_equal(n, 1);
	return rows;
}

static void
a_newer_receipt_replaces_the_older(void **state)
{
	struct fixture *f = *state;
	const struct receipt_row *row;

	add_event(f, 1, 1, 0);
	add_event(f, 2, 2, 0);
	assert_true(set(f, ANN, RECEIPT_READ, "", 1, 10));
	assert_true(set(f, ANN, RECEIPT_READ, "", 2, 11));
	row = only(f, ANN);
	assert_int_equal(row->event, 2);
	assert_string_equal(row->event_id, "$e2:x");
	assert_int_equal(row->ts, 111);
	assert_int_equal(row->position, 11);
}

static void
an_older_or_the_same_receipt_changes_nothing(void **state)
{
	struct fixture *f = *state;

	add_event(f, 1, 1, 0);
	add_event(f, 2, 2, 0);
	assert_true(set(f, ANN, RECEIPT_READ, "", 2, 10));
	assert_false(set(f, ANN, RECEIPT_READ, "", 1, 11));
	assert_false(set(f, ANN, RECEIPT_READ, "", 2, 12));
	assert_int_equal(only(f, ANN)->event, 2);
	assert_int_equal(only(f, ANN)->position, 10);
}

static void
later_is_what_stands_behind_in_the_timeline(void **state)
{
	struct fixture *f = *state;

	add_event(f, 5, 5, 0);
	add_event(f, 9, 5, -1); /* fetched later from the past */
	assert_true(set(f, ANN, RECEIPT_READ, "", 5, 10));
	assert_false(set(f, ANN, RECEIPT_READ, "", 9, 11));
	assert_true(set(f, BEN, RECEIPT_READ, "", 9, 12));
	assert_true(set(f, BEN, RECEIPT_READ, "", 5, 13));
}

static void
kinds_and_threads_have_receipts_of_their_own(void **state)
{
	struct fixture *f = *state;
	struct receipt_row *rows;
	int n;

	add_event(f, 1, 1, 0);
	add_event(f, 2, 2, 0);
	assert_true(set(f, ANN, RECEIPT_READ, "", 2, 10));
	assert_true(set(f, ANN, RECEIPT_PRIVATE, "", 1, 11));
	assert_true(set(f, ANN, RECEIPT_READ, "main", 1, 12));
	assert_true(set(f, ANN, RECEIPT_READ, "$e1:x", 2, 13));
	assert_true(set(f, BEN, RECEIPT_READ, "", 1, 14));
	assert_ok(store_receipts_of_user(f->db, f->arena, 1, ANN, &rows, &n));
	assert_int_equal(n, 4);
	assert_string_equal(rows[0].thread, "");
	assert_string_equal(rows[1].thread, "$e1:x");
	assert_string_equal(rows[2].thread, "main");
	assert_int_equal(rows[3].kind, RECEIPT_PRIVATE);
	assert_string_equal(rows[3].user_id, ANN);
}

static int
since(struct fixture *f, const char *asker, int64_t from, int64_t until, int limit,
    struct receipt_row **rows_out)
{
	int n;

	assert_ok(store_receipts_since(
	    f->db, f->arena, 1, asker, from, until, limit, rows_out, &n));
	return n;
}

static void
what_was_written_between_two_positions_comes_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct receipt_row *rows;
	int n;

	add_event(f, 1, 1, 0);
	set(f, "@z:x", RECEIPT_READ, "", 1, 10);
	set(f, "@y:x", RECEIPT_PRIVATE, "", 1, 11);
	set(f, "@x:x", RECEIPT_READ, "", 1, 12);
	set(f, "@w:x", RECEIPT_READ, "", 1, 13);
	n = since(f, "@y:x", 10, 12, 99, &rows);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].user_id, "@y:x");
	assert_string_equal(rows[1].user_id, "@x:x");
	assert_int_equal(rows[1].room, 1);
	assert_ok(
	    store_receipts_since(f->db, f->arena, 2, "@y:x", 0, 99, 99, &rows, &n));
	assert_int_equal(n, 0);
}

static void
of_many_the_newest_come_and_of_private_ones_ones_own(void **state)
{
	struct fixture *f = *state;
	struct receipt_row *rows;

	add_event(f, 1, 1, 0);
	set(f, ANN, RECEIPT_PRIVATE, "", 1, 10);
	for (int i = 0; i < 5; i++)
		set(f, arena_printf(f->arena, "@u%d:x", i), RECEIPT_READ, "", 1,
		    11 + i);
	assert_int_equal(since(f, ANN, 0, 99, 9, &rows), 6);
	assert_int_equal(since(f, BEN, 0, 99, 9, &rows), 5);
	assert_int_equal(since(f, ANN, 0, 99, 2, &rows), 2);
	assert_string_equal(rows[0].user_id, "@u3:x");
	assert_string_equal(rows[1].user_id, "@u4:x");
}

static void
of_too_many_threads_that_at_the_oldest_event_goes(void **state)
{
	struct fixture *f = *state;
	struct unread_mark *marks;
	struct receipt_row *rows;
	int n;

	for (int i = 1; i <= RECEIPTS_THREADS_MAX + 2; i++)
		add_event(f, i, i, 0);
	set(f, ANN, RECEIPT_READ, "", 1, 1);
	set(f, ANN, RECEIPT_READ, "main", 1, 2);
	set(f, ANN, RECEIPT_PRIVATE, "$private", 1, 3);
	set(f, BEN, RECEIPT_READ, "$ben", 1, 4);
	for (int i = 1; i <= RECEIPTS_THREADS_MAX; i++)
		set(f, ANN, RECEIPT_READ, arena_printf(f->arena, "$t%d", i), i, 10 + i);
	/* One that was there is none more. */
	set(f, ANN, RECEIPT_READ, "$t1", RECEIPTS_THREADS_MAX + 1, 5000);
	assert_int_equal(since(f, ANN, 0, 9999, 9999, &rows), 4 + RECEIPTS_THREADS_MAX);
	set(f, ANN, RECEIPT_READ, "$new", RECEIPTS_THREADS_MAX + 2, 5001);
	n = since(f, ANN, 0, 9999, 9999, &rows);
	assert_int_equal(n, 4 + RECEIPTS_THREADS_MAX);
	assert_string_equal(rows[3].thread, "$ben");
	assert_string_equal(rows[4].thread, "$t3");
	assert_string_equal(rows[n - 2].thread, "$t1");
	assert_string_equal(rows[n - 1].thread, "$new");
	/* Up to where $t2 was read everything is. */
	assert_ok(store_unread_marks(f->db, f->arena, 1, ANN, &marks, &n));
	assert_string_equal(marks[0].thread, "");
	assert_int_equal(marks[0].event, 2);
}

static void
a_mark_of_everything_goes_forwards_alone(void **state)
{
	struct fixture *f = *state;
	struct unread_mark *marks;
	int n;

	assert_ok(store_unread_mark_forwards(f->db, 1, ANN, 5));
	assert_ok(store_unread_mark_forwards(f->db, 1, ANN, 3));
	assert_ok(store_unread_marks(f->db, f->arena, 1, ANN, &marks, &n));
	assert_int_equal(n, 1);
	assert_int_equal(marks[0].event, 5);
	assert_ok(store_unread_mark_forwards(f->db, 1, ANN, 7));
	assert_ok(store_unread_marks(f->db, f->arena, 1, ANN, &marks, &n));
	assert_int_equal(marks[0].event, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_newer_receipt_replaces_the_older),
		TEST(an_older_or_the_same_receipt_changes_nothing),
		TEST(later_is_what_stands_behind_in_the_timeline),
		TEST(kinds_and_threads_have_receipts_of_their_own),
		TEST(what_was_written_between_two_positions_comes_in_their_order),
		TEST(of_many_the_newest_come_and_of_private_ones_ones_own),
		TEST(of_too_many_threads_that_at_the_oldest_event_goes),
		TEST(a_mark_of_everything_goes_forwards_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
