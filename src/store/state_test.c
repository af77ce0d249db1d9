/*
 * State on disk: what a key held at any place, with and without parent segments.
 */
#include "store/state.h"

#include <stdio.h>
#include <string.h>

#include "store/intern.h"
#include "store/testing.h"

static int64_t
key_of(struct fixture *f, const char *type_name, const char *state_key)
{
	int64_t type, key;

	assert_ok(intern_type(f->db, type_name, &type));
	assert_ok(intern_key(f->db, type, state_key, &key));
	return key;
}

static void
set(struct fixture *f, int64_t segment, const char *type, const char *state_key,
    int64_t at)
{
	assert_ok(store_state_change(
	    f->db, segment, key_of(f, type, state_key), at, at, at * 2));
}

static void
unset(struct fixture *f, int64_t segment, const char *type, int64_t at)
{
	struct stmt *q =
	    db_stmt(f->db, "INSERT INTO state_deltas (segment, key, at, event, detail)"
			   " VALUES ($1, $2, $3, NULL, 0)");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, key_of(f, type, ""));
	stmt_int(q, 3, at);
	assert_ok(stmt_run(q));
}

static void
add_child(struct fixture *f, int64_t segment, int64_t parent, int64_t parent_at)
{
	struct stmt *q = db_stmt(f->db,
	    "INSERT INTO state_segments (segment, room, parent, parent_at)"
	    " VALUES ($1, 1, $2, $3)");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, parent);
	stmt_int(q, 3, parent_at);
	assert_ok(stmt_run(q));
}

/* Events with text ids, for what joins them. */
static void
add_event(struct fixture *f, int64_t event)
{
	struct stmt *q =
	    db_stmt(f->db, "INSERT INTO events (event, room, line, sub, "
			   "event_id, type, ts, depth, flags, segment, json)"
			   " VALUES ($1, 1, $1, 0, $2, 1, 0, 0, 1, 1, $2)");
	char id[32];
	int n = snprintf(id, sizeof id, "\002$e%d:x", (int)event);

	stmt_int(q, 1, event);
	stmt_blob(q, 2, id, (size_t)n);
	assert_ok(stmt_run(q));
}

/* 0: not set. */
static int64_t
state_at(struct fixture *f, int64_t segment, int64_t at, const char *type)
{
	int64_t event, detail;
	enum mx_err err = store_state_at(f->db, segment, at, type, "", &event, &detail);

	if (err == M_NOT_FOUND)
		return 0;
	assert_ok(err);
	assert_int_equal(detail, event * 2);
	return event;
}

static void
gather(const struct state_row *row, void *arg)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s/%s=%d,%s ", row->type, row->state_key,
	    (int)row->event, row->event_id);
}

static int
contains(const char *text, const char *entry)
{
	return strstr(text, entry) != NULL;
}

static void
a_key_holds_its_last_change_before_the_place(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_segment_new(f->db, 1, 1));
	set(f, 1, "m.room.name", "", 3);
	set(f, 1, "m.room.topic", "", 4);
	set(f, 1, "m.room.name", "", 7);
	assert_int_equal(state_at(f, 1, 3, "m.room.name"), 0);
	assert_int_equal(state_at(f, 1, 4, "m.room.name"), 3);
	assert_int_equal(state_at(f, 1, 7, "m.room.name"), 3);
	assert_int_equal(state_at(f, 1, 8, "m.room.name"), 7);
	assert_int_equal(state_at(f, 1, STATE_NOW, "m.room.name"), 7);
	assert_int_equal(state_at(f, 1, STATE_NOW, "m.room.topic"), 4);
	assert_int_equal(state_at(f, 1, STATE_NOW, "m.room.avatar"), 0);
	assert_int_equal(state_at(f, 2, STATE_NOW, "m.room.name"), 0);
}

static void
what_a_segment_does_not_say_its_parent_says_as_it_was_left(void **state)
{
	struct fixture *f = *state;

	assert_ok(store_segment_new(f->db, 1, 1));
	set(f, 1, "m.room.name", "", 3);
	set(f, 1, "m.room.topic", "", 4);
	set(f, 1, "m.room.topic", "", 9); /* behind the fork */
	add_child(f, 6, 1, 6);
	set(f, 6, "m.room.name", "", 8);
	add_child(f, 10, 6, 10);
	assert_int_equal(state_at(f, 6, 8, "m.room.name"), 3);
	assert_int_equal(state_at(f, 6, 9, "m.room.name"), 8);
	assert_int_equal(state_at(f, 6, STATE_NOW, "m.room.topic"), 4);
	assert_int_equal(state_at(f, 10, STATE_NOW, "m.room.name"), 8);
	assert_int_equal(state_at(f, 10, STATE_NOW, "m.room.topic"), 4);
	assert_int_equal(state_at(f, 1, STATE_NOW, "m.room.topic"), 9);
}

static void
a_key_that_is_gone_hides_the_parents_value(void **state)
{
	struct fixture *f = *state;
	char all[200] = "";

	add_event(f, 3);
	add_event(f, 4);
	assert_ok(store_segment_new(f->db, 1, 1));
	set(f, 1, "m.room.name", "", 3);
	set(f, 1, "m.room.topic", "", 4);
	add_child(f, 6, 1, 6);
	unset(f, 6, "m.room.name", 7);
	assert_int_equal(state_at(f, 6, 7, "m.room.name"), 3);
	assert_int_equal(state_at(f, 6, 8, "m.room.name"), 0);
	assert_ok(store_state_load(f->db, 6, STATE_NOW, false, gather, all));
	assert_string_equal(all, "m.room.topic/=4,$e4:x ");
}

static void
the_whole_state_has_each_key_once(void **state)
{
	struct fixture *f = *state;
	char now[400] = "", then[400] = "";

	for (int event = 1; event < 10; event++)
		add_event(f, event);
	assert_ok(store_segment_new(f->db, 1, 1));
	set(f, 1, "m.room.create", "", 1);
	set(f, 1, "m.room.member", "@ann:x", 2);
	set(f, 1, "m.room.name", "", 3);
	set(f, 1, "m.room.member", "@bob:x", 4);
	set(f, 1, "m.room.member", "@ann:x", 5);
	add_child(f, 6, 1, 6);
	set(f, 6, "m.room.name", "", 6);
	set(f, 6, "m.room.member", "@ann:x", 8);
	assert_ok(store_state_load(f->db, 6, STATE_NOW, false, gather, now));
	assert_true(contains(now, "m.room.create/=1,$e1:x "));
	assert_true(contains(now, "m.room.member/@bob:x=4,$e4:x "));
	assert_true(contains(now, "m.room.member/@ann:x=8,$e8:x "));
	assert_true(contains(now, "m.room.name/=6,$e6:x "));
	assert_int_equal(
	    strlen(now), strlen("m.room.create/=1,$e1:x m.room.member/@bob:x=4,$e4:x "
				"m.room.member/@ann:x=8,$e8:x m.room.name/=6,$e6:x "));
	assert_ok(store_state_load(f->db, 1, 3, false, gather, then));
	assert_true(contains(then, "m.room.create/=1,$e1:x "));
	assert_true(contains(then, "m.room.member/@ann:x=2,$e2:x "));
	assert_false(contains(then, "m.room.name"));
}

static void
a_keys_history_is_in_order_through_all_segments(void **state)
{
	struct fixture *f = *state;
	const int64_t places[] = { 2, 3, 5, 7, 11 };
	struct state_change *changes;
	int n;

	assert_ok(store_segment_new(f->db, 1, 1));
	set(f, 1, "m.room.name", "", 2);
	set(f, 1, "m.room.name", "", 3);
	set(f, 1, "m.room.topic", "", 4);
	set(f, 1, "m.room.name", "", 9); /* behind the fork */
	add_child(f, 5, 1, 5);
	set(f, 5, "m.room.name", "", 5);
	unset(f, 5, "m.room.name", 7);
	set(f, 5, "m.room.name", "", 11);
	assert_ok(store_state_history(
	    f->db, f->arena, 5, STATE_NOW, "m.room.name", "", &changes, &n));
	assert_int_equal(n, 5);
	for (int i = 0; i < n; i++)
		assert_int_equal(changes[i].at, places[i]);
	assert_int_equal(changes[3].event, 0);
	assert_int_equal(changes[4].event, 11);
	assert_int_equal(changes[4].detail, 22);
	assert_ok(store_state_history(
	    f->db, f->arena, 5, 7, "m.room.name", "", &changes, &n));
	assert_int_equal(n, 3);
	assert_ok(store_state_history(
	    f->db, f->arena, 5, 7, "m.room.name", "nobody", &changes, &n));
	assert_int_equal(n, 0);
}

static void
a_long_history_is_whole(void **state)
{
	struct fixture *f = *state;
	struct state_change *changes;
	int n;

	assert_ok(store_segment_new(f->db, 1, 1));
	for (int at = 1; at <= 100; at++)
		set(f, 1, "m.room.name", "", at);
	assert_ok(store_state_history(
	    f->db, f->arena, 1, STATE_NOW, "m.room.name", "", &changes, &n));
	assert_int_equal(n, 100);
	for (int i = 0; i < n; i++)
		assert_int_equal(changes[i].event, i + 1);
}

static void
an_unknown_event_has_no_state_before_it(void **state)
{
	struct fixture *f = *state;
	int64_t segment, at;

	assert_int_equal(store_state_before(f->db, 1, &segment, &at), M_NOT_FOUND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_holds_its_last_change_before_the_place),
		TEST(what_a_segment_does_not_say_its_parent_says_as_it_was_left),
		TEST(a_key_that_is_gone_hides_the_parents_value),
		TEST(the_whole_state_has_each_key_once),
		TEST(a_keys_history_is_in_order_through_all_segments),
		TEST(a_long_history_is_whole),
		TEST(an_unknown_event_has_no_state_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
