/*
 * By libxml2's parser of HTML: 2.4 us for a body of 200 bytes, where gumbo takes 8, and
 * 15 ms for the worst 64 KiB that we know, where gumbo takes 3 s and 3.6 GB. Relies on
 * markup_tag; every formatted_body that is not mere text comes by here.
 */
#include "web/markup_read.h"

#include <string.h>

#include "base/html.h"
#include "web/markup_escape.h"

#define TAG_BYTES_MAX 4096 /* its attributes are compared each with each, */
#define ATTRIBUTES_MAX 64  /* and nobody needs so many */

struct reading {
	struct markup_ear *ear;
	int left_out; /* how deep in what is left out */
};

/* --- what the parser is given --- */

static bool
is_readable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return utf8_valid(s, n);
}

/* How HTML takes them, but that a control is not a blank. */
static size_t
add_readable(struct buf *out, const char *s, size_t n)
{
	uint32_t c;
	size_t len = markup_char(s, n, &c);

	if (len == 1 && c == '\r')
		buf_lit(out, "\n");
	else if (len == 1 && c == '\f')
		buf_lit(out, " ");
	else if (len == 0 || (markup_is_control(c) && c != '\n' && c != '\t'))
		buf_lit(out, MARKUP_BROKEN);
	else
		buf_add(out, s, len);
	if (len == 1 && c == '\r' && n > 1 && s[1] == '\n')
		return 2;
	return len > 0 ? len : 1;
}

/* The parser changes its mind about the charset where it meets what is no UTF-8, and
 * ends at a NUL. */
static struct str
readable(struct buf *room, const char *s, size_t n)
{
	size_t i = 0;

	if (is_readable(s, n))
		return (struct str){ s, n };
	while (i < n)
		i += add_readable(room, s + i, n - i);
	return (struct str){ room->p, room->n };
}

/* --- what it tells --- */

static bool
has_many(const xmlChar **attributes)
{
	int n = 0;

	while (attributes != NULL && attributes[2 * n] != NULL)
		n++;
	return n > ATTRIBUTES_MAX;
}

static void
on_start(void *arg, const xmlChar *name, const xmlChar **attributes)
{
	struct reading *r = arg;
	enum markup_tag tag = markup_tag((const char *)name);

	if (has_many(attributes))
		r->ear->is_done = true;
	if (r->left_out > 0 || (tag != TAG_COUNT && markup_kind(tag) == KIND_LEFT_OUT))
		r->left_out++;
	else if (tag != TAG_COUNT && !r->ear->is_done)
		r->ear->start(r->ear->arg, tag, (const char *const *)attributes);
}

static void
on_end(void *arg, const xmlChar *name)
{
	struct reading *r = arg;
	enum markup_tag tag = markup_tag((const char *)name);

	if (r->left_out > 0)
		r->left_out--;
	else if (tag != TAG_COUNT && markup_kind(tag) > KIND_VOID && !r->ear->is_done)
		r->ear->end(r->ear->arg, tag);
}

static void
on_text(void *arg, const xmlChar *text, int n)
{
	struct reading *r = arg;

	if (r->left_out == 0 && !r->ear->is_done)
		r->ear->text(r->ear->arg, (const char *)text, (size_t)n);
}

/* --- feeding it --- */

/* Behind the tag that begins here, nearly. */
static struct str
behind_tag(struct str text)
{
	const char *end = memchr(text.p, '>', text.n);
	size_t n = end == NULL ? text.n : (size_t)(end + 1 - text.p);

	return (struct str){ text.p + n, text.n - n };
}

/* Feeds a parser until it is better begun anew: all that it has open is forgotten then,
 * but for what is left out. Returns what is left to read. */
static struct str
read_some(struct reading *r, struct str text)
{
	static const struct html_ear ear = { on_start, on_end, on_text };
	htmlParserCtxtPtr parser = html_parser_new(HTML_PART, &ear, r);
	bool is_long = false, is_all;
	size_t fed = 0, back;

	while (fed < text.n && !r->ear->is_done && parser->nameNr <= HTML_DEPTH_MAX &&
	       !is_long) {
		size_t n =
		    text.n - fed < HTML_PIECE_BYTES ? text.n - fed : HTML_PIECE_BYTES;

		html_feed(parser, text.p + fed, n);
		fed += n;
		is_long = html_is_in_long_tag(parser, TAG_BYTES_MAX);
	}
	is_all = fed == text.n && !is_long;
	if (is_all)
		html_end(parser);
	back = is_all ? 0 : html_unread(parser);
	htmlFreeParserCtxt(parser);
	fed -= back < fed ? back : fed;
	text = (struct str){ text.p + fed, text.n - fed };
	return is_long ? behind_tag(text) : text;
}

void
markup_read(const char *html, size_t n, struct markup_ear *ear)
{
	struct reading r = { .ear = ear };
	struct buf room = { 0 };
	struct str text = readable(&room, html, n);

	while (text.n > 0 && !ear->is_done) {
		size_t before = text.n;

		text = read_some(&r, text);
		if (text.n == before)
			break;
		if (text.n > 0)
			ear->lost(ear->arg);
	}
	buf_free(&room);
}

/* --- attributes --- */

bool
markup_has_attribute(const char *const *attributes, const char *name)
{
	for (; attributes != NULL && attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return true;
	return false;
}

const char *
markup_attribute(const char *const *attributes, const char *name)
{
	for (; attributes != NULL && attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return NULL;
}
