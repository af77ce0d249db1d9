/*
 * Looking into JSON trees, comparing, copying and changing them.
 * Relies on the arena; the tree's members being sorted is kept true here.
 * Stands between the parser and everything that gives a body or an event its meaning.
 */
#include "base/json.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>
#include "base/json_inside.h"

/* Where key stands among the members, or where it belongs. */
static uint32_t
place_of(const struct json *object, const char *key, uint32_t n, bool *found_out)
{
	uint32_t low = 0, high = object->n;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct json_member *m = &object->members[mid];
		int c = json_key_cmp(key, n, m->key, m->key_n);

		if (c == 0) {
			*found_out = true;
			return mid;
		}
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	*found_out = false;
	return low;
}

const struct json *
json_get_n(const struct json *v, const char *key, size_t n)
{
	bool is_there;
	uint32_t at;

	if (v == NULL || v->type != JSON_OBJECT || n > UINT32_MAX)
		return NULL;
	at = place_of(v, key, (uint32_t)n, &is_there);
	return is_there ? &v->members[at].value : NULL;
}

const struct json *
json_get(const struct json *v, const char *key)
{
	return json_get_n(v, key, strlen(key));
}

const struct json *
json_at(const struct json *v, const char *key, ...)
{
	va_list ap;

	va_start(ap, key);
	for (; key != NULL; key = va_arg(ap, const char *))
		v = json_get(v, key);
	va_end(ap);
	return v;
}

bool
json_is(const struct json *v, enum json_type type)
{
	return v != NULL && v->type == type;
}

const char *
json_as_str(const struct json *v)
{
	if (!json_is(v, JSON_STR) || memchr(v->s, '\0', v->n) != NULL)
		return NULL;
	return v->s;
}

const char *
json_get_str(const struct json *v, const char *key)
{
	return json_as_str(json_get(v, key));
}

bool
json_get_int(const struct json *v, const char *key, int64_t *out)
{
	v = json_get(v, key);
	if (!json_is(v, JSON_INT))
		return false;
	*out = v->i;
	return true;
}

bool
json_get_bool(const struct json *v, const char *key, bool fallback)
{
	v = json_get(v, key);
	return json_is(v, JSON_BOOL) ? v->b : fallback;
}

const struct json *
json_get_object(const struct json *v, const char *key)
{
	v = json_get(v, key);
	return json_is(v, JSON_OBJECT) ? v : NULL;
}

const struct json *
json_get_array(const struct json *v, const char *key)
{
	v = json_get(v, key);
	return json_is(v, JSON_ARRAY) ? v : NULL;
}

static bool
bytes_equal(const char *a, uint32_t a_n, const char *b, uint32_t b_n)
{
	return a_n == b_n && memcmp(a, b, a_n) == 0;
}

static bool
items_equal(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (!json_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

static bool
members_equal(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		const struct json_member *m = &a->members[i], *o = &b->members[i];

		if (!bytes_equal(m->key, m->key_n, o->key, o->key_n) ||
		    !json_equal(&m->value, &o->value))
			return false;
	}
	return true;
}

bool
json_equal(const struct json *a, const struct json *b)
{
	if (a == NULL || b == NULL || a == b)
		return a == b;
	if (a->type != b->type)
		return false;
	switch ((enum json_type)a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->b == b->b;
	case JSON_INT:
		return a->i == b->i;
	case JSON_FLOAT:
		return a->f == b->f;
	case JSON_BIG:
	case JSON_STR:
		return bytes_equal(a->s, a->n, b->s, b->n);
	case JSON_ARRAY:
		return a->n == b->n && items_equal(a, b);
	case JSON_OBJECT:
		return a->n == b->n && members_equal(a, b);
	}
	return false;
}

static struct json *
node(struct arena *arena, enum json_type type)
{
	struct json *v = ARENA_NEW(arena, struct json);

	v->type = (uint8_t)type;
	return v;
}

struct json *
json_object(struct arena *arena)
{
	return node(arena, JSON_OBJECT);
}

struct json *
json_array(struct arena *arena)
{
	return node(arena, JSON_ARRAY);
}

struct json *
json_int(struct arena *arena, int64_t i)
{
	struct json *v = node(arena, JSON_INT);

	v->i = i;
	return v;
}

struct json *
json_bool(struct arena *arena, bool b)
{
	struct json *v = node(arena, JSON_BOOL);

	v->b = b;
	return v;
}

struct json *
json_null(struct arena *arena)
{
	return node(arena, JSON_NULL);
}

/* A string node that is not in the arena itself, only its bytes. */
static struct json
string_of(struct arena *arena, const char *s, size_t n)
{
	assert(n <= UINT32_MAX);
	return (struct json){
		.type = JSON_STR, .n = (uint32_t)n, .s = arena_strndup(arena, s, n)
	};
}

struct json *
json_strn(struct arena *arena, const char *s, size_t n)
{
	struct json v = string_of(arena, s, n);

	return arena_dup(arena, &v, sizeof v);
}

struct json *
json_str(struct arena *arena, const char *s)
{
	return s == NULL ? json_null(arena) : json_strn(arena, s, strlen(s));
}

/* Twice the room, for elements of size bytes of which v has n. */
static void *
grown(struct arena *arena, struct json *v, const void *old, size_t size)
{
	void *more;

	assert(v->cap <= UINT32_MAX / 2);
	v->cap = v->cap < 4 ? 8 : v->cap * 2;
	more = arena_raw(arena, v->cap * size);
	if (v->n > 0)
		memcpy(more, old, v->n * size);
	return more;
}

void
json_set_n(struct arena *arena, struct json *obj, const char *key, size_t n,
    const struct json *value)
{
	struct json taken = *value; /* it may lie among the members that move below */
	bool is_there;
	uint32_t at;

	assert(obj->type == JSON_OBJECT && n <= UINT32_MAX);
	at = place_of(obj, key, (uint32_t)n, &is_there);
	if (!is_there) {
		if (obj->n == obj->cap)
			obj->members =
			    grown(arena, obj, obj->members, sizeof *obj->members);
		memmove(&obj->members[at + 1], &obj->members[at],
		    (obj->n - at) * sizeof *obj->members);
		obj->n++;
		obj->members[at].key = arena_strndup(arena, key, n);
		obj->members[at].key_n = (uint32_t)n;
	}
	obj->members[at].value = taken;
}

void
json_set(
    struct arena *arena, struct json *obj, const char *key, const struct json *value)
{
	json_set_n(arena, obj, key, strlen(key), value);
}

void
json_set_str(struct arena *arena, struct json *obj, const char *key, const char *s)
{
	struct json v = { .type = JSON_NULL };

	if (s != NULL)
		v = string_of(arena, s, strlen(s));
	json_set(arena, obj, key, &v);
}

void
json_set_int(struct arena *arena, struct json *obj, const char *key, int64_t i)
{
	struct json v = { .type = JSON_INT, .i = i };

	json_set(arena, obj, key, &v);
}

void
json_set_bool(struct arena *arena, struct json *obj, const char *key, bool b)
{
	struct json v = { .type = JSON_BOOL, .b = b };

	json_set(arena, obj, key, &v);
}

bool
json_del(struct json *obj, const char *key)
{
	bool is_there;
	uint32_t at;

	assert(obj->type == JSON_OBJECT);
	at = place_of(obj, key, (uint32_t)strlen(key), &is_there);
	if (!is_there)
		return false;
	obj->n--;
	memmove(&obj->members[at], &obj->members[at + 1],
	    (obj->n - at) * sizeof *obj->members);
	return true;
}

void
json_push(struct arena *arena, struct json *array, const struct json *value)
{
	struct json taken = *value;

	assert(array->type == JSON_ARRAY);
	if (array->n == array->cap)
		array->items = grown(arena, array, array->items, sizeof taken);
	array->items[array->n++] = taken;
}

/* A copy of v's elements, with room for a few more, as copies are made to be changed.
 */
static void
own_elements(struct arena *arena, struct json *v)
{
	const void *old = v->items; /* or v->members: the same pointer */
	size_t size = v->type == JSON_OBJECT ? sizeof *v->members : sizeof *v->items;

	v->cap = v->n + 4;
	v->items = arena_raw(arena, v->cap * size);
	if (v->n > 0)
		memcpy(v->items, old, v->n * size);
}

struct json *
json_shallow(struct arena *arena, const struct json *v)
{
	struct json *copy = arena_dup(arena, v, sizeof *v);

	if (v->type == JSON_OBJECT || v->type == JSON_ARRAY)
		own_elements(arena, copy);
	return copy;
}

/* Turns a struct copied from elsewhere into one that shares nothing. */
static void
own_deeply(struct arena *arena, struct json *v)
{
	switch ((enum json_type)v->type) {
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_INT:
	case JSON_FLOAT:
		break;
	case JSON_BIG:
	case JSON_STR:
		v->s = arena_strndup(arena, v->s, v->n);
		break;
	case JSON_ARRAY:
		own_elements(arena, v);
		for (uint32_t i = 0; i < v->n; i++)
			own_deeply(arena, &v->items[i]);
		break;
	case JSON_OBJECT:
		own_elements(arena, v);
		for (uint32_t i = 0; i < v->n; i++) {
			struct json_member *m = &v->members[i];

			m->key = arena_strndup(arena, m->key, m->key_n);
			own_deeply(arena, &m->value);
		}
		break;
	}
}

struct json *
json_copy(struct arena *arena, const struct json *v)
{
	struct json *copy = arena_dup(arena, v, sizeof *v);

	own_deeply(arena, copy);
	return copy;
}
