/*
 * For fuzzers of connections: a server of one io thread that is never started, whose
 * connections' turns, time and mail the fuzzer itself brings about, and the pair of
 * sockets between it and its client. Not linked into the program.
 */
#ifndef HTTP_FUZZING_H
#define HTTP_FUZZING_H

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "http/h2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct http_server *server;
static struct http_io *io;

static size_t
error_body(int status, char *out, size_t cap, void *arg)
{
	out[0] = '!';
	return 1;
}

static void
start_server(struct http_hooks hooks)
{
	struct http_config config = { .io_threads = 1,
		.connections_max = 10,
		.body_max = 50000,
		.head_timeout_ms = 10000,
		.body_timeout_ms = 10000,
		.idle_timeout_ms = 10000,
		.write_max = 50000,
		.pinned_max = 1 << 20 };
	char *error;

	hooks.error_body = error_body;
	server = http_server_new(&config, &hooks, &error);
	assert(server != NULL);
	io = http_io_at(server, 0);
}

static void
open_mail(void)
{
	struct mail *mail, *next;

	for (mail = atomic_exchange(&io->mailbox, NULL); mail != NULL; mail = next) {
		next = mail->next;
		mail->fn(io, mail->arg);
		free(mail);
	}
}

/* Its connections' turns, until they want no more. */
static void
turns(void)
{
	struct conn *c;

	open_mail();
	for (int i = 0; i < 8 && io->ready_first != SLOT_NONE; i++) {
		uint32_t list = ready_take_all(io);

		while ((c = ready_pop(io, &list)) != NULL)
			conn_run(io, c);
		open_mail();
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

/* What has come for the client, who may be sent more now. */
static void
read_all(struct conn *c, int fd)
{
	char bytes[65536];

	while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	if (c->fd >= 0)
		conn_event(io, c->slot, EPOLLOUT);
}

/* A connection; *fd_out is its client's end. is_h2: it has said hello. */
static struct conn *
connect_client(bool is_h2, int *fd_out)
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
	if (is_h2)
		assert(send(fds[1], hello, sizeof hello - 1, MSG_NOSIGNAL) > 0);
	*fd_out = fds[1];
	return c;
}

static void
hang_up(struct conn *c, int fd)
{
	close(fd);
	if (c->fd >= 0)
		conn_close(io, c);
	turns();
}

/* Runs fn on a thread that is the io thread, where the time is always the same. */
struct fuzz_run {
	void (*fn)(const uint8_t *data, size_t n);
	const uint8_t *data;
	size_t n;
};

static void *
run_on_io_thread(void *arg)
{
	const struct fuzz_run *run = arg;

	io_enter(io);
	io->now_ms = 1000000;
	io->tick = (uint32_t)(io->now_ms / WHEEL_TICK_MS);
	run->fn(run->data, run->n);
	return NULL;
}

static void
run_as_io_thread(
    void (*fn)(const uint8_t *data, size_t n), const uint8_t *data, size_t n)
{
	struct fuzz_run run = { fn, data, n };

	pthread_join(thread_start("io", ROLE_IO, run_on_io_thread, &run), NULL);
}

#endif
