/*
 * For the tests of what is unread: a room with three members, and words for what they
 * do and what is asked of it. Not linked into the program.
 */
#ifndef ROOM_UNREAD_TESTING_H
#define ROOM_UNREAD_TESTING_H

#include "room/unread.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "room/append.h"
#include "room/push_rules.h"
#include "room/testing.h"
#include "store/events.h"

#define USER(name) "@" name ":" TESTING_SERVER
#define ANN USER("ann")
#define BEN USER("ben")
#define CAT USER("cat")

struct fixture {
	struct testing t;
	struct room *room;
};

static inline int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "11");
	testing_join(&f->t, f->room, BEN);
	testing_join(&f->t, f->room, CAT);
	*state = f;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct fixture *f = *state;

	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

/* --- doing --- */

static inline const char *
say(struct fixture *f, const char *sender, const char *content)
{
	const char *id;

	assert_int_equal(testing_append(&f->t, f->room, sender, "m.room.message", NULL,
			     content, &id),
	    M_OK);
	return id;
}

static inline const char *
plain(struct fixture *f, const char *sender)
{
	return say(f, sender, "{\"body\":\"x\",\"msgtype\":\"m.text\"}");
}

static inline const char *
in_thread(struct fixture *f, const char *sender, const char *root, const char *more)
{
	return say(f, sender,
	    arena_printf(f->t.arena,
		"{\"body\":\"x\",\"m.relates_to\":{\"rel_type\":\"m.thread\","
		"\"event_id\":\"%s\"}%s}",
		root, more));
}

static inline const char *
mention(struct fixture *f, const char *sender, const char *whom)
{
	return say(f, sender,
	    arena_printf(f->t.arena,
		"{\"body\":\"x\",\"m.mentions\":{\"user_ids\":[\"%s\"]}}", whom));
}

static inline void
redact(struct fixture *f, const char *sender, const char *event_id)
{
	struct new_event e = { .sender = sender,
		.type = "m.room.redaction",
		.redacts = event_id,
		.content = testing_json(f->t.arena, "{}") };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

static inline void
member(struct fixture *f, const char *sender, const char *user_id, const char *what)
{
	assert_int_equal(
	    testing_append(&f->t, f->room, sender, "m.room.member", user_id,
		arena_printf(f->t.arena, "{\"membership\":\"%s\"}", what), NULL),
	    M_OK);
}

/* A receipt's row as room/receipts writes it. */
struct receipt {
	int64_t room, event;
	const char *user_id, *thread, *event_id;
	int kind;
};

static inline enum mx_err
write_receipt(void *arg, struct db *db)
{
	const struct receipt *r = arg;
	struct stmt *q = db_stmt(db,
	    "INSERT INTO receipts (room, user_id, kind, thread, event, event_id, ts,"
	    " position) VALUES ($1, $2, $3, $4, $5, $6, 0, 0)"
	    " ON CONFLICT (room, user_id, kind, thread)"
	    " DO UPDATE SET event = excluded.event");

	stmt_int(q, 1, r->room);
	stmt_text(q, 2, r->user_id);
	stmt_int(q, 3, r->kind);
	stmt_text(q, 4, r->thread);
	stmt_int(q, 5, r->event);
	stmt_text(q, 6, r->event_id);
	return stmt_run(q);
}

static inline void
receipt(struct fixture *f, const char *user_id, int kind, const char *thread,
    const char *event_id)
{
	struct receipt r = { .room = f->room->id,
		.user_id = user_id,
		.kind = kind,
		.thread = thread,
		.event_id = event_id };
	int64_t room;

	assert_int_equal(
	    store_event_find(f->t.ctx.db, event_id, &r.event, &room), M_OK);
	assert_int_equal(ctx_write(&f->t.ctx, write_receipt, &r), M_OK);
}

static inline void
change(struct fixture *f, const char *user_id, const struct push_change *c)
{
	struct push_ruleset set;

	assert_int_equal(
	    push_rules_read(&f->t.ctx, f->t.arena, user_id, "", false, &set), M_OK);
	assert_int_equal(push_rules_change(&f->t.ctx, f->t.arena, &set, "", c), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

static inline void
put(struct fixture *f, const char *user_id, const char *kind, const char *rule_id,
    const char *body)
{
	struct push_change c = { .what = PUSH_PUT, .kind = kind, .rule_id = rule_id };
	const char *why;
	struct json *rule;

	assert_int_equal(push_rule_read(f->t.arena, kind,
			     testing_json(f->t.arena, body), false, &rule, &why),
	    M_OK);
	c.rule = rule;
	change(f, user_id, &c);
}

static inline void
enable(struct fixture *f, const char *user_id, const char *kind, const char *rule_id,
    bool enabled)
{
	change(f, user_id,
	    &(struct push_change){ .what = PUSH_ENABLE,
		.kind = kind,
		.rule_id = rule_id,
		.enabled = enabled });
}

/* --- asking --- */

static inline struct unread
all_until(struct fixture *f, const char *user_id, int64_t until)
{
	struct snapshot *s = room_snapshot(f->room);
	struct unread unread;

	assert_int_equal(unread_of(&f->t.ctx, f->t.arena, f->room, s, user_id, until,
			     &unread, NULL, NULL),
	    M_OK);
	snapshot_unref(s);
	return unread;
}

static inline struct unread
all_of(struct fixture *f, const char *user_id)
{
	return all_until(f, user_id, INT64_MAX);
}

/* Where the room's newest event stands. */
static inline int64_t
newest(struct fixture *f)
{
	struct snapshot *s = room_snapshot(f->room);
	int64_t position = s->position;

	snapshot_unref(s);
	return position;
}

static inline bool
moved(struct fixture *f, const char *user_id, int64_t since, int64_t until)
{
	struct snapshot *s = room_snapshot(f->room);
	bool has_moved;

	assert_int_equal(unread_moved(&f->t.ctx, f->t.arena, f->room, s, user_id, since,
			     until, &has_moved),
	    M_OK);
	snapshot_unref(s);
	return has_moved;
}

static inline struct unread
main_of(struct fixture *f, const char *user_id, struct unread_thread **threads_out,
    int *n_out)
{
	struct snapshot *s = room_snapshot(f->room);
	struct unread unread;

	assert_int_equal(unread_of(&f->t.ctx, f->t.arena, f->room, s, user_id,
			     INT64_MAX, &unread, threads_out, n_out),
	    M_OK);
	snapshot_unref(s);
	return unread;
}

#define assert_unread(count, n, h)                                                     \
	do {                                                                           \
		struct unread u_ = (count);                                            \
                                                                                       \
		assert_int_equal(u_.notifications, n);                                 \
		assert_int_equal(u_.highlights, h);                                    \
	} while (0)

static inline int64_t
rows_in(struct fixture *f, const char *table)
{
	struct stmt *q;
	int64_t n;

	if (strcmp(table, "unread_rows") == 0)
		q = db_stmt(f->t.ctx.db, "SELECT count(*) FROM unread_rows");
	else if (strcmp(table, "unread_modes") == 0)
		q = db_stmt(f->t.ctx.db, "SELECT count(*) FROM unread_modes");
	else
		q = db_stmt(f->t.ctx.db, "SELECT count(*) FROM unread_marks");
	assert_true(stmt_next(q));
	n = col_int(q, 0);
	assert_int_equal(stmt_done(q), M_OK);
	return n;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
