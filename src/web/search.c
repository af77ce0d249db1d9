/*
 * GET /rooms/{room}/search?q=: messages in which all the words stand, newest first. A
 * request looks at so many events; where there are more, the next one goes on from
 * there.
 */
#include <string.h>

#include "base/fold.h"
#include "stream/token.h"
#include "web/handlers.h"
#include "web/view.h"

#define FOUND_MAX 50
#define LOOKED_AT_MAX 20000
#define TERM_MAX 200
#define WORDS_MAX 8

/* What is looked for, folded; scratch is what a message is folded into. */
struct wanted {
	char *words[WORDS_MAX];
	int count;
	struct seer *seer;
	struct buf *scratch;
};

static void
split(struct arena *arena, const char *term, struct wanted *out)
{
	struct buf folded = { 0 };
	char *rest, *text;

	fold_add(&folded, term);
	text = arena_strndup(arena, folded.p, folded.n);
	buf_free(&folded);
	for (char *word = strtok_r(text, " \t\n", &rest);
	     word != NULL && out->count < WORDS_MAX;
	     word = strtok_r(NULL, " \t\n", &rest))
		out->words[out->count++] = word;
}

/* Its body, or the one that an edit puts in place of another's. */
static const char *
body_of(const struct wanted *w, const struct sliced *e)
{
	struct str key = STR("m.new_content"), edited;

	if (e->live != NULL) {
		const struct json *content = e->live->pdu->event->content;
		const struct json *new = json_get_object(content, "m.new_content");

		return json_get_str(new != NULL ? new : content, "body");
	}
	if (json_slices(e->raw.content, &key, 1, &edited) && edited.p != NULL &&
	    edited.p[0] == '{')
		return slice_text_of(w->seer->arena, edited, "body");
	return slice_text_of(w->seer->arena, e->raw.content, "body");
}

static bool
has_words(const struct wanted *w, const char *body)
{
	if (body == NULL || !utf8_valid(body, strlen(body)))
		return false;
	buf_reset(w->scratch);
	fold_add(w->scratch, body);
	buf_char(w->scratch, '\0');
	for (int i = 0; i < w->count; i++)
		if (strstr(w->scratch->p, w->words[i]) == NULL)
			return false;
	return true;
}

/* A message that said so, or an edit that makes one say so. */
static bool
is_candidate(const struct sliced *e, const void *arg)
{
	const struct wanted *w = arg;

	return e->state_key == NULL && strcmp(e->type, "m.room.message") == 0 &&
	       has_words(w, body_of(w, e));
}

/* The message that a candidate is about; false: it does not say so now, or may not be
 * shown. */
static bool
settle(struct view *view, const struct wanted *w, struct sliced *e)
{
	struct seer *seer = w->seer;

	if (!line_is_one_of_thread(e, seer)) {
		struct touched touched = lines_touched(seer, e);

		if (touched.n == 0 || view_find(view, touched.ids[0], e) != M_OK ||
		    !line_is_one_of_thread(e, seer))
			return false;
	}
	return has_words(w, json_get_str(scene_content(&view->scene, e), "body"));
}

/* Each once. */
static int
settle_all(struct view *view, const struct wanted *w, struct page *page)
{
	int n = 0;

	for (int i = 0; i < page->count; i++) {
		struct sliced e = page->events[i];
		bool again = false;

		if (!settle(view, w, &e))
			continue;
		for (int j = 0; j < n; j++)
			again |= page->events[j].stored.event == e.stored.event;
		if (!again)
			page->events[n++] = e;
	}
	return n;
}

static const char *
title_of(struct view *view, const char *term)
{
	struct buf title = { 0 };
	const char *text;

	word_put(
	    &title, WORD_results_for, view->sheet.language, str_of(term), str_of(""));
	text = arena_strndup(view->sheet.req->arena, title.p, title.n);
	buf_free(&title);
	return text;
}

static void
write_found(
    struct view *view, const char *term, struct page *page, const struct buf *lines)
{
	struct filling f = { .language = view->sheet.language };

	if (term[0] != '\0')
		fill(&f, SLOT_title, title_of(view, term));
	if (page->more)
		fill(&f, SLOT_older,
		    view_query(view,
			view_query(
			    view, view_link(view, "search", NULL, NULL), "q", term),
			"before", view_place(view, page->end)));
	fill(&f, SLOT_up, view_link(view, NULL, NULL, NULL));
	fill_buf(&f, SLOT_lines, lines);
	template_write(&view->sheet.body, TEMPLATE_search, &f);
}

static enum mx_err
make_found(struct view *view, const char *term, struct place from)
{
	struct buf scratch = { 0 }, lines = { 0 };
	struct wanted wanted = { .seer = &view->shown.seer, .scratch = &scratch };
	struct page page = { .from = from,
		.backwards = true,
		.limit = FOUND_MAX,
		.keep = is_candidate,
		.keep_arg = &wanted,
		.scan_max = LOOKED_AT_MAX };
	enum mx_err err = M_OK;
	int n;

	split(view->sheet.req->arena, term, &wanted);
	if (wanted.count > 0)
		err = timeline_page(&view->shown.seer, &page);
	n = err == M_OK ? settle_all(view, &wanted, &page) : 0;
	if (n > 0)
		err = view_lines(view, page.events, n, NULL, &lines);
	if (err == M_OK)
		write_found(view, term, &page, &lines);
	buf_free(&scratch);
	buf_free(&lines);
	return err;
}

enum mx_err
web_search(struct req *req)
{
	const char *term = req_query(req, "q"), *before = req_query(req, "before");
	struct place from = { INT64_MAX, 0 };
	struct view view;
	enum mx_err err;

	if (!web_of(req)->set.search)
		return M_NOT_FOUND;
	if (term == NULL)
		term = "";
	if (strlen(term) > TERM_MAX || !utf8_valid(term, strlen(term)) ||
	    (before != NULL && !token_parse_place(before, &from)))
		return M_INVALID_PARAM;
	err = view_open(req, &view);
	if (err != M_OK)
		return err;
	view.term = term;
	view.heading = word(WORD_find_here, view.sheet.language);
	return view_answer(&view, make_found(&view, term, from));
}
