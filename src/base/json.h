/*
 * JSON as Matrix wants it: an arena tree, strings in place, objects always sorted by
 * key bytes (so a tree prints canonically as it stands and look-ups are binary
 * searches). Pure: no I/O, no locks. Spec: appendices/#canonical-json
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,   /* -(2^53)+1 .. 2^53-1, or with JSON_LENIENT all of int64 */
	JSON_BIG,   /* JSON_LENIENT only: an integer beyond int64, its digits as text */
	JSON_FLOAT, /* JSON_LENIENT (or JSON_FLOATS) only */
	JSON_STR,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* Lives in an arena; read freely, change only through the functions below. */
struct json {
	uint8_t type; /* enum json_type */
	uint32_t n;   /* bytes, items or members */
	uint32_t cap; /* builders' room */
	union {
		bool b;
		int64_t i;
		double f;
		const char *s; /* NUL-terminated behind n bytes; may hold NULs inside */
		struct json *items;
		struct json_member *members; /* sorted by key, memcmp order */
	};
};

struct json_member {
	const char *key; /* NUL-terminated behind key_n bytes */
	uint32_t key_n;
	struct json value;
};

enum json_flags {
	JSON_STRICT = 0,  /* canonical JSON's numbers: no floats, |i| < 2^53 */
	JSON_FLOATS = 1,  /* floats are allowed (client bodies outside events) */
	JSON_LENIENT = 2, /* any number, kept as Python prints it (room versions 1-5) */
	JSON_LAST_WINS = 4, /* a duplicate key replaces the earlier one, else refused */
};

#define JSON_DEPTH_MAX 100

struct json_error {
	size_t at;	 /* byte offset */
	const char *why; /* a static sentence */
	bool number;	 /* well-formed JSON, but a number canonical JSON cannot hold */
};

/*
 * Parses text[0..n), which is changed (strings are unescaped in place) and must live as
 * long as the tree; text[n] must be writable too (it gets a NUL). The value must be all
 * there is but for white space. Refused: invalid UTF-8, lone surrogates, control
 * characters in strings, depth over JSON_DEPTH_MAX, duplicate keys (unless LAST_WINS).
 * NULL on failure, with *error filled in if it is not NULL.
 */
struct json *json_parse(
    struct arena *arena, char *text, size_t n, int flags, struct json_error *error);
/* The same from bytes that must not change: copies them into the arena first. */
struct json *json_parse_copy(struct arena *arena, const char *text, size_t n, int flags,
    struct json_error *error);

/* Appends the canonical form: no spaces, sorted keys, shortest escapes. */
void json_write(struct buf *out, const struct json *v);
/* The same as a NUL-terminated string in the arena; n_out may be NULL. */
char *json_text(struct arena *arena, const struct json *v, size_t *n_out);

/* Looking. All take NULL (or another type) for v and then find nothing. */
const struct json *json_get(const struct json *v, const char *key);
const struct json *json_get_n(const struct json *v, const char *key, size_t n);
/* Down several objects: json_at(v, "content", "creator", NULL). */
const struct json *json_at(const struct json *v, const char *key, ...)
    __attribute__((sentinel));
bool json_is(const struct json *v, enum json_type type); /* false for NULL */
/* The string behind key; NULL if it is missing, no string, or has a NUL inside. */
const char *json_get_str(const struct json *v, const char *key);
bool json_get_int(const struct json *v, const char *key, int64_t *out);
bool json_get_bool(const struct json *v, const char *key, bool fallback);
const struct json *json_get_object(const struct json *v, const char *key);
const struct json *json_get_array(const struct json *v, const char *key);
const char *json_as_str(const struct json *v); /* as json_get_str, of v itself */
bool json_equal(const struct json *a, const struct json *b);

/* Building, in the arena. */
struct json *json_object(struct arena *arena);
struct json *json_array(struct arena *arena);
struct json *json_int(struct arena *arena, int64_t i);
struct json *json_bool(struct arena *arena, bool b);
struct json *json_null(struct arena *arena);
struct json *json_str(struct arena *arena, const char *s); /* copies s; NULL: null */
struct json *json_strn(struct arena *arena, const char *s, size_t n);
/* Sets or replaces; key is copied, *value is copied shallowly (children are shared). */
void json_set(
    struct arena *arena, struct json *obj, const char *key, const struct json *value);
/* The same for a key of another object, which may have a NUL inside. */
void json_set_n(struct arena *arena, struct json *obj, const char *key, size_t n,
    const struct json *value);
void json_set_str(
    struct arena *arena, struct json *obj, const char *key, const char *s);
void json_set_int(struct arena *arena, struct json *obj, const char *key, int64_t i);
void json_set_bool(struct arena *arena, struct json *obj, const char *key, bool b);
bool json_del(struct json *obj, const char *key); /* was it there? */
void json_push(struct arena *arena, struct json *array, const struct json *value);
/* A copy whose top level may be changed without touching v (children are shared). */
struct json *json_shallow(struct arena *arena, const struct json *v);
struct json *json_copy(struct arena *arena, const struct json *v); /* deep */

#endif
