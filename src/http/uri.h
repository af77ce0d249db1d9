/*
 * Paths and query strings. A path is split at '/' before anything is decoded, so that
 * %2F in an id stays part of the id. Pure functions; decoded text lies in the arena.
 */
#ifndef HTTP_URI_H
#define HTTP_URI_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/str.h"

#define URI_SEGMENTS_MAX 24
#define URI_PARAMS_MAX 200

struct uri_path {
	struct str segments[URI_SEGMENTS_MAX]; /* raw */
	int count;
};

/* Splits "/a/b%2Fc" into "a", "b%2Fc". False: too many, or no leading '/'. An empty
 * last segment (a trailing slash) is kept as an empty segment. */
bool uri_split(struct str path, struct uri_path *out);

/* Percent-decodes; NULL if the text is malformed, holds %00 or is no valid UTF-8 then.
 */
const char *uri_decode(struct arena *arena, struct str raw);
/* The same with '+' as a blank, as query strings have it. */
const char *uri_decode_query(struct arena *arena, struct str raw);

struct uri_param {
	const char *name, *value; /* decoded; value "" where there is no '=' */
};

struct uri_query {
	struct uri_param params[URI_PARAMS_MAX]; /* in order, repeated ones too */
	int count;
};

/* False: malformed encoding, or more than URI_PARAMS_MAX. */
bool uri_query_parse(struct arena *arena, struct str query, struct uri_query *out);
const char *uri_query_get(const struct uri_query *query, const char *name); /* first */

/* Without an arena: finds the raw first value of name (no decoding); n = 0 if none. */
bool uri_query_raw(struct str query, const char *name, struct str *value_out);

/* Percent-encodes everything but unreserved characters (RFC 3986 2.3) and these. */
void uri_encode(struct buf *out, const char *s, size_t n, const char *but);

#endif
