/*
 * A room as one hub knows it: its newest events, those of its listeners who are
 * strangers or members alike, and the answers that they share. An answer is made once
 * for all of a class that stand at one place.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/gzip.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

#define UNUSED_S 120

void
hub_room_used(struct hub_room *room)
{
	room->used_s = (uint32_t)(clock_mono_ms() / 1000);
}

struct hub_room *
hub_room_get(struct hub *hub, const char *room_id)
{
	struct hub_room *room = hub_rooms_find(hub, room_id);

	if (room == NULL) {
		size_t id_size = strlen(room_id) + 1;

		room = xcalloc(1, sizeof *room + id_size);
		memcpy(room->room_id, room_id, id_size);
		for (int i = 0; i < CLASS_COUNT; i++)
			link_init(&room->sharing[i]);
		link_init(&room->watches);
		link_init(&room->behind);
		link_init(&room->dirty);
		/* What happened up to here is not in its ring. */
		room->ring_from = room->last = hub->processed;
		hub_rooms_add(hub, room);
		changes_follow(hub->hubs->core->changes, room_id);
		atomic_fetch_add(&hub->room_count, 1);
		atomic_fetch_add(&hub->memory, sizeof *room + id_size);
	}
	hub_room_used(room);
	return room;
}

static void
drop_body(struct hub_body *body)
{
	for (int i = 0; i < HUB_FORMS; i++)
		http_shared_unref(body->forms[i]);
	vec_free(&body->but);
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
	hub_rooms_remove(hub, room);
	changes_unfollow(hub->hubs->core->changes, room->room_id);
	drop_bodies(hub, room);
	hub_pages_free(hub, room);
	for (int i = 0; i < room->ring_count; i++)
		live_event_unref(room->ring[i]);
	atomic_fetch_sub(&hub->memory, (size_t)room->ring_cap * sizeof *room->ring);
	free(room->ring);
	link_out(&room->dirty);
	atomic_fetch_sub(&hub->memory, sizeof *room + strlen(room->room_id) + 1);
	free(room);
	atomic_fetch_sub(&hub->room_count, 1);
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

/* Whoever is in a room all the while hears all of it. */
static bool
class_hears(enum listener_class class, const struct live_event *e)
{
	return class == CLASS_MEMBERS || strangers_hear(e);
}

/* Whoever waits here has heard all that came before. */
static void
have_news(struct hub *hub, struct hub_room *room, const struct live_event *e)
{
	for (enum listener_class c = 0; c < CLASS_COUNT; c++)
		if (class_hears(c, e) && link_has(&room->sharing[c]) &&
		    !link_has(&room->dirty))
			link_before(&hub->dirty, &room->dirty);
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

static void
size_ring(struct hub *hub, struct hub_room *room, int cap)
{
	atomic_fetch_sub(&hub->memory, (size_t)room->ring_cap * sizeof *room->ring);
	room->ring = xrealloc(room->ring, (size_t)cap * sizeof *room->ring);
	room->ring_cap = (uint16_t)cap;
	atomic_fetch_add(&hub->memory, (size_t)cap * sizeof *room->ring);
}

/* Most rooms are quiet ones with few listeners. */
static void
grow_ring(struct hub *hub, struct hub_room *room)
{
	int most = hub->hubs->options.ring_max;
	int cap = room->ring_cap == 0 ? 2 : room->ring_cap * 2;

	size_ring(hub, room, cap < most ? cap : most);
}

/* A burst is over, and everybody has heard it. */
static void
shrink_ring(struct hub *hub, struct hub_room *room)
{
	if (room->ring_count <= HUB_RING || link_has(&room->dirty) ||
	    link_has(&room->behind))
		return;
	drop_oldest(room, room->ring_count - HUB_RING);
	size_ring(hub, room, HUB_RING);
}

static bool
is_listened_to(const struct hub_room *room)
{
	for (int i = 0; i < CLASS_COUNT; i++)
		if (link_has(&room->sharing[i]))
			return true;
	return link_has(&room->behind) || link_has(&room->watches) ||
	       room->pages != NULL;
}

void
hub_rooms_tidy(struct hub *hub, int64_t now_ms)
{
	uint32_t now_s = (uint32_t)(now_ms / 1000);
	struct hub_room *room = hub_rooms_next(hub, NULL), *next;

	for (; room != NULL; room = next) {
		next = hub_rooms_next(hub, room);
		if (!is_listened_to(room) && now_s - room->used_s > UNUSED_S)
			hub_room_free(hub, room);
		else
			shrink_ring(hub, room);
	}
}

static void
push(struct hub *hub, struct hub_room *room, struct live_event *e)
{
	if (room->ring_count == hub->hubs->options.ring_max)
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

	room->world_readable = e->visibility_after == VISIBILITY_WORLD_READABLE;
	drop_bodies(hub, room);
	push(hub, room, e);
	if (strcmp(e->pdu->event->type, "m.room.redaction") == 0)
		refresh(room, change->room);
	have_news(hub, room, e);
	hub_pages_event(hub, room);
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
hub_room_has(const struct hub_room *room, enum listener_class class, int64_t from)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > from; i--)
		if (class_hears(class, room->ring[i]))
			return true;
	return false;
}

/* May all of them see what it replaced? */
static bool
class_sees_replaced(enum listener_class class, const struct live_event *e)
{
	return e->replaced_is_known &&
	       (e->replaced_visibility == VISIBILITY_WORLD_READABLE ||
		   (class == CLASS_MEMBERS &&
		       e->replaced_visibility == VISIBILITY_SHARED));
}

/* May some of them, and not others; or is that not known? */
static bool
some_see_replaced(enum listener_class class, const struct live_event *e)
{
	return e->replaced_event != 0 &&
	       (!e->replaced_is_known ||
		   (class == CLASS_MEMBERS && !class_sees_replaced(class, e)));
}

/* How an event is written for a class. */
static struct event_view
class_view(enum listener_class class, const struct live_event *e)
{
	return (struct event_view){ .format = FORMAT_V1,
		.membership =
		    class == CLASS_MEMBERS ? MEMBERSHIP_JOIN : MEMBERSHIP_NONE,
		.now_ms = clock_now_ms(),
		.may_see_replaced = class_sees_replaced(class, e) };
}

/* Its last word to strangers. Somebody among them may join behind it: what stands there
 * is for whoever comes back, also where the room is open again by now. */
static bool
closes(const struct live_event *e)
{
	return e->visibility_before == VISIBILITY_WORLD_READABLE &&
	       e->visibility_after != VISIBILITY_WORLD_READABLE;
}

/* Is it the last that is told of a body? */
static bool
is_last_of(const struct hub_body *b, const struct live_event *e)
{
	return b->class == CLASS_STRANGERS && closes(e);
}

/* {"chunk":[...]} of what a class hears behind a place; returns how many events. */
static uint32_t
write_answer(struct hub *hub, const struct hub_room *room, const struct hub_body *b,
    struct buf *body)
{
	struct stream_token start = token_at(b->from), end = token_at(room->last);
	struct buf chunk = { 0 }, text = { 0 };
	uint32_t events = 0;

	for (int i = 0; i < room->ring_count; i++) {
		struct live_event *e = room->ring[i];
		struct event_view view;

		if (e->event <= b->from || !class_hears(b->class, e))
			continue;
		view = class_view(b->class, e);
		if (chunk.n > 0)
			buf_char(&chunk, ',');
		json_event_live(&chunk, e, &view);
		events++;
		if (is_last_of(b, e) || chunk.n >= hub->hubs->options.bytes_max ||
		    events == EVENTS_LIMIT_DEFAULT) {
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

/* The same as server-sent events; what is too long for one block is for the next. */
static uint32_t
write_block(
    struct hub *hub, const struct hub_room *room, struct hub_body *b, struct buf *block)
{
	uint32_t events = 0;

	b->end = room->last;
	for (int i = 0; i < room->ring_count; i++) {
		struct live_event *e = room->ring[i];
		struct event_view view;
		struct stream_token id = token_at(e->event);

		if (e->event <= b->from || !class_hears(b->class, e))
			continue;
		view = class_view(b->class, e);
		sse_event_begin(block, &id, e->pdu->event->type);
		json_event_live(block, e, &view);
		sse_event_end(block);
		events++;
		b->is_last = is_last_of(b, e);
		if (b->is_last || block->n >= hub->hubs->options.bytes_max) {
			b->end = e->event;
			break;
		}
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

static void
make_form(
    struct hub *hub, struct hub_room *room, struct hub_body *b, enum hub_form form)
{
	struct buf bytes = { 0 };

	switch (form) {
	case HUB_ANSWER:
		b->events = write_answer(hub, room, b, &bytes);
		b->forms[form] =
		    http_shared_new(200, "application/json", bytes.p, bytes.n);
		break;
	case HUB_BLOCK:
		b->events = write_block(hub, room, b, &bytes);
		b->forms[form] = http_block_new(bytes.p, bytes.n);
		break;
	case HUB_ANSWER_GZIP:
		b->forms[form] = packed_answer(b->forms[HUB_ANSWER]);
		break;
	case HUB_BLOCK_GZIP:
		b->forms[form] = hub_sse_pack(b->forms[HUB_BLOCK]);
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

static void
add_exception(struct hub_body *b, const char *user_id)
{
	uint64_t user = map_hash(user_id, strlen(user_id));

	if (b->but.n == 0 || b->but.v[b->but.n - 1] != user)
		vec_push(&b->but, user);
}

/* Whom a body does not suit: of whose membership it speaks, or who sent something by a
 * transaction, which they alone are told of. */
static void
find_exceptions(const struct hub_room *room, struct hub_body *b)
{
	for (int i = room->ring_count - 1; i >= 0 && room->ring[i]->event > b->from;
	     i--) {
		const struct live_event *e = room->ring[i];

		if (e->membership_after != MEMBERSHIP_NONE)
			add_exception(b, e->pdu->event->state_key);
		if (e->txn_id != NULL)
			add_exception(b, e->pdu->event->sender);
		if (class_hears(b->class, e) && some_see_replaced(b->class, e))
			b->is_unlike = true;
	}
}

static struct hub_body *
find_body(struct hub *hub, const struct listener *l)
{
	struct hub_room *room = l->in;
	struct hub_body *b;

	if (room->bodies == NULL) {
		room->bodies = xcalloc(HUB_BODIES, sizeof *room->bodies);
		atomic_fetch_add(&hub->memory, HUB_BODIES * sizeof *room->bodies);
	}
	for (int i = 0; i < HUB_BODIES; i++) {
		b = &room->bodies[i];
		if (b->is_used && b->from == l->from && b->class == l->class &&
		    b->made_s == hub->wheel_s)
			return b;
	}
	b = &room->bodies[room->next_body++ % HUB_BODIES];
	drop_body(b);
	b->is_used = true;
	b->class = l->class;
	b->from = l->from;
	b->made_s = hub->wheel_s;
	find_exceptions(room, b);
	b->has_joins = l->class == CLASS_STRANGERS && has_join(room, l->from, 0);
	return b;
}

bool
hub_room_suits(struct hub *hub, const struct listener *l)
{
	const struct hub_body *b = find_body(hub, l);

	for (size_t i = 0; i < b->but.n; i++)
		if (b->but.v[i] == l->user)
			return false;
	return !b->is_unlike;
}

bool
hub_room_joined(struct hub *hub, const struct listener *l)
{
	return find_body(hub, l)->has_joins && has_join(l->in, l->from, l->user);
}

const struct hub_body *
hub_room_body(struct hub *hub, const struct listener *l, enum hub_form form)
{
	struct hub_body *b = find_body(hub, l);
	enum hub_form plain = form == HUB_ANSWER_GZIP  ? HUB_ANSWER
			      : form == HUB_BLOCK_GZIP ? HUB_BLOCK
						       : form;

	if (b->forms[plain] == NULL)
		make_form(hub, l->in, b, plain);
	if (b->forms[form] == NULL)
		make_form(hub, l->in, b, form);
	return b;
}

void
hub_room_put_off(struct hub *hub, struct listener *l, bool is_drained)
{
	struct hub_room *room = l->in;

	l->behind = !is_drained;
	link_out(&l->room);
	link_before(is_drained ? room->behind.next : &room->behind, &l->room);
	if (is_drained && !link_has(&room->dirty))
		link_before(&hub->dirty, &room->dirty);
}

bool
hub_room_has_ready(const struct hub_room *room)
{
	return link_has(&room->behind) && !HUB_OF_ROOM(room->behind.next)->behind;
}

void
hub_room_take_ready(struct hub_room *room, int most, struct link *out)
{
	for (int n = 0; n < most && hub_room_has_ready(room); n++) {
		struct link *l = room->behind.next;

		link_out(l);
		link_before(out->next, l); /* they were put in backwards */
	}
}

void
hub_room_answered(struct hub *hub, struct hub_room *room)
{
	drop_bodies(hub, room);
}
