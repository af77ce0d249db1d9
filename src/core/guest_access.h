/*
 * Guests in rooms: where they may be members, and their leaving where they may no
 * longer be. Listening has nothing to do with it. Spec: client-server-api/#guest-access
 */
#ifndef CORE_GUEST_ACCESS_H
#define CORE_GUEST_ACCESS_H

#include "room/identity.h"
#include "room/room.h"

/* M_GUEST_ACCESS_FORBIDDEN unless guests.mode and the room let guests in. */
enum mx_err guest_access_check(struct ctx *ctx, const struct snapshot *s) MUST_USE;

/*
 * Behind every event that may have withdrawn a room's guest access, and every guest's
 * join: waits until it is durable; if the room does not admit guests then, each local
 * guest in it leaves, by an event of its own.
 */
enum mx_err guest_access_enforce(
    struct ctx *ctx, struct arena *arena, struct room *room) MUST_USE;

/* The same for every room with guests in it: at start, for a server that was killed
 * between an event and what follows from it. */
enum mx_err guest_access_sweep(struct ctx *ctx) MUST_USE;

#endif
