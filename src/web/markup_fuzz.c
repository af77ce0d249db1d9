/*
 * Bodies that anybody may send. Whatever comes, what is shown is balanced and holds
 * what the specification lets pass alone; and made again of itself it says the same.
 */
#include <assert.h>
#include <stdlib.h>

#include "web/markup_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const struct buf *out, size_t n)
{
	const char *fault = walk_html(out->p == NULL ? "" : out->p, out->n);

	if (fault != NULL || out->n > 8 * n + 8192) {
		fprintf(stderr, "%s:\n%.*s\n", fault == NULL ? "too long" : fault,
		    (int)out->n, out->p);
		abort();
	}
}

static void
check_plain(const char *text, size_t n)
{
	struct buf plain = { 0 }, cut = { 0 };

	markup_plain(&plain, text, n, SIZE_MAX);
	assert(plain.n == 0 || utf8_valid(plain.p, plain.n));
	assert(plain.n <= 3 * n + 3);
	markup_plain(&cut, text, n, 10);
	assert(cut.n <= 10 && (cut.n == 0 || utf8_valid(cut.p, cut.n)));
	assert(cut.n == 0 || memcmp(cut.p, plain.p, cut.n) == 0);
	buf_free(&cut);
	buf_free(&plain);
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* The parser's own idea of what ends where may have its say once more: then nothing
 * changes. The text never does. */
static void
check_again(const char *text, size_t n)
{
	const struct markup_ask ask = { .arg = NULL };
	struct buf made[4] = { 0 }, plain[4] = { 0 };

	for (int i = 0; i < 4; i++) {
		markup_html(&made[i], text, n, &ask);
		check(&made[i], n);
		text = made[i].p;
		n = made[i].n;
		markup_plain(&plain[i], text, n, SIZE_MAX);
	}
	assert(is_same(&plain[0], &plain[1]));
	assert(is_same(&made[2], &made[3]));
	for (int i = 0; i < 4; i++) {
		buf_free(&made[i]);
		buf_free(&plain[i]);
	}
}

static void
check_pictures(const char *text, size_t n)
{
	struct arena *arena = arena_new();

	for (int i = 0; i < 3; i++) {
		const char *mxc = markup_picture(arena, text, n, i);

		assert(mxc == NULL || starts_with(mxc, "mxc://"));
	}
	arena_free(arena);
}

/* Bytes seldom make a tag: each is one, or a bit of text, here. */
static void
add_soup(struct buf *out, const uint8_t *data, size_t n)
{
	static const char *const names[] = { "a href=ftp://a", "b", "blockquote", "br",
		"caption", "center", "code", "dd", "del", "details", "div",
		"div data-mx-maths=x", "em", "font color=red", "h1", "h2", "hr",
		"img src=mxc://a/b", "img alt=x", "li", "ol", "p", "pre", "span",
		"span data-mx-spoiler=x", "span data-mx-maths=x", "summary", "sup",
		"table", "tbody", "td", "th", "thead", "tr", "u", "ul", "tfoot", "svg",
		"script", "title", "select", "template", "mx-reply", "x", "body",
		"html", "head", "form", "button", "i", "s", "math", "style", "col",
		"option", "noscript", "textarea", "a href=x", "span data-mx-color=red",
		"frameset", "object", "!--", "input", "strike" };
	static const char *const texts[] = { " ", "t", "\n", "<t", "\xe2\x80\xae",
		"\xff", "&lt;", "http://a.b/(c)" };

	for (size_t i = 0; i < n; i++) {
		const char *name = names[data[i] & 63];
		int length = (int)strcspn(name, " ");

		if (data[i] < 112)
			buf_printf(out, "<%s>", name);
		else if (data[i] < 120)
			buf_str(out, texts[data[i] & 7]);
		else if (data[i] >= 128)
			buf_printf(
			    out, "</%.*s>%s", length, name, data[i] >= 192 ? "t" : "");
		else
			buf_printf(out, "%.*s>", length, name);
	}
}

static void
try(const char *text, size_t n)
{
	struct buf out = { 0 };

	markup_html(&out, text, n, &walk_ask);
	check(&out, n);
	buf_reset(&out);
	markup_text(&out, text, n);
	check(&out, n);
	buf_free(&out);
	check_plain(text, n);
	check_again(text, n);
	check_pictures(text, n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf soup = { 0 };

	try((const char *)data, n);
	add_soup(&soup, data, n);
	try(soup.p, soup.n);
	buf_free(&soup);
	return 0;
}
