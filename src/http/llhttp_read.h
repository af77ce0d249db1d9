/*
 * What a parser made of one request, in a form in which two of them can be compared,
 * and llhttp (strict) as one such parser. In tests only. llhttp's names collide with
 * those of http/parse.h: hence a file of its own for each side.
 */
#ifndef HTTP_LLHTTP_READ_H
#define HTTP_LLHTTP_READ_H

#include <stdbool.h>
#include "base/str.h"

#define READING_HEADERS_MAX 128 /* more are counted, not kept */

struct reading {
	const char *p; /* the bytes read */
	size_t n;
	enum { UNFINISHED, WHOLE, REFUSED } outcome;
	int code;	 /* ours: enum http_parse */
	size_t used;	 /* bytes of the whole message */
	struct buf text; /* method, target, version, headers and body as one text */
	struct str method, target;
	int major, minor;
	struct str names[READING_HEADERS_MAX], values[READING_HEADERS_MAX];
	int header_count;
	/* llhttp's only: */
	const char *error; /* why it refused */
	size_t error_at;
	size_t head_n, trailers_at; /* where the head ends; the trailers begin (or 0) */
	bool is_in_body;
	bool has_odd_ext; /* a chunk extension that RFC 9112 7.1.1 does not know */
	struct str ext;
};

/* Adds the head to the text. */
void reading_add_head(struct reading *r);

/* r is zeroed but for p and n. */
void llhttp_read(struct reading *r);

#endif
