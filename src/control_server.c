/*
 * The control socket of a running server: one thread, one line at a time. Relies on
 * SO_PEERCRED to know who asks, on control_answer for the rest.
 * Beside the requests: an operation writes by the same writer as they do.
 */
#include "control_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

enum { BACKLOG = 16, LINE_TIMEOUT_MS = 5000, SEND_TIMEOUT_S = 10 };

/* Owned by the control thread while it runs. */
struct control {
	struct core *core;
	char *data_dir;
	int listen_fd;
	int stop_fd; /* an eventfd, readable once the thread shall end */
	struct db *db;
	struct arena *arena;
	pthread_t thread;
};

/* ---- one client ---- */

/* Root, or whoever runs the server. The file's mode says so too; this holds where a
 * copy of the descriptor went astray. */
static bool
is_allowed(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

/* Waits for bytes; false at the deadline, or when the server stops. */
static bool
wait_readable(const struct control *c, int fd, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
		{ .fd = c->stop_fd, .events = POLLIN } };
	int64_t left = deadline_ms - clock_mono_ms();

	if (left <= 0 || poll(fds, 2, (int)left) <= 0)
		return false;
	return fds[1].revents == 0;
}

/* A line without its newline; false: none came in time, or it is too long. */
static bool
read_line(const struct control *c, int fd, char *line, struct str *line_out)
{
	int64_t deadline_ms = clock_mono_ms() + LINE_TIMEOUT_MS;
	size_t n = 0;

	while (n < CONTROL_LINE_MAX && wait_readable(c, fd, deadline_ms)) {
		ssize_t got = recv(fd, line + n, CONTROL_LINE_MAX - n, MSG_DONTWAIT);
		char *end;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		end = memchr(line + n, '\n', (size_t)got);
		if (end != NULL) {
			*line_out = (struct str){ line, (size_t)(end - line) };
			return true;
		}
		n += (size_t)got;
	}
	return false;
}

static void
serve_client(struct control *c, int fd)
{
	struct timeval patience = { .tv_sec = SEND_TIMEOUT_S };
	struct ctx ctx = { .core = c->core, .db = c->db };
	char *text = arena_raw(c->arena, CONTROL_LINE_MAX);
	struct buf out = { 0 };
	struct str line;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (!is_allowed(fd))
		buf_lit(&out, "{\"error\":\"this socket is not yours to speak to\"}\n");
	else if (!read_line(c, fd, text, &line))
		buf_lit(&out, "{\"error\":\"one line of JSON was expected\"}\n");
	else
		control_answer(&ctx, c->arena, line, &out);
	if (!control_send(fd, out.p, out.n))
		log_info("control: whoever asked did not wait for the answer");
	explicit_bzero(text, CONTROL_LINE_MAX); /* it may hold a password */
	buf_free(&out);
	arena_reset(c->arena);
}

static void *
work(void *arg)
{
	struct control *c = arg;
	struct pollfd fds[] = { { .fd = c->listen_fd, .events = POLLIN },
		{ .fd = c->stop_fd, .events = POLLIN } };

	while (poll(fds, 2, -1) < 0 || fds[1].revents == 0) {
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			serve_client(c, fd);
			close(fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
			/* The client stays in the queue: look again in a second. */
			poll(&fds[1], 1, 1000);
		}
	}
	return NULL;
}

/* ---- the socket ---- */

static int
fail(char **error_out, const char *data_dir)
{
	if (asprintf(error_out, "%s/" CONTROL_SOCKET " cannot be made: %s", data_dir,
		strerror(errno)) < 0)
		abort();
	return -1;
}

/* The mode is set before there is a name by which others could connect. One that lies
 * there is a dead server's: we hold the lock. */
static int
listen_in(const char *data_dir, char **error_out)
{
	struct sockaddr_un address;
	int folder = control_address(data_dir, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = folder >= 0 && fd >= 0 && fchmod(fd, 0600) == 0;

	if (good && unlinkat(folder, CONTROL_SOCKET, 0) < 0 && errno != ENOENT)
		good = false;
	good = good && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	       listen(fd, BACKLOG) == 0;
	if (!good) {
		fail(error_out, data_dir);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	if (folder >= 0)
		close(folder);
	return fd;
}

struct control *
control_start(struct core *core, const char *data_dir, char **error_out)
{
	struct control *c = xcalloc(1, sizeof *c);

	c->core = core;
	c->data_dir = xstrdup(data_dir);
	c->stop_fd = -1;
	c->listen_fd = listen_in(data_dir, error_out);
	if (c->listen_fd >= 0)
		c->db = db_open(core->set.database, DB_READ, error_out);
	if (c->db != NULL)
		c->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (c->stop_fd < 0) {
		if (c->db != NULL)
			fail(error_out, data_dir);
		control_stop(c);
		return NULL;
	}
	c->arena = arena_new();
	c->thread = thread_start("control", ROLE_WORKER, work, c);
	return c;
}

void
control_stop(struct control *c)
{
	static const uint64_t one = 1;
	char path[4096];

	if (c == NULL)
		return;
	if (c->stop_fd >= 0) {
		if (write(c->stop_fd, &one, sizeof one) < 0)
			log_errno("control: stop");
		pthread_join(c->thread, NULL);
		close(c->stop_fd);
		arena_free(c->arena);
	}
	if (c->listen_fd >= 0) {
		snprintf(path, sizeof path, "%s/" CONTROL_SOCKET, c->data_dir);
		unlink(path);
		close(c->listen_fd);
	}
	db_close(c->db);
	free(c->data_dir);
	free(c);
}
