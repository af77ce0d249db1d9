/*
 * Bodies that come in portions, over HTTP/1.1 and HTTP/2. The test asks for each
 * portion itself, from its own thread, and answers. Stands beside portions.c.
 */
#include "http/h2_testing.h"

#define LARGE 1000003 /* more than BODY_MAX, and no multiple of anything */

/* What came of http_body_next. */
struct portion {
	struct app *app;
	enum http_portion what;
	char *bytes;
	size_t n;
	int came;
};

static void
take(void *arg, enum http_portion what, char *bytes, size_t n)
{
	struct portion *portion = arg;

	portion->what = what;
	portion->bytes = bytes;
	portion->n = n;
	note(portion->app, &portion->came);
}

/* Asks, and does not wait. */
static void
ask_next(struct app *app, struct exchange exchange, struct portion *portion)
{
	*portion = (struct portion){ .app = app };
	http_body_next(exchange, take, portion);
}

static enum http_portion
next(struct app *app, struct exchange exchange, struct buf *body)
{
	struct portion portion;

	ask_next(app, exchange, &portion);
	wait_until(app, &portion.came, 1);
	assert_true(portion.n <= HTTP_PORTION_MAX);
	assert_true(portion.n > 0 || portion.what != HTTP_PORTION);
	buf_add(body, portion.bytes, portion.n);
	free(portion.bytes);
	return portion.what;
}

static struct exchange
upload(struct app *app, int nth)
{
	wait_until(app, &app->uploads_n, nth);
	return app->uploads[nth - 1];
}

static char *
some_bytes(size_t n)
{
	char *bytes = malloc(n);

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 2654435761u >> 13);
	return bytes;
}

static void
expect_body(struct app *app, struct exchange exchange, const char *bytes, size_t n)
{
	struct buf body = { 0 };

	while (next(app, exchange, &body) == HTTP_PORTION)
		;
	assert_int_equal(body.n, n);
	assert_memory_equal(body.p, bytes, n);
	buf_free(&body);
	answer_text(exchange, "taken", 5, false);
}

/* ---- HTTP/1.1 ---- */

/* Sent by another thread: the socket does not take it all at once. */
struct sending {
	int fd;
	const char *bytes;
	size_t n;
	pthread_t thread;
};

static void *
send_all(void *arg)
{
	struct sending *s = arg;

	say_n(s->fd, s->bytes, s->n);
	return NULL;
}

static void
begin_sending(struct sending *s, int fd, const char *bytes, size_t n)
{
	*s = (struct sending){ .fd = fd, .bytes = bytes, .n = n };
	assert_int_equal(pthread_create(&s->thread, NULL, send_all, s), 0);
}

static void
a_body_of_any_size_comes_in_portions_and_the_next_request_behind_it(void **state)
{
	struct app *app = *state;
	static const size_t sizes[] = { 1, 5000, HTTP_PORTION_MAX, HTTP_PORTION_MAX + 1,
		LARGE };
	int fd = dial(app);

	for (int i = 0; i < 5; i++) {
		char *bytes = some_bytes(sizes[i]), head[200];
		struct sending s;

		snprintf(head, sizeof head,
		    "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
		    sizes[i]);
		say(fd, head);
		begin_sending(&s, fd, bytes, sizes[i]);
		expect_body(app, upload(app, i + 1), bytes, sizes[i]);
		pthread_join(s.thread, NULL);
		expect_answer(fd, 200, "taken");
		free(bytes);
	}
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
what_is_pipelined_behind_a_portion_is_the_next_request(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
		"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_body(app, upload(app, 1), "abc", 3);
	expect_answer(fd, 200, "taken");
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
chunks_come_in_portions_too(void **state)
{
	struct app *app = *state;
	char *bytes = some_bytes(LARGE), line[32];
	struct buf chunks = { 0 };
	struct sending s;
	int fd = dial(app);

	for (size_t at = 0, n = 1; at < LARGE; at += n, n = n * 7 % 90001 + 1) {
		n = n < LARGE - at ? n : LARGE - at;
		snprintf(line, sizeof line, "%zx\r\n", n);
		buf_str(&chunks, line);
		buf_add(&chunks, bytes + at, n);
		buf_lit(&chunks, "\r\n");
	}
	buf_lit(&chunks, "0\r\n\r\n");
	say(fd,
	    "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	begin_sending(&s, fd, chunks.p, chunks.n);
	expect_body(app, upload(app, 1), bytes, LARGE);
	pthread_join(s.thread, NULL);
	expect_answer(fd, 200, "taken");
	close(fd);
	buf_free(&chunks);
	free(bytes);
}

static void
other_bodies_are_gathered_as_ever(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	say(fd, "PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
	expect_answer(fd, 200, "abc");
	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
	expect_answer(fd, 200, "/upload");
	close(fd);
}

static void
nothing_is_read_until_it_is_asked_for(void **state)
{
	struct app *app = *state;
	struct exchange exchange;
	struct buf body = { 0 };
	uint64_t before;
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n");
	exchange = upload(app, 1);
	before = stats_of(app).bytes_in;
	for (char bytes[10000] = { 0 };
	     send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;)
		;
	settle(app);
	assert_int_equal(stats_of(app).bytes_in, before);
	assert_int_equal(next(app, exchange, &body), HTTP_PORTION);
	assert_true(stats_of(app).bytes_in > before);
	assert_true(stats_of(app).bytes_in <= before + 2 * HTTP_PORTION_MAX);
	buf_free(&body);
	close(fd);
}

static void
an_answer_before_the_end_closes_behind_it(void **state)
{
	struct app *app = *state;
	struct buf body = { 0 };
	int fd = dial(app);

	say(fd,
	    "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\nabc");
	answer_text(upload(app, 1), "no", 2, false);
	expect_answer(fd, 200, "no");
	assert_int_equal(next(app, app->uploads[0], &body), HTTP_PORTION_GONE);
	expect_end(fd);
	buf_free(&body);
}

/* As long as it sends: many read no answer before they are through. */
static void
who_is_refused_and_still_sends_can_read_why(void **state)
{
	struct app *app = *state;
	static const char bytes[20000];
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n");
	answer_text(upload(app, 1), "no", 2, false);
	for (int tick = app->ticks, i = 1; i <= 10;
	     i++) { /* two threads': five seconds */
		say_n(fd, bytes, sizeof bytes);
		wait_until(app, &app->ticks, tick + i);
	}
	expect_answer(fd, 200, "no");
	expect_end(fd);
}

static void
a_client_that_goes_leaves_word(void **state)
{
	struct app *app = *state;
	struct portion portion;
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc");
	ask_next(app, upload(app, 1), &portion);
	close(fd);
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	assert_null(portion.bytes);
}

static void
what_is_no_chunk_is_refused(void **state)
{
	struct app *app = *state;
	struct portion portion;
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\nwhat\r\n");
	ask_next(app, upload(app, 1), &portion);
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	expect_answer(fd, 400, "{\"status\":400}");
	expect_end(fd);
}

static struct app *
start_impatient(void)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);

	config.body_timeout_ms = 1000;
	return app_start(&config);
}

static void
a_client_that_is_too_slow_is_told_so(void **state)
{
	struct app *app = start_impatient();
	struct portion portion;
	int fd = dial(app);

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc");
	ask_next(app, upload(app, 1), &portion);
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	expect_answer(fd, 408, "{\"status\":408}");
	expect_end(fd);
	app_free(app);
}

static void
who_expects_to_be_told_is_told_when_a_portion_is_wanted(void **state)
{
	struct app *app = *state;
	struct exchange exchange;
	struct portion portion;
	struct answer answer;
	int fd = dial(app);

	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		"Expect: 100-continue\r\n\r\n");
	exchange = upload(app, 1);
	settle(app);
	assert_int_equal(
	    recv(fd, answer.head, sizeof answer.head, MSG_DONTWAIT | MSG_PEEK), -1);
	ask_next(app, exchange, &portion);
	read_head(fd, &answer);
	assert_int_equal(answer.status, 100);
	say(fd, "abc");
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_LAST);
	assert_int_equal(portion.n, 3);
	free(portion.bytes);
	answer_text(exchange, "taken", 5, false);
	expect_answer(fd, 200, "taken");
	close(fd);
}

static void
the_end_of_the_server_ends_what_was_asked_for(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct app *app = app_start(&config);
	struct portion portion;
	int fd = dial(app);

	(void)state;
	say(fd, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\nabc");
	ask_next(app, upload(app, 1), &portion);
	settle(app);
	http_server_stop(app->server, 0);
	assert_int_equal(portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	app_free(app);
	close(fd);
}

/* ---- HTTP/2 ---- */

static void *
pump_until_closed(void *arg)
{
	struct h2_client *client = arg;

	while (client->closed_n == 0 && h2_pump(client))
		;
	return NULL;
}

static void
a_stream_brings_its_body_in_portions(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char *bytes = some_bytes(LARGE);
	struct str left = { bytes, LARGE };
	int32_t id = h2_ask_with(client, "POST", "/upload?x=y", &left);
	pthread_t pump;

	pthread_create(&pump, NULL, pump_until_closed, client);
	expect_body(app, upload(app, 1), bytes, LARGE);
	pthread_join(pump, NULL);
	h2_expect(client, id, 200, "taken");
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	h2_hang_up(client);
	free(bytes);
}

static void
a_streams_window_stays_shut_until_it_is_asked(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char *bytes = some_bytes(LARGE);
	struct str left = { bytes, LARGE };
	int32_t id = h2_ask_with(client, "POST", "/upload", &left);

	upload(app, 1);
	/* Others are served meanwhile. */
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	assert_true(LARGE - left.n <= HTTP_PORTION_MAX);
	answer_text(app->uploads[0], "no", 2, false);
	while (!got_of(client, id)->ended)
		assert_true(h2_pump(client));
	assert_int_equal(got_of(client, id)->status, 200);
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	h2_hang_up(client);
	free(bytes);
}

#define CROWD 60 /* together more than BODY_MAX lets one connection have half here */
#define CROWD_BYTES 100000

static void *
pump_the_crowd(void *arg)
{
	struct h2_client *client = arg;

	while (client->closed_n < CROWD && h2_pump(client))
		;
	return NULL;
}

/* One that takes all of its body by itself, portion by portion. */
struct taker {
	struct app *app;
	struct exchange exchange;
	struct buf body;
	int *done, *gone;
};

static void
take_all(void *arg, enum http_portion what, char *bytes, size_t n)
{
	struct taker *t = arg;

	buf_add(&t->body, bytes, n);
	free(bytes);
	if (what == HTTP_PORTION)
		http_body_next(t->exchange, take_all, t);
	else
		note(t->app, what == HTTP_PORTION_LAST ? t->done : t->gone);
}

/* All have asked: the connection's window must not be full of what is too little for
 * any of them. */
static void
many_bodies_come_at_once_and_none_is_refused(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	char *bytes = some_bytes(CROWD_BYTES);
	struct str left[CROWD];
	struct taker takers[CROWD];
	int done = 0, gone = 0;
	pthread_t pump;

	for (int i = 0; i < CROWD; i++) {
		left[i] = (struct str){ bytes, CROWD_BYTES };
		h2_ask_with(client, "POST", "/upload", &left[i]);
	}
	pthread_create(&pump, NULL, pump_the_crowd, client);
	upload(app, CROWD);
	settle(app);
	for (int i = 0; i < CROWD; i++) {
		takers[i] = (struct taker){ app, app->uploads[i], { 0 }, &done, &gone };
		http_body_next(takers[i].exchange, take_all, &takers[i]);
	}
	wait_until(app, &done, CROWD);
	assert_int_equal(gone, 0);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(takers[i].body.n, CROWD_BYTES);
		assert_memory_equal(takers[i].body.p, bytes, CROWD_BYTES);
		buf_free(&takers[i].body);
		answer_text(takers[i].exchange, "taken", 5, false);
	}
	pthread_join(pump, NULL);
	h2_hang_up(client);
	free(bytes);
}

/* It does not go on behind these bytes. */
static int32_t
half_a_body(struct h2_client *client, struct str *bytes)
{
	const nghttp2_nv fields[] = { nv(":method", "POST"), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", "/upload") };
	nghttp2_data_provider data = { .source = { .ptr = bytes },
		.read_callback = h2_read_half };
	int32_t id =
	    nghttp2_submit_request(client->session, NULL, fields, 4, &data, NULL);

	h2_push(client);
	return id;
}

static void
a_stream_that_is_reset_leaves_word(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	struct str left = { "abc", 3 };
	int32_t id = half_a_body(client, &left);
	struct portion portion;

	ask_next(app, upload(app, 1), &portion);
	settle(app);
	assert_int_equal(portion.came, 0);
	nghttp2_submit_rst_stream(client->session, 0, id, NGHTTP2_CANCEL);
	h2_push(client);
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	h2_hang_up(client);
}

static void
a_stream_that_is_too_slow_is_told_so(void **state)
{
	struct app *app = start_impatient();
	struct h2_client *client = h2_dial(app);
	struct str left = { "abc", 3 };
	int32_t id = half_a_body(client, &left);
	struct portion portion;

	(void)state;
	ask_next(app, upload(app, 1), &portion);
	wait_until(app, &portion.came, 1);
	assert_int_equal(portion.what, HTTP_PORTION_GONE);
	while (!got_of(client, id)->ended)
		assert_true(h2_pump(client));
	assert_int_equal(got_of(client, id)->status, 408);
	h2_hang_up(client);
	app_free(app);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_body_of_any_size_comes_in_portions_and_the_next_request_behind_it),
		T(what_is_pipelined_behind_a_portion_is_the_next_request),
		T(chunks_come_in_portions_too),
		T(other_bodies_are_gathered_as_ever),
		T(nothing_is_read_until_it_is_asked_for),
		T(an_answer_before_the_end_closes_behind_it),
		T(who_is_refused_and_still_sends_can_read_why),
		T(a_client_that_goes_leaves_word),
		T(what_is_no_chunk_is_refused),
		cmocka_unit_test(a_client_that_is_too_slow_is_told_so),
		T(who_expects_to_be_told_is_told_when_a_portion_is_wanted),
		cmocka_unit_test(the_end_of_the_server_ends_what_was_asked_for),
		T(a_stream_brings_its_body_in_portions),
		T(a_streams_window_stays_shut_until_it_is_asked),
		T(many_bodies_come_at_once_and_none_is_refused),
		T(a_stream_that_is_reset_leaves_word),
		cmocka_unit_test(a_stream_that_is_too_slow_is_told_so),
	};

	return cmocka_run_group_tests_name("portions", tests, NULL, NULL);
}
