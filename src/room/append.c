/*
 * The one way into a room: check, build, sign, queue. The room's lock is held for the
 * CPU's part only; the disk's part is room/append_job's, on the writer thread.
 * Stands between api (what a client asks) and store (rows). See doc/request.md.
 */
#include "room/append.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "event/event_sign.h"
#include "event/ids.h"
#include "event/redact.h"
#include "room/append_job.h"
#include "room/push.h"
#include "room/recent.h"
#include "room/relations.h"
#include "store/pack.h"
#include "store/positions.h"
#include "store/rooms.h"

/* Of memory for what is known of transactions: 64 million of them. */
#define KNOWN_TXNS_BYTES (128 << 20)
#define TXNS_A_PORTION 50000

/* A unit being built, under the room's lock. */
struct building {
	struct ctx *ctx;
	struct arena *arena; /* the request's */
	struct room *room;
	struct snapshot *s; /* the tip as it will be */
	struct append_job *job;
	struct snapshot_judge judge;
	bool queued;	 /* the job is the writer's from now on */
	uint64_t ticket; /* what the answer waits for; 0: nothing */
};

enum mx_err
append_setup(struct core *core, struct db *db)
{
	struct appends *appends = xcalloc(1, sizeof *appends);
	struct writer_hooks hooks = { .durable = append_durable,
		.finished = append_finished,
		.failed = append_failed,
		.arg = core };
	int64_t last_event = 0, last_room = 0;
	enum mx_err err = store_position_last(db, &last_event), pushes;

	if (err == M_OK)
		err = store_room_last(db, &last_room);
	lock_init(&appends->order, RANK_CACHE);
	lock_init(&appends->txn_lock, RANK_CACHE);
	appends->next_event = last_event + 1;
	atomic_init(&appends->next_room, last_room + 1);
	appends->group_end = &appends->group;
	appends->updates_end = &appends->updates;
	appends->known_txns = bloom_new(KNOWN_TXNS_BYTES);
	atomic_init(&appends->knows_txns, TXNS_LEARNING);
	core->appends = appends;
	core->recent = recent_new();
	atomic_store(&core->visible, last_event);
	writer_set_hooks(core->writer, &hooks);
	pushes = push_setup(core, db); /* append_free frees it, too */
	return err != M_OK ? err : pushes;
}

static enum mx_err
note_place(void *arg, struct db *db)
{
	struct core *core = arg;

	core->appends->reserved = 0; /* what comes all the same reserves anew */
	return store_position_reserve(db, atomic_load(&core->visible));
}

void
append_stop(struct core *core)
{
	if (core->appends->reserved == 0) /* the bound is not of this run */
		return;
	if (writer_run(core->writer, note_place, core) != M_OK)
		log_warn("append: the last position could not be noted");
	writer_flush(core->writer); /* its wake-up too: there may be nobody soon */
}

void
append_free(struct core *core)
{
	map_fini(&core->appends->txns);
	bloom_free(core->appends->known_txns);
	lock_fini(&core->appends->order);
	lock_fini(&core->appends->txn_lock);
	free(core->appends);
	recent_free(core->recent);
	push_free(core);
}

static void
know_txn(const uint8_t hash[16], void *arg)
{
	struct appends *appends = arg;

	if (!bloom_add(appends->known_txns, hash))
		atomic_store(&appends->knows_txns, TXNS_TOO_MANY);
}

enum mx_err
append_learn_txns(struct core *core, struct db *db, bool *more_out)
{
	struct appends *appends = core->appends;
	enum txns_known learning = TXNS_LEARNING;
	int n;
	enum mx_err err = store_txns_read(
	    db, appends->learned, TXNS_A_PORTION, know_txn, appends, &n);
	bool is_last = n < TXNS_A_PORTION;

	*more_out = err == M_OK && !is_last &&
		    atomic_load(&appends->knows_txns) == TXNS_LEARNING;
	if (err == M_OK && is_last)
		atomic_compare_exchange_strong(
		    &appends->knows_txns, &learning, TXNS_KNOWN);
	return err;
}

/* --- building one event --- */

static void
add_auth_events(struct building *b, struct json *event, const struct new_event *e)
{
	struct auth_type wanted[AUTH_TYPES_MAX];
	struct json *list = json_array(b->arena);
	int n = auth_types_for_event(
	    b->room->version, e->type, e->sender, e->state_key, e->content, wanted);

	for (int i = 0; i < n; i++) {
		const struct state_entry *entry =
		    snapshot_state(b->s, wanted[i].type, wanted[i].state_key);

		if (entry != NULL)
			json_push(b->arena, list,
			    event_ref_json(b->arena, b->room->version, entry->event_id,
				entry->pdu == NULL ? NULL : entry->pdu->event->json));
	}
	json_set(b->arena, event, "auth_events", list);
}

static int64_t
add_prev_events(struct building *b, struct json *event)
{
	struct json *list = json_array(b->arena);
	int64_t depth = 0;

	for (int i = 0; i < b->s->extremity_count && i < EVENT_PREV_MAX; i++) {
		const struct extremity *x = &b->s->extremities[i];

		json_push(b->arena, list,
		    event_ref_json(b->arena, b->room->version, x->event_id,
			x->pdu == NULL ? NULL : x->pdu->event->json));
		if (x->depth > depth)
			depth = x->depth;
	}
	json_set(b->arena, event, "prev_events", list);
	if (depth < b->room->version->depth_max)
		depth++;
	json_set_int(b->arena, event, "depth", depth);
	return depth;
}

/* The event without hashes and signatures. Spec: rooms/ "Event format" */
static struct json *
build(struct building *b, const struct new_event *e)
{
	struct json *event = json_object(b->arena);
	const struct json *content = e->content;
	bool creates = strcmp(e->type, "m.room.create") == 0;

	if (e->redacts != NULL && b->room->version->redacts_in_content) {
		struct json *with = json_shallow(b->arena, content);

		json_set_str(b->arena, with, "redacts", e->redacts);
		content = with;
	} else if (e->redacts != NULL) {
		json_set_str(b->arena, event, "redacts", e->redacts);
	}
	add_auth_events(b, event, e);
	add_prev_events(b, event);
	json_set(b->arena, event, "content", content);
	json_set_int(
	    b->arena, event, "origin_server_ts", e->ts != 0 ? e->ts : clock_now_ms());
	if (!creates || !b->room->version->create_is_room_id)
		json_set_str(b->arena, event, "room_id", b->room->room_id);
	json_set_str(b->arena, event, "sender", e->sender);
	if (e->state_key != NULL)
		json_set_str(b->arena, event, "state_key", e->state_key);
	json_set_str(b->arena, event, "type", e->type);
	return event;
}

/* The rule for m.room.aliases lets whole servers speak, whoever is in the room. What is
 * made here needs what any other state event needs: a member with the power. */
static bool
may_send_aliases(const struct building *b, const struct event *e)
{
	struct power power = snapshot_power(b->s);

	return snapshot_membership(b->s, e->sender) == MEMBERSHIP_JOIN &&
	       power_user(&power, e->sender) >= power_to_send(&power, e->type, true);
}

static enum mx_err
judge(struct building *b, const struct event *e, const char **why_out)
{
	struct auth_state state = snapshot_auth_state(&b->judge);
	enum mx_err err = auth_check(e, &state, why_out);

	if (err == M_OK && e->version->aliases_rule &&
	    strcmp(e->type, "m.room.aliases") == 0 && !may_send_aliases(b, e)) {
		*why_out = "the sender may not say what aliases the room has";
		return M_FORBIDDEN;
	}
	return err;
}

/* Sealed, parsed and allowed: *pdu_out is counted. */
static enum mx_err
make(struct building *b, const struct new_event *e, struct pdu **pdu_out,
    struct sealed_event *sealed)
{
	const struct settings *set = &b->ctx->core->set;
	struct signer signer = { set->server_name, set->signing_key_id,
		set->signing_secret };
	struct json *event = build(b, e);
	const char *why = NULL;
	struct pdu *pdu;
	enum mx_err err;

	if (strlen(e->type) > ID_MAX)
		return ctx_fail(b->ctx, M_TOO_LARGE, "an event type has 255 bytes");
	if (e->state_key != NULL && strlen(e->state_key) > ID_MAX)
		return ctx_fail(b->ctx, M_TOO_LARGE, "a state_key has 255 bytes");
	err = event_seal(b->arena, b->room->version, &signer, event, sealed);
	if (err != M_OK)
		return ctx_fail(b->ctx, err, "the event is larger than 65536 bytes");
	pdu = pdu_parse(
	    b->room->version, sealed->event_id, sealed->bytes, sealed->n, &why);
	if (pdu == NULL)
		return ctx_fail(b->ctx, M_BAD_JSON, why);
	err = judge(b, pdu->event, &why);
	if (err != M_OK) {
		pdu_unref(pdu);
		return ctx_fail(b->ctx, err, why);
	}
	*pdu_out = pdu;
	return M_OK;
}

/* --- redactions --- */

/* What a redaction is aimed at: in memory, durable or not yet, or in the store. */
static struct pdu *
find_target(struct building *b, const char *event_id, int64_t *event_out)
{
	bool standard64 = b->room->version->event_id_format == EVENT_ID_BASE64;
	struct stored_event stored;
	int64_t room;

	for (int i = 0; i < ROOM_RECENT_MAX; i++) {
		struct live_event *e = b->room->recent[i];

		if (e != NULL && strcmp(e->pdu->event->event_id, event_id) == 0) {
			*event_out = e->event;
			return pdu_ref(e->pdu);
		}
	}
	if (store_event_find(b->ctx->db, event_id, event_out, &room) != M_OK ||
	    room != b->room->id ||
	    store_event_get(b->ctx->db, b->arena, *event_out, standard64, &stored) !=
		M_OK ||
	    !stored_event_is(&stored, event_id))
		return NULL;
	return pdu_parse(
	    b->room->version, stored.event_id, stored.json, stored.json_n, NULL);
}

/* The redacted state event takes its own place in the state. */
static void
redact_state(struct building *b, const struct pdu *target, struct pdu *redacted)
{
	const struct event *e = redacted->event;
	const struct state_entry *old;
	struct state_entry *entry;
	enum membership m;

	if (e->state_key == NULL)
		return;
	old = snapshot_state(b->s, e->type, e->state_key);
	if (old == NULL || strcmp(old->event_id, target->event->event_id) != 0)
		return;
	m = membership_of(e->membership);
	entry = state_entry_new(e->type, e->state_key, old->event_id, old->event, m,
	    old->content == NULL ? NULL : json_text(b->arena, e->content, NULL),
	    old->pdu == NULL ? NULL : redacted);
	snapshot_set(b->s, entry, b->ctx->core->set.server_name);
}

/* Takes effect at once if both events are here and the rules allow it.
 * Spec: rooms/v3/#handling-redactions */
static void
redact(struct building *b, struct appended *a, const struct event *redaction)
{
	struct power power = snapshot_power(b->s);
	struct pdu *target;
	struct json *left;
	const char *bytes;
	size_t n;

	target = find_target(b, redaction->redacts, &a->target);
	if (target == NULL || !auth_may_redact(&power, redaction, target->event)) {
		a->target = 0;
		pdu_unref(target);
		return;
	}
	left = redact_event(b->arena, b->room->version, target->event->json);
	bytes = json_text(b->arena, left, &n);
	a->target_pdu =
	    pdu_parse(b->room->version, target->event->event_id, bytes, n, NULL);
	if (a->target_pdu == NULL) {
		a->target = 0;
	} else {
		a->target_packed = pack_json(b->job->arena, bytes, n);
		redact_state(b, target, a->target_pdu);
	}
	pdu_unref(target);
}

/* --- putting it on the pending tip --- */

static bool
is_member_event(const struct event *e)
{
	return e->state_key != NULL && strcmp(e->type, "m.room.member") == 0;
}

/* What a listener will want to know of the state around the event. */
static struct live_event *
live_event_new(struct building *b, struct pdu *pdu)
{
	const struct event *event = pdu->event;
	struct live_event *e = xcalloc(1, sizeof *e);

	atomic_init(&e->refs, 1);
	e->room = b->room->id;
	e->pdu = pdu_ref(pdu);
	e->visibility_before = b->s->visibility;
	if (is_member_event(event))
		e->membership_before = snapshot_membership(b->s, event->state_key);
	return e;
}

/* Who could see the event that is being replaced? Only where the setting has not
 * changed since is this known without asking the store. */
static bool
has_one_visibility_since(const struct building *b, const struct state_entry *old)
{
	const struct state_entry *setting =
	    snapshot_state(b->s, "m.room.history_visibility", "");

	return setting == NULL || setting->event <= old->event;
}

static void
note_replaced(struct building *b, struct live_event *e)
{
	const struct event *event = e->pdu->event;
	const struct state_entry *old =
	    snapshot_state(b->s, event->type, event->state_key);
	const char *content;

	if (old == NULL)
		return;
	e->replaced_id = xstrdup(old->event_id);
	e->replaced_event = old->event;
	/* Events of one unit have no integer yet. */
	e->replaced_is_known = old->event != 0 && has_one_visibility_since(b, old);
	e->replaced_visibility = b->s->visibility;
	content = old->content;
	if (content == NULL) {
		const struct event *was = snapshot_auth_state(&b->judge).get(
		    &b->judge, event->type, event->state_key);

		if (was != NULL)
			content = json_text(b->arena, was->content, NULL);
	}
	if (content != NULL)
		e->replaced_content = xstrdup(content);
}

static int64_t
detail_of(const struct event *e)
{
	if (is_member_event(e))
		return membership_of(e->membership);
	if (strcmp(e->type, "m.room.history_visibility") == 0 &&
	    e->state_key[0] == '\0')
		return visibility_of(json_get_str(e->content, "history_visibility"));
	return 0;
}

static void
apply_state(struct building *b, struct appended *a, struct pdu *pdu)
{
	const struct event *e = pdu->event;
	bool parsed = room_keeps_parsed(b->room->version, e->type);
	struct state_entry *entry;

	note_replaced(b, a->live);
	a->detail = detail_of(e);
	/* What is not kept parsed keeps its text: the store cannot give it before it is
	 * durable, and the next event in its place shows it as prev_content. */
	entry = state_entry_new(e->type, e->state_key, e->event_id, 0,
	    is_member_event(e) ? (enum membership)a->detail : MEMBERSHIP_NONE,
	    parsed ? NULL : json_text(b->arena, e->content, NULL), parsed ? pdu : NULL);
	atomic_fetch_add(&entry->refs, 1);
	a->entry = entry;
	snapshot_set(b->s, entry, b->ctx->core->set.server_name);
}

static struct relation_row *
relation_row(const struct building *b, const struct event *e)
{
	struct relation_row *row;
	struct relation_to to;

	if (!relation_of(b->room->version, e->content, &to))
		return NULL;
	row = ARENA_NEW(b->job->arena, struct relation_row);
	*row =
	    (struct relation_row){ to.parent, to.rel_type, e->sender, to.annotation };
	return row;
}

/* Takes over the reference to pdu. */
static void
apply(struct building *b, struct appended *a, struct pdu *pdu,
    const struct sealed_event *sealed)
{
	const struct event *e = pdu->event;

	a->live = live_event_new(b, pdu);
	if (e->state_key != NULL)
		apply_state(b, a, pdu);
	a->live->visibility_after = b->s->visibility;
	if (is_member_event(e))
		a->live->membership_after = membership_of(e->membership);
	if (strcmp(e->type, "m.room.redaction") == 0 && e->redacts != NULL)
		redact(b, a, e);
	a->relation = relation_row(b, e);
	push_append(
	    b->ctx, b->job->arena, b->room, b->s, a->live, a->relation, &a->push);
	a->row = (struct event_row){ .room = b->room->id,
		.ts = e->origin_server_ts,
		.depth = e->depth,
		.flags = EVENT_LIVE | (a->push.notifies ? EVENT_NOTIFIES : 0) |
			 (a->push.loud ? EVENT_LOUD : 0),
		.notified = b->s->notified,
		.loud = b->s->loud,
		.event_id = e->event_id,
		.type = e->type,
		.state_key = e->state_key,
		.packed = pack_json(b->job->arena, sealed->bytes, sealed->n) };
	/* The extremities as they stood; integers of this unit's own follow in
	 * number(). */
	a->row.prev_count = b->s->extremity_count;
	a->row.prevs = ARENA_ARRAY(b->job->arena, int64_t, b->s->extremity_count + 1);
	for (int i = 0; i < b->s->extremity_count; i++)
		((int64_t *)a->row.prevs)[i] = b->s->extremities[i].event;
	snapshot_set_extremity(b->s, 0, e->depth, e->event_id,
	    b->room->version->refs_with_hashes ? pdu : NULL);
	pdu_unref(pdu);
}

/* The same state again is not sent again: its event id is that of the present one. */
static const char *
repeated(struct building *b, const struct new_event *e)
{
	const struct state_entry *old;
	const struct event *was;

	if (e->state_key == NULL || b->room->is_new)
		return NULL;
	old = snapshot_state(b->s, e->type, e->state_key);
	if (old == NULL)
		return NULL;
	was = snapshot_auth_state(&b->judge).get(&b->judge, e->type, e->state_key);
	if (was == NULL || strcmp(was->sender, e->sender) != 0 ||
	    !json_equal(was->content, e->content))
		return NULL;
	return arena_strdup(b->arena, old->event_id);
}

/* A new room of a version whose room id is made of its create event. */
static void
name_room(struct building *b, const struct event *create)
{
	if (b->room->room_id == NULL)
		b->room->room_id = xstrdup(create->room_id);
}

static enum mx_err
append_one(struct building *b, struct new_event *e)
{
	struct sealed_event sealed;
	struct pdu *pdu = NULL;
	enum mx_err err;

	e->event_id = repeated(b, e);
	if (e->event_id != NULL)
		return M_OK;
	err = make(b, e, &pdu, &sealed);
	if (err != M_OK)
		return err;
	name_room(b, pdu->event);
	e->event_id = arena_strdup(b->arena, pdu->event->event_id);
	apply(b, &b->job->events[b->job->n++], pdu, &sealed);
	return M_OK;
}

/* --- the unit --- */

static void
txn_hash(const struct append_extra *extra, const char *user_id, uint8_t out[16])
{
	const char *parts[] = { user_id, extra->device_id, extra->txn_path,
		extra->txn_id };
	uint8_t hash[SHA256_LEN];
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		buf_add(&b, parts[i], strlen(parts[i]) + 1);
	sha256(b.p, b.n, hash);
	memcpy(out, hash, 16);
	buf_free(&b);
}

/* Has this transaction led to an event already? Under the room's lock: the pending ones
 * before the store's, since those leave that table only when the store has them. */
static bool
txn_known(struct building *b, const uint8_t hash[16], struct new_event *e)
{
	struct appends *appends = b->ctx->core->appends;
	bool standard64 = b->room->version->event_id_format == EVENT_ID_BASE64;
	const struct pending_txn *pending;
	struct stored_event stored;
	int64_t event;

	if (atomic_load(&appends->knows_txns) == TXNS_KNOWN &&
	    !bloom_may_have(appends->known_txns, hash))
		return false;
	lock_take(&appends->txn_lock);
	pending = map_get(&appends->txns, hash, 16);
	if (pending != NULL) {
		e->event_id = arena_strdup(b->arena, pending->event_id);
		b->ticket = pending->ticket;
	}
	lock_give(&appends->txn_lock);
	if (pending != NULL)
		return true;
	if (store_txn_find(b->ctx->db, hash, &event) != M_OK ||
	    store_event_get(b->ctx->db, b->arena, event, standard64, &stored) != M_OK)
		return false;
	e->event_id = stored.event_id;
	return true;
}

/* Event integers in queue order: one lock around both. The room's own events name each
 * other as predecessors by integers that are known only now. */
static uint64_t
number_and_queue(struct building *b)
{
	struct append_job *job = b->job;
	struct appends *appends = b->ctx->core->appends;
	uint64_t ticket;

	lock_take(&appends->order);
	for (int i = 0; i < job->n; i++) {
		struct appended *a = &job->events[i];
		int64_t event = appends->next_event++;

		a->row.event = a->row.line = a->row.at = event;
		a->live->event = event;
		if (a->entry != NULL)
			a->entry->event = event;
		if (i > 0)
			((int64_t *)a->row.prevs)[0] = event - 1;
	}
	if (job->makes_room)
		b->s->segment = job->events[0].row.event;
	b->s->position = job->events[job->n - 1].row.event;
	b->s->extremities[0].event = b->s->position;
	for (int i = 0; i < job->n; i++)
		job->events[i].row.segment = b->s->segment;
	ticket = writer_queue(b->ctx->core->writer, &job->job);
	lock_give(&appends->order);
	return ticket;
}

static void
remember_txn(struct building *b, const char *event_id)
{
	struct appends *appends = b->ctx->core->appends;
	struct pending_txn *txn;

	if (!b->job->has_txn)
		return;
	txn = xcalloc(1, sizeof *txn);
	memcpy(txn->hash, b->job->txn_hash, 16);
	snprintf(txn->event_id, sizeof txn->event_id, "%s", event_id);
	know_txn(txn->hash, appends);
	lock_take(&appends->txn_lock);
	map_put(&appends->txns, txn->hash, 16, txn);
	lock_give(&appends->txn_lock);
}

/* Which ticket to wait for is known once the job is queued. */
static void
note_txn_ticket(struct building *b, const uint8_t hash[16], uint64_t ticket)
{
	struct appends *appends = b->ctx->core->appends;
	struct pending_txn *txn;

	lock_take(&appends->txn_lock);
	txn = map_get(&appends->txns, hash, 16);
	if (txn != NULL)
		txn->ticket = ticket;
	lock_give(&appends->txn_lock);
}

static void
remember_recent(struct building *b)
{
	for (int i = 0; i < b->job->n; i++) {
		struct live_event **at =
		    &b->room->recent[b->room->recent_next++ % ROOM_RECENT_MAX];

		live_event_unref(*at);
		*at = live_event_ref(b->job->events[i].live);
	}
}

/* The new tip is in place before the writer can be done with the job. */
static void
commit_to_tip(struct building *b, const char *event_id)
{
	uint8_t hash[16];
	bool has_txn = b->job->has_txn;
	uint64_t ticket;

	memcpy(hash, b->job->txn_hash, 16);
	remember_recent(b);
	remember_txn(b, event_id);
	snapshot_unref(b->room->tip);
	b->room->tip = snapshot_ref(b->s);
	b->room->is_new = false;
	ticket = number_and_queue(b); /* from here on the job is the writer's */
	if (has_txn)
		note_txn_ticket(b, hash, ticket);
	b->ticket = ticket;
}

static struct append_job *
job_new(struct building *b, int n, const struct append_extra *extra)
{
	struct append_job *job = xcalloc(1, sizeof *job);

	job->job.run = append_run;
	job->job.done = append_done;
	job->core = b->ctx->core;
	job->room = room_ref(b->room);
	job->epoch = b->room->tip_epoch;
	job->makes_room = b->room->is_new;
	/* Its own rows fail only where the database does. */
	job->job.falls_with_group = extra == NULL || extra->also == NULL;
	job->arena = arena_new();
	job->events = ARENA_ARRAY(job->arena, struct appended, n);
	job->after = snapshot_ref(b->s);
	if (extra != NULL)
		job->extra = *extra;
	return job;
}

static void
attach_txn(struct building *b, const struct append_extra *extra, const uint8_t hash[16])
{
	struct live_event *live = b->job->events[0].live;
	struct event_row *row = &b->job->events[0].row;

	b->job->has_txn = true;
	memcpy(b->job->txn_hash, hash, 16);
	row->device_id = arena_strdup(b->job->arena, extra->device_id);
	row->txn_id = arena_strdup(b->job->arena, extra->txn_id);
	live->device_id = xstrdup(extra->device_id);
	live->txn_id = xstrdup(extra->txn_id);
}

static enum mx_err
build_all(struct building *b, struct new_event *events, int n)
{
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < n; i++)
		err = append_one(b, &events[i]);
	if (err == M_OK && b->room->is_new) {
		b->room->id = atomic_fetch_add(&b->ctx->core->appends->next_room, 1);
		for (int i = 0; i < b->job->n; i++) {
			b->job->events[i].row.room = b->room->id;
			b->job->events[i].live->room = b->room->id;
		}
		err = room_enter(b->ctx->core, b->room);
	}
	return err;
}

bool
append_repeated(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *sender, const struct append_extra *extra, const char **event_id_out)
{
	struct building b = { .ctx = ctx, .arena = arena, .room = room };
	struct new_event e = { .event_id = NULL };
	uint8_t hash[16];
	bool known;

	if (extra->txn_id == NULL)
		return false;
	txn_hash(extra, sender, hash);
	lock_take(&room->lock);
	known = txn_known(&b, hash, &e);
	lock_give(&room->lock);
	if (b.ticket != 0)
		ctx_wrote(ctx, b.ticket);
	if (known)
		*event_id_out = e.event_id;
	return known;
}

/* Under the room's lock. */
static enum mx_err
append_locked(struct building *b, struct new_event *events, int n,
    const struct append_extra *extra)
{
	bool has_txn = extra != NULL && extra->txn_id != NULL;
	uint8_t hash[16];
	enum mx_err err;

	if (b->room->tip_epoch != atomic_load(&b->room->epoch))
		return ctx_fail(b->ctx, M_UNAVAILABLE,
		    "the last write to this room failed; try again");
	if (has_txn) {
		txn_hash(extra, events[0].sender, hash);
		if (txn_known(b, hash, &events[0]))
			return M_OK;
	}
	if (extra != NULL && extra->judge != NULL) {
		err = extra->judge(b->ctx, b->arena, b->room, &events[0]);
		if (err != M_OK)
			return err;
	}
	b->s = snapshot_copy(b->room->tip);
	b->judge = (struct snapshot_judge){ b->ctx, b->arena, b->room, b->s, true };
	b->job = job_new(b, n, extra);
	err = build_all(b, events, n);
	if (err == M_OK && b->job->n > 0) {
		if (has_txn)
			attach_txn(b, extra, hash);
		b->queued = true;
		commit_to_tip(b, events[0].event_id);
	} else {
		for (int i = b->job->n - 1; i >= 0; i--)
			push_append_undo(b->room, &b->job->events[i].push);
		append_job_free(b->job);
	}
	snapshot_unref(b->s);
	return err;
}

enum mx_err
room_append(struct ctx *ctx, struct arena *arena, struct room *room,
    struct new_event *events, int n, const struct append_extra *extra)
{
	struct building b = { .ctx = ctx, .arena = arena, .room = room };
	enum mx_err err;

	lock_take(&room->lock);
	err = append_locked(&b, events, n, extra);
	lock_give(&room->lock);
	if (b.ticket != 0)
		ctx_wrote(ctx, b.ticket);
	if (!b.queued && extra != NULL && extra->done != NULL)
		extra->done(extra->arg);
	return err;
}
