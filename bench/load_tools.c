/*
 * An end with a sentence, descriptors, CPU time and quantiles, for the load programs
 * and the floors. Relies on the C library alone, as some of the floors do.
 */
#include "load_tools.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define NOFILE_MAX (1 << 24) /* tables by descriptor are to fit into memory */

void
load_die(const char *fmt, ...)
{
	va_list ap;

	fputs("load: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

int
load_raise_nofile(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > NOFILE_MAX ? NOFILE_MAX : (int)limit.rlim_cur;
}

double
load_cpu_us(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (pid == 0)
		return 0;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		load_die("process %d has no CPU clock", (int)pid);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t
load_quantile(int64_t *v, size_t n, double part)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, by_size);
	return v[(size_t)((double)(n - 1) * part)];
}
