/*
 * Bodies that come in portions: nothing of them is read before somebody asks for it, so
 * that a large upload holds no more than one portion. Relies on http/chunks; beside
 * http/conn, which gathers all other bodies.
 */
#include <assert.h>
#include <stdlib.h>
#include "http/h2.h"
#include "http/io.h"

/* A portion that was asked for on another thread. */
struct next_mail {
	struct mail mail;
	struct exchange exchange;
	http_taker take;
	void *arg;
};

void
portions_begin(struct http_io *io, struct conn *c, const struct http_head *head)
{
	struct conn_busy *busy = conn_busy(c);

	busy->body_left = head->chunked ? -1 : head->content_length;
	busy->progress = 0;
	c->flags |= CONN_COMES;
	c->flags &= ~CONN_EXPECTS;
	if (head->expect_continue && head->minor > 0 && io->at == io->end)
		c->flags |= CONN_EXPECTS;
}

/* Whoever takes may answer, and so end all that the connection holds. */
static void
hand_over(struct http_io *io, struct conn *c, bool is_last)
{
	struct buf body = c->busy->body;
	http_taker take = c->busy->take;

	c->busy->body = (struct buf){ 0 };
	c->busy->take = NULL;
	c->state = CONN_ASKED;
	wheel_set(io, c, 0);
	if (is_last)
		c->flags &= ~CONN_COMES;
	take(c->busy->take_arg, is_last ? HTTP_PORTION_LAST : HTTP_PORTION, body.p,
	    body.n);
}

void
portions_end(struct conn *c)
{
	struct conn_busy *busy = c->busy;
	http_taker take;

	if (!(c->flags & CONN_COMES))
		return;
	c->flags &= ~CONN_COMES;
	take = busy->take;
	busy->take = NULL;
	buf_free(&busy->body);
	busy->body_left = 0;
	busy->chunks = (struct http_chunks){ 0 };
	if (take != NULL)
		take(busy->take_arg, HTTP_PORTION_GONE, NULL, 0);
}

/* Returns whether there is nothing behind it. */
static bool
take_sized(struct http_io *io, struct conn_busy *busy)
{
	size_t n = io->end - io->at, room = HTTP_PORTION_MAX - busy->body.n;

	n = n < room ? n : room;
	n = (uint64_t)busy->body_left < n ? (size_t)busy->body_left : n;
	buf_add(&busy->body, io->read_buf + io->at, n);
	io->at += n;
	busy->body_left -= (int64_t)n;
	return busy->body_left == 0;
}

/* Straight into the portion: all that was read before has been taken. */
bool
portions_read(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;
	size_t room = HTTP_PORTION_MAX - busy->body.n, n;

	assert(io->at == io->end);
	room = (uint64_t)busy->body_left < room ? (size_t)busy->body_left : room;
	buf_reserve(&busy->body, room);
	n = conn_read_to(io, c, busy->body.p + busy->body.n, room);
	if (n == 0)
		return false;
	busy->body.n += n;
	busy->body_left -= (int64_t)n;
	conn_moved(io, c, n);
	return true;
}

static enum http_parse
take_chunks(struct http_io *io, struct conn_busy *busy)
{
	size_t used, data_at, data_n;
	enum http_parse result;

	do {
		size_t room = HTTP_PORTION_MAX - busy->body.n, n = io->end - io->at;

		used = data_at = data_n = 0;
		result = http_parse_chunks(&busy->chunks, io->read_buf + io->at,
		    n < room ? n : room, &used, &data_at, &data_n);
		buf_add(&busy->body, io->read_buf + io->at + data_at, data_n);
		io->at += used;
	} while (result == HTTP_MORE && used > 0);
	return result;
}

bool
portions_take(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;
	size_t began = io->at;
	enum http_parse result;

	if (busy->body_left < 0)
		result = take_chunks(io, busy);
	else
		result = take_sized(io, busy) ? HTTP_PARSED : HTTP_MORE;
	if (result == HTTP_PARSED) {
		hand_over(io, c, true);
	} else if (result != HTTP_MORE) {
		conn_refuse(io, c, conn_status_of(result));
	} else if (busy->body.n == HTTP_PORTION_MAX) {
		hand_over(io, c, false);
	} else {
		conn_moved(io, c, io->at - began);
		return false;
	}
	return true;
}

static void
next(struct exchange exchange, http_taker take, void *arg)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct http_io *io = exchange.io;
	struct conn *c = conn_waiting(exchange);

	if (c == NULL) {
		take(arg, HTTP_PORTION_GONE, NULL, 0);
		return;
	}
	assert((c->flags & CONN_COMES) && c->state == CONN_ASKED);
	c->busy->take = take;
	c->busy->take_arg = arg;
	c->busy->progress = 0;
	c->state = CONN_PORTION;
	wheel_set(io, c, io->server->config.body_timeout_ms);
	if (c->flags & CONN_EXPECTS) {
		c->flags &= ~CONN_EXPECTS;
		out_copy(io, c, go_on, sizeof go_on - 1);
		out_flush(io, c);
	}
	if (c->fd >= 0 && c->slot != io->current)
		ready_push(io, c);
}

void
portions_deliver(struct http_io *io, void *arg)
{
	struct next_mail *mail = arg;

	if (mail->exchange.conn & EXCHANGE_STREAM)
		h2_body_next(mail->exchange, mail->take, mail->arg);
	else
		next(mail->exchange, mail->take, mail->arg);
}

void
portions_drop(struct mail *mail)
{
	struct next_mail *next = (struct next_mail *)mail;

	next->take(next->arg, HTTP_PORTION_GONE, NULL, 0);
}

void
http_body_next(struct exchange exchange, http_taker take, void *arg)
{
	struct next_mail *mail;

	if (io_is_here(exchange.io)) {
		if (exchange.conn & EXCHANGE_STREAM)
			h2_body_next(exchange, take, arg);
		else
			next(exchange, take, arg);
		return;
	}
	mail = xmalloc(sizeof *mail);
	*mail =
	    (struct next_mail){ { NULL, portions_deliver, mail }, exchange, take, arg };
	io_post_mail(exchange.io, &mail->mail);
}
