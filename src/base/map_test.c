/*
 * The hash map against a plain array, and the promises of its header.
 * Relies on base/map.
 * Stands beside map.c, run by the test suite.
 */
#include "base/map.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 2000

struct item {
	char key[16];
	bool in;
	int seen;
};

static struct item items[KEYS];

static int
setup(void **state)
{
	*state = calloc(1, sizeof(struct map));
	for (int i = 0; i < KEYS; i++) {
		items[i] = (struct item){ 0 };
		snprintf(items[i].key, sizeof items[i].key, "key%d", i);
	}
	return 0;
}

static int
teardown(void **state)
{
	map_fini(*state);
	free(*state);
	return 0;
}

static void
fill(struct map *m, int n)
{
	for (int i = 0; i < n; i++)
		assert_null(map_put_str(m, items[i].key, &items[i]));
}

static void
an_empty_map_finds_and_deletes_nothing(void **state)
{
	struct map *m = *state;
	size_t at = 0;

	assert_null(map_get_str(m, "a"));
	assert_null(map_del_str(m, "a"));
	assert_null(map_next(m, &at));
	assert_int_equal(m->count, 0);
}

static void
it_agrees_with_an_array_over_random_changes(void **state)
{
	struct map *m = *state;
	size_t count = 0;

	srandom(7);
	for (int step = 0; step < 60000; step++) {
		struct item *item = &items[random() % KEYS];
		void *had = item->in ? item : NULL;
		/* Grows for a while, then shrinks, and again. */
		bool add = random() % 10 < (step / 10000 % 2 == 0 ? 7 : 2);

		if (add)
			assert_ptr_equal(map_put_str(m, item->key, item), had);
		else
			assert_ptr_equal(map_del_str(m, item->key), had);
		count = count + (add && !item->in) - (!add && item->in);
		item->in = add;
		assert_int_equal(m->count, count);
		item = &items[random() % KEYS];
		assert_ptr_equal(map_get_str(m, item->key), item->in ? item : NULL);
	}
}

static void
keys_are_bytes_of_any_length(void **state)
{
	struct map *m = *state;
	int a, b, c;

	map_put(m, "x\0y", 3, &a);
	map_put(m, "x\0z", 3, &b);
	map_put(m, NULL, 0, &c);
	assert_ptr_equal(map_get(m, "x\0y", 3), &a);
	assert_ptr_equal(map_get(m, "x\0z", 3), &b);
	assert_ptr_equal(map_get(m, "", 0), &c);
	assert_null(map_get(m, "x", 1));
}

static void
a_replaced_entry_borrows_the_new_key(void **state)
{
	struct map *m = *state;
	char *old_key = strdup("key");
	int old, new;

	assert_null(map_put_str(m, old_key, &old));
	assert_ptr_equal(map_put_str(m, "key", &new), &old);
	free(old_key); /* under ASan a look-up would now trip over it */
	assert_ptr_equal(map_get_str(m, "key"), &new);
	assert_int_equal(m->count, 1);
}

static void
walking_visits_each_entry_once(void **state)
{
	struct map *m = *state;
	struct item *item;

	fill(m, KEYS);
	for (size_t at = 0; (item = map_next(m, &at)) != NULL;)
		item->seen++;
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(items[i].seen, 1);
}

static void
what_a_walk_returned_may_be_deleted(void **state)
{
	struct map *m = *state;
	struct item *item;
	int n = 0;

	fill(m, KEYS);
	for (size_t at = 0; (item = map_next(m, &at)) != NULL;) {
		item->seen++;
		if (n++ % 3 != 0)
			assert_ptr_equal(map_del_str(m, item->key), item);
	}
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(items[i].seen, 1);
	for (size_t at = 0; (item = map_next(m, &at)) != NULL;)
		assert_ptr_equal(map_del_str(m, item->key), item);
	assert_int_equal(m->count, 0);
}

static void
coming_and_going_does_not_grow_the_table(void **state)
{
	struct map *m = *state;

	fill(m, 40);
	for (int round = 0; round < 200; round++) {
		for (int i = 40; i < 60; i++)
			map_put_str(m, items[i].key, &items[i]);
		for (int i = 40; i < 60; i++)
			map_del_str(m, items[i].key);
	}
	assert_in_range(m->cap, 64, 256);
	for (int i = 0; i < 40; i++)
		assert_ptr_equal(map_get_str(m, items[i].key), &items[i]);
}

static void
a_table_that_was_large_shrinks(void **state)
{
	struct map *m = *state;

	fill(m, KEYS);
	assert_in_range(m->cap, KEYS, KEYS * 4);
	for (int i = 10; i < KEYS; i++)
		map_del_str(m, items[i].key);
	map_put_str(m, items[10].key, &items[10]);
	assert_in_range(m->cap, 16, 64);
	for (int i = 0; i <= 10; i++)
		assert_ptr_equal(map_get_str(m, items[i].key), &items[i]);
}

static void
an_emptied_map_has_no_traces_of_deleted_entries(void **state)
{
	struct map *m = *state;

	fill(m, 30);
	assert_int_equal(m->used, 30);
	for (int i = 0; i < 30; i++)
		map_del_str(m, items[i].key);
	assert_int_equal(m->used, 0);
}

static void
the_hash_depends_on_every_byte_and_stays_the_same(void **state)
{
	assert_true(map_hash("abc", 3) == map_hash("abc", 3));
	assert_true(map_hash("abc", 3) != map_hash("abd", 3));
	assert_true(map_hash("abc", 3) != map_hash("abc", 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(an_empty_map_finds_and_deletes_nothing),
		TEST(it_agrees_with_an_array_over_random_changes),
		TEST(keys_are_bytes_of_any_length),
		TEST(a_replaced_entry_borrows_the_new_key),
		TEST(walking_visits_each_entry_once),
		TEST(what_a_walk_returned_may_be_deleted),
		TEST(coming_and_going_does_not_grow_the_table),
		TEST(a_table_that_was_large_shrinks),
		TEST(an_emptied_map_has_no_traces_of_deleted_entries),
		TEST(the_hash_depends_on_every_byte_and_stays_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
