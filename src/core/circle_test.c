/*
 * Circles: who shares a room with a user, by either way of finding out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/circle.h"
#include "core/testing.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define CAT "@cat:" TESTING_SERVER
#define DAN "@dan:" TESTING_SERVER

struct fixture {
	struct testing t;
	struct room *first, *second; /* ann's and ben's; ann's, ben's and cat's */
	struct room *other;	     /* dan's and cat's */
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	testing_open_core(&f.t);
	f.first = testing_room(&f.t, ANN, "12");
	f.second = testing_room(&f.t, ANN, "12");
	f.other = testing_room(&f.t, DAN, "12");
	testing_join(&f.t, f.first, BEN);
	testing_join(&f.t, f.second, BEN);
	testing_join(&f.t, f.second, CAT);
	testing_join(&f.t, f.other, CAT);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	room_put(f->first);
	room_put(f->second);
	room_put(f->other);
	testing_close(&f->t);
	return 0;
}

static void
leave(struct fixture *f, struct room *room, const char *user_id)
{
	assert_int_equal(testing_append(&f->t, room, user_id, "m.room.member", user_id,
			     "{\"membership\":\"leave\"}", NULL),
	    M_OK);
}

static void
few_and_many_are_found_alike(void **state)
{
	struct fixture *f = *state;
	/* So many that a walk over the rooms' five members is cheaper. */
	const char *many[] = { BEN, DAN, ANN, "@no:x", CAT, "", "@a:x", "@b:x" };
	bool in[8];
	struct circle circle;

	assert_int_equal(circle_open(&f->t.ctx, f->t.arena, ANN, &circle), M_OK);
	assert_int_equal(circle.count, 2);
	assert_int_equal(circle.joined, 5);
	circle_find(&circle, many, 8, in);
	for (int i = 0; i < 8; i++) {
		bool alone;

		circle_find(&circle, &many[i], 1, &alone);
		assert_int_equal(in[i], i == 0 || i == 2 || i == 4);
		assert_int_equal(alone, in[i]);
		assert_int_equal(circle_has(&circle, many[i]), in[i]);
	}
	circle_close(&circle);
}

static void
who_has_left_is_not_in_it(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = { CAT, BEN, "@a:x", "@b:x", "@c:x" };
	bool in[5];
	struct circle circle;

	leave(f, f->second, CAT);
	assert_int_equal(circle_open(&f->t.ctx, f->t.arena, ANN, &circle), M_OK);
	circle_find(&circle, ids, 5, in);
	assert_false(in[0]);
	assert_true(in[1]);
	assert_false(circle_has(&circle, CAT));
	circle_close(&circle);
}

static void
who_is_in_no_room_knows_themselves_alone(void **state)
{
	struct fixture *f = *state;
	const char *ids[] = { ANN, "@eve:x" };
	bool in[2];
	struct circle circle;

	assert_int_equal(circle_open(&f->t.ctx, f->t.arena, "@eve:x", &circle), M_OK);
	assert_int_equal(circle.count, 0);
	circle_find(&circle, ids, 2, in);
	assert_false(in[0]);
	assert_true(in[1]);
	circle_close(&circle);
}

static void
the_store_says_the_same_of_two(void **state)
{
	struct fixture *f = *state;
	bool shared;

	assert_int_equal(circle_shared(&f->t.ctx, ANN, CAT, &shared), M_OK);
	assert_true(shared);
	assert_int_equal(circle_shared(&f->t.ctx, ANN, DAN, &shared), M_OK);
	assert_false(shared);
	assert_int_equal(circle_shared(&f->t.ctx, DAN, DAN, &shared), M_OK);
	assert_true(shared);
	leave(f, f->second, CAT);
	assert_int_equal(circle_shared(&f->t.ctx, ANN, CAT, &shared), M_OK);
	assert_false(shared);
}

static void
without_a_circle_few_and_many_are_found_alike(void **state)
{
	struct fixture *f = *state;
	const char *many[] = { BEN, DAN, ANN, "@no:x", CAT, "", "@a:x", "@b:x" };
	bool in[8];
	int opened = 0;

	/* Ann is in two rooms: they are opened for three questions, not for two. */
	for (int count = 0; count <= 8; count++) {
		int before = opened;

		memset(in, count % 2, sizeof in);
		assert_int_equal(circle_shared_with(&f->t.ctx, f->t.arena, ANN, many,
				     count, in, &opened),
		    M_OK);
		assert_int_equal(opened - before, count > 2 ? 2 : 0);
		for (int i = 0; i < count; i++)
			assert_int_equal(in[i], i == 0 || i == 2 || i == 4);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(few_and_many_are_found_alike),
		T(who_has_left_is_not_in_it),
		T(who_is_in_no_room_knows_themselves_alone),
		T(the_store_says_the_same_of_two),
		T(without_a_circle_few_and_many_are_found_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
