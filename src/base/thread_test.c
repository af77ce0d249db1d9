/*
 * Roles, locks and waiting; in debug builds also that the wrong order aborts.
 * Relies on base/thread and base/clock; the aborts happen in forked children.
 * Stands beside thread.c, run by the test suite.
 */
#include "base/thread.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"

struct shared {
	struct lock lock;
	pthread_cond_t cond;
	bool ready;
	long count;
	enum thread_role role;
	char name[16];
};

static void
shared_init(struct shared *s)
{
	memset(s, 0, sizeof *s);
	lock_init(&s->lock, RANK_WRITER);
	cond_init(&s->cond);
}

static void
shared_fini(struct shared *s)
{
	pthread_cond_destroy(&s->cond);
	lock_fini(&s->lock);
}

static void *
look_around(void *arg)
{
	struct shared *s = arg;

	assert_role(ROLE_WORKER | ROLE_IO);
	s->role = thread_role();
	pthread_getname_np(pthread_self(), s->name, sizeof s->name);
	return s;
}

static void
a_thread_knows_its_role_and_bears_its_name(void **state)
{
	struct shared s;
	void *result;

	shared_init(&s);
	pthread_join(thread_start("worker", ROLE_WORKER, look_around, &s), &result);
	assert_ptr_equal(result, &s);
	assert_int_equal(s.role, ROLE_WORKER);
	assert_string_equal(s.name, "worker");
	pthread_join(
	    thread_start("a name of twenty ch.", ROLE_IO, look_around, &s), NULL);
	assert_string_equal(s.name, "a name of twent");
	assert_int_equal(thread_role(), ROLE_MAIN);
	shared_fini(&s);
}

static void *
count_up(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < 20000; i++) {
		lock_take(&s->lock);
		s->count++;
		lock_give(&s->lock);
	}
	return NULL;
}

static void
a_lock_lets_in_one_thread_at_a_time(void **state)
{
	pthread_t threads[3];
	struct shared s;

	shared_init(&s);
	for (int i = 0; i < 3; i++)
		threads[i] = thread_start("count", ROLE_WORKER, count_up, &s);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(s.count, 60000);
	shared_fini(&s);
}

static void *
make_ready(void *arg)
{
	struct shared *s = arg;

	lock_take(&s->lock);
	s->ready = true;
	pthread_cond_signal(&s->cond);
	lock_give(&s->lock);
	return NULL;
}

static void
a_waiter_is_woken_with_and_without_a_deadline(void **state)
{
	struct shared s;

	for (int round = 0; round < 2; round++) {
		long long deadline_ms = round == 0 ? 0 : clock_mono_ms() + 60000;
		pthread_t thread;

		shared_init(&s);
		lock_take(&s.lock);
		thread = thread_start("ready", ROLE_WRITER, make_ready, &s);
		while (!s.ready)
			assert_true(lock_wait(&s.lock, &s.cond, deadline_ms));
		lock_give(&s.lock);
		pthread_join(thread, NULL);
		shared_fini(&s);
	}
}

static void
waiting_ends_at_its_deadline_and_not_before(void **state)
{
	long long deadline_ms = clock_mono_ms() + 30;
	struct shared s;

	shared_init(&s);
	lock_take(&s.lock);
	while (lock_wait(&s.lock, &s.cond, deadline_ms))
		; /* spurious wake-ups */
	assert_true(clock_mono_ms() >= deadline_ms);
	lock_give(&s.lock);
	shared_fini(&s);
}

static void
locks_may_be_taken_in_rising_order_and_given_in_any(void **state)
{
	struct lock room, rooms, leaf;

	lock_init(&room, RANK_ROOM);
	lock_init(&rooms, RANK_ROOMS);
	lock_init(&leaf, RANK_LEAF);
	for (int i = 0; i < 100; i++) {
		lock_take(&room);
		lock_take(&rooms);
		lock_give(&room);
		lock_take(&leaf);
		lock_give(&rooms);
		lock_give(&leaf);
	}
	assert_int_equal(pthread_mutex_trylock(&rooms.mutex), 0);
	pthread_mutex_unlock(&rooms.mutex);
	lock_fini(&room);
	lock_fini(&rooms);
	lock_fini(&leaf);
}

#if defined(PARLOUR_DEBUG) && !defined(NDEBUG)
static bool
aborts(void (*fn)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		/* Its last words are expected, and no news for whoever reads. */
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
take_two(enum lock_rank first, enum lock_rank second)
{
	struct lock a, b;

	lock_init(&a, first);
	lock_init(&b, second);
	lock_take(&a);
	lock_take(&b);
}

static void
take_falling(void)
{
	take_two(RANK_WRITER, RANK_ROOM);
}

static void
take_equal(void)
{
	take_two(RANK_ROOM, RANK_ROOM);
}

static void
take_rising(void)
{
	take_two(RANK_ROOM, RANK_WRITER);
}

static void
give_unheld(void)
{
	struct lock a;

	lock_init(&a, RANK_LEAF);
	lock_give(&a);
}

static void
run_as_writer(void)
{
	assert_role(ROLE_WRITER | ROLE_IO);
}

static void
run_as_main(void)
{
	assert_role(ROLE_MAIN | ROLE_IO);
}

static void
the_wrong_order_of_locks_aborts(void **state)
{
	assert_true(aborts(take_falling));
	assert_true(aborts(take_equal));
	assert_false(aborts(take_rising));
}

static void
giving_a_lock_that_is_not_held_aborts(void **state)
{
	assert_true(aborts(give_unheld));
}

static void
the_wrong_role_aborts(void **state)
{
	assert_true(aborts(run_as_writer));
	assert_false(aborts(run_as_main));
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(PARLOUR_DEBUG) && !defined(NDEBUG)
		cmocka_unit_test(the_wrong_order_of_locks_aborts),
		cmocka_unit_test(giving_a_lock_that_is_not_held_aborts),
		cmocka_unit_test(the_wrong_role_aborts),
#endif
		cmocka_unit_test(a_thread_knows_its_role_and_bears_its_name),
		cmocka_unit_test(a_lock_lets_in_one_thread_at_a_time),
		cmocka_unit_test(a_waiter_is_woken_with_and_without_a_deadline),
		cmocka_unit_test(waiting_ends_at_its_deadline_and_not_before),
		cmocka_unit_test(locks_may_be_taken_in_rising_order_and_given_in_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
