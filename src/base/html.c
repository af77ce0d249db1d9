/*
 * What libxml2 has to be told, and where it has to be helped. Relies on nobody; for
 * web/markup_read and core/preview_page.
 */
#include "base/html.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The parser takes an end that has no beginning for the end of all, if it is the first.
 */
static const char *const beginnings[] = {
	[HTML_PAGE] = "<html>",
	[HTML_PART] = "<html><body>",
};

htmlParserCtxtPtr
html_parser_new(enum html_kind kind, const struct html_ear *ear, void *arg)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	htmlSAXHandler handler = { .startElement = ear->start,
		.endElement = ear->end,
		.characters = ear->text,
		.ignorableWhitespace = ear->text };
	htmlParserCtxtPtr parser;

	pthread_once(&once, xmlInitParser);
	parser = htmlCreatePushParserCtxt(&handler, arg, beginnings[kind],
	    (int)strlen(beginnings[kind]), NULL, XML_CHAR_ENCODING_UTF8);
	if (parser == NULL)
		abort(); /* out of memory */
	htmlCtxtUseOptions(parser, HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
				       HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
				       HTML_PARSE_IGNORE_ENC |
				       (kind == HTML_PART ? HTML_PARSE_NOIMPLIED : 0));
	return parser;
}

/* libxml2 2.9 forgets, between two pieces, by which quote a value ends, unless it looks
 * at the whole tag again. */
void
html_feed(htmlParserCtxtPtr parser, const char *piece, size_t n)
{
#if LIBXML_VERSION < 21100
	parser->checkIndex = 0;
#endif
	(void)htmlParseChunk(parser, piece, (int)n, 0);
}

void
html_end(htmlParserCtxtPtr parser)
{
	(void)htmlParseChunk(parser, NULL, 0, 1);
}

size_t
html_unread(const xmlParserCtxt *parser)
{
	const xmlParserInput *in = parser->input;

	return in == NULL ? 0 : (size_t)(in->end - in->cur);
}

bool
html_is_in_long_tag(const xmlParserCtxt *parser, size_t max)
{
	const xmlChar *at = parser->input == NULL ? NULL : parser->input->cur;

	return html_unread(parser) > max && at[0] == '<' && at[1] != '!';
}
