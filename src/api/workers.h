/*
 * Threads that run handlers: each owns an arena and a reader's connection. Pools:
 * workers, a few slow ones for what takes long (password hashing), those that read and
 * write files, and those that wait for others' servers: for previews, and for a bucket.
 */
#ifndef API_WORKERS_H
#define API_WORKERS_H

#include "room/ctx.h"

/* One piece of work; whoever queues it owns its memory until run is called. */
struct task {
	void (*run)(struct task *task, struct ctx *ctx, struct arena *arena);
	struct task *next; /* the pool's */
};

struct workers;

/* name: of its threads, 10 characters at most. nice: that they run behind all others.
 */
struct workers *workers_new(struct core *core, const char *name, int count, int nice);
void workers_queue(struct workers *workers, struct task *task);
uint64_t workers_depth(struct workers *workers);
/* Runs what is queued, then ends the threads. */
void workers_free(struct workers *workers);

#endif
