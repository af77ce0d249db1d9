/*
 * Byte slices, UTF-8, growing buffers, and the allocators that cannot fail.
 * Relies on nothing. What every parser reads with and every answer is written into.
 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

#define BYTES(b) (UINT64_MAX / 255 * (uint64_t)(b)) /* a word of eight equal bytes */
#define HIGH_BITS BYTES(0x80)

struct str
str_of(const char *s)
{
	if (s == NULL)
		return STR("");
	return (struct str){ s, strlen(s) };
}

bool
str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_is(struct str a, const char *s)
{
	return str_eq(a, str_of(s));
}

static char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool
str_ieq(struct str a, const char *s)
{
	size_t n = strlen(s);

	if (a.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (ascii_lower(a.p[i]) != ascii_lower(s[i]))
			return false;
	}
	return true;
}

bool
str_starts(struct str a, const char *prefix)
{
	size_t n = strlen(prefix);

	return a.n >= n && (n == 0 || memcmp(a.p, prefix, n) == 0);
}

bool
starts_with(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool
str_int(struct str s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	size_t i = negative ? 1 : 0;
	int64_t v = 0; /* summed up below zero, where one number more fits */

	if (i == s.n)
		return false;
	for (; i < s.n; i++) {
		int digit = s.p[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, digit, &v))
			return false;
	}
	if (!negative && v == INT64_MIN)
		return false;
	*out = negative ? v : -v;
	return true;
}

static uint64_t
load_word(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Length of the well-formed sequence of two to four bytes at p, or 0. */
static size_t
utf8_sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t len;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* overlong below */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates above */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong below */
	else if (p[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF above */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

bool
utf8_valid(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t len;

		if (n - i >= 8 && (load_word(s + i) & HIGH_BITS) == 0) {
			i += 8;
			continue;
		}
		if ((unsigned char)s[i] < 0x80) {
			i++;
			continue;
		}
		len = utf8_sequence((const unsigned char *)s + i, n - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

size_t
utf8_fit(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

void
buf_grow(struct buf *b, size_t more)
{
	size_t need, cap = b->cap < 64 ? 64 : b->cap;

	if (__builtin_add_overflow(b->n, more, &need) || need >= SIZE_MAX / 2) {
		fprintf(stderr, "buf: %zu bytes more asked for\n", more);
		abort();
	}
	while (cap <= need)
		cap *= 2;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_int(struct buf *b, int64_t i)
{
	char digits[20], *p = digits + sizeof digits;
	uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	if (i < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof digits - p));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	buf_reserve(b, 120);
	va_copy(again, ap);
	n = vsnprintf(b->p + b->n, b->cap - b->n, fmt, ap);
	if (n < 0) {
		fprintf(stderr, "buf: bad format %s\n", fmt);
		abort();
	}
	if ((size_t)n >= b->cap - b->n) {
		buf_reserve(b, (size_t)n);
		vsnprintf(b->p + b->n, b->cap - b->n, fmt, again);
	}
	va_end(again);
	b->n += (size_t)n;
}

static bool
json_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

/* Is one of the word's eight bytes a control, a quote or a backslash? */
static bool
word_has_special(uint64_t w)
{
	uint64_t quote = w ^ BYTES('"'), slash = w ^ BYTES('\\');
	uint64_t hit = ((w - BYTES(0x20)) & ~w) | ((quote - BYTES(1)) & ~quote) |
		       ((slash - BYTES(1)) & ~slash);

	return (hit & HIGH_BITS) != 0;
}

/* How many bytes from s on need no escape. */
static size_t
plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (n - i >= 8 && !word_has_special(load_word(s + i)))
		i += 8;
	while (i < n && json_plain((unsigned char)s[i]))
		i++;
	return i;
}

static void
buf_json_escape(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[0x20] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
	};
	char out[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

	if (c >= 0x20)
		out[1] = (char)c;
	else if (letters[c] != '\0')
		out[1] = letters[c];
	buf_add(b, out, out[1] == 'u' ? 6 : 2);
}

void
buf_json(struct buf *b, const char *s, size_t n)
{
	size_t i = 0;

	buf_reserve(b, n + 2);
	buf_char(b, '"');
	while (i < n) {
		size_t run = plain_run(s + i, n - i);

		buf_add(b, s + i, run);
		i += run;
		if (i < n)
			buf_json_escape(b, (unsigned char)s[i++]);
	}
	buf_char(b, '"');
}

void
buf_json_str(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_lit(b, "null");
	else
		buf_json(b, s, strlen(s));
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
}

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ 0 };
}

char *
buf_take(struct buf *b, size_t *n_out)
{
	char *p;

	buf_reserve(b, 0);
	p = b->p;
	p[b->n] = '\0';
	if (n_out != NULL)
		*n_out = b->n;
	*b = (struct buf){ 0 };
	return p;
}

static void *
checked(void *p, size_t size)
{
	if (p == NULL) {
		fprintf(stderr, "out of memory: %zu bytes asked for\n", size);
		abort();
	}
	return p;
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size > 0 ? size : 1), size);
}

void *
xcalloc(size_t n, size_t size)
{
	return checked(calloc(n > 0 ? n : 1, size > 0 ? size : 1), size);
}

void *
xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size > 0 ? size : 1), size);
}

void *
xpages(size_t n)
{
	void *p =
	    mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

void
xpages_free(void *p, size_t n)
{
	munmap(p, n);
}

char *
xstrdup(const char *s)
{
	return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t n)
{
	char *p = xmalloc(n + 1);

	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}
