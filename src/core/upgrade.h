/*
 * Moving a room to another version: a new room that follows, a tombstone in the old
 * one. Spec: client-server-api/#room-upgrades
 */
#ifndef CORE_UPGRADE_H
#define CORE_UPGRADE_H

#include "room/identity.h"
#include "room/room.h"

/* Bans are carried over, other memberships are not. additional: an array of user ids
 * (additional_creators), or NULL; not looked at where the version has none. M_FORBIDDEN
 * unless the user may send m.room.tombstone. */
enum mx_err upgrade_room(struct ctx *ctx, struct arena *arena,
    const struct identity *who, struct room *old, const struct room_version *version,
    const struct json *additional, struct room **new_out) MUST_USE;

#endif
