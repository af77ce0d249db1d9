/*
 * The rules of history visibility, as a pure function.
 * Relied on by the stream (per class of listener) and by room/timeline (per event).
 */
#include "event/visibility.h"

#include <string.h>

enum history_visibility
visibility_of(const char *text)
{
	if (text == NULL)
		return VISIBILITY_SHARED;
	if (strcmp(text, "world_readable") == 0)
		return VISIBILITY_WORLD_READABLE;
	if (strcmp(text, "invited") == 0)
		return VISIBILITY_INVITED;
	if (strcmp(text, "joined") == 0)
		return VISIBILITY_JOINED;
	return VISIBILITY_SHARED;
}

/* The numbered rules, at one state. */
static bool
allows_at(
    enum history_visibility visibility, enum membership membership, bool joined_later)
{
	/* 1. */
	if (visibility == VISIBILITY_WORLD_READABLE)
		return true;
	/* 2. */
	if (membership == MEMBERSHIP_JOIN)
		return true;
	/* 3. */
	if (visibility == VISIBILITY_SHARED && joined_later)
		return true;
	/* 4. */
	return membership == MEMBERSHIP_INVITE && visibility == VISIBILITY_INVITED;
}

/* One's own membership event and the setting's own event are seen if the state before
 * *or* after allows it; an event is at most one of the two, so two tries are enough. */
bool
visibility_allows(const struct visibility_facts *f)
{
	return allows_at(f->before, f->membership_before, f->joined_later) ||
	       allows_at(f->after, f->membership_after, f->joined_later);
}
