/*
 * A room as one hub knows it: its newest events, who of its listeners are strangers,
 * and the answers that they share. An answer is made once for all that stand at one
 * place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/gzip.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

#define UNUSED_MS 120000
/* Packed here, on the io thread; more of it would keep the sockets waiting. */
#define GZIP_SHARED_MAX 65536

struct hub_room *
hub_room_get(struct hub *hub, const char *room_id)
{
	struct hub_room *room = map_get_str(&hub->rooms, room_id);

	if (room == NULL) {
		room = xcalloc(1, sizeof *room);
		room->room_id = xstrdup(room_id);
		link_init(&room->strangers);
		link_init(&room->watches);
		link_init(&room->dirty);
		/* What happened up to here is not in its ring. */
		room->ring_from = room->last = hub->processed;
		map_put_str(&hub->rooms, room->room_id, room);
		atomic_fetch_add(&hub->room_count, 1);
		atomic_fetch_add(&hub->memory, sizeof *room);
	}
	room->used_ms = clock_mono_ms();
	return room;
}

static void
drop_body(struct hub_body *body)
{
	for (int i = 0; i < HUB_FORMS; i++)
		http_shared_unref(body->forms[i]);
	*body = (struct hub_body){ 0 };
}

static void
drop_bodies(struct hub *hub, struct hub_room *room)
{
	if (room->bodies == NULL)
		return;
	for (int i = 0; i < HUB_BODIES; i++)
		drop_body(&room->bodies[i]);
	free(room->bodies);
	room->bodies = NULL;
	atomic_fetch_sub(&hub->memory, HUB_BODIES * sizeof *room->bodies);
}

void
hub_room_free(struct hub *hub, struct hub_room *room)
{
	map_del_str(&hub->rooms, room->room_id);
	drop_bodies(hub, room);
	for (int i = 0; i < room->ring_count; i++)
		live_event_unref(room->ring[i]);
	atomic_fetch_sub(&hub->memory, (size_t)room->ring_cap * sizeof *room->ring);
	free(room->ring);
	link_out(&room->dirty);
	free(room->room_id);
	free(room);
	atomic_fetch_sub(&hub->room_count, 1);
	atomic_fetch_sub(&hub->memory, sizeof *room);
}

void
hub_rooms_tidy(struct hub *hub, int64_t now_ms)
{
	struct hub_room *room;

	for (size_t at = 0; (room = map_next(&hub->rooms, &at)) != NULL;)
		if (room->strangers.next == &room->strangers &&
		    room->watches.next == &room->watches &&
		    now_ms - room->used_ms > UNUSED_MS)
			hub_room_free(hub, room);
}

/* The one decision about strangers, taken per event: the rule's first case, or the
 * setting's own event, which is heard if the state before or after allows it. */
static bool
strangers_hear(const struct live_event *e)
{
	struct visibility_facts facts = { .before = e->visibility_before,
		.after = e->visibility_after };

	return visibility_allows(&facts);
}

static void
drop_oldest(struct hub_room *room, int n)
{
	if (n == 0)
		return;
	room->ring_from = room->ring[n - 1]->event;
	for (int i = 0; i < n; i++)
		live_event_unref(room->ring[i]);
	room->ring_count -= n;
	memmove(room->ring, room->ring + n, room->ring_count * sizeof *room->ring);
}

/* Most rooms are quiet ones with few listeners. */
static void
grow_ring(struct hub *hub, struct hub_room *room)
{
	int cap = room->ring_cap == 0 ? 2 : room->ring_cap * 2;

	if (cap > HUB_RING)
		cap = HUB_RING;
	room->ring = xrealloc(room->ring, (size_t)cap * sizeof *room->ring);
	atomic_fetch_add(
	    &hub->memory, (size_t)(cap - room->ring_cap) * sizeof *room->ring);
	room->ring_cap = cap;
}

static void
push(struct hub *hub, struct hub_room *room, struct live_event *e)
{
	if (room->ring_count == HUB_RING)
		drop_oldest(room, 1);
	if (room->ring_count == room->ring_cap)
		grow_ring(hub, room);
	room->ring[room->ring_count++] = live_event_ref(e);
	room->last = e->event;
}

/* A redaction has exchanged its target in the room's tail: here as well. What has left
 * the tail is not known to be as it was: it is no longer told from here. */
static void
refresh(struct hub_room *room, struct room *core_room)
{
	struct snapshot *s = room_snapshot(core_room);
	int old = 0;

	while (old < room->ring_count && room->ring[old]->event <= s->tail_from)
		old++;
	drop_oldest(room, old);
	for (int i = 0; i < room->ring_count; i++)
		for (int j = 0; j < s->tail_count; j++)
			if (s->tail[j]->event == room->ring[i]->event &&
			    s->tail[j] != room->ring[i]) {
				live_event_unref(room->ring[i]);
				room->ring[i] = live_event_ref(s->tail[j]);
			}
	snapshot_unref(s);
}

void
hub_room_event(struct hub *hub, struct hub_room *room, const struct change *change)
{
	struct live_event *e = change->event;

	room->id = e->room;
	room->world_readable = e->visibility_after == VISIBILITY_WORLD_READABLE;
	drop_bodies(hub, room);
	push(hub, room, e);
	if (strcmp(e->pdu->event->type, "m.room.redaction") == 0)
		refresh(room, change->room);
	if (strangers_hear(e) && room->strangers.next != &room->strangers &&
	    room->dirty.next == &room->dirty)
		link_before(&hub->dirty, &room->dirty);
	for (struct link *l = room->watches.next, *next; l != &room->watches;
	     l = next) {
		next = l->next;
		hub_wake(hub, ((struct watch *)l)->tag);
	}
}

bool
hub_room_covers(const struct hub_room *room, int64_t from)
{
	return room->known && room->world_readable && from >= room->ring_from;
}

bool
hub_room_has(const struct hub_room *room, int64_t from)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > from; i--)
		if (strangers_hear(room->ring[i]))
			return true;
	return false;
}

/* How an event is written for strangers. */
static struct event_view
strangers_view(const struct live_event *e)
{
	return (struct event_view){ .format = FORMAT_V1,
		.now_ms = clock_now_ms(),
		.may_see_replaced = e->replaced_world_readable };
}

/* Its last word to strangers. Somebody among them may join behind it: what stands there
 * is for whoever comes back, also where the room is open again by now. */
static bool
closes(const struct live_event *e)
{
	return e->visibility_before == VISIBILITY_WORLD_READABLE &&
	       e->visibility_after != VISIBILITY_WORLD_READABLE;
}

/* {"chunk":[...]} of what strangers may hear behind from; returns how many events. */
static uint32_t
write_answer(struct hub_room *room, int64_t from, struct buf *body)
{
	struct stream_token start = { from, -1 }, end = { room->last, -1 };
	struct buf chunk = { 0 }, text = { 0 };
	uint32_t events = 0;

	for (int i = 0; i < room->ring_count; i++) {
		struct live_event *e = room->ring[i];
		struct event_view view = strangers_view(e);

		if (e->event <= from || !strangers_hear(e))
			continue;
		if (chunk.n > 0)
			buf_char(&chunk, ',');
		json_event_live(&chunk, e, &view);
		events++;
		if (closes(e)) {
			end.events = e->event;
			break;
		}
	}
	token_write(&text, &start);
	buf_char(&text, '\0');
	events_body(body, (struct str){ chunk.p, chunk.n }, text.p, &end);
	buf_free(&text);
	buf_free(&chunk);
	return events;
}

/* The same as server-sent events. */
static uint32_t
write_block(struct hub_room *room, int64_t from, struct buf *block)
{
	uint32_t events = 0;

	for (int i = 0; i < room->ring_count; i++) {
		struct live_event *e = room->ring[i];
		struct event_view view = strangers_view(e);
		struct stream_token id = { e->event, -1 };

		if (e->event <= from || !strangers_hear(e))
			continue;
		sse_event_begin(block, &id, e->pdu->event->type);
		json_event_live(block, e, &view);
		sse_event_end(block);
		events++;
		if (closes(e))
			break;
	}
	return events;
}

/* Packed once for all who ask for it, here: a body is small, a worker costs more. */
static struct http_shared *
packed_answer(struct http_shared *plain)
{
	size_t n = plain->n - plain->head_n;
	struct http_shared *shared;
	char *packed;

	if (n < GZIP_MIN || n > GZIP_SHARED_MAX)
		return http_shared_ref(plain);
	packed = xmalloc(n);
	memcpy(packed, plain->bytes + plain->head_n, n);
	shared = gzip_body(&packed, &n)
		     ? http_shared_new_gzip(200, "application/json", packed, n)
		     : http_shared_ref(plain);
	free(packed);
	return shared;
}

static struct http_shared *
packed_block(struct http_shared *plain)
{
	const char *bytes = plain->bytes + plain->head_n;
	size_t n = plain->n - plain->head_n - plain->tail_n;
	struct buf packed = { 0 };
	struct http_shared *block;

	if (n > GZIP_SHARED_MAX)
		gzip_block_stored(&packed, bytes, n);
	else
		gzip_block(&packed, bytes, n);
	block = http_block_new(packed.p, packed.n);
	buf_free(&packed);
	return block;
}

static void
make_form(
    struct hub *hub, struct hub_room *room, struct hub_body *b, enum hub_form form)
{
	struct buf bytes = { 0 };

	switch (form) {
	case HUB_ANSWER:
		b->events = write_answer(room, b->from, &bytes);
		b->forms[form] =
		    http_shared_new(200, "application/json", bytes.p, bytes.n);
		break;
	case HUB_BLOCK:
		b->events = write_block(room, b->from, &bytes);
		b->forms[form] = http_block_new(bytes.p, bytes.n);
		break;
	case HUB_ANSWER_GZIP:
		b->forms[form] = packed_answer(b->forms[HUB_ANSWER]);
		break;
	case HUB_BLOCK_GZIP:
		b->forms[form] = packed_block(b->forms[HUB_BLOCK]);
		break;
	case HUB_FORMS:
		break;
	}
	buf_free(&bytes);
	atomic_fetch_add(&hub->bodies_made, 1);
}

static bool
is_membership_of(const struct live_event *e, uint64_t user)
{
	const char *who = e->pdu->event->state_key;

	return e->membership_after != MEMBERSHIP_NONE &&
	       map_hash(who, strlen(who)) == user;
}

bool
hub_room_is_about(const struct hub_room *room, int64_t from, uint64_t user)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > from; i--)
		if (is_membership_of(room->ring[i], user))
			return true;
	return false;
}

/* user 0: anybody. */
static bool
has_join(const struct hub_room *room, int64_t from, uint64_t user)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > from; i--) {
		const struct live_event *e = room->ring[i];

		if (e->membership_after == MEMBERSHIP_JOIN &&
		    (user == 0 || is_membership_of(e, user)))
			return true;
	}
	return false;
}

static bool
has_end(const struct hub_room *room, int64_t from)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > from; i--)
		if (closes(room->ring[i]))
			return true;
	return false;
}

static struct hub_body *
find_body(struct hub *hub, struct hub_room *room, int64_t from)
{
	struct hub_body *b;

	if (room->bodies == NULL) {
		room->bodies = xcalloc(HUB_BODIES, sizeof *room->bodies);
		atomic_fetch_add(&hub->memory, HUB_BODIES * sizeof *room->bodies);
	}
	for (int i = 0; i < HUB_BODIES; i++)
		if (room->bodies[i].is_used && room->bodies[i].from == from)
			return &room->bodies[i];
	b = &room->bodies[room->next_body++ % HUB_BODIES];
	drop_body(b);
	b->is_used = true;
	b->from = from;
	b->has_joins = has_join(room, from, 0);
	b->has_end = has_end(room, from);
	return b;
}

bool
hub_room_joined(struct hub *hub, struct hub_room *room, int64_t from, uint64_t user)
{
	return find_body(hub, room, from)->has_joins && has_join(room, from, user);
}

bool
hub_room_ends(struct hub *hub, struct hub_room *room, int64_t from)
{
	return find_body(hub, room, from)->has_end;
}

struct http_shared *
hub_room_body(struct hub *hub, struct hub_room *room, int64_t from, enum hub_form form,
    uint32_t *events_out)
{
	struct hub_body *b = find_body(hub, room, from);
	enum hub_form plain = form == HUB_ANSWER_GZIP  ? HUB_ANSWER
			      : form == HUB_BLOCK_GZIP ? HUB_BLOCK
						       : form;

	if (b->forms[plain] == NULL)
		make_form(hub, room, b, plain);
	if (b->forms[form] == NULL)
		make_form(hub, room, b, form);
	*events_out = b->events;
	return b->forms[form];
}

void
hub_room_answered(struct hub *hub, struct hub_room *room)
{
	drop_bodies(hub, room);
}
