/*
 * Reading a formatted_body: element by element, for whoever listens.
 */
#ifndef WEB_MARKUP_READ_H
#define WEB_MARKUP_READ_H

#include <stdbool.h>

#include "web/markup.h"
#include "web/markup_tag.h"

/* Who listens. What is left out with its content, and elements that we do not know, are
 * told to nobody; the text inside the latter is. */
struct markup_ear {
	/* attributes: name, value (NULL: none) and so on, NULL at the end; or NULL.
	 * What is KIND_VOID has no end. */
	void (*start)(void *arg, enum markup_tag tag, const char *const *attributes);
	/* Of the one that began last, of those that have not ended. */
	void (*end)(void *arg, enum markup_tag tag);
	/* Well-formed UTF-8, entities resolved, in pieces. */
	void (*text)(void *arg, const char *text, size_t n);
	/* What is open will be told no end of. */
	void (*lost)(void *arg);
	void *arg;
	bool is_done; /* set by the listener: it needs to hear no more */
};

void markup_read(const char *html, size_t n, struct markup_ear *ear);

/* NULL: it is not there, or has no value. */
const char *markup_attribute(const char *const *attributes, const char *name);
bool markup_has_attribute(const char *const *attributes, const char *name);

#endif
