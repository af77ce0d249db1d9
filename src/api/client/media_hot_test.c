/*
 * What is known of files: found until it is forgotten, and never more than there is
 * room for. Stands beside media_hot.c.
 */
#include "api/client/media_hot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/thread.h"

struct fixture {
	struct media_hot *hot;
	struct arena *arena;
};

static int
set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	f->hot = media_hot_new();
	f->arena = arena_new();
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	media_hot_free(f->hot);
	arena_free(f->arena);
	free(f);
	return 0;
}

/* Stands for what is in a file. */
static void
hash_of(int n, uint8_t out[SHA256_LEN])
{
	memset(out, 0, SHA256_LEN);
	memcpy(out, &n, sizeof n);
}

static struct media_file
file_of(int n)
{
	struct media_file file = {
		.size = n, .content_type = "image/png", .name = "a.png"
	};

	hash_of(n, file.sha256);
	return file;
}

/* Was it known? */
static bool
put(struct fixture *f, const char *key, int original, int n)
{
	struct media_file file = file_of(n);
	uint8_t sha256[SHA256_LEN];

	hash_of(original, sha256);
	return media_hot_put(f->hot, media_hot_age(f->hot), key, sha256, &file);
}

/* The size of what is found; -1: nothing. With *bytes_out a reference to its bytes. */
static int64_t
find(struct fixture *f, const char *key, struct http_shared **bytes_out)
{
	struct media_file file;

	if (!media_hot_find(f->hot, f->arena, key, &file))
		return -1;
	if (bytes_out != NULL)
		*bytes_out = file.bytes;
	else
		http_shared_unref(file.bytes);
	return file.size;
}

static void
keep(struct fixture *f, int n, size_t size)
{
	char *bytes = xcalloc(1, size);
	uint8_t sha256[SHA256_LEN];

	hash_of(n, sha256);
	memset(bytes, n, size);
	media_hot_keep(f->hot, sha256, bytes, size);
	free(bytes);
}

static void
forget(struct fixture *f, int first, int count)
{
	uint8_t hashes[100][SHA256_LEN];

	for (int i = 0; i < count; i++)
		hash_of(first + i, hashes[i]);
	media_hot_forget(f->hot, (const uint8_t(*)[SHA256_LEN])hashes, count);
}

static struct media_hot_stats
stats(struct fixture *f)
{
	struct media_hot_stats out;

	media_hot_stats(f->hot, &out);
	return out;
}

static void
what_is_put_is_found_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct media_file bare = { .size = 7 }, out;

	assert_int_equal(find(f, "whole a", NULL), -1);
	assert_false(put(f, "whole a", 1, 1));
	assert_true(put(f, "whole a", 1, 1));
	assert_true(put(f, "whole a", 1, 2)); /* it is another now */
	assert_int_equal(find(f, "whole a", NULL), 2);
	assert_true(put(f, "whole a", 1, 1));
	assert_true(media_hot_find(f->hot, f->arena, "whole a", &out));
	assert_string_equal(out.content_type, "image/png");
	assert_string_equal(out.name, "a.png");
	assert_memory_equal(out.sha256, file_of(1).sha256, SHA256_LEN);
	assert_null(out.bytes);
	assert_false(media_hot_put(f->hot, 0, "whole b", bare.sha256, &bare));
	assert_true(media_hot_find(f->hot, f->arena, "whole b", &out));
	assert_null(out.content_type);
	assert_null(out.name);
	assert_int_equal(stats(f).files, 2);
}

static void
bytes_are_those_of_all_files_with_the_same(void **state)
{
	struct fixture *f = *state;
	struct http_shared *one = NULL, *two = NULL;

	put(f, "whole a", 1, 1);
	put(f, "whole b", 1, 1);
	keep(f, 1, 1000);
	keep(f, 1, 1000);
	assert_int_equal(find(f, "whole a", &one), 1);
	assert_int_equal(find(f, "whole b", &two), 1);
	assert_ptr_equal(one, two);
	assert_int_equal(one->n, 1000);
	assert_int_equal(one->bytes[999], 1);
	assert_int_equal(stats(f).kept_bytes, 1000);
	http_shared_unref(one);
	http_shared_unref(two);
}

static void
what_is_forgotten_is_not_found_nor_are_its_thumbnails(void **state)
{
	struct fixture *f = *state;
	struct http_shared *held = NULL;

	put(f, "whole a", 1, 1);
	put(f, "320x240s a", 1, 2);
	put(f, "whole made", 2, 2); /* uploaded, and the same as that thumbnail */
	put(f, "whole b", 3, 3);
	for (int n = 1; n <= 3; n++)
		keep(f, n, 10);
	assert_int_equal(find(f, "whole a", &held), 1);
	forget(f, 1, 1);
	assert_int_equal(find(f, "whole a", NULL), -1);
	assert_int_equal(find(f, "320x240s a", NULL), -1);
	assert_int_equal(find(f, "whole made", NULL), 2);
	assert_int_equal(find(f, "whole b", NULL), 3);
	assert_int_equal(stats(f).kept_bytes, 10);
	assert_int_equal(held->bytes[9], 1); /* whoever sends it reads on */
	http_shared_unref(held);
	forget(f, 3, 1);
	assert_int_equal(stats(f).kept_bytes, 0);
	forget(f, 50, 20);
	assert_int_equal(stats(f).files, 0);
}

static void
a_row_that_was_read_before_something_was_forgotten_is_not_put(void **state)
{
	struct fixture *f = *state;
	struct media_file file = file_of(1);
	uint64_t age = media_hot_age(f->hot);

	forget(f, 1, 1);
	assert_false(media_hot_put(f->hot, age, "whole a", file.sha256, &file));
	assert_int_equal(find(f, "whole a", NULL), -1);
	assert_false(put(f, "whole a", 1, 1));
	assert_int_equal(find(f, "whole a", NULL), 1);
}

static void
bytes_take_no_more_than_there_is_room_for(void **state)
{
	struct fixture *f = *state;
	struct http_shared *bytes = NULL;

	put(f, "whole 1", 1, 1);
	put(f, "whole 2", 2, 2);
	for (int n = 1; n <= 1000; n++) {
		keep(f, n, MEDIA_SMALL_MAX);
		assert_int_equal(find(f, "whole 1", NULL), 1); /* stays in use */
		assert_true(stats(f).kept_bytes <= 32 << 20);
	}
	assert_int_equal(stats(f).kept_bytes, 32 << 20);
	assert_int_equal(find(f, "whole 1", &bytes), 1);
	assert_non_null(bytes);
	http_shared_unref(bytes);
	assert_int_equal(find(f, "whole 2", &bytes), 2);
	assert_null(bytes);
}

static void
what_is_hot_gets_in_where_there_is_no_room_and_few_others_do(void **state)
{
	struct fixture *f = *state;
	struct http_shared *bytes = NULL;
	int left = 0;

	for (int n = 0; n < 256; n++)
		keep(f, n, MEDIA_SMALL_MAX);
	for (int n = 1000; n < 1256; n++)
		keep(f, n, MEDIA_SMALL_MAX);
	for (int n = 0; n < 256; n++) {
		bytes = NULL;
		put(f, arena_printf(f->arena, "whole %d", n), n, n);
		assert_int_equal(
		    find(f, arena_printf(f->arena, "whole %d", n), &bytes), n);
		left += bytes != NULL;
		http_shared_unref(bytes);
	}
	assert_int_equal(left, 256 - 256 / 8);
	put(f, "whole hot", 500, 500);
	for (int i = 0; i < 8; i++)
		keep(f, 500, MEDIA_SMALL_MAX);
	bytes = NULL;
	assert_int_equal(find(f, "whole hot", &bytes), 500);
	assert_non_null(bytes);
	http_shared_unref(bytes);
}

static void
no_more_files_are_known_than_there_is_room_for(void **state)
{
	struct fixture *f = *state;

	for (int n = 0; n < 10000; n++) {
		put(f, arena_printf(f->arena, "whole %d", n), n, n);
		assert_int_equal(find(f, "whole 0", NULL), 0); /* stays in use */
	}
	assert_int_equal(stats(f).files, 4096);
	assert_int_equal(find(f, "whole 1", NULL), -1);
	assert_int_equal(find(f, "whole 9999", NULL), 9999);
}

/* --- many threads --- */

#define ROUNDS 3000

/* What the row says now; and what it said, or more, whenever somebody was told so. */
static _Atomic int row, told;

static void *
put_and_find(void *arg)
{
	struct fixture f = { arg, arena_new() };

	for (int i = 0; i < ROUNDS; i++) {
		struct media_file file;
		struct http_shared *bytes = NULL;
		uint64_t age = media_hot_age(f.hot);
		int least = told, now;
		int64_t found = find(&f, "whole a", &bytes);

		assert_true(found == -1 || found >= least);
		http_shared_unref(bytes);
		now = row;
		file = file_of(now);
		media_hot_put(f.hot, age, "whole a", file.sha256, &file);
		keep(&f, now, 100);
		arena_reset(f.arena);
	}
	arena_free(f.arena);
	return NULL;
}

/* As an operator does: the row changes, all is forgotten, and then it is answered. */
static void
nobody_finds_what_was_forgotten_whoever_puts_meanwhile(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = thread_start("user", ROLE_WORKER, put_and_find, f->hot);
	for (int i = 0; i < ROUNDS; i++) {
		int before = row;
		int64_t found;

		row = before + 1;
		forget(f, before, 1);
		told = before + 1;
		found = find(f, "whole a", NULL);
		assert_true(found == -1 || found > before);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_put_is_found_as_it_was),
		CASE(bytes_are_those_of_all_files_with_the_same),
		CASE(what_is_forgotten_is_not_found_nor_are_its_thumbnails),
		CASE(a_row_that_was_read_before_something_was_forgotten_is_not_put),
		CASE(bytes_take_no_more_than_there_is_room_for),
		CASE(what_is_hot_gets_in_where_there_is_no_room_and_few_others_do),
		CASE(no_more_files_are_known_than_there_is_room_for),
		CASE(nobody_finds_what_was_forgotten_whoever_puts_meanwhile),
	};

	return cmocka_run_group_tests_name("media_hot", tests, NULL, NULL);
}
