/*
 * Messages to and from those who decode.
 */
#include "media/picture_wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static const struct wire_ask good_ask = { .version = WIRE_VERSION,
	.width = 96,
	.height = 64,
	.method = PICTURE_CROP,
	.cpu_limit_s = 11,
	.idle_limit_ms = 1000,
	.pixels_max = 1000,
	.memory_max = 1000 };
static const struct wire_answer good_answer = { .version = WIRE_VERSION,
	.outcome = WIRE_MADE,
	.format = FORMAT_PNG,
	.width = 96,
	.height = 64,
	.size = 1234 };

struct ends {
	int a, b;
};

static int
open_ends(void **state)
{
	static struct ends ends;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	ends = (struct ends){ pair[0], pair[1] };
	*state = &ends;
	return 0;
}

static int
close_ends(void **state)
{
	struct ends *e = *state;

	if (e->a >= 0)
		close(e->a);
	close(e->b);
	return 0;
}

static void
an_ask_arrives_with_its_descriptors(void **state)
{
	struct ends *e = *state;
	struct wire_ask got;
	struct stat was, is;
	int pair[2], in, out;

	assert_int_equal(pipe(pair), 0);
	assert_true(wire_send_ask(e->a, &good_ask, pair[0], pair[1]));
	assert_true(wire_recv_ask(e->b, &got, &in, &out));
	assert_memory_equal(&got, &good_ask, sizeof got);
	assert_int_equal(fstat(pair[0], &was), 0);
	assert_int_equal(fstat(in, &is), 0);
	assert_int_equal(was.st_ino, is.st_ino);
	assert_int_equal(write(out, "x", 1), 1);
	close(in);
	close(out);
	close(pair[0]);
	close(pair[1]);
}

static void
an_answer_arrives_as_it_was_sent(void **state)
{
	struct ends *e = *state;
	struct wire_answer got;

	assert_true(wire_send_answer(e->b, &good_answer));
	assert_true(wire_recv_answer(e->a, &got));
	assert_memory_equal(&got, &good_answer, sizeof got);
}

static void
who_is_gone_is_told_from_who_talks_nonsense(void **state)
{
	struct ends *e = *state;
	struct wire_answer got;
	struct wire_ask ask;
	int in, out;

	assert_int_equal(send(e->b, "nonsense", 8, 0), 8);
	assert_false(wire_recv_answer(e->a, &got));
	assert_int_equal(errno, EPROTO);
	assert_int_equal(send(e->a, &good_ask, sizeof good_ask, 0), sizeof good_ask);
	assert_false(wire_recv_ask(e->b, &ask, &in, &out)); /* no descriptors */
	assert_int_equal(errno, EPROTO);
	close(e->a);
	e->a = -1;
	assert_false(wire_recv_ask(e->b, &ask, &in, &out));
	assert_int_equal(errno, EPIPE);
	assert_false(wire_send_answer(e->b, &good_answer));
	assert_int_equal(errno, EPIPE);
}

#define REFUSES(kind, change)                                                          \
	do {                                                                           \
		struct wire_##kind m = good_##kind;                                    \
                                                                                       \
		m.change;                                                              \
		assert_false(wire_##kind##_is_sane(&m, sizeof m));                     \
	} while (0)

static void
an_answer_that_no_helper_of_ours_gives_is_refused(void **state)
{
	assert_true(wire_answer_is_sane(&good_answer, sizeof good_answer));
	assert_false(wire_answer_is_sane(&good_answer, sizeof good_answer - 1));
	REFUSES(answer, version++);
	REFUSES(answer, outcome = WIRE_OUTCOMES);
	REFUSES(answer, format = FORMAT_NONE);
	REFUSES(answer, format = FORMAT_COUNT);
	REFUSES(answer, is_animated = 2);
	REFUSES(answer, width = 0);
	REFUSES(answer, width = INT32_MAX);
	REFUSES(answer, height = -1);
	REFUSES(answer, height = INT32_MAX);
	REFUSES(answer, size = -1);
}

static void
an_ask_that_makes_no_sense_is_refused(void **state)
{
	assert_true(wire_ask_is_sane(&good_ask, sizeof good_ask));
	assert_false(wire_ask_is_sane(&good_ask, sizeof good_ask - 1));
	REFUSES(ask, version--);
	REFUSES(ask, width = 0);
	REFUSES(ask, height = -5);
	REFUSES(ask, method = 2);
	REFUSES(ask, animated = 2);
	REFUSES(ask, original_will_do = 2);
	REFUSES(ask, cpu_limit_s = 0);
	REFUSES(ask, idle_limit_ms = 0);
	REFUSES(ask, pixels_max = 0);
	REFUSES(ask, memory_max = -1);
}

#define WITH_ENDS(test) cmocka_unit_test_setup_teardown(test, open_ends, close_ends)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ENDS(an_ask_arrives_with_its_descriptors),
		WITH_ENDS(an_answer_arrives_as_it_was_sent),
		WITH_ENDS(who_is_gone_is_told_from_who_talks_nonsense),
		cmocka_unit_test(an_answer_that_no_helper_of_ours_gives_is_refused),
		cmocka_unit_test(an_ask_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
