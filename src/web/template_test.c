/*
 * Templates: what is put in is escaped, and sections are there only where they belong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "web/template.h"

static int
setup(void **state)
{
	templates_setup();
	return 0;
}

static char *
written(enum template_name name, const struct filling *f)
{
	struct buf out = { 0 };

	template_write(&out, name, f);
	return buf_take(&out, NULL);
}

static void
text_is_escaped_also_in_attributes(void **state)
{
	struct filling f = { .language = LANGUAGE_EN };
	char *html;

	fill(&f, SLOT_name, "<b>\"A\" & 'B'</b>");
	fill(&f, SLOT_href, "x\" onclick=\"y");
	fill(&f, SLOT_src, "s");
	html = written(TEMPLATE_image, &f);
	assert_non_null(strstr(html, "&lt;b&gt;"));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "\" onclick=\""));
	free(html);
}

static void
html_stands_as_it_is_and_words_are_the_languages_own(void **state)
{
	struct filling f = { .language = LANGUAGE_DE };
	char *html;

	f.slots[SLOT_text] = STR("<li><b>1</b></li>");
	html = written(TEMPLATE_reactions, &f);
	assert_non_null(strstr(html, "<li><b>1</b></li>"));
	assert_non_null(strstr(html, "Reaktionen"));
	free(html);
}

static void
a_section_is_there_only_where_its_slot_is_filled(void **state)
{
	struct filling f = { .language = LANGUAGE_EN };
	char *without, *with;

	fill(&f, SLOT_name, "Ann");
	fill(&f, SLOT_who, "@ann:x");
	fill(&f, SLOT_initial, "A");
	fill(&f, SLOT_hue, "1");
	without = written(TEMPLATE_person, &f);
	assert_null(strstr(without, "<img"));
	assert_non_null(strstr(without, "initial"));
	fill(&f, SLOT_face, "http://x/face");
	with = written(TEMPLATE_person, &f);
	assert_non_null(strstr(with, "<img"));
	assert_null(strstr(with, "initial"));
	free(without);
	free(with);
}

static void
an_empty_text_fills_a_slot_and_none_does_not(void **state)
{
	struct filling f = { .language = LANGUAGE_EN };
	char *html;

	fill(&f, SLOT_name, "English");
	fill(&f, SLOT_lang, "en");
	fill(&f, SLOT_here, "");
	html = written(TEMPLATE_language, &f);
	assert_non_null(strstr(html, "aria-current"));
	free(html);
	fill(&f, SLOT_here, NULL);
	html = written(TEMPLATE_language, &f);
	assert_null(strstr(html, "aria-current"));
	free(html);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_escaped_also_in_attributes),
		cmocka_unit_test(html_stands_as_it_is_and_words_are_the_languages_own),
		cmocka_unit_test(a_section_is_there_only_where_its_slot_is_filled),
		cmocka_unit_test(an_empty_text_fills_a_slot_and_none_does_not),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
