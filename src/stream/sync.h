/*
 * What a client has not been told yet of all that concerns its user. A look reads what
 * moved since the client's token; it never waits (stream/hub does).
 * Spec: client-server-api/#syncing, doc/sync.md
 */
#ifndef STREAM_SYNC_H
#define STREAM_SYNC_H

#include "event/json_event.h"
#include "room/ctx.h"
#include "stream/sync_filter.h"
#include "stream/sync_members.h"
#include "stream/token.h"

#define SYNC_TIMELINE_DEFAULT 10 /* events a room, where the filter has no limit */
#define SYNC_TIMELINE_MAX 500
#define SYNC_SIZE_MAX (256 << 20) /* bytes of an answer */

/* Who asks for what. Borrowed. */
struct sync_ask {
	const char *user_id, *device_id;
	const struct sync_filter *filter;
	struct sync_members *members;
	struct stream_token since;
	bool has_since; /* false: an initial sync */
	bool full_state, use_state_after;
	size_t size_max; /* 0: SYNC_SIZE_MAX */
};

struct sync_found {
	bool any; /* is there anything to tell? */
	struct stream_token end;
};

/* Looks once, and appends the whole answer, whether it tells anything or not.
 * M_TOO_LARGE: state alone would make it too large. */
enum mx_err sync_look(struct ctx *ctx, struct arena *arena, const struct sync_ask *ask,
    struct buf *out, struct sync_found *found) MUST_USE;
/* Appends the answer that tells nothing but where to go on. */
void sync_write_empty(struct buf *out, const struct stream_token *end);

#endif
