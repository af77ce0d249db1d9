/*
 * The writer's promises: groups, order, failures, a full disk. Relies on a folder under
 * /tmp and, for the full disk, on being allowed to mount a small file system.
 */
#include "store/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/crypto.h"
#include "base/str.h"
#include "base/thread.h"

struct fixture {
	char folder[32], path[64];
	bool mounted;
	struct writer *writer;
	sem_t held, gate; /* a job is in its transaction; it may go on */
	char trace[256];  /* what happened on the writer's thread, a letter each */
	size_t n_trace;
};

enum kind { ADD, ADD_THEN_FAIL, REFUSE, LOSE_TRANSACTION, HOLD, BIG, SLOW };

struct test_job {
	struct write_job job;
	struct fixture *f;
	enum kind kind;
	int64_t row;
	enum mx_err result;
	int dones;
};

static void
trace(struct fixture *f, char c)
{
	f->trace[f->n_trace++] = c;
	f->trace[f->n_trace] = '\0';
}

static enum mx_err
add_row(struct db *db, int64_t row, size_t size)
{
	struct stmt *q = db_stmt(db, "INSERT OR REPLACE INTO t (a, b) VALUES ($1, $2)");
	char *bytes = xcalloc(1, size);
	enum mx_err err;

	stmt_int(q, 1, row);
	stmt_blob(q, 2, bytes, size);
	err = stmt_run(q);
	free(bytes);
	return err;
}

/* Works, as far as the clock can tell. */
static void
spin(int64_t us)
{
	int64_t end = clock_mono_us() + us;

	while (clock_mono_us() < end)
		;
}

static enum mx_err
job_run(struct write_job *job, struct db *db)
{
	struct test_job *t = (struct test_job *)job;
	enum mx_err err;

	if (t->kind == REFUSE)
		return M_FORBIDDEN;
	err = add_row(db, t->row, t->kind == BIG ? 100000 : 1000);
	if (err != M_OK)
		return err;
	if (t->kind == ADD_THEN_FAIL)
		return M_FORBIDDEN;
	if (t->kind == HOLD) {
		sem_post(&t->f->held);
		sem_wait(&t->f->gate);
	}
	if (t->kind == SLOW)
		spin(6000);
	/* As a full disk does: SQLite itself gives the whole transaction up. */
	if (t->kind == LOSE_TRANSACTION)
		return stmt_run(
		    db_stmt(db, "INSERT OR ROLLBACK INTO t (a) SELECT max(a) FROM t"));
	return M_OK;
}

static void
job_done(struct write_job *job, enum mx_err err)
{
	struct test_job *t = (struct test_job *)job;

	t->result = err;
	t->dones++;
	if (t->f->n_trace < sizeof t->f->trace - 1)
		trace(t->f, (char)('0' + t->row % 10));
}

static struct test_job
make_job(struct fixture *f, enum kind kind, int64_t row)
{
	return (struct test_job){ .job = { .run = job_run, .done = job_done },
		.f = f,
		.kind = kind,
		.row = row,
		.result = M_PARKED };
}

static enum mx_err
make_table(void *arg, struct db *db)
{
	return db_exec(db, "CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)");
}

static enum mx_err
count_rows(void *arg, struct db *db)
{
	struct stmt *q = db_stmt(db, "SELECT count(*) FROM t");

	*(int64_t *)arg = stmt_next(q) ? col_int(q, 0) : -1;
	return stmt_done(q);
}

static int64_t
rows(struct fixture *f)
{
	int64_t n;

	assert_int_equal(writer_run(f->writer, count_rows, &n), M_OK);
	return n;
}

static void
open_writer(struct fixture *f)
{
	char *error;

	f->writer = writer_open(f->path, &error);
	if (f->writer == NULL)
		fail_msg("%s", error);
}

static int
set_up_bare(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	strcpy(f->folder, "/tmp/parlour-writer-XXXXXX");
	if (mkdtemp(f->folder) == NULL)
		return -1;
	snprintf(f->path, sizeof f->path, "%s/a.db", f->folder);
	sem_init(&f->held, 0, 0);
	sem_init(&f->gate, 0, 0);
	*state = f;
	return 0;
}

static int
set_up(void **state)
{
	struct fixture *f;

	if (set_up_bare(state) != 0)
		return -1;
	f = *state;
	open_writer(f);
	return writer_run(f->writer, make_table, NULL) == M_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "a.db", "a.db-wal", "a.db-shm" };
	struct fixture *f = *state;
	char path[80];

	writer_close(f->writer);
	if (f->mounted)
		umount2(f->folder, MNT_DETACH);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
		unlink(path);
	}
	rmdir(f->folder);
	sem_destroy(&f->held);
	sem_destroy(&f->gate);
	free(f);
	return 0;
}

/* Queues a job that keeps its group open until release(). */
static void
hold(struct fixture *f, struct test_job *holder)
{
	*holder = make_job(f, HOLD, 0);
	writer_queue(f->writer, &holder->job);
	sem_wait(&f->held);
}

static void
release(struct fixture *f)
{
	sem_post(&f->gate);
	writer_flush(f->writer);
}

static void
jobs_queued_while_a_group_is_busy_share_the_next(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[20];
	struct writer_stats before, after;

	writer_flush(f->writer);
	writer_stats(f->writer, &before);
	hold(f, &holder);
	for (int i = 0; i < 20; i++) {
		jobs[i] = make_job(f, ADD, i + 1);
		writer_queue(f->writer, &jobs[i].job);
	}
	writer_stats(f->writer, &after);
	assert_int_equal(after.queue_depth, 20);
	release(f);
	writer_stats(f->writer, &after);
	assert_int_equal(after.groups - before.groups, 2);
	assert_int_equal(after.jobs - before.jobs, 21);
	assert_int_equal(after.queue_depth, 0);
	assert_int_equal(rows(f), 21);
}

static void
a_group_is_committed_when_its_jobs_have_taken_5_ms(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[4];
	struct writer_stats before, after;

	hold(f, &holder);
	writer_stats(f->writer, &before);
	for (int i = 0; i < 4; i++) {
		jobs[i] = make_job(f, i == 1 ? SLOW : ADD, i + 1);
		writer_queue(f->writer, &jobs[i].job);
	}
	release(f);
	writer_stats(f->writer, &after);
	/* The holder's, one that ends with the slow job, one of those behind it. */
	assert_int_equal(after.groups - before.groups, 3);
	assert_int_equal(after.queue_depth, 0);
	assert_string_equal(f->trace, "01234");
}

static void
the_failure_of_one_job_is_its_own(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[3];

	hold(f, &holder);
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(f, i == 1 ? ADD_THEN_FAIL : ADD, i + 1);
		writer_queue(f->writer, &jobs[i].job);
	}
	release(f);
	assert_int_equal(jobs[0].result, M_OK);
	assert_int_equal(jobs[1].result, M_FORBIDDEN);
	assert_int_equal(jobs[2].result, M_OK);
	assert_int_equal(rows(f), 3);
}

/* Three jobs without savepoints in one group, the second of that kind. */
static void
run_three_plainly(struct fixture *f, enum kind second, struct test_job jobs[3])
{
	struct test_job holder;

	hold(f, &holder);
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(f, i == 1 ? second : ADD, i + 1);
		jobs[i].job.falls_with_group = true;
		writer_queue(f->writer, &jobs[i].job);
	}
	release(f);
}

static void
a_job_that_falls_with_its_group_takes_it_along(void **state)
{
	struct fixture *f = *state;
	struct test_job jobs[3];

	run_three_plainly(f, ADD_THEN_FAIL, jobs);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(jobs[i].result, M_UNAVAILABLE);
		assert_int_equal(jobs[i].dones, 1);
	}
	assert_int_equal(rows(f), 1); /* the holder's */
}

static void
a_job_that_refuses_before_it_writes_is_alone_in_failing(void **state)
{
	struct fixture *f = *state;
	struct test_job jobs[3];

	run_three_plainly(f, REFUSE, jobs);
	assert_int_equal(jobs[0].result, M_OK);
	assert_int_equal(jobs[1].result, M_FORBIDDEN);
	assert_int_equal(jobs[2].result, M_OK);
	assert_int_equal(rows(f), 3);
}

static void
a_job_alone_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct test_job job = make_job(f, ADD_THEN_FAIL, 1);

	writer_queue(f->writer, &job.job);
	writer_flush(f->writer);
	assert_int_equal(job.result, M_FORBIDDEN);
	assert_int_equal(rows(f), 0);
}

static void
on_durable(void *arg)
{
	trace(arg, 'D');
}

static void
on_finished(void *arg)
{
	trace(arg, 'F');
}

static void
on_failed(void *arg)
{
	trace(arg, 'X');
}

static void
set_tracing_hooks(struct fixture *f)
{
	struct writer_hooks hooks = { on_durable, on_finished, on_failed, f };

	writer_flush(f->writer);
	writer_set_hooks(f->writer, &hooks);
}

static void
note_waiter(void *arg, enum mx_err err)
{
	trace(arg, err == M_OK ? 'w' : 'x');
}

static void
a_group_is_durable_then_answered_in_order_then_announced(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[3];
	uint64_t ticket;

	set_tracing_hooks(f);
	hold(f, &holder);
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(f, i == 1 ? ADD_THEN_FAIL : ADD, i + 1);
		ticket = writer_queue(f->writer, &jobs[i].job);
		assert_int_equal(ticket, jobs[i].job.ticket);
		writer_when_durable(f->writer, ticket, ticket, note_waiter, f);
	}
	release(f);
	assert_string_equal(f->trace, "D0FD123wxwF");
}

static void
a_group_that_fails_takes_all_its_jobs_along_and_no_others(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[3], later;
	uint64_t first;

	set_tracing_hooks(f);
	hold(f, &holder);
	first = holder.job.ticket;
	for (int i = 0; i < 3; i++) {
		jobs[i] = make_job(f, i == 1 ? LOSE_TRANSACTION : ADD, i + 1);
		writer_queue(f->writer, &jobs[i].job);
	}
	writer_when_durable(f->writer, first, first, note_waiter, f);
	writer_when_durable(f->writer, first, first + 3, note_waiter, f);
	writer_when_durable(f->writer, first + 1, first + 2, note_waiter, f);
	release(f);
	later = make_job(f, ADD, 4);
	writer_queue(f->writer, &later.job);
	writer_flush(f->writer);
	assert_string_equal(f->trace, "D0wFX123xxFD4F");
	for (int i = 0; i < 3; i++)
		assert_int_equal(jobs[i].result, M_UNKNOWN);
	assert_int_equal(later.result, M_OK);
	assert_int_equal(rows(f), 2);
}

struct answer {
	pthread_t thread;
	enum mx_err err;
	int calls;
};

static void
note_answer(void *arg, enum mx_err err)
{
	struct answer *a = arg;

	a->thread = pthread_self();
	a->err = err;
	a->calls++;
}

static enum mx_err
answer_now(struct fixture *f, uint64_t first, uint64_t ticket)
{
	struct answer a = { 0 };

	writer_when_durable(f->writer, first, ticket, note_answer, &a);
	assert_int_equal(a.calls, 1);
	assert_true(pthread_equal(a.thread, pthread_self()));
	return a.err;
}

static void
a_settled_ticket_answers_at_once_and_failures_are_remembered(void **state)
{
	struct fixture *f = *state;
	struct test_job jobs[12];
	uint64_t first = 0, ticket = 0;

	for (int i = 0; i < 12; i++) {
		jobs[i] = make_job(f, i % 3 == 1 ? LOSE_TRANSACTION : ADD, i);
		ticket = writer_queue(f->writer, &jobs[i].job);
		if (i == 0)
			first = ticket;
		writer_flush(f->writer);
	}
	for (int i = 0; i < 12; i++)
		assert_int_equal(
		    answer_now(f, first + i, first + i), i % 3 == 1 ? M_UNKNOWN : M_OK);
	assert_int_equal(answer_now(f, first, ticket), M_UNKNOWN);
	assert_int_equal(answer_now(f, first + 2, first + 3), M_OK);
}

static void
waiters_are_answered_once_their_own_ticket_is_settled(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, job = make_job(f, ADD, 1);
	struct answer early = { 0 }, late = { 0 };

	hold(f, &holder);
	writer_queue(f->writer, &job.job);
	/* Asked for in the wrong order, on purpose. */
	writer_when_durable(
	    f->writer, job.job.ticket, job.job.ticket, note_answer, &late);
	writer_when_durable(
	    f->writer, holder.job.ticket, holder.job.ticket, note_answer, &early);
	assert_int_equal(early.calls + late.calls, 0);
	release(f);
	assert_int_equal(early.calls, 1);
	assert_int_equal(late.calls, 1);
	assert_false(pthread_equal(late.thread, pthread_self()));
}

static enum mx_err
add_five(void *arg, struct db *db)
{
	enum mx_err err = add_row(db, 5, 10);

	return err == M_OK ? *(enum mx_err *)arg : err;
}

static void
writer_run_returns_when_readers_can_see_it(void **state)
{
	struct fixture *f = *state;
	enum mx_err want = M_NOT_FOUND;
	struct db *reader;
	char *error;
	int64_t n;

	reader = db_open(f->path, DB_READ, &error);
	assert_non_null(reader);
	assert_int_equal(writer_run(f->writer, add_five, &want), M_NOT_FOUND);
	assert_int_equal(count_rows(&n, reader), M_OK);
	assert_int_equal(n, 0);
	want = M_OK;
	assert_int_equal(writer_run(f->writer, add_five, &want), M_OK);
	assert_int_equal(count_rows(&n, reader), M_OK);
	assert_int_equal(n, 1);
	db_close(reader);
}

#define MANY_ROUNDS 200

struct sender {
	struct fixture *f;
	int64_t *order; /* which sender's job ran, on the writer's thread */
	size_t *n_order;
	int id;
	struct test_job jobs[MANY_ROUNDS][3];
};

static enum mx_err
note_order(struct write_job *job, struct db *db)
{
	struct test_job *t = (struct test_job *)job;
	struct sender *s = (struct sender *)(uintptr_t)t->row;

	s->order[(*s->n_order)++] = s->id;
	return M_OK;
}

static void
count_done(struct write_job *job, enum mx_err err)
{
	((struct test_job *)job)->dones++;
}

static void *
send_triples(void *arg)
{
	struct sender *s = arg;

	for (int round = 0; round < MANY_ROUNDS; round++) {
		struct write_job *triple[3];

		for (int i = 0; i < 3; i++) {
			s->jobs[round][i] = (struct test_job){
				.job = { .run = note_order, .done = count_done },
				.row = (int64_t)(uintptr_t)s,
			};
			triple[i] = &s->jobs[round][i].job;
		}
		writer_queue_many(s->f->writer, triple, 3);
	}
	return NULL;
}

static void
jobs_queued_together_run_together(void **state)
{
	struct fixture *f = *state;
	struct sender *senders = xcalloc(3, sizeof *senders);
	size_t n_order = 0, total = (size_t)3 * 3 * MANY_ROUNDS;
	int64_t *order = xcalloc(total, sizeof *order);
	pthread_t threads[3];

	for (int i = 0; i < 3; i++) {
		senders[i] = (struct sender){
			.f = f, .order = order, .n_order = &n_order, .id = i
		};
		threads[i] =
		    thread_start("sender", ROLE_WORKER, send_triples, &senders[i]);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	writer_flush(f->writer);
	assert_int_equal(n_order, total);
	for (size_t i = 0; i < total; i += 3) {
		assert_int_equal(order[i], order[i + 1]);
		assert_int_equal(order[i], order[i + 2]);
	}
	for (int i = 0; i < 3 * MANY_ROUNDS; i++)
		assert_int_equal(
		    senders[i / MANY_ROUNDS].jobs[i % MANY_ROUNDS][2].dones, 1);
	free(order);
	free(senders);
}

static void
closing_finishes_what_is_queued(void **state)
{
	struct fixture *f = *state;
	struct test_job holder, jobs[600]; /* more than one group takes */
	struct stat st;
	char wal[80];

	hold(f, &holder);
	for (int i = 0; i < 600; i++) {
		jobs[i] = make_job(f, ADD, i + 1);
		writer_queue(f->writer, &jobs[i].job);
	}
	sem_post(&f->gate);
	writer_close(f->writer);
	for (int i = 0; i < 600; i++)
		assert_int_equal(jobs[i].result, M_OK);
	snprintf(wal, sizeof wal, "%s-wal", f->path);
	assert_int_equal(stat(wal, &st), -1); /* all of it is in the database */
	open_writer(f);
	assert_int_equal(rows(f), 601);
}

/* 160 MB go through the log in 20 KB writes; nowhere is there a pause. */
static void
the_log_stays_bounded_under_a_steady_load(void **state)
{
	enum { JOBS = 1600 };
	struct fixture *f = *state;
	struct test_job *jobs = xcalloc(JOBS, sizeof *jobs);
	struct writer_stats stats;
	struct stat st;
	char wal[80];

	for (int i = 0; i < JOBS; i++) {
		jobs[i] = make_job(f, BIG, i % 40);
		writer_queue(f->writer, &jobs[i].job);
	}
	writer_flush(f->writer);
	writer_stats(f->writer, &stats);
	assert_true(stats.checkpoints > 0);
	snprintf(wal, sizeof wal, "%s-wal", f->path);
	assert_int_equal(stat(wal, &st), 0);
	if (st.st_size > 90 << 20)
		fail_msg("the log has %lld bytes", (long long)st.st_size);
	free(jobs);
}

/* The folder becomes a file system of 4 MB; skips the test where that is forbidden. */
static void
mount_small(struct fixture *f)
{
	if (mount("tmpfs", f->folder, "tmpfs", 0, "size=4m") != 0) {
		print_message("skipped: mount: %s\n", strerror(errno));
		skip();
	}
	f->mounted = true;
	open_writer(f);
	assert_int_equal(writer_run(f->writer, make_table, NULL), M_OK);
}

/* Takes all the space there is left. */
static void
fill_disk(struct fixture *f, const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static enum mx_err
send_row(struct fixture *f, enum kind kind, int64_t row, uint64_t *ticket_out)
{
	struct test_job job = make_job(f, kind, row);

	*ticket_out = writer_queue(f->writer, &job.job);
	writer_flush(f->writer);
	assert_int_equal(job.dones, 1);
	return job.result;
}

static void
a_full_disk_loses_nothing_acknowledged_and_heals_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	struct writer_stats stats;
	uint64_t ticket, first_failed = 0;
	int64_t acknowledged = 0;
	char ballast[64];
	enum mx_err err;

	mount_small(f);
	snprintf(ballast, sizeof ballast, "%s/ballast", f->folder);
	for (; acknowledged < 20; acknowledged++)
		assert_int_equal(send_row(f, ADD, acknowledged, &ticket), M_OK);
	fill_disk(f, ballast);
	/* What the log's last page has room for still goes; then nothing does. */
	for (int i = 0; i < 5000 && first_failed == 0; i++) {
		err = send_row(f, ADD, 1000 + i, &ticket);
		if (err == M_OK) {
			acknowledged++;
		} else {
			assert_int_equal(err, M_UNAVAILABLE);
			first_failed = ticket;
		}
	}
	assert_int_not_equal(first_failed, 0);
	assert_int_equal(answer_now(f, first_failed, first_failed), M_UNAVAILABLE);
	assert_int_equal(answer_now(f, first_failed - 1, first_failed - 1), M_OK);

	unlink(ballast);
	for (int i = 0; i < 20; i++, acknowledged++)
		assert_int_equal(send_row(f, ADD, 10000 + i, &ticket), M_OK);
	assert_int_equal(rows(f), acknowledged);
	writer_stats(f->writer, &stats);
	assert_true(stats.failed_groups >= 1);
	writer_close(f->writer);
	open_writer(f);
	assert_int_equal(rows(f), acknowledged);
}

/*
 * The same few rows written over and over: the log fills the disk, while the database
 * has the size it needs. (Where it must grow, only room from outside helps.)
 */
static void
a_log_that_fills_the_disk_is_emptied_by_the_writer(void **state)
{
	struct fixture *f = *state;
	uint64_t ticket;
	int failed = 0;

	mount_small(f);
	for (int i = 0; i < 12; i++)
		assert_int_equal(send_row(f, BIG, i % 4, &ticket), M_OK);
	writer_close(f->writer);
	open_writer(f);
	for (int i = 0; i < 200 && failed < 3; i++) {
		if (send_row(f, BIG, i % 4, &ticket) == M_OK)
			continue;
		failed++;
		/* Never twice: the group after a failure finds room. */
		assert_int_equal(send_row(f, BIG, i % 4, &ticket), M_OK);
	}
	assert_int_equal(failed, 3);
	assert_int_equal(rows(f), 4);
}

/* What the start has read through is in memory, where no damage reaches it. */
static enum mx_err
forget_pages(void *arg, struct db *db)
{
	return db_exec(db, "PRAGMA shrink_memory");
}

/* In a process of its own: overwrites the table's pages, then writes to it. */
static void
damage_and_write(struct fixture *f)
{
	char garbage[4096];
	struct test_job job;
	int fd;

	open_writer(f);
	if (writer_run(f->writer, make_table, NULL) != M_OK)
		_exit(1);
	writer_close(f->writer);
	open_writer(f);
	fd = open(f->path, O_WRONLY);
	memset(garbage, 0x5a, sizeof garbage);
	for (off_t at = 4096; at < 200 * 4096; at += 4096)
		if (pwrite(fd, garbage, sizeof garbage, at) != (ssize_t)sizeof garbage)
			_exit(2);
	if (writer_run(f->writer, forget_pages, NULL) != M_OK)
		_exit(3);
	job = make_job(f, ADD, 1);
	writer_queue(f->writer, &job.job);
	writer_flush(f->writer);
	_exit(0);
}

static void
a_damaged_database_ends_the_process_with_status_70(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		damage_and_write(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define BARE(name) cmocka_unit_test_setup_teardown(name, set_up_bare, tear_down)
	const struct CMUnitTest tests[] = {
		/* First: it forks, which wants a process without threads. */
		BARE(a_damaged_database_ends_the_process_with_status_70),
		TEST(jobs_queued_while_a_group_is_busy_share_the_next),
		TEST(a_group_is_committed_when_its_jobs_have_taken_5_ms),
		TEST(the_failure_of_one_job_is_its_own),
		TEST(a_job_that_falls_with_its_group_takes_it_along),
		TEST(a_job_that_refuses_before_it_writes_is_alone_in_failing),
		TEST(a_job_alone_that_fails_leaves_nothing),
		TEST(a_group_is_durable_then_answered_in_order_then_announced),
		TEST(a_group_that_fails_takes_all_its_jobs_along_and_no_others),
		TEST(a_settled_ticket_answers_at_once_and_failures_are_remembered),
		TEST(waiters_are_answered_once_their_own_ticket_is_settled),
		TEST(writer_run_returns_when_readers_can_see_it),
		TEST(jobs_queued_together_run_together),
		TEST(closing_finishes_what_is_queued),
		TEST(the_log_stays_bounded_under_a_steady_load),
		BARE(
		    a_full_disk_loses_nothing_acknowledged_and_heals_when_there_is_room),
		BARE(a_log_that_fills_the_disk_is_emptied_by_the_writer),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
