/*
 * Clients' filters: the same text keeps its id, and each user has their own.
 */
#include "store/filters.h"

#include <stdio.h>

#include "store/testing.h"

#define ANN "@ann:x"
#define BEN "@ben:x"

static int64_t
add(struct fixture *f, const char *user_id, const char *text)
{
	int64_t id;

	assert_ok(store_filter_add(f->db, user_id, str_of(text), &id));
	return id;
}

static void
the_same_filter_keeps_its_id(void **state)
{
	struct fixture *f = *state;
	int64_t one = add(f, ANN, "{}"), two = add(f, ANN, "{\"room\":{}}");

	assert_int_not_equal(one, two);
	assert_int_equal(add(f, ANN, "{}"), one);
	assert_int_equal(add(f, ANN, "{\"room\":{}}"), two);
}

static void
a_filter_is_read_by_its_user_alone(void **state)
{
	struct fixture *f = *state;
	int64_t id = add(f, ANN, "{\"presence\":{}}");
	struct str json;

	assert_ok(store_filter_get(f->db, f->arena, ANN, id, &json));
	assert_true(str_is(json, "{\"presence\":{}}"));
	assert_int_equal(
	    store_filter_get(f->db, f->arena, BEN, id, &json), M_NOT_FOUND);
	assert_int_equal(
	    store_filter_get(f->db, f->arena, ANN, id + 1, &json), M_NOT_FOUND);
}

static void
a_user_has_a_bounded_number_of_filters(void **state)
{
	struct fixture *f = *state;
	char text[32];
	int64_t id;

	for (int i = 0; i < FILTERS_MAX; i++) {
		snprintf(text, sizeof text, "{\"n\":%d}", i);
		add(f, ANN, text);
	}
	assert_int_equal(
	    store_filter_add(f->db, ANN, STR("{}"), &id), M_LIMIT_EXCEEDED);
	add(f, ANN, "{\"n\":7}"); /* there already */
	add(f, BEN, "{}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_same_filter_keeps_its_id),
		TEST(a_filter_is_read_by_its_user_alone),
		TEST(a_user_has_a_bounded_number_of_filters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
