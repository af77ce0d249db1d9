/*
 * Holds http/parse and http/chunks against llhttp (strict), request by request: one
 * message is read by both and what they made of it compared. In tests only.
 */
#ifndef HTTP_PARSE_LLHTTP_H
#define HTTP_PARSE_LLHTTP_H

#include <stddef.h>

enum llhttp_verdict {
	BOTH_ACCEPT,	 /* the same message, byte for byte */
	NEITHER_ACCEPTS, /* refused, or not all there */
	DIFFER_WITH_REASON,
	DIFFER,
};

/*
 * *why_out: the reason or, for DIFFER, what differs; static text. Only DIFFER is a
 * fault of ours (or a reason not yet thought about).
 */
enum llhttp_verdict llhttp_compare(const char *p, size_t n, const char **why_out);

/* The reasons for which the two may differ; NULL behind the last. */
const char *llhttp_reason(size_t index);

#endif
