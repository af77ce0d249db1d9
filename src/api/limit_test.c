#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "api/limit.h"
#include "base/clock.h"
#include "base/thread.h"

static struct in6_addr
address(const char *text)
{
	struct in6_addr out = { 0 };
	struct in_addr v4;

	if (inet_pton(AF_INET6, text, &out) == 1)
		return out;
	assert_int_equal(inet_pton(AF_INET, text, &v4), 1);
	out.s6_addr[10] = out.s6_addr[11] = 0xff;
	memcpy(&out.s6_addr[12], &v4, sizeof v4);
	return out;
}

static bool
take(struct limits *limits, enum limit_class class, const char *from, const char *token)
{
	struct in6_addr peer = address(from);
	int retry_ms;

	return limits_take(limits, class, &peer, str_of(token), &retry_ms);
}

/* How many of `tries` in a row are let through? */
static int
let_through(struct limits *limits, enum limit_class class, const char *from,
    const char *token, int tries)
{
	int n = 0;

	for (int i = 0; i < tries; i++)
		n += take(limits, class, from, token);
	return n;
}

static int
setup(void **state)
{
	*state = limits_new(true);
	return 0;
}

static int
teardown(void **state)
{
	limits_free(*state);
	return 0;
}

static void
a_burst_is_let_through_and_then_no_more(void **state)
{
	struct in6_addr peer = address("192.0.2.1");
	int retry_ms = 0;

	assert_int_equal(let_through(*state, CREATE, "192.0.2.1", "plr_ann", 20), 20);
	assert_false(limits_take(*state, CREATE, &peer, STR("plr_ann"), &retry_ms));
	assert_in_range(retry_ms, 1, 2001);
}

static void
a_token_has_a_bucket_of_its_own_for_each_class(void **state)
{
	let_through(*state, CREATE, "192.0.2.1", "plr_ann", 100);
	assert_true(take(*state, CREATE, "192.0.2.1", "plr_ben"));
	assert_true(take(*state, SEND, "192.0.2.1", "plr_ann"));
	assert_false(take(*state, CREATE, "198.51.100.7", "plr_ann"));
}

static void
who_logs_in_is_counted_by_address(void **state)
{
	assert_in_range(let_through(*state, LOGIN, "192.0.2.1", "plr_a", 100), 20, 25);
	assert_false(take(*state, LOGIN, "192.0.2.1", "plr_b"));
	assert_false(take(*state, LOGIN, "192.0.2.1", ""));
	assert_true(take(*state, LOGIN, "192.0.2.2", ""));
}

static void
an_ipv6_household_is_one_address(void **state)
{
	let_through(*state, LOGIN, "2001:db8:1:2::1", "", 100);
	assert_false(take(*state, LOGIN, "2001:db8:1:2:ffff::9", ""));
	assert_true(take(*state, LOGIN, "2001:db8:1:3::1", ""));
}

static void
invented_tokens_are_no_way_around(void **state)
{
	char token[32];
	int n = 0;

	for (int i = 0; i < 10000; i++) {
		snprintf(token, sizeof token, "plr_%d", i);
		n += take(*state, CREATE, "192.0.2.1", token);
	}
	assert_in_range(n, 20, 3000);
}

static void
a_guest_has_less_to_write(void **state)
{
	assert_int_equal(let_through(*state, CREATE, "192.0.2.1", "plg_guest", 20), 1);
}

struct crowd {
	struct limits *limits;
	int let_through;
};

#define THREADS 4

static void *
ask_in_a_hurry(void *arg)
{
	struct crowd *crowd = arg;

	crowd->let_through =
	    let_through(crowd->limits, CREATE, "192.0.2.1", "plr_ann", 10000);
	return NULL;
}

static void
many_threads_together_are_let_through_no_more_than_one(void **state)
{
	struct crowd crowds[THREADS];
	pthread_t threads[THREADS];
	int n = 0;

	for (int i = 0; i < THREADS; i++) {
		crowds[i].limits = *state;
		threads[i] = thread_start("asks", ROLE_IO, ask_in_a_hurry, &crowds[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		n += crowds[i].let_through;
	}
	assert_in_range(n, 20, 25); /* it refills, one in two seconds */
}

static void
no_lock_is_taken(void **state)
{
	uint64_t before = locks_taken();

	let_through(*state, POLL, "192.0.2.1", "plg_guest", 100);
	assert_int_equal(locks_taken(), before);
}

static void
what_was_taken_comes_back_with_time(void **state)
{
	int64_t now_ms = clock_mono_ms();

	clock_set_mono_for_test(now_ms);
	assert_int_equal(let_through(*state, POLL, "192.0.2.1", "plr_ann", 100), 60);
	clock_set_mono_for_test(now_ms + 49);
	assert_false(take(*state, POLL, "192.0.2.1", "plr_ann"));
	clock_set_mono_for_test(now_ms + 500);
	assert_int_equal(let_through(*state, POLL, "192.0.2.1", "plr_ann", 100), 10);
	clock_set_mono_for_test(now_ms + 100000);
	assert_int_equal(let_through(*state, POLL, "192.0.2.1", "plr_ann", 100), 60);
	/* As the time that a bucket keeps comes round. */
	clock_set_mono_for_test(now_ms + (INT64_C(1) << 40) / 2000);
	assert_int_equal(let_through(*state, POLL, "192.0.2.1", "plr_ann", 100), 60);
	clock_set_mono_for_test(now_ms + (INT64_C(1) << 40) / 1000 * 5 / 4);
	assert_int_equal(let_through(*state, POLL, "192.0.2.1", "plr_ann", 100), 60);
	clock_set_mono_for_test(0);
}

static void
what_is_free_is_never_limited_nor_is_anything_when_off(void **state)
{
	struct limits *off = limits_new(false);

	assert_int_equal(let_through(*state, FREE, "192.0.2.1", "", 5000), 5000);
	assert_int_equal(let_through(off, LOGIN, "192.0.2.1", "", 5000), 5000);
	limits_free(off);
}

static void
many_addresses_neither_fail_nor_take_memory(void **state)
{
	char from[64];

	for (int i = 0; i < 200000; i++) {
		snprintf(from, sizeof from, "2001:db8:%x:%x::1", i >> 16, i & 0xffff);
		assert_true(take(*state, LOGIN, from, ""));
	}
}

static void
guests_who_register_have_a_class_of_their_own(void **state)
{
	struct route route = { .limit = REGISTER }, other = { .limit = LOGIN };

	assert_int_equal(limit_class_of(&route, STR("kind=guest")), GUEST_REGISTER);
	assert_int_equal(limit_class_of(&route, STR("kind=user")), REGISTER);
	assert_int_equal(limit_class_of(&route, STR("")), REGISTER);
	assert_int_equal(limit_class_of(&other, STR("kind=guest")), LOGIN);
}

/* --- proxies --- */

static const char *
client(const char *peer, const char *one, const char *two)
{
	static char text[INET6_ADDRSTRLEN];
	struct trusted_proxy trusted[] = { { address("10.0.0.0"), 8 + 96 },
		{ address("2001:db8:aaaa::"), 48 } };
	struct http_request request = { .peer = address(peer) };
	struct http_head *head = &request.head;
	struct in6_addr got;

	if (one != NULL)
		head->headers[head->header_count++] =
		    (struct http_header){ STR("X-Forwarded-For"), str_of(one) };
	head->headers[head->header_count++] =
	    (struct http_header){ STR("Host"), STR("x") };
	if (two != NULL)
		head->headers[head->header_count++] =
		    (struct http_header){ STR("x-forwarded-for"), str_of(two) };
	got = client_address(&request, trusted, 2);
	if (IN6_IS_ADDR_V4MAPPED(&got))
		inet_ntop(AF_INET, &got.s6_addr[12], text, sizeof text);
	else
		inet_ntop(AF_INET6, &got, text, sizeof text);
	return text;
}

static void
a_proxy_is_believed_if_it_is_trusted(void **state)
{
	assert_string_equal(client("10.1.2.3", "198.51.100.7", NULL), "198.51.100.7");
	assert_string_equal(client("192.0.2.9", "198.51.100.7", NULL), "192.0.2.9");
	assert_string_equal(client("10.1.2.3", NULL, NULL), "10.1.2.3");
}

static void
the_last_hop_that_is_not_trusted_is_the_client(void **state)
{
	assert_string_equal(client("10.1.2.3", "1.1.1.1, 198.51.100.7, 10.9.9.9", NULL),
	    "198.51.100.7");
	assert_string_equal(
	    client("10.1.2.3", "1.1.1.1", "198.51.100.7,10.9.9.9"), "198.51.100.7");
	assert_string_equal(
	    client("10.1.2.3", "198.51.100.7", "10.9.9.9"), "198.51.100.7");
	assert_string_equal(client("10.1.2.3", "10.3.3.3, 10.2.2.2", NULL), "10.3.3.3");
}

static void
addresses_come_in_many_forms(void **state)
{
	assert_string_equal(
	    client("10.1.2.3", "198.51.100.7:4711", NULL), "198.51.100.7");
	assert_string_equal(
	    client("10.1.2.3", "[2001:db8::1]:80", NULL), "2001:db8::1");
	assert_string_equal(
	    client("2001:db8:aaaa::5", "2001:db8::1", NULL), "2001:db8::1");
	assert_string_equal(client("10.1.2.3", "unknown", NULL), "10.1.2.3");
	assert_string_equal(client("10.1.2.3", "", NULL), "10.1.2.3");
	assert_string_equal(client("10.1.2.3", "1.1.1.1, ,", NULL), "10.1.2.3");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_burst_is_let_through_and_then_no_more),
		TEST(a_token_has_a_bucket_of_its_own_for_each_class),
		TEST(who_logs_in_is_counted_by_address),
		TEST(an_ipv6_household_is_one_address),
		TEST(invented_tokens_are_no_way_around),
		TEST(a_guest_has_less_to_write),
		TEST(many_threads_together_are_let_through_no_more_than_one),
		TEST(no_lock_is_taken),
		TEST(what_was_taken_comes_back_with_time),
		TEST(what_is_free_is_never_limited_nor_is_anything_when_off),
		TEST(many_addresses_neither_fail_nor_take_memory),
		TEST(guests_who_register_have_a_class_of_their_own),
		TEST(a_proxy_is_believed_if_it_is_trusted),
		TEST(the_last_hop_that_is_not_trusted_is_the_client),
		TEST(addresses_come_in_many_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
