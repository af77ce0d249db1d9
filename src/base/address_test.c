/*
 * Addresses: IPv4 within IPv6, and whom limits hold for one client.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct in6_addr
address(const char *text)
{
	struct in6_addr a;

	assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	return a;
}

static uint64_t
hash(const char *text)
{
	struct in6_addr a = address(text);

	return address_hash(&a);
}

static void
ipv4_lies_within_ipv6(void **state)
{
	struct in6_addr got = address_of_v4((uint8_t[4]){ 192, 0, 2, 1 }),
			wanted = address("::ffff:192.0.2.1");

	assert_memory_equal(&got, &wanted, sizeof got);
}

static void
a_client_is_an_ipv4_address_or_a_net_of_ipv6(void **state)
{
	assert_int_equal(hash("2001:db8:0:1::1"), hash("2001:db8:0:1:ffff::2"));
	assert_int_not_equal(hash("2001:db8:0:1::1"), hash("2001:db8:0:2::1"));
	assert_int_equal(hash("::ffff:192.0.2.1"), hash("::ffff:192.0.2.1"));
	assert_int_not_equal(hash("::ffff:192.0.2.1"), hash("::ffff:192.0.2.2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_lies_within_ipv6),
		cmocka_unit_test(a_client_is_an_ipv4_address_or_a_net_of_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
