/*
 * The slower half of reading JSON's strings: escapes, and UTF-8 beyond ASCII.
 * Relies on the NUL that the parser put behind the text, which ends every sequence
 * here. Part of the parser, for the strings that do not just stand for themselves.
 */
#include "base/json_inside.h"

#include <stdint.h>
#include <string.h>

static inline bool
is_continuation(unsigned char c)
{
	return (c & 0xC0) == 0x80;
}

/* The length of the well-formed sequence at text that is not ASCII, else 0. */
static int
utf8_length(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] < 0xC2 || !is_continuation(p[1]))
		return 0;
	if (p[0] < 0xE0)
		return 2;
	if (!is_continuation(p[2]))
		return 0;
	if (p[0] < 0xF0) {
		bool is_overlong = p[0] == 0xE0 && p[1] < 0xA0;
		bool is_surrogate = p[0] == 0xED && p[1] >= 0xA0;

		return is_overlong || is_surrogate ? 0 : 3;
	}
	if (!is_continuation(p[3]) || p[0] > 0xF4 || (p[0] == 0xF0 && p[1] < 0x90) ||
	    (p[0] == 0xF4 && p[1] >= 0x90))
		return 0;
	return 4;
}

/* The four hex digits at p, or -1. */
static int
hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)p[i], letter = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (letter >= 'a' && letter <= 'f')
			value = value * 16 + (letter - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static char *
utf8_put(char *to, int c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xC0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xE0 | c >> 12);
		} else {
			*to++ = (char)(0xF0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3F));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3F));
	}
	*to++ = (char)(0x80 | (c & 0x3F));
	return to;
}

/* *p is at the backslash of \uXXXX, of the first one of a surrogate pair. */
static const char *
read_unicode(char **p, char **to)
{
	const char *at = *p;
	int c = hex4(at + 2), low;

	if (c < 0)
		return "\\u without four hex digits";
	if (c >= 0xDC00 && c <= 0xDFFF)
		return "a lone surrogate";
	*p += 6;
	if (c >= 0xD800 && c <= 0xDBFF) {
		low = at[6] == '\\' && at[7] == 'u' ? hex4(at + 8) : -1;
		if (low < 0xDC00 || low > 0xDFFF) {
			*p -= 6;
			return "a lone surrogate";
		}
		*p += 6;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	*to = utf8_put(*to, c);
	return NULL;
}

/* *p is at a backslash; what it stands for is added at *to. */
static const char *
read_escape(char **p, char **to)
{
	static const char meaning[256] = { ['"'] = '"',
		['\\'] = '\\',
		['/'] = '/',
		['b'] = '\b',
		['f'] = '\f',
		['n'] = '\n',
		['r'] = '\r',
		['t'] = '\t' };
	char letter = (*p)[1];

	if (letter == 'u')
		return read_unicode(p, to);
	if (meaning[(unsigned char)letter] == '\0') {
		(*p)++;
		return "an unknown escape";
	}
	*(*to)++ = meaning[(unsigned char)letter];
	*p += 2;
	return NULL;
}

/* Moves the n bytes at *p to *to, and both on. */
static inline void
shift(char **p, char **to, size_t n)
{
	if (*to != *p)
		memmove(*to, *p, n);
	*to += n;
	*p += n;
}

const char *
json_unescape(char **p, const char *end, char **to)
{
	const char *why = NULL;

	*to = *p;
	while (why == NULL && **p != '"') {
		unsigned char c = (unsigned char)**p;

		if (c == '\\') {
			why = read_escape(p, to);
		} else if (c < 0x20) {
			why = "a control character in a string";
		} else if (c < 0x80) {
			shift(p, to, (size_t)(json_skip_plain(*p, end) - *p));
		} else {
			int n = utf8_length(*p);

			if (n == 0)
				why = "invalid UTF-8";
			shift(p, to, (size_t)n);
		}
	}
	return why;
}
