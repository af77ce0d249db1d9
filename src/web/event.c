/*
 * GET /rooms/{room}/event/{eventId}: a message, and what was said around it. And
 * /rooms/{room}/thread/{eventId}: a message and the thread that begins with it.
 */
#include "room/relations.h"
#include "stream/token.h"
#include "web/handlers.h"
#include "web/line_inside.h"
#include "web/view.h"

#define AROUND 25 /* lines on either side */
#define THREAD_LINES 100
#define ABOUT_MAX 200 /* bytes */

/* Of what is no line of its own, an edit or a reaction, the line that it changes. */
static enum mx_err
find(struct view *view, struct sliced *out)
{
	struct seer *seer = &view->shown.seer;
	enum mx_err err = view_find(view, req_path(view->sheet.req, "eventId"), out);
	struct touched touched;
	const char *target;

	if (err != M_OK || line_is_one_of_thread(out, seer) || out->state_key != NULL)
		return err;
	touched = lines_touched(seer, out);
	target = touched.n == 0 ? NULL : touched.ids[0];
	err = target == NULL ? M_NOT_FOUND : view_find(view, target, out);
	return err == M_OK && !line_is_one_of_thread(out, seer) ? M_NOT_FOUND : err;
}

/* Where a link to it is unfurled, what it says is shown. */
static void
say_about(struct view *view, struct sliced *e)
{
	const struct json *content;
	struct buf text = { 0 };

	if (e->state_key != NULL || line_is_redacted(e))
		return;
	content = scene_content(&view->scene, e);
	line_plain(&text, content, ABOUT_MAX);
	if (text.n > 0)
		view->about = arena_strndup(view->sheet.req->arena, text.p, text.n);
	buf_free(&text);
}

/* --- around --- */

struct around {
	struct sliced event;
	struct page before, behind;
};

static enum mx_err
read_around(struct view *view, struct around *a)
{
	struct stored_event *e = &a->event.stored;
	struct seer *seer = &view->shown.seer;
	enum mx_err err;

	a->before = (struct page){ .from = { e->line, e->sub },
		.backwards = true,
		.limit = AROUND,
		.keep = line_is_one,
		.keep_arg = seer };
	a->behind = (struct page){ .from = { e->line, e->sub + 1 },
		.limit = AROUND,
		.keep = line_is_one,
		.keep_arg = seer };
	err = view_read(view, &a->before);
	return err == M_OK ? view_read(view, &a->behind) : err;
}

static enum mx_err
write_around(struct view *view, struct around *a)
{
	struct filling f = { .language = view->sheet.language };
	int n = a->before.count, total = n + 1 + a->behind.count;
	struct sliced *events =
	    ARENA_ARRAY(view->sheet.req->arena, struct sliced, (size_t)total);
	struct buf lines = { 0 };
	enum mx_err err;

	view_turn(&a->before);
	for (int i = 0; i < total; i++)
		events[i] = i < n    ? a->before.events[i]
			    : i == n ? a->event
				     : a->behind.events[i - n - 1];
	err = view_lines(view, events, total, a->event.stored.event_id, &lines);
	if (a->before.more)
		fill(&f, SLOT_older, view_paged(view, "before", a->before.end));
	if (a->behind.more)
		fill(&f, SLOT_newer, view_paged(view, "after", a->behind.end));
	fill(&f, SLOT_up, view_link(view, NULL, NULL, NULL));
	fill_buf(&f, SLOT_lines, &lines);
	template_write(&view->sheet.body, TEMPLATE_lines, &f);
	buf_free(&lines);
	return err;
}

static enum mx_err
make_around(struct view *view)
{
	struct around a;
	enum mx_err err = find(view, &a.event);

	if (err == M_OK)
		say_about(view, &a.event);
	if (err == M_OK)
		err = read_around(view, &a);
	if (err == M_OK)
		err = write_around(view, &a);
	return err;
}

/* --- a thread --- */

static enum mx_err
read_thread(struct view *view, const struct sliced *root, struct page *page)
{
	const char *after = req_query(view->sheet.req, "after");
	struct relations_query query = {
		.parent = root->stored.event_id, .rel_type = "m.thread", .depth = 1
	};

	*page = (struct page){ .from = { INT64_MIN, 0 }, .limit = THREAD_LINES };
	if (after != NULL && !token_parse_place(after, &page->from))
		return M_INVALID_PARAM;
	return relations_page(&view->shown.seer, &query, page);
}

static enum mx_err
write_thread(struct view *view, struct sliced *root, struct page *page)
{
	struct filling f = { .language = view->sheet.language };
	struct sliced *events =
	    ARENA_ARRAY(view->sheet.req->arena, struct sliced, (size_t)page->count + 1);
	const char *id = root->stored.event_id;
	struct buf lines = { 0 };
	int n = 0;
	enum mx_err err;

	events[n++] = *root;
	for (int i = 0; i < page->count; i++)
		if (line_is_one_of_thread(&page->events[i], &view->shown.seer))
			events[n++] = page->events[i];
	view->scene.in_thread = true;
	err = view_lines(view, events, n, NULL, &lines);
	if (page->more)
		fill(&f, SLOT_newer,
		    view_query(view, view_link(view, "thread", id, NULL), "after",
			view_place(view, page->end)));
	fill(&f, SLOT_up, view_link(view, "event", id, NULL));
	fill_buf(&f, SLOT_lines, &lines);
	template_write(&view->sheet.body, TEMPLATE_lines, &f);
	buf_free(&lines);
	return err;
}

static enum mx_err
make_thread(struct view *view)
{
	struct sliced root;
	struct page page;
	enum mx_err err = find(view, &root);

	if (err == M_OK)
		say_about(view, &root);
	if (err == M_OK)
		err = read_thread(view, &root, &page);
	if (err == M_OK)
		err = write_thread(view, &root, &page);
	return err;
}

/* --- both --- */

/* A page about one event, which search engines know by its address. */
static enum mx_err
answer_about(struct req *req, const char *page, enum word heading,
    enum mx_err (*make)(struct view *view))
{
	struct view view;
	enum mx_err err = view_open(req, &view);

	if (err != M_OK)
		return err;
	view.heading = word(heading, view.sheet.language);
	view.sheet.may_index = view.shown.may_index;
	page_url(view.sheet.web, &view.sheet.url, view.shown.address, page,
	    req_path(req, "eventId"), NULL);
	return view_answer(&view, make(&view));
}

enum mx_err
web_event(struct req *req)
{
	return answer_about(req, "event", WORD_around, make_around);
}

enum mx_err
web_thread(struct req *req)
{
	return answer_about(req, "thread", WORD_thread, make_thread);
}
