/*
 * The tables are IANA's registries of special-purpose addresses: of IPv4 what is not
 * public, of IPv6 what is. Pure. Below fetch.
 */
#include "fetch/public.h"

#include <stddef.h>
#include <stdint.h>

struct net {
	uint8_t bytes[8];
	int bits;
};

static const struct net v4_not_public[] = {
	{ { 0 }, 8 },		  /* this network; unspecified */
	{ { 10 }, 8 },		  /* private */
	{ { 100, 64 }, 10 },	  /* shared by a provider's customers */
	{ { 127 }, 8 },		  /* loopback */
	{ { 169, 254 }, 16 },	  /* link-local: also the data of cloud machines */
	{ { 172, 16 }, 12 },	  /* private */
	{ { 192, 0, 0 }, 24 },	  /* protocol assignments */
	{ { 192, 0, 2 }, 24 },	  /* documentation */
	{ { 192, 88, 99 }, 24 },  /* relays of 6to4 */
	{ { 192, 168 }, 16 },	  /* private */
	{ { 198, 18 }, 15 },	  /* measuring */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 },  /* documentation */
	{ { 224 }, 4 },		  /* multicast */
	{ { 240 }, 4 },		  /* reserved; broadcast */
};

/* Within 2000::/3, outside of which nothing is public. */
static const struct net v6_not_public[] = {
	{ { 0x20, 0x01, 0x00, 0x00 }, 23 }, /* protocol assignments; Teredo, ORCHID */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x20, 0x02 }, 16 },		    /* 6to4: has any IPv4 address in it */
	{ { 0x3f, 0xff, 0x00 }, 20 },	    /* documentation */
};

static bool
is_in(const uint8_t *address, const struct net *net)
{
	int whole = net->bits / 8, rest = net->bits % 8;

	for (int i = 0; i < whole; i++)
		if (address[i] != net->bytes[i])
			return false;
	return rest == 0 || (address[whole] ^ net->bytes[whole]) >> (8 - rest) == 0;
}

static bool
is_in_any(const uint8_t *address, const struct net *nets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_in(address, &nets[i]))
			return true;
	return false;
}

#define IN_ANY(address, nets) is_in_any(address, nets, sizeof nets / sizeof nets[0])

/* 64:ff9b::/96: the four bytes at its end are where it leads. RFC 6052 */
static bool
is_nat64(const uint8_t *address)
{
	static const uint8_t prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

	for (int i = 0; i < 12; i++)
		if (address[i] != prefix[i])
			return false;
	return true;
}

bool
address_is_public(const struct in6_addr *address)
{
	const uint8_t *bytes = address->s6_addr;

	if (IN6_IS_ADDR_V4MAPPED(address) || is_nat64(bytes))
		return !IN_ANY(bytes + 12, v4_not_public);
	return bytes[0] >> 5 == 1 && !IN_ANY(bytes, v6_not_public);
}
