/*
 * libFuzzer: any bytes as frames of one HTTP/2 connection. The input is pieces, each
 * led by its length and by what happens behind it: the client reads, a parked request
 * is answered, the clock moves. Relies on asserts: whoever is parked is answered or
 * gone, once, and nothing is kept when the connection has ended. `./dev fuzz` runs it.
 */
#include "http/fuzzing.h"

#define WAITING_MAX 4096
#define BIG 100000

enum after { READ = 1, ANSWER = 2, SHARE = 4, BLOCK = 8, END = 16, LATER = 32 };

enum waiting { NOBODY, PARKED, BEGUN };

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
			read_all(c, fd);
		if (after & LATER)
			pass_time();
		if ((after & (ANSWER | END)) == (ANSWER | END))
			answer_detached();
		serve_waiting(after, shared, block);
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
run_connection(const uint8_t *data, size_t n)
{
	struct conn *c;
	int fd;

	waiting_n = 0;
	c = connect_client(true, &fd);
	conn_event(io, c->slot, EPOLLIN);
	turns();
	run(c, fd, data, n);
	hang_up(c, fd);
	answer_detached();
	slots_reclaim(io);
	check_nothing_is_left();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (server == NULL)
		start_server(
		    (struct http_hooks){ .request = on_request, .gone = on_gone });
	run_as_io_thread(run_connection, data, n);
	return 0;
}
