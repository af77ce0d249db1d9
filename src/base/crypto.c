/*
 * Hashes, signatures, passwords, randomness.
 * Relies on libsodium, and on OpenSSL for SHA-256 (its assembler) and HMAC-SHA1.
 * Events are hashed and signed here, guest tokens checked, passwords verified.
 */
#include "base/crypto.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(crypto_sign_PUBLICKEYBYTES == ED25519_PUBLIC_LEN, "public key");
_Static_assert(crypto_sign_SECRETKEYBYTES == ED25519_SECRET_LEN, "secret key");
_Static_assert(crypto_sign_SEEDBYTES == ED25519_SEED_LEN, "seed");
_Static_assert(crypto_sign_BYTES == ED25519_SIGNATURE_LEN, "signature");
_Static_assert(crypto_pwhash_STRBYTES == PASSWORD_HASH_LEN, "password hash");
_Static_assert(crypto_generichash_BYTES_MIN <= MAC_LEN, "mac");

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_md;	  /* fetching it costs more than hashing an event */
static pthread_key_t context_key; /* frees a thread's context when it ends */
static _Thread_local EVP_MD_CTX *context;

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "crypto: %s failed\n", what);
	abort();
}

static void
context_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void
init(void)
{
	must(sodium_init() >= 0, "sodium_init");
	sha256_md = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256_md != NULL, "EVP_MD_fetch");
	must(pthread_key_create(&context_key, context_free) == 0, "pthread_key_create");
}

void
crypto_init(void)
{
	pthread_once(&init_once, init);
}

static EVP_MD_CTX *
context_get(void)
{
	if (context == NULL) {
		crypto_init();
		context = EVP_MD_CTX_new();
		must(context != NULL, "EVP_MD_CTX_new");
		must(pthread_setspecific(context_key, context) == 0,
		    "pthread_setspecific");
	}
	return context;
}

void
sha256(const void *data, size_t n, uint8_t out[SHA256_LEN])
{
	EVP_MD_CTX *ctx = context_get();

	must(EVP_DigestInit_ex2(ctx, sha256_md, NULL) == 1 &&
		 EVP_DigestUpdate(ctx, data, n) == 1 &&
		 EVP_DigestFinal_ex(ctx, out, NULL) == 1,
	    "SHA-256");
}

/* An EVP_MD_CTX by another name. */
struct sha256 *
sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL && EVP_DigestInit_ex2(ctx, sha256_md, NULL) == 1, "SHA-256");
	return (struct sha256 *)ctx;
}

void
sha256_add(struct sha256 *sha256, const void *data, size_t n)
{
	must(EVP_DigestUpdate((EVP_MD_CTX *)sha256, data, n) == 1, "SHA-256");
}

void
sha256_end(struct sha256 *sha256, uint8_t out[SHA256_LEN])
{
	must(EVP_DigestFinal_ex((EVP_MD_CTX *)sha256, out, NULL) == 1, "SHA-256");
	EVP_MD_CTX_free((EVP_MD_CTX *)sha256);
}

void
random_bytes(void *out, size_t n)
{
	crypto_init();
	randombytes_buf(out, n);
}

void
random_letters(char *out, size_t n)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t pool[64];
	size_t at = sizeof pool, i = 0;

	while (i < n) {
		unsigned v;

		if (at == sizeof pool) {
			random_bytes(pool, sizeof pool);
			at = 0;
		}
		/* Of 64 equally likely values the 12 behind the letters are thrown
		 * away; a remainder would favour the first letters. */
		v = pool[at++] & 63;
		if (v < sizeof letters - 1)
			out[i++] = letters[v];
	}
	out[n] = '\0';
	sodium_memzero(pool, sizeof pool);
}

bool
secret_eq(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void
mac(const uint8_t key[MAC_KEY_LEN], const void *data, size_t n, uint8_t out[MAC_LEN])
{
	must(crypto_generichash(out, MAC_LEN, data, n, key, MAC_KEY_LEN) == 0,
	    "BLAKE2b");
}

void
derive_key(const uint8_t secret[32], const char *purpose, uint8_t out[MAC_KEY_LEN])
{
	must(crypto_generichash(out, MAC_KEY_LEN, (const uint8_t *)purpose,
		 strlen(purpose), secret, 32) == 0,
	    "BLAKE2b");
}

void
hmac_sha1(const void *key, size_t key_n, const void *data, size_t n, uint8_t out[20])
{
	/* A NULL key would mean "the key of the last call" to OpenSSL. */
	must(HMAC(EVP_sha1(), key_n > 0 ? key : "", (int)key_n, data, n, out, NULL) !=
		 NULL,
	    "HMAC-SHA1");
}

void
ed25519_from_seed(const uint8_t seed[ED25519_SEED_LEN],
    uint8_t public_out[ED25519_PUBLIC_LEN], uint8_t secret_out[ED25519_SECRET_LEN])
{
	must(crypto_sign_seed_keypair(public_out, secret_out, seed) == 0, "ed25519");
}

void
ed25519_sign(const uint8_t secret[ED25519_SECRET_LEN], const void *data, size_t n,
    uint8_t out[ED25519_SIGNATURE_LEN])
{
	must(crypto_sign_detached(out, NULL, data, n, secret) == 0, "ed25519");
}

bool
ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_LEN], const void *data, size_t n,
    const uint8_t signature[ED25519_SIGNATURE_LEN])
{
	return crypto_sign_verify_detached(signature, data, n, public_key) == 0;
}

bool
password_hash(const char *password, unsigned memory_kib, unsigned passes,
    char out[PASSWORD_HASH_LEN])
{
	crypto_init();
	return crypto_pwhash_str_alg(out, password, strlen(password), passes,
		   (size_t)memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

bool
password_verify(const char *hash, const char *password)
{
	char padded[PASSWORD_HASH_LEN] = { 0 }; /* libsodium may read all of it */
	size_t n = strlen(hash);

	if (n >= sizeof padded)
		return false;
	crypto_init();
	memcpy(padded, hash, n);
	return crypto_pwhash_str_verify(padded, password, strlen(password)) == 0;
}
