/*
 * The floor beside `./dev bench listen`: holds connections and does with them what
 * cannot be left out. A question for /events is read and nothing more; an event becomes
 * durable (a page and fdatasync, on a thread of its own, as a server's commit does),
 * then one send() of as many bytes as the server's answer has goes to each socket that
 * waits, in the order in which they asked. Relies on load_tools and the C library
 * alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_tools.h"

static const char usage[] =
    "usage: send_floor PORT poll|sse FILE\n"
    "\n"
    "  GET .../events      waits (with timeout=0: is answered at once)\n"
    "  PUT                 writes a page to FILE, answers, and sends to all that "
    "wait;\n"
    "                      to none where the path has \"quiet\" in it\n"
    "  POST /floor/bytes/N answers for those who wait have N bytes from now on\n"
    "  POST /floor/timeout answers all that wait with nothing\n";

#define EVENTS_A_TURN 512
#define READ_BYTES 65536
#define PUTS_MAX 1024
#define PAGE 4096
#define BYTES_MAX (1 << 20)
#define BODY_MIN 160 /* an event's, in an answer */

/* A PUT on its way to the disk. */
struct put {
	int fd;
	bool is_quiet;
};

/* Owned by the main thread, but for what lock guards. */
struct floor {
	int listen_fd, epoll_fd, done_fd, file_fd, fds_max;
	bool is_sse;
	int *waiting, waiting_n; /* descriptors, in the order in which they asked */
	int *place; /* by descriptor: one more than where it waits; 0: it does not */
	size_t bytes;
	char *answer;
	unsigned long events;
	pthread_mutex_t lock; /* puts, durable */
	pthread_cond_t is_there;
	struct put puts[PUTS_MAX], durable[PUTS_MAX];
	int puts_n, durable_n;
};

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- answers ---- */

/* How many bytes went into out. */
static size_t
framed(char *out, const char *body, size_t body_n)
{
	size_t n = (size_t)sprintf(out,
	    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	    "%zu\r\n"
	    "\r\n",
	    body_n);

	memcpy(out + n, body, body_n);
	return n + body_n;
}

static void
answer_now(int fd, const char *body)
{
	char out[1024];
	size_t n = framed(out, body, strlen(body));

	if (send(fd, out, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return; /* gone; told by its next read */
}

/* One event and what fills it up to body_n bytes. */
static void
write_event(const struct floor *floor, char *out, size_t body_n)
{
	static const char poll_form[] =
	    "{\"chunk\":[{\"event_id\":\"$floor%038lu\",\"pad\":\"%*s\"}],"
	    "\"end\":\"f%010lu\",\"start\":\"f\"}";
	static const char sse_form[] =
	    "id: f%010lu\nevent: m.room.message\n"
	    "data: {\"event_id\":\"$floor%038lu\",\"pad\":\"%*s\"}\n\n";
	unsigned long n = floor->events;
	char bare[BODY_MIN * 2];
	int bare_n = floor->is_sse
			 ? snprintf(bare, sizeof bare, sse_form, n, n, 0, "")
			 : snprintf(bare, sizeof bare, poll_form, n, 0, "", n);
	int pad = (int)body_n > bare_n ? (int)body_n - bare_n : 0;

	if (floor->is_sse)
		sprintf(out, sse_form, n, n, pad, "");
	else
		sprintf(out, poll_form, n, pad, "", n);
}

/* The answer that all are sent: floor->bytes long, or as short as it can be. */
static size_t
make_event(struct floor *floor)
{
	char head[128], *body = malloc(floor->bytes + BODY_MIN * 2);
	size_t head_n = framed(head, "", 0) + 2, body_n, n;

	floor->events++;
	body_n = floor->bytes - (floor->is_sse ? 7 : head_n);
	write_event(floor, body, body_n);
	if (floor->is_sse)
		n = (size_t)sprintf(
		    floor->answer, "%03zx\r\n%s\r\n", strlen(body), body);
	else
		n = framed(floor->answer, body, strlen(body));
	free(body);
	return n;
}

static size_t
make_nothing(struct floor *floor)
{
	static const char body[] = "{\"chunk\":[],\"end\":\"f%010lu\",\"start\":\"f\"}";
	char text[128];

	if (floor->is_sse)
		return (size_t)sprintf(floor->answer, "3\r\n:\n\n\r\n");
	snprintf(text, sizeof text, body, floor->events);
	return framed(floor->answer, text, strlen(text));
}

/* The bare loop. Places that nobody holds any more are passed over. */
static void
send_to_all(struct floor *floor, size_t n)
{
	int i;

	for (i = 0; i < floor->waiting_n; i++) {
		int fd = floor->waiting[i];

		if (floor->place[fd] != i + 1)
			continue;
		if (!floor->is_sse)
			floor->place[fd] = 0;
		send(fd, floor->answer, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (!floor->is_sse)
		floor->waiting_n = 0;
}

/* ---- the disk ---- */

static void *
write_puts(void *arg)
{
	struct floor *floor = arg;
	static const char page[PAGE];
	uint64_t one = 1;

	for (;;) {
		pthread_mutex_lock(&floor->lock);
		while (floor->puts_n == 0)
			pthread_cond_wait(&floor->is_there, &floor->lock);
		struct put put = floor->puts[0];
		memmove(
		    floor->puts, floor->puts + 1, (size_t)--floor->puts_n * sizeof put);
		pthread_mutex_unlock(&floor->lock);
		if (pwrite(floor->file_fd, page, PAGE, 0) != PAGE ||
		    fdatasync(floor->file_fd) < 0)
			die("write");
		pthread_mutex_lock(&floor->lock);
		if (floor->durable_n < PUTS_MAX)
			floor->durable[floor->durable_n++] = put;
		pthread_mutex_unlock(&floor->lock);
		if (write(floor->done_fd, &one, sizeof one) < 0)
			die("eventfd");
	}
}

static void
take_durable(struct floor *floor)
{
	struct put puts[PUTS_MAX];
	uint64_t many;
	char body[128];
	int n, i;

	if (read(floor->done_fd, &many, sizeof many) < 0)
		return;
	pthread_mutex_lock(&floor->lock);
	n = floor->durable_n;
	memcpy(puts, floor->durable, (size_t)n * sizeof *puts);
	floor->durable_n = 0;
	pthread_mutex_unlock(&floor->lock);
	for (i = 0; i < n; i++) {
		size_t bytes = puts[i].is_quiet ? 0 : make_event(floor);

		snprintf(body, sizeof body, "{\"event_id\":\"$floor%038lu\"}",
		    floor->events);
		answer_now(puts[i].fd, body);
		if (bytes > 0)
			send_to_all(floor, bytes);
	}
}

static void
take_put(struct floor *floor, int fd, bool is_quiet)
{
	pthread_mutex_lock(&floor->lock);
	if (floor->puts_n < PUTS_MAX)
		floor->puts[floor->puts_n++] = (struct put){ fd, is_quiet };
	pthread_cond_signal(&floor->is_there);
	pthread_mutex_unlock(&floor->lock);
}

/* ---- questions ---- */

static void
take_post(struct floor *floor, int fd, const char *text)
{
	static const char bytes[] = "POST /floor/bytes/";
	/* whatever it asked for */
	static const char all[] =
	    "{\"access_token\":"
	    "\"guest000000000000000000000000000000000000000000000000000"
	    "0\",\"end\":\"f0\",\"chunk\":[]}";

	if (strncmp(text, bytes, sizeof bytes - 1) == 0) {
		floor->bytes = strtoul(text + sizeof bytes - 1, NULL, 10);
		if (floor->bytes > BYTES_MAX)
			floor->bytes = BYTES_MAX;
		if (floor->bytes < 2 * BODY_MIN)
			floor->bytes = 2 * BODY_MIN;
	}
	answer_now(fd, all);
	if (strncmp(text, "POST /floor/timeout", 19) == 0)
		send_to_all(floor, make_nothing(floor));
}

/* Leaves out the places that nobody holds any more. */
static void
close_ranks(struct floor *floor)
{
	int n = 0, i;

	for (i = 0; i < floor->waiting_n; i++)
		if (floor->place[floor->waiting[i]] == i + 1) {
			floor->waiting[n++] = floor->waiting[i];
			floor->place[floor->waiting[i]] = n;
		}
	floor->waiting_n = n;
}

static void
take_listener(struct floor *floor, int fd)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n";

	if (floor->place[fd] != 0)
		return;
	if (floor->waiting_n == 2 * floor->fds_max)
		close_ranks(floor);
	floor->waiting[floor->waiting_n++] = fd;
	floor->place[fd] = floor->waiting_n;
	if (floor->is_sse)
		send(fd, head, sizeof head - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
take_question(struct floor *floor, int fd, const char *text)
{
	const char *line_end = strchr(text, '\r');
	size_t line_n = line_end != NULL ? (size_t)(line_end - text) : strlen(text);

	if (text[0] == 'P' && text[1] == 'U')
		take_put(floor, fd, memmem(text, line_n, "quiet", 5) != NULL);
	else if (text[0] == 'G' && memmem(text, line_n, "/events", 7) != NULL &&
		 memmem(text, line_n, "timeout=0&", 10) == NULL)
		take_listener(floor, fd);
	else
		take_post(floor, fd, text);
}

static void
take_bytes(struct floor *floor, int fd)
{
	static char bytes[READ_BYTES + 1];
	ssize_t n = recv(fd, bytes, READ_BYTES, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		floor->place[fd] = 0;
		close(fd);
		return;
	}
	bytes[n] = '\0';
	take_question(floor, fd, bytes);
}

static void
watch(struct floor *floor, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(floor->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void
take_connections(struct floor *floor)
{
	int fd;

	while ((fd = accept4(floor->listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
		watch(floor, fd);
	if (errno != EAGAIN)
		die("accept");
}

static void
turn(struct floor *floor)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(floor->epoll_fd, events, EVENTS_A_TURN, -1), i;

	for (i = 0; i < n; i++)
		if (events[i].data.fd == floor->listen_fd)
			take_connections(floor);
		else if (events[i].data.fd == floor->done_fd)
			take_durable(floor);
		else
			take_bytes(floor, events[i].data.fd);
}

/* ---- the beginning ---- */

static void
floor_listen(struct floor *floor, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	floor->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(floor->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(floor->listen_fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    listen(floor->listen_fd, 65535) < 0)
		die("listen");
}

static void
floor_init(struct floor *floor, const char *file)
{
	pthread_t thread;

	floor->fds_max = load_raise_nofile();
	floor->waiting = calloc((size_t)floor->fds_max, 2 * sizeof(int));
	floor->place = calloc((size_t)floor->fds_max, sizeof(int));
	floor->answer = malloc(BYTES_MAX + 4096);
	floor->bytes = 700;
	floor->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	floor->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	floor->file_fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (floor->file_fd < 0)
		die(file);
	pthread_mutex_init(&floor->lock, NULL);
	pthread_cond_init(&floor->is_there, NULL);
	if (pthread_create(&thread, NULL, write_puts, floor) != 0)
		die("pthread_create");
}

int
main(int argc, char **argv)
{
	static struct floor floor;

	if (argc != 4 ||
	    (strcmp(argv[2], "poll") != 0 && strcmp(argv[2], "sse") != 0)) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	floor.is_sse = strcmp(argv[2], "sse") == 0;
	floor_init(&floor, argv[3]);
	floor_listen(&floor, (uint16_t)atoi(argv[1]));
	watch(&floor, floor.listen_fd);
	watch(&floor, floor.done_fd);
	for (;;)
		turn(&floor);
}
