/*
 * Requests that are answered later: by a worker, from the place where they were parked,
 * by bytes that many share, to clients that read slowly or went.
 * Relies on http/testing.
 */
#include "http/testing.h"

static void
a_detached_request_keeps_all_that_was_said(void **state)
{
	struct app *app = *state;
	struct http_request *request;
	const struct str *value;
	int fd = dial(app);

	say(fd, "POST /detach?a=b HTTP/1.1\r\nHost: x\r\nX-Empty:\r\n"
		"X-Word: seven\r\nContent-Length: 5\r\n\r\nhello");
	wait_until(app, &app->detached_n, 1);
	say(fd, "GET /overwrites HTTP/1.1\r\nHost: yyyyyyyyyyyyyyyyyyyyyy\r\n\r\n");
	request = app->detached[0];
	assert_true(str_is(request->head.path, "/detach"));
	assert_true(str_is(request->head.query, "a=b"));
	assert_int_equal(request->head.method, HTTP_POST);
	value = http_header(&request->head, "x-word");
	assert_non_null(value);
	assert_true(str_is(*value, "seven"));
	value = http_header(&request->head, "x-empty");
	assert_non_null(value);
	assert_int_equal(value->n, 0);
	assert_string_equal(request->body, "hello");
	assert_int_equal(request->body_n, 5);
	assert_true(IN6_IS_ADDR_V4MAPPED(&request->peer));
	answer_text(request->exchange, "done", 4, false);
	expect_answer(fd, 200, "done");
	expect_answer(fd, 200, "/overwrites");
	close(fd);
}

static void
a_client_that_has_closed_its_half_still_gets_its_answer(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	shutdown(fd, SHUT_WR);
	wait_until(app, &app->detached_n, 1);
	answer_text(app->detached[0]->exchange, "done", 4, false);
	expect_answer(fd, 200, "done");
	expect_end(fd);
}

static void
a_second_answer_is_dropped(void **state)
{
	struct app *app = *state;
	struct exchange exchange;
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->detached_n, 1);
	exchange = app->detached[0]->exchange;
	answer_text(exchange, "first", 5, false);
	answer_text(exchange, "second", 6, false);
	expect_answer(fd, 200, "first");
	say(fd, "GET /third HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/third");
	close(fd);
	settle(app);
	answer_text(exchange, "late", 4, false);
	exchange.conn = 1000000;
	answer_text(exchange, "nowhere", 7, false);
	settle(app);
	assert_int_equal(stats_of(app).answered, 2);
}

/* The tests of shared answers are run twice: each sent alone, and in batches. */
static bool in_batches;

static int
setup_in_batches(void **state)
{
	in_batches = true;
	return setup(state);
}

static int
teardown_in_batches(void **state)
{
	in_batches = false;
	return teardown(state);
}

struct later {
	struct app *app;
	struct http_shared *shared;
	int tag;
};

static void
answer_parked(struct http_io *io, void *arg)
{
	struct later *later = arg;
	struct app *app = later->app;
	int i;

	if (in_batches)
		http_batch_begin(io);
	for (i = 0; i < app->parked_n; i++) {
		if (app->parked[i].io != io || !http_waiting(app->parked[i]))
			continue;
		http_answer_shared(app->parked[i], later->shared);
		assert_false(http_waiting(app->parked[i]));
	}
	if (in_batches)
		http_batch_end(io);
	note(app, &app->posted);
}

/* Answers all that are parked, each on its own thread. */
static void
answer_all_shared(struct app *app, struct http_shared *shared)
{
	struct later later = { app, shared, 0 };
	int i, before = app->posted;

	if (in_batches)
		need_batches();
	for (i = 0; i < http_io_count(app->server); i++)
		http_post(http_io_at(app->server, i), answer_parked, &later);
	wait_until(app, &app->posted, before + i);
}

static void
a_parked_request_is_answered_from_another_thread(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	assert_int_equal(stats_of(app).parked, 1);
	answer_text(app->parked[0], "woken", 5, false);
	expect_answer(fd, 200, "woken");
	assert_int_equal(stats_of(app).parked, 0);
	assert_int_equal(app->gone_n, 0);
	say(fd, "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/again");
	close(fd);
}

static void
what_is_sent_behind_a_parked_request_waits(void **state)
{
	struct app *app = *state;
	int fd = dial(app), i;

	say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\nGET /ne");
	wait_until(app, &app->parked_n, 1);
	say(fd, "xt HTTP/1.1\r\nHost: x\r\n\r\n");
	for (i = 0; i < 3; i++)
		settle(app);
	assert_int_equal(stats_of(app).requests, 1);
	answer_text(app->parked[0], "woken", 5, false);
	expect_answer(fd, 200, "woken");
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
the_owner_of_a_parked_request_hears_when_its_client_goes(void **state)
{
	struct app *app = *state;
	int stays = dial(app), goes, resets;
	struct linger now = { 1, 0 };

	say(stays, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	goes = dial(app);
	say(goes, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 2);
	close(goes);
	wait_until(app, &app->gone_n, 1);
	assert_int_equal(app->gone_tag, 1);
	resets = dial(app);
	say(resets, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 3);
	setsockopt(resets, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(resets);
	wait_until(app, &app->gone_n, 2);
	assert_int_equal(app->gone_tag, 2);
	answer_text(app->parked[1], "nobody", 6, false);
	answer_text(app->parked[0], "woken", 5, false);
	expect_answer(stays, 200, "woken");
	close(stays);
}

static void
a_client_gone_before_it_is_parked_is_heard_too(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\nGET /park HTTP/1.1\r\nHost: "
		"x\r\n\r\n");
	wait_until(app, &app->detached_n, 1);
	shutdown(fd, SHUT_WR);
	answer_text(app->detached[0]->exchange, "done", 4, false);
	expect_answer(fd, 200, "done");
	wait_until(app, &app->gone_n, 1);
	expect_end(fd);
}

static void
a_slow_reader_gets_all_of_it_in_the_end(void **state)
{
	struct app *app = *state;
	size_t n = 20000000, i;
	struct answer answer;
	int fd = dial(app), other;

	say(fd, "GET /big?20000000 HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	while (stats_of(app).pinned_bytes == 0)
		sched_yield();
	other = dial(app);
	say(other, "GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(other, 200, "/other");
	close(other);
	read_answer(fd, &answer);
	assert_int_equal(answer.n, n);
	for (i = 0; i < n; i += 1009)
		assert_int_equal(answer.body[i], 'a' + i % 23);
	free(answer.body);
	expect_answer(fd, 200, "/next");
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	close(fd);
}

static void
a_shared_answer_reaches_a_hundred_listeners_byte_for_byte(void **state)
{
	struct app *app = *state;
	struct http_shared *shared = http_shared_new(200, NULL, "{\"chunk\":[]}", 12);
	int fds[100], i;
	char *got = malloc(shared->n);

	for (i = 0; i < 100; i++) {
		fds[i] = dial(app);
		say(fds[i], "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	wait_until(app, &app->parked_n, 100);
	answer_all_shared(app, shared);
	for (i = 0; i < 100; i++) {
		read_exactly(fds[i], got, shared->n);
		assert_memory_equal(got, shared->bytes, shared->n);
		say(fds[i], "GET /again HTTP/1.1\r\nHost: x\r\n\r\n");
		expect_answer(fds[i], 200, "/again");
		close(fds[i]);
	}
	assert_int_equal(shared->refs, 1);
	assert_non_null(
	    strstr(shared->bytes, "\r\nContent-Type: application/json\r\n"));
	http_shared_unref(shared);
	free(got);
}

static void
a_shared_answer_suits_the_one_who_asked(void **state)
{
	static const struct {
		const char *request, *line, *body;
	} cases[] = {
		{ "GET /park HTTP/1.0\r\n\r\n", "\r\nConnection: close\r\n", "shared" },
		{ "GET /park HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		    "\r\nConnection: keep-alive\r\n", "shared" },
		{ "GET /park HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		    "\r\nConnection: close\r\n", "shared" },
		{ "HEAD /park HTTP/1.1\r\nHost: x\r\n\r\n", "Content-Length: 6\r\n",
		    "" },
	};
	struct app *app = *state;
	struct http_shared *shared = http_shared_new(200, NULL, "shared", 6);
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct answer answer;
		char body[8] = "";
		int fd = dial(app);

		say(fd, cases[i].request);
		wait_until(app, &app->parked_n, (int)i + 1);
		answer_all_shared(app, shared);
		read_head(fd, &answer);
		assert_non_null(strstr(answer.head, cases[i].line));
		assert_int_equal(length_of(&answer), 6);
		read_exactly(fd, body, strlen(cases[i].body));
		assert_string_equal(body, cases[i].body);
		shutdown(fd, SHUT_WR);
		expect_end(fd);
	}
	assert_int_equal(shared->refs, 1);
	http_shared_unref(shared);
}

static void
a_slow_reader_holds_a_reference_until_it_has_all(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	size_t n = 20000000;
	char *body = calloc(1, n), *got = malloc(n + 1000);
	struct http_shared *shared = http_shared_new(200, NULL, body, n);
	struct app *app;
	int fd;

	(void)state;
	config.write_max = n;
	app = app_start(&config);
	fd = dial(app);
	say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	answer_all_shared(app, shared);
	assert_true(stats_of(app).pinned_bytes > 0);
	assert_int_equal(shared->refs, 2);
	read_exactly(fd, got, shared->n);
	assert_memory_equal(got, shared->bytes, shared->n);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	assert_int_equal(shared->refs, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	close(fd);
	app_free(app);
	http_shared_unref(shared);
	free(body);
	free(got);
}

static void
answer_parked_from(struct http_io *io, void *arg)
{
	struct later *later = arg;
	struct app *app = later->app;
	const struct http_reply reply = { .status = 206,
		.content_type = "image/png",
		.headers = "ETag: \"a\"\r\n",
		.body_n = later->shared->n - 5 };

	for (int i = 0; i < app->parked_n; i++)
		if (app->parked[i].io == io && http_waiting(app->parked[i]))
			http_answer_from(app->parked[i], &reply, later->shared, 3);
	note(app, &app->posted);
}

static void
answer_all_from(struct app *app, struct http_shared *bytes)
{
	struct later later = { app, bytes, 0 };
	int i, before = app->posted;

	for (i = 0; i < http_io_count(app->server); i++)
		http_post(http_io_at(app->server, i), answer_parked_from, &later);
	wait_until(app, &app->posted, before + i);
}

static void
a_part_of_kept_bytes_is_sent_under_a_head_of_its_own(void **state)
{
	static const char *const more[] = { "1.1\r\nHost: x\r\n", "1.0\r\n",
		"1.0\r\nConnection: keep-alive\r\n",
		"1.1\r\nHost: x\r\nConnection: close\r\n" };
	struct app *app = *state;
	struct http_shared *bytes = http_bytes_new("012the part90", 13);

	for (int i = 0; i < 8; i++) {
		struct answer answer;
		char request[128], body[9] = "";
		bool is_head = i % 2;
		int fd = dial(app);

		snprintf(request, sizeof request, "%s /park HTTP/%s\r\n",
		    is_head ? "HEAD" : "GET", more[i / 2]);
		say(fd, request);
		wait_until(app, &app->parked_n, i + 1);
		answer_all_from(app, bytes);
		read_head(fd, &answer);
		assert_int_equal(answer.status, 206);
		assert_int_equal(length_of(&answer), 8);
		assert_non_null(strstr(answer.head, "\r\nETag: \"a\"\r\n"));
		assert_non_null(strstr(answer.head, "\r\nContent-Type: image/png\r\n"));
		if (!is_head)
			read_exactly(fd, body, 8);
		assert_string_equal(body, is_head ? "" : "the part");
		shutdown(fd, SHUT_WR);
		expect_end(fd);
	}
	assert_int_equal(bytes->refs, 1);
	http_shared_unref(bytes);
}

static void
a_slow_reader_holds_kept_bytes_until_it_has_all(void **state)
{
	struct app *app = *state;
	size_t n = 20000000;
	char *body = calloc(1, n), *got = malloc(n);
	struct http_shared *bytes = http_bytes_new(body, n);
	struct answer answer;
	int fd = dial(app), gone = dial(app);

	say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	say(gone, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 2);
	answer_all_from(app, bytes);
	assert_int_equal(bytes->refs, 3);
	read_head(fd, &answer);
	read_exactly(fd, got, n - 5);
	assert_memory_equal(got, body, n - 5);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	assert_int_equal(bytes->refs, 2);
	close(fd);
	close(gone);
	http_server_stop(app->server, 0);
	assert_int_equal(bytes->refs, 1);
	http_shared_unref(bytes);
	free(body);
	free(got);
}

static void
who_does_not_read_a_large_shared_answer_is_closed(void **state)
{
	struct app *app = *state;
	size_t n = 30000000;
	char *body = calloc(1, n);
	struct http_shared *shared = http_shared_new(200, NULL, body, n);
	int fd = dial(app);

	say(fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	answer_all_shared(app, shared);
	assert_int_equal(stats_of(app).connections, 0);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	assert_int_equal(shared->refs, 1);
	assert_int_equal(app->gone_n, 0);
	http_shared_unref(shared);
	free(body);
	close(fd);
}

static void
what_slow_readers_pin_together_is_bounded(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	size_t n = 20000000;
	char *body = calloc(1, n), *got = malloc(n + 1000);
	struct http_shared *shared = http_shared_new(200, NULL, body, n);
	struct app *app;
	int fds[3];

	(void)state;
	config.io_threads = 1;
	config.write_max = n;
	config.pinned_max = n;
	app = app_start(&config);
	for (int i = 0; i < 3; i++) {
		fds[i] = dial(app);
		say(fds[i], "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
		wait_until(app, &app->parked_n, i + 1);
	}
	answer_all_shared(app, shared);
	assert_int_equal(stats_of(app).connections, 1);
	assert_in_range(stats_of(app).pinned_bytes, 1, n);
	read_exactly(fds[0], got, shared->n);
	assert_memory_equal(got, shared->bytes, shared->n);
	say(fds[0], "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fds[0], 200, "/next");
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	app_free(app);
	http_shared_unref(shared);
	free(body);
	free(got);
}

static void
a_parked_connection_holds_one_cache_line(void **state)
{
	struct app *app = *state;
	int fds[200], i;
	uint64_t before;

	for (i = 0; i < 200; i++) {
		fds[i] = dial(app);
		say(fds[i], "GET /warm HTTP/1.1\r\nHost: x\r\n\r\n");
		expect_answer(fds[i], 200, "/warm");
	}
	before = stats_of(app).memory_bytes;
	for (i = 0; i < 200; i++)
		say(fds[i], "POST /park HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:"
			    " chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
	wait_until(app, &app->parked_n, 200);
	settle(app);
	assert_int_equal(stats_of(app).memory_bytes, before);
	for (i = 0; i < 200; i++)
		close(fds[i]);
	wait_until(app, &app->gone_n, 200);
}

#define IN_BATCHES(test)                                                               \
	cmocka_unit_test_setup_teardown(test, setup_in_batches, teardown_in_batches)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_detached_request_keeps_all_that_was_said),
		T(a_client_that_has_closed_its_half_still_gets_its_answer),
		T(a_second_answer_is_dropped),
		T(a_parked_request_is_answered_from_another_thread),
		T(what_is_sent_behind_a_parked_request_waits),
		T(the_owner_of_a_parked_request_hears_when_its_client_goes),
		T(a_client_gone_before_it_is_parked_is_heard_too),
		T(a_slow_reader_gets_all_of_it_in_the_end),
		T(a_shared_answer_reaches_a_hundred_listeners_byte_for_byte),
		T(a_shared_answer_suits_the_one_who_asked),
		cmocka_unit_test(a_slow_reader_holds_a_reference_until_it_has_all),
		T(a_part_of_kept_bytes_is_sent_under_a_head_of_its_own),
		T(a_slow_reader_holds_kept_bytes_until_it_has_all),
		T(who_does_not_read_a_large_shared_answer_is_closed),
		cmocka_unit_test(what_slow_readers_pin_together_is_bounded),
		T(a_parked_connection_holds_one_cache_line),
		IN_BATCHES(a_shared_answer_reaches_a_hundred_listeners_byte_for_byte),
		IN_BATCHES(a_shared_answer_suits_the_one_who_asked),
		IN_BATCHES(a_slow_reader_holds_a_reference_until_it_has_all),
		IN_BATCHES(who_does_not_read_a_large_shared_answer_is_closed),
		IN_BATCHES(what_slow_readers_pin_together_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
