/*
 * Server-sent events as text. Pure functions over a buffer.
 */
#include "stream/sse.h"

#include <string.h>

#define RETRY_MS "2000"

static void
add_id(struct buf *out, const struct stream_token *id)
{
	buf_lit(out, "id: ");
	token_write(out, id);
	buf_char(out, '\n');
}

void
sse_opening(struct buf *out, const struct stream_token *at)
{
	buf_lit(out, "retry: " RETRY_MS "\n");
	add_id(out, at);
	buf_char(out, '\n');
}

/* A type is anything its sender likes; a line ends where it may not. */
static bool
is_one_line(const char *type)
{
	return strpbrk(type, "\r\n") == NULL;
}

void
sse_event_begin(struct buf *out, const struct stream_token *id, const char *type)
{
	add_id(out, id);
	if (is_one_line(type)) {
		buf_lit(out, "event: ");
		buf_str(out, type);
		buf_char(out, '\n');
	}
	buf_lit(out, "data: "); /* JSON has no line ends of its own */
}

void
sse_event_end(struct buf *out)
{
	buf_lit(out, "\n\n");
}

void
sse_comment(struct buf *out)
{
	buf_lit(out, ":\n\n");
}

/* The position in an event's id; -1: it has none. */
static int64_t
position_of(const char *event, size_t n)
{
	static const char name[] = "\nid: ";
	const size_t name_n = sizeof name - 1;
	struct stream_token token;
	char text[TOKEN_MAX];
	const char *id, *end;

	if (n >= name_n && memcmp(event, name + 1, name_n - 1) == 0)
		id = event + name_n - 1;
	else if ((id = memmem(event, n, name, name_n)) != NULL)
		id += name_n;
	else
		return -1;
	end = memchr(id, '\n', (size_t)(event + n - id));
	if (end == NULL || end - id >= TOKEN_MAX)
		return -1;
	memcpy(text, id, (size_t)(end - id));
	text[end - id] = '\0';
	return token_parse(text, &token) ? token.events : -1;
}

size_t
sse_behind(const char *text, size_t n, int64_t position)
{
	size_t behind = 0;

	for (size_t at = 0, next; at < n; at = next) {
		const char *end = memmem(text + at, n - at, "\n\n", 2);
		int64_t has;

		next = end == NULL ? n : (size_t)(end - text) + 2;
		has = position_of(text + at, next - at);
		if (has >= 0 && has <= position)
			behind = next;
	}
	return behind;
}
