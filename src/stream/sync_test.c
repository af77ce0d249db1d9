/*
 * Single looks of /sync, where a whole server would be in the way: large rooms, large
 * answers, a database that fails. Stands beside sync.c, run by the test suite.
 */
#include "stream/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/presence.h"
#include "core/testing.h"
#include "room/account_data.h"
#include "room/append.h"
#include "room/state_text.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define CAT "@cat:" TESTING_SERVER

/* Ann's room, and ben who asks. */
struct fixture {
	struct testing t;
	struct room *room;
	struct sync_members *members;
	struct sync_filters *filters;
	struct sync_filter *filter;
	struct sync_ask ask;
	struct sync_found found;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	testing_open_core(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	f->members = sync_members_new();
	f->filters = sync_filters_new();
	f->ask = (struct sync_ask){ .user_id = BEN,
		.device_id = "DEV",
		.members = f->members,
		.since = token_at(0) };
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	sync_filter_put(f->filters, f->filter);
	sync_filters_free(f->filters);
	sync_members_free(f->members);
	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

static enum mx_err
look(struct fixture *f, const char *filter, struct json **answer_out)
{
	struct buf out = { 0 };
	const char *why;
	enum mx_err err;

	sync_filter_put(f->filters, f->filter);
	assert_int_equal(sync_filter_get(f->filters, filter, &f->filter, &why), M_OK);
	f->ask.filter = f->filter;
	err = sync_look(&f->t.ctx, f->t.arena, &f->ask, &out, &f->found);
	if (err == M_OK) {
		*answer_out =
		    json_parse_copy(f->t.arena, out.p, out.n, JSON_LENIENT, NULL);
		assert_non_null(*answer_out);
	}
	buf_free(&out);
	return err;
}

static const struct json *
answer(struct fixture *f, const char *filter)
{
	struct json *json;

	assert_int_equal(look(f, filter, &json), M_OK);
	return json;
}

static void
go_on(struct fixture *f)
{
	f->ask.has_since = true;
	f->ask.since = f->found.end;
}

static const struct json *
in_room(struct fixture *f, const struct json *answer, const char *part)
{
	const struct json *events =
	    json_at(answer, "rooms", "join", f->room->room_id, part, "events", NULL);

	assert_non_null(events);
	return events;
}

/* Not durable yet: testing_append is what waits. */
static void
add(struct fixture *f, const char *type, const char *state_key, const char *content)
{
	struct new_event e = { .sender = ANN,
		.type = type,
		.state_key = state_key,
		.content = testing_json(f->t.arena, content) };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &e, 1, NULL), M_OK);
}

static void
say(struct fixture *f, int n)
{
	for (; n > 0; n--)
		add(f, "m.room.message", NULL, "{\"body\":\"words\"}");
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

static int
count_type(
    const struct json *events, const char *type, const char *key, const char *value)
{
	int n = 0;

	for (uint32_t i = 0; i < events->n; i++) {
		const struct json *e = &events->items[i];
		const char *text = json_get_str(json_get(e, "content"), key);

		n += strcmp(json_get_str(e, "type"), type) == 0 && text != NULL &&
		     strcmp(text, value) == 0;
	}
	return n;
}

/* --- what is hidden --- */

/* However far a look goes back for a timeline, past what may not be seen. */
static void
state_that_was_replaced_before_one_came_is_not_told(void **state)
{
	struct fixture *f = *state;
	const struct json *events;

	add(f, "m.room.history_visibility", "", "{\"history_visibility\":\"joined\"}");
	add(f, "m.room.topic", "", "{\"topic\":\"secret\"}");
	say(f, 600);
	add(f, "m.room.topic", "", "{\"topic\":\"plain\"}");
	say(f, 1900);
	testing_join(&f->t, f->room, BEN);
	for (int after = 0; after < 2; after++) {
		f->ask.use_state_after = after == 1;
		events = in_room(f, answer(f, ""), after ? "state_after" : "state");
		assert_int_equal(
		    count_type(events, "m.room.topic", "topic", "secret"), 0);
		assert_int_equal(
		    count_type(events, "m.room.topic", "topic", "plain"), 1);
	}
}

/* --- presence of who comes --- */

static void
who_joined_in_a_long_gap_is_shown_to_who_was_there(void **state)
{
	const struct identity cat = { .user_id = CAT, .device_id = "C" };
	struct fixture *f = *state;
	const struct json *events;

	testing_join(&f->t, f->room, BEN);
	presence_seen(&f->t.core, &cat, PRESENCE_ONLINE, 60000);
	answer(f, "");
	go_on(f);
	testing_join(&f->t, f->room, CAT);
	say(f, 2 * ROOM_TAIL_MAX);
	events = json_at(answer(f, ""), "presence", "events", NULL);
	assert_non_null(events);
	assert_int_equal(events->n, 1);
	assert_string_equal(json_get_str(&events->items[0], "sender"), CAT);
}

/* --- failures --- */

static void
spoil(struct fixture *f, const char *sql)
{
	char *error = NULL;
	struct db *db = db_open(f->t.file, DB_WRITE, &error);

	assert_non_null(db);
	assert_int_equal(db_exec(db, sql), M_OK);
	db_close(db);
}

static void
a_look_fails_where_it_cannot_be_read_who_is_ignored(void **state)
{
	struct fixture *f = *state;
	struct json *json;

	testing_join(&f->t, f->room, BEN);
	say(f, 1);
	answer(f, "");
	go_on(f);
	say(f, 1);
	spoil(f, "ALTER TABLE account_data RENAME TO gone");
	assert_int_equal(look(f, "", &json), M_UNKNOWN);
}

/* The timeline comes from memory; the state's events do not where none are kept. */
static void
a_look_fails_where_state_cannot_be_read(void **state)
{
	static const char filter[] = "{\"room\":{\"timeline\":{\"limit\":1}}}";
	struct fixture *f = *state;
	struct json *json;

	state_texts_free(f->t.core.state_texts);
	f->t.core.state_texts = state_texts_new(0);
	testing_join(&f->t, f->room, BEN);
	say(f, 2);
	answer(f, filter);
	spoil(f, "ALTER TABLE events RENAME COLUMN json TO gone");
	assert_int_equal(look(f, filter, &json), M_UNKNOWN);
}

/* --- size --- */

static void
an_answer_that_state_makes_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	struct json *json;

	testing_join(&f->t, f->room, BEN);
	for (int i = 0; i < 50; i++)
		add(f, "org.example.thing", arena_printf(f->t.arena, "%d", i),
		    "{\"text\":\".................................................."
		    "\"}");
	say(f, 20);
	f->ask.size_max = 8000;
	assert_int_equal(look(f, "", &json), M_TOO_LARGE);
	assert_non_null(strstr(f->t.ctx.why, "lazy_load_members"));
	assert_int_equal(look(f, "{\"room\":{\"state\":{\"types\":[]}}}", &json), M_OK);
	f->ask.size_max = 80000;
	assert_int_equal(look(f, "", &json), M_OK);
}

static void
timelines_grow_short_where_the_answer_grows_large(void **state)
{
	struct fixture *f = *state;
	struct room *first = f->room;
	const struct json *json, *timeline;

	testing_join(&f->t, f->room, BEN);
	say(f, 20);
	f->room = testing_room(&f->t, ANN, "12");
	testing_join(&f->t, f->room, BEN);
	say(f, 20);
	f->ask.size_max = 12000;
	json = answer(f, "{\"room\":{\"state\":{\"types\":[]},\"timeline\":{"
			 "\"limit\":15}}}");
	assert_int_equal(in_room(f, json, "timeline")->n, 1);
	timeline = json_at(json, "rooms", "join", f->room->room_id, "timeline", NULL);
	assert_true(json_get_bool(timeline, "limited", false));
	room_put(f->room);
	f->room = first;
	assert_int_equal(in_room(f, json, "timeline")->n, 15);
}

/* --- many rooms --- */

static void
rooms_of_others_that_moved_are_not_told(void **state)
{
	enum { ROOMS = 12, OWN = 7 };
	struct fixture *f = *state;
	struct room *rooms[ROOMS], *first = f->room;
	const struct json *json;

	for (int i = 0; i < ROOMS; i++)
		rooms[i] = testing_room(&f->t, ANN, "12");
	testing_join(&f->t, rooms[OWN], BEN);
	answer(f, "");
	go_on(f);
	for (int i = 0; i < ROOMS; i++) {
		f->room = rooms[i];
		say(f, 1);
	}
	f->room = rooms[OWN];
	json = answer(f, "");
	assert_int_equal(in_room(f, json, "timeline")->n, 1);
	assert_int_equal(json_at(json, "rooms", "join", NULL)->n, 1);
	for (int i = 0; i < ROOMS; i++)
		room_put(rooms[i]);
	f->room = first;
}

/* --- what a look costs --- */

/* How many statements a look asks the database for. */
static uint64_t
cost(struct fixture *f, bool expects_any)
{
	uint64_t before = db_asked(f->t.ctx.db);

	answer(f, "");
	assert_int_equal(f->found.any, expects_any);
	go_on(f);
	return db_asked(f->t.ctx.db) - before;
}

static void
a_look_with_nothing_new_asks_the_database_nothing(void **state)
{
	struct fixture *f = *state;

	testing_join(&f->t, f->room, BEN);
	assert_true(cost(f, true) > 0);
	assert_int_equal(cost(f, false), 0);
}

static void
a_message_costs_the_same_in_one_room_and_in_fifty(void **state)
{
	enum { ROOMS = 50 };
	struct fixture *f = *state;
	uint64_t in_one;

	testing_join(&f->t, f->room, BEN);
	cost(f, true);
	say(f, 1);
	in_one = cost(f, true);
	for (int i = 0; i < ROOMS; i++) {
		struct room *other = testing_room(&f->t, ANN, "12");

		testing_join(&f->t, other, BEN);
		room_put(other);
	}
	cost(f, true);
	say(f, 1);
	assert_int_equal(cost(f, true), in_one);
}

/* --- many changes --- */

static void
many_changes_in_a_gap_are_told_each_once(void **state)
{
	enum { CHANGES = 40000 };
	struct fixture *f = *state;
	const struct json *events;

	testing_join(&f->t, f->room, BEN);
	answer(f, "");
	go_on(f);
	for (int i = 0; i < CHANGES; i++)
		add(f, "org.example.thing", arena_printf(f->t.arena, "%d", i), "{}");
	say(f, 20);
	events = in_room(f, answer(f, ""), "state");
	assert_int_equal(events->n, CHANGES);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(state_that_was_replaced_before_one_came_is_not_told),
		CASE(who_joined_in_a_long_gap_is_shown_to_who_was_there),
		CASE(a_look_fails_where_it_cannot_be_read_who_is_ignored),
		CASE(a_look_fails_where_state_cannot_be_read),
		CASE(an_answer_that_state_makes_too_large_is_refused),
		CASE(timelines_grow_short_where_the_answer_grows_large),
		CASE(a_look_with_nothing_new_asks_the_database_nothing),
		CASE(a_message_costs_the_same_in_one_room_and_in_fifty),
		CASE(many_changes_in_a_gap_are_told_each_once),
		CASE(rooms_of_others_that_moved_are_not_told),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
