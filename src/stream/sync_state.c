/*
 * Which state events stand beside a timeline in the answer of /sync, so that who adds
 * them to what it has, and the timeline (or not: state_after), has the room's state.
 * Between sync_room.c and room/state_list. See doc/sync.md.
 */
#include <stdlib.h>
#include <string.h>

#include "stream/sync_inside.h"

#define HEROES 5

/* A list on its way; each event stands in it once. */
struct refs {
	struct room_sync *r;
	VEC(struct state_ref) list;
	struct map senders; /* whose members lazy loading tells of */
};

static bool
is_member(const char *type)
{
	return strcmp(type, "m.room.member") == 0;
}

static bool
is_lazy(const struct room_sync *r)
{
	return r->state.lazy_load_members;
}

static void
note_senders(struct refs *refs)
{
	struct room_sync *r = refs->r;
	const char **heroes;
	int n;

	for (int i = 0; i < r->page.count; i++) {
		const char *sender = r->page.events[i].sender;

		map_put_str(&refs->senders, sender, (void *)sender);
	}
	if (!r->is_full && !r->tells_summary)
		return;
	map_put_str(
	    &refs->senders, r->sync->ask->user_id, (void *)r->sync->ask->user_id);
	n = sync_heroes(r, &heroes);
	for (int i = 0; i < n; i++)
		map_put_str(&refs->senders, heroes[i], (void *)heroes[i]);
}

/* Of whom the client has something else. */
static void
note_changed(struct refs *refs)
{
	struct room_sync *r = refs->r;

	for (int i = 0; r->since > 0 && i < r->changed_count; i++)
		if (is_member(r->changed[i].type))
			map_put_str(&refs->senders, r->changed[i].state_key,
			    (void *)r->changed[i].state_key);
}

/* As state_pick.want, before the event is read: what the filter keeps out by its type.
 */
static bool
wants(const struct state_ref *ref, const void *arg)
{
	const struct refs *refs = arg;

	return filter_may_keep(&refs->r->state, ref->type);
}

/* Lazily, all but those who speak, or changed. */
static bool
wants_late(const struct refs *refs, const struct state_ref *ref)
{
	return wants(ref, refs) &&
	       (!is_lazy(refs->r) || !is_member(ref->type) ||
		   map_get_str(&refs->senders, ref->state_key) != NULL);
}

/* What changed, as far as the timeline does not tell it. */
static void
add_changed(struct refs *refs)
{
	struct room_sync *r = refs->r;

	for (int i = 0; i < r->changed_count; i++) {
		const struct state_ref *ref = &r->changed[i];
		struct changed_key *key = sync_change_of(r, ref->type, ref->state_key);

		if (key->last != ref || !filter_may_keep(&r->state, ref->type))
			continue;
		if (!r->sync->ask->use_state_after && sync_in_timeline(r, ref->event))
			ref = key->before;
		if (ref == NULL)
			continue;
		key->listed = true;
		vec_push(&refs->list, *ref);
	}
}

/* Mostly it has been the same since: then the tree has it. */
enum mx_err
sync_member_at(
    struct room_sync *r, int64_t at, const char *user_id, struct state_ref *out)
{
	const struct state_entry *entry =
	    snapshot_state(r->s, "m.room.member", user_id);

	if (entry == NULL || entry->event >= at)
		return state_list_ref_at(&r->seer, at, "m.room.member", user_id, out);
	*out = (struct state_ref){ .event = entry->event,
		.event_id = entry->event_id,
		.type = "m.room.member",
		.state_key = entry->state_key,
		.membership = entry->membership };
	return M_OK;
}

static struct sync_device
device_of(const struct room_sync *r)
{
	const struct sync_ask *ask = r->sync->ask;

	return (struct sync_device){ ask->user_id, ask->device_id, r->room->room_id };
}

/* Does the client have it, from an answer that came before? */
static bool
is_known(const struct room_sync *r, const struct state_ref *member)
{
	const struct sync_device device = device_of(r);

	return !r->state.include_redundant_members &&
	       sync_members_has(
		   r->sync->ask->members, &device, member->event, r->since);
}

/* From now on it has these, and those of its timeline. */
static void
note_told(const struct refs *refs)
{
	const struct room_sync *r = refs->r;
	const struct sync_device device = device_of(r);

	if (r->since == 0)
		sync_members_begin(r->sync->ask->members, &device);
	for (size_t i = 0; i < refs->list.n; i++)
		if (is_member(refs->list.v[i].type))
			sync_members_told(r->sync->ask->members, &device,
			    refs->list.v[i].event, r->sync->until);
	/* Where state_after tells the state, timelines tell nothing of it. */
	for (int i = 0; i < r->page.count && !r->sync->ask->use_state_after; i++)
		if (is_member(r->page.events[i].type))
			sync_members_told(r->sync->ask->members, &device,
			    r->page.events[i].stored.event, r->sync->until);
}

/* Those who speak, though nothing changed about them. */
static enum mx_err
add_speakers(struct refs *refs, int64_t at)
{
	struct room_sync *r = refs->r;
	const char *sender;
	struct state_ref ref;

	if (!filter_may_keep(&r->state, "m.room.member"))
		return M_OK;
	for (size_t next = 0; (sender = map_next(&refs->senders, &next)) != NULL;) {
		const struct changed_key *key =
		    sync_change_of(r, "m.room.member", sender);
		enum mx_err err;

		if (key != NULL && key->listed)
			continue;
		err = sync_member_at(r, at, sender, &ref);
		if (err == M_OK && !is_known(r, &ref))
			vec_push(&refs->list, ref);
		if (err != M_OK && err != M_NOT_FOUND)
			return err;
	}
	return M_OK;
}

/* Did it change within the timeline's range, and the timeline does not tell? */
static bool
is_late(const struct room_sync *r, const struct state_ref *last, int64_t at)
{
	return last->event >= at && !sync_in_timeline(r, last->event);
}

/* All of it just before `at`; instead of what changed within the timeline, unless that
 * is told there, the last. */
static enum mx_err
add_all(struct refs *refs, int64_t at)
{
	struct room_sync *r = refs->r;
	struct state_pick pick = { .want = wants,
		.arg = refs,
		.members = is_lazy(r) ? &refs->senders : NULL };
	struct state_ref *all;
	int n;
	enum mx_err err;

	note_changed(refs);
	err = state_list_refs(&r->seer, at, &pick, &all, &n);
	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++) {
		const struct changed_key *key =
		    sync_change_of(r, all[i].type, all[i].state_key);

		if (key == NULL || !is_late(r, key->last, at))
			vec_push(&refs->list, all[i]);
	}
	for (int i = 0; i < r->changed_count; i++) {
		const struct state_ref *ref = &r->changed[i];

		if (sync_change_of(r, ref->type, ref->state_key)->last == ref &&
		    is_late(r, ref, at) && wants_late(refs, ref))
			vec_push(&refs->list, *ref);
	}
	return M_OK;
}

/* What became of the user's own membership after they left, unless the timeline alone
 * tells it. */
static void
add_own(struct refs *refs)
{
	const struct room_sync *r = refs->r;
	size_t kept = 0;

	if (r->own.event == 0 || (!r->is_own_new && !r->is_full) ||
	    !filter_may_keep(&r->state, r->own.type) ||
	    (!r->sync->ask->use_state_after && sync_in_timeline(r, r->own.event)))
		return;
	for (size_t i = 0; i < refs->list.n; i++)
		if (!is_member(refs->list.v[i].type) ||
		    strcmp(refs->list.v[i].state_key, r->own.state_key) != 0)
			refs->list.v[kept++] = refs->list.v[i];
	refs->list.n = kept;
	vec_push(&refs->list, r->own);
}

static int
by_event(const void *a, const void *b)
{
	int64_t x = ((const struct state_ref *)a)->event;
	int64_t y = ((const struct state_ref *)b)->event;

	return (x > y) - (x < y);
}

static void
take(struct refs *refs, struct state_ref **refs_out, int *n_out)
{
	size_t n = refs->list.n;

	for (size_t i = 1; i < n; i++)
		if (refs->list.v[i].event < refs->list.v[i - 1].event) {
			qsort(refs->list.v, n, sizeof *refs->list.v, by_event);
			break;
		}
	*refs_out = ARENA_ARRAY(refs->r->arena, struct state_ref, n + 1);
	if (n > 0)
		memcpy(*refs_out, refs->list.v, n * sizeof *refs->list.v);
	*n_out = (int)n;
	vec_free(&refs->list);
	map_fini(&refs->senders);
}

/* What stood before the user's own membership, if anything of it is to be seen. */
static enum mx_err
add_room(struct refs *refs)
{
	struct room_sync *r = refs->r;
	int64_t at = r->sync->ask->use_state_after ? r->until + 1 : r->start;

	if (r->hides_state || filter_keeps_nothing(&r->state))
		return M_OK;
	if (is_lazy(r))
		note_senders(refs);
	if (r->is_full)
		return add_all(refs, at);
	add_changed(refs);
	return is_lazy(r) ? add_speakers(refs, at) : M_OK;
}

enum mx_err
sync_state_refs(struct room_sync *r, struct state_ref **refs_out, int *n_out)
{
	struct refs refs = { .r = r };
	enum mx_err err = add_room(&refs);

	add_own(&refs);
	if (is_lazy(r))
		note_told(&refs);
	take(&refs, refs_out, n_out);
	return err;
}

/* --- the summary --- */

/* The room's own name would do: then nobody is needed to name it. */
static bool
has_name(const struct room_sync *r)
{
	const struct json *name = snapshot_content(r->s, "m.room.name", "");
	const struct json *alias = snapshot_content(r->s, "m.room.canonical_alias", "");
	const char *text = name == NULL ? NULL : json_get_str(name, "name");
	const char *id = alias == NULL ? NULL : json_get_str(alias, "alias");

	return (text != NULL && text[0] != '\0') || (id != NULL && id[0] != '\0');
}

static enum mx_err
was_redacted(struct room_sync *r, const char *type, bool *out)
{
	const struct state_entry *entry = snapshot_state(r->s, type, "");
	bool standard64 = r->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	enum mx_err err;

	*out = false;
	if (entry == NULL)
		return M_OK;
	err = store_event_get(
	    r->sync->ctx->db, r->arena, entry->event, standard64, &stored);
	*out = err == M_OK && stored.redacted_by > r->since &&
	       stored.redacted_by <= r->until;
	return err;
}

enum mx_err
sync_lost_name(struct room_sync *r, bool *out)
{
	enum mx_err err;

	*out = false;
	if (has_name(r))
		return M_OK;
	err = was_redacted(r, "m.room.name", out);
	if (err == M_OK && !*out)
		err = was_redacted(r, "m.room.canonical_alias", out);
	return err;
}

/* The first members by when they came, and apart from them those who have gone. */
struct hero {
	int64_t event;
	const char *user_id;
};

struct choosing {
	int64_t but; /* the user's own */
	struct hero here[HEROES], gone[HEROES];
	int here_n, gone_n;
};

static void
insert(struct hero *heroes, int *n, const struct state_entry *entry)
{
	int i = *n;

	if (i == HEROES && heroes[i - 1].event < entry->event)
		return;
	while (i > 0 && heroes[i - 1].event > entry->event) {
		if (i < HEROES)
			heroes[i] = heroes[i - 1];
		i--;
	}
	if (i == HEROES)
		return;
	heroes[i] = (struct hero){ entry->event, entry->state_key };
	if (*n < HEROES)
		(*n)++;
}

static bool
choose(const struct state_entry *entry, void *arg)
{
	struct choosing *c = arg;

	if (entry->event == c->but)
		return true;
	switch ((enum membership)entry->membership) {
	case MEMBERSHIP_JOIN:
	case MEMBERSHIP_INVITE:
		insert(c->here, &c->here_n, entry);
		break;
	case MEMBERSHIP_LEAVE:
	case MEMBERSHIP_BAN:
		insert(c->gone, &c->gone_n, entry);
		break;
	default:
		break;
	}
	return true;
}

/* All members are looked at for it. */
static void
find_heroes(struct room_sync *r)
{
	struct choosing c = { .but = r->seer.member->event };
	const struct hero *chosen;

	state_each_of(r->s->state, "m.room.member", choose, &c);
	chosen = c.here_n > 0 ? c.here : c.gone;
	r->hero_count = c.here_n > 0 ? c.here_n : c.gone_n;
	for (int i = 0; i < r->hero_count; i++)
		r->heroes[i] = chosen[i].user_id;
}

int
sync_heroes(struct room_sync *r, const char ***heroes_out)
{
	if (r->heroes == NULL) {
		r->heroes = ARENA_ARRAY(r->arena, const char *, HEROES);
		if (!has_name(r))
			find_heroes(r);
	}
	*heroes_out = r->heroes;
	return r->hero_count;
}

enum mx_err
sync_write_summary(struct room_sync *r, struct buf *out)
{
	const char **heroes;
	int n = sync_heroes(r, &heroes);

	buf_lit(out, "\"summary\":{");
	if (!has_name(r)) {
		buf_lit(out, "\"m.heroes\":[");
		for (int i = 0; i < n; i++) {
			if (i > 0)
				buf_char(out, ',');
			buf_json_str(out, heroes[i]);
		}
		buf_lit(out, "],");
	}
	buf_lit(out, "\"m.invited_member_count\":");
	buf_int(out, r->s->invited);
	buf_lit(out, ",\"m.joined_member_count\":");
	buf_int(out, r->s->joined);
	buf_lit(out, "},");
	return M_OK;
}
