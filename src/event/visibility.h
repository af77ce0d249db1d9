/*
 * Who may see an event: a pure function of the state at that event.
 * Spec: client-server-api/#server-behaviour-6 (room history visibility)
 */
#ifndef EVENT_VISIBILITY_H
#define EVENT_VISIBILITY_H

#include <stdbool.h>
#include "event/state.h"

enum history_visibility {
	VISIBILITY_SHARED, /* also: no event, or a value that is not understood */
	VISIBILITY_WORLD_READABLE,
	VISIBILITY_INVITED,
	VISIBILITY_JOINED,
};

enum history_visibility visibility_of(const char *text);

/* Everything the rule depends on. */
struct visibility_facts {
	/* The room's setting before and after the event: they differ only for the
	 * m.room.history_visibility event itself. */
	enum history_visibility before, after;
	/* The asker's membership before and after: they differ only for the asker's own
	 * m.room.member event. */
	enum membership membership_before, membership_after;
	/* Did the asker join at any point after the event (or is joined now)? */
	bool joined_later;
};

bool visibility_allows(const struct visibility_facts *facts);

#endif
