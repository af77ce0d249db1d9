/*
 * What is read of pages, and of those that are made to keep the reader busy.
 */
#include "core/preview_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PAGE_MAX (1 << 20)

struct fixture {
	struct arena *arena;
	struct page_facts facts;
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->arena = arena_new();
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	arena_free(f->arena);
	free(f);
	return 0;
}

static const struct page_facts *
page(struct fixture *f, const char *html)
{
	page_read(f->arena, str_of(html), "text/html; charset=utf-8", &f->facts);
	return &f->facts;
}

static void
opengraph_is_believed_before_cards_and_these_before_html(void **state)
{
	const struct page_facts *facts = page(*state,
	    "<html><head><title>plain</title><meta name=description content=plain>"
	    "<meta name='twitter:title' content='card'>"
	    "<meta name='twitter:description' content='card'>"
	    "<meta property='og:title' content='graph'><meta property=og:title "
	    "content=2>"
	    "<meta property='og:site_name' content='site'>"
	    "<meta property='og:type' content='article'>");

	assert_string_equal(facts->title, "graph");
	assert_string_equal(facts->description, "card");
	assert_string_equal(facts->site_name, "site");
	assert_string_equal(facts->type, "article");
	assert_null(facts->image);
}

static void
a_title_and_a_description_will_do(void **state)
{
	const struct page_facts *facts =
	    page(*state, "<TITLE>\n  Fish &amp; chips &#8211; &eacute; "
			 "</TITLE><svg><title>no</title>"
			 "</svg><META NAME=Description CONTENT=' of  old '>");

	assert_string_equal(facts->title, "Fish & chips \xe2\x80\x93 \xc3\xa9");
	assert_string_equal(facts->description, "of old");
}

static void
the_first_picture_is_taken_and_links_stay_as_they_are(void **state)
{
	const struct page_facts *facts = page(*state,
	    "<base href='/b/'><meta property='og:image' content=' a.png?x=1&amp;y=2 '>"
	    "<meta property='og:image' content='b.png'>"
	    "<meta property='og:url' content='../c'>"
	    "<link rel=alternate type='application/json+oembed' "
	    "href='/o?u=1&amp;f=2'>");

	assert_string_equal(facts->image, "a.png?x=1&y=2");
	assert_string_equal(facts->base, "/b/");
	assert_string_equal(facts->url, "../c");
	assert_string_equal(facts->oembed, "/o?u=1&f=2");
}

static void
what_is_in_scripts_and_comments_is_not_read(void **state)
{
	const struct page_facts *facts = page(*state,
	    "<script>var x = '<meta property=og:title content=script>';</script>"
	    "<!-- <meta property=og:title content=comment> --><title>it</title>");

	assert_string_equal(facts->title, "it");
}

static void
oembed_fills_in_what_is_missing(void **state)
{
	struct fixture *f = *state;

	page(f, "<meta property='og:title' content='page'>");
	page_read_oembed(f->arena,
	    STR("{\"type\": \"photo\", \"version\": 1.0, \"title\": \"x\", "
		"\"provider_name\": \"p\", \"url\": \"http://a/b.png\", "
		"\"thumbnail_url\": \"http://a/c.png\"}"),
	    &f->facts);
	assert_string_equal(f->facts.title, "page");
	assert_string_equal(f->facts.site_name, "p");
	assert_string_equal(f->facts.image, "http://a/b.png");
	page(f, "");
	page_read_oembed(f->arena, STR("<html>"), &f->facts);
	page_read_oembed(f->arena, STR("[1]"), &f->facts);
	page_read_oembed(f->arena, STR("{\"title\": 5}"), &f->facts);
	assert_null(f->facts.title);
}

static void
texts_are_cut(void **state)
{
	struct fixture *f = *state;
	struct buf html = { 0 };
	const struct page_facts *facts;

	buf_lit(&html, "<title>");
	for (int i = 0; i < 3000; i++)
		buf_lit(&html, "\xe2\x82\xac");
	buf_lit(&html, "</title><meta property=og:image content=http://a/");
	for (int i = 0; i < 3000; i++)
		buf_char(&html, 'x');
	buf_lit(&html, ">");
	buf_char(&html, '\0');
	facts = page(f, html.p);
	assert_int_equal(strlen(facts->title), 3 * PREVIEW_TITLE_MAX);
	assert_null(facts->image);
	buf_free(&html);
}

/* The parser is fed in pieces. */
static void
a_value_may_lie_in_two_pieces(void **state)
{
	struct fixture *f = *state;

	for (int pad = 4000; pad < 4200; pad += 7) {
		struct buf html = { 0 };
		const struct page_facts *facts;

		buf_lit(&html, "<html><head><meta name=a content='");
		for (int i = 0; i < pad - 60; i++)
			buf_char(&html, 'x');
		buf_lit(&html, " it is said: \">\" '><meta name=b content=\"");
		for (int i = 0; i < 100; i++)
			buf_lit(&html, "it's ");
		buf_lit(&html, "\"><meta property='og:title' content='here'></head>");
		for (int i = 0; i < 8000; i++)
			buf_lit(&html, "<p>text");
		buf_char(&html, '\0');
		facts = page(f, html.p);
		assert_string_equal(facts->title, "here");
		buf_free(&html);
	}
}

static void
broken_pages_are_read_as_far_as_they_go(void **state)
{
	static const char *const pages[] = { "", "<", "<meta",
		"<meta property=og:title", "<title>", "</title>", "<title></title>",
		"<meta property content>", "<meta property=og:title content='", "<!--",
		"<script>", "&#x110000;",
		"<meta property=og:title content='&#xd800;&#0;'>", "<![CDATA[x",
		"<?xml version='1.0' encoding='ebcdic'?>",
		"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" };

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		(void)page(*state, pages[i]);
	assert_string_equal(page(*state, "<title>a")->title, "a");
	assert_string_equal(page(*state, "</p><title>a<p>b")->title, "a");
	assert_string_equal(
	    page(*state, "<!DOCTYPE html><html lang=en><head></b></head>"
			 "<html x=y><title>a</title></html>")
		->title,
	    "a");
}

/* --- hostile ones --- */

static int64_t
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* first, then part as often as a page takes it; how long that was read. The title in
 * first must have been found. */
static int64_t
read_many(struct fixture *f, const char *first, const char *part, const char *half)
{
	struct buf html = { 0 };
	int64_t began_ms = cpu_ms();

	buf_lit(&html, "<title>here</title>");
	buf_str(&html, first);
	while (html.n < PAGE_MAX)
		buf_str(&html, half != NULL && html.n > PAGE_MAX / 2 ? half : part);
	page_read(f->arena, (struct str){ html.p, html.n }, NULL, &f->facts);
	assert_string_equal(f->facts.title, "here");
	buf_free(&html);
	return cpu_ms() - began_ms;
}

static void
no_page_keeps_the_reader_busy_for_long(void **state)
{
	static const struct {
		const char *first, *part, *half;
	} pages[] = {
		{ "", "<div>", NULL },
		{ "", "<b>", "</x>" },
		{ "", "<a><p><table><tr><td>", NULL },
		{ "<p ", "a ", NULL },
		{ "<p ", "a=\"b>\" ", NULL },
		{ "<p a='", "&amp;", NULL },
		{ "", "<meta property=og:title>", NULL },
		{ "", "</p>", NULL },
		{ "", "<", NULL },
		{ "", "&", NULL },
		{ "", "&#", NULL },
		{ "<!--", "-", NULL },
		{ "<!--", "--!>", NULL },
		{ "<script>", "</", NULL },
		{ "", "<!", NULL },
		{ "", "<?", NULL },
		{ "</", "a", NULL },
		{ "<!DOCTYPE ", "[", NULL },
		{ "", "\xff", NULL },
	};

	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
		int64_t took_ms =
		    read_many(*state, pages[i].first, pages[i].part, pages[i].half);

		if (took_ms > 5000) /* with sanitizers; else under 1 s */
			fail_msg(
			    "%s%s: %d ms", pages[i].first, pages[i].part, (int)took_ms);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(opengraph_is_believed_before_cards_and_these_before_html),
		TEST(a_title_and_a_description_will_do),
		TEST(the_first_picture_is_taken_and_links_stay_as_they_are),
		TEST(what_is_in_scripts_and_comments_is_not_read),
		TEST(oembed_fills_in_what_is_missing),
		TEST(texts_are_cut),
		TEST(a_value_may_lie_in_two_pieces),
		TEST(broken_pages_are_read_as_far_as_they_go),
		TEST(no_page_keeps_the_reader_busy_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
