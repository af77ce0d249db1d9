/*
 * A small world for hub_model_test: rooms, their whole history, people, clients that
 * listen, and the plain rules of who is to hear what. The hub, the queue of changes,
 * typing, snapshots and live events are the real ones; sockets, the writer and the
 * workers are played step by step by one thread, so that one number repeats it all.
 */
#ifndef STREAM_HUB_MODEL_H
#define STREAM_HUB_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/vec.h"
#include "room/room.h"
#include "stream/hub.h"
#include "stream/hub_model_wire.h"

#define MODEL_ROOMS 4 /* at most */
#define MODEL_USERS 11
#define MODEL_GUESTS 6 /* users 0 to 5; user 10 is in every room for ever */
#define MODEL_OWNER 10
#define MODEL_NEVER INT64_MAX
#define MODEL_DEVICE 32
#define MODEL_CROWD 1200
#define MODEL_STEPS 16 /* kinds, at most */

enum said_kind {
	SAID_NOTHING,
	SAID_MESSAGE,
	SAID_SETTING,
	SAID_MEMBER,
	SAID_REDACTION
};

/* One event; its place in world->said is its position. */
struct said {
	enum said_kind kind; /* NOTHING: no event has this position */
	int room, user;	     /* user: of MEMBER, whose */
	enum history_visibility open_before, open_after;
	uint8_t members_before[MODEL_USERS], members_after[MODEL_USERS];
	int64_t redacts, redacted_by; /* 0: none */
	struct live_event *live;
};

struct model_room {
	struct room *room;
	/* As of the newest event that was queued. */
	uint8_t members[MODEL_USERS];
	enum history_visibility open;
	int64_t swapped; /* the newest event of the committed snapshot */
};

struct model_user {
	char name[32];
	bool has_rows; /* guests: they have written something */
	int tokens;    /* guests: how many they have had */
};

/* How far the writer is with a group. */
enum group_phase { GROUP_NONE, GROUP_SWAPPED, GROUP_VISIBLE, GROUP_TOLD };

/* A token that ends with the group under way; client -1: all of the user's. */
struct token_end {
	int user, client;
};

/* Somebody who listens: asks, hears, asks again. */
struct client {
	int index, user, tokens;
	bool is_busy;
	/* What it has asked for. */
	struct waiting *asking; /* identified, not handed over yet */
	char device[MODEL_DEVICE], from[TOKEN_MAX];
	bool has_from, sse, gzip;
	int rooms[MODEL_ROOMS], room_count, limit;
	int64_t asked_ms, deadline_ms, expires_ms;
	uint64_t tokens_gone;
	int64_t token_end; /* position behind which nothing is for it any more */
	/* How it stands with it. */
	int64_t told;	       /* what was in the queue of changes when it came in */
	int64_t at, began_at;  /* everything up to here was heard; -1: not known */
	int64_t looked_typing; /* up to here typing was looked at */
	bool is_refused, has_opened;
	bool is_behind; /* it was slow to take what a look has found */
	/* It has yet to take a part of what there is for all who share. */
	bool is_put_off;
	int looks_out, requests;
	int64_t parked_ms, quiet_ms;
	/* Where it goes on. */
	bool has_next;
	char next[TOKEN_MAX];
};

/* A worker's look. */
struct look_job {
	struct waiting *w;
	int client, request;
	enum { LOOK_QUEUED, LOOK_BEGUN, LOOK_DONE } phase;
	int64_t visible, typing;
};

/* What must come to pass in a whole run, or the test has lost its power. */
enum seen {
	SEEN_SHARED_ANSWER,
	SEEN_PACKED_ANSWER,
	SEEN_MEMBERS_ANSWER,
	SEEN_LOOK_ANSWER,
	SEEN_FULL_PAGE,
	SEEN_SHARED_BLOCK,
	SEEN_MEMBERS_BLOCK,
	SEEN_LOOK_BLOCK,
	SEEN_TYPING,
	SEEN_REDACTED,
	SEEN_TIMEOUT,
	SEEN_COMMENT,
	SEEN_OUTRUN_POLL,
	SEEN_OUTRUN_STREAM,
	SEEN_SENT_BACK,
	SEEN_TOKEN_END,
	SEEN_EXPIRY,
	SEEN_REFUSAL,
	SEEN_CLOSED_END,
	SEEN_JOINED_END,
	SEEN_LEFT_INSIDE,
	SEEN_LEFT_DURING_LOOK,
	SEEN_DRAINED,
	SEEN_PUT_OFF,
	SEEN_STOPPED,
	SEEN_COUNT
};

struct world {
	uint64_t seed, random;
	int step;
	int64_t now_ms;
	struct core core;
	struct http_server *http;
	struct hubs *hubs;
	int io_count;
	int64_t ticked_ms[2];
	VEC(struct said) said;
	struct model_room rooms[MODEL_ROOMS];
	int room_count;
	struct model_user users[MODEL_USERS];
	enum group_phase phase;
	int64_t swapped; /* positions up to here are in snapshots, or will not be */
	int64_t told;	 /* ... are in the queue of changes */
	VEC(struct token_end) token_ends;
	struct client *clients;
	int client_count;
	VEC(struct look_job) looks;
	int weights[MODEL_STEPS]; /* of the kinds of steps */
	bool is_stopping;
	uint64_t *seen;
};

/* Fails the test, and says how to repeat it. */
_Noreturn void model_fail(const struct world *w, const struct client *c,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
uint64_t model_random(struct world *w, uint64_t n); /* 0 to n - 1 */
static inline bool
model_chance(struct world *w, int percent)
{
	return model_random(w, 100) < (uint64_t)percent;
}
void model_note(struct world *w, enum seen what);
/* The device of the token that it has now; out: MODEL_DEVICE bytes. */
void model_device(const struct world *w, const struct client *c, char *out);

/* hub_model.c: the writer's side */
void world_open(struct world *w, uint64_t seed, uint64_t *seen);
void world_close(struct world *w);
void world_set_time(struct world *w, int64_t now_ms);
int64_t world_newest(const struct world *w); /* position queued last */
int64_t world_visible(const struct world *w);
/* Queues one event of some kind; many; a room that closes, is joined, opens again. */
void world_say(struct world *w);
void world_say_many(struct world *w);
void world_let_in(struct world *w);
void world_end_token(struct world *w);
void world_type(struct world *w);
/* The next step of the group under way, or the first of a new one; false: nothing is
 * queued. */
bool world_publish(struct world *w);

/* hub_model_rules.c: who is to hear what */
/* May be told to them, by all that is known now. */
bool rules_may_hear(const struct world *w, const struct client *c, int64_t position);
/* Has to be told: by the state when it was said, and for joins up to `joins` (0: none
 * behind it; a right that comes later is due to a look that comes later). */
bool rules_must_hear(
    const struct world *w, const struct client *c, int64_t position, int64_t joins);
/* The first position behind `from` that it has to be told of; 0: none. */
int64_t rules_next(const struct world *w, const struct client *c, int64_t from);
bool rules_asks_for(const struct client *c, int room);
/* Is the room open to them at the newest committed event? */
bool rules_is_open(const struct world *w, int room, int user);

/* hub_model_client.c: who listens */
void client_ask(struct world *w, struct client *c);
void client_enter(struct world *w, struct client *c);
bool client_is_parked(const struct world *w, const struct client *c);
void client_answered(void *arg, uint32_t conn, int status, struct str body,
    bool is_packed, bool is_shared, bool was_parked);
void client_sent(void *arg, uint32_t conn, struct str bytes, bool is_shared);
void client_ended(void *arg, uint32_t conn, bool is_cut);
void client_left(void *arg, uint32_t conn);
enum wire_fate client_fate(void *arg, uint32_t conn);

/* hub_model_heard.c: what they hear */
void heard_poll(struct world *w, struct client *c, struct str body, bool is_shared,
    bool was_parked);
void heard_block(struct world *w, struct client *c, struct str bytes, bool is_shared);

/* hub_model_look.c: the workers */
void look_queue(void *arg, struct waiting *waiting);
void look_step(struct world *w, size_t index); /* may take the job off the list */

#endif
