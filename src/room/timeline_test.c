/*
 * The seer and its pages over random rooms in a database, held against the model: all
 * of what may be seen, in order, once; nothing else. Stands beside timeline.c.
 */
#include "room/timeline.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "event/visibility_model.h"
#include "room/append.h"
#include "room/testing.h"

#define ROOMS 40
#define EVENTS_MAX 40
#define OWNER "@owner:" TESTING_SERVER
#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define STRANGER "@stranger:" TESTING_SERVER

/* A room that has been lived in, and what happened there. */
struct lived {
	struct testing t;
	struct room *room;
	struct told history[EVENTS_MAX];
	const char *ids[EVENTS_MAX];
	int64_t events[EVENTS_MAX];
	int n;
	uint64_t dice_state;
};

static unsigned
dice(struct lived *l, unsigned n)
{
	l->dice_state ^= l->dice_state << 13;
	l->dice_state ^= l->dice_state >> 7;
	l->dice_state ^= l->dice_state << 17;
	return (unsigned)(l->dice_state >> 33) % n;
}

static int
set_up(void **state)
{
	struct lived *l = xcalloc(1, sizeof *l);

	testing_open(&l->t);
	l->dice_state = 5;
	*state = l;
	return 0;
}

static int
tear_down(void **state)
{
	struct lived *l = *state;

	testing_close(&l->t);
	free(l);
	return 0;
}

/* A state event that changes nothing is not repeated, and has been noted already. */
static void
note(struct lived *l, const char *event_id, struct told told)
{
	int64_t room;

	for (int i = 0; i < l->n; i++)
		if (strcmp(l->ids[i], event_id) == 0)
			return;
	assert_int_equal(
	    store_event_find(l->t.ctx.db, event_id, &l->events[l->n], &room), M_OK);
	l->ids[l->n] = event_id;
	l->history[l->n++] = told;
}

/* What testing_room has put there. */
static void
note_beginning(struct lived *l)
{
	static const struct told first[] = { { "m.room.create", "", NULL },
		{ "m.room.member", OWNER, "join" }, { "m.room.power_levels", "", NULL },
		{ "m.room.join_rules", "", NULL } };
	struct snapshot *s = room_snapshot(l->room);

	for (int i = 0; i < 4; i++) {
		const struct state_entry *e =
		    snapshot_state(s, first[i].type, first[i].state_key);

		note(l, arena_strdup(l->t.arena, e->event_id), first[i]);
	}
	snapshot_unref(s);
}

static bool
say(struct lived *l, const char *sender, struct told told)
{
	const char *id, *content = "{\"body\":\"x\",\"msgtype\":\"m.text\"}";

	if (told.value != NULL)
		content = arena_printf(l->t.arena, "{\"%s\":\"%s\"}",
		    strcmp(told.type, "m.room.member") == 0 ? "membership"
							    : "history_visibility",
		    told.value);
	if (testing_append(&l->t, l->room, sender, told.type, told.state_key, content,
		&id) != M_OK)
		return false; /* the rules of rooms do not allow it now */
	note(l, id, told);
	return true;
}

/* One thing that happens; a refused one does not. */
static void
step(struct lived *l)
{
	static const char *const settings[] = { "world_readable", "shared", "invited",
		"joined", "nonsense" };
	const char *user = dice(l, 2) ? ANN : BEN;

	switch (dice(l, 8)) {
	case 0:
		say(l, OWNER,
		    (struct told){
			"m.room.history_visibility", "", settings[dice(l, 5)] });
		break;
	case 1:
	case 2:
		say(l, user, (struct told){ "m.room.member", user, "join" });
		break;
	case 3:
		say(l, user, (struct told){ "m.room.member", user, "leave" });
		break;
	case 4:
		say(l, OWNER,
		    (struct told){
			"m.room.member", user, dice(l, 2) ? "ban" : "leave" });
		break;
	case 5:
		say(l, OWNER, (struct told){ "m.room.member", user, "invite" });
		break;
	default:
		say(l, OWNER, (struct told){ "m.room.message", NULL, NULL });
	}
}

static void
live(struct lived *l)
{
	static const char *const versions[] = { "1", "3", "10", "12" };
	int steps = 6 + (int)dice(l, EVENTS_MAX - 12);

	l->n = 0;
	l->room = testing_room(&l->t, OWNER, versions[dice(l, 4)]);
	note_beginning(l);
	for (int i = 0; i < steps; i++)
		step(l);
}

static void
look(struct lived *l, struct seer *seer, struct snapshot *s, const char *user_id)
{
	seer_init(seer, &l->t.ctx, l->t.arena, l->room, s, user_id, NULL);
}

/* All pages one after another hold what the model allows. */
static void
check_pages(struct lived *l, struct seer *seer, bool backwards, int limit)
{
	struct page page = { .backwards = backwards,
		.limit = limit,
		.from = { backwards ? seer->s->position + 1 : 0, 0 },
		.more = true };
	int at = backwards ? l->n - 1 : 0, by = backwards ? -1 : 1;

	while (page.more) {
		assert_int_equal(timeline_page(seer, &page), M_OK);
		assert_true(page.count <= limit);
		for (int i = 0; i < page.count; i++, at += by) {
			while (!model_allows(l->history, l->n, at, seer->user_id))
				at += by;
			assert_string_equal(page.events[i].stored.event_id, l->ids[at]);
			assert_string_equal(page.events[i].type, l->history[at].type);
		}
		page.from = page.end;
	}
	for (; at >= 0 && at < l->n; at += by)
		assert_false(model_allows(l->history, l->n, at, seer->user_id));
}

static void
check_each(struct lived *l, struct seer *seer)
{
	bool any = false;

	for (int i = 0; i < l->n; i++) {
		bool may = model_allows(l->history, l->n, i, seer->user_id);
		struct stored_event stored;
		struct event *event;

		assert_int_equal(seer_sees(seer, l->events[i], l->history[i].type,
				     l->history[i].state_key),
		    may);
		assert_int_equal(seer_find(seer, l->ids[i], &stored, &event),
		    may ? M_OK : M_NOT_FOUND);
		any = any || may;
	}
	/* Nobody who may see something is turned away, and nobody else let in. */
	assert_int_equal(seer_sees_anything(seer), any || seer_sees_now(seer));
}

static void
check_tail(struct lived *l, struct seer *seer)
{
	for (int t = 0; t < seer->s->tail_count; t++) {
		const struct live_event *e = seer->s->tail[t];
		int i = 0;

		while (l->events[i] != e->event)
			i++;
		assert_int_equal(seer_sees_live(seer, e),
		    model_allows(l->history, l->n, i, seer->user_id));
	}
}

static void
check_room(struct lived *l)
{
	static const char *const users[] = { OWNER, ANN, BEN, STRANGER };
	struct snapshot *s = room_snapshot(l->room), *without_tail = snapshot_copy(s);

	for (int u = 0; u < 4; u++) {
		struct seer seer;

		look(l, &seer, s, users[u]);
		check_each(l, &seer);
		check_tail(l, &seer);
		check_pages(l, &seer, true, 1 + (int)dice(l, 12));
		look(l, &seer, without_tail, users[u]);
		check_pages(l, &seer, true, 1 + (int)dice(l, 12));
		check_pages(l, &seer, false, 1 + (int)dice(l, 12));
	}
	snapshot_unref(without_tail);
	snapshot_unref(s);
}

static void
everybody_sees_of_random_rooms_what_the_model_allows(void **state)
{
	struct lived *l = *state;

	for (int r = 0; r < ROOMS; r++) {
		live(l);
		check_room(l);
		room_put(l->room);
	}
}

static void
a_room_loaded_again_shows_the_same(void **state)
{
	struct lived *l = *state;
	char room_id[300], ids[EVENTS_MAX][300];

	live(l);
	snprintf(room_id, sizeof room_id, "%s", l->room->room_id);
	for (int i = 0; i < l->n; i++)
		snprintf(ids[i], sizeof ids[i], "%s", l->ids[i]);
	room_put(l->room);
	testing_reopen(&l->t);
	for (int i = 0; i < l->n; i++)
		l->ids[i] = ids[i];
	assert_int_equal(room_get(&l->t.ctx, room_id, &l->room), M_OK);
	check_room(l);
	room_put(l->room);
}

static const char *
written(struct lived *l, struct snapshot *s, int *count_out)
{
	struct page page = {
		.backwards = true, .limit = EVENTS_MAX, .from = { s->position + 1, 0 }
	};
	struct buf out = { 0 };
	struct seer seer;
	const char *text;

	look(l, &seer, s, ANN);
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	for (int i = 0; i < page.count; i++)
		seer_write_sliced(&seer, &out, &page.events[i], FORMAT_V1);
	*count_out = page.count;
	text = arena_strndup(l->t.arena, out.n > 0 ? out.p : "", out.n);
	buf_free(&out);
	return text;
}

static void
memory_and_store_show_the_same_bytes(void **state)
{
	struct lived *l = *state;

	for (int r = 0; r < 8; r++) {
		struct snapshot *s, *without_tail;
		int from_memory, from_store;

		live(l);
		s = room_snapshot(l->room);
		without_tail = snapshot_copy(s);
		clock_set_for_test(clock_now_ms() + 5000); /* `age` is shown */
		assert_string_equal(
		    written(l, s, &from_memory), written(l, without_tail, &from_store));
		assert_int_equal(from_memory, from_store);
		clock_set_for_test(0);
		snapshot_unref(without_tail);
		snapshot_unref(s);
		room_put(l->room);
	}
}

/* --- bounds --- */

/* A quiet room of `n` messages; its snapshot. */
static struct snapshot *
talk(struct lived *l, int n)
{
	l->room = testing_room(&l->t, OWNER, "12");
	for (int i = 0; i < n; i++) {
		struct new_event e = { .sender = OWNER,
			.type = "m.room.message",
			.content = testing_json(l->t.arena, "{\"body\":\"x\"}") };

		assert_int_equal(
		    room_append(&l->t.ctx, l->t.arena, l->room, &e, 1, NULL), M_OK);
	}
	assert_int_equal(ctx_settle(&l->t.ctx), M_OK);
	return room_snapshot(l->room);
}

static bool
is_create(const struct sliced *event, const void *arg)
{
	return strcmp(event->type, arg) == 0;
}

static void
a_page_of_almost_nothing_ends_in_bounded_time_and_goes_on(void **state)
{
	struct lived *l = *state;
	struct snapshot *s = talk(l, 2600);
	struct page page = { .backwards = true,
		.limit = 5,
		.from = { s->position + 1, 0 },
		.keep = is_create,
		.keep_arg = "m.room.create" };
	struct seer seer;

	look(l, &seer, s, OWNER);
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 0);
	assert_true(page.more);
	page.from = page.end;
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 1);
	assert_false(page.more);
	snapshot_unref(s);
	room_put(l->room);
}

static void
a_page_ends_at_to(void **state)
{
	struct lived *l = *state;
	struct snapshot *s = talk(l, 20);
	struct place to = { s->position - 4, 0 };
	struct page page = { .backwards = true,
		.limit = 100,
		.from = { s->position + 1, 0 },
		.to = &to };
	struct seer seer;

	look(l, &seer, s, OWNER);
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 5);
	page.backwards = false;
	page.from = (struct place){ 0, 0 };
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 4 + 15);
	assert_false(page.more);
	snapshot_unref(s);
	room_put(l->room);
}

static void
a_full_page_at_the_end_of_the_room_says_that_there_is_no_more(void **state)
{
	struct lived *l = *state;
	struct snapshot *s = talk(l, 6);
	struct page page = { .limit = 10 };
	struct seer seer;

	look(l, &seer, s, OWNER);
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 10);
	assert_false(page.more);
	page.limit = 9;
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_true(page.more);
	snapshot_unref(s);
	room_put(l->room);
}

static void
events_newer_than_the_view_are_no_part_of_it(void **state)
{
	struct lived *l = *state;
	struct snapshot *s = talk(l, 3);
	struct page page = { .limit = 100 };
	const char *late;
	struct stored_event stored;
	struct event *event;
	struct seer seer;

	assert_int_equal(testing_append(&l->t, l->room, OWNER, "m.room.message", NULL,
			     "{\"body\":\"late\"}", &late),
	    M_OK);
	look(l, &seer, s, OWNER);
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 7);
	page.backwards = true;
	page.from = (struct place){ INT64_MAX, 5 };
	assert_int_equal(timeline_page(&seer, &page), M_OK);
	assert_int_equal(page.count, 7);
	assert_int_equal(seer_find(&seer, late, &stored, &event), M_NOT_FOUND);
	snapshot_unref(s);
	room_put(l->room);
}

static void
the_nearest_event_is_the_nearest_that_may_be_seen(void **state)
{
	struct lived *l = *state;
	struct snapshot *s;
	struct sliced found;
	struct seer seer;

	l->n = 0;
	l->room = testing_room(&l->t, OWNER, "12");
	note_beginning(l);
	say(l, OWNER, (struct told){ "m.room.history_visibility", "", "joined" });
	say(l, OWNER, (struct told){ "m.room.message", NULL, NULL });
	say(l, ANN, (struct told){ "m.room.member", ANN, "join" });
	s = room_snapshot(l->room);
	look(l, &seer, s, OWNER);
	assert_int_equal(timeline_near(&seer, 0, false, &found), M_OK);
	assert_string_equal(found.type, "m.room.create");
	assert_int_equal(timeline_near(&seer, 0, true, &found), M_NOT_FOUND);
	assert_int_equal(timeline_near(&seer, INT64_MAX, true, &found), M_OK);
	assert_string_equal(found.stored.event_id, l->ids[l->n - 1]);
	assert_int_equal(timeline_near(&seer, found.stored.ts, true, &found), M_OK);
	assert_string_equal(found.stored.event_id, l->ids[l->n - 1]);
	/* Ann has the beginning by its being shared, not what came before her. */
	look(l, &seer, s, ANN);
	assert_int_equal(timeline_near(&seer, INT64_MAX, true, &found), M_OK);
	assert_string_equal(found.state_key, ANN);
	snapshot_unref(s);
	room_put(l->room);
}

/* --- what is written --- */

static const struct json *
shown(struct lived *l, const char *user_id, const char *event_id)
{
	struct snapshot *s = room_snapshot(l->room);
	struct stored_event stored;
	struct buf out = { 0 };
	struct event *event;
	struct seer seer;
	const struct json *json;

	look(l, &seer, s, user_id);
	assert_int_equal(seer_find(&seer, event_id, &stored, &event), M_OK);
	seer_write(&seer, &out, &stored, event, FORMAT_CLIENT);
	json = json_parse_copy(l->t.arena, out.p, out.n, JSON_STRICT, NULL);
	assert_non_null(json);
	buf_free(&out);
	snapshot_unref(s);
	return json;
}

static const char *
topic(struct lived *l, const char *text)
{
	const char *id;

	assert_int_equal(testing_append(&l->t, l->room, OWNER, "m.room.topic", "",
			     arena_printf(l->t.arena, "{\"topic\":\"%s\"}", text), &id),
	    M_OK);
	return id;
}

static void
what_a_state_event_replaced_is_shown_to_whom_it_may_be(void **state)
{
	struct lived *l = *state;
	const char *old, *new;
	const struct json *json;

	l->n = 0;
	l->room = testing_room(&l->t, OWNER, "12");
	say(l, OWNER, (struct told){ "m.room.history_visibility", "", "joined" });
	old = topic(l, "old \\\" \\u0001");
	say(l, ANN, (struct told){ "m.room.member", ANN, "join" });
	new = topic(l, "new");
	json = json_get(shown(l, OWNER, new), "unsigned");
	assert_string_equal(json_get_str(json, "replaces_state"), old);
	assert_string_equal(
	    json_get_str(json_get(json, "prev_content"), "topic"), "old \" \001");
	assert_string_equal(json_get_str(json, "membership"), "join");
	json = json_get(shown(l, ANN, new), "unsigned");
	assert_null(json_get(json, "prev_content"));
	room_put(l->room);
}

/* In old versions beside content, in new ones within: clients are given both. */
static void
a_redaction_names_its_event_in_both_places(void **state)
{
	static const char *const versions[] = { "1", "10", "11", "12" };
	struct lived *l = *state;

	for (int v = 0; v < 4; v++) {
		const char *said;
		struct new_event redaction = { .sender = OWNER,
			.type = "m.room.redaction" };
		const struct json *json;

		l->room = testing_room(&l->t, OWNER, versions[v]);
		assert_int_equal(testing_append(&l->t, l->room, OWNER, "m.room.message",
				     NULL, "{\"body\":\"x\"}", &said),
		    M_OK);
		redaction.redacts = said;
		redaction.content = testing_json(l->t.arena, "{\"reason\":\"why\"}");
		assert_int_equal(
		    room_append(&l->t.ctx, l->t.arena, l->room, &redaction, 1, NULL),
		    M_OK);
		assert_int_equal(ctx_settle(&l->t.ctx), M_OK);
		json = shown(l, OWNER, redaction.event_id);
		assert_string_equal(json_get_str(json, "redacts"), said);
		json = json_get(json, "content");
		assert_string_equal(json_get_str(json, "redacts"), said);
		assert_string_equal(json_get_str(json, "reason"), "why");
		json = shown(l, OWNER, said);
		assert_int_equal(json_get(json, "content")->n, 0);
		json = json_at(json, "unsigned", "redacted_because", NULL);
		assert_string_equal(json_get_str(json, "event_id"), redaction.event_id);
		room_put(l->room);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_sees_of_random_rooms_what_the_model_allows),
		TEST(a_room_loaded_again_shows_the_same),
		TEST(memory_and_store_show_the_same_bytes),
		TEST(a_page_of_almost_nothing_ends_in_bounded_time_and_goes_on),
		TEST(a_page_ends_at_to),
		TEST(a_full_page_at_the_end_of_the_room_says_that_there_is_no_more),
		TEST(events_newer_than_the_view_are_no_part_of_it),
		TEST(the_nearest_event_is_the_nearest_that_may_be_seen),
		TEST(what_a_state_event_replaced_is_shown_to_whom_it_may_be),
		TEST(a_redaction_names_its_event_in_both_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
