/*
 * What is said of the kernel's limits. Where it is allowed, in a network namespace of
 * its own, whose limits the test sets; memory for TCP is one for the whole machine.
 */
#include "machine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

#define SAID_MAX 8

struct said {
	char sentences[SAID_MAX][240];
	int n;
};

static void
note(void *arg, const char *sentence)
{
	struct said *said = arg;

	assert_true(said->n < SAID_MAX);
	snprintf(said->sentences[said->n++], sizeof *said->sentences, "%s", sentence);
}

/* The sentence that names this; NULL: there is none. */
static const char *
sentence_of(const struct said *said, const char *what)
{
	for (int i = 0; i < said->n; i++)
		if (strstr(said->sentences[i], what) != NULL)
			return said->sentences[i];
	return NULL;
}

static void
set(const char *name, const char *value)
{
	char path[96];
	int fd;

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		skip();
	assert_int_equal(write(fd, value, strlen(value)), strlen(value));
	close(fd);
}

/* The descriptor of the namespace that it was in. */
static int
setup(void **state)
{
	*state = (void *)(intptr_t)open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int
teardown(void **state)
{
	int fd = (int)(intptr_t)*state;
	int rc = setns(fd, CLONE_NEWNET);

	close(fd);
	return rc == 0 || geteuid() != 0 ? 0 : -1;
}

static void
enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) != 0) {
		print_message("skipped: no network namespace of its own\n");
		skip();
	}
}

static void
what_is_large_enough_is_not_talked_about(void **state)
{
	struct said said = { .n = 0 };

	enter_namespace();
	set("core/somaxconn", "65535");
	set("ipv4/tcp_max_syn_backlog", "65535");
	set("ipv4/ip_local_port_range", "1024 65535");
	machine_warn(500, note, &said);
	assert_int_equal(said.n, 0);
}

static void
few_ports_and_short_queues_are_told_with_what_to_set(void **state)
{
	struct said said = { .n = 0 };

	enter_namespace();
	set("core/somaxconn", "100");
	set("ipv4/tcp_max_syn_backlog", "200");
	set("ipv4/ip_local_port_range", "40000 40299");
	machine_warn(500, note, &said);
	assert_string_equal(sentence_of(&said, "somaxconn"),
	    "somaxconn is 100: sysctl -w net.core.somaxconn=2048");
	assert_string_equal(sentence_of(&said, "backlog"),
	    "tcp_max_syn_backlog is 200: sysctl -w net.ipv4.tcp_max_syn_backlog=2048");
	assert_string_equal(sentence_of(&said, "ports"),
	    "a proxy on this machine has 300 ports to reach one address of ours: "
	    "sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"");
	assert_int_equal(said.n, 3);
}

static void
too_few_descriptors_are_told_with_what_to_set(void **state)
{
	struct said said = { .n = 0 };
	char begin[40];

	if (machine_nofile() > 50000000)
		skip();
	machine_warn(50000000, note, &said);
	snprintf(begin, sizeof begin, "nofile is %" PRIu64 ": ", machine_nofile());
	assert_non_null(sentence_of(&said, begin));
	assert_non_null(sentence_of(&said, "LimitNOFILE=50000256 "));
}

static void
memory_for_tcp_is_told_where_it_is_too_small_for_so_many(void **state)
{
	struct said said = { .n = 0 };
	uint64_t size = machine_nofile();
	long long most = 0;
	FILE *stream = fopen("/proc/sys/net/ipv4/tcp_mem", "re");
	bool is_small;

	if (stream == NULL || size > 50000000)
		skip();
	assert_int_equal(fscanf(stream, "%*d %*d %lld", &most), 1);
	fclose(stream);
	is_small = (uint64_t)most < size * 5 / 4;
	machine_warn((int64_t)size, note, &said);
	if (is_small)
		assert_non_null(sentence_of(&said, "sysctl -w net.ipv4.tcp_mem="));
	else
		assert_null(sentence_of(&said, "tcp_mem"));
}

static void
all_the_descriptors_there_are_are_taken(void **state)
{
	struct rlimit limit, less;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	less = (struct rlimit){ limit.rlim_max / 2, limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	assert_int_equal(machine_nofile_raise(), limit.rlim_max);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &less), 0);
	assert_int_equal(less.rlim_cur, limit.rlim_max);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_large_enough_is_not_talked_about),
		T(few_ports_and_short_queues_are_told_with_what_to_set),
		cmocka_unit_test(too_few_descriptors_are_told_with_what_to_set),
		cmocka_unit_test(
		    memory_for_tcp_is_told_where_it_is_too_small_for_so_many),
		cmocka_unit_test(all_the_descriptors_there_are_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
