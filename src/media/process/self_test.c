/*
 * Tries what a decoder under a stranger's command would try.
 */
#include "media/process/self_test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/process/seal.h"

enum { SKIPPED = 77 };

/* Each is a system call's result: 0 or more if it was let through. */

static long
read_a_file(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static long
write_a_file(void)
{
	return open(
	    "/tmp/parlour-pictures-self-test", O_WRONLY | O_CREAT | O_EXCL, 0600);
}

static long
make_a_folder(void)
{
	return mkdir("/tmp/parlour-pictures-self-test.d", 0700);
}

static long
look_at_a_file(void)
{
	struct stat file;

	return stat("/etc/passwd", &file);
}

static long
open_a_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long
open_a_local_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long
make_a_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

/* One that fails: if it runs, its status is ours. */
static long
run_a_program(void)
{
	char *const argv[] = { "false", NULL };

	return execve("/bin/false", argv, argv + 1);
}

static long
make_a_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static long
make_a_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static long
signal_another(void)
{
	return kill(getppid() > 0 ? getppid() : 1, 0);
}

static long
be_traced(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
be_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1);
}

static long
have_code_made(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static long
make_data_code(void)
{
	void *p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long
open_a_ring(void)
{
	char params[256] = { 0 };

	return syscall(SYS_io_uring_setup, 4, params);
}

static long
control_a_descriptor(void)
{
	int n;

	return syscall(SYS_ioctl, STDERR_FILENO, 0x541B /* FIONREAD */, &n);
}

struct attempt {
	const char *what;
	long (*try)(void);
	bool works_unsealed; /* else it proves nothing that it fails */
};

static const struct attempt by_calls[] = {
	{ "read a file", read_a_file, true },
	{ "write a file", write_a_file, false },
	{ "make a folder", make_a_folder, false },
	{ "look at a file", look_at_a_file, true },
	{ "open a TCP socket", open_a_tcp_socket, true },
	{ "open a local socket", open_a_local_socket, true },
	{ "make a pair of sockets", make_a_pair, true },
	{ "run a program", run_a_program, false },
	{ "make a process", make_a_process, true },
	{ "make a namespace", make_a_namespace, false },
	{ "signal another", signal_another, true },
	{ "be traced", be_traced, false },
	{ "be dumpable", be_dumpable, true },
	{ "have writable code", have_code_made, false },
	{ "make data code", make_data_code, false },
	{ "open a ring", open_a_ring, false },
	{ "control a descriptor", control_a_descriptor, false },
};

static long
reach_ourselves_by_tcp(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons(9),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	/* Even of the loopback there is only one that is down. */
	return connect(sock, (struct sockaddr *)&at, sizeof at);
}

static const struct attempt by_names[] = {
	{ "read a file", read_a_file, true },
	{ "write a file", write_a_file, false },
	{ "make a folder", make_a_folder, false },
	{ "look at a file", look_at_a_file, true },
	{ "run a program", run_a_program, false },
	{ "reach this machine", reach_ourselves_by_tcp, true },
};

static int
complain(const char *what, const char *how)
{
	fprintf(stderr, "parlour-pictures: %s: %s\n", what, how);
	return 1;
}

static int
try_unsealed(const struct attempt *attempts, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++)
		if (attempts[i].works_unsealed && attempts[i].try() < 0)
			bad = complain(attempts[i].what, "fails unsealed too");
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return bad;
}

/* refusal: the errno that each must fail with; 0: any. */
static int
try_sealed(const struct attempt *attempts, size_t n, int refusal)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		if (attempts[i].try() >= 0)
			bad = complain(attempts[i].what, "was let through");
		else if (refusal != 0 && errno != refusal)
			bad = complain(attempts[i].what, "failed of something else");
	}
	return bad;
}

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

int
self_test_filter(void)
{
	struct seal_limits limits = { .memory = 512 << 20, .cpu_s = 10 };
	int bad = try_unsealed(by_calls, COUNT(by_calls));

	seal_prepare(false);
	if (!seal_for_good(&limits))
		return complain("seal", "failed");
	return try_sealed(by_calls, COUNT(by_calls), EPERM) | bad;
}

int
self_test_namespaces(void)
{
	int bad = try_unsealed(by_names, COUNT(by_names));

	if (!seal_namespaces())
		return SKIPPED;
	seal_prepare(true);
	return try_sealed(by_names, COUNT(by_names), 0) | bad;
}
