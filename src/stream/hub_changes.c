/*
 * A hub reads the queue of changes from its own place: who is woken by what, and whose
 * token has ended. Stands between room/changes and the listeners.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/hub_inside.h"

static bool
is_member(const struct snapshot *s, const char *user_id)
{
	return snapshot_membership(s, user_id) == MEMBERSHIP_JOIN;
}

static void
wake_watches(struct hub *hub, const struct hub_user *user)
{
	for (struct link *l = user->watches.next; l != &user->watches; l = l->next)
		hub_wake(hub, ((struct watch *)l)->tag);
}

static void
wake_user(struct hub *hub, const char *user_id)
{
	struct hub_user *user = map_get_str(&hub->users, user_id);

	if (user != NULL)
		wake_watches(hub, user);
}

static bool
wake_member(const struct state_entry *entry, void *hub)
{
	if (entry->membership == MEMBERSHIP_JOIN)
		wake_user(hub, entry->state_key);
	return true;
}

/* Those who listen to all their rooms and are in this one: whichever are fewer, they or
 * its members, are gone through. */
static void
wake_members(struct hub *hub, struct room *room)
{
	struct snapshot *s;
	struct hub_user *user;

	if (hub->users.count == 0)
		return;
	s = room_snapshot(room);
	if (state_count(s->state) < hub->users.count)
		state_each_of(s->state, "m.room.member", wake_member, hub);
	else
		for (size_t at = 0; (user = map_next(&hub->users, &at)) != NULL;)
			if (is_member(s, user->user_id))
				wake_watches(hub, user);
	snapshot_unref(s);
}

static int
by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Those of an audience who listen to all their rooms here. */
static void
wake_audience(struct hub *hub, const struct change *change)
{
	struct hub_user *user;

	for (size_t at = 0; (user = map_next(&hub->users, &at)) != NULL;) {
		uint64_t hash = map_hash(user->user_id, strlen(user->user_id));

		if (bsearch(&hash, change->audience, change->audience_count,
			sizeof hash, by_hash) == NULL)
			continue;
		wake_watches(hub, user);
	}
}

static void
on_event(struct hub *hub, const struct change *change)
{
	const struct event *e = change->event->pdu->event;
	struct hub_room *room = hub_rooms_find(hub, change->room->room_id);

	if (room != NULL)
		hub_room_event(hub, room, change);
	wake_members(hub, change->room);
	/* Whoever it makes leave (or invites) is no member any more (or yet). */
	if (e->state_key != NULL && strcmp(e->type, "m.room.member") == 0)
		wake_user(hub, e->state_key);
}

static bool
is_token_of(const struct waiting *w, const struct change *change)
{
	return strcmp(w->user_id, change->user_id) == 0 &&
	       (change->device_id == NULL ||
		   strcmp(w->device_id, change->device_id) == 0);
}

/* Logouts are rare: looking at every listener is cheaper than an index kept for all. */
static void
on_token_gone(struct hub *hub, const struct change *change)
{
	uint64_t user = map_hash(change->user_id, strlen(change->user_id));

	for (size_t c = 0; c < hub->chunks.n; c++)
		for (int i = 0; i < HUB_CHUNK; i++) {
			struct listener *l = &hub->chunks.v[c][i];

			if (l->state == LISTENER_FREE || l->user != user)
				continue;
			if (l->waiting != NULL && !is_token_of(l->waiting, change))
				continue;
			if (l->state == LISTENER_LOOKING) {
				l->revoked = true;
				continue;
			}
			hub_end_token(hub, l);
		}
}

/* Whom a user ignores is rarely another: as with logouts, above. Whoever shares what
 * all of a room hear does so no longer, and a look under way may not know of it. */
static void
on_other_hearing(struct hub *hub, const char *user_id)
{
	uint64_t user = map_hash(user_id, strlen(user_id));

	for (size_t c = 0; c < hub->chunks.n; c++)
		for (int i = 0; i < HUB_CHUNK; i++) {
			struct listener *l = &hub->chunks.v[c][i];

			if (l->state == LISTENER_FREE || l->user != user)
				continue;
			if (l->state != LISTENER_SHARING)
				hub_wake(hub, l->tag);
			else if (l->waiting != NULL)
				hub_stand_alone(hub, l);
		}
}

/* By events alone: typing is told by any thread, between `visible` and the events that
 * it stands for. */
static void
has_come_to(struct hub *hub, int64_t position)
{
	if (position > hub->processed)
		hub->processed = position;
}

void
hub_read_changes(struct hub *hub)
{
	const struct change *change;

	while ((change = changes_next(&hub->cursor)) != NULL) {
		switch (change->kind) {
		case CHANGE_EVENT:
			on_event(hub, change);
			has_come_to(hub, change->position);
			break;
		case CHANGE_POSITION:
			has_come_to(hub, change->position);
			break;
		case CHANGE_USER_DATA:
			if (change->alters_hearing)
				on_other_hearing(hub, change->user_id);
			else
				wake_user(hub, change->user_id);
			has_come_to(hub, change->position);
			break;
		case CHANGE_ROOM_DATA:
			wake_members(hub, change->room);
			has_come_to(hub, change->position);
			break;
		case CHANGE_TYPING:
			wake_members(hub, change->room);
			break;
		case CHANGE_PRESENCE:
			wake_audience(hub, change);
			break;
		case CHANGE_TOKEN_GONE:
		case CHANGE_USER_GONE:
			hub->tokens_gone++;
			on_token_gone(hub, change);
			break;
		case CHANGE_START:
			break;
		}
	}
}

static void
woken(struct http_io *io, void *arg)
{
	struct hub *hub = arg;

	atomic_store(&hub->woken, false);
	hub_read_changes(hub);
}

void
hub_wake_all(void *arg)
{
	struct hubs *hubs = arg;

	for (int i = 0; i < hubs->count; i++) {
		struct hub *hub = &hubs->hubs[i];

		if (!atomic_exchange(&hub->woken, true))
			http_post(hub->io, woken, hub);
	}
}
