/*
 * The oracle of visibility_test and timeline_test.
 * Spec: client-server-api/#server-behaviour-6 (room history visibility)
 */
#include "event/visibility_model.h"

#include <string.h>

static bool
sets(const struct told *e, const char *type, const char *state_key)
{
	return e->state_key != NULL && strcmp(e->type, type) == 0 &&
	       strcmp(e->state_key, state_key) == 0;
}

/* What the first `n` events leave behind, or fallback. */
static const char *
value_after(const struct told *history, int n, const char *type, const char *state_key,
    const char *fallback)
{
	const char *value = fallback;

	for (int i = 0; i < n; i++)
		if (sets(&history[i], type, state_key))
			value = history[i].value;
	return value;
}

/* "By default if no history_visibility is set, or if the value is not understood, the
 * visibility is assumed to be shared." */
static const char *
visibility_after(const struct told *history, int n)
{
	static const char *const known[] = { "world_readable", "shared", "invited",
		"joined" };
	const char *value =
	    value_after(history, n, "m.room.history_visibility", "", "shared");

	for (int i = 0; i < 4; i++)
		if (strcmp(value, known[i]) == 0)
			return known[i];
	return "shared";
}

/* "... and the user joined the room at any point after the event was sent" */
static bool
joins_after(const struct told *history, int n, int at, const char *user_id)
{
	for (int i = at + 1; i < n; i++)
		if (sets(&history[i], "m.room.member", user_id) &&
		    strcmp(history[i].value, "join") == 0)
			return true;
	return false;
}

static bool
rules(const char *visibility, const char *membership, bool joined_after)
{
	if (strcmp(visibility, "world_readable") == 0)
		return true; /* 1. */
	if (strcmp(membership, "join") == 0)
		return true; /* 2. */
	if (strcmp(visibility, "shared") == 0 && joined_after)
		return true; /* 3. */
	if (strcmp(membership, "invite") == 0 && strcmp(visibility, "invited") == 0)
		return true; /* 4. */
	return false;	     /* 5. */
}

bool
model_allows(const struct told *history, int n, int at, const char *user_id)
{
	const struct told *e = &history[at];
	bool later = joins_after(history, n, at, user_id);
	const char *visibility[2] = { visibility_after(history, at),
		visibility_after(history, at + 1) };
	const char *membership[2] = { value_after(history, at, "m.room.member", user_id,
					  "leave"),
		value_after(history, at + 1, "m.room.member", user_id, "leave") };

	/* "... before or after the event", for these two kinds of event alone; for
	 * every other one before and after are the same. */
	if (sets(e, "m.room.history_visibility", ""))
		return rules(visibility[0], membership[0], later) ||
		       rules(visibility[1], membership[0], later);
	if (sets(e, "m.room.member", user_id))
		return rules(visibility[0], membership[0], later) ||
		       rules(visibility[0], membership[1], later);
	return rules(visibility[0], membership[0], later);
}
