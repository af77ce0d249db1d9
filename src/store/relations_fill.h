/*
 * Events that were stored before relations were: how far they have been read, and what
 * to read of them. Below room/relations_fill.
 */
#ifndef STORE_RELATIONS_FILL_H
#define STORE_RELATIONS_FILL_H

#include "store/relations.h"

/* Those behind *after_out and up to *upto_out are still to be read. M_NOT_FOUND: none.
 */
enum mx_err store_relations_fill_get(
    struct db *db, int64_t *after_out, int64_t *upto_out) MUST_USE;
/* Now only those behind `after` are; on the writer, as what follows. */
enum mx_err store_relations_fill_set(struct db *db, int64_t after) MUST_USE;
/* All have been read. */
enum mx_err store_relations_fill_end(struct db *db) MUST_USE;
/* As store_relation_add, unless the event has a row or has been redacted. */
enum mx_err store_relation_fill(
    struct db *db, int64_t event, const struct relation_row *row) MUST_USE;

/* Borrowed during the call. */
struct old_event {
	int64_t event, room;
	const char *version; /* the room's */
	struct str json;
};
/* Reads the events behind `after` and up to `upto`, at most `limit`, in their order,
 * but those that clients are not shown, and hands out what may be related to others;
 * what is damaged is left out. *count_out: how many it read, *last_out: the last of
 * them. */
enum mx_err store_relations_fill_read(struct db *db, int64_t after, int64_t upto,
    int limit, void (*each)(const struct old_event *e, void *arg), void *arg,
    int *count_out, int64_t *last_out) MUST_USE;

#endif
