/*
 * What the tests of a room's data (receipts, account data) begin with: ann's room, and
 * a listener's place in the queue of changes. Not linked into the program.
 */
#ifndef ROOM_DATA_TESTING_H
#define ROOM_DATA_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "room/changes.h"
#include "room/testing.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define CAT "@cat:" TESTING_SERVER

#define assert_ok(call) assert_int_equal((call), M_OK)

struct fixture {
	struct testing t;
	struct room *room;
	struct change *heard;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	f->heard = changes_cursor(f->t.core.changes);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	changes_cursor_free(f->heard);
	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

#endif
