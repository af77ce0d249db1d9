/*
 * What the HTTP server costs by itself: `http_floor serve PORT` answers every request
 * at once (for wrk); `http_floor listen N` parks N requests of a second process,
 * answers them all with shared bytes, and does the same with a bare loop of send()
 * beside it. Relies on src/http and load_tools; no part of the test run.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/thread.h"
#include "http/server.h"
#include "load_tools.h"

#define ROUNDS 7
#define BODY_BYTES 400

/* The parked exchanges, in the order of their parking. Owned by the one io thread, but
 * for the counts. */
struct bench {
	struct exchange *parked;
	int n;
	_Atomic int parked_n, fanned_out;
	struct http_shared *shared;
	double fan_out_us, repoll_us;
	double repoll_from;
};

static double
thread_cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
on_request(struct http_io *io, struct http_request *request, void *arg)
{
	struct bench *bench = arg;
	struct http_reply reply = { .status = 200, .body = strdup("{}"), .body_n = 2 };
	int at;

	(void)io;
	if (bench->n == 0) {
		http_answer(request->exchange, &reply);
		return;
	}
	free(reply.body);
	at = atomic_load_explicit(&bench->parked_n, memory_order_relaxed);
	bench->parked[at] = request->exchange;
	http_park(request->exchange, (uint32_t)at);
	if (at + 1 == bench->n)
		bench->repoll_us = thread_cpu_us() - bench->repoll_from;
	atomic_store(&bench->parked_n, at + 1);
}

static void
on_gone(struct http_io *io, uint32_t tag, void *arg)
{
	(void)io;
	(void)tag;
	(void)arg;
}

static void
fan_out(struct http_io *io, void *arg)
{
	struct bench *bench = arg;
	double from = thread_cpu_us();
	int i;

	(void)io;
	atomic_store(&bench->parked_n, 0);
	for (i = 0; i < bench->n; i++)
		http_answer_shared(bench->parked[i], bench->shared);
	bench->repoll_from = thread_cpu_us();
	bench->fan_out_us = bench->repoll_from - from;
	atomic_store(&bench->fanned_out, 1);
}

static struct http_server *
server_start(struct bench *bench, uint16_t port, int threads)
{
	struct http_listener listener = { .host = "127.0.0.1", .port = port };
	struct http_config config = { .io_threads = threads,
		.listeners = &listener,
		.listener_count = 1,
		.connections_max = 10000000,
		.body_max = 1 << 20,
		.head_timeout_ms = 60000,
		.body_timeout_ms = 60000,
		.idle_timeout_ms = 600000,
		.write_max = 1 << 18 };
	struct http_hooks hooks = {
		.request = on_request, .gone = on_gone, .arg = bench
	};
	char *error;
	struct http_server *server = http_server_new(&config, &hooks, &error);

	if (server == NULL) {
		fprintf(stderr, "%s\n", error);
		exit(1);
	}
	http_server_start(server);
	return server;
}

/* ---- the listeners, in a process of their own ---- */

static int
dial(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0) {
		perror("dial");
		exit(1);
	}
	return fd;
}

static void
ask(int fd)
{
	static const char text[] = "GET /park HTTP/1.1\r\nHost: x\r\n\r\n";

	if (send(fd, text, sizeof text - 1, MSG_NOSIGNAL) < 0)
		exit(0);
}

/* Reads n answers on as many sockets, one each. */
static void
hear_all(int epoll_fd, int n)
{
	static struct epoll_event events[512];
	static char bytes[4096];

	while (n > 0) {
		int got = epoll_wait(epoll_fd, events, 512, -1), i;

		for (i = 0; i < got; i++) {
			if (recv(events[i].data.fd, bytes, sizeof bytes, 0) <= 0)
				exit(0);
			n--;
		}
	}
}

static void
listeners(uint16_t port, uint16_t raw_port, int n)
{
	int *fds = calloc((size_t)n, sizeof *fds), epoll_fd = epoll_create1(0), i,
	    round;

	for (i = 0; i < 2 * n; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		event.data.fd = dial(i < n ? port : raw_port);
		if (i < n)
			fds[i] = event.data.fd;
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
	}
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < n; i++)
			ask(fds[i]);
		hear_all(epoll_fd, n);
		hear_all(epoll_fd, n);
	}
	exit(0);
}

/* ---- the measurement ---- */

static int
raw_listener(uint16_t *port_out)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 65535) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) < 0) {
		perror("listen");
		exit(1);
	}
	*port_out = ntohs(at.sin_port);
	return fd;
}

static void
until(const _Atomic int *what, int value)
{
	while (atomic_load(what) < value)
		usleep(1000);
}

static double
raw_round(const int *fds, int n, const struct http_shared *shared)
{
	double from = thread_cpu_us();
	int i;

	for (i = 0; i < n; i++)
		if (send(fds[i], shared->bytes, shared->n, MSG_NOSIGNAL) < 0)
			perror("send");
	return thread_cpu_us() - from;
}

static int
listen_bench(int n)
{
	struct bench bench = { .n = n };
	struct http_server *server = server_start(&bench, 0, 1);
	int *raw = calloc((size_t)n, sizeof *raw), i, round, raw_fd;
	struct http_stats stats;
	char body[BODY_BYTES];
	uint16_t raw_port;
	pid_t pid;

	bench.parked = calloc((size_t)n, sizeof *bench.parked);
	memset(body, 'x', sizeof body);
	bench.shared = http_shared_new(200, NULL, body, sizeof body);
	raw_fd = raw_listener(&raw_port);
	pid = fork();
	if (pid == 0)
		listeners(http_server_port(server, 0), raw_port, n);
	for (i = 0; i < n; i++)
		raw[i] = accept(raw_fd, NULL, NULL);
	for (round = 0; round < ROUNDS; round++) {
		double raw_us;

		until(&bench.parked_n, n);
		http_server_stats(server, &stats);
		atomic_store(&bench.fanned_out, 0);
		http_post(http_io_at(server, 0), fan_out, &bench);
		until(&bench.fanned_out, 1);
		usleep(300000); /* the listeners' own work is not to be measured */
		raw_us = raw_round(raw, n, bench.shared);
		printf(
		    "%d answers of %u bytes: %.2f us each, bare send() %.2f us (%.2fx);"
		    " re-poll %.2f us; %llu bytes a connection\n",
		    n, bench.shared->n, bench.fan_out_us / n, raw_us / n,
		    bench.fan_out_us / raw_us, round > 0 ? bench.repoll_us / n : 0.0,
		    (unsigned long long)(stats.memory_bytes / (uint64_t)n));
	}
	waitpid(pid, NULL, 0);
	http_server_stop(server, 0);
	http_server_free(server);
	http_shared_unref(bench.shared);
	free(bench.parked);
	free(raw);
	return 0;
}

static int
serve(uint16_t port)
{
	struct bench bench = { 0 };
	struct http_server *server = server_start(&bench, port, 1);
	struct http_stats stats;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwait(&set, &sig);
	http_server_stop(server, 1000);
	http_server_stats(server, &stats);
	printf("%llu requests, %.2f us of CPU each\n",
	    (unsigned long long)stats.requests,
	    load_cpu_us(getpid()) / (double)(stats.requests > 0 ? stats.requests : 1));
	http_server_free(server);
	return 0;
}

int
main(int argc, char **argv)
{
	load_raise_nofile();
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		return serve((uint16_t)atoi(argv[2]));
	if (argc == 3 && strcmp(argv[1], "listen") == 0 && atoi(argv[2]) > 0)
		return listen_bench(atoi(argv[2]));
	fprintf(stderr, "usage: http_floor serve PORT | listen N\n");
	return 2;
}
