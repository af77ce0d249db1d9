/*
 * What rooms' state events look like to clients, kept between answers: the heads of
 * event/json_event, of one room in one piece. Who may see which of them is decided by
 * those who ask, event by event (room/state_list): nothing here depends on it, nor does
 * an event's head ever change but by a redaction.
 */
#ifndef ROOM_STATE_TEXT_H
#define ROOM_STATE_TEXT_H

#include "base/vec.h"
#include "event/json_event.h"
#include "room/room.h"

struct state_texts; /* all rooms' */
struct state_text;  /* one room's; counted, immutable */

/* bytes_max: how much all of them may take; 0: nothing is kept. */
struct state_texts *state_texts_new(size_t bytes_max);
void state_texts_free(struct state_texts *texts);

/* What is kept of a room, if no redaction that the snapshot knows of came since; else
 * NULL. Counted. texts NULL: nothing is kept. */
struct state_text *state_texts_get(
    struct state_texts *texts, int64_t room, const struct snapshot *s);
void state_text_unref(struct state_text *text);		  /* NULL is allowed */
uint32_t state_text_count(const struct state_text *text); /* of events; NULL has 0 */

/* One event. */
struct text_event {
	int64_t event;
	uint32_t at;		/* where its head begins */
	struct event_head head; /* n 0: it is not kept, only known to be such */
};

/* NULL: it is not there. Whoever looks for several does so in ascending order, with
 * *from 0 at first. text may be NULL. */
const struct text_event *state_text_find(
    const struct state_text *text, int64_t event, uint32_t *from);
const char *state_text_head(const struct state_text *text, const struct text_event *e);

/* One being made. Owned by one request. { 0 } is an empty one. */
struct text_making {
	struct buf bytes;
	VEC(struct text_event) events;
};
/* The next event, in ascending order: its head is copied, or made of what was read.
 * Returns where it stands until the next is added. */
const struct text_event *text_making_copy(struct text_making *making,
    const struct state_text *from, const struct text_event *e);
const struct text_event *text_making_add(
    struct text_making *making, int64_t event, const struct stored_view *view);
/* One that must be read from the store: it is redacted, or damaged. */
void text_making_skip(struct text_making *making, int64_t event);
void text_making_free(struct text_making *making);

/* Is it larger than anything that is kept? */
bool text_making_is_too_large(
    const struct text_making *making, const struct state_texts *texts);

/* Is it worth making one of `count` events of which so many are not in text? */
bool state_texts_want(const struct state_texts *texts, const struct state_text *text,
    int count, int missing);
/* Keeps what was made, if there is room for it. The store was read after s was taken:
 * it knew all that s knows. Frees making. */
void state_texts_put(struct state_texts *texts, int64_t room, const struct snapshot *s,
    struct text_making *making);

/* How much is kept. */
uint64_t state_texts_bytes(struct state_texts *texts);

#endif
