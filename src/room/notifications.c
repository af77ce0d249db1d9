/*
 * GET /notifications. A few of the newest candidates of each room, merged; then each of
 * them is loaded, and shown if the user may see it and did not send it. Stands on
 * store/unread; on room/timeline for what may be seen.
 */
#include "room/notifications.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/push.h"
#include "room/timeline.h"
#include "room/unread.h"
#include "room/unread_prune.h"
#include "store/rooms.h"

#define SCAN_MAX 500 /* events of a room looked at for one page */

/* One room of the user's, opened. */
struct source {
	struct room *room; /* counted, as is s */
	struct snapshot *s;
	struct seer seer;
	struct unread_read read;
};

struct candidate {
	int64_t event;
	bool highlights;
	struct source *source;
	const char *thread; /* NULL: to be looked up */
};

struct listing {
	struct ctx *ctx;
	struct arena *arena;
	struct notifications *n;
	struct source *sources;
	int source_count;
	struct candidate *candidates;
	int count, cap;
	int64_t floor; /* behind it not all rooms were looked through */
	struct push_set *set;
	struct buf *out;
	int written;
	int64_t oldest_read_ts; /* what was read is listed from then on */
};

/* --- gathering --- */

static void
add(struct listing *l, const struct candidate *c)
{
	if (l->count == l->cap) {
		struct candidate *more;

		l->cap = l->cap == 0 ? 64 : l->cap * 2;
		more = arena_raw(l->arena, sizeof *more * l->cap);
		if (l->count > 0)
			memcpy(more, l->candidates, sizeof *more * l->count);
		l->candidates = more;
	}
	l->candidates[l->count++] = *c;
}

static void
set_floor(struct listing *l, int64_t event)
{
	if (event > l->floor)
		l->floor = event;
}

static enum mx_err
add_rows(struct listing *l, struct source *source)
{
	struct unread_row *rows;
	int n;
	enum mx_err err = store_unread_rows_before(l->ctx->db, l->arena,
	    l->n->who->user_id, source->room->id, l->n->before, l->n->only_highlights,
	    l->n->limit, &rows, &n);

	for (int i = 0; err == M_OK && i < n; i++)
		add(l, &(struct candidate){
			   rows[i].event, rows[i].highlights, source, rows[i].thread });
	if (err == M_OK && n == l->n->limit)
		set_floor(l, rows[n - 1].event);
	return err;
}

/* Whose count is it at this event: was the member's mode quiet? */
static bool
is_quiet_at(const struct unread_mode *modes, int n, int64_t event)
{
	bool is_quiet = false;

	for (int i = 0; i < n && modes[i].event < event; i++)
		is_quiet = modes[i].is_quiet;
	return is_quiet;
}

static bool
has_row(const struct unread_row *rows, int n, int64_t event)
{
	int low = 0, high = n;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (rows[middle].event < event)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && rows[low].event == event;
}

/* Events that notify everybody, but those of which the member has a row: that has the
 * word. */
static enum mx_err
add_followed(struct listing *l, struct source *source, int64_t joined)
{
	struct db *db = l->ctx->db;
	const char *user_id = l->n->who->user_id;
	int64_t room = source->room->id, scanned, from = joined;
	struct unread_event *events;
	struct unread_mode *modes;
	struct unread_row *rows;
	int n, mode_count, row_count;
	enum mx_err err =
	    store_unread_events_before(db, l->arena, room, joined, l->n->before,
		l->n->only_highlights, l->n->limit, SCAN_MAX, &events, &n, &scanned);

	if (err == M_OK)
		err = store_unread_modes(
		    db, l->arena, user_id, room, &modes, &mode_count);
	if (err == M_OK && n > 0)
		from = events[n - 1].event - 1;
	if (err == M_OK)
		err = store_unread_rows(db, l->arena, user_id, room, from,
		    l->n->before - 1, &rows, &row_count);
	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++)
		if (!is_quiet_at(modes, mode_count, events[i].event) &&
		    !has_row(rows, row_count, events[i].event))
			add(l, &(struct candidate){
				   events[i].event, events[i].loud, source, NULL });
	set_floor(l, scanned);
	return M_OK;
}

static enum mx_err
add_room(struct listing *l, const struct member_row *member)
{
	struct source *source = &l->sources[l->source_count];
	const char *user_id = l->n->who->user_id;
	int64_t joined;
	enum mx_err err = room_get_by_id(l->ctx, member->room, &source->room);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	l->source_count++;
	source->s = room_snapshot(source->room);
	seer_init(&source->seer, l->ctx, l->arena, source->room, source->s, user_id,
	    l->n->who->device_id);
	err = add_rows(l, source);
	if (err != M_OK || member->membership != MEMBERSHIP_JOIN)
		return err;
	err =
	    unread_read_of(l->ctx, l->arena, source->room->id, user_id, &source->read);
	if (err == M_OK)
		err =
		    store_unread_joined(l->ctx->db, source->room->id, user_id, &joined);
	return err == M_OK ? add_followed(l, source, joined) : err;
}

static enum mx_err
gather(struct listing *l)
{
	struct member_row *members;
	int n;
	enum mx_err err = store_member_rooms(
	    l->ctx->db, l->arena, l->n->who->user_id, 0, &members, &n);

	if (err != M_OK)
		return err;
	l->sources = ARENA_ARRAY(l->arena, struct source, n);
	for (int i = 0; err == M_OK && i < n; i++)
		if (members[i].membership == MEMBERSHIP_JOIN ||
		    members[i].membership == MEMBERSHIP_INVITE)
			err = add_room(l, &members[i]);
	return err;
}

static int
newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->event < y->event ? 1 : x->event > y->event ? -1 : 0;
}

/* --- writing --- */

static void
write_actions(struct listing *l, const struct candidate *c, struct event *event)
{
	struct power power = snapshot_power(c->source->s);
	struct push_event e = {
		.event = event, .room_id = c->source->room->room_id, .arena = l->arena
	};
	struct push_facts facts = { .user_id = l->n->who->user_id,
		.joined = c->source->s->joined,
		.power = &power };
	struct push_result r;

	push_evaluate(l->set, &e, &facts, &r);
	/* The rules may have changed since. */
	if (r.notifies && r.highlights == c->highlights)
		json_write(l->out, r.actions);
	else if (c->highlights)
		buf_lit(l->out, "[\"notify\",{\"set_tweak\":\"highlight\"}]");
	else
		buf_lit(l->out, "[\"notify\"]");
}

static bool
is_read(struct listing *l, const struct candidate *c)
{
	const char *thread = c->thread;
	int hops;

	if (thread == NULL &&
	    store_unread_thread_of(l->ctx->db, l->arena, c->source->room->id, c->event,
		&thread, &hops) != M_OK)
		thread = "main";
	return c->event <= unread_read_up_to(&c->source->read, thread);
}

static void
write_one(struct listing *l, const struct candidate *c, struct stored_event *stored,
    struct event *event)
{
	bool read = is_read(l, c);
	struct buf *out = l->out;

	/* Of what was read long ago the rows are gone (room/unread_prune). */
	if (read && stored->ts < l->oldest_read_ts)
		return;
	if (l->written++ > 0)
		buf_char(out, ',');
	buf_lit(out, "{\"actions\":");
	write_actions(l, c, event);
	buf_lit(out, ",\"event\":");
	seer_write(&c->source->seer, out, stored, event, FORMAT_SYNC);
	buf_printf(out, ",\"read\":%s,\"room_id\":", read ? "true" : "false");
	buf_json_str(out, c->source->room->room_id);
	buf_printf(out, ",\"ts\":%lld}", (long long)event->origin_server_ts);
}

/* An invitation may be seen by the one who is invited, whatever the room's setting. */
static bool
may_see(struct source *source, const struct stored_event *stored, const struct event *e)
{
	return (e->membership != NULL && e->state_key != NULL &&
		   strcmp(e->state_key, source->seer.user_id) == 0) ||
	       seer_sees(&source->seer, stored->event, e->type, e->state_key);
}

static enum mx_err
show(struct listing *l, const struct candidate *c)
{
	bool standard64 = c->source->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	struct event *event;
	enum mx_err err =
	    store_event_get(l->ctx->db, l->arena, c->event, standard64, &stored);

	if (err != M_OK)
		return err;
	event = seer_parse(&c->source->seer, &stored);
	if (event != NULL && strcmp(event->sender, l->n->who->user_id) != 0 &&
	    stored.redacted_by == 0 && may_see(c->source, &stored, event))
		write_one(l, c, &stored, event);
	return M_OK;
}

static enum mx_err
show_all(struct listing *l)
{
	enum mx_err err = M_OK;

	qsort(l->candidates, l->count, sizeof *l->candidates, newest_first);
	l->n->next = l->floor;
	for (int i = 0; err == M_OK && i < l->count; i++) {
		const struct candidate *c = &l->candidates[i];

		if (c->event < l->floor)
			break;
		if (l->written == l->n->limit) {
			l->n->next = c->event + 1;
			break;
		}
		err = show(l, c);
	}
	return err;
}

enum mx_err
notifications_write(
    struct ctx *ctx, struct arena *arena, struct notifications *n, struct buf *out)
{
	struct listing l = { .ctx = ctx,
		.arena = arena,
		.n = n,
		.out = out,
		.oldest_read_ts = clock_now_ms() - UNREAD_HISTORY_MS };
	enum mx_err err;

	l.set = push_set_get(ctx, n->who->user_id);
	buf_char(out, '[');
	err = gather(&l);
	if (err == M_OK && l.count > 0)
		err = show_all(&l);
	else
		n->next = l.floor;
	buf_char(out, ']');
	push_set_unref(l.set);
	for (int i = 0; i < l.source_count; i++) {
		snapshot_unref(l.sources[i].s);
		room_put(l.sources[i].room);
	}
	return err;
}
