/*
 * The functions of http/ that a hub calls, for hub_model_test. The program that links
 * this has none of http/io, http/answer, http/stream and http/gzip; http/reply, which
 * makes shared answers, is the real one.
 */
#include "stream/hub_model_wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "http/gzip.h"

struct letter {
	struct letter *next;
	void (*fn)(struct http_io *io, void *arg);
	void *arg;
};

struct http_io {
	struct http_server *server;
	void *data;
	struct letter *first, **end;
};

struct wire {
	enum wire_state state;
	uint32_t gen, tag;
	bool is_stream, is_slow;
};

struct http_server {
	struct http_io *ios;
	int io_count;
	struct wire *wires;
	struct wire_hooks hooks;
};

struct http_server *
wire_new(int io_threads, int conns, const struct wire_hooks *hooks)
{
	struct http_server *server = xcalloc(1, sizeof *server);

	server->ios = xcalloc(io_threads, sizeof *server->ios);
	server->io_count = io_threads;
	server->wires = xcalloc(conns, sizeof *server->wires);
	server->hooks = *hooks;
	for (int i = 0; i < io_threads; i++) {
		server->ios[i].server = server;
		server->ios[i].end = &server->ios[i].first;
	}
	return server;
}

void
wire_free(struct http_server *server)
{
	for (int i = 0; i < server->io_count; i++)
		assert(server->ios[i].first == NULL);
	free(server->ios);
	free(server->wires);
	free(server);
}

int
http_io_count(const struct http_server *server)
{
	return server->io_count;
}

struct http_io *
http_io_at(const struct http_server *server, int index)
{
	return &server->ios[index];
}

void
http_io_set_data(struct http_io *io, void *data)
{
	io->data = data;
}

void *
http_io_data(const struct http_io *io)
{
	return io->data;
}

/* --- letters --- */

void
http_post(struct http_io *io, void (*fn)(struct http_io *io, void *arg), void *arg)
{
	struct letter *letter = xcalloc(1, sizeof *letter);

	letter->fn = fn;
	letter->arg = arg;
	*io->end = letter;
	io->end = &letter->next;
}

bool
wire_deliver(struct http_io *io)
{
	struct letter *letter = io->first;

	if (letter == NULL)
		return false;
	io->first = letter->next;
	if (io->first == NULL)
		io->end = &io->first;
	letter->fn(io, letter->arg);
	free(letter);
	return true;
}

/* --- connections --- */

struct exchange
wire_ask(struct http_server *server, uint32_t conn)
{
	struct wire *w = &server->wires[conn];

	assert(w->state == WIRE_CLOSED);
	w->state = WIRE_ASKED;
	w->gen++;
	w->is_stream = w->is_slow = false;
	return (struct exchange){ &server->ios[conn % server->io_count], conn, w->gen };
}

enum wire_state
wire_state(struct http_server *server, uint32_t conn)
{
	return server->wires[conn].state;
}

bool
wire_is_slow(struct http_server *server, uint32_t conn)
{
	return server->wires[conn].is_slow;
}

static void
go(struct http_server *server, uint32_t conn)
{
	struct wire *w = &server->wires[conn];
	bool was_parked = w->state == WIRE_PARKED;

	w->state = WIRE_CLOSED;
	server->hooks.left(server->hooks.arg, conn);
	if (was_parked)
		server->hooks.gone(
		    server->hooks.arg, &server->ios[conn % server->io_count], w->tag);
}

void
wire_hang_up(struct http_server *server, uint32_t conn)
{
	if (server->wires[conn].state != WIRE_CLOSED)
		go(server, conn);
}

void
wire_drain(struct http_server *server, uint32_t conn)
{
	struct wire *w = &server->wires[conn];

	assert(w->is_slow);
	w->is_slow = false;
	if (w->state == WIRE_PARKED)
		server->hooks.drained(
		    server->hooks.arg, &server->ios[conn % server->io_count], w->tag);
}

/* NULL: the exchange is stale. */
static struct wire *
wire_of(struct exchange exchange)
{
	struct wire *w = &exchange.io->server->wires[exchange.conn];

	return w->state != WIRE_CLOSED && w->gen == exchange.gen ? w : NULL;
}

bool
http_waiting(struct exchange exchange)
{
	return wire_of(exchange) != NULL;
}

void
http_park(struct exchange exchange, uint32_t tag)
{
	struct wire *w = wire_of(exchange);

	assert(w != NULL && w->state == WIRE_ASKED);
	w->state = WIRE_PARKED;
	w->tag = tag;
}

/* --- whole answers --- */

static void
answer(struct exchange exchange, int status, struct str body, bool is_packed,
    bool is_shared)
{
	struct wire_hooks *hooks = &exchange.io->server->hooks;
	struct wire *w = wire_of(exchange);
	bool was_parked;

	if (w == NULL)
		return;
	assert(!w->is_stream);
	was_parked = w->state == WIRE_PARKED;
	w->state = WIRE_CLOSED;
	hooks->answered(
	    hooks->arg, exchange.conn, status, body, is_packed, is_shared, was_parked);
}

void
http_answer(struct exchange exchange, struct http_reply *reply)
{
	answer(exchange, reply->status, (struct str){ reply->body, reply->body_n },
	    reply->gzip, false);
	free(reply->body);
}

void
http_answer_shared(struct exchange exchange, struct http_shared *shared)
{
	static const char packed[] = "Content-Encoding: gzip";
	int status = atoi(shared->bytes + strlen("HTTP/1.1 "));
	struct str body = { shared->bytes + shared->head_n,
		shared->n - shared->head_n };

	answer(exchange, status, body,
	    memmem(shared->bytes, shared->head_n, packed, sizeof packed - 1) != NULL,
	    true);
}

/* --- streams --- */

bool
http_stream_begin(struct exchange exchange, const struct http_reply *head)
{
	struct wire_hooks *hooks = &exchange.io->server->hooks;
	struct wire *w = wire_of(exchange);

	if (w == NULL)
		return false;
	assert(w->state == WIRE_PARKED && !w->is_stream && head->status == 200);
	if (hooks->fate(hooks->arg, exchange.conn) >= WIRE_GOES_BEFORE) {
		go(exchange.io->server, exchange.conn);
		return false;
	}
	w->is_stream = true;
	return true;
}

static bool
send_block(struct exchange exchange, struct http_shared *block, bool is_shared)
{
	struct wire_hooks *hooks = &exchange.io->server->hooks;
	struct wire *w = wire_of(exchange);
	struct str bytes = { block->bytes + block->head_n,
		block->n - block->head_n - block->tail_n };
	enum wire_fate fate;

	if (w == NULL)
		return false;
	assert(w->state == WIRE_PARKED && w->is_stream);
	fate = hooks->fate(hooks->arg, exchange.conn);
	w->is_slow = w->is_slow || fate == WIRE_IS_SLOW;
	if (fate != WIRE_GOES_BEFORE)
		hooks->sent(hooks->arg, exchange.conn, bytes, is_shared);
	if (fate >= WIRE_GOES_BEFORE) {
		go(exchange.io->server, exchange.conn);
		return false;
	}
	return true;
}

bool
http_stream_block(struct exchange exchange, struct http_shared *block)
{
	return send_block(exchange, block, true);
}

bool
http_stream_own(struct exchange exchange, struct http_shared *block)
{
	return send_block(exchange, block, false);
}

bool
http_stream_is_drained(struct exchange exchange)
{
	struct wire *w = wire_of(exchange);

	return w == NULL || !w->is_slow;
}

void
http_stream_end(struct exchange exchange, bool cut)
{
	struct wire_hooks *hooks = &exchange.io->server->hooks;
	struct wire *w = wire_of(exchange);

	if (w == NULL)
		return;
	assert(w->state == WIRE_PARKED && w->is_stream);
	w->state = WIRE_CLOSED;
	hooks->ended(hooks->arg, exchange.conn, cut);
}

/* --- packing --- */

static void
mark(struct buf *out, const char *bytes, size_t n)
{
	buf_char(out, WIRE_PACKED);
	buf_add(out, bytes, n);
}

bool
gzip_body(char **body, size_t *n)
{
	struct buf packed = { 0 };

	mark(&packed, *body, *n);
	free(*body);
	*body = buf_take(&packed, n);
	return true;
}

void
gzip_block(struct buf *out, const char *bytes, size_t n)
{
	mark(out, bytes, n);
}

void
gzip_block_stored(struct buf *out, const char *bytes, size_t n)
{
	mark(out, bytes, n);
}

void
http_batch_begin(struct http_io *io)
{
}

void
http_batch_end(struct http_io *io)
{
}
