/*
 * HTTP/2 on one connection: its frames by nghttp2, its requests as streams, each with
 * an exchange of its own. Private to http/. RFC 9113; h2c with prior knowledge alone.
 */
#ifndef HTTP_H2_H
#define HTTP_H2_H

#include "http/io.h"

/* Do these bytes begin like an HTTP/2 connection? *whole_out: all of the first line is
 * there. */
bool h2_is_preface(const char *p, size_t n, bool *whole_out);

/* From now on the connection speaks HTTP/2. */
void h2_begin(struct http_io *io, struct conn *c);
/* Bytes that were read already; false: the connection is closed. */
bool h2_take(struct http_io *io, struct conn *c, const char *p, size_t n);
/* Reads what is there, and writes what is to be written. */
void h2_turn(struct http_io *io, struct conn *c);
/* Its deadline, or that of a stream of it, has passed. */
void h2_expire(struct http_io *io, struct conn *c);
/* The server stops: no new streams; closes once the last is answered. */
void h2_stop(struct http_io *io, struct conn *c);
void h2_free(struct h2 *h2); /* NULL is allowed; hooks.gone for what is parked */
void h2_streams_free(struct http_io *io);

/* For exchanges that are streams. */
bool h2_waiting(struct exchange exchange);
void h2_park(struct exchange exchange, uint32_t tag);
/* head: an HTTP/1.1 head without its empty line. body passes over, or is freed. */
void h2_answer(
    struct exchange exchange, const char *head, size_t head_n, struct out body);
/* The same of shared bytes, of which many may wait as parts of files do. */
void h2_answer_from(
    struct exchange exchange, const char *head, size_t head_n, struct out body);
void h2_body_next(struct exchange exchange, http_taker take, void *arg);
/* head: NULL behind the first part. part->bytes passes over. */
void h2_send_part(struct exchange exchange, const char *head, size_t head_n,
    const struct http_part *part);
bool h2_stream_begin(struct exchange exchange, const char *head, size_t head_n);
/* max: unsent bytes beyond which its reader is let go. */
bool h2_stream_block(struct exchange exchange, struct http_shared *block, size_t max);
bool h2_stream_is_drained(struct exchange exchange);
void h2_stream_end(struct exchange exchange, bool cut);

#endif
