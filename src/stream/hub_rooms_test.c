/*
 * A hub's rooms by their ids.
 */
#include "stream/hub_inside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ROOMS 5000

static struct hub_room *
add(struct hub *hub, int number)
{
	struct hub_room *room = calloc(1, sizeof *room + 32);

	snprintf(room->room_id, 32, "!room%d:localhost", number);
	hub_rooms_add(hub, room);
	return room;
}

static struct hub_room *
find(struct hub *hub, int number)
{
	char room_id[32];

	snprintf(room_id, sizeof room_id, "!room%d:localhost", number);
	return hub_rooms_find(hub, room_id);
}

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct hub));
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
each_room_is_found_by_its_id_until_it_goes(void **state)
{
	struct hub *hub = *state;
	struct hub_room *rooms[ROOMS];

	assert_null(find(hub, 0));
	for (int i = 0; i < ROOMS; i++)
		rooms[i] = add(hub, i);
	for (int i = 0; i < ROOMS; i++)
		assert_ptr_equal(find(hub, i), rooms[i]);
	assert_null(find(hub, ROOMS));
	for (int i = 0; i < ROOMS; i++) {
		hub_rooms_remove(hub, rooms[i]);
		free(rooms[i]);
		assert_null(find(hub, i));
		assert_int_equal(find(hub, i + 1) != NULL, i + 1 < ROOMS);
	}
}

static void
all_are_gone_through_once_also_while_they_go(void **state)
{
	struct hub *hub = *state;
	struct hub_room *room, *next;
	int n = 0;

	assert_null(hub_rooms_next(hub, NULL));
	for (int i = 0; i < ROOMS; i++)
		add(hub, i);
	for (room = hub_rooms_next(hub, NULL); room != NULL; room = next, n++) {
		assert_false(room->known);
		room->known = true;
		next = hub_rooms_next(hub, room);
		if (n % 2 == 0)
			continue;
		hub_rooms_remove(hub, room);
		free(room);
	}
	assert_int_equal(n, ROOMS);
	for (n = 0; (room = hub_rooms_next(hub, NULL)) != NULL; n++) {
		hub_rooms_remove(hub, room);
		free(room);
	}
	assert_int_equal(n, ROOMS / 2);
}

static void
the_table_is_small_and_goes_with_the_last_room(void **state)
{
	struct hub *hub = *state;
	struct hub_room *room;

	for (int i = 1; i <= ROOMS; i++) {
		add(hub, i);
		assert_true(i < 16 || atomic_load(&hub->memory) <=
					  (uint64_t)i * sizeof(void *) + 128);
	}
	while ((room = hub_rooms_next(hub, NULL)) != NULL) {
		hub_rooms_remove(hub, room);
		free(room);
	}
	assert_int_equal(atomic_load(&hub->memory), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_room_is_found_by_its_id_until_it_goes),
		TEST(all_are_gone_through_once_also_while_they_go),
		TEST(the_table_is_small_and_goes_with_the_last_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
