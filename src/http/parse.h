/*
 * An HTTP/1.1 request's head and chunked framing as pure functions over bytes: strict
 * RFC 9112, no allocation, no copy. Called by http/conn on an io thread; fuzzed, and
 * held against llhttp.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

#define HTTP_HEAD_MAX 16384 /* bytes of request line and headers together */
#define HTTP_HEADERS_MAX 64
#define HTTP_TARGET_MAX 8192

enum http_method {
	HTTP_OTHER, /* a valid token we give no name: 405 */
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_PATCH,
};

struct http_header {
	struct str name, value; /* value trimmed of blanks */
};

/* All slices point into the bytes given. */
struct http_head {
	enum http_method method;
	struct str method_text;
	struct str path;  /* raw, still percent-encoded, begins with '/' (or is "*") */
	struct str query; /* raw, without '?'; n = 0: none */
	int minor;	  /* HTTP/1.minor */
	bool keep_alive, chunked, expect_continue, accepts_gzip;
	int64_t content_length; /* -1: none given */
	struct http_header headers[HTTP_HEADERS_MAX];
	int header_count;
};

enum http_parse {
	HTTP_PARSED,
	HTTP_MORE,	       /* not all there yet */
	HTTP_BAD,	       /* 400 and close */
	HTTP_BAD_TOO_LARGE,    /* 431 and close */
	HTTP_BAD_URI_TOO_LONG, /* 414 and close */
	HTTP_BAD_VERSION,      /* 505 and close */
	HTTP_BAD_CODING,       /* 501 and close: a transfer coding other than chunked */
};

/* *used_out: bytes of the head, its empty line included, when HTTP_PARSED. */
enum http_parse http_parse_head(
    const char *p, size_t n, struct http_head *head_out, size_t *used_out);

/* The value of a header (name in lower case), or NULL. */
const struct str *http_header(const struct http_head *head, const char *name);
/* Does a header that is a list (Accept, say), in one line or several, have this item,
 * in any case, with a weight above nought? RFC 9110 5.6.1, 12.4.2 */
bool http_lists(const struct http_head *head, const char *name, const char *item);

/* Chunked bodies, decoded as they arrive. { 0 } begins. */
struct http_chunks {
	uint64_t left; /* of the present chunk */
	uint8_t state;
	uint32_t line; /* bytes of the present size line, extension or trailers */
};

/*
 * Eats from p[0..n): *used_out bytes are consumed; what they carried of the body is
 * p[*data_at_out .. + *data_n_out) (one run at most a call: call again while HTTP_MORE
 * with *used_out > 0). HTTP_PARSED: the last chunk and the trailers are read.
 */
enum http_parse http_parse_chunks(struct http_chunks *c, const char *p, size_t n,
    size_t *used_out, size_t *data_at_out, size_t *data_n_out);

#endif
