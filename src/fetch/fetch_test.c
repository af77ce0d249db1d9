/*
 * Fetching where an address of the internet is this machine's: in a network of its own,
 * which has nothing else. Where the system gives none, these tests are skipped.
 */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/thread.h"

#define PUBLIC "93.184.216.34"

static bool has_network;
static int listener, port;
static atomic_int asked;

/* --- a network --- */

static bool
give_address(int fd, const char *name, const char *text)
{
	struct ifreq r = { 0 };
	struct sockaddr_in a = { .sin_family = AF_INET };

	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	memcpy(&r.ifr_addr, &a, sizeof a);
	return ioctl(fd, SIOCSIFADDR, &r) == 0;
}

static bool
make_network(void)
{
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;
	bool good;

	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	good = ioctl(fd, SIOCSIFFLAGS, &up) == 0 && give_address(fd, "lo:1", PUBLIC);
	close(fd);
	return good;
}

/* --- its web server --- */

static void
answer(int fd, const char *path)
{
	char head[512] = "";
	struct {
		const char *path, *where;
	} redirects[] = { { "/local", "127.0.0.1" },
		{ "/mapped", "[::ffff:127.0.0.1]" }, { "/private", "10.0.0.1" },
		{ "/public", PUBLIC } };

	for (size_t i = 0; i < sizeof redirects / sizeof redirects[0]; i++)
		if (strcmp(path, redirects[i].path) == 0)
			snprintf(head, sizeof head,
			    "HTTP/1.1 302 x\r\nLocation: http://%s:%d/\r\n"
			    "Content-Length: 0\r\n\r\n",
			    redirects[i].where, port);
	if (head[0] == '\0')
		strcpy(head, "HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nhello");
	if (strcmp(path, "/hang") != 0)
		assert_int_equal(write(fd, head, strlen(head)), strlen(head));
}

static void *
serve(void *arg)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		char head[4096] = "", path[64] = "";
		ssize_t n = read(fd, head, sizeof head - 1);

		if (n > 0 && sscanf(head, "GET %63s", path) == 1) {
			atomic_fetch_add(&asked, 1);
			answer(fd, path);
		}
		if (strcmp(path, "/hang") == 0) /* until the other has gone */
			while (read(fd, head, sizeof head) > 0)
				;
		close(fd);
	}
	return NULL;
}

static void
listen_anywhere(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof a;

	listener = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 16), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &n), 0);
	port = ntohs(a.sin6_port);
}

/* --- fetching --- */

static bool
take(void *arg, const char *content_type, const void *bytes, size_t n)
{
	buf_add(arg, bytes, n);
	return true;
}

static enum fetch_result
get(struct fetcher *f, const char *path, struct buf *body)
{
	struct arena *arena = arena_new();
	struct fetch fetch = { .accept = "*/*", .take = take, .arg = body };
	const char *from;
	enum fetch_result result;

	fetch.link = arena_printf(arena, "http://" PUBLIC ":%d%s", port, path);
	atomic_store(&asked, 0);
	result = fetch_get(f, arena, &fetch, &from);
	arena_free(arena);
	return result;
}

static struct fetcher *
new_fetcher(int time_limit_ms, const atomic_bool *stop)
{
	struct fetch_setup setup = { .time_limit_ms = time_limit_ms, .stop = stop };

	if (!has_network)
		skip();
	return fetcher_new(&setup);
}

static void
what_is_of_the_internet_is_asked(void **state)
{
	struct fetcher *f = new_fetcher(10000, NULL);
	struct buf body = { 0 };

	assert_int_equal(get(f, "/", &body), FETCH_DONE);
	assert_int_equal(get(f, "/public", &body), FETCH_DONE);
	assert_true(str_is((struct str){ body.p, body.n }, "hellohello"));
	buf_free(&body);
	fetcher_free(f);
}

static void
no_redirect_leads_to_this_machine_or_around_it(void **state)
{
	static const char *const paths[] = { "/local", "/mapped", "/private" };
	struct buf body = { 0 };

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		struct fetcher *f = new_fetcher(10000, NULL);

		assert_int_equal(get(f, paths[i], &body), FETCH_FORBIDDEN);
		assert_int_equal(atomic_load(&asked), 1);
		fetcher_free(f);
	}
	assert_int_equal(body.n, 0);
}

static void
the_time_is_that_of_all_fetches(void **state)
{
	struct fetcher *f = new_fetcher(200, NULL);
	struct buf body = { 0 };
	int64_t began_ms = clock_mono_ms();

	assert_int_equal(get(f, "/hang", &body), FETCH_FAILED);
	assert_int_equal(get(f, "/", &body), FETCH_FAILED);
	assert_int_equal(atomic_load(&asked), 0);
	assert_true(clock_mono_ms() - began_ms < 5000);
	fetcher_free(f);
}

static void
what_is_under_way_ends_when_it_is_told_to(void **state)
{
	atomic_bool stop = true;
	struct fetcher *f = new_fetcher(60000, &stop);
	struct buf body = { 0 };
	int64_t began_ms = clock_mono_ms();

	assert_int_equal(get(f, "/hang", &body), FETCH_FAILED);
	assert_true(clock_mono_ms() - began_ms < 5000);
	fetcher_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_of_the_internet_is_asked),
		cmocka_unit_test(no_redirect_leads_to_this_machine_or_around_it),
		cmocka_unit_test(the_time_is_that_of_all_fetches),
		cmocka_unit_test(what_is_under_way_ends_when_it_is_told_to),
	};
	pthread_t server;
	int failed;

	has_network = make_network();
	listen_anywhere();
	server = thread_start("web", ROLE_IO, serve, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
	return failed;
}
