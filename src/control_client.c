/*
 * The operator's side: through the running server's socket, or, where none runs, with
 * the lock held and the same operations on the database itself.
 * Never near a request: this is another process.
 */
#include "control_inside.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "running.h"

enum { PATIENCE_MS = 10000, RETRY_MS = 50 };

static const struct json *
fail(char **error_out, const char *what, const char *sentence)
{
	if (asprintf(error_out, "%s: %s", what, sentence) < 0)
		abort();
	return NULL;
}

/* ---- by the socket ---- */

/* -1: nobody listens there. */
static int
connect_to(const char *data_dir)
{
	struct sockaddr_un address;
	int folder = control_address(data_dir, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (folder < 0 || fd < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		fd = -1;
		errno = err;
	}
	if (folder >= 0)
		close(folder);
	return fd;
}

static bool
receive_all(int fd, struct buf *out)
{
	ssize_t got;

	do {
		buf_reserve(out, 65536);
		got = recv(fd, out->p + out->n, 65536, 0);
		if (got > 0)
			out->n += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	return got == 0;
}

/* The answer's line becomes {"ok": ...}'s inside, or a sentence. */
static const struct json *
read_answer(struct arena *arena, const struct buf *line, char **error_out)
{
	const struct json *answer =
	    line->n == 0 ? NULL
			 : json_parse_copy(arena, line->p, line->n, JSON_STRICT, NULL);
	const struct json *ok = json_get_object(answer, "ok");
	const char *error = json_get_str(answer, "error");

	if (ok != NULL)
		return ok;
	*error_out =
	    xstrdup(error != NULL ? error : "the server went away without an answer");
	return NULL;
}

static const struct json *
ask_server(int fd, struct arena *arena, const struct buf *line, char **error_out)
{
	struct buf answer = { 0 };
	const struct json *ok = NULL;

	if (control_send(fd, line->p, line->n) && receive_all(fd, &answer))
		ok = read_answer(arena, &answer, error_out);
	else
		*error_out = xstrdup("the server went away without an answer");
	buf_free(&answer);
	return ok;
}

/* ---- without a server ---- */

/* What root makes here the server's own user must be able to open. */
static bool
become_owner(const char *data_dir)
{
	struct stat st;

	if (geteuid() != 0 || stat(data_dir, &st) < 0 || st.st_uid == 0)
		return true;
	return setgroups(0, NULL) == 0 &&
	       setresgid(st.st_gid, st.st_gid, st.st_gid) == 0 &&
	       setresuid(st.st_uid, st.st_uid, st.st_uid) == 0;
}

static const struct json *
do_here(
    struct running *r, struct arena *arena, const struct buf *line, char **error_out)
{
	const struct json *ok = NULL;
	struct ctx ctx = { .core = &r->core };
	struct buf answer = { 0 };

	if (!keys_create(r->config->data_dir, error_out) || !running_open(r, error_out))
		return NULL;
	ctx.db = db_open(r->core.set.database, DB_READ, error_out);
	if (ctx.db == NULL)
		return NULL;
	control_answer(&ctx, arena, (struct str){ line->p, line->n }, &answer);
	ok = read_answer(arena, &answer, error_out);
	db_close(ctx.db);
	buf_free(&answer);
	return ok;
}

static void
wait_a_moment(void)
{
	poll(NULL, 0, RETRY_MS);
}

/* The lock may be held by a server that is just starting or stopping, or by another of
 * the operator's words: both are over soon. */
static const struct json *
ask(struct running *r, struct arena *arena, const struct buf *line, char **error_out)
{
	int64_t deadline_ms = clock_mono_ms() + PATIENCE_MS;
	const char *data_dir = r->config->data_dir;

	for (;;) {
		int fd = connect_to(data_dir);
		enum running_lock lock;

		if (fd >= 0) {
			const struct json *ok = ask_server(fd, arena, line, error_out);

			close(fd);
			return ok;
		}
		if (errno == EACCES || errno == EPERM)
			return fail(error_out, data_dir,
			    "only root and the server's own user may do this");
		if (!become_owner(data_dir))
			return fail(error_out, data_dir, strerror(errno));
		lock = running_lock(r, error_out);
		if (lock == RUNNING_LOCKED)
			return do_here(r, arena, line, error_out);
		if (lock == RUNNING_FAILED || clock_mono_ms() >= deadline_ms)
			return NULL;
		free(*error_out);
		*error_out = NULL;
		wait_a_moment();
	}
}

const struct json *
control_ask(const struct config *config, struct arena *arena,
    const struct json *request, char **error_out)
{
	struct running r = { .config = config, .lock_fd = -1 };
	struct buf line = { 0 };
	const struct json *ok = NULL;

	*error_out = NULL;
	signal(SIGPIPE, SIG_IGN); /* as where it serves: a bucket's store may hang up */
	if (access(config->data_dir, F_OK) < 0) {
		fail(error_out, config->data_dir,
		    errno == ENOENT ? "there is no such data_dir; `parlour init` or"
				      " `parlour serve` makes it"
				    : strerror(errno));
		return NULL;
	}
	json_write(&line, request);
	buf_char(&line, '\n');
	if (line.n > CONTROL_LINE_MAX)
		fail(error_out, "the request", "it is too long");
	else
		ok = ask(&r, arena, &line, error_out);
	running_close(&r);
	explicit_bzero(line.p, line.n);
	buf_free(&line);
	return ok;
}
