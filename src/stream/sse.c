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
