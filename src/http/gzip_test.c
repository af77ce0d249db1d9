/*
 * Bodies become gzip when that makes them smaller, on any thread.
 * Relies on zlib's inflate to read them back.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <cmocka.h>
#include "base/str.h"
#include "http/gzip.h"

/* Some JSON of n bytes, never the same for two seeds. */
static char *
make_text(size_t n, unsigned seed)
{
	char *text = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		text[i] = "{\"type\":\"m.room.message\"},"[(i + seed * (i / 97)) % 26];
	return text;
}

static bool
unpacks_to(const char *packed, size_t packed_n, const char *text, size_t n)
{
	char *back = xmalloc(n + 1);
	z_stream stream = { .next_in = (unsigned char *)packed,
		.avail_in = (unsigned)packed_n,
		.next_out = (unsigned char *)back,
		.avail_out = (unsigned)n + 1 };
	bool is_same;

	is_same = inflateInit2(&stream, 15 + 16) == Z_OK &&
		  inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out == n &&
		  stream.avail_in == 0 && memcmp(back, text, n) == 0;
	inflateEnd(&stream);
	free(back);
	return is_same;
}

static bool
round_trip(size_t n, unsigned seed)
{
	char *text = make_text(n, seed), *body = memcpy(xmalloc(n), text, n);
	size_t packed_n = n;
	bool is_right = gzip_body(&body, &packed_n) && packed_n < n &&
			unpacks_to(body, packed_n, text, n);

	free(text);
	free(body);
	return is_right;
}

static void
a_body_comes_back_from_its_gzip_form(void **state)
{
	static const size_t sizes[] = { GZIP_MIN, 4096, 100000, 3000000, 2000 };

	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_true(round_trip(sizes[i], i));
}

static void
a_small_body_stays_as_it_is(void **state)
{
	size_t n = GZIP_MIN - 1;
	char *body = make_text(n, 0), *before = body;

	assert_false(gzip_body(&body, &n));
	assert_ptr_equal(body, before);
	assert_int_equal(n, GZIP_MIN - 1);
	free(body);
}

static void
a_body_that_does_not_shrink_stays_and_the_next_one_is_right(void **state)
{
	size_t n = 8192;
	char *body = xmalloc(n), *copy = xmalloc(n), *before = body;
	unsigned x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		body[i] = copy[i] = (char)(x >> 24);
	}
	assert_false(gzip_body(&body, &n));
	assert_ptr_equal(body, before);
	assert_int_equal(n, 8192);
	assert_memory_equal(body, copy, n);
	assert_true(round_trip(5000, 7));
	free(body);
	free(copy);
}

static void *
pack_many(void *arg)
{
	bool *is_right = arg;

	*is_right = true;
	for (unsigned i = 0; i < 20; i++)
		*is_right &= round_trip(2000 + i * 500, i);
	return NULL;
}

static void
threads_pack_beside_one_another(void **state)
{
	pthread_t threads[4];
	bool are_right[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, pack_many, &are_right[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_true(are_right[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_comes_back_from_its_gzip_form),
		cmocka_unit_test(a_small_body_stays_as_it_is),
		cmocka_unit_test(
		    a_body_that_does_not_shrink_stays_and_the_next_one_is_right),
		cmocka_unit_test(threads_pack_beside_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
