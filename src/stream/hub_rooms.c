/*
 * A hub's rooms by their ids: a table of lists that go through the rooms themselves,
 * since many of them have one listener each. Relies on base/map for its keyed hash.
 * Beneath hub_room, which makes rooms and frees them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "stream/hub_inside.h"

#define CAP_MIN 16
#define EACH_MAX 2 /* rooms in a list, on the average */

static uint32_t
hash_of(const char *room_id)
{
	return (uint32_t)map_hash(room_id, strlen(room_id));
}

static struct hub_room **
list_of(const struct hub_rooms *rooms, uint32_t hash)
{
	return &rooms->lists[hash & (rooms->cap - 1)];
}

struct hub_room *
hub_rooms_find(const struct hub *hub, const char *room_id)
{
	const struct hub_rooms *rooms = &hub->rooms;
	uint32_t hash = hash_of(room_id);
	struct hub_room *room;

	if (rooms->count == 0)
		return NULL;
	room = *list_of(rooms, hash);
	while (
	    room != NULL && (room->hash != hash || strcmp(room->room_id, room_id) != 0))
		room = room->next;
	return room;
}

static void
put(struct hub_rooms *rooms, struct hub_room *room)
{
	struct hub_room **list = list_of(rooms, room->hash);

	room->next = *list;
	*list = room;
}

static void
resize(struct hub *hub, size_t cap)
{
	struct hub_rooms old = hub->rooms;
	struct hub_room *room, *next;

	hub->rooms.lists = xcalloc(cap, sizeof *old.lists);
	hub->rooms.cap = cap;
	for (size_t i = 0; i < old.cap; i++)
		for (room = old.lists[i]; room != NULL; room = next) {
			next = room->next;
			put(&hub->rooms, room);
		}
	free(old.lists);
	atomic_fetch_add(&hub->memory, (cap - old.cap) * sizeof *old.lists);
}

void
hub_rooms_add(struct hub *hub, struct hub_room *room)
{
	struct hub_rooms *rooms = &hub->rooms;

	if (rooms->cap == 0)
		resize(hub, CAP_MIN);
	else if (rooms->count == rooms->cap * EACH_MAX)
		resize(hub, rooms->cap * 2);
	room->hash = hash_of(room->room_id);
	put(rooms, room);
	rooms->count++;
}

/* With the last of them goes the table. */
void
hub_rooms_remove(struct hub *hub, struct hub_room *room)
{
	struct hub_rooms *rooms = &hub->rooms;
	struct hub_room **at = list_of(rooms, room->hash);

	while (*at != room)
		at = &(*at)->next;
	*at = room->next;
	if (--rooms->count > 0)
		return;
	atomic_fetch_sub(&hub->memory, rooms->cap * sizeof *rooms->lists);
	free(rooms->lists);
	*rooms = (struct hub_rooms){ 0 };
}

struct hub_room *
hub_rooms_next(const struct hub *hub, const struct hub_room *room)
{
	const struct hub_rooms *rooms = &hub->rooms;
	size_t i = 0;

	if (room != NULL && room->next != NULL)
		return room->next;
	if (room != NULL)
		i = (room->hash & (rooms->cap - 1)) + 1;
	while (i < rooms->cap && rooms->lists[i] == NULL)
		i++;
	return i < rooms->cap ? rooms->lists[i] : NULL;
}
