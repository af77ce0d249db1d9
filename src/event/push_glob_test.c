/*
 * Globs of push rules: the specification's examples, corners, and made-up ones against
 * a second matcher that is slow and obvious. Stands beside push_glob.c, run by the test
 * suite.
 */
#include "event/push_glob.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

#include "base/clock.h"

static int
set_up(void **state)
{
	*state = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	arena_free(*state);
	return 0;
}

static struct str
folded(struct arena *arena, const char *text)
{
	char *copy = arena_strdup(arena, text);

	push_fold(copy, strlen(copy));
	return str_of(copy);
}

static bool
is(struct arena *arena, const char *pattern, const char *text)
{
	struct push_glob glob = push_glob_compile(arena, pattern, strlen(pattern));
	int64_t work = 100000;

	return push_glob_is(&glob, folded(arena, text), &work);
}

static bool
within(struct arena *arena, const char *pattern, const char *text)
{
	struct push_glob glob = push_glob_compile(arena, pattern, strlen(pattern));
	int64_t work = 100000;

	return push_glob_within(&glob, folded(arena, text), &work);
}

/* Spec: client-server-api/#conditions, event_match */
static void
a_pattern_matches_the_whole_value(void **state)
{
	struct arena *a = *state;

	assert_true(is(a, "lunc?*", "Lunch plans"));
	assert_true(is(a, "lunc?*", "LUNCH"));
	assert_false(is(a, "lunc?*", " lunch"));
	assert_false(is(a, "lunc?*", "lunc"));
	assert_true(is(a, "m.notice", "m.notice"));
	assert_false(is(a, "m.notice", "m.notices"));
	assert_false(is(a, "m.notice", "mxnotice"));
	assert_true(is(a, "", ""));
	assert_false(is(a, "", "x"));
	assert_true(is(a, "*", ""));
	assert_true(is(a, "*", "anything"));
	assert_true(is(a, "**", "x"));
	assert_false(is(a, "?", ""));
	assert_true(is(a, "*ab", "abab"));
	assert_true(is(a, "ab*ab", "abab"));
	assert_false(is(a, "ab*ab", "ab"));
	assert_false(is(a, "aba*ba", "aba"));
	assert_true(is(a, "*?b", "ab"));
	assert_false(is(a, "*?b", "b"));
	assert_true(is(a, "[a]", "[A]"));
}

static void
a_question_mark_is_one_character_of_any_length(void **state)
{
	struct arena *a = *state;

	assert_true(is(a, "?", "é"));
	assert_true(is(a, "?", "🦊"));
	assert_false(is(a, "?", "e\xcc\x81"));
	assert_true(is(a, "??", "🦊é"));
	assert_true(is(a, "*?", "x🦊"));
	assert_true(is(a, "*??z", "🦊🦊z"));
	assert_false(is(a, "*??z", "🦊z"));
}

static void
upper_and_lower_case_are_the_same(void **state)
{
	static const char *const pairs[][2] = { { "AZ", "az" }, { "ÄÖÜÉ", "äöüé" },
		{ "ŁŽŸĶ", "łžÿķ" }, { "ΑΣΏ", "ασΏ" }, { "ЁЖЯҐ", "ёжяґ" },
		{ "ՀԱ", "հա" }, { "ẬỆ", "ậệ" }, { "ＡＺ", "ａｚ" }, { "Ø×Ñ", "ø×ñ" } };
	struct arena *a = *state;

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		assert_true(is(a, pairs[i][0], pairs[i][1]));
		assert_true(is(a, pairs[i][1], pairs[i][0]));
		assert_true(utf8_valid(folded(a, pairs[i][0]).p, strlen(pairs[i][0])));
	}
	assert_false(is(a, "a", "ä"));
	assert_false(is(a, "ı", "i"));
}

/* Spec: client-server-api/#conditions, content.body */
static void
words_are_found_between_boundaries(void **state)
{
	struct arena *a = *state;

	assert_true(within(a, "ex*ple", "An example event."));
	assert_true(within(a, "ex*ple", "exple"));
	assert_true(within(a, "ex*ple", "An exciting triple-whammy"));
	assert_false(within(a, "ex*ple", "flexample"));
	assert_false(within(a, "ex*ple", "examples"));
	assert_true(within(a, "cake", "I like CAKE!"));
	assert_false(within(a, "cake", "cakes"));
	assert_false(within(a, "cake", "pancake"));
	assert_true(within(a, "cake", "cakes and cake"));
	assert_true(within(a, "cake*", "cakes"));
	assert_false(within(a, "*cake", "cakes"));
	assert_true(within(a, "*cake", "pancake"));
	assert_true(within(a, "ca?e", "cave, cage"));
	assert_false(within(a, "ca_e", "caxe"));
	assert_false(within(a, "ann", "ann_e"));
	assert_false(within(a, "ann", "ann3"));
	assert_true(within(a, "ann", "für·ann·é"));
	assert_true(within(a, "ann", "éanné"));
	assert_false(within(a, "ann", ""));
	assert_true(within(a, "*", ""));
	assert_true(within(a, "a b", "x a b y"));
	assert_true(within(a, "@room", "hey @room!"));
	assert_false(within(a, "@room", "x@room"));
}

/* --- the second matcher --- */

static bool
slow_is(const char *p, const char *s)
{
	if (*p == '*')
		return slow_is(p + 1, s) || (*s != '\0' && slow_is(p, s + 1));
	if (*p == '\0' || *s == '\0')
		return *p == *s;
	return (*p == '?' || *p == *s) && slow_is(p + 1, s + 1);
}

static bool
slow_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

static bool
slow_within(struct arena *arena, const char *p, const char *s)
{
	size_t n = strlen(s);

	for (size_t from = 0; from <= n; from++)
		for (size_t to = from; to <= n; to++)
			if ((from == 0 || !slow_is_word(s[from - 1])) &&
			    !slow_is_word(s[to]) &&
			    slow_is(p, arena_strndup(arena, s + from, to - from)))
				return true;
	return false;
}

static void
make_up(char *out, int max, const char *letters)
{
	int n = rand() % (max + 1);

	for (int i = 0; i < n; i++)
		out[i] = letters[rand() % strlen(letters)];
	out[n] = '\0';
}

static void
made_up_patterns_match_what_an_obvious_matcher_matches(void **state)
{
	char pattern[8], text[12];
	int found = 0;

	srand(7);
	for (int i = 0; i < 60000; i++) {
		bool expected;

		make_up(pattern, 6, "aab?*-");
		make_up(text, 10, "aab- ");
		expected = slow_is(pattern, text);
		found += expected;
		if (is(*state, pattern, text) != expected)
			fail_msg("is: '%s' '%s'", pattern, text);
		expected = slow_within(*state, pattern, text);
		found += expected;
		if (within(*state, pattern, text) != expected)
			fail_msg("within: '%s' '%s'", pattern, text);
		if (i % 1000 == 0)
			arena_reset(*state);
	}
	assert_true(found > 5000);
}

/* Of 64 KB that nearly match everywhere. */
static void
a_hostile_pattern_costs_no_more_than_its_work(void **state)
{
	size_t n = 65000;
	char *text = arena_raw(*state, n + 1), pattern[301];
	struct push_glob glob;
	int64_t work = 1000000, began = clock_mono_ms();

	memset(text, '-', n);
	text[n] = '\0';
	memset(pattern, '?', 300);
	pattern[299] = 'x';
	pattern[300] = '\0';
	glob = push_glob_compile(*state, pattern, 300);
	for (int i = 0; i < 100; i++)
		assert_false(push_glob_within(&glob, (struct str){ text, n }, &work));
	assert_true(work <= 0);
	assert_true(clock_mono_ms() - began < 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pattern_matches_the_whole_value),
		TEST(a_question_mark_is_one_character_of_any_length),
		TEST(upper_and_lower_case_are_the_same),
		TEST(words_are_found_between_boundaries),
		TEST(made_up_patterns_match_what_an_obvious_matcher_matches),
		TEST(a_hostile_pattern_costs_no_more_than_its_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
