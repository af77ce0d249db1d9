/*
 * Byte slices, and a growing buffer to write into.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; not NUL-terminated unless its maker says so. */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })

struct str str_of(const char *s); /* NULL gives { "", 0 } */
bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *s);
bool str_ieq(struct str a, const char *s); /* ASCII case folded */
bool str_starts(struct str a, const char *prefix);
bool starts_with(const char *s, const char *prefix);
bool ends_with(const char *s, const char *suffix);
/* Decimal integer, all of it, optional '-'; false on anything else or overflow. */
bool str_int(struct str s, int64_t *out);
/* Is s well-formed UTF-8 (no overlong forms, no surrogates)? */
bool utf8_valid(const char *s, size_t n);
/* How much of s[0..n), which is UTF-8, fits into max bytes without a character cut in
 * two. */
size_t utf8_fit(const char *s, size_t n, size_t max);

/* Owned by one thread. { 0 } is an empty one. */
struct buf {
	char *p;
	size_t n, cap;
};

void buf_grow(struct buf *b, size_t more); /* as buf_reserve, where it is too small */

/* Room for more bytes behind n, and one that buf_take needs for its NUL. */
static inline void
buf_reserve(struct buf *b, size_t more)
{
	if (b->cap - b->n <= more)
		buf_grow(b, more);
}

static inline void
buf_add(struct buf *b, const void *data, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memcpy(b->p + b->n, data, n);
	b->n += n;
}

static inline void
buf_char(struct buf *b, char c)
{
	buf_reserve(b, 1);
	b->p[b->n++] = c;
}

void buf_str(struct buf *b, const char *s);
void buf_int(struct buf *b, int64_t i);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* A JSON string with its quotes, escaped as canonical JSON wants it; s is UTF-8. */
void buf_json(struct buf *b, const char *s, size_t n);
void buf_json_str(struct buf *b, const char *s); /* NULL gives null */
void buf_reset(struct buf *b);			 /* n = 0, memory kept */
void buf_free(struct buf *b);
/* Hands the bytes over (malloc'ed, NUL behind them); b is empty afterwards. */
char *buf_take(struct buf *b, size_t *n_out);

#define buf_lit(b, literal) buf_add((b), (literal), sizeof(literal) - 1)

/* malloc and friends that abort when memory is out. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
/* Zeroed memory for a large table, no page of which costs anything before it is
 * written: xcalloc may write it all. Ended with the same size. */
void *xpages(size_t n);
void xpages_free(void *p, size_t n);
char *xstrndup(const char *s, size_t n);

#endif
