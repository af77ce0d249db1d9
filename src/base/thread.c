/*
 * Threads that know their role, and locks that know their place in the order.
 * Relies on pthreads. Every thread of the server starts here; the checks of debug
 * builds are what keeps doc/request.md true.
 */
#include "base/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/str.h"

#if defined(PARLOUR_DEBUG) && !defined(NDEBUG)
#define CHECKED true
#else
#define CHECKED false
#endif

#define HELD_MAX 16

/* Whoever was not started by thread_start is the main thread. */
static _Thread_local enum thread_role own_role = ROLE_MAIN;
static _Thread_local const struct lock *held[HELD_MAX];
static _Thread_local int held_n;
static _Thread_local uint64_t taken;

struct start {
	char name[16];
	enum thread_role role;
	void *(*fn)(void *);
	void *arg;
};

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "thread: %s: %s\n", what, strerrordesc_np(rc));
	abort();
}

static void *
thread_main(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	own_role = start.role;
	pthread_setname_np(pthread_self(), start.name);
	return start.fn(start.arg);
}

pthread_t
thread_start(const char *name, enum thread_role role, void *(*fn)(void *), void *arg)
{
	struct start *start = xcalloc(1, sizeof *start);
	pthread_t thread;

	snprintf(start->name, sizeof start->name, "%s", name);
	start->role = role;
	start->fn = fn;
	start->arg = arg;
	must(pthread_create(&thread, NULL, thread_main, start), "pthread_create");
	return thread;
}

enum thread_role
thread_role(void)
{
	return own_role;
}

void
assert_role(int roles)
{
	if (!CHECKED || (own_role & roles) != 0)
		return;
	fprintf(
	    stderr, "thread: role %d runs what only roles %d may\n", own_role, roles);
	abort();
}

/* Before the mutex is waited for: a wrong order is told even where it would not hang.
 */
static void
rank_check(const struct lock *lock)
{
	for (int i = 0; i < held_n; i++) {
		if (held[i]->rank < lock->rank)
			continue;
		fprintf(stderr,
		    "thread: a lock of rank %d is taken while one of rank %d is held\n",
		    lock->rank, held[i]->rank);
		abort();
	}
	if (held_n == HELD_MAX) {
		fprintf(stderr, "thread: more than %d locks are held\n", HELD_MAX);
		abort();
	}
}

/* Where in held the lock stands; aborts if this thread does not hold it. */
static int
held_find(const struct lock *lock)
{
	for (int i = held_n - 1; i >= 0; i--) {
		if (held[i] == lock)
			return i;
	}
	fprintf(
	    stderr, "thread: a lock of rank %d is not held by its user\n", lock->rank);
	abort();
}

void
lock_init(struct lock *lock, enum lock_rank rank)
{
	must(pthread_mutex_init(&lock->mutex, NULL), "pthread_mutex_init");
	lock->rank = rank;
}

void
lock_fini(struct lock *lock)
{
	must(pthread_mutex_destroy(&lock->mutex), "pthread_mutex_destroy");
}

void
lock_take(struct lock *lock)
{
	if (CHECKED)
		rank_check(lock);
	must(pthread_mutex_lock(&lock->mutex), "pthread_mutex_lock");
	if (CHECKED) {
		held[held_n++] = lock;
		taken++;
	}
}

void
lock_give(struct lock *lock)
{
	if (CHECKED) {
		int i = held_find(lock);

		memmove(
		    &held[i], &held[i + 1], (size_t)(held_n - i - 1) * sizeof held[0]);
		held_n--;
	}
	must(pthread_mutex_unlock(&lock->mutex), "pthread_mutex_unlock");
}

uint64_t
locks_taken(void)
{
	return taken;
}

void
cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	must(pthread_condattr_init(&attr), "pthread_condattr_init");
	must(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC),
	    "pthread_condattr_setclock");
	must(pthread_cond_init(cond, &attr), "pthread_cond_init");
	pthread_condattr_destroy(&attr);
}

bool
lock_wait(struct lock *lock, pthread_cond_t *cond, long long deadline_ms)
{
	struct timespec until = { .tv_sec = deadline_ms / 1000,
		.tv_nsec = deadline_ms % 1000 * 1000000 };
	int rc;

	if (CHECKED)
		held_find(lock);
	if (deadline_ms == 0)
		rc = pthread_cond_wait(cond, &lock->mutex);
	else
		rc = pthread_cond_timedwait(cond, &lock->mutex, &until);
	if (rc == ETIMEDOUT)
		return false;
	must(rc, "pthread_cond_wait");
	return true;
}

static __thread struct {
	void (*fn)(void *arg, bool begins);
	void *arg;
} on_wait;

void
thread_on_wait(void (*fn)(void *arg, bool begins), void *arg)
{
	on_wait.fn = fn;
	on_wait.arg = arg;
}

void
thread_waits(bool begins)
{
	if (on_wait.fn != NULL)
		on_wait.fn(on_wait.arg, begins);
}
