/*
 * Words in all languages, and which language somebody is shown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "web/words.h"

#define ALL 0x3fu

static int
count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

static void
every_word_is_there_in_every_language_with_the_same_gaps(void **state)
{
	for (int w = 0; w < WORD_COUNT; w++)
		for (int l = 0; l < LANGUAGE_COUNT; l++) {
			const char *text = word((enum word)w, (enum language)l);
			const char *english = word((enum word)w, LANGUAGE_EN);

			assert_int_not_equal(strlen(text), 0);
			assert_true(utf8_valid(text, strlen(text)));
			assert_null(strpbrk(text, "<>&\""));
			assert_int_equal(count(text, "%1"), count(english, "%1"));
			assert_int_equal(count(text, "%2"), count(english, "%2"));
		}
}

static void
months_and_weekdays_are_all_there(void **state)
{
	for (int l = 0; l < LANGUAGE_COUNT; l++) {
		assert_int_equal(count(word(WORD_months, (enum language)l), " "), 11);
		assert_int_equal(count(word(WORD_weekdays, (enum language)l), " "), 6);
	}
	assert_true(str_is(word_nth(WORD_months, LANGUAGE_DE, 2), "März"));
	assert_true(str_is(word_nth(WORD_weekdays, LANGUAGE_EN, 6), "Sun"));
}

static void
a_gap_is_filled_wherever_the_language_has_it(void **state)
{
	struct buf out = { 0 };

	word_put(&out, WORD_invited, LANGUAGE_JA, STR("<b>A</b>"), STR("B"));
	buf_char(&out, '\0');
	assert_string_equal(out.p, "<b>A</b>さんがBさんを招待しました");
	buf_free(&out);
}

static enum language
accepted(const char *accept, unsigned offered)
{
	return language_accepted(str_of(accept), offered, LANGUAGE_EN);
}

static void
the_language_asked_for_most_is_taken(void **state)
{
	assert_int_equal(accepted("de", ALL), LANGUAGE_DE);
	assert_int_equal(accepted("de-CH, en;q=0.5", ALL), LANGUAGE_DE);
	assert_int_equal(accepted("en;q=0.5, fr;q=0.8", ALL), LANGUAGE_FR);
	assert_int_equal(
	    accepted("pt-BR,pt;q=0.9,es;q=0.7,en;q=0.6", ALL), LANGUAGE_ES);
	assert_int_equal(accepted("AR", ALL), LANGUAGE_AR);
	assert_int_equal(accepted("ja;q=1.0,en;q=1", ALL), LANGUAGE_JA);
	assert_int_equal(accepted("fr;q=0, de;q=0.001", ALL), LANGUAGE_DE);
	assert_int_equal(accepted("en ; q=0.2 , de ; q=0.9", ALL), LANGUAGE_DE);
}

static void
who_reads_none_of_them_is_shown_the_first_that_is_offered(void **state)
{
	assert_int_equal(accepted("", ALL), LANGUAGE_EN);
	assert_int_equal(accepted("*", ALL), LANGUAGE_EN);
	assert_int_equal(accepted("pt", ALL), LANGUAGE_EN);
	assert_int_equal(
	    accepted("de", 1u << LANGUAGE_FR | 1u << LANGUAGE_JA), LANGUAGE_FR);
	assert_int_equal(accepted(";;,,-;q=,q=;=", ALL), LANGUAGE_EN);
	assert_int_equal(accepted("de;q", ALL), LANGUAGE_DE);
	assert_int_equal(accepted("deutsch, frr", ALL), LANGUAGE_EN);
	assert_int_equal(
	    language_accepted(str_of("it"), ALL, LANGUAGE_DE), LANGUAGE_DE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    every_word_is_there_in_every_language_with_the_same_gaps),
		cmocka_unit_test(months_and_weekdays_are_all_there),
		cmocka_unit_test(a_gap_is_filled_wherever_the_language_has_it),
		cmocka_unit_test(the_language_asked_for_most_is_taken),
		cmocka_unit_test(
		    who_reads_none_of_them_is_shown_the_first_that_is_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
