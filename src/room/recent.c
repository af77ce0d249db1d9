/*
 * A ring of the newest positions under one lock, which is held to copy what is new.
 * Written by the writer thread as a group becomes visible; read by workers.
 */
#include "room/recent.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "event/json_event.h"
#include "room/room.h"

#define RING 32768 /* a power of two */

/* Positions of one group may stand in any order: all of them are above its base. */
struct entry {
	struct moved moved;
	int64_t base; /* `visible` before its group */
};

/* Shared; lock guards all of it. */
struct recent {
	struct lock lock; /* RANK_LEAF */
	uint64_t count;	  /* that were ever added */
	int64_t from;	  /* everything that moved behind it is in the ring */
	struct entry ring[RING];
};

struct recent *
recent_new(void)
{
	struct recent *recent = xpages(sizeof *recent);

	lock_init(&recent->lock, RANK_LEAF);
	recent->from = INT64_MAX; /* until the first one tells */
	return recent;
}

void
recent_free(struct recent *recent)
{
	lock_fini(&recent->lock);
	xpages_free(recent, sizeof *recent);
}

static void
add(struct core *core, const struct moved *moved)
{
	struct recent *recent = core->recent;
	int64_t base = atomic_load(&core->visible);
	struct entry *at;

	lock_take(&recent->lock);
	at = &recent->ring[recent->count % RING];
	if (recent->count == 0)
		recent->from = base;
	else if (recent->count >= RING && at->moved.position > recent->from)
		recent->from = at->moved.position;
	*at = (struct entry){ *moved, base };
	recent->count++;
	lock_give(&recent->lock);
}

static uint64_t
user_of(const char *user_id)
{
	return user_id == NULL ? 0 : map_hash(user_id, strlen(user_id));
}

void
recent_event(struct core *core, const struct live_event *e)
{
	const struct event *event = e->pdu->event;
	bool is_member =
	    event->state_key != NULL && strcmp(event->type, "m.room.member") == 0;

	add(core, &(struct moved){ e->event, CHANGE_EVENT, e->room,
		      user_of(is_member ? event->state_key : NULL) });
}

void
recent_update(struct core *core, const struct update *u)
{
	add(core, &(struct moved){ u->position, u->kind->tells,
		      u->room == NULL ? 0 : u->room->id, user_of(u->user_id) });
}

/* How many of the newest entries hold all that is behind `since`. */
static uint64_t
new_entries_locked(const struct recent *recent, int64_t since)
{
	uint64_t kept = recent->count < RING ? recent->count : RING, n = 0;
	int64_t base = 0;

	for (; n < kept; n++) {
		const struct entry *e = &recent->ring[(recent->count - n - 1) % RING];

		if (base == 0 && e->base < since)
			base = e->base; /* a group that `since` lies in the midst of */
		if (base != 0 && e->base != base)
			break;
	}
	return n;
}

bool
recent_since(struct core *core, struct arena *arena, int64_t since,
    struct moved **moved_out, int *count_out)
{
	struct recent *recent = core->recent;
	uint64_t n;
	bool knows;

	*count_out = 0;
	*moved_out = NULL;
	if (since >= atomic_load(&core->visible))
		return true;
	lock_take(&recent->lock);
	knows = recent->count > 0 && since >= recent->from;
	n = knows ? new_entries_locked(recent, since) : 0;
	*moved_out = ARENA_ARRAY(arena, struct moved, n + 1);
	for (; n > 0; n--) {
		const struct entry *e = &recent->ring[(recent->count - n) % RING];

		if (e->moved.position > since)
			(*moved_out)[(*count_out)++] = e->moved;
	}
	lock_give(&recent->lock);
	return knows;
}
