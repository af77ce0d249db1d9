/*
 * Rooms in memory: the table, loading from the store, snapshots.
 * room/append changes them; everything that reads a room begins with room_get.
 */
#include "room/room.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "event/ids.h"
#include "room/push_room.h"
#include "store/events.h"
#include "store/rooms.h"
#include "store/state.h"
#include "store/unread.h"

#define ROOMS_MAX 4096 /* in memory; unused ones above it are dropped */

/* Shared; lock (RANK_ROOMS) guards all of it. */
struct rooms {
	struct core *core;
	struct lock lock;
	struct map by_id; /* room_id -> struct room; the table's reference */
	struct map by_number;
};

struct rooms *
rooms_new(struct core *core)
{
	struct rooms *rooms = xcalloc(1, sizeof *rooms);

	rooms->core = core;
	lock_init(&rooms->lock, RANK_ROOMS);
	return rooms;
}

/* --- snapshots --- */

struct snapshot *
snapshot_ref(struct snapshot *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

static void
extremities_free(struct snapshot *s)
{
	for (int i = 0; i < s->extremity_count; i++) {
		free(s->extremities[i].event_id);
		pdu_unref(s->extremities[i].pdu);
	}
	free(s->extremities);
	s->extremities = NULL;
	s->extremity_count = 0;
}

void
snapshot_unref(struct snapshot *s)
{
	if (s == NULL ||
	    atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	state_unref(s->state);
	extremities_free(s);
	for (int i = 0; i < s->tail_count; i++)
		live_event_unref(s->tail[i]);
	free(s->tail);
	free(s);
}

static struct snapshot *
snapshot_new(void)
{
	struct snapshot *s = xcalloc(1, sizeof *s);

	atomic_init(&s->refs, 1);
	return s;
}

struct snapshot *
snapshot_copy(const struct snapshot *s)
{
	struct snapshot *copy = xmalloc(sizeof *copy);

	/* Field by field: the count may be changing under another thread's hands. */
	*copy = (struct snapshot){ .state = state_ref(s->state),
		.position = s->position,
		.segment = s->segment,
		.joined = s->joined,
		.invited = s->invited,
		.local_joined = s->local_joined,
		.visibility = s->visibility,
		.guests_may_join = s->guests_may_join,
		.notified = s->notified,
		.loud = s->loud,
		.redacted = s->redacted,
		.tail_from = s->tail_from };
	atomic_init(&copy->refs, 1);
	copy->extremity_count = s->extremity_count;
	copy->extremities = xcalloc(s->extremity_count + 1, sizeof *copy->extremities);
	for (int i = 0; i < s->extremity_count; i++) {
		copy->extremities[i] = s->extremities[i];
		copy->extremities[i].event_id = xstrdup(s->extremities[i].event_id);
		pdu_ref(copy->extremities[i].pdu);
	}
	return copy;
}

void
snapshot_set_extremity(struct snapshot *s, int64_t event, int64_t depth,
    const char *event_id, struct pdu *pdu)
{
	extremities_free(s);
	s->extremities = xcalloc(1, sizeof *s->extremities);
	s->extremities[0] = (struct extremity){ .event = event,
		.depth = depth,
		.event_id = xstrdup(event_id),
		.pdu = pdu_ref(pdu) };
	s->extremity_count = 1;
}

static void
count_member(
    struct snapshot *s, const char *user_id, enum membership m, int by, bool local)
{
	if (m == MEMBERSHIP_JOIN) {
		s->joined += by;
		if (local)
			s->local_joined += by;
	} else if (m == MEMBERSHIP_INVITE) {
		s->invited += by;
	}
}

/* What the snapshot knows beside the tree itself. */
static void
note_setting(struct snapshot *s, const struct state_entry *entry)
{
	const struct json *content;

	if (entry->pdu == NULL || entry->state_key[0] != '\0')
		return;
	content = entry->pdu->event->content;
	if (strcmp(entry->type, "m.room.history_visibility") == 0) {
		s->visibility =
		    visibility_of(json_get_str(content, "history_visibility"));
	} else if (strcmp(entry->type, "m.room.guest_access") == 0) {
		const char *access = json_get_str(content, "guest_access");

		s->guests_may_join = access != NULL && strcmp(access, "can_join") == 0;
	}
}

void
snapshot_set(struct snapshot *s, struct state_entry *entry, const char *server_name)
{
	struct state *before = s->state;

	if (strcmp(entry->type, "m.room.member") == 0) {
		const struct state_entry *old =
		    state_find(before, entry->type, entry->state_key);
		bool local = id_is_of(entry->state_key, server_name);

		if (old != NULL)
			count_member(s, entry->state_key, old->membership, -1, local);
		count_member(s, entry->state_key, entry->membership, 1, local);
	}
	note_setting(s, entry);
	s->state = state_with(before, entry);
	state_unref(before);
}

const struct state_entry *
snapshot_state(const struct snapshot *s, const char *type, const char *state_key)
{
	return state_find(s->state, type, state_key);
}

enum membership
snapshot_membership(const struct snapshot *s, const char *user_id)
{
	const struct state_entry *entry =
	    user_id == NULL ? NULL : state_find(s->state, "m.room.member", user_id);

	return entry == NULL ? MEMBERSHIP_NONE : entry->membership;
}

const struct json *
snapshot_content(const struct snapshot *s, const char *type, const char *state_key)
{
	const struct state_entry *entry = state_find(s->state, type, state_key);

	return entry == NULL || entry->pdu == NULL ? NULL : entry->pdu->event->content;
}

bool
room_keeps_parsed(const struct room_version *version, const char *type)
{
	static const char *const kept[] = { "m.room.create", "m.room.join_rules",
		"m.room.power_levels", "m.room.history_visibility",
		"m.room.guest_access", "m.room.name", "m.room.topic", "m.room.avatar",
		"m.room.canonical_alias", "m.room.encryption", "m.room.tombstone",
		"m.room.server_acl" };

	if (version->refs_with_hashes)
		return true;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
		if (strcmp(type, kept[i]) == 0)
			return true;
	return false;
}

/* --- judging by a snapshot --- */

/* An event of the pending tip, which the store does not have yet. */
static const struct event *
find_recent(const struct snapshot_judge *judge, const char *event_id)
{
	for (int i = 0; judge->locked && i < ROOM_RECENT_MAX; i++) {
		const struct live_event *e = judge->room->recent[i];

		if (e != NULL && strcmp(e->pdu->event->event_id, event_id) == 0)
			return e->pdu->event;
	}
	return NULL;
}

/* Entries that are not kept parsed come from the store, into the request's arena. */
static const struct event *
judge_get(void *arg, const char *type, const char *state_key)
{
	struct snapshot_judge *judge = arg;
	const struct state_entry *entry = state_find(judge->s->state, type, state_key);
	const struct room_version *version = judge->room->version;
	struct stored_event stored;
	struct event *event;
	struct json *tree;
	const char *why;

	if (entry == NULL)
		return NULL;
	if (entry->pdu != NULL)
		return entry->pdu->event;
	if (store_event_get(judge->ctx->db, judge->arena, entry->event,
		version->event_id_format == EVENT_ID_BASE64, &stored) != M_OK)
		return find_recent(judge, entry->event_id);
	tree = json_parse(
	    judge->arena, stored.json, stored.json_n, version->json_flags, NULL);
	if (tree == NULL || event_parse(judge->arena, version, tree, stored.event_id,
				&why, &event) != M_OK)
		return NULL;
	return event;
}

static enum membership
judge_membership(void *arg, const char *user_id)
{
	const struct snapshot_judge *judge = arg;

	return snapshot_membership(judge->s, user_id);
}

/* What is judged here is made here, and carries this server's signature alone. */
static bool
judge_signed_by(void *arg, const struct event *e, const char *server_name)
{
	const struct snapshot_judge *judge = arg;

	(void)e;
	return strcmp(server_name, judge->ctx->core->set.server_name) == 0;
}

struct auth_state
snapshot_auth_state(struct snapshot_judge *judge)
{
	return (struct auth_state){ .get = judge_get,
		.membership = judge_membership,
		.signed_by = judge_signed_by,
		.arg = judge };
}

struct power
snapshot_power(const struct snapshot *s)
{
	const struct state_entry *create = state_find(s->state, "m.room.create", "");
	const struct state_entry *levels =
	    state_find(s->state, "m.room.power_levels", "");

	return (struct power){ .create = create == NULL ? NULL : create->pdu->event,
		.levels = levels == NULL ? NULL : levels->pdu->event };
}

/* --- loading --- */

struct loading {
	struct ctx *ctx;
	struct arena *arena;
	struct room *room;
	struct snapshot *s;
	enum mx_err err;
};

static struct pdu *
load_pdu(struct loading *l, int64_t event)
{
	const struct room_version *version = l->room->version;
	struct stored_event stored;
	struct pdu *pdu;

	l->err = store_event_get(l->ctx->db, l->arena, event,
	    version->event_id_format == EVENT_ID_BASE64, &stored);
	if (l->err != M_OK)
		return NULL;
	pdu = pdu_parse(version, stored.event_id, stored.json, stored.json_n, NULL);
	if (pdu == NULL) {
		log_error("room: event %s of %s cannot be read", stored.event_id,
		    l->room->room_id);
		l->err = M_UNKNOWN;
	}
	return pdu;
}

static void
load_entry(const struct state_row *row, void *arg)
{
	struct loading *l = arg;
	struct pdu *pdu = NULL;
	bool member = strcmp(row->type, "m.room.member") == 0;

	if (l->err != M_OK)
		return;
	if (room_keeps_parsed(l->room->version, row->type)) {
		pdu = load_pdu(l, row->event);
		if (pdu == NULL)
			return;
	}
	snapshot_set(l->s,
	    state_entry_new(row->type, row->state_key, row->event_id, row->event,
		member ? (enum membership)row->detail : MEMBERSHIP_NONE, NULL, pdu),
	    l->ctx->core->set.server_name);
	pdu_unref(pdu);
}

static void
load_extremities(struct loading *l)
{
	bool standard64 = l->room->version->event_id_format == EVENT_ID_BASE64;
	struct extremity_row *rows;
	int n;

	l->err =
	    store_extremities(l->ctx->db, l->arena, l->room->id, standard64, &rows, &n);
	if (l->err != M_OK)
		return;
	l->s->extremities = xcalloc(n + 1, sizeof *l->s->extremities);
	for (int i = 0; i < n && l->err == M_OK; i++) {
		struct pdu *pdu = NULL;

		if (l->room->version->refs_with_hashes)
			pdu = load_pdu(l, rows[i].event);
		l->s->extremities[i] = (struct extremity){ .event = rows[i].event,
			.depth = rows[i].depth,
			.event_id = xstrdup(rows[i].event_id),
			.pdu = pdu };
		l->s->extremity_count++;
		if (rows[i].event > l->s->position)
			l->s->position = rows[i].event;
	}
	l->s->tail_from = l->s->redacted = l->s->position;
}

static void
load_sums(struct loading *l)
{
	struct unread_sums sums;

	l->err = store_unread_sums(l->ctx->db, l->s->position, &sums);
	l->s->notified = sums.notifies;
	l->s->loud = sums.highlights;
}

static struct room *
room_alloc(const char *room_id, const struct room_version *version)
{
	struct room *room = xcalloc(1, sizeof *room);

	atomic_init(&room->refs, 1);
	lock_init(&room->lock, RANK_ROOM);
	lock_init(&room->committed_lock, RANK_LEAF);
	room->room_id = room_id == NULL ? NULL : xstrdup(room_id);
	room->version = version;
	return room;
}

static void
room_destroy(struct room *room)
{
	for (int i = 0; i < ROOM_RECENT_MAX; i++)
		live_event_unref(room->recent[i]);
	push_room_free(room->push);
	snapshot_unref(room->tip);
	snapshot_unref(room->committed);
	lock_fini(&room->lock);
	lock_fini(&room->committed_lock);
	free((char *)room->room_id);
	free(room);
}

static enum mx_err
room_load(struct ctx *ctx, const struct room_row *row, struct room **room_out)
{
	const struct room_version *version = room_version_find(row->version);
	struct loading l = { .ctx = ctx };
	enum mx_err err;

	if (version == NULL) {
		log_error(
		    "room: %s has the unknown version %s", row->room_id, row->version);
		return M_UNKNOWN;
	}
	l.arena = arena_new();
	l.room = room_alloc(row->room_id, version);
	l.room->id = row->room;
	atomic_init(&l.room->hidden, row->hidden);
	l.s = snapshot_new();
	l.s->segment = row->segment;
	l.room->committed = l.s;
	err = store_state_load(ctx->db, row->segment, STATE_NOW,
	    version->event_id_format == EVENT_ID_BASE64, load_entry, &l);
	if (l.err == M_OK)
		l.err = err; /* else an entry's own, which load_entry has noted */
	if (l.err == M_OK)
		load_extremities(&l);
	if (l.err == M_OK)
		load_sums(&l);
	arena_free(l.arena);
	if (l.err != M_OK) {
		room_destroy(l.room);
		return l.err;
	}
	l.room->tip = snapshot_copy(l.s);
	*room_out = l.room;
	return M_OK;
}

/* --- the table --- */

struct room *
room_ref(struct room *room)
{
	atomic_fetch_add_explicit(&room->refs, 1, memory_order_relaxed);
	return room;
}

void
pages_changed(const struct core *core, struct room *room)
{
	if (room != NULL)
		atomic_fetch_add(&room->pages_age, 1);
	if (core->on_pages_changed != NULL)
		core->on_pages_changed(
		    core->on_pages_changed_arg, room == NULL ? NULL : room->room_id);
}

void
room_put(struct room *room)
{
	if (room != NULL &&
	    atomic_fetch_sub_explicit(&room->refs, 1, memory_order_acq_rel) == 1)
		room_destroy(room);
}

static void
enter_locked(struct rooms *rooms, struct room *room)
{
	map_put_str(&rooms->by_id, room->room_id, room_ref(room));
	map_put(&rooms->by_number, &room->id, sizeof room->id, room);
}

static void
drop_locked(struct rooms *rooms, struct room *room)
{
	map_del_str(&rooms->by_id, room->room_id);
	map_del(&rooms->by_number, &room->id, sizeof room->id);
	room_put(room);
}

/* Drops half of the rooms that only the table holds and that were not asked for lately.
 * Whoever gets a reference does so under the table's lock, so that a count of one stays
 * one. */
static void
evict_locked(struct rooms *rooms)
{
	int64_t now = clock_mono_ms(), oldest = now, limit;
	struct room *room;

	if (rooms->by_id.count <= ROOMS_MAX)
		return;
	for (size_t at = 0; (room = map_next(&rooms->by_id, &at)) != NULL;)
		if (atomic_load(&room->used) < oldest)
			oldest = atomic_load(&room->used);
	limit = oldest + (now - oldest) / 2;
	for (size_t at = 0; (room = map_next(&rooms->by_id, &at)) != NULL;)
		if (atomic_load(&room->refs) == 1 && atomic_load(&room->used) <= limit)
			drop_locked(rooms, room);
}

void
rooms_free(struct rooms *rooms)
{
	struct room *room;

	for (size_t at = 0; (room = map_next(&rooms->by_id, &at)) != NULL;)
		room_put(room);
	map_fini(&rooms->by_id);
	map_fini(&rooms->by_number);
	lock_fini(&rooms->lock);
	free(rooms);
}

static struct room *
found_locked(struct room *room)
{
	if (room == NULL)
		return NULL;
	atomic_store_explicit(&room->used, clock_mono_ms(), memory_order_relaxed);
	return room_ref(room);
}

/* A room whose create event is not durable yet is nobody's but its creator's. */
static enum mx_err
give(struct room *room, struct room **room_out)
{
	struct snapshot *s = room_snapshot(room);
	bool exists = s->position > 0;

	snapshot_unref(s);
	if (!exists) {
		room_put(room);
		return M_NOT_FOUND;
	}
	*room_out = room;
	return M_OK;
}

/* Enters what was loaded, unless another thread was quicker. */
static struct room *
enter_loaded(struct rooms *rooms, struct room *loaded)
{
	struct room *room;

	lock_take(&rooms->lock);
	room = found_locked(map_get_str(&rooms->by_id, loaded->room_id));
	if (room == NULL) {
		enter_locked(rooms, loaded);
		room = found_locked(loaded);
		evict_locked(rooms);
	}
	lock_give(&rooms->lock);
	room_put(loaded);
	return room;
}

enum mx_err
room_get(struct ctx *ctx, const char *room_id, struct room **room_out)
{
	struct rooms *rooms = ctx->core->rooms;
	struct arena *arena;
	struct room_row row;
	struct room *room;
	enum mx_err err;

	lock_take(&rooms->lock);
	room = found_locked(map_get_str(&rooms->by_id, room_id));
	lock_give(&rooms->lock);
	if (room != NULL)
		return give(room, room_out);
	arena = arena_new();
	err = store_room_find(ctx->db, arena, room_id, &row);
	if (err == M_OK)
		err = room_load(ctx, &row, &room);
	arena_free(arena);
	return err == M_OK ? give(enter_loaded(rooms, room), room_out) : err;
}

enum mx_err
room_get_by_id(struct ctx *ctx, int64_t id, struct room **room_out)
{
	struct rooms *rooms = ctx->core->rooms;
	struct arena *arena;
	struct room_row row;
	struct room *room;
	enum mx_err err;

	lock_take(&rooms->lock);
	room = found_locked(map_get(&rooms->by_number, &id, sizeof id));
	lock_give(&rooms->lock);
	if (room != NULL)
		return give(room, room_out);
	arena = arena_new();
	err = store_room_get(ctx->db, arena, id, &row);
	if (err == M_OK)
		err = room_load(ctx, &row, &room);
	arena_free(arena);
	return err == M_OK ? give(enter_loaded(rooms, room), room_out) : err;
}

struct room *
room_make(struct ctx *ctx, const char *room_id, const struct room_version *version)
{
	struct room *room = room_alloc(room_id, version);

	room->committed = snapshot_new();
	room->tip = snapshot_new();
	room->is_new = true;
	return room;
}

enum mx_err
room_enter(struct core *core, struct room *room)
{
	struct rooms *rooms = core->rooms;
	bool taken;

	lock_take(&rooms->lock);
	taken = map_get_str(&rooms->by_id, room->room_id) != NULL;
	if (!taken)
		enter_locked(rooms, room);
	lock_give(&rooms->lock);
	return taken ? M_ROOM_IN_USE : M_OK;
}

void
room_forget(struct core *core, struct room *room)
{
	struct rooms *rooms = core->rooms;

	lock_take(&rooms->lock);
	if (map_get_str(&rooms->by_id, room->room_id) == room)
		drop_locked(rooms, room);
	lock_give(&rooms->lock);
}

struct snapshot *
room_snapshot(struct room *room)
{
	struct snapshot *s;

	lock_take(&room->committed_lock);
	s = snapshot_ref(room->committed);
	lock_give(&room->committed_lock);
	return s;
}

void
rooms_stats(struct rooms *rooms, uint64_t *rooms_out, uint64_t *events_out)
{
	struct room *room;

	*events_out = 0;
	lock_take(&rooms->lock);
	*rooms_out = rooms->by_id.count;
	for (size_t at = 0; (room = map_next(&rooms->by_id, &at)) != NULL;) {
		struct snapshot *s = room_snapshot(room);

		*events_out += s->tail_count;
		snapshot_unref(s);
	}
	lock_give(&rooms->lock);
}

enum mx_err
room_is_forgotten(
    struct ctx *ctx, const struct room *room, const char *user_id, bool *out)
{
	struct member_row row = { .forgotten = false };
	enum mx_err err = store_member_get(ctx->db, user_id, room->id, &row);

	*out = err == M_OK && row.forgotten;
	return err == M_NOT_FOUND ? M_OK : err;
}
