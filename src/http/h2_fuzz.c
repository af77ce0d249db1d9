/*
 * libFuzzer: any bytes as frames of one HTTP/2 connection. The input is pieces, each
 * led by its length and by what happens behind it: the client reads, a parked request
 * is answered, the clock moves. Relies on asserts: whoever is parked is answered or
 * gone, once, and nothing is kept when the connection has ended. `./dev fuzz` runs it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "http/h2.h"
#include "http/secure.h"

#define WAITING_MAX 4096
#define BIG 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum after { READ = 1, ANSWER = 2, SHARE = 4, BLOCK = 8, END = 16, LATER = 32 };

enum waiting { NOBODY, PARKED, BEGUN };

static struct http_server *server;
static struct http_io *io;
static struct exchange waiting[WAITING_MAX]; /* by tag */
static enum waiting is_waiting[WAITING_MAX];
static uint32_t waiting_n;
static struct http_request *detached[WAITING_MAX];
static uint32_t detached_n;

static void
answer(struct exchange exchange, size_t n)
{
	struct http_reply reply = { .status = 200, .body = xcalloc(1, n + 1) };

	reply.body_n = n;
	http_answer(exchange, &reply);
}

static void
park(struct exchange exchange)
{
	assert(waiting_n < WAITING_MAX);
	http_park(exchange, waiting_n);
	waiting[waiting_n] = exchange;
	is_waiting[waiting_n++] = PARKED;
}

static void
on_request(struct http_io *own, struct http_request *request, void *arg)
{
	struct str path = request->head.path;
	struct http_reply empty = { .status = 204 };

	assert(own == io && request->head.minor == 1 && !request->head.chunked);
	assert(request->body_n <= server->config.body_max);
	assert(*path.p == '/' || str_is(path, "*"));
	assert(memchr(path.p, ' ', path.n) == NULL);
	if (str_starts(path, "/p") && waiting_n < WAITING_MAX)
		park(request->exchange);
	else if (str_starts(path, "/d") && detached_n < WAITING_MAX)
		detached[detached_n++] = http_request_detach(request);
	else if (str_starts(path, "/b"))
		answer(request->exchange, BIG);
	else if (str_starts(path, "/n"))
		http_answer(request->exchange, &empty);
	else
		answer(request->exchange, path.n);
}

static void
on_gone(struct http_io *own, uint32_t tag, void *arg)
{
	assert(tag < waiting_n && is_waiting[tag] != NOBODY);
	is_waiting[tag] = NOBODY;
}

static size_t
error_body(int status, char *out, size_t cap, void *arg)
{
	out[0] = '!';
	return 1;
}

static void
start(void)
{
	struct http_config config = { .io_threads = 1,
		.connections_max = 10,
		.body_max = 50000,
		.head_timeout_ms = 10000,
		.body_timeout_ms = 10000,
		.idle_timeout_ms = 10000,
		.write_max = 50000,
		.pinned_max = 1 << 20 };
	struct http_hooks hooks = {
		.request = on_request, .gone = on_gone, .error_body = error_body
	};
	char *error;

	server = http_server_new(&config, &hooks, &error);
	assert(server != NULL);
	io = http_io_at(server, 0);
}

static void
answer_detached(void)
{
	while (detached_n > 0) {
		struct http_request *request = detached[--detached_n];

		answer(request->exchange, request->body_n);
		http_request_free(request);
	}
}

static void
go_on(uint32_t tag, struct http_shared *block)
{
	struct http_reply head = { .status = 200, .content_type = "text/event-stream" };

	if (is_waiting[tag] == PARKED) {
		is_waiting[tag] = BEGUN;
		if (!http_stream_begin(waiting[tag], &head))
			return;
	}
	(void)http_stream_block(waiting[tag], block);
}

/* What the server does meanwhile for those who wait. */
static void
serve_waiting(uint8_t after, struct http_shared *shared, struct http_shared *block)
{
	for (uint32_t tag = 0; tag < waiting_n; tag++) {
		if (is_waiting[tag] == NOBODY)
			continue;
		assert(http_waiting(waiting[tag]));
		if (after & BLOCK) {
			go_on(tag, block);
		} else if (is_waiting[tag] == BEGUN && (after & END)) {
			is_waiting[tag] = NOBODY;
			http_stream_end(waiting[tag], tag % 2 == 0);
		} else if (is_waiting[tag] == PARKED && (after & (ANSWER | SHARE))) {
			is_waiting[tag] = NOBODY;
			if (after & SHARE)
				http_answer_shared(waiting[tag], shared);
			else
				answer(waiting[tag], tag);
			assert(!http_waiting(waiting[tag]));
		}
	}
}

static void
read_all(int fd)
{
	char bytes[65536];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
}

/* Its turns, until it wants no more. */
static void
turns(void)
{
	struct conn *c;

	for (int i = 0; i < 4 && io->ready_first != SLOT_NONE; i++) {
		uint32_t list = ready_take_all(io);

		while ((c = ready_pop(io, &list)) != NULL)
			conn_run(io, c);
	}
}

static void
pass_time(void)
{
	struct conn *c;

	io->now_ms += 4000;
	while (
	    (c = wheel_pop_expired(io, (uint32_t)(io->now_ms / WHEEL_TICK_MS))) != NULL)
		conn_expire(io, c);
}

static void
run(struct conn *c, int fd, const uint8_t *data, size_t n)
{
	static const char text[] = "what all of them hear";
	struct http_shared *shared = http_shared_new(200, NULL, text, sizeof text);
	struct http_shared *block = http_block_new(text, sizeof text);

	while (n >= 2 && c->fd >= 0) {
		size_t piece = data[0] < n - 2 ? data[0] : n - 2;
		uint8_t after = data[1];

		if (send(fd, data + 2, piece, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
			conn_event(io, c->slot, EPOLLIN);
		data += 2 + piece;
		n -= 2 + piece;
		turns();
		if (after & READ)
			read_all(fd);
		if (after & LATER)
			pass_time();
		if ((after & (ANSWER | END)) == (ANSWER | END))
			answer_detached();
		serve_waiting(after, shared, block);
		if (c->fd >= 0 && (after & READ))
			conn_event(io, c->slot, EPOLLOUT);
		turns();
	}
	http_shared_unref(shared);
	http_shared_unref(block);
}

static void
check_nothing_is_left(void)
{
	for (uint32_t tag = 0; tag < waiting_n; tag++)
		assert(is_waiting[tag] == NOBODY);
	assert(io->stats.parked == 0 && io->stats.pinned_bytes == 0);
	assert(io->stats.connections == 0);
}

static void
run_connection(const struct str *input)
{
	static const char hello[] =
	    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	struct in6_addr peer = { 0 };
	int fds[2], small = 8192;
	struct conn *c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		abort();
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	conn_open(io, fds[0], 0, &peer);
	c = slot_at(io, 0); /* the lowest is taken first */
	assert(c->fd == fds[0]);
	assert(send(fds[1], hello, sizeof hello - 1, MSG_NOSIGNAL) > 0);
	conn_event(io, c->slot, EPOLLIN);
	turns();
	run(c, fds[1], (const uint8_t *)input->p, input->n);
	close(fds[1]);
	if (c->fd >= 0)
		conn_close(io, c);
	turns();
}

static void *
run_on_io_thread(void *arg)
{
	io_enter(io);
	io->now_ms = 1000000;
	io->tick = (uint32_t)(io->now_ms / WHEEL_TICK_MS);
	waiting_n = 0;
	run_connection(arg);
	answer_detached();
	slots_reclaim(io);
	check_nothing_is_left();
	return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str input = { (const char *)data, n };

	if (server == NULL)
		start();
	pthread_join(thread_start("io", ROLE_IO, run_on_io_thread, &input), NULL);
	return 0;
}
