/*
 * A client of /sync as obvious as can be, in process: it adds what it is told to what
 * it has, fills the gaps, and must end with what a first sync tells. For tests alone.
 */
#ifndef STREAM_SYNC_MODEL_H
#define STREAM_SYNC_MODEL_H

#include "room/testing.h"
#include "stream/sync.h"

/* Owned by one test. */
struct model {
	struct testing *t;
	struct arena *arena; /* what it has lies here */
	struct sync_members *members;
	struct sync_filter *filter;
	const char *user_id, *device_id;
	bool use_state_after;
	bool full_state; /* the next sync asks for all state */
	bool has_since;
	int asked; /* how often */
	struct stream_token since;
	/* {"joined":{room:{"state":{},"timeline":[],"receipts":{},"data":{},"summary":{},
	 * "typing":[],"counts":{}}},"left":{},"invited":{},"knocked":{},"data":{}} */
	struct json *has;
	struct json *known; /* room and event ids that were told */
	struct model *kept; /* as it was; NULL: it never was kept */
	const char *fault;  /* a sentence; NULL: all is well */
};

/* All are borrowed; the arena must live as long as the model. */
void model_init(struct model *m, struct testing *t, struct arena *arena,
    struct sync_members *members, struct sync_filter *filter, const char *user_id,
    const char *device_id, bool use_state_after);
/* One sync; false: it told nothing. */
bool model_sync(struct model *m);
/* What it has and its token are kept; it goes back to what was kept, and will ask from
 * there once more. */
void model_keep(struct model *m);
void model_go_back(struct model *m);
/* The room is forgotten: what the client knows of it is not made whole any more. */
void model_forgets(struct model *m, const char *room_id);
/* Syncs until nothing is told, and compares with a client that begins. False: fault
 * says what differs. */
bool model_adds_up(struct model *m);

#endif
