/*
 * Rate limits by token and by address (IPv6 by /64): a table of (class, burst, refill),
 * token buckets in a bounded table. Any thread; io threads ask before they dispatch.
 */
#ifndef API_LIMIT_H
#define API_LIMIT_H

#include <netinet/in.h>
#include "api/req.h"

struct limits;

/* on: limits.rate of the configuration. */
struct limits *limits_new(bool on);
void limits_free(struct limits *limits);

/* The class of a request: its row's, but for guests who register: these have their own.
 */
enum limit_class limit_class_of(const struct route *route, struct str query);

/*
 * Takes one from the buckets of (class, key of the asker). key: the token if there is
 * one, else the address (accounts that register or log in are counted by address, too).
 * True: go on. False: *retry_ms_out says when to come again.
 */
bool limits_take(struct limits *limits, enum limit_class class,
    const struct in6_addr *peer, struct str token, int *retry_ms_out);

/* The client's address: the peer's, or the last of X-Forwarded-For that is no trusted
 * proxy if the peer is one. trusted: pairs of (network, prefix length). */
struct trusted_proxy {
	struct in6_addr network; /* IPv4 as ::ffff:a.b.c.d, its prefix + 96 */
	int prefix;
};
bool address_is_trusted(
    const struct in6_addr *address, const struct trusted_proxy *trusted, int count);
struct in6_addr client_address(
    const struct http_request *request, const struct trusted_proxy *trusted, int count);

#endif
