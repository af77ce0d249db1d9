/*
 * A hash map from byte strings to pointers, keyed with SipHash under a per-process
 * secret so that nobody outside can aim for collisions.
 * Keys are borrowed: they must live as long as their entry (put them in the value).
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Owned by one thread, or guarded by its holder's lock. { 0 } is an empty one. */
struct map {
	struct map_slot *slots;
	size_t count, used, cap;
};

void *map_get(const struct map *m, const void *key, size_t n); /* NULL: not there */
/* Sets key; returns the value it replaces, or NULL. value must not be NULL. */
void *map_put(struct map *m, const void *key, size_t n, void *value);
void *map_del(struct map *m, const void *key, size_t n); /* the value, or NULL */
void *map_get_str(const struct map *m, const char *key);
void *map_put_str(struct map *m, const char *key, void *value);
void *map_del_str(struct map *m, const char *key);
/* for (size_t at = 0; (v = map_next(m, &at));) ... deleting what was returned is fine.
 */
void *map_next(const struct map *m, size_t *at);
void map_fini(struct map *m); /* frees the table, not the values */

/* SipHash-2-4 of n bytes under the per-process secret. */
uint64_t map_hash(const void *key, size_t n);

#endif
