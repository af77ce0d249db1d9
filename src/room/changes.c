/*
 * The queue of what became visible. Appended to by the writer thread (and, for what is
 * not written, by workers under its lock); read by io threads, each at its own pace.
 */
#include "room/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "base/tally.h"
#include "base/thread.h"
#include "event/json_event.h"
#include "room/room.h"

#define SUBSCRIBERS_MAX 8
#define FOLLOWED 65536 /* rooms at one time; of more, some others count as well */

struct changes {
	struct lock lock; /* RANK_LEAF; guards last and the order of appends */
	struct change *last;
	_Atomic uint64_t tokens_gone;
	struct tally *followed; /* room ids */
	int subscriber_count;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} subscribers[SUBSCRIBERS_MAX];
};

static struct change *
change_ref(struct change *change)
{
	atomic_fetch_add_explicit(&change->refs, 1, memory_order_relaxed);
	return change;
}

/* A record holds a reference to the one behind it: dropping the oldest may drop a whole
 * run, hence the loop. */
static void
change_unref(struct change *change)
{
	while (change != NULL &&
	       atomic_fetch_sub_explicit(&change->refs, 1, memory_order_acq_rel) == 1) {
		struct change *next = atomic_load(&change->next);

		room_put(change->room);
		if (change->event != NULL)
			live_event_unref(change->event);
		free(change->user_id);
		free(change->device_id);
		free(change->audience);
		free(change);
		change = next;
	}
}

struct changes *
changes_new(void)
{
	struct changes *changes = xcalloc(1, sizeof *changes);

	lock_init(&changes->lock, RANK_LEAF);
	changes->last = xcalloc(1, sizeof *changes->last);
	changes->last->refs = 1;
	changes->last->kind = CHANGE_START;
	changes->followed = tally_new(FOLLOWED);
	return changes;
}

void
changes_free(struct changes *changes)
{
	change_unref(changes->last);
	tally_free(changes->followed);
	lock_fini(&changes->lock);
	free(changes);
}

void
changes_add(struct changes *changes, const struct change *what)
{
	struct change *change = xmalloc(sizeof *change), *before;

	*change = *what;
	atomic_init(&change->next, NULL);
	atomic_init(&change->refs, 2); /* its predecessor's and ours */
	if (what->kind == CHANGE_TOKEN_GONE || what->kind == CHANGE_USER_GONE)
		atomic_fetch_add(&changes->tokens_gone, 1); /* before it can be read */
	lock_take(&changes->lock);
	before = changes->last;
	changes->last = change;
	atomic_store_explicit(&before->next, change, memory_order_release);
	lock_give(&changes->lock);
	change_unref(before);
}

uint64_t
changes_tokens_gone(const struct changes *changes)
{
	return atomic_load(&changes->tokens_gone);
}

static uint64_t
hash_of(const char *room_id)
{
	return map_hash(room_id, strlen(room_id));
}

void
changes_follow(struct changes *changes, const char *room_id)
{
	tally_add(changes->followed, hash_of(room_id));
}

void
changes_unfollow(struct changes *changes, const char *room_id)
{
	tally_sub(changes->followed, hash_of(room_id));
}

bool
changes_is_followed(const struct changes *changes, const char *room_id)
{
	return tally_has(changes->followed, hash_of(room_id));
}

void
changes_subscribe(struct changes *changes, void (*fn)(void *arg), void *arg)
{
	int n = changes->subscriber_count++;

	changes->subscribers[n].fn = fn;
	changes->subscribers[n].arg = arg;
}

void
changes_wake(struct changes *changes)
{
	for (int i = 0; i < changes->subscriber_count; i++)
		changes->subscribers[i].fn(changes->subscribers[i].arg);
}

struct change *
changes_cursor(struct changes *changes)
{
	struct change *cursor;

	lock_take(&changes->lock);
	cursor = change_ref(changes->last);
	lock_give(&changes->lock);
	return cursor;
}

const struct change *
changes_next(struct change **cursor)
{
	struct change *next =
	    atomic_load_explicit(&(*cursor)->next, memory_order_acquire);

	if (next == NULL)
		return NULL;
	change_ref(next);
	change_unref(*cursor);
	*cursor = next;
	return next;
}

void
changes_cursor_free(struct change *cursor)
{
	change_unref(cursor);
}
