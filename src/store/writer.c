/*
 * The writer's thread: takes what is queued as one group, commits it, answers.
 * Relies on db for transactions and checkpoints; knows nothing of what the jobs do.
 * Every change of the database passes here, between core's append and its answer.
 */
#include "store/writer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/thread.h"
#include "db/migrate.h"

#define GROUP_JOBS_MAX 512
#define GROUP_US_MAX 5000	 /* of running jobs; then the group is committed */
#define FAILURES_MAX 1024	 /* ranges of failed tickets that are remembered */
#define WAL_COPY_BYTES (8 << 20) /* the checkpoint thread's portion */
#define WAL_COPY_MS 5000	 /* nothing written stays longer in the log alone */
#define WAL_MAX_BYTES (64 << 20) /* the writer itself empties a log of this size */
#define SHORTEN_RETRY_MS 1000
#define PAUSE_MS 200
#define EXIT_BROKEN 70

struct waiter {
	uint64_t first, ticket;
	void (*fn)(void *arg, enum mx_err err);
	void *arg;
	enum mx_err err;
	struct waiter *next;
};

/* Tickets first to last failed: groups on end, or a job alone. */
struct failure {
	uint64_t first, last;
	enum mx_err err;
};

/* Shared; lock guards what stands below it. */
struct writer {
	struct db *db;	      /* the writer thread's own */
	struct db *copier_db; /* the checkpoint thread's own */
	pthread_t thread, copier;
	int64_t shorten_after_ms; /* the writer thread's own: not before */

	struct lock lock;
	pthread_cond_t queued, finished_cond, copy;
	bool stopping;
	struct writer_hooks hooks;

	struct write_job *head, **tail;
	uint64_t depth;
	uint64_t last_ticket; /* handed out */
	uint64_t settled;     /* durable or failed, and its dones called */
	uint64_t finished;    /* the same, and the hook called */

	struct waiter *waiters, **waiters_tail; /* by ticket */
	uint64_t waiters_last;			/* the tail's ticket */
	struct failure failures[FAILURES_MAX];	/* a ring, oldest overwritten */
	size_t n_failures, next_failure;

	int64_t wal_bytes, copied_bytes; /* the log's size now, and when last copied */
	int64_t dirty_since_ms; /* 0: nothing was written since the last copy */
	bool copying;		/* the checkpoint thread is at it */
	int64_t
	    pause_until_ms; /* for the writer's turn at the log: no new copy before */
	struct writer_stats stats;
};

/* Jobs taken from the queue, committed together. Owned by the writer thread. */
struct group {
	struct write_job *head;
	uint64_t first, last; /* tickets */
	int n;
	struct writer_hooks hooks;
};

/*
 * After an I/O error or in a damaged file nothing that the process believes about the
 * disk is certain. It ends at once, without the usual closing: that would write again.
 * Nothing unsynced was acknowledged, so the next start finds all that was.
 */
static void
stop_if_broken(struct db *db)
{
	if (!db_is_broken(db))
		return;
	log_error("writer: the database cannot be trusted any more; stopping");
	_exit(EXIT_BROKEN);
}

/* What the tickets first to last came to. */
static enum mx_err
range_err_locked(const struct writer *w, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < w->n_failures; i++) {
		const struct failure *f = &w->failures[i];

		if (f->first <= last && f->last >= first)
			return f->err;
	}
	return M_OK;
}

/* A disk that stays full fails group after group: they become one range. */
static void
note_failure_locked(struct writer *w, uint64_t first, uint64_t last, enum mx_err err)
{
	struct failure *f =
	    &w->failures[(w->next_failure + FAILURES_MAX - 1) % FAILURES_MAX];

	if (w->n_failures > 0 && f->last + 1 == first && f->err == err) {
		f->last = last;
		return;
	}
	f = &w->failures[w->next_failure];
	*f = (struct failure){ first, last, err };
	w->next_failure = (w->next_failure + 1) % FAILURES_MAX;
	if (w->n_failures < FAILURES_MAX)
		w->n_failures++;
}

/* Cuts the first jobs off the queue. */
static void
take_group_locked(struct writer *w, struct group *g)
{
	struct write_job *last = w->head;

	*g = (struct group){ .head = w->head, .first = last->ticket, .n = 1 };
	while (g->n < GROUP_JOBS_MAX && last->next != NULL) {
		last = last->next;
		g->n++;
	}
	g->last = last->ticket;
	g->hooks = w->hooks;
	w->head = last->next;
	if (w->head == NULL)
		w->tail = &w->head;
	last->next = NULL;
	w->depth -= (uint64_t)g->n;
}

/* The group has used up its time: what comes behind `last` is for the next one. */
static void
give_back_rest(struct writer *w, struct group *g, struct write_job *last)
{
	struct write_job *end = last->next;
	uint64_t n = g->last - last->ticket;

	while (end->next != NULL)
		end = end->next;
	lock_take(&w->lock);
	end->next = w->head;
	if (w->head == NULL)
		w->tail = &end->next;
	w->head = last->next;
	w->depth += n;
	lock_give(&w->lock);
	last->next = NULL;
	g->last = last->ticket;
	g->n -= (int)n;
}

/* A group of one needs no savepoint: the transaction is it. */
static enum mx_err
run_alone(struct db *db, struct write_job *job)
{
	job->err = job->run(job, db);
	if (job->err == M_OK || !db_in_transaction(db))
		return db_commit(db);
	db_rollback(db);
	return M_OK;
}

/* An error is the group's: the job's own is in job->err. */
static enum mx_err
run_in_savepoint(struct db *db, struct write_job *job)
{
	enum mx_err err = db_savepoint(db);

	if (err != M_OK)
		return err;
	job->err = job->run(job, db);
	if (job->err == M_OK && db_in_transaction(db))
		return db_release(db);
	db_rollback_to(db);
	return M_OK;
}

/* For jobs that fall with their group: an error behind their first row is its end, and
 * nobody's fault who stands in it. */
static enum mx_err
run_plainly(struct db *db, struct write_job *job)
{
	int64_t before = db_total_changes(db);

	job->err = job->run(job, db);
	if (job->err == M_OK || db_total_changes(db) == before)
		return M_OK;
	return M_UNAVAILABLE;
}

/* Runs the group's jobs in one transaction and commits it. */
static enum mx_err
run_group(struct writer *w, struct group *g)
{
	int64_t start_us = clock_mono_us();
	enum mx_err err = db_begin(w->db);

	if (err != M_OK)
		return err;
	if (g->n == 1)
		return run_alone(w->db, g->head);
	for (struct write_job *job = g->head; job != NULL; job = job->next) {
		err = job->falls_with_group ? run_plainly(w->db, job)
					    : run_in_savepoint(w->db, job);
		if (err != M_OK) {
			db_rollback(w->db);
			return err;
		}
		/* The database rolled all of it back; db_commit knows why. */
		if (!db_in_transaction(w->db))
			break;
		if (job->next != NULL && clock_mono_us() - start_us > GROUP_US_MAX)
			give_back_rest(w, g, job);
	}
	return db_commit(w->db);
}

static void
note_written_locked(struct writer *w)
{
	w->wal_bytes = db_wal_bytes(w->db);
	if (w->wal_bytes < w->copied_bytes)
		w->copied_bytes = 0; /* the log began afresh */
	if (w->dirty_since_ms != 0 && w->wal_bytes - w->copied_bytes < WAL_COPY_BYTES)
		return;
	if (w->dirty_since_ms == 0)
		w->dirty_since_ms = clock_mono_ms();
	pthread_cond_signal(&w->copy);
}

/* Takes the waiters that the group has settled off the list, each with its result. */
static struct waiter *
take_settled_locked(struct writer *w)
{
	struct waiter *list = w->waiters, **at = &w->waiters;

	for (; *at != NULL && (*at)->ticket <= w->settled; at = &(*at)->next)
		(*at)->err = range_err_locked(w, (*at)->first, (*at)->ticket);
	if (at == &w->waiters)
		return NULL;
	w->waiters = *at;
	*at = NULL;
	if (w->waiters == NULL)
		w->waiters_tail = &w->waiters;
	return list;
}

static void
call_hook(void (*hook)(void *arg), void *arg)
{
	if (hook != NULL)
		hook(arg);
}

static void
answer_jobs(const struct group *g, enum mx_err err)
{
	struct write_job *next;

	for (struct write_job *job = g->head; job != NULL; job = next) {
		next = job->next; /* done may free the job */
		job->done(job, err == M_OK ? job->err : err);
	}
}

static void
answer_waiters(struct waiter *list)
{
	struct waiter *next;

	for (; list != NULL; list = next) {
		next = list->next;
		list->fn(list->arg, list->err);
		free(list);
	}
}

/* Failures that whoever waits for a ticket must hear of: the group's, or its jobs' own.
 */
static void
note_failures(struct writer *w, const struct group *g, enum mx_err err)
{
	lock_take(&w->lock);
	if (err != M_OK)
		note_failure_locked(w, g->first, g->last, err);
	for (struct write_job *job = g->head; err == M_OK && job != NULL;
	     job = job->next)
		if (job->err != M_OK)
			note_failure_locked(w, job->ticket, job->ticket, job->err);
	lock_give(&w->lock);
}

/* The order that writer.h promises: durable, dones, waiters, finished. */
static void
settle_group(struct writer *w, const struct group *g, enum mx_err err)
{
	struct waiter *settled;

	call_hook(err == M_OK ? g->hooks.durable : g->hooks.failed, g->hooks.arg);
	note_failures(w, g, err);
	answer_jobs(g, err);

	lock_take(&w->lock);
	w->settled = g->last;
	w->stats.groups++;
	w->stats.jobs += (uint64_t)g->n;
	w->stats.failed_groups += err != M_OK;
	note_written_locked(w);
	settled = take_settled_locked(w);
	lock_give(&w->lock);

	answer_waiters(settled);
	call_hook(g->hooks.finished, g->hooks.arg);

	lock_take(&w->lock);
	w->finished = g->last;
	pthread_cond_broadcast(&w->finished_cond);
	lock_give(&w->lock);
}

/*
 * May the writer touch the log now? Not while the checkpoint thread is at it; that one
 * is told to make a pause then, so that the answer is yes after one of the next groups.
 */
static bool
claim_log(struct writer *w, int64_t now_ms)
{
	bool is_free;

	lock_take(&w->lock);
	is_free = !w->copying;
	w->pause_until_ms = now_ms + PAUSE_MS;
	lock_give(&w->lock);
	return is_free;
}

/*
 * Begins the log afresh when it has grown too large (under a steady load the checkpoint
 * thread copies all of it but never finds the moment for that). When the disk is full
 * its space is given back too, since the log may be what fills it.
 */
static void
shorten_log(struct writer *w, enum mx_err group_err)
{
	int64_t now = clock_mono_ms(), bytes = db_wal_bytes(w->db);
	enum mx_err err;

	if (bytes == 0 || (bytes < WAL_MAX_BYTES && group_err == M_OK))
		return;
	if (now < w->shorten_after_ms || !claim_log(w, now))
		return;
	err = group_err == M_OK ? db_restart_log(w->db, &bytes)
				: db_checkpoint(w->db, true, &bytes);
	stop_if_broken(w->db);
	/* A reader that stays in the log is waited for between other groups. */
	if (err != M_OK || bytes > 0)
		w->shorten_after_ms = now + SHORTEN_RETRY_MS;
	lock_take(&w->lock);
	w->stats.checkpoints++;
	w->wal_bytes = bytes;
	w->copied_bytes = bytes;
	w->pause_until_ms = 0;
	pthread_cond_signal(&w->copy);
	lock_give(&w->lock);
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct group g;
	enum mx_err err;

	for (;;) {
		lock_take(&w->lock);
		while (w->head == NULL && !w->stopping)
			lock_wait(&w->lock, &w->queued, 0);
		if (w->head == NULL) {
			lock_give(&w->lock);
			return NULL;
		}
		take_group_locked(w, &g);
		lock_give(&w->lock);

		err = run_group(w, &g);
		stop_if_broken(w->db);
		settle_group(w, &g, err);
		shorten_log(w, err);
	}
}

/* When the next copy is due, in clock_mono_ms; 0: when something has been written. */
static int64_t
copy_due_locked(const struct writer *w)
{
	int64_t due = w->dirty_since_ms + WAL_COPY_MS;

	if (w->dirty_since_ms == 0)
		return 0;
	if (w->wal_bytes - w->copied_bytes >= WAL_COPY_BYTES)
		due = w->dirty_since_ms;
	return due > w->pause_until_ms ? due : w->pause_until_ms;
}

/* The checkpoint thread: copies the log back while the writer goes on writing. */
static void *
copier_main(void *arg)
{
	struct writer *w = arg;
	int64_t due, bytes;
	enum mx_err err;

	lock_take(&w->lock);
	while (!w->stopping) {
		due = copy_due_locked(w);
		if (due == 0 || due > clock_mono_ms()) {
			lock_wait(&w->lock, &w->copy, due);
			continue;
		}
		w->dirty_since_ms = 0;
		w->copied_bytes = w->wal_bytes;
		w->copying = true;
		lock_give(&w->lock);
		err = db_checkpoint(w->copier_db, false, &bytes);
		stop_if_broken(w->copier_db);
		lock_take(&w->lock);
		w->copying = false;
		w->stats.checkpoints++;
		/* A full disk: logged; to be tried again, though not at once. */
		if (err != M_OK && w->dirty_since_ms == 0)
			w->dirty_since_ms = clock_mono_ms();
	}
	lock_give(&w->lock);
	return NULL;
}

static void
writer_free(struct writer *w)
{
	db_close(w->copier_db);
	db_close(w->db); /* the last to close removes the log */
	pthread_cond_destroy(&w->queued);
	pthread_cond_destroy(&w->finished_cond);
	pthread_cond_destroy(&w->copy);
	lock_fini(&w->lock);
	free(w);
}

struct writer *
writer_open(const char *where, char **error_out)
{
	struct writer *w = xcalloc(1, sizeof *w);

	lock_init(&w->lock, RANK_WRITER);
	cond_init(&w->queued);
	cond_init(&w->finished_cond);
	cond_init(&w->copy);
	w->tail = &w->head;
	w->waiters_tail = &w->waiters;
	w->db = db_open(where, DB_WRITE, error_out);
	if (w->db == NULL || migrate(w->db, error_out) != M_OK)
		goto fail;
	w->copier_db = db_open(where, DB_WRITE, error_out);
	if (w->copier_db == NULL)
		goto fail;
	w->thread = thread_start("writer", ROLE_WRITER, writer_main, w);
	w->copier = thread_start("checkpoint", ROLE_CHECKPOINT, copier_main, w);
	return w;
fail:
	writer_free(w);
	return NULL;
}

void
writer_set_hooks(struct writer *w, const struct writer_hooks *hooks)
{
	lock_take(&w->lock);
	w->hooks = *hooks;
	lock_give(&w->lock);
}

void
writer_close(struct writer *w)
{
	int64_t bytes;

	if (w == NULL)
		return;
	lock_take(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->queued);
	pthread_cond_signal(&w->copy);
	lock_give(&w->lock);
	pthread_join(w->copier, NULL);
	pthread_join(w->thread, NULL);
	assert(w->head == NULL && w->waiters == NULL);
	if (db_checkpoint(w->db, true, &bytes) != M_OK)
		log_warn("writer: the log stays beside the database until next time");
	writer_free(w);
}

uint64_t
writer_queue(struct writer *w, struct write_job *job)
{
	return writer_queue_many(w, &job, 1);
}

uint64_t
writer_queue_many(struct writer *w, struct write_job **jobs, int n)
{
	uint64_t ticket;

	lock_take(&w->lock);
	for (int i = 0; i < n; i++) {
		jobs[i]->ticket = ++w->last_ticket;
		jobs[i]->err = M_OK;
		jobs[i]->next = NULL;
		*w->tail = jobs[i];
		w->tail = &jobs[i]->next;
	}
	w->depth += (uint64_t)n;
	ticket = w->last_ticket;
	pthread_cond_signal(&w->queued);
	lock_give(&w->lock);
	return ticket;
}

/* A job on its caller's stack. */
struct run {
	struct write_job job; /* first: the writer knows only this */
	enum mx_err (*fn)(void *arg, struct db *db);
	void *arg;
	enum mx_err err;
	struct lock lock;
	pthread_cond_t cond;
	bool done;
};

static enum mx_err
run_fn(struct write_job *job, struct db *db)
{
	struct run *run = (struct run *)job;

	return run->fn(run->arg, db);
}

static void
run_done(struct write_job *job, enum mx_err err)
{
	struct run *run = (struct run *)job;

	lock_take(&run->lock);
	run->err = err;
	run->done = true;
	pthread_cond_signal(&run->cond);
	lock_give(&run->lock);
}

enum mx_err
writer_run(struct writer *w, enum mx_err (*fn)(void *arg, struct db *db), void *arg)
{
	struct run run = {
		.job = { .run = run_fn, .done = run_done }, .fn = fn, .arg = arg
	};

	assert(thread_role() != ROLE_WRITER && thread_role() != ROLE_IO);
	lock_init(&run.lock, RANK_LEAF);
	cond_init(&run.cond);
	writer_queue(w, &run.job);
	lock_take(&run.lock);
	while (!run.done)
		lock_wait(&run.lock, &run.cond, 0);
	lock_give(&run.lock);
	pthread_cond_destroy(&run.cond);
	lock_fini(&run.lock);
	return run.err;
}

void
writer_flush(struct writer *w)
{
	uint64_t until;

	assert(thread_role() != ROLE_WRITER && thread_role() != ROLE_IO);
	lock_take(&w->lock);
	until = w->last_ticket;
	while (w->finished < until)
		lock_wait(&w->lock, &w->finished_cond, 0);
	lock_give(&w->lock);
}

/* Mostly at the end: answers are asked for in the order in which jobs were queued. */
static void
add_waiter_locked(struct writer *w, struct waiter *new)
{
	struct waiter **at = &w->waiters;

	if (w->waiters == NULL || w->waiters_last <= new->ticket)
		at = w->waiters_tail;
	while (*at != NULL && (*at)->ticket <= new->ticket)
		at = &(*at)->next;
	new->next = *at;
	*at = new;
	if (new->next == NULL) {
		w->waiters_tail = &new->next;
		w->waiters_last = new->ticket;
	}
}

void
writer_when_durable(struct writer *w, uint64_t first, uint64_t ticket,
    void (*fn)(void *arg, enum mx_err err), void *arg)
{
	struct waiter *waiter;
	enum mx_err err;

	lock_take(&w->lock);
	assert(ticket <= w->last_ticket);
	if (ticket <= w->settled) {
		err = range_err_locked(w, first, ticket);
		lock_give(&w->lock);
		fn(arg, err);
		return;
	}
	waiter = xmalloc(sizeof *waiter);
	*waiter = (struct waiter){ first, ticket, fn, arg, M_OK, NULL };
	add_waiter_locked(w, waiter);
	lock_give(&w->lock);
}

void
writer_stats(struct writer *w, struct writer_stats *out)
{
	lock_take(&w->lock);
	*out = w->stats;
	out->wal_bytes = (uint64_t)w->wal_bytes;
	out->queue_depth = w->depth;
	lock_give(&w->lock);
}
