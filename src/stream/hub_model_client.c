/*
 * Those who listen in hub_model_test: what they ask for, and how their connections
 * begin and end. What they hear is judged by hub_model_heard.
 */
#include "stream/hub_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room/changes.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

/* --- asking --- */

static void
choose_rooms(struct world *w, struct client *c)
{
	int many = c->user >= MODEL_GUESTS && model_chance(w, 40) ? 0
		   : model_chance(w, 70)			  ? 1
					 : 2 + (int)model_random(w, 2);
	/* A crowd stands in one room. */
	int first = w->client_count > MODEL_CROWD / 2 && model_chance(w, 80)
			? 0
			: (int)model_random(w, w->room_count);

	if (many > w->room_count)
		many = w->room_count;
	c->room_count = many;
	for (int i = 0; i < many; i++)
		c->rooms[i] = (first + i) % w->room_count;
}

static void
begin_anew(struct world *w, struct client *c)
{
	/* Old ones, and some that this server has not come to. */
	struct stream_token old = { world_visible(w) + (model_chance(w, 5) ? 20 : 0) -
					(int64_t)model_random(w, 200),
		-1, -1 };
	struct buf text = { 0 };

	choose_rooms(w, c);
	c->has_from = model_chance(w, 50) && old.events >= 0;
	if (!c->has_from)
		return;
	token_write(&text, &old);
	snprintf(c->from, sizeof c->from, "%.*s", (int)text.n, text.p);
	buf_free(&text);
}

/* Mostly from where it has been told to go on. */
static void
choose_place(struct world *w, struct client *c)
{
	if (c->has_next && model_chance(w, 90)) {
		c->has_from = true;
		memcpy(c->from, c->next, sizeof c->from);
	} else {
		begin_anew(w, c);
	}
	c->has_next = false;
}

static int64_t
choose_timeout(struct world *w)
{
	if (model_chance(w, 10))
		return 0;
	/* Some come round the wheel of seconds more than once. */
	return (int64_t)model_random(w, model_chance(w, 5) ? 1500000 : 40000);
}

static void
choose_times(struct world *w, struct client *c)
{
	c->asked_ms = c->parked_ms = c->quiet_ms = w->now_ms;
	c->deadline_ms = w->now_ms + (c->sse ? SSE_COMMENT_MS : choose_timeout(w));
	c->expires_ms =
	    model_chance(w, 10) ? w->now_ms + 1 + (int64_t)model_random(w, 60000) : 0;
}

static struct waiting *
waiting_of(const struct world *w, const struct client *c)
{
	const char *room_ids[MODEL_ROOMS];
	struct waiting *waiting;

	for (int i = 0; i < c->room_count; i++)
		room_ids[i] = w->rooms[c->rooms[i]].room->room_id;
	waiting = waiting_new(w->users[c->user].name, c->device, room_ids,
	    c->room_count, c->has_from ? c->from : NULL, NULL);
	waiting->has_from = c->has_from;
	if (c->has_from && !token_parse(c->from, &waiting->from))
		model_fail(w, c, "%s is no token", c->from);
	waiting->limit = c->limit;
	waiting->sse = c->sse;
	waiting->accepts_gzip = c->gzip;
	waiting->deadline_ms = c->deadline_ms;
	waiting->expires_ms = c->expires_ms;
	waiting->tokens_gone = c->tokens_gone;
	waiting->is_stranger = c->user < MODEL_GUESTS && !w->users[c->user].has_rows;
	return waiting;
}

/* The request has come, and is found out to be whose it is. */
void
client_ask(struct world *w, struct client *c)
{
	if (!c->has_next)
		c->sse = model_chance(w, 50);
	choose_place(w, c);
	choose_times(w, c);
	c->gzip = model_chance(w, 25);
	c->limit = !c->sse && model_chance(w, 15) ? 1 + (int)model_random(w, 20)
						  : EVENTS_LIMIT_DEFAULT;
	c->is_busy = true;
	c->requests++;
	c->looks_out = 0;
	c->at = c->began_at = -1;
	c->token_end = MODEL_NEVER;
	c->is_refused = c->has_opened = c->is_behind = c->is_put_off = false;
	c->tokens_gone = changes_tokens_gone(w->core.changes);
	model_device(w, c, c->device);
	c->asking = waiting_of(w, c);
	if (c->has_from)
		c->at = c->began_at = c->asking->from.events;
	c->asking->exchange = wire_ask(w->http, (uint32_t)c->index);
}

static void
hand_over(struct world *w, struct waiting *waiting)
{
	struct client *c = &w->clients[waiting->exchange.conn];
	struct hub *hub = http_io_data(waiting->exchange.io);
	bool is_its = http_waiting(waiting->exchange);

	if (is_its) {
		c->parked_ms = w->now_ms;
		c->told = w->told;
	}
	hub_enter(w->hubs, waiting);
	/* Parked without a look: it listens from what the hub had read. */
	if (is_its && c->is_busy && c->at < 0 && c->looks_out == 0)
		c->at = c->began_at = hub->processed;
}

struct letter_in {
	struct world *w;
	struct waiting *waiting;
};

static void
handed_over(struct http_io *io, void *arg)
{
	struct letter_in *letter = arg;

	hand_over(letter->w, letter->waiting);
	free(letter);
}

/* On the io thread at once, or from a worker by a letter (hub_enter_later). */
void
client_enter(struct world *w, struct client *c)
{
	struct waiting *waiting = c->asking;
	struct letter_in *letter;

	c->asking = NULL;
	if (model_chance(w, 70)) {
		hand_over(w, waiting);
		return;
	}
	letter = xcalloc(1, sizeof *letter);
	*letter = (struct letter_in){ w, waiting };
	http_post(waiting->exchange.io, handed_over, letter);
}

bool
client_is_parked(const struct world *w, const struct client *c)
{
	return c->is_busy && wire_state(w->http, (uint32_t)c->index) == WIRE_PARKED;
}

/* --- what comes of it --- */

static void
rest(struct client *c)
{
	c->is_busy = false;
	c->token_end = MODEL_NEVER;
}

static void
refused(struct world *w, struct client *c)
{
	if (!c->is_refused)
		model_fail(w, c, "403, and no look has said so");
	model_note(w, SEEN_REFUSAL);
	c->has_next = false;
}

static bool
has_expired(const struct world *w, const struct client *c)
{
	return c->expires_ms != 0 && w->now_ms >= c->expires_ms;
}

static void
token_ended(struct world *w, struct client *c)
{
	if (c->token_end == MODEL_NEVER && !has_expired(w, c))
		model_fail(w, c, "401, and its token is good");
	model_note(w, has_expired(w, c) ? SEEN_EXPIRY : SEEN_TOKEN_END);
	c->has_next = c->has_from;
	memcpy(c->next, c->from, sizeof c->next);
}

void
client_answered(void *arg, uint32_t conn, int status, struct str body, bool is_packed,
    bool is_shared, bool was_parked)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];

	if (is_packed && !c->gzip)
		model_fail(w, c, "a packed answer that was not asked for");
	if (is_packed) {
		model_note(w, SEEN_PACKED_ANSWER);
		body = (struct str){ body.p + 1, body.n - 1 };
	}
	if (status == 401)
		token_ended(w, c);
	else if (status == 403)
		refused(w, c);
	else if (status != 200 || (c->sse && body.n > 0))
		model_fail(w, c, "status %d", status);
	else
		heard_poll(w, c, body, is_shared, was_parked);
	rest(c);
}

void
client_sent(void *arg, uint32_t conn, struct str bytes, bool is_shared)
{
	struct world *w = arg;

	heard_block(w, &w->clients[conn], bytes, is_shared);
}

/* Something in their rooms that ends a stranger's stream: it is theirs now, or closed.
 */
static bool
has_changed(const struct world *w, const struct client *c, enum said_kind kind)
{
	for (int64_t p = c->began_at + 1; p <= w->swapped; p++) {
		const struct said *e = &w->said.v[p];

		if (e->kind != kind || !rules_asks_for(c, e->room))
			continue;
		if (kind == SAID_SETTING
			? e->open_after != VISIBILITY_WORLD_READABLE
			: e->user == c->user &&
			      e->members_after[c->user] == MEMBERSHIP_JOIN)
			return true;
	}
	return false;
}

static void
was_cut(struct world *w, const struct client *c)
{
	if (c->token_end != MODEL_NEVER)
		model_note(w, SEEN_TOKEN_END);
	else if (has_expired(w, c))
		model_note(w, SEEN_EXPIRY);
	else if (rules_next(w, c, c->at) != 0)
		model_note(w, SEEN_OUTRUN_STREAM);
	else
		model_fail(
		    w, c, "a stream is cut off at %lld for nothing", (long long)c->at);
}

static void
was_ended(struct world *w, const struct client *c)
{
	if (w->is_stopping)
		model_note(w, SEEN_STOPPED);
	else if (c->is_refused)
		model_note(w, SEEN_REFUSAL);
	else if (has_changed(w, c, SAID_MEMBER))
		model_note(w, SEEN_JOINED_END);
	else if (has_changed(w, c, SAID_SETTING))
		model_note(w, SEEN_CLOSED_END);
	else
		model_fail(w, c, "a stream ends at %lld for nothing", (long long)c->at);
}

void
client_ended(void *arg, uint32_t conn, bool is_cut)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];

	if (is_cut)
		was_cut(w, c);
	else
		was_ended(w, c);
	if (c->is_refused)
		c->has_next = false;
	rest(c);
}

void
client_left(void *arg, uint32_t conn)
{
	struct world *w = arg;
	struct client *c = &w->clients[conn];

	/* It goes on from what it has heard, or from where it wanted to begin. */
	if (!c->has_next && c->has_from) {
		c->has_next = true;
		memcpy(c->next, c->from, sizeof c->next);
	}
	rest(c);
}

enum wire_fate
client_fate(void *arg, uint32_t conn)
{
	struct world *w = arg;
	uint64_t fate = model_random(w, 100);

	if (fate < 4)
		model_note(w, SEEN_LEFT_INSIDE);
	return fate < 2	   ? WIRE_GOES_BEFORE
	       : fate < 4  ? WIRE_GOES_AFTER
	       : fate < 10 ? WIRE_IS_SLOW
			   : WIRE_STAYS;
}
