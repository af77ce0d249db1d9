/*
 * GET /rooms: the rooms of the directory that everybody may read.
 */
#include <string.h>

#include "core/public_rooms.h"
#include "stream/token.h"
#include "web/handlers.h"
#include "web/line_inside.h"
#include "web/open.h"
#include "web/sheet.h"

#define ROOMS_EACH 30
#define TERM_MAX 200

/* When something was last said, or else happened. */
static void
fill_last(struct shown *shown, struct filling *f)
{
	struct page page = { .from = { INT64_MAX, 0 },
		.backwards = true,
		.limit = 1,
		.keep = line_is_one,
		.keep_arg = &shown->seer };
	struct arena *arena = shown->seer.arena;

	enum mx_err err = timeline_page(&shown->seer, &page);

	if (err == M_OK && page.count == 0) {
		page.from = (struct place){ INT64_MAX, 0 };
		page.keep = NULL; /* whatever has happened */
		err = timeline_page(&shown->seer, &page);
	}
	if (err != M_OK || page.count == 0)
		return;
	fill(f, SLOT_at, page_time(arena, page.events[0].stored.ts, TIME_WHOLE));
	fill(f, SLOT_clock, page_time(arena, page.events[0].stored.ts, TIME_DAY));
}

static void
write_room(
    struct sheet *sheet, struct shown *shown, uint32_t listeners, struct buf *out)
{
	struct filling f = { .language = sheet->language };
	struct arena *arena = sheet->req->arena;

	face_fill(&f, arena, shown->room->room_id, shown_name(shown, sheet->language),
	    shown->face);
	fill(&f, SLOT_name, shown_name(shown, sheet->language));
	fill(&f, SLOT_topic, shown->topic);
	fill(&f, SLOT_href, page_link(sheet->web, arena, shown->address, NULL));
	fill(&f, SLOT_members, arena_printf(arena, "%u", shown->s->joined));
	if (listeners > 0)
		fill(&f, SLOT_listeners, arena_printf(arena, "%u", listeners));
	fill_last(shown, &f);
	template_write(out, TEMPLATE_room_of, &f);
}

/* Rooms that are hidden, or that say no, are left out. */
static enum mx_err
write_rooms(struct sheet *sheet, const struct public_query *query, struct buf *out)
{
	struct req *req = sheet->req;
	const char *ids[ROOMS_EACH];
	uint32_t listeners[ROOMS_EACH] = { 0 };

	for (int i = 0; i < query->count; i++)
		ids[i] = query->rooms[i].room_id;
	if (query->count > 0)
		server_listeners(req->server, ids, query->count, listeners);
	for (int i = 0; i < query->count; i++) {
		struct shown shown;
		struct room *room;
		enum mx_err err = room_get(req->ctx, ids[i], &room);

		if (err == M_OK)
			err = shown_open_room(
			    sheet->web, req->ctx, req->arena, room, &shown);
		if (err == M_NOT_FOUND)
			continue;
		if (err != M_OK)
			return err;
		shown_describe(sheet->web, &shown);
		write_room(sheet, &shown, listeners[i], out);
		shown_close(&shown);
	}
	return M_OK;
}

static const char *
paged(struct sheet *sheet, const char *term, const char *since)
{
	struct buf b = { 0 };
	const char *link;

	if (since == NULL)
		return NULL;
	page_url(sheet->web, &b, NULL, NULL);
	buf_lit(&b, "?since=");
	page_encode(&b, since);
	if (term != NULL) {
		buf_lit(&b, "&q=");
		page_encode(&b, term);
	}
	link = arena_strndup(sheet->req->arena, b.p, b.n);
	buf_free(&b);
	return link;
}

static void
write_body(struct sheet *sheet, const struct public_query *query, const char *title,
    const struct buf *rooms)
{
	struct filling f = { .language = sheet->language };
	struct buf url = { 0 };

	page_url(sheet->web, &url, NULL, NULL);
	fill_buf(&f, SLOT_url, &url);
	fill(&f, SLOT_icon, sheet->web->icon->url);
	fill(&f, SLOT_heading, title);
	fill(&f, SLOT_term, query->term);
	fill(&f, SLOT_rooms, rooms->n > 0 ? "" : NULL);
	fill_buf(&f, SLOT_lines, rooms);
	fill(&f, SLOT_empty,
	    word(query->term == NULL ? WORD_no_rooms : WORD_nothing_found,
		sheet->language));
	fill(&f, SLOT_previous, paged(sheet, query->term, query->prev));
	fill(&f, SLOT_next, paged(sheet, query->term, query->next));
	template_write(&sheet->body, TEMPLATE_rooms, &f);
	buf_free(&url);
}

static const char *
title_of(const struct sheet *sheet)
{
	const char *title = sheet->web->set.title;

	return title != NULL ? title : word(WORD_rooms, sheet->language);
}

/* As people type it. */
enum mx_err
web_rooms_slash(struct req *req)
{
	req->status = 308;
	req->content_type = "text/plain; charset=utf-8";
	reply_header(req, "Location", page_link(web_of(req), req->arena, NULL, NULL));
	return M_OK;
}

enum mx_err
web_rooms(struct req *req)
{
	const char *term = req_query(req, "q");
	struct public_query query = { .limit = ROOMS_EACH,
		.since = req_query(req, "since"),
		.term = term == NULL || term[0] == '\0' ? NULL : term,
		.readable_only = true };
	struct buf rooms = { 0 };
	struct sheet sheet;
	enum mx_err err;

	if (term != NULL &&
	    (strlen(term) > TERM_MAX || !utf8_valid(term, strlen(term))))
		return M_INVALID_PARAM;
	sheet_init(&sheet, req);
	err = public_rooms_page(req->ctx, req->arena, &query);
	if (err == M_OK)
		err = write_rooms(&sheet, &query, &rooms);
	if (err == M_OK) {
		write_body(&sheet, &query, title_of(&sheet), &rooms);
		fill(&sheet.f, SLOT_title, title_of(&sheet));
		fill(&sheet.f, SLOT_about, word(WORD_rooms_about, sheet.language));
		sheet.may_index = query.term == NULL && query.since == NULL;
		if (sheet.may_index)
			page_url(sheet.web, &sheet.url, NULL, NULL);
		err = sheet_answer(&sheet);
	}
	buf_free(&rooms);
	sheet_fini(&sheet);
	return err;
}
