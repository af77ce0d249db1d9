/*
 * Answers on their way to the socket: written at once if it takes them, kept as bytes
 * or as a reference for what it does not. Relies on http/reply for heads, http/conn for
 * what comes after an answer. The last step of a request.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "http/batch.h"
#include "http/h2.h"
#include "http/io.h"
#include "http/secure.h"

#define HEAD_ON_STACK 2048
#define FLUSH_PIECES 8

static const char line_close[] = "Connection: close\r\n\r\n";
static const char line_keep[] = "Connection: keep-alive\r\n\r\n";
static const char line_none[] = "\r\n";

/* An answer made on another thread: its head was rendered there. */
struct answer_mail {
	struct mail mail;
	struct exchange exchange;
	char *body;
	size_t body_n, head_n;
	bool close;
	char head[];
};

void
out_list_add(struct out_list *list, struct out piece)
{
	struct out *out = xmalloc(sizeof *out);

	*out = piece;
	out->next = NULL;
	if (list->first == NULL)
		list->first = out;
	else
		list->last->next = out;
	list->last = out;
}

void
out_list_pop(struct out_list *list)
{
	struct out *out = list->first;

	list->first = out->next;
	free(out->owned);
	http_shared_unref(out->shared);
	free(out);
}

static void
out_add(struct http_io *io, struct conn *c, struct out piece)
{
	struct conn_busy *busy = conn_busy(c);

	if (busy->out.first == NULL)
		busy->progress = 0;
	out_list_add(&busy->out, piece);
	busy->unsent += piece.n;
	STAT_ADD(io, pinned_bytes, piece.n);
}

void
out_copy(struct http_io *io, struct conn *c, const char *p, size_t n)
{
	char *copy;

	if (n == 0)
		return;
	copy = xmalloc(n);
	memcpy(copy, p, n);
	out_add(io, c, (struct out){ .owned = copy, .p = copy, .n = n });
}

void
out_owned(struct http_io *io, struct conn *c, char *bytes, size_t n)
{
	if (n == 0)
		free(bytes);
	else
		out_add(io, c, (struct out){ .owned = bytes, .p = bytes, .n = n });
}

void
out_free(struct http_io *io, struct conn_busy *busy)
{
	STAT_SUB(io, pinned_bytes, busy->unsent);
	busy->unsent = 0;
	while (busy->out.first != NULL)
		out_list_pop(&busy->out);
}

/* Short of memory, too: the write timeout ends what never gets better. */
static bool
would_block(int err)
{
	return err == EAGAIN || err == ENOBUFS || err == ENOMEM || err == EINTR;
}

/* Bytes taken by the socket; -1: the connection is dead. */
static ssize_t
send_pieces(struct http_io *io, struct conn *c, struct iovec *iov, size_t count)
{
	ssize_t n = secure_send(io, c, iov, count);

	if (n >= 0)
		STAT_ADD(io, bytes_out, n);
	else if (would_block(errno))
		n = 0;
	return n;
}

/* The same of one piece, where nothing stands between us and the socket. */
static ssize_t
send_plain(struct http_io *io, struct conn *c, struct str piece)
{
	ssize_t n = send(c->fd, piece.p, piece.n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		STAT_ADD(io, bytes_out, n);
	else if (would_block(errno))
		n = 0;
	return n;
}

static void
out_sent(struct http_io *io, struct conn *c, size_t n)
{
	struct conn_busy *busy = c->busy;

	busy->unsent -= n;
	busy->progress += n;
	STAT_SUB(io, pinned_bytes, n);
	while (busy->out.first != NULL && n >= busy->out.first->n) {
		n -= busy->out.first->n;
		out_list_pop(&busy->out);
	}
	if (busy->out.first != NULL) {
		busy->out.first->p += n;
		busy->out.first->n -= n;
	}
	if (busy->progress >= PROGRESS_BYTES) {
		busy->progress = 0;
		wheel_set(io, c, io->server->config.body_timeout_ms);
	}
}

bool
out_flush(struct http_io *io, struct conn *c)
{
	while (has_unsent(c)) {
		struct iovec iov[FLUSH_PIECES];
		struct out *out;
		size_t count = 0;
		ssize_t n;

		for (out = c->busy->out.first; out != NULL && count < FLUSH_PIECES;
		     out = out->next)
			iov[count++] = (struct iovec){ (char *)out->p, out->n };
		n = send_pieces(io, c, iov, count);
		if (n < 0)
			conn_close(io, c);
		if (n <= 0)
			return false;
		out_sent(io, c, (size_t)n);
	}
	return true;
}

void
exchange_end(struct http_io *io, struct conn *c, bool close)
{
	c->gen++;
	c->state = close ? CONN_CLOSING : CONN_IDLE;
	if (c->flags & CONN_COMES) {
		portions_end(c);
		c->flags |= CONN_REFUSED;
	}
	c->flags &= ~CONN_STREAM;
	STAT_ADD(io, answered, 1);
	if (has_unsent(c))
		wheel_set(io, c, io->server->config.body_timeout_ms);
	else
		conn_written(io, c);
	if (c->fd >= 0 && c->slot != io->current)
		conn_settle(io, c);
}

void
unpark(struct http_io *io, struct conn *c)
{
	if (c->state == CONN_PARKED)
		STAT_SUB(io, parked, 1);
	c->state = CONN_ASKED;
}

bool
must_close(const struct http_io *io, const struct conn *c)
{
	return io->stopping || !(c->flags & CONN_KEEP) || (c->flags & CONN_COMES);
}

const char *
head_end(const struct conn *c, bool close)
{
	if (close)
		return line_close;
	return c->flags & CONN_HTTP10 ? line_keep : line_none;
}

/* Writes head (all but its last lines) and body; keeps what the socket leaves. The body
 * passes to us, or is freed. */
static void
answer_write(struct http_io *io, struct conn *c, const char *head, size_t head_n,
    struct out body, bool close)
{
	const char *line = head_end(c, close);
	size_t line_n = strlen(line), body_n = c->flags & CONN_NO_BODY ? 0 : body.n;
	struct iovec iov[3] = { { (char *)head, head_n }, { (char *)line, line_n },
		{ (char *)body.p, body_n } };
	ssize_t sent = 0;
	size_t at;

	if (!has_unsent(c))
		sent = send_pieces(io, c, iov, body_n > 0 ? 3 : 2);
	at = sent < 0 ? 0 : (size_t)sent;
	if (sent < 0 || at >= head_n + line_n + body_n || body_n == 0) {
		free(body.owned);
		body.owned = NULL;
		body_n = 0;
	}
	if (sent < 0) {
		STAT_ADD(io, answered, 1);
		conn_close(io, c);
		return;
	}
	if (at < head_n)
		out_copy(io, c, head + at, head_n - at);
	at = at > head_n ? at - head_n : 0;
	if (at < line_n)
		out_copy(io, c, line + at, line_n - at);
	at = at > line_n ? at - line_n : 0;
	if (body_n > 0) {
		body.p += at;
		body.n = body_n - at;
		if (body.shared != NULL)
			http_shared_ref(body.shared);
		out_add(io, c, body);
	}
	exchange_end(io, c, close);
}

bool
pins_too_much(const struct http_io *io)
{
	const struct http_config *config = &io->server->config;
	uint64_t all = config->pinned_max / (unsigned)config->io_threads;

	return all > 0 && atomic_load_explicit(
			      &io->stats.pinned_bytes, memory_order_relaxed) > all;
}

void
bound_unsent(struct http_io *io, struct conn *c, size_t max)
{
	if (c->fd < 0 || c->busy == NULL || c->busy->unsent == 0)
		return;
	if (c->busy->unsent > max || pins_too_much(io))
		conn_close(io, c);
}

/* Whole, with this body. */
static void
send_reply(
    struct http_io *io, struct conn *c, const struct http_reply *reply, struct out body)
{
	char small[HEAD_ON_STACK];
	size_t cap = reply_head_bound(reply);
	char *head = cap <= sizeof small ? small : xmalloc(cap);
	size_t n = reply_head(reply, head, cap);

	unpark(io, c);
	answer_write(io, c, head, n, body, reply->close || must_close(io, c));
	bound_unsent(io, c, SIZE_MAX);
	if (head != small)
		free(head);
}

static struct out
own_body(const struct http_reply *reply)
{
	return (
	    struct out){ .owned = reply->body, .p = reply->body, .n = reply->body_n };
}

void
answer_send(struct http_io *io, struct conn *c, struct http_reply *reply)
{
	send_reply(io, c, reply, own_body(reply));
}

void
answer_deliver(struct http_io *io, void *arg)
{
	struct answer_mail *mail = arg;
	struct conn *c;
	struct out body = { .owned = mail->body, .p = mail->body, .n = mail->body_n };

	mail->body = NULL;
	if (mail->exchange.conn & EXCHANGE_STREAM) {
		h2_answer(mail->exchange, mail->head, mail->head_n, body);
		return;
	}
	c = conn_waiting(mail->exchange);
	if (c == NULL) {
		free(body.owned);
		return;
	}
	unpark(io, c);
	answer_write(
	    io, c, mail->head, mail->head_n, body, mail->close || must_close(io, c));
	bound_unsent(io, c, SIZE_MAX);
}

/* Frees what a posted answer holds when nobody is left to deliver it. */
void
answer_drop(struct mail *mail)
{
	if (mail->fn == answer_deliver)
		free(((struct answer_mail *)mail)->body);
	if (mail->fn == portions_deliver)
		portions_drop(mail);
	if (mail->fn == parts_deliver)
		parts_drop(mail);
	free(mail);
}

static void
answer_post(struct exchange exchange, struct http_reply *reply)
{
	size_t cap = reply_head_bound(reply);
	struct answer_mail *mail = xmalloc(sizeof *mail + cap);

	mail->mail.fn = answer_deliver;
	mail->mail.arg = mail;
	mail->exchange = exchange;
	mail->body = reply->body;
	mail->body_n = reply->body_n;
	mail->close = reply->close;
	mail->head_n = reply_head(reply, mail->head, cap);
	io_post_mail(exchange.io, &mail->mail);
}

/* A stream's; here and now. */
static void
stream_answer(struct exchange exchange, const struct http_reply *reply, struct out body)
{
	size_t cap = reply_head_bound(reply);
	char *head = xmalloc(cap);
	size_t n = reply_head(reply, head, cap);

	if (body.shared != NULL)
		h2_answer_from(exchange, head, n, body);
	else
		h2_answer(exchange, head, n, body);
	free(head);
}

void
http_answer(struct exchange exchange, struct http_reply *reply)
{
	struct conn *c;

	if (reply_is_bodiless(reply->status))
		reply->body_n = 0;
	if (!io_is_here(exchange.io)) {
		answer_post(exchange, reply);
	} else if (exchange.conn & EXCHANGE_STREAM) {
		stream_answer(exchange, reply, own_body(reply));
	} else if ((c = conn_waiting(exchange)) != NULL) {
		answer_send(exchange.io, c, reply);
	} else {
		free(reply->body);
	}
	reply->body = NULL;
}

void
http_answer_from(struct exchange exchange, const struct http_reply *reply,
    struct http_shared *bytes, size_t from)
{
	struct out body = {
		.shared = bytes, .p = bytes->bytes + from, .n = reply->body_n
	};
	struct conn *c;

	assert(io_is_here(exchange.io) && from + reply->body_n <= bytes->n);
	if (exchange.conn & EXCHANGE_STREAM)
		stream_answer(exchange, reply, body);
	else if ((c = conn_waiting(exchange)) != NULL)
		send_reply(exchange.io, c, reply, body);
}

bool
out_shared(
    struct http_io *io, struct conn *c, struct http_shared *shared, struct str piece)
{
	struct iovec iov = { (char *)piece.p, piece.n };
	ssize_t n = 0;

	if (!has_unsent(c))
		n = c->flags & CONN_SIDE ? send_pieces(io, c, &iov, 1)
					 : send_plain(io, c, piece);
	if (n < 0)
		return false;
	if ((size_t)n < piece.n)
		out_add(io, c,
		    (struct out){ .shared = http_shared_ref(shared),
			.p = piece.p + n,
			.n = piece.n - (size_t)n });
	return true;
}

void
answer_sent(struct http_io *io, struct conn *c, struct http_shared *shared, int result)
{
	size_t n = result > 0 ? (size_t)result : 0;
	bool is_block = c->flags & CONN_STREAM;

	c->flags &= ~CONN_BATCHED;
	if (result < 0 && !would_block(-result)) {
		STAT_ADD(io, answered, !is_block);
		conn_close(io, c);
		return;
	}
	STAT_ADD(io, bytes_out, n);
	if (n < shared->n)
		out_add(io, c,
		    (struct out){ .shared = http_shared_ref(shared),
			.p = shared->bytes + n,
			.n = shared->n - n });
	if (is_block) {
		stream_settle(io, c, SIZE_MAX); /* nothing waited before it */
		return;
	}
	exchange_end(io, c, false);
	bound_unsent(io, c, io->server->config.write_max);
}

/* One send() straight from the shared bytes: the common case of a fan-out. */
static void
shared_send_whole(struct http_io *io, struct conn *c, struct http_shared *shared)
{
	if (out_shared(io, c, shared, (struct str){ shared->bytes, shared->n })) {
		exchange_end(io, c, false);
		return;
	}
	STAT_ADD(io, answered, 1);
	conn_close(io, c);
}

void
http_answer_shared(struct exchange exchange, struct http_shared *shared)
{
	struct http_io *io = exchange.io;
	struct out body = { .shared = shared,
		.p = shared->bytes + shared->head_n,
		.n = shared->n - shared->head_n };
	struct conn *c;
	bool close;

	assert(io_is_here(io));
	if (exchange.conn & EXCHANGE_STREAM) {
		h2_answer(exchange, shared->bytes, shared->head_n - 2, body);
		return;
	}
	c = conn_waiting(exchange);
	if (c == NULL)
		return;
	close = must_close(io, c);
	unpark(io, c);
	if (!close && !(c->flags & (CONN_HTTP10 | CONN_NO_BODY)) && !has_unsent(c)) {
		if (batch_is_open(io) && !(c->flags & CONN_SIDE)) {
			c->gen++; /* answered: its exchange is stale from here on */
			batch_add(io, c, shared);
			return;
		}
		shared_send_whole(io, c, shared);
	} else {
		answer_write(io, c, shared->bytes, shared->head_n - 2, body, close);
	}
	bound_unsent(io, c, io->server->config.write_max);
}
