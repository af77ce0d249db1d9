/*
 * A room's state in memory: a persistent tree from (type, state_key) to the event that
 * holds it. Changing it copies O(log n) nodes; every version stays readable by whoever
 * holds a reference, without locks. Used by room/room.
 */
#ifndef EVENT_STATE_H
#define EVENT_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "event/event.h"

enum membership {
	MEMBERSHIP_NONE,
	MEMBERSHIP_JOIN,
	MEMBERSHIP_INVITE,
	MEMBERSHIP_KNOCK,
	MEMBERSHIP_LEAVE,
	MEMBERSHIP_BAN,
};

enum membership membership_of(const char *text); /* unknown or NULL: NONE */
const char *membership_name(enum membership m);	 /* NONE: "leave" */

struct live_event;

/* One (type, state_key) -> event. Counted, shared by tree versions; never changed once
 * it can be seen by another thread. */
struct state_entry {
	_Atomic uint32_t refs;
	uint8_t membership; /* enum membership, of m.room.member */
	int64_t event;	    /* its integer */
	const char *event_id;
	const char *type;
	const char *state_key;
	/* Members: the content as JSON text, if the event came since the room was
	 * loaded. */
	const char *content;
	/* The parsed event; NULL for what is not needed to judge other events (members
	 * and whatever the rules do not read): then the store has it. */
	struct pdu *pdu;
};

/* A parsed event with the memory it stands on. Counted, immutable. */
struct pdu {
	_Atomic uint32_t refs;
	struct arena *arena;
	struct event *event;
};

struct pdu *pdu_ref(struct pdu *pdu);
void pdu_unref(struct pdu *pdu);
/* Parses canonical bytes (copied) into a pdu of its own; NULL if they are no event of
 * this version, with a static sentence in *why_out unless that is NULL. */
struct pdu *pdu_parse(const struct room_version *version, const char *event_id,
    const char *json, size_t n, const char **why_out);

/* Copies what it is given; content may be NULL, pdu may be NULL. */
struct state_entry *state_entry_new(const char *type, const char *state_key,
    const char *event_id, int64_t event, enum membership membership,
    const char *content, struct pdu *pdu);
void state_entry_unref(struct state_entry *entry);

struct state; /* a node; NULL is the empty state */

struct state *state_ref(struct state *state);
void state_unref(struct state *state);
/* A version with entry in place (takes over one reference to entry; borrows state). */
struct state *state_with(struct state *state, struct state_entry *entry);
const struct state_entry *state_find(
    const struct state *state, const char *type, const char *state_key);
uint32_t state_count(const struct state *state);
/* In order of (type, state_key); each returns false to stop. */
bool state_each(const struct state *state,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg);
/* Only those of one type, and all others: the tree is gone down only where they are. */
bool state_each_of(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg);
bool state_each_but(const struct state *state, const char *type,
    bool (*each)(const struct state_entry *entry, void *arg), void *arg);

#endif
