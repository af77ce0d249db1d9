/*
 * A room's members with push rules of their own. Made by one walk over the members,
 * when the room's first event since it was loaded comes; then joins, leaves, and users
 * who come to have rules are noted.
 */
#include "room/push_room.h"

#include <stdlib.h>
#include <string.h>

#include "event/ids.h"
#include "room/push.h"
#include "store/unread.h"

void
push_room_free(struct push_room *pr)
{
	if (pr == NULL)
		return;
	for (int i = 0; i < pr->count; i++) {
		free(pr->members[i]->user_id);
		free(pr->members[i]);
	}
	free(pr->members);
	map_fini(&pr->by_id);
	free(pr);
}

static void
add(struct ctx *ctx, struct room *room, struct push_room *pr, const char *user_id)
{
	struct push_member *m = xcalloc(1, sizeof *m);

	m->user_id = xstrdup(user_id);
	m->is_joined = true;
	if (store_unread_quiet(ctx->db, user_id, room->id, &m->is_quiet) != M_OK)
		m->is_quiet = false; /* was logged */
	if (pr->count == pr->cap) {
		pr->cap = pr->cap == 0 ? 8 : pr->cap * 2;
		pr->members = xrealloc(pr->members, sizeof *pr->members * pr->cap);
	}
	pr->members[pr->count++] = m;
	map_put_str(&pr->by_id, m->user_id, m);
}

/* --- making it --- */

struct walk {
	struct ctx *ctx;
	struct room *room;
	struct push_room *pr;
	const struct snapshot *s;
};

static void
see(struct walk *w, const char *user_id)
{
	if (map_get_str(&w->pr->by_id, user_id) == NULL)
		add(w->ctx, w->room, w->pr, user_id);
}

static bool
see_entry(const struct state_entry *entry, void *arg)
{
	struct walk *w = arg;

	if (entry->membership == MEMBERSHIP_JOIN &&
	    id_is_of(entry->state_key, w->ctx->core->set.server_name) &&
	    push_may_deviate(w->ctx->core, entry->state_key))
		see(w, entry->state_key);
	return true;
}

static void
see_newcomer(const char *user_id, void *arg)
{
	struct walk *w = arg;

	if (snapshot_membership(w->s, user_id) == MEMBERSHIP_JOIN)
		see(w, user_id);
}

static void
see_members(struct walk *w)
{
	state_each_of(w->s->state, "m.room.member", see_entry, w);
}

struct push_room *
push_room_of(struct ctx *ctx, struct room *room, struct snapshot *s)
{
	uint64_t newcomers = push_newcomers(ctx->core);
	struct walk w = { ctx, room, room->push, s };

	if (room->is_new)
		return NULL;
	if (w.pr != NULL && w.pr->epoch != room->tip_epoch) {
		push_room_free(w.pr);
		w.pr = NULL;
	}
	if (w.pr == NULL) {
		w.pr = room->push = xcalloc(1, sizeof *w.pr);
		w.pr->epoch = room->tip_epoch;
		see_members(&w);
	} else if (w.pr->newcomers != newcomers &&
		   !push_newcomers_since(
		       ctx->core, w.pr->newcomers, see_newcomer, &w)) {
		see_members(&w);
	}
	w.pr->newcomers = newcomers;
	return w.pr;
}

void
push_room_member(
    struct ctx *ctx, struct room *room, const char *user_id, bool is_joined)
{
	struct push_member *m;

	if (room->push == NULL)
		return;
	m = map_get_str(&room->push->by_id, user_id);
	if (m != NULL)
		m->is_joined = is_joined;
	else if (is_joined && push_may_deviate(ctx->core, user_id))
		add(ctx, room, room->push, user_id);
}
