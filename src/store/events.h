/*
 * Events and their JSON in the database. Ids travel as text and lie as bytes: the 32 of
 * the hash from room version 3 on, text before (doc/rooms.md).
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include <string.h>

#include "db/db.h"

enum event_flag {
	EVENT_LIVE = 1, /* told to clients live: its integer is its stream position */
	EVENT_REJECTED = 2,
	EVENT_SOFT_FAILED = 4,
	EVENT_OUTLIER = 8,
	EVENT_NOTIFIES =
	    16,		 /* by the predefined push rules, whoever is not named by it */
	EVENT_LOUD = 32, /* ... and highlights */
};

/* A row to be. Borrowed during the call. */
struct event_row {
	int64_t event, room, line, sub, ts, depth, flags;
	const char *event_id, *type, *state_key; /* state_key NULL: no state event */
	struct str packed;			 /* pack_json of the canonical bytes */
	const int64_t *prevs;
	int prev_count;
	int64_t segment, at; /* the state before it */
	/* By which transaction of whose device it was sent; NULL: by none. */
	const char *device_id, *txn_id;
	/* The room's events up to and with it that notify, and highlight. */
	int64_t notified, loud;
};

/* Adds the event, its JSON, edges, state before, and moves the room's extremities
 * (prevs out, it in). *key_out: the interned (type, state_key), 0 for no state event.
 */
enum mx_err store_event_add(
    struct db *db, const struct event_row *row, int64_t *key_out) MUST_USE;

/* An event as it was read. */
struct stored_event {
	int64_t event, room, line, sub, ts, depth, flags;
	int64_t redacted_by; /* 0: not redacted */
	const char *event_id;
	const char *device_id, *txn_id; /* the transaction that sent it; NULL: none */
	char *json; /* canonical bytes, json_n and one writable byte; in the arena */
	size_t json_n;
};

/* Which event has this id? M_NOT_FOUND. Only the room's version tells in which base64
 * alphabet a hash is written: ids in the other one are found too, and are to be refused
 * by stored_event_is once the event has been read. */
enum mx_err store_event_find(struct db *db, const char *event_id, int64_t *event_out,
    int64_t *room_out) MUST_USE;
/* standard64: the room's version writes hashes in standard base64 (version 3). */
enum mx_err store_event_get(struct db *db, struct arena *arena, int64_t event,
    bool standard64, struct stored_event *out) MUST_USE;
/* Is this its id, letter for letter? */
static inline bool
stored_event_is(const struct stored_event *e, const char *event_id)
{
	return strcmp(e->event_id, event_id) == 0;
}

/* Does an event stand behind another in its room's timeline? Behind one that is not
 * there, any does. */
enum mx_err store_event_is_later(
    struct db *db, int64_t event, int64_t than, bool *out) MUST_USE;

/* The JSON is replaced by its redacted form; by is the redaction's integer. */
enum mx_err store_event_redact(
    struct db *db, int64_t event, struct str packed, int64_t by) MUST_USE;
/* The largest event integer handed out; 0: none. */
enum mx_err store_event_last(struct db *db, int64_t *out) MUST_USE;

/* A place in a room's timeline: between events. */
struct place {
	int64_t line, sub;
};

/*
 * Events of a room in timeline order, at most limit, only such as clients may be shown
 * (none rejected, soft-failed or outlying). backwards: those before `from`, newest
 * first; else those behind it, oldest first. Stops at `to` if that is not NULL.
 * Returns the count; events lie in the arena.
 */
enum mx_err store_timeline(struct db *db, struct arena *arena, int64_t room,
    struct place from, const struct place *to, bool backwards, int limit,
    bool standard64, struct stored_event **events_out, int *count_out) MUST_USE;
/* The live events of a room with from < position <= to, oldest first. */
enum mx_err store_stream(struct db *db, struct arena *arena, int64_t room, int64_t from,
    int64_t to, int limit, bool standard64, struct stored_event **events_out,
    int *count_out) MUST_USE;
/* A place among a room's events in the order of origin_server_ts. */
struct moment {
	int64_t ts, line, sub;
};
/* The same events in that order: those at or after `from`, or (backwards) before it. */
enum mx_err store_by_time(struct db *db, struct arena *arena, int64_t room,
    struct moment from, bool backwards, int limit, bool standard64,
    struct stored_event **events_out, int *count_out) MUST_USE;

/* One event's canonical bytes, instead of what json holds, and (NULL: not asked) which
 * event redacted it; 0: none. M_NOT_FOUND; M_NOT_JSON: it is damaged (logged). */
enum mx_err store_event_json(
    struct db *db, int64_t event, struct buf *json, int64_t *redacted_by_out) MUST_USE;

/* Ids between text and bytes. out holds 300 bytes. */
size_t event_id_pack(const char *event_id, uint8_t *out);
const char *event_id_unpack(struct arena *arena, struct str packed, bool standard64);

/* Transactions (client-server-api/#transaction-identifiers). hash: 16 bytes over (user,
 * device, path). */
enum mx_err store_txn_add(
    struct db *db, const uint8_t hash[16], int64_t event) MUST_USE;
enum mx_err store_txn_find(struct db *db, const uint8_t hash[16],
    int64_t *event_out) MUST_USE; /* M_NOT_FOUND */
/* Hands out the hashes of transactions behind last[16] (zeroes: from the first), at
 * most so many, and moves last to the last of them. *n_out: how many that were. */
enum mx_err store_txns_read(struct db *db, uint8_t last[16], int most,
    void (*each)(const uint8_t hash[16], void *arg), void *arg, int *n_out) MUST_USE;

#endif
