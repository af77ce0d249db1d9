/*
 * Leaving every room at once: deactivated accounts and expired guests.
 * Spec: client-server-api/#account-deactivation, #guest-access
 */
#ifndef CORE_LEAVE_H
#define CORE_LEAVE_H

#include "room/ctx.h"

/*
 * Leaves all rooms that the user is in, turns down invitations, takes back knocks, by
 * real events; waits until they are durable. reason NULL: none. A room that refuses is
 * logged and passed over; the error is of the store.
 */
enum mx_err leave_all(struct ctx *ctx, struct arena *arena, const char *user_id,
    const char *reason) MUST_USE;

#endif
