/*
 * The table of room versions, held against the feature list of the specification.
 * Relies on event/room_version.
 * Stands beside room_version.c, run by the test suite.
 */
#include "event/room_version.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/json.h"

static void
all_twelve_versions_are_there_in_order(void **state)
{
	int count;
	const struct room_version *list = room_version_list(&count);

	assert_int_equal(count, 12);
	for (int i = 0; i < count; i++) {
		assert_int_equal(atoi(list[i].id), i + 1);
		assert_ptr_equal(room_version_find(list[i].id), &list[i]);
	}
}

static void
what_is_no_version_is_not_found(void **state)
{
	static const char *const not_versions[] = { "", "0", "13", "01", "1 ",
		"org.matrix.msc" };

	assert_null(room_version_find(NULL));
	for (size_t i = 0; i < sizeof not_versions / sizeof not_versions[0]; i++)
		assert_null(room_version_find(not_versions[i]));
}

static void
new_rooms_are_of_version_12(void **state)
{
	assert_string_equal(room_version_default()->id, "12");
}

static void
each_trait_holds_from_the_version_that_brought_it(void **state)
{
	int count;
	const struct room_version *list = room_version_list(&count);

	for (int i = 0; i < count; i++) {
		const struct room_version *v = &list[i];
		int n = i + 1;

		assert_int_equal(v->event_id_format, n < 3   ? EVENT_ID_GIVEN
						     : n < 4 ? EVENT_ID_BASE64
							     : EVENT_ID_URLSAFE);
		assert_int_equal(v->redaction, n < 6	? REDACTION_V1
					       : n < 8	? REDACTION_V6
					       : n < 9	? REDACTION_V8
					       : n < 11 ? REDACTION_V9
							: REDACTION_V11);
		assert_int_equal(v->state_resolution, n < 2    ? STATE_RES_V1
						      : n < 12 ? STATE_RES_V2
							       : STATE_RES_V2_1);
		assert_int_equal(v->json_flags, n < 6 ? JSON_LENIENT : JSON_STRICT);
		assert_true(
		    v->depth_max == (n < 6 ? INT64_MAX : (INT64_C(1) << 53) - 1));
		assert_int_equal(v->refs_with_hashes, n < 3);
		assert_int_equal(v->redacts_in_content, n >= 11);
		assert_int_equal(v->string_levels, n < 10);
		assert_int_equal(v->notification_levels, n >= 6);
		assert_int_equal(v->aliases_rule, n < 6);
		assert_int_equal(v->redaction_rule, n < 3);
		assert_int_equal(v->key_validity, n >= 5);
		assert_int_equal(v->knock, n >= 7);
		assert_int_equal(v->restricted, n >= 8);
		assert_int_equal(v->knock_restricted, n >= 10);
		assert_int_equal(v->creator_is_sender, n >= 11);
		assert_int_equal(v->create_is_room_id, n >= 12);
		assert_int_equal(v->creators_power, n >= 12);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_twelve_versions_are_there_in_order),
		cmocka_unit_test(what_is_no_version_is_not_found),
		cmocka_unit_test(new_rooms_are_of_version_12),
		cmocka_unit_test(each_trait_holds_from_the_version_that_brought_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
