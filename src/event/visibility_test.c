/*
 * event/visibility held against the model over many random histories, and its rules one
 * by one. Stands beside visibility.c, run by the test suite.
 */
#include "event/visibility.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "event/visibility_model.h"

#define HISTORIES 100000
#define EVENTS_MAX 24
#define ANN "@ann:example.org"

/* xorshift64: the same histories on every machine. */
static uint64_t dice_state = 20150817;

static unsigned
dice(unsigned n)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (unsigned)(dice_state >> 33) % n;
}

static struct told
random_event(void)
{
	static const char *const settings[] = { "world_readable", "shared", "invited",
		"joined", "nonsense" };
	static const char *const memberships[] = { "join", "leave", "invite", "ban",
		"knock" };

	switch (dice(8)) {
	case 0:
	case 1:
		return (
		    struct told){ "m.room.history_visibility", "", settings[dice(5)] };
	case 2:
	case 3:
	case 4:
		return (struct told){ "m.room.member", ANN, memberships[dice(5)] };
	case 5:
		return (struct told){ "m.room.member", "@ben:example.org",
			memberships[dice(5)] };
	case 6: /* what looks like a setting but is none */
		return (struct told){ "m.room.history_visibility", "other",
			settings[dice(5)] };
	default:
		return (struct told){ "m.room.message", NULL, NULL };
	}
}

/* A history's facts, gathered in one pass as the server gathers them. */
static void
gather(const struct told *history, int n, struct visibility_facts *facts)
{
	enum history_visibility setting = VISIBILITY_SHARED;
	enum membership membership = MEMBERSHIP_NONE;
	bool joined = false;

	for (int i = 0; i < n; i++) {
		const struct told *e = &history[i];

		facts[i].before = setting;
		facts[i].membership_before = membership;
		if (e->state_key != NULL && e->state_key[0] == '\0')
			setting = visibility_of(e->value);
		if (e->state_key != NULL && strcmp(e->state_key, ANN) == 0)
			membership = membership_of(e->value);
		facts[i].after = setting;
		facts[i].membership_after = membership;
	}
	for (int i = n - 1; i >= 0; i--) {
		facts[i].joined_later = joined;
		joined = joined || (history[i].state_key != NULL &&
				       strcmp(history[i].state_key, ANN) == 0 &&
				       strcmp(history[i].value, "join") == 0);
	}
}

static void
a_hundred_thousand_random_histories_are_judged_as_the_model_judges_them(void **state)
{
	struct visibility_facts facts[EVENTS_MAX];
	struct told history[EVENTS_MAX];
	int allowed = 0, denied = 0;

	for (int h = 0; h < HISTORIES; h++) {
		int n = 1 + (int)dice(EVENTS_MAX);

		for (int i = 0; i < n; i++)
			history[i] = random_event();
		gather(history, n, facts);
		for (int i = 0; i < n; i++) {
			bool ours = visibility_allows(&facts[i]);

			if (ours != model_allows(history, n, i, ANN))
				fail_msg(
				    "history %d, event %d: ours says %d", h, i, ours);
			allowed += ours;
			denied += !ours;
		}
	}
	/* Neither answer is a rarity. */
	assert_true(allowed > HISTORIES && denied > HISTORIES);
}

static bool
allows(enum history_visibility v, enum membership m, bool joined_later)
{
	return visibility_allows(&(struct visibility_facts){ .before = v,
	    .after = v,
	    .membership_before = m,
	    .membership_after = m,
	    .joined_later = joined_later });
}

static void
each_rule_allows_what_it_names_and_nothing_else(void **state)
{
	for (int m = MEMBERSHIP_NONE; m <= MEMBERSHIP_BAN; m++) {
		bool joined = m == MEMBERSHIP_JOIN, invited = m == MEMBERSHIP_INVITE;

		assert_true(allows(VISIBILITY_WORLD_READABLE, m, false));
		assert_int_equal(allows(VISIBILITY_SHARED, m, false), joined);
		assert_true(allows(VISIBILITY_SHARED, m, true));
		assert_int_equal(
		    allows(VISIBILITY_INVITED, m, true), joined || invited);
		assert_int_equal(allows(VISIBILITY_JOINED, m, true), joined);
	}
}

static void
a_value_that_is_not_understood_is_shared(void **state)
{
	assert_int_equal(visibility_of(NULL), VISIBILITY_SHARED);
	assert_int_equal(visibility_of("World_readable"), VISIBILITY_SHARED);
	assert_int_equal(visibility_of(""), VISIBILITY_SHARED);
	assert_int_equal(visibility_of("joined"), VISIBILITY_JOINED);
	assert_int_equal(visibility_of("invited"), VISIBILITY_INVITED);
	assert_int_equal(visibility_of("world_readable"), VISIBILITY_WORLD_READABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_hundred_thousand_random_histories_are_judged_as_the_model_judges_them),
		cmocka_unit_test(each_rule_allows_what_it_names_and_nothing_else),
		cmocka_unit_test(a_value_that_is_not_understood_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
