/*
 * Appends: many threads in one room, failures on the writer, transactions that race,
 * rooms of every version read back from the disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "room/append.h"
#include "room/changes.h"
#include "room/testing.h"
#include "store/events.h"
#include "store/rooms.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define THREADS 8
#define EACH 25
#define FOUNDING 4 /* events that testing_room makes */

static int
setup(void **state)
{
	static struct testing t;

	testing_open(&t);
	*state = &t;
	return 0;
}

static int
teardown(void **state)
{
	testing_close(*state);
	return 0;
}

/* --- the room as it lies on the disk --- */

static struct stored_event *
read_all(struct testing *t, const struct room *room, int *n_out)
{
	struct stored_event *events;

	assert_int_equal(
	    store_stream(t->ctx.db, t->arena, room->id, 0, INT64_MAX, 10000,
		room->version->event_id_format == EVENT_ID_BASE64, &events, n_out),
	    M_OK);
	return events;
}

static struct event *
parse(struct testing *t, const struct room *room, struct stored_event *stored)
{
	struct json *tree = json_parse(
	    t->arena, stored->json, stored->json_n, room->version->json_flags, NULL);
	struct event *event;
	const char *why;

	assert_non_null(tree);
	assert_int_equal(
	    event_parse(t->arena, room->version, tree, stored->event_id, &why, &event),
	    M_OK);
	return event;
}

/* Each event names the one before it, and stands one deeper. */
static void
assert_is_one_line(struct testing *t, const struct room *room, int wanted)
{
	struct extremity_row *ends;
	struct event *before = NULL;
	int n, end_count;
	struct stored_event *stored = read_all(t, room, &n);

	assert_int_equal(n, wanted);
	for (int i = 0; i < n; i++) {
		struct event *e = parse(t, room, &stored[i]);

		assert_int_equal(e->prev_count, before == NULL ? 0 : 1);
		if (before != NULL) {
			assert_string_equal(e->prev_events[0], before->event_id);
			assert_int_equal(e->depth, before->depth + 1);
			assert_true(stored[i].event > stored[i - 1].event);
		}
		before = e;
	}
	assert_int_equal(
	    store_extremities(t->ctx.db, t->arena, room->id,
		room->version->event_id_format == EVENT_ID_BASE64, &ends, &end_count),
	    M_OK);
	assert_int_equal(end_count, 1);
	assert_string_equal(ends[0].event_id, before->event_id);
}

/* How often the event is there. */
static int
times_there(const struct stored_event *stored, int n, const char *event_id)
{
	int times = 0;

	for (int i = 0; i < n; i++)
		times += strcmp(stored[i].event_id, event_id) == 0;
	return times;
}

/* --- threads --- */

struct sender {
	struct testing *t;
	struct room *room;
	int number;
	bool fails; /* every third time the writer is made to refuse */
	const char *txn_id;
	char ids[EACH][64]; /* of what was acknowledged; "" else */
};

static enum mx_err
refuse(void *arg, struct db *db)
{
	return M_LIMIT_EXCEEDED;
}

static void
send_one(struct sender *s, struct ctx *ctx, struct arena *arena, int i)
{
	struct json *content = json_object(arena);
	struct new_event e = {
		.sender = ANN, .type = "m.room.message", .content = content
	};
	struct append_extra extra = { .device_id = "DEVICE",
		.txn_id = s->txn_id,
		.txn_path = "path",
		.also = s->fails && i % 3 == 0 ? refuse : NULL };
	enum mx_err err;

	json_set_int(arena, content, "sender", s->number);
	json_set_int(arena, content, "n", i);
	err = room_append(ctx, arena, s->room, &e, 1, &extra);
	if (err == M_OK && ctx_settle(ctx) == M_OK)
		snprintf(s->ids[i], sizeof s->ids[i], "%s", e.event_id);
	ctx->ticket_count = 0;
}

static void *
run_sender(void *arg)
{
	struct sender *s = arg;
	struct arena *arena = arena_new();
	struct ctx ctx;

	testing_ctx_init(s->t, &ctx);
	for (int i = 0; i < EACH; i++)
		send_one(s, &ctx, arena, i);
	testing_ctx_fini(&ctx);
	arena_free(arena);
	return NULL;
}

static void
run_all(struct testing *t, struct room *room, struct sender senders[THREADS])
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		senders[i].t = t;
		senders[i].room = room;
		senders[i].number = i;
		threads[i] =
		    thread_start("sender", ROLE_WORKER, run_sender, &senders[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void
events_of_many_threads_stand_in_one_line(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	struct sender *senders = xcalloc(THREADS, sizeof *senders);
	struct stored_event *stored;
	int n;

	run_all(t, room, senders);
	assert_is_one_line(t, room, FOUNDING + THREADS * EACH);
	stored = read_all(t, room, &n);
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < EACH; k++)
			assert_int_equal(times_there(stored, n, senders[i].ids[k]), 1);
	free(senders);
	room_put(room);
}

static void
what_the_writer_refuses_takes_nothing_acknowledged_with_it(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	struct sender *senders = xcalloc(THREADS, sizeof *senders);
	struct stored_event *stored;
	int n, acknowledged = 0;

	senders[2].fails = senders[5].fails = true;
	run_all(t, room, senders);
	stored = read_all(t, room, &n);
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < EACH; k++) {
			if (senders[i].ids[k][0] == '\0')
				continue;
			acknowledged++;
			assert_int_equal(times_there(stored, n, senders[i].ids[k]), 1);
		}
	assert_true(acknowledged < THREADS * EACH);
	assert_is_one_line(t, room, FOUNDING + acknowledged);
	assert_int_equal(testing_append(t, room, ANN, "m.room.message", NULL,
			     "{\"body\":\"and on\"}", NULL),
	    M_OK);
	free(senders);
	room_put(room);
}

static void
one_transaction_of_many_threads_is_one_event(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	struct sender *senders = xcalloc(THREADS, sizeof *senders);

	for (int i = 0; i < THREADS; i++)
		senders[i].txn_id = "the same";
	run_all(t, room, senders);
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < EACH; k++)
			assert_string_equal(senders[i].ids[k], senders[0].ids[0]);
	assert_is_one_line(t, room, FOUNDING + 1);
	free(senders);
	room_put(room);
}

static void
a_transaction_is_known_after_a_restart(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	const char *room_id = strdup(room->room_id);
	struct sender s = { .t = t, .room = room, .txn_id = "x" }, again = s;

	bool more;

	send_one(&s, &t->ctx, t->arena, 0);
	room_put(room);
	testing_reopen(t);
	assert_int_equal(room_get(&t->ctx, room_id, &again.room), M_OK);
	send_one(&again, &t->ctx, t->arena, 0);
	assert_string_equal(again.ids[0], s.ids[0]);
	/* From now on what is not known is new. */
	assert_int_equal(append_learn_txns(&t->core, t->ctx.db, &more), M_OK);
	assert_false(more);
	send_one(&again, &t->ctx, t->arena, 1);
	assert_string_equal(again.ids[1], s.ids[0]);
	assert_is_one_line(t, again.room, FOUNDING + 1);
	again.txn_id = "y";
	send_one(&again, &t->ctx, t->arena, 2);
	assert_string_not_equal(again.ids[2], s.ids[0]);
	room_put(again.room);
	free((char *)room_id);
}

/* --- units --- */

static void
of_a_unit_with_a_forbidden_event_nothing_is_appended(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	const struct json *content = testing_json(t->arena, "{}");
	struct new_event events[] = {
		{ .sender = ANN, .type = "m.room.message", .content = content },
		{ .sender = BEN, .type = "m.room.message", .content = content },
	};

	assert_int_equal(
	    room_append(&t->ctx, t->arena, room, events, 2, NULL), M_FORBIDDEN);
	assert_non_null(t->ctx.why);
	assert_int_equal(ctx_settle(&t->ctx), M_OK);
	assert_is_one_line(t, room, FOUNDING);
	room_put(room);
}

static void
note_done(void *arg)
{
	++*(int *)arg;
}

static void
done_is_called_once_whatever_happens(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	const struct json *content = testing_json(t->arena, "{}");
	struct new_event mine = { .sender = ANN, .type = "m.a", .content = content },
			 not_mine = {
				 .sender = BEN, .type = "m.a", .content = content
			 };
	int done = 0;
	struct append_extra extra = { .done = note_done, .arg = &done };

	assert_int_equal(room_append(&t->ctx, t->arena, room, &mine, 1, &extra), M_OK);
	assert_int_equal(ctx_settle(&t->ctx), M_OK);
	assert_int_equal(done, 1);
	assert_int_equal(
	    room_append(&t->ctx, t->arena, room, &not_mine, 1, &extra), M_FORBIDDEN);
	assert_int_equal(done, 2);
	extra.also = refuse;
	assert_int_equal(room_append(&t->ctx, t->arena, room, &mine, 1, &extra), M_OK);
	assert_int_equal(ctx_settle(&t->ctx), M_LIMIT_EXCEEDED);
	assert_int_equal(done, 3);
	room_put(room);
}

static void
a_room_whose_first_write_fails_was_never_there(void **state)
{
	struct testing *t = *state;
	const struct room_version *version = room_version_find("11");
	struct room *room = room_make(&t->ctx, "!lost:" TESTING_SERVER, version),
		    *found;
	struct new_event e = { .sender = ANN,
		.type = "m.room.create",
		.state_key = "",
		.content = testing_json(t->arena, "{\"room_version\":\"11\"}") };
	struct append_extra extra = { .also = refuse };

	assert_int_equal(room_append(&t->ctx, t->arena, room, &e, 1, &extra), M_OK);
	assert_int_equal(ctx_settle(&t->ctx), M_LIMIT_EXCEEDED);
	room_put(room);
	assert_int_equal(
	    room_get(&t->ctx, "!lost:" TESTING_SERVER, &found), M_NOT_FOUND);
	testing_reopen(t);
	assert_int_equal(
	    room_get(&t->ctx, "!lost:" TESTING_SERVER, &found), M_NOT_FOUND);
}

/* --- every version, before and after a restart --- */

static bool
write_entry(const struct state_entry *entry, void *arg)
{
	buf_printf(arg, "%s|%s|%s|%lld|%d\n", entry->type, entry->state_key,
	    entry->event_id, (long long)entry->event, entry->membership);
	return true;
}

/* Everything that a snapshot says, as text. */
static char *
describe(struct room *room)
{
	struct snapshot *s = room_snapshot(room);
	struct buf b = { 0 };

	buf_printf(&b, "%lld %lld %u %u %u %d %d\n", (long long)s->position,
	    (long long)s->segment, s->joined, s->invited, s->local_joined,
	    s->visibility, s->guests_may_join);
	for (int i = 0; i < s->extremity_count; i++)
		buf_printf(&b, "%s %lld %lld\n", s->extremities[i].event_id,
		    (long long)s->extremities[i].event,
		    (long long)s->extremities[i].depth);
	state_each(s->state, write_entry, &b);
	snapshot_unref(s);
	return buf_take(&b, NULL);
}

static void
append_ok(struct testing *t, struct room *room, const char *sender, const char *type,
    const char *state_key, const char *content, const char **event_id_out)
{
	assert_int_equal(
	    testing_append(t, room, sender, type, state_key, content, event_id_out),
	    M_OK);
}

static void
redact(struct testing *t, struct room *room, const char *event_id)
{
	struct new_event e = { .sender = ANN,
		.type = "m.room.redaction",
		.redacts = event_id,
		.content = testing_json(t->arena, "{}") };

	assert_int_equal(room_append(&t->ctx, t->arena, room, &e, 1, NULL), M_OK);
	assert_int_equal(ctx_settle(&t->ctx), M_OK);
}

/* Some of everything. */
static void
live(struct testing *t, struct room *room)
{
	const char *said, *topic;

	testing_join(t, room, BEN);
	append_ok(t, room, ANN, "m.room.name", "", "{\"name\":\"one\"}", NULL);
	append_ok(t, room, ANN, "m.room.topic", "", "{\"topic\":\"x\"}", &topic);
	append_ok(t, room, BEN, "m.room.message", NULL, "{\"body\":\"hey\"}", &said);
	append_ok(t, room, ANN, "org.example.x", "key", "{\"a\":[1,{}]}", NULL);
	append_ok(t, room, ANN, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"world_readable\"}", NULL);
	append_ok(t, room, ANN, "m.room.guest_access", "",
	    "{\"guest_access\":\"can_join\"}", NULL);
	append_ok(t, room, ANN, "m.room.member", "@cat:" TESTING_SERVER,
	    "{\"membership\":\"invite\"}", NULL);
	redact(t, room, said);
	redact(t, room, topic);
	append_ok(
	    t, room, BEN, "m.room.member", BEN, "{\"membership\":\"leave\"}", NULL);
}

static void
a_room_of_each_version_is_the_same_after_a_restart(void **state)
{
	struct testing *t = *state;
	int n;
	const struct room_version *versions = room_version_list(&n);

	for (int i = 0; i < n; i++) {
		struct room *room = testing_room(t, ANN, versions[i].id), *again;
		char *room_id, *before, *after;

		live(t, room);
		assert_is_one_line(t, room, FOUNDING + 11);
		room_id = xstrdup(room->room_id);
		before = describe(room);
		room_put(room);
		testing_reopen(t);
		assert_int_equal(room_get(&t->ctx, room_id, &again), M_OK);
		after = describe(again);
		assert_string_equal(after, before);
		append_ok(t, again, ANN, "m.room.name", "", "{\"name\":\"two\"}", NULL);
		assert_is_one_line(t, again, FOUNDING + 12);
		room_put(again);
		free(room_id);
		free(before);
		free(after);
	}
}

static void
the_same_state_again_is_no_new_event(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	const char *first, *again;

	append_ok(t, room, ANN, "m.room.name", "", "{\"name\":\"one\"}", &first);
	append_ok(t, room, ANN, "m.room.name", "", "{\"name\":\"one\"}", &again);
	assert_string_equal(first, again);
	assert_is_one_line(t, room, FOUNDING + 1);
	room_put(room);
}

/* Rejoins by an event that names somebody of another server, then of this one. */
static void
no_other_server_has_signed_what_is_made_here(void **state)
{
	static const char elsewhere[] =
	    "{\"membership\":\"join\",\"join_authorised_via_users_server\":"
	    "\"@ann:elsewhere.example\"}";
	static const char here[] =
	    "{\"membership\":\"join\",\"join_authorised_via_users_server\":"
	    "\"" ANN "\"}";
	static const char *const versions[] = { "7", "8", "11", "12" };
	struct testing *t = *state;

	for (int i = 0; i < 4; i++) {
		struct room *room = testing_room(t, ANN, versions[i]);

		assert_int_equal(
		    testing_append(t, room, ANN, "m.room.member", ANN, elsewhere, NULL),
		    i == 0 ? M_OK : M_FORBIDDEN);
		assert_int_equal(
		    testing_append(t, room, ANN, "m.room.member", ANN, here, NULL),
		    M_OK);
		room_put(room);
	}
}

static void
every_durable_event_is_told_in_order(void **state)
{
	struct testing *t = *state;
	struct change *cursor = changes_cursor(t->core.changes);
	struct room *room = testing_room(t, ANN, "12");
	struct sender *senders = xcalloc(THREADS, sizeof *senders);
	const struct change *change;
	int64_t last = 0;
	int told = 0;

	run_all(t, room, senders);
	while ((change = changes_next(&cursor)) != NULL) {
		if (change->kind != CHANGE_EVENT)
			continue;
		assert_true(change->position > last);
		last = change->position;
		told++;
	}
	assert_int_equal(told, FOUNDING + THREADS * EACH);
	assert_int_equal(last, atomic_load(&t->core.visible));
	changes_cursor_free(cursor);
	free(senders);
	room_put(room);
}

/* The next that is told of the room is an event: what it has for /events. */
static const struct shared_json *
told_bytes(struct change **cursor)
{
	const struct change *change;

	do
		change = changes_next(cursor);
	while (change != NULL && change->kind != CHANGE_EVENT);
	assert_non_null(change);
	return atomic_load(&change->event->shared[FORMAT_V1]);
}

static uint64_t
encoded(void)
{
	struct json_event_stats stats;

	json_event_stats(&stats);
	return stats.encoded;
}

static void
say(struct testing *t, struct room *room, const char **event_id_out)
{
	append_ok(
	    t, room, ANN, "m.room.message", NULL, "{\"body\":\"hey\"}", event_id_out);
}

static void
of_a_room_that_is_followed_events_are_told_with_their_bytes(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	struct change *cursor = changes_cursor(t->core.changes);
	uint64_t before = encoded();

	say(t, room, NULL);
	assert_null(told_bytes(&cursor));
	changes_follow(t->core.changes, room->room_id);
	say(t, room, NULL);
	assert_non_null(told_bytes(&cursor));
	assert_int_equal(encoded() - before, 1);
	changes_unfollow(t->core.changes, room->room_id);
	say(t, room, NULL);
	assert_null(told_bytes(&cursor));
	changes_cursor_free(cursor);
	room_put(room);
}

/* The newest of the room's tail with this id. */
static struct live_event *
in_tail(const struct snapshot *s, const char *event_id)
{
	int at = s->tail_count - 1;

	while (strcmp(s->tail[at]->pdu->event->event_id, event_id) != 0)
		assert_true(--at >= 0);
	return s->tail[at];
}

static void
what_is_redacted_has_other_bytes_as_soon_as_that_is_told(void **state)
{
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	const struct shared_json *bytes;
	struct snapshot *s;
	const char *said;

	changes_follow(t->core.changes, room->room_id);
	say(t, room, &said);
	redact(t, room, said);
	s = room_snapshot(room);
	bytes = atomic_load(&in_tail(s, said)->shared[FORMAT_V1]);
	assert_non_null(bytes);
	assert_null(memmem(bytes->bytes, bytes->n, "hey", 3));
	snapshot_unref(s);
	changes_unfollow(t->core.changes, room->room_id);
	room_put(room);
}

#define ROUNDS 500

static void *
write_each(void *arg)
{
	struct live_event **events = arg;
	struct event_view view = { .format = FORMAT_V1 };
	struct buf *texts = xcalloc(ROUNDS, sizeof *texts);

	for (int i = 0; i < ROUNDS; i++)
		json_event_live(&texts[i], events[i], &view);
	return texts;
}

/* Where nobody has made them before. */
static void
io_threads_that_want_bytes_at_the_same_moment_have_the_same(void **state)
{
	enum { IOS = 2 };
	struct testing *t = *state;
	struct room *room = testing_room(t, ANN, "12");
	struct live_event *events[ROUNDS];
	pthread_t threads[IOS];
	struct buf *texts[IOS];
	struct snapshot *s;
	const char *said;

	say(t, room, &said);
	s = room_snapshot(room);
	for (int i = 0; i < ROUNDS; i++) {
		events[i] = xcalloc(1, sizeof **events);
		atomic_init(&events[i]->refs, 1);
		events[i]->pdu = pdu_ref(in_tail(s, said)->pdu);
	}
	snapshot_unref(s);
	for (int i = 0; i < IOS; i++)
		threads[i] = thread_start("io", ROLE_IO, write_each, events);
	for (int i = 0; i < IOS; i++)
		pthread_join(threads[i], (void **)&texts[i]);
	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(texts[0][i].n, texts[1][i].n);
		assert_memory_equal(texts[0][i].p, texts[1][i].p, texts[0][i].n);
		buf_free(&texts[0][i]);
		buf_free(&texts[1][i]);
		live_event_unref(events[i]);
	}
	free(texts[0]);
	free(texts[1]);
	room_put(room);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_of_many_threads_stand_in_one_line),
		TEST(what_the_writer_refuses_takes_nothing_acknowledged_with_it),
		TEST(one_transaction_of_many_threads_is_one_event),
		TEST(a_transaction_is_known_after_a_restart),
		TEST(of_a_unit_with_a_forbidden_event_nothing_is_appended),
		TEST(done_is_called_once_whatever_happens),
		TEST(a_room_whose_first_write_fails_was_never_there),
		TEST(a_room_of_each_version_is_the_same_after_a_restart),
		TEST(the_same_state_again_is_no_new_event),
		TEST(no_other_server_has_signed_what_is_made_here),
		TEST(every_durable_event_is_told_in_order),
		TEST(of_a_room_that_is_followed_events_are_told_with_their_bytes),
		TEST(what_is_redacted_has_other_bytes_as_soon_as_that_is_told),
		TEST(io_threads_that_want_bytes_at_the_same_moment_have_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
