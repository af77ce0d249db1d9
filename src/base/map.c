/*
 * The hash map: open addressing, linear probing, slots that never move but in map_put.
 * Relies on libsodium for SipHash and its key. Used wherever something is looked up by
 * name: rooms, tokens, members, statements.
 */
#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "base/str.h"

#define CAP_MIN 16
#define CAP_SMALL 64 /* tables up to this size are not worth shrinking */

/* value NULL: free, and then gone tells whether a probe must go on behind it. */
struct map_slot {
	const void *key;
	size_t n;
	uint64_t hash;
	void *value;
};

#define GONE 1 /* the hash of a slot whose entry was deleted */

static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static unsigned char secret[crypto_shorthash_KEYBYTES];

static void
secret_make(void)
{
	if (sodium_init() < 0)
		abort();
	crypto_shorthash_keygen(secret);
}

uint64_t
map_hash(const void *key, size_t n)
{
	unsigned char out[crypto_shorthash_BYTES];
	uint64_t hash;

	pthread_once(&secret_once, secret_make);
	crypto_shorthash(out, key, n, secret);
	memcpy(&hash, out, sizeof hash);
	return hash;
}

static bool
slot_is_empty(const struct map_slot *slot)
{
	return slot->value == NULL && slot->hash != GONE;
}

/* The slot that holds key, or NULL. */
static struct map_slot *
map_find(const struct map *m, const void *key, size_t n, uint64_t hash)
{
	if (m->count == 0)
		return NULL;
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *slot = &m->slots[i];

		if (slot_is_empty(slot))
			return NULL;
		if (slot->value != NULL && slot->hash == hash && slot->n == n &&
		    (n == 0 || memcmp(slot->key, key, n) == 0))
			return slot;
	}
}

void *
map_get(const struct map *m, const void *key, size_t n)
{
	struct map_slot *slot;

	if (m->count == 0)
		return NULL;
	slot = map_find(m, key, n, map_hash(key, n));
	return slot != NULL ? slot->value : NULL;
}

/* The first slot on the way of hash that holds nothing. */
static struct map_slot *
slot_vacant(struct map_slot *slots, size_t cap, uint64_t hash)
{
	size_t i = hash & (cap - 1);

	while (slots[i].value != NULL)
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

/* A new table that is half full at most with want entries, without deleted ones. */
static void
map_rehash(struct map *m, size_t want)
{
	size_t cap = CAP_MIN;
	struct map_slot *slots;

	while (cap < want * 2)
		cap *= 2;
	slots = xcalloc(cap, sizeof *slots);
	for (size_t i = 0; i < m->cap; i++) {
		struct map_slot *slot = &m->slots[i];

		if (slot->value != NULL)
			*slot_vacant(slots, cap, slot->hash) = *slot;
	}
	free(m->slots);
	m->slots = slots;
	m->cap = cap;
	m->used = m->count;
}

void *
map_put(struct map *m, const void *key, size_t n, void *value)
{
	uint64_t hash = map_hash(key, n);
	struct map_slot *slot = map_find(m, key, n, hash);

	assert(value != NULL);
	if (slot != NULL) {
		void *old = slot->value;

		slot->key = key; /* the old one may go with the old value */
		slot->value = value;
		return old;
	}
	if ((m->used + 1) * 4 > m->cap * 3 ||
	    (m->cap > CAP_SMALL && (m->count + 1) * 8 < m->cap))
		map_rehash(m, m->count + 1);
	slot = slot_vacant(m->slots, m->cap, hash);
	if (slot_is_empty(slot))
		m->used++;
	*slot = (struct map_slot){ key, n, hash, value };
	m->count++;
	return NULL;
}

/* Where nothing follows, no probe needs to go on: deleted slots become empty again. */
static void
sweep_back(struct map *m, size_t i)
{
	size_t mask = m->cap - 1;

	if (!slot_is_empty(&m->slots[(i + 1) & mask]))
		return;
	while (m->slots[i].value == NULL && m->slots[i].hash == GONE) {
		m->slots[i].hash = 0;
		m->used--;
		i = (i - 1) & mask;
	}
}

void *
map_del(struct map *m, const void *key, size_t n)
{
	struct map_slot *slot;
	void *value;

	if (m->count == 0)
		return NULL;
	slot = map_find(m, key, n, map_hash(key, n));
	if (slot == NULL)
		return NULL;
	value = slot->value;
	*slot = (struct map_slot){ .hash = GONE };
	m->count--;
	if (m->count == 0 && m->cap > CAP_SMALL)
		map_fini(m);
	else
		sweep_back(m, (size_t)(slot - m->slots));
	return value;
}

void *
map_get_str(const struct map *m, const char *key)
{
	return map_get(m, key, strlen(key));
}

void *
map_put_str(struct map *m, const char *key, void *value)
{
	return map_put(m, key, strlen(key), value);
}

void *
map_del_str(struct map *m, const char *key)
{
	return map_del(m, key, strlen(key));
}

void *
map_next(const struct map *m, size_t *at)
{
	while (*at < m->cap) {
		void *value = m->slots[(*at)++].value;

		if (value != NULL)
			return value;
	}
	return NULL;
}

void
map_fini(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}
