/*
 * What is read of strangers' pages: charsets, HTML, oEmbed. Whatever comes, what is
 * handed on is well-formed and of limited length. The first byte chooses a charset.
 */
#include <assert.h>
#include <string.h>

#include "core/preview_page.h"
#include "fetch/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const char *text, size_t max)
{
	if (text == NULL)
		return;
	assert(utf8_valid(text, strlen(text)));
	assert(text[0] != '\0' && strlen(text) <= 4 * max + 4);
}

static void
check_all(const struct page_facts *facts)
{
	check(facts->title, PREVIEW_TITLE_MAX);
	check(facts->description, PREVIEW_TEXT_MAX);
	check(facts->site_name, PREVIEW_WORD_MAX);
	check(facts->type, PREVIEW_WORD_MAX);
	check(facts->locale, PREVIEW_WORD_MAX);
	check(facts->image_alt, PREVIEW_TEXT_MAX);
	check(facts->url, LINK_MAX);
	check(facts->image, LINK_MAX);
	check(facts->oembed, LINK_MAX);
	check(facts->base, LINK_MAX);
}

static void
check_link(struct arena *arena, const char *text)
{
	const char *link =
	    text == NULL ? NULL : link_read(arena, "http://a.org/b", text);

	assert(link == NULL || strncmp(link, "http://", 7) == 0 ||
	       strncmp(link, "https://", 8) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char *const types[] = { NULL, "text/html; charset=utf-8",
		"text/html; charset=latin1", "text/html; charset=shift_jis",
		"text/html; charset=gb18030", "text/html; charset=utf-16",
		"text/html; charset=euc-kr", "text/html; charset=big5" };
	struct arena *arena = arena_new();
	struct page_facts facts;
	struct str text = { (const char *)data, n };

	if (n > 0) {
		text.p++;
		text.n--;
	}
	page_read(arena, text, n > 0 ? types[data[0] & 7] : NULL, &facts);
	check_all(&facts);
	check_link(arena, facts.image);
	check_link(arena, facts.oembed);
	check_link(arena, facts.base);
	facts = (struct page_facts){ 0 };
	page_read_oembed(arena, text, &facts);
	check_all(&facts);
	arena_free(arena);
	return 0;
}
