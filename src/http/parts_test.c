/*
 * Answers in parts, over HTTP/1.1 and HTTP/2: the test sends each part itself, from its
 * own thread, when it is told that the one before was taken. Stands beside parts.c.
 */
#include "http/h2_testing.h"

#define PART 100000
#define PARTS 40 /* more than the sockets hold */

struct sending {
	struct app *app;
	struct exchange exchange;
	char *bytes; /* all of the answer */
	int sent_n, gone_n;
};

static void
on_sent(void *arg, bool is_gone)
{
	struct sending *s = arg;

	note(s->app, is_gone ? &s->gone_n : &s->sent_n);
}

static void
send_part(struct sending *s, int nth, int parts)
{
	struct http_reply head = { .status = 200,
		.content_type = "text/plain",
		.headers = "X-Parts: yes\r\n",
		.body_n = (size_t)parts * PART };
	struct http_part part = { .head = nth == 0 ? &head : NULL,
		.bytes = malloc(PART),
		.n = PART,
		.is_last = nth == parts - 1,
		.sent = on_sent,
		.arg = s };

	memcpy(part.bytes, s->bytes + (size_t)nth * PART, PART);
	http_send_part(s->exchange, &part);
}

static void
begin(struct sending *s, struct app *app)
{
	lock_take(&app->lock);
	while (app->detached_n == 0)
		lock_wait(&app->lock, &app->changed, clock_mono_ms() + WAIT_MS);
	*s = (struct sending){ .app = app, .exchange = app->detached[0]->exchange };
	lock_give(&app->lock);
	s->bytes = malloc((size_t)PARTS * PART);
	for (size_t i = 0; i < (size_t)PARTS * PART; i++)
		s->bytes[i] = (char)(i * 2654435761u >> 13);
}

static void *
send_all(void *arg)
{
	struct sending *s = arg;

	for (int i = 0; i < PARTS; i++) {
		send_part(s, i, PARTS);
		if (i < PARTS - 1)
			wait_until(s->app, &s->sent_n, i + 1);
	}
	return NULL;
}

static void
parts_arrive_as_one_body_and_the_connection_goes_on(void **state)
{
	struct app *app = *state;
	struct sending s;
	struct answer answer;
	pthread_t sender;
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	pthread_create(&sender, NULL, send_all, &s);
	read_answer(fd, &answer);
	pthread_join(sender, NULL);
	assert_non_null(strstr(answer.head, "X-Parts: yes\r\n"));
	assert_int_equal(answer.n, (size_t)PARTS * PART);
	assert_memory_equal(answer.body, s.bytes, answer.n);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	assert_int_equal(s.gone_n, 0);
	free(answer.body);
	free(s.bytes);
	close(fd);
}

static void
one_part_can_be_all(void **state)
{
	struct app *app = *state;
	struct sending s;
	struct answer answer;
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	send_part(&s, 0, 1);
	read_answer(fd, &answer);
	assert_int_equal(answer.n, PART);
	assert_memory_equal(answer.body, s.bytes, PART);
	free(answer.body);
	free(s.bytes);
	close(fd);
}

static void
of_a_head_request_the_head_is_all(void **state)
{
	struct app *app = *state;
	struct sending s;
	struct answer answer;
	int fd = dial(app);

	say(fd, "HEAD /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	send_part(&s, 0, PARTS);
	wait_until(app, &s.gone_n, 1); /* no more is wanted */
	read_head(fd, &answer);
	assert_int_equal(length_of(&answer), (size_t)PARTS * PART);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	free(s.bytes);
	close(fd);
}

static int
sent_so_far(struct sending *s)
{
	int n;

	lock_take(&s->app->lock);
	n = s->sent_n;
	lock_give(&s->app->lock);
	return n;
}

/* Sends until one is not taken; the client reads nothing. */
static void
send_until_full(struct sending *s)
{
	for (int i = 0; sent_so_far(s) == i; i++) {
		assert_true(i < PARTS - 1);
		send_part(s, i, PARTS);
		settle(s->app);
	}
}

static void
a_client_that_goes_wants_no_more(void **state)
{
	struct app *app = *state;
	struct sending s;
	int fd = new_socket(), small = 4096;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	connect_socket(fd, app->port);
	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	send_until_full(&s);
	assert_true(stats_of(app).pinned_bytes <= PART);
	close(fd);
	wait_until(app, &s.gone_n, 1);
	send_part(&s, 1, PARTS); /* it is gone for what comes later, too */
	wait_until(app, &s.gone_n, 2);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	free(s.bytes);
}

static void
a_client_that_takes_nothing_is_let_go(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct app *app;
	struct sending s;
	int fd = new_socket(), small = 4096;

	(void)state;
	config.body_timeout_ms = 1000;
	app = app_start(&config);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	connect_socket(fd, app->port);
	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	send_until_full(&s);
	wait_until(app, &s.gone_n, 1);
	app_free(app);
	free(s.bytes);
	close(fd);
}

static void
what_cannot_go_on_is_cut(void **state)
{
	struct app *app = *state;
	struct sending s;
	struct answer answer;
	char *got = malloc(PART);
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	begin(&s, app);
	send_part(&s, 0, 2);
	read_head(fd, &answer);
	read_exactly(fd, got, PART);
	wait_until(app, &s.sent_n, 1);
	http_send_cut(s.exchange);
	expect_end(fd);
	free(got);
	free(s.bytes);
}

static void
parts_arrive_on_a_stream(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	int32_t id = h2_ask(client, "/detach");
	struct sending s;
	struct h2_got *got;
	pthread_t sender;

	begin(&s, app);
	pthread_create(&sender, NULL, send_all, &s);
	got = h2_await(client, id);
	pthread_join(sender, NULL);
	assert_int_equal(got->status, 200);
	assert_int_equal(got->length, PARTS * PART);
	assert_int_equal(got->body.n, (size_t)PARTS * PART);
	assert_memory_equal(got->body.p, s.bytes, got->body.n);
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	h2_hang_up(client);
	free(s.bytes);
}

static void
a_head_request_on_a_stream_gets_the_head(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	int32_t id = h2_ask_with(client, "HEAD", "/detach", NULL);
	struct sending s;

	begin(&s, app);
	send_part(&s, 0, PARTS);
	h2_expect(client, id, 200, "");
	assert_int_equal(got_of(client, id)->length, PARTS * PART);
	wait_until(app, &s.gone_n, 1);
	h2_hang_up(client);
	free(s.bytes);
}

static void
a_stream_that_is_reset_wants_no_more(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial_with(app, 1000, true);
	int32_t id = h2_ask(client, "/detach");
	struct sending s;

	begin(&s, app);
	send_part(&s, 0, PARTS);
	while (got_of(client, id)->body.n < 1000)
		assert_true(h2_pump(client));
	assert_int_equal(sent_so_far(&s), 0);
	nghttp2_submit_rst_stream(client->session, 0, id, NGHTTP2_CANCEL);
	h2_push(client);
	wait_until(app, &s.gone_n, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	h2_hang_up(client);
	free(s.bytes);
}

static void
a_stream_that_cannot_go_on_is_cut(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	int32_t id = h2_ask(client, "/detach");
	struct sending s;

	begin(&s, app);
	send_part(&s, 0, 2);
	while (got_of(client, id)->body.n < PART)
		assert_true(h2_pump(client));
	wait_until(app, &s.sent_n, 1);
	http_send_cut(s.exchange);
	assert_int_equal(h2_await(client, id)->error, NGHTTP2_CANCEL);
	h2_expect(client, h2_ask(client, "/next"), 200, "/next");
	h2_hang_up(client);
	free(s.bytes);
}

#define HALF_SENT 40 /* together more than other answers may come to */

static void
answers_that_are_half_sent_do_not_keep_the_next_from_its_own(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial_with(app, 1000, true);
	struct sending s[HALF_SENT];
	struct http_reply head = { .status = 200, .body_n = 2 * PART };

	for (int i = 0; i < HALF_SENT; i++)
		h2_ask(client, "/detach");
	wait_until(app, &app->detached_n, HALF_SENT);
	for (int i = 0; i < HALF_SENT; i++) {
		struct http_part part = { .head = &head,
			.bytes = calloc(1, PART),
			.n = PART,
			.sent = on_sent,
			.arg = &s[i] };

		s[i] = (struct sending){ .app = app };
		http_send_part(app->detached[i]->exchange, &part);
	}
	settle(app);
	h2_expect(client, h2_ask(client, "/nothing"), 204, "");
	h2_hang_up(client);
	for (int i = 0; i < HALF_SENT; i++)
		wait_until(app, &s[i].gone_n, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
}

/* The head may go before it is known when the first bytes will come. */
static void
the_head_may_go_alone(void **state)
{
	struct app *app = *state;
	struct h2_client *client = h2_dial(app);
	int32_t id = h2_ask(client, "/detach");
	struct http_reply head = { .status = 200, .body_n = PART };
	struct http_part part = { .head = &head, .sent = on_sent };
	struct sending s;
	struct answer answer;
	char *got = malloc(PART);
	int fd = dial(app);

	begin(&s, app);
	part.arg = &s;
	http_send_part(s.exchange, &part);
	wait_until(app, &s.sent_n, 1);
	part =
	    (struct http_part){ .bytes = calloc(1, PART), .n = PART, .is_last = true };
	http_send_part(s.exchange, &part);
	assert_int_equal(h2_await(client, id)->body.n, PART);
	h2_hang_up(client);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->detached_n, 2);
	part = (struct http_part){ .head = &head, .sent = on_sent, .arg = &s };
	http_send_part(app->detached[1]->exchange, &part);
	read_head(fd, &answer);
	wait_until(app, &s.sent_n, 2);
	part =
	    (struct http_part){ .bytes = calloc(1, PART), .n = PART, .is_last = true };
	http_send_part(app->detached[1]->exchange, &part);
	read_exactly(fd, got, PART);
	free(got);
	free(s.bytes);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(parts_arrive_as_one_body_and_the_connection_goes_on),
		T(one_part_can_be_all),
		T(of_a_head_request_the_head_is_all),
		T(a_client_that_goes_wants_no_more),
		cmocka_unit_test(a_client_that_takes_nothing_is_let_go),
		T(what_cannot_go_on_is_cut),
		T(parts_arrive_on_a_stream),
		T(a_head_request_on_a_stream_gets_the_head),
		T(a_stream_that_is_reset_wants_no_more),
		T(a_stream_that_cannot_go_on_is_cut),
		T(answers_that_are_half_sent_do_not_keep_the_next_from_its_own),
		T(the_head_may_go_alone),
	};

	return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
