/*
 * Room aliases: names for rooms that this server hands out.
 * Spec: client-server-api/#room-aliases
 */
#ifndef CORE_DIRECTORY_H
#define CORE_DIRECTORY_H

#include "room/identity.h"
#include "room/room.h"

/* The room behind an id or an alias, counted. M_INVALID_PARAM: neither; M_NOT_FOUND:
 * unknown, or on a server that is not this one. */
enum mx_err directory_room(struct ctx *ctx, struct arena *arena,
    const char *room_id_or_alias, struct room **room_out) MUST_USE;

/* Points alias to the room. M_INVALID_PARAM: no alias of this server; M_ROOM_IN_USE: it
 * is taken; M_FORBIDDEN: the user is not in the room. */
enum mx_err directory_add(struct ctx *ctx, const struct identity *who,
    const char *alias, struct room *room) MUST_USE;
/* By its maker, or who may set the room's m.room.canonical_alias, or an administrator;
 * that event then names it no longer, if the user may say so. */
enum mx_err directory_remove(struct ctx *ctx, struct arena *arena,
    const struct identity *who, const char *alias) MUST_USE;
/* For members, and in world_readable rooms for all. */
enum mx_err directory_aliases(struct ctx *ctx, struct arena *arena,
    const struct identity *who, struct room *room, const char ***aliases_out,
    int *count_out) MUST_USE;

/* An alias that this server could hand out? M_INVALID_PARAM, with ctx->why. */
enum mx_err directory_check_alias(struct ctx *ctx, const char *alias) MUST_USE;
/* Do the aliases that an m.room.canonical_alias adds to the present one point to the
 * room? M_INVALID_PARAM, M_BAD_ALIAS.
 * Spec: #put_matrixclientv3roomsroomidstateeventtypestatekey */
enum mx_err directory_check_canonical(struct ctx *ctx, struct arena *arena,
    struct room *room, const struct json *content) MUST_USE;

/* May user_id send this state event in a room as it stands, by its power? */
bool directory_may_send(
    const struct snapshot *s, const char *user_id, const char *type);

#endif
