/*
 * A page of one room: the room's head, and below it what the page is about.
 */
#ifndef WEB_VIEW_H
#define WEB_VIEW_H

#include "web/lines.h"
#include "web/list.h"
#include "web/sheet.h"

#define VIEW_LINES 50 /* on a page */

/* One room's page on its way. */
struct view {
	struct sheet sheet;
	struct shown shown;
	struct scene scene;
	struct buf people;   /* HTML */
	const char *heading; /* above the body; NULL: none */
	const char *term;    /* that is searched for; NULL: none is */
	const char
	    *about; /* what it is about, for who unfurls links; NULL: the topic */
};

/* The room of the path. M_NOT_FOUND: it is not shown. Afterwards view_answer, or
 * view_close where something went wrong. */
enum mx_err view_open(struct req *req, struct view *view) MUST_USE;
void view_close(struct view *view);
/* err: of what made the body; M_OK answers with the page. Closes the view. */
enum mx_err view_answer(struct view *view, enum mx_err err) MUST_USE;

/* An event that is shown, by its id; M_NOT_FOUND. */
enum mx_err view_find(
    struct view *view, const char *event_id, struct sliced *out) MUST_USE;
/* The lines of events, as a list into `out`; people who spoke come beside it. marked:
 * see list_write. */
enum mx_err view_lines(struct view *view, struct sliced *events, int n,
    const char *marked, struct buf *out) MUST_USE;
/* A page of a timeline that knows whether others follow (page->more); `end` is where
 * the next one begins. */
enum mx_err view_read(struct view *view, struct page *page) MUST_USE;
/* Puts it in the order of time. */
void view_turn(struct page *page);
/* The address of a page of this room, in the arena. */
const char *view_link(
    struct view *view, const char *kind, const char *what, const char *more);
/* Appends to an address: ?name=value */
const char *view_query(
    struct view *view, const char *link, const char *name, const char *value);
/* The address of the room's lines before a place (name "before") or behind it
 * ("after"), in the arena. */
const char *view_paged(struct view *view, const char *name, struct place place);
/* A place as a token, in the arena. */
const char *view_place(struct view *view, struct place place);

#endif
