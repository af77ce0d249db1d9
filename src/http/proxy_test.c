/*
 * The PROXY protocol: both versions, whole and in parts, and what is none.
 */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct sample {
	const char *bytes;
	size_t n;
	const char *peer; /* NULL: it speaks of nobody */
	enum http_parse result;
};

#define V2 "\r\n\r\n\0\r\nQUIT\n"
#define S(text, peer, result)                                                          \
	{                                                                              \
		text, sizeof text - 1, peer, result                                    \
	}

static const struct sample samples[] = {
	S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "::ffff:192.0.2.1",
	    HTTP_PARSED),
	S("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n", "2001:db8::1", HTTP_PARSED),
	S("PROXY UNKNOWN\r\n", NULL, HTTP_PARSED),
	S("PROXY UNKNOWN ffff::1 whatever 1 2\r\n", NULL, HTTP_PARSED),
	S(V2 "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb", "::ffff:192.0.2.1",
	    HTTP_PARSED),
	/* more behind the addresses: a TLV */
	S(V2 "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb\4\0\1x",
	    "::ffff:192.0.2.1", HTTP_PARSED),
	S(V2 "\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
	     "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\0\2",
	    "2001:db8::1", HTTP_PARSED),
	S(V2 "\x20\0\0\0", NULL, HTTP_PARSED), /* LOCAL */
	S(V2 "\x21\0\0\0", NULL, HTTP_PARSED), /* unspecified */

	S("GET / HTTP/1.1\r\n", NULL, HTTP_BAD),
	S("PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", NULL, HTTP_BAD),
	S("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n", NULL, HTTP_BAD),
	S("PROXY TCP4 192.0.2.1  198.51.100.1 56324 443\r\n", NULL, HTTP_BAD),
	S("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", NULL, HTTP_BAD),
	S("PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n", NULL, HTTP_BAD),
	S("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", NULL, HTTP_BAD),
	S("PROXYTCP4 192.0.2.1 198.51.100.1 1 2\r\n", NULL, HTTP_BAD),
	S(V2 "\x31\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb", NULL, HTTP_BAD),
	S(V2 "\x22\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb", NULL, HTTP_BAD),
	S(V2 "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1", NULL, HTTP_BAD),
	S(V2 "\x21\x11\xff\xff", NULL, HTTP_BAD),
	S(V2 "\x21\x41\0\0", NULL, HTTP_BAD),
	S(V2 "\x21\x13\0\x0c\xc0\0\2\1\xc6\x33\x64\1\xdc\4\1\xbb", NULL, HTTP_BAD),
};

static void
headers_are_read_or_refused(void **state)
{
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		const struct sample *s = &samples[i];
		struct in6_addr peer = { 0 }, wanted = { 0 };
		size_t used;

		assert_int_equal(proxy_parse(s->bytes, s->n, &peer, &used), s->result);
		if (s->result != HTTP_PARSED)
			continue;
		assert_int_equal(used, s->n);
		if (s->peer != NULL)
			assert_int_equal(inet_pton(AF_INET6, s->peer, &wanted), 1);
		assert_memory_equal(&peer, &wanted, sizeof peer);
	}
}

static void
a_part_of_a_header_waits_for_the_rest(void **state)
{
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		const struct sample *s = &samples[i];

		for (size_t n = 0; s->result == HTTP_PARSED && n < s->n; n++) {
			struct in6_addr peer;
			size_t used;
			char *part = malloc(n + 1); /* its end is watched by ASan */

			memcpy(part, s->bytes, n);
			assert_int_equal(proxy_parse(part, n, &peer, &used), HTTP_MORE);
			free(part);
		}
	}
}

static void
a_line_that_does_not_end_is_refused(void **state)
{
	char line[200];
	struct in6_addr peer;
	size_t used;

	memset(line, '1', sizeof line);
	memcpy(line, "PROXY TCP4 ", 11);
	assert_int_equal(proxy_parse(line, 106, &peer, &used), HTTP_MORE);
	assert_int_equal(proxy_parse(line, sizeof line, &peer, &used), HTTP_BAD);
}

static void
what_stands_behind_a_header_is_left(void **state)
{
	static const char text[] = "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n";
	struct in6_addr peer;
	size_t used;

	assert_int_equal(proxy_parse(text, sizeof text - 1, &peer, &used), HTTP_PARSED);
	assert_int_equal(used, strlen("PROXY UNKNOWN\r\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read_or_refused),
		cmocka_unit_test(a_part_of_a_header_waits_for_the_rest),
		cmocka_unit_test(a_line_that_does_not_end_is_refused),
		cmocka_unit_test(what_stands_behind_a_header_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
