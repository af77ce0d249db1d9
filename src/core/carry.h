/*
 * What a user has set for a room goes along to the room that replaces it: tags, whether
 * it is a direct chat, push rules. Spec: client-server-api/#room-upgrades, "the server
 * should automatically transfer/replicate some of the user's personalized settings such
 * as notifications, tags, etc."
 */
#ifndef CORE_CARRY_H
#define CORE_CARRY_H

#include "room/room.h"

/*
 * user_id, of this server, has come into the room. Where it replaces another (its
 * m.room.create names the one before, whose m.room.tombstone names this one), what the
 * user has set there and not here is set here too; the answer waits for it. What the
 * old room has stays. Does nothing for any other room, and reads no table for it.
 */
enum mx_err carry_settings(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id) MUST_USE;

#endif
