/*
 * One look for what a listener has not heard. Runs on a worker, for a poll that just
 * came in or for a parked one that was woken; see stream/hub for who waits.
 */
#include "stream/events.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "core/membership.h"
#include "core/presence.h"
#include "room/account_data.h"
#include "room/ignored.h"
#include "room/receipts.h"
#include "room/recent.h"
#include "room/room.h"
#include "room/timeline.h"
#include "room/typing.h"
#include "store/rooms.h"
#include "stream/sse.h"

/* An event that the asker may hear, from the tail (live) or from the store. */
struct heard {
	int64_t position;
	struct seer *seer;
	struct live_event *live; /* counted by its snapshot */
	struct stored_event *stored;
	struct event *event;
};

/* Owned by one look. */
struct look {
	struct ctx *ctx;
	struct arena *arena;
	const struct events_ask *ask;
	int64_t from, visible;	       /* from < position <= visible is looked at */
	const struct ignored *ignored; /* by the asker; NULL: nobody */
	struct heard *heard;
	int count, cap;
	VEC(struct room *) rooms;
	VEC(struct snapshot *) snapshots;
};

static void
hear(struct look *look, struct heard heard)
{
	if (look->count == look->cap) {
		struct heard *more;

		look->cap = look->cap == 0 ? 64 : look->cap * 2;
		more = ARENA_ARRAY(look->arena, struct heard, look->cap);
		if (look->count > 0)
			memcpy(more, look->heard, look->count * sizeof *more);
		look->heard = more;
	}
	look->heard[look->count++] = heard;
}

/* Whoever hears all their rooms hears what is done to their own membership, invitations
 * to rooms whose history they may not read among it. */
static bool
is_own_news(const struct look *look, const struct event *e)
{
	return look->ask->room_count == 0 && e->state_key != NULL &&
	       strcmp(e->type, "m.room.member") == 0 &&
	       strcmp(e->state_key, look->ask->user_id) == 0;
}

/* An invitation that the asker has not answered. */
static bool
is_open_invite(const struct look *look, const struct seer *seer, const struct event *e)
{
	return seer->member != NULL && seer->member->membership == MEMBERSHIP_INVITE &&
	       event_is(e, "m.room.member", look->ask->user_id) &&
	       membership_of(e->membership) == MEMBERSHIP_INVITE;
}

/* What ignored users do to a room's state is heard, but for an invitation to it: that
 * is told of when it has been taken; so is any, to who takes none.
 * Spec: client-server-api/#ignoring-users, #invite-permission */
static bool
is_ignored(const struct look *look, const struct seer *seer, const struct event *e)
{
	if (is_open_invite(look, seer, e))
		return ignored_has(look->ignored, e->sender) ||
		       membership_takes_invites(
			   look->ctx, look->arena, look->ask->user_id) != M_OK;
	return e->state_key == NULL && ignored_has(look->ignored, e->sender);
}

static bool
may_hear_live(const struct look *look, struct seer *seer, const struct live_event *e)
{
	const struct event *event = e->pdu->event;

	return (is_own_news(look, event) || seer_sees_live(seer, e)) &&
	       !is_ignored(look, seer, event);
}

static bool
may_hear(
    const struct look *look, struct seer *seer, int64_t position, const struct event *e)
{
	return (is_own_news(look, e) ||
		   seer_sees(seer, position, e->type, e->state_key)) &&
	       !is_ignored(look, seer, e);
}

static void
hear_tail(struct look *look, struct seer *seer)
{
	const struct snapshot *s = seer->s;
	int found = 0;

	for (int i = 0; i < s->tail_count && found < look->ask->limit; i++) {
		struct live_event *e = s->tail[i];

		if (e->event <= look->from || e->event > look->visible ||
		    !may_hear_live(look, seer, e))
			continue;
		hear(look,
		    (struct heard){ .position = e->event, .seer = seer, .live = e });
		found++;
	}
}

/* What is older than the tail, in pages, until enough may be heard. */
static enum mx_err
hear_store(struct look *look, struct seer *seer)
{
	bool standard64 = seer->room->version->event_id_format == EVENT_ID_BASE64;
	int64_t from = look->from;
	int found = 0, got;

	do {
		struct stored_event *stored;
		enum mx_err err =
		    store_stream(look->ctx->db, look->arena, seer->room->id, from,
			look->visible, look->ask->limit, standard64, &stored, &got);

		if (err != M_OK)
			return err;
		for (int i = 0; i < got; i++) {
			struct event *event = seer_parse(seer, &stored[i]);

			from = stored[i].event;
			if (event == NULL || !may_hear(look, seer, from, event))
				continue;
			hear(look,
			    (struct heard){ from, seer, NULL, &stored[i], event });
			found++;
		}
	} while (got == look->ask->limit && found < look->ask->limit);
	return M_OK;
}

static enum mx_err
hear_room(struct look *look, struct room *room, struct snapshot *s, bool *open_out)
{
	struct seer *seer = ARENA_NEW(look->arena, struct seer);
	enum mx_err err = M_OK;
	int before = look->count;

	seer_init(seer, look->ctx, look->arena, room, s, look->ask->user_id,
	    look->ask->device_id);
	if (look->from >= s->tail_from)
		hear_tail(look, seer);
	else if (look->from < s->position)
		err = hear_store(look, seer);
	*open_out = look->count > before || seer_sees_now(seer);
	return err;
}

static enum mx_err
keep_room(struct look *look, struct room *room)
{
	vec_push(&look->rooms, room);
	return M_OK;
}

static enum mx_err
find_asked(struct look *look)
{
	for (int i = 0; i < look->ask->room_count; i++) {
		const char *room_id = look->ask->room_ids[i];
		struct room *room;
		enum mx_err err = room_get(look->ctx, room_id, &room);

		if (err == M_NOT_FOUND)
			return ctx_fail(look->ctx, M_FORBIDDEN,
			    arena_printf(look->arena,
				"there is no room %s here that you may listen to",
				room_id));
		if (err == M_OK)
			err = keep_room(look, room);
		if (err != M_OK)
			return err;
	}
	return M_OK;
}

/* Every room that the user has to do with: one that was just left has its last word. */
static enum mx_err
find_all(struct look *look)
{
	struct member_row *rows;
	int n;
	enum mx_err err = store_member_rooms(
	    look->ctx->db, look->arena, look->ask->user_id, 0, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++) {
		struct room *room;

		if (rows[i].membership != MEMBERSHIP_JOIN &&
		    rows[i].event <= look->from)
			continue;
		err = room_get_by_id(look->ctx, rows[i].room, &room);
		if (err == M_OK)
			err = keep_room(look, room);
	}
	return err;
}

static int
by_position(const void *a, const void *b)
{
	int64_t pa = ((const struct heard *)a)->position;
	int64_t pb = ((const struct heard *)b)->position;

	return (pa > pb) - (pa < pb);
}

/* What stands before an event in the chunk. */
static void
begin_event(const struct look *look, struct buf *chunk, const struct stream_token *id,
    const char *type)
{
	if (look->ask->sse)
		sse_event_begin(chunk, id, type);
	else if (chunk->n > 0)
		buf_char(chunk, ',');
}

static void
end_event(const struct look *look, struct buf *chunk)
{
	if (look->ask->sse)
		sse_event_end(chunk);
}

static bool
is_full(const struct look *look, const struct buf *chunk)
{
	return look->ask->bytes_max > 0 && chunk->n >= look->ask->bytes_max;
}

/* Behind this one, the rest is for the next page. */
static void
end_page(struct look *look, int count, struct events_found *found)
{
	look->count = count;
	found->more = true;
	found->end.events = look->heard[count - 1].position;
}

static void
write_chunk(struct look *look, struct buf *chunk, struct events_found *found)
{
	for (int i = 0; i < look->count; i++) {
		struct heard *h = &look->heard[i];
		struct stream_token id = { h->position, look->ask->from.typing,
			look->ask->from.presence };
		const struct event *event =
		    h->live != NULL ? h->live->pdu->event : h->event;

		begin_event(look, chunk, &id, event->type);
		if (h->live != NULL)
			seer_write_live(h->seer, chunk, h->live, FORMAT_V1);
		else
			seer_write(h->seer, chunk, h->stored, h->event, FORMAT_V1);
		end_event(look, chunk);
		if (is_full(look, chunk) && i + 1 < look->count)
			end_page(look, i + 1, found);
	}
	json_event_count_delivered(look->count);
}

static void
write_typing_of(struct look *look, const struct room *room, struct buf *chunk,
    const struct stream_token *id, const char **users, int n)
{
	begin_event(look, chunk, id, "m.typing");
	buf_lit(chunk, "{\"content\":{\"user_ids\":[");
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_char(chunk, ',');
		buf_json_str(chunk, users[i]);
	}
	buf_lit(chunk, "]},\"room_id\":");
	buf_json_str(chunk, room->room_id);
	buf_lit(chunk, ",\"type\":\"m.typing\"}");
	end_event(look, chunk);
}

/* m.typing of the rooms in which it has changed since. Members alone hear it. A token
 * without a place among typing, as initialSync gives one out, knows of nobody yet. */
static int
write_typing(struct look *look, struct buf *chunk, const struct events_found *found)
{
	int64_t since = found->from.typing;
	int written = 0;

	for (size_t i = 0; i < look->rooms.n; i++) {
		const struct room *room = look->rooms.v[i];
		const char **users;
		int n;

		if (snapshot_membership(look->snapshots.v[i], look->ask->user_id) !=
			MEMBERSHIP_JOIN ||
		    typing_room_position(look->ctx->core, room->id) <= since)
			continue;
		n = typing_users(look->ctx->core, look->arena, room->id, &users, NULL);
		if (n == 0 && since < 0)
			continue;
		write_typing_of(look, room, chunk, &found->end, users, n);
		written++;
	}
	return written;
}

/* --- receipts and account data --- */

/* Of whose data there is any behind `from`, so that not every room is asked for. */
struct moved_data {
	bool has_own; /* the asker's */
	bool is_all;  /* that is longer ago than is remembered: rooms is nothing */
	int64_t *rooms;
	int room_count;
};

static int
by_number(const void *a, const void *b)
{
	int64_t na = *(const int64_t *)a, nb = *(const int64_t *)b;

	return (na > nb) - (na < nb);
}

static void
find_moved(struct look *look, struct moved_data *out)
{
	const char *asker = look->ask->user_id;
	uint64_t user = map_hash(asker, strlen(asker));
	struct moved *moved;
	int n;

	*out = (struct moved_data){ .has_own = false };
	if (!recent_since(look->ctx->core, look->arena, look->from, &moved, &n)) {
		out->is_all = out->has_own = true;
		return;
	}
	out->rooms = arena_raw(look->arena, sizeof *out->rooms * (size_t)n);
	for (int i = 0; i < n; i++) {
		bool is_own =
		    moved[i].kind == CHANGE_USER_DATA && moved[i].user == user;

		out->has_own |= is_own;
		if (moved[i].room != 0 && (is_own || moved[i].kind == CHANGE_ROOM_DATA))
			out->rooms[out->room_count++] = moved[i].room;
	}
	qsort(out->rooms, out->room_count, sizeof *out->rooms, by_number);
}

static bool
has_moved_in(const struct moved_data *moved, int64_t room)
{
	return moved->is_all || bsearch(&room, moved->rooms, moved->room_count,
				    sizeof room, by_number) != NULL;
}

/* Appends one of them, which is no event of a room and has no id. */
static void
write_other(struct look *look, struct buf *chunk, const struct events_found *found,
    const char *type, const struct buf *event)
{
	struct stream_token id = { found->end.events, found->from.typing,
		found->from.presence };

	begin_event(look, chunk, &id, type);
	buf_add(chunk, event->p, event->n);
	end_event(look, chunk);
}

static enum mx_err
write_receipts_of(struct look *look, const struct room *room, struct buf *chunk,
    struct events_found *found)
{
	const char *asker = look->ask->user_id;
	struct receipts_ask ask = { .asker = asker,
		.ignored = look->ignored,
		.since = look->from,
		.until = found->end.events };
	struct buf event = { 0 };
	struct receipt_row *rows;
	int n;
	enum mx_err err = receipts_told(look->ctx, look->arena, room, &ask, &rows, &n);

	for (int i = 0; err == M_OK &&
			receipts_write_event(&event, room->room_id, rows, n, asker, i);
	     i++) {
		write_other(look, chunk, found, "m.receipt", &event);
		buf_reset(&event);
		found->count++;
	}
	buf_free(&event);
	return err;
}

/* Members alone hear them. */
static enum mx_err
write_receipts(struct look *look, struct buf *chunk, struct events_found *found,
    const struct moved_data *moved)
{
	enum mx_err err = M_OK;

	for (size_t i = 0; err == M_OK && i < look->rooms.n; i++)
		if (snapshot_membership(look->snapshots.v[i], look->ask->user_id) ==
			MEMBERSHIP_JOIN &&
		    has_moved_in(moved, look->rooms.v[i]->id))
			err = write_receipts_of(look, look->rooms.v[i], chunk, found);
	return err;
}

static enum mx_err
write_row(struct look *look, struct buf *chunk, struct events_found *found,
    const struct account_data_row *row)
{
	struct buf event = { 0 };
	struct room *room = NULL;
	enum mx_err err =
	    row->room == 0 ? M_OK : room_get_by_id(look->ctx, row->room, &room);

	if (err != M_OK)
		return err;
	account_data_write(&event, row, room == NULL ? NULL : room->room_id);
	write_other(look, chunk, found, row->type, &event);
	found->count++;
	buf_free(&event);
	room_put(room);
	return M_OK;
}

static enum mx_err
write_account_data(struct look *look, struct buf *chunk, struct events_found *found)
{
	struct account_data_row *rows;
	int n;
	enum mx_err err = store_account_data_since(look->ctx->db, look->arena,
	    look->ask->user_id, look->from, found->end.events, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++)
		err = write_row(look, chunk, found, &rows[i]);
	return err;
}

/* What became visible up to the page's end. Spec: client-server-api/#client-config
 * ("can also be received in a /events response") */
static enum mx_err
write_data(struct look *look, struct buf *chunk, struct events_found *found)
{
	struct moved_data moved;
	enum mx_err err = M_OK;

	find_moved(look, &moved);
	if (moved.has_own)
		err = write_account_data(look, chunk, found);
	if (err == M_OK && (moved.is_all || moved.room_count > 0))
		err = write_receipts(look, chunk, found, &moved);
	return err;
}

/* Whoever has joined meanwhile is shown to those who are there, and they to them. */
static void
note_joins(const struct look *look, struct presence_news *news)
{
	const char **users =
	    ARENA_ARRAY(look->arena, const char *, (size_t)look->count);
	int64_t *rooms = ARENA_ARRAY(look->arena, int64_t, (size_t)look->count);

	for (int i = 0; i < look->count; i++) {
		const struct heard *h = &look->heard[i];
		const struct event *e =
		    h->live != NULL ? h->live->pdu->event : h->event;

		if (e->state_key == NULL || strcmp(e->type, "m.room.member") != 0 ||
		    membership_of(json_get_str(e->content, "membership")) !=
			MEMBERSHIP_JOIN)
			continue;
		if (strcmp(e->state_key, look->ask->user_id) == 0)
			rooms[news->room_count++] = h->seer->room->id;
		else
			users[news->user_count++] = e->state_key;
	}
	news->users = users;
	news->rooms = rooms;
}

/* m.presence of those who share a room, and of what one's other devices have set. */
static enum mx_err
write_presence(struct look *look, struct buf *chunk, struct events_found *found)
{
	struct presence_news news = { .user_id = look->ask->user_id,
		.since = found->from.presence,
		.with_self = true };
	enum mx_err err;

	note_joins(look, &news);
	err = presence_news(look->ctx, look->arena, &news);
	for (int i = 0; err == M_OK && i < news.count; i++) {
		if (ignored_has(look->ignored, news.rows[i].user_id))
			continue;
		begin_event(look, chunk, &found->end, "m.presence");
		presence_write_v1(chunk, &news.rows[i], look->ask->has_chat);
		end_event(look, chunk);
		found->count++;
	}
	return err;
}

/* What no event is. */
static enum mx_err
write_more(struct look *look, struct buf *chunk, struct events_found *found)
{
	enum mx_err err = write_data(look, chunk, found);

	if (err == M_OK && (found->from.typing >= 0 || look->ask->has_from))
		found->count += write_typing(look, chunk, found);
	if (err == M_OK && found->from.presence >= 0 && found->end.presence >= 0)
		err = write_presence(look, chunk, found);
	return err;
}

/* A newer room than was looked at tells nothing of what it was: another look will. Who
 * ignores somebody hears less than others do. */
static enum listener_class
class_in(const struct look *look, const struct snapshot *s)
{
	enum membership membership = snapshot_membership(s, look->ask->user_id);

	if (s->position > look->visible || look->ask->room_count != 1 ||
	    look->ignored != NULL)
		return CLASS_ALONE;
	if (membership == MEMBERSHIP_JOIN)
		return CLASS_MEMBERS;
	return membership == MEMBERSHIP_NONE &&
		       s->visibility == VISIBILITY_WORLD_READABLE
		   ? CLASS_STRANGERS
		   : CLASS_ALONE;
}

static enum mx_err
hear_rooms(struct look *look, struct events_found *found)
{
	enum mx_err err;

	/* `visible` was read first: snapshots may be newer, never older (doc/rooms.md).
	 */
	for (size_t i = 0; i < look->rooms.n; i++) {
		struct room *room = look->rooms.v[i];
		struct snapshot *s = room_snapshot(room);
		bool open;

		vec_push(&look->snapshots, s);
		err = hear_room(look, room, s, &open);
		if (err != M_OK)
			return err;
		found->as = class_in(look, s);
		if (!open && look->ask->room_count > 0)
			return ctx_fail(look->ctx, M_FORBIDDEN,
			    arena_printf(look->arena,
				"you may not listen to %s: you are not in it, and its "
				"history is not open to everybody",
				room->room_id));
	}
	return M_OK;
}

static void
look_fini(struct look *look)
{
	for (size_t i = 0; i < look->snapshots.n; i++)
		snapshot_unref(look->snapshots.v[i]);
	for (size_t i = 0; i < look->rooms.n; i++)
		room_put(look->rooms.v[i]);
	vec_free(&look->snapshots);
	vec_free(&look->rooms);
}

/* Beyond the limit the page ends with its last event; the rest is for the next one. */
static void
cut_page(struct look *look, struct events_found *found)
{
	if (look->count > 1)
		qsort(look->heard, look->count, sizeof *look->heard, by_position);
	found->end.events = look->from > look->visible ? look->from : look->visible;
	if (look->count >= look->ask->limit)
		end_page(look, look->ask->limit, found);
}

enum mx_err
events_look(struct ctx *ctx, struct arena *arena, const struct events_ask *ask,
    struct buf *chunk, struct events_found *found)
{
	struct look look = { .ctx = ctx,
		.arena = arena,
		.ask = ask,
		.visible = atomic_load(&ctx->core->visible) };
	int64_t typing_now = typing_position(ctx->core);
	int64_t presence_now = presence_position(ctx->core);
	enum mx_err err;

	*found = (struct events_found){
		.looked = look.visible, .from = ask->from, .as = CLASS_ALONE
	};
	if (!ask->has_from)
		found->from = token_at(look.visible);
	look.from = found->from.events;
	found->end = token_at(0);
	err = ignored_load(ctx, arena, ask->user_id, &look.ignored);
	if (err == M_OK)
		err = ask->room_count > 0 ? find_asked(&look) : find_all(&look);
	if (err == M_OK)
		err = hear_rooms(&look, found);
	if (err == M_OK) {
		cut_page(&look, found);
		write_chunk(&look, chunk, found);
		found->count = look.count;
		/* Strangers hear no more than events: their tokens stay alike and share
		 * bodies.
		 */
		if (ask->room_count == 0) {
			found->end.typing = typing_now;
			found->end.presence = presence_now;
			err = write_more(&look, chunk, found);
		}
	}
	look_fini(&look);
	return err;
}

void
events_body(struct buf *out, struct str chunk, const char *start,
    const struct stream_token *end)
{
	buf_lit(out, "{\"chunk\":[");
	buf_add(out, chunk.p, chunk.n);
	buf_lit(out, "],\"end\":\"");
	token_write(out, end);
	buf_lit(out, "\",\"start\":");
	buf_json_str(out, start);
	buf_char(out, '}');
}
