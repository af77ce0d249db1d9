/*
 * What a connection understands: requests in all pieces and sizes, and what is none.
 * Relies on http/testing; the handler answers at once.
 */
#include "http/testing.h"

static void
a_connection_that_is_kept_alive_serves_many_requests(void **state)
{
	struct app *app = *state;
	int fd = dial(app), i;

	for (i = 0; i < 200; i++) {
		say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
		expect_answer(fd, 200, "/hello");
	}
	assert_int_equal(stats_of(app).accepted, 1);
	assert_int_equal(stats_of(app).requests, 200);
	close(fd);
}

static void
an_answer_says_its_date_type_length_and_who_may_read_it(void **state)
{
	struct app *app = *state;
	struct answer answer;
	int fd = dial(app);

	say(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
	read_answer(fd, &answer);
	assert_non_null(strstr(answer.head, "\r\nDate: "));
	assert_non_null(strstr(answer.head, " GMT\r\n"));
	assert_non_null(strstr(answer.head, "\r\nContent-Type: text/plain\r\n"));
	assert_non_null(strstr(answer.head, "\r\nContent-Length: 6\r\n"));
	assert_non_null(strstr(answer.head, "\r\nAccess-Control-Allow-Origin: *\r\n"));
	assert_non_null(strstr(answer.head,
	    "\r\nAccess-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n"));
	assert_non_null(strstr(answer.head,
	    "\r\nAccess-Control-Allow-Headers: X-Requested-With, Content-Type,"
	    " Authorization\r\n"));
	assert_null(strstr(answer.head, "Connection:"));
	free(answer.body);
	say(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	read_answer(fd, &answer);
	assert_int_equal(answer.status, 204);
	assert_null(strstr(answer.head, "\r\nContent-"));
	free(answer.body);
	close(fd);
}

static void
fifty_pipelined_requests_are_answered_in_order(void **state)
{
	char text[8192], path[32];
	int fd = dial(*state), i;
	size_t n = 0;

	for (i = 0; i < 50; i++)
		n += (size_t)snprintf(text + n, sizeof text - n,
		    i % 2 ? "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
			  : "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: "
			    "3\r\n\r\n/%02d",
		    i);
	say(fd, text);
	for (i = 0; i < 50; i++) {
		snprintf(path, sizeof path, i % 2 ? "/%d" : "/%02d", i);
		expect_answer(fd, 200, path);
	}
	close(fd);
}

static void
requests_pipelined_behind_a_worker_wait_for_its_answer(void **state)
{
	struct app *app = *state;
	int fd = dial(app), i;

	say(fd, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /detach HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /last HTTP/1.1\r\nHost: x\r\n\r\n");
	for (i = 0; i < 2; i++) {
		wait_until(app, &app->detached_n, i + 1);
		assert_int_equal(stats_of(app).requests, i + 1);
		answer_text(
		    app->detached[i]->exchange, i == 0 ? "one" : "two", 3, false);
		expect_answer(fd, 200, i == 0 ? "one" : "two");
	}
	expect_answer(fd, 200, "/last");
	close(fd);
}

static void
a_request_split_at_every_byte_is_understood(void **state)
{
	static const char text[] = "POST /p HTTP/1.1\r\nHost: x\r\n"
				   "Content-Length: 5\r\n\r\nhello";
	struct app *app = *state;
	int fd = dial(app);
	size_t cut, bytes = 0;

	for (cut = 1; cut < sizeof text - 1; cut++) {
		say_n(fd, text, cut);
		/* The other half goes only when the first one was taken. */
		while (stats_of(app).bytes_in < bytes + cut)
			sched_yield();
		say_n(fd, text + cut, sizeof text - 1 - cut);
		expect_answer(fd, 200, "hello");
		bytes += sizeof text - 1;
	}
	close(fd);
}

static void
a_request_sent_byte_by_byte_is_understood(void **state)
{
	static const char text[] = "POST /p HTTP/1.1\r\nHost: x\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n"
				   "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n";
	struct app *app = *state;
	int fd = dial(app);
	size_t i;

	for (i = 0; i < sizeof text - 1; i++) {
		say_n(fd, text + i, 1);
		while (stats_of(app).bytes_in < i + 1)
			sched_yield();
	}
	expect_answer(fd, 200, "hello");
	close(fd);
}

static void
chunked_bodies_arrive_whole_and_what_follows_them_is_next(void **state)
{
	int fd = dial(*state);

	say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
		"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "hello world");
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
a_big_body_in_many_pieces_arrives_whole(void **state)
{
	size_t n = 250000, at, i;
	char head[128], *body = malloc(n + 1);
	struct answer answer;
	int fd = dial(*state);

	for (i = 0; i < n; i++)
		body[i] = (char)('A' + i % 41);
	body[n] = '\0';
	snprintf(head, sizeof head,
	    "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", n);
	say(fd, head);
	for (at = 0; at < n; at += 997)
		say_n(fd, body + at, n - at < 997 ? n - at : 997);
	say(fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	read_answer(fd, &answer);
	assert_int_equal(answer.n, n);
	assert_memory_equal(answer.body, body, n);
	free(answer.body);
	free(body);
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
a_head_request_gets_the_length_and_no_body(void **state)
{
	struct answer answer;
	int fd = dial(*state);

	say(fd, "HEAD /big?1000 HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
	read_head(fd, &answer);
	assert_int_equal(length_of(&answer), 1000);
	expect_answer(fd, 200, "/next");
	close(fd);
}

static void
expect_continue_is_answered_before_the_body(void **state)
{
	struct answer answer;
	int fd = dial(*state);

	say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		"Content-Length: 5\r\n\r\n");
	read_head(fd, &answer);
	assert_string_equal(answer.head, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "hello");
	expect_answer(fd, 200, "hello");
	/* Too much is refused before it is sent. */
	say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
		"Content-Length: 500000000\r\n\r\n");
	expect_answer(fd, 413, "{\"status\":413}");
	expect_end(fd);
}

static void
what_is_no_request_gets_its_status_and_is_closed(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "hello\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\nHost: x\n\n", 400 },
		{ "GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, "
		  "chunked\r\n\r\n",
		    501 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300001\r\n\r\nabc",
		    413 },
		{ "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
		  "chunked\r\n\r\nzz\r\n",
		    400 },
	};
	struct app *app = *state;
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct answer answer;
		int fd = dial(app);

		say(fd, cases[i].text);
		read_answer(fd, &answer);
		assert_int_equal(answer.status, cases[i].status);
		assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
		free(answer.body);
		shutdown(fd, SHUT_WR);
		expect_end(fd);
	}
	assert_int_equal(stats_of(app).bad_requests, i);
	assert_int_equal(stats_of(app).requests, 0);
}

static void
a_chunked_body_over_the_limit_gets_413_while_it_is_sent(void **state)
{
	char piece[4096 + 8];
	int fd = dial(*state), i;

	memset(piece, 'x', sizeof piece);
	memcpy(piece, "1000\r\n", 6);
	memcpy(piece + 6 + 4096, "\r", 2);
	say(fd, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (i = 0; i < 100; i++) {
		say_n(fd, piece, 6 + 4096);
		say(fd, "\r\n");
	}
	expect_answer(fd, 413, "{\"status\":413}");
	shutdown(fd, SHUT_WR);
	expect_end(fd);
}

static void
a_head_that_is_too_large_gets_431(void **state)
{
	char line[1024];
	int fd = dial(*state), i;

	memset(line, 'x', sizeof line);
	memcpy(line, "X-Header: ", 10);
	memcpy(line + sizeof line - 3, "\r\n", 3);
	say(fd, "GET / HTTP/1.1\r\nHost: x\r\n");
	for (i = 0; i < 20; i++)
		say(fd, line);
	expect_answer(fd, 431, "{\"status\":431}");
	shutdown(fd, SHUT_WR);
	expect_end(fd);
}

static void
a_client_of_http_1_0_is_closed_unless_it_asks_otherwise(void **state)
{
	struct answer answer;
	int fd = dial(*state);

	say(fd, "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	read_answer(fd, &answer);
	assert_non_null(strstr(answer.head, "\r\nConnection: keep-alive\r\n"));
	free(answer.body);
	say(fd, "GET /b HTTP/1.0\r\n\r\n");
	read_answer(fd, &answer);
	assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
	free(answer.body);
	expect_end(fd);
}

static void
the_handler_may_close_the_connection(void **state)
{
	int fd = dial(*state);

	say(fd, "GET /bye HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /never HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(fd, 200, "bye");
	expect_end(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_connection_that_is_kept_alive_serves_many_requests),
		T(an_answer_says_its_date_type_length_and_who_may_read_it),
		T(fifty_pipelined_requests_are_answered_in_order),
		T(requests_pipelined_behind_a_worker_wait_for_its_answer),
		T(a_request_split_at_every_byte_is_understood),
		T(a_request_sent_byte_by_byte_is_understood),
		T(chunked_bodies_arrive_whole_and_what_follows_them_is_next),
		T(a_big_body_in_many_pieces_arrives_whole),
		T(a_head_request_gets_the_length_and_no_body),
		T(expect_continue_is_answered_before_the_body),
		T(what_is_no_request_gets_its_status_and_is_closed),
		T(a_chunked_body_over_the_limit_gets_413_while_it_is_sent),
		T(a_head_that_is_too_large_gets_431),
		T(a_client_of_http_1_0_is_closed_unless_it_asks_otherwise),
		T(the_handler_may_close_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
