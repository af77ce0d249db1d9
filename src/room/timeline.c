/*
 * Who sees what of a room, and pages of it. Stands between store/events (all events of
 * a room) and the answers of /messages, /context, /initialSync, /events ...
 */
#include "room/timeline.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "room/ignored.h"
#include "room/stripped.h"
#include "store/state.h"

/* Events looked at for one page at most: a page of things one may not see must not cost
 * a scan of the room. */
#define PAGE_SCAN_MAX 2000
/* Bytes of events that are held for one page, but for those of its last run. */
#define PAGE_BYTES_MAX (16 << 20)
/* Read at once where a page's first run of events did not fill it. */
#define PAGE_RUN_MAX 250

void
seer_init(struct seer *seer, struct ctx *ctx, struct arena *arena, struct room *room,
    struct snapshot *s, const char *user_id, const char *device_id)
{
	*seer = (struct seer){ .ctx = ctx,
		.arena = arena,
		.room = room,
		.s = s,
		.user_id = user_id,
		.device_id = device_id };
	if (user_id != NULL)
		seer->member = snapshot_state(s, "m.room.member", user_id);
	seer->setting = snapshot_state(s, "m.room.history_visibility", "");
}

static enum membership
membership_now(const struct seer *seer)
{
	return seer->member == NULL ? MEMBERSHIP_NONE : seer->member->membership;
}

static void
read_history(struct seer *seer, const char *type, const char *state_key,
    struct state_change **changes_out, int *count_out)
{
	/* Without forks the current segment holds the room's whole past. */
	if (store_state_history(seer->ctx->db, seer->arena, seer->s->segment,
		seer->s->position + 1, type, state_key, changes_out,
		count_out) != M_OK) {
		*count_out = 0;
		seer->failed = true; /* nothing is shown by guesswork */
	}
}

/* Who was never a member, or has forgotten the room, has no history to read. */
static void
need_memberships(struct seer *seer)
{
	bool forgotten = false;

	if (seer->has_memberships)
		return;
	seer->has_memberships = true;
	if (seer->member != NULL && seer->member->membership != MEMBERSHIP_JOIN &&
	    room_is_forgotten(seer->ctx, seer->room, seer->user_id, &forgotten) != M_OK)
		seer->failed = true;
	if (seer->member != NULL && !forgotten && !seer->failed)
		read_history(seer, "m.room.member", seer->user_id, &seer->memberships,
		    &seer->membership_count);
}

static void
need_settings(struct seer *seer)
{
	if (seer->has_settings)
		return;
	seer->has_settings = true;
	read_history(seer, "m.room.history_visibility", "", &seer->settings,
	    &seer->setting_count);
}

/* The value before `event`: of the last change below it. */
static int64_t
value_before(
    const struct state_change *changes, int count, int64_t event, int64_t fallback)
{
	int low = 0, high = count;

	while (low < high) {
		int middle = low + (high - low) / 2;

		if (changes[middle].at < event)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? fallback : changes[low - 1].detail;
}

enum membership
seer_membership_at(struct seer *seer, int64_t event)
{
	/* Unchanged since before the event: no need to read the past. */
	if (seer->member == NULL || seer->member->event < event)
		return membership_now(seer);
	need_memberships(seer);
	return (enum membership)value_before(
	    seer->memberships, seer->membership_count, event, MEMBERSHIP_NONE);
}

static enum history_visibility
setting_at(struct seer *seer, int64_t event)
{
	if (seer->setting == NULL || seer->setting->event < event)
		return seer->s->visibility;
	need_settings(seer);
	return (enum history_visibility)value_before(
	    seer->settings, seer->setting_count, event, VISIBILITY_SHARED);
}

static bool
joined_after(struct seer *seer, int64_t event)
{
	enum membership now = membership_now(seer);

	if (now == MEMBERSHIP_JOIN || now == MEMBERSHIP_NONE)
		return now == MEMBERSHIP_JOIN;
	need_memberships(seer);
	for (int i = seer->membership_count - 1; i >= 0; i--) {
		if (seer->memberships[i].at < event)
			return false;
		if (seer->memberships[i].detail == MEMBERSHIP_JOIN)
			return true;
	}
	return false;
}

static bool
is_own_membership(const struct seer *seer, const char *type, const char *state_key)
{
	return state_key != NULL && seer->user_id != NULL &&
	       strcmp(state_key, seer->user_id) == 0 &&
	       strcmp(type, "m.room.member") == 0;
}

static bool
is_setting(const char *type, const char *state_key)
{
	return state_key != NULL && state_key[0] == '\0' &&
	       strcmp(type, "m.room.history_visibility") == 0;
}

bool
seer_sees(struct seer *seer, int64_t event, const char *type, const char *state_key)
{
	struct visibility_facts facts = { .before = setting_at(seer, event),
		.membership_before = seer_membership_at(seer, event) };

	facts.after = facts.before;
	facts.membership_after = facts.membership_before;
	if (is_setting(type, state_key))
		facts.after = setting_at(seer, event + 1);
	if (is_own_membership(seer, type, state_key))
		facts.membership_after = seer_membership_at(seer, event + 1);
	/* Only history shared with those who join later depends on it. */
	if (facts.before == VISIBILITY_SHARED || facts.after == VISIBILITY_SHARED)
		facts.joined_later = joined_after(seer, event);
	return !seer->failed && visibility_allows(&facts);
}

bool
seer_sees_live(struct seer *seer, const struct live_event *e)
{
	const struct event *event = e->pdu->event;
	struct visibility_facts facts = { .before = e->visibility_before,
		.after = e->visibility_after,
		.membership_before = seer_membership_at(seer, e->event) };

	facts.membership_after = facts.membership_before;
	if (is_own_membership(seer, event->type, event->state_key))
		facts.membership_after = e->membership_after;
	if (facts.before == VISIBILITY_SHARED || facts.after == VISIBILITY_SHARED)
		facts.joined_later = joined_after(seer, e->event);
	return !seer->failed && visibility_allows(&facts);
}

/* Where the setting has been the same since, one's membership decides; and of shared
 * history those who are in the room now have all. */
bool
seer_sees_all_since(const struct seer *seer, int64_t event)
{
	bool is_joined = membership_now(seer) == MEMBERSHIP_JOIN;

	if (seer->failed || (seer->setting != NULL && seer->setting->event >= event))
		return false;
	if (seer->s->visibility == VISIBILITY_WORLD_READABLE)
		return true;
	if (seer->s->visibility == VISIBILITY_SHARED)
		return is_joined;
	return is_joined && seer->member->event < event;
}

bool
seer_sees_now(struct seer *seer)
{
	struct visibility_facts facts = { .before = seer->s->visibility,
		.after = seer->s->visibility,
		.membership_before = membership_now(seer) };

	facts.membership_after = facts.membership_before;
	return !seer->failed && visibility_allows(&facts);
}

/* Whatever may be seen begins with a change, of the setting or of the user's
 * membership, that may be seen itself. */
bool
seer_sees_anything(struct seer *seer)
{
	if (seer_sees_now(seer))
		return true;
	need_memberships(seer);
	for (int i = seer->membership_count - 1; i >= 0; i--)
		if (seer_sees(
			seer, seer->memberships[i].at, "m.room.member", seer->user_id))
			return true;
	need_settings(seer);
	for (int i = seer->setting_count - 1; i >= 0; i--)
		if (seer_sees(
			seer, seer->settings[i].at, "m.room.history_visibility", ""))
			return true;
	return false;
}

bool
seer_ignores_any(struct seer *seer)
{
	if (!seer->has_ignored && seer->user_id != NULL &&
	    ignored_load(seer->ctx, seer->arena, seer->user_id, &seer->ignored) != M_OK)
		seer->failed = true;
	seer->has_ignored = true;
	return seer->ignored != NULL;
}

bool
seer_ignores(struct seer *seer, const char *sender)
{
	return seer_ignores_any(seer) && ignored_has(seer->ignored, sender);
}

int64_t
seer_horizon(struct seer *seer)
{
	if (seer_sees_now(seer))
		return STATE_NOW;
	need_memberships(seer);
	for (int i = seer->membership_count - 1; i >= 0; i--)
		if (seer->memberships[i].detail == MEMBERSHIP_JOIN)
			return i + 1 < seer->membership_count
				   ? seer->memberships[i + 1].at + 1
				   : STATE_NOW;
	return 0;
}

int64_t
seer_left_at(struct seer *seer, int64_t until)
{
	int64_t left = 0;

	need_memberships(seer);
	for (int i = seer->membership_count - 1; i >= 0; i--) {
		if (seer->memberships[i].at > until)
			continue;
		if (seer->memberships[i].detail == MEMBERSHIP_JOIN)
			return left;
		left = seer->memberships[i].at;
	}
	return 0;
}

static bool
standard64(const struct seer *seer)
{
	return seer->room->version->event_id_format == EVENT_ID_BASE64;
}

/* stored->json stays as it is: seer_write still reads it. */
struct event *
seer_parse(struct seer *seer, struct stored_event *stored)
{
	const struct room_version *version = seer->room->version;
	struct event *event;
	struct json *tree;
	const char *why;

	tree = json_parse_copy(
	    seer->arena, stored->json, stored->json_n, version->json_flags, NULL);
	if (tree != NULL && event_parse(seer->arena, version, tree, stored->event_id,
				&why, &event) == M_OK)
		return event;
	log_error("timeline: event %s cannot be read", stored->event_id);
	return NULL;
}

bool
seer_slice(struct seer *seer, const struct stored_event *stored, struct sliced *out)
{
	struct str json = { stored->json, stored->json_n };

	*out = (struct sliced){ .stored = *stored };
	if (event_slice(json, &out->raw)) {
		out->type = slice_text(seer->arena, out->raw.type);
		out->sender = slice_text(seer->arena, out->raw.sender);
		if (out->raw.state_key.p != NULL)
			out->state_key = slice_text(seer->arena, out->raw.state_key);
		if (out->type != NULL && out->sender != NULL &&
		    (out->raw.state_key.p == NULL || out->state_key != NULL))
			return true;
	}
	log_error("timeline: event %s cannot be read", stored->event_id);
	return false;
}

enum mx_err
seer_get(struct seer *seer, int64_t event, struct sliced *out)
{
	struct stored_event stored;
	enum mx_err err = store_event_get(
	    seer->ctx->db, seer->arena, event, standard64(seer), &stored);

	if (err != M_OK)
		return err;
	return seer_slice(seer, &stored, out) ? M_OK : M_UNKNOWN;
}

static struct event *
load(struct seer *seer, int64_t number)
{
	struct stored_event stored;

	if (store_event_get(
		seer->ctx->db, seer->arena, number, standard64(seer), &stored) != M_OK)
		return NULL;
	return seer_parse(seer, &stored);
}

/* May one see the content of what a state event replaced? One's own membership is told
 * by itself, as an invitation for one, also where history begins later. */
static bool
sees_replaced(struct seer *seer, int64_t event, const char *type, const char *state_key)
{
	return is_own_membership(seer, type, state_key) ||
	       seer_sees(seer, event, type, state_key);
}

/* What a state event replaced, and its content if that may be seen as well. */
static void
find_replaced(struct seer *seer, const struct sliced *e, struct stored_view *view)
{
	int64_t segment, at, number, detail;
	struct stored_event stored;
	struct sliced old;

	if (e->state_key == NULL ||
	    store_state_before(seer->ctx->db, e->stored.event, &segment, &at) != M_OK ||
	    store_state_at(seer->ctx->db, segment, at, e->type, e->state_key, &number,
		&detail) != M_OK ||
	    store_event_get(seer->ctx->db, seer->arena, number, standard64(seer),
		&stored) != M_OK ||
	    !seer_slice(seer, &stored, &old))
		return;
	view->replaced_id = stored.event_id;
	if (sees_replaced(seer, number, old.type, old.state_key))
		view->prev_content =
		    arena_strndup(seer->arena, old.raw.content.p, old.raw.content.n);
}

/* What a redaction redacts, from wherever the room version keeps it. */
static struct str
redacts_of(const struct seer *seer, const struct sliced *e)
{
	struct str key = STR("redacts"), none = { NULL, 0 }, redacts = e->raw.redacts;

	if (strcmp(e->type, "m.room.redaction") != 0)
		return none;
	if (seer->room->version->redacts_in_content &&
	    !json_slices(e->raw.content, &key, 1, &redacts))
		return none;
	return redacts.p != NULL && redacts.p[0] == '"' ? redacts : none;
}

bool
sliced_has(const struct sliced *e, const char *key)
{
	struct str wanted = str_of(key), value;

	if (e->live != NULL)
		return json_get(e->live->pdu->event->content, key) != NULL;
	return json_slices(e->raw.content, &wanted, 1, &value) && value.p != NULL;
}

const struct json *
sliced_content(struct seer *seer, const struct sliced *e)
{
	if (e->live != NULL)
		return e->live->pdu->event->content;
	return json_parse_copy(seer->arena, e->raw.content.p, e->raw.content.n,
	    seer->room->version->json_flags, NULL);
}

/* An invitation to the asker that is still open tells what room it is to, as /sync does
 * beside it; NULL: this is none. Spec: client-server-api/#mroommember */
static const char *
invite_room_state(struct seer *seer, int64_t event, const char *inviter)
{
	struct buf list = { 0 };
	const char *text = NULL;

	if (seer->member == NULL || seer->member->membership != MEMBERSHIP_INVITE ||
	    seer->member->event != event)
		return NULL;
	buf_char(&list, '[');
	if (stripped_write_state(seer, inviter, &list) == M_OK && list.n > 1) {
		list.p[list.n - 1] = ']';
		text = arena_strndup(seer->arena, list.p, list.n);
	}
	buf_free(&list);
	return text;
}

static void
write_stored(struct seer *seer, struct buf *out, const struct sliced *e,
    enum event_format format)
{
	struct stored_view view = { .raw = &e->raw,
		.event_id = e->stored.event_id,
		.room_id = seer->room->room_id,
		.redacts = redacts_of(seer, e) };
	struct event_view asker = { .format = format,
		.user_id = seer->user_id,
		.device_id = seer->device_id,
		.membership = is_own_membership(seer, e->type, e->state_key)
				  ? seer_membership_at(seer, e->stored.event + 1)
				  : seer_membership_at(seer, e->stored.event),
		.now_ms = clock_now_ms(),
		.relations = e->relations };

	if (is_own_membership(seer, e->type, e->state_key))
		asker.invite_room_state =
		    invite_room_state(seer, e->stored.event, e->sender);
	find_replaced(seer, e, &view);
	if (e->stored.redacted_by != 0)
		view.redacted_because = load(seer, e->stored.redacted_by);
	if (seer->device_id != NULL && seer->user_id != NULL &&
	    strcmp(seer->user_id, e->sender) == 0 && e->stored.device_id != NULL &&
	    strcmp(seer->device_id, e->stored.device_id) == 0)
		view.txn_id = e->stored.txn_id;
	json_event_stored(out, &view, &asker);
}

void
seer_write(struct seer *seer, struct buf *out, struct stored_event *stored,
    const struct event *event, enum event_format format)
{
	struct sliced e = { .stored = *stored,
		.type = event->type,
		.sender = event->sender,
		.state_key = event->state_key };
	struct str json = { stored->json, stored->json_n };

	if (event_slice(json, &e.raw)) /* which was parsed already */
		write_stored(seer, out, &e, format);
}

static void
write_live(struct seer *seer, struct buf *out, struct live_event *e,
    const char *relations, enum event_format format)
{
	const struct event *event = e->pdu->event;
	struct event_view asker = { .format = format,
		.user_id = seer->user_id,
		.device_id = seer->device_id,
		.membership = is_own_membership(seer, event->type, event->state_key)
				  ? e->membership_after
				  : seer_membership_at(seer, e->event),
		.now_ms = clock_now_ms(),
		.relations = relations };

	if (format == FORMAT_RAW) {
		json_write(out, event->json);
		return;
	}
	if (is_own_membership(seer, event->type, event->state_key))
		asker.invite_room_state =
		    invite_room_state(seer, e->event, event->sender);
	if (e->replaced_event != 0)
		asker.may_see_replaced = sees_replaced(
		    seer, e->replaced_event, event->type, event->state_key);
	json_event_live(out, e, &asker);
}

void
seer_write_live(
    struct seer *seer, struct buf *out, struct live_event *e, enum event_format format)
{
	write_live(seer, out, e, NULL, format);
}

enum mx_err
seer_find(struct seer *seer, const char *event_id, struct stored_event *stored_out,
    struct event **event_out)
{
	int64_t number, room;
	enum mx_err err = store_event_find(seer->ctx->db, event_id, &number, &room);

	if (err != M_OK)
		return err;
	if (room != seer->room->id || number > seer->s->position)
		return M_NOT_FOUND;
	err = store_event_get(
	    seer->ctx->db, seer->arena, number, standard64(seer), stored_out);
	if (err != M_OK)
		return err;
	if (!stored_event_is(stored_out, event_id))
		return M_NOT_FOUND;
	*event_out = seer_parse(seer, stored_out);
	if (*event_out == NULL)
		return M_UNKNOWN;
	return seer_sees(seer, number, (*event_out)->type, (*event_out)->state_key)
		   ? M_OK
		   : M_NOT_FOUND;
}

void
seer_write_sliced(struct seer *seer, struct buf *out, const struct sliced *e,
    enum event_format format)
{
	if (e->live != NULL)
		write_live(seer, out, e->live, e->relations, format);
	else if (format == FORMAT_RAW)
		buf_add(out, e->stored.json, e->stored.json_n);
	else
		write_stored(seer, out, e, format);
}

/* --- pages --- */

static bool
is_behind(const struct place *place, const struct place *end)
{
	return place->line > end->line ||
	       (place->line == end->line && place->sub > end->sub);
}

/* The page's next run of events from the store. */
static enum mx_err
fetch(struct seer *seer, struct page *page, int want, struct stored_event **stored,
    int *count)
{
	struct place end = { seer->s->position + 1, 0 };
	const struct place *to = page->to;

	/* Events that became durable after the snapshot are not part of this view. */
	if (!page->backwards && (to == NULL || is_behind(to, &end)))
		to = &end;
	if (page->backwards && is_behind(&page->end, &end))
		page->end = end;
	return store_timeline(seer->ctx->db, seer->arena, seer->room->id, page->end, to,
	    page->backwards, want, standard64(seer), stored, count);
}

/* The event in the next place: it is held, or not. False: the page was full. */
static bool
hold(struct page *page, bool is_seen)
{
	if (!is_seen || (page->keep != NULL &&
			    !page->keep(&page->events[page->count], page->keep_arg)))
		return true;
	if (page->count == page->limit)
		return false;
	page->count++;
	return true;
}

/* False: the page is full, and this event belongs to the next one. */
static bool
take(struct seer *seer, struct page *page, const struct stored_event *stored)
{
	struct sliced *e = &page->events[page->count];

	if (page->count == page->limit && !page->looks_on)
		return false;
	/* Forwards the next page begins behind this event, backwards before it. */
	page->end = (struct place){ stored->line, stored->sub + !page->backwards };
	return hold(page, seer_slice(seer, stored, e) &&
			      seer_sees(seer, stored->event, e->type, e->state_key));
}

static bool
take_live(struct seer *seer, struct page *page, struct live_event *live)
{
	struct sliced *e = &page->events[page->count];
	const struct event *event = live->pdu->event;

	if (page->count == page->limit && !page->looks_on)
		return false;
	page->end = (struct place){ live->event, 0 };
	*e = (struct sliced){ .type = event->type,
		.sender = event->sender,
		.state_key = event->state_key,
		.live = live };
	e->stored.event = e->stored.line = live->event;
	e->stored.event_id = event->event_id;
	e->stored.ts = event->origin_server_ts;
	return hold(page, seer_sees_live(seer, live));
}

/* The newest events are at hand, encoded already. False: the page has ended there. */
static bool
take_tail(struct seer *seer, struct page *page)
{
	const struct snapshot *s = seer->s;

	for (int i = s->tail_count - 1; page->backwards && i >= 0; i--) {
		struct live_event *live = s->tail[i];
		struct place place = { live->event, 0 };

		if (!is_behind(&page->end, &place))
			continue;
		if (page->to != NULL && is_behind(page->to, &place)) {
			page->more = false;
			return false;
		}
		if (!take_live(seer, page, live))
			return false;
	}
	return true;
}

/* One event more than the page takes is asked for: it says whether there are more. */
static enum mx_err
read_page(struct seer *seer, struct page *page)
{
	int most = page->scan_max > 0 ? page->scan_max : PAGE_SCAN_MAX;
	int want = page->limit + 1;
	size_t bytes = 0;

	page->scanned = 0;
	page->events = arena_raw(seer->arena, sizeof *page->events * want);
	page->count = 0;
	page->more = true;
	page->end = page->from;
	if (!take_tail(seer, page))
		return M_OK;
	want -= page->count;
	while (page->scanned < most && bytes < PAGE_BYTES_MAX) {
		struct stored_event *stored;
		int got;
		enum mx_err err = fetch(seer, page, want, &stored, &got);

		if (err != M_OK)
			return err;
		for (int i = 0; i < got; i++) {
			if (!take(seer, page, &stored[i]))
				return M_OK;
			bytes += stored[i].json_n;
		}
		page->scanned += got;
		if (got < want) {
			page->more = false;
			break;
		}
		/* Much was left out, more will be. */
		want = page->scanned < PAGE_RUN_MAX ? page->scanned : PAGE_RUN_MAX;
		if (want <= page->limit - page->count)
			want = page->limit - page->count + 1;
	}
	return M_OK;
}

/* Where it could not be read who sees what, events are missing in between. */
enum mx_err
timeline_page(struct seer *seer, struct page *page)
{
	enum mx_err err = read_page(seer, page);

	return err == M_OK && seer->failed ? M_UNKNOWN : err;
}

enum mx_err
timeline_near(struct seer *seer, int64_t ts, bool backwards, struct sliced *out)
{
	struct moment from = { ts, INT64_MIN, INT64_MIN };
	int scanned = 0, want = 1;

	if (backwards && ts < INT64_MAX)
		from.ts++;
	while (scanned < PAGE_SCAN_MAX) {
		struct stored_event *stored;
		int got;
		enum mx_err err =
		    store_by_time(seer->ctx->db, seer->arena, seer->room->id, from,
			backwards, want, standard64(seer), &stored, &got);

		if (err != M_OK)
			return err;
		for (int i = 0; i < got; i++)
			if (stored[i].event <= seer->s->position &&
			    seer_slice(seer, &stored[i], out) &&
			    seer_sees(seer, stored[i].event, out->type, out->state_key))
				return M_OK;
		if (got < want)
			return M_NOT_FOUND;
		from = (struct moment){ stored[got - 1].ts, stored[got - 1].line,
			stored[got - 1].sub + !backwards };
		scanned += got;
		want = PAGE_RUN_MAX;
	}
	return M_NOT_FOUND;
}
