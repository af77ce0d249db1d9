/*
 * Which sizes thumbnails have. Stands beside thumbnail.c; the rest of it is tried over
 * HTTP (tests/test_thumbnails.py).
 */
#include "core/thumbnail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
expect(bool is_crop, int width, int height, int made_width, int made_height)
{
	struct thumbnail_ask ask = { width, height, is_crop, false };

	thumbnail_snap(&ask, false);
	assert_int_equal(ask.width, made_width);
	assert_int_equal(ask.height, made_height);
	assert_true(ask.width >= width && ask.height >= height);
}

static void
scale_is_the_next_that_holds_what_is_asked_for(void **state)
{
	expect(false, 1, 1, 320, 240);
	expect(false, 320, 240, 320, 240);
	expect(false, 321, 1, 640, 480);
	expect(false, 1, 241, 640, 480);
	expect(false, 800, 600, 800, 600);
	expect(false, 1600, 1200, 1600, 1200);
}

static void
crop_keeps_the_proportions(void **state)
{
	expect(true, 1, 1, 32, 32);
	expect(true, 32, 32, 32, 32);
	expect(true, 33, 33, 96, 96);
	expect(true, 16, 32, 16, 32);
	expect(true, 30, 60, 48, 96);
	expect(true, 1, 1000, 2, 1200);
	expect(true, 1200, 7, 1200, 7);
}

static void
where_there_are_many_crop_has_squares_alone(void **state)
{
	struct thumbnail_ask ask = { 30, 60, true, false };

	thumbnail_snap(&ask, true);
	assert_int_equal(ask.width, 96);
	assert_int_equal(ask.height, 96);
}

static void
beyond_the_largest_there_is_the_whole(void **state)
{
	expect(true, 1201, 1, THUMBNAIL_WHOLE, THUMBNAIL_WHOLE);
	expect(false, 1, 1201, THUMBNAIL_WHOLE, THUMBNAIL_WHOLE);
	expect(false, THUMBNAIL_WHOLE, 1, THUMBNAIL_WHOLE, THUMBNAIL_WHOLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scale_is_the_next_that_holds_what_is_asked_for),
		cmocka_unit_test(crop_keeps_the_proportions),
		cmocka_unit_test(where_there_are_many_crop_has_squares_alone),
		cmocka_unit_test(beyond_the_largest_there_is_the_whole),
	};

	return cmocka_run_group_tests_name("thumbnail", tests, NULL, NULL);
}
