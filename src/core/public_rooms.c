/*
 * The published room directory in memory: entries made from rooms' snapshots, made
 * again when a state event of the room passes by in room/changes. Asked by
 * /publicRooms.
 */
#include "core/public_rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "core/directory.h"
#include "room/changes.h"
#include "store/rooms.h"

/* Counted by nobody: lives in the table, read and changed under its lock. */
struct entry {
	struct public_room shown; /* its strings are the entry's own, malloc'ed */
	char *folded;	  /* name, topic and alias, folded, a NUL-free line each */
	int64_t position; /* of the snapshot it was made from; 0: not made yet */
	int64_t wanted;	  /* something happened in the room there: older is stale */
};

/* Shared; lock guards all of it. */
struct public_rooms {
	struct lock lock; /* RANK_CACHE */
	struct change *cursor;
	bool built;
	struct map rooms; /* room's integer -> struct entry */
	VEC(struct entry *) sorted;
	bool unsorted;
};

struct public_rooms *
public_rooms_new(struct core *core)
{
	struct public_rooms *list = xcalloc(1, sizeof *list);

	lock_init(&list->lock, RANK_CACHE);
	list->cursor = changes_cursor(core->changes);
	return list;
}

static void
shown_free(struct public_room *r)
{
	free((char *)r->room_id);
	free((char *)r->name);
	free((char *)r->topic);
	free((char *)r->canonical_alias);
	free((char *)r->avatar_url);
	free((char *)r->join_rule);
	free((char *)r->room_type);
}

static void
entry_free(struct entry *e)
{
	shown_free(&e->shown);
	free(e->folded);
	free(e);
}

void
public_rooms_free(struct public_rooms *list)
{
	struct entry *e;

	for (size_t at = 0; (e = map_next(&list->rooms, &at)) != NULL;)
		entry_free(e);
	map_fini(&list->rooms);
	vec_free(&list->sorted);
	changes_cursor_free(list->cursor);
	lock_fini(&list->lock);
	free(list);
}

/* A line of what is searched: upper and lower case are the same to who searches. */
static void
fold(struct buf *b, const char *s)
{
	fold_add(b, s);
	buf_char(b, '\n');
}

/* --- entries --- */

static char *
dup(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

static const char *
setting(const struct snapshot *s, const char *type, const char *field)
{
	const char *value = json_get_str(snapshot_content(s, type, ""), field);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

/* The text/plain form of the topic; `topic` is one, too, and without it there is none.
 * Spec: client-server-api/#mroomtopic */
static const char *
plain_topic(const struct snapshot *s)
{
	const char *topic = setting(s, "m.room.topic", "topic");
	const struct json *forms = json_get_array(
	    json_get(snapshot_content(s, "m.room.topic", ""), "m.topic"), "m.text");

	for (uint32_t i = 0; topic != NULL && forms != NULL && i < forms->n; i++) {
		const struct json *type = json_get(&forms->items[i], "mimetype");
		const char *name = json_as_str(type);
		const char *body = json_get_str(&forms->items[i], "body");

		if (body != NULL && body[0] != '\0' &&
		    (type == NULL || (name != NULL && strcmp(name, "text/plain") == 0)))
			return body;
	}
	return topic;
}

static struct entry *
entry_new(struct room *room, const struct snapshot *s)
{
	struct entry *e = xcalloc(1, sizeof *e);
	struct public_room *r = &e->shown;
	struct buf folded = { 0 };

	r->room = room->id;
	r->room_id = xstrdup(room->room_id);
	r->name = dup(setting(s, "m.room.name", "name"));
	r->topic = dup(plain_topic(s));
	r->canonical_alias = dup(setting(s, "m.room.canonical_alias", "alias"));
	r->avatar_url = dup(setting(s, "m.room.avatar", "url"));
	r->join_rule = dup(setting(s, "m.room.join_rules", "join_rule"));
	r->room_type = dup(setting(s, "m.room.create", "type"));
	r->joined = s->joined;
	r->world_readable = s->visibility == VISIBILITY_WORLD_READABLE;
	r->guests_may_join = s->guests_may_join;
	fold(&folded, r->name);
	fold(&folded, r->topic);
	fold(&folded, r->canonical_alias);
	e->folded = buf_take(&folded, NULL);
	e->position = s->position;
	return e;
}

static void
remove_locked(struct public_rooms *list, int64_t room)
{
	struct entry *e = map_del(&list->rooms, &room, sizeof room);

	if (e == NULL)
		return;
	for (size_t i = 0; i < list->sorted.n; i++)
		if (list->sorted.v[i] == e)
			list->sorted.v[i--] = list->sorted.v[--list->sorted.n];
	list->unsorted = true;
	entry_free(e);
}

/* A room that is listed from now on; what it shows is made when it is asked for. */
static void
add_locked(struct public_rooms *list, int64_t room)
{
	struct entry *e;

	if (map_get(&list->rooms, &room, sizeof room) != NULL)
		return;
	e = xcalloc(1, sizeof *e);
	e->shown.room = room;
	e->wanted = 1;
	map_put(&list->rooms, &e->shown.room, sizeof room, e);
	vec_push(&list->sorted, e);
	list->unsorted = true;
}

/* Takes over fresh, made from a snapshot; an older one does not replace a newer. */
static void
refresh_locked(struct public_rooms *list, struct entry *fresh)
{
	struct entry *e = map_get(&list->rooms, &fresh->shown.room, sizeof(int64_t));

	if (e != NULL && e->position <= fresh->position) {
		struct entry old = *e;

		if (old.shown.joined != fresh->shown.joined || old.position == 0)
			list->unsorted = true;
		fresh->wanted = old.wanted;
		*e = *fresh;
		*fresh = old;
	}
	entry_free(fresh);
}

/* --- keeping up --- */

static void
follow_locked(struct public_rooms *list)
{
	const struct change *change;

	while ((change = changes_next(&list->cursor)) != NULL) {
		struct entry *e;

		if (change->kind != CHANGE_EVENT || change->room == NULL ||
		    list->rooms.count == 0)
			continue;
		e = map_get(&list->rooms, &change->room->id, sizeof(int64_t));
		/* A redaction may have taken a name away. */
		if (e != NULL && (change->event->pdu->event->state_key != NULL ||
				     change->event->pdu->event->redacts != NULL))
			e->wanted = change->event->event;
	}
}

void
public_rooms_follow(struct core *core)
{
	lock_take(&core->public_rooms->lock);
	follow_locked(core->public_rooms);
	lock_give(&core->public_rooms->lock);
}

void
public_rooms_note(struct core *core, struct room *room, bool published)
{
	struct public_rooms *list = core->public_rooms;

	lock_take(&list->lock);
	if (published)
		add_locked(list, room->id);
	else
		remove_locked(list, room->id);
	lock_give(&list->lock);
	pages_changed(core, room);
}

/* The rows, once. Read under the lock: a room that is withdrawn at this moment is taken
 * out behind it, by public_rooms_note. */
static enum mx_err
build(struct ctx *ctx, struct arena *arena)
{
	struct public_rooms *list = ctx->core->public_rooms;
	struct room_row *rows;
	enum mx_err err = M_OK;
	int n;

	lock_take(&list->lock);
	if (!list->built) {
		err = store_rooms_list(ctx->db, arena, true, &rows, &n);
		for (int i = 0; err == M_OK && i < n; i++)
			add_locked(list, rows[i].room);
		list->built = err == M_OK;
	}
	lock_give(&list->lock);
	return err;
}

/* Which entries have to be made again. Two who ask at once both make them: an answer
 * never shows less than what its asker knows to have happened. */
static int
find_stale(struct public_rooms *list, struct arena *arena, int64_t **rooms_out)
{
	int n = 0;

	lock_take(&list->lock);
	follow_locked(list);
	*rooms_out = ARENA_ARRAY(arena, int64_t, list->sorted.n + 1);
	for (size_t i = 0; i < list->sorted.n; i++)
		if (list->sorted.v[i]->position < list->sorted.v[i]->wanted)
			(*rooms_out)[n++] = list->sorted.v[i]->shown.room;
	lock_give(&list->lock);
	return n;
}

static void
make_again(struct ctx *ctx, int64_t number)
{
	struct public_rooms *list = ctx->core->public_rooms;
	struct entry *fresh;
	struct snapshot *s;
	struct room *room;

	if (room_get_by_id(ctx, number, &room) != M_OK)
		return;
	s = room_snapshot(room);
	fresh = entry_new(room, s);
	snapshot_unref(s);
	room_put(room);
	lock_take(&list->lock);
	refresh_locked(list, fresh);
	lock_give(&list->lock);
}

static enum mx_err
catch_up(struct ctx *ctx, struct arena *arena)
{
	enum mx_err err = build(ctx, arena);
	int64_t *rooms;
	int n;

	if (err != M_OK)
		return err;
	n = find_stale(ctx->core->public_rooms, arena, &rooms);
	for (int i = 0; i < n; i++)
		make_again(ctx, rooms[i]);
	return M_OK;
}

/* --- pages --- */

/* A place in the order: before the room that stands there. */
struct mark {
	int64_t joined, room;
};

static const struct mark behind_all = { -1, 0 };

static int
compare_marks(struct mark a, struct mark b)
{
	if (a.joined != b.joined)
		return a.joined > b.joined ? -1 : 1;
	return (a.room > b.room) - (a.room < b.room);
}

static struct mark
mark_of(const struct entry *e)
{
	return (struct mark){ e->shown.joined, e->shown.room };
}

static int
compare_entries(const void *a, const void *b)
{
	return compare_marks(
	    mark_of(*(struct entry *const *)a), mark_of(*(struct entry *const *)b));
}

/* "n5_17": what follows the room 17 with its 5 members; "p": what stands before it. */
static const char *
token(struct arena *arena, char direction, struct mark mark)
{
	return arena_printf(arena, "%c%lld_%lld", direction, (long long)mark.joined,
	    (long long)mark.room);
}

static bool
read_token(const char *since, struct mark *mark)
{
	const char *middle = strchr(since, '_');

	return (since[0] == 'n' || since[0] == 'p') && middle != NULL &&
	       str_int((struct str){ since + 1, (size_t)(middle - since - 1) },
		   &mark->joined) &&
	       str_int(str_of(middle + 1), &mark->room);
}

static bool
type_wanted(const struct public_query *q, const char *type)
{
	for (int i = 0; i < q->type_count; i++)
		if (type == NULL
			? q->types[i] == NULL
			: q->types[i] != NULL && strcmp(q->types[i], type) == 0)
			return true;
	return !q->has_types;
}

static bool
wanted(const struct public_query *q, const char *term, const struct entry *e)
{
	return e->position > 0 && type_wanted(q, e->shown.room_type) &&
	       (!q->readable_only || e->shown.world_readable) &&
	       (term == NULL || strstr(e->folded, term) != NULL);
}

static const char *
copy(struct arena *arena, const char *s)
{
	return s == NULL ? NULL : arena_strdup(arena, s);
}

static void
show(struct arena *arena, struct public_query *q, const struct entry *e)
{
	struct public_room *r = &q->rooms[q->count++];

	*r = e->shown;
	r->room_id = copy(arena, r->room_id);
	r->name = copy(arena, r->name);
	r->topic = copy(arena, r->topic);
	r->canonical_alias = copy(arena, r->canonical_alias);
	r->avatar_url = copy(arena, r->avatar_url);
	r->join_rule = copy(arena, r->join_rule);
	r->room_type = copy(arena, r->room_type);
}

/* The page among all that match (in order): [from, to). */
static void
cut(struct arena *arena, struct public_query *q, struct entry **all, int n,
    const struct mark *mark)
{
	int limit = (int)q->limit, from = 0, to;

	if (mark != NULL && q->since[0] == 'p') {
		for (to = 0; to < n && compare_marks(mark_of(all[to]), *mark) < 0;)
			to++;
		from = to > limit ? to - limit : 0;
	} else {
		while (mark != NULL && from < n &&
		       compare_marks(mark_of(all[from]), *mark) <= 0)
			from++;
		to = n - from > limit ? from + limit : n;
	}
	for (int i = from; i < to; i++)
		show(arena, q, all[i]);
	if (to < n && to > from)
		q->next = token(arena, 'n', mark_of(all[to - 1]));
	if (from > 0)
		q->prev = token(arena, 'p', from < n ? mark_of(all[from]) : behind_all);
}

static void
page_locked(struct public_rooms *list, struct arena *arena, struct public_query *q,
    const char *term, const struct mark *mark)
{
	struct entry **all;
	int n = 0;

	if (list->unsorted && list->sorted.n > 0)
		qsort(list->sorted.v, list->sorted.n, sizeof *list->sorted.v,
		    compare_entries);
	list->unsorted = false;
	all = ARENA_ARRAY(arena, struct entry *, list->sorted.n + 1);
	for (size_t i = 0; i < list->sorted.n; i++)
		if (wanted(q, term, list->sorted.v[i]))
			all[n++] = list->sorted.v[i];
	q->total = (int64_t)list->sorted.n;
	q->rooms = ARENA_ARRAY(arena, struct public_room, q->limit + 1);
	cut(arena, q, all, n, mark);
}

enum mx_err
public_rooms_page(struct ctx *ctx, struct arena *arena, struct public_query *q)
{
	struct public_rooms *list = ctx->core->public_rooms;
	struct mark mark;
	struct buf term = { 0 };
	enum mx_err err;

	if (q->since != NULL && !read_token(q->since, &mark))
		return ctx_fail(
		    ctx, M_INVALID_PARAM, "this is no token of the list of rooms");
	err = catch_up(ctx, arena);
	if (err != M_OK)
		return err;
	if (q->term != NULL && q->term[0] != '\0') {
		fold(&term, q->term);
		term.p[term.n - 1] = '\0'; /* in place of the line's end */
	}
	lock_take(&list->lock);
	page_locked(list, arena, q, term.p, q->since == NULL ? NULL : &mark);
	lock_give(&list->lock);
	buf_free(&term);
	return M_OK;
}

/* --- publishing --- */

enum mx_err
public_rooms_is_published(struct ctx *ctx, const char *room_id, bool *published_out)
{
	struct arena *arena = arena_new();
	struct room_row row;
	enum mx_err err = store_room_find(ctx->db, arena, room_id, &row);

	*published_out = err == M_OK && row.published;
	arena_free(arena);
	return err == M_NOT_FOUND ? ctx_fail(ctx, err, "this server knows no such room")
				  : err;
}

struct publishing {
	int64_t room;
	bool published;
};

static enum mx_err
publish(void *arg, struct db *db)
{
	const struct publishing *p = arg;

	return store_room_publish(db, p->room, p->published);
}

enum mx_err
public_rooms_set(
    struct ctx *ctx, const struct identity *who, struct room *room, bool published)
{
	struct publishing p = { room->id, published };
	struct snapshot *s = room_snapshot(room);
	bool may = who->is_admin ||
		   directory_may_send(s, who->user_id, "m.room.canonical_alias");
	enum mx_err err;

	snapshot_unref(s);
	if (!may)
		return ctx_fail(
		    ctx, M_FORBIDDEN, "you may not publish or withdraw this room");
	err = ctx_write(ctx, publish, &p);
	if (err == M_OK)
		public_rooms_note(ctx->core, room, published);
	return err;
}
