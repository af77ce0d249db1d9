/*
 * One event as a line of a page: what people see of it, in one language. A line is made
 * once and shared by all pages (web/lines).
 */
#ifndef WEB_LINE_H
#define WEB_LINE_H

#include "web/open.h"

enum line_kind {
	LINE_SAID,  /* by a person, with a face */
	LINE_MOVED, /* somebody came or went */
	LINE_QUIET, /* whatever else happened */
};

/* Counted, immutable. */
struct line {
	_Atomic uint32_t refs;
	enum line_kind kind;
	int64_t event, ts;
	uint64_t sender;   /* map_hash of the user id */
	uint64_t quotes;   /* map_hash of the id of the event it answers; 0: of none */
	bool has_children; /* it shows something of other events: reactions ... */
	bool is_cut;	   /* there is more of it at its own address */
	const char *event_id;
	const char *user_id, *name, *face; /* of who said it; face NULL: none */
	struct str html;		   /* from behind `<li class="..."` on */
};

struct line *line_ref(struct line *line);
void line_unref(struct line *line); /* NULL is allowed */

/* What a line is made in. Lives as long as one request. */
struct scene {
	struct web *web;
	struct shown *shown;
	enum language language;
	int64_t upto;	       /* children up to here are shown */
	bool in_thread;	       /* the lines are a thread's own */
	bool is_whole;	       /* long texts are not cut */
	struct people *people; /* web/lines: those known already; NULL: none are */
	bool is_partial; /* something could not be read: what is made is not kept */
};

/* Is it a line of its own, or does it change another one? As page.keep; arg: the seer,
 * or NULL: whether its sender is ignored does not matter. */
bool line_is_one(const struct sliced *e, const void *arg);
/* The same in a thread's page. */
bool line_is_one_of_thread(const struct sliced *e, const void *arg);

bool line_is_redacted(const struct sliced *e);
/* What an event says now, as it was edited last; e is given its relations. */
const struct json *scene_content(struct scene *scene, struct sliced *e);

/* Makes the line; e has been given its relations (room/bundle). */
struct line *line_new(struct scene *scene, const struct sliced *e);

/* Appends `<li ...>...</li>`. more: classes that it has here beside its own, each
 * behind a blank; NULL: none. */
void line_write(struct buf *out, const struct line *line, const char *more);

#endif
