/*
 * What stands beside a file when it is handed out: how it is to be shown, under which
 * name, and which part of it. Pure functions.
 */
#ifndef API_CLIENT_MEDIA_HEADERS_H
#define API_CLIENT_MEDIA_HEADERS_H

#include "base/str.h"

/* May a browser show it in place? Spec: client-server-api/#serving-inline-content */
bool media_is_inline(const char *content_type);
/* Appends the value of Content-Disposition; name: UTF-8, or NULL. RFC 6266, 8187 */
void media_disposition(struct buf *out, const char *content_type, const char *name);

enum media_range {
	MEDIA_WHOLE,  /* none is asked for, or what is asked for is not understood */
	MEDIA_PART,   /* first to last, both included: set for this alone */
	MEDIA_BEYOND, /* nothing of what is asked for is there: 416 */
};
/* The value of Range, of a file of size bytes. Several ranges at once are answered by
 * the whole. RFC 9110 14.2 */
enum media_range media_range(
    struct str range, int64_t size, int64_t *first_out, int64_t *last_out);

#endif
