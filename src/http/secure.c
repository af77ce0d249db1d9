/*
 * A connection's side records, and reading and writing through TLS. Relies on OpenSSL
 * and on the edge-triggered flags that http/conn keeps.
 * Between the socket and http/conn, for listeners with a certificate alone.
 */
#include "http/secure.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/h2.h"

#define RECORD_MAX 16384	 /* a TLS record holds no more */
#define SESSION_BYTES (14 << 10) /* what OpenSSL keeps of an idle one: for /metrics */

/* --- side records --- */

static struct conn_side **
place_of(const struct http_io *io, const struct conn *c)
{
	uint32_t chunk = c->slot / CHUNK_SLOTS;

	if (chunk >= io->side_chunk_count || io->side_chunks[chunk] == NULL)
		return NULL;
	return &io->side_chunks[chunk][c->slot % CHUNK_SLOTS];
}

struct conn_side *
side_get(const struct http_io *io, const struct conn *c)
{
	struct conn_side **place;

	if (!(c->flags & CONN_SIDE))
		return NULL;
	place = place_of(io, c);
	return place == NULL ? NULL : *place;
}

/* The table beside the slots: there are pages of it only where they are used. */
static void
need_chunk(struct http_io *io, uint32_t chunk)
{
	if (chunk >= io->side_chunk_count) {
		io->side_chunks =
		    xrealloc(io->side_chunks, (chunk + 1) * sizeof *io->side_chunks);
		while (io->side_chunk_count <= chunk)
			io->side_chunks[io->side_chunk_count++] = NULL;
	}
	if (io->side_chunks[chunk] == NULL) {
		io->side_chunks[chunk] = xcalloc(CHUNK_SLOTS, sizeof **io->side_chunks);
		STAT_ADD(io, memory_bytes, CHUNK_SLOTS * sizeof **io->side_chunks);
	}
}

struct conn_side *
side_make(struct http_io *io, const struct conn *c)
{
	struct conn_side **place;

	need_chunk(io, c->slot / CHUNK_SLOTS);
	place = place_of(io, c);
	if (*place == NULL) {
		*place = xcalloc(1, sizeof **place);
		STAT_ADD(io, memory_bytes, sizeof **place);
	}
	slot_at(io, c->slot)->flags |= CONN_SIDE;
	return *place;
}

void
side_free(struct http_io *io, struct conn *c)
{
	struct conn_side *side = side_get(io, c);

	if (side == NULL)
		return;
	h2_free(side->h2);
	if (side->ssl != NULL) {
		secure_end(io, c);
		SSL_free(side->ssl);
		STAT_SUB(io, memory_bytes, SESSION_BYTES);
	}
	STAT_SUB(io, memory_bytes, sizeof *side);
	free(side);
	*place_of(io, c) = NULL;
	c->flags &= ~CONN_SIDE;
}

void
sides_free(struct http_io *io)
{
	for (uint32_t i = 0; i < io->side_chunk_count; i++)
		free(io->side_chunks[i]);
	free(io->side_chunks);
}

/* --- TLS --- */

void
secure_begin(struct http_io *io, struct conn *c, struct http_tls *tls)
{
	struct conn_side *side = side_make(io, c);

	side->ssl = tls_session(tls);
	SSL_set_accept_state(side->ssl);
	if (SSL_set_fd(side->ssl, c->fd) != 1)
		abort();
	STAT_ADD(io, memory_bytes, SESSION_BYTES);
}

void
secure_end(struct http_io *io, struct conn *c)
{
	struct conn_side *side = side_get(io, c);

	if (side == NULL || side->ssl == NULL || !side->is_shaken ||
	    (c->flags & CONN_BROKEN) ||
	    (SSL_get_shutdown(side->ssl) & SSL_SENT_SHUTDOWN))
		return;
	ERR_clear_error();
	SSL_shutdown(side->ssl);
}

/* What an SSL call's result means for who reads or writes; errno is set. */
static ssize_t
failed(struct conn *c, SSL *ssl, int rc)
{
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		c->flags &= ~CONN_READABLE;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	default:
		errno = ECONNRESET;
		return -1;
	}
}

bool
secure_ready(struct http_io *io, struct conn *c)
{
	struct conn_side *side = side_get(io, c);
	const unsigned char *name;
	unsigned n;
	int rc;

	if (side->ssl == NULL || side->is_shaken)
		return true;
	/* Private keys are slow: a storm of newcomers takes turns with the rest. */
	if (io->handshakes_left == 0) {
		ready_push(io, c);
		return false;
	}
	io->handshakes_left--;
	ERR_clear_error();
	rc = SSL_accept(side->ssl);
	if (rc != 1) {
		if (failed(c, side->ssl, rc) == 0 || errno != EAGAIN)
			conn_close(io, c);
		return false;
	}
	side->is_shaken = true;
	wheel_set(io, c, io->server->config.idle_timeout_ms);
	SSL_get0_alpn_selected(side->ssl, &name, &n);
	if (n == 2 && memcmp(name, "h2", 2) == 0)
		h2_begin(io, c);
	return true;
}

ssize_t
secure_read(struct http_io *io, struct conn *c, char *out, size_t n)
{
	struct conn_side *side = side_get(io, c);
	ssize_t got;

	if (side == NULL || side->ssl == NULL) {
		do
			got = read(c->fd, out, n);
		while (got < 0 && errno == EINTR);
		if (got < 0 && errno == EAGAIN)
			c->flags &= ~CONN_READABLE;
		return got;
	}
	ERR_clear_error();
	got = SSL_read(side->ssl, out, (int)n);
	return got > 0 ? got : failed(c, side->ssl, (int)got);
}

/* Copies the first bytes of what is to be sent; returns how many. */
static size_t
gather(const struct iovec *iov, size_t count, char *record)
{
	size_t n = 0;

	for (size_t i = 0; i < count && n < RECORD_MAX; i++) {
		size_t part = RECORD_MAX - n;

		if (iov[i].iov_len < part)
			part = iov[i].iov_len;
		memcpy(record + n, iov[i].iov_base, part);
		n += part;
	}
	return n;
}

static void
advance(struct iovec *iov, size_t count, size_t n)
{
	for (size_t i = 0; i < count && n > 0; i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;

		iov[i].iov_base = (char *)iov[i].iov_base + part;
		iov[i].iov_len -= part;
		n -= part;
	}
}

/* Record by record, until all is sent or the socket is full. After EAGAIN OpenSSL wants
 * the same bytes again, and gets them: what stands first stays first. */
static ssize_t
send_records(SSL *ssl, struct conn *c, struct iovec *iov, size_t count)
{
	char record[RECORD_MAX];
	ssize_t sent = 0;
	size_t n;

	while ((n = gather(iov, count, record)) > 0) {
		int rc;

		ERR_clear_error();
		rc = SSL_write(ssl, record, (int)n);
		if (rc <= 0) {
			if (failed(c, ssl, rc) == 0)
				errno = ECONNRESET;
			return sent > 0 && errno == EAGAIN ? sent : -1;
		}
		sent += rc;
		advance(iov, count, (size_t)rc);
	}
	return sent;
}

ssize_t
secure_send(struct http_io *io, struct conn *c, struct iovec *iov, size_t count)
{
	struct conn_side *side = side_get(io, c);
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = count };
	ssize_t n;

	if (side != NULL && side->ssl != NULL)
		return send_records(side->ssl, c, iov, count);
	do
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n;
}
