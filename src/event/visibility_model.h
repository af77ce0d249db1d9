/*
 * The rules of history visibility once more, slowly and straight from the
 * specification's text, for tests: it looks at a whole history anew for each question.
 * Not linked into the program, shares nothing with event/visibility.
 */
#ifndef EVENT_VISIBILITY_MODEL_H
#define EVENT_VISIBILITY_MODEL_H

#include <stdbool.h>

/* One event of a history. */
struct told {
	const char *type;
	const char *state_key; /* NULL: no state event */
	const char *value;     /* the membership, or the history_visibility */
};

/* Is user_id allowed to see history[at], of n events? */
bool model_allows(const struct told *history, int n, int at, const char *user_id);

#endif
