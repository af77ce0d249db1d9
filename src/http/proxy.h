/*
 * The PROXY protocol, versions 1 and 2: how a proxy that only passes bytes on says for
 * whom. A pure function over the first bytes of a connection.
 * Spec: https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt
 */
#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include <netinet/in.h>
#include "http/parse.h"

#define PROXY_MAX 536 /* no header is longer */

/*
 * HTTP_PARSED: *used_out bytes were the header; *peer_out (IPv4 as ::ffff:a.b.c.d) is
 * who it speaks of, or is left alone where it speaks of nobody.
 */
enum http_parse proxy_parse(
    const char *p, size_t n, struct in6_addr *peer_out, size_t *used_out);

#endif
