/*
 * Durable changes that are no events: account data, receipts ... Each takes a position
 * in the one order that events have, is written by the writer in that order, and is
 * told to whoever listens once it is visible (doc/rooms.md, Positions).
 */
#ifndef ROOM_UPDATE_H
#define ROOM_UPDATE_H

#include "room/changes.h"
#include "room/ctx.h"

struct update;

/* What kind of update it is. Static. */
struct update_kind {
	/* Who is told: CHANGE_USER_DATA (the user), CHANGE_ROOM_DATA (the room's
	 * members), CHANGE_POSITION (nobody). */
	enum change_kind tells;
	/* USER_DATA: what the user hears of rooms is another from here on. */
	bool alters_hearing;
	/* On the writer thread, inside the transaction, with the position set. An error
	 * is the answer's. *changed_out false: all was so before, nobody is told. */
	enum mx_err (*write)(struct update *u, struct db *db, bool *changed_out);
	/* Durable, not visible yet: what stands in memory is brought up to date. On the
	 * writer thread; NULL: nothing is. */
	void (*apply)(struct update *u);
};

/* One change on its way. What arg points to lies in its arena. */
struct update {
	struct write_job job; /* first: the writer hands back this pointer */
	const struct update_kind *kind;
	struct core *core;
	struct arena *arena;
	const char *user_id; /* whose it is; NULL: a room's alone */
	struct room *room;   /* counted; NULL: none */
	void *arg;
	int64_t position; /* set when it is queued */
	bool changed;
	struct update *next_in_group; /* the writer thread's */
};

/* user_id is copied, room (may be NULL) counted. To be filled in and queued. */
struct update *update_new(struct core *core, const struct update_kind *kind,
    const char *user_id, struct room *room);
/* Takes the update over. The request's answer waits until it is durable. */
void update_queue(struct ctx *ctx, struct update *u);

/* For room/append_job, on the writer thread. The group's updates that ran well; the
 * newest position among them and before. */
int64_t updates_apply(struct core *core, int64_t newest);
void updates_tell(struct core *core);
void updates_failed(struct core *core);

#endif
