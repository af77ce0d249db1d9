/*
 * The world of hub_model_test, but for those who listen: rooms and their history, and a
 * writer that publishes it as append_durable does, held open between any two steps.
 */
#include "stream/hub_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "room/changes.h"
#include "room/typing.h"

#define BURST_MAX 260

static const char *
type_of(const struct said *e)
{
	static const char *const types[] = { "", "m.room.message",
		"m.room.history_visibility", "m.room.member", "m.room.redaction" };

	return types[e->kind];
}

/* What was said last, for whoever repeats a seed. */
static void
print_history(const struct world *w, const struct client *c)
{
	int64_t newest = world_newest(w);

	for (int64_t p = newest > 40 ? newest - 40 : 1; p <= newest; p++) {
		const struct said *e = &w->said.v[p];

		if (e->kind != SAID_NOTHING)
			fprintf(stderr,
			    "%lld: %s in room %d of %d, setting %d to %d, asker %d to "
			    "%d\n",
			    (long long)p, type_of(e), e->room, e->user, e->open_before,
			    e->open_after, c == NULL ? 0 : e->members_before[c->user],
			    c == NULL ? 0 : e->members_after[c->user]);
	}
}

void
model_fail(const struct world *w, const struct client *c, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (getenv("HUB_MODEL_SEED") != NULL)
		print_history(w, c);
	fail_msg("HUB_MODEL_SEED=%llu fails at step %d, client %d (%s, %s): %s",
	    (unsigned long long)w->seed, w->step, c == NULL ? -1 : c->index,
	    c == NULL ? "nobody" : w->users[c->user].name,
	    c != NULL && c->sse ? "a stream" : "a poll", text);
	abort();
}

/* splitmix64 */
uint64_t
model_random(struct world *w, uint64_t n)
{
	uint64_t z = w->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % n;
}

void
model_note(struct world *w, enum seen what)
{
	w->seen[what]++;
}

void
world_set_time(struct world *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	clock_set_mono_for_test(now_ms);
	clock_set_for_test(1432735824653 + now_ms);
}

int64_t
world_newest(const struct world *w)
{
	return (int64_t)w->said.n - 1;
}

int64_t
world_visible(const struct world *w)
{
	return atomic_load(&w->core.visible);
}

/* A guest has one device, an account one for each of its clients. */
void
model_device(const struct world *w, const struct client *c, char *out)
{
	if (c->user < MODEL_GUESTS)
		snprintf(out, MODEL_DEVICE, "G%d", w->users[c->user].tokens);
	else
		snprintf(out, MODEL_DEVICE, "D%d-%d", c->index, c->tokens);
}

/* --- events --- */

static struct pdu *
pdu_of(const struct world *w, int64_t position, bool is_redacted)
{
	const struct said *e = &w->said.v[position];
	struct pdu *pdu = xcalloc(1, sizeof *pdu);
	struct event *event;
	struct json *content;

	pdu->refs = 1;
	pdu->arena = arena_new();
	pdu->event = event = ARENA_NEW(pdu->arena, struct event);
	content = json_object(pdu->arena);
	if (!is_redacted)
		json_set_int(pdu->arena, content, "n", 1);
	event->content = content;
	event->event_id = arena_printf(pdu->arena, "$%lld", (long long)position);
	event->room_id = w->rooms[e->room].room->room_id;
	event->sender = w->users[MODEL_OWNER].name;
	event->type = type_of(e);
	event->origin_server_ts = clock_now_ms();
	if (e->kind == SAID_MEMBER)
		event->state_key = w->users[e->user].name;
	if (e->kind == SAID_SETTING)
		event->state_key = "";
	return pdu;
}

static struct live_event *
live_of(const struct world *w, int64_t position, bool is_redacted)
{
	const struct said *e = &w->said.v[position];
	struct live_event *live = xcalloc(1, sizeof *live);

	live->refs = 1;
	live->event = position;
	live->room = w->rooms[e->room].room->id;
	live->pdu = pdu_of(w, position, is_redacted);
	live->visibility_before = e->open_before;
	live->visibility_after = e->open_after;
	if (e->kind == SAID_MEMBER) {
		live->membership_before = e->members_before[e->user];
		live->membership_after = e->members_after[e->user];
	}
	return live;
}

/* An event as it comes out of a room: the state before it is the room's. */
static struct said
said_in(const struct world *w, int room, enum said_kind kind)
{
	const struct model_room *r = &w->rooms[room];
	struct said e = { .kind = kind,
		.room = room,
		.user = -1,
		.open_before = r->open,
		.open_after = r->open };

	memcpy(e.members_before, r->members, sizeof e.members_before);
	memcpy(e.members_after, r->members, sizeof e.members_after);
	return e;
}

/* Positions may be left out: their append has failed. */
static void
queue(struct world *w, const struct said *e)
{
	struct model_room *r = &w->rooms[e->room];
	struct said nothing = { 0 };

	if (model_chance(w, 5))
		vec_push(&w->said, nothing);
	vec_push(&w->said, *e);
	r->open = e->open_after;
	memcpy(r->members, e->members_after, sizeof r->members);
	if (e->redacts != 0)
		w->said.v[e->redacts].redacted_by = world_newest(w);
	w->said.v[world_newest(w)].live = live_of(w, world_newest(w), false);
}

static void
say_setting(struct world *w, int room, enum history_visibility open)
{
	struct said e = said_in(w, room, SAID_SETTING);

	e.open_after = open;
	queue(w, &e);
}

static void
say_member(struct world *w, int room, int user, uint8_t membership)
{
	struct said e = said_in(w, room, SAID_MEMBER);

	e.user = user;
	e.members_after[user] = membership;
	w->users[user].has_rows = true;
	queue(w, &e);
}

/* Rooms are open half of the time. */
static enum history_visibility
some_setting(struct world *w)
{
	return model_chance(w, 50) ? VISIBILITY_WORLD_READABLE
				   : (enum history_visibility)model_random(w, 4);
}

/* Guests are rarely more than strangers. */
static int
some_user(struct world *w)
{
	return model_chance(w, 15)
		   ? (int)model_random(w, MODEL_GUESTS)
		   : MODEL_GUESTS + (int)model_random(w, MODEL_OWNER - MODEL_GUESTS);
}

static uint8_t
some_membership(struct world *w)
{
	return (uint8_t)(MEMBERSHIP_JOIN + model_random(w, MEMBERSHIP_BAN));
}

static void
say_redaction(struct world *w, int room)
{
	struct said e = said_in(w, room, SAID_REDACTION);
	int64_t target = world_newest(w) - (int64_t)model_random(w, 100);

	if (target < 1 || w->said.v[target].kind != SAID_MESSAGE ||
	    w->said.v[target].room != room || w->said.v[target].redacted_by != 0)
		return;
	e.redacts = target;
	queue(w, &e);
}

void
world_say(struct world *w)
{
	int room = (int)model_random(w, w->room_count);
	uint64_t what = model_random(w, 100);
	struct said e = said_in(w, room, SAID_MESSAGE);

	if (what < 70)
		queue(w, &e);
	else if (what < 80)
		say_setting(w, room, some_setting(w));
	else if (what < 92)
		say_member(w, room, some_user(w), some_membership(w));
	else
		say_redaction(w, room);
}

void
world_say_many(struct world *w)
{
	struct said e = said_in(w, (int)model_random(w, w->room_count), SAID_MESSAGE);
	int n = (int)model_random(w, BURST_MAX);

	for (int i = 0; i < n; i++)
		queue(w, &e);
}

/* The user of one of the clients, most of whom are guests. */
static int
some_listener(struct world *w)
{
	int user = w->clients[model_random(w, w->client_count)].user;

	return user == MODEL_OWNER ? 0 : user;
}

void
world_let_in(struct world *w)
{
	int room = (int)model_random(w, w->room_count);
	struct said e = said_in(w, room, SAID_MESSAGE);

	queue(w, &e);
	say_setting(w, room, some_setting(w));
	say_member(w, room, some_listener(w), MEMBERSHIP_JOIN);
	e = said_in(w, room, SAID_MESSAGE);
	queue(w, &e);
	say_setting(w, room, VISIBILITY_WORLD_READABLE);
}

/* --- the writer --- */

static void
tail_push(struct snapshot *s, struct live_event *live)
{
	if (s->tail_count == ROOM_TAIL_MAX) {
		s->tail_from = s->tail[0]->event;
		live_event_unref(s->tail[0]);
		s->tail_count--;
		memmove(s->tail, s->tail + 1, s->tail_count * sizeof *s->tail);
	}
	s->tail[s->tail_count++] = live_event_ref(live);
}

static void
redact_in_tail(const struct world *w, struct snapshot *s, const struct said *by)
{
	for (int i = 0; i < s->tail_count; i++)
		if (s->tail[i]->event == by->redacts) {
			live_event_unref(s->tail[i]);
			s->tail[i] = live_of(w, by->redacts, true);
			s->tail[i]->redacted_because = pdu_ref(by->live->pdu);
		}
}

static void
apply(const struct world *w, struct snapshot *s, int64_t position)
{
	const struct said *e = &w->said.v[position];

	if (e->kind == SAID_MEMBER)
		snapshot_set(s,
		    state_entry_new("m.room.member", w->users[e->user].name,
			e->live->pdu->event->event_id, position,
			(enum membership)e->members_after[e->user], NULL, NULL),
		    "x");
	s->visibility = e->open_after;
	s->position = position;
	tail_push(s, e->live);
	if (e->kind == SAID_REDACTION)
		redact_in_tail(w, s, e);
}

static void
swap(struct world *w, int room)
{
	struct model_room *r = &w->rooms[room];
	struct snapshot *before = r->room->committed, *s = snapshot_copy(before);

	s->tail = xcalloc(ROOM_TAIL_MAX, sizeof *s->tail);
	for (int i = 0; i < before->tail_count; i++)
		tail_push(s, before->tail[i]);
	for (int64_t p = w->swapped + 1; p <= world_newest(w); p++)
		if (w->said.v[p].kind != SAID_NOTHING && w->said.v[p].room == room) {
			apply(w, s, p);
			r->swapped = p;
		}
	r->room->committed = s;
	snapshot_unref(before);
}

static void
tell(struct world *w)
{
	for (; w->told < w->swapped; w->told++) {
		const struct said *e = &w->said.v[w->told + 1];
		struct change change = { .kind = CHANGE_EVENT,
			.position = w->told + 1 };

		if (e->kind == SAID_NOTHING)
			continue;
		change.room = room_ref(w->rooms[e->room].room);
		change.event = live_event_ref(e->live);
		changes_add(w->core.changes, &change);
	}
}

/* Who holds the token may go on for as long as the end of it is under way. */
static void
tell_token_end(struct world *w, const struct token_end *end)
{
	struct model_user *user = &w->users[end->user];
	struct change change = { .kind = end->client < 0 ? CHANGE_USER_GONE
							 : CHANGE_TOKEN_GONE,
		.position = world_visible(w),
		.user_id = xstrdup(user->name) };
	char device[MODEL_DEVICE] = "";

	if (end->client >= 0) {
		model_device(w, &w->clients[end->client], device);
		change.device_id = xstrdup(device);
	}
	changes_add(w->core.changes, &change);
	for (int i = 0; i < w->client_count; i++) {
		struct client *c = &w->clients[i];

		if (c->is_busy && c->user == end->user && c->token_end == MODEL_NEVER &&
		    (end->client < 0 || strcmp(c->device, device) == 0))
			c->token_end = w->swapped;
		if (end->client == i || (end->client < 0 && c->user == end->user))
			c->tokens++;
	}
	user->tokens++;
}

bool
world_publish(struct world *w)
{
	switch (w->phase) {
	case GROUP_NONE:
		if (w->swapped == world_newest(w) && w->token_ends.n == 0)
			return false;
		for (int i = 0; i < w->room_count; i++)
			swap(w, i);
		w->swapped = world_newest(w);
		w->phase = GROUP_SWAPPED;
		break;
	case GROUP_SWAPPED:
		atomic_store(&w->core.visible, w->swapped);
		w->phase = GROUP_VISIBLE;
		break;
	case GROUP_VISIBLE:
		tell(w);
		for (size_t i = 0; i < w->token_ends.n; i++)
			tell_token_end(w, &w->token_ends.v[i]);
		w->token_ends.n = 0;
		w->phase = GROUP_TOLD;
		break;
	case GROUP_TOLD:
		changes_wake(w->core.changes);
		w->phase = GROUP_NONE;
		break;
	}
	return true;
}

/* --- what is no event --- */

void
world_end_token(struct world *w)
{
	const struct client *c = &w->clients[model_random(w, w->client_count)];
	struct token_end end = { c->user, model_chance(w, 70) ? c->index : -1 };

	if (w->phase == GROUP_NONE)
		vec_push(&w->token_ends, end);
}

void
world_type(struct world *w)
{
	const struct model_room *r = &w->rooms[model_random(w, w->room_count)];
	int user = MODEL_GUESTS + (int)model_random(w, MODEL_USERS - MODEL_GUESTS);

	if (model_chance(w, 10))
		typing_expire(&w->core);
	else
		typing_set(&w->core, r->room, w->users[user].name,
		    model_chance(w, 70) ? 5000 : 0);
}

/* --- beginning and end --- */

static void
open_room(struct world *w, int i)
{
	struct model_room *r = &w->rooms[i];
	char room_id[16];

	snprintf(room_id, sizeof room_id, "!r%d:x", i);
	r->room = room_make(NULL, room_id, NULL);
	r->room->id = i + 1;
	r->open = VISIBILITY_WORLD_READABLE;
	r->members[MODEL_OWNER] = MEMBERSHIP_JOIN;
	for (int user = MODEL_GUESTS; user < MODEL_OWNER; user++)
		if (model_chance(w, 50))
			r->members[user] = MEMBERSHIP_JOIN;
	/* What stands in the room already is told to nobody. */
	for (int user = 0; user < MODEL_USERS; user++)
		if (r->members[user] == MEMBERSHIP_JOIN)
			snapshot_set(r->room->committed,
			    state_entry_new("m.room.member", w->users[user].name, "$0",
				0, MEMBERSHIP_JOIN, NULL, NULL),
			    "x");
	r->room->committed->visibility = r->open;
}

static void
open_clients(struct world *w)
{
	/* More than one slice of answers, more than one chunk of listeners. */
	w->client_count =
	    w->seed % 64 == 0 ? MODEL_CROWD : (int)(4 + model_random(w, 44));
	w->clients = xcalloc(w->client_count, sizeof *w->clients);
	for (int i = 0; i < w->client_count; i++) {
		w->clients[i].index = i;
		w->clients[i].user = model_chance(w, 60)
					 ? (int)model_random(w, MODEL_GUESTS)
					 : (int)model_random(w, MODEL_USERS);
		w->clients[i].token_end = MODEL_NEVER;
	}
}

static void
client_gone(void *arg, struct http_io *io, uint32_t tag)
{
	hub_gone(((struct world *)arg)->hubs, io, tag);
}

static void
client_drained(void *arg, struct http_io *io, uint32_t tag)
{
	hub_drained(((struct world *)arg)->hubs, io, tag);
}

static void
open_hubs(struct world *w)
{
	struct wire_hooks hooks = { .answered = client_answered,
		.sent = client_sent,
		.ended = client_ended,
		.left = client_left,
		.fate = client_fate,
		.gone = client_gone,
		.drained = client_drained,
		.arg = w };
	static const int rings[] = { HUB_RING, HUB_RING, HUB_RING + 50, 0 };
	static const size_t bytes[] = { 300, 2000, 20000, 0 };
	struct hub_options options = { .look = look_queue,
		.ring_max = rings[model_random(w, 4)],
		.bytes_max = bytes[model_random(w, 4)],
		.arg = w,
		.token_gone = http_shared_new(401, "application/json", "{}", 2) };

	w->io_count = 1 + (int)model_random(w, 2);
	w->http = wire_new(w->io_count, w->client_count, &hooks);
	w->hubs = hubs_new(&w->core, w->http, &options);
	for (int i = 0; i < w->io_count; i++)
		w->ticked_ms[i] = w->now_ms;
}

void
world_open(struct world *w, uint64_t seed, uint64_t *seen)
{
	struct said nothing = { 0 };

	*w = (struct world){ .seed = seed, .random = seed, .seen = seen };
	world_set_time(w, 1000000 + (int64_t)model_random(w, 100000));
	w->core.changes = changes_new();
	w->core.typing = typing_new();
	vec_push(&w->said, nothing); /* no event has position 0 */
	for (int i = 0; i < MODEL_USERS; i++)
		snprintf(w->users[i].name, sizeof w->users[i].name, "@%s%d:x",
		    i < MODEL_GUESTS ? "guest" : "user", i);
	w->room_count = 1 + (int)model_random(w, MODEL_ROOMS);
	for (int i = 0; i < w->room_count; i++)
		open_room(w, i);
	open_clients(w);
	open_hubs(w);
}

void
world_close(struct world *w)
{
	hubs_free(w->hubs);
	wire_free(w->http);
	typing_free(w->core.typing);
	changes_free(w->core.changes);
	for (int i = 0; i < w->room_count; i++)
		room_put(w->rooms[i].room);
	for (size_t p = 0; p < w->said.n; p++)
		live_event_unref(w->said.v[p].live);
	free(w->clients);
	vec_free(&w->said);
	vec_free(&w->looks);
	vec_free(&w->token_ends);
	clock_set_mono_for_test(0);
	clock_set_for_test(0);
}
