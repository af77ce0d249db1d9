/*
 * What the store's unit tests begin with: a database in memory with the whole schema.
 * Each test has its own.
 */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "db/migrate.h"

struct fixture {
	struct db *db;
	struct arena *arena;
};

#define assert_ok(call) assert_int_equal((call), M_OK)

static int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char *error = NULL;

	f->db = db_open(":memory:", DB_WRITE, &error);
	f->arena = arena_new();
	assert_non_null(f->db);
	assert_ok(migrate(f->db, &error));
	*state = f;
	return 0;
}

static int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	arena_free(f->arena);
	free(f);
	return 0;
}

#define TEST(name)                                                                     \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
