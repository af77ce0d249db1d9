/*
 * Receipts and read markers: who may set one where, which threads hold an event, who is
 * told, and how they are written for listeners.
 */
#include "room/account_data.h"
#include "room/data_testing.h"
#include "room/receipts.h"
#include "store/rooms.h"

static const char *
send_content(struct fixture *f, const char *content)
{
	const char *event_id;

	assert_ok(testing_append(
	    &f->t, f->room, ANN, "m.room.message", NULL, content, &event_id));
	return event_id;
}

static const char *
send_plain(struct fixture *f)
{
	return send_content(f, "{\"body\":\"x\"}");
}

static const char *
send_related(struct fixture *f, const char *rel_type, const char *event_id)
{
	return send_content(
	    f, arena_printf(f->t.arena,
		   "{\"m.relates_to\":{\"rel_type\":\"%s\",\"event_id\":\"%s\"}}",
		   rel_type, event_id));
}

static enum mx_err
mark(struct fixture *f, const char *user_id, enum mark_kind kind, const char *event_id,
    const char *thread)
{
	struct mark one = { .kind = kind, .event_id = event_id, .thread = thread };
	enum mx_err err =
	    receipts_mark(&f->t.ctx, f->t.arena, f->room, user_id, &one, 1);
	enum mx_err written = ctx_settle(&f->t.ctx);

	return err != M_OK ? err : written;
}

static int
all(struct fixture *f, struct receipt_row **rows_out)
{
	int n;

	assert_ok(store_receipts_since(f->t.ctx.db, f->t.arena, f->room->id, ANN, 0,
	    INT64_MAX, 9999, rows_out, &n));
	return n;
}

static const char *
marker_of(struct fixture *f, const char *user_id)
{
	struct str json;

	if (account_data_get(
		&f->t.ctx, f->t.arena, user_id, f->room, "m.fully_read", &json) != M_OK)
		return NULL;
	return json_get_str(
	    testing_json(f->t.arena, arena_strndup(f->t.arena, json.p, json.n)),
	    "event_id");
}

/* --- setting --- */

static void
a_receipt_goes_forwards_alone(void **state)
{
	struct fixture *f = *state;
	const char *one = send_plain(f), *two = send_plain(f);
	struct receipt_row *rows;

	assert_ok(mark(f, ANN, MARK_READ, two, NULL));
	assert_ok(mark(f, ANN, MARK_READ, one, NULL));
	assert_int_equal(all(f, &rows), 1);
	assert_string_equal(rows[0].event_id, two);
	assert_string_equal(rows[0].user_id, ANN);
	assert_string_equal(rows[0].thread, "");
	assert_true(rows[0].ts > 0);
}

static void
a_receipt_is_for_members_and_for_events_of_the_room(void **state)
{
	struct fixture *f = *state;
	const char *one = send_plain(f), *elsewhere;
	struct room *room = f->room;
	struct receipt_row *rows;

	f->room = testing_room(&f->t, ANN, "12");
	elsewhere = send_plain(f);
	room_put(f->room);
	f->room = room;
	assert_int_equal(mark(f, BEN, MARK_READ, one, NULL), M_FORBIDDEN);
	assert_int_equal(mark(f, ANN, MARK_READ, elsewhere, NULL), M_NOT_FOUND);
	assert_int_equal(mark(f, ANN, MARK_READ, "$nothing", NULL), M_NOT_FOUND);
	assert_int_equal(mark(f, ANN, MARK_READ, "nothing", NULL), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_FULLY_READ, elsewhere, NULL), M_NOT_FOUND);
	assert_int_equal(all(f, &rows), 0);
	assert_null(marker_of(f, ANN));
}

static void
an_event_that_one_may_not_see_is_not_there(void **state)
{
	struct fixture *f = *state;
	const char *before;

	assert_ok(testing_append(&f->t, f->room, ANN, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"joined\"}", NULL));
	before = send_plain(f);
	testing_join(&f->t, f->room, BEN);
	assert_int_equal(mark(f, BEN, MARK_READ, before, NULL), M_NOT_FOUND);
	assert_ok(mark(f, BEN, MARK_READ, send_plain(f), NULL));
}

static void
of_several_marks_all_are_set_or_none(void **state)
{
	struct fixture *f = *state;
	const char *one = send_plain(f);
	struct mark marks[] = { { .kind = MARK_FULLY_READ, .event_id = one },
		{ .kind = MARK_READ, .event_id = one },
		{ .kind = MARK_PRIVATE, .event_id = "$nothing" } };
	struct receipt_row *rows;

	assert_int_equal(
	    receipts_mark(&f->t.ctx, f->t.arena, f->room, ANN, marks, 3), M_NOT_FOUND);
	assert_ok(ctx_settle(&f->t.ctx));
	assert_int_equal(all(f, &rows), 0);
	assert_null(marker_of(f, ANN));
	marks[2].event_id = one;
	assert_ok(receipts_mark(&f->t.ctx, f->t.arena, f->room, ANN, marks, 3));
	assert_ok(ctx_settle(&f->t.ctx));
	assert_int_equal(all(f, &rows), 2);
	assert_string_equal(marker_of(f, ANN), one);
}

static void
the_fully_read_marker_goes_forwards_alone(void **state)
{
	struct fixture *f = *state;
	const char *one = send_plain(f), *two = send_plain(f);

	assert_ok(mark(f, ANN, MARK_FULLY_READ, one, NULL));
	assert_string_equal(marker_of(f, ANN), one);
	assert_ok(mark(f, ANN, MARK_FULLY_READ, two, NULL));
	assert_ok(mark(f, ANN, MARK_FULLY_READ, one, NULL));
	assert_string_equal(marker_of(f, ANN), two);
	assert_null(marker_of(f, BEN));
}

static void
the_room_is_told_of_a_receipt_and_its_owner_alone_of_the_rest(void **state)
{
	struct fixture *f = *state;
	const char *one = send_plain(f);
	static const enum mark_kind kinds[] = { MARK_READ, MARK_PRIVATE,
		MARK_FULLY_READ };
	const struct change *change;

	while (changes_next(&f->heard) != NULL)
		;
	for (int i = 0; i < 3; i++) {
		assert_ok(mark(f, ANN, kinds[i], one, NULL));
		change = changes_next(&f->heard);
		assert_non_null(change);
		assert_int_equal(
		    change->kind, i == 0 ? CHANGE_ROOM_DATA : CHANGE_USER_DATA);
		assert_string_equal(change->user_id, ANN);
		assert_ptr_equal(change->room, f->room);
		assert_ok(mark(f, ANN, kinds[i], one, NULL));
		assert_null(changes_next(&f->heard));
	}
}

/* --- threads: the specification's example, A and B being roots --- */

static void
a_receipt_of_a_thread_is_for_events_that_are_in_it(void **state)
{
	struct fixture *f = *state;
	const char *a = send_plain(f), *b = send_plain(f);
	const char *c = send_related(f, "m.thread", a);
	const char *d = send_related(f, "m.annotation", b);
	const char *e = send_related(f, "m.annotation", c);

	assert_ok(mark(f, ANN, MARK_READ, c, a));
	assert_ok(mark(f, ANN, MARK_READ, e, a));
	assert_ok(mark(f, ANN, MARK_READ, d, "main"));
	assert_ok(mark(f, ANN, MARK_READ, a, "main"));
	assert_ok(mark(f, ANN, MARK_READ, e, NULL));
	assert_int_equal(mark(f, ANN, MARK_READ, c, b), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_READ, c, "main"), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_READ, e, "main"), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_READ, b, a), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_READ, a, "$nothing"), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_READ, a, ""), M_INVALID_PARAM);
	assert_int_equal(mark(f, ANN, MARK_FULLY_READ, a, "main"), M_INVALID_PARAM);
	/* The root itself, and what is related to it. */
	assert_ok(mark(f, ANN, MARK_PRIVATE, a, a));
	assert_ok(mark(f, ANN, MARK_PRIVATE, d, b));
}

static void
a_chain_of_relations_is_followed_for_three_hops(void **state)
{
	struct fixture *f = *state;
	const char *root = send_plain(f);
	const char *in = send_related(f, "m.thread", root);
	const char *one = send_related(f, "m.reference", in);
	const char *two = send_related(f, "m.reference", one);
	const char *three = send_related(f, "m.reference", two);
	const char *four = send_related(f, "m.reference", three);

	assert_ok(mark(f, ANN, MARK_READ, three, root));
	assert_int_equal(mark(f, ANN, MARK_READ, four, root), M_INVALID_PARAM);
	assert_ok(mark(f, ANN, MARK_READ, four, "main"));
}

static void
a_relation_to_nothing_is_in_the_main_timeline(void **state)
{
	struct fixture *f = *state;

	assert_ok(mark(
	    f, ANN, MARK_READ, send_related(f, "m.annotation", "$nothing"), "main"));
	assert_ok(mark(f, ANN, MARK_READ,
	    send_content(f, "{\"m.relates_to\":{\"rel_type\":\"m.thread\"}}"), "main"));
	assert_ok(
	    mark(f, ANN, MARK_READ, send_content(f, "{\"m.relates_to\":5}"), "main"));
}

/* --- telling --- */

/* expected: the content; NULL: there is no such event. */
static void
assert_written(struct fixture *f, const struct receipt_row *rows, int n,
    const char *asker, int nth, const char *expected)
{
	struct buf out = { 0 };
	bool any = receipts_write_event(&out, "!r:x", rows, n, asker, nth);

	assert_true(any == (expected != NULL));
	buf_char(&out, '\0');
	assert_string_equal(out.p,
	    expected == NULL
		? ""
		: arena_printf(f->t.arena,
		      "{\"content\":%s,\"room_id\":\"!r:x\",\"type\":\"m.receipt\"}",
		      expected));
	buf_free(&out);
}

static void
receipts_are_written_by_event_kind_and_user(void **state)
{
	const struct receipt_row rows[] = {
		{ 1, "@b:x", RECEIPT_READ, "", 2, "$2", 20, 1 },
		{ 1, "@a:x", RECEIPT_READ, "main", 2, "$2", 21, 2 },
		{ 1, "@a:x", RECEIPT_PRIVATE, "", 2, "$2", 22, 3 },
		{ 1, "@c:x", RECEIPT_READ, "", 1, "$1", 23, 4 },
	};
	struct buf out = { 0 };

	assert_written(*state, rows, 4, "@a:x", 0,
	    "{\"$1\":{\"m.read\":{\"@c:x\":{\"ts\":23}}},"
	    "\"$2\":{\"m.read\":{\"@a:x\":{\"thread_id\":\"main\",\"ts\":21},"
	    "\"@b:x\":{\"ts\":20}},\"m.read.private\":{\"@a:x\":{\"ts\":22}}}}");
	assert_written(*state, rows, 4, "@a:x", 1, NULL);
	assert_true(receipts_write(&out, rows, 4, "@a:x"));
	assert_true(str_starts((struct str){ out.p, out.n }, "{\"$1\":{"));
	buf_reset(&out);
	assert_false(receipts_write(&out, rows, 0, "@a:x"));
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void
private_receipts_are_written_for_their_owner_alone(void **state)
{
	const struct receipt_row rows[] = {
		{ 1, "@a:x", RECEIPT_PRIVATE, "", 2, "$2", 22, 3 },
	};

	assert_written(*state, rows, 1, "@a:x", 0,
	    "{\"$2\":{\"m.read.private\":{\"@a:x\":{\"ts\":22}}}}");
	assert_written(*state, rows, 1, "@b:x", 0, NULL);
}

static void
receipts_of_several_threads_at_one_event_are_written_one_after_the_other(void **state)
{
	const struct receipt_row rows[] = {
		{ 1, "@a:x", RECEIPT_READ, "main", 2, "$2", 21, 1 },
		{ 1, "@a:x", RECEIPT_READ, "", 2, "$2", 22, 2 },
		{ 1, "@b:x", RECEIPT_READ, "main", 2, "$2", 23, 3 },
	};

	assert_written(*state, rows, 3, "@c:x", 0,
	    "{\"$2\":{\"m.read\":{\"@a:x\":{\"ts\":22},"
	    "\"@b:x\":{\"thread_id\":\"main\",\"ts\":23}}}}");
	assert_written(*state, rows, 3, "@c:x", 1,
	    "{\"$2\":{\"m.read\":{\"@a:x\":{\"thread_id\":\"main\",\"ts\":21}}}}");
	assert_written(*state, rows, 3, "@c:x", 2, NULL);
}

static int
told(struct fixture *f, const char *asker, struct receipt_row **rows_out)
{
	struct receipts_ask ask = { .asker = asker, .until = INT64_MAX };
	int n;

	assert_ok(receipts_told(&f->t.ctx, f->t.arena, f->room, &ask, rows_out, &n));
	return n;
}

/* Receipts of ben's for many threads, at an event of ann's. */
struct many {
	struct fixture *f;
	int count;
};

static enum mx_err
write_many(void *arg, struct db *db)
{
	struct many *many = arg;
	enum mx_err err = M_OK;
	bool changed;

	for (int i = 0; err == M_OK && i < many->count; i++) {
		struct receipt_row row = { .room = many->f->room->id,
			.user_id = BEN,
			.thread = arena_printf(many->f->t.arena, "$%d", i),
			.event = 1,
			.event_id = "$one",
			.position = 1000000 + i };

		err = store_receipt_set(db, &row, &changed);
	}
	return err;
}

static void
of_very_many_the_newest_are_told_and_all_of_ones_own(void **state)
{
	struct fixture *f = *state;
	struct many many = { f, RECEIPTS_TOLD_MAX };
	const char *one = send_plain(f);
	struct receipt_row *rows;

	testing_join(&f->t, f->room, BEN);
	testing_join(&f->t, f->room, CAT);
	assert_ok(mark(f, ANN, MARK_READ, one, NULL));
	assert_ok(mark(f, ANN, MARK_PRIVATE, one, "main"));
	assert_int_equal(told(f, CAT, &rows), 1);
	assert_ok(ctx_write(&f->t.ctx, write_many, &many));
	assert_int_equal(told(f, CAT, &rows), RECEIPTS_TOLD_MAX);
	for (int i = 0; i < RECEIPTS_TOLD_MAX; i++)
		assert_string_equal(rows[i].user_id, BEN);
	assert_int_equal(told(f, ANN, &rows), RECEIPTS_TOLD_MAX + 2);
	assert_int_equal(told(f, BEN, &rows), RECEIPTS_TOLD_MAX);
}

/* Clients of /sync keep what they know; a new one shall know the same. */
static void
who_leaves_leaves_their_receipts_behind(void **state)
{
	struct fixture *f = *state;
	struct receipt_row *rows;
	const char *one = send_plain(f);

	testing_join(&f->t, f->room, BEN);
	assert_ok(mark(f, BEN, MARK_READ, one, NULL));
	assert_ok(testing_append(&f->t, f->room, BEN, "m.room.member", BEN,
	    "{\"membership\":\"leave\"}", NULL));
	assert_int_equal(told(f, ANN, &rows), 1);
	assert_string_equal(rows[0].user_id, BEN);
	testing_join(&f->t, f->room, BEN);
	assert_int_equal(told(f, BEN, &rows), 1);
	assert_string_equal(rows[0].event_id, one);
}

/* Other servers may let a thread begin at a child: it is read where it is counted. */
static void
an_event_is_read_in_the_thread_that_it_claims(void **state)
{
	struct fixture *f = *state;
	const char *child = send_related(f, "m.reference", send_plain(f));
	const char *nested = send_related(f, "m.thread", child);

	assert_ok(mark(f, ANN, MARK_READ, nested, child));
	assert_int_equal(mark(f, ANN, MARK_READ, nested, "main"), M_INVALID_PARAM);
	assert_int_equal(
	    mark(f, ANN, MARK_READ, nested, send_plain(f)), M_INVALID_PARAM);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_receipt_goes_forwards_alone),
		CASE(a_receipt_is_for_members_and_for_events_of_the_room),
		CASE(an_event_that_one_may_not_see_is_not_there),
		CASE(of_several_marks_all_are_set_or_none),
		CASE(the_fully_read_marker_goes_forwards_alone),
		CASE(the_room_is_told_of_a_receipt_and_its_owner_alone_of_the_rest),
		CASE(a_receipt_of_a_thread_is_for_events_that_are_in_it),
		CASE(a_chain_of_relations_is_followed_for_three_hops),
		CASE(a_relation_to_nothing_is_in_the_main_timeline),
		CASE(an_event_is_read_in_the_thread_that_it_claims),
		CASE(of_very_many_the_newest_are_told_and_all_of_ones_own),
		CASE(who_leaves_leaves_their_receipts_behind),
		CASE(receipts_are_written_by_event_kind_and_user),
		CASE(private_receipts_are_written_for_their_owner_alone),
		CASE(
		    receipts_of_several_threads_at_one_event_are_written_one_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
