/*
 * Tokens for places in streams and timelines: opaque to clients, typed and versioned,
 * the same after a restart. Nothing else compares or takes them apart.
 *
 *   s1_e123       a place in the stream of events: everything up to position 123
 *   s1_e123_t7    the same, and typing up to its position 7
 *   s1_e123_t7_p9 the same, and presence up to its position 9; s1_e123_p9 without
 * typing t1_123_-4     a place in a room's timeline: just before (line, sub)
 */
#ifndef STREAM_TOKEN_H
#define STREAM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "store/events.h"

struct stream_token {
	int64_t events;
	int64_t typing, presence; /* -1: not part of the token */
};

/* A place among events alone. */
static inline struct stream_token
token_at(int64_t events)
{
	return (struct stream_token){ events, -1, -1 };
}

#define TOKEN_MAX 80 /* characters of any token, and a NUL */

/* False: not one of ours. text may be NULL (false). */
bool token_parse(const char *text, struct stream_token *out);
/* Either kind; a stream token is the place behind its last event. */
bool token_parse_place(const char *text, struct place *out);
void token_write(struct buf *out, const struct stream_token *token);
void token_write_place(struct buf *out, struct place place);

#endif
