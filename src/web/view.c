/*
 * What all pages of a room share. Relies on web/open for whether there is one.
 */
#include "web/view.h"

#include <string.h>

#include "stream/token.h"
#include "web/line_inside.h"

#define SCAN_MAX 20000 /* events: most may be answers in threads, or reactions */
#define ABOUT_MAX 200  /* bytes of a topic for search engines and previews */

enum mx_err
view_open(struct req *req, struct view *view)
{
	enum mx_err err;

	*view = (struct view){ .heading = NULL };
	sheet_init(&view->sheet, req);
	err = shown_open(
	    view->sheet.web, req->ctx, req->arena, req_path(req, "room"), &view->shown);
	if (err == M_OK)
		shown_describe(view->sheet.web, &view->shown);
	view->scene = (struct scene){ .web = view->sheet.web,
		.shown = &view->shown,
		.language = view->sheet.language };
	return err;
}

void
view_close(struct view *view)
{
	shown_close(&view->shown);
	sheet_fini(&view->sheet);
	buf_free(&view->people);
}

const char *
view_link(struct view *view, const char *kind, const char *what, const char *more)
{
	return page_link(view->sheet.web, view->sheet.req->arena, view->shown.address,
	    kind, what, more, NULL);
}

const char *
view_query(struct view *view, const char *link, const char *name, const char *value)
{
	struct buf b = { 0 };
	const char *text;

	buf_str(&b, link);
	buf_char(&b, strchr(link, '?') == NULL ? '?' : '&');
	buf_str(&b, name);
	buf_char(&b, '=');
	page_encode(&b, value);
	text = arena_strndup(view->sheet.req->arena, b.p, b.n);
	buf_free(&b);
	return text;
}

const char *
view_place(struct view *view, struct place place)
{
	struct buf b = { 0 };
	const char *text;

	token_write_place(&b, place);
	text = arena_strndup(view->sheet.req->arena, b.p, b.n);
	buf_free(&b);
	return text;
}

const char *
view_paged(struct view *view, const char *name, struct place place)
{
	return view_query(
	    view, view_link(view, NULL, NULL, NULL), name, view_place(view, place));
}

enum mx_err
view_read(struct view *view, struct page *page)
{
	enum mx_err err;

	page->looks_on = true;
	page->scan_max = SCAN_MAX;
	err = timeline_page(&view->shown.seer, page);
	/* It has looked beyond what it holds. */
	if (err == M_OK && page->count == page->limit) {
		const struct stored_event *last = &page->events[page->count - 1].stored;

		page->end = (struct place){ last->line, last->sub + !page->backwards };
	}
	return err;
}

enum mx_err
view_find(struct view *view, const char *event_id, struct sliced *out)
{
	struct seer *seer = &view->shown.seer;
	struct stored_event stored;
	struct event *event;
	enum mx_err err = seer_find(seer, event_id, &stored, &event);

	if (err == M_OK && seer_ignores(seer, event->sender))
		err = M_NOT_FOUND;
	return err == M_OK ? seer_get(seer, stored.event, out) : err;
}

void
view_turn(struct page *page)
{
	for (int i = 0, j = page->count - 1; i < j; i++, j--) {
		struct sliced swapped = page->events[i];

		page->events[i] = page->events[j];
		page->events[j] = swapped;
	}
}

/* What a page is about is shown in full. It stays as it is where that fails. */
static void
make_whole(struct view *view, struct sliced *event, struct line **line)
{
	struct scene scene = view->scene;
	struct line *whole;

	scene.is_whole = true;
	if (lines_get(&scene, event, 1, &whole) != M_OK)
		return;
	line_unref(*line);
	*line = whole;
}

enum mx_err
view_lines(struct view *view, struct sliced *events, int n, const char *marked,
    struct buf *out)
{
	struct arena *arena = view->sheet.req->arena;
	struct line **lines = ARENA_ARRAY(arena, struct line *, (size_t)n);
	enum mx_err err = lines_get(&view->scene, events, n, lines);

	if (err != M_OK)
		return err;
	for (int i = 0; i < n && marked != NULL; i++)
		if (lines[i]->is_cut && strcmp(lines[i]->event_id, marked) == 0)
			make_whole(view, &events[i], &lines[i]);
	list_write(out, &view->scene, lines, n, marked);
	list_people(&view->people, &view->scene, lines, n);
	lines_put(lines, n);
	return M_OK;
}

/* matrix:r/lobby:example.org. Spec: appendices/#matrix-uri-scheme */
static const char *
matrix_uri(struct view *view)
{
	const struct shown *shown = &view->shown;
	struct buf b = { 0 };
	const char *uri;

	buf_str(&b, shown->address[0] == '#' ? "matrix:r/" : "matrix:roomid/");
	page_encode(&b, shown->address + 1);
	buf_lit(&b, "?action=join");
	if (shown->address[0] != '#') {
		buf_lit(&b, "&via=");
		page_encode(&b, view->sheet.web->core->set.server_name);
	}
	uri = arena_strndup(view->sheet.req->arena, b.p, b.n);
	buf_free(&b);
	return uri;
}

static const char *
matrix_to(struct view *view)
{
	const char *link;
	struct buf b = { 0 };

	buf_lit(&b, "https://matrix.to/#/");
	page_encode(&b, view->shown.address);
	link = arena_strndup(view->sheet.req->arena, b.p, b.n);
	buf_free(&b);
	return view_query(view, link, "via", view->sheet.web->core->set.server_name);
}

static const char *
in_element(struct view *view)
{
	struct buf b = { 0 };
	const char *link;

	buf_lit(&b, "https://app.element.io/#/room/");
	page_encode(&b, view->shown.address);
	link = arena_strndup(view->sheet.req->arena, b.p, b.n);
	buf_free(&b);
	return link;
}

/* The page of another room, whose id stands there; NULL: it does not, or has none. */
static const char *
page_of(struct view *view, const char *room_id)
{
	struct req *req = view->sheet.req;
	const char *link = NULL;
	struct shown other;

	if (room_id == NULL || room_id[0] != '!' ||
	    shown_open(view->sheet.web, req->ctx, req->arena, room_id, &other) != M_OK)
		return NULL;
	shown_describe(view->sheet.web, &other);
	link = page_link(view->sheet.web, req->arena, other.address, NULL);
	shown_close(&other);
	return link;
}

static const char *
other_room(struct view *view, const char *type, const char *field)
{
	return page_of(
	    view, json_get_str(snapshot_content(view->shown.s, type, ""), field));
}

static const char *
predecessor(struct view *view)
{
	const struct json *create =
	    snapshot_content(view->shown.s, "m.room.create", "");

	return page_of(
	    view, json_get_str(json_get_object(create, "predecessor"), "room_id"));
}

/* What search engines and those who unfurl links are told. */
static const char *
about(struct view *view)
{
	const char *topic = view->shown.topic;

	return topic == NULL ? NULL
			     : page_cut(view->sheet.req->arena, topic, ABOUT_MAX);
}

static void
fill_head(struct view *view, struct filling *f, struct buf *topic)
{
	struct shown *shown = &view->shown;
	struct arena *arena = view->sheet.req->arena;
	const char *name = shown_name(shown, view->sheet.language);

	if (shown->topic != NULL)
		markup_text(topic, shown->topic, strlen(shown->topic));
	face_fill(f, arena, shown->room->room_id, name, shown->face);
	fill(f, SLOT_home, page_link(view->sheet.web, arena, NULL, NULL));
	fill(f, SLOT_icon, view->sheet.web->icon->url);
	fill(f, SLOT_name, name);
	fill(f, SLOT_topic, shown->topic);
	fill_buf(f, SLOT_text, topic);
	fill(f, SLOT_alias, shown->alias);
	fill(f, SLOT_members, arena_printf(arena, "%u", shown->s->joined));
	fill(f, SLOT_up, view_link(view, NULL, NULL, NULL));
	fill(f, SLOT_calendar, view_link(view, "days", NULL, NULL));
	if (view->sheet.web->set.search)
		fill(f, SLOT_search, view_link(view, "search", NULL, NULL));
	fill(f, SLOT_join_href, matrix_uri(view));
	fill(f, SLOT_join_web, matrix_to(view));
	fill(f, SLOT_join_element, in_element(view));
	fill(
	    f, SLOT_moved_to, other_room(view, "m.room.tombstone", "replacement_room"));
	fill(f, SLOT_came_from, predecessor(view));
	fill(f, SLOT_heading, view->heading);
	fill_buf(f, SLOT_body, &view->sheet.body);
	fill_buf(f, SLOT_people, &view->people);
}

static void
frame(struct view *view)
{
	struct filling f = { .language = view->sheet.language };
	struct buf topic = { 0 }, whole = { 0 };

	fill_head(view, &f, &topic);
	fill(&f, SLOT_term, view->term);
	template_write(&whole, TEMPLATE_room, &f);
	buf_free(&topic);
	buf_free(&view->sheet.body);
	view->sheet.body = whole;
}

/* What stands around the room's head: the title, and what links to it show. */
static void
fill_outside(struct view *view)
{
	struct sheet *sheet = &view->sheet;
	const char *name = shown_name(&view->shown, sheet->language);

	fill(&sheet->f, SLOT_title,
	    view->heading == NULL
		? name
		: arena_printf(sheet->req->arena, "%s · %s", view->heading, name));
	fill(&sheet->f, SLOT_about, view->about != NULL ? view->about : about(view));
	fill(&sheet->f, SLOT_face, view->shown.face);
}

enum mx_err
view_answer(struct view *view, enum mx_err err)
{
	struct sheet *sheet = &view->sheet;

	if (err == M_OK) {
		frame(view);
		fill_outside(view);
		err = sheet_answer(sheet);
	} else if (err == M_NOT_FOUND) {
		err = page_refuse(sheet->req, 404, WORD_not_found, WORD_not_in_room,
		    view_link(view, NULL, NULL, NULL),
		    shown_name(&view->shown, sheet->language));
	}
	view_close(view);
	return err;
}
