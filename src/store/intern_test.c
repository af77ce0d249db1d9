/*
 * Interned types and state keys: the same words get the same integer.
 */
#include "store/intern.h"

#include "store/testing.h"

static int64_t
type_of(struct fixture *f, const char *name)
{
	int64_t type;

	assert_ok(intern_type(f->db, name, &type));
	return type;
}

static int64_t
key_of(struct fixture *f, const char *type, const char *state_key)
{
	int64_t key;

	assert_ok(intern_key(f->db, type_of(f, type), state_key, &key));
	return key;
}

static void
a_type_keeps_its_integer(void **state)
{
	struct fixture *f = *state;
	int64_t message = type_of(f, "m.room.message");

	assert_true(message > 0);
	assert_int_not_equal(type_of(f, "m.room.Message"), message);
	assert_int_not_equal(type_of(f, ""), message);
	assert_int_equal(type_of(f, "m.room.message"), message);
}

static void
a_state_key_belongs_to_its_type(void **state)
{
	struct fixture *f = *state;
	int64_t name = key_of(f, "m.room.name", "");

	assert_int_not_equal(key_of(f, "m.room.topic", ""), name);
	assert_int_not_equal(key_of(f, "m.room.name", "x"), name);
	assert_int_equal(key_of(f, "m.room.name", ""), name);
}

static void
looking_for_a_key_makes_none(void **state)
{
	struct fixture *f = *state;
	int64_t key, found;

	assert_int_equal(
	    intern_find_key(f->db, "m.room.name", "", &found), M_NOT_FOUND);
	key = key_of(f, "m.room.name", "");
	assert_ok(intern_find_key(f->db, "m.room.name", "", &found));
	assert_int_equal(found, key);
	assert_int_equal(
	    intern_find_key(f->db, "m.room.name", "x", &found), M_NOT_FOUND);
}

static void
what_a_savepoint_made_goes_with_it(void **state)
{
	struct fixture *f = *state;
	int64_t found;

	assert_ok(db_begin(f->db));
	assert_ok(db_savepoint(f->db));
	key_of(f, "m.room.name", "");
	db_rollback_to(f->db);
	assert_ok(db_commit(f->db));
	assert_int_equal(
	    intern_find_key(f->db, "m.room.name", "", &found), M_NOT_FOUND);
	assert_true(key_of(f, "m.room.name", "") > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_type_keeps_its_integer),
		TEST(a_state_key_belongs_to_its_type),
		TEST(looking_for_a_key_makes_none),
		TEST(what_a_savepoint_made_goes_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
