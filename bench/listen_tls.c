/*
 * TLS 1.3 beneath a line: what recv and send are to a plain one. Relies on OpenSSL;
 * stands between listen_worker and the socket. The certificate is not looked at: what
 * is measured is the server.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "listen_worker.h"

/* As light as they can be: a worker holds as many as descriptors. */
static SSL_CTX *
context_new(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL ||
	    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1)
		load_die("OpenSSL has no TLS 1.3");
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
				      SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	return context;
}

SSL *
tls_begin(int fd)
{
	static SSL_CTX *context;
	SSL *ssl;

	if (context == NULL)
		context = context_new();
	ssl = SSL_new(context);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		load_die("no session of OpenSSL's");
	SSL_set_connect_state(ssl);
	return ssl;
}

/* What a call gave, as a system call tells it. */
static int
told(SSL *ssl, int rc)
{
	if (rc > 0)
		return rc;
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SSL:
		load_die("TLS: %s", ERR_reason_error_string(ERR_peek_error()));
	default:
		errno = ECONNRESET;
		return -1;
	}
}

int
tls_shake(SSL *ssl)
{
	ERR_clear_error();
	return told(ssl, SSL_do_handshake(ssl));
}

ssize_t
tls_recv(SSL *ssl, char *bytes, size_t n)
{
	ERR_clear_error();
	return told(ssl, SSL_read(ssl, bytes, (int)n));
}

ssize_t
tls_send(SSL *ssl, const char *bytes, size_t n)
{
	ERR_clear_error();
	return told(ssl, SSL_write(ssl, bytes, (int)n));
}
