/*
 * Account data in the database: values, positions, bounds.
 */
#include "store/account_data.h"

#include <stdio.h>
#include <string.h>

#include "store/testing.h"

#define ANN "@ann:x"
#define BEN "@ben:x"

static enum mx_err
try(struct fixture *f, const char *user_id, int64_t room, const char *type,
    const char *json, int64_t position, bool *changed_out)
{
	struct account_data_row row = { room, type, json, strlen(json), position };

	return store_account_data_set(f->db, user_id, &row, changed_out);
}

static bool
set(struct fixture *f, const char *user_id, int64_t room, const char *type,
    const char *json, int64_t position)
{
	bool changed;

	assert_ok(try(f, user_id, room, type, json, position, &changed));
	return changed;
}

static void
assert_is(struct fixture *f, const char *user_id, int64_t room, const char *type,
    const char *json, int64_t position)
{
	struct account_data_row row;

	assert_ok(store_account_data_get(f->db, f->arena, user_id, room, type, &row));
	assert_int_equal(row.room, room);
	assert_string_equal(row.type, type);
	assert_string_equal(row.json, json);
	assert_int_equal(row.json_n, strlen(json));
	assert_int_equal(row.position, position);
}

static void
assert_none(struct fixture *f, const char *user_id, int64_t room, const char *type)
{
	struct account_data_row row;

	assert_int_equal(
	    store_account_data_get(f->db, f->arena, user_id, room, type, &row),
	    M_NOT_FOUND);
}

static void
a_value_is_of_one_user_room_and_type(void **state)
{
	struct fixture *f = *state;

	assert_true(set(f, ANN, 0, "a", "{}", 1));
	assert_true(set(f, ANN, 7, "a", "{\"n\":7}", 2));
	assert_is(f, ANN, 0, "a", "{}", 1);
	assert_is(f, ANN, 7, "a", "{\"n\":7}", 2);
	assert_none(f, ANN, 8, "a");
	assert_none(f, ANN, 0, "b");
	assert_none(f, BEN, 0, "a");
}

static void
the_same_value_again_keeps_its_position(void **state)
{
	struct fixture *f = *state;

	assert_true(set(f, ANN, 0, "a", "{}", 1));
	assert_false(set(f, ANN, 0, "a", "{}", 2));
	assert_is(f, ANN, 0, "a", "{}", 1);
	assert_true(set(f, ANN, 0, "a", "{\"n\":1}", 3));
	assert_is(f, ANN, 0, "a", "{\"n\":1}", 3);
}

static void
what_was_written_between_two_positions_comes_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct account_data_row *rows;
	int n;

	set(f, ANN, 0, "z", "{}", 2);
	set(f, ANN, 7, "y", "{}", 3);
	set(f, BEN, 0, "y", "{}", 4);
	set(f, ANN, 0, "x", "{}", 5);
	set(f, ANN, 0, "w", "{}", 6);
	assert_ok(store_account_data_since(f->db, f->arena, ANN, 2, 5, &rows, &n));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].type, "y");
	assert_int_equal(rows[0].room, 7);
	assert_string_equal(rows[1].type, "x");
	set(f, ANN, 7, "y", "{\"n\":1}", 7);
	assert_ok(store_account_data_since(f->db, f->arena, ANN, 2, 5, &rows, &n));
	assert_int_equal(n, 1);
}

static void
all_of_a_room_is_none_of_another(void **state)
{
	struct fixture *f = *state;
	struct account_data_row *rows;
	int n;

	set(f, ANN, 7, "b", "{}", 1);
	set(f, ANN, 7, "a", "{}", 2);
	set(f, ANN, 8, "c", "{}", 3);
	set(f, ANN, 0, "d", "{}", 4);
	assert_ok(store_account_data_of(f->db, f->arena, ANN, 7, &rows, &n));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].type, "a");
	assert_string_equal(rows[1].type, "b");
	assert_ok(store_account_data_of(f->db, f->arena, ANN, 0, &rows, &n));
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].type, "d");
	assert_ok(store_account_data_of(f->db, f->arena, BEN, 7, &rows, &n));
	assert_int_equal(n, 0);
}

static void
a_user_has_a_bounded_number_of_types_in_a_room(void **state)
{
	struct fixture *f = *state;
	char type[16];
	bool changed;

	for (int i = 0; i < ACCOUNT_DATA_MAX; i++) {
		snprintf(type, sizeof type, "t%d", i);
		set(f, ANN, 7, type, "{}", i + 1);
	}
	assert_int_equal(try(f, ANN, 7, "more", "{}", 5000, &changed), M_TOO_LARGE);
	assert_false(changed);
	assert_true(set(f, ANN, 7, "t5", "{\"n\":1}", 5001)); /* there already */
	assert_true(set(f, ANN, 8, "more", "{}", 5002));
	assert_true(set(f, ANN, 0, "more", "{}", 5003));
	assert_true(set(f, BEN, 7, "more", "{}", 5004));
}

static void
who_is_removed_has_nothing_and_others_keep_theirs(void **state)
{
	struct fixture *f = *state;

	set(f, ANN, 0, "a", "{}", 1);
	set(f, ANN, 7, "a", "{}", 2);
	set(f, BEN, 7, "a", "{}", 3);
	assert_ok(store_account_data_remove(f->db, ANN));
	assert_none(f, ANN, 0, "a");
	assert_none(f, ANN, 7, "a");
	assert_is(f, BEN, 7, "a", "{}", 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_value_is_of_one_user_room_and_type),
		TEST(the_same_value_again_keeps_its_position),
		TEST(what_was_written_between_two_positions_comes_in_their_order),
		TEST(all_of_a_room_is_none_of_another),
		TEST(a_user_has_a_bounded_number_of_types_in_a_room),
		TEST(who_is_removed_has_nothing_and_others_keep_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
