/*
 * Segments of state changes: all the SQL about room state.
 * Written by room/append's jobs; read when a room is loaded, and by room/timeline for
 * the state at an event.
 */
#include "store/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "store/events.h"
#include "store/intern.h"

enum mx_err
store_segment_new(struct db *db, int64_t segment, int64_t room)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO state_segments (segment, room) VALUES ($1, $2)");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, room);
	return stmt_run(q);
}

enum mx_err
store_state_change(struct db *db, int64_t segment, int64_t key, int64_t at,
    int64_t event, int64_t detail)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO state_deltas (segment, key, at, event, detail)"
			" VALUES ($1, $2, $3, $4, $5)");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, key);
	stmt_int(q, 3, at);
	stmt_int(q, 4, event);
	stmt_int(q, 5, detail);
	return stmt_run(q);
}

/* Moves on to the segment before this one and where it was left. M_NOT_FOUND: none. */
static enum mx_err
parent_of(struct db *db, int64_t *segment, int64_t *at)
{
	struct stmt *q = db_stmt(db, "SELECT parent, parent_at FROM state_segments"
				     " WHERE segment = $1 AND parent IS NOT NULL");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, *segment);
	found = stmt_next(q);
	if (found) {
		*segment = col_int(q, 0);
		*at = col_int(q, 1);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

/* The last change of one key in one segment before `at`; M_NOT_FOUND. */
static enum mx_err
last_change(
    struct db *db, int64_t segment, int64_t key, int64_t at, struct state_change *out)
{
	struct stmt *q = db_stmt(db, "SELECT at, event, detail FROM state_deltas"
				     " WHERE segment = $1 AND key = $2 AND at < $3"
				     " ORDER BY at DESC LIMIT 1");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, segment);
	stmt_int(q, 2, key);
	stmt_int(q, 3, at);
	found = stmt_next(q);
	if (found)
		*out = (struct state_change){ .at = col_int(q, 0),
			.event = col_int(q, 1),
			.detail = col_int(q, 2) };
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_state_at(struct db *db, int64_t segment, int64_t at, const char *type,
    const char *state_key, int64_t *event_out, int64_t *detail_out)
{
	struct state_change last = { 0 };
	int64_t key;
	enum mx_err err = intern_find_key(db, type, state_key, &key);

	if (err != M_OK)
		return err;
	do
		err = last_change(db, segment, key, at, &last);
	while (err == M_NOT_FOUND && (err = parent_of(db, &segment, &at)) == M_OK);
	if (err != M_OK)
		return err;
	if (last.event == 0) /* the key is gone */
		return M_NOT_FOUND;
	*event_out = last.event;
	*detail_out = last.detail;
	return M_OK;
}

/* Changes, newest first, in the arena. */
struct change_list {
	struct arena *arena;
	struct state_change *changes;
	int n, cap;
};

static void
add_change(struct change_list *list, const struct state_change *change)
{
	struct state_change *more;

	if (list->n == list->cap) {
		list->cap = list->cap == 0 ? 8 : list->cap * 2;
		more = arena_raw(list->arena, sizeof *more * list->cap);
		if (list->n > 0)
			memcpy(more, list->changes, sizeof *more * list->n);
		list->changes = more;
	}
	list->changes[list->n++] = *change;
}

static enum mx_err
add_segment_changes(struct db *db, struct change_list *list, int64_t segment,
    int64_t key, int64_t until)
{
	struct stmt *q = db_stmt(db,
	    "SELECT at, event, detail FROM state_deltas"
	    " WHERE segment = $1 AND key = $2 AND at < $3 ORDER BY at DESC");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, key);
	stmt_int(q, 3, until);
	while (stmt_next(q)) {
		struct state_change change = { .at = col_int(q, 0),
			.event = col_int(q, 1),
			.detail = col_int(q, 2) };

		add_change(list, &change);
	}
	return stmt_done(q);
}

static void
reverse(struct change_list *list)
{
	for (int i = 0, k = list->n - 1; i < k; i++, k--) {
		struct state_change swap = list->changes[i];

		list->changes[i] = list->changes[k];
		list->changes[k] = swap;
	}
}

enum mx_err
store_state_history(struct db *db, struct arena *arena, int64_t segment, int64_t until,
    const char *type, const char *state_key, struct state_change **changes_out,
    int *count_out)
{
	struct change_list list = { .arena = arena };
	int64_t key;
	enum mx_err err = intern_find_key(db, type, state_key, &key);

	if (err == M_OK)
		do
			err = add_segment_changes(db, &list, segment, key, until);
		while (err == M_OK && (err = parent_of(db, &segment, &until)) == M_OK);
	reverse(&list);
	*changes_out = list.changes;
	*count_out = list.n;
	return err == M_NOT_FOUND ? M_OK
				  : err; /* no parent left, or nobody used the key */
}

/* The last change of each key. `seen` keeps the keys that a younger segment has already
 * answered. */
static enum mx_err
load_segment(struct db *db, struct arena *ids, int64_t segment, int64_t at,
    bool standard64, struct map *seen, void (*each)(const struct state_row *, void *),
    void *arg)
{
	struct stmt *q = db_stmt(db,
	    "SELECT d.key, d.event, d.detail, t.name, k.state_key, e.event_id"
	    " FROM state_deltas d"
	    " JOIN state_keys k ON k.key = d.key JOIN event_types t ON t.type = k.type"
	    " LEFT JOIN events e ON e.event = d.event"
	    " WHERE d.segment = $1 AND d.at < $2"
	    " AND NOT EXISTS (SELECT 1 FROM state_deltas l WHERE l.segment = d.segment"
	    "  AND l.key = d.key AND l.at > d.at AND l.at < $2)");

	stmt_int(q, 1, segment);
	stmt_int(q, 2, at);
	while (stmt_next(q)) {
		int64_t key = col_int(q, 0), *kept;
		struct state_row row = { .event = col_int(q, 1),
			.detail = col_int(q, 2),
			.type = col_text(q, 3),
			.state_key = col_text(q, 4) };

		if (map_get(seen, &key, sizeof key) != NULL)
			continue;
		kept = arena_dup(ids, &key, sizeof key);
		map_put(seen, kept, sizeof *kept, kept);
		if (col_is_null(q, 1))
			continue;
		row.event_id = event_id_unpack(ids, col_blob(q, 5), standard64);
		each(&row, arg);
	}
	return stmt_done(q);
}

enum mx_err
store_state_load(struct db *db, int64_t segment, int64_t at, bool standard64,
    void (*each)(const struct state_row *row, void *arg), void *arg)
{
	struct arena *ids = arena_new();
	struct map seen = { 0 };
	enum mx_err err;

	do
		err = load_segment(db, ids, segment, at, standard64, &seen, each, arg);
	while (err == M_OK && (err = parent_of(db, &segment, &at)) == M_OK);
	map_fini(&seen);
	arena_free(ids);
	return err == M_NOT_FOUND ? M_OK : err; /* no parent left */
}

enum mx_err
store_state_between(struct db *db, int64_t room, int64_t segment, int64_t from,
    int64_t to, bool standard64, void (*each)(const struct state_row *row, void *arg),
    void *arg)
{
	struct arena *arena = arena_new();
	struct stmt *q =
	    db_stmt(db, "SELECT e.event, e.event_id, t.name, k.state_key, d.detail"
			" FROM events e JOIN state_keys k ON k.key = e.key"
			" JOIN event_types t ON t.type = k.type"
			" LEFT JOIN state_deltas d"
			" ON d.segment = $4 AND d.key = e.key AND d.at = e.event"
			" WHERE e.room = $1 AND e.event > $2 AND e.event <= $3"
			" AND e.key IS NOT NULL AND e.flags % 16 = 1 ORDER BY e.event");

	stmt_int(q, 1, room);
	stmt_int(q, 2, from);
	stmt_int(q, 3, to);
	stmt_int(q, 4, segment);
	while (stmt_next(q)) {
		struct state_row row = { .event = col_int(q, 0),
			.event_id = event_id_unpack(arena, col_blob(q, 1), standard64),
			.type = col_text(q, 2),
			.state_key = col_text(q, 3),
			.detail = col_int(q, 4) };

		each(&row, arg);
		arena_reset(arena);
	}
	arena_free(arena);
	return stmt_done(q);
}

enum mx_err
store_state_before(struct db *db, int64_t event, int64_t *segment_out, int64_t *at_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT coalesce(s.segment, e.segment), coalesce(s.at, e.event)"
			" FROM events e LEFT JOIN event_state s ON s.event = e.event"
			" WHERE e.event = $1");
	bool found;
	enum mx_err err;

	stmt_int(q, 1, event);
	found = stmt_next(q);
	if (found) {
		*segment_out = col_int(q, 0);
		*at_out = col_int(q, 1);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}
