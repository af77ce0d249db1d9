/*
 * Hashes, signatures, passwords, randomness: thin names over libsodium and OpenSSL.
 * crypto_init once, before any thread starts.
 */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define ED25519_PUBLIC_LEN 32
#define ED25519_SECRET_LEN 64 /* libsodium's form: seed, then public key */
#define ED25519_SEED_LEN 32
#define ED25519_SIGNATURE_LEN 64
#define MAC_LEN 16
#define MAC_KEY_LEN 32

void crypto_init(void);
void sha256(const void *data, size_t n, uint8_t out[SHA256_LEN]);
/* The same of what comes bit by bit. Owned by one thread at a time. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *sha256, const void *data, size_t n);
void sha256_end(struct sha256 *sha256, uint8_t out[SHA256_LEN]); /* frees it */
void random_bytes(void *out, size_t n);
/* n characters of [a-zA-Z], then a NUL: ids, tokens, device ids. */
void random_letters(char *out, size_t n);
bool secret_eq(const void *a, const void *b, size_t n); /* constant time */

/* BLAKE2b under a 32-byte key, cut to 16 bytes: our own tokens. */
void mac(
    const uint8_t key[MAC_KEY_LEN], const void *data, size_t n, uint8_t out[MAC_LEN]);
/* Another 32-byte key for another purpose from a server's secret. */
void derive_key(
    const uint8_t secret[32], const char *purpose, uint8_t out[MAC_KEY_LEN]);
/* HMAC-SHA1, 20 bytes: shared-secret registration as Synapse's tools do it. */
void hmac_sha1(
    const void *key, size_t key_n, const void *data, size_t n, uint8_t out[20]);

void ed25519_from_seed(const uint8_t seed[ED25519_SEED_LEN],
    uint8_t public_out[ED25519_PUBLIC_LEN], uint8_t secret_out[ED25519_SECRET_LEN]);
void ed25519_sign(const uint8_t secret[ED25519_SECRET_LEN], const void *data, size_t n,
    uint8_t out[ED25519_SIGNATURE_LEN]);
bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC_LEN], const void *data,
    size_t n, const uint8_t signature[ED25519_SIGNATURE_LEN]);

/* argon2id in its PHC text form, $argon2id$v=19$m=...; out holds PASSWORD_HASH_LEN.
 * Blocks for tens of ms and takes memory_kib: callers bound how many run at once. */
#define PASSWORD_HASH_LEN 128
bool password_hash(const char *password, unsigned memory_kib, unsigned passes,
    char out[PASSWORD_HASH_LEN]);
bool password_verify(const char *hash, const char *password);

#endif
