/*
 * Bytes of one connection to and from its socket, through TLS where it has it. Private
 * to http/.
 */
#ifndef HTTP_SECURE_H
#define HTTP_SECURE_H

#include <openssl/ssl.h>
#include <sys/uio.h>
#include "http/io.h"

/* tls.c */
SSL *tls_session(struct http_tls *tls);

/* What few connections have, beside their record. Owned by its connection. */
struct conn_side {
	SSL *ssl;	/* NULL: none */
	bool is_shaken; /* the handshake is done */
	struct h2 *h2;	/* NULL: HTTP/1.1 */
};

/* NULL: it has none. */
struct conn_side *side_get(const struct http_io *io, const struct conn *c);
struct conn_side *side_make(struct http_io *io, const struct conn *c);
void side_free(struct http_io *io, struct conn *c); /* says goodbye, if it can */
void sides_free(struct http_io *io);		    /* the table, at the end */

void secure_begin(struct http_io *io, struct conn *c, struct http_tls *tls);
/* Takes a step of the handshake if that is not done; false: more bytes are needed, or
 * the connection is closed. */
bool secure_ready(struct http_io *io, struct conn *c);
/* Tells the client that no more comes, once (RFC 8446 6.1); nothing without TLS. */
void secure_end(struct http_io *io, struct conn *c);
/* As read(2) and sendmsg(2): -1 with errno, EAGAIN among others. iov is used up.
 * Reading notes that nothing is there any more; what waits for room to write is still
 * there. */
ssize_t secure_read(struct http_io *io, struct conn *c, char *out, size_t n);
ssize_t secure_send(
    struct http_io *io, struct conn *c, struct iovec *iov, size_t count);

#endif
