/*
 * The HTTP server as a whole: its listening sockets, its io threads, its end and its
 * counters. Relies on http/io for what a thread does.
 * The first thing that is up and the last that goes down.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/address.h"
#include "base/tally.h"
#include "http/h2.h"
#include "http/io.h"
#include "http/secure.h"

static _Thread_local struct http_io *here;

bool
io_is_here(const struct http_io *io)
{
	return io == here;
}

void
io_enter(struct http_io *io)
{
	sigset_t all;

	assert_role(ROLE_IO);
	here = io;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
}

static bool
is_counted(const struct http_server *server, const struct in6_addr *peer)
{
	const struct http_hooks *hooks = &server->hooks;

	return server->addresses != NULL &&
	       (hooks->is_proxy == NULL || !hooks->is_proxy(peer, hooks->arg));
}

void
server_uncount(struct http_server *server, const struct in6_addr *peer)
{
	atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
	if (is_counted(server, peer))
		tally_sub(server->addresses, address_hash(peer));
}

bool
server_count(struct http_server *server, const struct in6_addr *peer)
{
	const struct http_config *config = &server->config;
	bool fits = atomic_fetch_add_explicit(&server->connections, 1,
			memory_order_relaxed) < config->connections_max;

	if (is_counted(server, peer) &&
	    tally_add(server->addresses, address_hash(peer)) >
		config->connections_per_address)
		fits = false;
	if (!fits)
		server_uncount(server, peer);
	return fits;
}

static void
copy_config(struct http_server *server, const struct http_config *config)
{
	size_t n = (size_t)config->listener_count;
	size_t i;

	server->config = *config;
	server->config.listeners = xcalloc(n + 1, sizeof *config->listeners);
	server->ports = xcalloc(n + 1, sizeof *server->ports);
	for (i = 0; i < n; i++) {
		server->config.listeners[i] = config->listeners[i];
		server->config.listeners[i].host = xstrdup(config->listeners[i].host);
		if (config->listeners[i].path != NULL)
			server->config.listeners[i].path =
			    xstrdup(config->listeners[i].path);
	}
}

static bool
io_init(struct http_io *io, struct http_server *server, int index)
{
	int i;

	io->server = server;
	io->index = index;
	io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	io->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	io->listen_fds =
	    xcalloc((size_t)server->config.listener_count + 1, sizeof *io->listen_fds);
	for (i = 0; i < server->config.listener_count; i++)
		io->listen_fds[i] = -1;
	io->free_first = io->dead_first = SLOT_NONE;
	io->ready_first = io->ready_last = io->current = SLOT_NONE;
	for (i = 0; i < WHEEL_SLOTS; i++)
		io->wheel[i] = SLOT_NONE;
	io->read_buf = xmalloc(READ_MAX + 1);
	io->read_buf[READ_MAX] = '\0';
	atomic_init(&io->mailbox, NULL);
	STAT_ADD(io, memory_bytes, sizeof *io + READ_MAX + 1);
	return io->epoll_fd >= 0 && io->event_fd >= 0;
}

static struct http_io *
ios_new(size_t n)
{
	struct http_io *ios = aligned_alloc(_Alignof(struct http_io), n * sizeof *ios);

	if (ios == NULL)
		abort();
	memset(ios, 0, n * sizeof *ios);
	return ios;
}

struct http_server *
http_server_new(
    const struct http_config *config, const struct http_hooks *hooks, char **error_out)
{
	struct http_server *server = xcalloc(1, sizeof *server);
	bool ok = true;
	int i;

	assert(config->io_threads > 0 && config->listener_count <= UINT8_MAX);
	*error_out = NULL;
	server->hooks = *hooks;
	copy_config(server, config);
	if (config->connections_per_address > 0)
		server->addresses = tally_new(TALLY_CLIENTS);
	server->ios = ios_new((size_t)config->io_threads);
	for (i = 0; i < config->io_threads; i++)
		ok = io_init(&server->ios[i], server, i) && ok;
	if (!ok)
		*error_out = xstrdup("no file descriptors left for the io threads");
	for (i = 0; ok && i < config->listener_count; i++)
		ok = listen_open(server, i, error_out);
	if (ok)
		return server;
	http_server_free(server);
	return NULL;
}

void
http_server_start(struct http_server *server)
{
	int i;

	server->started = true;
	for (i = 0; i < server->config.io_threads; i++) {
		char name[16];

		snprintf(name, sizeof name, "io-%d", i);
		server->ios[i].thread =
		    thread_start(name, ROLE_IO, io_thread, &server->ios[i]);
	}
}

void
http_server_stop(struct http_server *server, int grace_ms)
{
	int i;

	if (!server->started || server->stopped)
		return;
	server->stopped = true;
	server->grace_ms = grace_ms;
	for (i = 0; i < server->config.io_threads; i++)
		http_post(&server->ios[i], io_begin_stop, &server->grace_ms);
	for (i = 0; i < server->config.io_threads; i++)
		pthread_join(server->ios[i].thread, NULL);
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
io_fini(struct http_io *io)
{
	struct mail *mail = atomic_load(&io->mailbox);
	int i;

	while (mail != NULL) {
		struct mail *next = mail->next;

		answer_drop(mail);
		mail = next;
	}
	for (i = 0; i < io->server->config.listener_count; i++)
		close_fd(io->listen_fds[i]);
	close_fd(io->epoll_fd);
	close_fd(io->event_fd);
	free(io->listen_fds);
	free(io->read_buf);
	h2_streams_free(io);
	sides_free(io);
	slots_free(io);
}

void
http_server_free(struct http_server *server)
{
	int i;

	if (server == NULL)
		return;
	http_server_stop(server, 0);
	for (i = 0; i < server->config.io_threads; i++)
		io_fini(&server->ios[i]);
	for (i = 0; i < server->config.listener_count; i++)
		listen_close(server, i);
	free(server->config.listeners);
	tally_free(server->addresses);
	free(server->ports);
	free(server->ios);
	free(server);
}

uint16_t
http_server_port(const struct http_server *server, int listener)
{
	return server->ports[listener];
}

int
http_io_count(const struct http_server *server)
{
	return server->config.io_threads;
}

struct http_io *
http_io_at(const struct http_server *server, int index)
{
	return &server->ios[index];
}

int
http_io_index(const struct http_io *io)
{
	return io->index;
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

#define STAT_SUM(name)                                                                 \
	out->name += atomic_load_explicit(&io->stats.name, memory_order_relaxed)

void
http_server_stats(const struct http_server *server, struct http_stats *out)
{
	int i;

	*out = (struct http_stats){ 0 };
	for (i = 0; i < server->config.io_threads; i++) {
		const struct http_io *io = &server->ios[i];

		STAT_SUM(accepted);
		STAT_SUM(requests);
		STAT_SUM(answered);
		STAT_SUM(closed);
		STAT_SUM(bad_requests);
		STAT_SUM(bytes_in);
		STAT_SUM(bytes_out);
		STAT_SUM(connections);
		STAT_SUM(parked);
		STAT_SUM(memory_bytes);
		STAT_SUM(pinned_bytes);
	}
}
