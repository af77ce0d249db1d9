/*
 * What is kept of rooms' state between answers: that it is used, that it is not when
 * something was redacted, and that it has a bound. Stands beside state_text.c, run by
 * the test suite.
 */
#include "room/state_text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/append.h"
#include "room/state_list.h"
#include "room/testing.h"
#include "store/state.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER

/* A room with ann and ben and a topic; ben looks. */
struct fixture {
	struct testing t;
	struct room *room;
	struct snapshot *s;
	struct seer seer;
	const char *room_id, *topic_id;
};

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

	testing_open(&f->t);
	f->room = testing_room(&f->t, ANN, "12");
	f->room_id = arena_strdup(f->t.arena, f->room->room_id);
	testing_join(&f->t, f->room, BEN);
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.topic", "",
			     "{\"topic\":\"a \\\"word\\\"\"}", &f->topic_id),
	    M_OK);
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

static const char *
list(struct fixture *f, const struct state_pick *pick, enum event_format format)
{
	struct buf out = { 0 };
	const char *text;

	assert_int_equal(
	    state_list_write(&f->seer, &out, STATE_NOW, pick, format), M_OK);
	text = arena_strndup(f->t.arena, out.p, out.n);
	buf_free(&out);
	return text;
}

static uint64_t
encoded(void)
{
	struct json_event_stats stats;

	json_event_stats(&stats);
	return stats.encoded;
}

static void
what_was_listed_once_is_not_encoded_again(void **state)
{
	struct fixture *f = *state;
	struct state_pick members = { .type = "m.room.member" };
	uint64_t before = encoded();

	list(f, NULL, FORMAT_CLIENT);
	assert_int_equal(encoded() - before, 6);
	list(f, NULL, FORMAT_CLIENT);
	list(f, NULL, FORMAT_SYNC);
	list(f, &members, FORMAT_V1);
	assert_int_equal(encoded() - before, 6);
}

static bool
is_from_ann(const struct sliced *event, const void *arg)
{
	return strcmp(event->sender, ANN) == 0 && !sliced_has(event, "topic");
}

/* Whatever is asked for, and in which form: once of the store, once of what is kept. */
static void
what_is_kept_reads_as_what_is_stored(void **state)
{
	struct fixture *f = *state;
	struct state_texts *texts = f->t.core.state_texts;
	struct state_pick picks[] = { { 0 }, { .type = "m.room.member" },
		{ .keep = is_from_ann } };
	uint64_t before;

	clock_set_for_test(clock_now_ms() + 5000);
	list(f, NULL, FORMAT_SYNC);
	for (size_t i = 0; i < sizeof picks / sizeof picks[0]; i++)
		for (enum event_format format = 0; format <= FORMAT_RAW; format++) {
			const char *stored, *kept;

			f->t.core.state_texts = NULL;
			stored = list(f, &picks[i], format);
			f->t.core.state_texts = texts;
			before = encoded();
			kept = list(f, &picks[i], format);
			assert_int_equal(encoded(), before);
			assert_string_equal(kept, stored);
			assert_true(strlen(kept) > 200);
		}
	clock_set_for_test(0);
}

static void
redact_topic(struct fixture *f)
{
	struct new_event redaction = { .sender = ANN,
		.type = "m.room.redaction",
		.redacts = f->topic_id,
		.content = testing_json(f->t.arena, "{}") };

	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &redaction, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&f->t.ctx), M_OK);
}

/* Twice: what is kept anew knows that it must be read. */
static void
assert_redacted(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		const char *text = list(f, NULL, FORMAT_CLIENT);

		assert_null(strstr(text, "word"));
		assert_non_null(strstr(text, "redacted_because"));
		assert_non_null(strstr(text, f->topic_id));
	}
}

static void
a_redaction_is_seen_at_once(void **state)
{
	struct fixture *f = *state;

	assert_non_null(strstr(list(f, NULL, FORMAT_CLIENT), "word"));
	redact_topic(f);
	look(f);
	assert_redacted(f);
}

/* Which of its events were redacted while it was not in memory is not known. */
static void
a_room_that_was_loaded_anew_uses_nothing_older(void **state)
{
	struct fixture *f = *state;

	list(f, NULL, FORMAT_CLIENT);
	redact_topic(f);
	snapshot_unref(f->s);
	f->s = NULL;
	room_put(f->room);
	rooms_free(f->t.core.rooms);
	f->t.core.rooms = rooms_new(&f->t.core);
	assert_int_equal(room_get(&f->t.ctx, f->room_id, &f->room), M_OK);
	look(f);
	assert_redacted(f);
}

static void
a_redacted_message_leaves_the_state_as_it_is(void **state)
{
	struct fixture *f = *state;
	uint64_t before;

	list(f, NULL, FORMAT_CLIENT);
	assert_int_equal(testing_append(&f->t, f->room, ANN, "m.room.message", NULL,
			     "{\"body\":\"x\"}", &f->topic_id),
	    M_OK);
	redact_topic(f);
	look(f);
	before = encoded();
	list(f, NULL, FORMAT_CLIENT);
	assert_int_equal(encoded(), before);
}

/* --- threads --- */

#define READERS 3
#define ROUNDS 20

struct race {
	struct fixture *f;
	_Atomic int redacted; /* the topics up to this one */
	_Atomic int seen, lists;
	_Atomic bool is_over;
};

static void
list_once(struct race *race, struct ctx *ctx, struct arena *arena)
{
	int known = atomic_load(&race->redacted);
	struct room *room = race->f->room;
	struct snapshot *s = room_snapshot(room);
	struct seer seer;
	struct buf out = { 0 };
	const char *word;

	seer_init(&seer, ctx, arena, room, s, BEN, "DEV");
	assert_int_equal(db_begin(ctx->db), M_OK);
	assert_int_equal(
	    state_list_write(&seer, &out, STATE_NOW, NULL, FORMAT_SYNC), M_OK);
	db_rollback(ctx->db);
	buf_char(&out, '\0');
	for (word = out.p; (word = strstr(word, "topic-")) != NULL;) {
		word += strlen("topic-");
		if (atoi(word) <= known)
			atomic_fetch_add(&race->seen, 1);
	}
	atomic_fetch_add(&race->lists, 1);
	buf_free(&out);
	snapshot_unref(s);
}

static void *
list_on(void *arg)
{
	struct race *race = arg;
	struct arena *arena = arena_new();
	struct ctx ctx;

	testing_ctx_init(&race->f->t, &ctx);
	while (!atomic_load(&race->is_over)) {
		list_once(race, &ctx, arena);
		arena_reset(arena);
	}
	testing_ctx_fini(&ctx);
	arena_free(arena);
	return NULL;
}

/* Several at once, since for one alone nothing is made anew. */
static void
say_and_redact(struct fixture *f, struct race *race, int n)
{
	static const char *const types[] = { "m.room.topic", "org.example.a",
		"org.example.b", "org.example.c" };
	enum { TYPES = sizeof types / sizeof types[0] };
	const char *ids[TYPES];
	int lists;

	for (int i = 0; i < TYPES; i++)
		assert_int_equal(
		    testing_append(&f->t, f->room, ANN, types[i], "",
			arena_printf(f->t.arena, "{\"topic\":\"topic-%d.\"}", n),
			&ids[i]),
		    M_OK);
	lists = atomic_load(&race->lists);
	while (atomic_load(&race->lists) < lists + 2 * READERS)
		sched_yield();
	for (int i = 0; i < TYPES; i++) {
		f->topic_id = ids[i];
		redact_topic(f);
	}
}

/* Whoever makes what is kept, and while it is made. */
static void
what_was_redacted_is_seen_by_nobody_who_looks_later(void **state)
{
	struct fixture *f = *state;
	struct race race = { .f = f };
	pthread_t readers[READERS];

	for (int i = 0; i < READERS; i++)
		readers[i] = thread_start("reader", ROLE_WORKER, list_on, &race);
	for (int n = 1; n <= ROUNDS; n++) {
		say_and_redact(f, &race, n);
		atomic_store(&race.redacted, n);
	}
	atomic_store(&race.is_over, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&race.seen), 0);
	assert_true(atomic_load(&race.lists) > 0);
}

/* --- the table by itself --- */

/* Heads of so many events: 2, 4, 6 ... */
static void
put(struct state_texts *texts, int64_t room, int64_t position, int count)
{
	struct event_slices raw = { .content = STR("{}"),
		.origin_server_ts = STR("1"),
		.sender = STR("\"@a:b\""),
		.state_key = STR("\"\""),
		.type = STR("\"t\"") };
	struct stored_view view = { .raw = &raw, .event_id = "$e" };
	struct snapshot s = { .position = position };
	struct text_making making = { 0 };

	for (int i = 1; i <= count; i++)
		text_making_add(&making, 2 * i, &view);
	state_texts_put(texts, room, &s, &making);
	assert_null(making.bytes.p);
}

static bool
is_kept(struct state_texts *texts, int64_t room, int64_t redacted)
{
	struct snapshot s = { .position = 1000, .redacted = redacted };
	struct state_text *text = state_texts_get(texts, room, &s);

	state_text_unref(text);
	return text != NULL;
}

static void
what_was_read_before_a_redaction_is_not_given_out(void **state)
{
	struct state_texts *texts = state_texts_new(1 << 20);

	(void)state;
	put(texts, 1, 10, 5);
	assert_true(is_kept(texts, 1, 0));
	assert_true(is_kept(texts, 1, 10));
	assert_false(is_kept(texts, 1, 11));
	assert_false(is_kept(texts, 2, 0));
	state_texts_free(texts);
}

static void
each_event_is_found_and_none_between(void **state)
{
	struct state_texts *texts = state_texts_new(1 << 20);
	struct snapshot s = { .position = 1 };
	struct state_text *text;
	int steps[] = { 1, 2, 3, 7, 50, 300 };

	(void)state;
	put(texts, 1, 1, 200);
	text = state_texts_get(texts, 1, &s);
	assert_int_equal(state_text_count(text), 200);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		uint32_t from = 0;

		for (int64_t event = 1; event < 500; event += steps[i]) {
			const struct text_event *e =
			    state_text_find(text, event, &from);

			assert_int_equal(e != NULL, event % 2 == 0 && event <= 400);
			if (e != NULL)
				assert_int_equal(e->event, event);
		}
	}
	state_text_unref(text);
	assert_null(state_text_find(NULL, 1, &(uint32_t){ 0 }));
	state_texts_free(texts);
}

/* Of ten rooms three or four fit: the first stay as long as they are asked for, and
 * make place once nobody did for a minute. */
static void
what_is_kept_has_a_bound(void **state)
{
	const size_t bytes_max = 100000;
	struct state_texts *texts = state_texts_new(bytes_max);
	int kept = 0;

	(void)state;
	clock_set_mono_for_test(1000000);
	for (int64_t room = 1; room <= 10; room++)
		put(texts, room, 1, 150);
	for (int64_t room = 1; room <= 10; room++)
		kept += is_kept(texts, room, 0);
	assert_in_range(kept, 3, 9);
	assert_in_range(state_texts_bytes(texts), 1, bytes_max);
	assert_true(is_kept(texts, 1, 0));
	assert_false(is_kept(texts, 10, 0));

	clock_set_mono_for_test(1000000 + 59000);
	assert_true(is_kept(texts, 1, 0));
	clock_set_mono_for_test(1000000 + 61000);
	put(texts, 10, 1, 150);
	assert_true(is_kept(texts, 10, 0));
	assert_true(is_kept(texts, 1, 0));
	assert_false(is_kept(texts, 2, 0));
	assert_in_range(state_texts_bytes(texts), 1, bytes_max);
	clock_set_mono_for_test(0);
	state_texts_free(texts);
}

static void
what_does_not_fit_leaves_what_was_kept_of_its_room(void **state)
{
	struct state_texts *texts = state_texts_new(100000);
	struct snapshot s = { .position = 1 };
	struct state_text *text;

	(void)state;
	clock_set_mono_for_test(1000000);
	put(texts, 1, 1, 10);
	for (int64_t room = 2; room <= 10; room++)
		put(texts, room, 1, 150);
	put(texts, 1, 1, 180);
	text = state_texts_get(texts, 1, &s);
	assert_int_equal(state_text_count(text), 10);
	state_text_unref(text);
	clock_set_mono_for_test(0);
	state_texts_free(texts);
}

static void
no_room_takes_more_than_its_share(void **state)
{
	struct state_texts *texts = state_texts_new(100000);
	struct state_texts *none = state_texts_new(0);

	(void)state;
	put(texts, 1, 1, 1000);
	assert_false(is_kept(texts, 1, 0));
	assert_int_equal(state_texts_bytes(texts), 0);
	put(none, 1, 1, 1);
	assert_false(is_kept(none, 1, 0));
	assert_false(state_texts_want(none, NULL, 100, 100));
	state_texts_free(none);
	state_texts_free(texts);
}

static void
a_few_events_do_not_take_the_place_of_all(void **state)
{
	struct state_texts *texts = state_texts_new(1 << 20);
	struct snapshot s = { .position = 1 };
	struct state_text *text;

	(void)state;
	put(texts, 1, 1, 200);
	text = state_texts_get(texts, 1, &s);
	assert_true(state_texts_want(texts, NULL, 20, 20));
	assert_false(state_texts_want(texts, text, 20, 20));
	assert_true(state_texts_want(texts, text, 200, 50));
	assert_false(state_texts_want(texts, text, 200, 10));
	state_text_unref(text);
	state_texts_free(texts);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_listed_once_is_not_encoded_again),
		TEST(what_is_kept_reads_as_what_is_stored),
		TEST(a_redaction_is_seen_at_once),
		TEST(a_room_that_was_loaded_anew_uses_nothing_older),
		TEST(a_redacted_message_leaves_the_state_as_it_is),
		TEST(what_was_redacted_is_seen_by_nobody_who_looks_later),
		cmocka_unit_test(what_was_read_before_a_redaction_is_not_given_out),
		cmocka_unit_test(each_event_is_found_and_none_between),
		cmocka_unit_test(what_is_kept_has_a_bound),
		cmocka_unit_test(what_does_not_fit_leaves_what_was_kept_of_its_room),
		cmocka_unit_test(no_room_takes_more_than_its_share),
		cmocka_unit_test(a_few_events_do_not_take_the_place_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
