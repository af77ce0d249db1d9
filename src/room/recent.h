/*
 * What moved lately, in memory: the newest positions, and of which room or user each of
 * them is. Whoever comes back to hear what is new looks here instead of at all its
 * rooms. Below stream/sync.
 */
#ifndef ROOM_RECENT_H
#define ROOM_RECENT_H

#include "room/update.h"

struct live_event;
struct recent;

/* One position. */
struct moved {
	int64_t position;
	enum change_kind kind; /* EVENT, ROOM_DATA, USER_DATA */
	int64_t room;	       /* its integer; 0: none */
	/* map_hash of a user id: whose data it is, or whose membership; 0: nobody's. */
	uint64_t user;
};

struct recent *recent_new(void);
void recent_free(struct recent *recent);

/* On the writer thread, in the order of positions as far as they go: before `visible`
 * is raised. */
void recent_event(struct core *core, const struct live_event *e);
void recent_update(struct core *core, const struct update *u);

/* All that moved behind `since`, oldest first, in the arena. False: that is longer ago
 * than is remembered. */
bool recent_since(struct core *core, struct arena *arena, int64_t since,
    struct moved **moved_out, int *count_out);

#endif
