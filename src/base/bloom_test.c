/*
 * Bloom filters: what was added is never denied; what was not, nearly always.
 */
#include "base/bloom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/thread.h"

static void
hash_of(uint64_t n, uint8_t out[BLOOM_HASH_LEN])
{
	uint8_t hash[SHA256_LEN];

	sha256(&n, sizeof n, hash);
	memcpy(out, hash, BLOOM_HASH_LEN);
}

static void
an_empty_one_has_nothing_and_takes_no_room(void **state)
{
	struct bloom *b = bloom_new(1 << 20);
	uint8_t hash[BLOOM_HASH_LEN];

	for (uint64_t i = 0; i < 1000; i++) {
		hash_of(i, hash);
		assert_false(bloom_may_have(b, hash));
	}
	assert_int_equal(bloom_bytes(b), 0);
	bloom_free(b);
}

static void
what_was_added_is_never_denied_and_little_else_is_suspected(void **state)
{
	struct bloom *b = bloom_new(8 << 20);
	uint8_t hash[BLOOM_HASH_LEN];
	int wrong = 0;

	for (uint64_t i = 0; i < 300000; i++) {
		hash_of(i, hash);
		assert_true(bloom_add(b, hash));
		assert_true(bloom_may_have(b, hash));
	}
	for (uint64_t i = 0; i < 300000; i++) {
		hash_of(i, hash);
		assert_true(bloom_may_have(b, hash));
	}
	for (uint64_t i = 300000; i < 400000; i++) {
		hash_of(i, hash);
		wrong += bloom_may_have(b, hash);
	}
	/* Three parts of at most 6 in 10,000 each. */
	assert_true(wrong < 250);
	bloom_free(b);
}

static void
a_full_one_says_so_and_keeps_what_it_has(void **state)
{
	struct bloom *b = bloom_new(128 << 10);
	uint8_t hash[BLOOM_HASH_LEN];
	uint64_t n = 0;

	for (;; n++) {
		hash_of(n, hash);
		if (!bloom_add(b, hash))
			break;
	}
	assert_int_equal(n, 65536);
	assert_int_equal(bloom_bytes(b), 128 << 10);
	for (uint64_t i = 0; i < n; i++) {
		hash_of(i, hash);
		assert_true(bloom_may_have(b, hash));
	}
	bloom_free(b);
}

struct adder {
	struct bloom *b;
	uint64_t from;
};

static void *
add_some(void *arg)
{
	struct adder *a = arg;
	uint8_t hash[BLOOM_HASH_LEN];

	for (uint64_t i = a->from; i < a->from + 50000; i++) {
		hash_of(i, hash);
		if (!bloom_add(a->b, hash) || !bloom_may_have(a->b, hash))
			abort();
	}
	return NULL;
}

static void
threads_add_and_ask_at_once(void **state)
{
	struct bloom *b = bloom_new(8 << 20);
	struct adder adders[3];
	pthread_t threads[3];
	uint8_t hash[BLOOM_HASH_LEN];

	for (int i = 0; i < 3; i++) {
		adders[i] = (struct adder){ b, (uint64_t)i * 50000 };
		threads[i] = thread_start("adder", ROLE_WORKER, add_some, &adders[i]);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (uint64_t i = 0; i < 150000; i++) {
		hash_of(i, hash);
		assert_true(bloom_may_have(b, hash));
	}
	bloom_free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_has_nothing_and_takes_no_room),
		cmocka_unit_test(
		    what_was_added_is_never_denied_and_little_else_is_suspected),
		cmocka_unit_test(a_full_one_says_so_and_keeps_what_it_has),
		cmocka_unit_test(threads_add_and_ask_at_once),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
