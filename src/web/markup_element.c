/*
 * The attributes that the specification lets pass, and what they become; no other is
 * looked at. Relies on markup_link and markup_colour; markup_build asks it for every
 * element that may stand where it is.
 */
#include "web/markup_element.h"

#include <string.h>

#include "event/ids.h"
#include "web/markup_colour.h"
#include "web/markup_escape.h"
#include "web/markup_read.h"

#define PIXELS_MAX 2048
#define LANGUAGE_MAX 40 /* bytes of the name of one that a program is written in */
#define SPOILER_WORD "Spoiler"

static void
escape_str(struct buf *out, const char *text)
{
	markup_escape(out, text, strlen(text));
}

/* A whole number from 0 on, as HTML reads it: what follows it does not count. -1: none.
 */
static int
number(const char *text, int max)
{
	int n = 0;

	if (text == NULL)
		return -1;
	text += strspn(text, " \t\n");
	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (n > (max - (*text - '0')) / 10)
			return max;
		n = n * 10 + (*text - '0');
	}
	return n;
}

/* --- span, font, div --- */

static int
colour_of(const char *const *attributes, const char *name)
{
	const char *text = markup_attribute(attributes, name);

	return text == NULL ? -1 : markup_colour(text);
}

/* Appends ` class="..."` of what there is; true if there is any. */
static bool
add_class(struct buf *out, const char *name, int ink, int paper)
{
	const char *before = " class=\"";

	if (name != NULL) {
		buf_printf(out, "%s%s", before, name);
		before = " ";
	}
	if (ink >= 0) {
		buf_printf(out, "%sfg-%d", before, ink);
		before = " ";
	}
	if (paper >= 0)
		buf_printf(out, "%sbg-%d", before, paper);
	if (name == NULL && ink < 0 && paper < 0)
		return false;
	buf_char(out, '"');
	return true;
}

/* Hidden by CSS until it has the focus or the pointer; without its content being in the
 * way of who cannot see it. */
static void
open_spoiler(struct build *b, const char *reason)
{
	if (reason == NULL || markup_is_blank(str_of(reason)))
		reason = b->ask->spoiler_word;
	if (reason == NULL)
		reason = SPOILER_WORD;
	buf_lit(b->out, "<span class=\"spoiler\" tabindex=\"0\" role=\"note\">"
			"<span class=\"spoiler-reason\">");
	escape_str(b->out, reason);
	buf_lit(b->out, "</span>");
}

static bool
take_maths(struct build *b, struct level *level, const char *const *attributes)
{
	const char *maths = markup_attribute(attributes, "data-mx-maths");

	if (maths == NULL || markup_build_has(b, TAG_COUNT, ROLE_MATHS))
		return false;
	level->roles |= ROLE_MATHS;
	buf_reset(&b->maths);
	buf_str(&b->maths, maths);
	return true;
}

static bool
open_div(struct build *b, struct level *level, const char *const *attributes)
{
	if (take_maths(b, level, attributes)) {
		buf_lit(b->out, "<div><code class=\"maths\">");
		level->end = "</code></div>";
	} else {
		buf_lit(b->out, "<div>");
	}
	return true;
}

/* The end of a span that is some of these. */
static const char *
end_of_span(bool is_spoiler, bool is_maths)
{
	if (is_spoiler)
		return is_maths ? "</code></span></span>" : "</span></span>";
	return is_maths ? "</code>" : "</span>";
}

static bool
open_span(struct build *b, struct level *level, const char *const *attributes)
{
	bool is_spoiler = markup_has_attribute(attributes, "data-mx-spoiler") &&
			  !markup_build_has(b, TAG_COUNT, ROLE_SPOILER);
	bool is_maths = take_maths(b, level, attributes);
	int ink = colour_of(attributes, "data-mx-color");
	int paper = colour_of(attributes, "data-mx-bg-color");

	if (!is_spoiler && !is_maths && ink < 0 && paper < 0)
		return false;
	level->end = end_of_span(is_spoiler, is_maths);
	if (is_spoiler) {
		level->roles |= ROLE_SPOILER;
		open_spoiler(b, markup_attribute(attributes, "data-mx-spoiler"));
		buf_lit(b->out, "<span");
		add_class(
		    b->out, "spoiler-text", is_maths ? -1 : ink, is_maths ? -1 : paper);
		buf_char(b->out, '>');
	}
	if (is_spoiler && !is_maths)
		return true;
	buf_str(b->out, is_maths ? "<code" : "<span");
	add_class(b->out, is_maths ? "maths" : NULL, ink, paper);
	buf_char(b->out, '>');
	return true;
}

/* Spec: "This tag is now deprecated in favor of the span tag". */
static bool
open_font(struct build *b, struct level *level, const char *const *attributes)
{
	int ink = colour_of(attributes, "data-mx-color");
	int paper = colour_of(attributes, "data-mx-bg-color");

	if (ink < 0)
		ink = colour_of(attributes, "color");
	if (ink < 0 && paper < 0)
		return false;
	buf_lit(b->out, "<span");
	add_class(b->out, NULL, ink, paper);
	buf_char(b->out, '>');
	level->end = "</span>";
	return true;
}

/* --- code, ol, a --- */

/* The first class that names a language; n 0: none does. */
static struct str
language_in(const char *classes)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+#._-";

	while (classes != NULL && *classes != '\0') {
		size_t n = strcspn(classes, " \t\n");

		if (starts_with(classes, "language-") && n > 9 && n <= LANGUAGE_MAX &&
		    strspn(classes, plain) == n)
			return (struct str){ classes, n };
		classes += n;
		classes += strspn(classes, " \t\n");
	}
	return STR("");
}

static bool
open_code(struct build *b, const char *const *attributes)
{
	struct str language = language_in(markup_attribute(attributes, "class"));

	buf_lit(b->out, "<code");
	if (language.n > 0) {
		buf_lit(b->out, " class=\"");
		buf_add(b->out, language.p, language.n);
		buf_char(b->out, '"');
	}
	buf_char(b->out, '>');
	return true;
}

static bool
open_list(struct build *b, const char *const *attributes)
{
	const char *start = markup_attribute(attributes, "start");
	bool is_negative = start != NULL && start[0] == '-';
	int n = number(is_negative ? start + 1 : start, 999999999);

	buf_lit(b->out, "<ol");
	if (n >= 0)
		buf_printf(b->out, " start=\"%d\"", is_negative ? -n : n);
	buf_char(b->out, '>');
	return true;
}

static bool
open_link(struct build *b, const char *const *attributes)
{
	const char *href = markup_attribute(attributes, "href");

	return href != NULL && markup_open_link(b->out, str_of(href));
}

bool
markup_element_open(struct build *b, struct level *level, const char *const *attributes)
{
	switch (level->tag) {
	case TAG_A:
		return open_link(b, attributes);
	case TAG_CODE:
		return open_code(b, attributes);
	case TAG_DIV:
		return open_div(b, level, attributes);
	case TAG_FONT:
		return open_font(b, level, attributes);
	case TAG_OL:
		return open_list(b, attributes);
	case TAG_SPAN:
		return open_span(b, level, attributes);
	default:
		buf_str(b->out, markup_tag_start(level->tag));
		return true;
	}
}

/* Spec: "The contents of the tag should be a fallback representation"; where there is
 * none, LaTeX is better than nothing. */
void
markup_element_close(struct build *b, const struct level *level)
{
	if ((level->roles & ROLE_MATHS) == 0 || b->seen > level->inside)
		return;
	markup_escape(b->out, b->maths.p, b->maths.n);
	b->seen = b->out->n;
}

/* --- img --- */

const char *
markup_element_mxc(const char *const *attributes)
{
	const char *src = markup_attribute(attributes, "src");

	return src != NULL && id_mxc_valid(src) ? src : NULL;
}

static void
add_attribute(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, " %s=\"", name);
	escape_str(out, value);
	buf_char(out, '"');
}

static void
write_picture(struct buf *out, struct str address, const char *const *attributes,
    int width, int height)
{
	const char *alt = markup_attribute(attributes, "alt");
	const char *title = markup_attribute(attributes, "title");

	buf_lit(out, "<img src=\"");
	markup_escape(out, address.p, address.n);
	buf_char(out, '"');
	add_attribute(out, "alt", alt != NULL ? alt : title != NULL ? title : "");
	if (title != NULL)
		add_attribute(out, "title", title);
	if (width > 0)
		buf_printf(out, " width=\"%d\"", width);
	if (height > 0)
		buf_printf(out, " height=\"%d\"", height);
	if (markup_has_attribute(attributes, "data-mx-emoticon"))
		buf_lit(out, " class=\"emoticon\"");
	buf_lit(out, " loading=\"lazy\">");
}

/* Whoever cannot see it reads this. */
static bool
write_instead(struct buf *out, const char *const *attributes)
{
	const char *text = markup_attribute(attributes, "alt");

	if (text == NULL || text[0] == '\0')
		text = markup_attribute(attributes, "title");
	if (text == NULL)
		return false;
	escape_str(out, text);
	return text[0] != '\0';
}

bool
markup_element_picture(struct build *b, const char *const *attributes)
{
	const char *mxc = markup_element_mxc(attributes);
	int width = number(markup_attribute(attributes, "width"), PIXELS_MAX);
	int height = number(markup_attribute(attributes, "height"), PIXELS_MAX);
	int index = mxc == NULL ? -1 : b->pictures++;
	struct buf address = { 0 };
	bool is_shown = mxc != NULL && b->ask->picture != NULL &&
			markup_may_open(&b->room, b->out) &&
			b->ask->picture(b->ask->arg, &address, index, mxc,
			    width > 0 ? width : 0, height > 0 ? height : 0);

	if (is_shown)
		write_picture(b->out, (struct str){ address.p, address.n }, attributes,
		    width, height);
	buf_free(&address);
	return is_shown || write_instead(b->out, attributes);
}
