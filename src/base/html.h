/*
 * libxml2's push parser of HTML, as those drive it who read what others wrote: fed in
 * pieces, elements handed over one by one, no tree, nothing fetched.
 */
#ifndef BASE_HTML_H
#define BASE_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <libxml/HTMLparser.h>

#define HTML_PIECE_BYTES 4096 /* what to feed it between two looks */
/* How deep to let it go: each end is looked for among all that is open. */
#define HTML_DEPTH_MAX 256

enum html_kind {
	HTML_PAGE, /* with a head, which is added where there is none */
	HTML_PART  /* of a body; nothing is added */
};

/* What the parser calls with `arg`; all of them. Names are in lower case. */
struct html_ear {
	startElementSAXFunc start; /* attributes: name, value (or NULL), ..., NULL */
	endElementSAXFunc end;
	charactersSAXFunc text;
};

/* Of UTF-8. The caller frees it by htmlFreeParserCtxt. */
htmlParserCtxtPtr html_parser_new(
    enum html_kind kind, const struct html_ear *ear, void *arg);
void html_feed(htmlParserCtxtPtr parser, const char *piece, size_t n);
void html_end(htmlParserCtxtPtr parser);
/* Bytes that it was fed and has not parsed. */
size_t html_unread(const xmlParserCtxt *parser);
/* Does it hold more than `max` bytes of a tag that has not ended? All of a tag is kept,
 * and its attributes are compared each with each. */
bool html_is_in_long_tag(const xmlParserCtxt *parser, size_t max);

#endif
