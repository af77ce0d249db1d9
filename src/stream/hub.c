/*
 * The life of a listener: entering, waiting, being woken, leaving. One hub per io
 * thread, never locked. Stands between the queue of changes (core) and the connections
 * (http).
 */
#include "stream/hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

#define SLICE 128 /* answers before sockets have their turn again */
#define TURN 64	  /* of one class in one room */

/* --- listeners and their slots --- */

static struct listener *
listener_at(struct hub *hub, uint32_t tag)
{
	return &hub->chunks.v[tag / HUB_CHUNK][tag % HUB_CHUNK];
}

struct exchange
hub_exchange(const struct hub *hub, const struct listener *l)
{
	return (struct exchange){ hub->io, l->conn, l->gen };
}

static void
add_chunk(struct hub *hub)
{
	struct listener *chunk = xcalloc(HUB_CHUNK, sizeof *chunk);

	vec_push(&hub->chunks, chunk);
	for (int i = 0; i < HUB_CHUNK; i++) {
		chunk[i].tag = (uint32_t)((hub->chunks.n - 1) * HUB_CHUNK + i);
		link_init(&chunk[i].room);
		link_before(&hub->free, &chunk[i].wheel);
	}
	atomic_fetch_add(&hub->memory, HUB_CHUNK * sizeof *chunk);
}

#define OF_WHEEL(l) LINK_OF(struct listener, wheel, l)

/* By which it is counted; 0: by none. */
static uint64_t
token_hash(const struct hubs *hubs, const struct waiting *w)
{
	uint64_t of[2];

	if (hubs->tokens == NULL || w->page > 0)
		return 0;
	of[0] = map_hash(w->user_id, strlen(w->user_id));
	of[1] = map_hash(w->device_id, strlen(w->device_id));
	return map_hash(of, sizeof of);
}

static void
uncount(struct hubs *hubs, uint64_t address, uint64_t token)
{
	if (hubs->addresses != NULL)
		tally_sub(hubs->addresses, address);
	if (token != 0)
		tally_sub(hubs->tokens, token);
}

/* Counts one more; false, and not counted: that would be too many. */
static bool
count(struct hubs *hubs, uint64_t address, uint64_t token)
{
	const struct hub_options *options = &hubs->options;
	bool fits = true;

	if (hubs->addresses != NULL &&
	    tally_add(hubs->addresses, address) > options->parked_per_address)
		fits = false;
	if (token != 0 && tally_add(hubs->tokens, token) > options->parked_per_token)
		fits = false;
	if (!fits)
		uncount(hubs, address, token);
	return fits;
}

/* Of one who has been counted. */
static struct listener *
listener_new(struct hub *hub, const struct waiting *w)
{
	struct listener *l;

	if (hub->free.next == &hub->free)
		add_chunk(hub);
	l = OF_WHEEL(hub->free.next);
	link_out(&l->wheel);
	*l = (struct listener){ .tag = l->tag,
		.conn = w->exchange.conn,
		.gen = w->exchange.gen,
		.user = map_hash(w->user_id, strlen(w->user_id)),
		.address = w->address,
		.token = token_hash(hub->hubs, w) };
	link_init(&l->wheel);
	link_init(&l->room);
	atomic_fetch_add_explicit(&hub->parked, 1, memory_order_relaxed);
	return l;
}

void
hub_user_free(struct hub *hub, struct hub_user *user)
{
	map_del_str(&hub->users, user->user_id);
	free(user->user_id);
	free(user);
}

static void
drop_watches(struct hub *hub, struct listener *l, const char *user_id)
{
	struct hub_user *user;

	for (int i = 0; i < l->watch_count; i++)
		link_out(&l->watches[i].link);
	free(l->watches);
	l->watches = NULL;
	l->watch_count = 0;
	user = user_id == NULL ? NULL : map_get_str(&hub->users, user_id);
	if (user != NULL && user->watches.next == &user->watches)
		hub_user_free(hub, user);
}

/* It stands there no longer. */
static void
leave_room(struct hub *hub, struct listener *l)
{
	link_out(&l->room);
	if (l->in == NULL)
		return;
	l->in->listeners--;
	if (l->state == LISTENER_WATCHING)
		hub_pages_leave(hub, l);
	l->in = NULL;
}

/* Also frees what it waits for, unless a worker has that. */
void
hub_listener_free(struct hub *hub, struct listener *l)
{
	drop_watches(hub, l, l->waiting == NULL ? NULL : l->waiting->user_id);
	if (l->waiting != NULL)
		waiting_free(l->waiting);
	l->waiting = NULL;
	uncount(hub->hubs, l->address, l->token);
	leave_room(hub, l);
	l->state = LISTENER_FREE;
	link_out(&l->wheel);
	link_before(&hub->free, &l->wheel);
	atomic_fetch_sub_explicit(&hub->parked, 1, memory_order_relaxed);
}

/* --- deadlines --- */

void
hub_set_deadline(
    struct hub *hub, struct listener *l, int64_t deadline_ms, int64_t expires_ms)
{
	l->expires_ms = expires_ms;
	if (expires_ms != 0 && expires_ms < deadline_ms)
		deadline_ms = expires_ms;
	/* Rounded up: never early. */
	l->deadline_s = (uint32_t)((deadline_ms + 999) / 1000);
	if (l->deadline_s <= hub->wheel_s)
		l->deadline_s = (uint32_t)hub->wheel_s + 1;
	link_out(&l->wheel);
	link_before(&hub->wheel[l->deadline_s % HUB_SECONDS], &l->wheel);
}

static void answer_timeout(struct hub *hub, struct listener *l);
static struct http_shared *empty_shared(struct hub *hub, int64_t from, int64_t end);

/* --- those who share --- */

bool
hub_is_outrun(const struct listener *l)
{
	return l->heard < l->in->ring_from;
}

static bool
has_news(const struct listener *l)
{
	return hub_is_outrun(l) || hub_room_has(l->in, l->class, l->from);
}

bool
hub_has_expired(int64_t expires_ms)
{
	return expires_ms != 0 && clock_mono_ms() >= expires_ms;
}

static void
answer_sharing(struct hub *hub, struct listener *l)
{
	bool has_expired = hub_has_expired(l->expires_ms);
	const struct hub_body *body;
	struct http_shared *shared;
	uint32_t events = 0;

	if (!has_expired && l->waiting != NULL &&
	    (hub_is_outrun(l) || !hub_room_suits(hub, l))) {
		hub_stand_alone(hub, l);
		return;
	}
	if (l->sse) {
		hub_sse_answer(hub, l, has_expired);
		return;
	}
	/* A guest who was outrun begins the next poll with a look, from the store. */
	if (has_expired) {
		shared = hub->hubs->options.token_gone;
	} else if (hub_is_outrun(l)) {
		shared = empty_shared(hub, l->from, l->heard);
	} else {
		enum hub_form form = l->gzip ? HUB_ANSWER_GZIP : HUB_ANSWER;

		body = hub_room_body(hub, l, form);
		shared = body->forms[form];
		events = body->events;
	}
	http_answer_shared(hub_exchange(hub, l), shared);
	atomic_fetch_add_explicit(&hub->answers_shared, 1, memory_order_relaxed);
	json_event_count_delivered(events);
	hub_listener_free(hub, l);
}

static void
share(struct hub *hub, struct listener *l, struct hub_room *room,
    const struct waiting *w, enum listener_class class, int64_t heard)
{
	int64_t from = w->has_from ? w->from.events : heard;

	l->state = LISTENER_SHARING;
	l->class = class;
	l->in = room;
	l->from = from;
	l->heard = heard;
	l->gzip = w->accepts_gzip;
	l->sse = w->sse;
	hub_set_deadline(hub, l, w->deadline_ms, w->expires_ms);
	link_before(&room->sharing[class], &l->room);
	room->listeners++;
	hub_room_used(room);
}

/* Tokens that hold more than a position (typing, presence) are echoed as they came: not
 * shared.
 */
static bool
may_share(const struct waiting *w)
{
	return w->room_count == 1 && w->from.typing < 0 && w->from.presence < 0 &&
	       w->limit == EVENTS_LIMIT_DEFAULT;
}

/* Without a look, if the room's newest events are at hand. False: a look is needed. */
static bool
enter_known_room(struct hub *hub, struct waiting *w)
{
	int64_t from = w->has_from ? w->from.events : hub->processed;
	struct hub_room *room;
	struct stream_token at = token_at(from);
	struct listener *l;
	uint64_t user;

	if (!w->is_stranger || !may_share(w))
		return false;
	if (w->has_from && from > hub->processed)
		return false; /* a position still to come: a look decides */
	room = hub_rooms_find(hub, w->room_ids[0]);
	if (room == NULL || !hub_room_covers(room, from))
		return false;
	user = map_hash(w->user_id, strlen(w->user_id));
	if (hub_room_is_about(room, from, user))
		return false; /* no stranger any more: it was one when it came in */
	l = listener_new(hub, w);
	http_park(w->exchange, l->tag);
	share(hub, l, room, w, CLASS_STRANGERS, hub->processed);
	if (w->sse && !hub_sse_begin(hub, l, w->accepts_gzip, &at))
		; /* gone already */
	else if (hub_room_has(room, CLASS_STRANGERS, from))
		answer_sharing(hub, l);
	else if (clock_mono_ms() >= w->deadline_ms)
		answer_timeout(hub, l);
	waiting_free(w);
	return true;
}

/* The same of a page that others watch. */
static bool
enter_known_page(struct hub *hub, struct waiting *w)
{
	struct hub_room *room;
	struct listener *l;

	if (w->page == 0)
		return false;
	room = hub_rooms_find(hub, w->room_ids[0]);
	if (room == NULL || !hub_pages_cover(hub, room, w->page - 1, w->from.events))
		return false;
	l = listener_new(hub, w);
	http_park(w->exchange, l->tag);
	hub_pages_watch(hub, l, room, w);
	/* If it is gone already, it has left. */
	(void)hub_sse_begin(hub, l, w->accepts_gzip, &w->from);
	waiting_free(w);
	return true;
}

/* --- looking --- */

static void
look(struct hub *hub, struct listener *l, struct waiting *w)
{
	l->state = LISTENER_LOOKING;
	l->dirty = false;
	l->waiting = w; /* the worker's; only what never changes may be read */
	w->answered = false;
	atomic_fetch_add_explicit(&hub->looks, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&hub->looking, 1, memory_order_relaxed);
	hub->hubs->options.look(hub->hubs->options.arg, w);
}

static struct hub_user *
hub_user_get(struct hub *hub, const char *user_id)
{
	struct hub_user *user = map_get_str(&hub->users, user_id);

	if (user == NULL) {
		user = xcalloc(1, sizeof *user);
		user->user_id = xstrdup(user_id);
		link_init(&user->watches);
		map_put_str(&hub->users, user->user_id, user);
	}
	return user;
}

/* Registers at every topic, before anybody looks. */
static void
watch_topics(struct hub *hub, struct listener *l, uint32_t tag, const struct waiting *w)
{
	l->watch_count = w->room_count == 0 ? 1 : w->room_count;
	l->watches = xcalloc(l->watch_count, sizeof *l->watches);
	for (int i = 0; i < l->watch_count; i++) {
		struct link *topic = w->room_count == 0
					 ? &hub_user_get(hub, w->user_id)->watches
					 : &hub_room_get(hub, w->room_ids[i])->watches;

		l->watches[i].tag = tag;
		link_before(topic, &l->watches[i].link);
	}
}

void
hub_stand_alone(struct hub *hub, struct listener *l)
{
	leave_room(hub, l);
	l->behind = false;
	watch_topics(hub, l, l->tag, l->waiting);
	look(hub, l, l->waiting);
}

static void answer_empty(const struct waiting *w, const struct stream_token *end);

/* The change that ends its token may have gone by between its identification and now:
 * its next poll is identified anew. */
static void
send_back(struct hub *hub, struct waiting *w)
{
	struct stream_token end = token_at(hub->processed);
	struct http_reply reply = { .status = 200, .content_type = SSE_TYPE };

	if (w->sse)
		http_answer(w->exchange, &reply);
	else
		answer_empty(w, w->has_from ? &w->from : &end);
	waiting_free(w);
}

/* A first /sync never waits: it is answered as if it had come before that change. Who
 * watches a page has no token. */
static bool
may_be_sent_back(const struct waiting *w)
{
	return w->page == 0 && (w->sync == NULL || w->has_from);
}

void
hub_enter(struct hubs *hubs, struct waiting *w)
{
	struct hub *hub = http_io_data(w->exchange.io);
	struct listener *l;

	w->hub = hub;
	/* Whoever has been told that an event is there finds it here as well: answers
	 * follow the queue of changes, its wake-ups follow the answers. */
	hub_read_changes(hub);
	if (!http_waiting(w->exchange)) {
		waiting_free(w);
		return;
	}
	if (hub->tokens_gone > w->tokens_gone && may_be_sent_back(w)) {
		send_back(hub, w);
		return;
	}
	if (!count(hubs, w->address, token_hash(hubs, w))) {
		hubs->options.refuse(hubs->options.arg, w);
		waiting_free(w);
		return;
	}
	if (hub->stopping)
		w->deadline_ms = 0;
	if (enter_known_room(hub, w) || enter_known_page(hub, w))
		return;
	l = listener_new(hub, w);
	w->tag = l->tag;
	http_park(w->exchange, w->tag);
	watch_topics(hub, l, w->tag, w);
	look(hub, l, w);
}

static void
enter_posted(struct http_io *io, void *arg)
{
	struct hub *hub = http_io_data(io);

	hub_enter(hub->hubs, arg);
}

void
hub_enter_later(struct hubs *hubs, struct waiting *w)
{
	http_post(w->exchange.io, enter_posted, w);
}

/* May what comes in the room now be answered to all of the listener's class, or of
 * those who watch the same page, alike?
 * Those stand at what the hub has read, none before another: the first of them tells
 * whether there is news. */
static bool
stands_with_others(
    const struct hub *hub, const struct hub_room *room, const struct waiting *w)
{
	return (w->page > 0 || (may_share(w) && w->as != CLASS_ALONE)) &&
	       w->looked.events >= room->last && w->looked.events <= hub->processed;
}

/* Stands with them. Who is the same as all others needs no record of its own. */
static void
join(struct hub *hub, struct listener *l, struct hub_room *room, struct waiting *w)
{
	drop_watches(hub, l, NULL);
	l->waiting = w;
	if (w->page > 0)
		hub_pages_watch(hub, l, room, w);
	else /* `start` is the position given; what was looked at since held nothing. */
		share(hub, l, room, w, w->as, w->looked.events);
	if (w->page > 0 || (w->is_stranger && w->as == CLASS_STRANGERS)) {
		l->waiting = NULL;
		waiting_free(w);
	}
}

/* A look found nothing, and nothing has happened since: from now on it waits. */
static void
park(struct hub *hub, struct listener *l, struct waiting *w)
{
	struct hub_room *room =
	    w->room_count == 1 ? hub_room_get(hub, w->room_ids[0]) : NULL;

	if (room != NULL && !l->behind && stands_with_others(hub, room, w)) {
		if (w->as == CLASS_STRANGERS)
			room->known = room->world_readable = true;
		join(hub, l, room, w);
		return;
	}
	l->state = LISTENER_PARKED;
	l->waiting = w;
	hub_set_deadline(hub, l, w->deadline_ms, w->expires_ms);
}

/* The look's answer is not what was asked for: 403, 5xx. */
static bool
is_error(const struct waiting *w)
{
	return w->answered && w->reply.status != 200;
}

/* What a look has found for a stream. From here on the listener goes with its client.
 * True: it waits on. */
static bool
settle_stream(struct hub *hub, struct listener *l, struct waiting *w)
{
	bool has_begun = l->sse;

	l->state = LISTENER_PARKED;
	l->waiting = w;
	l->sse = true;
	/* Who began without a place among typing or presence has that of the first
	 * look. */
	if (w->from.typing < 0)
		w->from.typing = w->looked.typing;
	if (w->from.presence < 0)
		w->from.presence = w->looked.presence;
	if (!has_begun && !hub_sse_begin(hub, l, w->accepts_gzip, &w->from))
		return false;
	if (w->answered) {
		if (!hub_sse_send(hub, l, w->reply.body, w->reply.body_n))
			return false;
		free(w->reply.body);
		w->reply.body = NULL;
		l->behind = !http_stream_is_drained(hub_exchange(hub, l));
	}
	/* Some of a page's news show nothing. */
	if (w->answered || w->page > 0) {
		w->answered = false;
		w->from = w->looked;
		l->dirty = l->dirty || w->more;
	}
	w->deadline_ms = clock_mono_ms() + SSE_COMMENT_MS;
	if (!hub->stopping && !w->is_last)
		return true;
	hub_sse_end(hub, l, false);
	return false;
}

static void
settle(struct hub *hub, struct waiting *w)
{
	struct listener *l = listener_at(hub, w->tag);
	bool late = hub->stopping || clock_mono_ms() >= w->deadline_ms;

	hub_read_changes(hub); /* up to where the worker has looked, as a rule */
	atomic_fetch_sub_explicit(&hub->looking, 1, memory_order_relaxed);
	if (hub_has_expired(w->expires_ms))
		l->revoked = true;
	if (l->sse && !l->gone && (l->revoked || is_error(w))) {
		hub_sse_end(hub, l, l->revoked);
		return;
	}
	if (l->gone || l->revoked || (w->answered && (!w->sse || is_error(w)))) {
		if (l->revoked && !l->gone)
			http_answer_shared(
			    hub_exchange(hub, l), hub->hubs->options.token_gone);
		else if (!l->gone)
			http_answer(hub_exchange(hub, l), &w->reply);
		if (!l->gone && !l->revoked)
			w->reply.body = NULL; /* the server's now */
		hub_listener_free(hub, l);
		return;
	}
	/* Whoever asked for the live end stands where the first look found it. */
	if (!w->has_from) {
		w->from = w->looked;
		w->has_from = true;
	}
	if (w->sse) {
		if (!settle_stream(hub, l, w))
			return;
		late = false;
	}
	if (l->dirty && !l->behind) {
		look(hub, l, w);
		return;
	}
	park(hub, l, w);
	if (late)
		answer_timeout(hub, l);
}

static void
settle_posted(struct http_io *io, void *arg)
{
	settle(http_io_data(io), arg);
}

void
hub_looked(struct hubs *hubs, struct waiting *w)
{
	http_post(w->exchange.io, settle_posted, w);
}

void
hub_end_token(struct hub *hub, struct listener *l)
{
	if (l->sse) {
		hub_sse_end(hub, l, true);
		return;
	}
	http_answer_shared(hub_exchange(hub, l), hub->hubs->options.token_gone);
	hub_listener_free(hub, l);
}

void
hub_wake(struct hub *hub, uint32_t tag)
{
	struct listener *l = listener_at(hub, tag);

	if (l->state == LISTENER_LOOKING || (l->state == LISTENER_PARKED && l->behind))
		l->dirty = true;
	else if (l->state == LISTENER_PARKED)
		look(hub, l, l->waiting);
}

void
hub_wake_page(struct hub *hub, uint32_t tag)
{
	if (listener_at(hub, tag)->waiting->page > 0)
		hub_wake(hub, tag);
}

/* The next page goes out when the last one was taken: a long backlog is not heaped up
 * before a slow client. Nor is there anything to look for if nothing came since. */
void
hub_drained(struct hubs *hubs, struct http_io *io, uint32_t tag)
{
	struct hub *hub = http_io_data(io);
	struct listener *l = listener_at(hub, tag);

	if (!l->behind)
		return;
	if (l->state == LISTENER_SHARING) {
		hub_room_put_off(hub, l, true);
		hub_sse_wait_on(hub, l);
		return;
	}
	if (l->state != LISTENER_PARKED)
		return;
	l->behind = false;
	if (l->dirty) {
		look(hub, l, l->waiting);
		return;
	}
	l->waiting->deadline_ms = clock_mono_ms() + SSE_COMMENT_MS;
	park(hub, l, l->waiting);
}

/* --- answers when nothing came --- */

static struct http_shared *
empty_body(int64_t from, int64_t to)
{
	struct stream_token start = token_at(from), end = token_at(to);
	struct buf body = { 0 }, text = { 0 };
	struct http_shared *shared;

	token_write(&text, &start);
	buf_char(&text, '\0');
	events_body(&body, (struct str){ "", 0 }, text.p, &end);
	shared = http_shared_new(200, "application/json", body.p, body.n);
	buf_free(&text);
	buf_free(&body);
	return shared;
}

/* Many time out in the same second, most of them at the same place. */
static struct http_shared *
empty_shared(struct hub *hub, int64_t from, int64_t end)
{
	if (hub->empty_shared == NULL || hub->empty_from != from ||
	    hub->empty_end != end) {
		if (hub->empty_shared != NULL)
			http_shared_unref(hub->empty_shared);
		hub->empty_shared = empty_body(from, end);
		hub->empty_from = from;
		hub->empty_end = end;
	}
	return hub->empty_shared;
}

static void
answer_empty(const struct waiting *w, const struct stream_token *end)
{
	struct http_reply reply = { .status = 200 };
	struct buf body = { 0 };

	waiting_write_empty(w, &body, end);
	reply.body = buf_take(&body, &reply.body_n);
	http_answer(w->exchange, &reply);
}

static void
answer_waiting_timeout(struct hub *hub, const struct waiting *w)
{
	struct stream_token end = w->looked;

	/* What happens in a room that is named wakes its listeners. Who names none is
	 * woken by the rooms they are in: with one that they have just left, that is
	 * by the leaving alone, which may be yet to come. */
	if (w->room_count > 0 && hub->processed > end.events)
		end.events = hub->processed;
	answer_empty(w, &end);
}

static void
answer_sharing_timeout(struct hub *hub, struct listener *l)
{
	int64_t end = hub->processed > l->from ? hub->processed : l->from;

	http_answer_shared(hub_exchange(hub, l), empty_shared(hub, l->from, end));
}

/* By the clock, or by the wheel that has come to its deadline. */
static bool
has_token_ended(const struct hub *hub, const struct listener *l)
{
	return hub_has_expired(l->expires_ms) ||
	       (l->expires_ms != 0 && hub->wheel_s >= l->deadline_s &&
		   (int64_t)l->deadline_s * 1000 >= l->expires_ms);
}

static void
answer_timeout(struct hub *hub, struct listener *l)
{
	bool has_expired = has_token_ended(hub, l);

	if (!has_expired && l->state == LISTENER_SHARING && !l->behind && has_news(l)) {
		answer_sharing(hub, l);
		return;
	}
	if (l->sse) {
		if (has_expired || hub->stopping)
			hub_sse_end(hub, l, has_expired);
		else
			hub_sse_comment(hub, l);
		return;
	}
	atomic_fetch_add_explicit(&hub->timeouts, 1, memory_order_relaxed);
	if (has_expired)
		http_answer_shared(hub_exchange(hub, l), hub->hubs->options.token_gone);
	else if (l->state == LISTENER_SHARING)
		answer_sharing_timeout(hub, l);
	else
		answer_waiting_timeout(hub, l->waiting);
	hub_listener_free(hub, l);
}

/* --- the server's hooks --- */

/* Answers so many of a class; returns how many it were. */
static int
answer_class(struct hub *hub, struct link *sharing, int most)
{
	int n;

	for (n = 0; n < most && link_has(sharing); n++) {
		struct listener *l = HUB_OF_ROOM(sharing->next);

		/* Those who parked since stand at the end and have heard all. */
		if (!has_news(l))
			break;
		answer_sharing(hub, l);
	}
	return n;
}

/* The next part for some who have had one. They are as many as others in a turn: with
 * one after the other each part would be made for each of them. */
static int
answer_ready(struct hub *hub, struct hub_room *room)
{
	struct link ready;
	int n;

	link_init(&ready);
	hub_room_take_ready(room, TURN, &ready);
	for (n = 0; link_has(&ready); n++) {
		struct listener *l = HUB_OF_ROOM(ready.next);

		link_out(&l->room);
		answer_sharing(hub, l);
	}
	return n;
}

/* False: the slice is over, and not all are answered. Rooms and classes take turns:
 * where events come faster than all are told, nobody waits for one that is never done
 * with. */
static bool
answer_slice(struct hub *hub)
{
	int done = 0;

	while (link_has(&hub->dirty) && done < SLICE) {
		struct hub_room *room =
		    (struct hub_room *)((char *)hub->dirty.next -
					offsetof(struct hub_room, dirty));
		bool is_done = true;
		int told;

		for (int i = 0; i < CLASS_COUNT; i++) {
			int n = answer_class(hub, &room->sharing[i], TURN);

			is_done = is_done && n < TURN;
			done += n;
		}
		done += answer_ready(hub, room);
		told = hub_pages_tell(hub, room, TURN);
		is_done = is_done && told < TURN;
		done += told;
		link_out(&room->dirty);
		if (is_done && !hub_room_has_ready(room))
			hub_room_answered(hub, room);
		else
			link_before(&hub->dirty, &room->dirty);
	}
	return !link_has(&hub->dirty);
}

bool
hub_work(struct hubs *hubs, struct http_io *io)
{
	struct hub *hub = http_io_data(io);
	bool is_done;

	if (!link_has(&hub->dirty))
		return false;
	http_batch_begin(io);
	is_done = answer_slice(hub);
	http_batch_end(io);
	return !is_done;
}

void
hub_gone(struct hubs *hubs, struct http_io *io, uint32_t tag)
{
	struct hub *hub = http_io_data(io);
	struct listener *l = listener_at(hub, tag);

	if (l->state == LISTENER_LOOKING)
		l->gone = true;
	else if (l->state != LISTENER_FREE)
		hub_listener_free(hub, l);
}

static void
expire_slot(struct hub *hub, struct link *slot, int64_t now_s)
{
	for (struct link *at = slot->next, *next; at != slot; at = next) {
		struct listener *l = OF_WHEEL(at);

		next = at->next;
		if (l->deadline_s > now_s || l->state == LISTENER_LOOKING)
			continue;
		answer_timeout(hub, l);
	}
}

void
hub_tick(struct hubs *hubs, struct http_io *io, int64_t mono_ms)
{
	struct hub *hub = http_io_data(io);
	int64_t now_s = mono_ms / 1000;

	if (now_s - hub->wheel_s > HUB_SECONDS)
		hub->wheel_s = now_s - HUB_SECONDS;
	http_batch_begin(io);
	while (hub->wheel_s < now_s) {
		hub->wheel_s++;
		expire_slot(hub, &hub->wheel[hub->wheel_s % HUB_SECONDS], now_s);
	}
	http_batch_end(io);
	hub_read_changes(hub); /* a lost wake-up is cured here */
	if (now_s % 30 == 0)
		hub_rooms_tidy(hub, mono_ms);
}

/* Does it end now, and not behind what is on its way to it? */
static bool
ends_at_once(const struct listener *l)
{
	return l->state == LISTENER_SHARING || l->state == LISTENER_PARKED ||
	       (l->state == LISTENER_WATCHING && !hub_pages_owe(l));
}

/* Everybody is told that nothing came; who is being looked for is answered by that. */
void
hub_stopping(struct hubs *hubs, struct http_io *io)
{
	struct hub *hub = http_io_data(io);

	hub->stopping = true;
	for (size_t c = 0; c < hub->chunks.n; c++)
		for (int i = 0; i < HUB_CHUNK; i++) {
			struct listener *l = &hub->chunks.v[c][i];

			if (ends_at_once(l))
				answer_timeout(hub, l);
		}
}
