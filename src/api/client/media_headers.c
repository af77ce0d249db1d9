/*
 * Headers of files. Relies on http/uri. For api/client/media_read.
 */
#include "api/client/media_headers.h"

#include <string.h>
#include <strings.h>

#include "http/uri.h"

/* Browsers take what has a comma in it for several types, of which the last counts:
 * "image/png;,text/html" is a page to them. Within a parameter that is quoted as it
 * should be one is fine: codecs="avc1, mp4a". */
static bool
is_one_type(const char *parameters)
{
	bool is_quoted = false;

	for (const char *p = parameters; *p != '\0'; p++) {
		if (*p == '\\' || *p == '\'' || (*p == ',' && !is_quoted))
			return false;
		if (*p != '"')
			continue;
		if (!is_quoted && (p == parameters || p[-1] != '='))
			return false;
		is_quoted = !is_quoted;
	}
	return !is_quoted;
}

bool
media_is_inline(const char *content_type)
{
	static const char *const types[] = { "text/css", "text/plain", "text/csv",
		"application/json", "application/ld+json", "image/jpeg", "image/gif",
		"image/png", "image/apng", "image/webp", "image/avif", "video/mp4",
		"video/webm", "video/ogg", "video/quicktime", "audio/mp4", "audio/webm",
		"audio/aac", "audio/mpeg", "audio/ogg", "audio/wave", "audio/wav",
		"audio/x-wav", "audio/x-pn-wav", "audio/flac", "audio/x-flac" };
	size_t n = strcspn(content_type, "; \t");

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strlen(types[i]) == n &&
		    strncasecmp(types[i], content_type, n) == 0)
			return is_one_type(content_type + n);
	return false;
}

/* Some browsers decode %41 between quotes, others do not (RFC 6266 D). */
static bool
is_plain(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++)
		if (*p < ' ' || *p > '~' || *p == '%')
			return false;
	return true;
}

static void
write_quoted(struct buf *out, const char *name)
{
	buf_char(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_char(out, '\\');
		buf_char(out, *name);
	}
	buf_char(out, '"');
}

void
media_disposition(struct buf *out, const char *content_type, const char *name)
{
	buf_str(out, media_is_inline(content_type) ? "inline" : "attachment");
	if (name == NULL || name[0] == '\0')
		return;
	if (is_plain(name)) {
		buf_lit(out, "; filename=");
		write_quoted(out, name);
	} else {
		buf_lit(out, "; filename*=");
		buf_lit(out, "utf-8''");
		uri_encode(out, name, strlen(name), "!#$&+^`|"); /* RFC 8187 3.2.1 */
	}
}

/* Digits alone; -1: none are there, or too many. */
static int64_t
number(struct str s)
{
	int64_t n = 0;

	if (s.n == 0 || s.n > 18)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		n = n * 10 + (s.p[i] - '0');
	}
	return n;
}

/* "-500": the last 500 bytes. */
static enum media_range
last_bytes(int64_t n, int64_t size, int64_t *first_out, int64_t *last_out)
{
	if (n < 0)
		return MEDIA_WHOLE;
	if (n == 0 || size == 0)
		return MEDIA_BEYOND;
	*first_out = n < size ? size - n : 0;
	*last_out = size - 1;
	return MEDIA_PART;
}

enum media_range
media_range(struct str range, int64_t size, int64_t *first_out, int64_t *last_out)
{
	static const char unit[] = "bytes=";
	size_t unit_n = sizeof unit - 1;
	int64_t first, last;
	struct str from, to;
	const char *dash;

	if (range.n <= unit_n || strncasecmp(range.p, unit, unit_n) != 0 ||
	    memchr(range.p, ',', range.n) != NULL)
		return MEDIA_WHOLE;
	from = (struct str){ range.p + unit_n, range.n - unit_n };
	dash = memchr(from.p, '-', from.n);
	if (dash == NULL)
		return MEDIA_WHOLE;
	to = (struct str){ dash + 1, (size_t)(from.p + from.n - dash - 1) };
	from.n = (size_t)(dash - from.p);
	if (from.n == 0)
		return last_bytes(number(to), size, first_out, last_out);
	first = number(from);
	last = to.n == 0 ? size - 1 : number(to);
	if (first < 0 || (to.n > 0 && last < first))
		return MEDIA_WHOLE;
	if (first >= size)
		return MEDIA_BEYOND;
	*first_out = first;
	*last_out = last < size ? last : size - 1;
	return MEDIA_PART;
}
