/*
 * The only way into a room: check against the auth rules, build, sign, one write job,
 * and (once it is durable) publish. Several events of one call are one unit: all or
 * none. Never waits for the disk: the tickets in ctx hold the answer back
 * (doc/rooms.md).
 */
#ifndef ROOM_APPEND_H
#define ROOM_APPEND_H

#include "room/room.h"

/* An event to be. Borrowed until room_append returns. */
struct new_event {
	const char *sender, *type, *state_key; /* state_key NULL: no state event */
	const struct json *content;
	const char *redacts; /* m.room.redaction: the event id; else NULL */
	int64_t ts; /* origin_server_ts; 0: now (application services may say) */
	/* filled in */
	const char *event_id; /* in the arena */
};

/* What is written in the same savepoint as the events. */
struct append_extra {
	/* A client's transaction (path: what of the request's path tells endpoints and
	 * rooms apart): the same again is given the same event id and appends nothing.
	 * NULL: none */
	const char *device_id, *txn_id, *txn_path;
	/* A rule that is not the room's own, asked once the transaction is known to be
	 * new, under the room's lock: it sees what is on its way to the disk. An error
	 * is room_append's. NULL: none */
	enum mx_err (*judge)(struct ctx *ctx, struct arena *arena, struct room *room,
	    const struct new_event *e);
	/* Runs on the writer thread behind the events' rows (not if nothing had to be
	 * appended); NULL: none. done(arg) follows in every case, also when room_append
	 * fails, and must free arg. */
	enum mx_err (*also)(void *arg, struct db *db);
	void (*done)(void *arg);
	void *arg;
};

/*
 * Appends events[0..n) to room. M_FORBIDDEN (ctx->why: the rule's sentence) if one is
 * not allowed; then none is appended. M_TOO_LARGE above the event size limits.
 * M_BAD_JSON for content that the room version cannot hold. A state event equal to the
 * present one is not repeated: its event_id is that of the present one.
 */
enum mx_err room_append(struct ctx *ctx, struct arena *arena, struct room *room,
    struct new_event *events, int n, const struct append_extra *extra) MUST_USE;

/* Has sender's transaction led to an event of the room already (then *event_id_out, in
 * the arena, and the answer waits for it)? For whoever has rules of their own, which a
 * repetition must not be asked again. Of extra only the transaction is looked at. */
bool append_repeated(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *sender, const struct append_extra *extra, const char **event_id_out);

/* Prepares core->appends and the writer's hooks, which swap tails and raise `visible`.
 * Once, at start; M_UNKNOWN if the database cannot be read. */
enum mx_err append_setup(struct core *core, struct db *db) MUST_USE;
/* Learns which transactions there are, so that new ones are known to be new without a
 * look at the table. A portion at a time, since there may be very many; the server may
 * serve meanwhile. One thread alone calls it, until *more_out is false. */
enum mx_err append_learn_txns(
    struct core *core, struct db *db, bool *more_out) MUST_USE;
/* When nothing is appended or updated any more, before the writer closes: notes the
 * last position in place of the bound, so that who had heard all has heard all after
 * the next start, too. */
void append_stop(struct core *core);
void append_free(struct core *core);

#endif
