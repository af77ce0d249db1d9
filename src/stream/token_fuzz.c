/*
 * libFuzzer: any bytes as a token. What is taken for one is written back as the same
 * text, so that each place has one token. `./dev fuzz` runs it.
 */
#include "stream/token.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_stream(const char *text)
{
	struct stream_token token;
	struct buf b = { 0 };
	struct place place;

	if (!token_parse(text, &token))
		return;
	assert(token.events >= 0 && token.typing >= -1 && token.presence >= -1);
	token_write(&b, &token);
	assert(b.n == strlen(text) && memcmp(b.p, text, b.n) == 0);
	if (token_parse_place(text, &place))
		assert(place.line == token.events + 1 && place.sub == 0);
	buf_free(&b);
}

static void
check_place(const char *text)
{
	struct stream_token token;
	struct buf b = { 0 };
	struct place place;

	if (!token_parse_place(text, &place) || token_parse(text, &token))
		return;
	token_write_place(&b, place);
	assert(b.n == strlen(text) && memcmp(b.p, text, b.n) == 0);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = xstrndup((const char *)data, n);

	check_stream(text);
	check_place(text);
	free(text);
	return 0;
}
