/*
 * Addresses in bodies: which may be linked to, and where they stand in plain text.
 */
#ifndef WEB_MARKUP_LINK_H
#define WEB_MARKUP_LINK_H

#include "web/markup.h"

/* How much more may be opened, so that no body grows beyond measure. */
struct markup_room {
	size_t until; /* bytes of the buffer that is written into */
	int elements;
};

/* For a body of n bytes that is about to be written into out. */
struct markup_room markup_room(const struct buf *out, size_t n);
/* Is there room for one more element? It is taken. */
bool markup_may_open(struct markup_room *room, const struct buf *out);

/* Appends the start tag of a link; false (and nothing is appended): not an address that
 * a body may lead to. */
bool markup_open_link(struct buf *out, struct str href);
/* Appends text escaped, with the addresses in it as links. */
void markup_linked(struct buf *out, struct str text, struct markup_room *room);

#endif
