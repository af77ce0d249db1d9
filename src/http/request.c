/*
 * A request that outlives the read buffer: copied into one block for another thread.
 * Relies on http/parse's promise that all slices of a head point into its bytes.
 * Between hooks.request on the io thread and the worker that answers.
 */
#include <stdlib.h>
#include <string.h>
#include "http/io.h"

/* The bytes of a head from its first slice to its last. */
struct span {
	const char *from, *to;
};

static void
span_cover(struct span *span, struct str s)
{
	if (s.n > 0 && s.p + s.n > span->to)
		span->to = s.p + s.n;
}

static struct span
span_of(const struct http_head *head)
{
	struct span span = { head->method_text.p, head->method_text.p };
	int i;

	span_cover(&span, head->method_text);
	span_cover(&span, head->path);
	span_cover(&span, head->query);
	for (i = 0; i < head->header_count; i++) {
		span_cover(&span, head->headers[i].name);
		span_cover(&span, head->headers[i].value);
	}
	return span;
}

static void
move_slice(struct str *s, const struct span *from, const char *to)
{
	if (s->n > 0 && s->p >= from->from && s->p < from->to)
		s->p = to + (s->p - from->from);
	else
		*s = STR("");
}

static void
move_head(struct http_head *head, const struct span *from, const char *to)
{
	int i;

	move_slice(&head->method_text, from, to);
	move_slice(&head->path, from, to);
	move_slice(&head->query, from, to);
	for (i = 0; i < head->header_count; i++) {
		move_slice(&head->headers[i].name, from, to);
		move_slice(&head->headers[i].value, from, to);
	}
}

struct http_request *
http_request_detach(const struct http_request *request)
{
	struct span span = span_of(&request->head);
	size_t head_n = (size_t)(span.to - span.from);
	struct http_request *copy =
	    xmalloc(sizeof *copy + head_n + request->body_n + 1);
	char *head = (char *)(copy + 1);

	memcpy(copy, request, sizeof *copy);
	if (head_n > 0)
		memcpy(head, span.from, head_n);
	move_head(&copy->head, &span, head);
	copy->body = head + head_n;
	if (request->body_n > 0)
		memcpy(copy->body, request->body, request->body_n);
	copy->body[request->body_n] = '\0';
	return copy;
}

void
http_request_free(struct http_request *request)
{
	free(request);
}
