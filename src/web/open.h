/*
 * Rooms that may be shown now, and what is known of them.
 */
#ifndef WEB_OPEN_H
#define WEB_OPEN_H

#include "room/timeline.h"
#include "web/inside.h"

/* A room's content in which it says whether it wants pages (doc/viewer.md). */
#define VIEWER_EVENT "org.parlour.viewer"

/* A room that is shown, as a stranger sees it. Texts live in the arena. */
struct shown {
	struct room *room;
	struct snapshot *s;
	struct seer seer;
	/* By shown_describe. */
	const char *address; /* in its pages' addresses: an alias of here, or its id */
	const char *name;    /* or alias; NULL: it has neither */
	const char *topic, *alias; /* NULL: not set */
	const char *face;	   /* the address of its picture; NULL: it has none */
	bool may_index;		   /* it asks to be found by search engines */
	/* Where whom the server ignores was changed last; seer.ignored is who. */
	int64_t ignored_since;
	uint32_t pages_age; /* of the room, before anything of it was read */
};

/* By an id or an alias, with or without its '#'. M_NOT_FOUND: it is not shown, whatever
 * the reason. */
enum mx_err shown_open(struct web *web, struct ctx *ctx, struct arena *arena,
    const char *room, struct shown *out) MUST_USE;
/* The same of a room at hand, whose reference it takes. */
enum mx_err shown_open_room(struct web *web, struct ctx *ctx, struct arena *arena,
    struct room *room, struct shown *out) MUST_USE;
void shown_close(struct shown *shown);
/* What it is called, and where: fills in address, name, topic, alias, face. */
void shown_describe(const struct web *web, struct shown *shown);

/* What it is called on a page. */
const char *shown_name(const struct shown *shown, enum language language);
/* The event that holds the state now; M_NOT_FOUND: none does. */
enum mx_err shown_state(struct shown *shown, const char *type, const char *state_key,
    struct sliced *out) MUST_USE;

#endif
