/*
 * A room's state, or part of it, as a list of events for clients: for /members,
 * /context, /state, initialSync. Reads the store in the order of its keys and builds no
 * trees, since a state may have 100,000 events.
 */
#ifndef ROOM_STATE_LIST_H
#define ROOM_STATE_LIST_H

#include "base/map.h"
#include "room/timeline.h"

/* One event of a state before it is read. */
struct state_ref {
	int64_t event;
	const char *event_id, *type, *state_key;
	enum membership membership; /* of m.room.member */
};

/* Which of them are wanted. */
struct state_pick {
	const char *type; /* NULL: all types */
	/* Of m.room.member these users' alone (user id -> itself); NULL: all. */
	const struct map *members;
	/* Looks before the event is read; NULL: all are wanted. */
	bool (*want)(const struct state_ref *ref, const void *arg);
	/* Looks once it is read (stored has its id and integer alone); NULL: all. */
	bool (*keep)(const struct sliced *event, const void *arg);
	const void *arg;
	size_t size_max; /* bytes of a list of events: M_TOO_LARGE; 0: no limit */
};

/* Which events a state just before `at` is of, in the order of their integers; nothing
 * of them is read, pick->keep not asked. In the arena. */
enum mx_err state_list_refs(struct seer *seer, int64_t at,
    const struct state_pick *pick, struct state_ref **refs_out, int *n_out) MUST_USE;
/* The state events that came with from < position <= to, likewise. */
enum mx_err state_list_changed(struct seer *seer, int64_t from, int64_t to,
    struct state_ref **refs_out, int *n_out) MUST_USE;
/* The event that holds a key just before `at`; M_NOT_FOUND. */
enum mx_err state_list_ref_at(struct seer *seer, int64_t at, const char *type,
    const char *state_key, struct state_ref *out) MUST_USE;
/* Appends those events that pick->keep (pick NULL: all) lets pass, as a JSON array in
 * the order of refs. Those that are damaged (logged) are left out. */
enum mx_err state_list_write_refs(struct seer *seer, struct buf *out,
    const struct state_ref *refs, int n, const struct state_pick *pick,
    enum event_format format) MUST_USE;

/* Hands each of the state's events just before `at` (STATE_NOW: the seer's snapshot) to
 * fn, in the order of their integers. Of e type, state_key and the raw content and
 * sender are for reading; what they point to is valid during the call. pick NULL: all.
 */
enum mx_err state_list_each(struct seer *seer, int64_t at,
    const struct state_pick *pick,
    void (*fn)(const struct sliced *e, const struct state_ref *ref, void *arg),
    void *arg) MUST_USE;

/* Appends them as a JSON array of events. That the seer's user may see the state at
 * that place is for the caller (seer_horizon). */
enum mx_err state_list_write(struct seer *seer, struct buf *out, int64_t at,
    const struct state_pick *pick, enum event_format format) MUST_USE;

#endif
