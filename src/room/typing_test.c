/*
 * Typing: lists, positions, time-outs, and what listeners are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "room/changes.h"
#include "room/testing.h"
#include "room/typing.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER

struct fixture {
	struct testing t;
	struct room *room;
	struct change *cursor;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	testing_open(&f.t);
	f.room = testing_room(&f.t, ANN, "12");
	f.cursor = changes_cursor(f.t.core.changes);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	changes_cursor_free(f->cursor);
	room_put(f->room);
	testing_close(&f->t);
	return 0;
}

static int
count(struct fixture *f, const char *first)
{
	const char **users;
	int n = typing_users(&f->t.core, f->t.arena, f->room->id, &users, NULL);

	if (n > 0)
		assert_string_equal(users[0], first);
	return n;
}

static void
who_begins_first_stands_first(void **state)
{
	struct fixture *f = *state;

	typing_set(&f->t.core, f->room, BEN, 60000);
	typing_set(&f->t.core, f->room, ANN, 60000);
	typing_set(&f->t.core, f->room, BEN, 60000);
	assert_int_equal(count(f, BEN), 2);
	typing_set(&f->t.core, f->room, BEN, 0);
	assert_int_equal(count(f, ANN), 1);
}

static void
each_change_of_the_list_has_one_record_and_one_position(void **state)
{
	struct fixture *f = *state;
	int64_t before = typing_position(&f->t.core);
	const struct change *change;

	typing_set(&f->t.core, f->room, ANN, 60000);
	typing_set(&f->t.core, f->room, ANN, 60000);
	typing_set(&f->t.core, f->room, BEN, 0);
	change = changes_next(&f->cursor);
	assert_non_null(change);
	assert_int_equal(change->kind, CHANGE_TYPING);
	assert_ptr_equal(change->room, f->room);
	assert_int_equal(change->typing, before + 1);
	assert_null(changes_next(&f->cursor));
	assert_int_equal(typing_position(&f->t.core), before + 1);
	assert_int_equal(typing_room_position(&f->t.core, f->room->id), before + 1);
}

static void
typing_ends_when_its_time_is_over(void **state)
{
	struct fixture *f = *state;
	int64_t until;

	typing_set(&f->t.core, f->room, ANN, 1);
	assert_non_null(changes_next(&f->cursor));
	for (until = clock_mono_ms() + 2; clock_mono_ms() < until;)
		;
	assert_int_equal(count(f, NULL), 0);
	assert_null(changes_next(&f->cursor));
	typing_expire(&f->t.core);
	assert_non_null(changes_next(&f->cursor));
	typing_expire(&f->t.core);
	assert_null(changes_next(&f->cursor));
}

static void
all_typing_ends_as_the_server_stops(void **state)
{
	struct fixture *f = *state;

	typing_set(&f->t.core, f->room, ANN, 60000);
	assert_non_null(changes_next(&f->cursor));
	typing_end_all(&f->t.core);
	assert_int_equal(count(f, NULL), 0);
	assert_non_null(changes_next(&f->cursor));
	typing_end_all(&f->t.core);
	assert_null(changes_next(&f->cursor));
}

static void
rooms_changed_since_a_position_are_found(void **state)
{
	struct fixture *f = *state;
	int64_t before = typing_position(&f->t.core), *rooms;

	assert_int_equal(
	    typing_changed_since(&f->t.core, f->t.arena, before, &rooms), 0);
	typing_set(&f->t.core, f->room, ANN, 60000);
	assert_int_equal(
	    typing_changed_since(&f->t.core, f->t.arena, before, &rooms), 1);
	assert_int_equal(rooms[0], f->room->id);
	assert_int_equal(typing_changed_since(&f->t.core, f->t.arena,
			     typing_position(&f->t.core), &rooms),
	    0);
}

static void
positions_rise_over_a_restart(void **state)
{
	struct fixture *f = *state;
	struct typing *later;
	int64_t before;

	typing_set(&f->t.core, f->room, ANN, 60000);
	before = typing_position(&f->t.core);
	clock_set_for_test(clock_now_ms() + 1000);
	later = typing_new();
	f->t.core.typing = later;
	assert_true(typing_position(&f->t.core) > before);
	f->t.core.typing = f->t.typing;
	typing_free(later);
	clock_set_for_test(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    who_begins_first_stands_first, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    each_change_of_the_list_has_one_record_and_one_position, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    typing_ends_when_its_time_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    all_typing_ends_as_the_server_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    rooms_changed_since_a_position_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    positions_rise_over_a_restart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
