/*
 * Lists of state: which events they are comes from memory (the snapshot's tree) or from
 * the segment of changes, their bytes from the store in ascending order.
 * Stands between room/room, store/state and the handlers of api/client.
 */
#include "room/state_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "room/state_text.h"
#include "store/state.h"

/* A list on its way. */
struct listing {
	struct seer *seer;
	const struct state_pick *pick;
	int64_t at;
	VEC(struct state_ref) refs;
	VEC(const struct state_entry *) later; /* whose keys have changed since `at` */
	struct buf json;		       /* one event's bytes at a time */
	/* Where they are written, if that has a limit. */
	const struct buf *out;
	size_t first;
};

static bool
is_standard64(const struct seer *seer)
{
	return seer->room->version->event_id_format == EVENT_ID_BASE64;
}

static bool
is_member(const char *type)
{
	return strcmp(type, "m.room.member") == 0;
}

static void
collect(struct listing *l, const struct state_ref *ref)
{
	const struct state_pick *pick = l->pick;

	if (pick != NULL && pick->type != NULL && strcmp(pick->type, ref->type) != 0)
		return;
	if (pick != NULL && pick->members != NULL && is_member(ref->type) &&
	    map_get_str(pick->members, ref->state_key) == NULL)
		return;
	if (pick == NULL || pick->want == NULL || pick->want(ref, pick->arg))
		vec_push(&l->refs, *ref);
}

/* The tree's strings live as long as the snapshot. */
static bool
collect_entry(const struct state_entry *entry, void *arg)
{
	struct listing *l = arg;
	const struct state_ref ref = { .event = entry->event,
		.event_id = entry->event_id,
		.type = entry->type,
		.state_key = entry->state_key,
		.membership = entry->membership };

	if (entry->event >= l->at)
		vec_push(&l->later, entry);
	else
		collect(l, &ref);
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
		.membership = is_member(row->type) ? (enum membership)row->detail
						   : MEMBERSHIP_NONE };

	collect(l, &ref);
}

/* Where few of many members are wanted, these are looked up. */
static void
collect_few(struct listing *l)
{
	const struct state *state = l->seer->s->state;
	const char *user_id;

	state_each_but(state, "m.room.member", collect_entry, l);
	for (size_t at = 0; (user_id = map_next(l->pick->members, &at)) != NULL;) {
		const struct state_entry *entry =
		    state_find(state, "m.room.member", user_id);

		if (entry != NULL)
			collect_entry(entry, l);
	}
}

static void
collect_tree(struct listing *l)
{
	const struct snapshot *s = l->seer->s;

	if (l->pick != NULL && l->pick->type != NULL)
		state_each_of(s->state, l->pick->type, collect_entry, l);
	else if (l->pick != NULL && l->pick->members != NULL)
		collect_few(l);
	else
		state_each(s->state, collect_entry, l);
}

/* What the present tree has of keys that have changed since is exchanged for what they
 * held then. */
static enum mx_err
collect_former(struct listing *l)
{
	for (size_t i = 0; i < l->later.n; i++) {
		const struct state_entry *entry = l->later.v[i];
		struct state_ref ref;
		enum mx_err err = state_list_ref_at(
		    l->seer, l->at, entry->type, entry->state_key, &ref);

		if (err == M_OK)
			collect(l, &ref);
		else if (err != M_NOT_FOUND)
			return err;
	}
	return M_OK;
}

/* Where so many keys have changed since, the state is read from the store as a whole.
 */
#define FORMER_MAX 100

static enum mx_err
collect_all(struct listing *l, int64_t at)
{
	const struct snapshot *s = l->seer->s;

	l->at = at;
	collect_tree(l);
	if (l->later.n <= FORMER_MAX)
		return collect_former(l);
	l->refs.n = 0;
	return store_state_load(
	    l->seer->ctx->db, s->segment, at, is_standard64(l->seer), collect_row, l);
}

static int
by_event(const void *a, const void *b)
{
	int64_t x = ((const struct state_ref *)a)->event;
	int64_t y = ((const struct state_ref *)b)->event;

	return x < y ? -1 : x > y;
}

/* M_NOT_JSON: it is damaged (logged). */
static enum mx_err
read_event(struct listing *l, const struct state_ref *ref, struct sliced *e)
{
	struct arena *arena = l->seer->arena;
	int64_t redacted_by = 0;
	enum mx_err err =
	    store_event_json(l->seer->ctx->db, ref->event, &l->json, &redacted_by);

	*e = (struct sliced){ .type = ref->type, .state_key = ref->state_key };
	if (err != M_OK && err != M_NOT_JSON && err != M_NOT_FOUND)
		return err;
	if (err != M_OK ||
	    !event_slice((struct str){ l->json.p, l->json.n }, &e->raw)) {
		log_error("state: event %s cannot be read", ref->event_id);
		return M_NOT_JSON;
	}
	e->stored.event = ref->event;
	e->stored.redacted_by = redacted_by;
	e->stored.event_id = ref->event_id;
	e->stored.json = l->json.p;
	e->stored.json_n = l->json.n;
	if (l->pick != NULL && l->pick->keep != NULL)
		e->sender = slice_text(arena, e->raw.sender);
	return M_OK;
}

static void
listing_fini(struct listing *l)
{
	vec_free(&l->refs);
	vec_free(&l->later);
	buf_free(&l->json);
}

/* Moves what was collected into the arena, in order. */
static void
take_refs(struct listing *l, struct state_ref **refs_out, int *n_out)
{
	struct arena *arena = l->seer->arena;

	if (l->refs.n > 0)
		qsort(l->refs.v, l->refs.n, sizeof *l->refs.v, by_event);
	*n_out = (int)l->refs.n;
	*refs_out = ARENA_ARRAY(arena, struct state_ref, l->refs.n + 1);
	if (l->refs.n > 0)
		memcpy(*refs_out, l->refs.v, l->refs.n * sizeof *l->refs.v);
}

enum mx_err
state_list_refs(struct seer *seer, int64_t at, const struct state_pick *pick,
    struct state_ref **refs_out, int *n_out)
{
	struct listing l = { .seer = seer, .pick = pick };
	enum mx_err err = collect_all(&l, at);

	take_refs(&l, refs_out, n_out);
	listing_fini(&l);
	return err;
}

/* In the tail they are at hand. */
static void
collect_tail(struct listing *l, int64_t from, int64_t to)
{
	const struct snapshot *s = l->seer->s;

	for (int i = 0; i < s->tail_count; i++) {
		const struct live_event *e = s->tail[i];
		const struct event *event = e->pdu->event;

		if (e->event > from && e->event <= to && event->state_key != NULL)
			vec_push(&l->refs, ((struct state_ref){ .event = e->event,
					       .event_id = event->event_id,
					       .type = event->type,
					       .state_key = event->state_key,
					       .membership = e->membership_after }));
	}
}

enum mx_err
state_list_changed(struct seer *seer, int64_t from, int64_t to,
    struct state_ref **refs_out, int *n_out)
{
	struct listing l = { .seer = seer };
	enum mx_err err = M_OK;

	if (from >= seer->s->tail_from)
		collect_tail(&l, from, to);
	else
		err = store_state_between(seer->ctx->db, seer->room->id,
		    seer->s->segment, from, to, is_standard64(seer), collect_row, &l);
	take_refs(&l, refs_out, n_out);
	listing_fini(&l);
	return err;
}

enum mx_err
state_list_ref_at(struct seer *seer, int64_t at, const char *type,
    const char *state_key, struct state_ref *out)
{
	struct db *db = seer->ctx->db;
	struct stored_event stored;
	int64_t event, detail;
	enum mx_err err =
	    store_state_at(db, seer->s->segment, at, type, state_key, &event, &detail);

	if (err == M_OK)
		err = store_event_get(
		    db, seer->arena, event, is_standard64(seer), &stored);
	if (err == M_OK)
		*out = (struct state_ref){ .event = event,
			.event_id = stored.event_id,
			.type = type,
			.state_key = state_key,
			.membership = is_member(type) ? (enum membership)detail
						      : MEMBERSHIP_NONE };
	return err;
}

/* As much of an event as filters and those who count members look at. */
static struct sliced
sliced_of_head(struct listing *l, const struct event_head *head, const char *bytes,
    const struct state_ref *ref)
{
	struct sliced e = { .type = ref->type, .state_key = ref->state_key };

	e.stored.event = ref->event;
	e.stored.event_id = ref->event_id;
	e.raw.content = event_head_content(head, bytes);
	e.raw.sender = event_head_sender(head, bytes);
	if (l->pick != NULL && l->pick->keep != NULL)
		e.sender = slice_text(l->seer->arena, e.raw.sender);
	return e;
}

static bool
keeps(const struct listing *l, const struct sliced *e)
{
	return l->pick == NULL || l->pick->keep == NULL ||
	       l->pick->keep(e, l->pick->arg);
}

/* Hands out the events behind refs; of those that are kept nothing is read. */
static enum mx_err
read_refs(struct listing *l, const struct state_text *text,
    const struct state_ref *refs, int n,
    void (*fn)(const struct sliced *e, const struct state_ref *ref, void *arg),
    void *arg)
{
	uint32_t from = 0;
	struct sliced e;

	for (int i = 0; i < n; i++) {
		const struct text_event *known =
		    state_text_find(text, refs[i].event, &from);
		enum mx_err err = M_OK;

		if (known != NULL && known->head.n > 0)
			e = sliced_of_head(
			    l, &known->head, state_text_head(text, known), &refs[i]);
		else
			err = read_event(l, &refs[i], &e);
		if (err == M_NOT_JSON)
			continue;
		if (err != M_OK)
			return err;
		if (keeps(l, &e))
			fn(&e, &refs[i], arg);
	}
	return M_OK;
}

enum mx_err
state_list_each(struct seer *seer, int64_t at, const struct state_pick *pick,
    void (*fn)(const struct sliced *e, const struct state_ref *ref, void *arg),
    void *arg)
{
	struct listing l = { .seer = seer, .pick = pick };
	struct state_text *text =
	    state_texts_get(seer->ctx->core->state_texts, seer->room->id, seer->s);
	enum mx_err err = collect_all(&l, at);

	if (err == M_OK && l.refs.n > 0)
		qsort(l.refs.v, l.refs.n, sizeof *l.refs.v, by_event);
	if (err == M_OK)
		err = read_refs(&l, text, l.refs.v, (int)l.refs.n, fn, arg);
	state_text_unref(text);
	listing_fini(&l);
	return err;
}

struct writing {
	struct seer *seer;
	struct buf *out;
	struct event_view asker;
	size_t first; /* where the list begins in out */
	/* What is kept of the room's state, and what will be. */
	struct state_text *text;
	uint32_t text_at;
	bool is_making;
	struct text_making making;
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

/* An event changes nobody's membership but that of whom it is about: the asker's is the
 * same before it and behind, but for their own. */
static void
begin_one(struct writing *w, const struct state_ref *ref)
{
	w->asker.membership = seer_membership_at(w->seer, ref->event + 1);
	if (w->out->n > w->first)
		buf_char(w->out, ',');
}

static struct stored_view
view_of(struct writing *w, const struct sliced *e, const struct state_ref *ref)
{
	return (struct stored_view){ .raw = &e->raw,
		.event_id = ref->event_id,
		.room_id = w->seer->room->room_id };
}

/* A list of state shows what is, not what it replaced. */
static void
write_stored(struct writing *w, const struct sliced *e, const struct state_ref *ref)
{
	struct stored_view view = view_of(w, e, ref);

	view.redacted_because = redaction(w->seer, e->stored.redacted_by);
	begin_one(w, ref);
	if (w->asker.format == FORMAT_RAW)
		buf_add(w->out, e->stored.json, e->stored.json_n);
	else
		json_event_stored(w->out, &view, &w->asker);
}

static void
write_head(struct writing *w, const struct event_head *head, const char *bytes,
    const struct state_ref *ref)
{
	begin_one(w, ref);
	json_event_of_head(w->out, head, bytes, w->seer->room->room_id, &w->asker);
}

/* --- what is kept of it --- */

static bool
keeps_head(struct listing *l, const struct event_head *head, const char *bytes,
    const struct state_ref *ref)
{
	struct sliced e;

	if (l->pick == NULL || l->pick->keep == NULL)
		return true;
	e = sliced_of_head(l, head, bytes, ref);
	return l->pick->keep(&e, l->pick->arg);
}

static void
write_known(struct listing *l, struct writing *w, const struct text_event *known,
    const struct state_ref *ref)
{
	const char *bytes = state_text_head(w->text, known);

	if (w->is_making)
		text_making_copy(&w->making, w->text, known);
	if (keeps_head(l, &known->head, bytes, ref))
		write_head(w, &known->head, bytes, ref);
}

/* Redacted events carry another, and stay in the store alone. */
static enum mx_err
write_unknown(struct listing *l, struct writing *w, const struct state_ref *ref)
{
	struct sliced e;
	enum mx_err err = read_event(l, ref, &e);
	struct stored_view view;
	const struct text_event *made;

	if (err != M_OK && err != M_NOT_JSON)
		return err;
	if (!w->is_making || err == M_NOT_JSON || e.stored.redacted_by != 0) {
		if (w->is_making)
			text_making_skip(&w->making, ref->event);
		if (err == M_OK && keeps(l, &e))
			write_stored(w, &e, ref);
		return M_OK;
	}
	view = view_of(w, &e, ref);
	made = text_making_add(&w->making, ref->event, &view);
	if (keeps(l, &e))
		write_head(w, &made->head, w->making.bytes.p + made->at, ref);
	return M_OK;
}

static void
stop_making(struct writing *w)
{
	w->is_making = false;
	text_making_free(&w->making);
}

static enum mx_err
write_each(struct listing *l, struct writing *w, const struct state_ref *refs, int n)
{
	struct state_texts *texts = l->seer->ctx->core->state_texts;

	for (int i = 0; i < n; i++) {
		const struct text_event *known =
		    state_text_find(w->text, refs[i].event, &w->text_at);
		enum mx_err err = M_OK;

		if (known != NULL && known->head.n > 0)
			write_known(l, w, known, &refs[i]);
		else
			err = write_unknown(l, w, &refs[i]);
		if (err != M_OK)
			return err;
		if (w->is_making && text_making_is_too_large(&w->making, texts))
			stop_making(w);
		if (l->out != NULL && l->out->n - l->first > l->pick->size_max)
			return M_TOO_LARGE;
	}
	return M_OK;
}

static int
count_missing(const struct state_text *text, const struct state_ref *refs, int n)
{
	uint32_t from = 0;
	int missing = 0;

	if (text == NULL)
		return n;
	for (int i = 0; i < n; i++)
		if (state_text_find(text, refs[i].event, &from) == NULL)
			missing++;
	return missing;
}

/* In the order of refs, which is that of their integers. */
static enum mx_err
write_refs(struct listing *l, struct writing *w, const struct state_ref *refs, int n)
{
	struct state_texts *texts = l->seer->ctx->core->state_texts;
	struct snapshot *s = l->seer->s;
	int64_t room = l->seer->room->id;
	enum mx_err err;

	if (w->asker.format != FORMAT_RAW && texts != NULL) {
		w->text = state_texts_get(texts, room, s);
		w->is_making = state_texts_want(
		    texts, w->text, n, count_missing(w->text, refs, n));
	}
	err = write_each(l, w, refs, n);
	if (w->is_making && err == M_OK)
		state_texts_put(texts, room, s, &w->making);
	else
		text_making_free(&w->making);
	state_text_unref(w->text);
	return err;
}

static struct writing
writing_of(struct seer *seer, struct buf *out, enum event_format format)
{
	return (struct writing){ .seer = seer,
		.out = out,
		.asker = { .format = format,
		    .user_id = seer->user_id,
		    .device_id = seer->device_id,
		    .now_ms = clock_now_ms() } };
}

enum mx_err
state_list_write_refs(struct seer *seer, struct buf *out, const struct state_ref *refs,
    int n, const struct state_pick *pick, enum event_format format)
{
	struct writing w = writing_of(seer, out, format);
	struct listing l = { .seer = seer, .pick = pick };
	enum mx_err err = M_OK;

	buf_char(out, '[');
	w.first = l.first = out->n;
	if (pick != NULL && pick->size_max > 0)
		l.out = out;
	if (n > 0)
		err = write_refs(&l, &w, refs, n);
	buf_char(out, ']');
	listing_fini(&l);
	return err;
}

enum mx_err
state_list_write(struct seer *seer, struct buf *out, int64_t at,
    const struct state_pick *pick, enum event_format format)
{
	struct state_ref *refs;
	int n;
	enum mx_err err = state_list_refs(seer, at, pick, &refs, &n);

	if (err == M_OK)
		return state_list_write_refs(seer, out, refs, n, pick, format);
	buf_lit(out, "[]");
	return err;
}
