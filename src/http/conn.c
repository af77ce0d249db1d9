/*
 * A connection's life on its io thread: opened, read, parsed, asked, closed. Relies on
 * http/parse for the bytes, http/answer for writing, http/slots for its record.
 * The first step of a request after the socket.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "http/h2.h"
#include "http/io.h"
#include "http/proxy.h"
#include "http/secure.h"

enum step {
	STEP_MORE, /* more bytes are needed */
	STEP_DONE, /* something was taken; look again */
};

struct conn_busy *
conn_busy(struct conn *c)
{
	if (c->busy == NULL)
		c->busy = xcalloc(1, sizeof *c->busy);
	return c->busy;
}

struct conn *
conn_waiting(struct exchange exchange)
{
	struct conn *c;

	if (exchange.conn >= exchange.io->slot_count)
		return NULL;
	c = slot_at(exchange.io, exchange.conn);
	if (c->fd < 0 || c->gen != exchange.gen)
		return NULL;
	return c->state == CONN_ASKED || c->state == CONN_PARKED ? c : NULL;
}

bool
http_waiting(struct exchange exchange)
{
	assert(io_is_here(exchange.io));
	if (exchange.conn & EXCHANGE_STREAM)
		return h2_waiting(exchange);
	return conn_waiting(exchange) != NULL;
}

void
http_park(struct exchange exchange, uint32_t tag)
{
	struct conn *c;

	assert(io_is_here(exchange.io));
	if (exchange.conn & EXCHANGE_STREAM) {
		h2_park(exchange, tag);
		return;
	}
	c = conn_waiting(exchange);
	if (c == NULL)
		return;
	if (c->state != CONN_PARKED)
		STAT_ADD(exchange.io, parked, 1);
	c->state = CONN_PARKED;
	c->tag = tag;
	/* It went before it was parked: hooks.gone comes from its own turn. */
	if ((c->flags & CONN_EOF) && c->slot != exchange.io->current)
		ready_push(exchange.io, c);
}

static void
input_drop(struct conn_busy *busy)
{
	free(busy->in);
	busy->in = NULL;
	busy->in_n = 0;
}

static void
body_drop(struct conn_busy *busy)
{
	buf_free(&busy->head);
	buf_free(&busy->body);
	busy->body_left = 0;
	busy->chunks = (struct http_chunks){ 0 };
}

static void
busy_free(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;

	if (busy == NULL)
		return;
	out_free(io, busy);
	input_drop(busy);
	body_drop(busy);
	STAT_SUB(io, memory_bytes, busy->counted);
	free(busy);
	c->busy = NULL;
}

/* Gives the buffers back if nothing is in them, and counts those that stay. */
void
conn_settle(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;
	size_t bytes;

	if (busy == NULL)
		return;
	if (busy->in == NULL && busy->out.first == NULL && c->state != CONN_BODY &&
	    !(c->flags & CONN_COMES)) {
		busy_free(io, c);
		return;
	}
	bytes = sizeof *busy + busy->in_n + busy->head.cap + busy->body.cap;
	STAT_ADD(io, memory_bytes, bytes);
	STAT_SUB(io, memory_bytes, busy->counted);
	busy->counted = bytes;
}

void
conn_close(struct http_io *io, struct conn *c)
{
	bool was_parked = c->state == CONN_PARKED;

	if (c->fd < 0)
		return;
	assert(!(c->flags & CONN_BATCHED));
	portions_end(c);
	parts_sent(c, true);
	side_free(io, c);
	close(c->fd);
	c->fd = -1;
	c->gen++;
	wheel_unlink(io, c);
	busy_free(io, c);
	if (c->slot == io->current)
		io->at = io->end = 0;
	STAT_ADD(io, closed, 1);
	STAT_SUB(io, connections, 1);
	server_uncount(io->server, &c->peer);
	slot_give(io, c);
	io_fd_freed(io);
	if (was_parked) {
		STAT_SUB(io, parked, 1);
		io->server->hooks.gone(io, c->tag, io->server->hooks.arg);
	}
}

void
conn_open(struct http_io *io, int fd, int listener, const struct in6_addr *peer)
{
	struct conn *c = slot_take(io);
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
		.data.u64 = c->slot,
	};

	c->fd = fd;
	c->gen++;
	c->peer = *peer;
	c->flags = 0;
	c->state = CONN_IDLE;
	c->listener = (uint8_t)listener;
	c->deadline = 0;
	STAT_ADD(io, accepted, 1);
	STAT_ADD(io, connections, 1);
	if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		conn_close(io, c);
		return;
	}
	wheel_set(io, c, io->server->config.idle_timeout_ms);
	if (io->server->config.listeners[listener].proxied) {
		c->flags |= CONN_PROXIED;
		wheel_set(io, c, io->server->config.head_timeout_ms);
	}
	if (io->server->config.listeners[listener].tls != NULL) {
		secure_begin(io, c, io->server->config.listeners[listener].tls);
		wheel_set(io, c, io->server->config.head_timeout_ms);
	}
}

void
conn_event(struct http_io *io, uint32_t slot, uint32_t events)
{
	struct conn *c = slot_at(io, slot);
	bool busy = c->state == CONN_ASKED || c->state == CONN_PARKED;

	if (c->fd < 0)
		return;
	if (events & EPOLLIN)
		c->flags |= CONN_READABLE;
	if (events & EPOLLRDHUP)
		c->flags |= CONN_EOF | CONN_READABLE;
	if (events & (EPOLLERR | EPOLLHUP))
		c->flags |= CONN_BROKEN;
	/* While a request is in progress bytes behind it are none of our business. */
	if (busy && !(events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP)) && !has_unsent(c))
		return;
	if ((c->flags & (CONN_READABLE | CONN_BROKEN)) || has_unsent(c))
		ready_push(io, c);
}

/* Says goodbye so that the client can read the last answer: closing a socket with
 * unread bytes resets the connection, and the answer is lost on the way. */
static void
conn_finish(struct http_io *io, struct conn *c)
{
	bool unread = c->flags & (CONN_READABLE | CONN_REFUSED);

	if (!unread || (c->flags & CONN_BROKEN)) {
		conn_close(io, c);
		return;
	}
	secure_end(io, c);
	shutdown(c->fd, SHUT_WR);
	c->state = CONN_LINGER;
	if (c->busy != NULL)
		input_drop(c->busy);
	c->tag = io->tick + LINGER_MAX_MS / WHEEL_TICK_MS;
	wheel_set(io, c, LINGER_MS);
	if (c->flags & CONN_READABLE)
		ready_push(io, c);
}

/* All that was to be written is. */
void
conn_written(struct http_io *io, struct conn *c)
{
	if (c->state == CONN_CLOSING) {
		conn_finish(io, c);
		return;
	}
	if (c->state == CONN_ASKED) {
		wheel_set(io, c, 0);
		parts_sent(c, false);
	}
	if (c->state == CONN_PARKED) {
		wheel_set(io, c, 0); /* a stream whose reader has caught up */
		if (io->server->hooks.drained != NULL)
			io->server->hooks.drained(io, c->tag, io->server->hooks.arg);
	}
	if (c->state != CONN_IDLE)
		return;
	if (io->stopping) {
		conn_close(io, c);
		return;
	}
	wheel_set(io, c, io->server->config.idle_timeout_ms);
	if (c->slot != io->current &&
	    ((c->flags & CONN_READABLE) || (c->busy != NULL && c->busy->in != NULL)))
		ready_push(io, c);
}

void
conn_refuse(struct http_io *io, struct conn *c, int status)
{
	const struct http_hooks *hooks = &io->server->hooks;
	struct http_reply reply = { .status = status, .close = true };

	STAT_ADD(io, bad_requests, 1);
	portions_end(c);
	reply.body = xmalloc(ERROR_BODY_MAX);
	if (hooks->error_body != NULL)
		reply.body_n =
		    hooks->error_body(status, reply.body, ERROR_BODY_MAX, hooks->arg);
	if (c->slot == io->current)
		io->at = io->end = 0;
	if (c->busy != NULL) {
		input_drop(c->busy);
		body_drop(c->busy);
	}
	c->flags &= ~(CONN_KEEP | CONN_NO_BODY | CONN_HTTP10);
	c->flags |= CONN_REFUSED;
	answer_send(io, c, &reply);
}

void
conn_expire(struct http_io *io, struct conn *c)
{
	bool is_late = c->state >= CONN_HEAD && c->state <= CONN_PORTION;

	if (c->state == CONN_FRAMES)
		h2_expire(io, c);
	else if (is_late && !has_unsent(c))
		conn_refuse(io, c, 408);
	else
		conn_close(io, c);
}

/* body[n] may be written by whoever is asked; it may be the next request's first byte.
 */
static void
conn_ask(struct http_io *io, struct conn *c, struct http_request *request, char *body,
    size_t n)
{
	char behind = body[n];

	request->exchange = (struct exchange){ io, c->slot, c->gen };
	request->body = body;
	request->body_n = n;
	request->peer = c->peer;
	request->listener = c->listener;
	request->received_us = clock_mono_us();
	c->state = CONN_ASKED;
	wheel_set(io, c, 0);
	STAT_ADD(io, requests, 1);
	io->server->hooks.request(io, request, io->server->hooks.arg);
	body[n] = behind;
}

static void
note_wishes(struct conn *c, const struct http_head *head)
{
	c->flags &= ~(CONN_KEEP | CONN_HTTP10 | CONN_NO_BODY);
	if (head->keep_alive)
		c->flags |= CONN_KEEP;
	if (head->minor == 0)
		c->flags |= CONN_HTTP10;
	if (head->method == HTTP_HEAD)
		c->flags |= CONN_NO_BODY;
}

/* The head is here, its body not wholly: the head's bytes are kept, and parsed again
 * when the body is there. */
static void
body_begin(
    struct http_io *io, struct conn *c, const struct http_head *head, size_t head_n)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct conn_busy *busy = conn_busy(c);

	buf_add(&busy->head, io->read_buf + io->at, head_n);
	io->at += head_n;
	busy->body_left = head->chunked ? -1 : head->content_length;
	busy->progress = 0;
	c->state = CONN_BODY;
	wheel_set(io, c, io->server->config.body_timeout_ms);
	if (head->expect_continue && head->minor > 0 && io->at == io->end) {
		out_copy(io, c, go_on, sizeof go_on - 1);
		out_flush(io, c);
	}
}

static bool
comes_in_portions(const struct http_io *io, const struct http_head *head)
{
	const struct http_hooks *hooks = &io->server->hooks;

	return hooks->in_portions != NULL &&
	       (head->chunked || head->content_length > 0) &&
	       hooks->in_portions(head->method_text, head->path, hooks->arg);
}

static enum step
head_taken(
    struct http_io *io, struct conn *c, struct http_request *request, size_t head_n)
{
	const struct http_head *head = &request->head;
	int64_t length = head->content_length > 0 ? head->content_length : 0;
	size_t here = io->end - io->at - head_n;
	char *body = io->read_buf + io->at + head_n;

	note_wishes(c, head);
	io->seen = 0;
	request->comes_in_portions = false;
	if (comes_in_portions(io, head)) {
		io->at += head_n;
		portions_begin(io, c, head);
		request->comes_in_portions = true;
		conn_ask(io, c, request, body, 0);
	} else if ((uint64_t)length > io->server->config.body_max) {
		conn_refuse(io, c, 413);
	} else if (head->chunked || (uint64_t)length > here) {
		body_begin(io, c, head, head_n);
	} else {
		io->at += head_n + (size_t)length;
		conn_ask(io, c, request, body, (size_t)length);
	}
	return STEP_DONE;
}

int
conn_status_of(enum http_parse result)
{
	switch (result) {
	case HTTP_BAD_TOO_LARGE:
		return 431;
	case HTTP_BAD_URI_TOO_LONG:
		return 414;
	case HTTP_BAD_VERSION:
		return 505;
	case HTTP_BAD_CODING:
		return 501;
	default:
		return 400;
	}
}

static enum step
head_missing(struct http_io *io, struct conn *c)
{
	io->seen = io->end - io->at;
	if (c->state == CONN_IDLE) {
		c->state = CONN_HEAD;
		wheel_set(io, c, io->server->config.head_timeout_ms);
	}
	return STEP_MORE;
}

/* A client, or a proxy, that knows we speak HTTP/2. */
static enum step
to_frames(struct http_io *io, struct conn *c)
{
	size_t at = io->at;

	io->at = io->end;
	h2_begin(io, c);
	h2_take(io, c, io->read_buf + at, io->end - at);
	return STEP_DONE;
}

static enum step
take_head(struct http_io *io, struct conn *c)
{
	const char *p = io->read_buf + io->at;
	size_t n = io->end - io->at, head_n = 0;
	bool whole;
	struct http_request request; /* filled in by those who read it */
	enum http_parse result;

	if (n == 0)
		return STEP_MORE;
	if (h2_is_preface(p, n, &whole))
		return whole ? to_frames(io, c) : head_missing(io, c);
	/* Looked at again only when a line has ended: one byte a packet costs no more
	 * than that. */
	if (io->seen > 0 && n < HTTP_HEAD_MAX &&
	    memchr(p + io->seen, '\n', n - io->seen) == NULL)
		return head_missing(io, c);
	result = http_parse_head(p, n, &request.head, &head_n);
	if (result == HTTP_PARSED)
		return head_taken(io, c, &request, head_n);
	if (result == HTTP_MORE && n <= HTTP_HEAD_MAX)
		return head_missing(io, c);
	if (result == HTTP_MORE)
		result = HTTP_BAD_TOO_LARGE;
	conn_refuse(io, c, conn_status_of(result));
	return STEP_DONE;
}

/* The buffers leave the connection first: answering may close it while the request is
 * still looked at. */
static void
body_taken(struct http_io *io, struct conn *c)
{
	struct buf bytes = c->busy->head, body = c->busy->body;
	struct http_request request;
	size_t head_n;
	enum http_parse result;

	c->busy->head = c->busy->body = (struct buf){ 0 };
	body_drop(c->busy);
	buf_reserve(&body, 1);
	body.p[body.n] = '\0';
	result = http_parse_head(bytes.p, bytes.n, &request.head, &head_n);
	assert(result == HTTP_PARSED);
	request.comes_in_portions = false;
	conn_ask(io, c, &request, body.p, body.n);
	buf_free(&bytes);
	buf_free(&body);
}

void
conn_moved(struct http_io *io, struct conn *c, size_t n)
{
	c->busy->progress += n;
	if (c->busy->progress < PROGRESS_BYTES)
		return;
	c->busy->progress = 0;
	wheel_set(io, c, io->server->config.body_timeout_ms);
}

static enum step
take_sized_body(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;
	size_t here = io->end - io->at;
	size_t n = (uint64_t)busy->body_left < here ? (size_t)busy->body_left : here;

	buf_add(&busy->body, io->read_buf + io->at, n);
	io->at += n;
	busy->body_left -= (int64_t)n;
	if (busy->body_left > 0) {
		conn_moved(io, c, n);
		return STEP_MORE;
	}
	body_taken(io, c);
	return STEP_DONE;
}

static enum step
take_chunks(struct http_io *io, struct conn *c)
{
	struct conn_busy *busy = c->busy;
	size_t began = io->at, used, data_at, data_n;
	enum http_parse result;

	do {
		used = data_at = data_n = 0;
		result = http_parse_chunks(&busy->chunks, io->read_buf + io->at,
		    io->end - io->at, &used, &data_at, &data_n);
		if (data_n > io->server->config.body_max - busy->body.n) {
			conn_refuse(io, c, 413);
			return STEP_DONE;
		}
		buf_add(&busy->body, io->read_buf + io->at + data_at, data_n);
		io->at += used;
	} while (result == HTTP_MORE && used > 0);

	if (result == HTTP_MORE) {
		conn_moved(io, c, io->at - began);
		return STEP_MORE;
	}
	if (result == HTTP_PARSED)
		body_taken(io, c);
	else
		conn_refuse(io, c, conn_status_of(result));
	return STEP_DONE;
}

static enum step
take_body(struct http_io *io, struct conn *c)
{
	if (c->busy->body_left < 0)
		return take_chunks(io, c);
	return take_sized_body(io, c);
}

/* How much to read at once: never more than READ_AHEAD behind what is asked for, since
 * it would have to be kept while a request is parked. */
static size_t
read_room(const struct http_io *io, const struct conn *c)
{
	size_t room = READ_MAX - io->end, want = READ_AHEAD;

	if (c->state >= CONN_BODY && c->busy->body_left > 0)
		want = (uint64_t)c->busy->body_left > room
			   ? room
			   : (size_t)c->busy->body_left + READ_AHEAD;
	return want < room ? want : room;
}

size_t
conn_read_to(struct http_io *io, struct conn *c, char *to, size_t room)
{
	ssize_t n;

	if (!(c->flags & CONN_READABLE))
		return 0;
	n = secure_read(io, c, to, room);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		conn_close(io, c);
		return 0;
	}
	STAT_ADD(io, bytes_in, n);
	/* Of TLS a read gives one record; more may be here. */
	if ((size_t)n < room && !(c->flags & (CONN_EOF | CONN_SIDE)))
		c->flags &= ~CONN_READABLE;
	return (size_t)n;
}

/* Reads behind what is in the buffer; false: nothing came (or it was the end). */
static bool
conn_read(struct http_io *io, struct conn *c)
{
	size_t n;

	if (c->state == CONN_PORTION && c->busy->body_left > 0)
		return portions_read(io, c);
	if (!(c->flags & CONN_READABLE))
		return false;
	if (io->at > 0) {
		memmove(io->read_buf, io->read_buf + io->at, io->end - io->at);
		io->end -= io->at;
		io->at = 0;
	}
	n = conn_read_to(io, c, io->read_buf + io->end, read_room(io, c));
	if (n == 0)
		return false;
	io->end += n;
	return true;
}

static bool
may_take(const struct conn *c)
{
	return c->fd >= 0 && c->state >= CONN_IDLE && c->state <= CONN_PORTION &&
	       !has_unsent(c);
}

static void
input_load(struct http_io *io, struct conn *c)
{
	io->at = io->end = io->seen = 0;
	if (c->busy == NULL || c->busy->in == NULL)
		return;
	memcpy(io->read_buf, c->busy->in, c->busy->in_n);
	io->end = c->busy->in_n;
	if (c->state == CONN_HEAD)
		io->seen = c->busy->seen;
	input_drop(c->busy);
}

static void
input_save(struct http_io *io, struct conn *c)
{
	size_t n = io->end - io->at;
	struct conn_busy *busy;

	if (n == 0 || c->state == CONN_LINGER || c->state == CONN_CLOSING ||
	    c->state == CONN_FRAMES)
		return;
	busy = conn_busy(c);
	busy->in = xmalloc(n);
	memcpy(busy->in, io->read_buf + io->at, n);
	busy->in_n = n;
	busy->seen = io->seen;
}

static enum step
take(struct http_io *io, struct conn *c)
{
	if (c->state == CONN_PORTION)
		return portions_take(io, c) ? STEP_DONE : STEP_MORE;
	return c->state == CONN_BODY ? take_body(io, c) : take_head(io, c);
}

/* Takes what is here, request by request, and reads on until nothing comes, a request
 * awaits its answer, or the turn is over. */
static void
conn_serve(struct http_io *io, struct conn *c)
{
	int steps;

	input_load(io, c);
	for (steps = 0; may_take(c) && steps < TURN_STEPS; steps++) {
		enum step step = take(io, c);

		if (step == STEP_MORE && !conn_read(io, c))
			break;
	}
	if (c->fd < 0)
		return;
	input_save(io, c);
	if (steps == TURN_STEPS && may_take(c))
		ready_push(io, c);
}

/* Reads and throws away, so that the client's own writing does not fail. */
static void
conn_linger(struct http_io *io, struct conn *c)
{
	int steps;

	for (steps = 0; steps < TURN_STEPS; steps++) {
		ssize_t n = read(c->fd, io->read_buf, READ_MAX);

		if (n < 0 && errno == EAGAIN) {
			c->flags &= ~CONN_READABLE;
			break;
		}
		if (n <= 0) {
			conn_close(io, c);
			return;
		}
	}
	if (steps > 0 && io->tick < c->tag)
		wheel_set(io, c, LINGER_MS);
	if (steps == TURN_STEPS)
		ready_push(io, c);
}

/* From now on the connection is another's. */
static bool
become(struct http_io *io, struct conn *c, const struct in6_addr *peer)
{
	struct in6_addr proxy = c->peer;

	server_uncount(io->server, &proxy);
	if (!server_count(io->server, peer)) {
		/* What its end will uncount. */
		atomic_fetch_add(&io->server->connections, 1);
		conn_close(io, c);
		return false;
	}
	c->peer = *peer;
	return true;
}

/* Reads the PROXY header alone: what follows may be TLS's. False: it is not all there,
 * or the connection is closed. */
static bool
conn_introduced(struct http_io *io, struct conn *c)
{
	struct in6_addr peer = c->peer;
	enum http_parse result;
	size_t used;
	ssize_t n = recv(c->fd, io->read_buf, PROXY_MAX, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	result = n <= 0 ? HTTP_BAD : proxy_parse(io->read_buf, (size_t)n, &peer, &used);
	if (result == HTTP_MORE)
		return false;
	if (result != HTTP_PARSED ||
	    recv(c->fd, io->read_buf, used, MSG_DONTWAIT) != (ssize_t)used) {
		STAT_ADD(io, bad_requests, 1);
		conn_close(io, c);
		return false;
	}
	c->flags &= ~CONN_PROXIED;
	return become(io, c, &peer);
}

static void
conn_turn(struct http_io *io, struct conn *c)
{
	if (c->flags & CONN_BROKEN) {
		conn_close(io, c);
		return;
	}
	if ((c->flags & CONN_PROXIED) && !conn_introduced(io, c))
		return;
	if ((c->flags & CONN_SIDE) && !secure_ready(io, c))
		return;
	if (has_unsent(c)) {
		if (!out_flush(io, c)) {
			bound_unsent(io, c, SIZE_MAX);
			return;
		}
		conn_written(io, c);
	}
	if (c->state == CONN_LINGER)
		conn_linger(io, c);
	else if (c->state == CONN_FRAMES)
		h2_turn(io, c);
	else if (may_take(c))
		conn_serve(io, c);
	if (c->state == CONN_PARKED && (c->flags & CONN_EOF))
		conn_close(io, c);
}

/* One turn of a ready connection, on the one read buffer of its thread. */
void
conn_run(struct http_io *io, struct conn *c)
{
	io->current = c->slot;
	conn_turn(io, c);
	io->current = SLOT_NONE;
	if (c->fd >= 0)
		conn_settle(io, c);
}
