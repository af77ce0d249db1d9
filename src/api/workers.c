/*
 * A pool of workers over one queue. Fed by io threads (requests) and hubs (listeners
 * that must look again).
 */
#include "api/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

/* Shared; lock guards what stands below it. */
struct workers {
	struct core *core;
	pthread_t *threads;
	int count, nice;
	struct lock lock; /* RANK_LEAF */
	pthread_cond_t ready;
	struct task *head, **tail;
	uint64_t depth;
	int idle, called; /* waiting for a task; told of one, and not awake yet */
	/* At work and not waiting for the disk. More of them than cores only take
	 * turns: a task that comes is left to whoever is done first. */
	int running, running_max;
	bool stopping;
};

/* Is a waiting worker to be woken? Then the caller does. */
static bool
call_another_locked(struct workers *w)
{
	if (w->head == NULL || w->idle <= w->called ||
	    w->running + w->called >= w->running_max)
		return false;
	w->called++;
	return true;
}

static void
wait_for_task_locked(struct workers *w)
{
	w->idle++;
	while (w->head == NULL && !w->stopping) {
		lock_wait(&w->lock, &w->ready, 0);
		if (w->called > 0)
			w->called--;
	}
	w->idle--;
}

static struct task *
take(struct workers *w)
{
	struct task *task;
	bool wake;

	lock_take(&w->lock);
	wait_for_task_locked(w);
	task = w->head;
	if (task != NULL) {
		w->head = task->next;
		if (w->head == NULL)
			w->tail = &w->head;
		w->depth--;
		w->running++;
	}
	wake = call_another_locked(w);
	lock_give(&w->lock);
	if (wake)
		pthread_cond_signal(&w->ready);
	return task;
}

static void
done(struct workers *w)
{
	lock_take(&w->lock);
	w->running--;
	lock_give(&w->lock);
}

/* thread_on_wait's: one that waits for the disk makes room for another. */
static void
on_wait(void *arg, bool begins)
{
	struct workers *w = arg;
	bool wake;

	lock_take(&w->lock);
	w->running += begins ? -1 : 1;
	wake = call_another_locked(w);
	lock_give(&w->lock);
	if (wake)
		pthread_cond_signal(&w->ready);
}

/* The reader's connection is opened at the first task: an idle thread costs its stack.
 */
static struct db *
open_reader(struct workers *w)
{
	char *error = NULL;
	struct db *db = db_open(w->core->set.database, DB_READ, &error);

	if (db == NULL) {
		log_error("worker: %s", error);
		free(error);
		abort();
	}
	return db;
}

static void *
work(void *arg)
{
	struct workers *w = arg;
	struct arena *arena = arena_new();
	struct db *db = NULL;
	struct task *task;

	thread_on_wait(on_wait, w);
	if (w->nice > 0)
		(void)setpriority(PRIO_PROCESS, (id_t)gettid(), w->nice);
	while ((task = take(w)) != NULL) {
		struct ctx ctx = { .core = w->core };

		if (db == NULL)
			db = open_reader(w);
		ctx.db = db;
		task->run(task, &ctx, arena);
		arena_reset(arena);
		log_set_request(0);
		done(w);
	}
	if (db != NULL)
		db_close(db);
	arena_free(arena);
	return NULL;
}

struct workers *
workers_new(struct core *core, const char *name, int count, int nice)
{
	struct workers *w = xcalloc(1, sizeof *w);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	w->core = core;
	w->count = count;
	w->nice = nice;
	w->tail = &w->head;
	w->running_max = cores < 1 ? 1 : (int)cores;
	lock_init(&w->lock, RANK_LEAF);
	cond_init(&w->ready);
	w->threads = xcalloc(count, sizeof *w->threads);
	for (int i = 0; i < count; i++) {
		char title[16];

		snprintf(title, sizeof title, "%s%d", name, i);
		w->threads[i] = thread_start(title, ROLE_WORKER, work, w);
	}
	return w;
}

void
workers_queue(struct workers *w, struct task *task)
{
	bool wake;

	task->next = NULL;
	lock_take(&w->lock);
	*w->tail = task;
	w->tail = &task->next;
	w->depth++;
	wake = call_another_locked(w);
	lock_give(&w->lock);
	if (wake)
		pthread_cond_signal(&w->ready);
}

uint64_t
workers_depth(struct workers *w)
{
	uint64_t depth;

	lock_take(&w->lock);
	depth = w->depth;
	lock_give(&w->lock);
	return depth;
}

void
workers_free(struct workers *w)
{
	lock_take(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->ready);
	lock_give(&w->lock);
	for (int i = 0; i < w->count; i++)
		pthread_join(w->threads[i], NULL);
	free(w->threads);
	pthread_cond_destroy(&w->ready);
	lock_fini(&w->lock);
	free(w);
}
