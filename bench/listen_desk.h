/*
 * The desk of `listen`: the process that is told what to do, tells its workers, sends,
 * and says what came of it. Owned by one thread.
 */
#ifndef BENCH_LISTEN_DESK_H
#define BENCH_LISTEN_DESK_H

#include "listen.h"

struct desk {
	struct crowd *crowd;
	int order_fds[WORKERS_MAX];
	bool is_probing;
	pid_t probes[2];
	pid_t slow[WORKERS_MAX];
	int slow_count;
};

/* The value of "name=" in a line of words, or that other one. */
int64_t desk_arg(const char *line, const char *name, int64_t otherwise);
/* One order to all workers; returns when all have followed it. */
void desk_order(struct desk *desk, const struct order *order);
/* The server's CPU time once it has nothing left to do. */
double desk_settled_cpu_us(struct desk *desk);
/* Sums of all workers. */
void desk_sum(const struct crowd *crowd, struct tally *sum_out);
/* What has been counted since, as members of a JSON object. */
void desk_print_since(const struct crowd *crowd, const struct tally *before);

/* listen_send.c: sends as line says, waits until all have heard it, prints figures. */
void desk_send(struct desk *desk, const char *line);

#endif
