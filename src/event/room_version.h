/*
 * What differs between room versions: one row of traits for each, so that no other file
 * compares version numbers. Pure data. Spec: rooms/
 */
#ifndef EVENT_ROOM_VERSION_H
#define EVENT_ROOM_VERSION_H

#include <stdbool.h>
#include <stdint.h>

enum event_id_format {
	EVENT_ID_GIVEN,	  /* 1-2: "$opaque:domain", a field of the event */
	EVENT_ID_BASE64,  /* 3: "$" and the reference hash, standard Base64 */
	EVENT_ID_URLSAFE, /* 4+: the same, URL-safe Base64 */
};

enum redaction_algorithm {
	REDACTION_V1,  /* 1-5 */
	REDACTION_V6,  /* m.room.aliases loses `aliases` */
	REDACTION_V8,  /* m.room.join_rules keeps `allow` */
	REDACTION_V9,  /* m.room.member keeps `join_authorised_via_users_server` */
	REDACTION_V11, /* fewer keys at the top, all of m.room.create's content ... */
};

enum state_resolution { STATE_RES_V1, STATE_RES_V2, STATE_RES_V2_1 };

struct room_version {
	const char *id; /* "1" .. "12" */
	enum event_id_format event_id_format;
	enum redaction_algorithm redaction;
	enum state_resolution state_resolution;
	int json_flags;	   /* for json_parse: JSON_LENIENT (1-5) or JSON_STRICT (6+) */
	int64_t depth_max; /* 2^63-1 (1-5) or 2^53-1 */
	bool refs_with_hashes; /* 1-2: prev_events, auth_events are [id, {hashes}] pairs
				*/
	bool redacts_in_content;  /* 11+: m.room.redaction's `redacts` */
	bool string_levels;	  /* 1-9: power levels may be strings, (1-5:) floats */
	bool notification_levels; /* 6+: `notifications` is covered by the auth rules */
	bool aliases_rule;	  /* 1-5: m.room.aliases has an auth rule of its own */
	bool redaction_rule;   /* 1-2: m.room.redaction has an auth rule of its own */
	bool key_validity;     /* 5+: a signing key must be valid at origin_server_ts */
	bool knock;	       /* 7+ */
	bool restricted;       /* 8+ */
	bool knock_restricted; /* 10+ */
	bool creator_is_sender; /* 11+: else m.room.create names it in `creator` */
	bool create_is_room_id; /* 12+: room id = "!" + hash of m.room.create, which has
				   no room_id and stands in nobody's auth_events */
	bool creators_power; /* 12+: creators (additional_creators too) outrank all */
};

/* NULL: not a version we know. NULL is allowed. */
const struct room_version *room_version_find(const char *id);
/* All of them, oldest first; count_out rows. */
const struct room_version *room_version_list(int *count_out);
/* The version of new rooms where nobody says otherwise: "12". */
const struct room_version *room_version_default(void);

#endif
