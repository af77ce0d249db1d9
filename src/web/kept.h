/*
 * Whole pages, kept for as long as their room stands where it stood when they were
 * made: what io threads answer without asking anybody. Any thread.
 */
#ifndef WEB_KEPT_H
#define WEB_KEPT_H

#include "room/room.h"
#include "web/inside.h"

/* A page as it goes out. Counted, immutable. */
struct kept_page {
	_Atomic uint32_t refs;
	struct room *room; /* counted */
	int64_t position;  /* of its snapshot */
	int64_t made_ms;   /* clock_mono_ms */
	uint64_t age;	   /* kept_age when its making began */
	uint32_t room_age; /* room->pages_age then */
	bool may_index;
	char etag[32];
	struct http_shared *bytes;
	/* For who takes gzip; NULL: nobody has asked for it yet, or it is no smaller.
	 */
	struct http_shared *packed;
	bool is_no_smaller;
	char key[];
};

struct kept_pages *kept_new(void);
void kept_free(struct kept_pages *kept);

/* To be asked before a page is made, and said when it is kept: one that was begun
 * before kept_forget is not kept. */
uint64_t kept_age(struct kept_pages *kept);
/* All that is kept is over. */
void kept_forget(struct kept_pages *kept);

/* A reference, if it is as it would be made now; NULL: it has to be made. */
struct kept_page *kept_find(struct kept_pages *kept, const char *key);
void kept_put(struct kept_page *page);
/* A page for clients that take gzip. */
struct packed {
	bool is_tried; /* else nobody asked for it */
	char *p;       /* malloc'ed; NULL: it is no smaller */
	size_t n;
};

/* Keeps a page as of this position of the room. */
void kept_add(struct kept_pages *kept, uint64_t age, uint32_t room_age, const char *key,
    struct room *room, int64_t position, const char *etag, bool may_index,
    const struct buf *bytes, const struct packed *packed);

#endif
