/*
 * Two tables, each with a list by last use: what rows say, by what was asked for, and
 * bytes, by their hash. Nothing in them has to be there: what is missing is looked up.
 * Below api/client/media_read.
 */
#include "api/client/media_hot.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/link.h"
#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"

#define KNOWN_MAX 4096		  /* some hundred bytes each */
#define KEPT_BYTES_MAX (32 << 20) /* of small files, all together */
#define FULL_KEEPS_EVERY 8	  /* of those that come when there is no room */
#define FORGOTTEN_EACH_MAX 8	  /* contents; of more at once all is forgotten */

struct known {
	struct link by_use;
	uint8_t original[SHA256_LEN], sha256[SHA256_LEN];
	int64_t size;
	char *content_type, *name; /* behind key, or NULL */
	char key[];
};

struct kept {
	struct link by_use;
	uint8_t sha256[SHA256_LEN];
	struct http_shared *bytes;
};

/* Shared; lock guards what stands below it. */
struct media_hot {
	struct lock lock; /* RANK_LEAF */
	uint64_t age;	  /* counts media_hot_forget */
	struct map known, kept;
	struct link known_by_use, kept_by_use;
	size_t kept_bytes;
	unsigned came_when_full;

	_Atomic uint64_t hits;
};

/* --- taking out --- */

static void
drop_kept_locked(struct media_hot *hot, struct kept *kept)
{
	map_del(&hot->kept, kept->sha256, SHA256_LEN);
	link_out(&kept->by_use);
	hot->kept_bytes -= kept->bytes->n;
	http_shared_unref(kept->bytes);
	free(kept);
}

static void
drop_known_locked(struct media_hot *hot, struct known *known)
{
	map_del_str(&hot->known, known->key);
	link_out(&known->by_use);
	free(known);
}

/* The one that was not asked for the longest; there is one. */
static void
drop_oldest_known_locked(struct media_hot *hot)
{
	drop_known_locked(hot, LINK_OF(struct known, by_use, hot->known_by_use.next));
}

static void
drop_oldest_kept_locked(struct media_hot *hot)
{
	drop_kept_locked(hot, LINK_OF(struct kept, by_use, hot->kept_by_use.next));
}

static void
drop_all_locked(struct media_hot *hot)
{
	while (link_has(&hot->known_by_use))
		drop_oldest_known_locked(hot);
	while (link_has(&hot->kept_by_use))
		drop_oldest_kept_locked(hot);
}

struct media_hot *
media_hot_new(void)
{
	struct media_hot *hot = xcalloc(1, sizeof *hot);

	lock_init(&hot->lock, RANK_LEAF);
	link_init(&hot->known_by_use);
	link_init(&hot->kept_by_use);
	return hot;
}

void
media_hot_free(struct media_hot *hot)
{
	drop_all_locked(hot);
	map_fini(&hot->known);
	map_fini(&hot->kept);
	lock_fini(&hot->lock);
	free(hot);
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
media_hot_find(
    struct media_hot *hot, struct arena *arena, const char *key, struct media_file *out)
{
	struct known *known;
	struct kept *kept;

	lock_take(&hot->lock);
	known = map_get_str(&hot->known, key);
	if (known != NULL) {
		link_used(&hot->known_by_use, &known->by_use);
		fill_file(out, arena, known);
		kept = map_get(&hot->kept, known->sha256, SHA256_LEN);
		if (kept != NULL) {
			link_used(&hot->kept_by_use, &kept->by_use);
			out->bytes = http_shared_ref(kept->bytes);
		}
	}
	lock_give(&hot->lock);
	return known != NULL;
}

uint64_t
media_hot_age(struct media_hot *hot)
{
	uint64_t age;

	lock_take(&hot->lock);
	age = hot->age;
	lock_give(&hot->lock);
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
media_hot_put(struct media_hot *hot, uint64_t age, const char *key,
    const uint8_t original[SHA256_LEN], const struct media_file *file)
{
	struct known *known = known_new(key, original, file), *before;
	bool was_known;

	lock_take(&hot->lock);
	before = map_get_str(&hot->known, key);
	was_known = before != NULL;
	if (before != NULL && memcmp(before->sha256, file->sha256, SHA256_LEN) != 0) {
		drop_known_locked(
		    hot, before); /* a thumbnail that was lost, and made */
		before = NULL;
	}
	if (before == NULL && hot->age == age) {
		map_put_str(&hot->known, known->key, known);
		link_before(&hot->known_by_use, &known->by_use);
		known = NULL;
	}
	if (hot->known.count > KNOWN_MAX)
		drop_oldest_known_locked(hot);
	lock_give(&hot->lock);
	free(known);
	return was_known;
}

/* --- bytes --- */

/* Where there is no room, what is hot comes so often that it gets in all the same; and
 * those who go through many files do not drive out one another's, and what is hot. */
static bool
has_room(struct media_hot *hot, const uint8_t sha256[SHA256_LEN], size_t n)
{
	bool has;

	lock_take(&hot->lock);
	has = map_get(&hot->kept, sha256, SHA256_LEN) == NULL &&
	      (hot->kept_bytes + n <= KEPT_BYTES_MAX ||
		  ++hot->came_when_full % FULL_KEEPS_EVERY == 0);
	lock_give(&hot->lock);
	return has;
}

void
media_hot_keep(struct media_hot *hot, const uint8_t sha256[SHA256_LEN],
    const void *bytes, size_t n)
{
	struct kept *kept;

	if (!has_room(hot, sha256, n))
		return;
	kept = xmalloc(sizeof *kept);
	kept->bytes = http_bytes_new(bytes, n);
	memcpy(kept->sha256, sha256, SHA256_LEN);
	lock_take(&hot->lock);
	if (map_get(&hot->kept, sha256, SHA256_LEN) == NULL) {
		map_put(&hot->kept, kept->sha256, SHA256_LEN, kept);
		link_before(&hot->kept_by_use, &kept->by_use);
		hot->kept_bytes += n;
		kept = NULL;
	}
	while (hot->kept_bytes > KEPT_BYTES_MAX)
		drop_oldest_kept_locked(hot);
	lock_give(&hot->lock);
	if (kept != NULL)
		http_shared_unref(kept->bytes);
	free(kept);
}

/* --- what is over --- */

static void
forget_kept_locked(struct media_hot *hot, const uint8_t sha256[SHA256_LEN])
{
	struct kept *kept = map_get(&hot->kept, sha256, SHA256_LEN);

	if (kept != NULL)
		drop_kept_locked(hot, kept);
}

/* And of thumbnails of it. */
static void
forget_locked(struct media_hot *hot, const uint8_t sha256[SHA256_LEN])
{
	struct known *known;
	size_t at = 0;

	forget_kept_locked(hot, sha256);
	while ((known = map_next(&hot->known, &at)) != NULL) {
		if (memcmp(known->original, sha256, SHA256_LEN) != 0 &&
		    memcmp(known->sha256, sha256, SHA256_LEN) != 0)
			continue;
		forget_kept_locked(hot, known->sha256);
		drop_known_locked(hot, known);
	}
}

void
media_hot_forget(struct media_hot *hot, const uint8_t (*hashes)[SHA256_LEN], int n)
{
	lock_take(&hot->lock);
	hot->age++;
	if (n > FORGOTTEN_EACH_MAX)
		drop_all_locked(hot);
	else
		for (int i = 0; i < n; i++)
			forget_locked(hot, hashes[i]);
	lock_give(&hot->lock);
}

void
media_hot_answered(struct media_hot *hot)
{
	atomic_fetch_add_explicit(&hot->hits, 1, memory_order_relaxed);
}

void
media_hot_stats(struct media_hot *hot, struct media_hot_stats *out)
{
	lock_take(&hot->lock);
	*out = (struct media_hot_stats){ .files = hot->known.count,
		.kept_bytes = hot->kept_bytes,
		.hits = atomic_load_explicit(&hot->hits, memory_order_relaxed) };
	lock_give(&hot->lock);
}
