/*
 * A table of what was told, each place of which holds one member event for one device
 * in one room; a newer one takes the place of an older. Nothing is ever searched for or
 * freed. Below sync_state.
 */
#include "stream/sync_members.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"

#define PLACES (1 << 17) /* 4 MB, taken as they are used */
#define LOCKS 64

struct place {
	uint64_t device; /* a hash of user, device and room */
	int64_t event;	 /* BEGINNING: when the client began */
	int64_t position;
	uint64_t turn; /* the order in which all of it was noted */
};

#define BEGINNING 0

/* Shared; locks[place % LOCKS] guards a place. */
struct sync_members {
	struct lock locks[LOCKS]; /* RANK_LEAF */
	_Atomic uint64_t turns;
	struct place *places;
};

struct sync_members *
sync_members_new(void)
{
	struct sync_members *members = xcalloc(1, sizeof *members);

	for (int i = 0; i < LOCKS; i++)
		lock_init(&members->locks[i], RANK_LEAF);
	members->places = xpages(PLACES * sizeof *members->places);
	return members;
}

void
sync_members_free(struct sync_members *members)
{
	for (int i = 0; i < LOCKS; i++)
		lock_fini(&members->locks[i]);
	xpages_free(members->places, PLACES * sizeof *members->places);
	free(members);
}

static uint64_t
device_hash(const struct sync_device *device)
{
	uint64_t of[3] = { map_hash(device->user_id, strlen(device->user_id)),
		map_hash(device->device_id, strlen(device->device_id)),
		map_hash(device->room_id, strlen(device->room_id)) };

	return map_hash(of, sizeof of);
}

static uint64_t
place_of(uint64_t device, int64_t event)
{
	uint64_t of[2] = { device, (uint64_t)event };

	return map_hash(of, sizeof of) % PLACES;
}

/* What is noted there of an event; turn 0: nothing. */
static struct place
look_up(struct sync_members *members, uint64_t device, int64_t event)
{
	uint64_t at = place_of(device, event);
	struct lock *lock = &members->locks[at % LOCKS];
	struct place place;

	lock_take(lock);
	place = members->places[at];
	lock_give(lock);
	if (place.device != device || place.event != event)
		place.turn = 0;
	return place;
}

static void
note(struct sync_members *members, uint64_t device, int64_t event, int64_t position)
{
	uint64_t at = place_of(device, event);
	struct lock *lock = &members->locks[at % LOCKS];

	lock_take(lock);
	members->places[at] = (struct place){ device, event, position,
		atomic_fetch_add(&members->turns, 1) + 1 };
	lock_give(lock);
}

void
sync_members_begin(struct sync_members *members, const struct sync_device *device)
{
	note(members, device_hash(device), BEGINNING, 0);
}

void
sync_members_told(struct sync_members *members, const struct sync_device *device,
    int64_t event, int64_t position)
{
	uint64_t hash = device_hash(device);
	struct place begun = look_up(members, hash, BEGINNING);
	struct place told = look_up(members, hash, event);

	/* Forgotten, or from before a restart: it counts from here. */
	if (begun.turn == 0)
		note(members, hash, BEGINNING, 0);
	/* What was told before is known from that on. */
	if (begun.turn == 0 || told.turn <= begun.turn)
		note(members, hash, event, position);
}

bool
sync_members_has(struct sync_members *members, const struct sync_device *device,
    int64_t event, int64_t since)
{
	uint64_t hash = device_hash(device);
	struct place begun = look_up(members, hash, BEGINNING);
	struct place told = look_up(members, hash, event);

	/* Where the beginning is forgotten nobody knows what was told since. */
	return begun.turn > 0 && told.turn > begun.turn && told.position <= since;
}
