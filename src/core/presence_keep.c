/*
 * Once a second: who has become idle, who has gone, and the word of all changes to
 * those who share a room, in one record. Bounded in each round; what is left waits for
 * the next. Stands beside the server's other chores.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "core/presence_inside.h"
#include "event/ids.h"
#include "room/changes.h"
#include "room/room.h"
#include "store/presence.h"
#include "store/rooms.h"

#define WALK_MAX 10000	 /* users looked at in one round */
#define TELL_MAX 500	 /* changes told in one round */
#define VISITS_MAX 50000 /* rooms and members of them looked at in one round */
/* In larger rooms nobody is woken by others' presence: they hear it with what they are
 * told next. Else each of many costs a look of each. */
#define WAKING_ROOM_MAX 1000
#define WRITE_MS (10 * 1000) /* rows are written no more often */

/* --- time --- */

static bool
is_forgotten(const struct present *u, int64_t now_ms)
{
	return u->state == PRESENCE_OFFLINE && u->device_count == 0 &&
	       u->status_msg == NULL && !u->is_to_tell && !u->is_to_write &&
	       (u->position == 0 || u->changed_ms + PRESENCE_REMEMBER_MS < now_ms);
}

static void
walk(struct presence *p)
{
	int64_t now_ms = clock_mono_ms();
	struct present *u;

	lock_take(&p->lock);
	for (int i = 0; i < WALK_MAX; i++) {
		u = map_next(&p->users, &p->at);
		if (u == NULL) {
			p->at = 0;
			break;
		}
		presence_settle_locked(p, u, now_ms, false);
		if (is_forgotten(u, now_ms))
			presence_remove_locked(p, u);
	}
	lock_give(&p->lock);
}

/* --- the word --- */

/* Those who shall look again. */
struct audience {
	struct ctx *ctx;
	struct arena *arena;
	struct map rooms; /* integers of rooms that are done */
	VEC(uint64_t) users;
	int visits;
};

static bool
add_member(const struct state_entry *entry, void *arg)
{
	struct audience *a = arg;

	a->visits++;
	if (entry->membership == MEMBERSHIP_JOIN &&
	    id_is_of(entry->state_key, a->ctx->core->set.server_name))
		vec_push(
		    &a->users, map_hash(entry->state_key, strlen(entry->state_key)));
	return true;
}

static void
add_room(struct audience *a, int64_t id)
{
	int64_t *key;
	struct room *room;
	struct snapshot *s;

	if (map_get(&a->rooms, &id, sizeof id) != NULL)
		return;
	key = arena_dup(a->arena, &id, sizeof id);
	map_put(&a->rooms, key, sizeof *key, key);
	if (room_get_by_id(a->ctx, id, &room) != M_OK)
		return;
	s = room_snapshot(room);
	if (s->joined <= WAKING_ROOM_MAX)
		state_each_of(s->state, "m.room.member", add_member, a);
	snapshot_unref(s);
	room_put(room);
}

static void
add_rooms_of(struct audience *a, const char *user_id)
{
	struct member_row *rows;
	int n;

	if (store_member_rooms(
		a->ctx->db, a->arena, user_id, MEMBERSHIP_JOIN, &rows, &n) != M_OK)
		return; /* logged; they hear it with what they are told next */
	a->visits += n;
	for (int i = 0; i < n; i++)
		add_room(a, rows[i].room);
}

/* The next whose change is to be told; NULL: none. by_hand: their own devices too. */
static const char *
take_change(struct presence *p, struct arena *arena, bool *by_hand_out)
{
	const char *user_id = NULL;
	struct present *u;

	lock_take(&p->lock);
	u = p->to_tell;
	if (u != NULL) {
		p->to_tell = u->next_to_tell;
		if (p->to_tell == NULL)
			p->to_tell_end = &p->to_tell;
		u->is_to_tell = false;
		user_id = arena_strdup(arena, u->user_id);
		*by_hand_out = u->own_position == u->position;
	}
	lock_give(&p->lock);
	return user_id;
}

static int
by_hash(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
publish(struct core *core, struct audience *a)
{
	struct change change = { .kind = CHANGE_PRESENCE,
		.position = atomic_load(&core->visible) };
	size_t n = 0;

	if (a->users.n == 0)
		return;
	qsort(a->users.v, a->users.n, sizeof *a->users.v, by_hash);
	for (size_t i = 0; i < a->users.n; i++)
		if (i == 0 || a->users.v[i] != a->users.v[i - 1])
			a->users.v[n++] = a->users.v[i];
	change.audience = a->users.v; /* the record's now */
	change.audience_count = n;
	changes_add(core->changes, &change);
	changes_wake(core->changes);
	a->users.v = NULL;
}

static void
tell(struct ctx *ctx, struct arena *arena, struct presence *p)
{
	struct audience a = { .ctx = ctx, .arena = arena };
	const char *user_id;
	bool by_hand;

	for (int i = 0; i < TELL_MAX && a.visits < VISITS_MAX; i++) {
		user_id = take_change(p, arena, &by_hand);
		if (user_id == NULL)
			break;
		add_rooms_of(&a, user_id);
		if (by_hand)
			vec_push(&a.users, map_hash(user_id, strlen(user_id)));
	}
	publish(ctx->core, &a);
	vec_free(&a.users);
	map_fini(&a.rooms);
}

/* --- rows --- */

struct rows {
	struct presence_stored *v;
	int n;
};

static struct rows
take_rows(struct presence *p, struct arena *arena)
{
	struct rows rows = { 0 };
	int64_t now_ts = clock_now_ms();
	struct present *u;
	int count = 0;

	lock_take(&p->lock);
	for (u = p->to_write; u != NULL; u = u->next_to_write)
		count++;
	rows.v = ARENA_ARRAY(arena, struct presence_stored, (size_t)count);
	for (u = p->to_write; u != NULL; u = u->next_to_write) {
		rows.v[rows.n++] = (struct presence_stored){ .user_id = arena_strdup(
								 arena, u->user_id),
			.is_online = u->was_online,
			.last_active_ts = u->last_active_ms,
			.changed_ts = now_ts };
		u->is_to_write = false;
	}
	p->to_write = NULL;
	p->to_write_end = &p->to_write;
	lock_give(&p->lock);
	return rows;
}

static enum mx_err
write_rows(void *arg, struct db *db)
{
	const struct rows *rows = arg;
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < rows->n; i++)
		err = store_presence_set(db, &rows->v[i]);
	return err;
}

static void
write_now(struct ctx *ctx, struct arena *arena, struct presence *p)
{
	struct rows rows = take_rows(p, arena);

	p->written_ms = clock_mono_ms();
	if (rows.n > 0 && ctx_write(ctx, write_rows, &rows) != M_OK)
		log_warn("presence: not written; a restart may show some online who "
			 "are not");
}

void
presence_tick(struct ctx *ctx, struct arena *arena, bool last)
{
	struct presence *p = presence_on(ctx->core);

	if (p == NULL)
		return;
	walk(p);
	tell(ctx, arena, p);
	if (last || clock_mono_ms() - p->written_ms >= WRITE_MS)
		write_now(ctx, arena, p);
}
