/*
 * The table of room versions: one column per difference, one row per version.
 * Relies on nothing; event parsing, signing, rules and state resolution ask it.
 */
#include "event/room_version.h"

#include <string.h>
#include "base/json.h"

#define DEPTH_64 INT64_MAX
#define DEPTH_53 ((INT64_C(1) << 53) - 1)

/* What neighbouring versions share. */
#define V1                                                                             \
	.json_flags = JSON_LENIENT, .depth_max = DEPTH_64, .string_levels = true,      \
	.aliases_rule = true
#define V6                                                                             \
	.json_flags = JSON_STRICT, .depth_max = DEPTH_53, .notification_levels = true, \
	.event_id_format = EVENT_ID_URLSAFE, .key_validity = true
#define V7 V6, .knock = true
#define V8 V7, .restricted = true
#define V10 V8, .knock_restricted = true, .redaction = REDACTION_V9
#define V11                                                                            \
	V8, .knock_restricted = true, .redaction = REDACTION_V11,                      \
	    .redacts_in_content = true, .creator_is_sender = true

static const struct room_version versions[] = {
	{ .id = "1", V1, .refs_with_hashes = true, .redaction_rule = true },
	{ .id = "2",
	    V1,
	    .refs_with_hashes = true,
	    .redaction_rule = true,
	    .state_resolution = STATE_RES_V2 },
	{ .id = "3",
	    V1,
	    .state_resolution = STATE_RES_V2,
	    .event_id_format = EVENT_ID_BASE64 },
	{ .id = "4",
	    V1,
	    .state_resolution = STATE_RES_V2,
	    .event_id_format = EVENT_ID_URLSAFE },
	{ .id = "5",
	    V1,
	    .state_resolution = STATE_RES_V2,
	    .event_id_format = EVENT_ID_URLSAFE,
	    .key_validity = true },
	{ .id = "6",
	    V6,
	    .string_levels = true,
	    .state_resolution = STATE_RES_V2,
	    .redaction = REDACTION_V6 },
	{ .id = "7",
	    V7,
	    .string_levels = true,
	    .state_resolution = STATE_RES_V2,
	    .redaction = REDACTION_V6 },
	{ .id = "8",
	    V8,
	    .string_levels = true,
	    .state_resolution = STATE_RES_V2,
	    .redaction = REDACTION_V8 },
	{ .id = "9",
	    V8,
	    .string_levels = true,
	    .state_resolution = STATE_RES_V2,
	    .redaction = REDACTION_V9 },
	{ .id = "10", V10, .state_resolution = STATE_RES_V2 },
	{ .id = "11", V11, .state_resolution = STATE_RES_V2 },
	{ .id = "12",
	    V11,
	    .state_resolution = STATE_RES_V2_1,
	    .create_is_room_id = true,
	    .creators_power = true },
};

#define VERSION_COUNT ((int)(sizeof versions / sizeof versions[0]))

const struct room_version *
room_version_find(const char *id)
{
	if (id == NULL)
		return NULL;
	for (int i = 0; i < VERSION_COUNT; i++)
		if (strcmp(versions[i].id, id) == 0)
			return &versions[i];
	return NULL;
}

const struct room_version *
room_version_list(int *count_out)
{
	*count_out = VERSION_COUNT;
	return versions;
}

const struct room_version *
room_version_default(void)
{
	return &versions[VERSION_COUNT - 1];
}
