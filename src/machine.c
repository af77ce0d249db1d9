/*
 * What the kernel lets this process have: descriptors, and the queue of connections
 * that are not accepted yet. Relies on getrlimit and /proc. Before the first request:
 * too small a limit is told at start, not found at noon.
 */
#include "machine.h"

#include <stdio.h>
#include <sys/resource.h>
#include "base/log.h"

enum { NOFILE_WANTED = 65536, SOMAXCONN_WANTED = 4096, NOFILE_GUESS = 1024 };

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

/* -1: cannot be read here. */
static int
somaxconn(void)
{
	FILE *stream = fopen("/proc/sys/net/core/somaxconn", "re");
	int value = -1;

	if (stream == NULL)
		return -1;
	if (fscanf(stream, "%d", &value) != 1)
		value = -1;
	fclose(stream);
	return value;
}

void
machine_warn(void (*warn)(void *arg, const char *sentence), void *arg)
{
	char sentence[160];
	uint64_t nofile = machine_nofile();
	int queue = somaxconn();

	if (nofile < NOFILE_WANTED) {
		snprintf(sentence, sizeof sentence,
		    "nofile is %llu: set LimitNOFILE=1048576 in the unit, or run "
		    "ulimit -Hn 1048576 as root first",
		    (unsigned long long)nofile);
		warn(arg, sentence);
	}
	if (queue >= 0 && queue < SOMAXCONN_WANTED) {
		snprintf(sentence, sizeof sentence,
		    "somaxconn is %d: sysctl -w net.core.somaxconn=%d", queue,
		    SOMAXCONN_WANTED);
		warn(arg, sentence);
	}
}
