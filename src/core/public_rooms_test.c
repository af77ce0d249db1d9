/*
 * The published room directory: pages, searches, keeping up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/public_rooms.h"
#include "core/testing.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define ROOMS 23

static struct identity ann = { .user_id = ANN, .device_id = "A" };

struct fixture {
	struct testing t;
	struct room *rooms[ROOMS];
};

static void
publish(struct fixture *f, struct room *room, bool published)
{
	assert_int_equal(public_rooms_set(&f->t.ctx, &ann, room, published), M_OK);
}

static void
name(struct fixture *f, struct room *room, const char *name)
{
	assert_int_equal(testing_append(&f->t, room, ANN, "m.room.name", "",
			     arena_printf(f->t.arena, "{\"name\":\"%s\"}", name), NULL),
	    M_OK);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	testing_open_core(&f.t);
	for (int i = 0; i < ROOMS; i++) {
		f.rooms[i] = testing_room(&f.t, ANN, "12");
		publish(&f, f.rooms[i], true);
		if (i % 3 == 0)
			testing_join(&f.t, f.rooms[i], BEN);
	}
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < ROOMS; i++)
		room_put(f->rooms[i]);
	testing_close(&f->t);
	return 0;
}

static struct public_query
page(struct fixture *f, const char *since, int limit, const char *term)
{
	struct public_query q = { .since = since, .limit = limit, .term = term };

	assert_int_equal(public_rooms_page(&f->t.ctx, f->t.arena, &q), M_OK);
	return q;
}

static void
pages_of_any_size_hold_every_room_once_forwards_and_back(void **state)
{
	struct fixture *f = *state;

	for (int limit = 1; limit <= ROOMS + 1; limit++) {
		struct public_query q = page(f, NULL, limit, NULL), back;
		int seen = q.count;
		int64_t last = q.rooms[q.count - 1].joined;

		assert_null(q.prev);
		while (q.next != NULL) {
			struct public_query next = page(f, q.next, limit, NULL);

			assert_true(next.count > 0 && next.rooms[0].joined <= last);
			last = next.rooms[next.count - 1].joined;
			back = page(f, next.prev, limit, NULL);
			assert_int_equal(back.count, q.count);
			assert_string_equal(back.rooms[0].room_id, q.rooms[0].room_id);
			seen += next.count;
			q = next;
		}
		assert_int_equal(seen, ROOMS);
		assert_int_equal(q.total, ROOMS);
	}
}

static void
the_list_shows_what_happened_before_it_was_asked_for(void **state)
{
	struct fixture *f = *state;
	struct public_query q = page(f, NULL, 100, "changed");

	assert_int_equal(q.count, 0);
	name(f, f->rooms[7], "It has Changed");
	testing_join(&f->t, f->rooms[7], BEN);
	q = page(f, NULL, 100, "changed");
	assert_int_equal(q.count, 1);
	assert_int_equal(q.rooms[0].joined, 2);
	name(f, f->rooms[7], "again");
	public_rooms_follow(&f->t.core);
	assert_int_equal(page(f, NULL, 100, "changed").count, 0);
}

static void
case_does_not_matter_in_any_script(void **state)
{
	struct fixture *f = *state;

	name(f, f->rooms[0], "GRÜSSE aus ΑΘΗΝΑ и МОСКВА");
	assert_int_equal(page(f, NULL, 9, "grüsse").count, 1);
	assert_int_equal(page(f, NULL, 9, "αθηνα").count, 1);
	assert_int_equal(page(f, NULL, 9, "Москва").count, 1);
	assert_int_equal(page(f, NULL, 9, "moskva").count, 0);
}

static void
a_withdrawn_room_is_gone_and_a_restart_shows_the_same(void **state)
{
	struct fixture *f = *state;
	char *room_id;
	struct public_query q;

	publish(f, f->rooms[3], false);
	q = page(f, NULL, 100, NULL);
	assert_int_equal(q.count, ROOMS - 1);
	for (int i = 0; i < q.count; i++)
		assert_string_not_equal(q.rooms[i].room_id, f->rooms[3]->room_id);
	room_id = strdup(q.rooms[0].room_id);
	for (int i = 0; i < ROOMS; i++) {
		room_put(f->rooms[i]);
		f->rooms[i] = NULL;
	}
	testing_reopen(&f->t);
	q = page(f, NULL, 100, NULL);
	assert_int_equal(q.count, ROOMS - 1);
	assert_string_equal(q.rooms[0].room_id, room_id);
	free(room_id);
}

static void
a_token_that_is_not_ours_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "", "x", "n", "n_", "p1_", "n1_2x", "q1_2" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct public_query q = { .since = bad[i], .limit = 1 };

		assert_int_equal(
		    public_rooms_page(&f->t.ctx, f->t.arena, &q), M_INVALID_PARAM);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_of_any_size_hold_every_room_once_forwards_and_back),
		TEST(the_list_shows_what_happened_before_it_was_asked_for),
		TEST(case_does_not_matter_in_any_script),
		TEST(a_withdrawn_room_is_gone_and_a_restart_shows_the_same),
		TEST(a_token_that_is_not_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
