/*
 * From an event to rows of what is unread. Called by room/append under the room's lock
 * (the evaluation) and by room/append_job on the writer thread (the rows).
 */
#include "room/push_append.h"

#include <stdlib.h>
#include <string.h>

#include "event/ids.h"
#include "room/push.h"
#include "room/push_room.h"
#include "room/relations.h"
#include "store/events.h"

struct telling {
	struct ctx *ctx;
	struct arena *arena; /* the append's */
	struct room *room;
	struct snapshot *s;
	struct live_event *live;
	const struct event *e;
	struct push_outcome *out;
	struct push_event event;
	struct power power;
	struct push_facts facts;
};

static bool
is_here(const struct telling *t, const char *user_id)
{
	return id_is_of(user_id, t->ctx->core->set.server_name);
}

static void
find_thread(struct telling *t, const struct relation_row *relation)
{
	struct thread_of thread =
	    relations_find_thread(t->ctx->db, t->arena, t->room, relation);

	if (thread.root == NULL)
		return;
	t->out->thread = thread.root;
	t->out->hops = thread.hops;
	t->live->thread = xstrdup(thread.root);
	t->live->thread_hops = thread.hops;
}

/* --- rows --- */

/* Room for one more behind n; cap goes on by itself. */
static void *
grown(struct telling *t, void *items, int n, int *cap, size_t size)
{
	void *more;

	if (n < *cap)
		return items;
	*cap = *cap == 0 ? 8 : *cap * 2;
	more = arena_raw(t->arena, size * *cap);
	if (n > 0)
		memcpy(more, items, size * n);
	return more;
}

static void
add_row(struct telling *t, const char *user_id, const struct push_result *r,
    bool says_notifies, bool says_highlights)
{
	struct push_outcome *out = t->out;

	if (r->notifies == says_notifies && r->highlights == says_highlights)
		return;
	out->rows =
	    grown(t, out->rows, out->row_count, &out->row_cap, sizeof *out->rows);
	out->rows[out->row_count++] =
	    (struct unread_row){ .user_id = arena_strdup(t->arena, user_id),
		    .notifies = r->notifies,
		    .highlights = r->highlights,
		    .add_notifies = r->notifies - says_notifies,
		    .add_highlights = r->highlights - says_highlights };
}

static void
set_mode(struct telling *t, struct push_member *m, bool is_quiet)
{
	struct push_outcome *out = t->out;

	m->is_quiet = is_quiet;
	out->modes =
	    grown(t, out->modes, out->mode_count, &out->mode_cap, sizeof *out->modes);
	out->modes[out->mode_count++] =
	    (struct push_mode){ arena_strdup(t->arena, m->user_id), is_quiet };
}

/* --- one user --- */

/* For conditions that want it. Members' events lie in the store. */
static const char *
display_name(const struct telling *t, const char *user_id)
{
	const struct state_entry *entry =
	    snapshot_state(t->s, "m.room.member", user_id);
	const struct json *content = NULL, *event;
	struct buf json = { 0 };

	if (entry == NULL)
		return NULL;
	if (entry->pdu != NULL)
		return json_get_str(entry->pdu->event->content, "displayname");
	if (entry->content != NULL) {
		content = json_parse_copy(t->arena, entry->content,
		    strlen(entry->content), JSON_LENIENT, NULL);
	} else if (store_event_json(t->ctx->db, entry->event, &json, NULL) == M_OK) {
		event = json_parse_copy(t->arena, json.p, json.n, JSON_LENIENT, NULL);
		content = json_get(event, "content");
	}
	buf_free(&json);
	return json_get_str(content, "displayname");
}

static void
judge(struct telling *t, const struct push_set *set, const char *user_id,
    struct push_result *out)
{
	t->facts.user_id = user_id;
	t->facts.display_name =
	    push_set_asks_name(set) ? display_name(t, user_id) : NULL;
	push_evaluate(set, &t->event, &t->facts, out);
}

/* Would a message that says nothing in particular notify by these rules? Then the
 * room's count is nearer to the member's than none. */
static bool
follows_room(struct telling *t, const struct push_set *set)
{
	bool is_encrypted = snapshot_content(t->s, "m.room.encryption", "") != NULL;
	struct json *content = json_object(t->arena);
	struct event plain = { .type =
				   is_encrypted ? "m.room.encrypted" : "m.room.message",
		.event_id = "",
		.sender = "",
		.content = content };
	struct push_event event = {
		.event = &plain, .room_id = t->room->room_id, .arena = t->arena
	};
	struct push_result result;

	json_set_str(t->arena, content, "body", "");
	json_set_str(t->arena, content, "msgtype", "m.text");
	push_evaluate(set, &event, &t->facts, &result);
	return result.notifies;
}

/* A member whose rules deviate. */
static void
tell_member(struct telling *t, struct push_member *m)
{
	struct push_set *set = push_set_get(t->ctx, m->user_id);
	bool follows = !m->is_quiet;
	struct push_result r;

	judge(t, set, m->user_id, &r);
	add_row(
	    t, m->user_id, &r, follows && t->out->notifies, follows && t->out->loud);
	/* It goes on like this, or the other way about? */
	if (t->out->notifies && r.notifies != follows &&
	    follows_room(t, set) == r.notifies)
		set_mode(t, m, follows);
	push_set_unref(set);
}

static void
tell_members(struct telling *t, struct push_room *pr)
{
	for (int i = 0; pr != NULL && i < pr->count; i++)
		if (pr->members[i]->is_joined &&
		    strcmp(pr->members[i]->user_id, t->e->sender) != 0)
			tell_member(t, pr->members[i]);
}

/* Somebody whom the event names, unless they were told already. */
static void
tell_named(struct telling *t, struct push_room *pr, const char *user_id)
{
	const struct push_member *m =
	    pr == NULL ? NULL : map_get_str(&pr->by_id, user_id);
	struct push_set *set;
	struct push_result r;

	if ((m != NULL && m->is_joined) || strcmp(user_id, t->e->sender) == 0 ||
	    !is_here(t, user_id) ||
	    snapshot_membership(t->s, user_id) != MEMBERSHIP_JOIN)
		return;
	set = push_set_get(t->ctx, user_id);
	judge(t, set, user_id, &r);
	add_row(t, user_id, &r, t->out->notifies, t->out->loud);
	push_set_unref(set);
}

/* Spec: client-server-api/#user-and-room-mentions */
static void
tell_mentioned(struct telling *t, struct push_room *pr)
{
	const struct json *users =
	    json_get_array(json_get(t->e->content, "m.mentions"), "user_ids");
	struct map told = { 0 };

	for (uint32_t i = 0; users != NULL && i < users->n; i++) {
		const char *user_id = json_as_str(&users->items[i]);

		if (user_id != NULL &&
		    map_put_str(&told, user_id, (void *)user_id) == NULL)
			tell_named(t, pr, user_id);
	}
	map_fini(&told);
}

static void
tell_invited(struct telling *t)
{
	const char *user_id = t->e->state_key;
	struct push_set *set;
	struct push_result r;

	if (t->live->membership_after != MEMBERSHIP_INVITE || !is_here(t, user_id))
		return;
	set = push_set_get(t->ctx, user_id);
	judge(t, set, user_id, &r);
	add_row(t, user_id, &r, false, false);
	push_set_unref(set);
}

/* --- the event --- */

static bool
is_inside(enum membership m)
{
	return m == MEMBERSHIP_JOIN || m == MEMBERSHIP_INVITE;
}

static void
note_membership(struct telling *t)
{
	enum membership before = t->live->membership_before,
			after = t->live->membership_after;
	const char *user_id = t->e->state_key;

	if (before == after || !is_here(t, user_id))
		return;
	user_id = arena_strdup(t->arena, user_id);
	if (after == MEMBERSHIP_JOIN)
		t->out->joined = user_id;
	else if (is_inside(before) && !is_inside(after))
		t->out->left = user_id;
	t->out->moved = user_id;
	t->out->was_joined = before == MEMBERSHIP_JOIN;
	push_room_member(t->ctx, t->room, user_id, after == MEMBERSHIP_JOIN);
}

/* "Own sends": whoever speaks has read what was said before. */
static void
note_speaker(struct telling *t)
{
	const struct event *e = t->e;
	bool speaks = e->state_key == NULL && strcmp(e->type, "m.room.redaction") != 0;

	if ((speaks || t->out->notifies) && is_here(t, e->sender))
		t->out->speaker = arena_strdup(t->arena, e->sender);
}

static void
judge_for_all(struct telling *t)
{
	struct push_result r;

	judge(t, push_predefined_set(t->ctx->core), NULL, &r);
	t->out->notifies = r.notifies;
	t->out->loud = r.highlights;
	t->s->notified += r.notifies;
	t->s->loud += r.highlights;
}

void
push_append(struct ctx *ctx, struct arena *arena, struct room *room, struct snapshot *s,
    struct live_event *e, const struct relation_row *relation, struct push_outcome *out)
{
	const struct event *event = e->pdu->event;
	struct telling t = { .ctx = ctx,
		.arena = arena,
		.room = room,
		.s = s,
		.live = e,
		.e = event,
		.out = out,
		.event = { .event = event, .room_id = room->room_id, .arena = arena },
		.power = snapshot_power(s) };
	struct push_room *pr = push_room_of(ctx, room, s);

	t.facts = (struct push_facts){ .joined = s->joined, .power = &t.power };
	judge_for_all(&t);
	if (relation != NULL)
		find_thread(&t, relation);
	note_speaker(&t);
	tell_members(&t, pr);
	tell_mentioned(&t, pr);
	if (e->membership_before != e->membership_after) {
		tell_invited(&t);
		note_membership(&t);
	}
}

void
push_append_undo(struct room *room, const struct push_outcome *o)
{
	struct push_room *pr = room->push;
	struct push_member *m;

	for (int i = 0; pr != NULL && i < o->mode_count; i++) {
		m = map_get_str(&pr->by_id, o->modes[i].user_id);
		m->is_quiet = !o->modes[i].is_quiet;
	}
	m = pr == NULL || o->moved == NULL ? NULL : map_get_str(&pr->by_id, o->moved);
	if (m != NULL)
		m->is_joined = o->was_joined;
}

/* --- writing --- */

static enum mx_err
write_member(struct db *db, int64_t room, int64_t event, const struct push_outcome *o)
{
	enum mx_err err = M_OK;

	if (o->left != NULL)
		err = store_unread_clear(db, o->left, room);
	if (err == M_OK && o->joined != NULL)
		err = store_unread_mark(db, room, o->joined, "", event);
	return err;
}

static enum mx_err
write_rows(struct db *db, int64_t room, int64_t event, const struct push_outcome *o)
{
	enum mx_err err = M_OK;

	for (int i = 0; err == M_OK && i < o->row_count; i++) {
		struct unread_row row = o->rows[i];

		row.room = room;
		row.event = event;
		row.thread = o->thread == NULL ? "main" : o->thread;
		err = store_unread_row_add(db, &row);
	}
	for (int i = 0; err == M_OK && i < o->mode_count; i++)
		err = store_unread_mode_add(
		    db, o->modes[i].user_id, room, event, o->modes[i].is_quiet);
	return err;
}

enum mx_err
push_append_write(struct db *db, int64_t room, int64_t event, int64_t target,
    const struct push_outcome *o)
{
	enum mx_err err = M_OK;

	if (o->thread != NULL)
		err = store_unread_thread_add(
		    db, room, event, o->thread, o->hops, o->notifies, o->loud);
	if (err == M_OK && o->speaker != NULL)
		err = store_unread_mark(db, room, o->speaker,
		    o->thread == NULL ? "main" : o->thread, event);
	if (err == M_OK)
		err = write_member(db, room, event, o);
	if (err == M_OK)
		err = write_rows(db, room, event, o);
	if (err == M_OK && target != 0)
		err = store_unread_redact(db, room, target);
	return err;
}
