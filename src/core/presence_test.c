/*
 * Presence: what devices do, what time does, who is told, and what a restart keeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/map.h"
#include "core/presence.h"
#include "core/testing.h"
#include "room/changes.h"
#include "store/rooms.h"

#define ANN "@ann:" TESTING_SERVER
#define BEN "@ben:" TESTING_SERVER
#define CAT "@cat:" TESTING_SERVER
#define NOON 1800000000000LL
#define MONO 1000000000LL
#define POLL_MS 30000

static const struct identity ann = { .user_id = ANN, .device_id = "PHONE" };
static const struct identity ann_too = { .user_id = ANN, .device_id = "LAPTOP" };
static const struct identity ben = { .user_id = BEN, .device_id = "BENS" };

struct fixture {
	struct testing t;
	struct room *room; /* ann's and ben's */
	struct change *cursor;
	int64_t now_ms; /* since NOON */
};

static void
set_clocks(struct fixture *f, int64_t ms)
{
	f->now_ms = ms;
	clock_set_for_test(NOON + ms);
	clock_set_mono_for_test(MONO + ms);
}

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof f);
	set_clocks(&f, 0);
	testing_open_core(&f.t);
	f.room = testing_room(&f.t, ANN, "12");
	testing_join(&f.t, f.room, BEN);
	f.cursor = changes_cursor(f.t.core.changes);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	changes_cursor_free(f->cursor);
	room_put(f->room);
	testing_close(&f->t);
	clock_set_for_test(0);
	clock_set_mono_for_test(0);
	return 0;
}

static void
tick(struct fixture *f, int64_t after_ms)
{
	set_clocks(f, f->now_ms + after_ms);
	presence_tick(&f->t.ctx, f->t.arena, false);
}

static struct presence_row
row_of(struct fixture *f, const char *user_id)
{
	struct presence_row row;

	presence_get(&f->t.core, f->t.arena, user_id, &row);
	return row;
}

static int64_t
position(struct fixture *f)
{
	return presence_position(&f->t.core);
}

/* --- what devices do --- */

static void
who_asks_for_events_is_online(void **state)
{
	struct fixture *f = *state;
	int64_t before = position(f);
	struct presence_row row;

	assert_false(presence_get(&f->t.core, f->t.arena, ANN, &row));
	assert_int_equal(row.state, PRESENCE_OFFLINE);
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	row = row_of(f, ANN);
	assert_int_equal(row.state, PRESENCE_ONLINE);
	assert_true(row.currently_active);
	assert_true(row.last_active_ms == NOON);
	assert_true(row.position == before + 1);
	assert_true(position(f) == before + 1);
}

static void
polls_that_say_the_same_move_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	before = position(f);
	for (int i = 0; i < 3; i++) {
		set_clocks(f, f->now_ms + 10000);
		presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
		presence_seen(&f->t.core, &ann, PRESENCE_AS_IS, POLL_MS);
	}
	assert_true(position(f) == before);
	assert_true(row_of(f, ANN).last_active_ms == NOON);
}

static void
who_asks_no_longer_goes_offline(void **state)
{
	struct fixture *f = *state;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	tick(f, POLL_MS + PRESENCE_GRACE_MS - 1);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	tick(f, 1);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	assert_false(row_of(f, ANN).currently_active);
}

static void
a_stream_that_goes_on_keeps_its_user_there(void **state)
{
	struct fixture *f = *state;

	presence_seen(&f->t.core, &ann, PRESENCE_AS_IS, POLL_MS);
	for (int i = 0; i < 5; i++) {
		tick(f, POLL_MS);
		presence_stays(&f->t.core, ANN, "PHONE", POLL_MS);
	}
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	presence_stays(&f->t.core, CAT, "HERS", POLL_MS);
	assert_int_equal(row_of(f, CAT).state, PRESENCE_OFFLINE);
}

static void
who_does_nothing_is_idle_and_who_does_something_is_not(void **state)
{
	struct fixture *f = *state;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, 2 * PRESENCE_IDLE_MS);
	tick(f, PRESENCE_ACTIVE_MS);
	assert_false(row_of(f, ANN).currently_active);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	tick(f, PRESENCE_IDLE_MS - PRESENCE_ACTIVE_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, 2 * PRESENCE_IDLE_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	presence_active(&f->t.core, &ann);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	assert_true(row_of(f, ANN).last_active_ms == NOON + f->now_ms);
}

static void
activity_of_who_is_active_is_known_and_not_told(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	presence_active(&f->t.core, &ann);
	before = position(f);
	set_clocks(f, PRESENCE_ACTIVE_MS - 1);
	presence_active(&f->t.core, &ann);
	assert_true(position(f) == before);
	assert_true(row_of(f, ANN).last_active_ms == NOON + f->now_ms);
}

static void
a_user_is_as_available_as_the_most_available_device(void **state)
{
	struct fixture *f = *state;

	presence_seen(&f->t.core, &ann, PRESENCE_UNAVAILABLE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	presence_seen(&f->t.core, &ann_too, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	presence_seen(&f->t.core, &ann_too, PRESENCE_OFFLINE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
}

static void
more_devices_than_are_remembered_push_the_oldest_out(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++) {
		char name[16];
		struct identity one = { .user_id = ANN, .device_id = name };

		snprintf(name, sizeof name, "D%d", i);
		presence_seen(&f->t.core, &one, PRESENCE_OFFLINE, POLL_MS + i);
	}
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
}

static void
who_hides_is_not_shown_by_what_they_do(void **state)
{
	struct fixture *f = *state;
	int64_t before;

	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_OFFLINE, NULL), M_OK);
	before = position(f);
	presence_active(&f->t.core, &ann);
	presence_seen(&f->t.core, &ann, PRESENCE_AS_IS, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	assert_true(row_of(f, ANN).last_active_ms == 0);
	assert_true(position(f) == before);
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
}

static void
a_state_set_by_hand_outlives_polls_that_say_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    presence_set(&f->t.ctx, &ann, PRESENCE_UNAVAILABLE, "lunch"), M_OK);
	presence_seen(&f->t.core, &ann, PRESENCE_AS_IS, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	assert_string_equal(row_of(f, ANN).status_msg, "lunch");
	presence_active(&f->t.core, &ann);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	assert_string_equal(row_of(f, ANN).status_msg, "lunch");
}

static void
who_says_that_they_are_idle_was_active_before(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, NULL), M_OK);
	set_clocks(f, 50000);
	assert_int_equal(
	    presence_set(&f->t.ctx, &ann, PRESENCE_UNAVAILABLE, "out"), M_OK);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	assert_true(row_of(f, ANN).last_active_ms == NOON);
	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, NULL), M_OK);
	assert_true(row_of(f, ANN).last_active_ms == NOON + 50000);
}

static void
a_session_that_ends_takes_its_part_with_it(void **state)
{
	struct fixture *f = *state;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	presence_seen(&f->t.core, &ann_too, PRESENCE_UNAVAILABLE, POLL_MS);
	presence_gone(&f->t.core, ANN, "PHONE");
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	presence_gone(&f->t.core, ANN, "NEVERWAS");
	assert_int_equal(row_of(f, ANN).state, PRESENCE_UNAVAILABLE);
	presence_gone(&f->t.core, ANN, NULL);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	presence_gone(&f->t.core, CAT, NULL);
}

static void
guests_have_no_presence(void **state)
{
	struct fixture *f = *state;
	struct identity guest = ann;

	guest.is_guest = true;
	presence_seen(&f->t.core, &guest, PRESENCE_ONLINE, POLL_MS);
	presence_active(&f->t.core, &guest);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
}

static void
where_it_is_disabled_everybody_is_offline(void **state)
{
	struct fixture *f = *state;
	struct presence_row *rows;
	int n;

	f->t.core.set.presence_enabled = false;
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "hi"), M_OK);
	presence_tick(&f->t.ctx, f->t.arena, true);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	assert_true(position(f) == -1);
	presence_changed_since(&f->t.core, f->t.arena, -1, &rows, &n);
	assert_int_equal(n, 0);
	assert_null(changes_next(&f->cursor));
}

/* --- who is told --- */

static int
news_of(
    struct fixture *f, const char *user_id, int64_t since, struct presence_news *news)
{
	news->user_id = user_id;
	news->since = since;
	assert_int_equal(presence_news(&f->t.ctx, f->t.arena, news), M_OK);
	return news->count;
}

static void
those_who_share_a_room_are_told_and_nobody_else(void **state)
{
	struct fixture *f = *state;
	struct presence_news news = { 0 };
	int64_t before = position(f);

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(news_of(f, BEN, before, &news), 1);
	assert_string_equal(news.rows[0].user_id, ANN);
	assert_int_equal(news_of(f, CAT, before, &news), 0);
	assert_int_equal(news_of(f, BEN, position(f), &news), 0);
	assert_int_equal(news_of(f, ANN, before, &news), 0);
}

static void
what_one_did_by_hand_ones_other_devices_are_told(void **state)
{
	struct fixture *f = *state;
	struct presence_news news = { .with_self = true };
	int64_t before = position(f);

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(news_of(f, ANN, before, &news), 0);
	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "hi"), M_OK);
	assert_int_equal(news_of(f, ANN, before, &news), 1);
	assert_string_equal(news.rows[0].status_msg, "hi");
}

static void
a_first_look_shows_who_is_there(void **state)
{
	struct fixture *f = *state;
	struct presence_news news = { 0 };

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(news_of(f, BEN, -1, &news), 1);
	tick(f, POLL_MS + PRESENCE_GRACE_MS);
	assert_int_equal(news_of(f, BEN, -1, &news), 0);
}

static void
a_first_look_shows_who_is_there_behind_any_number_of_others(void **state)
{
	struct fixture *f = *state;
	struct presence_news news = { .with_self = true };

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	for (int i = 0; i < 25000; i++) {
		struct identity other = { .device_id = "THEIRS",
			.user_id = arena_printf(f->t.arena, "@u%d:x", i) };

		presence_seen(&f->t.core, &other, PRESENCE_ONLINE, POLL_MS);
	}
	assert_int_equal(news_of(f, BEN, -1, &news), 1);
	assert_string_equal(news.rows[0].user_id, ANN);
	presence_seen(&f->t.core, &ben, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(news_of(f, BEN, -1, &news), 2);
	news.with_self = false;
	assert_int_equal(news_of(f, BEN, -1, &news), 1);
}

static void
who_joins_is_shown_whenever_they_came(void **state)
{
	struct fixture *f = *state;
	const char *const users[] = { ANN };
	const int64_t rooms[] = { f->room->id };
	struct presence_news news = { .users = users, .user_count = 1 };
	struct presence_news own = { .rooms = rooms, .room_count = 1 };

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(news_of(f, BEN, position(f), &news), 1);
	assert_int_equal(news_of(f, CAT, position(f), &news), 0);
	assert_int_equal(news_of(f, BEN, position(f), &own), 1);
	assert_int_equal(news_of(f, CAT, position(f), &own), 0);
}

/* Rooms opened for what ben is told after `since`, being in many. */
static int
opened_for_ben(struct fixture *f, int64_t since, struct presence_news *news)
{
	assert_int_equal(news_of(f, BEN, since, news), 1);
	assert_string_equal(news->rows[0].user_id, ANN);
	return news->opened;
}

static void
a_change_costs_the_same_in_however_many_rooms_one_is(void **state)
{
	struct fixture *f = *state;
	const int64_t rooms[] = { f->room->id };
	struct presence_news news = { 0 }, joined = { .rooms = rooms, .room_count = 1 };
	int64_t before = position(f);

	for (int i = 0; i < 20; i++)
		room_put(testing_room(&f->t, BEN, "12"));
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(opened_for_ben(f, before, &news), 0);
	/* What one has joined oneself is looked into, and all of it at first. */
	assert_int_equal(opened_for_ben(f, position(f), &joined), 1);
	assert_int_equal(opened_for_ben(f, -1, &news), 21);
}

static bool
is_in(const struct change *change, const char *user_id)
{
	uint64_t hash = map_hash(user_id, strlen(user_id));

	for (size_t i = 0; i < change->audience_count; i++)
		if (change->audience[i] == hash)
			return true;
	return false;
}

static void
all_changes_of_a_second_are_one_record(void **state)
{
	struct fixture *f = *state;
	const struct change *change;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	presence_seen(&f->t.core, &ben, PRESENCE_ONLINE, POLL_MS);
	assert_null(changes_next(&f->cursor));
	tick(f, 1000);
	change = changes_next(&f->cursor);
	assert_non_null(change);
	assert_int_equal(change->kind, CHANGE_PRESENCE);
	assert_int_equal(change->audience_count, 2);
	assert_true(is_in(change, ANN) && is_in(change, BEN));
	assert_null(changes_next(&f->cursor));
	tick(f, 1000);
	assert_null(changes_next(&f->cursor));
}

/* In rooms that are not here: looking for them is what takes time. */
static enum mx_err
add_rooms(void *arg, struct db *db)
{
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < 50000; i++)
		err = store_member_set(db, ANN, 1000000 + i, MEMBERSHIP_JOIN, 1000000);
	return err;
}

static void
who_is_in_very_many_rooms_is_told_of_alone(void **state)
{
	struct fixture *f = *state;
	struct identity cat = { .user_id = CAT, .device_id = "HERS" };
	const struct change *change;

	testing_join(&f->t, f->room, CAT);
	assert_int_equal(ctx_write(&f->t.ctx, add_rooms, NULL), M_OK);
	while (changes_next(&f->cursor) != NULL)
		;
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	presence_seen(&f->t.core, &cat, PRESENCE_ONLINE, POLL_MS);
	for (int i = 0; i < 2; i++) {
		tick(f, 1000);
		change = changes_next(&f->cursor);
		assert_non_null(change);
		assert_int_equal(change->audience_count, 3);
		assert_null(changes_next(&f->cursor));
	}
	tick(f, 1000);
	assert_null(changes_next(&f->cursor));
}

static void
who_is_in_no_room_wakes_nobody_but_by_hand_themselves(void **state)
{
	struct fixture *f = *state;
	struct identity cat = { .user_id = CAT, .device_id = "HERS" };
	const struct change *change;

	presence_seen(&f->t.core, &cat, PRESENCE_ONLINE, POLL_MS);
	tick(f, 1000);
	assert_null(changes_next(&f->cursor));
	assert_int_equal(presence_set(&f->t.ctx, &cat, PRESENCE_ONLINE, "hi"), M_OK);
	tick(f, 1000);
	change = changes_next(&f->cursor);
	assert_non_null(change);
	assert_true(change->audience_count == 1 && is_in(change, CAT));
}

/* --- what a restart keeps --- */

static void
restart(struct fixture *f)
{
	presence_tick(&f->t.ctx, f->t.arena, true);
	changes_cursor_free(f->cursor);
	room_put(f->room);
	testing_reopen(&f->t);
	assert_int_equal(room_get_by_id(&f->t.ctx, 1, &f->room), M_OK);
	f->cursor = changes_cursor(f->t.core.changes);
}

static void
a_status_outlives_a_restart_and_its_end_too(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "hi"), M_OK);
	restart(f);
	assert_string_equal(row_of(f, ANN).status_msg, "hi");
	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, ""), M_OK);
	restart(f);
	assert_null(row_of(f, ANN).status_msg);
}

static enum mx_err
rename_table(void *arg, struct db *db)
{
	const bool *away = arg;

	return stmt_run(db_stmt(db, *away ? "ALTER TABLE presence RENAME TO away"
					  : "ALTER TABLE away RENAME TO presence"));
}

static void
a_status_that_could_not_be_written_is_when_it_is_said_again(void **state)
{
	struct fixture *f = *state;
	bool away = true;

	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "hi"), M_OK);
	assert_int_equal(ctx_write(&f->t.ctx, rename_table, &away), M_OK);
	assert_int_not_equal(
	    presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "there"), M_OK);
	away = false;
	assert_int_equal(ctx_write(&f->t.ctx, rename_table, &away), M_OK);
	assert_int_equal(presence_set(&f->t.ctx, &ann, PRESENCE_ONLINE, "there"), M_OK);
	restart(f);
	assert_string_equal(row_of(f, ANN).status_msg, "there");
}

static void
who_does_not_come_back_after_a_restart_goes_offline_then(void **state)
{
	struct fixture *f = *state;
	struct presence_news news = { 0 };
	int64_t before;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	before = position(f);
	set_clocks(f, 5000);
	restart(f);
	assert_true(position(f) > before);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
	assert_true(row_of(f, ANN).last_active_ms == NOON);
	before = position(f);
	tick(f, 2LL * PRESENCE_GRACE_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_OFFLINE);
	assert_int_equal(news_of(f, BEN, before, &news), 1);
	assert_int_equal(news.rows[0].state, PRESENCE_OFFLINE);
}

static void
who_is_long_gone_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct presence_row row;

	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	tick(f, 2LL * PRESENCE_IDLE_MS);
	presence_tick(&f->t.ctx, f->t.arena, true);
	assert_true(presence_get(&f->t.core, f->t.arena, ANN, &row));
	tick(f, PRESENCE_REMEMBER_MS + 1);
	assert_false(presence_get(&f->t.core, f->t.arena, ANN, &row));
	presence_seen(&f->t.core, &ann, PRESENCE_ONLINE, POLL_MS);
	assert_int_equal(row_of(f, ANN).state, PRESENCE_ONLINE);
}

/* --- how it is written --- */

static void
expect_text(struct buf *b, const char *wanted)
{
	buf_char(b, '\0');
	assert_string_equal(b->p, wanted);
	buf_free(b);
}

static void
an_event_says_what_there_is_to_say(void **state)
{
	struct presence_row row = { .user_id = ANN,
		.state = PRESENCE_FREE_FOR_CHAT,
		.status_msg = "a \"b\"",
		.displayname = "Ann",
		.avatar_url = "mxc://x/y",
		.last_active_ms = NOON - 5,
		.currently_active = true };
	struct presence_row less = { .user_id = ANN };
	struct buf b = { 0 };

	presence_write(&b, &row);
	expect_text(&b, "{\"content\":{\"avatar_url\":\"mxc://x/y\","
			"\"currently_active\":true,\"displayname\":\"Ann\","
			"\"last_active_ago\":5,\"presence\":\"online\","
			"\"status_msg\":\"a \\\"b\\\"\"},\"sender\":\"" ANN "\","
			"\"type\":\"m.presence\"}");
	presence_write_v1(&b, &less, true);
	expect_text(&b, "{\"content\":{\"presence\":\"offline\",\"user_id\":\"" ANN
			"\"},\"sender\":\"" ANN "\",\"type\":\"m.presence\"}");
	presence_write_status(&b, &row, true);
	assert_non_null(strstr(b.p, "free_for_chat"));
	buf_free(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_asks_for_events_is_online),
		T(polls_that_say_the_same_move_nothing),
		T(who_asks_no_longer_goes_offline),
		T(a_stream_that_goes_on_keeps_its_user_there),
		T(who_does_nothing_is_idle_and_who_does_something_is_not),
		T(activity_of_who_is_active_is_known_and_not_told),
		T(a_user_is_as_available_as_the_most_available_device),
		T(more_devices_than_are_remembered_push_the_oldest_out),
		T(who_hides_is_not_shown_by_what_they_do),
		T(a_state_set_by_hand_outlives_polls_that_say_nothing),
		T(who_says_that_they_are_idle_was_active_before),
		T(a_session_that_ends_takes_its_part_with_it),
		T(guests_have_no_presence),
		T(where_it_is_disabled_everybody_is_offline),
		T(those_who_share_a_room_are_told_and_nobody_else),
		T(what_one_did_by_hand_ones_other_devices_are_told),
		T(a_first_look_shows_who_is_there),
		T(a_first_look_shows_who_is_there_behind_any_number_of_others),
		T(who_joins_is_shown_whenever_they_came),
		T(a_change_costs_the_same_in_however_many_rooms_one_is),
		T(all_changes_of_a_second_are_one_record),
		T(who_is_in_very_many_rooms_is_told_of_alone),
		T(who_is_in_no_room_wakes_nobody_but_by_hand_themselves),
		T(a_status_outlives_a_restart_and_its_end_too),
		T(a_status_that_could_not_be_written_is_when_it_is_said_again),
		T(who_does_not_come_back_after_a_restart_goes_offline_then),
		T(who_is_long_gone_is_forgotten),
		T(an_event_says_what_there_is_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
