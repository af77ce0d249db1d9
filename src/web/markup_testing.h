/*
 * For the tests of web/markup: what stands around a body, and a walk through rebuilt
 * HTML that knows nothing of how it was built and says what is wrong with it. Not
 * linked into the program.
 */
#ifndef WEB_MARKUP_TESTING_H
#define WEB_MARKUP_TESTING_H

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "web/markup.h"

#define WALK_DEPTH_MAX 110

/* --- what stands around a body --- */

#define WALK_PICTURE "/pic/"

/* Every third is not to be had. */
static bool
walk_picture(void *arg, struct buf *out, int n, const char *mxc, int width, int height)
{
	if (n % 3 == 2 || !starts_with(mxc, "mxc://") || width < 0 || height < 0)
		return false;
	buf_printf(out, WALK_PICTURE "%d", n);
	return true;
}

static const struct markup_ask walk_ask = { .picture = walk_picture,
	.spoiler_word = "hidden" };

/* --- a walk through HTML --- */

struct walk {
	const char *p, *end;
	const char *fault; /* NULL: none */
	char names[WALK_DEPTH_MAX][16];
	int depth;
};

static bool
walk_is_in(const char *name, const char *list)
{
	char word[72];

	snprintf(word, sizeof word, " %s ", name);
	return strstr(list, word) != NULL;
}

static bool
walk_has(const struct walk *w, const char *list)
{
	for (int i = 0; i < w->depth; i++)
		if (walk_is_in(w->names[i], list))
			return true;
	return false;
}

static const char *
walk_parent(const struct walk *w)
{
	return w->depth == 0 ? "" : w->names[w->depth - 1];
}

static void
walk_want(struct walk *w, bool is_true, const char *fault)
{
	if (!is_true && w->fault == NULL)
		w->fault = fault;
}

/* text */

static size_t
walk_entity(const char *p, size_t n)
{
	static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&quot;",
		"&#39;" };

	for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++)
		if (n >= strlen(entities[i]) &&
		    memcmp(p, entities[i], strlen(entities[i])) == 0)
			return strlen(entities[i]);
	return 0;
}

static bool
walk_is_balanced(const char *p, size_t n)
{
	char open[32];
	int depth = 0;

	for (size_t i = 0; i + 2 < n; i++) {
		unsigned char c = (unsigned char)p[i + 2];
		bool is_old = memcmp(p + i, "\xe2\x80", 2) == 0;
		bool is_isolate = memcmp(p + i, "\xe2\x81", 2) == 0;

		if (is_old && c >= 0xaa && c <= 0xae && c != 0xac)
			open[depth++] = 'e';
		else if (is_isolate && c >= 0xa6 && c <= 0xa8)
			open[depth++] = 'i';
		else if (is_old && c == 0xac) {
			if (depth == 0 || open[--depth] != 'e')
				return false;
		} else if (is_isolate && c == 0xa9) {
			while (depth > 0 && open[depth - 1] == 'e')
				depth--;
			if (depth-- == 0)
				return false;
		}
		if (depth == sizeof open)
			return false;
	}
	return depth == 0;
}

static void
walk_text(struct walk *w, const char *p, size_t n)
{
	walk_want(w, utf8_valid(p, n), "no UTF-8");
	walk_want(w, walk_is_balanced(p, n), "a direction that does not end");
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		walk_want(w, strchr("<>\"'", c) == NULL, "a character not escaped");
		walk_want(w, c != '&' || walk_entity(p + i, n - i) > 0, "a bare &");
		walk_want(w, c >= ' ' || c == '\n' || c == '\t', "a control");
		walk_want(w, c != 0x7f, "DEL");
		walk_want(w, c != 0xc2 || i + 1 == n || (unsigned char)p[i + 1] >= 0xa0,
		    "C1");
	}
}

static void
walk_between(struct walk *w, const char *p, size_t n)
{
	walk_text(w, p, n);
	walk_want(w,
	    n == 0 || !walk_is_in(walk_parent(w), " ul ol table thead tbody tr "),
	    "text where none may be");
}

/* attributes */

static bool
walk_is_number(const char *value, int max)
{
	int n = 0;

	if (value[0] == '-')
		value++;
	if (value[0] == '\0' || strlen(value) > 9)
		return false;
	for (; isdigit((unsigned char)*value); value++)
		n = n * 10 + (*value - '0');
	return *value == '\0' && n <= max;
}

static bool
walk_is_address(const char *value)
{
	static const char *const begins[] = { "https://", "http://", "ftp://",
		"mailto:", "magnet:?", "matrix:" };

	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == '\\')
			return false;
	for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
		if (starts_with(value, begins[i]))
			return value[strlen(begins[i])] != '\0' &&
			       value[strlen(begins[i])] != '/';
	return false;
}

static bool
walk_is_colours(const char *value)
{
	int ink, paper, n = 0;

	if (sscanf(value, "fg-%2d bg-%2d%n", &ink, &paper, &n) == 2 && value[n] == '\0')
		return ink >= 0 && ink < 12 && paper >= 0 && paper < 12;
	n = 0;
	if (sscanf(value, "%*[fb]g-%2d%n", &ink, &n) != 1 || value[n] != '\0')
		return false;
	return ink >= 0 && ink < 12;
}

static bool
walk_is_class_of(const char *value, const char *name)
{
	size_t n = strlen(name);

	return starts_with(value, name) &&
	       (value[n] == '\0' ||
		   (value[n] == ' ' && walk_is_colours(value + n + 1)));
}

static bool
walk_is_class(const char *element, const char *value)
{
	if (strcmp(element, "img") == 0)
		return strcmp(value, "emoticon") == 0;
	if (strcmp(element, "code") == 0 && starts_with(value, "language-"))
		return strspn(value, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+#._-") ==
		       strlen(value);
	if (strcmp(element, "code") == 0)
		return walk_is_class_of(value, "maths");
	return strcmp(value, "spoiler") == 0 || strcmp(value, "spoiler-reason") == 0 ||
	       walk_is_class_of(value, "spoiler-text") || walk_is_colours(value);
}

static bool
walk_may_have(const char *element, const char *name, const char *value)
{
	char both[64];

	snprintf(both, sizeof both, "%s.%s", element, name);
	if (walk_is_in(both, " img.class code.class span.class "))
		return walk_is_class(element, value);
	if (walk_is_in(both, " img.alt img.title "))
		return true;
	if (walk_is_in(both, " img.width img.height "))
		return walk_is_number(value, 2048);
	if (strcmp(both, "img.src") == 0)
		return starts_with(value, WALK_PICTURE);
	if (strcmp(both, "img.loading") == 0)
		return strcmp(value, "lazy") == 0;
	if (strcmp(both, "a.href") == 0)
		return walk_is_address(value);
	if (strcmp(both, "a.rel") == 0)
		return strcmp(value, "nofollow noopener ugc") == 0;
	if (strcmp(both, "ol.start") == 0)
		return walk_is_number(value, 999999999);
	if (strcmp(both, "span.tabindex") == 0)
		return strcmp(value, "0") == 0;
	return strcmp(both, "span.role") == 0 && strcmp(value, "note") == 0;
}

/* Takes ` name="value"`; false: there is no more. */
static bool
walk_attribute(struct walk *w, const char *element)
{
	const char *equals, *quote;
	char name[32], value[16 << 10];

	if (w->p == w->end || *w->p != ' ')
		return false;
	equals = memchr(w->p, '=', (size_t)(w->end - w->p));
	if (equals == NULL || equals - w->p > 20 || equals + 1 == w->end ||
	    equals[1] != '"') {
		w->fault = "an attribute without a value";
		return false;
	}
	quote = memchr(equals + 2, '"', (size_t)(w->end - equals - 2));
	if (quote == NULL) {
		w->fault = "an attribute without an end";
		return false;
	}
	snprintf(name, sizeof name, "%.*s", (int)(equals - w->p - 1), w->p + 1);
	snprintf(value, sizeof value, "%.*s", (int)(quote - equals - 2), equals + 2);
	walk_text(w, equals + 2, (size_t)(quote - equals - 2));
	walk_want(w, walk_may_have(element, name, value), "an attribute not allowed");
	w->p = quote + 1;
	return w->fault == NULL;
}

/* elements */

#define WALK_BLOCKS " p div h1 h2 h3 h4 h5 h6 blockquote pre ul ol table details hr "
#define WALK_WORDS " p h1 h2 h3 h4 h5 h6 pre summary caption "

/* Where browsers leave it: nothing else may be around. */
static bool
walk_may_stand(const struct walk *w, const char *name)
{
	static const struct {
		const char *parents, *children;
	} sole[] = {
		{ " ul ol ", " li " },
		{ " table ", " caption thead tbody " },
		{ " thead tbody ", " tr " },
		{ " tr ", " th td " },
		{ " details ", " summary " },
	};

	for (size_t i = 0; i < sizeof sole / sizeof sole[0]; i++) {
		bool is_parent = walk_is_in(walk_parent(w), sole[i].parents);
		bool is_child = walk_is_in(name, sole[i].children);

		if (is_child && !is_parent)
			return false;
		if (is_parent && !is_child && i < 4)
			return false;
	}
	if (walk_is_in(name, WALK_BLOCKS) && walk_has(w, WALK_WORDS))
		return false;
	return strcmp(name, "a") != 0 || !walk_has(w, " a ");
}

static size_t
walk_name(struct walk *w, char *name, size_t cap)
{
	size_t n = 0;

	while (w->p < w->end && n + 1 < cap && isalnum((unsigned char)*w->p))
		name[n++] = *w->p++;
	name[n] = '\0';
	return n;
}

static void
walk_end_tag(struct walk *w)
{
	char name[16];

	walk_name(w, name, sizeof name);
	walk_want(w, strcmp(name, walk_parent(w)) == 0, "the end of another element");
	walk_want(w, w->p < w->end && *w->p == '>', "an end tag without an end");
	w->p++;
	w->depth--;
}

static void
walk_start_tag(struct walk *w)
{
	char name[16];

	walk_name(w, name, sizeof name);
	walk_want(w,
	    walk_is_in(name, " del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b "
			     "i u strong em s code hr br div table thead tbody tr th "
			     "td caption pre span img details summary "),
	    "an element not allowed");
	walk_want(w, walk_may_stand(w, name), "an element where it may not be");
	while (walk_attribute(w, name))
		;
	walk_want(w, w->p < w->end && *w->p == '>', "a tag without an end");
	w->p++;
	if (walk_is_in(name, " hr br img "))
		return;
	walk_want(w, w->depth < WALK_DEPTH_MAX, "too deep");
	if (w->fault == NULL)
		strcpy(w->names[w->depth++], name);
}

/* What is wrong with rebuilt HTML; NULL: nothing is. */
static const char *
walk_html(const char *html, size_t n)
{
	struct walk w = { .p = html, .end = html + n };

	while (w.fault == NULL && w.p < w.end) {
		const char *tag = memchr(w.p, '<', (size_t)(w.end - w.p));

		if (tag == NULL)
			tag = w.end;
		walk_between(&w, w.p, (size_t)(tag - w.p));
		w.p = tag + 1;
		if (tag == w.end)
			break;
		if (w.p < w.end && *w.p == '/') {
			w.p++;
			walk_end_tag(&w);
		} else {
			walk_start_tag(&w);
		}
	}
	walk_want(&w, w.depth == 0, "an element without an end");
	return w.fault;
}

#endif
