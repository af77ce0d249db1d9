/*
 * What of people's HTML is shown, and how: the specification's list tag by tag, what
 * may stand where, links, pictures, spoilers, and plain text.
 */
#include "web/markup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "web/markup_colour.h"
#include "web/markup_tag.h"
#include "web/markup_testing.h"

#define LINK(href) "<a href=\"" href "\" rel=\"nofollow noopener ugc\">"
#define SPOILER(reason)                                                                \
	"<span class=\"spoiler\" tabindex=\"0\" role=\"note\">"                        \
	"<span class=\"spoiler-reason\">" reason                                       \
	"</span><span class=\"spoiler-text\">"

static void
check_html_as(const char *html, const char *want, const struct markup_ask *ask)
{
	struct buf out = { 0 };
	const char *fault;

	markup_html(&out, html, strlen(html), ask);
	buf_char(&out, '\0');
	assert_string_equal(out.p, want);
	fault = walk_html(out.p, out.n - 1);
	if (fault != NULL)
		fail_msg("%s: %s", html, fault);
	buf_free(&out);
}

static void
check_html(const char *html, const char *want)
{
	check_html_as(html, want, &walk_ask);
}

static void
check_text(const char *text, const char *want)
{
	struct buf out = { 0 };

	markup_text(&out, text, strlen(text));
	buf_char(&out, '\0');
	assert_string_equal(out.p, want);
	assert_null(walk_html(out.p, out.n - 1));
	buf_free(&out);
}

static void
check_escape(const char *text, const char *want)
{
	struct buf out = { 0 };

	markup_escape(&out, text, strlen(text));
	buf_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_free(&out);
}

/* --- tags --- */

static void
the_tags_of_the_specification_stay(void **state)
{
	static const char *const bodies[] = { "<del>x</del>", "<h1>x</h1>",
		"<h2>x</h2>", "<h3>x</h3>", "<h4>x</h4>", "<h5>x</h5>", "<h6>x</h6>",
		"<blockquote>x</blockquote>", "<p>x</p>", "<ul><li>x</li></ul>",
		"<ol><li>x</li></ol>", "<sup>x</sup>", "<sub>x</sub>", "<b>x</b>",
		"<i>x</i>", "<u>x</u>", "<strong>x</strong>", "<em>x</em>", "<s>x</s>",
		"<code>x</code>", "a<hr>b", "a<br>b", "<div>x</div>",
		"<table><caption>x</caption><thead><tr><th>x</th></tr></thead>"
		"<tbody><tr><td>x</td><td>x</td></tr></tbody></table>",
		"<pre>x</pre>", "<details><summary>x</summary>y</details>",
		LINK("https://a.org/") "x</a>",
		"<ul><li>x<ol><li>y</li></ol></li><li>z</li></ul>",
		"<blockquote><p>x</p><p>y</p></blockquote>",
		"<pre><code class=\"language-c\">int x;\n\ty &amp; z\n</code></pre>",
		"<b><i><u><s><code>x</code></s></u></i></b>" };

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		check_html(bodies[i], bodies[i]);
	check_html("<EM>x</Em>", "<em>x</em>");
}

static void
tags_that_nobody_allowed_dissolve(void **state)
{
	static const char *const names[] = { "q", "x", "abbr", "big", "small", "tt",
		"kbd", "ins", "mark", "label", "button", "center", "article", "section",
		"form", "fieldset", "dl", "marquee", "blink", "bdi", "bdo", "ruby",
		"acronym", "address", "main", "nav", "output", "time", "x-y", "font",
		"span", "body", "html", "listing", "xmp" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char html[64];

		snprintf(html, sizeof html, "<%s>x<b>y</b></%s>", names[i], names[i]);
		check_html(html, "x<b>y</b>");
	}
	check_html("a<wbr>b<input>c<embed>d<col>e", "abcde");
}

static void
some_tags_go_with_all_that_is_in_them(void **state)
{
	static const char *const names[] = { "script", "style", "title", "iframe",
		"object", "applet", "template", "svg", "math", "noscript", "noembed",
		"noframes", "textarea", "select", "datalist", "audio", "video",
		"canvas", "mx-reply" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char html[80];

		snprintf(html, sizeof html, "a<%s>b<i>c</i></%s>d", names[i], names[i]);
		check_html(html, "ad");
	}
}

static void
a_reply_is_without_what_it_replies_to(void **state)
{
	check_html(
	    "<mx-reply><blockquote><a href=\"https://matrix.to/#/!r:a.org/$e\">In "
	    "reply to</a> <a href=\"https://matrix.to/#/@b:a.org\">b</a><br>"
	    "<p>old</p></blockquote></mx-reply>new <b>text</b>",
	    "new <b>text</b>");
}

static void
tags_that_the_specification_had_become_those_it_has(void **state)
{
	check_html("<strike>x</strike>", "<s>x</s>");
	check_html("<font color=\"#ff0000\">x</font>", "<span class=\"fg-3\">x</span>");
	check_html("<font color=\"blue\" data-mx-bg-color=\"#ffffff\">x</font>",
	    "<span class=\"fg-8 bg-2\">x</span>");
}

static void
the_table_of_tags_is_in_the_order_of_names(void **state)
{
	for (int tag = 0; tag < TAG_COUNT; tag++) {
		char name[32];

		snprintf(name, sizeof name, "%s",
		    tag == TAG_STRIKE ? "<strike" : markup_tag_start(tag));
		name[strcspn(name, ">")] = '\0';
		assert_int_equal(markup_tag(name + 1), tag);
	}
	assert_int_equal(markup_tag("zzz"), TAG_COUNT);
	assert_int_equal(markup_tag(""), TAG_COUNT);
}

/* --- attributes --- */

static void
no_attribute_passes_that_is_not_on_the_list(void **state)
{
	static const char *const tags[] = { "del", "h1", "h2", "h3", "h4", "h5", "h6",
		"blockquote", "p", "sup", "sub", "b", "i", "u", "strong", "em", "s",
		"code", "div", "pre", "details" };

	for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
		char html[256], want[64];

		snprintf(html, sizeof html,
		    "<%s id=a class=b style=c onclick=d title=e name=f data-x=g "
		    "dir=rtl "
		    "data-mx-color=#ff0000 href=https://a.org/ src=mxc://a.org/b "
		    "hidden "
		    "data-mx-spoiler start=3>x</%s>",
		    tags[i], tags[i]);
		snprintf(want, sizeof want, "<%s>x</%s>", tags[i], tags[i]);
		check_html(html, want);
	}
	check_html(
	    "<table border=1 width=9><tr align=x><th colspan=2 id=y>a<td rowspan=2>b"
	    "</table>",
	    "<table><tbody><tr><th>a</th><td>b</td></tr></tbody></table>");
	check_html("<ul type=a><li value=3>x</ul><hr size=9>x<br clear=all>",
	    "<ul><li>x</li></ul><hr>x<br>");
}

static void
lists_begin_with_any_whole_number(void **state)
{
	check_html("<ol start=\"5\"><li>x</ol>", "<ol start=\"5\"><li>x</li></ol>");
	check_html("<ol start=\"-5\"><li>x</ol>", "<ol start=\"-5\"><li>x</li></ol>");
	check_html("<ol start=\"x\"><li>x</ol>", "<ol><li>x</li></ol>");
	check_html("<ol start><li>x</ol>", "<ol><li>x</li></ol>");
	check_html("<ol start=\"99999999999999999999\"><li>x</ol>",
	    "<ol start=\"999999999\"><li>x</li></ol>");
}

static void
code_says_its_language_and_has_no_other_class(void **state)
{
	check_html("<code class=\"hljs language-c++ x\">y</code>",
	    "<code class=\"language-c++\">y</code>");
	check_html("<code class=\"maths\">y</code>", "<code>y</code>");
	check_html("<code class=\"language-\">y</code>", "<code>y</code>");
	check_html("<code class=\"language-&quot;&gt;\">y</code>", "<code>y</code>");
	check_html("<code class>y</code>", "<code>y</code>");
}

static void
colours_become_classes_and_never_styles(void **state)
{
	check_html("<span data-mx-color=\"#00ff00\">x</span>",
	    "<span class=\"fg-6\">x</span>");
	check_html("<span data-mx-bg-color=\"#000000\">x</span>",
	    "<span class=\"bg-0\">x</span>");
	check_html(
	    "<span data-mx-color=\"#0000ff\" data-mx-bg-color=\"#ffff00\">x</span>",
	    "<span class=\"fg-8 bg-5\">x</span>");
	check_html("<span data-mx-color=\"#00ff0\">x</span>", "x");
	check_html("<span data-mx-color=\"00ff00\">x</span>", "x");
	check_html("<span data-mx-color=\"#00ff0g\">x</span>", "x");
	check_html("<span color=\"red\">x</span>", "x");
}

static void
the_nearest_colour_of_the_palette_is_taken(void **state)
{
	static const struct {
		const char *text;
		int colour;
	} colours[] = { { "#000", 0 }, { "#101418", 0 }, { "gray", 1 },
		{ "#fefefe", 2 }, { "#ff0000", 3 }, { "Red", 3 }, { "#ffa500", 4 },
		{ "yellow", 5 }, { "#00FF00", 6 }, { "green", 6 }, { "#00ffff", 7 },
		{ "#0000ff", 8 }, { "purple", 9 }, { "#ff69b4", 10 }, { "#8b4513", 11 },
		{ "", -1 }, { "#", -1 }, { "#12345", -1 }, { "transparent", -1 },
		{ "url(x)", -1 } };

	for (size_t i = 0; i < sizeof colours / sizeof colours[0]; i++)
		assert_int_equal(markup_colour(colours[i].text), colours[i].colour);
}

/* --- where what may stand --- */

static void
paragraphs_hold_no_blocks(void **state)
{
	check_html("<p>a<p>b", "<p>a</p><p>b</p>");
	check_html("<p>a<div>b</div>c</p>", "<p>a</p><div>b</div>c");
	check_html("<p>a<ul><li>b</ul>", "<p>a</p><ul><li>b</li></ul>");
	check_html("<p>a<hr>b", "<p>a</p><hr>b");
	check_html("<p><em>a<div>b</div>c</em>d</p>", "<p><em>a<br>b<br>c</em>d</p>");
	check_html("<h1>a<div>b</div></h1>", "<h1>a<br>b</h1>");
	check_html("<h1>a<h2>b</h2>", "<h1>a</h1><h2>b</h2>");
	check_html("<pre>a<div>b</div></pre>", "<pre>a<br>b</pre>");
	check_html("</p>x</div></b>", "x");
}

static void
items_stand_in_lists_alone(void **state)
{
	check_html("<li>a<li>b", "a<br>b");
	check_html("<ul>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>");
	check_html("<ul><ul><li>a</ul></ul>", "<ul><li><ul><li>a</li></ul></li></ul>");
	check_html("<ul><li>a<li>b<ol><li>c<li>d</ol><li>e</ul>",
	    "<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li><li>e</li></ul>");
	check_html("<ul>\n<li>a</li>\n<br><li><b>b<li>c</b></ul>",
	    "<ul><li>a</li><li><b>b</b></li><li>c</li></ul>");
	check_html(
	    "<ul><li>a<div>b<li>c</ul>", "<ul><li>a<div>b</div></li><li>c</li></ul>");
}

static void
tables_have_rows_and_rows_have_cells(void **state)
{
	check_html("<td>a<td>b", "a<br>b");
	check_html("<tr><td>a</tr>", "a");
	check_html("<table><td>a<tr><th>b</table>",
	    "<table><tbody><tr><td>a</td></tr><tr><th>b</th></tr></tbody></table>");
	check_html("<table>a<tr>b</table>",
	    "<table><tbody><tr><td>a</td></tr><tr><td>b</td></tr></tbody></table>");
	check_html("<table>\n<tr>\n<td>a</td>\n</tr>\n</table>",
	    "<table><tbody><tr><td>a</td></tr></tbody></table>");
	check_html("<table><tr><td><table><tr><td>a</table><td>b</table>",
	    "<table><tbody><tr><td><table><tbody><tr><td>a</td></tr></tbody></table></"
	    "td>"
	    "<td>b</td></tr></tbody></table>");
	check_html("<table><thead><tr><th>a<tbody><tr><td><ul><li>b<tr><td>c</table>d",
	    "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><ul><li>b</li></"
	    "ul>"
	    "</td></tr><tr><td>c</td></tr></tbody></table>d");
	check_html("<table><tfoot><tr><td>a</table>",
	    "<table><tbody><tr><td>a</td></tr></tbody></table>");
}

static void
a_summary_is_the_first_in_details(void **state)
{
	check_html("<summary>a</summary>b", "a<br>b");
	check_html("<div><summary>a</summary>b</div>", "<div>a<br>b</div>");
	check_html(
	    "<details>a<summary>b</summary></details>", "<details>a<br>b</details>");
	check_html("<details>\n<summary>a</summary>b<summary>c</summary></details>",
	    "<details>\n<summary>a</summary>b<br>c</details>");
}

static void
blocks_that_dissolve_leave_their_lines(void **state)
{
	check_html("<center>a</center><section>b</section>c", "a<br>b<br>c");
	check_html("<dl><dt>a<dd>b</dl>", "a<br>b");
	check_html("<section><p>a</p></section>b", "<p>a</p>b");
}

static void
what_is_open_at_the_end_is_closed(void **state)
{
	check_html("<b><i>x", "<b><i>x</i></b>");
	check_html("<ul><li><b>x", "<ul><li><b>x</b></li></ul>");
	check_html("<blockquote><p>x", "<blockquote><p>x</p></blockquote>");
	check_html("<b>x<i>y</b>z</i>", "<b>x<i>y</i></b>z");
}

static void
pre_keeps_its_lines(void **state)
{
	check_html("<pre>\na\n\n b\n</pre>", "<pre>a\n\n b\n</pre>");
	check_html("<pre>\n\na</pre>", "<pre>\n\na</pre>");
	check_html("<pre><code>\na</code></pre>", "<pre><code>\na</code></pre>");
}

/* --- links --- */

static void
links_lead_where_the_specification_lets_them(void **state)
{
	static const struct {
		const char *href, *want; /* NULL: it dissolves */
	} links[] = { { "https://a.org/b?c=d#e", "https://a.org/b?c=d#e" },
		{ "http://a.org", "http://a.org" },
		{ "ftp://a.org/b", "ftp://a.org/b" },
		{ "mailto:a@b.org", "mailto:a@b.org" },
		{ "magnet:?xt=urn:btih:x", "magnet:?xt=urn:btih:x" },
		{ "matrix:u/ann:a.org", "matrix:u/ann:a.org" },
		{ "https://matrix.to/#/#r:a.org", "https://matrix.to/#/#r:a.org" },
		{ "HTTPS://A.org/B", "https://A.org/B" },
		{ "  https://a.org/b c\n", "https://a.org/b%20c" },
		{ "https://[::1]:8/", "https://[::1]:8/" },
		{ "https://\xc3\xa4.org/\xe2\x82\xac",
		    "https://\xc3\xa4.org/\xe2\x82\xac" },
		{ "https://a.org/%22'", "https://a.org/%22&#39;" }, { "tel:1", NULL },
		{ "xmpp:a@b", NULL }, { "sftp://a", NULL }, { "httpsx://a", NULL },
		{ "https", NULL }, { "https:", NULL }, { "mailto:", NULL },
		{ "magnet:x", NULL }, { "matrix:", NULL }, { "ht\ntps://a.org", NULL },
		{ "https://a.org/&#x7f;", NULL }, { "a.org", NULL }, { "../a", NULL },
		{ "http://?a", NULL }, { "http://:80", NULL } };

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		char html[128], want[128];

		snprintf(html, sizeof html, "<a href=\"%s\">x</a>", links[i].href);
		snprintf(want, sizeof want,
		    links[i].want == NULL ? "x" : LINK("%s") "x</a>", links[i].want);
		check_html(html, want);
	}
}

static void
there_is_no_link_within_a_link(void **state)
{
	check_html("<a href=https://a.org/><b>a<a href=https://b.org/>b</a></b>c</a>",
	    LINK("https://a.org/") "<b>ab</b>c</a>");
	check_html("<a href=https://a.org/>https://b.org/</a>",
	    LINK("https://a.org/") "https://b.org/</a>");
}

static void
addresses_in_text_become_links(void **state)
{
	static const struct {
		const char *before, *address, *behind;
	} texts[] = { { "see ", "https://a.org/b", " there" },
		{ "", "http://a.org", "" }, { "(", "https://a.org/b", ")" },
		{ "", "https://a.org/b_(c)", "." },
		{ "(see ", "https://a.org/b_(c)", ")." },
		{ "", "https://a.org/?b=c", "?!" }, { "[", "https://a.org/", "]," },
		{ "", "https://[::1]/a", "" }, { "", "mailto:a@b.org", ";" },
		{ "**", "https://a.org", "**" },
		{ "\xe8\xaf\xb7\xe7\x9c\x8b", "https://a.org",
		    "\xe3\x80\x82\xe8"
		    "\x8b"
		    "\xb1" },
		{ "", "https://a.org/\xc3\xa4", "\xe2\x80\xa6" },
		{ "http: ", "http://a.org/http://b.org", " http:" } };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		char text[128], want[256];

		snprintf(text, sizeof text, "%s%s%s", texts[i].before, texts[i].address,
		    texts[i].behind);
		snprintf(want, sizeof want, "%s" LINK("%s") "%s</a>%s", texts[i].before,
		    texts[i].address, texts[i].address, texts[i].behind);
		check_text(text, want);
		check_html(text, want);
	}
}

static void
what_is_no_address_stays_text(void **state)
{
	static const char *const texts[] = { "https://", "http://.", "xhttps://a.org",
		"git+https://a.org", "mailto:a", "ftp://a.org", "javascript:alert(1)",
		"a:b", ":", "http:a@b", "https:///a", "mailto://a@b" };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		check_text(texts[i], texts[i]);
	check_html("<code>https://a.org</code><pre>https://a.org</pre>",
	    "<code>https://a.org</code><pre>https://a.org</pre>");
}

static void
entities_do_not_end_an_address(void **state)
{
	check_html("https://a.org/?b=1&amp;c=2 &lt;https://b.org/&gt;",
	    LINK("https://a.org/?b=1&amp;c=2") "https://a.org/?b=1&amp;c=2</a> "
					       "&lt;" LINK(
						   "https://b.org/") "https://b.org/</"
								     "a>&gt;");
}

/* --- pictures --- */

static void
pictures_of_matrix_are_shown_and_others_described(void **state)
{
	check_html("<img src=\"mxc://a.org/b\" alt=\"c\" title=\"d\" width=\"10\" "
		   "height=\"20px\">",
	    "<img src=\"/pic/0\" alt=\"c\" title=\"d\" width=\"10\" height=\"20\" "
	    "loading=\"lazy\">");
	check_html(
	    "<img data-mx-emoticon src=\"mxc://a.org/b\" title=\"cat\" height=32>",
	    "<img src=\"/pic/0\" alt=\"cat\" title=\"cat\" height=\"32\" "
	    "class=\"emoticon\" loading=\"lazy\">");
	check_html("<img src=\"mxc://a.org/b\" width=\"99999999999\" height=\"0\">",
	    "<img src=\"/pic/0\" alt=\"\" width=\"2048\" loading=\"lazy\">");
	check_html("<img src=\"https://a.org/b\" alt=\"a &amp; b\">", "a &amp; b");
	check_html("<img src=\"https://a.org/b\" alt=\"\" title=\"t\">", "t");
	check_html("x<img src=\"https://a.org/b\">y<img>", "xy");
}

static void
pictures_are_counted_from_0_whether_they_are_shown_or_not(void **state)
{
	static const char html[] =
	    "<img src=mxc://a.org/0><img src=http://a.org/x alt=x>"
	    "<mx-reply><img src=mxc://a.org/y></mx-reply>"
	    "<table><img src=mxc://a.org/1></table>"
	    "<img src=mxc://a.org/2 alt=two><img src=mxc://a.org/3>";
	struct arena *arena = arena_new();

	check_html(html,
	    "<img src=\"/pic/0\" alt=\"\" loading=\"lazy\">x<table><tbody><tr>"
	    "<td><img src=\"/pic/1\" alt=\"\" loading=\"lazy\"></td></tr>"
	    "</tbody></table>two"
	    "<img src=\"/pic/3\" alt=\"\" loading=\"lazy\">");
	for (int i = 0; i < 4; i++) {
		char want[32];

		snprintf(want, sizeof want, "mxc://a.org/%d", i);
		assert_string_equal(markup_picture(arena, html, strlen(html), i), want);
	}
	assert_null(markup_picture(arena, html, strlen(html), 4));
	assert_null(markup_picture(arena, html, strlen(html), -1));
	assert_null(markup_picture(arena, "x", 1, 0));
	assert_null(markup_picture(arena, NULL, 0, 0));
	arena_free(arena);
}

static void
without_an_asker_pictures_are_their_description(void **state)
{
	const struct markup_ask silent = { .arg = NULL };

	check_html_as(
	    "a <img src=mxc://a.org/b alt='&lt;cat>'>", "a &lt;cat&gt;", &silent);
}

/* --- spoilers, maths --- */

static void
spoilers_stand_behind_their_reason(void **state)
{
	const struct markup_ask silent = { .arg = NULL };

	check_html("a <span data-mx-spoiler=\"b &amp; c\">d</span>",
	    "a " SPOILER("b &amp; c") "d</span></span>");
	check_html(
	    "<span data-mx-spoiler>d</span>", SPOILER("hidden") "d</span></span>");
	check_html("<span data-mx-spoiler=\" \">d</span>",
	    SPOILER("hidden") "d</span></span>");
	check_html_as("<span data-mx-spoiler>d</span>",
	    SPOILER("Spoiler") "d</span></span>", &silent);
	check_html("<span data-mx-spoiler data-mx-color=\"#f00\">d</span>",
	    "<span class=\"spoiler\" tabindex=\"0\" role=\"note\">"
	    "<span class=\"spoiler-reason\">hidden</span>"
	    "<span class=\"spoiler-text fg-3\">d</span></span>");
}

static void
nothing_comes_out_of_a_spoiler(void **state)
{
	check_html("<p><span data-mx-spoiler>a<p>b</p>c</span>d</p>",
	    "<p>" SPOILER("hidden") "a<br>b<br>c</span></span>d</p>");
	check_html("<p><span data-mx-spoiler>a<ul><li>b<li>c</ul>d</span>e</p>",
	    "<p>" SPOILER("hidden") "a<br>b<br>c<br>d</span></span>e</p>");
	check_html("<ul><li><p><span data-mx-spoiler>a<ul><li>b</ul></span></p></ul>",
	    "<ul><li><p>" SPOILER("hidden") "a<br>b</span></span></p></li></ul>");
	check_html("<table><tr><td><p><span data-mx-spoiler>a<table><tr><td>b</table>c"
		   "</span></table>",
	    "<table><tbody><tr><td><p>" SPOILER(
		"hidden") "a<br>b<br>c</span></span></p>"
			  "</td></tr></tbody></table>");
	check_html(
	    "<span data-mx-spoiler>a<div>b</div><span data-mx-spoiler>c</span></span>",
	    SPOILER("hidden") "a<div>b</div>c</span></span>");
}

static void
maths_is_what_stands_for_it_or_its_source(void **state)
{
	check_html("<span data-mx-maths=\"\\sin(x)\">sin(<i>x</i>)</span>",
	    "<code class=\"maths\">sin(<i>x</i>)</code>");
	check_html("<span data-mx-maths=\"a&lt;b\"></span>",
	    "<code class=\"maths\">a&lt;b</code>");
	check_html("<div data-mx-maths=\"x\"> <math><mi>x</mi></math></div>",
	    "<div><code class=\"maths\"> x</code></div>");
	check_html(
	    "<span data-mx-maths=\"x\" data-mx-spoiler data-mx-color=\"red\"></span>",
	    SPOILER("hidden") "<code class=\"maths fg-3\">x</code></span></span>");
	check_html(
	    "<span data-mx-maths=\"x\"><span data-mx-maths=\"y\">z</span></span>",
	    "<code class=\"maths\">z</code>");
}

/* --- text --- */

static void
plain_bodies_keep_their_lines(void **state)
{
	check_text("a\nb\r\nc\rd\n", "a<br>b<br>c<br>d<br>");
	check_text("\n\n", "<br><br>");
	check_text("<b>&amp;</b> 'x'", "&lt;b&gt;&amp;amp;&lt;/b&gt; &#39;x&#39;");
	check_text("", "");
	check_text("a https://b.org\nhttps://c.org",
	    "a " LINK("https://b.org") "https://b.org</a><br>" LINK(
		"https://c.org") "https://c.org</a>");
}

static void
text_is_escaped_and_well_formed(void **state)
{
	check_escape(
	    "a < b > c & d \" e ' f", "a &lt; b &gt; c &amp; d &quot; e &#39; f");
	check_escape("\t\n", "\t\n");
	check_escape("a\x01\r\x7f", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	check_escape("\xc2\x85\xc2\xa0", "\xef\xbf\xbd\xc2\xa0");
	check_escape("\xff\xc0\xbc\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
					     "\xef\xbf\xbd\xef\xbf\xbd");
	check_escape("\xef\xbf\xbf\xef\xb7\x90", "\xef\xbf\xbd\xef\xbf\xbd");
	check_escape("\xf0\x9f\x90\xb1 \xe2\x80\x8f", "\xf0\x9f\x90\xb1 \xe2\x80\x8f");
}

#define RLO "\xe2\x80\xae"
#define PDF "\xe2\x80\xac"
#define RLI "\xe2\x81\xa7"
#define PDI "\xe2\x81\xa9"

static void
what_turns_the_direction_ends_with_its_text(void **state)
{
	check_escape(RLO "a", RLO "a" PDF);
	check_escape(RLI RLO "a", RLI RLO "a" PDF PDI);
	check_escape("a" PDF PDI "b", "ab");
	check_escape(RLO "a" PDI "b", RLO "ab" PDF);
	check_escape(RLI RLO "a" PDI "b" PDF "c", RLI RLO "a" PDI "bc");
	check_escape(RLI "a" PDI, RLI "a" PDI);
	check_html("<b>" RLO "a</b>" PDF "b", "<b>" RLO "a" PDF "</b>b");
	check_html("<img alt=\"" RLO "a\">b", RLO "a" PDF "b");
	check_text(RLI "a\nb" PDI, RLI "a" PDI "<br>b");
}

static void
more_turns_than_anybody_needs_are_left_out(void **state)
{
	struct buf text = { 0 }, out = { 0 };

	for (int i = 0; i < 1000; i++)
		buf_lit(&text, RLI);
	markup_escape(&out, text.p, text.n);
	assert_int_equal(out.n, 16 * (strlen(RLI) + strlen(PDI)));
	assert_null(walk_html(out.p, out.n));
	buf_free(&out);
	buf_free(&text);
}

/* --- one line --- */

static void
check_plain(const char *html, size_t max, const char *want)
{
	struct buf out = { 0 };

	markup_plain(&out, html, strlen(html), max);
	buf_char(&out, '\0');
	assert_string_equal(out.p, want);
	buf_free(&out);
}

static void
a_summary_is_one_line_without_marks(void **state)
{
	check_plain("<h1>A</h1>\n<p>b  <b>c</b>&amp;d<br>e</p><ul><li>f<li>g</ul>", 99,
	    "A b c&d e f g");
	check_plain("  a \n b ", 99, "a b");
	check_plain("", 99, "");
	check_plain("<mx-reply>old</mx-reply>new<script>x</script>", 99, "new");
	check_plain("a<img alt=cat>b<img title=dog>", 99, "acatbdog");
	check_plain("a" RLO "b\x01", 99, "ab\xef\xbf\xbd");
}

static void
a_summary_does_not_say_what_a_spoiler_hides(void **state)
{
	check_plain("a <span data-mx-spoiler>b<br><i>c</i><img alt=d></span> e", 99,
	    "a \xe2\x80\xa6 e");
	check_plain("a <span data-mx-spoiler=\"why\">b</span>", 99, "a why");
	check_plain("<span data-mx-spoiler>a<span data-mx-spoiler=b>c</span>d</span>e",
	    99,
	    "\xe2\x80\xa6"
	    "e");
}

static void
a_summary_is_cut_between_characters(void **state)
{
	check_plain("<b>abc def</b>", 5, "abc d");
	check_plain("<b>abc</b> def", 4, "abc");
	check_plain("\xe2\x82\xac\xe2\x82\xac", 5, "\xe2\x82\xac");
	check_plain("<b>\xe2\x82\xac</b>", 2, "");
	check_plain("abc", 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tags_of_the_specification_stay),
		cmocka_unit_test(tags_that_nobody_allowed_dissolve),
		cmocka_unit_test(some_tags_go_with_all_that_is_in_them),
		cmocka_unit_test(a_reply_is_without_what_it_replies_to),
		cmocka_unit_test(tags_that_the_specification_had_become_those_it_has),
		cmocka_unit_test(the_table_of_tags_is_in_the_order_of_names),
		cmocka_unit_test(no_attribute_passes_that_is_not_on_the_list),
		cmocka_unit_test(lists_begin_with_any_whole_number),
		cmocka_unit_test(code_says_its_language_and_has_no_other_class),
		cmocka_unit_test(colours_become_classes_and_never_styles),
		cmocka_unit_test(the_nearest_colour_of_the_palette_is_taken),
		cmocka_unit_test(paragraphs_hold_no_blocks),
		cmocka_unit_test(items_stand_in_lists_alone),
		cmocka_unit_test(tables_have_rows_and_rows_have_cells),
		cmocka_unit_test(a_summary_is_the_first_in_details),
		cmocka_unit_test(blocks_that_dissolve_leave_their_lines),
		cmocka_unit_test(what_is_open_at_the_end_is_closed),
		cmocka_unit_test(pre_keeps_its_lines),
		cmocka_unit_test(links_lead_where_the_specification_lets_them),
		cmocka_unit_test(there_is_no_link_within_a_link),
		cmocka_unit_test(addresses_in_text_become_links),
		cmocka_unit_test(what_is_no_address_stays_text),
		cmocka_unit_test(entities_do_not_end_an_address),
		cmocka_unit_test(pictures_of_matrix_are_shown_and_others_described),
		cmocka_unit_test(
		    pictures_are_counted_from_0_whether_they_are_shown_or_not),
		cmocka_unit_test(without_an_asker_pictures_are_their_description),
		cmocka_unit_test(spoilers_stand_behind_their_reason),
		cmocka_unit_test(nothing_comes_out_of_a_spoiler),
		cmocka_unit_test(maths_is_what_stands_for_it_or_its_source),
		cmocka_unit_test(plain_bodies_keep_their_lines),
		cmocka_unit_test(text_is_escaped_and_well_formed),
		cmocka_unit_test(what_turns_the_direction_ends_with_its_text),
		cmocka_unit_test(more_turns_than_anybody_needs_are_left_out),
		cmocka_unit_test(a_summary_is_one_line_without_marks),
		cmocka_unit_test(a_summary_does_not_say_what_a_spoiler_hides),
		cmocka_unit_test(a_summary_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
