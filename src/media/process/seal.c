/*
 * How a decoder is locked in: namespaces, limits, and a filter of system calls. The
 * filter is what counts; the rest stands behind it.
 */
#include "media/process/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES_MAX = 16, WRITTEN_MAX = 64 << 20 };

static int64_t mapped; /* bytes of addresses, before the first picture */

/* ---- namespaces ---- */

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	/* It fails where it is not needed. */
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		errno = 0;
	if (fd >= 0)
		close(fd);
}

/* Ours alone, as 0, so that what is mounted has an owner. */
static void
map_ids(uid_t uid, gid_t gid)
{
	char line[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof line, "0 %u 1", (unsigned)uid);
	write_file("/proc/self/uid_map", line);
	snprintf(line, sizeof line, "0 %u 1", (unsigned)gid);
	write_file("/proc/self/gid_map", line);
}

/* The started process: it holds nothing, and ends when the first of the namespace does.
 */
static void __attribute__((noreturn)) stand_by(pid_t pid)
{
	int status = 0;

	close(STDIN_FILENO);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

bool
seal_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID |
		    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP) < 0)
		return false;
	map_ids(uid, gid);
	pid = fork();
	if (pid < 0)
		_exit(1);
	if (pid > 0)
		stand_by(pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

static void
empty_root(void)
{
	bool is_empty =
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/proc", "tmpfs",
		MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") == 0 &&
	    chdir("/proc") == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	    umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;

	(void)is_empty; /* if it is not, the filter alone keeps the files away */
}

/* /proc is out of reach later. */
static int64_t
mapped_now(void)
{
	long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file != NULL) {
		if (fscanf(file, "%lld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * sysconf(_SC_PAGESIZE);
}

void
seal_prepare(bool has_namespaces)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	mapped = mapped_now();
	/* The server comes first: for the processor, and where memory runs out. */
	setpriority(PRIO_PROCESS, 0, 10);
	write_file("/proc/self/oom_score_adj", "500");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (has_namespaces)
		empty_root();
	syscall(SYS_capset, &head, none);
}

/* ---- limits ---- */

static void
limit(int what, rlim_t most)
{
	struct rlimit r = { most, most };

	setrlimit((__rlimit_resource_t)what, &r);
}

#if defined(__SANITIZE_ADDRESS__)
static void
limit_memory(int64_t bytes)
{
	(void)bytes; /* its shadow takes 20 TB of addresses */
}
#else
/* Of addresses, which is what the kernel counts for every kind of mapping. */
static void
limit_memory(int64_t bytes)
{
	limit(RLIMIT_AS, (rlim_t)(mapped + bytes));
}
#endif

/* ---- the filter ---- */

static const int allowed[] = {
	/* what is open */
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(write),
	SCMP_SYS(pwrite64), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(dup), SCMP_SYS(fstat), SCMP_SYS(fadvise64),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* its own threads, and ending */
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(exit), SCMP_SYS(exit_group),
	/* what time it is, how much there is */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
	SCMP_SYS(sysinfo), SCMP_SYS(getrusage)
};

static bool
allow_all(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) < 0)
			return false;
	return true;
}

/* Of these, a new thread has the first alone. */
#define THREAD_OR_MORE                                                                 \
	(CLONE_THREAD | CLONE_VFORK | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |     \
	    CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* Calls of which only one kind is needed. */
static bool
allow_some(scmp_filter_ctx filter)
{
	const struct {
		int call;
		struct scmp_arg_cmp only; /* which argument, and what of it */
	} some[] = {
		{ SCMP_SYS(mmap), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
		{ SCMP_SYS(mprotect), { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } },
		{ SCMP_SYS(clone),
		    { 0, SCMP_CMP_MASKED_EQ, THREAD_OR_MORE, CLONE_THREAD } },
		{ SCMP_SYS(newfstatat), { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } },
		{ SCMP_SYS(fcntl), { 1, SCMP_CMP_EQ, F_GETFL, 0 } },
		{ SCMP_SYS(prctl), { 0, SCMP_CMP_EQ, PR_SET_NAME, 0 } },
		{ SCMP_SYS(prlimit64), { 2, SCMP_CMP_EQ, 0, 0 } },
		{ SCMP_SYS(tgkill), { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 } },
	};

	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
		if (seccomp_rule_add_array(
			filter, SCMP_ACT_ALLOW, some[i].call, 1, &some[i].only) < 0)
			return false;
	/* Its arguments are in memory, out of a filter's sight; the C library then
	 * takes clone. */
	return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) ==
	       0;
}

static bool
filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool is_on = filter != NULL && allow_all(filter) && allow_some(filter) &&
		     seccomp_load(filter) == 0;

	seccomp_release(filter);
	return is_on;
}

bool
seal_for_good(const struct seal_limits *limits)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, WRITTEN_MAX);
	limit(RLIMIT_NOFILE, FILES_MAX);
	limit(RLIMIT_CPU, (rlim_t)limits->cpu_s);
	limit_memory(limits->memory);
	signal(SIGXFSZ, SIG_IGN); /* an error of write() instead */
	return prctl(PR_SET_DUMPABLE, 0) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_calls();
}
