/*
 * Who is typing where: a small table under one lock, with time-outs. Relies on
 * room/changes to tell listeners; asked by the stream. Nothing of it is written down.
 */
#include "room/typing.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "room/changes.h"

#define USERS_MAX 50 /* typing at once in one room; more are not told */
/* A room where nobody types is remembered so long, for listeners that come back. */
#define REMEMBER_MS (10 * 60 * 1000)

struct typist {
	char *user_id;
	int64_t until_ms; /* clock_mono_ms */
};

struct typing_room {
	int64_t id;
	struct room *room; /* counted */
	int64_t position;  /* of its last change */
	int64_t changed_ms;
	struct typist users[USERS_MAX];
	int count;
};

/* Shared; lock guards all of it. */
struct typing {
	struct lock lock; /* RANK_CACHE */
	struct map rooms; /* room's integer -> struct typing_room */
	int64_t position;
};

/* The clock gives the first position: those of before a restart are smaller. */
struct typing *
typing_new(void)
{
	struct typing *typing = xcalloc(1, sizeof *typing);

	lock_init(&typing->lock, RANK_CACHE);
	typing->position = clock_now_ms();
	return typing;
}

static void
room_free(struct typing_room *r)
{
	for (int i = 0; i < r->count; i++)
		free(r->users[i].user_id);
	room_put(r->room);
	free(r);
}

void
typing_free(struct typing *typing)
{
	struct typing_room *r;

	for (size_t at = 0; (r = map_next(&typing->rooms, &at)) != NULL;)
		room_free(r);
	map_fini(&typing->rooms);
	lock_fini(&typing->lock);
	free(typing);
}

/* Under the lock, so that records stand in the order of their positions. */
static void
changed_locked(struct core *core, struct typing_room *r)
{
	struct change change = { .kind = CHANGE_TYPING,
		.position = atomic_load(&core->visible),
		.room = room_ref(r->room),
		.typing = ++core->typing->position };

	r->position = change.typing;
	r->changed_ms = clock_mono_ms();
	changes_add(core->changes, &change);
}

static int
find_user(const struct typing_room *r, const char *user_id)
{
	for (int i = 0; i < r->count; i++)
		if (strcmp(r->users[i].user_id, user_id) == 0)
			return i;
	return -1;
}

static void
drop_user(struct typing_room *r, int i)
{
	free(r->users[i].user_id);
	r->count--;
	memmove(&r->users[i], &r->users[i + 1], sizeof *r->users * (r->count - i));
}

static struct typing_room *
room_locked(struct typing *typing, struct room *room)
{
	struct typing_room *r = map_get(&typing->rooms, &room->id, sizeof room->id);

	if (r != NULL)
		return r;
	r = xcalloc(1, sizeof *r);
	r->id = room->id;
	r->room = room_ref(room);
	map_put(&typing->rooms, &r->id, sizeof r->id, r);
	return r;
}

/* True: the list of who is typing is another one now. */
static bool
begin_locked(
    struct typing *typing, struct room *room, const char *user_id, int64_t until_ms)
{
	struct typing_room *r = room_locked(typing, room);
	int i = find_user(r, user_id);

	if (i >= 0) {
		r->users[i].until_ms = until_ms;
		return false;
	}
	if (r->count == USERS_MAX)
		return false;
	r->users[r->count++] = (struct typist){ xstrdup(user_id), until_ms };
	return true;
}

static bool
end_locked(struct typing *typing, struct room *room, const char *user_id)
{
	struct typing_room *r = map_get(&typing->rooms, &room->id, sizeof room->id);
	int i = r == NULL ? -1 : find_user(r, user_id);

	if (i < 0)
		return false;
	drop_user(r, i);
	return true;
}

void
typing_set(
    struct core *core, struct room *room, const char *user_id, int64_t timeout_ms)
{
	struct typing *typing = core->typing;
	bool changed;

	if (timeout_ms > TYPING_TIMEOUT_MAX_MS)
		timeout_ms = TYPING_TIMEOUT_MAX_MS;
	lock_take(&typing->lock);
	changed = timeout_ms > 0 ? begin_locked(typing, room, user_id,
				       clock_mono_ms() + timeout_ms)
				 : end_locked(typing, room, user_id);
	if (changed)
		changed_locked(core, room_locked(typing, room));
	lock_give(&typing->lock);
	if (changed)
		changes_wake(core->changes);
}

static bool
expire_users(struct typing_room *r, int64_t now_ms)
{
	int before = r->count;

	for (int i = r->count - 1; i >= 0; i--)
		if (r->users[i].until_ms <= now_ms)
			drop_user(r, i);
	return r->count != before;
}

void
typing_expire(struct core *core)
{
	struct typing *typing = core->typing;
	int64_t now_ms = clock_mono_ms();
	struct typing_room *r;
	bool changed = false;

	lock_take(&typing->lock);
	for (size_t at = 0; (r = map_next(&typing->rooms, &at)) != NULL;) {
		if (expire_users(r, now_ms)) {
			changed_locked(core, r);
			changed = true;
		} else if (r->count == 0 && r->changed_ms + REMEMBER_MS < now_ms) {
			map_del(&typing->rooms, &r->id, sizeof r->id);
			room_free(r);
		}
	}
	lock_give(&typing->lock);
	if (changed)
		changes_wake(core->changes);
}

void
typing_end_all(struct core *core)
{
	struct typing *typing = core->typing;
	struct typing_room *r;

	lock_take(&typing->lock);
	for (size_t at = 0; (r = map_next(&typing->rooms, &at)) != NULL;)
		if (expire_users(r, INT64_MAX))
			changed_locked(core, r);
	lock_give(&typing->lock);
	changes_wake(core->changes);
}

int64_t
typing_position(struct core *core)
{
	int64_t position;

	lock_take(&core->typing->lock);
	position = core->typing->position;
	lock_give(&core->typing->lock);
	return position;
}

int64_t
typing_room_position(struct core *core, int64_t room)
{
	struct typing *typing = core->typing;
	const struct typing_room *r;
	int64_t position;

	lock_take(&typing->lock);
	r = map_get(&typing->rooms, &room, sizeof room);
	position = r == NULL ? 0 : r->position;
	lock_give(&typing->lock);
	return position;
}

int
typing_users(struct core *core, struct arena *arena, int64_t room,
    const char ***users_out, int64_t *position_out)
{
	struct typing *typing = core->typing;
	int64_t now_ms = clock_mono_ms();
	const struct typing_room *r;
	const char **users;
	int n = 0;

	users = ARENA_ARRAY(arena, const char *, USERS_MAX);
	lock_take(&typing->lock);
	r = map_get(&typing->rooms, &room, sizeof room);
	for (int i = 0; r != NULL && i < r->count; i++)
		if (r->users[i].until_ms > now_ms)
			users[n++] = arena_strdup(arena, r->users[i].user_id);
	if (position_out != NULL)
		*position_out = r == NULL ? 0 : r->position;
	lock_give(&typing->lock);
	*users_out = users;
	return n;
}

int
typing_changed_since(
    struct core *core, struct arena *arena, int64_t position, int64_t **rooms_out)
{
	struct typing *typing = core->typing;
	const struct typing_room *r;
	int n = 0;

	lock_take(&typing->lock);
	*rooms_out = ARENA_ARRAY(arena, int64_t, typing->rooms.count + 1);
	for (size_t at = 0; (r = map_next(&typing->rooms, &at)) != NULL;)
		if (r->position > position)
			(*rooms_out)[n++] = r->id;
	lock_give(&typing->lock);
	return n;
}
