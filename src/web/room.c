/*
 * GET /rooms/{room}: a room's latest messages, and from there live; or a page of what
 * was before.
 */
#include <string.h>

#include "stream/token.h"
#include "web/handlers.h"
#include "web/kept.h"
#include "web/view.h"

/* Where the page begins, by ?before= or ?after=. */
struct span {
	struct place place;
	bool is_back, is_live;
};

static enum mx_err
read_span(struct req *req, struct span *out)
{
	const char *before = req_query(req, "before"), *after = req_query(req, "after");

	*out = (struct span){ .place = { INT64_MAX, 0 }, .is_back = true };
	out->is_live = before == NULL && after == NULL;
	if (out->is_live)
		return M_OK;
	out->is_back = before != NULL;
	return token_parse_place(before != NULL ? before : after, &out->place)
		   ? M_OK
		   : M_INVALID_PARAM;
}

/* Where its stream is, and from which position on. */
static void
fill_live(struct view *view, struct filling *f)
{
	int64_t position = view->shown.s->position;
	/* What the server ignores is left out already. */
	struct stream_token at =
	    token_at(position > view->shown.ignored_since ? position
							  : view->shown.ignored_since);
	struct arena *arena = view->sheet.req->arena;
	struct buf token = { 0 };

	token_write(&token, &at);
	fill(f, SLOT_from, arena_strndup(arena, token.p, token.n));
	fill(f, SLOT_live,
	    arena_printf(arena, "%s?lang=%s",
		page_link(
		    view->sheet.web, arena, view->shown.room->room_id, "live", NULL),
		language_code(view->sheet.language)));
	buf_free(&token);
}

static void
write_body(struct view *view, const struct span *span, struct page *page,
    const struct buf *lines)
{
	struct filling f = { .language = view->sheet.language };
	struct place first = page->from, last = page->from;

	if (page->count > 0) {
		const struct stored_event *a = &page->events[0].stored;
		const struct stored_event *z = &page->events[page->count - 1].stored;

		first = (struct place){ a->line, a->sub };
		last = (struct place){ z->line, z->sub + 1 };
	}
	if (span->is_back && page->more)
		first = page->end;
	if (span->is_back ? page->more : page->count > 0)
		fill(&f, SLOT_older, view_paged(view, "before", first));
	if (!span->is_live && (span->is_back || page->more))
		fill(&f, SLOT_newer, view_paged(view, "after", last));
	if (span->is_live)
		fill_live(view, &f);
	else
		fill(&f, SLOT_up, view_link(view, NULL, NULL, NULL));
	if (!page->more)
		fill(&f, SLOT_empty, word(WORD_nothing_said, view->sheet.language));
	fill_buf(&f, SLOT_lines, lines);
	template_write(&view->sheet.body, TEMPLATE_lines, &f);
}

static enum mx_err
make_body(struct view *view, const struct span *span)
{
	struct page page = { .from = span->place,
		.backwards = span->is_back,
		.limit = VIEW_LINES,
		.keep = line_is_one,
		.keep_arg = &view->shown.seer };
	struct buf lines = { 0 };
	enum mx_err err = view_read(view, &page);

	if (err == M_OK && span->is_back)
		view_turn(&page);
	if (err == M_OK)
		err = view_lines(view, page.events, page.count, NULL, &lines);
	if (err == M_OK)
		write_body(view, span, &page, &lines);
	buf_free(&lines);
	return err;
}

/* Nothing of what somebody puts behind a page's address is for others to see. */
static bool
is_plain(const struct req *req)
{
	return req->query.count == 0 ||
	       (req->query.count == 1 && req_query(req, "lang") != NULL);
}

/* The room as it was addressed, and the language. */
static const char *
keep_key(struct req *req)
{
	return arena_printf(req->arena, "%s %s", language_code(page_language(req)),
	    req_path(req, "room"));
}

/* On an io thread, out of memory; else a worker makes it. */
static enum mx_err
answer_kept(struct req *req)
{
	struct web *web = web_of(req);
	struct kept_page *kept = kept_find(web->kept, keep_key(req));
	enum mx_err err = M_OK;

	if (kept != NULL && req->http->head.accepts_gzip && kept->packed == NULL &&
	    !kept->is_no_smaller) {
		kept_put(kept);
		kept = NULL;
	}
	if (kept == NULL)
		return REQ_TO_WORKER;
	atomic_fetch_add_explicit(&web->pages_kept, 1, memory_order_relaxed);
	page_headers(req, kept->may_index);
	reply_header(req, "ETag", kept->etag);
	if (page_is_known(req, kept->etag))
		req->status = 304;
	else
		err = reply_shared(req, kept->bytes, kept->packed);
	kept_put(kept);
	return err;
}

enum mx_err
web_room(struct req *req)
{
	struct span span;
	struct view view;
	enum mx_err err = read_span(req, &span);

	if (err != M_OK)
		return err;
	if (req->ctx->db == NULL)
		return span.is_live && is_plain(req) ? answer_kept(req) : REQ_TO_WORKER;
	err = view_open(req, &view);
	if (err != M_OK)
		return err;
	if (span.is_live && is_plain(req)) {
		view.sheet.keep_key = keep_key(req);
		view.sheet.room = view.shown.room;
		view.sheet.room_age = view.shown.pages_age;
		view.sheet.position = view.shown.s->position;
	}
	view.sheet.may_index = view.shown.may_index && span.is_live;
	if (span.is_live)
		page_url(view.sheet.web, &view.sheet.url, view.shown.address, NULL);
	return view_answer(&view, make_body(&view, &span));
}
