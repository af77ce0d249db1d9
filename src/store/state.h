/*
 * Room state on disk: segments of changes (schema/0001). The value of a key at a place
 * is one index look-up; the whole state at a place is one scan of the segment.
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "db/db.h"

#define STATE_NOW INT64_MAX

enum mx_err store_segment_new(struct db *db, int64_t segment, int64_t room) MUST_USE;
enum mx_err store_state_change(struct db *db, int64_t segment, int64_t key, int64_t at,
    int64_t event, int64_t detail) MUST_USE;

/* The event that holds (type, state_key) just before `at` in segment; M_NOT_FOUND. */
enum mx_err store_state_at(struct db *db, int64_t segment, int64_t at, const char *type,
    const char *state_key, int64_t *event_out, int64_t *detail_out) MUST_USE;

/* One change of one key; event 0: the key is gone. */
struct state_change {
	int64_t at, event, detail;
};
/* All changes of one key before `until` in segment and its parents, oldest first. */
enum mx_err store_state_history(struct db *db, struct arena *arena, int64_t segment,
    int64_t until, const char *type, const char *state_key,
    struct state_change **changes_out, int *count_out) MUST_USE;

/* One entry of a whole state. */
struct state_row {
	const char *type, *state_key, *event_id; /* valid during the callback */
	int64_t event, detail;
};
/* The state just before `at` in segment, in no order. */
enum mx_err store_state_load(struct db *db, int64_t segment, int64_t at,
    bool standard64, void (*each)(const struct state_row *row, void *arg),
    void *arg) MUST_USE;

/* The live state events of a room with from < position <= to, in order; segment: of
 * its state, which knows their detail. */
enum mx_err store_state_between(struct db *db, int64_t room, int64_t segment,
    int64_t from, int64_t to, bool standard64,
    void (*each)(const struct state_row *row, void *arg), void *arg) MUST_USE;

/* Which state an event had before it. M_NOT_FOUND. */
enum mx_err store_state_before(
    struct db *db, int64_t event, int64_t *segment_out, int64_t *at_out) MUST_USE;

#endif
