/*
 * Profiles: display name, picture, and other fields.
 * Spec: client-server-api/#profiles
 */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include "base/json.h"
#include "room/identity.h"
#include "room/room.h"

#define PROFILE_MAX 65536 /* bytes of the whole profile as JSON */
#define PROFILE_KEY_MAX 255
#define PROFILE_NAME_MAX                                                               \
	1024 /* bytes of a display name or avatar_url: these stand in                  \
	      * each member event */

/* The whole profile. M_NOT_FOUND: nobody of that name here. */
enum mx_err profile_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct json **profile_out) MUST_USE;
/* One field. M_NOT_FOUND: no such user, or not set. M_INVALID_PARAM, M_KEY_TOO_LARGE.
 */
enum mx_err profile_get_field(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *field, struct json **value_out) MUST_USE;
/*
 * Sets (value NULL: takes away) one of who's own fields; a guest's first write makes
 * its rows. A new name or picture goes to all rooms that who is in.
 * M_GUEST_ACCESS_FORBIDDEN: guests may have a name alone. M_INVALID_PARAM,
 * M_KEY_TOO_LARGE, M_PROFILE_TOO_LARGE.
 */
enum mx_err profile_set(struct ctx *ctx, struct arena *arena, struct identity *who,
    const char *field, const struct json *value) MUST_USE;

/*
 * A join of the user's has been queued with this name and picture in its content: if
 * they have been changed meanwhile, a member event follows that has the new ones.
 * Whoever changed them may not have seen the join.
 */
enum mx_err profile_follow(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, const struct json *content) MUST_USE;

/* A display name's row, for a write job that makes its user. */
enum mx_err profile_write_name(
    struct db *db, struct arena *arena, const char *user_id, const char *name) MUST_USE;

#endif
