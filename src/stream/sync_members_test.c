#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream/sync_members.h"

static const struct sync_device ann = { "@ann:x", "PHONE", "!r:x" };

static void
what_was_told_is_known_from_the_answer_on_that_told_it(void **state)
{
	struct sync_members *members = sync_members_new();

	sync_members_begin(members, &ann);
	assert_false(sync_members_has(members, &ann, 7, 100));
	sync_members_told(members, &ann, 7, 50);
	assert_true(sync_members_has(members, &ann, 7, 50));
	assert_true(sync_members_has(members, &ann, 7, 51));
	/* The answer that told it did not arrive: the client asks from before. */
	assert_false(sync_members_has(members, &ann, 7, 49));
	sync_members_free(members);
}

static void
telling_again_does_not_take_it_back(void **state)
{
	struct sync_members *members = sync_members_new();

	sync_members_begin(members, &ann);
	sync_members_told(members, &ann, 7, 50);
	sync_members_told(members, &ann, 7, 60);
	assert_true(sync_members_has(members, &ann, 7, 50));
	sync_members_free(members);
}

static void
devices_users_and_rooms_know_for_themselves(void **state)
{
	struct sync_members *members = sync_members_new();
	const struct sync_device others[] = { { "@ann:x", "LAPTOP", "!r:x" },
		{ "@ben:x", "PHONE", "!r:x" }, { "@ann:x", "PHONE", "!other:x" },
		{ "@ann", ":xPHONE", "!r:x" } };

	sync_members_begin(members, &ann);
	sync_members_told(members, &ann, 7, 50);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		sync_members_begin(members, &others[i]);
		assert_false(sync_members_has(members, &others[i], 7, 100));
	}
	assert_false(sync_members_has(members, &ann, 8, 100));
	sync_members_free(members);
}

static void
who_begins_anew_knows_nothing(void **state)
{
	struct sync_members *members = sync_members_new();

	sync_members_begin(members, &ann);
	sync_members_told(members, &ann, 7, 50);
	sync_members_begin(members, &ann);
	assert_false(sync_members_has(members, &ann, 7, 50));
	sync_members_told(members, &ann, 7, 60);
	assert_true(sync_members_has(members, &ann, 7, 60));
	assert_false(sync_members_has(members, &ann, 7, 59));
	sync_members_free(members);
}

static void
where_the_beginning_is_forgotten_it_counts_from_the_next_telling(void **state)
{
	struct sync_members *members = sync_members_new();

	sync_members_told(members, &ann, 7, 50);
	assert_true(sync_members_has(members, &ann, 7, 50));
	assert_false(sync_members_has(members, &ann, 8, 50));
	sync_members_free(members);
}

static void
what_is_forgotten_is_never_taken_for_known(void **state)
{
	struct sync_members *members = sync_members_new();
	int known = 0;

	sync_members_begin(members, &ann);
	for (int64_t event = 1; event <= 300000; event++)
		sync_members_told(members, &ann, event, event);
	sync_members_begin(members, &ann);
	for (int64_t event = 300001; event <= 360000; event++)
		sync_members_told(members, &ann, event, event);
	for (int64_t event = 300001; event <= 360000; event++) {
		known += sync_members_has(members, &ann, event, 360000);
		assert_false(sync_members_has(members, &ann, event, event - 1));
	}
	assert_in_range(known, 1000, 60000);
	sync_members_free(members);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    what_was_told_is_known_from_the_answer_on_that_told_it),
		cmocka_unit_test(telling_again_does_not_take_it_back),
		cmocka_unit_test(devices_users_and_rooms_know_for_themselves),
		cmocka_unit_test(who_begins_anew_knows_nothing),
		cmocka_unit_test(
		    where_the_beginning_is_forgotten_it_counts_from_the_next_telling),
		cmocka_unit_test(what_is_forgotten_is_never_taken_for_known),
	};

	return cmocka_run_group_tests_name("sync_members", tests, NULL, NULL);
}
