/*
 * What a listener of /events has not heard yet. A look reads from the rooms' tails, and
 * behind them from the store; it never waits.
 * Spec: client-server-api/#get_matrixclientv3events, doc/events.md
 */
#ifndef STREAM_EVENTS_H
#define STREAM_EVENTS_H

#include "room/ctx.h"
#include "stream/token.h"

#define EVENTS_LIMIT_DEFAULT 100
#define EVENTS_LIMIT_MAX 1000

/* Listeners to one room who have the same rights in it: what one of them hears, all do.
 */
enum listener_class {
	CLASS_STRANGERS, /* never in the room, which is open to the world */
	CLASS_MEMBERS,
	CLASS_COUNT,
	CLASS_ALONE = CLASS_COUNT, /* of no class, or of several rooms */
};

/* Who asks for what. Borrowed. */
struct events_ask {
	const char *user_id, *device_id;
	const char *const *room_ids;
	int room_count; /* 0: all rooms that user_id is joined to */
	struct stream_token from;
	bool has_from; /* false: from the live end */
	int limit;
	bool has_chat; /* presence may be free_for_chat: it came by a path of 2015 */
	bool sse; /* chunk becomes server-sent events instead of JSON between commas */
	size_t bytes_max; /* a page ends behind the event that passes this; 0: never */
};

/* What is sent at one time is no longer, but for its last event: what a socket takes,
 * and what a slow reader has kept for it. */
#define EVENTS_BYTES 49152

struct events_found {
	int count; /* events in body's chunk */
	struct stream_token from, end;
	bool more;		/* the page is full: there may be more behind it */
	enum listener_class as; /* at `end` */
	int64_t looked;		/* `visible` when it was looked */
};

/*
 * Looks once. Appends the events to chunk, comma-separated or as server-sent events,
 * oldest first (none: nothing is appended). M_NOT_FOUND or M_FORBIDDEN with ctx->why
 * naming the room of which nothing behind `from` may be heard.
 */
enum mx_err events_look(struct ctx *ctx, struct arena *arena,
    const struct events_ask *ask, struct buf *chunk,
    struct events_found *found) MUST_USE;

/* {"chunk":[...],"end":...,"start":...} around what events_look appended. */
void events_body(struct buf *out, struct str chunk, const char *start,
    const struct stream_token *end);

#endif
