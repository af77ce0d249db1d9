/*
 * The model is JSON: what it has is folded with json_set and compared with json_equal.
 * Stands beside sync_model_test, which makes things happen.
 */
#include "stream/sync_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/membership.h"
#include "room/timeline.h"

#define READ_AGAIN                                                                     \
	4 /* of so many increments one; and each sync that tells all state             \
	   */

static bool
fail(struct model *m, const char *what, const char *where)
{
	if (m->fault == NULL)
		m->fault = arena_printf(m->arena, "%s (%s)", what, where);
	return false;
}

static struct json *
part(struct model *m, struct json *of, const char *key)
{
	if (!json_is(json_get(of, key), JSON_OBJECT))
		json_set(m->arena, of, key, json_object(m->arena));
	return (struct json *)json_get(of, key);
}

static void
begin_anew(struct model *m)
{
	m->has = json_object(m->arena);
	m->known = json_object(m->arena);
	m->has_since = false;
	m->since = token_at(0);
}

void
model_init(struct model *m, struct testing *t, struct arena *arena,
    struct sync_members *members, struct sync_filter *filter, const char *user_id,
    const char *device_id, bool use_state_after)
{
	*m = (struct model){ .t = t,
		.arena = arena,
		.members = members,
		.filter = filter,
		.user_id = user_id,
		.device_id = device_id,
		.use_state_after = use_state_after };
	begin_anew(m);
}

void
model_keep(struct model *m)
{
	struct model *kept = ARENA_NEW(m->arena, struct model);

	*kept = *m;
	kept->has = json_copy(m->arena, m->has);
	kept->known = json_copy(m->arena, m->known);
	m->kept = kept;
}

void
model_go_back(struct model *m)
{
	if (m->kept == NULL)
		return;
	m->has = json_copy(m->arena, m->kept->has);
	m->known = json_copy(m->arena, m->kept->known);
	m->has_since = m->kept->has_since;
	m->since = m->kept->since;
}

void
model_forgets(struct model *m, const char *room_id)
{
	json_set_bool(m->arena, part(m, m->has, "partial"), room_id, true);
	if (m->kept != NULL)
		model_forgets(m->kept, room_id);
}

/* --- a room --- */

static const char *
text_of(const struct json *v, const char *key)
{
	const char *text = json_get_str(v, key);

	return text == NULL ? "" : text;
}

static void
add_state(struct model *m, struct json *room, const struct json *event)
{
	json_set_str(m->arena, part(m, room, "state"),
	    arena_printf(
		m->arena, "%s|%s", text_of(event, "type"), text_of(event, "state_key")),
	    text_of(event, "event_id"));
}

static void
add_to_timeline(struct model *m, const char *room_id, struct json *room,
    const char *event_id, bool is_new)
{
	const char *key = arena_printf(m->arena, "%s %s", room_id, event_id);
	struct json *timeline;

	if (!is_new && json_get(m->known, key) != NULL)
		fail(m, "an event came twice", key);
	json_set_bool(m->arena, m->known, key, true);
	if (json_get_array(room, "timeline") == NULL)
		json_set(m->arena, room, "timeline", json_array(m->arena));
	timeline = (struct json *)json_get_array(room, "timeline");
	json_push(m->arena, timeline, json_str(m->arena, event_id));
}

/* What lies between the last sync and a timeline's beginning, oldest first. */
static void
fill_gap(
    struct model *m, const char *room_id, struct json *room, const char *prev_batch)
{
	struct place to = { m->since.events + 1, 0 }, from;
	struct filter filter = m->filter->f.timeline;
	struct page page = { .to = &to, .backwards = true, .limit = 400 };
	struct room *there;
	struct snapshot *s;
	struct seer seer;

	if (!token_parse_place(prev_batch, &from) ||
	    room_get(&m->t->ctx, room_id, &there) != M_OK) {
		fail(m, "prev_batch is no place", prev_batch);
		return;
	}
	s = room_snapshot(there);
	seer_init(&seer, &m->t->ctx, m->arena, there, s, m->user_id, m->device_id);
	page.from = from;
	filter.room_id = room_id;
	if (ignored_load(&m->t->ctx, m->arena, m->user_id, &filter.ignored) != M_OK)
		fail(m, "it cannot be read who is ignored", m->user_id);
	page.keep = filter_keeps;
	page.keep_arg = &filter;
	if (timeline_page(&seer, &page) != M_OK || page.more)
		fail(m, "a gap cannot be filled", prev_batch);
	for (int i = page.count - 1; i >= 0; i--)
		add_to_timeline(
		    m, room_id, room, page.events[i].stored.event_id, false);
	snapshot_unref(s);
	room_put(there);
}

static void
fold_timeline(struct model *m, const char *room_id, struct json *room,
    const struct json *told, bool is_new)
{
	const struct json *events = json_at(told, "timeline", "events", NULL);
	const struct json *timeline = json_get(told, "timeline");

	if (is_new)
		json_set_bool(m->arena, room, "limited",
		    json_get_bool(timeline, "limited", false));
	else if (json_get_bool(timeline, "limited", false))
		fill_gap(m, room_id, room, text_of(timeline, "prev_batch"));
	for (uint32_t i = 0; i < events->n; i++) {
		const struct json *event = &events->items[i];

		add_to_timeline(m, room_id, room, text_of(event, "event_id"), is_new);
		if (!m->use_state_after && json_get(event, "state_key") != NULL)
			add_state(m, room, event);
	}
}

static void
fold_data(struct model *m, struct json *to, const struct json *events)
{
	for (uint32_t i = 0; events != NULL && i < events->n; i++)
		json_set(m->arena, to, text_of(&events->items[i], "type"),
		    json_get(&events->items[i], "content"));
}

static void
fold_room(struct model *m, const char *room_id, struct json *room,
    const struct json *told, bool is_new)
{
	const char *key = m->use_state_after ? "state_after" : "state";
	const struct json *state = json_at(told, key, "events", NULL);

	if (state == NULL) {
		fail(m, "there is no state", room_id);
		return;
	}
	for (uint32_t i = 0; i < state->n; i++)
		add_state(m, room, &state->items[i]);
	fold_timeline(m, room_id, room, told, is_new);
	fold_data(
	    m, part(m, room, "data"), json_at(told, "account_data", "events", NULL));
}

static void
fold_receipt(struct model *m, struct json *receipts, const char *event_id,
    const char *kind, const struct json *users)
{
	for (uint32_t i = 0; i < users->n; i++) {
		const struct json_member *user = &users->members[i];

		json_set_str(m->arena, receipts,
		    arena_printf(m->arena, "%s|%s|%s", kind, user->key,
			text_of(&user->value, "thread_id")),
		    event_id);
	}
}

static void
fold_receipts(struct model *m, struct json *room, const struct json *content)
{
	struct json *receipts = part(m, room, "receipts");

	for (uint32_t i = 0; i < content->n; i++) {
		const struct json_member *event = &content->members[i];

		for (uint32_t k = 0; k < event->value.n; k++)
			fold_receipt(m, receipts, event->key,
			    event->value.members[k].key,
			    &event->value.members[k].value);
	}
}

static void
fold_ephemeral(struct model *m, struct json *room, const struct json *events)
{
	for (uint32_t i = 0; events != NULL && i < events->n; i++) {
		const struct json *content = json_get(&events->items[i], "content");
		const char *type = text_of(&events->items[i], "type");

		if (strcmp(type, "m.typing") == 0)
			json_set(
			    m->arena, room, "typing", json_get(content, "user_ids"));
		else if (strcmp(type, "m.receipt") == 0)
			fold_receipts(m, room, content);
	}
}

/* --- an answer --- */

static const char *const places[] = { "joined", "left", "invited", "knocked" };

/* A room is one thing at a time; what was known of one that was left is kept beside an
 * invitation. */
static struct json *
move(struct model *m, const char *to, const char *room_id, struct json *room)
{
	const struct json *left = json_at(m->has, "left", room_id, NULL);

	if (left != NULL)
		json_set(m->arena, part(m, m->has, "archive"), room_id,
		    json_copy(m->arena, left));
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		json_del(part(m, m->has, places[i]), room_id);
	json_set(m->arena, part(m, m->has, to), room_id, room);
	return (struct json *)json_get(part(m, m->has, to), room_id);
}

static void
fold_joined(struct model *m, const char *room_id, const struct json *told)
{
	struct json *room = (struct json *)json_at(m->has, "joined", room_id, NULL),
		    copy;
	/* Or it was left meanwhile and forgotten. */
	bool is_new = room == NULL || json_at(m->has, "partial", room_id, NULL) != NULL;
	const struct json *summary = json_get(told, "summary");

	if (room == NULL)
		room = json_object(m->arena);
	json_del(part(m, m->has, "partial"), room_id);
	copy = *room;
	room = move(m, "joined", room_id, &copy);
	fold_room(m, room_id, room, told, is_new);
	fold_ephemeral(m, room, json_at(told, "ephemeral", "events", NULL));
	for (uint32_t i = 0; summary != NULL && i < summary->n; i++)
		json_set(m->arena, part(m, room, "summary"), summary->members[i].key,
		    &summary->members[i].value);
	json_set(m->arena, room, "counts", json_get(told, "unread_notifications"));
}

static void
fold_left(struct model *m, const char *room_id, const struct json *told)
{
	const struct json *joined = json_at(m->has, "joined", room_id, NULL);
	const struct json *before = joined;
	struct json copy;

	if (before == NULL)
		before = json_at(m->has, "left", room_id, NULL);
	if (before == NULL)
		before = json_at(m->has, "archive", room_id, NULL);
	copy = before == NULL ? *json_object(m->arena) : *json_copy(m->arena, before);
	fold_room(m, room_id, move(m, "left", room_id, &copy), told, joined == NULL);
}

/* How a room was left into which one is invited again is not told. */
static void
fold_outside(struct model *m, const char *to, const char *room_id)
{
	if (json_at(m->has, "joined", room_id, NULL) != NULL)
		json_set_bool(m->arena, part(m, m->has, "partial"), room_id, true);
	move(m, to, room_id, json_object(m->arena));
}

static void
fold_rooms(struct model *m, const struct json *rooms)
{
	const struct {
		const char *key;
		const char *to; /* NULL: a room of its own */
	} parts[] = { { "join", NULL }, { "leave", NULL }, { "invite", "invited" },
		{ "knock", "knocked" } };

	for (size_t p = 0; rooms != NULL && p < sizeof parts / sizeof *parts; p++) {
		const struct json *of = json_get_object(rooms, parts[p].key);

		for (uint32_t i = 0; of != NULL && i < of->n; i++) {
			const struct json_member *room = &of->members[i];

			if (parts[p].to != NULL)
				fold_outside(m, parts[p].to, room->key);
			else if (p == 0)
				fold_joined(m, room->key, &room->value);
			else
				fold_left(m, room->key, &room->value);
		}
	}
}

/* Who is ignored decides over what is told: a client begins anew. */
static bool
ignores_others(const struct model *m, const struct json *events)
{
	for (uint32_t i = 0; m->has_since && events != NULL && i < events->n; i++)
		if (strcmp(text_of(&events->items[i], "type"), "m.ignored_user_list") ==
		    0)
			return true;
	return false;
}

/* The same answer without what is kept of rooms' state must be the same, byte for byte.
 * All that was written is visible, so that nothing moves between the two. */
static void
read_again(struct model *m, const struct sync_ask *ask, const struct buf *body)
{
	struct core *core = &m->t->core;
	struct state_texts *texts = core->state_texts;
	struct sync_found found;
	struct buf again = { 0 };

	core->state_texts = NULL;
	if (sync_look(&m->t->ctx, m->arena, ask, &again, &found) != M_OK ||
	    again.n != body->n || memcmp(again.p, body->p, again.n) != 0)
		fail(m, "what is kept is not what is stored",
		    arena_printf(m->arena, "%.*s\n  but %.*s", (int)body->n, body->p,
			(int)again.n, again.p));
	core->state_texts = texts;
	buf_free(&again);
}

static struct json *
ask(struct model *m)
{
	bool is_read_again =
	    !m->has_since || m->full_state || ++m->asked % READ_AGAIN == 0;
	struct sync_ask ask = { .user_id = m->user_id,
		.device_id = m->device_id,
		.filter = m->filter,
		.members = m->members,
		.since = m->since,
		.has_since = m->has_since,
		.full_state = m->full_state,
		.use_state_after = m->use_state_after };
	struct json_error error = { 0 };
	struct sync_found found;
	struct buf body = { 0 };
	struct json *answer = NULL;

	if (is_read_again && ctx_settle(&m->t->ctx) != M_OK)
		fail(m, "what was written is not durable", m->user_id);
	clock_set_for_test(is_read_again ? clock_now_ms() : 0);
	if (sync_look(&m->t->ctx, m->arena, &ask, &body, &found) != M_OK) {
		fail(m, "a look failed", m->user_id);
	} else {
		if (is_read_again)
			read_again(m, &ask, &body);
		answer =
		    json_parse_copy(m->arena, body.p, body.n, JSON_LENIENT, &error);
		if (answer == NULL)
			fail(m, "an answer is no JSON", error.why);
	}
	clock_set_for_test(0);
	buf_free(&body);
	return answer;
}

bool
model_sync(struct model *m)
{
	bool had_since = m->has_since;
	const struct json *data, *rooms;
	struct json *answer = ask(m);

	m->full_state = false;
	if (answer == NULL)
		return false;
	data = json_at(answer, "account_data", "events", NULL);
	rooms = json_get_object(answer, "rooms");
	if (ignores_others(m, data)) {
		begin_anew(m);
		return true;
	}
	fold_data(m, part(m, m->has, "data"), data);
	fold_rooms(m, rooms);
	if (!token_parse(text_of(answer, "next_batch"), &m->since))
		return fail(m, "next_batch is no token", m->user_id);
	m->has_since = true;
	return !had_since || data != NULL || rooms != NULL;
}

/* --- does it add up? --- */

static bool
same(struct model *m, const struct json *a, const struct json *b, const char *what)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	struct buf text = { 0 };

	if (json_equal(a == NULL ? &nothing : a, b == NULL ? &nothing : b))
		return true;
	buf_str(&text, what);
	buf_lit(&text, ": ");
	if (a != NULL)
		json_write(&text, a);
	buf_lit(&text, "\n  but ");
	if (b != NULL)
		json_write(&text, b);
	buf_char(&text, '\0');
	fail(m, arena_strdup(m->arena, text.p), m->user_id);
	buf_free(&text);
	return false;
}

static bool
is_lazy_member(const struct model *m, const char *key)
{
	return m->filter->f.state.lazy_load_members &&
	       strncmp(key, "m.room.member|", 14) == 0;
}

/* What the state's filter keeps out a timeline may tell, or not. */
static bool
is_told(const struct model *m, const char *room_id, const char *key)
{
	const struct filter *f = &m->filter->f.state;
	const char *bar = strchr(key, '|');
	char type[256];

	snprintf(type, sizeof type, "%.*s", (int)(bar - key), key);
	return filter_keeps_room(&f->rooms, &f->not_rooms, room_id) &&
	       filter_keeps_type(f, type, NULL);
}

/* Members that are loaded lazily one of the two may not know; never differently. */
static bool
same_state(struct model *m, const struct json *mine, const struct json *fresh,
    const char *room_id)
{
	for (uint32_t i = 0; fresh != NULL && i < fresh->n; i++) {
		const char *key = fresh->members[i].key;
		const char *id = json_as_str(&fresh->members[i].value);

		if (is_told(m, room_id, key) && strcmp(text_of(mine, key), id) != 0)
			return fail(m,
			    arena_printf(m->arena, "state: %s is %s, not %s", key,
				text_of(mine, key), id),
			    room_id);
	}
	for (uint32_t i = 0; mine != NULL && i < mine->n; i++) {
		const char *key = mine->members[i].key;

		if (is_told(m, room_id, key) && !is_lazy_member(m, key) &&
		    json_get(fresh, key) == NULL)
			return fail(m,
			    arena_printf(m->arena, "state: %s is not there", key),
			    room_id);
	}
	return true;
}

/* What a client has may begin later, if it was told so. */
static bool
same_end(struct model *m, const struct json *mine, const struct json *fresh,
    bool begins_late, const char *room_id)
{
	uint32_t n = fresh == NULL ? 0 : fresh->n;

	uint32_t mine_n = mine == NULL ? 0 : mine->n;

	if (mine_n < n && !begins_late)
		return fail(m, "the timeline is too short", room_id);
	if (mine_n < n)
		n = mine_n;
	for (uint32_t i = 1; i <= n; i++)
		if (!json_equal(&mine->items[mine_n - i], &fresh->items[fresh->n - i]))
			return fail(m, "the timeline ends otherwise", room_id);
	return true;
}

/* Heroes may be left over from when the room had no name. */
static bool
same_summary(struct model *m, const struct json *mine, const struct json *fresh)
{
	for (uint32_t i = 0; fresh != NULL && i < fresh->n; i++)
		if (!same(m, json_get(mine, fresh->members[i].key),
			&fresh->members[i].value, fresh->members[i].key))
			return false;
	return true;
}

static bool
same_room(struct model *m, const struct json *mine, const struct json *fresh,
    const char *room_id)
{
	static const char *const parts[] = { "receipts", "data", "counts" };
	const struct json *mine_types = json_get(mine, "typing");
	const struct json *fresh_types = json_get(fresh, "typing");

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (!same(m, json_get(mine, parts[i]), json_get(fresh, parts[i]),
			parts[i]))
			return false;
	if ((mine_types == NULL ? 0 : mine_types->n) !=
	    (fresh_types == NULL ? 0 : fresh_types->n))
		return fail(m, "others are typing", room_id);
	return same_state(
		   m, json_get(mine, "state"), json_get(fresh, "state"), room_id) &&
	       same_end(m, json_get(mine, "timeline"), json_get(fresh, "timeline"),
		   json_get_bool(mine, "limited", false), room_id) &&
	       same_summary(m, json_get(mine, "summary"), json_get(fresh, "summary"));
}

/* That it was left is not told of a room that is forgotten. */
static bool
is_forgotten(struct model *m, const char *room_id)
{
	struct room *room;
	bool forgotten;

	if (room_get(&m->t->ctx, room_id, &room) != M_OK)
		return fail(m, "a room cannot be read", room_id);
	if (room_is_forgotten(&m->t->ctx, room, m->user_id, &forgotten) != M_OK)
		fail(m, "it cannot be read what is forgotten", room_id);
	room_put(room);
	return forgotten;
}

static bool
has_no_more(struct model *m, const struct json *mine, const struct json *fresh)
{
	for (uint32_t i = 0; mine != NULL && i < mine->n; i++) {
		const char *room_id = mine->members[i].key;

		if (json_get(fresh, room_id) == NULL && !is_forgotten(m, room_id))
			return fail(m, "a room is left over", room_id);
	}
	return true;
}

/* Rooms that one is invited to, or has knocked at. */
static bool
same_outside(struct model *m, const char *what, const struct json *fresh)
{
	const struct json *mine = json_get(m->has, what);

	fresh = json_get(fresh, what);
	for (uint32_t i = 0; fresh != NULL && i < fresh->n; i++)
		if (json_get(mine, fresh->members[i].key) == NULL)
			return fail(m, "an invitation or a knock is missing",
			    fresh->members[i].key);
	return has_no_more(m, mine, fresh);
}

static bool
same_rooms(struct model *m, const struct json *mine, const struct json *fresh)
{
	for (uint32_t i = 0; fresh != NULL && i < fresh->n; i++) {
		const char *room_id = fresh->members[i].key;

		if (json_get(mine, room_id) == NULL)
			return fail(m, "a joined room is missing", room_id);
		if (!same_room(
			m, json_get(mine, room_id), &fresh->members[i].value, room_id))
			return false;
	}
	return has_no_more(m, mine, fresh);
}

/* What it was like when it was left: of one's own membership at least. */
static bool
same_left(struct model *m, const struct json *mine, const struct json *fresh)
{
	const char *own = arena_printf(m->arena, "m.room.member|%s", m->user_id);

	for (uint32_t i = 0; fresh != NULL && i < fresh->n; i++) {
		const char *room_id = fresh->members[i].key;
		const struct json *one = json_get(mine, room_id);
		const struct json *other = &fresh->members[i].value;
		bool is_whole = json_at(m->has, "partial", room_id, NULL) == NULL;

		if (one == NULL)
			return fail(m, "a room that was left is missing", room_id);
		one = json_get(one, "state");
		other = json_get(other, "state");
		if (is_told(m, room_id, own) &&
		    strcmp(text_of(one, own), text_of(other, own)) != 0)
			return fail(m, "it was left otherwise", room_id);
		if (is_whole && !same_state(m, one, other, room_id))
			return false;
	}
	return true;
}

bool
model_adds_up(struct model *m)
{
	struct model fresh;

	while (model_sync(m) && m->fault == NULL)
		;
	if (!m->has_since)
		model_sync(m);
	model_init(&fresh, m->t, m->arena, m->members, m->filter, m->user_id,
	    m->device_id, m->use_state_after);
	model_sync(&fresh);
	if (fresh.fault != NULL)
		m->fault = fresh.fault;
	return m->fault == NULL &&
	       same_rooms(
		   m, json_get(m->has, "joined"), json_get(fresh.has, "joined")) &&
	       same_left(m, json_get(m->has, "left"), json_get(fresh.has, "left")) &&
	       same_outside(m, "invited", fresh.has) &&
	       same_outside(m, "knocked", fresh.has) &&
	       same(m, json_get(m->has, "data"), json_get(fresh.has, "data"), "data");
}
