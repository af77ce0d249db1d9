/*
 * A parsed event (PDU): what every rule looks at, taken out of its JSON once and
 * checked against the event format of its room version. Relies on base/json only.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "event/room_version.h"

#define EVENT_SIZE_MAX 65536 /* canonical JSON, with hashes and signatures */
#define EVENT_PREV_MAX 20
#define EVENT_AUTH_MAX 10

/* Immutable; lives in the arena it was parsed into, with the JSON tree behind it. */
struct event {
	const struct room_version *version;
	const char *event_id;
	const char *room_id; /* of a version 12 m.room.create: made from event_id */
	const char *type;
	const char *state_key; /* NULL: no state event */
	const char *sender;
	const char *redacts;	/* from wherever the version keeps it; NULL: none */
	const char *membership; /* content.membership of m.room.member; NULL: none */
	int64_t origin_server_ts;
	int64_t depth;
	const struct json *content;
	const struct json *json;		 /* the whole of it */
	const char **prev_events, **auth_events; /* ids, for all versions */
	int prev_count, auth_count;
};

/*
 * Checks json (borrowed: must live as long as *out) against the version's event format
 * and takes it apart. event_id: its id where that is known already; NULL: it is read
 * from the event or computed. The size of the whole is for whoever has the bytes
 * (EVENT_SIZE_MAX). M_BAD_JSON, with a static sentence in *why_out, if it is no event
 * of this version. Spec: rooms/ "Event format", client-server-api/#size-limits
 */
enum mx_err event_parse(struct arena *arena, const struct room_version *version,
    const struct json *json, const char *event_id, const char **why_out,
    struct event **out) MUST_USE;

/* Is it of this type, and (state_key not NULL) a state event with this state_key? */
bool event_is(const struct event *e, const char *type, const char *state_key);

#endif
