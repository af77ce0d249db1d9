/*
 * libFuzzer: any bytes as a path and as a query string.
 * Relies on asserts: segments make up the path again, and text that was decoded comes
 * back from its encoding. `./dev fuzz` runs it.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_path(struct str text)
{
	struct uri_path path;
	size_t n = 0;

	if (!uri_split(text, &path))
		return;
	for (int i = 0; i < path.count; i++) {
		assert(text.p[n] == '/' && path.segments[i].p == text.p + n + 1);
		n += 1 + path.segments[i].n;
	}
	assert(n == text.n);
}

static void
check_decoded(struct arena *arena, const char *decoded)
{
	struct buf b = { 0 };
	const char *again;

	assert(utf8_valid(decoded, strlen(decoded)));
	uri_encode(&b, decoded, strlen(decoded), "");
	again = uri_decode(arena, (struct str){ b.p, b.n });
	assert(again != NULL && strcmp(again, decoded) == 0);
	buf_free(&b);
}

static void
check_query(struct arena *arena, struct str text)
{
	struct uri_query query;
	struct str raw;

	uri_query_raw(text, "access_token", &raw);
	assert(raw.n == 0 || (raw.p >= text.p && raw.p + raw.n <= text.p + text.n));
	if (!uri_query_parse(arena, text, &query))
		return;
	for (int i = 0; i < query.count; i++) {
		check_decoded(arena, query.params[i].name);
		check_decoded(arena, query.params[i].value);
		assert(uri_query_get(&query, query.params[i].name) != NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *arena;
	struct str text = { (const char *)data, n };
	const char *decoded;

	if (arena == NULL)
		arena = arena_new();
	arena_reset(arena);
	check_path(text);
	check_query(arena, text);
	decoded = uri_decode(arena, text);
	if (decoded != NULL)
		check_decoded(arena, decoded);
	return 0;
}
