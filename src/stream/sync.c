/*
 * One look of /sync: which rooms have news, what each of them is to the user at this
 * moment, and what is the user's own. Runs on a worker, for a request that just came in
 * or for a parked one that was woken. See doc/sync.md.
 */
#include "stream/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "core/presence.h"
#include "room/changes.h"
#include "room/push_rules.h"
#include "room/recent.h"
#include "room/typing.h"
#include "store/rooms.h"
#include "stream/sync_inside.h"

#define SCANS_MAX 20000 /* events looked at for the timelines of one answer */
#define FEW 8		/* rooms that are looked at without asking whose they are */

/* Rooms that may have something to tell, each once. */
struct candidates {
	struct syncing *sync;
	struct map by_room; /* room's integer -> struct room_news */
	VEC(struct room_news *) all;
};

static struct room_news *
news_of(struct candidates *c, int64_t room)
{
	struct room_news *news = map_get(&c->by_room, &room, sizeof room);

	if (news == NULL) {
		news = ARENA_NEW(c->sync->arena, struct room_news);
		news->room = room;
		map_put(&c->by_room, &news->room, sizeof news->room, news);
		vec_push(&c->all, news);
	}
	return news;
}

/* Left too long ago to be told, or forgotten: it need not be looked at. */
static bool
is_over(const struct syncing *sync, const struct member_row *row)
{
	return row->forgotten ||
	       ((row->membership == MEMBERSHIP_LEAVE ||
		    row->membership == MEMBERSHIP_BAN) &&
		   !sync->ask->filter->f.include_leave && row->event <= sync->until &&
		   (sync->since == 0 || row->event <= sync->since));
}

/* All rooms that the user has to do with, where nobody knows what moved in them. */
static enum mx_err
find_all(struct candidates *c)
{
	struct syncing *sync = c->sync;
	struct member_row *rows;
	int n;
	enum mx_err err = store_member_rooms(
	    sync->ctx->db, sync->arena, sync->ask->user_id, 0, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++) {
		struct room_news *news;

		if (is_over(sync, &rows[i]))
			continue;
		news = news_of(c, rows[i].room);
		news->has_events = news->has_receipts = news->has_typing =
		    news->has_own = true;
		news->is_guess = sync->since > 0 && !sync->ask->full_state;
	}
	return err;
}

static void
note_moved(struct candidates *c, const struct moved *moved, uint64_t user)
{
	struct room_news *news;

	if (moved->position > c->sync->until ||
	    (moved->kind == CHANGE_USER_DATA && moved->user != user))
		return;
	if (moved->kind == CHANGE_USER_DATA)
		c->sync->has_own = true;
	if (moved->room == 0)
		return;
	news = news_of(c, moved->room);
	if (moved->kind == CHANGE_EVENT)
		news->has_events = true;
	else if (moved->kind == CHANGE_ROOM_DATA)
		news->has_receipts = true;
	if (moved->kind != CHANGE_EVENT && moved->user == user)
		news->has_own = true;
}

/* Where somebody has begun or ceased to type. */
static void
note_typing(struct candidates *c)
{
	struct syncing *sync = c->sync;
	int64_t *rooms;
	int n = typing_changed_since(
	    sync->ctx->core, sync->arena, sync->ask->since.typing, &rooms);

	for (int i = 0; i < n; i++)
		news_of(c, rooms[i])->has_typing = true;
}

/* Rooms are in memory or not, and all of the server's move: those that the user has
 * nothing to do with are not read for that. */
static enum mx_err
drop_foreign(struct candidates *c)
{
	struct syncing *sync = c->sync;
	struct member_row *rows;
	int n;
	enum mx_err err = store_member_rooms(
	    sync->ctx->db, sync->arena, sync->ask->user_id, 0, &rows, &n);

	c->all.n = 0;
	for (int i = 0; err == M_OK && i < n; i++) {
		struct room_news *news =
		    map_get(&c->by_room, &rows[i].room, sizeof rows[i].room);

		if (news != NULL && !is_over(sync, &rows[i]))
			vec_push(&c->all, news);
	}
	return err;
}

static enum mx_err
find_candidates(struct candidates *c)
{
	struct syncing *sync = c->sync;
	const struct sync_ask *ask = sync->ask;
	uint64_t user = map_hash(ask->user_id, strlen(ask->user_id));
	struct moved *moved;
	int n;

	sync->has_own = true;
	if (!ask->has_since || ask->full_state ||
	    !recent_since(sync->ctx->core, sync->arena, sync->since, &moved, &n))
		return find_all(c);
	sync->has_own = false;
	for (int i = 0; i < n; i++)
		note_moved(c, &moved[i], user);
	note_typing(c);
	return c->all.n > FEW ? drop_foreign(c) : M_OK;
}

/* --- what a room is to the user --- */

/* An invitation by somebody who is ignored is not told; that one was made to leave
 * before it is. */
static enum mx_err
write_invite(struct room_sync *r, enum membership before, const struct state_ref *own)
{
	struct buf *invites = &r->sync->invite;
	size_t n = invites->n;
	enum mx_err err = sync_stripped(r, "invite_state", own, invites);

	if (err != M_OK || invites->n > n || before != MEMBERSHIP_JOIN)
		return err;
	r->until = own->event - 1;
	return sync_left(r, &r->sync->leave);
}

/* Each invitation is told, and each knock, also one that follows another. */
static enum mx_err
write_outside(struct room_sync *r, enum membership before, enum membership now)
{
	struct syncing *sync = r->sync;
	struct state_ref own;
	enum mx_err err = sync_member_at(r, r->until + 1, sync->ask->user_id, &own);

	if (err != M_OK || (own.event <= r->since && !sync->ask->full_state))
		return err;
	return now == MEMBERSHIP_INVITE
		   ? write_invite(r, before, &own)
		   : sync_stripped(r, "knock_state", &own, &sync->knock);
}

static enum mx_err
write_room(struct room_sync *r)
{
	struct syncing *sync = r->sync;
	enum membership now = seer_membership_at(&r->seer, r->until + 1);
	enum membership before = r->since == 0
				     ? MEMBERSHIP_NONE
				     : seer_membership_at(&r->seer, r->since + 1);

	switch (now) {
	case MEMBERSHIP_JOIN:
		return sync_joined(r, before == MEMBERSHIP_JOIN, sync->join);
	case MEMBERSHIP_INVITE:
	case MEMBERSHIP_KNOCK:
		return write_outside(r, before, now);
	case MEMBERSHIP_LEAVE:
	case MEMBERSHIP_BAN:
		return sync_left(r, &sync->leave);
	default:
		return M_OK;
	}
}

static enum mx_err
read_room(struct room_sync *r)
{
	struct syncing *sync = r->sync;
	enum mx_err err;

	r->s = room_snapshot(r->room);
	seer_init(&r->seer, sync->ctx, r->arena, r->room, r->s, sync->ask->user_id,
	    sync->ask->device_id);
	if (r->seer.member == NULL) { /* it has nothing to do with the user */
		snapshot_unref(r->s);
		return M_OK;
	}
	err = db_begin(sync->ctx->db);
	if (err == M_OK) {
		err = write_room(r);
		db_rollback(sync->ctx->db);
	}
	if (err == M_OK && (r->seer.failed || sync->failed))
		err = M_UNKNOWN;
	sync_changes_fini(r);
	snapshot_unref(r->s);
	return err;
}

/* The database is looked at after the snapshot is taken: it knows all that the snapshot
 * knows. */
static enum mx_err
sync_room(struct syncing *sync, struct arena *arena, const struct room_news *news)
{
	const struct filter_whole *f = &sync->ask->filter->f;
	struct room_sync r = { .sync = sync,
		.arena = arena,
		.news = *news,
		.since = sync->since,
		.until = sync->until };
	enum mx_err err = room_get_by_id(sync->ctx, news->room, &r.room);

	if (err == M_NOT_FOUND)
		return M_OK;
	if (err != M_OK)
		return err;
	if (filter_keeps_room(&f->rooms, &f->not_rooms, r.room->room_id))
		err = read_room(&r);
	room_put(r.room);
	if (err == M_TOO_LARGE || (err == M_OK && sync_size(sync) > sync->size_max))
		return ctx_fail(sync->ctx, M_TOO_LARGE,
		    "The answer would be too large: ask with a filter, for fewer rooms "
		    "or with lazy_load_members");
	return err;
}

/* Of an initial sync the global ones alone: each room reads its own. */
static enum mx_err
read_own(struct syncing *sync)
{
	struct db *db = sync->ctx->db;
	const char *user_id = sync->ask->user_id;

	if (!sync->has_own)
		return M_OK;
	if (sync->since == 0)
		return store_account_data_of(
		    db, sync->arena, user_id, 0, &sync->own, &sync->own_count);
	return store_account_data_since(db, sync->arena, user_id, sync->since,
	    sync->until, &sync->own, &sync->own_count);
}

static enum mx_err
sync_rooms(struct syncing *sync)
{
	struct candidates c = { .sync = sync };
	struct arena *arena = arena_new();
	enum mx_err err = find_candidates(&c);

	if (err == M_OK)
		err = read_own(sync);
	for (size_t i = 0; err == M_OK && i < c.all.n; i++) {
		err = sync_room(sync, arena, c.all.v[i]);
		arena_reset(arena);
	}
	vec_free(&c.all);
	map_fini(&c.by_room);
	arena_free(arena);
	return err;
}

/* --- the answer --- */

size_t
sync_size(const struct syncing *sync)
{
	return sync->join->n - sync->begun + sync->invite.n + sync->knock.n +
	       sync->leave.n;
}

void
sync_room_key(struct buf *out, const char *room_id)
{
	if (out->n > 0 && out->p[out->n - 1] == '}')
		buf_char(out, ',');
	buf_json_str(out, room_id);
	buf_char(out, ':');
}

/* The joined ones, which may be many, stand where they were written. */
#define ROOMS_HEAD "{\"rooms\":{\"join\":{"

/* Finishes the answer's rooms, or takes back that it has any. */
static bool
end_rooms(struct syncing *sync)
{
	const struct {
		const char *key;
		const struct buf *rooms;
	} parts[] = { { "invite", &sync->invite }, { "knock", &sync->knock },
		{ "leave", &sync->leave } };
	struct buf *out = sync->join;

	if (sync_size(sync) == sizeof ROOMS_HEAD - 1) {
		out->n = sync->begun + 1;
		return false;
	}
	buf_char(out, '}');
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		buf_char(out, ',');
		buf_json_str(out, parts[i].key);
		buf_lit(out, ":{");
		buf_add(out, parts[i].rooms->p, parts[i].rooms->n);
		buf_char(out, '}');
	}
	buf_lit(out, "},");
	return true;
}

const struct ignored *
sync_ignored(struct syncing *sync)
{
	if (!sync->has_ignored && ignored_load(sync->ctx, sync->arena,
				      sync->ask->user_id, &sync->ignored) != M_OK)
		sync->failed = true;
	sync->has_ignored = true;
	return sync->ignored;
}

bool
sync_ignores(struct syncing *sync, const char *user_id)
{
	return ignored_has(sync_ignored(sync), user_id);
}

bool
sync_write_own(struct buf *out, const struct filter *filter,
    const struct account_data_row *rows, int n, int64_t room)
{
	size_t before = out->n;

	for (int i = 0; i < n; i++) {
		if (rows[i].room != room ||
		    !filter_keeps_type(filter, rows[i].type, NULL))
			continue;
		if (out->n > before)
			buf_char(out, ',');
		buf_lit(out, "{\"content\":");
		buf_add(out, rows[i].json, rows[i].json_n);
		buf_lit(out, ",\"type\":");
		buf_json_str(out, rows[i].type);
		buf_char(out, '}');
	}
	return out->n > before;
}

/* The user's push rules, as the server keeps them. Spec: client-server-api/#mpush_rules
 */
static enum mx_err
write_push_rules(struct buf *out, struct syncing *sync, bool is_behind)
{
	const struct filter *f = &sync->ask->filter->f.account_data;
	bool changed = sync->since == 0;
	enum mx_err err = M_OK;

	if (!filter_keeps_type(f, "m.push_rules", NULL))
		return M_OK;
	if (!changed && sync->has_own)
		err = push_rules_changed_since(
		    sync->ctx, sync->ask->user_id, sync->since, sync->until, &changed);
	if (err != M_OK || !changed)
		return err;
	buf_str(out, is_behind ? ",{\"content\":" : "{\"content\":");
	err = push_rules_account_data(sync->ctx, sync->arena, sync->ask->user_id, out);
	buf_lit(out, ",\"type\":\"m.push_rules\"}");
	return err;
}

/* What is the user's own and no room's. */
static enum mx_err
write_account_data(struct buf *out, struct syncing *sync, bool *any_out)
{
	const struct filter *f = &sync->ask->filter->f.account_data;
	size_t before = out->n, first;
	enum mx_err err;
	bool any;

	buf_lit(out, "\"account_data\":{\"events\":[");
	first = out->n;
	any = sync_write_own(out, f, sync->own, sync->own_count, 0);
	err = write_push_rules(out, sync, any);
	*any_out = out->n > first;
	buf_lit(out, "]},");
	if (!*any_out)
		out->n = before;
	return err;
}

/* --- presence --- */

static bool
is_shown(struct syncing *sync, const struct presence_row *row)
{
	return filter_keeps_sender(&sync->ask->filter->f.presence, row->user_id) &&
	       !sync_ignores(sync, row->user_id);
}

static enum mx_err
read_presence(struct syncing *sync, int64_t now, struct presence_news *news)
{
	const struct sync_ask *ask = sync->ask;
	bool is_anew = !ask->has_since || ask->full_state;

	*news = (struct presence_news){ .user_id = ask->user_id,
		.since = is_anew ? -1 : ask->since.presence,
		.users = sync->joined_users.v,
		.user_count = (int)sync->joined_users.n,
		.rooms = sync->joined_rooms.v,
		.room_count = (int)sync->joined_rooms.n,
		.with_self = true };
	/* Nothing has moved, nobody has come. */
	if (now < 0 || !filter_may_keep(&ask->filter->f.presence, "m.presence") ||
	    (news->since >= now && news->user_count == 0 && news->room_count == 0))
		return M_OK;
	return presence_news(sync->ctx, sync->arena, news);
}

/* Of those who share a room with the user; true: there is something. */
static enum mx_err
write_presence(struct buf *out, struct syncing *sync, int64_t now, bool *any_out)
{
	size_t before = out->n, first;
	struct presence_news news;
	enum mx_err err = read_presence(sync, now, &news);

	buf_lit(out, "\"presence\":{\"events\":[");
	first = out->n;
	for (int i = 0; err == M_OK && i < news.count; i++) {
		if (!is_shown(sync, &news.rows[i]))
			continue;
		if (out->n > first)
			buf_char(out, ',');
		presence_write(out, &news.rows[i]);
	}
	*any_out = out->n > first;
	buf_lit(out, "]},");
	if (!*any_out)
		out->n = before;
	return err;
}

/* No device has keys or messages of its own yet: so much is told of them.
 * Spec: client-server-api/#e2e-extensions-to-sync */
static void
write_devices(struct buf *out, bool is_increment)
{
	if (is_increment)
		buf_lit(out, "\"device_lists\":{\"changed\":[],\"left\":[]},");
	buf_lit(out, "\"device_one_time_keys_count\":{},"
		     "\"device_unused_fallback_key_types\":[],");
}

static void
write_next(struct buf *out, const struct stream_token *end)
{
	buf_lit(out, "\"next_batch\":\"");
	token_write(out, end);
	buf_char(out, '"');
}

void
sync_write_empty(struct buf *out, const struct stream_token *end)
{
	buf_char(out, '{');
	write_devices(out, true);
	write_next(out, end);
	buf_char(out, '}');
}

static void
sync_fini(struct syncing *sync)
{
	buf_free(&sync->invite);
	buf_free(&sync->knock);
	buf_free(&sync->leave);
	vec_free(&sync->joined_rooms);
	vec_free(&sync->joined_users);
	map_fini(&sync->joined_before);
}

/* What stands behind the rooms. */
static enum mx_err
write_rest(struct buf *out, struct syncing *sync, const struct stream_token *end,
    bool *any_out)
{
	bool has_data, has_presence;
	enum mx_err err = write_account_data(out, sync, &has_data);

	if (err == M_OK)
		err = write_presence(out, sync, end->presence, &has_presence);
	if (err == M_OK && sync->failed)
		err = M_UNKNOWN;
	if (err != M_OK)
		return err;
	write_devices(out, sync->ask->has_since);
	write_next(out, end);
	buf_char(out, '}');
	*any_out = has_data || has_presence;
	return M_OK;
}

enum mx_err
sync_look(struct ctx *ctx, struct arena *arena, const struct sync_ask *ask,
    struct buf *out, struct sync_found *found)
{
	struct syncing sync = { .ctx = ctx,
		.arena = arena,
		.ask = ask,
		.since = ask->has_since ? ask->since.events : 0,
		.until = atomic_load(&ctx->core->visible),
		.scans_left = SCANS_MAX,
		.begun = out->n,
		.size_max = ask->size_max > 0 ? ask->size_max : SYNC_SIZE_MAX,
		.join = out };
	bool has_rooms;
	enum mx_err err;

	*found = (struct sync_found){ .end = { .events = sync.until } };
	found->end.typing = typing_position(ctx->core);
	found->end.presence = presence_position(ctx->core);
	if (sync.since > sync.until) /* of a node that is ahead of this one */
		found->end.events = sync.until = sync.since;
	buf_lit(out, ROOMS_HEAD);
	err = sync_rooms(&sync);
	if (err == M_OK) {
		has_rooms = end_rooms(&sync);
		err = write_rest(out, &sync, &found->end, &found->any);
		found->any = found->any || has_rooms;
	}
	sync_fini(&sync);
	return err;
}
