/*
 * One poll's own record: everything about it in one allocation, since many wait. And
 * what a look finds for it: the chunk of stream/events as an answer, or as a block.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "core/presence.h"
#include "http/gzip.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sync.h"
#include "stream/sse.h"

static size_t
text_size(const char *s)
{
	return s == NULL ? 0 : strlen(s) + 1;
}

static const char *
text_put(char **at, const char *s)
{
	const char *copy = *at;

	if (s == NULL)
		return NULL;
	*at = stpcpy(*at, s) + 1;
	return copy;
}

struct waiting *
waiting_new(const char *user_id, const char *device_id, const char *const *room_ids,
    int room_count, const char *start, const struct waiting_sync *sync)
{
	size_t size = sizeof(struct waiting) + room_count * sizeof(char *) +
		      text_size(user_id) + text_size(device_id) + text_size(start) +
		      (sync == NULL ? 0 : sizeof *sync);
	struct waiting *w;
	char *at;

	for (int i = 0; i < room_count; i++)
		size += text_size(room_ids[i]);
	w = xcalloc(1, size);
	w->room_ids = (const char **)(w + 1);
	w->room_count = room_count;
	w->from = token_at(0);
	at = (char *)(w->room_ids + room_count);
	if (sync != NULL) {
		w->sync = (struct waiting_sync *)at;
		*w->sync = *sync;
		at += sizeof *sync;
	}
	w->user_id = text_put(&at, user_id);
	w->device_id = text_put(&at, device_id);
	w->start = text_put(&at, start);
	for (int i = 0; i < room_count; i++)
		w->room_ids[i] = text_put(&at, room_ids[i]);
	return w;
}

struct waiting *
waiting_new_page(const char *room_id, int language, int64_t from)
{
	struct waiting *w = waiting_new("", "", &room_id, 1, NULL, NULL);

	w->page = 1 + language;
	w->from = token_at(from);
	w->has_from = true;
	w->sse = true;
	w->deadline_ms = clock_mono_ms() + SSE_COMMENT_MS;
	return w;
}

void
waiting_free(struct waiting *w)
{
	if (w->sync != NULL)
		sync_filter_put(w->sync->filters, w->sync->filter);
	free(w->reply.body);
	free(w);
}

void
waiting_answer(struct waiting *w, int status, struct buf *body)
{
	w->answered = true;
	w->reply = (struct http_reply){ .status = status };
	w->reply.body = buf_take(body, &w->reply.body_n);
	if (w->accepts_gzip)
		w->reply.gzip = gzip_body(&w->reply.body, &w->reply.body_n);
}

static void
set_found(struct waiting *w, const struct buf *chunk, const struct events_found *found)
{
	struct buf body = { 0 }, start = { 0 };

	if (w->start == NULL)
		token_write(&start, &found->from);
	else
		buf_str(&start, w->start);
	buf_char(&start, '\0');
	events_body(&body, (struct str){ chunk->p, chunk->n }, start.p, &found->end);
	waiting_answer(w, 200, &body);
	buf_free(&start);
}

/* A block of server-sent events: packed behind the header that its stream has had. */
static void
set_block(struct waiting *w, struct buf *chunk)
{
	struct buf packed = { 0 };

	w->answered = true;
	w->reply = (struct http_reply){ .status = 200 };
	if (w->accepts_gzip) {
		gzip_block(&packed, chunk->p, chunk->n);
		w->reply.body = buf_take(&packed, &w->reply.body_n);
	} else {
		w->reply.body = buf_take(chunk, &w->reply.body_n);
	}
}

void
waiting_write_empty(
    const struct waiting *w, struct buf *out, const struct stream_token *end)
{
	struct buf start = { 0 };

	if (w->sync != NULL) {
		sync_write_empty(out, end);
		return;
	}
	if (w->start == NULL)
		token_write(&start, w->has_from ? &w->from : end);
	else
		buf_str(&start, w->start);
	buf_char(&start, '\0');
	events_body(out, (struct str){ "", 0 }, start.p, end);
	buf_free(&start);
}

/* Who asks for everything is answered at once. */
static enum mx_err
look_sync(struct waiting *w, struct ctx *ctx, struct arena *arena)
{
	struct sync_ask ask = { .user_id = w->user_id,
		.device_id = w->device_id,
		.filter = w->sync->filter,
		.members = w->sync->members,
		.since = w->from,
		.has_since = w->has_from,
		.full_state = w->sync->full_state,
		.use_state_after = w->sync->use_state_after };
	struct sync_found found;
	struct buf body = { 0 };
	enum mx_err err = sync_look(ctx, arena, &ask, &body, &found);

	w->looked = found.end;
	w->more = false;
	w->as = CLASS_ALONE;
	if (err == M_OK && (found.any || !ask.has_since || ask.full_state))
		waiting_answer(w, 200, &body);
	else if (err == M_OK)
		w->from = found.end; /* up to there is nothing to tell */
	buf_free(&body);
	return err;
}

static enum mx_err
look_at_page(struct waiting *w, struct ctx *ctx, struct arena *arena)
{
	struct page_news news = { .room_id = w->room_ids[0],
		.language = w->page - 1,
		.from = w->from.events };
	enum mx_err err = hub_pages_news(w->hub, ctx, arena, &news);

	w->looked = token_at(news.end);
	w->more = news.more;
	w->is_last = news.is_last;
	w->as = CLASS_ALONE;
	if (err == M_OK && news.block.n > 0)
		set_block(w, &news.block);
	buf_free(&news.block);
	return err;
}

void
waiting_stays(const struct waiting *w, struct core *core)
{
	if (w->page > 0)
		return; /* nobody in particular */
	presence_stays(core, w->user_id, w->device_id, SSE_COMMENT_MS);
}

enum mx_err
waiting_look(struct waiting *w, struct ctx *ctx, struct arena *arena)
{
	struct events_ask ask = { .user_id = w->user_id,
		.device_id = w->device_id,
		.room_ids = w->room_ids,
		.room_count = w->room_count,
		.from = w->from,
		.has_from = w->has_from,
		.limit = w->limit,
		.has_chat = w->has_chat,
		.sse = w->sse,
		.bytes_max = w->sse ? EVENTS_BYTES : 0 };
	struct events_found found;
	struct buf chunk = { 0 };
	enum mx_err err;

	if (w->sync != NULL)
		return look_sync(w, ctx, arena);
	if (w->page > 0)
		return look_at_page(w, ctx, arena);
	if (w->sse)
		waiting_stays(w, ctx->core);
	err = events_look(ctx, arena, &ask, &chunk, &found);
	w->looked = found.end;
	w->more = found.more;
	w->as = found.as;
	if (err == M_OK && found.count > 0 && w->sse)
		set_block(w, &chunk);
	else if (err == M_OK && found.count > 0)
		set_found(w, &chunk, &found);
	buf_free(&chunk);
	return err;
}
