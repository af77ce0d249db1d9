/*
 * What the kernel lets this process have: descriptors, and the queue of connections
 * that are not accepted yet. Relies on getrlimit and /proc. Before the first request:
 * too small a limit is told at start, not found at noon.
 */
#include "machine.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "base/log.h"

enum {
	NOFILE_WANTED = 65536, /* by who says nothing of it */
	NOFILE_USUAL = 1048576,
	NOFILE_SPARE = 256, /* the store's, the log's, the threads' */
	NOFILE_GUESS = 1024,
	QUEUE_MIN = 2048,
	QUEUE_MAX = 65535,
	SOCKET_BYTES = 5120, /* the kernel's part of a waiting connection */
	PAGE_BYTES = 4096,
	PORTS_MOST = 60000,
};

uint64_t
machine_nofile(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : NOFILE_GUESS;
}

uint64_t
machine_nofile_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return NOFILE_GUESS;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit most = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &most) == 0)
			limit = most;
		else
			log_errno("serve: the limit of open files stays as it is");
	}
	return limit.rlim_cur;
}

/* Numbers in a file of /proc/sys/net; how many there are. None where it cannot be read:
 * nothing is said of what nobody knows. */
static int
kernel_numbers(const char *name, int64_t *out, int max)
{
	char path[96];
	FILE *stream;
	int n = 0;

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	stream = fopen(path, "re");
	if (stream == NULL)
		return 0;
	while (n < max && fscanf(stream, "%" SCNd64, &out[n]) == 1)
		n++;
	fclose(stream);
	return n;
}

/* Whoever is told. */
struct teller {
	void (*warn)(void *arg, const char *sentence);
	void *arg;
};

static void tell(const struct teller *teller, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
tell(const struct teller *teller, const char *fmt, ...)
{
	char sentence[240];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, ap);
	va_end(ap);
	teller->warn(teller->arg, sentence);
}

static void
check_nofile(int64_t size, const struct teller *teller)
{
	uint64_t nofile = machine_nofile();
	uint64_t wanted = (uint64_t)size + NOFILE_SPARE;

	if (nofile >= wanted)
		return;
	if (wanted < NOFILE_USUAL)
		wanted = NOFILE_USUAL;
	tell(teller,
	    "nofile is %" PRIu64 ": set LimitNOFILE=%" PRIu64 " in the unit, or run "
	    "ulimit -Hn %" PRIu64 " as root first",
	    nofile, wanted, wanted);
}

/* Everybody comes back at the same moment after a restart. */
static void
check_queue(
    const char *name, const char *sysctl, int64_t size, const struct teller *teller)
{
	int64_t queue, wanted = size / 16;

	if (wanted < QUEUE_MIN)
		wanted = QUEUE_MIN;
	if (wanted > QUEUE_MAX)
		wanted = QUEUE_MAX;
	if (kernel_numbers(name, &queue, 1) == 1 && queue < wanted)
		tell(teller, "%s is %" PRId64 ": sysctl -w %s=%" PRId64,
		    strchr(name, '/') + 1, queue, sysctl, wanted);
}

static void
check_memory(int64_t size, const struct teller *teller)
{
	int64_t pages[3], wanted = size * SOCKET_BYTES / PAGE_BYTES;

	if (kernel_numbers("ipv4/tcp_mem", pages, 3) != 3 || pages[2] >= wanted)
		return;
	tell(teller,
	    "tcp_mem ends at %" PRId64 " pages: sysctl -w net.ipv4.tcp_mem=\"%" PRId64
	    " %" PRId64 " %" PRId64 "\"",
	    pages[2], wanted / 2, wanted * 3 / 4, wanted);
}

static void
check_ports(int64_t size, const struct teller *teller)
{
	int64_t range[2];

	if (kernel_numbers("ipv4/ip_local_port_range", range, 2) != 2 ||
	    range[1] - range[0] >= size || range[1] - range[0] >= PORTS_MOST)
		return;
	tell(teller,
	    "a proxy on this machine has %" PRId64
	    " ports to reach one address of ours: "
	    "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
	    range[1] - range[0] + 1);
}

void
machine_warn(
    int64_t connections, void (*warn)(void *arg, const char *sentence), void *arg)
{
	const struct teller teller = { warn, arg };
	int64_t nofile = (int64_t)machine_nofile();
	/* Unsaid: as many as there may be, and that should be some. Without a limit
	 * (LimitNOFILE=infinity) it is the usual one that is meant. */
	int64_t size = connections > 0		? connections
		       : nofile < NOFILE_WANTED ? NOFILE_WANTED - NOFILE_SPARE
		       : nofile > NOFILE_USUAL	? NOFILE_USUAL
						: nofile;

	check_nofile(size, &teller);
	/* What follows is for what can be reached at all. */
	if (size > nofile)
		size = nofile;
	check_queue("core/somaxconn", "net.core.somaxconn", size, &teller);
	check_queue(
	    "ipv4/tcp_max_syn_backlog", "net.ipv4.tcp_max_syn_backlog", size, &teller);
	check_memory(size, &teller);
	check_ports(size, &teller);
}
