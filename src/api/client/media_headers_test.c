/*
 * What stands beside a file: how it is shown, its name, its parts. Stands beside
 * media_headers.c.
 */
#include "api/client/media_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
what_may_be_shown_in_place_is_listed(void **state)
{
	assert_true(media_is_inline("image/png"));
	assert_true(media_is_inline("Text/Plain; charset=utf-8"));
	assert_true(media_is_inline("audio/x-flac "));
	assert_false(media_is_inline("text/html"));
	assert_false(media_is_inline("image/svg+xml"));
	assert_false(media_is_inline("image/pn"));
	assert_false(media_is_inline("image/png2"));
	assert_false(media_is_inline(""));
}

static void
what_a_browser_takes_for_several_types_is_not_shown(void **state)
{
	assert_true(media_is_inline("video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\""));
	assert_true(media_is_inline("text/plain;charset=utf-8;format=flowed"));
	assert_false(media_is_inline("image/png;,text/html"));
	assert_false(media_is_inline("image/png ,text/html"));
	assert_false(media_is_inline("image/png; a=b, text/html"));
	assert_false(media_is_inline("image/png;\",text/html;\""));
	assert_false(media_is_inline("image/png;a=\",text/html"));
	assert_false(media_is_inline("image/png;a=\"\\\",text/html;b=\""));
	assert_false(media_is_inline("image/png;a='\"',text/html;b=\"'\""));
}

static void
expect_disposition(const char *type, const char *name, const char *value)
{
	struct buf out = { 0 };

	media_disposition(&out, type, name);
	buf_char(&out, '\0');
	assert_string_equal(out.p, value);
	buf_free(&out);
}

static void
a_name_is_quoted_or_encoded(void **state)
{
	expect_disposition("image/png", NULL, "inline");
	expect_disposition("image/png", "", "inline");
	expect_disposition("text/html", "a b.htm", "attachment; filename=\"a b.htm\"");
	expect_disposition("image/png", "a\"b\\c", "inline; filename=\"a\\\"b\\\\c\"");
	expect_disposition("image/png", "\xc3\xa9 (1).png",
	    "inline; filename*=utf-8''%C3%A9%20%281%29.png");
	expect_disposition(
	    "image/png", "a%41 b", "inline; filename*=utf-8''a%2541%20b");
	expect_disposition("image/png", "a\r\nb", "inline; filename*=utf-8''a%0D%0Ab");
}

static void
expect_part(const char *range, int64_t size, int64_t first, int64_t last)
{
	int64_t from = -7, to = -7;

	assert_int_equal(media_range(str_of(range), size, &from, &to), MEDIA_PART);
	assert_int_equal(from, first);
	assert_int_equal(to, last);
}

static void
expect_none(const char *range, int64_t size, enum media_range what)
{
	int64_t from = -7, to = -7;

	assert_int_equal(media_range(str_of(range), size, &from, &to), what);
	assert_int_equal(from, -7);
	assert_int_equal(to, -7);
}

static void
a_range_is_within_the_file(void **state)
{
	expect_part("bytes=0-0", 10, 0, 0);
	expect_part("BYTES=2-", 10, 2, 9);
	expect_part("bytes=2-99", 10, 2, 9);
	expect_part("bytes=-3", 10, 7, 9);
	expect_part("bytes=-99", 10, 0, 9);
	expect_none("bytes=10-", 10, MEDIA_BEYOND);
	expect_none("bytes=0-", 0, MEDIA_BEYOND);
	expect_none("bytes=-0", 10, MEDIA_BEYOND);
	expect_none("bytes=-5", 0, MEDIA_BEYOND);
}

static void
what_is_no_range_is_the_whole(void **state)
{
	static const char *const none[] = { "", "bytes", "bytes=", "bytes=-",
		"bytes=5-2", "bytes=a-", "bytes=1-b", "bytes=1-2,4-5", "lines=1-2",
		"bytes=--1", "bytes=1-2-3", "bytes=99999999999999999999-",
		"bytes= 1-2" };

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		expect_none(none[i], 10, MEDIA_WHOLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_shown_in_place_is_listed),
		cmocka_unit_test(what_a_browser_takes_for_several_types_is_not_shown),
		cmocka_unit_test(a_name_is_quoted_or_encoded),
		cmocka_unit_test(a_range_is_within_the_file),
		cmocka_unit_test(what_is_no_range_is_the_whole),
	};

	return cmocka_run_group_tests_name("media_headers", tests, NULL, NULL);
}
