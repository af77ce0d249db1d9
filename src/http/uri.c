/*
 * Paths and query strings: split first, decoded afterwards (RFC 3986 2.4).
 * Relies on base/arena for decoded text and base/str for UTF-8.
 * Used by the router on every request's path, and by handlers for its query.
 */
#include <string.h>
#include "http/uri.h"

/* RFC 3986 2.3 */
static bool
is_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Cuts the piece before the next sep off *rest. */
static struct str
cut(struct str *rest, char sep)
{
	const char *at = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;
	struct str piece = { rest->p, at != NULL ? (size_t)(at - rest->p) : rest->n };
	size_t gone = piece.n + (at != NULL);

	rest->p += gone;
	rest->n -= gone;
	return piece;
}

bool
uri_split(struct str path, struct uri_path *out)
{
	out->count = 0;
	if (path.n == 0 || *path.p != '/')
		return false;
	path.p++, path.n--;
	for (;;) {
		const char *at = path.n > 0 ? memchr(path.p, '/', path.n) : NULL;

		if (out->count == URI_SEGMENTS_MAX)
			return false;
		out->segments[out->count++] = cut(&path, '/');
		if (at == NULL)
			return true;
	}
}

static const char *
decode(struct arena *arena, struct str raw, char plus)
{
	char *text = arena_raw(arena, raw.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		char c = raw.p[i];

		if (c == '%') {
			int high, low;

			if (raw.n - i < 3)
				return NULL;
			high = hex_digit((unsigned char)raw.p[i + 1]);
			low = hex_digit((unsigned char)raw.p[i + 2]);
			if (high < 0 || low < 0)
				return NULL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = plus;
		}
		if (c == '\0')
			return NULL;
		text[n++] = c;
	}
	text[n] = '\0';
	return utf8_valid(text, n) ? text : NULL;
}

const char *
uri_decode(struct arena *arena, struct str raw)
{
	return decode(arena, raw, '+');
}

const char *
uri_decode_query(struct arena *arena, struct str raw)
{
	return decode(arena, raw, ' ');
}

bool
uri_query_parse(struct arena *arena, struct str query, struct uri_query *out)
{
	out->count = 0;
	while (query.n > 0) {
		struct str value = cut(&query, '&');
		struct uri_param *param = &out->params[out->count];

		if (value.n == 0)
			continue;
		if (out->count == URI_PARAMS_MAX)
			return false;
		param->name = uri_decode_query(arena, cut(&value, '='));
		param->value = uri_decode_query(arena, value);
		if (param->name == NULL || param->value == NULL)
			return false;
		out->count++;
	}
	return true;
}

const char *
uri_query_get(const struct uri_query *query, const char *name)
{
	for (int i = 0; i < query->count; i++)
		if (strcmp(query->params[i].name, name) == 0)
			return query->params[i].value;
	return NULL;
}

bool
uri_query_raw(struct str query, const char *name, struct str *value_out)
{
	while (query.n > 0) {
		*value_out = cut(&query, '&');
		if (value_out->n > 0 && str_is(cut(value_out, '='), name))
			return true;
	}
	*value_out = (struct str){ "", 0 };
	return false;
}

void
uri_encode(struct buf *out, const char *s, size_t n, const char *but)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_reserve(out, n * 3);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_unreserved(c) || (c != '\0' && strchr(but, c) != NULL)) {
			out->p[out->n++] = (char)c;
			continue;
		}
		out->p[out->n++] = '%';
		out->p[out->n++] = digits[c >> 4];
		out->p[out->n++] = digits[c & 15];
	}
}
