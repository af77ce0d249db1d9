/*
 * How pictures begin, and what their thumbnails measure.
 */
#include "media/picture_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define TYPE(literal) picture_type(literal, sizeof(literal) - 1)

static void
a_picture_is_known_by_its_first_bytes(void **state)
{
	assert_string_equal(TYPE("\xff\xd8\xff\xe0"), "image/jpeg");
	assert_string_equal(TYPE("\x89PNG\r\n\x1a\n"), "image/png");
	assert_string_equal(TYPE("GIF87a"), "image/gif");
	assert_string_equal(TYPE("GIF89a"), "image/gif");
	assert_string_equal(TYPE("RIFF\1\2\3\4WEBPVP8 "), "image/webp");
}

static void
what_begins_otherwise_is_no_picture(void **state)
{
	assert_null(TYPE(""));
	assert_null(TYPE("\xff\xd8"));
	assert_null(TYPE("\x89PNG"));
	assert_null(TYPE("GIF88a"));
	assert_null(TYPE(" GIF89a"));
	assert_null(TYPE("RIFF\1\2\3\4WAVE"));
	assert_null(TYPE("RIFF\1\2\3\4WEB"));
	assert_null(TYPE("<svg xmlns="));
	assert_null(TYPE("%PDF-1.4"));
	assert_null(TYPE("II*\0\0\0\0\0"));
	assert_null(TYPE("\0\0\0\x1c"
			 "ftypavif"));
}

#define PNG_HEAD "\x89PNG\r\n\x1a\n\0\0\0\4IHDRabcdCCCC"

static void
a_png_may_move_if_an_actl_comes_before_its_data(void **state)
{
	static const char moves[] = PNG_HEAD "\0\0\0\1acTLxCCCC\0\0\0\1IDATxCCCC";
	static const char stands[] = PNG_HEAD "\0\0\0\1IDATxCCCC\0\0\0\1acTLxCCCC";
	static const char unknown[] = PNG_HEAD "\0\1\0\0iCCPx";
	static const char endless[] = PNG_HEAD "\xff\xff\xff\xffiCCPx";

	assert_true(picture_png_may_move(moves, sizeof moves - 1));
	assert_false(picture_png_may_move(stands, sizeof stands - 1));
	assert_true(picture_png_may_move(unknown, sizeof unknown - 1));
	assert_true(picture_png_may_move(endless, sizeof endless - 1));
	assert_true(picture_png_may_move(moves, 3));
}

static void
assert_box(int width, int height, int ask_width, int ask_height,
    enum picture_method method, struct picture_box want)
{
	struct picture_ask ask = { ask_width, ask_height, method, false, false };
	struct picture_box got = picture_box(width, height, &ask);

	assert_int_equal(got.scaled_width, want.scaled_width);
	assert_int_equal(got.scaled_height, want.scaled_height);
	assert_int_equal(got.left, want.left);
	assert_int_equal(got.top, want.top);
	assert_int_equal(got.width, want.width);
	assert_int_equal(got.height, want.height);
}

#define WHOLE(w, h) ((struct picture_box){ w, h, 0, 0, w, h })

static void
scaling_keeps_the_shape_and_fits(void **state)
{
	assert_box(4000, 3000, 800, 600, PICTURE_SCALE, WHOLE(800, 600));
	assert_box(4000, 1000, 800, 600, PICTURE_SCALE, WHOLE(800, 200));
	assert_box(1000, 4000, 800, 600, PICTURE_SCALE, WHOLE(150, 600));
	assert_box(1000, 1, 32, 32, PICTURE_SCALE, WHOLE(32, 1));
	assert_box(1, 100000, 32, 32, PICTURE_SCALE, WHOLE(1, 32));
}

static void
cropping_covers_and_cuts_both_sides(void **state)
{
	assert_box(4000, 3000, 96, 96, PICTURE_CROP,
	    (struct picture_box){ 128, 96, 16, 0, 96, 96 });
	assert_box(3000, 4000, 96, 96, PICTURE_CROP,
	    (struct picture_box){ 96, 128, 0, 16, 96, 96 });
	assert_box(400, 300, 200, 50, PICTURE_CROP,
	    (struct picture_box){ 200, 150, 0, 50, 200, 50 });
}

static void
nothing_is_enlarged(void **state)
{
	assert_box(40, 20, 800, 600, PICTURE_SCALE, WHOLE(40, 20));
	assert_box(40, 20, 96, 96, PICTURE_CROP,
	    (struct picture_box){ 40, 20, 10, 0, 20, 20 });
	assert_box(200, 50, 96, 96, PICTURE_CROP,
	    (struct picture_box){ 200, 50, 75, 0, 50, 50 });
	assert_box(50, 200, 96, 96, PICTURE_CROP,
	    (struct picture_box){ 50, 200, 0, 75, 50, 50 });
	assert_box(1, 1, 32, 96, PICTURE_CROP, WHOLE(1, 1));
}

static void
every_box_lies_inside_the_picture(void **state)
{
	static const int sides[] = { 1, 2, 3, 31, 32, 33, 97, 600, 30000, 1 << 30 };
	enum { N = sizeof sides / sizeof sides[0], ALL = N * N * N * N * 2 };

	for (int i = 0; i < ALL; i++) {
		int width = sides[i / 2 % N], height = sides[i / 2 / N % N];
		struct picture_ask ask = { .width = sides[i / 2 / N / N % N],
			.height = sides[i / 2 / N / N / N],
			.method = i % 2 ? PICTURE_CROP : PICTURE_SCALE };
		struct picture_box b = picture_box(width, height, &ask);

		assert_in_range(b.scaled_width, 1, width);
		assert_in_range(b.scaled_height, 1, height);
		assert_in_range(b.width, 1, b.scaled_width);
		assert_in_range(b.height, 1, b.scaled_height);
		assert_in_range(b.left, 0, b.scaled_width - b.width);
		assert_in_range(b.top, 0, b.scaled_height - b.height);
		assert_true(b.width <= ask.width && b.height <= ask.height);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_is_known_by_its_first_bytes),
		cmocka_unit_test(what_begins_otherwise_is_no_picture),
		cmocka_unit_test(a_png_may_move_if_an_actl_comes_before_its_data),
		cmocka_unit_test(scaling_keeps_the_shape_and_fits),
		cmocka_unit_test(cropping_covers_and_cuts_both_sides),
		cmocka_unit_test(nothing_is_enlarged),
		cmocka_unit_test(every_box_lies_inside_the_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
