/*
 * The rules of relations. Between send and append (which write them), the handlers of
 * /relations, room/bundle, and store/relations (rows).
 */
#include "room/relations.h"

#include <string.h>

#include "event/ids.h"
#include "store/relations.h"
#include "store/unread.h"

/* Children looked at for one page at most. */
#define PAGE_SCAN_MAX 2000
/* Each page of children's children costs all of them: no level may have more. */
#define LEVEL_MAX 10000

bool
relation_of(const struct room_version *version, const struct json *content,
    struct relation_to *out)
{
	const struct json *relates = json_get_object(content, "m.relates_to");

	*out = (struct relation_to){ .rel_type = json_get_str(relates, "rel_type"),
		.parent = json_get_str(relates, "event_id") };
	if (out->rel_type == NULL || out->parent == NULL || out->rel_type[0] == '\0' ||
	    strlen(out->rel_type) > ID_MAX || !id_event_valid(version, out->parent))
		return false;
	if (strcmp(out->rel_type, "m.annotation") == 0)
		out->annotation = json_get_str(relates, "key");
	return true;
}

static bool
standard64(const struct room_version *version)
{
	return version->event_id_format == EVENT_ID_BASE64;
}

/* --- what may be sent --- */

/* Is this event of the room a child? One that is not here is none. */
static enum mx_err
is_child(struct ctx *ctx, struct arena *arena, const struct room *room,
    const char *event_id, bool *out)
{
	struct relation_up up;
	int64_t event, in_room;
	enum mx_err err = store_event_find(ctx->db, event_id, &event, &in_room);

	*out = false;
	if (err == M_OK && in_room == room->id) {
		err = store_relation_get(ctx->db, arena, event, false, &up);
		*out = err == M_OK;
	}
	return err == M_NOT_FOUND ? M_OK : err;
}

enum mx_err
relations_check(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct json *content)
{
	struct relation_to to;
	bool refused;
	enum mx_err err;

	if (!relation_of(room->version, content, &to) ||
	    strcmp(to.rel_type, "m.thread") != 0)
		return M_OK;
	err = is_child(ctx, arena, room, to.parent, &refused);
	if (err == M_OK && refused)
		return ctx_fail(ctx, M_REFUSED,
		    "a thread cannot begin at an event that relates to another");
	return err;
}

/* The room's n-th newest event, if it is on its way to the disk (visible: what the
 * store has). Under the room's lock. */
static const struct event *
pending(const struct room *room, int64_t visible, unsigned n)
{
	const struct live_event *e = room->recent[n % ROOM_RECENT_MAX];

	/* What failed stands there too, but above the tip, which was put back. */
	return e != NULL && e->event > visible && e->event <= room->tip->position
		   ? e->pdu->event
		   : NULL;
}

static bool
is_being_redacted(const struct room *room, int64_t visible, const char *event_id)
{
	for (unsigned n = 0; n < ROOM_RECENT_MAX; n++) {
		const struct event *e = pending(room, visible, n);

		if (e != NULL && e->redacts != NULL &&
		    strcmp(e->type, "m.room.redaction") == 0 &&
		    strcmp(e->redacts, event_id) == 0)
			return true;
	}
	return false;
}

/* Has the same been said by an event that is not durable yet? */
static bool
is_being_said(const struct room *room, int64_t visible, const struct new_event *said,
    const struct relation_to *to)
{
	for (unsigned n = 0; n < ROOM_RECENT_MAX; n++) {
		const struct event *e = pending(room, visible, n);
		struct relation_to other;

		if (e != NULL && strcmp(e->sender, said->sender) == 0 &&
		    strcmp(e->type, said->type) == 0 &&
		    relation_of(room->version, e->content, &other) &&
		    other.annotation != NULL &&
		    strcmp(other.annotation, to->annotation) == 0 &&
		    strcmp(other.parent, to->parent) == 0 &&
		    !is_being_redacted(room, visible, e->event_id))
			return true;
	}
	return false;
}

enum mx_err
relations_judge(
    struct ctx *ctx, struct arena *arena, struct room *room, const struct new_event *e)
{
	struct relation_ask ask = { .room = room->id, .upto = INT64_MAX };
	int64_t visible = atomic_load(&ctx->core->visible);
	const char *said;
	struct relation_to to;
	enum mx_err err;

	if (e->state_key != NULL || !relation_of(room->version, e->content, &to) ||
	    to.annotation == NULL)
		return M_OK;
	ask.parent = to.parent;
	err = store_annotation_find(ctx->db, arena, &ask, e->sender, e->type,
	    to.annotation, standard64(room->version), &said);
	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	if (err == M_NOT_FOUND ? is_being_said(room, visible, e, &to)
			       : !is_being_redacted(room, visible, said))
		return ctx_fail(ctx, M_DUPLICATE_ANNOTATION,
		    "you have annotated this event so already");
	return M_OK;
}

/* --- threads --- */

/* Of one of the room's last few events, durable or not. */
static bool
find_recent(const struct room *room, struct arena *arena, const char *event_id,
    struct thread_of *out)
{
	for (int i = 0; i < ROOM_RECENT_MAX; i++) {
		const struct live_event *e = room->recent[i];

		if (e == NULL || strcmp(e->pdu->event->event_id, event_id) != 0)
			continue;
		if (e->thread != NULL)
			*out = (struct thread_of){ arena_strdup(arena, e->thread),
				e->thread_hops };
		return true;
	}
	return false;
}

/* One relation further away than what it relates to. */
static struct thread_of
beyond(struct thread_of thread)
{
	if (thread.root == NULL || thread.hops >= RELATIONS_DEPTH)
		return (struct thread_of){ .root = NULL };
	thread.hops++;
	return thread;
}

struct thread_of
relations_stored_thread(struct db *db, struct arena *arena, int64_t room,
    const struct relation_row *relation)
{
	struct thread_of thread = { .root = NULL };
	int64_t event, in_room;

	if (strcmp(relation->rel_type, "m.thread") == 0)
		return (struct thread_of){ arena_strdup(arena, relation->parent), 0 };
	if (store_event_find(db, relation->parent, &event, &in_room) != M_OK ||
	    in_room != room ||
	    store_unread_thread_of(
		db, arena, room, event, &thread.root, &thread.hops) != M_OK)
		return (struct thread_of){ .root = NULL };
	return beyond(thread);
}

struct thread_of
relations_find_thread(struct db *db, struct arena *arena, const struct room *room,
    const struct relation_row *relation)
{
	struct thread_of thread = { .root = NULL };

	if (strcmp(relation->rel_type, "m.thread") != 0 &&
	    find_recent(room, arena, relation->parent, &thread))
		return beyond(thread);
	return relations_stored_thread(db, arena, room->id, relation);
}

enum mx_err
relations_lead_to(struct ctx *ctx, struct arena *arena, const struct room *room,
    int64_t event, const char *to, bool *out)
{
	struct relation_up up = { .parent = event, .parent_room = room->id };
	enum mx_err err = M_OK;

	*out = false;
	for (int hops = 0; err == M_OK && !*out && hops <= RELATIONS_DEPTH; hops++) {
		if (up.parent_room != room->id)
			return M_OK;
		err = store_relation_get(
		    ctx->db, arena, up.parent, standard64(room->version), &up);
		*out = err == M_OK && strcmp(up.parent_id, to) == 0;
	}
	return err == M_NOT_FOUND ? M_OK : err;
}

enum mx_err
relations_thread_of(struct ctx *ctx, struct arena *arena, const struct room *room,
    int64_t event, const char **root_out)
{
	const char *root;
	bool leads;
	int hops;
	enum mx_err err =
	    store_unread_thread_of(ctx->db, arena, room->id, event, &root, &hops);

	*root_out = THREAD_MAIN;
	if (err == M_OK)
		err = relations_lead_to(ctx, arena, room, event, root, &leads);
	if (err == M_OK && leads)
		*root_out = root;
	return err == M_NOT_FOUND ? M_OK : err;
}

/* --- lists of children --- */

static struct relation_page
asked(const struct seer *seer, const struct relations_query *query,
    const struct page *page)
{
	struct place end = { page->backwards ? INT64_MIN : INT64_MAX, 0 };

	return (struct relation_page){ .ask = { .room = seer->room->id,
					   .upto = seer->s->position,
					   .parent = query->parent,
					   .rel_type = query->rel_type },
		.type = query->type,
		.depth = query->depth,
		.from = page->from,
		.to = page->to == NULL ? end : *page->to,
		.backwards = page->backwards };
}

/* False: the page is full, and this child belongs to the next one. */
static bool
take(struct seer *seer, struct page *page, const struct relation *child)
{
	struct sliced *e = &page->events[page->count];

	if (page->count == page->limit)
		return false;
	page->end =
	    (struct place){ child->place.line, child->place.sub + !page->backwards };
	if (seer_get(seer, child->event, e) == M_OK &&
	    seer_sees(seer, child->event, e->type, e->state_key) &&
	    (e->state_key != NULL || !seer_ignores(seer, e->sender)))
		page->count++;
	return true;
}

/* As timeline_page, of children instead of all events. What one may see fills the page,
 * as a rule; where it does not, all that may be looked at is read at once. */
static enum mx_err
read_page(struct seer *seer, const struct relations_query *query, struct page *page)
{
	struct relation_page ask = asked(seer, query, page);
	int want = page->limit + 1, got = 0;

	page->events = arena_raw(seer->arena, sizeof *page->events * want);
	page->count = 0;
	page->more = true;
	page->end = page->from;
	for (int scanned = 0; scanned < PAGE_SCAN_MAX; want = PAGE_SCAN_MAX - scanned) {
		struct relation *children;
		enum mx_err err = store_relations_page(
		    seer->ctx->db, seer->arena, &ask, want, &children, &got);

		if (err != M_OK)
			return err;
		for (int i = 0; i < got; i++)
			if (!take(seer, page, &children[i]))
				return M_OK;
		if (got < want) {
			page->more = false;
			return M_OK;
		}
		ask.from = page->end;
		scanned += got;
	}
	return M_OK;
}

enum mx_err
relations_page(struct seer *seer, struct relations_query *query, struct page *page)
{
	struct relation_ask ask = { .room = seer->room->id,
		.parent = query->parent,
		.rel_type = query->rel_type };
	enum mx_err err = M_OK;

	if (query->depth > 1)
		err = store_relations_depth(
		    seer->ctx->db, &ask, query->depth, LEVEL_MAX, &query->depth);
	return err == M_OK ? read_page(seer, query, page) : err;
}

/* --- filters --- */

struct wanted {
	struct seer *seer;
	const char *const *senders, *const *rel_types;
	int sender_count, rel_type_count;
	bool found;
};

static bool
has(const char *const *list, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return list == NULL;
}

static bool
note_wanted(const struct relation *child, void *arg)
{
	struct wanted *w = arg;

	w->found = has(w->senders, w->sender_count, child->sender) &&
		   has(w->rel_types, w->rel_type_count, child->rel_type) &&
		   seer_sees(w->seer, child->event, "", NULL);
	return !w->found;
}

bool
relations_has_child(struct seer *seer, const char *event_id, const char *const *senders,
    int sender_count, const char *const *rel_types, int rel_type_count)
{
	struct wanted wanted = { .seer = seer,
		.senders = senders,
		.rel_types = rel_types,
		.sender_count = sender_count,
		.rel_type_count = rel_type_count };
	struct relation_ask ask = {
		.room = seer->room->id, .upto = seer->s->position, .parent = event_id
	};

	return store_relations_each(seer->ctx->db, &ask, note_wanted, &wanted) ==
		   M_OK &&
	       wanted.found;
}
