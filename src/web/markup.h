/*
 * What people wrote, as HTML that is safe in a page. A body is parsed and built anew of
 * what the specification lets it hold; nothing of it is taken over as it stands.
 * Spec: client-server-api/#mroommessage-msgtypes
 */
#ifndef WEB_MARKUP_H
#define WEB_MARKUP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/str.h"

/* What stands around a body. Borrowed; any of it may be NULL. */
struct markup_ask {
	/* Appends the address of the n-th picture of a body (from 0 on; every <img>
	 * with an mxc counts), not escaped. width, height: pixels, 0: not said. false,
	 * or NULL: its alt text takes its place. */
	bool (*picture)(
	    void *arg, struct buf *out, int n, const char *mxc, int width, int height);
	void *arg;
	const char *spoiler_word; /* instead of a reason, in the page's language */
};

/*
 * All of these take any bytes. What is appended is well-formed UTF-8 and balanced, its
 * bidirectional controls too, and at most eight times as long (but for addresses that
 * `ask` gives, and some 4 KiB).
 */

/* Appends a formatted_body, rebuilt. Addresses in its text become links. */
void markup_html(
    struct buf *out, const char *html, size_t n, const struct markup_ask *ask);
/* Appends a plain body: ends of lines as <br>, addresses in it as links. */
void markup_text(struct buf *out, const char *text, size_t n);
/* Appends text for the inside of an element or of a quoted attribute. Bytes that are no
 * UTF-8, control characters but \n and \t, and noncharacters become U+FFFD: it may
 * stand in XML as well. */
void markup_escape(struct buf *out, const char *text, size_t n);

/* The mxc of a formatted_body's index-th picture, in the arena; NULL: it has none. */
const char *markup_picture(struct arena *arena, const char *html, size_t n, int index);
/* Appends a formatted_body's text for a title or a summary: one line, not escaped,
 * without what spoilers hide; at most max bytes, whole characters. */
void markup_plain(struct buf *out, const char *html, size_t n, size_t max);

#endif
