/*
 * The workers of hub_model_test: a look in three steps (what is visible, what is to be
 * heard of it, back to the hub) between which anything may happen. Reads the history
 * as stream/events reads tails and store.
 */
#include "stream/hub_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "room/typing.h"
#include "stream/events.h"
#include "stream/hub_inside.h"
#include "stream/sse.h"

void
look_queue(void *arg, struct waiting *waiting)
{
	struct world *w = arg;
	struct client *c = &w->clients[waiting->exchange.conn];
	struct look_job job = {
		.w = waiting, .client = c->index, .request = c->requests
	};

	/* A hub may ask for looks of those alone that it has not lost. */
	if (!http_waiting(waiting->exchange))
		model_fail(w, c, "a look is wanted for somebody who has gone");
	c->looks_out++;
	vec_push(&w->looks, job);
}

/* What was asked for, also when its client has gone since. */
static void
asker(const struct world *w, const struct waiting *waiting, struct client *out)
{
	*out = (struct client){ .user = w->clients[waiting->exchange.conn].user,
		.room_count = waiting->room_count,
		.limit = waiting->limit,
		.sse = waiting->sse,
		.token_end = MODEL_NEVER };
	for (int i = 0; i < waiting->room_count; i++)
		out->rooms[i] = waiting->room_ids[i][2] - '0';
}

/* --- its first step --- */

static void
begin(struct world *w, struct look_job *job)
{
	struct client *c = &w->clients[job->client];

	job->phase = LOOK_BEGUN;
	job->visible = world_visible(w);
	job->typing = typing_position(&w->core);
	if (!c->is_busy || c->requests != job->request)
		return;
	/* Who gives no `from` begins where the first look does. */
	if (c->at < 0)
		c->at = c->began_at = job->visible;
	c->looked_typing = job->typing;
}

/* --- its second --- */

/* Rooms with which somebody has to do: of those they have left, the end. */
static bool
is_theirs(const struct world *w, int room, int user, int64_t from)
{
	const struct state_entry *entry = snapshot_state(
	    w->rooms[room].room->committed, "m.room.member", w->users[user].name);

	return entry != NULL &&
	       (entry->membership == MEMBERSHIP_JOIN || entry->event > from);
}

static bool
finds(const struct world *w, const struct client *who, int64_t position, int64_t from)
{
	const struct said *e = &w->said.v[position];

	if (e->kind == SAID_NOTHING || !rules_asks_for(who, e->room))
		return false;
	if (who->room_count == 0 && !is_theirs(w, e->room, who->user, from))
		return false;
	return rules_may_hear(w, who, position);
}

static void
write_event(const struct world *w, struct buf *out, const struct waiting *waiting,
    int64_t position)
{
	const struct said *e = &w->said.v[position];
	struct stream_token id = { position, waiting->from.typing, -1 };
	bool is_redacted = e->redacted_by != 0 && e->redacted_by <= w->swapped;

	if (waiting->sse)
		sse_event_begin(out, &id, e->live->pdu->event->type);
	else if (out->n > 0)
		buf_char(out, ',');
	buf_printf(out, "{\"content\":{%s},\"event_id\":\"$%lld\"}",
	    is_redacted ? "" : "\"n\":1", (long long)position);
	if (waiting->sse)
		sse_event_end(out);
}

static void
write_typing(struct buf *out, const struct waiting *waiting)
{
	if (waiting->sse)
		sse_event_begin(out, &waiting->looked, "m.typing");
	else if (out->n > 0)
		buf_char(out, ',');
	buf_lit(out, "{\"content\":{\"typing\":1}}");
	if (waiting->sse)
		sse_event_end(out);
}

static void
answer(struct waiting *waiting, int status, struct buf *body)
{
	waiting->answered = true;
	waiting->reply = (struct http_reply){ .status = status };
	waiting->reply.body = buf_take(body, &waiting->reply.body_n);
}

/* Names a room that they may not listen to, unless it has a last word. */
static bool
is_refused(const struct world *w, const struct client *who, const bool *has_news)
{
	for (int i = 0; i < who->room_count; i++)
		if (!has_news[who->rooms[i]] &&
		    !rules_is_open(w, who->rooms[i], who->user))
			return true;
	return false;
}

static void
write_found(struct waiting *waiting, struct buf *chunk, int64_t from)
{
	struct stream_token at = { from, waiting->has_from ? waiting->from.typing : -1,
		-1 };
	struct buf body = { 0 }, start = { 0 };

	if (waiting->sse) {
		if (waiting->accepts_gzip)
			buf_char(&body, WIRE_PACKED);
		buf_add(&body, chunk->p, chunk->n);
	} else {
		token_write(&start, &at);
		buf_char(&start, '\0');
		events_body(&body, (struct str){ chunk->p, chunk->n },
		    waiting->start == NULL ? start.p : waiting->start,
		    &waiting->looked);
	}
	answer(waiting, 200, &body);
	buf_free(&start);
}

/* Positions up to one page. */
static int
find(const struct world *w, const struct look_job *job, const struct client *who,
    int64_t from, int64_t *found, bool *has_news)
{
	int n = 0;

	for (int64_t p = from + 1; p <= job->visible; p++)
		if (finds(w, who, p, from)) {
			if (n < who->limit)
				found[n++] = p;
			has_news[w->said.v[p].room] = true;
		}
	return n;
}

static bool
types_anew(struct world *w, const struct client *who, int64_t since)
{
	for (int i = 0; i < w->room_count; i++)
		if (snapshot_membership(w->rooms[i].room->committed,
			w->users[who->user].name) == MEMBERSHIP_JOIN &&
		    typing_room_position(&w->core, i + 1) > since)
			return true;
	return false;
}

static enum listener_class
class_of(const struct world *w, const struct look_job *job, const struct client *who)
{
	const struct snapshot *s = w->rooms[who->rooms[0]].room->committed;
	enum membership membership = snapshot_membership(s, w->users[who->user].name);

	if (who->room_count != 1 || s->position > job->visible)
		return CLASS_ALONE;
	if (membership == MEMBERSHIP_JOIN)
		return CLASS_MEMBERS;
	return s->visibility == VISIBILITY_WORLD_READABLE &&
		       membership == MEMBERSHIP_NONE
		   ? CLASS_STRANGERS
		   : CLASS_ALONE;
}

static void
read_history(struct world *w, struct look_job *job)
{
	struct waiting *waiting = job->w;
	int64_t from = waiting->has_from ? waiting->from.events : job->visible;
	int64_t found[EVENTS_LIMIT_DEFAULT];
	bool has_news[MODEL_ROOMS] = { false };
	struct buf chunk = { 0 };
	struct client who;
	int n;

	asker(w, waiting, &who);
	n = find(w, job, &who, from, found, has_news);
	waiting->more = n >= who.limit;
	waiting->looked.events = waiting->more	       ? found[n - 1]
				 : from > job->visible ? from
						       : job->visible;
	waiting->looked.presence = -1; /* a core without presence */
	waiting->looked.typing = who.room_count == 0 ? job->typing : -1;
	waiting->as = class_of(w, job, &who);
	for (int i = 0; i < n; i++)
		write_event(w, &chunk, waiting, found[i]);
	if (who.room_count == 0 && waiting->has_from && waiting->from.typing >= 0 &&
	    types_anew(w, &who, waiting->from.typing))
		write_typing(&chunk, waiting);
	if (is_refused(w, &who, has_news)) {
		struct buf none = { 0 };

		w->clients[job->client].is_refused |=
		    w->clients[job->client].requests == job->request;
		answer(waiting, 403, &none);
	} else if (chunk.n > 0) {
		write_found(waiting, &chunk, from);
	}
	buf_free(&chunk);
}

/* --- its third --- */

struct note {
	struct world *w;
	int client, request;
};

/* Comes to the io thread behind what the hub makes of the look. */
static void
is_settled(struct http_io *io, void *arg)
{
	struct note *note = arg;
	struct client *c = &note->w->clients[note->client];

	if (c->requests == note->request) {
		c->looks_out--;
		c->parked_ms = note->w->now_ms;
	} else {
		model_note(note->w, SEEN_LEFT_DURING_LOOK);
	}
	free(note);
}

static void
give_back(struct world *w, const struct look_job *job)
{
	struct note *note = xcalloc(1, sizeof *note);
	struct http_io *io = job->w->exchange.io;

	*note = (struct note){ w, job->client, job->request };
	hub_looked(w->hubs, job->w);
	http_post(io, is_settled, note);
}

void
look_step(struct world *w, size_t index)
{
	struct look_job *job = &w->looks.v[index], done;

	switch (job->phase) {
	case LOOK_QUEUED:
		begin(w, job);
		break;
	case LOOK_BEGUN:
		read_history(w, job);
		job->phase = LOOK_DONE;
		break;
	case LOOK_DONE:
		done = *job;
		*job = w->looks.v[--w->looks.n];
		give_back(w, &done);
		break;
	}
}
