/*
 * Answers on streams: heads as header blocks, bodies as references that nghttp2 reads
 * from as its windows open. Relies on http/reply's heads, which are HTTP/1.1's text.
 * The last step of a request that came by HTTP/2.
 */
#include <stdlib.h>
#include <string.h>

#include "http/h2_inside.h"

#define FIELDS_MAX 48

struct h2_stream *
h2_stream_of(struct exchange exchange)
{
	uint32_t index = exchange.conn & ~EXCHANGE_STREAM;
	struct h2_stream *s;

	if (index >= exchange.io->stream_count)
		return NULL;
	s = h2_stream_at(exchange.io, index);
	if (s->gen != exchange.gen)
		return NULL;
	return s->state == H2_ASKED || s->state == H2_PARKED ? s : NULL;
}

bool
h2_waiting(struct exchange exchange)
{
	return h2_stream_of(exchange) != NULL;
}

void
h2_park(struct exchange exchange, uint32_t tag)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s == NULL)
		return;
	if (s->state != H2_PARKED)
		STAT_ADD(exchange.io, parked, 1);
	s->state = H2_PARKED;
	s->tag = tag;
}

/* --- what is to be sent --- */

static size_t *
unsent_of(struct h2_stream *s)
{
	return s->in_parts ? &s->h2->unsent_parts : &s->h2->unsent;
}

static void
out_add(struct h2_stream *s, struct out piece)
{
	if (s->out.first == NULL)
		h2_set_due(s);
	out_list_add(&s->out, piece);
	s->unsent += (uint32_t)piece.n;
	*unsent_of(s) += piece.n;
	STAT_ADD(s->h2->io, pinned_bytes, piece.n);
}

static void
out_less(struct h2_stream *s, size_t n)
{
	s->unsent -= (uint32_t)n;
	*unsent_of(s) -= n;
	STAT_SUB(s->h2->io, pinned_bytes, n);
}

void
h2_out_free(struct h2_stream *s)
{
	out_less(s, s->unsent);
	while (s->out.first != NULL)
		out_list_pop(&s->out);
}

/* Nothing left of what goes on is nothing that its client must take. */
static void
out_moved(struct h2_stream *s, size_t n)
{
	s->moved += (uint32_t)n;
	if (s->moved >= PROGRESS_BYTES)
		h2_set_due(s);
	if (s->out.first == NULL && !s->ended)
		s->due_ms = 0;
}

/* All of a stream has been taken, for now. */
static ssize_t
pause_stream(struct h2_stream *s)
{
	const struct http_hooks *hooks = &s->h2->io->server->hooks;

	s->is_paused = true;
	h2_part_sent(s, false);
	if (s->state == H2_PARKED && hooks->drained != NULL)
		hooks->drained(s->h2->io, s->tag, hooks->arg);
	return NGHTTP2_ERR_DEFERRED;
}

void
h2_part_sent(struct h2_stream *s, bool is_gone)
{
	struct h2_part *part = s->part;

	s->part = NULL;
	if (part != NULL)
		part->sent(part->arg, is_gone);
	free(part);
}

/* nghttp2 asks for the next bytes of a body. */
static ssize_t
read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct h2_stream *s = source->ptr;
	size_t n = 0;

	while (s->out.first != NULL && n < room) {
		struct out *out = s->out.first;
		size_t part = out->n < room - n ? out->n : room - n;

		memcpy(buf + n, out->p, part);
		n += part;
		out->p += part;
		out->n -= part;
		if (out->n == 0)
			out_list_pop(&s->out);
	}
	out_less(s, n);
	out_moved(s, n);
	if (s->out.first == NULL && s->ended)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (n == 0)
		return pause_stream(s);
	return (ssize_t)n;
}

/* --- heads --- */

/* HTTP/1.1's own, which HTTP/2 must not carry (RFC 9113 8.2.2). */
static bool
is_of_the_connection(struct str name)
{
	return str_is(name, "connection") || str_is(name, "transfer-encoding") ||
	       str_is(name, "keep-alive");
}

static nghttp2_nv
field(const char *name, size_t name_n, const char *value, size_t n)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, name_n, n,
		NGHTTP2_NV_FLAG_NONE };
}

/* Lines of "Name: value\r\n" become fields; names in lower case, in place. */
static size_t
read_lines(char *p, char *end, nghttp2_nv *fields, size_t n)
{
	while (p < end && n < FIELDS_MAX) {
		char *eol = memchr(p, '\r', (size_t)(end - p));
		char *colon = memchr(p, ':', (size_t)(end - p));

		if (eol == NULL || colon == NULL || colon > eol)
			break;
		for (char *at = p; at < colon; at++)
			if (*at >= 'A' && *at <= 'Z')
				*at += 'a' - 'A';
		if (!is_of_the_connection((struct str){ p, (size_t)(colon - p) }))
			fields[n++] = field(p, (size_t)(colon - p), colon + 2,
			    (size_t)(eol - colon - 2));
		p = eol + 2;
	}
	return n;
}

/* "HTTP/1.1 200 OK\r\n" and the lines behind it. */
static void
submit(struct h2_stream *s, const char *head, size_t head_n, bool has_body)
{
	nghttp2_data_provider body = { .source = { .ptr = s },
		.read_callback = read_body };
	nghttp2_nv fields[FIELDS_MAX];
	char *text = xmalloc(head_n + 1), *lines;
	size_t n;

	memcpy(text, head, head_n);
	text[head_n] = '\0';
	fields[0] = field(":status", 7, text + 9, 3);
	lines = strchr(text, '\n');
	n = lines == NULL ? 1 : read_lines(lines + 1, text + head_n, fields, 1);
	if (nghttp2_submit_response(
		s->h2->session, s->id, fields, n, has_body ? &body : NULL) != 0)
		nghttp2_submit_rst_stream(
		    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_INTERNAL_ERROR);
	free(text);
	ready_push(s->h2->io, s->h2->c);
}

/* From now on its exchange is stale. */
static void
unpark_stream(struct h2_stream *s)
{
	if (s->state == H2_PARKED)
		STAT_SUB(s->h2->io, parked, 1);
	s->state = H2_ANSWERED;
	s->gen++;
	if (s->in != NULL && s->in->comes)
		h2_request_free(s);
	h2_set_due(s);
}

/* --- whole answers --- */

static void
answer(struct h2_stream *s, const char *head, size_t head_n, struct out body)
{
	bool has_body = body.n > 0 && !s->no_body;

	unpark_stream(s);
	s->ended = true;
	if (has_body) {
		if (body.shared != NULL)
			http_shared_ref(body.shared);
		out_add(s, body);
	} else {
		free(body.owned);
	}
	STAT_ADD(s->h2->io, answered, 1);
	submit(s, head, head_n, has_body);
}

void
h2_answer(struct exchange exchange, const char *head, size_t head_n, struct out body)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s != NULL)
		answer(s, head, head_n, body);
	else
		free(body.owned);
}

void
h2_refuse(struct h2_stream *s, int status)
{
	const struct http_hooks *hooks = &s->h2->io->server->hooks;
	struct http_reply reply = { .status = status };
	char head[1024], *body = xmalloc(ERROR_BODY_MAX);

	STAT_ADD(s->h2->io, bad_requests, 1);
	if (hooks->error_body != NULL)
		reply.body_n =
		    hooks->error_body(status, body, ERROR_BODY_MAX, hooks->arg);
	answer(s, head, reply_head(&reply, head, sizeof head),
	    (struct out){ .owned = body, .p = body, .n = reply.body_n });
}

/* --- answers that go on --- */

bool
h2_stream_begin(struct exchange exchange, const char *head, size_t head_n)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s == NULL)
		return false;
	submit(s, head, head_n, true);
	return true;
}

static void
go_on(struct h2_stream *s)
{
	if (s->is_paused) {
		s->is_paused = false;
		nghttp2_session_resume_data(s->h2->session, s->id);
	}
	ready_push(s->h2->io, s->h2->c);
}

/* Who does not read is let go; hooks.gone tells. Nobody has been given the time to take
 * any of the newest block: it counts only behind one that waits already. */
static bool
is_too_slow(const struct h2_stream *s, size_t waited, size_t max)
{
	return (waited > 0 && s->unsent > max) || pins_too_much(s->h2->io);
}

/* NO_ERROR where it has its answer: the rest of its request is not wanted (RFC 9113
 * 8.1). Some clients lose the answer when that comes at once. */
void
h2_let_go(struct h2_stream *s)
{
	struct http_io *io = s->h2->io;
	bool was_parked = s->state == H2_PARKED,
	     is_whole = s->ended && s->out.first == NULL;

	unpark_stream(s);
	h2_out_free(s);
	h2_part_sent(s, true);
	nghttp2_submit_rst_stream(s->h2->session, NGHTTP2_FLAG_NONE, s->id,
	    is_whole ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
	ready_push(io, s->h2->c);
	if (was_parked)
		io->server->hooks.gone(io, s->tag, io->server->hooks.arg);
}

bool
h2_stream_is_drained(struct exchange exchange)
{
	struct h2_stream *s = h2_stream_of(exchange);

	return s == NULL || s->out.first == NULL;
}

bool
h2_stream_block(struct exchange exchange, struct http_shared *block, size_t max)
{
	struct h2_stream *s = h2_stream_of(exchange);
	size_t waited;

	if (s == NULL)
		return false;
	waited = s->unsent;
	out_add(s, (struct out){ .shared = http_shared_ref(block),
		       .p = block->bytes + block->head_n,
		       .n = block->n - block->head_n - block->tail_n });
	if (is_too_slow(s, waited, max)) {
		h2_let_go(s);
		return false;
	}
	go_on(s);
	return true;
}

void
h2_stream_end(struct exchange exchange, bool cut)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s == NULL)
		return;
	unpark_stream(s);
	STAT_ADD(exchange.io, answered, 1);
	s->ended = true;
	if (cut)
		nghttp2_submit_rst_stream(
		    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL);
	go_on(s);
}

/* --- files --- */

/* Of bytes that may be many connections', so that what waits counts as parts do. */
void
h2_answer_from(
    struct exchange exchange, const char *head, size_t head_n, struct out body)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s == NULL)
		return;
	s->in_parts = true;
	if (is_too_slow(s, 0, SIZE_MAX))
		h2_let_go(s);
	else
		answer(s, head, head_n, body);
}

void
h2_send_part(struct exchange exchange, const char *head, size_t head_n,
    const struct http_part *part)
{
	struct h2_stream *s = h2_stream_of(exchange);
	bool is_last = part->is_last || (s != NULL && s->no_body);

	if (s != NULL && head != NULL)
		s->in_parts = true;
	if (s != NULL && head != NULL)
		submit(s, head, head_n, !s->no_body && (part->n > 0 || !is_last));
	if (s == NULL || s->no_body || part->n == 0)
		free(part->bytes);
	else
		out_add(s, (struct out){
			       .owned = part->bytes, .p = part->bytes, .n = part->n });
	if (!part->is_last && (s == NULL || is_last)) {
		part->sent(part->arg, true);
	} else if (!is_last) {
		s->part = xmalloc(sizeof *s->part);
		*s->part = (struct h2_part){ part->sent, part->arg };
	}
	if (s != NULL && is_last) {
		unpark_stream(s);
		s->ended = true;
		STAT_ADD(exchange.io, answered, 1);
	}
	if (s == NULL)
		return;
	if (is_too_slow(s, 0, SIZE_MAX))
		h2_let_go(s);
	else
		go_on(s);
}
