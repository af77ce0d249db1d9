/*
 * Listeners by HTTP/2: many streams on each of many connections, each a guest of its
 * own with a poll of its own, all held by one thread. Speaks with bench/million.py over
 * standard input and output, a word a line; relies on nghttp2 as a client has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "h2_session.h"
#include "load_tools.h"

#define TOKEN_MAX 96
#define TARGET_MAX 512
#define READ_BYTES (256 << 10)
#define FRAMES_BYTES (64 << 10) /* made before they are sent */

static const char usage[] =
    "usage: million ADDRESS:PORT CONNECTIONS STREAMS\n"
    "       million floor CONNECTIONS BYTES\n"
    "\n"
    "Words on standard input:\n"
    "  register      a guest for each stream; answers `registered N`\n"
    "  park TARGET   each asks GET TARGET; answers `asked N`\n"
    "  hear TEXT     waits for all answers; answers `heard RIGHT WRONG FIRST HALF "
    "LAST`,\n"
    "                RIGHT: status 200 and TEXT once; times in us of CLOCK_MONOTONIC\n"
    "\n"
    "floor: a bare loop of one send() of BYTES on each of as many connected sockets;\n"
    "prints the CPU for each and the time of all, in us, for five rounds.\n";

/* One listener. */
struct stream {
	char token[TOKEN_MAX];
	uint16_t status;
	uint16_t marks; /* how often the text was heard */
};

struct line {
	int fd;
	bool is_full; /* the socket takes no more */
	nghttp2_session *session;
	struct stream *streams;
	struct buf rest; /* frames that the socket has not taken */
};

/* What all are about. */
static struct {
	int epoll_fd, connections, streams;
	struct line *lines;
	const char *host, *mark, *target;
	bool registers;
	long asked, closed, right, wrong;
	int64_t first_us, half_us, last_us;
} crowd;

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "million: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- nghttp2 --- */

static struct stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return nghttp2_session_get_stream_user_data(session, id);
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t n, uint8_t flags, void *arg)
{
	struct stream *s = stream_of(session, frame->hd.stream_id);
	int status = h2_status(name, name_n, value);

	if (s != NULL && status != 0)
		s->status = (uint16_t)status;
	return 0;
}

/* A guest's answer is small, and comes in one piece. */
static void
take_token(struct stream *s, const char *data, size_t n)
{
	struct str token;

	if (answer_find_member(data, n, "\"access_token\":\"", &token) &&
	    token.n < TOKEN_MAX) {
		memcpy(s->token, token.p, token.n);
		s->token[token.n] = '\0';
	}
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
    size_t n, void *arg)
{
	struct stream *s = stream_of(session, id);
	const char *at = (const char *)data, *end = at + n;
	size_t length = crowd.mark == NULL ? 0 : strlen(crowd.mark);

	if (s == NULL)
		return 0;
	if (crowd.registers)
		take_token(s, at, n);
	while (
	    length > 0 && (at = memmem(at, (size_t)(end - at), crowd.mark, length))) {
		s->marks++;
		at += length;
	}
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct stream *s = stream_of(session, id);
	bool is_right;

	if (s == NULL)
		return 0;
	is_right =
	    s->status == 200 && (crowd.registers ? s->token[0] != '\0' : s->marks == 1);
	crowd.right += is_right;
	crowd.wrong += !is_right;
	crowd.last_us = clock_mono_us();
	if (crowd.closed++ == 0)
		crowd.first_us = crowd.last_us;
	if (crowd.closed == crowd.asked / 2)
		crowd.half_us = crowd.last_us;
	return 0;
}

/* --- bytes --- */

static void
write_rest(struct line *line)
{
	ssize_t n = send(line->fd, line->rest.p, line->rest.n, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN)
		die("send");
	n = n < 0 ? 0 : n;
	memmove(line->rest.p, line->rest.p + n, line->rest.n - (size_t)n);
	line->rest.n -= (size_t)n;
	line->is_full = line->rest.n > 0;
}

static void
flush(struct line *line)
{
	while (!line->is_full) {
		h2_take_frames(line->session, FRAMES_BYTES, &line->rest);
		if (line->rest.n == 0)
			break;
		write_rest(line);
	}
	if (line->rest.n == 0)
		buf_free(&line->rest);
}

static void
receive(struct line *line)
{
	static char bytes[READ_BYTES];
	ssize_t n;

	while ((n = recv(line->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		h2_receive(line->session, bytes, (size_t)n);
	if (n == 0) {
		errno = 0;
		die("the server has closed a connection");
	}
	if (errno != EAGAIN)
		die("recv");
	flush(line);
}

static void
turn(int timeout_ms)
{
	struct epoll_event events[256];
	int n = epoll_wait(crowd.epoll_fd, events, 256, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct line *line = &crowd.lines[events[i].data.u32];

		if (events[i].events & EPOLLOUT && line->is_full) {
			write_rest(line);
			flush(line);
		}
		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(line);
	}
}

static void
open_lines(const char *server)
{
	static const struct h2_hooks hooks = { on_header, on_data, on_close };
	struct sockaddr_in at = load_address(server);
	int on = 1;

	for (int i = 0; i < crowd.connections; i++) {
		struct line *line = &crowd.lines[i];
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET,
			.data.u32 = (uint32_t)i };

		line->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (line->fd < 0 ||
		    connect(line->fd, (struct sockaddr *)&at, sizeof at) < 0)
			die("connect");
		setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		fcntl(line->fd, F_SETFL, O_NONBLOCK);
		line->session = h2_session_new(&hooks);
		line->streams = xcalloc((size_t)crowd.streams, sizeof *line->streams);
		epoll_ctl(crowd.epoll_fd, EPOLL_CTL_ADD, line->fd, &event);
		flush(line);
	}
}

/* --- asking --- */

static void
ask(struct line *line, struct stream *s)
{
	struct load_request request = { "GET", crowd.target, s->token, "" };

	if (crowd.registers)
		request = (struct load_request){ "POST", crowd.target, "", "{}" };
	s->status = s->marks = 0;
	h2_ask(line->session, crowd.host, &request, s);
	crowd.asked++;
}

/* All streams of all connections, one connection after the other. */
static void
ask_all(void)
{
	crowd.asked = crowd.closed = crowd.right = crowd.wrong = 0;
	for (int i = 0; i < crowd.connections; i++) {
		struct line *line = &crowd.lines[i];

		for (int k = 0; k < crowd.streams; k++)
			ask(line, &line->streams[k]);
		flush(line);
		turn(0);
	}
}

static void
wait_for_all(void)
{
	while (crowd.closed < crowd.asked)
		turn(1000);
}

static bool
all_is_sent(void)
{
	for (int i = 0; i < crowd.connections; i++)
		if (crowd.lines[i].is_full ||
		    nghttp2_session_want_write(crowd.lines[i].session))
			return false;
	return true;
}

static void
follow(char *word)
{
	char *rest = strchr(word, ' ');

	if (rest != NULL)
		*rest++ = '\0';
	if (strcmp(word, "register") == 0) {
		crowd.registers = true;
		crowd.target = "/_matrix/client/v3/register?kind=guest";
		ask_all();
		wait_for_all();
		crowd.registers = false;
		printf("registered %ld\n", crowd.right);
	} else if (strcmp(word, "park") == 0 && rest != NULL) {
		crowd.target = rest;
		crowd.mark = NULL;
		ask_all();
		while (!all_is_sent())
			turn(100);
		printf("asked %ld\n", crowd.asked);
	} else if (strcmp(word, "hear") == 0 && rest != NULL) {
		crowd.mark = rest;
		puts("listening");
		fflush(stdout);
		wait_for_all();
		printf("heard %ld %ld %lld %lld %lld\n", crowd.right, crowd.wrong,
		    (long long)crowd.first_us, (long long)crowd.half_us,
		    (long long)crowd.last_us);
	} else {
		printf("no such word\n");
	}
	fflush(stdout);
}

/* Standard input is looked at between turns, so that windows and pings go on. */
static void
serve_words(void)
{
	char line[TARGET_MAX + 16];
	size_t n = 0;

	fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
	for (;;) {
		ssize_t got = read(0, line + n, 1);

		if (got == 0)
			return;
		if (got < 0) {
			turn(2);
			continue;
		}
		if (line[n] != '\n') {
			n += n + 2 < sizeof line;
			continue;
		}
		line[n] = '\0';
		n = 0;
		follow(line);
	}
}

/* --- the floor --- */

/* Reads all that comes, until nobody sends any more. */
_Noreturn static void
drain(struct sockaddr_in at, int connections)
{
	static char bytes[READ_BYTES];
	struct epoll_event event = { .events = EPOLLIN }, events[256];
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC), left = connections;

	for (int i = 0; i < connections; i++) {
		event.data.fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(event.data.fd, (struct sockaddr *)&at, sizeof at) < 0)
			die("connect");
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event);
	}
	while (left > 0) {
		int n = epoll_wait(epoll_fd, events, 256, -1);

		for (int i = 0; i < n; i++)
			if (recv(events[i].data.fd, bytes, sizeof bytes, 0) <= 0) {
				close(events[i].data.fd);
				left--;
			}
	}
	exit(0);
}

static int
floor_run(int connections, size_t n)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int *fds = xcalloc((size_t)connections, sizeof *fds);
	char *bytes = xcalloc(1, n);

	if (bind(listen_fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(listen_fd, 4096) < 0)
		die("listen");
	getsockname(listen_fd, (struct sockaddr *)&at, &size);
	if (fork() == 0)
		drain(at, connections);
	for (int i = 0; i < connections; i++) {
		fds[i] = accept(listen_fd, NULL, NULL);
		setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	}
	for (int round = 0; round < 5; round++) {
		double cpu = load_cpu_us(getpid());
		int64_t began = clock_mono_us();

		for (int i = 0; i < connections; i++)
			for (size_t at_byte = 0; at_byte < n;) {
				ssize_t sent = send(
				    fds[i], bytes + at_byte, n - at_byte, MSG_NOSIGNAL);

				if (sent < 0)
					die("send");
				at_byte += (size_t)sent;
			}
		printf("floor %.0f %lld\n", load_cpu_us(getpid()) - cpu,
		    (long long)(clock_mono_us() - began));
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "floor") == 0)
		return floor_run(atoi(argv[2]), (size_t)atol(argv[3]));
	if (argc != 4) {
		fputs(usage, stderr);
		return 2;
	}
	crowd.host = argv[1];
	crowd.connections = atoi(argv[2]);
	crowd.streams = atoi(argv[3]);
	crowd.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	crowd.lines = xcalloc((size_t)crowd.connections, sizeof *crowd.lines);
	open_lines(argv[1]);
	printf("connected %d\n", crowd.connections);
	fflush(stdout);
	serve_words();
	return 0;
}
