/*
 * What of a bucket's files lies here. Stands beside cache.c.
 */
#include "media/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"

#define FILE_BYTES 4096 /* a block: less takes as much */

struct fixture {
	char folder[64], cached[80];
	struct cache *cache;
	uint8_t sha256[SHA256_LEN];
};

static struct cache *
open_cache(struct fixture *f, int64_t bytes_max)
{
	char *error = NULL;
	struct cache *cache = cache_open(f->cached, bytes_max, &error);

	assert_non_null(cache);
	return cache;
}

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	log_setup(LOG_ERROR, false);
	snprintf(f->folder, sizeof f->folder, "/tmp/cache_test.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->cached, sizeof f->cached, "%s/cache", f->folder);
	f->cache = open_cache(f, 3 * FILE_BYTES);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char words[128];

	cache_free(f->cache);
	snprintf(words, sizeof words, "rm -r %s", f->folder);
	assert_int_equal(system(words), 0);
	free(f);
	return 0;
}

/* A hash that is its own name. */
static const uint8_t *
hash_of(struct fixture *f, int n)
{
	memset(f->sha256, n, SHA256_LEN);
	return f->sha256;
}

static void
put(struct fixture *f, int n, int64_t size)
{
	char path[80], bytes[4 * FILE_BYTES];
	int fd;

	memset(bytes, n, sizeof bytes);
	snprintf(path, sizeof path, "%s/new", f->folder);
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, (size_t)size), size);
	close(fd);
	cache_put(f->cache, hash_of(f, n), path, size);
	assert_int_equal(unlink(path), 0);
}

static bool
has(struct fixture *f, int n)
{
	char byte;
	int fd;

	if (cache_read(f->cache, hash_of(f, n), &fd) != M_OK)
		return false;
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, n);
	close(fd);
	return true;
}

static void
what_was_not_asked_for_the_longest_goes(void **state)
{
	struct fixture *f = *state;

	for (int n = 1; n <= 3; n++)
		put(f, n, FILE_BYTES);
	assert_true(has(f, 1));
	put(f, 4, FILE_BYTES);
	assert_false(has(f, 2));
	assert_true(has(f, 1));
	assert_true(has(f, 3));
	assert_true(has(f, 4));
	assert_int_equal(cache_bytes(f->cache), 3 * FILE_BYTES);
	put(f, 5, 2 * FILE_BYTES);
	assert_false(has(f, 1));
	assert_false(has(f, 3));
	assert_true(has(f, 4));
	assert_true(has(f, 5));
}

static void
what_is_larger_than_all_is_not_kept(void **state)
{
	struct fixture *f = *state;

	put(f, 1, FILE_BYTES);
	put(f, 2, 4 * FILE_BYTES);
	assert_false(has(f, 2));
	assert_true(has(f, 1));
	assert_int_equal(cache_bytes(f->cache), FILE_BYTES);
}

static void
small_files_take_a_block_each(void **state)
{
	struct fixture *f = *state;

	for (int n = 1; n <= 4; n++)
		put(f, n, 1);
	assert_false(has(f, 1));
	assert_true(has(f, 4));
	assert_int_equal(cache_bytes(f->cache), 3 * FILE_BYTES);
}

static void
what_only_lay_there_is_not_sure_to_be_in_the_bucket(void **state)
{
	struct fixture *f = *state;

	put(f, 1, FILE_BYTES);
	assert_true(cache_is_sure(f->cache, hash_of(f, 1)));
	cache_free(f->cache);
	f->cache = open_cache(f, 3 * FILE_BYTES);
	assert_true(has(f, 1));
	assert_false(cache_is_sure(f->cache, hash_of(f, 1)));
	put(f, 1, FILE_BYTES);
	assert_true(cache_is_sure(f->cache, hash_of(f, 1)));
	assert_false(cache_is_sure(f->cache, hash_of(f, 2)));
}

/* As root everything can be opened but what is no file. */
static void
what_cannot_be_opened_is_dropped_and_replaced(void **state)
{
	struct fixture *f = *state;
	char words[400], hex[2 * SHA256_LEN + 1];

	put(f, 1, FILE_BYTES);
	memset(hex, 0, sizeof hex);
	for (int i = 0; i < SHA256_LEN; i++)
		memcpy(hex + 2 * (size_t)i, "01", 2);
	snprintf(
	    words, sizeof words, "ln -sf /proc/1/nothing %s/01/%s", f->cached, hex);
	assert_int_equal(system(words), 0);
	assert_false(has(f, 1));
	assert_false(cache_has(f->cache, f->sha256));
	assert_int_equal(system(words), 0); /* again: what is put takes its place */
	put(f, 1, FILE_BYTES);
	assert_true(has(f, 1));
}

static void
the_oldest_make_room_for_others(void **state)
{
	struct fixture *f = *state;

	assert_false(cache_shrink(f->cache, 1));
	for (int n = 1; n <= 3; n++)
		put(f, n, FILE_BYTES);
	assert_true(cache_shrink(f->cache, FILE_BYTES + 1));
	assert_false(has(f, 1));
	assert_false(has(f, 2));
	assert_true(has(f, 3));
	assert_true(cache_shrink(f->cache, 100 * FILE_BYTES));
	assert_int_equal(cache_bytes(f->cache), 0);
}

static void
the_same_twice_is_there_once(void **state)
{
	struct fixture *f = *state;

	put(f, 1, FILE_BYTES);
	put(f, 1, FILE_BYTES);
	assert_int_equal(cache_bytes(f->cache), FILE_BYTES);
	cache_drop(f->cache, hash_of(f, 1));
	cache_drop(f->cache, hash_of(f, 1));
	assert_false(has(f, 1));
	assert_int_equal(cache_bytes(f->cache), 0);
}

static void
who_reads_what_is_dropped_reads_on(void **state)
{
	struct fixture *f = *state;
	char byte;
	int fd;

	put(f, 7, FILE_BYTES);
	assert_int_equal(cache_read(f->cache, hash_of(f, 7), &fd), M_OK);
	cache_drop(f->cache, hash_of(f, 7));
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 7);
	close(fd);
}

static void
what_lies_there_is_taken_up_within_the_bound(void **state)
{
	struct fixture *f = *state;
	int there = 0;

	for (int n = 1; n <= 3; n++)
		put(f, n, FILE_BYTES);
	cache_free(f->cache);
	f->cache = open_cache(f, 3 * FILE_BYTES);
	assert_int_equal(cache_bytes(f->cache), 3 * FILE_BYTES);
	for (int n = 1; n <= 3; n++)
		assert_true(has(f, n));
	cache_free(f->cache);
	f->cache = open_cache(f, 2 * FILE_BYTES);
	for (int n = 1; n <= 3; n++)
		there += has(f, n);
	assert_int_equal(there, 2);
}

static void
who_removes_a_file_by_hand_is_found_out(void **state)
{
	struct fixture *f = *state;
	char words[128];

	put(f, 1, FILE_BYTES);
	snprintf(words, sizeof words, "rm -r %s/01", f->cached);
	assert_int_equal(system(words), 0);
	assert_false(has(f, 1));
	assert_int_equal(cache_bytes(f->cache), 0);
	put(f, 1, FILE_BYTES);
	assert_true(has(f, 1));
}

static void
a_folder_that_cannot_be_made_is_told(void **state)
{
	char *error = NULL;

	assert_null(cache_open("/proc/nowhere", 1, &error));
	assert_non_null(error);
	free(error);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_not_asked_for_the_longest_goes),
		TEST(what_is_larger_than_all_is_not_kept),
		TEST(small_files_take_a_block_each),
		TEST(what_only_lay_there_is_not_sure_to_be_in_the_bucket),
		TEST(what_cannot_be_opened_is_dropped_and_replaced),
		TEST(the_oldest_make_room_for_others),
		TEST(the_same_twice_is_there_once),
		TEST(who_reads_what_is_dropped_reads_on),
		TEST(what_lies_there_is_taken_up_within_the_bound),
		TEST(who_removes_a_file_by_hand_is_found_out),
		TEST(a_folder_that_cannot_be_made_is_told),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
