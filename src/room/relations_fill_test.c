/*
 * Relations and threads of events that were stored before there were tables of them.
 */
#include "room/relations_fill.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "room/append.h"
#include "room/testing.h"

#define assert_ok(call) assert_int_equal(call, M_OK)
#define ANN "@ann:" TESTING_SERVER

struct fixture {
	struct testing t;
	struct room *room;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

static const char *
send(struct fixture *f, const char *type, const char *content)
{
	const char *event_id;

	assert_ok(testing_append(&f->t, f->room, ANN, type, NULL, content, &event_id));
	return event_id;
}

static const char *
relate(struct fixture *f, const char *rel_type, const char *parent)
{
	return send(f, "m.room.message",
	    arena_printf(f->t.arena,
		"{\"m.relates_to\":{\"event_id\":\"%s\",\"rel_type\":\"%s\","
		"\"key\":\"+1\"}}",
		parent, rel_type));
}

/* As a database that comes from before them. */
static enum mx_err
forget(void *arg, struct db *db)
{
	(void)arg;
	return db_exec(db, "DELETE FROM relations; DELETE FROM unread_threads;"
			   "INSERT INTO relations_fill (one, event, upto)"
			   " SELECT 1, 0, max(event) FROM events");
}

/* All rows but of what was redacted, one in each line. */
static const char *
rows(struct fixture *f)
{
	struct buf out = { 0 };
	const char *copy;
	struct stmt *q = db_stmt(f->t.ctx.db,
	    "SELECT r.event || ' ' || r.line || ' ' || r.sub || ' ' || hex(r.parent)"
	    " || ' ' || r.rel_type || ' ' || r.type || ' ' || r.sender || ' ' || r.ts"
	    " || ' ' || coalesce(r.annotation, '') || ' ' || coalesce(t.thread, '')"
	    " || ' ' || coalesce(t.hops, '') FROM relations r"
	    " LEFT JOIN unread_threads t ON t.room = r.room AND t.event = r.event"
	    " WHERE substr(r.rel_type, 1, 1) <> '-'"
	    " ORDER BY r.event");

	while (stmt_next(q))
		buf_printf(&out, "%s\n", col_text(q, 0));
	assert_ok(stmt_done(q));
	copy = arena_strndup(f->t.arena, out.p, out.n);
	buf_free(&out);
	return copy;
}

static int
fill(struct fixture *f)
{
	bool more = true;
	int portions = 0;

	for (; more; portions++)
		assert_ok(relations_fill(&f->t.ctx, &more));
	return portions;
}

static void
all_have_the_rows_that_they_would_have_had(void **state)
{
	struct fixture *f = *state;
	const char *root = send(f, "m.room.message", "{\"body\":\"x\"}"), *in, *before;

	in = relate(f, "m.thread", root);
	relate(f, "m.replace", in);
	relate(f, "m.reference", relate(f, "m.annotation", in));
	relate(f, "m.annotation", root);
	relate(f, "m.replace", send(f, "m.room.message", "{\"m.relates_to\":5}"));
	before = rows(f);
	assert_ok(ctx_write(&f->t.ctx, forget, NULL));
	assert_string_not_equal(rows(f), before);
	assert_int_equal(fill(f), 1);
	assert_string_equal(rows(f), before);
	assert_int_equal(fill(f), 1);
	assert_string_equal(rows(f), before);
}

static void
what_was_redacted_gets_none(void **state)
{
	struct fixture *f = *state;
	const char *root = send(f, "m.room.message", "{\"body\":\"x\"}");
	const char *gone = relate(f, "m.thread", root), *before;
	struct new_event e = { .sender = ANN,
		.type = "m.room.redaction",
		.content = testing_json(f->t.arena, "{}"),
		.redacts = gone };

	relate(f, "m.thread", root);
	assert_ok(room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL));
	assert_ok(ctx_settle(&f->t.ctx));
	before = rows(f);
	assert_ok(ctx_write(&f->t.ctx, forget, NULL));
	fill(f);
	assert_string_equal(rows(f), before);
}

static void
rows_that_are_there_stay(void **state)
{
	struct fixture *f = *state;
	const char *root = send(f, "m.room.message", "{\"body\":\"x\"}"), *before;

	relate(f, "m.thread", relate(f, "m.thread", root));
	assert_ok(ctx_write(&f->t.ctx, forget, NULL));
	relate(f, "m.reference", relate(f, "m.thread", root));
	before = rows(f);
	fill(f);
	assert_non_null(strstr(rows(f), before));
	assert_true(strlen(rows(f)) > strlen(before));
}

/* A portion is 500 events. */
static void
many_are_read_in_portions_also_across_a_restart(void **state)
{
	struct fixture *f = *state;
	const char *root = send(f, "m.room.message", "{\"body\":\"x\"}");
	char *before; /* outlives the arena */
	bool more;

	for (int i = 0; i < 600; i++)
		relate(f, "m.thread", root);
	before = xstrdup(rows(f));
	assert_ok(ctx_write(&f->t.ctx, forget, NULL));
	assert_ok(relations_fill(&f->t.ctx, &more));
	assert_true(more);
	room_put(f->room);
	testing_reopen(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	assert_int_equal(fill(f), 1);
	assert_string_equal(rows(f), before);
	free(before);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_have_the_rows_that_they_would_have_had),
		CASE(what_was_redacted_gets_none),
		CASE(rows_that_are_there_stay),
		CASE(many_are_read_in_portions_also_across_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
