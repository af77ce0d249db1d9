/*
 * Listeners that stay: server-sent events instead of an answer for each poll. The same
 * hub, the same shared encodings, the same decisions; what differs is that an answer is
 * a block of a stream and its listener waits on. A client that goes while it is written
 * to takes its listener along (hub_gone), which these functions tell by false.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "http/gzip.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

/* nginx holds back what it may buffer. */
#define HEADERS "Cache-Control: no-store\r\nX-Accel-Buffering: no\r\n"

struct http_shared *
hub_sse_pack(const struct http_shared *plain)
{
	const char *bytes = plain->bytes + plain->head_n;
	size_t n = plain->n - plain->head_n - plain->tail_n;
	struct buf packed = { 0 };
	struct http_shared *block;

	if (n > GZIP_SHARED_MAX)
		gzip_block_stored(&packed, bytes, n);
	else
		gzip_block(&packed, bytes, n);
	block = http_block_new(packed.p, packed.n);
	buf_free(&packed);
	return block;
}

bool
hub_sse_send(struct hub *hub, struct listener *l, const char *bytes, size_t n)
{
	struct http_shared *block = http_block_new(bytes, n);
	bool sent = http_stream_own(hub_exchange(hub, l), block);

	http_shared_unref(block);
	return sent;
}

bool
hub_sse_begin(
    struct hub *hub, struct listener *l, bool gzip, const struct stream_token *at)
{
	struct http_reply head = { .status = 200,
		.content_type = SSE_TYPE,
		.headers = HEADERS,
		.gzip = gzip };
	struct buf opening = { 0 }, bytes = { 0 };
	bool sent;

	if (!http_stream_begin(hub_exchange(hub, l), &head))
		return false;
	sse_opening(&opening, at);
	if (gzip) {
		buf_add(&bytes, GZIP_HEADER, GZIP_HEADER_N);
		gzip_block(&bytes, opening.p, opening.n);
	} else {
		buf_add(&bytes, opening.p, opening.n);
	}
	sent = hub_sse_send(hub, l, bytes.p, bytes.n);
	buf_free(&bytes);
	buf_free(&opening);
	return sent;
}

void
hub_sse_end(struct hub *hub, struct listener *l, bool cut)
{
	http_stream_end(hub_exchange(hub, l), cut);
	hub_listener_free(hub, l);
}

void
hub_sse_wait_on(struct hub *hub, struct listener *l)
{
	hub_set_deadline(hub, l, clock_mono_ms() + SSE_COMMENT_MS, l->expires_ms);
}

/* It has had what there is up to `end`. */
static void
has_heard(struct hub *hub, struct listener *l, int64_t end)
{
	struct hub_room *room = l->in;
	bool more = end < room->last && hub_room_has(room, l->class, end);

	l->from = l->heard = more ? end : room->last;
	if (l->waiting != NULL)
		l->waiting->from.events = l->from;
	if (more) {
		bool is_drained = http_stream_is_drained(hub_exchange(hub, l));

		/* A batch tells only now that the client has gone. */
		if (l->state == LISTENER_FREE)
			return;
		hub_room_put_off(hub, l, is_drained);
	} else {
		link_out(&l->room);
		link_before(&room->sharing[l->class], &l->room);
	}
	hub_sse_wait_on(hub, l);
}

void
hub_sse_answer(struct hub *hub, struct listener *l, bool has_expired)
{
	enum hub_form form = l->gzip ? HUB_BLOCK_GZIP : HUB_BLOCK;
	const struct hub_body *body;
	int64_t end;
	bool ends;

	/* A guest who was outrun comes back and goes on from the store. */
	if (has_expired || hub_is_outrun(l)) {
		hub_sse_end(hub, l, true);
		return;
	}
	/* One who has joined is no stranger any more, and comes back as a member. */
	if (hub_room_joined(hub, l)) {
		hub_sse_end(hub, l, false);
		return;
	}
	body = hub_room_body(hub, l, form);
	end = body->end;
	ends = hub->stopping || body->is_last;
	atomic_fetch_add_explicit(&hub->answers_shared, 1, memory_order_relaxed);
	json_event_count_delivered(body->events);
	if (!http_stream_block(hub_exchange(hub, l), body->forms[form]))
		return;
	if (ends)
		hub_sse_end(hub, l, false);
	else
		has_heard(hub, l, end);
}

static struct http_shared *
comment_made(bool gzip)
{
	struct buf text = { 0 }, packed = { 0 };
	struct http_shared *block;

	sse_comment(&text);
	if (gzip)
		gzip_block(&packed, text.p, text.n);
	block =
	    gzip ? http_block_new(packed.p, packed.n) : http_block_new(text.p, text.n);
	buf_free(&packed);
	buf_free(&text);
	return block;
}

void
hub_sse_comment(struct hub *hub, struct listener *l)
{
	bool gzip = l->waiting != NULL ? l->waiting->accepts_gzip : l->gzip;

	if (l->waiting != NULL)
		waiting_stays(l->waiting, hub->hubs->core);
	if (hub->comments[gzip] == NULL)
		hub->comments[gzip] = comment_made(gzip);
	/* Who has yet to take what is there needs no sign of life. */
	if (l->behind || http_stream_block(hub_exchange(hub, l), hub->comments[gzip]))
		hub_sse_wait_on(hub, l);
}
