/*
 * Tags: labels that users stick on their rooms. All of one room's are one m.tag in its
 * account data. Spec: client-server-api/#room-tagging
 */
#ifndef ROOM_TAGS_H
#define ROOM_TAGS_H

#include "room/room.h"

/* "The name of a tag MUST NOT exceed 255 bytes." */
#define TAG_NAME_MAX 255

/* {"tags": {...}}, an object of the arena; no tags are an empty one. */
enum mx_err tags_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct room *room, const struct json **tags_out) MUST_USE;
/*
 * Puts a tag on the room or, with content NULL, takes it away; others that change at
 * the same moment stay. M_INVALID_PARAM: the name is too long. M_NOT_FOUND: the user
 * has nothing to do with the room. With the answer M_TOO_LARGE: the room's tags
 * together, M_BAD_JSON: the content is nested too deep.
 */
enum mx_err tags_set(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct room *room, const char *tag, const struct json *content) MUST_USE;

#endif
