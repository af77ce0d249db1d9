/*
 * Answers that go on: a head, blocks as they come, an end; and whom they leave behind.
 * Relies on http/testing; the test begins, writes and ends each stream by itself, on
 * the stream's own io thread.
 */
#include "http/testing.h"

#define SSE_HEAD                                                                       \
	((struct http_reply){ .status = 200,                                           \
	    .content_type = "text/event-stream",                                       \
	    .headers = "Cache-Control: no-store\r\n" })

enum act { BEGIN, BLOCK, OWN, DRAINED, END, CUT };

/* What is done on the io thread, and what came of it. */
struct step {
	struct app *app;
	struct exchange exchange;
	enum act act;
	struct http_shared *block;
	bool result;
	int gone_n; /* hooks.gone had been called so often when the call returned */
};

static void
do_step(struct step *step)
{
	struct http_reply head = SSE_HEAD;

	if (step->act == BEGIN)
		step->result = http_stream_begin(step->exchange, &head);
	else if (step->act == BLOCK)
		step->result = http_stream_block(step->exchange, step->block);
	else if (step->act == OWN)
		step->result = http_stream_own(step->exchange, step->block);
	else if (step->act == DRAINED)
		step->result = http_stream_is_drained(step->exchange);
	else
		http_stream_end(step->exchange, step->act == CUT);
	lock_take(&step->app->lock);
	step->gone_n = step->app->gone_n;
	lock_give(&step->app->lock);
}

static void
run_step(struct http_io *io, void *arg)
{
	struct step *step = arg;

	(void)io;
	do_step(step);
	note(step->app, &step->app->posted);
}

static struct step
act(struct app *app, struct exchange exchange, enum act what, struct http_shared *block)
{
	struct step step = { app, exchange, what, block, false, 0 };
	int before = app->posted;

	http_post(exchange.io, run_step, &step);
	wait_until(app, &app->posted, before + 1);
	return step;
}

/* A stream that has begun, its request as given; its head is yet to be read. */
static struct exchange
begin_as(struct app *app, int fd, const char *request)
{
	int n = app->parked_n + 1;

	say(fd, request);
	wait_until(app, &app->parked_n, n);
	assert_true(act(app, app->parked[n - 1], BEGIN, NULL).result);
	return app->parked[n - 1];
}

static struct exchange
begin(struct app *app, int fd)
{
	struct answer answer;
	struct exchange exchange =
	    begin_as(app, fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");

	read_head(fd, &answer);
	return exchange;
}

static struct step
block(struct app *app, struct exchange exchange, const char *text)
{
	struct http_shared *shared = http_block_new(text, strlen(text));
	struct step step = act(app, exchange, BLOCK, shared);

	http_shared_unref(shared);
	return step;
}

struct steps {
	struct step *list;
	int n;
};

static void
run_batch(struct http_io *io, void *arg)
{
	struct steps *steps = arg;

	http_batch_begin(io);
	for (int i = 0; i < steps->n; i++)
		do_step(&steps->list[i]);
	http_batch_end(io);
	note(steps->list[0].app, &steps->list[0].app->posted);
}

/* All of one io thread. */
static void
act_in_batch(struct app *app, struct step *list, int n)
{
	struct steps steps = { list, n };
	int before = app->posted;

	need_batches();
	http_post(list[0].exchange.io, run_batch, &steps);
	wait_until(app, &app->posted, before + 1);
}

static void
expect_bytes(int fd, const char *wanted)
{
	char got[256] = "";

	read_exactly(fd, got, strlen(wanted));
	assert_string_equal(got, wanted);
}

static void
wait_ticks(struct app *app, int n)
{
	int now;

	lock_take(&app->lock);
	now = app->ticks;
	lock_give(&app->lock);
	wait_until(app, &app->ticks, now + n);
}

/* One io thread, so that its ticks can be counted; streams may be idle, not stuck, for
 * longer than a second. */
static struct app *
start_hasty(size_t write_max)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);

	config.io_threads = 1;
	config.body_timeout_ms = 1000;
	config.write_max = write_max;
	return app_start(&config);
}

static void
blocks_come_as_chunks_behind_a_head_without_length(void **state)
{
	struct app *app = *state;
	struct answer answer;
	int fd = dial(app);
	struct exchange exchange =
	    begin_as(app, fd, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");

	read_head(fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.head, "\r\nContent-Type: text/event-stream\r\n"));
	assert_non_null(strstr(answer.head, "\r\nTransfer-Encoding: chunked\r\n"));
	assert_non_null(strstr(answer.head, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(answer.head, "\r\nAccess-Control-Allow-Origin: *\r\n"));
	assert_null(strstr(answer.head, "Content-Length"));
	assert_null(strstr(answer.head, "Connection"));
	assert_true(block(app, exchange, "hello").result);
	expect_bytes(fd, "5\r\nhello\r\n");
	assert_true(block(app, exchange, "seventeen letters").result);
	expect_bytes(fd, "11\r\nseventeen letters\r\n");
	assert_int_equal(stats_of(app).parked, 1);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	close(fd);
}

static void
a_connection_lives_on_behind_the_end_of_a_stream(void **state)
{
	struct app *app = *state;
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);

	block(app, exchange, "last");
	act(app, exchange, END, NULL);
	expect_bytes(fd, "4\r\nlast\r\n0\r\n\r\n");
	assert_false(block(app, exchange, "too late").result);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	assert_int_equal(stats_of(app).parked, 0);
	assert_int_equal(app->gone_n, 0);
	close(fd);
}

static void
what_is_pipelined_behind_a_stream_is_answered_after_its_end(void **state)
{
	struct app *app = *state;
	struct answer answer;
	int fd = dial(app);
	struct exchange exchange = begin_as(app, fd,
	    "GET /park HTTP/1.1\r\nHost: x\r\n\r\n"
	    "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");

	read_head(fd, &answer);
	block(app, exchange, "one");
	settle(app);
	assert_int_equal(stats_of(app).requests, 1);
	act(app, exchange, END, NULL);
	expect_bytes(fd, "3\r\none\r\n0\r\n\r\n");
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
a_stream_that_is_cut_ends_without_its_last_chunk(void **state)
{
	struct app *app = *state;
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);

	block(app, exchange, "word");
	act(app, exchange, CUT, NULL);
	expect_bytes(fd, "4\r\nword\r\n");
	expect_end(fd);
	assert_int_equal(app->gone_n, 0);
}

static void
for_http_1_0_blocks_come_bare_until_the_connection_closes(void **state)
{
	struct app *app = *state;
	struct answer answer;
	int fd = dial(app);
	struct exchange exchange =
	    begin_as(app, fd, "GET /park HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

	read_head(fd, &answer);
	assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
	assert_null(strstr(answer.head, "Transfer-Encoding"));
	block(app, exchange, "hello, ");
	block(app, exchange, "world");
	act(app, exchange, END, NULL);
	expect_bytes(fd, "hello, world");
	expect_end(fd);
}

static void
who_wants_its_connection_closed_is_told_so_and_gets_its_end(void **state)
{
	struct app *app = *state;
	struct answer answer;
	int fd = dial(app);
	struct exchange exchange = begin_as(
	    app, fd, "GET /park HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

	read_head(fd, &answer);
	assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
	assert_non_null(strstr(answer.head, "\r\nTransfer-Encoding: chunked\r\n"));
	act(app, exchange, END, NULL);
	expect_bytes(fd, "0\r\n\r\n");
	expect_end(fd);
}

static void
one_block_reaches_a_hundred_streams_by_reference(void **state)
{
	struct app *app = *state;
	struct http_shared *shared = http_block_new("for all", 7);
	struct exchange exchanges[100];
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = dial(app);
		exchanges[i] = begin(app, fds[i]);
	}
	for (int i = 0; i < 100; i++)
		assert_true(act(app, exchanges[i], BLOCK, shared).result);
	for (int i = 0; i < 100; i++) {
		expect_bytes(fds[i], "7\r\nfor all\r\n");
		close(fds[i]);
	}
	assert_int_equal(shared->refs, 1);
	wait_until(app, &app->gone_n, 100);
	http_shared_unref(shared);
}

static void
a_slow_reader_gets_all_blocks_in_order(void **state)
{
	struct app *app = start_hasty(20000000);
	size_t n = 3000000;
	char *text = malloc(n), *got = malloc(n + 64), frame[32];
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);
	struct http_shared *shared;
	int head_n = snprintf(frame, sizeof frame, "%zx\r\n", n);

	(void)state;
	for (int i = 0; i < 5; i++) {
		memset(text, 'a' + i, n);
		shared = http_block_new(text, n);
		assert_true(act(app, exchange, BLOCK, shared).result);
		http_shared_unref(shared);
	}
	assert_true(stats_of(app).pinned_bytes > 0);
	for (int i = 0; i < 5; i++) {
		memset(text, 'a' + i, n);
		read_exactly(fd, got, (size_t)head_n + n + 2);
		assert_memory_equal(got, frame, head_n);
		assert_memory_equal(got + head_n, text, n);
	}
	block(app, exchange, "small");
	expect_bytes(fd, "5\r\nsmall\r\n");
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	close(fd);
	app_free(app);
	free(text);
	free(got);
}

static void
blocks_of_one_batch_come_in_order_and_the_end_behind_them(void **state)
{
	struct app *app = *state;
	struct http_shared *one = http_block_new("one", 3),
			   *two = http_block_new("two", 3);
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);
	struct step steps[] = { { app, exchange, BLOCK, one, false, 0 },
		{ app, exchange, BLOCK, two, false, 0 },
		{ app, exchange, BLOCK, one, false, 0 },
		{ app, exchange, END, NULL, false, 0 } };

	act_in_batch(app, steps, 4);
	for (int i = 0; i < 3; i++)
		assert_true(steps[i].result);
	expect_bytes(fd, "3\r\none\r\n3\r\ntwo\r\n3\r\none\r\n0\r\n\r\n");
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "/next");
	assert_int_equal(one->refs, 1);
	assert_int_equal(app->gone_n, 0);
	http_shared_unref(one);
	http_shared_unref(two);
	close(fd);
}

/* More than go out in one system call. */
#define MANY 600

static void
a_batch_of_any_size_reaches_everybody(void **state)
{
	struct app *app = start_hasty(WRITE_MAX);
	struct http_shared *shared = http_block_new("for all", 7);
	struct step *steps = calloc(MANY, sizeof *steps);
	struct rlimit usual, wide;
	int fds[MANY];

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	wide = (struct rlimit){ usual.rlim_max, usual.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &wide), 0);
	for (int i = 0; i < MANY; i++) {
		fds[i] = dial(app);
		steps[i] =
		    (struct step){ app, begin(app, fds[i]), BLOCK, shared, false, 0 };
	}
	act_in_batch(app, steps, MANY);
	for (int i = 0; i < MANY; i++) {
		expect_bytes(fds[i], "7\r\nfor all\r\n");
		close(fds[i]);
	}
	assert_int_equal(shared->refs, 1);
	wait_until(app, &app->gone_n, MANY);
	app_free(app);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	http_shared_unref(shared);
	free(steps);
}

/* More than any socket takes at once. */
static struct http_shared *
huge_block(void)
{
	size_t n = 30000000;
	char *text = calloc(1, n);
	struct http_shared *shared = http_block_new(text, n);

	free(text);
	return shared;
}

static void
who_does_not_read_is_closed_at_the_bound_and_told_of_once(void **state)
{
	struct app *app = *state;
	struct http_shared *huge = huge_block();
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);
	struct step step = act(app, exchange, BLOCK, huge);

	/* It may be on its way to somebody who reads. */
	assert_true(step.result);
	step = block(app, exchange, "one more");
	assert_false(step.result);
	assert_int_equal(step.gone_n, 1); /* from inside the call */
	step = block(app, exchange, "nobody");
	assert_false(step.result);
	act(app, exchange, END, NULL);
	settle(app);
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(app->gone_tag, 0);
	assert_int_equal(stats_of(app).connections, 0);
	assert_int_equal(stats_of(app).parked, 0);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	assert_int_equal(huge->refs, 1);
	http_shared_unref(huge);
	close(fd);
}

static void
who_does_not_read_is_closed_within_a_batch(void **state)
{
	struct app *app = *state;
	struct http_shared *huge = huge_block(), *small = http_block_new("x", 1);
	int more = dial(app), ends = dial(app);
	struct exchange exchange = begin(app, more);
	struct step goes_on[] = { { app, exchange, BLOCK, huge, false, 0 },
		{ app, exchange, BLOCK, small, true, 0 } };
	struct step stops[] = { { app, begin(app, ends), BLOCK, huge, false, 0 },
		{ app, { 0 }, END, NULL, false, 0 } };

	act_in_batch(app, goes_on, 2);
	assert_true(goes_on[0].result);
	assert_false(goes_on[1].result);
	assert_int_equal(goes_on[1].gone_n, 1);
	/* Whoever ends a stream does not want to hear of it again. */
	stops[1].exchange = stops[0].exchange;
	act_in_batch(app, stops, 2);
	close(ends);
	while (stats_of(app).connections > 0)
		sched_yield();
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(stats_of(app).parked, 0);
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	assert_int_equal(huge->refs, 1);
	http_shared_unref(huge);
	http_shared_unref(small);
	close(more);
}

static void
what_is_for_one_alone_may_be_of_any_size_and_is_told_of_when_taken(void **state)
{
	struct app *app = *state;
	struct http_shared *huge = huge_block();
	char *got = malloc(huge->n);
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);

	assert_true(act(app, exchange, DRAINED, NULL).result);
	assert_true(act(app, exchange, OWN, huge).result);
	assert_false(act(app, exchange, DRAINED, NULL).result);
	read_exactly(fd, got, huge->n);
	assert_memory_equal(got, huge->bytes, huge->n);
	wait_until(app, &app->drained_n, 1);
	assert_true(act(app, exchange, DRAINED, NULL).result);
	assert_true(block(app, exchange, "small").result);
	expect_bytes(fd, "5\r\nsmall\r\n");
	act(app, exchange, END, NULL);
	expect_bytes(fd, "0\r\n\r\n");
	assert_int_equal(app->drained_n, 1);
	assert_int_equal(app->gone_n, 0);
	http_shared_unref(huge);
	free(got);
	close(fd);
}

static void
who_takes_nothing_for_too_long_is_closed_however_many_blocks_come(void **state)
{
	struct app *app = start_hasty(100000000);
	struct http_shared *huge = huge_block();
	int fd = dial(app);
	struct exchange exchange = begin(app, fd);
	bool is_there = act(app, exchange, BLOCK, huge).result;

	(void)state;
	assert_true(is_there);
	for (int i = 0; is_there && i < 8; i++) {
		wait_ticks(app, 1);
		is_there = block(app, exchange, "more").result;
	}
	assert_false(is_there);
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(huge->refs, 1);
	close(fd);
	app_free(app);
	http_shared_unref(huge);
}

static void
a_stream_may_be_idle_longer_than_a_body_may_take(void **state)
{
	struct app *app = start_hasty(100000000);
	struct http_shared *huge = huge_block();
	char *got = malloc(huge->n);
	int fresh = dial(app), slow = dial(app);
	struct exchange fresh_one = begin(app, fresh), slow_one = begin(app, slow);

	(void)state;
	assert_true(act(app, slow_one, BLOCK, huge).result);
	read_exactly(slow, got, huge->n); /* and has caught up */
	wait_ticks(app, 4);
	assert_true(block(app, fresh_one, "still").result);
	assert_true(block(app, slow_one, "here").result);
	expect_bytes(fresh, "5\r\nstill\r\n");
	expect_bytes(slow, "4\r\nhere\r\n");
	close(fresh);
	close(slow);
	app_free(app);
	http_shared_unref(huge);
	free(got);
}

static void
the_owner_hears_when_its_reader_goes(void **state)
{
	struct app *app = *state;
	int hangs_up = dial(app), half_closes;

	begin(app, hangs_up);
	close(hangs_up);
	wait_until(app, &app->gone_n, 1);
	assert_int_equal(app->gone_tag, 0);
	half_closes = dial(app);
	begin(app, half_closes);
	shutdown(half_closes, SHUT_WR);
	wait_until(app, &app->gone_n, 2);
	assert_int_equal(app->gone_tag, 1);
	expect_end(half_closes);
}

static void
an_idle_stream_holds_one_cache_line(void **state)
{
	struct app *app = *state;
	int fds[100];
	uint64_t before;

	for (int i = 0; i < 100; i++) {
		fds[i] = dial(app);
		say(fds[i], "GET /warm HTTP/1.1\r\nHost: x\r\n\r\n");
		expect_answer(fds[i], 200, "/warm");
	}
	before = stats_of(app).memory_bytes;
	for (int i = 0; i < 100; i++)
		block(app, begin(app, fds[i]), "word");
	settle(app);
	assert_int_equal(stats_of(app).memory_bytes, before);
	for (int i = 0; i < 100; i++)
		close(fds[i]);
	wait_until(app, &app->gone_n, 100);
}

static void
stopping_closes_a_stream_that_nobody_ends(void **state)
{
	struct app *app = *state;
	int fd = dial(app);

	begin(app, fd);
	http_server_stop(app->server, 0);
	assert_int_equal(app->gone_n, 1);
	expect_end(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(blocks_come_as_chunks_behind_a_head_without_length),
		T(a_connection_lives_on_behind_the_end_of_a_stream),
		T(what_is_pipelined_behind_a_stream_is_answered_after_its_end),
		T(a_stream_that_is_cut_ends_without_its_last_chunk),
		T(for_http_1_0_blocks_come_bare_until_the_connection_closes),
		T(who_wants_its_connection_closed_is_told_so_and_gets_its_end),
		T(one_block_reaches_a_hundred_streams_by_reference),
		T(blocks_of_one_batch_come_in_order_and_the_end_behind_them),
		cmocka_unit_test(a_batch_of_any_size_reaches_everybody),
		cmocka_unit_test(a_slow_reader_gets_all_blocks_in_order),
		T(who_does_not_read_is_closed_within_a_batch),
		T(who_does_not_read_is_closed_at_the_bound_and_told_of_once),
		T(what_is_for_one_alone_may_be_of_any_size_and_is_told_of_when_taken),
		cmocka_unit_test(
		    who_takes_nothing_for_too_long_is_closed_however_many_blocks_come),
		cmocka_unit_test(a_stream_may_be_idle_longer_than_a_body_may_take),
		T(the_owner_hears_when_its_reader_goes),
		T(an_idle_stream_holds_one_cache_line),
		T(stopping_closes_a_stream_that_nobody_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
