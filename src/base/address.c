/*
 * IPv4 within IPv6 (RFC 4291 2.5.5.2), and hashes for limits.
 */
#include "base/address.h"

#include <string.h>
#include "base/map.h"

struct in6_addr
address_of_v4(const void *v4)
{
	struct in6_addr address = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&address.s6_addr[12], v4, 4);
	return address;
}

uint64_t
address_hash(const struct in6_addr *address)
{
	return map_hash(address, IN6_IS_ADDR_V4MAPPED(address) ? 16 : 8);
}
