/*
 * What the load programs and the floors have in common beside their connections: an end
 * with a sentence, descriptors, CPU time, quantiles. Relies on the C library alone.
 */
#ifndef BENCH_LOAD_TOOLS_H
#define BENCH_LOAD_TOOLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A sentence on stderr, then the end: a load that goes wrong has no figures. */
_Noreturn void load_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As many descriptors as the system allows; how many these are, at most 1 << 24. */
int load_raise_nofile(void);
/* CPU time of all threads of the process so far, in microseconds; pid 0: none. */
double load_cpu_us(pid_t pid);
/* Sorts; the value below which that part of all lie. */
int64_t load_quantile(int64_t *v, size_t n, double part);

#endif
