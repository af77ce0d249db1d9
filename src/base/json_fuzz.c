/*
 * Any bytes at all: base/json and jansson must agree on whether they are JSON and on
 * what they say, and what base/json writes must read back as the same. Where the two
 * differ for a reason, the reason stands below. Not part of the server.
 */
#include "base/json_beside_jansson.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Not assert(), to be there whatever the build says about it. */
#define must(condition)                                                                \
	do {                                                                           \
		if (!(condition))                                                      \
			abort();                                                       \
	} while (0)

struct sight {
	bool has_big;	  /* an integer that jansson cannot hold */
	bool has_nul_key; /* which jansson refuses */
};

static void
look_for_differences(const struct json *v, struct sight *seen)
{
	if (v->type == JSON_BIG)
		seen->has_big = true;
	if (v->type == OUR_ARRAY)
		for (uint32_t i = 0; i < v->n; i++)
			look_for_differences(&v->items[i], seen);
	if (v->type != OUR_OBJECT)
		return;
	for (uint32_t i = 0; i < v->n; i++) {
		const struct json_member *m = &v->members[i];

		if (strlen(m->key) != m->key_n)
			seen->has_nul_key = true;
		look_for_differences(&m->value, seen);
	}
}

static void must_be_same(const struct json *v, const json_t *other);

static void
objects_must_be_same(const struct json *v, const json_t *other)
{
	must(json_is_object(other) && json_object_size(other) == v->n);
	for (uint32_t i = 0; i < v->n; i++) {
		const struct json_member *m = &v->members[i];

		/* Both the order and that no key is there twice. */
		must(i == 0 || strcmp(m[-1].key, m->key) < 0);
		must(json_get_n(v, m->key, m->key_n) == &m->value);
		must_be_same(&m->value, json_object_get(other, m->key));
	}
}

static void
arrays_must_be_same(const struct json *v, const json_t *other)
{
	must(json_is_array(other) && json_array_size(other) == v->n);
	for (uint32_t i = 0; i < v->n; i++)
		must_be_same(&v->items[i], json_array_get(other, i));
}

static void
must_be_same(const struct json *v, const json_t *other)
{
	must(other != NULL);
	switch ((enum json_type)v->type) {
	case OUR_NULL:
		must(json_is_null(other));
		break;
	case JSON_BOOL:
		must(json_is_boolean(other) && json_is_true(other) == v->b);
		break;
	case JSON_INT:
		/* JSON_FLOATS takes 1e10 for the integer it is. */
		if (json_is_real(other))
			must(json_real_value(other) == (double)v->i);
		else
			must(json_is_integer(other) &&
			     json_integer_value(other) == v->i);
		break;
	case JSON_FLOAT:
		/* JSON_FLOATS makes an integer beyond 2^53 a double. */
		must(json_number_value(other) == v->f);
		break;
	case JSON_BIG:
		must(false); /* the caller saw to it */
		break;
	case JSON_STR:
		must(v->s[v->n] == '\0');
		must(json_is_string(other) && json_string_length(other) == v->n);
		must(memcmp(v->s, json_string_value(other), v->n) == 0);
		break;
	case OUR_ARRAY:
		arrays_must_be_same(v, other);
		break;
	case OUR_OBJECT:
		objects_must_be_same(v, other);
		break;
	}
}

static int
depth_of(const json_t *v)
{
	int deepest = 0, depth;
	const char *key;
	json_t *value;
	size_t i;

	if (!json_is_object(v) && !json_is_array(v))
		return 0;
	json_object_foreach((json_t *)v, key, value)
	{
		depth = depth_of(value);
		deepest = depth > deepest ? depth : deepest;
	}
	json_array_foreach(v, i, value)
	{
		depth = depth_of(value);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* A number that jansson read and JSON_STRICT (so with floats none) must not have. */
static bool
has_bad_number(const json_t *v)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_real(v))
		return true;
	if (json_is_integer(v))
		return llabs(json_integer_value(v)) > (1LL << 53) - 1;
	json_object_foreach(
	    (json_t *)v, key, value) if (has_bad_number(value)) return true;
	json_array_foreach(v, i, value) if (has_bad_number(value)) return true;
	return false;
}

static void
must_read_back(struct arena *arena, const struct json *v, int flags)
{
	size_t n, again_n;
	char *text = json_text(arena, v, &n), *again;
	struct sight seen = { 0 };
	struct json *back;
	json_t *other;

	back = json_parse_copy(arena, text, n, flags, NULL);
	must(back != NULL);
	again = json_text(arena, back, &again_n);
	must(n == again_n && memcmp(text, again, n) == 0);

	look_for_differences(v, &seen);
	if (seen.has_big || seen.has_nul_key)
		return;
	other = json_loadb(
	    text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	must_be_same(v, other);
	json_decref(other);
}

/* What we accept, jansson does, unless it has not the type for it. */
static void
acceptance_must_be_right(const struct json *v, const json_t *other)
{
	struct sight seen = { 0 };

	look_for_differences(v, &seen);
	if (other != NULL)
		must_be_same(v, other);
	else
		must(seen.has_big || seen.has_nul_key);
}

/* What we refuse, jansson does, unless Matrix or the depth is the reason. */
static void
refusal_must_be_right(
    const struct json_error *error, size_t n, const json_t *other, int flags)
{
	must(error->why != NULL && error->at <= n);
	if (other == NULL || strcmp(error->why, "nested too deeply") == 0) {
		/* One too deep may have been in a member that a later one replaced. */
		must(other == NULL || depth_of(other) > JSON_DEPTH_MAX ||
		     (flags & JSON_LAST_WINS) != 0);
		return;
	}
	must(error->number);
	must((flags & (JSON_LENIENT | JSON_FLOATS)) == 0);
	must(has_bad_number(other) || (flags & JSON_LAST_WINS) != 0);
}

static void
compare(struct arena *arena, const uint8_t *data, size_t n, int flags)
{
	size_t jansson_flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_error_t why_not;
	struct json_error error;
	struct json *v;
	json_t *other;
	char *text = malloc(n + 1); /* of its own, so that ASan guards its end */

	must(text != NULL);
	if (n > 0)
		memcpy(text, data, n);
	if ((flags & JSON_LAST_WINS) == 0)
		jansson_flags |= JSON_REJECT_DUPLICATES;
	other = json_loadb((const char *)data, n, jansson_flags, &why_not);
	v = json_parse(arena, text, n, flags, &error);
	if (n > 0 && memchr(data, '\0', n) != NULL) {
		must(v == NULL); /* jansson loses a NUL that follows a number */
	} else if (v == NULL) {
		refusal_must_be_right(&error, n, other, flags);
	} else if (other == NULL &&
		   json_error_code(&why_not) == json_error_numeric_overflow) {
		/* JSON_FLOATS rounded the integer that jansson has no type for. */
		must((flags & (JSON_LENIENT | JSON_FLOATS)) != 0);
		must_read_back(arena, v, flags);
	} else if (other == NULL &&
		   json_error_code(&why_not) == json_error_null_byte_in_key) {
		/* Its own rule: our tree may have lost that key to a later one. */
		must_read_back(arena, v, flags);
	} else {
		acceptance_must_be_right(v, other);
		must_read_back(arena, v, flags);
	}
	json_decref(other);
	free(text);
	arena_reset(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int modes[] = { OUR_STRICT, JSON_FLOATS, JSON_LENIENT,
		JSON_LAST_WINS, JSON_LENIENT | JSON_LAST_WINS };
	struct arena *arena = arena_new();

	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		compare(arena, data, n, modes[i]);
	arena_free(arena);
	return 0;
}
