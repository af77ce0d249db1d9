/*
 * A room's timeline in the answer of /sync, and what changed of its state beside it, by
 * its keys. Between room/timeline, room/state_list and sync_room, sync_left. See
 * doc/sync.md.
 */
#include <string.h>

#include "stream/sync_inside.h"

/* Where the answer is that large already, timelines hold one event. */
#define SHORT_AT(size_max) ((size_max) / 4)
#define SCAN_MAX 2000 /* events looked at for one timeline, at first */
#define SCAN_MIN 100  /* and where many were looked at for the rooms before it */

/* --- the timeline --- */

void
sync_set_filters(struct room_sync *r)
{
	const struct filter_whole *f = &r->sync->ask->filter->f;

	r->timeline = f->timeline;
	r->state = f->state;
	r->timeline.room_id = r->state.room_id = r->room->room_id;
	r->timeline.seer = r->state.seer = &r->seer;
}

static int
timeline_limit(const struct room_sync *r)
{
	int64_t limit = r->timeline.limit;

	if (limit == 0)
		limit = SYNC_TIMELINE_DEFAULT;
	if (sync_size(r->sync) > SHORT_AT(r->sync->size_max))
		limit = 1;
	if (limit > SYNC_TIMELINE_MAX)
		limit = SYNC_TIMELINE_MAX;
	return (int)limit - r->is_own_new;
}

static int
scan_max(const struct room_sync *r)
{
	int left = r->sync->scans_left;

	return left > SCAN_MAX ? SCAN_MAX : left > SCAN_MIN ? left : SCAN_MIN;
}

/* As page.keep: what ignored users say is left out, what they do to the room is not.
 * Spec: client-server-api/#ignoring-users */
static bool
keeps(const struct sliced *event, const void *arg)
{
	const struct room_sync *r = arg;

	return filter_keeps(event, &r->timeline) &&
	       (event->state_key != NULL || !sync_ignores(r->sync, event->sender));
}

/* The timeline begins with its oldest event, not with what was looked at before that
 * and left out: beside it stands the state at that event, and /messages goes on from
 * there. */
static void
set_start(struct room_sync *r)
{
	struct page *page = &r->page;

	page->end = page->from;
	if (page->count > 0) {
		const struct stored_event *oldest =
		    &page->events[page->count - 1].stored;

		page->end = (struct place){ oldest->line, oldest->sub };
	}
	r->start = page->end.line;
}

enum mx_err
sync_read_timeline(struct room_sync *r)
{
	struct place to = { r->since + 1, 0 };
	struct page *page = &r->page;
	enum mx_err err = M_OK;

	*page = (struct page){ .from = { r->until + 1, 0 },
		.to = r->since > 0 ? &to : NULL,
		.backwards = true,
		.limit = timeline_limit(r),
		.scan_max = scan_max(r),
		.looks_on = true,
		.keep = keeps,
		.keep_arg = r };
	if ((r->news.has_events || r->since == 0) && r->since < r->until &&
	    !filter_keeps_nothing(&r->timeline))
		err = timeline_page(&r->seer, page);
	page->to = NULL;
	r->sync->scans_left -= page->scanned;
	for (int i = 0; i < page->count; i++)
		map_put(&r->told, &page->events[i].stored.event, sizeof(int64_t),
		    &page->events[i]);
	set_start(r);
	return err;
}

bool
sync_in_timeline(const struct room_sync *r, int64_t event)
{
	return event >= r->start && map_get(&r->told, &event, sizeof event) != NULL;
}

enum mx_err
sync_add_to_timeline(struct room_sync *r, int64_t event)
{
	struct page *page = &r->page;
	struct sliced *events, e;
	enum mx_err err = seer_get(&r->seer, event, &e);

	if (err != M_OK || !keeps(&e, r))
		return err;
	events = ARENA_ARRAY(r->arena, struct sliced, (size_t)page->count + 1);
	events[0] = e;
	if (page->count > 0)
		memcpy(&events[1], page->events, sizeof *events * (size_t)page->count);
	page->events = events;
	page->count++;
	map_put(&r->told, &events[0].stored.event, sizeof(int64_t), &events[0]);
	return M_OK;
}

/* --- what changed --- */

static void
set_key(struct buf *key, const char *type, const char *state_key)
{
	buf_reset(key);
	buf_add(key, type, strlen(type) + 1);
	buf_str(key, state_key);
}

struct changed_key *
sync_change_of(struct room_sync *r, const char *type, const char *state_key)
{
	if (r->changed_count == 0)
		return NULL;
	set_key(&r->key, type, state_key);
	return map_get(&r->keys, r->key.p, r->key.n);
}

static void
index_change(struct room_sync *r, const struct state_ref *ref)
{
	struct changed_key *key = sync_change_of(r, ref->type, ref->state_key);

	if (key == NULL) {
		key = ARENA_NEW(r->arena, struct changed_key);
		map_put(
		    &r->keys, arena_dup(r->arena, r->key.p, r->key.n), r->key.n, key);
	}
	key->last = ref;
	if (sync_in_timeline(r, ref->event))
		key->told = ref->event;
}

/* The newest event of the timeline whose key's last change is not in it: who adds the
 * timeline to the state would end with what was replaced. 0: there is none. */
static int64_t
find_misleading(const struct room_sync *r)
{
	const struct changed_key *key;
	int64_t found = 0;

	for (size_t at = 0; (key = map_next(&r->keys, &at)) != NULL;)
		if (key->told > found && key->told != key->last->event)
			found = key->told;
	return found;
}

/* The timeline begins behind such an event. */
static void
cut_timeline(struct room_sync *r)
{
	struct page *page = &r->page;
	int64_t misleading = find_misleading(r);

	if (misleading == 0)
		return;
	while (
	    page->count > 0 && page->events[page->count - 1].stored.event <= misleading)
		page->count--;
	page->more = true;
	set_start(r);
}

/* What a summary tells depends on these. */
static bool
summary_changed(const struct room_sync *r)
{
	static const char *const types[] = { "m.room.member", "m.room.name",
		"m.room.canonical_alias" };

	for (int i = 0; i < r->changed_count; i++)
		for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
			if (strcmp(r->changed[i].type, types[t]) == 0)
				return true;
	return r->is_full;
}

/* The state that the timeline stands on must know what is kept out of it: what may not
 * be seen, or does not pass the filter. */
enum mx_err
sync_read_changes(struct room_sync *r)
{
	int64_t from = r->since == 0 ? r->start - 1 : r->since;
	enum mx_err err;

	if (!r->is_full && !r->news.has_events)
		return M_OK;
	err = state_list_changed(
	    &r->seer, from, r->until, &r->changed, &r->changed_count);
	if (err != M_OK)
		return err;
	for (int i = 0; i < r->changed_count; i++)
		index_change(r, &r->changed[i]);
	if (!r->sync->ask->use_state_after)
		cut_timeline(r);
	for (int i = 0; i < r->changed_count && r->changed[i].event < r->start; i++)
		sync_change_of(r, r->changed[i].type, r->changed[i].state_key)->before =
		    &r->changed[i];
	r->tells_summary = summary_changed(r);
	return r->tells_summary ? M_OK : sync_lost_name(r, &r->tells_summary);
}

void
sync_changes_fini(struct room_sync *r)
{
	map_fini(&r->told);
	map_fini(&r->keys);
	buf_free(&r->key);
}
