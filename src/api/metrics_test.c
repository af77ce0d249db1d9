/*
 * Tests of GET /metrics' text: what Prometheus' own linter would say of it, and that
 * the numbers are those of the server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics.h"
#include "base/log.h"
#include "core/guests.h"
#include "core/login.h"
#include "core/testing.h"

struct fixture {
	struct testing t;
	struct server *server;
	char *text; /* of the last look */
};

static int
setup(void **state)
{
	static struct http_listener listener = { .host = "127.0.0.1", .port = 0 };
	static const int serves[] = { SERVES_METRICS };
	struct server_options options = { .serves = serves,
		.workers = 1,
		.http = { .io_threads = 1,
		    .listeners = &listener,
		    .listener_count = 1,
		    .connections_max = 10,
		    .body_max = 1000,
		    .head_timeout_ms = 1000,
		    .body_timeout_ms = 1000,
		    .idle_timeout_ms = 1000,
		    .write_max = 1000 } };
	struct fixture *f = xcalloc(1, sizeof *f);
	char *error = NULL;

	log_setup(LOG_ERROR, false);
	testing_open_core(&f->t);
	logins_setup(&f->t.core, 1000);
	assert_int_equal(guests_setup(&f->t.core, f->t.ctx.db), M_OK);
	f->server = server_new(&f->t.core, &options, &error);
	if (f->server == NULL)
		fail_msg("%s", error);
	server_start(f->server);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	server_stop(f->server, 100);
	server_free(f->server);
	guests_free(&f->t.core);
	logins_free(&f->t.core);
	testing_close(&f->t);
	free(f->text);
	free(f);
	return 0;
}

static void
look(struct fixture *f)
{
	struct buf out = { 0 };

	metrics_write(f->server, &out);
	free(f->text);
	f->text = buf_take(&out, NULL);
}

/* The value of a sample, by its name and labels; -1: there is none. */
static double
sample(const struct fixture *f, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = f->text; line != NULL && *line != '\0';) {
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			return strtod(line + n, NULL);
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return -1;
}

/* ---- the linter ---- */

struct lint {
	char names[100][96], type[16];
	int count;   /* the last of names is the family being read */
	int samples; /* of that family */
	char seen[200][128];
	int seen_count;
};

static size_t
name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || (n == 0 && p[n] == ':'))
		n++;
	return n > 0 && isdigit((unsigned char)p[0]) ? 0 : n;
}

/* # HELP begins a family, # TYPE follows at once; no family comes twice or is empty. */
static void
lint_comment(struct lint *l, const char *line)
{
	char name[96], type[16], help[200];

	if (sscanf(line, "# HELP %95s %199[^\n]", name, help) == 2) {
		assert_true(l->count == 0 || l->samples > 0);
		for (int i = 0; i < l->count; i++)
			assert_string_not_equal(l->names[i], name);
		strcpy(l->names[l->count++], name);
		l->type[0] = '\0';
		l->samples = 0;
		assert_true(help[strlen(help) - 1] == '.');
		return;
	}
	assert_int_equal(sscanf(line, "# TYPE %95s %15s", name, type), 2);
	assert_string_equal(name, l->names[l->count - 1]);
	assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0);
	assert_int_equal(ends_with(name, "_total"), strcmp(type, "counter") == 0);
	assert_string_equal(l->type, "");
	strcpy(l->type, type);
}

/* name{label="word",...} value */
static void
lint_sample(struct lint *l, const char *line, size_t length)
{
	const char *space = memrchr(line, ' ', length);
	size_t name_n = name_length(line), key_n = (size_t)(space - line);
	char *end;

	assert_int_equal(strlen(l->names[l->count - 1]), name_n);
	assert_memory_equal(line, l->names[l->count - 1], name_n);
	assert_string_not_equal(l->type, "");
	if (line[name_n] == '{') {
		size_t label_n = name_length(line + name_n + 1);

		assert_true(label_n > 0);
		assert_memory_equal(line + name_n + 1 + label_n, "=\"", 2);
		assert_memory_equal(space - 2, "\"}", 2);
	} else {
		assert_int_equal(name_n, key_n);
	}
	for (int i = 0; i < l->seen_count; i++)
		assert_false(strlen(l->seen[i]) == key_n &&
			     memcmp(l->seen[i], line, key_n) == 0);
	assert_true(key_n < sizeof l->seen[0]);
	memcpy(l->seen[l->seen_count++], line, key_n);
	assert_true(strtod(space + 1, &end) >= 0);
	assert_ptr_equal(end, line + length);
	l->samples++;
}

static void
the_text_is_what_prometheus_reads(void **state)
{
	struct fixture *f = *state;
	struct lint *l = xcalloc(1, sizeof *l);

	look(f);
	for (const char *line = f->text; *line != '\0';) {
		const char *end = strchr(line, '\n');

		assert_non_null(end); /* the last line ends, too */
		assert_true(end > line);
		if (line[0] == '#')
			lint_comment(l, line);
		else
			lint_sample(l, line, (size_t)(end - line));
		line = end + 1;
	}
	assert_true(l->count > 30);
	assert_true(l->samples > 0);
	free(l);
}

static void
an_event_is_a_job_of_the_writers_in_a_group(void **state)
{
	struct fixture *f = *state;
	double jobs, groups;
	struct room *room;

	look(f);
	jobs = sample(f, "parlour_writer_jobs_total");
	groups = sample(f, "parlour_writer_groups_total");
	assert_true(jobs >= 0 && groups >= 0);
	room = testing_room(&f->t, "@ann:" TESTING_SERVER, "12");
	look(f);
	assert_true(sample(f, "parlour_writer_jobs_total") > jobs);
	assert_true(sample(f, "parlour_writer_groups_total") > groups);
	assert_true(sample(f, "parlour_writer_failed_groups_total") == 0);
	assert_true(sample(f, "parlour_rooms_in_memory") == 1);
	room_put(room);
}

static void
guests_are_counted_when_they_are_made(void **state)
{
	struct fixture *f = *state;
	struct new_guest guest;

	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    guests_issue(&f->t.core, f->t.arena, NULL, &guest), M_OK);
	look(f);
	assert_true(sample(f, "parlour_guests_issued_total") == 3);
	assert_true(sample(f, "parlour_guests_with_rows") == 0);
}

static void
the_process_tells_what_it_takes(void **state)
{
	struct fixture *f = *state;

	look(f);
	assert_true(sample(f, "process_resident_memory_bytes") > 1e6);
	assert_true(sample(f, "process_cpu_seconds_total") > 0);
	assert_true(sample(f, "process_open_fds") > 5);
	assert_true(sample(f, "process_max_fds") >= sample(f, "process_open_fds"));
	assert_true(sample(f, "process_start_time_seconds") > 1.6e9);
	assert_true(
	    sample(f, "parlour_build_info{version=\"" PARLOUR_VERSION "\"}") == 1);
	assert_true(sample(f, "parlour_listeners{state=\"parked\"}") == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_what_prometheus_reads),
		TEST(an_event_is_a_job_of_the_writers_in_a_group),
		TEST(guests_are_counted_when_they_are_made),
		TEST(the_process_tells_what_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
