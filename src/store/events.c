/*
 * Events, their JSON, edges and transactions in the database: all the SQL about them.
 * Written by room/append's jobs on the writer thread, read by workers.
 */
#include "store/events.h"

#include <string.h>

#include "base/codec.h"
#include "base/log.h"
#include "store/intern.h"
#include "store/pack.h"

/*
 * "$" and 43 characters of base64 become the hash's 32 bytes, in either alphabet: the
 * room's version says how to write them again. Other ids keep their text behind a byte
 * that tells them apart; one that would be 32 bytes long gets a NUL more.
 */
size_t
event_id_pack(const char *event_id, uint8_t *out)
{
	size_t n = strlen(event_id), hash_n;

	if (n == 44 && event_id[0] == '$' &&
	    (b64url_decode(event_id + 1, 43, out, 32, &hash_n) ||
		b64_decode(event_id + 1, 43, out, 32, &hash_n)))
		return 32;
	if (n > 255)
		n = 255;
	out[0] = 2;
	memcpy(out + 1, event_id, n);
	out[n + 1] = '\0';
	return n + 1 == 32 ? 33 : n + 1;
}

const char *
event_id_unpack(struct arena *arena, struct str packed, bool standard64)
{
	char *id;

	if (packed.n != 32) {
		/* A text id of 31 characters carries a NUL more: strndup drops it. */
		return packed.n < 1 ? ""
				    : arena_strndup(arena, packed.p + 1, packed.n - 1);
	}
	id = arena_raw(arena, 45);
	id[0] = '$';
	if (standard64)
		b64_encode(packed.p, 32, id + 1);
	else
		b64url_encode(packed.p, 32, id + 1);
	return id;
}

static void
bind_or_null(struct stmt *q, int n, int64_t v)
{
	if (v != 0)
		stmt_int(q, n, v);
	else
		stmt_null(q, n);
}

static void
bind_text_or_null(struct stmt *q, int n, const char *s)
{
	if (s != NULL)
		stmt_text(q, n, s);
	else
		stmt_null(q, n);
}

static enum mx_err
add_row(struct db *db, const struct event_row *row, int64_t type, int64_t key)
{
	struct stmt *q = db_stmt(db,
	    "INSERT INTO events (event, room, line, sub, event_id, type, key, ts,"
	    " depth, flags, prev, segment, device_id, txn_id, json, notified, loud)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
	    " $16, $17)");
	uint8_t id[300];

	stmt_int(q, 1, row->event);
	stmt_int(q, 2, row->room);
	stmt_int(q, 3, row->line);
	stmt_int(q, 4, row->sub);
	stmt_blob(q, 5, id, event_id_pack(row->event_id, id));
	stmt_int(q, 6, type);
	bind_or_null(q, 7, key);
	stmt_int(q, 8, row->ts);
	stmt_int(q, 9, row->depth);
	stmt_int(q, 10, row->flags);
	bind_or_null(q, 11, row->prev_count > 0 ? row->prevs[0] : 0);
	stmt_int(q, 12, row->segment);
	bind_text_or_null(q, 13, row->device_id);
	bind_text_or_null(q, 14, row->txn_id);
	stmt_blob(q, 15, row->packed.p, row->packed.n);
	stmt_int(q, 16, row->notified);
	stmt_int(q, 17, row->loud);
	return stmt_run(q);
}

/* Only what the event's own row does not say. */
static enum mx_err
add_state_before(struct db *db, const struct event_row *row)
{
	struct stmt *q;

	if (row->at == row->event)
		return M_OK;
	q = db_stmt(
	    db, "INSERT INTO event_state (event, segment, at) VALUES ($1, $2, $3)");
	stmt_int(q, 1, row->event);
	stmt_int(q, 2, row->segment);
	stmt_int(q, 3, row->at);
	return stmt_run(q);
}

static enum mx_err
add_edge(struct db *db, int64_t event, int64_t prev)
{
	struct stmt *q =
	    db_stmt(db, "INSERT INTO event_edges (event, prev) VALUES ($1, $2)");

	stmt_int(q, 1, event);
	stmt_int(q, 2, prev);
	return stmt_run(q);
}

static enum mx_err
drop_extremity(struct db *db, int64_t room, int64_t event)
{
	struct stmt *q =
	    db_stmt(db, "DELETE FROM extremities WHERE room = $1 AND event = $2");

	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	return stmt_run(q);
}

/* A branch of the room goes on; *moved_out: `from` was the end of one. */
static enum mx_err
move_extremity(struct db *db, int64_t room, int64_t from, int64_t to, bool *moved_out)
{
	struct stmt *q = db_stmt(
	    db, "UPDATE extremities SET event = $3 WHERE room = $1 AND event = $2");
	enum mx_err err;

	stmt_int(q, 1, room);
	stmt_int(q, 2, from);
	stmt_int(q, 3, to);
	err = stmt_run(q);
	*moved_out = db_changes(db) > 0;
	return err;
}

static enum mx_err
begin_branch(struct db *db, int64_t room, int64_t event)
{
	struct stmt *q = db_stmt(
	    db, "INSERT INTO extremities (room, branch, event) VALUES ($1, $2, $2)");

	stmt_int(q, 1, room);
	stmt_int(q, 2, event);
	return stmt_run(q);
}

/* The event ends the branch of its first predecessor, and those of the others. */
static enum mx_err
move_extremities(struct db *db, const struct event_row *row)
{
	bool moved = false;
	enum mx_err err = M_OK;

	if (row->prev_count > 0)
		err = move_extremity(db, row->room, row->prevs[0], row->event, &moved);
	for (int i = 1; err == M_OK && i < row->prev_count; i++) {
		err = add_edge(db, row->event, row->prevs[i]);
		if (err == M_OK)
			err = drop_extremity(db, row->room, row->prevs[i]);
	}
	return err == M_OK && !moved ? begin_branch(db, row->room, row->event) : err;
}

enum mx_err
store_event_add(struct db *db, const struct event_row *row, int64_t *key_out)
{
	int64_t type;
	enum mx_err err = intern_type(db, row->type, &type);

	*key_out = 0;
	if (err == M_OK && row->state_key != NULL)
		err = intern_key(db, type, row->state_key, key_out);
	if (err == M_OK)
		err = add_row(db, row, type, *key_out);
	if (err == M_OK)
		err = add_state_before(db, row);
	if (err == M_OK)
		err = move_extremities(db, row);
	return err;
}

enum mx_err
store_event_find(
    struct db *db, const char *event_id, int64_t *event_out, int64_t *room_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT event, room FROM events WHERE event_id = $1");
	uint8_t id[300];
	bool found;
	enum mx_err err;

	if (strlen(event_id) > 255) /* packing would cut it */
		event_id = "";
	stmt_blob(q, 1, id, event_id_pack(event_id, id));
	found = stmt_next(q);
	if (found) {
		*event_out = col_int(q, 0);
		*room_out = col_int(q, 1);
	}
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

/* What read_row reads, in its order. */
#define EVENT_COLUMNS                                                                  \
	"e.event, e.room, e.line, e.sub, e.ts, e.depth, e.flags, e.redacted_by,"       \
	" e.event_id, e.device_id, e.txn_id, e.json"
#define FROM_EVENTS " FROM events e"
/* Not rejected, soft-failed or outlying. */
#define SHOWN " AND e.flags % 16 < 2"

static enum mx_err
read_row(struct stmt *q, struct arena *arena, bool standard64, struct stored_event *out)
{
	struct str json = unpack_json(arena, col_blob(q, 11));

	*out = (struct stored_event){ .event = col_int(q, 0),
		.room = col_int(q, 1),
		.line = col_int(q, 2),
		.sub = col_int(q, 3),
		.ts = col_int(q, 4),
		.depth = col_int(q, 5),
		.flags = col_int(q, 6),
		.redacted_by = col_int(q, 7),
		.event_id = event_id_unpack(arena, col_blob(q, 8), standard64),
		.device_id = col_dup(q, 9, arena),
		.txn_id = col_dup(q, 10, arena),
		.json = (char *)json.p,
		.json_n = json.n };
	if (json.p != NULL)
		return M_OK;
	log_error("store: the JSON of event %lld is damaged", (long long)out->event);
	return M_UNKNOWN;
}

enum mx_err
store_event_get(struct db *db, struct arena *arena, int64_t event, bool standard64,
    struct stored_event *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT " EVENT_COLUMNS FROM_EVENTS " WHERE e.event = $1");
	enum mx_err err = M_NOT_FOUND, done;

	stmt_int(q, 1, event);
	if (stmt_next(q))
		err = read_row(q, arena, standard64, out);
	done = stmt_done(q);
	return done != M_OK ? done : err;
}

enum mx_err
store_event_is_later(struct db *db, int64_t event, int64_t than, bool *out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT 1 FROM events a LEFT JOIN events b ON b.event = $2"
			" WHERE a.event = $1"
			" AND (b.event IS NULL OR (a.line, a.sub) > (b.line, b.sub))");

	stmt_int(q, 1, event);
	stmt_int(q, 2, than);
	*out = stmt_next(q);
	return stmt_done(q);
}

/* The rows of q, at most limit. */
static enum mx_err
read_rows(struct stmt *q, struct arena *arena, int limit, bool standard64,
    struct stored_event **events_out, int *count_out)
{
	struct stored_event *events = NULL;
	int n = 0, cap = 0;
	enum mx_err err = M_OK, done;

	while (err == M_OK && n < limit && stmt_next(q)) {
		if (n == cap) {
			struct stored_event *more;

			cap = cap == 0 ? 16 : cap * 2;
			more = arena_raw(arena, sizeof *more * cap);
			if (n > 0)
				memcpy(more, events, sizeof *more * n);
			events = more;
		}
		err = read_row(q, arena, standard64, &events[n++]);
	}
	done = stmt_done(q);
	*events_out = events;
	*count_out = n;
	return done != M_OK ? done : err;
}

enum mx_err
store_timeline(struct db *db, struct arena *arena, int64_t room, struct place from,
    const struct place *to, bool backwards, int limit, bool standard64,
    struct stored_event **events_out, int *count_out)
{
	struct place end = { backwards ? INT64_MIN : INT64_MAX, 0 };
	struct stmt *q;

	if (to != NULL)
		end = *to;
	if (backwards)
		q = db_stmt(db, "SELECT " EVENT_COLUMNS FROM_EVENTS
				" WHERE e.room = $1 AND (e.line, e.sub) < ($2, $3)"
				" AND (e.line, e.sub) >= ($4, $5)" SHOWN
				" ORDER BY e.line DESC, e.sub DESC LIMIT $6");
	else
		q = db_stmt(db, "SELECT " EVENT_COLUMNS FROM_EVENTS
				" WHERE e.room = $1 AND (e.line, e.sub) >= ($2, $3)"
				" AND (e.line, e.sub) < ($4, $5)" SHOWN
				" ORDER BY e.line, e.sub LIMIT $6");
	stmt_int(q, 1, room);
	stmt_int(q, 2, from.line);
	stmt_int(q, 3, from.sub);
	stmt_int(q, 4, end.line);
	stmt_int(q, 5, end.sub);
	stmt_int(q, 6, limit);
	return read_rows(q, arena, limit, standard64, events_out, count_out);
}

enum mx_err
store_stream(struct db *db, struct arena *arena, int64_t room, int64_t from, int64_t to,
    int limit, bool standard64, struct stored_event **events_out, int *count_out)
{
	/* Live events stand at (event, 0): the timeline's index serves. */
	struct stmt *q = db_stmt(db,
	    "SELECT " EVENT_COLUMNS FROM_EVENTS
	    " WHERE e.room = $1 AND e.line > $2 AND e.line <= $3 AND e.sub = 0"
	    " AND e.flags % 16 = 1 ORDER BY e.line LIMIT $4");

	stmt_int(q, 1, room);
	stmt_int(q, 2, from);
	stmt_int(q, 3, to);
	stmt_int(q, 4, limit);
	return read_rows(q, arena, limit, standard64, events_out, count_out);
}

enum mx_err
store_by_time(struct db *db, struct arena *arena, int64_t room, struct moment from,
    bool backwards, int limit, bool standard64, struct stored_event **events_out,
    int *count_out)
{
	struct stmt *q;

	if (backwards)
		q = db_stmt(db,
		    "SELECT " EVENT_COLUMNS FROM_EVENTS
		    " WHERE e.room = $1 AND e.ts <= $2"
		    " AND (e.ts, e.line, e.sub) < ($2, $3, $4)" SHOWN
		    " ORDER BY e.ts DESC, e.line DESC, e.sub DESC LIMIT $5");
	else
		q = db_stmt(db, "SELECT " EVENT_COLUMNS FROM_EVENTS
				" WHERE e.room = $1 AND e.ts >= $2"
				" AND (e.ts, e.line, e.sub) >= ($2, $3, $4)" SHOWN
				" ORDER BY e.ts, e.line, e.sub LIMIT $5");
	stmt_int(q, 1, room);
	stmt_int(q, 2, from.ts);
	stmt_int(q, 3, from.line);
	stmt_int(q, 4, from.sub);
	stmt_int(q, 5, limit);
	return read_rows(q, arena, limit, standard64, events_out, count_out);
}

enum mx_err
store_event_json(
    struct db *db, int64_t event, struct buf *json, int64_t *redacted_by_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT json, redacted_by FROM events WHERE event = $1");
	enum mx_err err = M_NOT_FOUND, done;

	stmt_int(q, 1, event);
	if (stmt_next(q)) {
		err = unpack_json_to(json, col_blob(q, 0)) ? M_OK : M_NOT_JSON;
		if (redacted_by_out != NULL)
			*redacted_by_out = col_int(q, 1);
	}
	if (err == M_NOT_JSON)
		log_error("store: the JSON of event %lld is damaged", (long long)event);
	done = stmt_done(q);
	return done != M_OK ? done : err;
}

enum mx_err
store_event_redact(struct db *db, int64_t event, struct str packed, int64_t by)
{
	struct stmt *q = db_stmt(
	    db, "UPDATE events SET json = $2, redacted_by = $3 WHERE event = $1");

	stmt_int(q, 1, event);
	stmt_blob(q, 2, packed.p, packed.n);
	stmt_int(q, 3, by);
	return stmt_run(q);
}

enum mx_err
store_event_last(struct db *db, int64_t *out)
{
	struct stmt *q = db_stmt(db, "SELECT max(event) FROM events");

	*out = stmt_next(q) ? col_int(q, 0) : 0;
	return stmt_done(q);
}

enum mx_err
store_txn_add(struct db *db, const uint8_t hash[16], int64_t event)
{
	struct stmt *q = db_stmt(db, "INSERT INTO txns (hash, event) VALUES ($1, $2)");

	stmt_blob(q, 1, hash, 16);
	stmt_int(q, 2, event);
	return stmt_run(q);
}

enum mx_err
store_txn_find(struct db *db, const uint8_t hash[16], int64_t *event_out)
{
	struct stmt *q = db_stmt(db, "SELECT event FROM txns WHERE hash = $1");
	bool found;
	enum mx_err err;

	stmt_blob(q, 1, hash, 16);
	found = stmt_next(q);
	if (found)
		*event_out = col_int(q, 0);
	err = stmt_done(q);
	return err != M_OK || found ? err : M_NOT_FOUND;
}

enum mx_err
store_txns_read(struct db *db, uint8_t last[16], int most,
    void (*each)(const uint8_t hash[16], void *arg), void *arg, int *n_out)
{
	struct stmt *q =
	    db_stmt(db, "SELECT hash FROM txns WHERE hash > $1 ORDER BY hash LIMIT $2");

	stmt_blob(q, 1, last, 16);
	stmt_int(q, 2, most);
	for (*n_out = 0; stmt_next(q); ++*n_out) {
		each((const uint8_t *)col_blob(q, 0).p, arg);
		memcpy(last, col_blob(q, 0).p, 16);
	}
	return stmt_done(q);
}
