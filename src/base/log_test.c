/*
 * The log's lines as they arrive on stderr, which is a pipe here.
 * Relies on base/log, base/clock and jansson.
 * Stands beside log.c, run by the test suite.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"

struct fixture {
	int real_stderr, pipe[2];
	char text[65536];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	if (pipe(f->pipe) < 0)
		return -1;
	f->real_stderr = dup(STDERR_FILENO);
	dup2(f->pipe[1], STDERR_FILENO);
	close(f->pipe[1]);
	clock_set_for_test(1432735824653);
	log_setup(LOG_INFO, false);
	*state = f;
	return 0;
}

/* What was logged since setup; stderr is the real one again. */
static const char *
logged(struct fixture *f)
{
	size_t n = 0;
	ssize_t got;

	dup2(f->real_stderr, STDERR_FILENO);
	while ((got = read(f->pipe[0], f->text + n, sizeof f->text - 1 - n)) > 0)
		n += (size_t)got;
	return f->text;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dup2(f->real_stderr, STDERR_FILENO);
	close(f->real_stderr);
	close(f->pipe[0]);
	free(f);
	log_set_request(0);
	log_setup(LOG_INFO, false);
	clock_set_for_test(0);
	return 0;
}

static void
a_text_line_has_time_level_and_message(void **state)
{
	log_info("store: opened %s", "data/parlour.db");
	log_error("store: closed");
	assert_string_equal(logged(*state),
	    "2015-05-27T14:10:24.653Z info  store: opened data/parlour.db\n"
	    "2015-05-27T14:10:24.653Z error store: closed\n");
}

static void
the_request_is_named_while_one_is_set(void **state)
{
	log_set_request(0x1f3);
	log_warn("one");
	log_set_request(0);
	log_warn("two");
	assert_string_equal(logged(*state), "2015-05-27T14:10:24.653Z warn  r=1f3 one\n"
					    "2015-05-27T14:10:24.653Z warn  two\n");
}

static void
lines_below_the_level_are_left_out(void **state)
{
	assert_true(log_wants(LOG_INFO));
	assert_false(log_wants(LOG_DEBUG));
	log_debug("no");
	log_setup(LOG_ERROR, false);
	log_info("no");
	log_warn("no");
	log_setup(LOG_DEBUG, false);
	log_debug("yes");
	assert_string_equal(logged(*state), "2015-05-27T14:10:24.653Z debug yes\n");
}

static void
nobody_can_forge_a_line(void **state)
{
	log_info("%s", "name\n2015 error \r\x1b[2J\x7f \xc2\x9b"
		       "1A caf\xc3\xa9 \xff\xe2\x82");
	assert_string_equal(logged(*state),
	    "2015-05-27T14:10:24.653Z info  name\\n2015 error \\x0d\\x1b[2J\\x7f "
	    "\\xc2\\x9b1A caf\xc3\xa9 \\xff\\xe2\\x82\n");
}

static void
a_json_line_is_one_object(void **state)
{
	json_t *line;
	const char *text, *time, *level, *request, *message;

	log_setup(LOG_INFO, true);
	log_set_request(0x1f3);
	log_info("%s", "a \"b\"\nc \xff caf\xc3\xa9");
	text = logged(*state);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	line = json_loads(text, 0, NULL);
	assert_non_null(line);
	assert_int_equal(json_unpack(line, "{s:s, s:s, s:s, s:s}", "time", &time,
			     "level", &level, "request", &request, "message", &message),
	    0);
	assert_string_equal(time, "2015-05-27T14:10:24.653Z");
	assert_string_equal(level, "info");
	assert_string_equal(request, "1f3");
	assert_string_equal(message, "a \"b\"\nc \xef\xbf\xbd caf\xc3\xa9");
	json_decref(line);
}

static void
errno_is_explained_and_kept(void **state)
{
	errno = ENOENT;
	log_errno("media: open %s", "x");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(logged(*state), "2015-05-27T14:10:24.653Z error media: "
					    "open x: No such file or directory\n");
}

static void
errno_is_kept_even_when_nothing_can_be_written(void **state)
{
	close(STDERR_FILENO);
	errno = ENOENT;
	log_info("lost");
	assert_int_equal(errno, ENOENT);
	log_errno("lost");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(logged(*state), "");
}

static void
a_long_message_stays_whole(void **state)
{
	static char longer[20001];
	const char *text;

	memset(longer, 'z', sizeof longer - 1);
	log_info("%s", longer);
	text = logged(*state);
	assert_int_equal(
	    strlen(text), strlen("2015-05-27T14:10:24.653Z info  ") + 20001);
}

static void *
write_many(void *arg)
{
	for (int i = 0; i < 50; i++)
		log_info("%s", (const char *)arg);
	return NULL;
}

static void
lines_of_several_threads_do_not_mix(void **state)
{
	static char words[4][101];
	pthread_t threads[4];
	char *line, *rest;
	int lines = 0;

	for (int i = 0; i < 4; i++) {
		memset(words[i], 'a' + i, 100);
		pthread_create(&threads[i], NULL, write_many, words[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	logged(*state);
	rest = ((struct fixture *)*state)->text;
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char *word = line + strlen("2015-05-27T14:10:24.653Z info  ");

		assert_int_equal(strspn(word, (char[]){ word[0], '\0' }), 100);
		assert_int_equal(strlen(word), 100);
		lines++;
	}
	assert_int_equal(lines, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_text_line_has_time_level_and_message),
		TEST(the_request_is_named_while_one_is_set),
		TEST(lines_below_the_level_are_left_out),
		TEST(nobody_can_forge_a_line),
		TEST(a_json_line_is_one_object),
		TEST(errno_is_explained_and_kept),
		TEST(errno_is_kept_even_when_nothing_can_be_written),
		TEST(a_long_message_stays_whole),
		TEST(lines_of_several_threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
