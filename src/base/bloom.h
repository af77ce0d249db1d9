/*
 * A set of hashes that answers "certainly not" or "perhaps", from memory alone: a chain
 * of Bloom filters of one cache line a hash, each twice as large as the one before.
 * Below room/append, which asks the database only where the answer is "perhaps".
 */
#ifndef BASE_BLOOM_H
#define BASE_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOOM_HASH_LEN 16

/* Shared: anybody may add and ask at any time. */
struct bloom;

/* Grows to max_bytes at most; 2 bytes a hash. Of a full filter of the chain one in
 * 1,600 answers "perhaps" wrongly. */
struct bloom *bloom_new(size_t max_bytes);
void bloom_free(struct bloom *b); /* NULL is allowed */
/* hash: bits that are as good as random. False: there is no room left, and "certainly
 * not" holds for what was added before alone. */
bool bloom_add(struct bloom *b, const uint8_t hash[BLOOM_HASH_LEN]);
/* False: it was never added. */
bool bloom_may_have(const struct bloom *b, const uint8_t hash[BLOOM_HASH_LEN]);
size_t bloom_bytes(const struct bloom *b);

#endif
