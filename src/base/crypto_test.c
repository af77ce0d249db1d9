/*
 * Published test vectors, and what must not verify.
 * Relies on base/crypto and base/codec.
 * Stands beside crypto.c, run by the test suite.
 */
#include "base/crypto.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include "base/codec.h"

static void
assert_hex(const uint8_t *bytes, size_t n, const char *want)
{
	char text[256];

	assert_true(n * 2 < sizeof text);
	hex_encode(bytes, n, text);
	assert_string_equal(text, want);
}

static void
sha256_gives_the_published_digests(void **state)
{
	uint8_t out[SHA256_LEN];

	sha256("abc", 3, out);
	assert_hex(out, sizeof out,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(NULL, 0, out);
	assert_hex(out, sizeof out,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void *
hash_many(void *arg)
{
	uint8_t first[SHA256_LEN], again[SHA256_LEN];
	bool *same = arg;

	sha256("parlour", 7, first);
	*same = true;
	for (int i = 0; i < 500; i++) {
		sha256("something else", 14, again);
		sha256("parlour", 7, again);
		*same = *same && memcmp(first, again, sizeof first) == 0;
	}
	return NULL;
}

static void
threads_hash_side_by_side(void **state)
{
	pthread_t threads[3];
	bool same[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, hash_many, &same[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++)
		assert_true(same[i]);
}

static void
random_letters_are_letters_and_all_of_them(void **state)
{
	static char text[20001];
	int seen[128] = { 0 };

	random_letters(text, 20000);
	assert_int_equal(strlen(text), 20000);
	for (size_t i = 0; i < 20000; i++) {
		assert_true((text[i] >= 'a' && text[i] <= 'z') ||
			    (text[i] >= 'A' && text[i] <= 'Z'));
		seen[(int)text[i]]++;
	}
	/* 385 of each are expected; 10 standard deviations are 195. */
	for (char c = 'a'; c <= 'z'; c++) {
		assert_in_range(seen[(int)c], 190, 580);
		assert_in_range(seen[c - 'a' + 'A'], 190, 580);
	}
	random_letters(text, 0);
	assert_string_equal(text, "");
}

static void
random_bytes_differ_each_time(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
}

static void
secrets_compare_by_all_their_bytes(void **state)
{
	assert_true(secret_eq("token", "token", 5));
	assert_false(secret_eq("token", "tokem", 5));
	assert_false(secret_eq("token", "uoken", 5));
	assert_true(secret_eq("a", "b", 0));
}

static void
a_mac_depends_on_its_key_and_all_data(void **state)
{
	uint8_t key[MAC_KEY_LEN] = { 1 }, other[MAC_KEY_LEN] = { 2 };
	uint8_t want[MAC_LEN], got[MAC_LEN];

	mac(key, "guest", 5, want);
	mac(key, "guest", 5, got);
	assert_memory_equal(got, want, sizeof want);
	mac(other, "guest", 5, got);
	assert_memory_not_equal(got, want, sizeof want);
	mac(key, "guess", 5, got);
	assert_memory_not_equal(got, want, sizeof want);
	mac(key, "guest", 4, got);
	assert_memory_not_equal(got, want, sizeof want);
}

static void
derived_keys_differ_by_purpose_and_by_secret(void **state)
{
	uint8_t secret[32] = { 1 }, other[32] = { 2 };
	uint8_t guests[MAC_KEY_LEN], again[MAC_KEY_LEN], media[MAC_KEY_LEN];

	derive_key(secret, "guest tokens", guests);
	derive_key(secret, "guest tokens", again);
	derive_key(secret, "media", media);
	assert_memory_equal(guests, again, sizeof guests);
	assert_memory_not_equal(guests, media, sizeof guests);
	assert_memory_not_equal(guests, secret, sizeof guests);
	derive_key(other, "guest tokens", again);
	assert_memory_not_equal(guests, again, sizeof guests);
}

/* RFC 2202, test cases 2 and 6. */
static void
hmac_sha1_gives_the_published_digests(void **state)
{
	uint8_t out[20], key[80];

	hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, out);
	assert_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	memset(key, 0xaa, sizeof key);
	hmac_sha1(key, sizeof key,
	    "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
	assert_hex(out, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
	hmac_sha1(NULL, 0, "", 0, out);
	assert_hex(out, 20, "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}

/* RFC 8032, section 7.1, test 2. */
static void
ed25519_signs_as_published(void **state)
{
	uint8_t seed[ED25519_SEED_LEN], public_key[ED25519_PUBLIC_LEN];
	uint8_t secret[ED25519_SECRET_LEN], signature[ED25519_SIGNATURE_LEN];

	assert_true(hex_decode(
	    "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", 64,
	    seed));
	ed25519_from_seed(seed, public_key, secret);
	assert_hex(public_key, sizeof public_key,
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	ed25519_sign(secret, "\x72", 1, signature);
	assert_hex(signature, sizeof signature,
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

static void
a_changed_message_signature_or_key_does_not_verify(void **state)
{
	uint8_t seed[ED25519_SEED_LEN] = { 7 }, public_key[ED25519_PUBLIC_LEN];
	uint8_t secret[ED25519_SECRET_LEN], signature[ED25519_SIGNATURE_LEN];

	ed25519_from_seed(seed, public_key, secret);
	ed25519_sign(secret, "event", 5, signature);
	assert_true(ed25519_verify(public_key, "event", 5, signature));
	assert_false(ed25519_verify(public_key, "evend", 5, signature));
	signature[3] ^= 1;
	assert_false(ed25519_verify(public_key, "event", 5, signature));
	signature[3] ^= 1;
	public_key[0] ^= 1;
	assert_false(ed25519_verify(public_key, "event", 5, signature));
	memset(public_key, 0, sizeof public_key); /* a point of small order */
	assert_false(ed25519_verify(public_key, "event", 5, signature));
}

static void
a_password_verifies_against_its_hash_alone(void **state)
{
	char hash[PASSWORD_HASH_LEN], again[PASSWORD_HASH_LEN];

	assert_true(password_hash("wordpass", 64, 2, hash));
	assert_int_equal(strncmp(hash, "$argon2id$v=19$m=64,t=2,p=1$", 28), 0);
	assert_true(password_verify(hash, "wordpass"));
	assert_false(password_verify(hash, "wordpast"));
	assert_false(password_verify(hash, ""));
	assert_true(password_hash("wordpass", 64, 2, again));
	assert_string_not_equal(hash, again);
}

static void
what_is_no_hash_verifies_nothing(void **state)
{
	char longer[300];

	memset(longer, '$', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_false(password_verify("", ""));
	assert_false(password_verify("$argon2id$", "x"));
	assert_false(password_verify("plain", "plain"));
	assert_false(password_verify(longer, "x"));
}

static void
impossible_costs_are_refused(void **state)
{
	char hash[PASSWORD_HASH_LEN];

	assert_false(password_hash("x", 1, 1, hash));
	assert_false(password_hash("x", 64, 0, hash));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_published_digests),
		cmocka_unit_test(threads_hash_side_by_side),
		cmocka_unit_test(random_letters_are_letters_and_all_of_them),
		cmocka_unit_test(random_bytes_differ_each_time),
		cmocka_unit_test(secrets_compare_by_all_their_bytes),
		cmocka_unit_test(a_mac_depends_on_its_key_and_all_data),
		cmocka_unit_test(derived_keys_differ_by_purpose_and_by_secret),
		cmocka_unit_test(hmac_sha1_gives_the_published_digests),
		cmocka_unit_test(ed25519_signs_as_published),
		cmocka_unit_test(a_changed_message_signature_or_key_does_not_verify),
		cmocka_unit_test(a_password_verifies_against_its_hash_alone),
		cmocka_unit_test(what_is_no_hash_verifies_nothing),
		cmocka_unit_test(impossible_costs_are_refused),
	};

	crypto_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
