/*
 * libFuzzer: any bytes as a request's head, and behind it as chunks in uneven pieces.
 * Relies on asserts: slices lie in the input, cuts of a head await more, and a body is
 * the same in pieces. `./dev fuzz` runs it.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"
#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_slice(struct str s, const char *p, size_t used)
{
	assert(s.p >= p && s.p + s.n <= p + used);
}

static void
check_head(const char *p, size_t n)
{
	struct http_head head, cut;
	size_t used, cut_used;

	if (http_parse_head(p, n, &head, &used) != HTTP_PARSED)
		return;
	assert(used <= n && used <= HTTP_HEAD_MAX);
	check_slice(head.method_text, p, used);
	check_slice(head.path, p, used);
	check_slice(head.query, p, used);
	assert(*head.path.p == '/' || str_is(head.path, "*"));
	assert(!(head.chunked && head.content_length >= 0));
	for (int i = 0; i < head.header_count; i++) {
		check_slice(head.headers[i].name, p, used);
		check_slice(head.headers[i].value, p, used);
	}
	for (size_t i = 0; i < used; i += 1 + i / 16)
		assert(http_parse_head(p, i, &cut, &cut_used) == HTTP_MORE);
}

static enum http_parse
read_chunks(const char *p, size_t n, size_t step, struct buf *body, size_t *used_out)
{
	struct http_chunks chunks = { 0 };
	enum http_parse got = HTTP_MORE;
	size_t used, at, data_n;

	*used_out = 0;
	while (got == HTTP_MORE && *used_out < n) {
		size_t some = n - *used_out < step ? n - *used_out : step;

		got = http_parse_chunks(
		    &chunks, p + *used_out, some, &used, &at, &data_n);
		/* A line that is too long ends before the byte that made it so. */
		assert(used > 0 || got == HTTP_BAD_TOO_LARGE);
		assert(used <= some && at + data_n <= used);
		buf_add(body, p + *used_out + at, data_n);
		*used_out += used;
	}
	return got;
}

static void
check_chunks(const char *p, size_t n)
{
	struct buf whole = { 0 }, pieces = { 0 };
	size_t whole_used, pieces_used;
	enum http_parse got = read_chunks(p, n, n, &whole, &whole_used);

	assert(read_chunks(p, n, 3, &pieces, &pieces_used) == got);
	assert(whole_used == pieces_used && whole.n == pieces.n);
	assert(whole.n == 0 || memcmp(whole.p, pieces.p, whole.n) == 0);
	buf_free(&whole);
	buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *p = (const char *)data, *body = memmem(p, n, "\r\n\r\n", 4);

	check_head(p, n);
	check_chunks(p, n);
	if (body != NULL)
		check_chunks(body + 4, (size_t)(p + n - body - 4));
	return 0;
}
