/*
 * Lines that have been made, kept for all who look at the same room: a line is made
 * once for each language, until something changes it. Any thread.
 */
#ifndef WEB_LINES_H
#define WEB_LINES_H

#include "web/line.h"

struct lines *lines_new(void);
void lines_free(struct lines *lines);
/* Bytes of the lines that are kept. */
uint64_t lines_bytes(const struct lines *lines);

/* The lines of events[0..n) in their order, a reference to each into out[n]. Makes
 * those that are not there. */
enum mx_err lines_get(
    struct scene *scene, struct sliced *events, int n, struct line **out) MUST_USE;
void lines_put(struct line **lines, int n);

struct person;
/* One of those known already; texts come to lie in the arena. */
bool people_find(struct people *people, struct arena *arena, const char *user_id,
    struct person *out);
/* What was read as of a position of the room; not kept where that has passed. */
void people_add(struct people *people, int64_t position, const struct person *person);

#define TOUCHED_MAX 4

/* Which other lines an event changes: those of these events, those that quote them, and
 * what this user has said. In the arena, or borrowed from the event. */
struct touched {
	const char
	    *ids[TOUCHED_MAX]; /* what it speaks of, and what that is a child of */
	int n;
	const char *profile; /* whose name or face is another now; NULL: nobody's */
	bool all;	     /* it could not be read which */
};
struct touched lines_touched(struct seer *seer, const struct sliced *e);
/* Does such a change alter the line? */
bool line_is_touched(const struct line *line, const struct touched *touched);

#endif
