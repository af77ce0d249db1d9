/*
 * Lists of a room's state: now, at earlier places, and parts of it.
 * Stands beside state_list.c, run by the test suite.
 */
#include "room/state_list.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/append.h"
#include "room/testing.h"
#include "store/state.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER

/* A room with ann and ben, whose topic has changed. */
struct fixture {
	struct testing t;
	struct room *room;
	struct snapshot *s;
	struct seer seer;
	int64_t first_topic, second_topic; /* their integers */
	const char *second_topic_id;
};

static int64_t
topic(struct fixture *f, const char *text, const char **id_out)
{
	int64_t event, room;

	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, "m.room.topic", "",
		arena_printf(f->t.arena, "{\"topic\":\"%s\"}", text), id_out),
	    M_OK);
	assert_int_equal(store_event_find(f->t.ctx.db, *id_out, &event, &room), M_OK);
	return event;
}

static void
look(struct fixture *f)
{
	snapshot_unref(f->s);
	f->s = room_snapshot(f->room);
	seer_init(&f->seer, &f->t.ctx, f->t.arena, f->room, f->s, BEN, "DEV");
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	const char *id;

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	f->first_topic = topic(f, "one", &id);
	testing_join(&f->t, f->room, BEN);
	f->second_topic = topic(f, "two", &f->second_topic_id);
	look(f);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	snapshot_unref(f->s);
	room_put(f->room);
	testing_close(&f->t);
	free(f);
	return 0;
}

static const struct json *
list(struct fixture *f, int64_t at, const struct state_pick *pick)
{
	struct buf out = { 0 };
	const struct json *json;

	assert_int_equal(
	    state_list_write(&f->seer, &out, at, pick, FORMAT_CLIENT), M_OK);
	json = json_parse_copy(f->t.arena, out.p, out.n, JSON_STRICT, NULL);
	assert_true(json_is(json, JSON_ARRAY));
	buf_free(&out);
	return json;
}

static const struct json *
find(const struct json *events, const char *type, const char *state_key)
{
	for (uint32_t i = 0; i < events->n; i++)
		if (strcmp(json_get_str(&events->items[i], "type"), type) == 0 &&
		    strcmp(json_get_str(&events->items[i], "state_key"), state_key) ==
			0)
			return &events->items[i];
	return NULL;
}

static const char *
topic_in(const struct json *events)
{
	return json_get_str(
	    json_get(find(events, "m.room.topic", ""), "content"), "topic");
}

static void
the_present_state_is_listed_once_in_the_order_of_its_events(void **state)
{
	struct fixture *f = *state;
	const struct json *events = list(f, STATE_NOW, NULL), *e;

	assert_int_equal(events->n, 6);
	assert_string_equal(json_get_str(events->items, "type"), "m.room.create");
	assert_string_equal(topic_in(events), "two");
	e = find(events, "m.room.create", "");
	assert_string_equal(json_get_str(e, "room_id"), f->room->room_id);
	assert_string_equal(json_get_str(e, "sender"), ANN);
	assert_string_equal(
	    json_get_str(json_get(e, "unsigned"), "membership"), "leave");
	e = find(events, "m.room.member", BEN);
	assert_string_equal(
	    json_get_str(json_get(e, "unsigned"), "membership"), "join");
	assert_string_equal(json_get_str(find(events, "m.room.topic", ""), "event_id"),
	    f->second_topic_id);
	assert_null(json_get(e, "auth_events"));
	assert_null(json_get(e, "signatures"));
}

static void
an_earlier_state_is_that_before_the_place(void **state)
{
	struct fixture *f = *state;

	assert_null(topic_in(list(f, f->first_topic, NULL)));
	assert_string_equal(topic_in(list(f, f->first_topic + 1, NULL)), "one");
	assert_null(find(list(f, f->first_topic + 1, NULL), "m.room.member", BEN));
	assert_string_equal(topic_in(list(f, f->second_topic, NULL)), "one");
	assert_non_null(find(list(f, f->second_topic, NULL), "m.room.member", BEN));
	assert_string_equal(topic_in(list(f, f->second_topic + 1, NULL)), "two");
	assert_int_equal(list(f, 0, NULL)->n, 0);
	assert_int_equal(list(f, -5, NULL)->n, 0);
}

/* Whatever the snapshot knows, the store says as well. */
static void
memory_and_store_give_the_same_list(void **state)
{
	struct fixture *f = *state;
	struct buf now = { 0 }, stored = { 0 };
	int64_t event = f->s->position;

	topic(f, "three", &f->second_topic_id); /* the old snapshot stays as it was */
	clock_set_for_test(clock_now_ms());
	assert_int_equal(
	    state_list_write(&f->seer, &now, STATE_NOW, NULL, FORMAT_V1), M_OK);
	look(f);
	assert_int_equal(
	    state_list_write(&f->seer, &stored, event + 1, NULL, FORMAT_V1), M_OK);
	clock_set_for_test(0);
	assert_int_equal(now.n, stored.n);
	assert_memory_equal(now.p, stored.p, now.n);
	buf_free(&now);
	buf_free(&stored);
}

static bool
is_ben(const struct state_ref *ref, const void *arg)
{
	return strcmp(ref->state_key, BEN) == 0 && ref->membership == MEMBERSHIP_JOIN;
}

static bool
is_from_ann(const struct sliced *event, const void *arg)
{
	return strcmp(event->sender, ANN) == 0;
}

static void
a_part_of_the_state_is_picked_before_and_after_reading(void **state)
{
	struct fixture *f = *state;
	struct state_pick members = { .type = "m.room.member" };
	struct state_pick ben = { .type = "m.room.member", .want = is_ben };
	struct state_pick ann = { .keep = is_from_ann };

	assert_int_equal(list(f, STATE_NOW, &members)->n, 2);
	assert_int_equal(list(f, f->first_topic, &members)->n, 1);
	assert_int_equal(list(f, STATE_NOW, &ben)->n, 1);
	assert_int_equal(list(f, f->second_topic, &ben)->n, 1);
	assert_int_equal(list(f, STATE_NOW, &ann)->n, 5);
}

static void
a_redacted_state_event_says_why(void **state)
{
	struct fixture *f = *state;
	struct new_event redaction = { .sender = ANN,
		.type = "m.room.redaction",
		.redacts = f->second_topic_id,
		.content = testing_json(f->t.arena, "{}") };
	const struct json *e;

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &redaction, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
	look(f);
	e = find(list(f, STATE_NOW, NULL), "m.room.topic", "");
	assert_int_equal(json_get(e, "content")->n, 0);
	e = json_at(e, "unsigned", "redacted_because", NULL);
	assert_string_equal(json_get_str(e, "event_id"), redaction.event_id);
	assert_null(json_get(
	    json_get(find(list(f, STATE_NOW, NULL), "m.room.create", ""), "unsigned"),
	    "redacted_because"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_present_state_is_listed_once_in_the_order_of_its_events),
		TEST(an_earlier_state_is_that_before_the_place),
		TEST(memory_and_store_give_the_same_list),
		TEST(a_part_of_the_state_is_picked_before_and_after_reading),
		TEST(a_redacted_state_event_says_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
