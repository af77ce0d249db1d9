/*
 * Base64, hex and varints: bytes in the clothes they travel in.
 * Relies on nothing; pure functions. Keys, hashes, tokens and media ids pass through.
 * Spec: appendices/#unpadded-base64
 */
#include "base/codec.h"

/* Beyond the six bits: what a decoder may refuse. */
#define STANDARD_ONLY 0x40
#define URL_ONLY 0x80
#define FOREIGN 0x100
#define LOOSE_END 0x200 /* bits that are not zero behind the last byte */

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode(const char *alphabet, const uint8_t *in, size_t n, char *out)
{
	size_t i;

	for (i = 0; i + 3 <= n; i += 3) {
		uint32_t v =
		    (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = alphabet[v >> 6 & 63];
		*out++ = alphabet[v & 63];
	}
	if (n - i == 1) {
		*out++ = alphabet[in[i] >> 2];
		*out++ = alphabet[(in[i] & 3) << 4];
	} else if (n - i == 2) {
		*out++ = alphabet[in[i] >> 2];
		*out++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*out++ = alphabet[(in[i + 1] & 15) << 2];
	}
	*out = '\0';
}

void
b64_encode(const void *data, size_t n, char *out)
{
	encode(standard, data, n, out);
}

void
b64url_encode(const void *data, size_t n, char *out)
{
	encode(url_safe, data, n, out);
}

/* Six bits, flagged where only one of the two alphabets has the character. Each request
 * with a guest's token comes through here: hence a table. */
#define FOREIGN_8 FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN
#define FOREIGN_32 FOREIGN_8, FOREIGN_8, FOREIGN_8, FOREIGN_8

static const uint16_t values[256] = { FOREIGN_32,
	/* from ' ' */
	FOREIGN_8, FOREIGN, FOREIGN, FOREIGN, 62 | STANDARD_ONLY, FOREIGN,
	62 | URL_ONLY, FOREIGN, 63 | STANDARD_ONLY,
	/* from '0' */
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, FOREIGN, FOREIGN, FOREIGN, FOREIGN,
	FOREIGN, FOREIGN,
	/* from '@' */
	FOREIGN, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
	20, 21, 22, 23, 24, 25, FOREIGN, FOREIGN, FOREIGN, FOREIGN, 63 | URL_ONLY,
	/* from '`' */
	FOREIGN, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
	44, 45, 46, 47, 48, 49, 50, 51, FOREIGN, FOREIGN, FOREIGN, FOREIGN, FOREIGN,
	/* what is no ASCII */
	FOREIGN_32, FOREIGN_32, FOREIGN_32, FOREIGN_32 };

/* The length without padding, which must be either absent or complete. */
static bool
strip_padding(const char *s, size_t *n)
{
	size_t bare = *n;

	while (bare > 0 && *n - bare < 2 && s[bare - 1] == '=')
		bare--;
	if (bare != *n && *n % 4 != 0)
		return false;
	*n = bare;
	return bare % 4 != 1;
}

static bool
decode(
    unsigned refused, const char *s, size_t n, uint8_t *out, size_t cap, size_t *n_out)
{
	uint32_t bits = 0;
	unsigned have = 0; /* bits of `bits` not yet written */
	size_t len = 0, i = 0;

	if (!strip_padding(s, &n) || n / 4 * 3 + n % 4 * 3 / 4 > cap)
		return false;
	for (; i + 4 <= n; i += 4, len += 3) {
		unsigned a = values[(uint8_t)s[i]], b = values[(uint8_t)s[i + 1]],
			 c = values[(uint8_t)s[i + 2]], d = values[(uint8_t)s[i + 3]];

		if (((a | b | c | d) & refused) != 0)
			return false;
		bits = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
		out[len] = (uint8_t)(bits >> 16);
		out[len + 1] = (uint8_t)(bits >> 8);
		out[len + 2] = (uint8_t)bits;
	}
	for (bits = 0; i < n; i++) {
		unsigned v = values[(uint8_t)s[i]];

		if ((v & refused) != 0)
			return false;
		bits = bits << 6 | (v & 63);
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (uint8_t)(bits >> have);
			bits &= (1U << have) - 1;
		}
	}
	if (bits != 0 && (refused & LOOSE_END) != 0)
		return false;
	*n_out = len;
	return true;
}

bool
b64_decode(const char *s, size_t n, void *out, size_t cap, size_t *n_out)
{
	return decode(URL_ONLY | FOREIGN | LOOSE_END, s, n, out, cap, n_out);
}

bool
b64url_decode(const char *s, size_t n, void *out, size_t cap, size_t *n_out)
{
	return decode(STANDARD_ONLY | FOREIGN | LOOSE_END, s, n, out, cap, n_out);
}

bool
b64_decode_lenient(const char *s, size_t n, void *out, size_t cap, size_t *n_out)
{
	return decode(FOREIGN, s, n, out, cap, n_out);
}

void
hex_encode(const void *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[in[i] >> 4];
		*out++ = digits[in[i] & 15];
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
hex_decode(const char *s, size_t n, void *out)
{
	uint8_t *bytes = out;

	if (n % 2 != 0)
		return false;
	for (size_t i = 0; i < n; i += 2) {
		int high = hex_value(s[i]), low = hex_value(s[i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

size_t
varint_put(uint8_t *out, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	return n;
}

size_t
varint_get(const uint8_t *p, size_t n, uint64_t *v_out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n && i < 10; i++) {
		if (i == 9 && p[i] > 1)
			return 0; /* beyond 64 bits */
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] >= 0x80)
			continue;
		if (p[i] == 0 && i > 0)
			return 0; /* every number has one form only, its shortest */
		*v_out = v;
		return i + 1;
	}
	return 0;
}

void
be48_put(uint8_t out[6], int64_t v)
{
	for (int i = 0; i < 6; i++)
		out[i] = (uint8_t)((uint64_t)v >> (40 - 8 * i));
}

int64_t
be48_get(const uint8_t p[6])
{
	uint64_t v = 0;

	for (int i = 0; i < 6; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}
