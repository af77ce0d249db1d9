/*
 * Listeners that stay: what a hub sends to streams of server-sent events, and when it
 * ends them. Relies on stream/testing.
 */
#include "core/presence.h"
#include "stream/testing_sse.h"

#define BEN "@ben:" TESTING_SERVER

/* --- what tests say --- */

/* Reads a block, doing the looks that it takes: what comes next of a burst of which so
 * many have been heard. Returns how many that makes. */
static int
burst_on(struct fixture *f, int fd, int heard)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	long long deadline = clock_mono_ms() + WAIT_MS;
	char *block;
	size_t n;
	int now;

	while (poll(&readable, 1, 10) == 0 && clock_mono_ms() < deadline)
		if (look_is_due(f))
			serve_look(f);
	block = read_block(fd, &n);
	now = burst_heard(block, heard);
	assert_true(now > heard);
	free(block);
	return now;
}

/* --- strangers --- */

static void
a_burst_is_one_block_and_its_listener_waits_on(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "@gee:x", "");
	long long here = atomic_load(&f->t.core.visible);
	char id[64];

	await_parked(f, 1);
	send_burst(f, 3);
	snprintf(
	    id, sizeof id, "id: s1_e%lld\nevent: m.room.message\ndata: {", here + 1);
	expect_block(
	    fd, WORDS(id, "burst-000-", "}\n\nid: ", "burst-001-", "burst-002-"), NULL);
	send_text(f, f->room, "after");
	expect_block(fd, WORDS("id: s1_e", "after"), "burst-");
	assert_int_equal(parked(f), 1);
	assert_int_equal(looks(f), 1);
	close(fd);
}

static void
a_stranger_begins_where_it_says(void **state)
{
	struct fixture *f = *state;
	long long here = atomic_load(&f->t.core.visible);
	char from[64], id[32], wanted[32];
	int one, two, three;

	snprintf(from, sizeof from, "&from=s1_e%lld", here);
	snprintf(wanted, sizeof wanted, "s1_e%lld", here);
	send_text(f, f->room, "missed");
	one = stream_as(f, "@gee:x", from);
	serve_look(f);
	expect_opening(one, id);
	assert_string_equal(id, wanted);
	expect_block(one, WORDS("missed"), NULL);
	await_parked(f, 1);
	send_text(f, f->room, "live");
	expect_block(one, WORDS("live"), "missed");
	/* The room is known now: those who come find its newest events at hand. */
	snprintf(from, sizeof from, "&from=s1_e%lld", here + 1);
	two = stream_as(f, "@gus:x", from);
	expect_opening(two, id);
	expect_block(two, WORDS("live"), "missed");
	three = stream_as(f, "@gil:x", "");
	snprintf(wanted, sizeof wanted, "s1_e%lld", here + 2);
	expect_opening(three, id);
	assert_string_equal(id, wanted);
	send_text(f, f->room, "for all");
	expect_block(one, WORDS("for all"), "live");
	expect_block(two, WORDS("for all"), "live");
	expect_block(three, WORDS("for all"), "live");
	assert_int_equal(looks(f), 1);
	close(one);
	close(two);
	close(three);
}

static void
polls_and_streams_share_an_events_encoding(void **state)
{
	struct fixture *f = *state;
	struct json_event_stats before, after;
	struct hub_stats stats;
	int polls[50], streams[50];
	char id[32];

	for (int i = 0; i < 50; i++) {
		polls[i] = poll_as(f, "@gee:x", "");
		if (i == 0)
			serve_look(f);
		await_parked(f, 2 * i + 1);
		streams[i] = stream_as(f, "@gee:x", "");
		expect_opening(streams[i], id);
		await_parked(f, 2 * i + 2);
	}
	json_event_stats(&before);
	send_text(f, f->room, "to-all");
	for (int i = 0; i < 50; i++) {
		expect_words(polls[i], 200, WORDS("to-all"), NULL);
		expect_block(streams[i], WORDS("to-all"), NULL);
		close(streams[i]);
	}
	json_event_stats(&after);
	hubs_stats(f->hubs, &stats);
	assert_int_equal(after.encoded - before.encoded, 1);
	assert_int_equal(after.delivered - before.delivered, 100);
	assert_int_equal(stats.bodies_made, 2); /* the answer, the block */
	assert_int_equal(stats.answers_shared, 100);
}

static void
packed_streams_share_one_packed_block(void **state)
{
	struct fixture *f = *state;
	struct hub_stats stats;
	z_stream streams[10] = { 0 };
	int fds[10];
	char text[2048];

	for (int i = 0; i < 10; i++) {
		fds[i] = i == 5 ? stream_as(f, "@bob:x", ALONE "&gzip=1")
				: stream_as(f, "@gee:x", "&gzip=1");
		if (i == 0 || i == 5)
			serve_look(f);
		expect_head(fds[i]);
		assert_int_equal(inflateInit2(&streams[i], 15 + 16), Z_OK);
		read_packed(fds[i], &streams[i], text, sizeof text);
		assert_true(starts_with(text, "retry: 2000\nid: s1_e"));
	}
	await_parked(f, 10);
	for (int round = 0; round < 3; round++) {
		char body[] = "round-0";

		body[6] += round;
		send_text(f, f->room, body);
		serve_look(f); /* bob's */
		for (int i = 0; i < 10; i++) {
			read_packed(fds[i], &streams[i], text, sizeof text);
			assert_non_null(strstr(text, body));
		}
		await_parked(f, 10);
	}
	hubs_stats(f->hubs, &stats);
	assert_int_equal(stats.bodies_made, 6); /* plain and packed */
	turn_clock(f, SSE_COMMENT_MS + 1000);
	for (int i = 0; i < 10; i++) {
		read_packed(fds[i], &streams[i], text, sizeof text);
		assert_string_equal(text, ":\n\n");
		inflateEnd(&streams[i]);
		close(fds[i]);
	}
}

static void
a_long_block_goes_into_a_packed_stream_as_it_is(void **state)
{
	struct fixture *f = *state;
	int fd = stream_as(f, "@gee:x", "&gzip=1");
	size_t cap = 300000;
	char *text = malloc(cap);
	z_stream stream = { 0 };
	struct gate gate;

	serve_look(f);
	expect_head(fd);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	read_packed(fd, &stream, text, cap);
	await_parked(f, 1);
	gate_close(f, &gate);
	send_text_of(f, 0, 40000);
	send_text_of(f, 1, 50000);
	gate_open(f, &gate);
	read_packed(fd, &stream, text, cap);
	assert_int_equal(burst_heard(text, 0), 2);
	send_text(f, f->room, "short");
	read_packed(fd, &stream, text, cap);
	assert_non_null(strstr(text, "short"));
	inflateEnd(&stream);
	free(text);
	close(fd);
}

static void
a_room_that_closes_ends_its_streams_with_that_event(void **state)
{
	struct fixture *f = *state;
	int stranger = open_stream(f, "@gee:x", ""), peeker, again;
	struct gate gate;

	peeker = open_stream(f, "@bob:x", ALONE);
	await_parked(f, 2);
	gate_close(f, &gate);
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"open\"}");
	queue_event(f, f->room, "m.room.history_visibility", "",
	    "{\"history_visibility\":\"joined\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"closed\"}");
	gate_open(f, &gate);
	serve_look(f);
	expect_block(
	    stranger, WORDS("open", "\"history_visibility\":\"joined\""), "closed");
	expect_stream_end(stranger);
	expect_block(
	    peeker, WORDS("open", "\"history_visibility\":\"joined\""), "closed");
	send_text(f, f->room, "closed too");
	serve_look(f);
	expect_stream_end(peeker);
	again = stream_as(f, "@gee:x", "");
	serve_look(f);
	expect_answer(again, 403, "M_FORBIDDEN");
	await_parked(f, 0);
	close(again);
}

static void
a_logout_cuts_streams_off(void **state)
{
	struct fixture *f = *state;
	int stranger = open_stream(f, "@gee:x", ""), user, other, looking, early;
	struct waiting *w;

	user = open_stream(f, ANN, ALONE);
	other = open_stream(f, "@bob:x", ALONE);
	await_parked(f, 3);
	tell_token_gone(f, "@gee:x", "DEVICE");
	tell_token_gone(f, ANN, "ANOTHER");
	expect_end(stranger); /* without the last chunk */
	send_text(f, f->room, "still");
	serve_look(f);
	serve_look(f);
	expect_block(user, WORDS("still"), NULL);
	expect_block(other, WORDS("still"), NULL);
	await_parked(f, 2);
	tell_token_gone(f, ANN, NULL);
	expect_end(user);
	/* While a worker looks: for a stream that has begun, and before it begins. */
	send_text(f, f->room, "too late");
	w = take_look(f);
	looking = other;
	tell_token_gone(f, "@bob:x", "DEVICE");
	do_look(f, w);
	hub_looked(f->hubs, w);
	expect_end(looking);
	early = stream_as(f, "@bob:x", ALONE);
	w = take_look(f);
	tell_token_gone(f, "@bob:x", "DEVICE");
	do_look(f, w);
	hub_looked(f->hubs, w);
	expect_answer(early, 401, "{}");
	await_parked(f, 0);
	close(early);
}

static void
a_stream_ends_with_its_token(void **state)
{
	struct fixture *f = *state;
	int guest = open_stream(f, "@gee:x", "&expires=5000"), user;

	user = open_stream(f, ANN, ALONE "&expires=5000");
	await_parked(f, 2);
	turn_clock(f, 4000);
	send_text(f, f->room, "in time");
	serve_look(f);
	expect_block(guest, WORDS("in time"), NULL);
	expect_block(user, WORDS("in time"), NULL);
	await_parked(f, 2);
	turn_clock(f, 6000);
	expect_end(guest);
	expect_end(user);
}

static void
whoever_is_outrun_is_cut_off_and_goes_on_without_loss(void **state)
{
	struct fixture *f = *state;
	int fd = stream_as(f, "@gee:x", ""), heard = 0;
	char id[32], from[64];

	serve_look(f);
	expect_opening(fd, id);
	await_parked(f, 1);
	send_burst(f, 250);
	expect_end(fd);
	snprintf(from, sizeof from, "&from=%s", id);
	fd = stream_as(f, "@gee:x", from);
	serve_look(f);
	expect_opening(fd, id);
	while (heard < 250)
		heard = burst_on(f, fd, heard);
	await_parked(f, 1);
	send_text(f, f->room, "live again");
	expect_block(fd, WORDS("live again"), "burst-");
	assert_int_equal(heard, 250);
	close(fd);
}

/* --- silence --- */

static void
a_comment_comes_after_25_seconds_of_silence(void **state)
{
	struct fixture *f = *state;
	int stranger = open_stream(f, "@gee:x", ""), user;

	user = open_stream(f, ANN, ALONE);
	await_parked(f, 2);
	turn_clock(f, SSE_COMMENT_MS - 2000);
	send_text(f, f->room, "before");
	serve_look(f);
	expect_block(stranger, WORDS("before"), NULL);
	expect_block(user, WORDS("before"), NULL);
	await_parked(f, 2);
	turn_clock(f, SSE_COMMENT_MS + 1000);
	expect_block(stranger, WORDS(":\n\n"), "id");
	expect_block(user, WORDS(":\n\n"), "id");
	turn_clock(f, SSE_COMMENT_MS + 2000);
	expect_block(stranger, WORDS(":\n\n"), "id");
	expect_block(user, WORDS(":\n\n"), "id");
	send_text(f, f->room, "after");
	serve_look(f);
	expect_block(stranger, WORDS("after"), "before");
	expect_block(user, WORDS("after"), "before");
	close(stranger);
	close(user);
}

/* --- members, peekers, several rooms --- */

static void
one_look_answers_a_member_for_each_event(void **state)
{
	struct fixture *f = *state;
	int member = open_stream(f, ANN, ALONE),
	    peeker = open_stream(f, "@bob:x", ALONE);

	await_parked(f, 2);
	for (int i = 0; i < 5; i++) {
		char body[] = "word-0";

		body[5] += i;
		send_text(f, f->room, body);
		serve_look(f);
		serve_look(f);
		expect_block(
		    member, WORDS(body, "\"membership\":\"join\""), "\"leave\"");
		expect_block(
		    peeker, WORDS(body, "\"membership\":\"leave\""), "\"join\"");
		await_parked(f, 2);
	}
	assert_int_equal(looks(f), 12);
	close(member);
	close(peeker);
}

static void
what_comes_while_a_worker_looks_is_heard_behind_it(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, ANN, ALONE);
	struct waiting *w;

	await_parked(f, 1);
	send_text(f, f->room, "first");
	w = take_look(f);
	do_look(f, w);
	send_text(f, f->room, "second");
	writer_flush(f->t.core.writer);
	hub_looked(f->hubs, w);
	expect_block(fd, WORDS("first"), "second");
	serve_look(f);
	expect_block(fd, WORDS("second"), "first");
	close(fd);
}

static void
a_backlog_comes_page_by_page_until_it_is_heard(void **state)
{
	struct fixture *f = *state;
	long long here = atomic_load(&f->t.core.visible);
	char from[64], id[32];
	int fd, heard = 0, pages = 0;

	send_burst(f, 250);
	snprintf(from, sizeof from, "&from=s1_e%lld", here);
	fd = stream_as(f, ANN, from);
	serve_look(f);
	expect_opening(fd, id);
	for (; heard < 250; pages++)
		heard = burst_on(f, fd, heard);
	assert_int_equal(pages, 3);
	await_parked(f, 1);
	assert_int_equal(looks(f), 3);
	close(fd);
}

static void
two_rooms_of_one_stream_are_both_heard_in_their_order(void **state)
{
	struct fixture *f = *state;
	struct room *other = testing_room(&f->t, ANN, "11");
	char more[300];
	struct gate gate;
	int fd;

	assert_int_equal(testing_append(&f->t, other, ANN, "m.room.history_visibility",
			     "", "{\"history_visibility\":\"world_readable\"}", NULL),
	    M_OK);
	snprintf(more, sizeof more, "&room=%s", other->room_id);
	fd = open_stream(f, "@gee:x", more);
	await_parked(f, 1);
	gate_close(f, &gate);
	queue_event(f, other, "m.room.message", NULL, "{\"body\":\"first\"}");
	queue_event(f, f->room, "m.room.message", NULL, "{\"body\":\"second\"}");
	gate_open(f, &gate);
	serve_look(f);
	expect_block(fd, WORDS("first", "\n\nid: ", "second"), NULL);
	serve_look(f); /* the second one came while it was looked */
	await_parked(f, 1);
	send_text(f, other, "third");
	serve_look(f);
	expect_block(fd, WORDS("third"), "second");
	/* One of them closes: its last word, and the end. */
	assert_int_equal(testing_append(&f->t, other, ANN, "m.room.history_visibility",
			     "", "{\"history_visibility\":\"joined\"}", NULL),
	    M_OK);
	serve_look(f);
	expect_block(fd, WORDS("\"history_visibility\":\"joined\""), NULL);
	send_text(f, other, "unheard");
	serve_look(f);
	expect_stream_end(fd);
	room_put(other);
}

static void
who_hears_all_rooms_hears_typing_too(void **state)
{
	struct fixture *f = *state;
	long long here = atomic_load(&f->t.core.visible);
	int fds[2];
	char from[64], id[32];

	snprintf(from, sizeof from, "&from=s1_e%lld", here);
	fds[0] = stream_of_all(f, ANN, "");
	fds[1] = stream_of_all(f, ANN, from); /* that tells nothing of typing */
	for (int i = 0; i < 2; i++) {
		serve_look(f);
		expect_opening(fds[i], id);
		assert_non_null(strstr(id, "_t"));
	}
	await_parked(f, 2);
	typing_set(&f->t.core, f->room, ANN, 30000);
	for (int i = 0; i < 2; i++)
		serve_look(f);
	for (int i = 0; i < 2; i++)
		expect_block(fds[i],
		    WORDS("id: s1_e", "_t", "\nevent: m.typing\n",
			"{\"user_ids\":[\"" ANN "\"]}"),
		    NULL);
	await_parked(f, 2);
	send_text(f, f->room, "typed");
	for (int i = 0; i < 2; i++)
		serve_look(f);
	for (int i = 0; i < 2; i++) {
		expect_block(fds[i], WORDS("_t", "event: m.room.message\n", "typed"),
		    "m.typing");
		close(fds[i]);
	}
}

static void
who_hears_all_rooms_is_woken_by_presence_of_those_in_them(void **state)
{
	struct fixture *f = *state;
	const struct identity ben = { .user_id = BEN, .device_id = "BENS" };
	char id[32];
	int ann, stranger;

	testing_join(&f->t, f->room, BEN);
	ann = stream_of_all(f, ANN, "");
	serve_look(f);
	expect_opening(ann, id);
	assert_non_null(strstr(id, "_p"));
	stranger = stream_of_all(f, "@cat:" TESTING_SERVER, "");
	serve_look(f);
	expect_opening(stranger, id);
	await_parked(f, 2);
	presence_seen(&f->t.core, &ben, PRESENCE_ONLINE, 30000);
	presence_tick(&f->t.ctx, f->t.arena, false);
	serve_look(f); /* ann's alone */
	expect_block(ann,
	    WORDS("id: s1_e", "_p", "\nevent: m.presence\n", "\"presence\":\"online\"",
		"\"sender\":\"" BEN "\""),
	    NULL);
	await_parked(f, 2);
	send_text(f, f->room, "spoken");
	serve_look(f);
	expect_block(
	    ann, WORDS("_p", "event: m.room.message\n", "spoken"), "m.presence");
	close(ann);
	close(stranger);
}

static void
who_joins_while_it_listens_comes_back_as_a_member(void **state)
{
	struct fixture *f = *state;
	int joins = open_stream(f, "@gee:" TESTING_SERVER, ""), stays, again;
	char id[32], from[64];
	long long here = atomic_load(&f->t.core.visible);

	stays = stream_as(f, "@gus:x", "");
	expect_opening(stays, id);
	await_parked(f, 2);
	testing_join(&f->t, f->room, "@gee:" TESTING_SERVER);
	expect_stream_end(joins);
	expect_block(stays, WORDS("\"membership\":\"join\""), NULL);
	/* Whoever has joined has rows, and is a stranger no more. */
	snprintf(from, sizeof from, "&from=s1_e%lld", here);
	again = open_stream(f, "@mary:" TESTING_SERVER, from);
	expect_block(again, WORDS("\"membership\":\"join\""), NULL);
	await_parked(f, 2);
	send_text(f, f->room, "to both");
	expect_block(stays, WORDS("to both"), NULL);
	expect_block(again, WORDS("to both"), NULL);
	close(stays);
	close(again);
}

static void
what_is_done_to_others_ends_no_stream(void **state)
{
	struct fixture *f = *state;
	int fd = open_stream(f, "@gee:" TESTING_SERVER, "");

	await_parked(f, 1);
	assert_int_equal(
	    testing_append(&f->t, f->room, ANN, "m.room.member", "@gee:" TESTING_SERVER,
		"{\"membership\":\"invite\"}", NULL),
	    M_OK);
	expect_block(fd, WORDS("\"membership\":\"invite\""), NULL);
	testing_join(&f->t, f->room, "@mary:" TESTING_SERVER);
	expect_block(fd, WORDS("\"membership\":\"join\""), NULL);
	await_parked(f, 1);
	close(fd);
}

/* --- ends --- */

static void
a_stream_whose_client_goes_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	int stranger = open_stream(f, "@gee:x", ""), user, early;
	struct waiting *w;

	user = open_stream(f, ANN, ALONE);
	await_parked(f, 2);
	close(stranger);
	await_parked(f, 1);
	send_text(f, f->room, "unheard");
	w = take_look(f);
	close(user);
	do_look(f, w);
	hub_looked(f->hubs, w);
	early = stream_as(f, "@bob:x", ALONE);
	w = take_look(f);
	close(early);
	do_look(f, w);
	hub_looked(f->hubs, w);
	await_parked(f, 0);
}

/* A socket that holds little, whose owner reads when the test says so. */
static int
narrow_stream(struct fixture *f, const char *user, const char *more)
{
	int fd = new_socket(), small = 4096;
	char text[512];

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	connect_socket(fd, f->port);
	snprintf(text, sizeof text,
	    "GET /events?user=%s&room=%s&stream=1%s HTTP/1.1\r\nHost: x\r\n\r\n", user,
	    f->room->room_id, more);
	say(fd, text);
	return fd;
}

static void
who_does_not_read_is_closed_and_the_others_hear_on(void **state)
{
	struct fixture *f = *state;
	int slow, quick = open_stream(f, "@gee:x", "");

	slow = narrow_stream(f, "@gus:x", "");
	await_parked(f, 2);
	for (int i = 0; parked(f) == 2; i++) {
		assert_true(i < 400);
		send_long_text(f, i);
		writer_flush(f->t.core.writer);
		expect_block(quick, WORDS("burst-"), NULL);
	}
	send_text(f, f->room, "after");
	expect_block(quick, WORDS("after"), NULL);
	assert_int_equal(parked(f), 1);
	close(slow);
	close(quick);
}

/* What is kept for all who read slowly. */
static size_t
pinned(struct fixture *f)
{
	struct http_stats stats;

	http_server_stats(f->http, &stats);
	return stats.pinned_bytes;
}

static void
a_burst_is_sent_in_pieces_as_each_of_them_is_taken(void **state)
{
	enum { BURST = 12 }; /* as many as the gate lets wait */
	struct fixture *f = *state;
	int quick = open_stream(f, "@gee:x", ""), slow, heard;
	char id[32];
	struct gate gate;

	slow = narrow_stream(f, "@gus:x", "");
	expect_opening(slow, id);
	await_parked(f, 2);
	gate_close(f, &gate);
	for (int i = 0; i < BURST; i++)
		send_long_text(f, i);
	gate_open(f, &gate);
	for (heard = 0; heard < BURST;)
		heard = burst_on(f, quick, heard);
	assert_int_equal(parked(f), 2);
	/* One piece, and no event is longer than 64 KB. */
	assert_in_range(pinned(f), 1, EVENTS_BYTES + 65536);
	turn_clock(f, SSE_COMMENT_MS + 1000); /* no sign of life is put behind it */
	for (heard = 0; heard < BURST;)
		heard = burst_on(f, slow, heard);
	expect_block(quick, WORDS(":\n\n"), NULL);
	send_text(f, f->room, "after");
	expect_block(slow, WORDS("after"), NULL);
	expect_block(quick, WORDS("after"), NULL);
	assert_int_equal(looks(f), 1);
	close(slow);
	close(quick);
}

/* Pages go out until one of them is not taken. */
static void
serve_until_behind(struct fixture *f)
{
	do {
		serve_look(f);
		turn_clock(f, 0);
	} while (look_is_due(f));
}

static void
a_slow_reader_gets_its_backlog_page_by_page(void **state)
{
	struct fixture *f = *state;
	long long here = atomic_load(&f->t.core.visible);
	uint64_t behind, pages = 0;
	char from[64], id[32];
	int fd, heard = 0;

	for (int i = 0; i < 250; i++)
		send_long_text(f, i);
	writer_flush(f->t.core.writer);
	snprintf(from, sizeof from, "&from=s1_e%lld", here);
	fd = narrow_stream(f, "@gee:x", from);
	serve_until_behind(f);
	await_parked(f, 1);
	behind = looks(f); /* the next page waits for this one */
	send_text(f, f->room, "burst-250-");
	turn_clock(f, SSE_COMMENT_MS + 1000);
	assert_int_equal(looks(f), behind);
	expect_opening(fd, id);
	for (; heard < 251; pages++)
		heard = burst_on(f, fd, heard);
	assert_true(behind < pages);
	assert_int_equal(looks(f), pages); /* and none to find nothing */
	send_text(f, f->room, "burst-251-");
	assert_int_equal(burst_on(f, fd, heard), 252);
	close(fd);
}

static void
a_poll_that_is_sent_back_may_be_a_stream(void **state)
{
	struct fixture *f = *state;
	struct answer answer;
	int fd;

	atomic_store(&f->gone_lag, 1); /* identified before what comes now */
	tell_token_gone(f, "@gee:x", "DEVICE");
	fd = stream_as(f, "@gee:x", "&from=s1_e1");
	read_answer(fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.head, "\r\nContent-Type: text/event-stream\r\n"));
	assert_int_equal(answer.n, 0);
	free(answer.body);
	close(fd);
}

static void
stopping_ends_every_stream(void **state)
{
	struct fixture *f = *state;
	int stranger = open_stream(f, "@gee:x", ""), user, begun, fresh;
	struct waiting *w;

	user = open_stream(f, ANN, ALONE);
	await_parked(f, 2);
	begun = stream_of_all(f, ANN, "");
	serve_look(f);
	await_parked(f, 3);
	fresh = stream_as(f, "@bob:x", ALONE);
	w = take_look(f);
	do_look(f, w);
	http_post(http_io_at(f->http, 0), stop_hub, f);
	hub_looked(f->hubs, w);
	expect_stream_end(stranger);
	expect_stream_end(user);
	expect_opening(begun, (char[32]){ 0 });
	expect_stream_end(begun);
	expect_opening(fresh, (char[32]){ 0 });
	expect_stream_end(fresh);
	await_parked(f, 0);
}

static void
what_was_said_before_the_server_stops_is_heard(void **state)
{
	struct fixture *f = *state;
	struct hold hold = { .f = f };
	int fd = open_stream(f, "@gee:x", "");

	await_parked(f, 1);
	hold_io(&hold);
	send_text(f, f->room, "last words");
	writer_flush(f->t.core.writer);
	http_post(http_io_at(f->http, 0), stop_hub, f);
	let_io_go(&hold);
	expect_block(fd, WORDS("last words"), NULL);
	expect_stream_end(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_burst_is_one_block_and_its_listener_waits_on),
		T(a_stranger_begins_where_it_says),
		T(polls_and_streams_share_an_events_encoding),
		T(packed_streams_share_one_packed_block),
		T(a_long_block_goes_into_a_packed_stream_as_it_is),
		T(a_room_that_closes_ends_its_streams_with_that_event),
		T(a_logout_cuts_streams_off),
		T(a_stream_ends_with_its_token),
		T(whoever_is_outrun_is_cut_off_and_goes_on_without_loss),
		T(a_comment_comes_after_25_seconds_of_silence),
		T(one_look_answers_a_member_for_each_event),
		T(what_comes_while_a_worker_looks_is_heard_behind_it),
		T(a_backlog_comes_page_by_page_until_it_is_heard),
		T(two_rooms_of_one_stream_are_both_heard_in_their_order),
		T(who_hears_all_rooms_hears_typing_too),
		T(who_hears_all_rooms_is_woken_by_presence_of_those_in_them),
		T(who_joins_while_it_listens_comes_back_as_a_member),
		T(what_is_done_to_others_ends_no_stream),
		T(a_stream_whose_client_goes_leaves_nothing_behind),
		T(who_does_not_read_is_closed_and_the_others_hear_on),
		T(a_burst_is_sent_in_pieces_as_each_of_them_is_taken),
		T(a_slow_reader_gets_its_backlog_page_by_page),
		T(a_poll_that_is_sent_back_may_be_a_stream),
		T(stopping_ends_every_stream),
		T(what_was_said_before_the_server_stops_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
