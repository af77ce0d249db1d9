/*
 * The hub and its polls: who is parked, woken, answered, sent away, and with what.
 * Relies on stream/testing.
 */
#include "stream/testing.h"

static void
an_event_between_looking_and_parking_is_heard(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");
	struct waiting *w = take_look(f);

	do_look(f, w);
	assert_false(w->answered);
	send_text(f, f->room, "in-the-window");
	writer_flush(f->t.core.writer); /* the hub's wake-up is on its way */
	hub_looked(f->hubs, w);
	serve_look(f);
	expect_words(fd, 200, WORDS("in-the-window"), NULL);
}

static void
an_event_before_the_look_is_heard_by_it(void **state)
{
	struct fixture *f = *state;
	int64_t here = atomic_load(&f->t.core.visible);
	char from[64];
	int fd;

	snprintf(from, sizeof from, "&from=s1_e%lld", (long long)here);
	fd = poll_as(f, "@gee:x", from);
	send_text(f, f->room, "already-there");
	serve_look(f);
	expect_words(fd, 200, WORDS("already-there", "\"start\":\"s1_e"), NULL);
}

static void
a_parked_stranger_hears_without_another_look(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");

	serve_look(f);
	await_parked(f, 1);
	send_text(f, f->room, "hello");
	expect_words(fd, 200, WORDS("hello", "\"user_id\":\"@ann:"), NULL);
	assert_int_equal(f->look_first, f->look_last);
}

static void
one_encoding_serves_a_hundred_strangers(void **state)
{
	struct fixture *f = *state;
	struct json_event_stats before, after;
	struct hub_stats stats;
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = poll_as(f, "@gee:x", "");
		if (i == 0)
			serve_look(f); /* the others find the room known */
		await_parked(f, i + 1);
	}
	json_event_stats(&before);
	send_text(f, f->room, "to-all");
	for (int i = 0; i < 100; i++)
		expect_words(fds[i], 200, WORDS("to-all"), NULL);
	json_event_stats(&after);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(after.encoded - before.encoded, 1);
	assert_int_equal(after.delivered - before.delivered, 100);
	assert_int_equal(stats.bodies_made, 1);
	assert_int_equal(stats.answers_shared, 100);
}

static void
count_locks(struct http_io *io, void *arg)
{
	struct fixture *f = arg;
	uint64_t taken = locks_taken();

	lock_take(&f->lock);
	f->io_locks = taken;
	f->io_told = true;
	pthread_cond_broadcast(&f->changed);
	lock_give(&f->lock);
}

/* How many locks the io thread has taken; to ask takes one more. */
static uint64_t
io_locks(struct fixture *f)
{
	uint64_t taken;

	http_post(http_io_at(f->http, 0), count_locks, f);
	lock_take(&f->lock);
	while (!f->io_told)
		lock_wait(&f->lock, &f->changed, 0);
	f->io_told = false;
	taken = f->io_locks;
	lock_give(&f->lock);
	return taken;
}

static void
strangers_park_are_woken_and_time_out_without_a_lock(void **state)
{
	struct fixture *f = *state;
	int first = poll_as(f, "@gee:x", ""), fds[20];
	char from[64], shortly[96];
	uint64_t before;

	serve_look(f); /* from here on the room is known */
	await_parked(f, 1);
	before = io_locks(f);
	snprintf(from, sizeof from, "&from=s1_e%lld",
	    (long long)atomic_load(&f->t.core.visible));
	snprintf(shortly, sizeof shortly, "%s&timeout=1000", from);
	for (int i = 0; i < 20; i++)
		fds[i] = poll_as(f, "@gee:x", i < 10 ? from : shortly);
	for (int i = 10; i < 20; i++)
		expect_words(fds[i], 200, WORDS("\"chunk\":[]"), NULL);
	send_text(f, f->room, "hello");
	expect_words(first, 200, WORDS("hello"), NULL);
	for (int i = 0; i < 10; i++)
		expect_words(fds[i], 200, WORDS("hello"), NULL);
	assert_in_range(io_locks(f) - before, 0, 1);
}

static void
two_rooms_of_one_group_are_both_heard(void **state)
{
	struct fixture *f = *state;
	struct room *other = testing_room(&f->t, "@ann:" TESTING_SERVER, "11");
	char more[300];
	struct gate gate;
	int fd;

	assert_int_equal(testing_append(&f->t, other, "@ann:" TESTING_SERVER,
			     "m.room.history_visibility", "",
			     "{\"history_visibility\":\"world_readable\"}", NULL),
	    M_OK);
	snprintf(more, sizeof more, "&room=%s", other->room_id);
	fd = poll_as(f, "@gee:x", more);
	serve_look(f);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_event(f, other, "m.room.message", NULL, "{\"body\":\"first\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"second\"}");
	gate_open(f, &gate);
	serve_look(f);
	expect_words(fd, 200, WORDS("first", "second"), NULL);
	room_put(other);
}

static void
nothing_behind_the_end_of_openness_is_heard(void **state)
{
	struct fixture *f = *state;
	int stranger = poll_as(f, "@gee:x", ""), again;
	struct gate gate;

	serve_look(f);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"open\"}");
	queue_event(f, f->room, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"joined\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"closed\"}");
	gate_open(f, &gate);
	expect_words(stranger, 200, WORDS("open", "\"history_visibility\":\"joined\""),
	    "closed");
	again = poll_as(f, "@gee:x", "");
	serve_look(f);
	expect_answer(again, 403, "M_FORBIDDEN");
	close(again);
}

static void
a_logout_ends_a_parked_poll_at_once(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", ""), user, other;

	serve_look(f);
	user = poll_as(f, "@ann:" TESTING_SERVER, "");
	serve_look(f);
	other = poll_as(f, "@bob:x", ALONE);
	serve_look(f);
	await_parked(f, 3);
	tell_token_gone(f, "@gee:x", "DEVICE");
	expect_answer(guest, 401, "{}");
	tell_token_gone(f, "@ann:" TESTING_SERVER, "ANOTHER");
	tell_token_gone(f, "@ann:" TESTING_SERVER, NULL);
	expect_answer(user, 401, "{}");
	await_parked(f, 1);
	send_text(f, f->room, "for-bob");
	serve_look(f);
	expect_words(other, 200, WORDS("for-bob"), NULL);
	close(guest);
	close(user);
}

static void
a_logout_during_a_look_ends_the_poll_too(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");
	struct waiting *w = take_look(f);

	tell_token_gone(f, "@gee:x", "DEVICE");
	send_text(f, f->room, "not-for-you");
	do_look(f, w);
	hub_looked(f->hubs, w);
	expect_answer(fd, 401, "{}");
	close(fd);
}

static void
a_poll_ends_empty_when_its_time_is_up(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", "&timeout=1"), user;

	serve_look(f);
	expect_words(guest, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
	user = poll_as(f, "@ann:" TESTING_SERVER, "&timeout=1");
	serve_look(f);
	expect_words(user, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
}

static void
a_poll_ends_with_its_token(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "&expires=1");

	serve_look(f);
	expect_answer(fd, 401, "{}");
	close(fd);
}

static void
what_comes_behind_a_tokens_end_is_not_heard(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", "&expires=300"), user;
	char more[64];
	long long end;
	struct waiting *w;

	serve_look(f);
	snprintf(more, sizeof more, "&expires=300&from=s1_e%lld",
	    (long long)atomic_load(&f->t.core.visible));
	user = poll_as(f, "@ann:" TESTING_SERVER, more);
	w = take_look(f);
	end = clock_mono_ms() + 300; /* and behind it before the wheel comes round */
	while (clock_mono_ms() < end) {
		lock_take(&f->lock);
		lock_wait(&f->lock, &f->changed, end);
		lock_give(&f->lock);
	}
	send_text(f, f->room, "too-late");
	expect_answer(guest, 401, "{}");
	do_look(f, w);
	assert_true(w->answered);
	hub_looked(f->hubs, w);
	expect_answer(user, 401, "{}");
	close(guest);
	close(user);
}

static void
a_client_that_goes_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int parked_one = poll_as(f, "@gee:x", ""), looking;
	struct waiting *w;

	serve_look(f);
	await_parked(f, 1);
	close(parked_one);
	await_parked(f, 0);
	looking = poll_as(f, "@bob:x", ALONE);
	w = take_look(f);
	close(looking);
	do_look(f, w);
	hub_looked(f->hubs, w);
	await_parked(f, 0);
}

static void
a_redaction_replaces_what_is_kept_for_the_next_poll(void **state)
{
	struct fixture *f = *state;
	int64_t before;
	const char *event_id;
	char text[200];
	int fd = poll_as(f, "@gee:x", "");

	serve_look(f);
	await_parked(f, 1);
	before = atomic_load(&f->t.core.visible);
	assert_int_equal(
	    testing_append(&f->t, f->room, "@ann:" TESTING_SERVER, "m.room.message",
		NULL, "{\"body\":\"regretted\"}", &event_id),
	    M_OK);
	expect_words(fd, 200, WORDS("regretted"), NULL);
	snprintf(text, sizeof text, "{\"redacts\":\"%s\"}", event_id);
	assert_int_equal(testing_append(&f->t, f->room, "@ann:" TESTING_SERVER,
			     "m.room.redaction", NULL, text, NULL),
	    M_OK);
	snprintf(text, sizeof text, "&from=s1_e%lld", (long long)before);
	fd = poll_as(f, "@gee:x", text);
	expect_words(fd, 200, WORDS("m.room.redaction"), "regretted");
}

/* Polls until all of a burst is heard, or a tenth page did not help; returns how many
 * pages that were. */
static int
hear_burst(struct fixture *f, int fd, const char *user, int n)
{
	char from[64], *body, *end;
	int heard = 0, pages = 0;

	for (; heard < n && pages < 10; pages++) {
		body = answer_of(f, fd);
		heard = burst_heard(body, heard);
		end = strstr(body, "\"end\":\"");
		assert_non_null(end);
		end += strlen("\"end\":\"");
		snprintf(from, sizeof from, "&from=%.*s", (int)strcspn(end, "\""), end);
		free(body);
		fd = poll_as(f, user, from);
	}
	close(fd);
	assert_int_equal(heard, n);
	return pages;
}

static void
a_burst_longer_than_what_is_kept_is_heard_whole(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:x", "");

	serve_look(f);
	await_parked(f, 1);
	send_burst(f, 250);
	hear_burst(f, fd, "@gee:x", 250);
}

/* What is shared is closed where it is not taken: nobody must be told more than that.
 */
static void
a_burst_of_long_events_comes_in_pieces(void **state)
{
	static const char *const users[] = { "@gee:x", "@ann:" TESTING_SERVER };
	struct fixture *f = *state;
	struct gate gate;
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = poll_as(f, users[i], "");
		serve_look(f);
	}
	await_parked(f, 2);
	gate_close(f, &gate);
	for (int i = 0; i < 7; i++)
		send_long_text(f, i);
	gate_open(f, &gate);
	/* A guest's are all shared; a member's second is a look's. */
	assert_int_equal(hear_burst(f, fds[0], users[0], 7), 7);
	assert_int_equal(hear_burst(f, fds[1], users[1], 7), 2);
}

static void
what_has_left_the_rooms_tail_is_redacted_for_the_next_poll_too(void **state)
{
	struct fixture *f = *state;
	int64_t before = atomic_load(&f->t.core.visible);
	int fd = poll_as(f, "@gee:x", "");
	const char *event_id;
	char text[200], *body;

	serve_look(f);
	await_parked(f, 1);
	assert_int_equal(
	    testing_append(&f->t, f->room, "@ann:" TESTING_SERVER, "m.room.message",
		NULL, "{\"body\":\"regretted\"}", &event_id),
	    M_OK);
	for (int i = 0; i < ROOM_TAIL_MAX; i++)
		send_text(f, f->room, "between");
	snprintf(text, sizeof text, "{\"redacts\":\"%s\"}", event_id);
	assert_int_equal(testing_append(&f->t, f->room, "@ann:" TESTING_SERVER,
			     "m.room.redaction", NULL, text, NULL),
	    M_OK);
	free(answer_of(f, fd));
	snprintf(text, sizeof text, "&from=s1_e%lld", (long long)before);
	body = answer_of(f, poll_as(f, "@gee:x", text));
	assert_non_null(strstr(body, "m.room.redaction"));
	if (strstr(body, "regretted") != NULL)
		fail_msg("a redacted event is still shown: %s", body);
	free(body);
}

static void
a_token_that_ends_between_its_check_and_its_poll_is_sent_back(void **state)
{
	struct fixture *f = *state;
	int fd;

	atomic_store(&f->gone_lag, 1); /* identified before what comes now */
	tell_token_gone(f, "@gee:x", "DEVICE");
	fd = poll_as(f, "@gee:x", "");
	expect_words(fd, 200, WORDS("\"chunk\":[]", "\"end\":\"s1_e"), NULL);
	fd = poll_as(f, "@gee:x", "&from=s1_e1");
	expect_words(fd, 200,
	    WORDS("\"chunk\":[]", "\"end\":\"s1_e1\"", "\"start\":\"s1_e1\""), NULL);
}

static void
stopping_answers_everybody(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", ""), user;

	serve_look(f);
	user = poll_as(f, "@ann:" TESTING_SERVER, "");
	serve_look(f);
	await_parked(f, 2);
	http_server_stop(f->http, 2000);
	expect_words(guest, 200, WORDS("\"chunk\":[]"), NULL);
	expect_words(user, 200, WORDS("\"chunk\":[]"), NULL);
}

/* The event that a position stands for may come behind what tells of the position. */
static void
typing_moves_nobody_past_events_to_come(void **state)
{
	struct fixture *f = *state;
	int64_t here = atomic_load(&f->t.core.visible);
	struct change typing = {
		.kind = CHANGE_TYPING, .position = here + 1, .room = room_ref(f->room)
	};
	int fd = poll_as(f, "@ann:" TESTING_SERVER, "&timeout=1000");
	char end[40];

	serve_look(f);
	await_parked(f, 1);
	changes_add(f->t.core.changes, &typing);
	changes_wake(f->t.core.changes);
	snprintf(end, sizeof end, "\"end\":\"s1_e%lld\"", (long long)here);
	expect_words(fd, 200, WORDS("\"chunk\":[]", end), NULL);
}

static void
who_asks_from_a_place_to_come_holds_nobody_up(void **state)
{
	struct fixture *f = *state;
	int64_t here = atomic_load(&f->t.core.visible);
	int first = poll_as(f, "@gee:x", ""), ahead, behind;
	char from[64];

	serve_look(f);
	await_parked(f, 1);
	snprintf(from, sizeof from, "&from=s1_e%lld", (long long)here + 1000);
	ahead = poll_as(f, "@gus:x", from);
	serve_look(f);
	await_parked(f, 2);
	behind = poll_as(f, "@guy:x", "&timeout=100000");
	await_parked(f, 3);
	send_text(f, f->room, "to-both");
	expect_words(first, 200, WORDS("to-both"), NULL);
	expect_words(behind, 200, WORDS("to-both"), NULL);
	close(ahead);
}

/* One group: the room closes, @gee joins, something is said, the room opens again. */
static void
let_in_while_closed(struct fixture *f)
{
	const char *gee = "@gee:" TESTING_SERVER;
	struct new_event join = { .sender = gee,
		.type = "m.room.member",
		.state_key = gee,
		.content = testing_json(f->t.arena, "{\"membership\":\"join\"}") };
	struct gate gate;

	gate_close(f, &gate);
	queue_event(f, f->room, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"joined\"}");
	assert_int_equal(
	    room_append(&f->t.ctx, f->t.arena, f->room, &join, 1, NULL), M_OK);
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"inside\"}");
	queue_event(f, f->room, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"world_readable\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"afterwards\"}");
	gate_open(f, &gate);
}

static void
the_last_word_of_a_room_is_the_last_though_it_opens_again(void **state)
{
	struct fixture *f = *state;
	int fd = poll_as(f, "@gee:" TESTING_SERVER, "");
	char *body, *end, from[64];

	serve_look(f);
	await_parked(f, 1);
	let_in_while_closed(f);
	body = answer_of(f, fd);
	assert_non_null(strstr(body, "\"history_visibility\":\"joined\""));
	assert_null(strstr(body, "afterwards"));
	end = strstr(body, "\"end\":\"") + strlen("\"end\":\"");
	snprintf(from, sizeof from, "&from=%.*s", (int)strcspn(end, "\""), end);
	free(body);
	fd = poll_as(f, "@gee:" TESTING_SERVER, from);
	serve_look(f);
	expect_words(fd, 200, WORDS("inside", "afterwards"), NULL);
}

static void
who_has_joined_is_looked_for_by_name(void **state)
{
	struct fixture *f = *state;
	int other = poll_as(f, "@gus:x", ""), fd;
	char from[64];
	struct waiting *w;

	snprintf(from, sizeof from, "&from=s1_e%lld",
	    (long long)atomic_load(&f->t.core.visible));
	serve_look(f);
	await_parked(f, 1);
	let_in_while_closed(f);
	free(answer_of(f, other));
	fd = poll_as(f, "@gee:" TESTING_SERVER, from); /* a stranger a moment ago */
	serve_look(f);
	expect_words(fd, 200, WORDS("inside", "afterwards"), NULL);
	fd = poll_as(f, "@gee:" TESTING_SERVER, "&from=s1_e1000");
	w = take_look(f);
	do_look(f, w);
	assert_int_equal(w->as, CLASS_MEMBERS);
	hub_looked(f->hubs, w);
	await_parked(f, 1);
	close(fd);
}

static void
who_hears_all_rooms_goes_on_from_where_they_were_looked_at(void **state)
{
	struct fixture *f = *state;
	struct room *other = testing_room(&f->t, "@ann:" TESTING_SERVER, "12");
	char end[40];
	int fd;

	testing_join(&f->t, f->room, "@mary:" TESTING_SERVER);
	snprintf(end, sizeof end, "\"end\":\"s1_e%lld_t",
	    (long long)atomic_load(&f->t.core.visible));
	fd = new_socket();
	connect_socket(fd, f->port);
	say(fd, "GET /events?user=@mary:" TESTING_SERVER
		"&timeout=1000 HTTP/1.1\r\nHost: x\r\n\r\n");
	serve_look(f);
	await_parked(f, 1);
	send_text(f, other, "not hers");
	expect_words(fd, 200, WORDS("\"chunk\":[]", end), NULL);
	room_put(other);
}

/* Who is woken is found by the room's members where these are fewer than listeners. */
static void
a_small_room_wakes_its_members_among_many_who_wait(void **state)
{
	struct fixture *f = *state;
	struct waiting *w;
	int fds[20];

	testing_join(&f->t, f->room, "@user7:" TESTING_SERVER);
	for (int i = 0; i < 20; i++) {
		char text[128];

		fds[i] = new_socket();
		connect_socket(fds[i], f->port);
		snprintf(text, sizeof text,
		    "GET /events?user=@user%d:" TESTING_SERVER
		    " HTTP/1.1\r\nHost: x\r\n\r\n",
		    i);
		say(fds[i], text);
		serve_look(f);
		await_parked(f, i + 1);
	}
	send_text(f, f->room, "to one");
	w = take_look(f);
	assert_string_equal(w->user_id, "@user7:" TESTING_SERVER);
	do_look(f, w);
	hub_looked(f->hubs, w);
	expect_words(fds[7], 200, WORDS("to one"), NULL);
	assert_int_equal(f->look_first, f->look_last);
	for (int i = 0; i < 20; i++)
		if (i != 7)
			close(fds[i]);
}

static void
a_token_that_is_good_is_not_ended_by_the_server_that_stops(void **state)
{
	struct fixture *f = *state;
	int guest = poll_as(f, "@gee:x", "&expires=9000"), user;

	serve_look(f);
	user = poll_as(f, "@ann:" TESTING_SERVER, "&expires=9000");
	serve_look(f);
	await_parked(f, 2);
	http_server_stop(f->http, 2000);
	expect_words(guest, 200, WORDS("\"chunk\":[]"), NULL);
	expect_words(user, 200, WORDS("\"chunk\":[]"), NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_event_between_looking_and_parking_is_heard),
		T(an_event_before_the_look_is_heard_by_it),
		T(a_parked_stranger_hears_without_another_look),
		T(one_encoding_serves_a_hundred_strangers),
		T(strangers_park_are_woken_and_time_out_without_a_lock),
		T(two_rooms_of_one_group_are_both_heard),
		T(nothing_behind_the_end_of_openness_is_heard),
		T(a_logout_ends_a_parked_poll_at_once),
		T(a_logout_during_a_look_ends_the_poll_too),
		T(a_poll_ends_empty_when_its_time_is_up),
		T(a_poll_ends_with_its_token),
		T(what_comes_behind_a_tokens_end_is_not_heard),
		T(a_client_that_goes_leaves_nothing_behind),
		T(a_redaction_replaces_what_is_kept_for_the_next_poll),
		T(a_burst_longer_than_what_is_kept_is_heard_whole),
		T(a_burst_of_long_events_comes_in_pieces),
		T(what_has_left_the_rooms_tail_is_redacted_for_the_next_poll_too),
		T(a_token_that_ends_between_its_check_and_its_poll_is_sent_back),
		T(stopping_answers_everybody),
		T(typing_moves_nobody_past_events_to_come),
		T(who_asks_from_a_place_to_come_holds_nobody_up),
		T(the_last_word_of_a_room_is_the_last_though_it_opens_again),
		T(who_has_joined_is_looked_for_by_name),
		T(who_hears_all_rooms_goes_on_from_where_they_were_looked_at),
		T(a_small_room_wakes_its_members_among_many_who_wait),
		T(a_token_that_is_good_is_not_ended_by_the_server_that_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
