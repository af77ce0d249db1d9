/*
 * libFuzzer: any bytes never lead the scan outside of them; and of what base/json takes
 * for an object, its canonical form, cut into slices, says what the tree says.
 * `./dev fuzz` runs it.
 */
#include "event/event_slices.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"

#define KEYS 9

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct str keys[KEYS] = { { "", 0 }, { "a", 1 }, { "b", 1 },
	{ "content", 7 }, { "origin_server_ts", 16 }, { "redacts", 7 }, { "sender", 6 },
	{ "state_key", 9 }, { "type", 4 } };

static void
must_be_inside(struct str slice, struct str whole)
{
	assert(slice.p == NULL ||
	       (slice.p >= whole.p && slice.p + slice.n <= whole.p + whole.n));
}

static void
check_bytes(struct str bytes)
{
	struct event_slices e;
	struct str found[KEYS];

	if (json_slices(bytes, keys, KEYS, found))
		for (int i = 0; i < KEYS; i++)
			must_be_inside(found[i], bytes);
	if (event_slice(bytes, &e)) {
		must_be_inside(e.content, bytes);
		must_be_inside(e.state_key, bytes);
		must_be_inside(e.type, bytes);
	}
}

/* The canonical form of a value is the slice of the whole's. */
static void
check_tree(struct arena *arena, const struct json *tree)
{
	struct str found[KEYS], whole;

	whole.p = json_text(arena, tree, &whole.n);
	assert(json_slices(whole, keys, KEYS, found));
	for (int i = 0; i < KEYS; i++) {
		const struct json *v = json_get_n(tree, keys[i].p, keys[i].n);
		struct str text = { NULL, 0 };

		if (v != NULL)
			text.p = json_text(arena, v, &text.n);
		assert((text.p == NULL) == (found[i].p == NULL));
		assert(text.p == NULL || str_eq(text, found[i]));
		if (json_as_str(v) != NULL)
			assert(
			    strcmp(slice_text(arena, found[i]), json_as_str(v)) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct arena *arena;
	const struct json *tree;

	if (arena == NULL)
		arena = arena_new();
	arena_reset(arena);
	check_bytes((struct str){ (const char *)data, n });
	tree = json_parse_copy(arena, (const char *)data, n, JSON_LENIENT, NULL);
	if (json_is(tree, JSON_OBJECT))
		check_tree(arena, tree);
	return 0;
}
