/*
 * Which addresses belong to the internet at large, and not to this machine, to the
 * networks around it, or to nobody.
 */
#ifndef FETCH_PUBLIC_H
#define FETCH_PUBLIC_H

#include <netinet/in.h>
#include <stdbool.h>

/* IPv4 as ::ffff:a.b.c.d. */
bool address_is_public(const struct in6_addr *address);

#endif
