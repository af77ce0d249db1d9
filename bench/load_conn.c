/*
 * Connections of the load programs: questions out, answers in. Relies on epoll,
 * src/base and answer_read; bench/load.c says what is asked and when. Stands on the
 * client's side of a request, so it does as little as it can.
 */
#include "load_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "load_tools.h"

#define READ_BYTES 65536
#define EVENTS_A_TURN 512

/* ---- opening ---- */

struct sockaddr_in
load_address(const char *text)
{
	const char *colon = strrchr(text, ':');
	char address[INET_ADDRSTRLEN] = "";
	struct sockaddr_in at = { .sin_family = AF_INET };
	int64_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof address ||
	    !str_int(str_of(colon + 1), &port))
		load_die("%s is no ADDRESS:PORT", text);
	memcpy(address, text, (size_t)(colon - text));
	at.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		load_die("%s is no IPv4 address", address);
	return at;
}

static void
conn_open(struct load *load, struct load_conn *conn)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = conn };
	int one = 1;

	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 ||
	    connect(conn->fd, (struct sockaddr *)&load->at, sizeof load->at) < 0)
		load_die("connection %d: %s", conn->index, strerror(errno));
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
		load_die("epoll_ctl: %s", strerror(errno));
}

void
load_open(struct load *load, const char *server, int n)
{
	load->at = load_address(server);
	snprintf(load->host, sizeof load->host, "%s", server);
	load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load->n = n;
	load->conns = xcalloc((size_t)n, sizeof *load->conns);
	for (int i = 0; i < n; i++) {
		load->conns[i].index = i;
		conn_open(load, &load->conns[i]);
	}
}

void
load_close(struct load *load)
{
	for (int i = 0; i < load->n; i++) {
		close(load->conns[i].fd);
		buf_free(&load->conns[i].out);
		buf_free(&load->conns[i].in);
		free(load->conns[i].from);
	}
	free(load->conns);
	close(load->epoll_fd);
}

/* ---- asking ---- */

static void
watch(struct load *load, struct load_conn *conn, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = conn };

	epoll_ctl(load->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

/* Sends what it can; the rest waits until the socket has room. */
static void
conn_send(struct load *load, struct load_conn *conn, bool was_full)
{
	ssize_t n = send(conn->fd, conn->out.p + conn->sent, conn->out.n - conn->sent,
	    MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN)
		load_die("connection %d: send: %s", conn->index, strerror(errno));
	conn->sent += n > 0 ? (size_t)n : 0;
	if (conn->sent < conn->out.n)
		watch(load, conn, EPOLLIN | EPOLLOUT);
	else if (was_full)
		watch(load, conn, EPOLLIN);
}

/* The target, {n} in it being a number that this process gives once. */
static void
add_target(struct buf *out, const struct load_conn *conn, const char *target)
{
	static int64_t given;

	for (const char *p = target; *p != '\0'; p++) {
		if (strncmp(p, "{n}", 3) == 0) {
			buf_int(out, getpid());
			buf_char(out, '.');
			buf_int(out, ++given);
			p += 2;
		} else if (strncmp(p, "{from}", 6) == 0) {
			buf_str(out, conn->from != NULL ? conn->from : "");
			p += 5;
		} else {
			buf_char(out, *p);
		}
	}
}

void
load_ask(struct load *load, struct load_conn *conn, const struct load_request *request)
{
	struct buf *out = &conn->out;
	size_t body_n = strlen(request->body);

	buf_reset(out);
	conn->sent = 0;
	buf_str(out, request->method);
	buf_char(out, ' ');
	add_target(out, conn, request->target);
	buf_lit(out, " HTTP/1.1\r\nHost: ");
	buf_str(out, load->host);
	if (request->token[0] != '\0') {
		buf_lit(out, "\r\nAuthorization: Bearer ");
		buf_str(out, request->token);
	}
	if (load->gzip)
		buf_lit(out, "\r\nAccept-Encoding: gzip");
	if (body_n > 0 || strcmp(request->method, "GET") != 0) {
		buf_lit(out, "\r\nContent-Type: application/json\r\nContent-Length: ");
		buf_int(out, (int64_t)body_n);
	}
	buf_lit(out, "\r\n\r\n");
	buf_add(out, request->body, body_n);
	conn->is_waiting = true;
	conn->asked_us = clock_mono_us();
	conn_send(load, conn, false);
}

/* ---- hearing ---- */

/* Is the answer whole? Then it is handed over. */
static void
look_for_answer(struct load *load, struct load_conn *conn)
{
	struct answer answer;

	if (answer_read(conn->in.p, conn->in.n, &answer) == 0)
		return;
	if (!conn->is_waiting)
		load_die("connection %d: an answer to no question", conn->index);
	answer.body[answer.body_n] = '\0';
	conn->is_waiting = false;
	conn->answered_us = clock_mono_us();
	buf_reset(&conn->in);
	load->on_answer(load, conn, &answer);
}

static void
conn_read(struct load *load, struct load_conn *conn)
{
	ssize_t n;

	do {
		/* one byte more than is read: a NUL goes behind the body */
		buf_reserve(&conn->in, READ_BYTES + 1);
		n = recv(conn->fd, conn->in.p + conn->in.n, READ_BYTES, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			load_die("connection %d: %s", conn->index,
			    n == 0 ? "closed by the server" : strerror(errno));
		conn->in.n += n > 0 ? (size_t)n : 0;
	} while (n == READ_BYTES);
	if (conn->in.n > 0)
		look_for_answer(load, conn);
}

void
load_turn(struct load *load, int timeout_ms)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(load->epoll_fd, events, EVENTS_A_TURN, timeout_ms);

	if (n < 0 && errno != EINTR)
		load_die("epoll_wait: %s", strerror(errno));
	for (int i = 0; i < n; i++) {
		struct load_conn *conn = events[i].data.ptr;

		if (events[i].events & EPOLLOUT)
			conn_send(load, conn, true);
		if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			conn_read(load, conn);
	}
}

static bool
is_any_waiting(const struct load *load)
{
	for (int i = 0; i < load->n; i++)
		if (load->conns[i].is_waiting)
			return true;
	return false;
}

void
load_await(struct load *load)
{
	while (is_any_waiting(load))
		load_turn(load, -1);
}
