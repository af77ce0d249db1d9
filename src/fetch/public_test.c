/*
 * Which addresses are fetched from.
 */
#include "fetch/public.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/address.h"

static bool
is_public(const char *text)
{
	struct in6_addr address;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		address = address_of_v4(&v4);
	else
		assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return address_is_public(&address);
}

static void
what_is_of_the_internet_is_public(void **state)
{
	static const char *const texts[] = { "1.1.1.1", "8.8.8.8", "9.255.255.255",
		"11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
		"128.0.0.1", "169.253.255.255", "169.255.0.0", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
		"192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.114.0",
		"223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1",
		"2001:200::1", "2001:4860::8888",
		"2001:db7:ffff::", "2001:db9::", "2003::1", "3fff:1000::1",
		"::ffff:8.8.8.8", "64:ff9b::8.8.8.8" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!is_public(texts[i]))
			fail_msg("%s is not taken for public", texts[i]);
}

static void
what_is_of_this_machine_or_around_it_is_not(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "0.1.2.3", "10.0.0.1",
		"10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255",
		"127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char within[64];

		if (is_public(texts[i]))
			fail_msg("%s is taken for public", texts[i]);
		strcpy(within, "::ffff:");
		if (is_public(strcat(within, texts[i])))
			fail_msg("%s is taken for public", within);
		strcpy(within, "64:ff9b::");
		if (is_public(strcat(within, texts[i])))
			fail_msg("%s is taken for public", within);
	}
}

static void
nor_are_such_of_ipv6(void **state)
{
	static const char *const texts[] = { "::", "::1", "::127.0.0.1", "::8.8.8.8",
		"64:ff9b:1::1", "64:ff9b:0:0:0:1:808:808", "100::1", "2001::1",
		"2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1",
		"2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
		"3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "fc00::1",
		"fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (is_public(texts[i]))
			fail_msg("%s is taken for public", texts[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_of_the_internet_is_public),
		cmocka_unit_test(what_is_of_this_machine_or_around_it_is_not),
		cmocka_unit_test(nor_are_such_of_ipv6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
