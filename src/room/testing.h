/*
 * For tests of room/ and what stands on it: rooms over a database file of its own,
 * without sockets. Nothing in it is mocked. Not linked into the program.
 */
#ifndef ROOM_TESTING_H
#define ROOM_TESTING_H

#include "room/room.h"

#define TESTING_SERVER "example.org"

/* Owned by one test. Other threads open a context of their own. */
struct testing {
	struct core core;
	char folder[64]; /* under /tmp, removed by testing_close */
	char file[96];
	struct ctx ctx; /* the test's own thread's, with a reader of its own */
	struct arena *arena;
	/* What core.typing began with: a test may put another in its place. */
	struct typing *typing;
	const struct testing_above *above;
};

/* What a higher layer adds after all else is there, and takes away before. */
struct testing_above {
	void (*start)(struct testing *t);
	void (*stop)(struct testing *t);
};

/* Opens rooms over a new, empty database; with what is above them (NULL: nothing). */
void testing_open(struct testing *t);
void testing_open_with(struct testing *t, const struct testing_above *above);
/* Closes everything and opens the same file again, as after a restart. */
void testing_reopen(struct testing *t);
void testing_close(struct testing *t);

/* One more context, for one more thread. */
void testing_ctx_init(struct testing *t, struct ctx *ctx);
void testing_ctx_fini(struct ctx *ctx);

/* A room with a create event, creator's join, power levels, join rule "public";
 * durable. Counted: room_put. */
struct room *testing_room(
    struct testing *t, const char *creator, const char *room_version);
/* Appends one event (state_key NULL: no state event; content as JSON text) and waits
 * until it is durable. Its id lies in the arena. */
enum mx_err testing_append(struct testing *t, struct room *room, const char *sender,
    const char *type, const char *state_key, const char *content,
    const char **event_id_out) MUST_USE;
/* Joins user_id by an event of its own. Aborts the test if that is refused. */
void testing_join(struct testing *t, struct room *room, const char *user_id);
/* JSON text as a tree in the arena; aborts if it is none. */
const struct json *testing_json(struct arena *arena, const char *text);

#endif
