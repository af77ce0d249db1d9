/*
 * The viewer: public rooms as pages, for people without an account, a guest or a
 * script. Only rooms whose history is world_readable are shown, and of their events
 * only those that were so when they were sent. See doc/viewer.md for an event's way to
 * a page.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "api/server.h"
#include "room/ctx.h"

/* Borrowed for the viewer's life. */
struct web_settings {
	bool listed_only;   /* of open rooms those that are in the directory */
	bool search;	    /* inside rooms */
	const char *title;  /* of /rooms; NULL: the words' own */
	unsigned languages; /* bits of enum language; not 0 */
	int language;	    /* for who reads none of them; one that is not: the first */
};

struct web;

/* Before the server; after the core. */
struct web *web_new(struct core *core, const struct web_settings *settings);
void web_free(struct web *web);
/* For server_options.pages. */
struct server_pages web_pages(struct web *web);

#endif
