/*
 * Reading a room as one user may see it: who may see which event, and events from the
 * store as clients are shown them. Everything that gives events to clients goes through
 * a seer. Spec: client-server-api/#room-history-visibility
 */
#ifndef ROOM_TIMELINE_H
#define ROOM_TIMELINE_H

#include "room/room.h"
#include "store/events.h"

/*
 * One user looking at one room at one moment. Lives in the request's arena; what it
 * needs of the store it reads once, when it is first asked.
 */
struct seer {
	struct ctx *ctx;
	struct arena *arena;
	struct room *room; /* borrowed, as is s */
	struct snapshot *s;
	const char *user_id, *device_id; /* user_id NULL: a stranger */
	/* The snapshot's entries for the user and the room's setting; NULL: not set. */
	const struct state_entry *member, *setting;
	/* The user's memberships and the room's settings over time, oldest first. */
	struct state_change *memberships, *settings;
	int membership_count, setting_count;
	bool has_memberships, has_settings;
	bool failed; /* the store could not be read: nothing is seen any more */
	/* Whom the user ignores: seer_ignores reads it when it is first asked. */
	const struct ignored *ignored;
	bool has_ignored;
};

void seer_init(struct seer *seer, struct ctx *ctx, struct arena *arena,
    struct room *room, struct snapshot *s, const char *user_id, const char *device_id);

/* May events sent now be seen: is it worth waiting for them? */
bool seer_sees_now(struct seer *seer);
/* Could anything in the room ever be seen: the present state, or a past one as member?
 * What decides between 403 and an answer for /messages, /context, /members ... */
bool seer_sees_anything(struct seer *seer);
/* May this event be seen? type and state_key (NULL: none) are the event's. */
bool seer_sees(
    struct seer *seer, int64_t event, const char *type, const char *state_key);
bool seer_sees_live(struct seer *seer, const struct live_event *e);
/* Are all events from this one on seen? False: perhaps not all of them. */
bool seer_sees_all_since(const struct seer *seer, int64_t event);
/* The user's membership at (just before) an event. */
enum membership seer_membership_at(struct seer *seer, int64_t event);
/* Does the user ignore anybody, and this sender? Their events may be seen; lists leave
 * out those that are no state, as does what children come to (room/bundle). */
bool seer_ignores_any(struct seer *seer);
bool seer_ignores(struct seer *seer, const char *sender);
/* The place up to which a user who has left may look at state: just after the event
 * that made them leave; STATE_NOW for members and peekers. */
int64_t seer_horizon(struct seer *seer);
/* The event that ended the user's last stay in the room, of those up to `until`; 0:
 * there was none, or it goes on. */
int64_t seer_left_at(struct seer *seer, int64_t until);

/* A stored event, parsed; NULL if it is damaged (logged). */
struct event *seer_parse(struct seer *seer, struct stored_event *stored);

/* A stored event of which only so much is taken apart as it takes to judge and show it.
 * The texts lie in the arena. */
struct sliced {
	struct stored_event stored;
	struct event_slices raw;
	const char *type, *sender, *state_key; /* state_key NULL: no state event */
	/* It is in the room's tail (borrowed from the snapshot): of stored only event,
	 * event_id, line, sub and ts are filled in, of raw nothing. NULL: it is not. */
	struct live_event *live;
	/* What its children come to, as JSON: unsigned.m.relations (room/bundle).
	 * NULL: it has none, or nobody asked. */
	const char *relations;
};
/* False: it is damaged (logged). */
bool seer_slice(
    struct seer *seer, const struct stored_event *stored, struct sliced *out);
/* An event by its integer, whether it may be seen or not. M_NOT_FOUND; M_UNKNOWN: it is
 * damaged (logged). */
enum mx_err seer_get(struct seer *seer, int64_t event, struct sliced *out) MUST_USE;
/* Appends a stored event as the seer's user is shown it (which must be allowed). */
void seer_write(struct seer *seer, struct buf *out, struct stored_event *stored,
    const struct event *event, enum event_format format);
/* Is there such a key in the event's content? */
bool sliced_has(const struct sliced *e, const char *key);
/* The event's content as a tree, in the arena or borrowed. */
const struct json *sliced_content(struct seer *seer, const struct sliced *e);
void seer_write_sliced(struct seer *seer, struct buf *out, const struct sliced *e,
    enum event_format format);
/* Appends a live event likewise. */
void seer_write_live(
    struct seer *seer, struct buf *out, struct live_event *e, enum event_format format);

/* One event by its id, if the seer's user may see it; M_NOT_FOUND else. */
enum mx_err seer_find(struct seer *seer, const char *event_id,
    struct stored_event *stored_out, struct event **event_out) MUST_USE;

/* A page of a room's timeline as one user may see it. */
struct page {
	struct place from;
	const struct place *to; /* NULL: no end */
	bool backwards;
	int limit;
	/* Does an event pass the request's filter? NULL: all do. */
	bool (*keep)(const struct sliced *event, const void *arg);
	const void *keep_arg;
	int scan_max; /* events of the store to be looked at; 0: a number of its own */
	/* Where the page is full it looks on whether there is another that it would
	 * hold; `end` may then stand before what it would not. */
	bool looks_on;
	/* filled in, in the arena: oldest first, or newest first if backwards */
	struct sliced *events;
	int count;
	bool more; /* there may be further events behind `end`; looks_on: to hold */
	struct place end; /* where the next page begins */
	int scanned;	  /* of the store */
};

/* Reads on until limit visible events are found, the room ends, or a bounded number of
 * events has been looked at (then count may be 0 with more set). */
enum mx_err timeline_page(struct seer *seer, struct page *page) MUST_USE;

/* The event nearest to a moment that the seer's user may see: the first at or after ts,
 * or (backwards) the last at or before it. M_NOT_FOUND. */
enum mx_err timeline_near(
    struct seer *seer, int64_t ts, bool backwards, struct sliced *out) MUST_USE;

#endif
