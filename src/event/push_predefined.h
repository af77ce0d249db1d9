/*
 * The push rules that every user begins with, as today's clients and those of 2015 are
 * shown them. Pure. Spec: client-server-api/#predefined-rules, legacy-v1 pushrules.yaml
 */
#ifndef EVENT_PUSH_PREDEFINED_H
#define EVENT_PUSH_PREDEFINED_H

#include <stdbool.h>
#include "base/json.h"

/* An array of the predefined rules of this kind, the most important first, in the
 * arena. legacy: of those that clients of 2015 know, instead of today's. */
struct json *push_predefined(
    struct arena *arena, const char *user_id, bool legacy, const char *kind);

#endif
