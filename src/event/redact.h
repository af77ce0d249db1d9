/*
 * What is left of an event when it is redacted, for each room version. Relies on
 * base/json; used for hashes and signatures, and by whoever applies a redaction.
 */
#ifndef EVENT_REDACT_H
#define EVENT_REDACT_H

#include "base/arena.h"
#include "base/json.h"
#include "event/room_version.h"

/*
 * A new tree (sharing values with event) with only the keys that survive. `unsigned` is
 * not among them. Spec: rooms/ "Redactions", client-server-api/#redactions
 */
struct json *redact_event(
    struct arena *arena, const struct room_version *version, const struct json *event);

#endif
