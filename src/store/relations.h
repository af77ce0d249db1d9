/*
 * How events are related: which children an event has, and what it is a child of.
 * Parents are named by their ids, since they need not be here. Below room/relations.
 */
#ifndef STORE_RELATIONS_H
#define STORE_RELATIONS_H

#include "store/events.h"

/* A row to be. Borrowed during the call. */
struct relation_row {
	const char *parent, *rel_type, *sender;
	const char *annotation; /* the key of an m.annotation; NULL: none */
};

/* Adds the relation of an event whose own row is there already; of one that clients are
 * not shown, nothing. On the writer, as is the other. */
enum mx_err store_relation_add(
    struct db *db, int64_t event, const struct relation_row *row) MUST_USE;
/* The event is a child no more, if it was one. */
enum mx_err store_relation_remove(struct db *db, int64_t event) MUST_USE;
/* What an event is a child of. */
struct relation_up {
	int64_t room;		     /* the child's */
	int64_t parent, parent_room; /* 0: the parent is not here */
	const char *parent_id;
	const char *rel_type;
};
/* In the arena. M_NOT_FOUND: it is nobody's child. */
enum mx_err store_relation_get(struct db *db, struct arena *arena, int64_t event,
    bool standard64, struct relation_up *out) MUST_USE;

/* What it was a child of before store_relation_remove; parent and parent_room are not
 * filled in. M_NOT_FOUND: it was nobody's. */
enum mx_err store_relation_was(struct db *db, struct arena *arena, int64_t event,
    bool standard64, struct relation_up *out) MUST_USE;

/* The children of one event in its room that are asked for. Only those count that are
 * not newer than `upto`, an event integer. */
struct relation_ask {
	int64_t room, upto;
	const char *parent;
	const char *rel_type; /* NULL: any */
};

/* One child. */
struct relation {
	int64_t event, ts;
	struct place place;
	const char *sender, *rel_type, *parent;
};

/* All children of one kind of one event. */
struct relation_family {
	int index; /* of the parent, in the list that was given */
	const char *rel_type;
	int64_t count, first; /* the smallest of their integers */
	bool has_mine;	      /* the asker sent one of them */
};

#define RELATION_PARENTS_MAX 32 /* asked about at once */

/*
 * Those children of parents[0..n), n at most RELATION_PARENTS_MAX, that are shown with
 * their parents (m.reference, m.replace, m.thread): one call for each parent and kind
 * that has any. What the callback is given is valid during it alone, here and below.
 */
enum mx_err store_relation_families(struct db *db, int64_t room, int64_t upto,
    const char *const *parents, int n, const char *user_id,
    void (*each)(const struct relation_family *family, void *arg), void *arg) MUST_USE;

/* Newest first, until `each` returns false. ts and parent are not filled in; without a
 * rel_type they come in no order. */
enum mx_err store_relations_each(struct db *db, const struct relation_ask *ask,
    bool (*each)(const struct relation *child, void *arg), void *arg) MUST_USE;

/* Children with their ids, oldest first, at most `limit` looked at. */
enum mx_err store_relation_ids(struct db *db, struct arena *arena,
    const struct relation_ask *ask, int limit, bool standard64,
    void (*each)(const struct relation *child, const char *event_id, void *arg),
    void *arg) MUST_USE;

/* Children by one sender and of one event type, latest ts first. */
enum mx_err store_relations_by(struct db *db, struct arena *arena,
    const struct relation_ask *ask, const char *sender, const char *type, int limit,
    struct relation **children_out, int *count_out) MUST_USE;

/* A page of them in timeline order. */
struct relation_page {
	struct relation_ask ask;
	const char *type; /* NULL: any */
	/* 1: children. More: children's children as well, all of which are read for
	 * each page: store_relations_depth. */
	int depth;
	struct place from,
	    to; /* backwards: to <= place < from; else from <= ... < to */
	bool backwards;
};
enum mx_err store_relations_page(struct db *db, struct arena *arena,
    const struct relation_page *page, int limit, struct relation **children_out,
    int *count_out) MUST_USE;

/* How many levels of children (1 to most, 3 at most) may be followed from ask's parent
 * so that none of them has more than limit. Of ask, upto is not looked at. */
enum mx_err store_relations_depth(struct db *db, const struct relation_ask *ask,
    int most, int limit, int *depth_out) MUST_USE;

/* A room's children by m.thread before a place, newest first, with their parents' ids.
 */
enum mx_err store_threads(struct db *db, struct arena *arena, int64_t room,
    struct place before, int limit, bool standard64, struct relation **children_out,
    int *count_out) MUST_USE;

/* Annotations of ask's parent by events of this type, oldest first, at most `limit`. Of
 * ask, rel_type is not looked at. */
enum mx_err store_annotations_each(struct db *db, const struct relation_ask *ask,
    const char *type, int limit,
    void (*each)(int64_t event, const char *sender, const char *key, void *arg),
    void *arg) MUST_USE;

/* The id of an annotation of ask's parent by this sender, event type and key.
 * M_NOT_FOUND. Of ask, rel_type is not looked at. */
enum mx_err store_annotation_find(struct db *db, struct arena *arena,
    const struct relation_ask *ask, const char *sender, const char *type,
    const char *key, bool standard64, const char **event_id_out) MUST_USE;

#endif
