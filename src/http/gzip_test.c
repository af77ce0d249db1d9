/*
 * Bodies become gzip when that makes them smaller, blocks of streams always; on any
 * thread.
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
round_trip_by(bool (*pack)(char **body, size_t *n), size_t n, unsigned seed)
{
	char *text = make_text(n, seed), *body = memcpy(xmalloc(n), text, n);
	size_t packed_n = n;
	bool is_right = pack(&body, &packed_n) && packed_n < n &&
			unpacks_to(body, packed_n, text, n);

	free(text);
	free(body);
	return is_right;
}

static bool
round_trip(size_t n, unsigned seed)
{
	return round_trip_by(gzip_body, n, seed) &&
	       round_trip_by(gzip_body_quick, n, seed);
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

/* Unpacks what stands in the stream so far; true if it is the text, and the stream is
 * still open. */
static bool
goes_on_to(z_stream *stream, const struct buf *packed, const char *text, size_t n)
{
	char *back = xmalloc(n + 1);
	bool is_same;

	stream->next_in = (unsigned char *)packed->p;
	stream->avail_in = (unsigned)packed->n;
	stream->next_out = (unsigned char *)back;
	stream->avail_out = (unsigned)n + 1;
	is_same = inflate(stream, Z_SYNC_FLUSH) == Z_OK && stream->avail_in == 0 &&
		  stream->avail_out == 1 && memcmp(back, text, n) == 0;
	free(back);
	return is_same;
}

static void
blocks_made_apart_are_one_stream_behind_one_header(void **state)
{
	static const size_t sizes[] = { 1, 3, 100, 5000, 70000, 2000000, 3, 1 };
	struct buf header = { GZIP_HEADER, GZIP_HEADER_N, 0 };
	z_stream stream = { 0 };

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_true(goes_on_to(&stream, &header, "", 0));
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *text = make_text(sizes[i], i);
		struct buf block = { 0 };

		gzip_block(&block, text, sizes[i]);
		assert_true(goes_on_to(&stream, &block, text, sizes[i]));
		buf_free(&block);
		free(text);
	}
	inflateEnd(&stream);
}

static void
a_block_follows_any_other_and_none(void **state)
{
	char *text = make_text(4000, 1), *other = make_text(4000, 2);
	struct buf one = { 0 }, same = { 0 }, header = { GZIP_HEADER, 10, 0 };

	/* The second time it has just been said, and must be said in full again. */
	gzip_block(&one, text, 4000);
	gzip_block(&same, other, 4000);
	same.n = 0;
	gzip_block(&same, text, 4000);
	assert_int_equal(same.n, one.n);
	assert_memory_equal(same.p, one.p, one.n);
	for (int before = 0; before < 3; before++) {
		struct buf first = { 0 };
		z_stream stream = { 0 };

		assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
		assert_true(goes_on_to(&stream, &header, "", 0));
		if (before == 1) {
			gzip_block(&first, other, 4000);
			assert_true(goes_on_to(&stream, &first, other, 4000));
		} else if (before == 2) {
			assert_true(goes_on_to(&stream, &one, text, 4000));
		}
		assert_true(goes_on_to(&stream, &one, text, 4000));
		inflateEnd(&stream);
		buf_free(&first);
	}
	buf_free(&one);
	buf_free(&same);
	free(text);
	free(other);
}

static void
a_block_goes_behind_what_is_there_and_leaves_bodies_alone(void **state)
{
	char *text = make_text(3000, 3);
	struct buf out = { 0 }, block = { 0 };

	buf_add(&out, GZIP_HEADER, GZIP_HEADER_N);
	gzip_block(&out, text, 3000);
	assert_true(round_trip(5000, 4));
	gzip_block(&block, text, 3000);
	assert_memory_equal(out.p, GZIP_HEADER, GZIP_HEADER_N);
	assert_int_equal(out.n, GZIP_HEADER_N + block.n);
	assert_memory_equal(out.p + GZIP_HEADER_N, block.p, block.n);
	buf_free(&out);
	buf_free(&block);
	free(text);
}

static void
what_does_not_shrink_still_makes_a_block(void **state)
{
	struct buf header = { GZIP_HEADER, GZIP_HEADER_N, 0 }, block = { 0 };
	size_t n = 300000;
	char *noise = xmalloc(n);
	z_stream stream = { 0 };
	unsigned x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		noise[i] = (char)(x >> 24);
	}
	gzip_block(&block, noise, n);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_true(goes_on_to(&stream, &header, "", 0));
	assert_true(goes_on_to(&stream, &block, noise, n));
	inflateEnd(&stream);
	buf_free(&block);
	free(noise);
}

static void
stored_blocks_stand_between_packed_ones(void **state)
{
	static const size_t sizes[] = { 1, 65534, 65535, 65536, 65537, 200000 };
	struct buf header = { GZIP_HEADER, GZIP_HEADER_N, 0 };
	z_stream stream = { 0 };

	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_true(goes_on_to(&stream, &header, "", 0));
	for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		char *text = make_text(sizes[i], i);
		struct buf packed = { 0 }, stored = { 0 };

		gzip_block_stored(&stored, text, sizes[i]);
		assert_true(goes_on_to(&stream, &stored, text, sizes[i]));
		gzip_block(&packed, text, sizes[i]);
		assert_true(goes_on_to(&stream, &packed, text, sizes[i]));
		buf_free(&packed);
		buf_free(&stored);
		free(text);
	}
	inflateEnd(&stream);
}

static bool
block_round_trip(size_t n, unsigned seed)
{
	struct buf header = { GZIP_HEADER, GZIP_HEADER_N, 0 }, block = { 0 };
	char *text = make_text(n, seed);
	z_stream stream = { 0 };
	bool is_right;

	gzip_block(&block, text, n);
	is_right = inflateInit2(&stream, 15 + 16) == Z_OK &&
		   goes_on_to(&stream, &header, "", 0) &&
		   goes_on_to(&stream, &block, text, n);
	inflateEnd(&stream);
	buf_free(&block);
	free(text);
	return is_right;
}

static void *
pack_many(void *arg)
{
	bool *is_right = arg;

	*is_right = true;
	for (unsigned i = 0; i < 20; i++)
		*is_right &=
		    round_trip(2000 + i * 500, i) && block_round_trip(1 + i * 700, i);
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
		cmocka_unit_test(blocks_made_apart_are_one_stream_behind_one_header),
		cmocka_unit_test(a_block_follows_any_other_and_none),
		cmocka_unit_test(
		    a_block_goes_behind_what_is_there_and_leaves_bodies_alone),
		cmocka_unit_test(what_does_not_shrink_still_makes_a_block),
		cmocka_unit_test(stored_blocks_stand_between_packed_ones),
		cmocka_unit_test(threads_pack_beside_one_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
