/*
 * Which names a bucket can have. What it does is tried against a real store:
 * tests/test_bucket.py. Stands beside bucket.c.
 */
#include "media/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void
buckets_are_named_as_stores_name_them(void **state)
{
	char long_name[65];

	memset(long_name, 'a', 64);
	long_name[64] = '\0';
	assert_true(bucket_name_valid("abc"));
	assert_true(bucket_name_valid("my-media.example.org"));
	assert_true(bucket_name_valid(long_name + 1));
	assert_false(bucket_name_valid(long_name));
	assert_false(bucket_name_valid("ab"));
	assert_false(bucket_name_valid("Abc"));
	assert_false(bucket_name_valid("a_b"));
	assert_false(bucket_name_valid("-abc"));
	assert_false(bucket_name_valid("abc."));
	assert_false(bucket_name_valid("a..b"));
	assert_false(bucket_name_valid("a/b"));
	assert_false(bucket_name_valid(""));
}

static void
prefixes_need_no_other_spelling(void **state)
{
	char long_prefix[BUCKET_PREFIX_MAX + 2];

	memset(long_prefix, 'a', sizeof long_prefix - 1);
	long_prefix[sizeof long_prefix - 1] = '\0';
	assert_true(bucket_prefix_valid(""));
	assert_true(bucket_prefix_valid("Parlour/media_1.x-/"));
	assert_true(bucket_prefix_valid(long_prefix + 1));
	assert_false(bucket_prefix_valid(long_prefix));
	assert_false(bucket_prefix_valid("/a"));
	assert_false(bucket_prefix_valid("a//b"));
	assert_false(bucket_prefix_valid("a/../b"));
	assert_false(bucket_prefix_valid("a/./b"));
	assert_false(bucket_prefix_valid("./b"));
	assert_true(bucket_prefix_valid("a./.b"));
	assert_false(bucket_prefix_valid("a b"));
	assert_false(bucket_prefix_valid("a%2Fb"));
	assert_false(bucket_prefix_valid("a?b"));
	assert_false(bucket_prefix_valid("\xc3\xa9"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_named_as_stores_name_them),
		cmocka_unit_test(prefixes_need_no_other_spelling),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
