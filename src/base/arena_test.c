/*
 * What every request trusts its arena with: alignment, zeroes, lifetime, bounds.
 * Relies on base/arena alone.
 * Stands beside arena.c, run by the test suite.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>

/* Debian's gcc has the function, but not the header that declares it. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static int
setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void
allocations_are_zeroed_and_aligned_even_in_used_memory(void **state)
{
	struct arena *arena = *state;

	for (int round = 0; round < 2; round++) {
		for (size_t size = 0; size < 3000; size += 7) {
			unsigned char *p = arena_alloc(arena, size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 16, 0);
			for (size_t i = 0; i < size; i++)
				assert_int_equal(p[i], 0);
			memset(p, 0xff, size);
		}
		arena_reset(arena);
	}
}

static void
allocations_do_not_overlap_across_chunks_and_big_ones(void **state)
{
	struct arena *arena = *state;
	unsigned char *p[400];
	size_t size[400];

	for (size_t i = 0; i < 400; i++) {
		size[i] = i % 50 == 49 ? 200000 : 1 + i * 13 % 900;
		p[i] = arena_raw(arena, size[i]);
		memset(p[i], (int)(i % 251), size[i]);
	}
	for (size_t i = 0; i < 400; i++) {
		assert_int_equal(p[i][0], i % 251);
		assert_int_equal(p[i][size[i] - 1], i % 251);
	}
}

static void
empty_allocations_are_distinct(void **state)
{
	void *a = arena_alloc(*state, 0), *b = arena_alloc(*state, 0);

	assert_non_null(a);
	assert_ptr_not_equal(a, b);
}

static void
copies_hold_what_was_given(void **state)
{
	struct arena *arena = *state;
	int numbers[] = { 1, 2, 3 };

	assert_memory_equal(
	    arena_dup(arena, numbers, sizeof numbers), numbers, sizeof numbers);
	assert_string_equal(arena_strdup(arena, "room"), "room");
	assert_string_equal(arena_strndup(arena, "room", 2), "ro");
	assert_string_equal(arena_strndup(arena, NULL, 0), "");
}

static void
printed_strings_may_be_short_or_long(void **state)
{
	struct arena *arena = *state;
	char longer[5000];

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_string_equal(arena_printf(arena, "%s:%d", "a", 7), "a:7");
	assert_string_equal(arena_printf(arena, "%s", longer), longer);
	longer[255] = '\0'; /* just fits the first try's buffer */
	assert_string_equal(arena_printf(arena, "%s", longer), longer);
	longer[255] = 'x';
	longer[256] = '\0'; /* just does not */
	assert_string_equal(arena_printf(arena, "%s", longer), longer);
}

static void
used_counts_since_the_last_reset(void **state)
{
	struct arena *arena = *state;

	assert_int_equal(arena_used(arena), 0);
	arena_alloc(arena, 160);
	arena_alloc(arena, 100000);
	assert_in_range(arena_used(arena), 100160, 100300);
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
}

static void
a_reset_arena_uses_its_first_chunk_again(void **state)
{
	struct arena *arena = *state;
	void *first = arena_alloc(arena, 100);

	arena_reset(arena);
	assert_ptr_equal(arena_alloc(arena, 100), first);
}

#ifdef WITH_ASAN
static void
running_over_the_end_and_use_after_reset_are_found(void **state)
{
	struct arena *arena = *state;
	char *a = arena_raw(arena, 32), *b = arena_raw(arena, 5);

	assert_false(__asan_address_is_poisoned(a + 31));
	assert_true(__asan_address_is_poisoned(a + 32));
	assert_false(__asan_address_is_poisoned(b + 4));
	assert_true(__asan_address_is_poisoned(b + 5));
	arena_reset(arena);
	assert_true(__asan_address_is_poisoned(a));
}

static void
memory_beyond_64_kib_is_returned_by_a_reset(void **state)
{
	struct arena *arena = *state;
	size_t before = __sanitizer_get_current_allocated_bytes();

	for (int i = 0; i < 3000; i++)
		arena_raw(arena, 1000);
	arena_raw(arena, 5000000);
	assert_true(__sanitizer_get_current_allocated_bytes() > before + 8000000);
	arena_reset(arena);
	assert_true(__sanitizer_get_current_allocated_bytes() <= before + 64 * 1024);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(allocations_are_zeroed_and_aligned_even_in_used_memory),
		TEST(allocations_do_not_overlap_across_chunks_and_big_ones),
		TEST(empty_allocations_are_distinct),
		TEST(copies_hold_what_was_given),
		TEST(printed_strings_may_be_short_or_long),
		TEST(used_counts_since_the_last_reset),
		TEST(a_reset_arena_uses_its_first_chunk_again),
#ifdef WITH_ASAN
		TEST(running_over_the_end_and_use_after_reset_are_found),
		TEST(memory_beyond_64_kib_is_returned_by_a_reset),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
