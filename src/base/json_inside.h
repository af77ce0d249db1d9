/*
 * What the files of base/json share and nobody else needs: the order of keys, and
 * looking at eight bytes of a string at once.
 */
#ifndef BASE_JSON_INSIDE_H
#define BASE_JSON_INSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* The order of an object's members: by bytes, which for UTF-8 is by code point. */
static inline int
json_key_cmp(const char *a, uint32_t a_n, const char *b, uint32_t b_n)
{
	uint32_t n = a_n < b_n ? a_n : b_n;
	int c;

	if (n > 0) {
		if (*a != *b) /* most keys part here: no call */
			return (unsigned char)*a - (unsigned char)*b;
		c = memcmp(a, b, n);
		if (c != 0)
			return c;
	}
	return (a_n > b_n) - (a_n < b_n);
}

#define JSON_EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

static inline uint64_t
json_load8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

/* Not 0 if one of the eight bytes of w must be escaped: '"', '\', below 0x20. */
static inline uint64_t
json_has_special(uint64_t w)
{
	uint64_t quote = w ^ JSON_EACH_BYTE('"');
	uint64_t slash = w ^ JSON_EACH_BYTE('\\');

	return (((w - JSON_EACH_BYTE(0x20)) & ~w) |
		   ((quote - JSON_EACH_BYTE(1)) & ~quote) |
		   ((slash - JSON_EACH_BYTE(1)) & ~slash)) &
	       JSON_EACH_BYTE(0x80);
}

static inline bool
json_is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The first byte that is not ASCII that stands for itself in a string; at most end. */
static inline char *
json_skip_plain(char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(' ');

	for (; end - p >= 16; p += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)p);
		/* Signed: what is not ASCII is below the space, too. */
		__m128i stop = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
		    _mm_or_si128(
			_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
		int mask = _mm_movemask_epi8(stop);

		if (mask != 0)
			return p + __builtin_ctz(mask);
	}
#else
	for (; end - p >= 8; p += 8) {
		uint64_t w = json_load8(p);

		if ((json_has_special(w) | (w & JSON_EACH_BYTE(0x80))) != 0)
			break;
	}
#endif
	while (p < end && json_is_plain((unsigned char)*p))
		p++;
	return p;
}

/*
 * Resolves the escapes in place and checks the UTF-8 from *p, inside a string, to the
 * closing quote, where *p is then; *to is where the result ends. Returns NULL, or why
 * this is no string, *p being where it is none. *end must be a NUL.
 */
const char *json_unescape(char **p, const char *end, char **to);

#endif
