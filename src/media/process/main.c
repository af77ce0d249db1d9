/*
 * parlour-pictures: makes thumbnails for parlour, which starts it with one end of a
 * socket as its standard input. It never reads a picture itself: for each one it forks
 * a process, which gives up all rights, decodes, reports and ends. So no picture can do
 * anything to the next, and the libraries are loaded once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/picture_wire.h"
#include "media/process/seal.h"
#include "media/process/self_test.h"
#include "media/process/thumbnail.h"

enum { SOCK = STDIN_FILENO, FIRST_IDLE_MS = 60 * 1000 };

/* ---- in the process of one picture ---- */

static void __attribute__((noreturn))
decode(const struct wire_ask *ask, int in, int out, int report)
{
	struct seal_limits limits = { ask->memory_max, ask->cpu_limit_s };
	struct wire_answer answer = { .version = WIRE_VERSION, .outcome = WIRE_FAILED };

	if (seal_for_good(&limits))
		thumbnail_make(ask, in, out, &answer);
	_exit(write(report, &answer, sizeof answer) != sizeof answer);
}

/* ---- in the process that forks them ---- */

/* Has the server gone? What is being decoded is then of no use. */
static bool
wait_for_report(int report)
{
	struct pollfd two[] = { { .fd = report, .events = POLLIN },
		{ .fd = SOCK, .events = POLLRDHUP } };

	while (poll(two, 2, -1) < 0 && errno == EINTR)
		;
	return two[0].revents != 0;
}

/* Ends the process pid. */
static struct wire_answer
read_report(pid_t pid, int report, bool is_there)
{
	struct wire_answer answer,
	    none = { .version = WIRE_VERSION, .outcome = WIRE_FAILED };
	ssize_t n = is_there ? read(report, &answer, sizeof answer) : 0;
	int status = 0;

	kill(pid, SIGKILL); /* whatever it may have in mind still */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == sizeof answer)
		return answer;
	if (WIFSIGNALED(status)) {
		none.outcome = WIRE_DIED;
		none.signal = (uint8_t)WTERMSIG(status);
	}
	return none;
}

/* False: the server is gone. */
static bool
serve_one(const struct wire_ask *ask, int in, int out)
{
	struct wire_answer answer;
	int report[2];
	pid_t pid;
	bool is_wanted = false;

	if (pipe2(report, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(report[0]);
		dup2(STDOUT_FILENO, SOCK);
		decode(ask, in, out, report[1]);
	}
	close(in);
	close(out);
	close(report[1]);
	if (pid > 0) {
		is_wanted = wait_for_report(report[0]);
		answer = read_report(pid, report[0], is_wanted);
		is_wanted = is_wanted && wire_send_answer(SOCK, &answer);
	}
	close(report[0]);
	return is_wanted;
}

static void
serve(void)
{
	struct wire_ask ask = { .idle_limit_ms = FIRST_IDLE_MS };
	struct pollfd one = { .fd = SOCK, .events = POLLIN };
	int in, out, n;

	do {
		while ((n = poll(&one, 1, ask.idle_limit_ms)) < 0 && errno == EINTR)
			;
	} while (
	    n > 0 && wire_recv_ask(SOCK, &ask, &in, &out) && serve_one(&ask, in, out));
}

/* Until now what went wrong could be said. */
static bool
be_quiet(void)
{
	int null = open("/dev/null", O_RDWR);

	return null >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
	       dup2(null, STDERR_FILENO) >= 0 && close(null) == 0;
}

int
main(int argc, char **argv)
{
	const struct wire_answer ready = { .version = WIRE_VERSION,
		.outcome = WIRE_READY };
	bool has_namespaces;

	if (argc == 2 && strcmp(argv[1], "--try-filter") == 0)
		_exit(self_test_filter()); /* what would run at exit is locked in too */
	if (argc == 2 && strcmp(argv[1], "--try-namespaces") == 0)
		_exit(self_test_namespaces());
	if (argc > 1) {
		fputs("parlour-pictures is started by parlour.\n", stderr);
		return 2;
	}
	has_namespaces = seal_namespaces();
	if (!thumbnail_init(argv[0])) {
		fputs("parlour-pictures: libvips does not start\n", stderr);
		return 1;
	}
	if (!be_quiet())
		return 1;
	close_range(STDERR_FILENO + 1, ~0U, 0);
	seal_prepare(has_namespaces);
	if (wire_send_answer(SOCK, &ready))
		serve();
	_exit(0);
}
