/*
 * The glob patterns of push rules: `*` and `?`, blind to upper and lower case. Pure;
 * below event/push_set. Spec: appendices/#glob-style-matching,
 * client-server-api/#conditions
 */
#ifndef EVENT_PUSH_GLOB_H
#define EVENT_PUSH_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/str.h"

/* Upper case becomes lower case, in place: Latin, Greek, Cyrillic and Armenian letters
 * whose two cases have as many bytes. s is UTF-8. */
void push_fold(char *s, size_t n);

/* What stands between two stars. */
struct push_glob_part {
	struct str text; /* folded; `?` is any character */
	bool is_literal; /* there is no `?` in it */
	size_t chars;
};

/* A pattern, compiled. */
struct push_glob {
	struct push_glob_part *parts; /* one more than there are stars */
	int count;
};

/* Lies in the arena. pattern is UTF-8. */
struct push_glob push_glob_compile(struct arena *arena, const char *pattern, size_t n);

/* Both: text is folded. *work goes down by what the search costs; at 0 nothing matches
 * any more, so that nobody's patterns hold up a room. */

/* Does it match all of text? */
bool push_glob_is(const struct push_glob *glob, struct str text, int64_t *work);
/* Does it match a part of text that starts and ends at word boundaries? */
bool push_glob_within(const struct push_glob *glob, struct str text, int64_t *work);

#endif
