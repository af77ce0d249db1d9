/*
 * A room that the user is in, or has left, as it is written in the answer of /sync:
 * timeline, state, what is ephemeral, what is the user's own. Between sync.c and core.
 */
#include "room/bundle.h"
#include "room/receipts.h"
#include "room/typing.h"
#include "room/unread.h"
#include "store/account_data.h"
#include "stream/sync_fields.h"
#include "stream/sync_inside.h"

/* --- the timeline --- */

static enum event_format
format_of(const struct room_sync *r)
{
	return r->sync->ask->filter->f.is_federation ? FORMAT_RAW : FORMAT_SYNC;
}

/* What the events' children come to, where clients have not heard them all.
 * Spec: client-server-api/#aggregations-of-child-events */
static enum mx_err
bundle_timeline(struct room_sync *r)
{
	if (!r->page.more || format_of(r) == FORMAT_RAW)
		return M_OK;
	return bundle_events(
	    &r->seer, r->page.events, r->page.count, r->until, format_of(r));
}

static void
keep_fields(struct room_sync *r, struct buf *out, size_t at)
{
	sync_fields_keep(r->arena, &r->sync->ask->filter->f.event_fields, out, at);
}

static void
write_timeline(struct room_sync *r, struct buf *out)
{
	const struct page *page = &r->page;
	size_t at;

	buf_lit(out, "\"timeline\":{\"events\":");
	at = out->n;
	buf_char(out, '[');
	for (int i = page->count - 1; i >= 0; i--) {
		seer_write_sliced(&r->seer, out, &page->events[i], format_of(r));
		if (i > 0)
			buf_char(out, ',');
	}
	buf_char(out, ']');
	keep_fields(r, out, at);
	buf_lit(out, ",\"limited\":");
	buf_str(out, page->more ? "true" : "false");
	buf_lit(out, ",\"prev_batch\":\"");
	token_write_place(out, page->end);
	buf_lit(out, "\"}");
}

/* --- the state --- */

static enum mx_err
write_state(struct room_sync *r, struct buf *out, bool *any_out)
{
	/* Their types were looked at by sync_state_refs. */
	struct state_pick pick = { .keep = filter_looks_inside(&r->state) ? filter_keeps
									  : NULL,
		.arg = &r->state,
		.size_max = r->sync->size_max };
	bool is_after = r->sync->ask->use_state_after;
	struct state_ref *refs;
	size_t before;
	int n;
	enum mx_err err = sync_state_refs(r, &refs, &n);

	if (err != M_OK)
		return err;
	buf_str(
	    out, is_after ? "\"state_after\":{\"events\":" : "\"state\":{\"events\":");
	before = out->n;
	err = state_list_write_refs(&r->seer, out, refs, n, &pick, format_of(r));
	*any_out = out->n > before + 2;
	if (*any_out)
		keep_fields(r, out, before);
	buf_lit(out, "},");
	return err;
}

/* --- what passes --- */

static void
write_typing(struct room_sync *r, struct buf *out, bool is_behind)
{
	struct syncing *sync = r->sync;
	const char **users;
	int64_t position;
	int n = typing_users(sync->ctx->core, r->arena, r->room->id, &users, &position);
	size_t first;

	/* Nobody types: news for those alone who have seen somebody. */
	if (position <= (r->since == 0 ? 0 : sync->ask->since.typing) ||
	    (r->since == 0 && n == 0))
		return;
	if (is_behind)
		buf_char(out, ',');
	buf_lit(out, "{\"content\":{\"user_ids\":[");
	first = out->n;
	for (int i = 0; i < n; i++) {
		if (sync_ignores(sync, users[i]))
			continue;
		if (out->n > first)
			buf_char(out, ',');
		buf_json_str(out, users[i]);
	}
	buf_lit(out, "]},\"type\":\"m.typing\"}");
}

/* Appends as many m.receipt events as it takes. */
static enum mx_err
write_receipts(struct room_sync *r, struct buf *out)
{
	struct syncing *sync = r->sync;
	struct receipts_ask ask = { .asker = sync->ask->user_id,
		.ignored = sync_ignored(sync),
		.since = r->since,
		.until = r->until };
	struct receipt_row *rows;
	size_t before = out->n;
	int n;
	enum mx_err err = receipts_told(sync->ctx, r->arena, r->room, &ask, &rows, &n);

	if (err != M_OK)
		return err;
	for (int nth = 0; n > 0; nth++) {
		size_t at = out->n;

		if (at > before)
			buf_char(out, ',');
		if (receipts_write_event(out, NULL, rows, n, sync->ask->user_id, nth))
			continue;
		out->n = at;
		break;
	}
	return M_OK;
}

static bool
wants_ephemeral(const struct room_sync *r, const char *type)
{
	const struct filter *f = &r->sync->ask->filter->f.ephemeral;

	return filter_keeps_type(f, type, NULL) &&
	       filter_keeps_room(&f->rooms, &f->not_rooms, r->room->room_id);
}

static enum mx_err
write_ephemeral(struct room_sync *r, struct buf *out, bool *any_out)
{
	enum mx_err err = M_OK;
	size_t before;

	buf_lit(out, "\"ephemeral\":{\"events\":[");
	before = out->n;
	if ((r->news.has_receipts || r->news.has_own) &&
	    wants_ephemeral(r, "m.receipt"))
		err = write_receipts(r, out);
	if (err == M_OK && r->news.has_typing && wants_ephemeral(r, "m.typing"))
		write_typing(r, out, out->n > before);
	*any_out = out->n > before;
	buf_lit(out, "]},");
	return err;
}

/* --- the user's own --- */

static enum mx_err
own_data(struct room_sync *r, struct account_data_row **rows_out, int *n_out)
{
	struct syncing *sync = r->sync;

	*rows_out = sync->own;
	*n_out = sync->own_count;
	if (r->since > 0 && sync->since > 0)
		return M_OK;
	return store_account_data_of(
	    sync->ctx->db, r->arena, sync->ask->user_id, r->room->id, rows_out, n_out);
}

static enum mx_err
write_account_data(struct room_sync *r, struct buf *out, bool *any_out)
{
	const struct filter *f = &r->sync->ask->filter->f.room_account_data;
	struct account_data_row *rows;
	int n;
	enum mx_err err = own_data(r, &rows, &n);

	buf_lit(out, "\"account_data\":{\"events\":[");
	if (err == M_OK &&
	    filter_keeps_room(&f->rooms, &f->not_rooms, r->room->room_id))
		*any_out = sync_write_own(out, f, rows, n, r->room->id);
	buf_lit(out, "]},");
	return err;
}

/* --- what is unread --- */

static void
write_counts(struct buf *out, const struct unread *unread)
{
	buf_lit(out, "{\"highlight_count\":");
	buf_int(out, unread->highlights);
	buf_lit(out, ",\"notification_count\":");
	buf_int(out, unread->notifications);
	buf_char(out, '}');
}

/* Appends ,"unread_notifications":{...} and, if the client counts by threads, those of
 * threads. */
static enum mx_err
write_unread(struct room_sync *r, struct buf *out)
{
	struct syncing *sync = r->sync;
	bool by_thread = r->timeline.unread_thread_notifications;
	struct unread_thread *threads = NULL;
	struct unread all;
	int n = 0;
	enum mx_err err = unread_of(sync->ctx, r->arena, r->room, r->s,
	    sync->ask->user_id, r->until, &all, by_thread ? &threads : NULL, &n);

	if (err != M_OK)
		return err;
	buf_lit(out, ",\"unread_notifications\":");
	write_counts(out, &all);
	if (n > 0)
		buf_lit(out, ",\"unread_thread_notifications\":{");
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_json_str(out, threads[i].thread);
		buf_char(out, ':');
		write_counts(out, &threads[i].unread);
	}
	if (n > 0)
		buf_char(out, '}');
	return M_OK;
}

static enum mx_err
own_receipt_moved(struct room_sync *r, bool *out)
{
	struct receipt_row *rows;
	int n;
	enum mx_err err = store_receipts_of_user(
	    r->sync->ctx->db, r->arena, r->room->id, r->sync->ask->user_id, &rows, &n);

	*out = false;
	for (int i = 0; err == M_OK && i < n && !*out; i++)
		*out = rows[i].position > r->since && rows[i].position <= r->until;
	return err;
}

/* What a filter keeps out of the timeline counts all the same, and so does one's own
 * receipt, which may be private. Spec: client-server-api/#receiving-notifications
 * ("MUST update it as it changes") */
static enum mx_err
counts_moved(struct room_sync *r, bool *out)
{
	struct syncing *sync = r->sync;
	enum mx_err err = M_OK;

	*out = false;
	if (r->news.has_own)
		err = own_receipt_moved(r, out);
	if (err != M_OK || *out || !r->news.has_events)
		return err;
	return unread_moved(sync->ctx, r->arena, r->room, r->s, sync->ask->user_id,
	    r->since, r->until, out);
}

/* --- the room --- */

enum mx_err
sync_write_room(struct room_sync *r, bool is_joined, bool is_news, struct buf *out)
{
	size_t before = out->n;
	bool has_state = false, has_ephemeral = false, has_data = false;
	enum mx_err err;

	sync_room_key(out, r->room->room_id);
	buf_char(out, '{');
	err = write_account_data(r, out, &has_data);
	if (err == M_OK)
		err = write_state(r, out, &has_state);
	if (err == M_OK && is_joined)
		err = write_ephemeral(r, out, &has_ephemeral);
	if (err == M_OK && is_joined && r->tells_summary)
		err = sync_write_summary(r, out);
	if (err == M_OK)
		err = bundle_timeline(r);
	if (err != M_OK)
		return err;
	write_timeline(r, out);
	is_news = is_news || has_state || has_ephemeral || has_data ||
		  r->page.count > 0 || r->page.more || (is_joined && r->tells_summary);
	if (!is_news && is_joined)
		err = counts_moved(r, &is_news);
	if (err == M_OK && is_news && is_joined)
		err = write_unread(r, out);
	buf_char(out, '}');
	if (!is_news)
		out->n = before;
	return err;
}

/* Who has joined meanwhile is shown to those who are there, and they to them
 * (m.presence). */
static void
note_joins(struct room_sync *r)
{
	struct syncing *sync = r->sync;

	if (sync->ask->has_since && r->since == 0)
		vec_push(&sync->joined_rooms, r->room->id);
	for (int i = 0; i < r->changed_count && r->since > 0; i++) {
		const char *user_id = r->changed[i].state_key;

		if (r->changed[i].membership != MEMBERSHIP_JOIN ||
		    map_get_str(&sync->joined_before, user_id) != NULL)
			continue;
		user_id = arena_strdup(sync->arena, user_id);
		map_put_str(&sync->joined_before, user_id, (void *)user_id);
		vec_push(&sync->joined_users, user_id);
	}
}

enum mx_err
sync_joined(struct room_sync *r, bool was_joined, struct buf *out)
{
	enum mx_err err;

	sync_set_filters(r);
	if (!was_joined) {
		r->since = 0;
		r->news = (struct room_news){ r->news.room, true, true, true, true };
	}
	r->is_full = r->since == 0 || r->sync->ask->full_state;
	err = sync_read_timeline(r);
	if (err == M_OK)
		err = sync_read_changes(r);
	note_joins(r);
	return err == M_OK ? sync_write_room(r, true, r->is_full, out) : err;
}
