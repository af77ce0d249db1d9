/*
 * For tests of the HTTP server: a small application that answers by path, and a client
 * over real sockets on loopback. Every wait is for a socket, or for a hook that reports
 * under a lock.
 */
#ifndef HTTP_TESTING_H
#define HTTP_TESTING_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/thread.h"
#include "http/batch.h"
#include "http/server.h"

#define PARKED_MAX 1024
#define WAIT_MS 20000
#define BODY_MAX 300000
#define WRITE_MAX 100000
#define READ_ALL_MAX (4 << 20)

/* Shared; lock guards all below it. */
struct app {
	struct http_server *server;
	uint16_t port;
	struct lock lock;
	pthread_cond_t changed;
	struct exchange parked[PARKED_MAX]; /* by tag */
	int parked_n, gone_n, drained_n, ticks, posted;
	uint32_t gone_tag;
	struct http_request *detached[PARKED_MAX];
	int detached_n;
	struct exchange uploads[PARKED_MAX]; /* whose bodies come in portions */
	int uploads_n;
	bool answer_on_stop;
};

static inline void
note(struct app *app, int *what)
{
	lock_take(&app->lock);
	(*what)++;
	pthread_cond_broadcast(&app->changed);
	lock_give(&app->lock);
}

static inline void
wait_until(struct app *app, const int *what, int at_least)
{
	long long deadline = clock_mono_ms() + WAIT_MS;
	bool in_time = true;

	lock_take(&app->lock);
	while (*what < at_least && in_time)
		in_time = lock_wait(&app->lock, &app->changed, deadline);
	lock_give(&app->lock);
	assert_true(in_time);
}

/* Skips the test where answers are sent one by one. */
static inline void
need_batches(void)
{
	struct batch *batch = batch_new();

	if (batch == NULL)
		skip();
	batch_free(batch);
}

/* ---- the application ---- */

static inline void
answer_text(struct exchange exchange, const char *text, size_t n, bool close)
{
	struct http_reply reply = { .status = 200, .content_type = "text/plain" };

	reply.body = malloc(n + 1);
	memcpy(reply.body, text, n);
	reply.body_n = n;
	reply.close = close;
	http_answer(exchange, &reply);
}

static inline void
answer_big(struct http_request *request)
{
	struct http_reply reply = { .status = 200, .content_type = "text/plain" };
	int64_t n = 0;
	int64_t i;

	(void)str_int(request->head.query, &n);
	reply.body = malloc((size_t)n + 1);
	for (i = 0; i < n; i++)
		reply.body[i] = (char)('a' + i % 23);
	reply.body_n = (size_t)n;
	http_answer(request->exchange, &reply);
}

static inline void
detach(struct app *app, struct http_request *request)
{
	lock_take(&app->lock);
	app->detached[app->detached_n++] = http_request_detach(request);
	pthread_cond_broadcast(&app->changed);
	lock_give(&app->lock);
}

static inline void
park(struct app *app, struct http_request *request)
{
	lock_take(&app->lock);
	http_park(request->exchange, (uint32_t)app->parked_n);
	app->parked[app->parked_n++] = request->exchange;
	pthread_cond_broadcast(&app->changed);
	lock_give(&app->lock);
}

static inline void
take_upload(struct app *app, struct http_request *request)
{
	assert_int_equal(request->body_n, 0);
	lock_take(&app->lock);
	app->uploads[app->uploads_n++] = request->exchange;
	pthread_cond_broadcast(&app->changed);
	lock_give(&app->lock);
}

static inline bool
in_portions(struct str method, struct str path, void *arg)
{
	return str_is(path, "/upload") && !str_is(method, "PUT");
}

static inline void
on_request(struct http_io *io, struct http_request *request, void *arg)
{
	struct app *app = arg;
	struct str path = request->head.path;
	struct http_reply empty = { .status = 204 };

	assert_true(request->exchange.io == io);
	request->body[request->body_n] = '\0'; /* as a parser in place would */
	if (request->comes_in_portions)
		take_upload(app, request);
	else if (str_is(path, "/big"))
		answer_big(request);
	else if (str_is(path, "/park"))
		park(app, request);
	else if (str_is(path, "/detach"))
		detach(app, request);
	else if (str_is(path, "/never"))
		return; /* as one whose worker is slow for ever */
	else if (str_is(path, "/nothing"))
		http_answer(request->exchange, &empty);
	else if (str_is(path, "/bye"))
		answer_text(request->exchange, "bye", 3, true);
	else if (request->body_n > 0)
		answer_text(request->exchange, request->body, request->body_n, false);
	else
		answer_text(request->exchange, path.p, path.n, false);
}

static inline void
on_gone(struct http_io *io, uint32_t tag, void *arg)
{
	struct app *app = arg;

	(void)io;
	lock_take(&app->lock);
	app->gone_tag = tag;
	app->gone_n++;
	pthread_cond_broadcast(&app->changed);
	lock_give(&app->lock);
}

static inline void
on_drained(struct http_io *io, uint32_t tag, void *arg)
{
	struct app *app = arg;

	(void)io;
	(void)tag;
	note(app, &app->drained_n);
}

static inline void
on_tick(struct http_io *io, int64_t mono_ms, void *arg)
{
	struct app *app = arg;

	(void)io;
	(void)mono_ms;
	note(app, &app->ticks);
}

static inline void
on_stopping(struct http_io *io, void *arg)
{
	struct app *app = arg;
	int i;

	for (i = 0; app->answer_on_stop && i < app->parked_n; i++)
		if (app->parked[i].io == io)
			answer_text(app->parked[i], "stopping", 8, false);
}

static inline size_t
error_body(int status, char *out, size_t cap, void *arg)
{
	(void)arg;
	return (size_t)snprintf(out, cap, "{\"status\":%d}", status);
}

static inline struct http_config
usual_config(struct http_listener *listener)
{
	return (struct http_config){ .io_threads = 2,
		.listeners = listener,
		.listener_count = 1,
		.connections_max = 10000,
		.body_max = BODY_MAX,
		.head_timeout_ms = 20000,
		.body_timeout_ms = 20000,
		.idle_timeout_ms = 20000,
		.write_max = WRITE_MAX };
}

static inline struct app *
app_start(const struct http_config *config)
{
	struct app *app = calloc(1, sizeof *app);
	struct http_hooks hooks = { .request = on_request,
		.in_portions = in_portions,
		.gone = on_gone,
		.drained = on_drained,
		.tick = on_tick,
		.stopping = on_stopping,
		.error_body = error_body,
		.arg = app };
	char *error;

	lock_init(&app->lock, RANK_LEAF);
	cond_init(&app->changed);
	app->server = http_server_new(config, &hooks, &error);
	if (app->server == NULL)
		fail_msg("%s", error);
	app->port = http_server_port(app->server, 0);
	http_server_start(app->server);
	return app;
}

static inline void
app_free(struct app *app)
{
	http_server_stop(app->server, 0);
	http_server_free(app->server);
	while (app->detached_n > 0)
		http_request_free(app->detached[--app->detached_n]);
	lock_fini(&app->lock);
	pthread_cond_destroy(&app->changed);
	free(app);
}

static inline int
setup(void **state)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	struct http_config config = usual_config(&listener);

	*state = app_start(&config);
	return 0;
}

static inline int
teardown(void **state)
{
	app_free(*state);
	return 0;
}

/* ---- the client ---- */

static inline struct sockaddr_in
address_of(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* Without a time limit: with one, the kernel ends a call with EINTR instead of going on
 * when the server's io_uring, in the same process, has work for the thread. What hangs
 * is ended by the run of all tests. */
static inline int
new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static inline void
connect_socket(int fd, uint16_t port)
{
	struct sockaddr_in at = address_of(port);
	int on = 1;

	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof on);
}

static inline int
dial(const struct app *app)
{
	int fd = new_socket();

	connect_socket(fd, app->port);
	return fd;
}

static inline void
say_n(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		assert_true(sent > 0);
		p += sent;
		n -= (size_t)sent;
	}
}

static inline void
say(int fd, const char *text)
{
	say_n(fd, text, strlen(text));
}

struct answer {
	int status;
	char head[2048];
	char *body; /* freed by answer_free */
	size_t n;
};

static inline void
read_exactly(int fd, char *out, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, out, n, 0);

		if (got <= 0)
			fail_msg("%s with %zu bytes to come",
			    got == 0 ? "closed" : strerror(errno), n);
		out += got;
		n -= (size_t)got;
	}
}

static inline void
read_head(int fd, struct answer *answer)
{
	size_t n = 0;

	do {
		assert_true(n < sizeof answer->head - 1);
		read_exactly(fd, answer->head + n, 1);
		answer->head[++n] = '\0';
	} while (n < 4 || memcmp(answer->head + n - 4, "\r\n\r\n", 4) != 0);
	assert_int_equal(sscanf(answer->head, "HTTP/1.1 %d ", &answer->status), 1);
}

static inline size_t
length_of(const struct answer *answer)
{
	const char *line = strstr(answer->head, "Content-Length: ");

	return line == NULL ? 0 : strtoul(line + 16, NULL, 10);
}

static inline void
read_answer(int fd, struct answer *answer)
{
	read_head(fd, answer);
	answer->n = length_of(answer);
	answer->body = malloc(answer->n + 1);
	read_exactly(fd, answer->body, answer->n);
	answer->body[answer->n] = '\0';
}

static inline void
expect_answer(int fd, int status, const char *body)
{
	struct answer answer;

	read_answer(fd, &answer);
	assert_int_equal(answer.status, status);
	assert_string_equal(answer.body, body);
	free(answer.body);
}

static inline void
expect_end(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
}

static inline struct http_stats
stats_of(const struct app *app)
{
	struct http_stats stats;

	http_server_stats(app->server, &stats);
	return stats;
}

static inline void
count_post(struct http_io *io, void *arg)
{
	struct app *app = arg;

	(void)io;
	note(app, &app->posted);
}

/* All that was posted to the io threads before is done afterwards. */
static inline void
settle(struct app *app)
{
	int i, before = app->posted;

	for (i = 0; i < http_io_count(app->server); i++)
		http_post(http_io_at(app->server, i), count_post, app);
	wait_until(app, &app->posted, before + i);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
