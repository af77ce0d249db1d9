/*
 * Who has how much power in a room: m.room.power_levels and its defaults, creators'
 * infinite power from version 12 on, levels as strings in old versions. Pure.
 * Spec: client-server-api/#mroompower_levels, server-server-api/#definitions
 */
#ifndef EVENT_POWER_H
#define EVENT_POWER_H

#include <stdbool.h>
#include <stdint.h>
#include "event/event.h"

#define POWER_INFINITE                                                                 \
	INT64_MAX /* creators, version 12+; above any level that can be set */

/* A room's levels. Borrowed events. */
struct power {
	const struct event *create; /* NULL: none */
	const struct event *levels; /* m.room.power_levels; NULL: none */
};

enum power_action {
	POWER_INVITE, /* 0 if nothing is said */
	POWER_KICK,   /* 50 */
	POWER_BAN,    /* 50 */
	POWER_REDACT, /* 50 */
};

int64_t power_user(const struct power *p, const char *user_id);
/* What is needed to send an event of this type. */
int64_t power_to_send(const struct power *p, const char *type, bool is_state);
int64_t power_to(const struct power *p, enum power_action action);
/* What is needed for a notification of this kind ("room": @room); 50 if nothing is
 * said. */
int64_t power_to_notify(const struct power *p, const char *kind);

/* One of the room's creators? Before version 12 there is only one. */
bool power_is_creator(const struct event *create, const char *user_id);

/*
 * A level as the version lets it be written: an integer; before version 10 also a
 * string that is one, and a float, which is cut off. False: nothing of the kind. Beyond
 * 64 bits it is brought to the nearest end; it is always below POWER_INFINITE.
 */
bool power_level(
    const struct room_version *version, const struct json *v, int64_t *out);

#endif
