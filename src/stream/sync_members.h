/*
 * Which members a client that loads them lazily has been told of, so that they are not
 * told again. In memory, and bounded: what is forgotten is told once more.
 * Spec: client-server-api/#lazy-loading-room-members
 */
#ifndef STREAM_SYNC_MEMBERS_H
#define STREAM_SYNC_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

struct sync_members;

/* Whose memory of which room. Borrowed. */
struct sync_device {
	const char *user_id, *device_id, *room_id;
};

struct sync_members *sync_members_new(void);
void sync_members_free(struct sync_members *members);

/* The client begins anew with the room: whatever it was told before, it may have lost.
 */
void sync_members_begin(struct sync_members *members, const struct sync_device *device);
/* The client is told of this member event in an answer whose next_batch is `position`.
 * Any thread. */
void sync_members_told(struct sync_members *members, const struct sync_device *device,
    int64_t event, int64_t position);
/* Was it told since it began, by an answer that it has: one that ended at or before
 * `since`? */
bool sync_members_has(struct sync_members *members, const struct sync_device *device,
    int64_t event, int64_t since);

#endif
