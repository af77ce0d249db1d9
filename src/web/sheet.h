/*
 * What all pages have in common: the language, the frame around them, the headers that
 * keep them safe and let them be cached, and errors as pages.
 */
#ifndef WEB_SHEET_H
#define WEB_SHEET_H

#include "web/inside.h"

/* How long a page may be kept, here and by caches outside. */
#define PAGE_MAX_AGE_S 10
#define PAGE_CACHE_CONTROL "public, max-age=10, must-revalidate"

/* One page on its way. In the request's arena, but for its bufs: sheet_fini. */
struct sheet {
	struct req *req;
	struct web *web;
	enum language language;
	struct filling f; /* of the frame, and of whatever is written into it */
	struct buf body;  /* HTML */
	struct buf url;	  /* its canonical address; empty: it has none */
	bool may_index;	  /* search engines may keep it */
	/* Where it may be kept for others (web/kept): under what, and as of which
	 * position of a room. NULL: it is not. */
	const char *keep_key;
	struct room *room;
	int64_t position;
	uint64_t age;	   /* kept_age */
	uint32_t room_age; /* room->pages_age */
};

/* Language by ?lang=, else by Accept-Language. */
void sheet_init(struct sheet *sheet, struct req *req);
void sheet_fini(struct sheet *sheet);
enum language page_language(const struct req *req);

/* Answers with it: 304 where the client has it. */
enum mx_err sheet_answer(struct sheet *sheet) MUST_USE;
/* The headers of a page. */
void page_headers(struct req *req, bool may_index);
/* Is one of the etags in If-None-Match this one? */
bool page_is_known(const struct req *req, const char *etag);
/* Answers with such a page, which leads to another. */
enum mx_err page_refuse(struct req *req, int status, enum word title, enum word about,
    const char *href, const char *link) MUST_USE;
/* server_pages.error */
void page_error(void *arg, struct req *req, enum mx_err err);

/* Appends public_base_url/rooms/ROOM, and what stands behind it, every part of which is
 * encoded; NULL ends the list. room NULL: /rooms itself. */
void page_url(const struct web *web, struct buf *out, const char *room, ...)
    __attribute__((sentinel));
/* The same in the arena. */
const char *page_link(const struct web *web, struct arena *arena, const char *room, ...)
    __attribute__((sentinel));
/* Appends text as a part of a path, or a value of a query. */
void page_encode(struct buf *out, const char *text);

/* A text that people wrote where a short one belongs: all of it, or its beginning and
 * an ellipsis, in the arena. max: bytes. */
const char *page_cut(struct arena *arena, const char *text, size_t max);
#define NAME_BYTES 255 /* of people, rooms, files, places */

/* "2026-11-26T12:34:56Z", "12:34", "2026-11-26" of a moment, in the arena. */
const char *page_time(struct arena *arena, int64_t ts_ms, const char *format);
#define TIME_WHOLE "%Y-%m-%dT%H:%M:%SZ"
#define TIME_CLOCK "%H:%M"
#define TIME_DAY "%Y-%m-%d"

#endif
