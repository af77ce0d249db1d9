/*
 * Answers that go on: a head, then blocks as they come, chunked for HTTP/1.1, until the
 * connection closes for HTTP/1.0. Relies on http/answer for writing.
 * For server-sent events: what a hub has for its listeners goes through here.
 */
#include <assert.h>
#include <stdio.h>
#include "http/batch.h"
#include "http/h2.h"
#include "http/io.h"

static struct conn *
parked_of(struct exchange exchange)
{
	struct conn *c = conn_waiting(exchange);

	assert(io_is_here(exchange.io));
	return c != NULL && c->state == CONN_PARKED ? c : NULL;
}

/* What a batch has for it goes first. */
static struct conn *
stream_of(struct exchange exchange)
{
	struct conn *c = parked_of(exchange);

	if (c == NULL || !(c->flags & CONN_BATCHED))
		return c;
	batch_flush(exchange.io);
	return parked_of(exchange);
}

bool
stream_settle(struct http_io *io, struct conn *c, size_t max)
{
	/* Blocks that come behind it give a reader who takes nothing no more time. */
	if (has_unsent(c) && c->deadline == 0)
		wheel_set(io, c, io->server->config.body_timeout_ms);
	bound_unsent(io, c, max);
	if (c->fd < 0)
		return false;
	if (c->slot != io->current)
		conn_settle(io, c);
	return true;
}

bool
http_stream_begin(struct exchange exchange, const struct http_reply *head)
{
	static const char chunked[] = "Transfer-Encoding: chunked\r\n";
	static const char closing[] = "Connection: close\r\n";
	struct http_reply reply = *head;
	struct conn *c;
	char text[2048];
	size_t more = sizeof chunked + sizeof closing, n;
	bool is_old;

	reply.goes_on = true;
	assert(reply_head_bound(&reply) + more <= sizeof text);
	n = reply_head(&reply, text, sizeof text - more);
	if (exchange.conn & EXCHANGE_STREAM)
		return h2_stream_begin(exchange, text, n);
	c = stream_of(exchange);
	if (c == NULL)
		return false;
	is_old = c->flags & CONN_HTTP10;
	n += (size_t)snprintf(text + n, sizeof text - n, "%s%s\r\n",
	    is_old ? "" : chunked, is_old || must_close(exchange.io, c) ? closing : "");
	c->flags |= CONN_STREAM;
	out_copy(exchange.io, c, text, n);
	out_flush(exchange.io, c);
	return c->fd >= 0 && stream_settle(exchange.io, c, SIZE_MAX);
}

static bool
stream_write(struct exchange exchange, struct http_shared *block, size_t max)
{
	struct http_io *io = exchange.io;
	struct str piece = { block->bytes, block->n };
	struct conn *c;

	if (exchange.conn & EXCHANGE_STREAM)
		return h2_stream_block(exchange, block, max);
	c = stream_of(exchange);
	if (c == NULL)
		return false;
	assert(c->flags & CONN_STREAM);
	/* Nobody has been given the time to take any of a block that none waits before.
	 */
	if (!has_unsent(c))
		max = SIZE_MAX;
	if (batch_is_open(io) && !(c->flags & (CONN_HTTP10 | CONN_SIDE)) &&
	    !has_unsent(c)) {
		batch_add(io, c, block);
		return true;
	}
	if (c->flags & CONN_HTTP10)
		piece = (struct str){ block->bytes + block->head_n,
			block->n - block->head_n - block->tail_n };
	if (!out_shared(io, c, block, piece)) {
		conn_close(io, c);
		return false;
	}
	return stream_settle(io, c, max);
}

bool
http_stream_block(struct exchange exchange, struct http_shared *block)
{
	return stream_write(exchange, block, exchange.io->server->config.write_max);
}

bool
http_stream_own(struct exchange exchange, struct http_shared *block)
{
	return stream_write(exchange, block, SIZE_MAX);
}

bool
http_stream_is_drained(struct exchange exchange)
{
	struct conn *c;

	if (exchange.conn & EXCHANGE_STREAM)
		return h2_stream_is_drained(exchange);
	c = stream_of(exchange);
	return c == NULL || !has_unsent(c);
}

void
http_stream_end(struct exchange exchange, bool cut)
{
	static const char last[] = "0\r\n\r\n";
	struct http_io *io = exchange.io;
	struct conn *c;

	if (exchange.conn & EXCHANGE_STREAM) {
		h2_stream_end(exchange, cut);
		return;
	}
	c = parked_of(exchange);
	if (c == NULL)
		return;
	unpark(io, c);
	if (c->flags & CONN_BATCHED)
		batch_flush(io);
	if (c->fd < 0)
		return;
	if (!cut && !(c->flags & CONN_HTTP10)) {
		out_copy(io, c, last, sizeof last - 1);
		out_flush(io, c);
	}
	if (c->fd >= 0)
		exchange_end(
		    io, c, cut || (c->flags & CONN_HTTP10) || must_close(io, c));
}
