/*
 * Events that point at other events: what a child's content says, what may be sent, and
 * lists of children. What an event's children come to is room/bundle's.
 * Spec: client-server-api/#forming-relationships-between-events
 */
#ifndef ROOM_RELATIONS_H
#define ROOM_RELATIONS_H

#include "room/append.h"
#include "room/timeline.h"
#include "store/relations.h"

#define RELATIONS_DEPTH 3 /* children's children are followed so far */
#define THREAD_MAIN "main"

/* What an event is a child of, as its content says. Borrowed from the content. */
struct relation_to {
	const char *rel_type, *parent;
	const char *annotation; /* the key of an m.annotation; NULL: none */
};

/* False: it has no m.relates_to with a rel_type and the id of an event, as the room's
 * version writes ids. A reply alone is none. */
bool relation_of(const struct room_version *version, const struct json *content,
    struct relation_to *out);

/* May a client send this into the room? M_REFUSED for a thread that would begin at an
 * event which is a child itself (ctx->why). Spec: #validation-of-mthread-relationships
 */
enum mx_err relations_check(struct ctx *ctx, struct arena *arena,
    const struct room *room, const struct json *content) MUST_USE;
/* As append_extra.judge: M_DUPLICATE_ANNOTATION if the sender has annotated the same
 * event by the same type and key already. Spec: #avoiding-duplicate-annotations */
enum mx_err relations_judge(struct ctx *ctx, struct arena *arena, struct room *room,
    const struct new_event *e) MUST_USE;

/* The thread that an event is in, and how many relations away from one that names it.
 */
struct thread_of {
	const char *root; /* in the arena; NULL: the main timeline */
	int hops;
};
/*
 * The thread of an event that is being appended: it may name one itself, or what it
 * relates to is in one, RELATIONS_DEPTH steps away at most. Kept with the event, so
 * that one step is enough. Under the room's lock. Spec: #threaded-read-receipts
 */
struct thread_of relations_find_thread(struct db *db, struct arena *arena,
    const struct room *room, const struct relation_row *relation);
/* The same of an event whose parent is durable, if it is here at all. */
struct thread_of relations_stored_thread(struct db *db, struct arena *arena,
    int64_t room, const struct relation_row *relation);
/* The same of a durable event of the room, as it is now (a redaction breaks the way to
 * the thread): its root's id, in the arena, or THREAD_MAIN. */
enum mx_err relations_thread_of(struct ctx *ctx, struct arena *arena,
    const struct room *room, int64_t event, const char **root_out) MUST_USE;

/* Is a durable event of the room related to the one that `to` names, RELATIONS_DEPTH
 * steps away at most? */
enum mx_err relations_lead_to(struct ctx *ctx, struct arena *arena,
    const struct room *room, int64_t event, const char *to, bool *out) MUST_USE;

/* Which children of an event are asked for. */
struct relations_query {
	const char *parent;
	const char *rel_type, *type; /* NULL: any */
	/* 1: children; up to RELATIONS_DEPTH: theirs too. Comes back as what it was:
	 * of very many children theirs are not followed. */
	int depth;
};
/* A page of children that the seer's user may see and whose senders they do not ignore,
 * as timeline_page fills one in (keep is not asked). Spec: #relationships-api */
enum mx_err relations_page(
    struct seer *seer, struct relations_query *query, struct page *page) MUST_USE;

/* Has an event a child by one of these senders and of one of these kinds? An empty list
 * (n 0) of senders or kinds that is not NULL matches nothing, NULL everything. */
bool relations_has_child(struct seer *seer, const char *event_id,
    const char *const *senders, int sender_count, const char *const *rel_types,
    int rel_type_count);

#endif
