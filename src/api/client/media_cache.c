/*
 * Two tables, each with a list by last use: what rows say, by what was asked for, and
 * bytes, by their hash. Nothing in them has to be there: what is missing is looked up.
 * Below api/client/media_read.
 */
#include "api/client/media_cache.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"

#define KNOWN_MAX 4096		  /* some hundred bytes each */
#define KEPT_BYTES_MAX (32 << 20) /* of small files, all together */
#define FULL_KEEPS_EVERY 8	  /* of those that come when there is no room */
#define FORGOTTEN_EACH_MAX 8	  /* contents; of more at once all is forgotten */

struct link {
	struct link *older, *newer;
};

struct known {
	struct link link; /* first */
	uint8_t original[SHA256_LEN], sha256[SHA256_LEN];
	int64_t size;
	char *content_type, *name; /* behind key, or NULL */
	char key[];
};

struct kept {
	struct link link; /* first */
	uint8_t sha256[SHA256_LEN];
	struct http_shared *bytes;
};

/* Shared; lock guards what stands below it. */
struct media_cache {
	struct lock lock; /* RANK_LEAF */
	uint64_t age;	  /* counts media_cache_forget */
	struct map known, kept;
	struct link known_by_use, kept_by_use; /* heads: newer is the oldest */
	size_t kept_bytes;
	unsigned came_when_full;

	_Atomic uint64_t hits;
};

/* --- lists --- */

static void
link_clear(struct link *head)
{
	head->older = head->newer = head;
}

static void
link_out(struct link *link)
{
	link->older->newer = link->newer;
	link->newer->older = link->older;
}

static void
link_newest(struct link *head, struct link *link)
{
	link->newer = head;
	link->older = head->older;
	head->older->newer = link;
	head->older = link;
}

static void
link_used(struct link *head, struct link *link)
{
	link_out(link);
	link_newest(head, link);
}

/* --- taking out --- */

static void
drop_kept_locked(struct media_cache *cache, struct kept *kept)
{
	map_del(&cache->kept, kept->sha256, SHA256_LEN);
	link_out(&kept->link);
	cache->kept_bytes -= kept->bytes->n;
	http_shared_unref(kept->bytes);
	free(kept);
}

static void
drop_known_locked(struct media_cache *cache, struct known *known)
{
	map_del_str(&cache->known, known->key);
	link_out(&known->link);
	free(known);
}

static void
drop_all_locked(struct media_cache *cache)
{
	while (cache->known_by_use.newer != &cache->known_by_use)
		drop_known_locked(cache, (struct known *)cache->known_by_use.newer);
	while (cache->kept_by_use.newer != &cache->kept_by_use)
		drop_kept_locked(cache, (struct kept *)cache->kept_by_use.newer);
}

struct media_cache *
media_cache_new(void)
{
	struct media_cache *cache = xcalloc(1, sizeof *cache);

	lock_init(&cache->lock, RANK_LEAF);
	link_clear(&cache->known_by_use);
	link_clear(&cache->kept_by_use);
	return cache;
}

void
media_cache_free(struct media_cache *cache)
{
	drop_all_locked(cache);
	map_fini(&cache->known);
	map_fini(&cache->kept);
	lock_fini(&cache->lock);
	free(cache);
}

/* --- what is known --- */

static void
fill_file(struct media_file *out, struct arena *arena, const struct known *known)
{
	*out = (struct media_file){ .size = known->size };
	memcpy(out->sha256, known->sha256, SHA256_LEN);
	if (known->content_type != NULL)
		out->content_type = arena_strdup(arena, known->content_type);
	if (known->name != NULL)
		out->name = arena_strdup(arena, known->name);
}

bool
media_cache_find(struct media_cache *cache, struct arena *arena, const char *key,
    struct media_file *out)
{
	struct known *known;
	struct kept *kept;

	lock_take(&cache->lock);
	known = map_get_str(&cache->known, key);
	if (known != NULL) {
		link_used(&cache->known_by_use, &known->link);
		fill_file(out, arena, known);
		kept = map_get(&cache->kept, known->sha256, SHA256_LEN);
		if (kept != NULL) {
			link_used(&cache->kept_by_use, &kept->link);
			out->bytes = http_shared_ref(kept->bytes);
		}
	}
	lock_give(&cache->lock);
	return known != NULL;
}

uint64_t
media_cache_age(struct media_cache *cache)
{
	uint64_t age;

	lock_take(&cache->lock);
	age = cache->age;
	lock_give(&cache->lock);
	return age;
}

static size_t
text_size(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static struct known *
known_new(
    const char *key, const uint8_t original[SHA256_LEN], const struct media_file *file)
{
	size_t key_n = text_size(key), type_n = text_size(file->content_type);
	size_t name_n = text_size(file->name);
	struct known *known = xcalloc(1, sizeof *known + key_n + type_n + name_n);

	memcpy(known->original, original, SHA256_LEN);
	memcpy(known->sha256, file->sha256, SHA256_LEN);
	known->size = file->size;
	memcpy(known->key, key, key_n);
	if (type_n > 0)
		known->content_type =
		    memcpy(known->key + key_n, file->content_type, type_n);
	if (name_n > 0)
		known->name = memcpy(known->key + key_n + type_n, file->name, name_n);
	return known;
}

bool
media_cache_put(struct media_cache *cache, uint64_t age, const char *key,
    const uint8_t original[SHA256_LEN], const struct media_file *file)
{
	struct known *known = known_new(key, original, file), *before;

	lock_take(&cache->lock);
	before = map_get_str(&cache->known, key);
	if (before == NULL && cache->age == age) {
		map_put_str(&cache->known, known->key, known);
		link_newest(&cache->known_by_use, &known->link);
		known = NULL;
	}
	if (cache->known.count > KNOWN_MAX)
		drop_known_locked(cache, (struct known *)cache->known_by_use.newer);
	lock_give(&cache->lock);
	free(known);
	return before != NULL;
}

/* --- bytes --- */

/* Where there is no room, what is hot comes so often that it gets in all the same; and
 * those who go through many files do not drive out one another's, and what is hot. */
static bool
has_room(struct media_cache *cache, const uint8_t sha256[SHA256_LEN], size_t n)
{
	bool has;

	lock_take(&cache->lock);
	has = map_get(&cache->kept, sha256, SHA256_LEN) == NULL &&
	      (cache->kept_bytes + n <= KEPT_BYTES_MAX ||
		  ++cache->came_when_full % FULL_KEEPS_EVERY == 0);
	lock_give(&cache->lock);
	return has;
}

void
media_cache_keep(struct media_cache *cache, const uint8_t sha256[SHA256_LEN],
    const void *bytes, size_t n)
{
	struct kept *kept;

	if (!has_room(cache, sha256, n))
		return;
	kept = xmalloc(sizeof *kept);
	kept->bytes = http_bytes_new(bytes, n);
	memcpy(kept->sha256, sha256, SHA256_LEN);
	lock_take(&cache->lock);
	if (map_get(&cache->kept, sha256, SHA256_LEN) == NULL) {
		map_put(&cache->kept, kept->sha256, SHA256_LEN, kept);
		link_newest(&cache->kept_by_use, &kept->link);
		cache->kept_bytes += n;
		kept = NULL;
	}
	while (cache->kept_bytes > KEPT_BYTES_MAX)
		drop_kept_locked(cache, (struct kept *)cache->kept_by_use.newer);
	lock_give(&cache->lock);
	if (kept != NULL)
		http_shared_unref(kept->bytes);
	free(kept);
}

/* --- what is over --- */

static void
forget_kept_locked(struct media_cache *cache, const uint8_t sha256[SHA256_LEN])
{
	struct kept *kept = map_get(&cache->kept, sha256, SHA256_LEN);

	if (kept != NULL)
		drop_kept_locked(cache, kept);
}

/* And of thumbnails of it. */
static void
forget_locked(struct media_cache *cache, const uint8_t sha256[SHA256_LEN])
{
	struct known *known;
	size_t at = 0;

	forget_kept_locked(cache, sha256);
	while ((known = map_next(&cache->known, &at)) != NULL) {
		if (memcmp(known->original, sha256, SHA256_LEN) != 0 &&
		    memcmp(known->sha256, sha256, SHA256_LEN) != 0)
			continue;
		forget_kept_locked(cache, known->sha256);
		drop_known_locked(cache, known);
	}
}

void
media_cache_forget(
    struct media_cache *cache, const uint8_t (*hashes)[SHA256_LEN], int n)
{
	lock_take(&cache->lock);
	cache->age++;
	if (n > FORGOTTEN_EACH_MAX)
		drop_all_locked(cache);
	else
		for (int i = 0; i < n; i++)
			forget_locked(cache, hashes[i]);
	lock_give(&cache->lock);
}

void
media_cache_hit(struct media_cache *cache)
{
	atomic_fetch_add_explicit(&cache->hits, 1, memory_order_relaxed);
}

void
media_cache_stats(struct media_cache *cache, struct media_cache_stats *out)
{
	lock_take(&cache->lock);
	*out = (struct media_cache_stats){ .files = cache->known.count,
		.kept_bytes = cache->kept_bytes,
		.hits = atomic_load_explicit(&cache->hits, memory_order_relaxed) };
	lock_give(&cache->lock);
}
