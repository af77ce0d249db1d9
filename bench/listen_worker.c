/*
 * One process of listeners: connects them, asks for them, and reads what they are told.
 * Follows the desk's orders (bench/listen.c); the ways to speak with the server are in
 * listen_poll.c, listen_h2.c and listen_sse.c, TLS beneath them in listen_tls.c, gzip
 * in listen_gzip.c.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "listen_worker.h"

#define READ_BYTES (1 << 18)
#define EVENTS_A_TURN 256
#define SHAKING_MAX 64 /* more at a time would only wait for each other */

static const struct way *const ways[] = { &way_poll, &way_tls, &way_h2, &way_sse,
	&way_page };

static const struct way *
find_way(const char *mode)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (strcmp(ways[i]->name, mode) == 0)
			return ways[i];
	return NULL;
}

bool
worker_has_mode(const char *mode, bool gzip)
{
	const struct way *way = find_way(mode);

	return way != NULL && (way->goes_on || !gzip);
}

/* ---- connections ---- */

static void
line_close(struct worker *worker, struct line *line)
{
	if (line->fd < 0)
		return;
	if (worker->way->end != NULL)
		worker->way->end(line);
	SSL_free(line->ssl);
	close(line->fd);
	worker->shaking -= line->is_shaking;
	line->ssl = NULL;
	line->is_shaking = false;
	line->fd = -1;
}

static void
line_connect(struct worker *worker, struct line *line)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = line };

	line->is_full = line->has_head = false;
	buf_reset(&line->out);
	buf_reset(&line->in);
	buf_reset(&line->text);
	line->fd = crowd_connect(
	    worker->crowd, worker->addresses, (int)(line - worker->lines), 0);
	if (line->fd < 0 ||
	    epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, line->fd, &event) < 0)
		worker_wrong(worker, line->who, "no connection: %s", strerror(errno));
	if (line->fd < 0)
		return;
	if (worker->way->begin != NULL)
		worker->way->begin(line);
	if (!worker->way->is_secure)
		return;
	line->ssl = tls_begin(line->fd);
	line->is_shaking = true;
	worker->shaking++;
	tls_shake(line->ssl); /* a hello; the next step sees if there is nobody */
}

/* Its listeners do not wait any more. */
static void
line_leave(struct worker *worker, struct line *line)
{
	line_close(worker, line);
	for (int i = 0; i < line->n; i++)
		line->who[i].is_waiting = false;
}

static void
line_watch(const struct worker *worker, struct line *line, bool is_full)
{
	struct epoll_event event = { .events = EPOLLIN | (is_full ? EPOLLOUT : 0),
		.data.ptr = line };

	if (line->is_full != is_full)
		epoll_ctl(worker->epoll_fd, EPOLL_CTL_MOD, line->fd, &event);
	line->is_full = is_full;
}

/* ---- asking ---- */

void
worker_add_target(const struct worker *worker, const struct listener *who,
    int64_t timeout_ms, struct buf *out)
{
	buf_lit(out, "/_matrix/client/v3/events?room_id=");
	buf_str(out, worker->crowd->rooms[who->room].id);
	buf_lit(out, "&from=");
	buf_str(out, who->from);
	if (timeout_ms < 0)
		return;
	buf_lit(out, "&timeout=");
	buf_int(out, timeout_ms);
}

void
worker_add_headers(const struct worker *worker, const struct listener *who,
    const char *headers, struct buf *out)
{
	buf_lit(out, " HTTP/1.1\r\nHost: ");
	buf_str(out, worker->crowd->server);
	if (who->token != NULL) {
		buf_lit(out, "\r\nAuthorization: Bearer ");
		buf_str(out, who->token);
	}
	buf_str(out, headers);
	buf_lit(out, "\r\n\r\n");
}

void
worker_add_request(const struct worker *worker, const struct listener *who,
    int64_t timeout_ms, const char *headers, struct buf *out)
{
	buf_lit(out, "GET ");
	worker_add_target(worker, who, timeout_ms, out);
	worker_add_headers(worker, who, headers, out);
}

static int64_t
timeout_now(const struct worker *worker)
{
	int64_t until_us = worker->order.until_us;
	int64_t left_us = until_us - clock_mono_us();

	return until_us == 0 || left_us < 0 ? worker->timeout_ms : left_us / 1000;
}

static void
line_ask(struct worker *worker, struct line *line, struct listener *who)
{
	worker->way->ask(worker, line, who, timeout_now(worker));
	who->is_waiting = true;
}

/* The server closed it. Who waited there comes back, and goes on where it was. */
static void
line_lost(struct worker *worker, struct line *line)
{
	atomic_fetch_add(&worker->tally->lost, 1);
	line_close(worker, line);
	line_connect(worker, line);
	if (line->fd < 0)
		return;
	for (int i = 0; i < line->n; i++)
		if (line->who[i].is_waiting)
			line_ask(worker, line, &line->who[i]);
	line_watch(worker, line, !line->is_shaking);
}

/* Takes a step of the handshake if it is not done. */
static bool
line_is_ready(struct worker *worker, struct line *line)
{
	int rc;

	if (!line->is_shaking)
		return line->fd >= 0;
	rc = tls_shake(line->ssl);
	if (rc == 1) {
		line->is_shaking = false;
		worker->shaking--;
	} else if (rc == 0 || errno != EAGAIN) {
		line_lost(worker, line);
	}
	return rc == 1;
}

/* Sends what was asked; what the socket does not take now waits. */
static void
line_flush(struct worker *worker, struct line *line)
{
	struct buf *out = &line->out;
	ssize_t n;

	if (line->fd < 0 || line->is_shaking)
		return;
	if (worker->way->frames != NULL)
		worker->way->frames(line);
	if (out->n == 0)
		return;
	n = line->ssl != NULL
		? tls_send(line->ssl, out->p, out->n)
		: send(line->fd, out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		line_lost(worker, line);
		return;
	}
	worker_cut(out, n < 0 ? 0 : (size_t)n);
	line_watch(worker, line, out->n > 0);
}

void
worker_answered(
    struct worker *worker, struct line *line, struct listener *who, size_t bytes)
{
	struct tally *tally = worker->tally;

	atomic_fetch_add_explicit(&tally->answers, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&tally->bytes, bytes, memory_order_relaxed);
	if (worker->way->goes_on)
		return;
	who->is_waiting = false;
	if (worker->again)
		line_ask(worker, line, who);
}

/* ---- hearing ---- */

void
worker_cut(struct buf *bytes, size_t n)
{
	bytes->n -= n;
	if (bytes->n == 0)
		buf_free(bytes);
	else
		memmove(bytes->p, bytes->p + n, bytes->n);
}

/* Gives the way what has come, and keeps what it does not take yet. */
static void
line_take(struct worker *worker, struct line *line, char *bytes, size_t n)
{
	size_t used = worker->way->take(worker, line, bytes, n);

	if (bytes == line->in.p)
		worker_cut(&line->in, used);
	else if (used < n)
		buf_add(&line->in, bytes + used, n - used);
}

static void
line_read(struct worker *worker, struct line *line)
{
	static char bytes[READ_BYTES];
	ssize_t n = line->ssl != NULL
			? tls_recv(line->ssl, bytes, sizeof bytes - 1)
			: recv(line->fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		line_lost(worker, line);
	} else if (line->in.n == 0) {
		line_take(worker, line, bytes, (size_t)n);
	} else {
		buf_add(&line->in, bytes, (size_t)n);
		line_take(worker, line, line->in.p, line->in.n);
	}
}

/* ---- orders ---- */

static void
order_done(struct worker *worker)
{
	if (write(worker->order_fd, "", 1) != 1)
		exit(0);
}

static void
turn_due(struct worker *worker, struct line *line)
{
	if (worker->order.kind == ORDER_OPEN) {
		line_connect(worker, line);
		return;
	}
	if (worker->order.kind == ORDER_REOPEN) {
		line_leave(worker, line);
		line_connect(worker, line);
	}
	for (int i = 0; i < line->n && line->fd >= 0; i++)
		if (!line->who[i].is_waiting)
			line_ask(worker, line, &line->who[i]);
	line_flush(worker, line);
}

/* Those whose turn it is; the rest comes later. */
static void
take_turns(struct worker *worker)
{
	int64_t passed_us = clock_mono_us() - worker->due_from_us;
	int until = worker->line_count;

	if (worker->order.over_us > passed_us)
		until = (int)(until * passed_us / worker->order.over_us);
	while (worker->due < until && worker->shaking < SHAKING_MAX)
		turn_due(worker, &worker->lines[worker->due++]);
	if (worker->due == worker->line_count && worker->shaking == 0) {
		worker->is_busy = false;
		order_done(worker);
	}
}

static void
follow(struct worker *worker, const struct order *order)
{
	worker->order = *order;
	switch (order->kind) {
	case ORDER_PARK:
	case ORDER_REOPEN:
		worker->timeout_ms = order->timeout_ms;
		/* fall through */
	case ORDER_OPEN:
		worker->is_busy = true;
		worker->due = 0;
		worker->due_from_us = clock_mono_us();
		return;
	case ORDER_AGAIN:
		worker->again = order->on;
		break;
	case ORDER_CHECK:
		heard_check(worker, worker->lines[0].who, worker->n);
		break;
	}
	order_done(worker);
}

/* The desk is gone. No socket is left behind to wait for its time: what the kernel
 * holds is measured again soon. */
static _Noreturn void
leave(struct worker *worker)
{
	static const struct linger at_once = { .l_onoff = 1 };

	for (int i = 0; i < worker->line_count; i++)
		if (worker->lines[i].fd >= 0)
			setsockopt(worker->lines[i].fd, SOL_SOCKET, SO_LINGER, &at_once,
			    sizeof at_once);
	exit(0);
}

static void
take_order(struct worker *worker)
{
	struct order order;

	if (read(worker->order_fd, &order, sizeof order) != sizeof order)
		leave(worker);
	follow(worker, &order);
}

/* ---- the loop ---- */

static void
line_turn(struct worker *worker, struct line *line)
{
	if (!line_is_ready(worker, line))
		return;
	line_read(worker, line);
	line_flush(worker, line);
}

static void
turn(struct worker *worker)
{
	struct epoll_event events[EVENTS_A_TURN];
	int timeout_ms = worker->is_busy ? 1 : -1;
	int n = epoll_wait(worker->epoll_fd, events, EVENTS_A_TURN, timeout_ms);

	for (int i = 0; i < n; i++)
		if (events[i].data.ptr == NULL)
			take_order(worker);
		else
			line_turn(worker, events[i].data.ptr);
	if (worker->is_busy)
		take_turns(worker);
}

static void
worker_init(struct worker *worker, int from)
{
	struct crowd *crowd = worker->crowd;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	const struct way *way = find_way(crowd->mode);
	int each = way->each, left = worker->n;

	worker->way = way;
	worker->line_count = (worker->n + each - 1) / each;
	worker->tally = &crowd->tallies[worker->index];
	worker->addresses = crowd_addresses(crowd, worker->line_count);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->order_fd, &event);
	worker->logs = xcalloc((size_t)crowd->room_count, sizeof *worker->logs);
	worker->lines = xcalloc((size_t)worker->line_count, sizeof *worker->lines);
	for (int i = 0; i < worker->line_count; i++, left -= each) {
		worker->lines[i].fd = -1;
		worker->lines[i].who = &crowd->listeners[from + i * each];
		worker->lines[i].n = left < each ? left : each;
	}
}

_Noreturn void
worker_run(struct crowd *crowd, int index, int from, int n, int fd)
{
	struct worker worker = {
		.crowd = crowd, .index = index, .n = n, .order_fd = fd
	};

	worker_init(&worker, from);
	for (;;)
		turn(&worker);
}
