/*
 * Addresses of clients: all of them as IPv6 has them, and who is one of them.
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>

/* ::ffff:192.0.2.1. v4: four bytes in network order. */
struct in6_addr address_of_v4(const void *v4);
/* Keyed (map_hash). IPv6 by /64: that much belongs to one household. */
uint64_t address_hash(const struct in6_addr *address);

#endif
