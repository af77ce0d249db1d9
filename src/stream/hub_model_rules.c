/*
 * Who is to hear what, for hub_model_test: the specification's rules over the whole
 * history, and what they mean for somebody who listens. Shares nothing with
 * event/visibility. Spec: client-server-api/#server-behaviour-6 (room history
 * visibility)
 */
#include "stream/hub_model.h"

static bool
opens(enum history_visibility open, uint8_t membership)
{
	return open == VISIBILITY_WORLD_READABLE || membership == MEMBERSHIP_JOIN ||
	       (open == VISIBILITY_INVITED && membership == MEMBERSHIP_INVITE);
}

static bool
is_own(const struct said *e, int user)
{
	return e->kind == SAID_MEMBER && e->user == user;
}

/* Have they joined behind this event? */
static bool
joins_later(const struct world *w, int64_t position, int user, int64_t until)
{
	int room = w->said.v[position].room;

	for (int64_t p = position + 1; p <= until; p++) {
		const struct said *e = &w->said.v[p];

		if (e->room == room && is_own(e, user) &&
		    e->members_after[user] == MEMBERSHIP_JOIN)
			return true;
	}
	return false;
}

/* By the state at `position`, and joins up to `until`. */
static bool
allow(const struct world *w, int64_t position, int user, int64_t until)
{
	const struct said *e = &w->said.v[position];

	if (opens(e->open_before, e->members_before[user]) ||
	    opens(e->open_after, e->members_after[user]))
		return true;
	return (e->open_before == VISIBILITY_SHARED ||
		   e->open_after == VISIBILITY_SHARED) &&
	       joins_later(w, position, user, until);
}

bool
rules_asks_for(const struct client *c, int room)
{
	for (int i = 0; i < c->room_count; i++)
		if (c->rooms[i] == room)
			return true;
	return c->room_count == 0;
}

/* Somebody who names no room listens to those that they have to do with. */
static bool
concerns(const struct client *c, const struct said *e)
{
	return e->kind != SAID_NOTHING && rules_asks_for(c, e->room);
}

static bool
is_member_at(const struct said *e, int user)
{
	return e->members_before[user] == MEMBERSHIP_JOIN ||
	       e->members_after[user] == MEMBERSHIP_JOIN;
}

bool
rules_may_hear(const struct world *w, const struct client *c, int64_t position)
{
	const struct said *e = &w->said.v[position];

	if (!concerns(c, e) || position > c->token_end)
		return false;
	return (c->room_count == 0 && is_own(e, c->user)) ||
	       allow(w, position, c->user, w->swapped);
}

bool
rules_must_hear(
    const struct world *w, const struct client *c, int64_t position, int64_t joins)
{
	const struct said *e = &w->said.v[position];

	if (!concerns(c, e) || position > c->token_end)
		return false;
	if (c->room_count == 0)
		return is_member_at(e, c->user) || is_own(e, c->user);
	return allow(w, position, c->user, joins);
}

int64_t
rules_next(const struct world *w, const struct client *c, int64_t from)
{
	int64_t visible = world_visible(w);

	for (int64_t p = from + 1; p <= visible; p++)
		if (rules_must_hear(w, c, p, 0))
			return p;
	return 0;
}

bool
rules_is_open(const struct world *w, int room, int user)
{
	const struct model_room *r = &w->rooms[room];
	const struct said *e = &w->said.v[r->swapped];

	if (r->swapped == 0)
		return opens(r->room->committed->visibility,
		    (uint8_t)snapshot_membership(
			r->room->committed, w->users[user].name));
	return opens(e->open_after, e->members_after[user]);
}
