/*
 * Lists of state: which events they are comes from memory (the snapshot's tree) or from
 * the segment of changes, their bytes from the store in ascending order.
 * Stands between core/room, store/state and the handlers of api/client.
 */
#include "core/state_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "store/state.h"

/* A list on its way. */
struct listing {
	struct seer *seer;
	const struct state_pick *pick;
	VEC(struct state_ref) refs;
	struct redacted_row *redacted;
	int redacted_count;
	struct buf json; /* one event's bytes at a time */
};

static void
collect(struct listing *l, const struct state_ref *ref)
{
	const struct state_pick *pick = l->pick;

	if (pick != NULL && pick->type != NULL && strcmp(pick->type, ref->type) != 0)
		return;
	if (pick == NULL || pick->want == NULL || pick->want(ref, pick->arg))
		vec_push(&l->refs, *ref);
}

/* The tree's strings live as long as the snapshot. */
static bool
collect_entry(const struct state_entry *entry, void *arg)
{
	const struct state_ref ref = { .event = entry->event,
		.event_id = entry->event_id,
		.type = entry->type,
		.state_key = entry->state_key,
		.membership = entry->membership };

	collect(arg, &ref);
	return true;
}

static void
collect_row(const struct state_row *row, void *arg)
{
	struct listing *l = arg;
	struct arena *arena = l->seer->arena;
	const struct state_ref ref = { .event = row->event,
		.event_id = arena_strdup(arena, row->event_id),
		.type = arena_strdup(arena, row->type),
		.state_key = arena_strdup(arena, row->state_key),
		.membership = strcmp(row->type, "m.room.member") == 0
				  ? (enum membership)row->detail
				  : MEMBERSHIP_NONE };

	collect(l, &ref);
}

static enum mx_err
collect_all(struct listing *l, int64_t at)
{
	const struct snapshot *s = l->seer->s;
	const struct room_version *version = l->seer->room->version;

	if (at > s->position) {
		if (l->pick != NULL && l->pick->type != NULL)
			state_each_of(s->state, l->pick->type, collect_entry, l);
		else
			state_each(s->state, collect_entry, l);
		return M_OK;
	}
	return store_state_load(l->seer->ctx->db, s->segment, at,
	    version->event_id_format == EVENT_ID_BASE64, collect_row, l);
}

static int
by_event(const void *a, const void *b)
{
	int64_t x = ((const struct state_ref *)a)->event;
	int64_t y = ((const struct state_ref *)b)->event;

	return x < y ? -1 : x > y;
}

/* Both lists are in order; *next is where the search goes on. */
static int64_t
redacted_by(const struct listing *l, int64_t event, int *next)
{
	while (*next < l->redacted_count && l->redacted[*next].event < event)
		++*next;
	return *next < l->redacted_count && l->redacted[*next].event == event
		   ? l->redacted[*next].by
		   : 0;
}

/* False: it is damaged (logged). */
static bool
read_event(struct listing *l, const struct state_ref *ref, struct sliced *e)
{
	struct arena *arena = l->seer->arena;
	enum mx_err err = store_event_json(l->seer->ctx->db, ref->event, &l->json);
	struct str json = { l->json.p, l->json.n };

	*e = (struct sliced){ .type = ref->type, .state_key = ref->state_key };
	if (err != M_OK || !event_slice(json, &e->raw)) {
		log_error("state: event %s cannot be read", ref->event_id);
		return false;
	}
	e->stored.event = ref->event;
	e->stored.event_id = ref->event_id;
	if (l->pick != NULL && l->pick->keep != NULL)
		e->sender = slice_text(arena, e->raw.sender);
	return true;
}

enum mx_err
state_list_each(struct seer *seer, int64_t at, const struct state_pick *pick,
    void (*fn)(const struct sliced *e, const struct state_ref *ref, void *arg),
    void *arg)
{
	struct listing l = { .seer = seer, .pick = pick };
	enum mx_err err = collect_all(&l, at);
	struct sliced e;
	int next = 0;

	if (err == M_OK)
		err = store_redacted_state(seer->ctx->db, seer->arena, seer->room->id,
		    &l.redacted, &l.redacted_count);
	if (err == M_OK && l.refs.n > 0)
		qsort(l.refs.v, l.refs.n, sizeof *l.refs.v, by_event);
	for (size_t i = 0; err == M_OK && i < l.refs.n; i++) {
		const struct state_ref *ref = &l.refs.v[i];

		if (!read_event(&l, ref, &e))
			continue;
		e.stored.redacted_by = redacted_by(&l, ref->event, &next);
		if (pick == NULL || pick->keep == NULL || pick->keep(&e, pick->arg))
			fn(&e, ref, arg);
	}
	vec_free(&l.refs);
	buf_free(&l.json);
	return err;
}

struct writing {
	struct seer *seer;
	struct buf *out;
	struct event_view asker;
	size_t first; /* where the list begins in out */
};

static const struct event *
redaction(struct seer *seer, int64_t number)
{
	struct stored_event stored;

	if (number == 0 || store_event_get(seer->ctx->db, seer->arena, number,
			       seer->room->version->event_id_format == EVENT_ID_BASE64,
			       &stored) != M_OK)
		return NULL;
	return seer_parse(seer, &stored);
}

/* A list of state shows what is, not what it replaced. */
static void
write_one(const struct sliced *e, const struct state_ref *ref, void *arg)
{
	struct writing *w = arg;
	struct stored_view view = { .raw = &e->raw,
		.event_id = ref->event_id,
		.room_id = w->seer->room->room_id,
		.redacted_because = redaction(w->seer, e->stored.redacted_by) };
	bool own = w->seer->user_id != NULL &&
		   strcmp(ref->state_key, w->seer->user_id) == 0 &&
		   strcmp(ref->type, "m.room.member") == 0;

	w->asker.membership = seer_membership_at(w->seer, ref->event + own);
	if (w->out->n > w->first)
		buf_char(w->out, ',');
	json_event_stored(w->out, &view, &w->asker);
}

enum mx_err
state_list_write(struct seer *seer, struct buf *out, int64_t at,
    const struct state_pick *pick, enum event_format format)
{
	struct writing w = { .seer = seer,
		.out = out,
		.asker = { .format = format,
		    .user_id = seer->user_id,
		    .device_id = seer->device_id,
		    .now_ms = clock_now_ms() } };
	enum mx_err err;

	buf_char(out, '[');
	w.first = out->n;
	err = state_list_each(seer, at, pick, write_one, &w);
	buf_char(out, ']');
	return err;
}
