/*
 * Threads with roles, locks with ranks. Debug builds (NDEBUG unset and PARLOUR_DEBUG
 * set) abort on the wrong role or order; see doc/request.md for who owns what.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum thread_role {
	ROLE_MAIN = 1,
	ROLE_IO = 2,
	ROLE_WORKER = 4,
	ROLE_WRITER = 8,
	ROLE_CHECKPOINT = 16,
};

/* Starts fn(arg) under a name (15 characters at most); aborts if it cannot. */
pthread_t thread_start(
    const char *name, enum thread_role role, void *(*fn)(void *), void *arg);
void assert_role(int roles); /* one of these, or'ed; no-op in release builds */
enum thread_role thread_role(void);

/* Whoever runs work on this thread may want to know that it waits for something slow,
 * so that another thread goes on meanwhile: fn(arg, true) before, fn(arg, false) after.
 */
void thread_on_wait(void (*fn)(void *arg, bool begins), void *arg);
void thread_waits(bool begins);

/* A lock may be taken only while every lock held by the thread has a lower rank. */
enum lock_rank {
	RANK_ROOM = 10,	  /* core: one room's pending tip */
	RANK_ROOMS = 20,  /* core: the table of rooms in memory */
	RANK_MAKING = 25, /* web: one room's lines are being made */
	RANK_CACHE = 30,  /* tokens, profiles and other leaf caches */
	RANK_WRITER = 40, /* store: the writer's queue */
	RANK_LEAF = 60,
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
};

void lock_init(struct lock *lock, enum lock_rank rank);
void lock_fini(struct lock *lock);
void lock_take(struct lock *lock);
void lock_give(struct lock *lock);
/* How many this thread has taken so far, for tests of what takes none; release builds
 * do not count. */
uint64_t locks_taken(void);
/* Waits on cond with the lock held; deadline in clock_mono_ms, 0: none. False: timeout.
 * cond must be made by cond_init (monotonic clock). */
void cond_init(pthread_cond_t *cond);
bool lock_wait(struct lock *lock, pthread_cond_t *cond, long long deadline_ms);

#endif
