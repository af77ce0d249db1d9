/*
 * A room that the user is in no longer, in the answer of /sync: what happened up to
 * their leaving, and what became of their membership since. Between sync.c and
 * sync_room. Spec: client-server-api/#leaving-rooms, #get_matrixclientv3sync
 */
#include "core/membership.h"
#include "stream/sync_inside.h"

static bool
is_left(enum membership m)
{
	return m == MEMBERSHIP_LEAVE || m == MEMBERSHIP_BAN;
}

/* Whether it is told at all: it is news, or the client asks for such rooms. */
static bool
is_wanted(const struct room_sync *r, const struct state_ref *own)
{
	const struct sync_ask *ask = r->sync->ask;
	bool asks_for_left = ask->filter->f.include_leave;

	if (!ask->has_since)
		return asks_for_left;
	return own->event > r->since ||
	       (asks_for_left && (ask->full_state || r->news.has_own));
}

/* The timeline and what changed up to the leaving, if that is new. */
static enum mx_err
read_stay(struct room_sync *r, int64_t left)
{
	enum mx_err err;

	if (left > r->since &&
	    seer_membership_at(&r->seer, r->since + 1) != MEMBERSHIP_JOIN)
		r->since = 0;
	r->until = left;
	r->is_full = r->since == 0 || r->sync->ask->full_state;
	err = sync_read_timeline(r);
	return err == M_OK ? sync_read_changes(r) : err;
}

/* Who was never in a room is told of their own membership alone. */
static enum mx_err
read_refusal(struct room_sync *r, const struct state_ref *own)
{
	r->hides_state = true;
	r->is_full = r->since == 0 || r->sync->ask->full_state;
	r->since = r->until = own->event - 1;
	return sync_read_timeline(r);
}

/* What the timeline ends with, and the state knows, where they left before. */
static void
set_own(struct room_sync *r, const struct state_ref *own, int64_t left)
{
	if (own->event == left || !is_left(own->membership))
		return;
	r->own = *own;
	r->is_own_new = own->event > r->since;
}

/* Whom a client has taken for somebody who is in the room, or may enter it. */
static bool
had_to_do_with_it(enum membership m)
{
	return m == MEMBERSHIP_JOIN || m == MEMBERSHIP_INVITE || m == MEMBERSHIP_KNOCK;
}

enum mx_err
sync_forgotten(struct room_sync *r, struct buf *out)
{
	const char *user_id = r->sync->ask->user_id;
	struct state_ref own, before;
	enum mx_err err;

	if (r->since == 0)
		return M_OK;
	err = sync_member_at(r, r->until + 1, user_id, &own);
	if (err == M_OK)
		err = sync_member_at(r, r->since + 1, user_id, &before);
	if (err != M_OK || !is_left(own.membership) ||
	    !had_to_do_with_it(before.membership))
		return err == M_NOT_FOUND ? M_OK : err;
	sync_set_filters(r);
	set_own(r, &own, 0);
	err = read_refusal(r, &own);
	if (err == M_OK)
		err = sync_add_to_timeline(r, own.event);
	return err == M_OK ? sync_write_room(r, false, true, out) : err;
}

enum mx_err
sync_left(struct room_sync *r, struct buf *out)
{
	const char *user_id = r->sync->ask->user_id;
	bool forgotten, is_news;
	struct state_ref own;
	int64_t left;
	enum mx_err err = sync_member_at(r, r->until + 1, user_id, &own);

	if (err != M_OK || !is_wanted(r, &own))
		return err;
	/* "will never appear in the response to the /sync API" */
	err = room_is_forgotten(r->sync->ctx, r->room, user_id, &forgotten);
	if (err != M_OK || forgotten)
		return err == M_OK ? sync_forgotten(r, out) : err;
	sync_set_filters(r);
	left = seer_left_at(&r->seer, r->until);
	is_news = own.event > r->since;
	set_own(r, &own, left);
	err = left > 0 ? read_stay(r, left) : read_refusal(r, &own);
	if (err == M_OK && r->is_own_new)
		err = sync_add_to_timeline(r, own.event);
	if (err != M_OK)
		return err;
	return sync_write_room(r, false, is_news || r->is_full, out);
}
