/*
 * Making rooms: createRoom with all it takes, and the first events of any new room.
 * Spec: client-server-api/#creation
 */
#ifndef CORE_CREATE_ROOM_H
#define CORE_CREATE_ROOM_H

#include "room/append.h"
#include "room/identity.h"
#include "room/room.h"

/* The first events of a room: one unit. */
struct founding {
	struct ctx *ctx;
	struct arena *arena;
	const struct room_version *version;
	const char *creator;
	/* What stands beside the events, in the same savepoint. */
	const char *alias; /* NULL: none */
	bool published;
	struct new_event *events;
	int n, cap;
	bool is_twin; /* its room id is that of a room that is there */
};

/* Begins with m.room.create (creation_content, but for what the server sets itself;
 * NULL: nothing) and the creator's join. */
void founding_begin(struct founding *f, const struct json *creation_content);
/* One state event more. Borrows the strings and the content. */
void founding_add(struct founding *f, const char *type, const char *state_key,
    const struct json *content);
/* Makes the room, counted. M_INVALID_ROOM_STATE if the rules refuse an event,
 * M_ROOM_IN_USE if the alias is taken. Durable where it returns M_OK and there is an
 * alias or the room is published. */
enum mx_err founding_append(struct founding *f, struct room **room_out) MUST_USE;
/* The default m.room.power_levels: usual for the version, the creator's in it. */
struct json *founding_power_levels(const struct founding *f);
/* Where creators have a power of their own (version 12) m.room.tombstone must stand
 * above state_default, explicitly: raises it there if it does not.
 * Spec: #post_matrixclientv3createroom */
void founding_raise_tombstone(const struct founding *f, struct json *levels);

/* What the client asked for: the fields of createRoom's body. M_BAD_JSON and other
 * errors as the endpoint lists them. Spec: #post_matrixclientv3createroom */
enum mx_err create_room(struct ctx *ctx, struct arena *arena,
    const struct identity *who, const struct json *body, struct room **room_out,
    const char **alias_out) MUST_USE;

#endif
