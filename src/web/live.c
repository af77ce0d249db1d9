/*
 * GET /rooms/{room}/live: what happens in a room from a position on, as lines of its
 * page. Its watchers stand in the hub as every listener does; here is what they are
 * told, made by a worker once for all of a language.
 */
#include <stdlib.h>
#include <string.h>

#include "api/poll.h"
#include "base/map.h"
#include "base/vec.h"
#include "stream/sse.h"
#include "web/handlers.h"
#include "web/lines.h"
#include "web/list.h"
#include "web/sheet.h"

#define TOLD_MAX 300 /* events: whoever is further behind reads the page again */
#define WINDOW 60    /* latest lines that may show something of others */

/* What is told of one stretch of the timeline. */
struct telling {
	struct scene scene;
	struct shown shown;
	struct page_news *news;
	VEC(struct sliced) fresh;    /* events that are lines */
	VEC(struct touched) touched; /* by whatever changes others */
};

/* --- which lines --- */

static void
note(struct telling *t, const struct sliced *e)
{
	struct touched touched = lines_touched(&t->shown.seer, e);

	if (line_is_one(e, &t->shown.seer))
		vec_push(&t->fresh, *e);
	if (touched.n > 0 || touched.profile != NULL || touched.all)
		vec_push(&t->touched, touched);
}

static bool
is_changed(const struct telling *t, const struct line *line)
{
	for (size_t i = 0; i < t->touched.n; i++)
		if (line_is_touched(line, &t->touched.v[i]))
			return true;
	return false;
}

/* --- telling --- */

/* A line of HTML has line breaks of its own: each needs its field. */
static void
write_told(struct buf *out, const char *event, const struct line *line)
{
	struct buf html = { 0 };
	const char *p, *end;

	buf_printf(out, "event: %s\n", event);
	line_write(&html, line, NULL);
	for (p = html.p; p < html.p + html.n; p = end + 1) {
		end = memchr(p, '\n', (size_t)(html.p + html.n - p));
		if (end == NULL)
			end = html.p + html.n;
		buf_lit(out, "data: ");
		buf_add(out, p, (size_t)(end - p));
		buf_char(out, '\n');
	}
	buf_char(out, '\n');
	buf_free(&html);
}

static enum mx_err
tell(struct telling *t, const char *event, struct sliced *events, int n,
    bool (*is)(const struct telling *t, const struct line *line))
{
	struct line **lines =
	    ARENA_ARRAY(t->shown.seer.arena, struct line *, (size_t)n);
	enum mx_err err = lines_get(&t->scene, events, n, lines);

	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++)
		if (is == NULL || is(t, lines[i]))
			write_told(&t->news->block, event, lines[i]);
	lines_put(lines, n);
	return M_OK;
}

/* One that is further back than the window. */
static enum mx_err
tell_one(struct telling *t, const char *id)
{
	struct seer *seer = &t->shown.seer;
	struct stored_event stored;
	struct event *event;
	struct sliced e;
	enum mx_err err = seer_find(seer, id, &stored, &event);

	if (err == M_OK)
		err = seer_get(seer, stored.event, &e);
	if (err == M_OK && line_is_one(&e, seer))
		return tell(t, "change", &e, 1, NULL);
	return err == M_NOT_FOUND ? M_OK : err;
}

/* The latest lines of those that are others now, and what was spoken of; each once. */
static enum mx_err
tell_changed(struct telling *t)
{
	struct map told = { 0 };
	struct page page = { .from = { INT64_MAX, 0 },
		.backwards = true,
		.limit = WINDOW,
		.keep = line_is_one,
		.keep_arg = &t->shown.seer };
	enum mx_err err = timeline_page(&t->shown.seer, &page);

	for (int i = 0; err == M_OK && i < page.count; i++)
		map_put_str(&told, page.events[i].stored.event_id, t);
	for (size_t i = 0; err == M_OK && i < t->touched.n; i++)
		for (int j = 0; err == M_OK && j < t->touched.v[i].n; j++) {
			const char *id = t->touched.v[i].ids[j];

			if (map_get_str(&told, id) != NULL)
				continue;
			map_put_str(&told, id, t);
			err = tell_one(t, id);
		}
	map_fini(&told);
	return err == M_OK && page.count > 0
		   ? tell(t, "change", page.events, page.count, is_changed)
		   : err;
}

/* Who comes back goes on behind all that was told. */
static void
write_end(struct page_news *news)
{
	struct stream_token end = token_at(news->end);

	sse_event_begin(&news->block, &end, "told");
	sse_event_end(&news->block);
}

static void
write_word(struct page_news *news, const char *event)
{
	buf_printf(&news->block, "event: %s\ndata:\n\n", event);
}

/* The page has to be read anew. */
static void
tell_again(struct page_news *news, int64_t visible)
{
	news->end = visible > news->from ? visible : news->from;
	news->is_last = true;
	write_word(news, "again");
}

static enum mx_err
tell_between(struct telling *t, int64_t visible)
{
	struct page_news *news = t->news;
	struct page page = { .from = { news->from + 1, 0 }, .limit = TOLD_MAX };
	enum mx_err err = timeline_page(&t->shown.seer, &page);

	news->end = visible > news->from ? visible : news->from;
	if (err == M_OK && page.more) {
		tell_again(news, visible);
		return M_OK;
	}
	for (int i = 0; err == M_OK && i < page.count; i++)
		if (page.events[i].stored.event <= visible)
			note(t, &page.events[i]);
	if (err == M_OK && t->fresh.n > 0)
		err = tell(t, "line", t->fresh.v, (int)t->fresh.n, NULL);
	if (err == M_OK && t->touched.n > 0)
		err = tell_changed(t);
	if (err == M_OK && news->block.n > 0)
		write_end(news);
	return err;
}

/* server_pages.news */
enum mx_err
web_news(void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news)
{
	int64_t visible = atomic_load(&ctx->core->visible);
	struct telling t = { .news = news };
	enum mx_err err = shown_open(arg, ctx, arena, news->room_id, &t.shown);

	if (err == M_NOT_FOUND) {
		news->end = visible > news->from ? visible : news->from;
		news->is_last = true;
		write_word(news, "closed");
		return M_OK;
	}
	if (err != M_OK)
		return err;
	t.scene = (struct scene){
		.web = arg, .shown = &t.shown, .language = (enum language)news->language
	};
	/* What they show may be what the server ignores by now. */
	if (news->from < t.shown.ignored_since)
		tell_again(news, visible);
	else
		err = tell_between(&t, visible);
	shown_close(&t.shown);
	vec_free(&t.fresh);
	vec_free(&t.touched);
	return err;
}

/* --- the request --- */

static bool
read_from(const struct req *req, const char **text, struct stream_token *out)
{
	const struct str *last = http_header(&req->http->head, "last-event-id");

	*text = last != NULL && last->n > 0 && last->n < TOKEN_MAX
		    ? arena_strndup(req->arena, last->p, last->n)
		    : req_query(req, "from");
	return *text != NULL && token_parse(*text, out) && out->events < INT64_MAX &&
	       out->typing < 0 && out->presence < 0;
}

/* On a worker: is there such a room, and how far behind is it asked for? */
enum mx_err
web_live(struct req *req)
{
	struct stream_token from;
	struct shown shown;
	struct waiting *w;
	const char *text;
	enum mx_err err;

	if (!read_from(req, &text, &from))
		return M_INVALID_PARAM;
	err = shown_open(
	    web_of(req), req->ctx, req->arena, req_path(req, "room"), &shown);
	if (err != M_OK)
		return err;
	if (req->http->head.method == HTTP_HEAD) {
		shown_close(&shown);
		req->content_type = SSE_TYPE;
		reply_header(req, "Cache-Control", "no-store");
		return M_OK;
	}
	w = waiting_new_page(shown.room->room_id, (int)page_language(req), from.events);
	shown_close(&shown);
	poll_enter(req, w);
	return M_PARKED;
}
