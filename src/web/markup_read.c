/*
 * By libxml2's parser of HTML: 2.4 us for a body of 200 bytes, where gumbo takes 8, and
 * 15 ms for the worst 64 KiB that we know, where gumbo takes 3 s and 3.6 GB. Relies on
 * markup_tag; every formatted_body that is not mere text comes by here.
 */
#include "web/markup_read.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <libxml/HTMLparser.h>

#include "web/markup_escape.h"

#define PIECE_BYTES 4096
#define DEPTH_MAX 256	   /* each end is looked for among all that is open */
#define TAG_BYTES_MAX 4096 /* its attributes are compared each with each, */
#define ATTRIBUTES_MAX 64  /* and nobody needs so many */

struct reading {
	struct markup_ear *ear;
	htmlParserCtxtPtr parser;
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

/* Without these the parser takes an end that has no beginning for the end of all. */
static const char beginning[] = "<html><body>";

static void
begin(struct reading *r)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	htmlSAXHandler handler = { .startElement = on_start,
		.endElement = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text };

	pthread_once(&once, xmlInitParser);
	r->parser = htmlCreatePushParserCtxt(
	    &handler, r, beginning, sizeof beginning - 1, NULL, XML_CHAR_ENCODING_UTF8);
	if (r->parser == NULL)
		abort(); /* out of memory */
	htmlCtxtUseOptions(r->parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
					  HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
					  HTML_PARSE_IGNORE_ENC | HTML_PARSE_NOIMPLIED);
}

/* What it was fed and has not parsed. */
static size_t
unread(const struct reading *r)
{
	const xmlParserInput *in = r->parser->input;

	return in == NULL ? 0 : (size_t)(in->end - in->cur);
}

static bool
is_in_long_tag(const struct reading *r)
{
	const xmlParserInput *in = r->parser->input;

	return unread(r) > TAG_BYTES_MAX && in->cur[0] == '<' && in->cur[1] != '!';
}

/* Behind the tag that begins here, nearly. */
static struct str
behind_tag(struct str text)
{
	const char *end = memchr(text.p, '>', text.n);
	size_t n = end == NULL ? text.n : (size_t)(end + 1 - text.p);

	return (struct str){ text.p + n, text.n - n };
}

/* libxml2 2.9 forgets, between two pieces, by which quote a value ends, unless it looks
 * at the whole tag again. */
static void
feed(struct reading *r, const char *piece, size_t n)
{
#if LIBXML_VERSION < 21100
	r->parser->checkIndex = 0;
#endif
	(void)htmlParseChunk(r->parser, piece, (int)n, 0);
}

/* Feeds a parser until it is better begun anew: all that it has open is forgotten then,
 * but for what is left out. Returns what is left to read. */
static struct str
read_some(struct reading *r, struct str text)
{
	bool is_long = false, is_all;
	size_t fed = 0, back;

	begin(r);
	while (fed < text.n && !r->ear->is_done && r->parser->nameNr <= DEPTH_MAX &&
	       !is_long) {
		size_t n = text.n - fed < PIECE_BYTES ? text.n - fed : PIECE_BYTES;

		feed(r, text.p + fed, n);
		fed += n;
		is_long = is_in_long_tag(r);
	}
	is_all = fed == text.n && !is_long;
	if (is_all)
		(void)htmlParseChunk(r->parser, NULL, 0, 1);
	back = is_all ? 0 : unread(r);
	htmlFreeParserCtxt(r->parser);
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
