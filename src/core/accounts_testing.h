/*
 * What the tests of accounts and guests begin with: a core, its sessions and guests,
 * and a clock that stands still. Not linked into the program.
 */
#ifndef CORE_ACCOUNTS_TESTING_H
#define CORE_ACCOUNTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "core/guests.h"
#include "core/testing.h"
#include "core/users.h"
#include "room/changes.h"

#define NOON 1800000000000 /* some day */
#define HOUR 3600000LL
#define DAY (24 * HOUR)
#define ACCESS_MS (1 * HOUR)

#define assert_ok(call) assert_int_equal((call), M_OK)

struct fixture {
	struct testing t;
	struct change *heard; /* a listener's place in the queue */
};

static int
fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	clock_set_for_test(NOON);
	testing_open_core(&f->t);
	logins_setup(&f->t.core, ACCESS_MS);
	assert_ok(guests_setup(&f->t.core, f->t.ctx.db));
	f->heard = changes_cursor(f->t.core.changes);
	*state = f;
	return 0;
}

static int
fixture_teardown(void **state)
{
	struct fixture *f = *state;

	changes_cursor_free(f->heard);
	writer_flush(f->t.core.writer);
	guests_free(&f->t.core);
	logins_free(&f->t.core);
	testing_close(&f->t);
	clock_set_for_test(0);
	free(f);
	return 0;
}

/* As after a restart, with the same database and secret. */
static inline void
restart(struct fixture *f)
{
	changes_cursor_free(f->heard);
	writer_flush(f->t.core.writer);
	guests_free(&f->t.core);
	logins_free(&f->t.core);
	testing_reopen(&f->t);
	logins_setup(&f->t.core, ACCESS_MS);
	assert_ok(guests_setup(&f->t.core, f->t.ctx.db));
	f->heard = changes_cursor(f->t.core.changes);
}

/* Is a listener told next that this user's token (device_id NULL: every one) is gone?
 */
static inline bool
hears_gone(struct fixture *f, const char *user_id, const char *device_id)
{
	const struct change *c;

	while ((c = changes_next(&f->heard)) != NULL) {
		if (c->kind == CHANGE_USER_GONE && device_id == NULL)
			return strcmp(c->user_id, user_id) == 0;
		if (c->kind == CHANGE_TOKEN_GONE && device_id != NULL)
			return strcmp(c->user_id, user_id) == 0 &&
			       strcmp(c->device_id, device_id) == 0;
	}
	return false;
}

static inline const char *
new_user(struct fixture *f, const char *name)
{
	struct new_account account = { .password = "secret" };

	assert_ok(users_name_free(&f->t.ctx, f->t.arena, name, &account.user_id));
	assert_ok(users_create(&f->t.ctx, f->t.arena, &account));
	return account.user_id;
}

#define TEST(name)                                                                     \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
