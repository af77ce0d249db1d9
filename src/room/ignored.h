/*
 * Whom a user ignores. Spec: client-server-api/#ignoring-users
 */
#ifndef ROOM_IGNORED_H
#define ROOM_IGNORED_H

#include "room/ctx.h"

struct ignored;

/* As it stands in the user's m.ignored_user_list now, in the arena. NULL: nobody, also
 * where the list has another form. */
enum mx_err ignored_load(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct ignored **ignored_out) MUST_USE;
/* ignored NULL: false. Nobody ignores themselves. */
bool ignored_has(const struct ignored *ignored, const char *user_id);

#endif
