/*
 * The load programs' side of HTTP/2: sessions of nghttp2 and questions on them. Relies
 * on nghttp2; bytes are the caller's matter.
 */
#ifndef BENCH_H2_SESSION_H
#define BENCH_H2_SESSION_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"
#include "load_conn.h"

/* What a program makes of what it is answered; nghttp2 says when they are called. */
struct h2_hooks {
	nghttp2_on_header_callback on_header;
	nghttp2_on_data_chunk_recv_callback on_data;
	nghttp2_on_stream_close_callback on_close;
};

/* A client's session, with windows so wide that no answer waits for them. */
nghttp2_session *h2_session_new(const struct h2_hooks *hooks);
/* Asks on a new stream, whose data for hooks is stream. The body is borrowed until it
 * is sent. A connection whose server takes no more of them refuses the stream. */
void h2_ask(nghttp2_session *session, const char *host,
    const struct load_request *request, void *stream);
/* Appends what is to be sent, to no more than a frame above most bytes in out. */
void h2_take_frames(nghttp2_session *session, size_t most, struct buf *out);
/* What has come; the hooks are called. What is no HTTP/2 ends the program. */
void h2_receive(nghttp2_session *session, const char *bytes, size_t n);
/* The number if the field is :status, else 0. */
int h2_status(const uint8_t *name, size_t name_n, const uint8_t *value);

#endif
