/*
 * The slab and the timer wheel against an obvious model, under a clock of the test's
 * own. Relies on http/slots alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/io.h"

#define CONNS 3000
#define SECONDS 400

static struct http_io *
io_new(void)
{
	struct http_io *io = aligned_alloc(_Alignof(struct http_io), sizeof *io);
	int i;

	memset(io, 0, sizeof *io);
	io->free_first = io->dead_first = SLOT_NONE;
	io->ready_first = io->ready_last = io->current = SLOT_NONE;
	for (i = 0; i < WHEEL_SLOTS; i++)
		io->wheel[i] = SLOT_NONE;
	io->now_ms = 5000123;
	io->tick = 5000;
	return io;
}

static void
io_free(struct http_io *io)
{
	slots_free(io);
	free(io);
}

static struct conn *
open_slot(struct http_io *io)
{
	struct conn *c = slot_take(io);

	c->fd = 1;
	c->flags = 0;
	return c;
}

static void
close_slot(struct http_io *io, struct conn *c)
{
	wheel_unlink(io, c);
	c->fd = -1;
	slot_give(io, c);
}

static void
a_slot_is_used_again_only_in_a_later_round(void **state)
{
	struct http_io *io = io_new();
	struct conn *first = open_slot(io), *second;
	uint32_t list;

	(void)state;
	ready_push(io, first);
	close_slot(io, first);
	slots_reclaim(io);
	second = open_slot(io);
	assert_ptr_not_equal(first, second);
	list = ready_take_all(io);
	assert_null(ready_pop(io, &list));
	assert_int_equal(open_slot(io)->slot, 2);
	slots_reclaim(io);
	assert_ptr_equal(open_slot(io), first);
	io_free(io);
}

static void
ready_connections_come_in_order_and_once(void **state)
{
	struct http_io *io = io_new();
	struct conn *a = open_slot(io), *b = open_slot(io), *c = open_slot(io);
	uint32_t list;

	(void)state;
	ready_push(io, c);
	ready_push(io, a);
	ready_push(io, c);
	ready_push(io, b);
	list = ready_take_all(io);
	assert_ptr_equal(ready_pop(io, &list), c);
	ready_push(io, c);
	assert_ptr_equal(ready_pop(io, &list), a);
	assert_ptr_equal(ready_pop(io, &list), b);
	assert_null(ready_pop(io, &list));
	list = ready_take_all(io);
	assert_ptr_equal(ready_pop(io, &list), c);
	assert_null(ready_pop(io, &list));
	io_free(io);
}

/* What the model knows of one connection. */
struct expected {
	struct conn *c;
	int64_t due_ms; /* 0: none */
};

static void
change_some(struct http_io *io, struct expected *all)
{
	int i;

	for (i = 0; i < CONNS / 20; i++) {
		struct expected *e = &all[rand() % CONNS];
		int timeout_ms = rand() % 4 == 0 ? 0 : rand() % 200000;

		if (rand() % 8 == 0) {
			close_slot(io, e->c);
			e->c = open_slot(io);
		}
		wheel_set(io, e->c, timeout_ms);
		e->due_ms = timeout_ms > 0 ? io->now_ms + timeout_ms : 0;
	}
}

static void
check_expired(struct http_io *io, struct expected *all, const struct conn *c)
{
	int i;

	for (i = 0; i < CONNS && all[i].c != c; i++)
		;
	assert_true(i < CONNS);
	assert_true(all[i].due_ms != 0 && all[i].due_ms <= io->now_ms);
	all[i].due_ms = 0;
}

static void
every_deadline_comes_once_never_early_and_within_its_second(void **state)
{
	struct http_io *io = io_new();
	struct expected *all = calloc(CONNS, sizeof *all);
	int i, second;

	(void)state;
	srand(7);
	for (i = 0; i < CONNS; i++)
		all[i].c = open_slot(io);
	for (second = 0; second < SECONDS; second++) {
		struct conn *c;

		change_some(io, all);
		io->now_ms += 200 + rand() % 2800;
		slots_reclaim(io);
		while (
		    (c = wheel_pop_expired(io, (uint32_t)(io->now_ms / 1000))) != NULL)
			check_expired(io, all, c);
		for (i = 0; i < CONNS; i++)
			assert_true(
			    all[i].due_ms == 0 || all[i].due_ms > io->now_ms - 1000);
	}
	free(all);
	io_free(io);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slot_is_used_again_only_in_a_later_round),
		cmocka_unit_test(ready_connections_come_in_order_and_once),
		cmocka_unit_test(
		    every_deadline_comes_once_never_early_and_within_its_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
