/*
 * HTTP/2 as a client sees it: many requests on one connection, parked, streamed, reset
 * and refused. Relies on http/h2_testing.
 */
#include "http/h2_testing.h"

static void
requests_of_one_connection_are_answered_side_by_side(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char path[100][16];
	int32_t ids[100], slow = h2_ask(client, "/detach");

	for (int i = 0; i < 100; i++) {
		snprintf(path[i], sizeof path[i], "/%d", i);
		ids[i] = h2_ask(client, path[i]);
	}
	for (int i = 0; i < 100; i++)
		h2_expect(client, ids[i], 200, path[i]);
	wait_until(app, &app->detached_n, 1);
	answer_text(app->detached[0]->exchange, "at last", 7, false);
	h2_expect(client, slow, 200, "at last");
	assert_int_equal(stats_of(app).accepted, 1);
	assert_int_equal(stats_of(app).requests, 101);
	assert_int_equal(stats_of(app).answered, 101);
	h2_hang_up(client);
}

static void
bodies_larger_than_the_windows_go_up_and_down(void **state)
{
	struct h2_client *client = h2_dial(*state);
	char *text = malloc(BODY_MAX);
	struct str body[4];
	int32_t ids[4];

	for (int i = 0; i < BODY_MAX; i++)
		text[i] = (char)('a' + i % 29);
	for (int i = 0; i < 4; i++) {
		body[i] = (struct str){ text, BODY_MAX };
		ids[i] = h2_ask_with(client, "POST", "/echo", &body[i]);
	}
	for (int i = 0; i < 4; i++) {
		struct h2_got *got = h2_await(client, ids[i]);

		assert_int_equal(got->status, 200);
		assert_int_equal(got->body.n, BODY_MAX);
		assert_memory_equal(got->body.p, text, BODY_MAX);
	}
	free(text);
	h2_hang_up(client);
}

static void
a_head_request_and_a_204_have_no_body(void **state)
{
	struct h2_client *client = h2_dial(*state);
	int32_t id = h2_ask_with(client, "HEAD", "/big?1000", NULL);

	h2_expect(client, id, 200, "");
	assert_int_equal(got_of(client, id)->length, 1000);
	id = h2_ask(client, "/nothing");
	h2_expect(client, id, 204, "");
	assert_int_equal(got_of(client, id)->length, -1);
	h2_hang_up(client);
}

/* ---- parked ---- */

struct later {
	struct app *app;
	struct http_shared *shared;
	bool cut;
};

/* Runs fn on each io thread and waits for it; fn notes app->posted. */
static void
on_each_thread(struct later *later, void (*fn)(struct http_io *io, void *arg))
{
	struct app *app = later->app;
	int before = app->posted, n = http_io_count(app->server);

	for (int i = 0; i < n; i++)
		http_post(http_io_at(app->server, i), fn, later);
	wait_until(app, &app->posted, before + n);
}

static void
answer_parked(struct http_io *io, void *arg)
{
	struct later *later = arg;
	struct app *app = later->app;

	for (int i = 0; i < app->parked_n; i++)
		if (app->parked[i].io == io && http_waiting(app->parked[i]))
			http_answer_shared(app->parked[i], later->shared);
	note(app, &app->posted);
}

static void
two_hundred_parked_streams_share_one_answer(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	struct later later = { .app = app,
		.shared = http_shared_new(200, NULL, "{\"chunk\":[]}", 12) };
	int32_t ids[200];

	for (int i = 0; i < 200; i++)
		ids[i] = h2_ask(client, "/park");
	wait_until(app, &app->parked_n, 200);
	assert_int_equal(stats_of(app).parked, 200);
	on_each_thread(&later, answer_parked);
	http_shared_unref(later.shared);
	for (int i = 0; i < 200; i++)
		h2_expect(client, ids[i], 200, "{\"chunk\":[]}");
	assert_int_equal(stats_of(app).parked, 0);
	assert_int_equal(app->gone_n, 0);
	h2_hang_up(client);
}

static void
a_parked_stream_that_is_reset_is_gone_once(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	int32_t first = h2_ask(client, "/park"), second = h2_ask(client, "/park");

	wait_until(app, &app->parked_n, 2);
	nghttp2_submit_rst_stream(client->session, 0, first, NGHTTP2_CANCEL);
	h2_push(client);
	wait_until(app, &app->gone_n, 1);
	assert_int_equal(app->gone_tag, 0);
	answer_text(app->parked[0], "too late", 8, false);
	answer_text(app->parked[1], "in time", 7, false);
	h2_expect(client, second, 200, "in time");
	h2_hang_up(client);
	settle(app);
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(stats_of(app).parked, 0);
}

static void
a_connection_that_is_lost_takes_each_of_its_parked_streams(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);

	for (int i = 0; i < 100; i++)
		h2_ask(client, "/park");
	wait_until(app, &app->parked_n, 100);
	h2_hang_up(client);
	wait_until(app, &app->gone_n, 100);
	settle(app);
	assert_int_equal(app->gone_n, 100);
	assert_int_equal(stats_of(app).parked, 0);
	for (int i = 0; i < 100; i++)
		answer_text(app->parked[i], "nobody", 6, false);
	settle(app);
	assert_int_equal(stats_of(app).answered, 0);
}

/* ---- answers that go on ---- */

static void
begin_streams(struct http_io *io, void *arg)
{
	struct later *later = arg;
	struct http_reply head = { .status = 200, .content_type = "text/event-stream" };

	for (int i = 0; i < later->app->parked_n; i++)
		if (later->app->parked[i].io == io)
			assert_true(http_stream_begin(later->app->parked[i], &head));
	note(later->app, &later->app->posted);
}

static void
send_block(struct http_io *io, void *arg)
{
	struct later *later = arg;

	for (int i = 0; i < later->app->parked_n; i++)
		if (later->app->parked[i].io == io)
			http_stream_block(later->app->parked[i], later->shared);
	note(later->app, &later->app->posted);
}

static void
end_streams(struct http_io *io, void *arg)
{
	struct later *later = arg;

	for (int i = 0; i < later->app->parked_n; i++)
		if (later->app->parked[i].io == io)
			http_stream_end(later->app->parked[i], later->cut);
	note(later->app, &later->app->posted);
}

static void
await_bytes(struct h2_client *client, int32_t id, size_t n)
{
	while (got_of(client, id)->body.n < n)
		assert_true(h2_pump(client));
}

static void
blocks_arrive_on_each_stream_as_they_are_sent(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	struct later later = { .app = app, .shared = http_block_new("data: 1\n\n", 9) };
	int32_t ids[50];

	for (int i = 0; i < 50; i++)
		ids[i] = h2_ask(client, "/park");
	wait_until(app, &app->parked_n, 50);
	on_each_thread(&later, begin_streams);
	for (int round = 1; round <= 3; round++) {
		on_each_thread(&later, send_block);
		for (int i = 0; i < 50; i++)
			await_bytes(client, ids[i], (size_t)round * 9);
	}
	on_each_thread(&later, end_streams);
	for (int i = 0; i < 50; i++)
		h2_expect(client, ids[i], 200, "data: 1\n\ndata: 1\n\ndata: 1\n\n");
	assert_int_equal(app->gone_n, 0);
	http_shared_unref(later.shared);
	h2_hang_up(client);
}

static void
a_stream_that_is_cut_ends_with_a_reset(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	struct later later = {
		.app = app, .shared = http_block_new("data: 1\n\n", 9), .cut = true
	};
	int32_t id = h2_ask(client, "/park");

	wait_until(app, &app->parked_n, 1);
	on_each_thread(&later, begin_streams);
	on_each_thread(&later, send_block);
	await_bytes(client, id, 9);
	on_each_thread(&later, end_streams);
	assert_false(h2_await(client, id)->ended);
	assert_int_equal(got_of(client, id)->error, NGHTTP2_CANCEL);
	assert_int_equal(app->gone_n, 0);
	h2_expect(client, h2_ask(client, "/still"), 200, "/still");
	http_shared_unref(later.shared);
	h2_hang_up(client);
}

static void
a_stream_whose_reader_is_slow_is_let_go_alone(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial_with(app, 1000, true);
	char *text = calloc(1, 20000);
	struct later later = { .app = app, .shared = http_block_new(text, 20000) };
	int32_t id = h2_ask(client, "/park");

	wait_until(app, &app->parked_n, 1);
	on_each_thread(&later, begin_streams);
	for (int i = 0; i < WRITE_MAX / 20000; i++)
		on_each_thread(&later, send_block);
	assert_int_equal(app->gone_n, 0);
	on_each_thread(&later, send_block);
	wait_until(app, &app->gone_n, 1);
	assert_false(h2_await(client, id)->ended);
	h2_expect(client, h2_ask(client, "/still"), 200, "/still");
	h2_hang_up(client);
	settle(app);
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	http_shared_unref(later.shared);
	free(text);
}

static void
a_block_of_any_size_reaches_who_reads(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	size_t n = 3 * WRITE_MAX;
	char *text = calloc(1, n);
	struct later later = { .app = app, .shared = http_block_new(text, n) };
	int32_t id = h2_ask(client, "/park");

	wait_until(app, &app->parked_n, 1);
	on_each_thread(&later, begin_streams);
	for (size_t round = 1; round <= 3; round++) {
		on_each_thread(&later, send_block);
		await_bytes(client, id, round * n);
	}
	h2_hang_up(client);
	wait_until(app, &app->gone_n, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	http_shared_unref(later.shared);
	free(text);
}

/* ---- what is no request ---- */

static void
expect_no_request(struct app *app, const nghttp2_nv *fields, size_t n)
{
	struct h2_client *client = h2_dial(app);
	int32_t id = h2_submit(client, fields, n, NULL);
	struct h2_got *got = h2_await(client, id);

	if (got->status != 400)
		assert_int_equal(got->error, NGHTTP2_PROTOCOL_ERROR);
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	h2_hang_up(client);
}

static void
what_is_no_request_is_refused_and_reaches_nobody(void **state)
{
	struct app *app = *state;
	const nghttp2_nv method = nv(":method", "GET"), scheme = nv(":scheme", "http"),
			 authority = nv(":authority", "x"), path = nv(":path", "/");
	const nghttp2_nv cases[][6] = {
		{ method, scheme, authority, path, nv("a", "b\r\nevil: yes") },
		{ method, scheme, authority, path, nv("a", "b\nc") },
		{ method, scheme, authority, path, nv("a b", "c") },
		{ method, scheme, authority, path, nv("connection", "close") },
		{ method, scheme, authority, path, nv("transfer-encoding", "chunked") },
		{ method, scheme, authority, path, nv("content-length", "5") },
		{ method, scheme, authority, path, nv("content-length", "-1") },
		{ method, scheme, authority, nv(":path", "/a b"), nv("a", "b") },
		{ method, scheme, authority, nv(":path", "/a\tb"), nv("a", "b") },
		{ method, scheme, authority, nv(":path", ""), nv("a", "b") },
		{ method, scheme, authority, nv(":path", "a"), nv("a", "b") },
		{ method, scheme, authority, path, path },
		{ method, scheme, authority, path, nv(":status", "200") },
		{ method, scheme, path, nv("a", "b"), nv("c", "d") },
		{ scheme, authority, path, nv("a", "b"), nv("c", "d") },
		{ method, authority, path, nv("a", "b"), nv("c", "d") },
		{ method, scheme, authority, nv("a", "b"), path },
		{ nv(":method", "GE T"), scheme, authority, path, nv("a", "b") },
		{ method, scheme, nv(":authority", "x y"), path, nv("a", "b") },
		{ method, scheme, nv(":authority", "u@x"), path, nv("a", "b") },
	};
	size_t n = sizeof cases / sizeof *cases;

	for (size_t i = 0; i < n; i++)
		expect_no_request(app, cases[i], 5);
	assert_int_equal(stats_of(app).requests, n); /* those of /next */
}

static void
a_body_unlike_its_content_length_reaches_nobody(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	const nghttp2_nv fields[] = { nv(":method", "POST"), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", "/p"), nv("content-length", "5") };
	struct str longer = STR("longer"), less = STR("less"), right = STR("right");

	h2_await(client, h2_submit(client, fields, 5, &longer));
	h2_await(client, h2_submit(client, fields, 5, &less));
	assert_int_equal(stats_of(app).requests, 0);
	h2_expect(client, h2_submit(client, fields, 5, &right), 200, "right");
	h2_hang_up(client);
}

static void
a_head_that_is_too_large_gets_431_and_a_target_414(void **state)
{
	struct h2_client *client = h2_dial(*state);
	char *text = malloc(20001);

	memset(text, 'x', 20000);
	text[0] = '/';
	text[20000] = '\0';
	h2_expect(client, h2_ask(client, text), 431, "{\"status\":431}");
	text[9000] = '\0';
	h2_expect(client, h2_ask(client, text), 414, "{\"status\":414}");
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	free(text);
	h2_hang_up(client);
}

/* ---- floods ---- */

/* The same frame again and again, and then nothing until the server closes: its last
 * word, or -1 where the reset of the connection was faster. */
static int
flood(int fd, const void *frame, size_t n)
{
	enum { AT_ONCE = 500, TIMES = 400 };
	char *many = malloc(n * AT_ONCE);
	bool takes = true;

	for (size_t i = 0; i < AT_ONCE; i++)
		memcpy(many + i * n, frame, n);
	for (int i = 0; i < TIMES && takes; i++) {
		size_t at = 0;

		while (takes && at < n * AT_ONCE) {
			ssize_t sent =
			    send(fd, many + at, n * AT_ONCE - at, MSG_NOSIGNAL);

			takes = sent > 0;
			at += takes ? (size_t)sent : 0;
		}
	}
	free(many);
	return goaway_of(fd);
}

static void
expect_calmed(struct app *app, int fd, const void *frame, size_t n)
{
	int code = flood(fd, frame, n);

	assert_true(code == -1 || code == NGHTTP2_ENHANCE_YOUR_CALM ||
		    code == NGHTTP2_INTERNAL_ERROR || code == NGHTTP2_PROTOCOL_ERROR);
	while (stats_of(app).connections > 0)
		sched_yield();
}

/* GET http x, of / and of /never. */
static const char get_root[] = "\x82\x86\x84\x01\x01x";
static const char get_never[] = "\x82\x86\x01\x01x\x04\x06/never";

static void
floods_of_frames_that_bring_nothing_end_the_connection(void **state)
{
	static const char ping[17] = { 0, 0, 8, NGHTTP2_PING };
	static const char settings[9] = { 0, 0, 0, NGHTTP2_SETTINGS };
	static const char empty[9] = { 0, 0, 0, NGHTTP2_DATA, 0, 0, 0, 0, 1 };
	static const char more[9] = { 0, 0, 0, NGHTTP2_CONTINUATION, 0, 0, 0, 0, 1 };
	static const char window[13] = { 0, 0, 4, NGHTTP2_WINDOW_UPDATE, 0, 0, 0, 0, 0,
		0, 0, 0, 1 };
	struct app *app = *state;
	int fd;

	expect_calmed(app, dial_raw(app), ping, sizeof ping);
	expect_calmed(app, dial_raw(app), settings, sizeof settings);
	expect_calmed(app, dial_raw(app), window, sizeof window);
	fd = dial_raw(app);
	say_frame(fd, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, get_root,
	    sizeof get_root - 1);
	expect_calmed(app, fd, empty, sizeof empty);
	fd = dial_raw(app);
	say_frame(fd, NGHTTP2_HEADERS, 0, 1, get_root, sizeof get_root - 1);
	expect_calmed(app, fd, more, sizeof more);
	assert_int_equal(stats_of(app).requests, 0);
}

/* Requests that are taken back as soon as they are made, by a frame of this type. */
static void
ask_and_take_back(struct app *app, uint8_t type, const char *payload)
{
	struct h2_client *client = h2_dial(app);
	int fd = client->fd;

	for (uint32_t id = 1; id < 2 * 3000; id += 2) {
		const uint8_t head[] = { 0, 0, sizeof get_never - 1, NGHTTP2_HEADERS,
			NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 0, 0,
			(uint8_t)(id >> 8), (uint8_t)id };
		const uint8_t back[] = { 0, 0, 4, type, 0, 0, 0, (uint8_t)(id >> 8),
			(uint8_t)id };

		if (send(fd, head, sizeof head, MSG_NOSIGNAL) < 0 ||
		    send(fd, get_never, sizeof get_never - 1, MSG_NOSIGNAL) < 0 ||
		    send(fd, back, sizeof back, MSG_NOSIGNAL) < 0 ||
		    send(fd, payload, 4, MSG_NOSIGNAL) < 0)
			break;
	}
	h2_hang_up(client);
	while (stats_of(app).connections > 0)
		sched_yield();
}

static void
requests_that_are_taken_back_at_once_are_bounded(void **state)
{
	struct app *app = *state;

	ask_and_take_back(app, NGHTTP2_RST_STREAM, "\0\0\0\10");
	/* 1,000 at once, and 33 in each second after that. */
	assert_true(stats_of(app).requests < 2000);
}

static void
requests_whose_streams_we_must_reset_are_bounded(void **state)
{
	struct app *app = *state;

	ask_and_take_back(app, NGHTTP2_WINDOW_UPDATE, "\x7f\xff\xff\xff");
	assert_true(stats_of(app).requests < 200);
}

/* HPACK lets one byte stand for a field of 4 KB. */
static void
a_head_that_swells_when_it_is_unpacked_is_refused(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char *value = malloc(3001);
	nghttp2_nv fields[54] = { nv(":method", "GET"), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", "/") };

	memset(value, 'x', 3000);
	value[3000] = '\0';
	for (int i = 4; i < 54; i++)
		fields[i] = nv("a", value);
	h2_expect(client, h2_submit(client, fields, 54, NULL), 431, "{\"status\":431}");
	assert_int_equal(stats_of(app).requests, 0);
	free(value);
	h2_hang_up(client);
}

/* As Python's h2 does: two frames for each piece of a body. */
static void
a_client_that_opens_its_windows_for_each_answer_is_no_flood(void **state)
{
	struct h2_client *client = h2_dial(*state);

	for (int round = 0; round < 60; round++) {
		int32_t ids[100];

		for (int i = 0; i < 100; i++)
			ids[i] = h2_ask(client, "/x");
		for (int i = 0; i < 100; i++)
			h2_expect(client, ids[i], 200, "/x");
		for (int i = 0; i < 200; i++)
			nghttp2_submit_window_update(client->session, 0, 0, 1);
		h2_push(client);
		if (round % 30 == 29) /* ids run out */
			assert_false(client->goaway);
		if (round == 29) {
			h2_hang_up(client);
			client = h2_dial(*state);
		}
	}
	h2_expect(client, h2_ask(client, "/last"), 200, "/last");
	h2_hang_up(client);
}

/* ---- what one connection may hold, and for how long ---- */

static void
a_body_over_the_limit_gets_413_and_the_rest_is_not_wanted(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	const nghttp2_nv fields[] = { nv(":method", "POST"), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", "/p"),
		nv("content-length", "5000000") };
	char *text = calloc(1, 5000000);
	struct str body = { text, 5000000 };
	int32_t id = h2_submit(client, fields, 5, &body);

	h2_expect(client, id, 413, "{\"status\":413}");
	body = (struct str){ text, BODY_MAX + 1 };
	id = h2_ask_half(client, &body);
	h2_expect(client, id, 413, "{\"status\":413}");
	assert_int_equal(got_of(client, id)->error, NGHTTP2_NO_ERROR);
	assert_int_equal(stats_of(app).requests, 0);
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	free(text);
	h2_hang_up(client);
}

static void
bodies_that_do_not_end_are_bounded_together(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char *text = calloc(1, BODY_MAX);
	struct str body[40];
	int32_t id;

	for (int i = 0; i < 40; i++) {
		body[i] = (struct str){ text, 60000 };
		id = h2_ask_half(client, &body[i]);
		h2_expect(client, h2_ask(client, "/x"), 200, "/x");
	}
	h2_expect(client, id, 503, "{\"status\":503}");
	assert_false(got_of(client, 1)->closed);
	assert_int_equal(stats_of(app).requests, 40);
	free(text);
	h2_hang_up(client);
}

static void
who_takes_no_answers_gets_no_more(void **state)
{
	struct h2_client *client = h2_dial_with(*state, 0, true);

	for (int i = 0; i < 17; i++)
		h2_ask(client, "/big?100000");
	assert_int_equal(
	    h2_await(client, h2_ask(client, "/x"))->error, NGHTTP2_REFUSED_STREAM);
	h2_hang_up(client);
}

static void
the_bytes_of_an_answer_are_counted_once(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);

	h2_await(client, h2_ask(client, "/big?100000"));
	settle(app);
	assert_true(stats_of(app).bytes_out > 100000);
	assert_true(stats_of(app).bytes_out < 110000);
	h2_hang_up(client);
}

static void
who_takes_nothing_is_closed_when_too_much_is_kept_for_all(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct app *app;
	struct h2_client *client;

	config.io_threads = 1;
	config.pinned_max = 250000;
	app = app_start(&config);
	client = h2_dial_with(app, 0, true);
	h2_ask(client, "/big?200000");
	h2_expect(client, h2_ask(client, "/nothing"), 204, "");
	h2_ask(client, "/big?200000");
	h2_expect_end(client);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	h2_hang_up(client);
	app_free(app);
}

static struct app *
hasty_app(int idle_ms)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);

	config.body_timeout_ms = 1000;
	config.idle_timeout_ms = idle_ms;
	return app_start(&config);
}

static void
await_tick(struct app *app)
{
	int before;

	lock_take(&app->lock);
	before = app->ticks;
	lock_give(&app->lock);
	wait_until(app, &app->ticks, before + 1);
}

/* Sends a ping a second until that stream is closed, so that there is always a frame.
 */
static struct h2_got *
await_with_pings(struct app *app, struct h2_client *client, int32_t id)
{
	while (!got_of(client, id)->closed) {
		await_tick(app);
		nghttp2_submit_ping(client->session, 0, NULL);
		h2_push(client);
		assert_true(h2_pump(client));
	}
	return got_of(client, id);
}

static void
half_a_request_times_out_whatever_else_comes(void **state)
{
	struct app *app = hasty_app(1000);
	struct h2_client *client = h2_dial(app);
	struct str body = STR("half");
	int32_t parked = h2_ask(client, "/park"), id = h2_ask_half(client, &body);

	assert_int_equal(await_with_pings(app, client, id)->status, 408);
	answer_text(app->parked[0], "still", 5, false);
	h2_expect(client, parked, 200, "still");
	assert_int_equal(app->gone_n, 0);
	h2_hang_up(client);
	app_free(app);
}

static void
an_answer_that_is_not_taken_times_out_whatever_else_comes(void **state)
{
	struct app *app = hasty_app(1000);
	struct h2_client *client = h2_dial_with(app, 10, true);
	int32_t parked = h2_ask(client, "/park"), id = h2_ask(client, "/big?1000");

	assert_int_equal(await_with_pings(app, client, id)->error, NGHTTP2_CANCEL);
	answer_text(app->parked[0], "still", 5, false);
	h2_expect(client, parked, 200, "still");
	settle(app);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	h2_hang_up(client);
	app_free(app);
}

static void
a_stream_that_is_not_read_times_out_and_is_gone(void **state)
{
	struct app *app = hasty_app(1000);
	struct h2_client *client = h2_dial_with(app, 10, true);
	struct later later = { .app = app, .shared = http_block_new("data: 1\n\n", 9) };
	int32_t id = h2_ask(client, "/park");

	wait_until(app, &app->parked_n, 1);
	on_each_thread(&later, begin_streams);
	on_each_thread(&later, send_block); /* the window takes this one */
	await_bytes(client, id, 9);
	on_each_thread(&later, send_block);
	assert_int_equal(await_with_pings(app, client, id)->error, NGHTTP2_CANCEL);
	assert_int_equal(app->gone_n, 1);
	http_shared_unref(later.shared);
	h2_hang_up(client);
	app_free(app);
}

static void
a_connection_without_streams_is_told_before_it_is_closed(void **state)
{
	struct app *app = hasty_app(1000);
	struct h2_client *client = h2_dial(app);

	h2_expect(client, h2_ask(client, "/x"), 200, "/x");
	h2_expect_end(client);
	assert_true(client->goaway);
	assert_int_equal(client->goaway_error, NGHTTP2_NO_ERROR);
	h2_hang_up(client);
	app_free(app);
}

static void
a_connection_outlives_the_time_that_its_last_request_had(void **state)
{
	struct app *app = hasty_app(60000);
	struct h2_client *client = h2_dial(app);

	h2_expect(client, h2_ask(client, "/x"), 200, "/x");
	for (int i = 0; i < 4; i++)
		await_tick(app);
	h2_expect(client, h2_ask(client, "/y"), 200, "/y");
	assert_false(client->goaway);
	h2_hang_up(client);
	app_free(app);
}

/* ---- the end ---- */

static void *
stop(void *arg)
{
	http_server_stop(((struct app *)arg)->server, 10000);
	return NULL;
}

static void
a_server_that_stops_says_so_and_answers_who_is_parked(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app), *idle = h2_dial(app);
	int32_t ids[20], late = h2_ask(client, "/detach");
	pthread_t thread;

	app->answer_on_stop = true;
	for (int i = 0; i < 20; i++)
		ids[i] = h2_ask(client, "/park");
	h2_expect(idle, h2_ask(idle, "/x"), 200, "/x");
	wait_until(app, &app->parked_n, 20);
	wait_until(app, &app->detached_n, 1);
	pthread_create(&thread, NULL, stop, app);
	for (int i = 0; i < 20; i++)
		h2_expect(client, ids[i], 200, "stopping");
	assert_true(client->goaway);
	assert_int_equal(client->goaway_error, NGHTTP2_NO_ERROR);
	h2_expect_end(idle);
	assert_true(idle->goaway);
	answer_text(app->detached[0]->exchange, "at last", 7, false);
	h2_expect(client, late, 200, "at last");
	h2_expect_end(client);
	pthread_join(thread, NULL);
	assert_int_equal(app->gone_n, 0);
	h2_hang_up(idle);
	h2_hang_up(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(requests_of_one_connection_are_answered_side_by_side),
		T(bodies_larger_than_the_windows_go_up_and_down),
		T(a_head_request_and_a_204_have_no_body),
		T(two_hundred_parked_streams_share_one_answer),
		T(a_parked_stream_that_is_reset_is_gone_once),
		T(a_connection_that_is_lost_takes_each_of_its_parked_streams),
		T(blocks_arrive_on_each_stream_as_they_are_sent),
		T(a_stream_that_is_cut_ends_with_a_reset),
		T(a_stream_whose_reader_is_slow_is_let_go_alone),
		T(a_block_of_any_size_reaches_who_reads),
		T(what_is_no_request_is_refused_and_reaches_nobody),
		T(a_body_unlike_its_content_length_reaches_nobody),
		T(a_head_that_is_too_large_gets_431_and_a_target_414),
		T(floods_of_frames_that_bring_nothing_end_the_connection),
		T(requests_that_are_taken_back_at_once_are_bounded),
		T(requests_whose_streams_we_must_reset_are_bounded),
		T(a_head_that_swells_when_it_is_unpacked_is_refused),
		T(a_client_that_opens_its_windows_for_each_answer_is_no_flood),
		T(a_body_over_the_limit_gets_413_and_the_rest_is_not_wanted),
		T(bodies_that_do_not_end_are_bounded_together),
		T(who_takes_no_answers_gets_no_more),
		T(the_bytes_of_an_answer_are_counted_once),
		cmocka_unit_test(
		    who_takes_nothing_is_closed_when_too_much_is_kept_for_all),
		cmocka_unit_test(half_a_request_times_out_whatever_else_comes),
		cmocka_unit_test(
		    an_answer_that_is_not_taken_times_out_whatever_else_comes),
		cmocka_unit_test(a_stream_that_is_not_read_times_out_and_is_gone),
		cmocka_unit_test(
		    a_connection_without_streams_is_told_before_it_is_closed),
		cmocka_unit_test(
		    a_connection_outlives_the_time_that_its_last_request_had),
		T(a_server_that_stops_says_so_and_answers_who_is_parked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
