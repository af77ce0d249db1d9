/*
 * Tests of the operator's words: hostile lines, and the same operations on a database,
 * by the socket of a running core, and by whoever takes the lock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "control_inside.h"
#include "running.h"

/* A data_dir whose path is longer than a socket's may be. */
struct fixture {
	char folder[64], data_dir[256];
	struct config *config;
	struct running running;
	struct ctx ctx;
	struct arena *arena;
	struct control *control;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	char text[512], *error = NULL;

	crypto_init();
	log_setup(LOG_ERROR, false);
	strcpy(f->folder, "/tmp/parlour_control_XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->data_dir, sizeof f->data_dir, "%s/%0120d", f->folder, 0);
	snprintf(text, sizeof text,
	    "server_name: example.org\ndata_dir: %s\n"
	    "password_hashing: {memory_kib: 8, passes: 1}\n",
	    f->data_dir);
	f->config = config_parse("test.yaml", text, strlen(text), &error);
	assert_non_null(f->config);
	assert_true(keys_create(f->data_dir, &error));
	f->running = (struct running){ .config = f->config, .lock_fd = -1 };
	f->arena = arena_new();
	*state = f;
	return 0;
}

/* The core as `serve` has it. */
static void
open_core(struct fixture *f)
{
	char *error = NULL;

	assert_int_equal(running_lock(&f->running, &error), RUNNING_LOCKED);
	assert_true(running_open(&f->running, &error));
	f->ctx.core = &f->running.core;
	f->ctx.db = db_open(f->running.core.set.database, DB_READ, &error);
	assert_non_null(f->ctx.db);
}

static void
start_control(struct fixture *f)
{
	char *error = NULL;

	open_core(f);
	f->control = control_start(&f->running.core, f->data_dir, &error);
	assert_non_null(f->control);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char command[512];

	control_stop(f->control);
	db_close(f->ctx.db);
	running_close(&f->running);
	config_free(f->config);
	arena_free(f->arena);
	snprintf(command, sizeof command, "rm -r '%s'", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* The answer to a line, without its newline; lies in the arena. */
static const char *
answer(struct fixture *f, const char *line, size_t n)
{
	struct buf out = { 0 };
	const char *text;

	control_answer(&f->ctx, f->arena, (struct str){ line, n }, &out);
	assert_true(out.n > 0 && out.p[out.n - 1] == '\n');
	text = arena_strndup(f->arena, out.p, out.n - 1);
	buf_free(&out);
	return text;
}

static void
assert_answer(struct fixture *f, const char *line, const char *expected)
{
	const char *got = answer(f, line, strlen(line));

	if (strstr(got, expected) == NULL)
		fail_msg("%s\nwas answered by %s\nand not by %s", line, got, expected);
}

static void
lines_that_ask_for_nothing_known_are_refused_with_a_sentence(void **state)
{
	struct fixture *f = *state;

	open_core(f);
	assert_answer(f, "", "{\"error\":\"the line is not valid JSON");
	assert_answer(f, "hello", "{\"error\":\"the line is not valid JSON");
	assert_answer(f, "{\"do\":\"user list\"", "not valid JSON");
	assert_answer(f, "{\"do\":\"user list\"} {}", "not valid JSON");
	assert_answer(f, "{\"do\":\"user list\",\"do\":\"x\"}", "not valid JSON");
	assert_answer(f, "{\"do\":\"\xff\"}", "not valid JSON");
	assert_answer(f, "[]", "does not say what to do");
	assert_answer(f, "null", "does not say what to do");
	assert_answer(f, "{}", "does not say what to do");
	assert_answer(f, "{\"do\":1}", "does not say what to do");
	assert_answer(f, "{\"do\":{\"do\":\"user list\"}}", "does not say what to do");
	assert_answer(f, "{\"do\":\"user lis\"}", "there is no operation 'user lis'");
	assert_answer(f, "{\"do\":\"user list\\u0000\"}", "does not say what to do");
	assert_non_null(strstr(
	    answer(f, "{\"do\":\"user list\"}\0", 19), "the line is not valid JSON"));
}

static void
arguments_must_be_those_of_the_operation_and_of_its_types(void **state)
{
	struct fixture *f = *state;

	open_core(f);
	assert_answer(f, "{\"do\":\"user add\"}", "user add needs 'name'");
	assert_answer(
	    f, "{\"do\":\"user add\",\"name\":\"ann\"}", "user add needs 'password'");
	assert_answer(f, "{\"do\":\"user add\",\"name\":7,\"password\":\"x\"}",
	    "'name' is of the wrong type");
	assert_answer(f,
	    "{\"do\":\"user add\",\"name\":\"a\\u0000b\",\"password\":\"x\"}",
	    "'name' is of the wrong type");
	assert_answer(f,
	    "{\"do\":\"user add\",\"name\":\"ann\",\"password\":\"x\",\"admin\":1}",
	    "'admin' is of the wrong type");
	assert_answer(
	    f, "{\"do\":\"user list\",\"all\":true}", "user list takes no 'all'");
	assert_answer(
	    f, "{\"do\":\"token add\",\"uses\":\"3\"}", "'uses' is of the wrong type");
	assert_answer(f, "{\"do\":\"token add\",\"uses\":0}", "at least once");
	assert_answer(f, "{\"do\":\"token add\",\"uses\":1.5}", "not valid JSON");
	assert_answer(
	    f, "{\"do\":\"token add\",\"expires_in_ms\":-1}", "lives some time");
	assert_answer(
	    f, "{\"do\":\"token add\",\"token\":\"a b\"}", "A token is made of");
	assert_answer(f, "{\"do\":\"room show\",\"room\":\"lobby\"}",
	    "'lobby' is no room id and no alias");
	assert_answer(f, "{\"do\":\"user list\"}", "{\"ok\":{\"users\":[]}}");
}

static void
accounts_are_made_named_and_ended(void **state)
{
	struct fixture *f = *state;

	open_core(f);
	assert_answer(f, "{\"do\":\"user add\",\"name\":\"Ann\",\"password\":\"x\"}",
	    "{\"ok\":{\"user_id\":\"@ann:example.org\"}}");
	assert_answer(f,
	    "{\"do\":\"user add\",\"name\":\"@ann:example.org\",\"password\":\"x\"}",
	    "This user name is taken");
	assert_answer(f,
	    "{\"do\":\"user add\",\"name\":\"@ann:other.org\",\"password\":\"x\"}",
	    "no user id of this server");
	assert_answer(f, "{\"do\":\"user add\",\"name\":\"ben\",\"password\":\"\"}",
	    "A password must not be empty");
	assert_answer(f,
	    "{\"do\":\"user password\",\"name\":\"ben\",\"password\":\"y\"}",
	    "There is no account 'ben' here");
	assert_answer(f,
	    "{\"do\":\"user password\",\"name\":\"ann\",\"password\":\"y\"}",
	    "{\"ok\":");
	assert_answer(f, "{\"do\":\"user deactivate\",\"name\":\"ann\"}", "{\"ok\":");
	assert_answer(f, "{\"do\":\"user deactivate\",\"name\":\"ann\"}", "no account");
	assert_answer(f, "{\"do\":\"user list\"}", "\"deactivated\":true");
}

static void
a_room_is_made_shown_hidden_and_unlisted(void **state)
{
	struct fixture *f = *state;

	open_core(f);
	assert_answer(f,
	    "{\"do\":\"room add\",\"alias\":\"lobby\",\"creator\":\"ann\"}",
	    "There is no account 'ann' here");
	assert_answer(
	    f, "{\"do\":\"user add\",\"name\":\"ann\",\"password\":\"x\"}", "{\"ok\":");
	assert_answer(f,
	    "{\"do\":\"room add\",\"alias\":\"lobby\",\"creator\":\"ann\","
	    "\"name\":\"Lobby\",\"world_readable\":true,\"guests\":true}",
	    "\"alias\":\"#lobby:example.org\"");
	assert_answer(f,
	    "{\"do\":\"room add\",\"alias\":\"lobby\",\"creator\":\"ann\"}",
	    "{\"error\":");
	assert_answer(f, "{\"do\":\"room info\",\"room\":\"#lobby:example.org\"}",
	    "\"guests_may_join\":true,\"hidden\":false,\"history_visibility\":\"world_"
	    "readable\"");
	assert_answer(
	    f, "{\"do\":\"room hide\",\"room\":\"#lobby:example.org\"}", "{\"ok\":");
	assert_answer(f, "{\"do\":\"room info\",\"room\":\"#lobby:example.org\"}",
	    "\"hidden\":true");
	assert_answer(f, "{\"do\":\"room show\",\"room\":\"#lobby:example.org\"}",
	    "\"hidden\":false");
	assert_answer(f, "{\"do\":\"room list\"}", "\"published\":true");
	assert_answer(f, "{\"do\":\"room unpublish\",\"room\":\"#lobby:example.org\"}",
	    "{\"ok\":");
	assert_answer(f, "{\"do\":\"room list\"}", "\"published\":false");
}

/* ---- by the socket, and by the lock ---- */

static const struct json *
ask(struct fixture *f, const char *request, char **error_out)
{
	struct json *json =
	    json_parse_copy(f->arena, request, strlen(request), JSON_STRICT, NULL);

	assert_non_null(json);
	return control_ask(f->config, f->arena, json, error_out);
}

static const char *
ask_for(struct fixture *f, const char *request, const char *field)
{
	char *error = NULL;
	const struct json *ok = ask(f, request, &error);

	if (ok == NULL)
		fail_msg("%s: %s", request, error);
	return json_get_str(ok, field);
}

static void
files_are_chosen_by_ids_or_by_a_filter(void **state)
{
	struct fixture *f = *state;

	open_core(f);
	assert_answer(
	    f, "{\"do\":\"media list\"}", "{\"ok\":{\"files\":[],\"more\":false}}");
	assert_answer(f, "{\"do\":\"media list\",\"limit\":0}", "limit is from 1");
	assert_answer(
	    f, "{\"do\":\"media list\",\"limit\":9007199254740991}", "limit is from 1");
	assert_answer(f, "{\"do\":\"media list\",\"larger_than\":-1}", "is from 1");
	assert_answer(f, "{\"do\":\"media list\",\"older_than_ms\":9007199254740991}",
	    "Nothing is so old");
	assert_answer(
	    f, "{\"do\":\"media list\",\"older_than_ms\":-1}", "Nothing is so old");
	assert_answer(f, "{\"do\":\"media usage\"}", "\"stored_bytes\":0");
	assert_answer(
	    f, "{\"do\":\"media usage\",\"user\":\"ann\"}", "no account 'ann'");
	assert_answer(f, "{\"do\":\"media delete\"}", "It needs ids");
	assert_answer(f, "{\"do\":\"media delete\",\"ids\":[]}", "It needs ids");
	assert_answer(
	    f, "{\"do\":\"media delete\",\"ids\":\"a\"}", "of the wrong type");
	assert_answer(f, "{\"do\":\"media delete\",\"ids\":[1]}", "ids are strings");
	assert_answer(
	    f, "{\"do\":\"media delete\",\"ids\":[\"a\\u0000b\"]}", "ids are strings");
	assert_answer(f, "{\"do\":\"media delete\",\"ids\":[\"\"]}", "no file '' here");
	assert_answer(f,
	    "{\"do\":\"media delete\",\"ids\":[\"a\"],\"older_than_ms\":1}",
	    "not both");
	assert_answer(f, "{\"do\":\"media delete\",\"ids\":[\"mxc://example.orgy/a\"]}",
	    "no file of this server, example.org");
	assert_answer(
	    f, "{\"do\":\"media delete\",\"older_than_ms\":1}", "\"deleted_files\":0");
	assert_answer(f, "{\"do\":\"media quarantine\"}", "It needs ids");
	assert_answer(f,
	    "{\"do\":\"media quarantine\",\"ids\":[\"mxc://example.org/a\"]}",
	    "no file 'a' here");
}

static void
a_word_is_done_by_the_running_server(void **state)
{
	struct fixture *f = *state;

	start_control(f);
	assert_string_equal(
	    ask_for(f, "{\"do\":\"token add\",\"token\":\"sesame\"}", "token"),
	    "sesame");
	/* Its own core did it, not another beside it. */
	assert_answer(f, "{\"do\":\"token list\"}", "\"token\":\"sesame\"");
}

static void
a_word_is_done_without_a_server(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(
	    ask_for(f, "{\"do\":\"token add\",\"token\":\"sesame\"}", "token"),
	    "sesame");
	open_core(f); /* the lock is free again */
	assert_answer(f, "{\"do\":\"token list\"}", "\"token\":\"sesame\"");
}

static void
a_refusal_comes_as_its_sentence(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;

	start_control(f);
	assert_null(ask(f, "{\"do\":\"token delete\",\"token\":\"sesame\"}", &error));
	assert_string_equal(error, "There is no such token");
	free(error);
}

static void
without_a_data_dir_there_is_a_sentence_and_nothing_is_made(void **state)
{
	struct fixture *f = *state;
	char *error = NULL;
	struct buf elsewhere = { 0 };

	buf_printf(&elsewhere, "%s/elsewhere", f->folder);
	free(f->config->data_dir);
	f->config->data_dir = buf_take(&elsewhere, NULL);
	assert_null(ask(f, "{\"do\":\"user list\"}", &error));
	assert_non_null(strstr(error, "elsewhere: there is no such data_dir"));
	assert_int_not_equal(access(f->config->data_dir, F_OK), 0);
	free(error);
}

static void
the_socket_is_its_owners_alone(void **state)
{
	struct fixture *f = *state;
	char path[512];
	struct stat st;

	start_control(f);
	snprintf(path, sizeof path, "%s/" CONTROL_SOCKET, f->data_dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	control_stop(f->control);
	f->control = NULL;
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Says bytes to the socket, then nothing more; what comes back lies in the arena. */
static const char *
say(struct fixture *f, const char *bytes, size_t n)
{
	struct sockaddr_un address;
	int folder = control_address(f->data_dir, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char *got = arena_alloc(f->arena, 4096);
	size_t at = 0;
	ssize_t more;

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(folder);
	/* The server may hang up before it has read all of it. */
	(void)control_send(fd, bytes, n);
	shutdown(fd, SHUT_WR);
	while ((more = recv(fd, got + at, 4095 - at, 0)) > 0)
		at += (size_t)more;
	close(fd);
	return got;
}

static void
what_is_no_line_is_answered_and_the_next_is_served(void **state)
{
	struct fixture *f = *state;
	static char long_line[CONTROL_LINE_MAX + 10];

	memset(long_line, ' ', sizeof long_line);
	start_control(f);
	assert_string_equal(
	    say(f, "", 0), "{\"error\":\"one line of JSON was expected\"}\n");
	assert_string_equal(
	    say(f, "{\"do\":", 6), "{\"error\":\"one line of JSON was expected\"}\n");
	assert_non_null(strstr(say(f, "\0\n", 2), "the line is not valid JSON"));
	say(f, long_line, sizeof long_line);
	assert_string_equal(say(f, "{\"do\":\"user list\"}\n{\"do\":\"x\"}\n", 30),
	    "{\"ok\":{\"users\":[]}}\n");
}

static void
a_dead_servers_socket_is_in_nobodys_way(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address;
	int folder = control_address(f->data_dir, &address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	close(folder);
	close(fd);
	assert_string_equal(
	    ask_for(f, "{\"do\":\"token add\",\"token\":\"one\"}", "token"), "one");
	start_control(f);
	assert_string_equal(
	    ask_for(f, "{\"do\":\"token add\",\"token\":\"two\"}", "token"), "two");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_that_ask_for_nothing_known_are_refused_with_a_sentence),
		TEST(arguments_must_be_those_of_the_operation_and_of_its_types),
		TEST(accounts_are_made_named_and_ended),
		TEST(a_room_is_made_shown_hidden_and_unlisted),
		TEST(files_are_chosen_by_ids_or_by_a_filter),
		TEST(a_word_is_done_by_the_running_server),
		TEST(a_word_is_done_without_a_server),
		TEST(a_refusal_comes_as_its_sentence),
		TEST(without_a_data_dir_there_is_a_sentence_and_nothing_is_made),
		TEST(the_socket_is_its_owners_alone),
		TEST(what_is_no_line_is_answered_and_the_next_is_served),
		TEST(a_dead_servers_socket_is_in_nobodys_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
