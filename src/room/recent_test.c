#include "room/testing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "room/account_data.h"
#include "room/append.h"
#include "room/recent.h"

static int
setup(void **state)
{
	struct testing *t = calloc(1, sizeof *t);

	testing_open(t);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	testing_close(*state);
	free(*state);
	return 0;
}

static int64_t
visible(struct testing *t)
{
	return atomic_load(&t->core.visible);
}

static void
keep(struct testing *t, struct room *room, const char *number)
{
	assert_int_equal(account_data_set(&t->ctx, t->arena, "@ann:example.org", room,
			     "org.example", testing_json(t->arena, number)),
	    M_OK);
	assert_int_equal(ctx_settle(&t->ctx), M_OK);
}

static void
events_and_updates_stand_in_one_order(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, "@ann:example.org", "12");
	int64_t since = visible(t);
	struct moved *moved;
	int n;

	keep(t, NULL, "{\"n\":1}");
	testing_join(t, room, "@ben:example.org");
	keep(t, room, "{\"n\":2}");
	assert_true(recent_since(&t->core, t->arena, since, &moved, &n));
	assert_int_equal(n, 3);
	assert_int_equal(moved[0].kind, CHANGE_USER_DATA);
	assert_int_equal(moved[0].room, 0);
	assert_int_equal(moved[1].kind, CHANGE_EVENT);
	assert_int_equal(moved[1].room, room->id);
	assert_true(moved[1].user == map_hash("@ben:example.org", 16));
	assert_int_equal(moved[2].kind, CHANGE_USER_DATA);
	assert_int_equal(moved[2].room, room->id);
	assert_true(moved[0].position < moved[1].position &&
		    moved[1].position < moved[2].position);
	assert_int_equal(moved[2].position, visible(t));
	room_put(room);
}

static void
what_changes_nothing_moves_nothing(void **state)
{
	struct testing *t = *state;
	struct moved *moved;
	int64_t since;
	int n;

	keep(t, NULL, "{\"n\":1}");
	since = visible(t);
	keep(t, NULL, "{\"n\":1}");
	assert_true(recent_since(&t->core, t->arena, since, &moved, &n));
	assert_int_equal(n, 0);
	assert_int_equal(visible(t), since);
}

static void
what_moved_before_the_start_is_not_known(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, "@ann:example.org", "12");
	int64_t since = visible(t), restarted;
	struct moved *moved;
	int n;

	keep(t, room, "{\"n\":1}");
	room_put(room);
	testing_reopen(t);
	restarted = visible(t);
	assert_true(restarted > since);
	assert_false(recent_since(&t->core, t->arena, since, &moved, &n));
	keep(t, NULL, "{\"n\":2}");
	assert_false(recent_since(&t->core, t->arena, since, &moved, &n));
	assert_true(recent_since(&t->core, t->arena, restarted, &moved, &n));
	assert_int_equal(n, 1);
}

static void
positions_go_on_behind_all_that_was_given_out(void **state)
{
	struct testing *t = *state;
	int64_t last;

	for (int i = 0; i < 5; i++) {
		char text[32];

		snprintf(text, sizeof text, "{\"n\":%d}", i);
		keep(t, NULL, text);
	}
	last = visible(t);
	testing_reopen(t);
	assert_true(visible(t) >= last);
	keep(t, NULL, "{\"n\":9}");
	assert_true(visible(t) > last);
}

static void
who_had_heard_all_by_the_stop_is_told_what_moves_after_the_start(void **state)
{
	struct testing *t = *state;
	struct moved *moved;
	int64_t since;
	int n;

	keep(t, NULL, "{\"n\":1}");
	since = visible(t);
	append_stop(&t->core);
	testing_reopen(t);
	assert_int_equal(visible(t), since);
	keep(t, NULL, "{\"n\":2}");
	assert_true(recent_since(&t->core, t->arena, since, &moved, &n));
	assert_int_equal(n, 1);
	assert_true(moved[0].position > since);
}

static void
a_stop_without_an_update_leaves_the_bound(void **state)
{
	struct testing *t = *state;
	int64_t bound;

	keep(t, NULL, "{\"n\":1}");
	testing_reopen(t); /* as after a crash */
	bound = visible(t);
	append_stop(&t->core);
	testing_reopen(t);
	assert_int_equal(visible(t), bound);
}

static void
more_than_is_remembered_is_not_known(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, "@ann:example.org", "12");
	struct update u = {
		.position = 0, .user_id = "@ann:example.org", .room = room
	};
	static const struct update_kind kind = { .tells = CHANGE_ROOM_DATA };
	int64_t since = visible(t), middle = 0;
	struct moved *moved;
	int n;

	u.kind = &kind;
	for (int i = 0; i < 40000; i++) {
		u.position = visible(t) + 1;
		recent_update(&t->core, &u);
		atomic_store(&t->core.visible, u.position);
		if (i == 20000)
			middle = u.position;
	}
	assert_false(recent_since(&t->core, t->arena, since, &moved, &n));
	assert_true(recent_since(&t->core, t->arena, middle, &moved, &n));
	assert_int_equal(n, 40000 - 20001);
	assert_int_equal(moved[0].position, middle + 1);
	assert_int_equal(moved[n - 1].position, visible(t));
	room_put(room);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_and_updates_stand_in_one_order),
		TEST(what_changes_nothing_moves_nothing),
		TEST(what_moved_before_the_start_is_not_known),
		TEST(positions_go_on_behind_all_that_was_given_out),
		TEST(who_had_heard_all_by_the_stop_is_told_what_moves_after_the_start),
		TEST(a_stop_without_an_update_leaves_the_bound),
		TEST(more_than_is_remembered_is_not_known),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
