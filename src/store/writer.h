/*
 * The writer: the one thread that changes the database. Jobs are run in the order in
 * which they were queued; all that are ready form one group, one transaction, one
 * fsync. A job's failure is its own, by a savepoint where it needs one. Answers are
 * given after the group is durable. See doc/rooms.md.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "db/db.h"

struct writer;
struct write_job;

/*
 * One job. Filled in by the caller, kept by the writer until `done` has returned.
 * run:  on the writer thread inside the transaction. An error rolls back to the job's
 *       savepoint and is handed to done.
 * done: on the writer thread, after the group is durable (err = run's result) or has
 *       failed as a whole (M_UNAVAILABLE / M_UNKNOWN). Must not block; may free the
 * job.
 */
struct write_job {
	enum mx_err (*run)(struct write_job *job, struct db *db);
	void (*done)(struct write_job *job, enum mx_err err);
	/* Its run fails only where the database itself fails, or before it has written
	 * anything: no savepoint is made for it, and if it does fail behind its first
	 * row the whole group is rolled back and fails with it. */
	bool falls_with_group;
	struct write_job *next; /* the writer's */
	uint64_t ticket;	/* the writer's: counts up from 1 in queue order */
	enum mx_err err;	/* the writer's */
};

/*
 * Called on the writer thread around each group, for what must move together with it:
 * durable: after COMMIT, before any done of the group: swap tails, raise `visible`.
 * finished: after all dones of the group, durable or failed: wake the io threads, once.
 */
struct writer_hooks {
	void (*durable)(void *arg);
	void (*finished)(void *arg);
	/* The whole group failed; jobs' dones follow, then jobs queued meanwhile run.
	 */
	void (*failed)(void *arg);
	void *arg;
};

/* Opens the database for writing, migrates it, starts the thread (role WRITER) and the
 * checkpoint thread. NULL with a sentence in *error_out. After an I/O error or in a
 * damaged file the process logs it and ends with status 70, answering nobody. */
struct writer *writer_open(const char *where, char **error_out);
void writer_set_hooks(struct writer *writer, const struct writer_hooks *hooks);
/* Finishes what is queued, checkpoints, closes. */
void writer_close(struct writer *writer);

/* Queues a job. Returns its ticket (of several: the last one's). Callable under any
 * room lock. */
uint64_t writer_queue(struct writer *writer, struct write_job *job);
/* Several, adjacent in the order given; none of another thread between them. */
uint64_t writer_queue_many(struct writer *writer, struct write_job **jobs, int n);
/* Runs fn(arg, db) as a job and waits until it is durable: for what must know its
 * result before it answers. Not on the writer's own or an io thread. */
enum mx_err writer_run(struct writer *writer,
    enum mx_err (*fn)(void *arg, struct db *db), void *arg) MUST_USE;
/* Everything queued so far is durable or failed when this returns. */
void writer_flush(struct writer *writer);
/* An answer that waits: fn(arg, err) is called on the writer thread once `ticket` is
 * settled, at once (on the caller's thread) if it already is. err is M_OK, or that of a
 * job from `first` to `ticket` that failed, by itself or with its group. */
void writer_when_durable(struct writer *writer, uint64_t first, uint64_t ticket,
    void (*fn)(void *arg, enum mx_err err), void *arg);

struct writer_stats {
	uint64_t jobs, groups, failed_groups, wal_bytes, checkpoints;
	uint64_t queue_depth;
};
void writer_stats(struct writer *writer, struct writer_stats *out);

#endif
