/*
 * The server as a whole: its limits, its time-outs, its ports and its end.
 * Relies on http/testing.
 */
#include <sys/un.h>

#include "http/testing.h"

static void
a_connection_over_the_limit_gets_503(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);
	struct answer answer;
	struct app *app;
	int one, two;

	(void)state;
	config.connections_max = 1;
	app = app_start(&config);
	one = dial(app);
	say(one, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(one, 200, "/one");
	two = dial(app);
	read_head(two, &answer);
	assert_int_equal(answer.status, 503);
	assert_non_null(strstr(answer.head, "\r\nRetry-After: "));
	close(two);
	say(one, "GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(one, 200, "/two");
	close(one);
	app_free(app);
}

static int
dial_v6(uint16_t port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
a_request_says_by_which_listener_and_from_where_it_came(void **state)
{
	struct http_listener listeners[2] = { { .host = "127.0.0.1" },
		{ .host = "::" } };
	struct http_config config = usual_config(listeners);
	struct app *app;
	int four, six;

	(void)state;
	config.listener_count = 2;
	app = app_start(&config);
	four = dial(app);
	say(four, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->detached_n, 1);
	assert_int_equal(app->detached[0]->listener, 0);
	assert_int_equal(app->detached[0]->peer.s6_addr[12], 127);
	six = dial_v6(http_server_port(app->server, 1));
	assert_true(six >= 0);
	say(six, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->detached_n, 2);
	assert_int_equal(app->detached[1]->listener, 1);
	assert_true(IN6_IS_ADDR_LOOPBACK(&app->detached[1]->peer));
	close(four);
	close(six);
	app_free(app);
}

static struct app *
impatient_app(void)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);

	config.head_timeout_ms = config.body_timeout_ms = config.idle_timeout_ms = 50;
	return app_start(&config);
}

static void
who_is_too_slow_is_closed(void **state)
{
	struct app *app = impatient_app();
	int silent = dial(app), idle = dial(app), head = dial(app), body = dial(app);
	int reader = dial(app), parked = dial(app);

	(void)state;
	say(parked, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	say(idle, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
	say(head, "GET /head HTT");
	say(body, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel");
	say(reader, "GET /big?20000000 HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(idle, 200, "/idle");
	expect_end(idle);
	expect_end(silent);
	expect_answer(head, 408, "{\"status\":408}");
	expect_end(head);
	expect_answer(body, 408, "{\"status\":408}");
	expect_end(body);
	while (stats_of(app).connections > 1)
		sched_yield();
	assert_int_equal(stats_of(app).pinned_bytes, 0);
	wait_until(app, &app->parked_n, 1);
	assert_int_equal(stats_of(app).parked, 1);
	answer_text(app->parked[0], "woken", 5, false);
	expect_answer(parked, 200, "woken");
	expect_end(parked);
	close(reader);
	app_free(app);
}

static void
a_port_in_use_is_refused_with_its_name(void **state)
{
	struct app *app = *state;
	struct http_listener listener = { .host = "127.0.0.1", .port = app->port };
	struct http_config config = usual_config(&listener);
	struct http_hooks hooks = { .request = on_request, .gone = on_gone };
	char *error, expected[64];

	assert_null(http_server_new(&config, &hooks, &error));
	snprintf(expected, sizeof expected, "127.0.0.1:%u is in use by another program",
	    app->port);
	assert_string_equal(error, expected);
	free(error);
	listener.host = "not an address";
	assert_null(http_server_new(&config, &hooks, &error));
	assert_non_null(strstr(error, "not an address: "));
	free(error);
}

static void
stopping_answers_what_is_parked_and_closes_the_rest(void **state)
{
	struct app *app = *state;
	int parked = dial(app), idle = dial(app), asked = dial(app);
	struct answer answer;

	app->answer_on_stop = true;
	say(idle, "GET /idle HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(idle, 200, "/idle");
	say(parked, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	say(asked, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->detached_n, 1);
	answer_text(app->detached[0]->exchange, "done", 4, false);
	http_server_stop(app->server, WAIT_MS);
	read_answer(parked, &answer);
	assert_string_equal(answer.body, "stopping");
	assert_non_null(strstr(answer.head, "\r\nConnection: close\r\n"));
	free(answer.body);
	expect_end(parked);
	expect_end(idle);
	expect_answer(asked, 200, "done");
	expect_end(asked);
	assert_int_equal(app->gone_n, 0);
	/* An answer that comes too late has nobody to go to, and is freed. */
	answer_text(app->detached[0]->exchange, "late", 4, false);
}

static void
stopping_waits_no_longer_than_its_grace(void **state)
{
	struct app *app = *state;
	int parked = dial(app), asked = dial(app), reader = dial(app);
	int64_t began;

	say(parked, "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
	say(asked, "GET /detach HTTP/1.1\r\nHost: x\r\n\r\n");
	say(reader, "GET /big?20000000 HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_until(app, &app->parked_n, 1);
	wait_until(app, &app->detached_n, 1);
	while (stats_of(app).pinned_bytes == 0)
		sched_yield();
	began = clock_mono_ms();
	http_server_stop(app->server, 100);
	assert_true(clock_mono_ms() - began >= 100);
	assert_int_equal(app->gone_n, 1);
	assert_int_equal(stats_of(app).connections, 0);
	expect_end(parked);
	expect_end(asked);
	close(reader);
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static rlim_t
first_free_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

static void
without_descriptors_accepting_pauses_and_recovers(void **state)
{
	struct app *app = *state;
	struct rlimit usual, tight;
	int waiting = new_socket(), served = dial(app), ticks;
	int64_t cpu;

	say(served, "GET /before HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(served, 200, "/before");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	tight = usual;
	tight.rlim_cur = first_free_fd();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	connect_socket(waiting, app->port);
	say(waiting, "GET /waited HTTP/1.1\r\nHost: x\r\n\r\n");
	lock_take(&app->lock);
	ticks = app->ticks;
	lock_give(&app->lock);
	cpu = cpu_ms();
	wait_until(app, &app->ticks, ticks + 4);
	assert_true(cpu_ms() - cpu < 500);
	say(served, "GET /meanwhile HTTP/1.1\r\nHost: x\r\n\r\n");
	expect_answer(served, 200, "/meanwhile");
	assert_int_equal(stats_of(app).accepted, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	expect_answer(waiting, 200, "/waited");
	close(waiting);
	close(served);
}

/* --- a socket that all io threads accept from --- */

#define SHARING 4

struct sharing {
	struct app *app;
	char folder[32];
	struct sockaddr_un at;
	_Atomic int told;
	_Atomic long waits; /* of the io threads, each for something to do */
};

static void
tell_waits(struct http_io *io, void *arg)
{
	struct sharing *s = arg;
	struct rusage usage;

	(void)io;
	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	atomic_fetch_add(&s->waits, usage.ru_nvcsw);
	atomic_fetch_add(&s->told, 1);
}

/* How often the io threads have had nothing to do so far. */
static long
waits_so_far(struct sharing *s)
{
	atomic_store(&s->waits, 0);
	atomic_store(&s->told, 0);
	for (int i = 0; i < SHARING; i++)
		http_post(http_io_at(s->app->server, i), tell_waits, s);
	while (atomic_load(&s->told) < SHARING)
		sched_yield();
	return atomic_load(&s->waits);
}

static void
sharing_open(struct sharing *s)
{
	struct http_listener listener = { .host = "" };
	struct http_config config = usual_config(&listener);

	*s = (struct sharing){ .folder = "/tmp/parlour-http-XXXXXX",
		.at.sun_family = AF_UNIX };
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->at.sun_path, sizeof s->at.sun_path, "%s/socket", s->folder);
	listener.path = s->at.sun_path;
	config.io_threads = SHARING;
	s->app = app_start(&config);
	waits_so_far(s); /* they have all begun */
}

static void
sharing_close(struct sharing *s)
{
	app_free(s->app);
	assert_int_equal(rmdir(s->folder), 0);
}

static int
dial_path(const struct sharing *s)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&s->at, sizeof s->at), 0);
	return fd;
}

static void
who_connects_to_a_shared_socket_goes_to_each_io_thread_in_turn(void **state)
{
	enum { EACH = 10 };
	struct sharing s;
	int fds[SHARING * EACH], of[SHARING] = { 0 };

	(void)state;
	sharing_open(&s);
	for (int i = 0; i < SHARING * EACH; i++) {
		fds[i] = dial_path(&s);
		say(fds[i], "GET /park HTTP/1.1\r\nHost: x\r\n\r\n");
		wait_until(s.app, &s.app->parked_n, i + 1);
		of[http_io_index(s.app->parked[i].io)]++;
	}
	for (int i = 0; i < SHARING; i++)
		assert_in_range(of[i], 1, EACH * 2);
	for (int i = 0; i < SHARING * EACH; i++)
		close(fds[i]);
	sharing_close(&s);
}

static void
who_connects_to_a_shared_socket_wakes_one_io_thread(void **state)
{
	enum { CLIENTS = 300 };
	struct sharing s;
	int fds[CLIENTS];
	long before;

	(void)state;
	sharing_open(&s);
	before = waits_so_far(&s);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = dial_path(&s);
		while (stats_of(s.app).accepted < (uint64_t)i + 1)
			sched_yield();
	}
	/* Once each, and the clock's turn now and then; all of them: SHARING times. */
	assert_true(waits_so_far(&s) - before < 2 * CLIENTS);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	sharing_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_over_the_limit_gets_503),
		cmocka_unit_test(
		    a_request_says_by_which_listener_and_from_where_it_came),
		cmocka_unit_test(who_is_too_slow_is_closed),
		T(a_port_in_use_is_refused_with_its_name),
		T(stopping_answers_what_is_parked_and_closes_the_rest),
		T(stopping_waits_no_longer_than_its_grace),
		T(without_descriptors_accepting_pauses_and_recovers),
		cmocka_unit_test(
		    who_connects_to_a_shared_socket_goes_to_each_io_thread_in_turn),
		cmocka_unit_test(who_connects_to_a_shared_socket_wakes_one_io_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
