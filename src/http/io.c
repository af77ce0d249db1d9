/*
 * One io thread: its loop over epoll, mailbox, new connections, ready connections, the
 * hub's slices and the clock. Relies on http/conn for what a connection does.
 * Everything that happens to a request before and after a worker happens here.
 */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/batch.h"
#include "http/h2.h"
#include "http/io.h"

#define EVENTS_A_ROUND 256
#define LOG_EVERY_MS 60000

#define EVENT_LISTENER (UINT64_C(1) << 62)
#define EVENT_MAILBOX (UINT64_C(1) << 63)

#define HELD_MAX 64 /* io threads that one thread may hold letters for */

/* The io threads that this thread has written to and not rung yet. */
static __thread struct {
	bool holding;
	int count;
	struct http_io *ios[HELD_MAX];
} held;

static void
ring(struct http_io *io)
{
	uint64_t one = 1;

	if (write(io->event_fd, &one, sizeof one) < 0)
		log_errno("http: wake an io thread");
}

void
http_hold(void)
{
	held.holding = true;
}

void
http_ring(void)
{
	held.holding = false;
	while (held.count > 0)
		ring(held.ios[--held.count]);
}

/* From any thread. Only the first letter in an empty box rings; whoever holds letters
 * back rings for all that have come meanwhile. */
void
io_post_mail(struct http_io *io, struct mail *mail)
{
	struct mail *first = atomic_load_explicit(&io->mailbox, memory_order_relaxed);

	do
		mail->next = first;
	while (!atomic_compare_exchange_weak_explicit(
	    &io->mailbox, &first, mail, memory_order_release, memory_order_relaxed));
	if (first != NULL)
		return;
	if (held.holding && held.count < HELD_MAX)
		held.ios[held.count++] = io;
	else
		ring(io);
}

void
http_post(struct http_io *io, void (*fn)(struct http_io *io, void *arg), void *arg)
{
	struct mail *mail = xmalloc(sizeof *mail);

	mail->fn = fn;
	mail->arg = arg;
	io_post_mail(io, mail);
}

/* True if there was any. */
static bool
mailbox_run(struct http_io *io)
{
	struct mail *newest =
	    atomic_exchange_explicit(&io->mailbox, NULL, memory_order_acquire);
	struct mail *oldest = NULL;

	if (newest == NULL)
		return false;
	while (newest != NULL) {
		struct mail *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct mail *next = oldest->next;

		oldest->fn(io, oldest->arg);
		free(oldest);
		oldest = next;
	}
	return true;
}

/* False: the kernel has no room for it. */
static bool
watch(struct http_io *io, int fd, uint32_t events, uint64_t name)
{
	struct epoll_event event = { .events = events, .data.u64 = name };

	return epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* All io threads accept from the same socket. */
static bool
is_shared(const struct http_io *io, int listener)
{
	const struct http_listener *l = &io->server->config.listeners[listener];

	return l->fd > 0 || l->path != NULL;
}

/* Who connects to a shared one wakes a single thread, the one that has watched it for
 * the longest time. */
static bool
watch_listener(struct http_io *io, int i)
{
	return watch(io, io->listen_fds[i],
	    EPOLLIN | (is_shared(io, i) ? EPOLLEXCLUSIVE : 0),
	    EVENT_LISTENER | (uint64_t)i);
}

/* One that is not watched stays so. */
static void
unwatch_listener(struct http_io *io, int i)
{
	(void)epoll_ctl(io->epoll_fd, EPOLL_CTL_DEL, io->listen_fds[i], NULL);
}

static void
unwatch_listeners(struct http_io *io)
{
	int i;

	for (i = 0; i < io->server->config.listener_count; i++)
		unwatch_listener(io, i);
}

/* Not for each of very many that connect. */
static bool
may_log(struct http_io *io)
{
	if (io->accept_logged_ms != 0 &&
	    io->now_ms - io->accept_logged_ms < LOG_EVERY_MS)
		return false;
	io->accept_logged_ms = io->now_ms;
	return true;
}

/* Out of descriptors, or of what watches them: who connects waits in the kernel's queue
 * until there are some again. */
static void
accept_pause(struct http_io *io)
{
	if (may_log(io))
		log_errno("http: accepting pauses");
	unwatch_listeners(io);
	io->accept_paused = true;
}

static void
watch_listeners(struct http_io *io)
{
	io->accept_paused = false;
	for (int i = 0; i < io->server->config.listener_count && !io->accept_paused;
	     i++)
		if (!watch_listener(io, i))
			accept_pause(io);
}

void
io_fd_freed(struct http_io *io)
{
	if (io->accept_paused && !io->stopping)
		watch_listeners(io);
}

static struct in6_addr
peer_of(const struct sockaddr_storage *from)
{
	const struct in_addr here = { htonl(INADDR_LOOPBACK) };

	if (from->ss_family == AF_INET6)
		return ((const struct sockaddr_in6 *)from)->sin6_addr;
	if (from->ss_family == AF_INET)
		return address_of_v4(&((const struct sockaddr_in *)from)->sin_addr);
	return address_of_v4(&here); /* a Unix socket's other end */
}

/* One above the limit: told so without being read. */
static void
turn_away(struct http_io *io, int fd)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
				   "Content-Type: application/json\r\n"
				   "Access-Control-Allow-Origin: *\r\n"
				   "Retry-After: 5\r\n"
				   "Connection: close\r\n"
				   "\r\n";
	const struct http_hooks *hooks = &io->server->hooks;
	char text[sizeof busy + ERROR_BODY_MAX], unread[1024];
	size_t n = sizeof busy - 1;

	memcpy(text, busy, n);
	if (hooks->error_body != NULL)
		n += hooks->error_body(503, text + n, ERROR_BODY_MAX, hooks->arg);
	/* Bytes left unread would reset the connection, and the answer with it. */
	if (recv(fd, unread, sizeof unread, MSG_DONTWAIT) >= 0 || errno == EAGAIN)
		(void)!send(fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static bool
is_proxy(const struct http_server *server, const struct in6_addr *peer)
{
	const struct http_hooks *hooks = &server->hooks;

	return hooks->is_proxy != NULL && hooks->is_proxy(peer, hooks->arg);
}

static void
admit(struct http_io *io, int fd, int listener, const struct sockaddr_storage *from)
{
	struct http_server *server = io->server;
	struct in6_addr peer = peer_of(from);

	/* Who is no proxy may not say for whom it speaks. */
	if (server->config.listeners[listener].proxied && !is_proxy(server, &peer)) {
		close(fd);
		STAT_ADD(io, bad_requests, 1);
		if (may_log(io))
			log_warn("http: who is no trusted proxy has connected to a "
				 "listener with proxy_protocol");
	} else if (server_count(server, &peer))
		conn_open(io, fd, listener, &peer);
	else if (server->config.listeners[listener].tls != NULL)
		close(fd); /* before a handshake no word would be understood */
	else
		turn_away(io, fd);
}

/* The next who connects is another thread's: without this the one that comes first
 * would have all of them, and all who listen behind a proxy. */
static void
pass_on(struct http_io *io, int listener)
{
	if (io->accept_paused || !is_shared(io, listener))
		return;
	unwatch_listener(io, listener);
	if (!watch_listener(io, listener))
		accept_pause(io);
}

static void
accept_some(struct http_io *io, int listener)
{
	int i;

	for (i = 0; i < ACCEPTS_A_ROUND && !io->accept_paused; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		int fd = accept4(io->listen_fds[listener], (struct sockaddr *)&from, &n,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0)
			admit(io, fd, listener, &from);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			 errno == ENOMEM)
			accept_pause(io);
		else if (errno == EAGAIN)
			return;
		/* Else that one client is lost before it was ours: on to the next. */
	}
}

static void
take_events(struct http_io *io, const struct epoll_event *events, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		uint64_t name = events[i].data.u64;

		if (name & EVENT_LISTENER) {
			if (io->accept_paused || io->stopping)
				continue;
			accept_some(io, (int)(name & ~EVENT_LISTENER));
			pass_on(io, (int)(name & ~EVENT_LISTENER));
		} else if (!(name & EVENT_MAILBOX)) {
			conn_event(io, (uint32_t)name, events[i].events);
		}
	}
}

static void
run_ready(struct http_io *io)
{
	uint32_t list = ready_take_all(io);
	struct conn *c;

	while ((c = ready_pop(io, &list)) != NULL)
		conn_run(io, c);
}

/* With the seconds of the clock, by which deadlines are kept: whoever waits for one is
 * not kept waiting for a tick behind it. */
static int64_t
next_tick_ms(const struct http_io *io)
{
	return (io->now_ms / WHEEL_TICK_MS + 1) * WHEEL_TICK_MS;
}

static void
turn_clock(struct http_io *io)
{
	const struct http_hooks *hooks = &io->server->hooks;
	struct conn *c;

	while (
	    (c = wheel_pop_expired(io, (uint32_t)(io->now_ms / WHEEL_TICK_MS))) != NULL)
		conn_expire(io, c);
	if (io->now_ms < io->hook_tick_ms)
		return;
	io->hook_tick_ms = next_tick_ms(io);
	io_fd_freed(io); /* others may have freed one */
	if (hooks->tick != NULL)
		hooks->tick(io, io->now_ms, hooks->arg);
}

/* Closes what nobody waits for; all: everything. */
static void
close_connections(struct http_io *io, bool all)
{
	uint32_t i;

	for (i = 0; i < io->slot_count; i++) {
		struct conn *c = slot_at(io, i);
		bool is_idle = c->state == CONN_IDLE || c->state == CONN_HEAD;

		if (c->fd < 0)
			continue;
		if (!all && c->state == CONN_FRAMES)
			h2_stop(io, c);
		else if (all || (is_idle && !has_unsent(c)))
			conn_close(io, c);
	}
}

/* Posted to each thread by http_server_stop; arg is the server's grace in ms. */
void
io_begin_stop(struct http_io *io, void *arg)
{
	const struct http_hooks *hooks = &io->server->hooks;
	int i;

	io->stopping = true;
	io->stop_at_ms = clock_mono_ms() + *(const int *)arg;
	/* One that is shared stays open for others, and would go on waking this thread.
	 */
	unwatch_listeners(io);
	for (i = 0; i < io->server->config.listener_count; i++) {
		close(io->listen_fds[i]);
		io->listen_fds[i] = -1;
	}
	close_connections(io, false);
	if (hooks->stopping != NULL)
		hooks->stopping(io, hooks->arg);
}

static bool
is_over(struct http_io *io)
{
	if (!io->stopping)
		return false;
	if (atomic_load_explicit(&io->stats.connections, memory_order_relaxed) == 0)
		return true;
	if (io->now_ms < io->stop_at_ms)
		return false;
	close_connections(io, true);
	return true;
}

static int
time_to_wait(const struct http_io *io, bool more_work)
{
	int64_t until = io->hook_tick_ms;

	if (more_work || io->ready_first != SLOT_NONE)
		return 0;
	if (io->stopping && io->stop_at_ms < until)
		until = io->stop_at_ms;
	until -= clock_mono_ms();
	return until > 0 ? (int)until : 0;
}

static void
io_loop(struct http_io *io)
{
	const struct http_hooks *hooks = &io->server->hooks;
	struct epoll_event events[EVENTS_A_ROUND];
	bool more_work = false;

	while (!is_over(io)) {
		int n = epoll_wait(
		    io->epoll_fd, events, EVENTS_A_ROUND, time_to_wait(io, more_work));

		if (n < 0 && errno != EINTR) {
			log_errno("http: epoll_wait");
			abort();
		}
		io->now_ms = clock_mono_ms();
		io->handshakes_left = HANDSHAKES_A_ROUND;
		/* No event that was waited for before this can name these any more. */
		slots_reclaim(io);
		take_events(io, events, n);
		mailbox_run(io);
		run_ready(io);
		more_work = hooks->work != NULL && hooks->work(io, hooks->arg);
		/* A fan-out leaves the processor to whoever has to do with the rest. */
		if (more_work)
			sched_yield();
		turn_clock(io);
	}
}

void *
io_thread(void *arg)
{
	struct http_io *io = arg;

	io_enter(io);
	if (!io->server->config.no_batches)
		io->batch = batch_new();
	io->now_ms = clock_mono_ms();
	io->tick = (uint32_t)(io->now_ms / WHEEL_TICK_MS);
	io->hook_tick_ms = next_tick_ms(io);
	if (!watch(io, io->event_fd, EPOLLIN | EPOLLET, EVENT_MAILBOX)) {
		log_errno("http: epoll_ctl");
		abort();
	}
	watch_listeners(io);
	io_loop(io);
	while (mailbox_run(io))
		; /* what was posted before the end is run, and what that posts */
	batch_free(io->batch);
	io->batch = NULL;
	return NULL;
}
