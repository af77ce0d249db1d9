/*
 * TLS for listeners: a certificate and its key, read again on demand, and tickets under
 * keys that change. Relies on OpenSSL; http/secure.c speaks it for one connection.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stdbool.h>

/* Shared; any thread may use it. */
struct http_tls;

/* Reads both files (PEM; the certificate with its chain). NULL with a sentence in
 * *error_out (malloc'ed): unreadable, damaged, or not a pair. */
struct http_tls *http_tls_new(
    const char *certificate, const char *key, char **error_out);
/* Reads them again, for connections from now on. False with a sentence: all stays as it
 * was. */
bool http_tls_reload(struct http_tls *tls, char **error_out);
void http_tls_free(struct http_tls *tls); /* NULL is allowed */

#endif
