/*
 * The memory of pages. A page that nobody asks for, or that is old, makes room for
 * others, and holds on to its room no longer.
 * Between web/sheet, which makes them, and the io threads.
 */
#include "web/kept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/link.h"
#include "base/map.h"
#include "web/sheet.h"

#define BYTES_MAX (32 << 20)
#define PAGE_MAX (1 << 20)
/* What a page shows besides its room's events (members' count aside, which they tell)
 * is no older than this, as in caches outside. */
#define AGE_MAX_MS (1000 * PAGE_MAX_AGE_S)

struct entry {
	struct link used;
	struct kept_page *page;
};

/* Shared; lock guards all of it. */
struct kept_pages {
	struct lock lock; /* RANK_CACHE */
	struct map by_key;
	struct link used;
	size_t bytes;
	_Atomic uint64_t age; /* grows with each kept_forget */
};

struct kept_pages *
kept_new(void)
{
	struct kept_pages *kept = xcalloc(1, sizeof *kept);

	lock_init(&kept->lock, RANK_CACHE);
	link_init(&kept->used);
	return kept;
}

void
kept_put(struct kept_page *page)
{
	if (page == NULL ||
	    atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) > 1)
		return;
	room_put(page->room);
	http_shared_unref(page->bytes);
	http_shared_unref(page->packed);
	free(page);
}

static size_t
bytes_of(const struct kept_page *page)
{
	return sizeof *page + page->bytes->n +
	       (page->packed == NULL ? 0 : page->packed->n) + 200;
}

static void
forget_locked(struct kept_pages *kept, struct entry *entry)
{
	map_del_str(&kept->by_key, entry->page->key);
	link_out(&entry->used);
	kept->bytes -= bytes_of(entry->page);
	kept_put(entry->page);
	free(entry);
}

void
kept_free(struct kept_pages *kept)
{
	while (link_has(&kept->used))
		forget_locked(kept, LINK_OF(struct entry, used, kept->used.next));
	map_fini(&kept->by_key);
	lock_fini(&kept->lock);
	free(kept);
}

uint64_t
kept_age(struct kept_pages *kept)
{
	return atomic_load(&kept->age);
}

void
kept_forget(struct kept_pages *kept)
{
	atomic_fetch_add(&kept->age, 1);
}

static bool
is_old(const struct kept_page *page)
{
	return clock_mono_ms() - page->made_ms > AGE_MAX_MS;
}

static bool
is_right(struct kept_pages *kept, const struct kept_page *page)
{
	struct snapshot *s;
	bool is_there;

	if (page->age != kept_age(kept) ||
	    page->room_age != atomic_load(&page->room->pages_age) || is_old(page))
		return false;
	s = room_snapshot(page->room);
	is_there = s->position == page->position;
	snapshot_unref(s);
	return is_there;
}

struct kept_page *
kept_find(struct kept_pages *kept, const char *key)
{
	struct kept_page *page = NULL;
	struct entry *entry;

	lock_take(&kept->lock);
	entry = map_get_str(&kept->by_key, key);
	if (entry != NULL) {
		page = entry->page;
		atomic_fetch_add_explicit(&page->refs, 1, memory_order_relaxed);
		link_used(&kept->used, &entry->used);
	}
	lock_give(&kept->lock);
	if (page == NULL || is_right(kept, page))
		return page;
	lock_take(&kept->lock);
	entry = map_get_str(&kept->by_key, key);
	if (entry != NULL && entry->page == page)
		forget_locked(kept, entry);
	lock_give(&kept->lock);
	kept_put(page);
	return NULL;
}

static struct kept_page *
make(const char *key, struct room *room, const struct buf *bytes,
    const struct packed *packed)
{
	struct kept_page *page = xcalloc(1, sizeof *page + strlen(key) + 1);

	atomic_init(&page->refs, 1);
	page->room = room_ref(room);
	page->made_ms = clock_mono_ms();
	strcpy(page->key, key);
	page->bytes = http_bytes_new(bytes->p, bytes->n);
	if (packed->p != NULL)
		page->packed = http_bytes_new(packed->p, packed->n);
	page->is_no_smaller = packed->is_tried && packed->p == NULL;
	return page;
}

void
kept_add(struct kept_pages *kept, uint64_t age, uint32_t room_age, const char *key,
    struct room *room, int64_t position, const char *etag, bool may_index,
    const struct buf *bytes, const struct packed *packed)
{
	struct entry *entry, *old;
	struct kept_page *page;

	if (bytes->n > PAGE_MAX)
		return;
	entry = xcalloc(1, sizeof *entry);
	page = entry->page = make(key, room, bytes, packed);
	page->age = age;
	page->room_age = room_age;
	page->position = position;
	page->may_index = may_index;
	snprintf(page->etag, sizeof page->etag, "%s", etag);
	link_init(&entry->used);
	lock_take(&kept->lock);
	old = map_get_str(&kept->by_key, key);
	if (old != NULL)
		forget_locked(kept, old);
	map_put_str(&kept->by_key, entry->page->key, entry);
	link_before(&kept->used, &entry->used);
	kept->bytes += bytes_of(entry->page);
	while (kept->used.next != &entry->used) {
		struct entry *first = LINK_OF(struct entry, used, kept->used.next);

		if (kept->bytes <= BYTES_MAX && !is_old(first->page))
			break;
		forget_locked(kept, first);
	}
	lock_give(&kept->lock);
}
