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
/*
 * Whom the server itself ignores, for its operator's sake: what they say is on no page
 * (web/). *since_out: the position of the last change of that list; 0: there was none.
 * Kept as account data of SERVER_IGNORED, of a user id that nobody can have.
 */
#define SERVER_IGNORED "org.parlour.ignored"
enum mx_err ignored_by_server(struct ctx *ctx, struct arena *arena,
    const struct ignored **ignored_out, int64_t *since_out) MUST_USE;
/* That user id, in the arena. */
const char *ignored_server_user(const struct ctx *ctx, struct arena *arena);
/* ignored NULL: false. Nobody ignores themselves. */
bool ignored_has(const struct ignored *ignored, const char *user_id);

#endif
