/*
 * Who is typing where. In memory alone: it outlives nobody's attention. Each change has
 * a position of typing's own and a record in core->changes. Spec:
 * client-server-api/#typing-notifications
 */
#ifndef ROOM_TYPING_H
#define ROOM_TYPING_H

#include "room/room.h"

#define TYPING_TIMEOUT_DEFAULT_MS 30000
#define TYPING_TIMEOUT_MAX_MS 120000

/* At start; positions go on rising over a restart. */
struct typing *typing_new(void);
void typing_free(struct typing *typing);

/* user_id types in room for timeout_ms from now on; 0: no longer. Any thread. */
void typing_set(
    struct core *core, struct room *room, const char *user_id, int64_t timeout_ms);
/* Ends what has timed out. Once a second, by whoever keeps the server's clock. */
void typing_expire(struct core *core);
/* Ends all typing, as the server stops: after its start nobody could tell listeners
 * that those of whom they have heard no longer type. */
void typing_end_all(struct core *core);

/* The newest position. */
int64_t typing_position(struct core *core);
/* The room's last change; 0: none that is remembered. room: its integer. */
int64_t typing_room_position(struct core *core, int64_t room);
/* Who is typing in the room, in the order in which they began; returns how many. The
 * list is in the arena; position_out (may be NULL) is as typing_room_position. */
int typing_users(struct core *core, struct arena *arena, int64_t room,
    const char ***users_out, int64_t *position_out);
/* The rooms (their integers) with a change after `position`; returns how many. */
int typing_changed_since(
    struct core *core, struct arena *arena, int64_t position, int64_t **rooms_out);

#endif
