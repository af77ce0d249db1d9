/*
 * The chunked transfer coding: what is read, what is refused, whole and in pieces.
 * Relies on nothing but http/chunks.c; texts lie in blocks of their exact size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "http/parse.h"

#define CHUNKS(text) text, sizeof text - 1

static const struct {
	const char *text;
	size_t n;
	const char *body;
} bodies[] = {
	{ CHUNKS("0\r\n\r\n"), "" },
	{ CHUNKS("5\r\nhello\r\n0\r\n\r\n"), "hello" },
	{ CHUNKS("000A\r\n0123456789\r\n1\r\n\n\r\n00\r\n\r\n"), "0123456789\n" },
	{ CHUNKS("a\r\n\r\n0\r\n\r\n\r\n\r\r\n0\r\n\r\n"), "\r\n0\r\n\r\n\r\n\r" },
	{ CHUNKS("1;a\r\nx\r\n1;a=b;c;d=\"e;\\\"\t\xff\"\r\ny\r\n0;z\r\n\r\n"), "xy" },
	{ CHUNKS("2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX:\r\n\r\n"), "ok" },
};

#define BODIES (sizeof bodies / sizeof bodies[0])

static const struct {
	const char *text;
	size_t n;
} refused[] = {
	{ CHUNKS("\r\n") },
	{ CHUNKS(" 5\r\n") },
	{ CHUNKS("+5\r\n") },
	{ CHUNKS("-5\r\n") },
	{ CHUNKS("0x5\r\n") },
	{ CHUNKS("5 \r\n") },
	{ CHUNKS("5\t;a\r\n") },
	{ CHUNKS("5h\r\n") },
	{ CHUNKS("g\r\n") },
	{ CHUNKS("5\n") },
	{ CHUNKS("5\rh") },
	{ CHUNKS(";a\r\n") },
	{ CHUNKS("5;\r\n") },
	{ CHUNKS("5;;a\r\n") },
	{ CHUNKS("5; a\r\n") },
	{ CHUNKS("5;a=\r\n") },
	{ CHUNKS("5;a=b=c\r\n") },
	{ CHUNKS("5;a=b\"c\"\r\n") },
	{ CHUNKS("5;a=\"b\"c\r\n") },
	{ CHUNKS("5;a=\"b\n") },
	{ CHUNKS("5;a=\"b\r\n") },
	{ CHUNKS("5;a=\"\\\n") },
	{ CHUNKS("5;a\n") },
	{ CHUNKS("1000000000000000\r\n") },  /* 2^60 */
	{ CHUNKS("10000000000000005\r\n") }, /* would wrap to 5 in 64 bits */
	{ CHUNKS("1\r\nab\r\n") },
	{ CHUNKS("1\r\na\n") },
	{ CHUNKS("1\r\na\rb") },
	{ CHUNKS("1\r\na0\r\n") },
	{ CHUNKS("0\r\n\n") },
	{ CHUNKS("0\r\n\rx") },
	{ CHUNKS("0\r\n X: y\r\n") },
	{ CHUNKS("0\r\nX: y\r\n z\r\n") },
	{ CHUNKS("0\r\nX : y\r\n") },
	{ CHUNKS("0\r\n: y\r\n") },
	{ CHUNKS("0\r\nX\r\n") },
	{ CHUNKS("0\r\nX: y\n") },
	{ CHUNKS("0\r\nX: y\rz") },
	{ CHUNKS("0\r\nX: \x01\r\n") },
};

struct result {
	enum http_parse got;
	size_t used;
	char body[64];
	size_t body_n;
};

/* Hands over at most `step` bytes at a time, as they might arrive. */
static struct result
decode(const char *text, size_t n, size_t step)
{
	struct http_chunks chunks = { 0 };
	struct result r = { .got = HTTP_MORE };
	size_t used, at, data_n;

	while (r.got == HTTP_MORE && r.used < n) {
		size_t some = n - r.used < step ? n - r.used : step;
		char *piece = memcpy(malloc(some), text + r.used, some);

		r.got = http_parse_chunks(&chunks, piece, some, &used, &at, &data_n);
		assert_true(used <= some && at + data_n <= used);
		assert_true(used > 0);
		assert_true(r.body_n + data_n < sizeof r.body);
		memcpy(r.body + r.body_n, piece + at, data_n);
		r.body_n += data_n;
		r.used += used;
		free(piece);
	}
	return r;
}

static void
a_body_is_the_same_however_its_bytes_arrive(void **state)
{
	for (size_t i = 0; i < BODIES; i++)
		for (size_t step = 1; step <= bodies[i].n; step++) {
			struct result r = decode(bodies[i].text, bodies[i].n, step);

			assert_int_equal(r.got, HTTP_PARSED);
			assert_int_equal(r.used, bodies[i].n);
			assert_int_equal(r.body_n, strlen(bodies[i].body));
			assert_memory_equal(r.body, bodies[i].body, r.body_n);
		}
}

static void
a_body_cut_anywhere_awaits_more(void **state)
{
	for (size_t i = 0; i < BODIES; i++)
		for (size_t n = 0; n < bodies[i].n; n++) {
			struct result r = decode(bodies[i].text, n, n);

			assert_int_equal(r.got, HTTP_MORE);
			assert_int_equal(r.used, n);
		}
}

static void
what_follows_the_body_is_left_alone(void **state)
{
	static const char two[] = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
	struct result r = decode(two, sizeof two - 1, sizeof two);

	assert_int_equal(r.got, HTTP_PARSED);
	assert_string_equal(two + r.used, "GET / HTTP/1.1\r\n");
}

static void
malformed_chunks_are_refused_whole_and_byte_by_byte(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		size_t n = refused[i].n;

		if (decode(refused[i].text, n, n).got != HTTP_BAD ||
		    decode(refused[i].text, n, 1).got != HTTP_BAD)
			fail_msg("not refused: %s", refused[i].text);
	}
}

static void
once_refused_nothing_more_is_read(void **state)
{
	struct http_chunks chunks = { 0 };
	size_t used, at, data_n;

	assert_int_equal(
	    http_parse_chunks(&chunks, "x", 1, &used, &at, &data_n), HTTP_BAD);
	assert_int_equal(
	    http_parse_chunks(&chunks, "0\r\n\r\n", 5, &used, &at, &data_n), HTTP_BAD);
	assert_int_equal(used, 0);
}

static void
a_chunk_may_be_just_below_2_to_the_60(void **state)
{
	struct http_chunks chunks = { 0 };
	static const char text[] = "fffffffffffffff\r\nab";
	size_t used, at, data_n;

	assert_int_equal(
	    http_parse_chunks(&chunks, text, sizeof text - 1, &used, &at, &data_n),
	    HTTP_MORE);
	assert_int_equal(data_n, 2);
	assert_true(chunks.left == ((uint64_t)1 << 60) - 3);
}

static enum http_parse
feed(struct http_chunks *chunks, char c, size_t times)
{
	size_t used, at, data_n;
	enum http_parse got = HTTP_MORE;

	for (size_t i = 0; i < times && got == HTTP_MORE; i++)
		got = http_parse_chunks(chunks, &c, 1, &used, &at, &data_n);
	return got;
}

static void
a_size_line_has_at_most_256_bytes(void **state)
{
	struct http_chunks chunks = { 0 };

	for (int round = 0; round < 2; round++) { /* each line anew */
		assert_int_equal(feed(&chunks, '0', 251), HTTP_MORE);
		assert_int_equal(feed(&chunks, '1', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, ';', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, 'a', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, '\r', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, '\n', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, 'x', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, '\r', 1), HTTP_MORE);
		assert_int_equal(feed(&chunks, '\n', 1), HTTP_MORE);
	}
	assert_int_equal(feed(&chunks, '0', 256), HTTP_MORE);
	assert_int_equal(feed(&chunks, '0', 1), HTTP_BAD_TOO_LARGE);
	assert_int_equal(feed(&chunks, '0', 1), HTTP_BAD);
}

static void
trailers_have_at_most_8_kilobytes(void **state)
{
	struct http_chunks chunks = { 0 };

	assert_int_equal(feed(&chunks, '0', 1), HTTP_MORE);
	assert_int_equal(feed(&chunks, '\r', 1), HTTP_MORE);
	assert_int_equal(feed(&chunks, '\n', 1), HTTP_MORE);
	assert_int_equal(feed(&chunks, 'X', 1000), HTTP_MORE);
	assert_int_equal(feed(&chunks, ':', 1), HTTP_MORE);
	assert_int_equal(feed(&chunks, ' ', 8192 - 1001), HTTP_MORE);
	assert_int_equal(feed(&chunks, ' ', 1), HTTP_BAD_TOO_LARGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_is_the_same_however_its_bytes_arrive),
		cmocka_unit_test(a_body_cut_anywhere_awaits_more),
		cmocka_unit_test(what_follows_the_body_is_left_alone),
		cmocka_unit_test(malformed_chunks_are_refused_whole_and_byte_by_byte),
		cmocka_unit_test(once_refused_nothing_more_is_read),
		cmocka_unit_test(a_chunk_may_be_just_below_2_to_the_60),
		cmocka_unit_test(a_size_line_has_at_most_256_bytes),
		cmocka_unit_test(trailers_have_at_most_8_kilobytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
