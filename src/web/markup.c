/*
 * Bodies as HTML, and as one line of text. Relies on markup_read for what a body says
 * and on markup_build for how it is written; whatever shows an event comes here.
 */
#include "web/markup.h"

#include <string.h>

#include "web/markup_build.h"
#include "web/markup_element.h"
#include "web/markup_escape.h"
#include "web/markup_read.h"

/* --- HTML --- */

/* Most formatted bodies that clients send say nothing that a plain one would not. */
static bool
is_mere_text(const char *html, size_t n)
{
	return n == 0 || (memchr(html, '<', n) == NULL && memchr(html, '&', n) == NULL);
}

void
markup_html(struct buf *out, const char *html, size_t n, const struct markup_ask *ask)
{
	struct build b;
	struct markup_ear ear = { .start = markup_build_start,
		.end = markup_build_end,
		.text = markup_build_text,
		.lost = markup_build_lost,
		.arg = &b };

	if (is_mere_text(html, n)) {
		struct markup_room room = markup_room(out, n);

		markup_linked(out, (struct str){ html, n }, &room);
		return;
	}
	markup_build_init(&b, out, n, ask);
	markup_read(html, n, &ear);
	markup_build_fini(&b);
}

static size_t
line_length(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && text[i] != '\n' && text[i] != '\r')
		i++;
	return i;
}

void
markup_text(struct buf *out, const char *text, size_t n)
{
	struct markup_room room = markup_room(out, n);

	while (n > 0) {
		size_t len = line_length(text, n);

		markup_linked(out, (struct str){ text, len }, &room);
		if (len == n)
			return;
		buf_str(out, markup_may_open(&room, out) ? "<br>" : "\n");
		if (text[len] == '\r' && len + 1 < n && text[len + 1] == '\n')
			len++;
		text += len + 1;
		n -= len + 1;
	}
}

/* --- pictures --- */

struct search {
	struct arena *arena;
	struct markup_ear ear;
	int index;
	const char *found;
};

static void
search_start(void *arg, enum markup_tag tag, const char *const *attributes)
{
	struct search *search = arg;
	const char *mxc = tag == TAG_IMG ? markup_element_mxc(attributes) : NULL;

	if (mxc == NULL || search->index-- != 0)
		return;
	search->found = arena_strdup(search->arena, mxc);
	search->ear.is_done = true;
}

static void
search_end(void *arg, enum markup_tag tag)
{
}

static void
search_text(void *arg, const char *text, size_t n)
{
}

static void
search_lost(void *arg)
{
}

const char *
markup_picture(struct arena *arena, const char *html, size_t n, int index)
{
	struct search search = { .arena = arena,
		.index = index,
		.ear = { .start = search_start,
		    .end = search_end,
		    .text = search_text,
		    .lost = search_lost } };

	search.ear.arg = &search;
	if (index >= 0 && !is_mere_text(html, n))
		markup_read(html, n, &search.ear);
	return search.found;
}

/* --- one line --- */

struct line {
	struct buf *out;
	size_t begin, max;
	struct markup_ear ear;
	bool is_blank_due;
	int hidden; /* how deep in a spoiler */
};

static void
add_char(struct line *line, const char *s, size_t len, uint32_t c)
{
	size_t need = len + (line->is_blank_due ? 1 : 0);

	if (markup_is_bidi(c))
		return;
	if (line->out->n - line->begin + need > line->max) {
		line->ear.is_done = true;
		return;
	}
	if (line->is_blank_due)
		buf_char(line->out, ' ');
	line->is_blank_due = false;
	buf_add(line->out, s, len);
}

static void
line_text(void *arg, const char *text, size_t n)
{
	struct line *line = arg;
	size_t i = 0;

	while (line->hidden == 0 && i < n && !line->ear.is_done) {
		uint32_t c;
		size_t len = markup_char(text + i, n - i, &c);

		if (len == 1 && (c == ' ' || c == '\n' || c == '\t' || c == '\r'))
			line->is_blank_due = line->out->n > line->begin;
		else if (len == 0 || markup_is_control(c))
			add_char(line, MARKUP_BROKEN, sizeof MARKUP_BROKEN - 1, 0);
		else
			add_char(line, text + i, len, c);
		i += len > 0 ? len : 1;
	}
}

static void
line_break(struct line *line)
{
	line_text(line, " ", 1);
}

static void
add_alt(struct line *line, const char *const *attributes)
{
	const char *alt = markup_attribute(attributes, "alt");

	if (alt == NULL || alt[0] == '\0')
		alt = markup_attribute(attributes, "title");
	if (alt != NULL)
		line_text(line, alt, strlen(alt));
}

static void
add_reason(struct line *line, const char *const *attributes)
{
	const char *reason = markup_attribute(attributes, "data-mx-spoiler");

	if (reason == NULL || reason[0] == '\0')
		reason = "\xe2\x80\xa6"; /* an ellipsis */
	line_text(line, reason, strlen(reason));
}

static void
line_start(void *arg, enum markup_tag tag, const char *const *attributes)
{
	struct line *line = arg;

	if (tag == TAG_IMG)
		add_alt(line, attributes);
	else if (markup_kind(tag) != KIND_INLINE)
		line_break(line);
	if (line->hidden > 0) {
		line->hidden += markup_kind(tag) != KIND_VOID;
	} else if (tag == TAG_SPAN &&
		   markup_has_attribute(attributes, "data-mx-spoiler")) {
		add_reason(line, attributes);
		line->hidden = 1;
	}
}

static void
line_end(void *arg, enum markup_tag tag)
{
	struct line *line = arg;

	if (line->hidden > 0)
		line->hidden--;
	if (markup_kind(tag) != KIND_INLINE)
		line_break(line);
}

/* What was hidden stays so. */
static void
line_lost(void *arg)
{
}

void
markup_plain(struct buf *out, const char *html, size_t n, size_t max)
{
	struct line line = { .out = out,
		.begin = out->n,
		.max = max,
		.ear = { .start = line_start,
		    .end = line_end,
		    .text = line_text,
		    .lost = line_lost } };

	line.ear.arg = &line;
	if (is_mere_text(html, n))
		line_text(&line, html, n);
	else
		markup_read(html, n, &line.ear);
}
