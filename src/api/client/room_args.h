/*
 * What the handlers that change rooms share: the room a path names, a user id in a
 * body.
 */
#ifndef API_CLIENT_ROOM_ARGS_H
#define API_CLIENT_ROOM_ARGS_H

#include "api/req.h"
#include "room/room.h"

/* The room that {roomId} names, counted: room_put. M_INVALID_PARAM: no room id;
 * M_NOT_FOUND: not here. */
enum mx_err arg_room(struct req *req, struct room **room_out) MUST_USE;
/* Is {userId} who asks? M_FORBIDDEN with this sentence if not. */
enum mx_err arg_own_user(struct req *req, const char *sentence) MUST_USE;
/* A string of the body that may be left out (NULL then). M_BAD_JSON: another type. */
enum mx_err arg_str(struct req *req, const char *field, const char **out) MUST_USE;
/* One that may not. M_MISSING_PARAM. */
enum mx_err arg_str_needed(
    struct req *req, const char *field, const char **out) MUST_USE;
/* {"event_id": ...} and {"room_id": ...}. */
enum mx_err reply_event_id(struct req *req, const char *event_id);
enum mx_err reply_room_id(struct req *req, const struct room *room);

#endif
