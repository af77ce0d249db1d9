/*
 * An event's fields as slices of its canonical bytes, without building a tree: for long
 * lists of events (state, pages), where most of each event is copied as it stands.
 */
#ifndef EVENT_EVENT_SLICES_H
#define EVENT_EVENT_SLICES_H

#include "base/arena.h"
#include "base/str.h"

/*
 * The values behind keys[0..n) of a canonical JSON object, as they stand in its bytes;
 * p = NULL for those it does not have. keys are in the order of their bytes and need no
 * escapes. False: the bytes are no object (then out is not to be used). It finds what
 * is there; that the bytes are valid canonical JSON is for whoever stored them.
 */
bool json_slices(struct str object, const struct str *keys, int n, struct str *out);

/* JSON as it stands: strings with their quotes. */
struct event_slices {
	struct str content, origin_server_ts, sender, type;
	struct str redacts, state_key; /* p NULL: it has none */
};

/* False: something that every event has is missing or of another type. */
bool event_slice(struct str json, struct event_slices *out);

/* The text of a JSON string with its quotes; NULL if it is none. In the arena. */
char *slice_text(struct arena *arena, struct str string);
/* The same as slice_text of a key's value: NULL if it is missing or no string. */
char *slice_text_of(struct arena *arena, struct str object, const char *key);

#endif
