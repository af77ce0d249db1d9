/*
 * What stands before a proxied connection's own bytes. Pure functions.
 */
#include "http/proxy.h"

#include <arpa/inet.h>
#include <string.h>
#include "base/address.h"

#define V1_MAX 107
#define V2_HEAD 16

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

/* --- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n" --- */

/* Cuts the next word off; words are parted by one space each. */
static struct str
word(struct str *line)
{
	const char *space = memchr(line->p, ' ', line->n);
	struct str found = { line->p,
		space == NULL ? line->n : (size_t)(space - line->p) };
	size_t skip = found.n + (space != NULL);

	line->p += skip;
	line->n -= skip;
	return found;
}

static bool
address(struct str text, int family, struct in6_addr *out)
{
	char copy[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (text.n == 0 || text.n >= sizeof copy)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (family == AF_INET6)
		return inet_pton(AF_INET6, copy, out) == 1;
	if (inet_pton(AF_INET, copy, &v4) != 1)
		return false;
	*out = address_of_v4(&v4);
	return true;
}

static bool
is_port(struct str text)
{
	int64_t port;

	return text.n > 0 && text.n <= 5 && str_int(text, &port) && port >= 0 &&
	       port <= 65535;
}

static enum http_parse
parse_line(struct str line, struct in6_addr *peer)
{
	struct in6_addr from, to;
	struct str family;
	int kind;

	word(&line); /* PROXY */
	family = word(&line);
	if (str_is(family, "UNKNOWN"))
		return HTTP_PARSED;
	if (!str_is(family, "TCP4") && !str_is(family, "TCP6"))
		return HTTP_BAD;
	kind = family.p[3] == '6' ? AF_INET6 : AF_INET;
	if (!address(word(&line), kind, &from) || !address(word(&line), kind, &to) ||
	    !is_port(word(&line)) || !is_port(word(&line)) || line.n > 0)
		return HTTP_BAD;
	*peer = from;
	return HTTP_PARSED;
}

static enum http_parse
parse_v1(const char *p, size_t n, struct in6_addr *peer, size_t *used)
{
	const char *end = memmem(p, n < V1_MAX ? n : V1_MAX, "\r\n", 2);

	if (end == NULL)
		return n < V1_MAX ? HTTP_MORE : HTTP_BAD;
	*used = (size_t)(end - p) + 2;
	return parse_line((struct str){ p, (size_t)(end - p) }, peer);
}

/* --- version 2: twelve bytes, a command, a family, a length --- */

static enum http_parse
parse_v2(const char *p, size_t n, struct in6_addr *peer, size_t *used)
{
	uint8_t command, family;
	size_t length;

	if (n < V2_HEAD)
		return HTTP_MORE;
	command = (uint8_t)p[12];
	family = (uint8_t)p[13];
	length = (size_t)(uint8_t)p[14] << 8 | (uint8_t)p[15];
	if (command >> 4 != 2 || (command & 15) > 1 || V2_HEAD + length > PROXY_MAX)
		return HTTP_BAD;
	/* Unspecified, IPv4, IPv6, Unix; unspecified, stream, datagram. */
	if (family >> 4 > 3 || (family & 15) > 2)
		return HTTP_BAD;
	if (n < V2_HEAD + length)
		return HTTP_MORE;
	*used = V2_HEAD + length;
	if ((command & 15) == 0)
		return HTTP_PARSED; /* the proxy itself, looking whether we live */
	if (family >> 4 == 1 && length < 12)
		return HTTP_BAD;
	if (family >> 4 == 2 && length < 36)
		return HTTP_BAD;
	if (family >> 4 == 1)
		*peer = address_of_v4(p + V2_HEAD);
	if (family >> 4 == 2)
		memcpy(peer, p + V2_HEAD, sizeof *peer);
	return HTTP_PARSED;
}

enum http_parse
proxy_parse(const char *p, size_t n, struct in6_addr *peer_out, size_t *used_out)
{
	size_t v2 = n < sizeof signature ? n : sizeof signature;

	*used_out = 0;
	if (n == 0)
		return HTTP_MORE;
	if (memcmp(p, signature, v2) == 0)
		return n < sizeof signature ? HTTP_MORE
					    : parse_v2(p, n, peer_out, used_out);
	if (memcmp(p, "PROXY ", n < 6 ? n : 6) == 0)
		return n < 6 ? HTTP_MORE : parse_v1(p, n, peer_out, used_out);
	return HTTP_BAD;
}
