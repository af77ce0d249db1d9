/*
 * The caller's side of thumbnails: a few helper processes, each with one picture at a
 * time; who is late or dies is ended and replaced. Relies on parlour-pictures
 * (media/process/) being installed. Called by workers; holds no lock while it waits.
 */
#include "media/pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/thread.h"
#include "media/picture_wire.h"

enum {
	HELPERS = 2,
	TIME_LIMIT_MS = 10 * 1000,
	WAIT_LIMIT_MS = 20 * 1000,
	IDLE_LIMIT_MS = 300 * 1000,
	PIXELS_MAX = 100 * 1000 * 1000,
	MEMORY_MAX = 512 << 20,
	START_LIMIT_MS = 20 * 1000,
	END_LIMIT_MS = 2000,
};

/* Owned by the thread that took it; else by the lock of its pool. */
struct helper {
	pid_t pid; /* 0: not running */
	int sock;
	bool is_taken;
};

/* Shared; lock guards which helpers are taken. */
struct pictures {
	struct lock lock;
	pthread_cond_t given; /* a helper is free again */
	struct pictures_setup setup;
	char program[PATH_MAX];
	struct helper helpers[];
};

/* ---- the program ---- */

/* Beside the running program, or where it is installed. */
static void
find_program(char *out, size_t cap)
{
	static const char *const places[] = { "parlour-pictures",
		"../libexec/parlour/parlour-pictures" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	self[n < 0 ? 0 : n] = '\0';
	*(strrchr(self, '/') == NULL ? self : strrchr(self, '/')) = '\0';
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		if ((size_t)snprintf(out, cap, "%s/%s", self, places[i]) < cap &&
		    access(out, X_OK) == 0)
			return;
	}
}

/* Its standard input is the socket; nothing else is open but stderr, twice. A group of
 * its own, so that an interrupt from the terminal leaves it to us. */
static int
spawn(const char *program, int sock, pid_t *pid_out)
{
	/* Modules (ImageMagick, poppler, ...) would be loaded from VIPSHOME. */
	static char *const env[] = { "VIPSHOME=/dev/null", "VIPS_BLOCK_UNTRUSTED=1",
		"VIPS_CONCURRENCY=1", "MALLOC_ARENA_MAX=1", "LC_ALL=C", "TZ=UTC0",
		NULL };
	char *const argv[] = { "parlour-pictures", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, sock, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	err = posix_spawn(pid_out, program, &files, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return err;
}

/* ---- one helper ---- */

/* It ends, with all that it started, when its socket does; unless it is ill. */
static void
helper_end(struct helper *h)
{
	int64_t patience = clock_mono_ms() + END_LIMIT_MS;
	pid_t ended;

	if (h->pid == 0)
		return;
	close(h->sock);
	while (
	    (ended = waitpid(h->pid, NULL, WNOHANG)) == 0 && clock_mono_ms() < patience)
		poll(NULL, 0, 1);
	if (ended == 0) {
		log_warn("pictures: helper %d had to be killed", (int)h->pid);
		kill(h->pid, SIGKILL);
		while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	h->pid = 0;
}

/* False with errno: ETIMEDOUT, EPIPE if it is gone. */
static bool
helper_answer(struct helper *h, int limit_ms, struct wire_answer *answer)
{
	int64_t end = clock_mono_ms() + limit_ms;

	for (;;) {
		struct pollfd one = { .fd = h->sock, .events = POLLIN };
		int64_t left = end - clock_mono_ms();
		int n = poll(&one, 1, left > 0 ? (int)left : 0);

		if (n > 0)
			return wire_recv_answer(h->sock, answer);
		if (n == 0) {
			errno = ETIMEDOUT;
			return false;
		}
		if (errno != EINTR)
			return false;
	}
}

static bool
helper_start(struct helper *h, const char *program)
{
	struct wire_answer ready;
	int pair[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		log_errno("pictures: socketpair");
		return false;
	}
	err = spawn(program, pair[1], &h->pid);
	close(pair[1]);
	if (err != 0) {
		errno = err;
		log_errno("pictures: start %s", program);
		close(pair[0]);
		h->pid = 0;
		return false;
	}
	h->sock = pair[0];
	if (helper_answer(h, START_LIMIT_MS, &ready) && ready.outcome == WIRE_READY)
		return true;
	log_errno("pictures: %s did not get ready", program);
	helper_end(h);
	return false;
}

/* ---- the pool ---- */

/* One that runs is better than one to be started. */
static struct helper *
find_free_locked(struct pictures *p)
{
	struct helper *found = NULL;

	for (int i = 0; i < p->setup.helpers; i++) {
		struct helper *h = &p->helpers[i];

		if (!h->is_taken && (found == NULL || found->pid == 0))
			found = h;
	}
	return found;
}

/* NULL: there was none for too long. */
static struct helper *
helper_take(struct pictures *p)
{
	int64_t end = clock_mono_ms() + p->setup.wait_limit_ms;
	bool in_time = true;
	struct helper *found;

	lock_take(&p->lock);
	while ((found = find_free_locked(p)) == NULL && in_time)
		in_time = lock_wait(&p->lock, &p->given, end);
	if (found != NULL)
		found->is_taken = true;
	lock_give(&p->lock);
	return found;
}

static void
helper_give(struct pictures *p, struct helper *h)
{
	lock_take(&p->lock);
	h->is_taken = false;
	pthread_cond_signal(&p->given);
	lock_give(&p->lock);
}

struct pictures *
pictures_new(const struct pictures_setup *setup)
{
	int helpers = setup->helpers > 0 ? setup->helpers : HELPERS;
	struct pictures *p =
	    xcalloc(1, sizeof *p + (size_t)helpers * sizeof p->helpers[0]);
	struct pictures_setup *s = &p->setup;

	lock_init(&p->lock, RANK_LEAF);
	cond_init(&p->given);
	*s = *setup;
	s->helpers = helpers;
	if (s->time_limit_ms <= 0)
		s->time_limit_ms = TIME_LIMIT_MS;
	if (s->wait_limit_ms <= 0)
		s->wait_limit_ms = WAIT_LIMIT_MS;
	if (s->pixels_max <= 0)
		s->pixels_max = PIXELS_MAX;
	if (s->memory_max <= 0)
		s->memory_max = MEMORY_MAX;
	if (s->idle_limit_ms <= 0)
		s->idle_limit_ms = IDLE_LIMIT_MS;
	if (s->program == NULL)
		find_program(p->program, sizeof p->program);
	else
		snprintf(p->program, sizeof p->program, "%s", s->program);
	s->program = NULL;
	return p;
}

void
pictures_free(struct pictures *p)
{
	for (int i = 0; i < p->setup.helpers; i++)
		helper_end(&p->helpers[i]);
	pthread_cond_destroy(&p->given);
	lock_fini(&p->lock);
	free(p);
}

/* ---- one picture ---- */

/* Asks h, starting it where it does not run. One that ended since its last picture (it
 * was idle, or somebody killed it) is replaced, once. */
static enum mx_err
ask_helper(struct pictures *p, struct helper *h, const struct wire_ask *ask, int in_fd,
    int out_fd, struct wire_answer *answer)
{
	int why = EPIPE;

	for (int tries = 0; tries < 2 && why == EPIPE; tries++) {
		if (h->pid == 0 && !helper_start(h, p->program))
			return M_UNKNOWN;
		if (wire_send_ask(h->sock, ask, in_fd, out_fd) &&
		    helper_answer(h, p->setup.time_limit_ms, answer))
			return M_OK;
		why = errno;
		helper_end(h);
	}
	if (why == ETIMEDOUT) {
		log_warn("pictures: one took more than %d ms", p->setup.time_limit_ms);
		return M_TOO_LARGE;
	}
	errno = why;
	log_errno("pictures: the helper gives no answer");
	return M_UNKNOWN;
}

/* What stopped a decoder: a limit, or a picture that it could not stand. */
static enum mx_err
died_of(int sig)
{
	log_warn("pictures: decoding ended by signal %d (%s)", sig, strsignal(sig));
	switch (sig) {
	case SIGXCPU:
	case SIGKILL: /* the kernel's, out of memory */
	case SIGTRAP: /* GLib's, out of memory */
	case SIGABRT:
		return M_TOO_LARGE;
	default:
		return M_REFUSED;
	}
}

static enum mx_err
read_answer(const struct wire_answer *answer, struct picture_made *made)
{
	switch (answer->outcome) {
	case WIRE_MADE:
	case WIRE_ORIGINAL:
		break;
	case WIRE_NO_PICTURE:
		return M_REFUSED;
	case WIRE_TOO_LARGE:
		return M_TOO_LARGE;
	case WIRE_NOT_WRITTEN:
		return M_UNAVAILABLE;
	case WIRE_DIED:
		return died_of(answer->signal);
	default:
		log_error("pictures: the helper failed");
		return M_UNKNOWN;
	}
	*made = (struct picture_made){
		.content_type = picture_format_type(answer->format),
		.width = answer->width,
		.height = answer->height,
		.size = answer->size,
		.is_animated = answer->is_animated,
		.is_original = answer->outcome == WIRE_ORIGINAL,
	};
	return M_OK;
}

/* The picture, opened anew: with an offset of its own, and to be read only. */
static int
open_anew(int fd)
{
	char path[64];
	int again;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		log_errno("pictures: open %s", path);
	return again;
}

static enum mx_err
thumbnail(struct pictures *p, int in_fd, const struct picture_ask *ask, int out_fd,
    struct picture_made *made)
{
	struct wire_ask wire = {
		.version = WIRE_VERSION,
		.width = ask->width,
		.height = ask->height,
		.method = ask->method,
		.animated = ask->animated,
		.original_will_do = ask->original_will_do,
		.cpu_limit_s = p->setup.time_limit_ms / 1000 + 1,
		.idle_limit_ms = p->setup.idle_limit_ms,
		.pixels_max = p->setup.pixels_max,
		.memory_max = p->setup.memory_max,
	};
	struct wire_answer answer;
	struct helper *h = helper_take(p);
	enum mx_err err;

	if (h == NULL) {
		log_warn("pictures: no helper is free");
		return M_UNAVAILABLE;
	}
	err = ask_helper(p, h, &wire, in_fd, out_fd, &answer);
	if (err == M_OK)
		err = read_answer(&answer, made);
	helper_give(p, h);
	return err;
}

enum mx_err
pictures_thumbnail(struct pictures *p, int in_fd, const struct picture_ask *ask,
    int out_fd, struct picture_made *made)
{
	enum mx_err err;
	int again = open_anew(in_fd);

	if (again < 0)
		return M_UNKNOWN;
	thread_waits(true);
	err = thumbnail(p, again, ask, out_fd, made);
	thread_waits(false);
	close(again);
	return err;
}
