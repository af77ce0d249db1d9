#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "stream/sync_filter.h"

static const char text[] = "{\"room\":{\"timeline\":{\"limit\":7,\"types\":[\"a.*\"]},"
			   "\"include_leave\":true},\"event_fields\":[\"type\"]}";

static void
the_same_text_is_one_filter(void **state)
{
	struct sync_filters *filters = sync_filters_new();
	struct sync_filter *one, *two;
	const char *why;

	assert_int_equal(sync_filter_get(filters, text, &one, &why), M_OK);
	assert_int_equal(sync_filter_get(filters, text, &two, &why), M_OK);
	assert_ptr_equal(one, two);
	sync_filter_put(filters, one);
	assert_int_equal(two->f.timeline.limit, 7);
	assert_string_equal(two->f.timeline.types.v[0], "a.*");
	assert_true(two->f.include_leave);
	assert_string_equal(two->f.event_fields.v[0], "type");
	sync_filter_put(filters, two);
	sync_filters_free(filters);
}

static void
no_text_lets_everything_pass(void **state)
{
	struct sync_filters *filters = sync_filters_new();
	struct sync_filter *filter;
	const char *why;

	assert_int_equal(sync_filter_get(filters, "", &filter, &why), M_OK);
	assert_null(filter->f.rooms.v);
	assert_true(filter_keeps_type(&filter->f.timeline, "any", "@one:x"));
	sync_filter_put(filters, filter);
	sync_filter_put(filters, NULL);
	sync_filters_free(filters);
}

static void
what_is_no_filter_is_refused_and_leaves_nothing(void **state)
{
	static const char *const bad[] = { "{", "[]", "1", "{\"room\":[]}",
		"{\"room\":{\"timeline\":{\"limit\":-1}}}",
		"{\"room\":{\"rooms\":[\"no\"]}}", "{\"event_fields\":[1]}" };
	struct sync_filters *filters = sync_filters_new();

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct sync_filter *filter = NULL;
		const char *why = NULL;

		assert_int_not_equal(
		    sync_filter_get(filters, bad[i], &filter, &why), M_OK);
		assert_non_null(why);
	}
	sync_filters_free(filters);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_text_is_one_filter),
		cmocka_unit_test(no_text_lets_everything_pass),
		cmocka_unit_test(what_is_no_filter_is_refused_and_leaves_nothing),
	};

	return cmocka_run_group_tests_name("sync_filter", tests, NULL, NULL);
}
