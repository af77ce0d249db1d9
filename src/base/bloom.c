/*
 * Blocked Bloom filters: a hash chooses one cache line of eight words and one bit in
 * each of them. Relies on atomics; adding takes a lock, asking takes none.
 */
#include "base/bloom.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/thread.h"

#define WORDS 8 /* a cache line */
#define LINE_BYTES (WORDS * 8)
#define HASHES_A_LINE 32 /* more than that, and "perhaps" is said too often */
#define FIRST_LINES 2048 /* 128 KB: 65,536 hashes */
#define PARTS_MAX 20

typedef _Atomic uint64_t line[WORDS];

struct part {
	size_t lines; /* a power of two */
	void *memory;
	line *v; /* the same, from where a cache line begins */
};

/* Parts below count are there for good; lock guards the growing. */
struct bloom {
	_Atomic int count;
	struct part parts[PARTS_MAX];
	struct lock lock; /* RANK_LEAF */
	size_t room;	  /* hashes that the last part still takes */
	size_t bytes, max_bytes;
};

struct bloom *
bloom_new(size_t max_bytes)
{
	struct bloom *b = xcalloc(1, sizeof *b);

	lock_init(&b->lock, RANK_LEAF);
	b->max_bytes = max_bytes;
	return b;
}

void
bloom_free(struct bloom *b)
{
	if (b == NULL)
		return;
	for (int i = 0; i < atomic_load(&b->count); i++)
		free(b->parts[i].memory);
	lock_fini(&b->lock);
	free(b);
}

static bool
grow_locked(struct bloom *b)
{
	int n = atomic_load_explicit(&b->count, memory_order_relaxed);
	size_t lines = (size_t)FIRST_LINES << n, bytes = lines * sizeof(line);
	void *memory;

	if (n == PARTS_MAX || b->bytes + bytes > b->max_bytes)
		return false;
	/* Zeroes that calloc has from the kernel take no memory yet. */
	memory = xcalloc(1, bytes + LINE_BYTES);
	b->parts[n] = (struct part){ lines, memory,
		(line *)(((uintptr_t)memory + LINE_BYTES - 1) &
			 ~(uintptr_t)(LINE_BYTES - 1)) };
	b->bytes += bytes;
	b->room = lines * HASHES_A_LINE;
	atomic_store_explicit(&b->count, n + 1, memory_order_release);
	return true;
}

static uint64_t
word_of(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static _Atomic uint64_t *
line_of(const struct part *part, const uint8_t *hash)
{
	return part->v[word_of(hash) & (part->lines - 1)];
}

/* The bit of word i: six bits of the hash's second half for each. */
static uint64_t
bit_of(uint64_t bits, int i)
{
	return UINT64_C(1) << ((bits >> (i * 6)) & 63);
}

bool
bloom_add(struct bloom *b, const uint8_t hash[BLOOM_HASH_LEN])
{
	uint64_t bits = word_of(hash + 8);
	_Atomic uint64_t *words;
	bool has_room;

	lock_take(&b->lock);
	has_room = b->room > 0 || grow_locked(b);
	if (has_room) {
		b->room--;
		words = line_of(&b->parts[atomic_load(&b->count) - 1], hash);
		for (int i = 0; i < WORDS; i++)
			atomic_fetch_or_explicit(
			    &words[i], bit_of(bits, i), memory_order_relaxed);
	}
	lock_give(&b->lock);
	return has_room;
}

static bool
part_may_have(const struct part *part, const uint8_t *hash)
{
	uint64_t bits = word_of(hash + 8);
	_Atomic uint64_t *words = line_of(part, hash);

	for (int i = 0; i < WORDS; i++)
		if ((atomic_load_explicit(&words[i], memory_order_relaxed) &
			bit_of(bits, i)) == 0)
			return false;
	return true;
}

bool
bloom_may_have(const struct bloom *b, const uint8_t hash[BLOOM_HASH_LEN])
{
	int n = atomic_load_explicit(&b->count, memory_order_acquire);

	for (int i = 0; i < n; i++)
		if (part_may_have(&b->parts[i], hash))
			return true;
	return false;
}

size_t
bloom_bytes(const struct bloom *b)
{
	int n = atomic_load_explicit(&b->count, memory_order_acquire);
	size_t bytes = 0;

	for (int i = 0; i < n; i++)
		bytes += b->parts[i].lines * sizeof(line);
	return bytes;
}
