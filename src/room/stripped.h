/*
 * So much of a room's state as tells somebody outside what room it is: those who are
 * invited, and those who have knocked. Spec: client-server-api/#stripped-state
 */
#ifndef ROOM_STRIPPED_H
#define ROOM_STRIPPED_H

#include "room/timeline.h"

/* Appends a state event's content, sender, state_key and type. */
void stripped_write_event(struct buf *out, const struct event *e);
/* Appends the state of the seer's room, a comma behind each entry; inviter: whose
 * member goes with it, so that they can be named (NULL: nobody's). */
enum mx_err stripped_write_state(
    struct seer *seer, const char *inviter, struct buf *out) MUST_USE;

#endif
