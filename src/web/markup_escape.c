/*
 * Text as it may stand in HTML: escaped, well-formed, and with an end to whatever it
 * turns around. Relies on base/str. Everything that people wrote goes to a page by
 * here.
 */
#include "web/markup_escape.h"

#include "web/markup.h"

#define TURNS_MAX 16 /* within each other; more of them are left out */

#define LRE 0x202a
#define PDF 0x202c
#define RLO 0x202e
#define LRI 0x2066
#define PDI 0x2069

/* --- characters --- */

static bool
is_next(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Not overlong, no surrogate, not beyond the last. */
static bool
is_scalar(uint32_t c, size_t len)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

size_t
markup_char(const char *s, size_t n, uint32_t *out)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	if (p[0] > 0xf7 || is_next(p[0]) || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (!is_next(p[i]))
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	*out = c;
	return is_scalar(c, len) ? len : 0;
}

bool
markup_is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0xfdd0 && c <= 0xfdef) ||
	       (c & 0xfffe) == 0xfffe;
}

bool
markup_is_bidi(uint32_t c)
{
	return (c >= LRE && c <= RLO) || (c >= LRI && c <= PDI);
}

bool
markup_is_blank(struct str text)
{
	size_t i = 0;

	while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\n' ||
				 text.p[i] == '\t' || text.p[i] == '\r'))
		i++;
	return i == text.n;
}

/* --- bidirectional controls --- */

/* What was opened and not ended: embeddings and overrides, and isolates. */
struct turns {
	bool is_isolate[TURNS_MAX];
	int n;
};

static void
end_turn(struct buf *out, struct turns *turns)
{
	if (turns->is_isolate[--turns->n])
		buf_lit(out, "\xe2\x81\xa9"); /* PDI */
	else
		buf_lit(out, "\xe2\x80\xac"); /* PDF */
}

/* An end without its beginning is not to be written. */
static bool
take_end(struct turns *turns, bool is_isolate)
{
	int i = turns->n - 1;

	while (is_isolate && i >= 0 && !turns->is_isolate[i])
		i--; /* the end of an isolate ends what was opened in it */
	if (i < 0 || turns->is_isolate[i] != is_isolate)
		return false;
	turns->n = i;
	return true;
}

static bool
take_turn(struct turns *turns, uint32_t c)
{
	if (c == PDF || c == PDI)
		return take_end(turns, c == PDI);
	if (turns->n == TURNS_MAX)
		return false;
	turns->is_isolate[turns->n++] = c >= LRI;
	return true;
}

/* --- escaping --- */

static const struct str entities[0x80] = {
	['&'] = { "&amp;", 5 },
	['<'] = { "&lt;", 4 },
	['>'] = { "&gt;", 4 },
	['"'] = { "&quot;", 6 },
	['\''] = { "&#39;", 5 },
};

static bool
stays(uint32_t c)
{
	if (c < 0x80)
		return entities[c].n == 0 &&
		       (!markup_is_control(c) || c == '\n' || c == '\t');
	return !markup_is_control(c) && !markup_is_bidi(c);
}

static size_t
escape_char(struct buf *out, const char *s, size_t n, struct turns *turns)
{
	uint32_t c;
	size_t len = markup_char(s, n, &c);

	if (len > 0 && c < 0x80 && entities[c].n > 0)
		buf_add(out, entities[c].p, entities[c].n);
	else if (len > 0 && markup_is_bidi(c))
		buf_add(out, s, take_turn(turns, c) ? len : 0);
	else
		buf_lit(out, MARKUP_BROKEN);
	return len > 0 ? len : 1;
}

void
markup_escape(struct buf *out, const char *text, size_t n)
{
	struct turns turns = { .n = 0 };
	size_t i = 0, written = 0;

	if (n == 0)
		return;
	while (i < n) {
		uint32_t c;
		size_t len = markup_char(text + i, n - i, &c);

		if (len > 0 && stays(c)) {
			i += len;
			continue;
		}
		buf_add(out, text + written, i - written);
		i += escape_char(out, text + i, n - i, &turns);
		written = i;
	}
	buf_add(out, text + written, n - written);
	while (turns.n > 0)
		end_turn(out, &turns);
}
