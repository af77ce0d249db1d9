/*
 * A small world for hub_pages_model_test: rooms and their whole history, what their
 * pages show of it, and those who watch. The hub, its looks and makings, the queue of
 * changes are the real ones; sockets, the writer and the workers are played step by
 * step by one thread, so that one number repeats it all.
 */
#ifndef STREAM_HUB_PAGES_MODEL_H
#define STREAM_HUB_PAGES_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/vec.h"
#include "room/room.h"
#include "stream/hub.h"
#include "stream/hub_model_wire.h"

#define MODEL_ROOMS 2
#define MODEL_CROWD 400

/* One event; its place in world->said is its position. */
struct said {
	int room; /* -1: no event has this position */
	bool is_open_before, is_open_after, is_silent;
	struct live_event *live;
};

/* How far the writer is with a group. */
enum group_phase { GROUP_NONE, GROUP_VISIBLE, GROUP_TOLD };

/* Somebody who watches: asks, sees, goes, comes back. */
struct client {
	int index, room, language;
	bool is_busy, gzip, has_opened;
	struct waiting *asking; /* not handed over yet */
	int64_t at;		/* up to here all was seen */
	bool is_over;		/* has been told of the end */
	bool may_fail;		/* something of theirs was refused, or failed */
	bool has_place;		/* comes back to `at` */
	int64_t sent_ms;	/* when it asked, or was shown something last */
};

struct look_job {
	struct waiting *w;
	bool is_done;
};

struct making_job {
	struct page_task *task;
	bool is_done;
};

/* What must come to pass in a whole run, or the test has lost its power. */
enum seen {
	SEEN_SHARED_BLOCK,
	SEEN_PART,
	SEEN_PACKED,
	SEEN_LOOK_BLOCK,
	SEEN_NO_LOOK,
	SEEN_BACK_AGAIN,
	SEEN_SHARED_END,
	SEEN_LOOK_END,
	SEEN_HIDDEN_END,
	SEEN_REFUSAL,
	SEEN_FAILURE,
	SEEN_CUT,
	SEEN_COMMENT,
	SEEN_SLOW,
	SEEN_LOST,
	SEEN_MADE_FOR_NOBODY,
	SEEN_STOPPED,
	SEEN_STOPPED_INSIDE,
	SEEN_COUNT
};

struct world {
	uint64_t seed, random;
	int step;
	int64_t now_ms;
	struct core core;
	struct arena *arena;
	struct http_server *http;
	struct hubs *hubs;
	int io_count;
	VEC(struct said) said;
	struct room *rooms[MODEL_ROOMS];
	bool is_open[MODEL_ROOMS]; /* as of the newest event */
	bool is_hidden[MODEL_ROOMS];
	int room_count;
	enum group_phase phase;
	int64_t told; /* positions up to here are in the queue of changes */
	int most;     /* lines of a block; 0: all there are */
	int failures; /* percent of what the hook is asked */
	struct client *clients;
	int client_count;
	VEC(struct look_job) looks;
	VEC(struct making_job) makings;
	VEC(uint32_t) batch; /* who were sent something shared in this step */
	char *last_shared;   /* block; NULL */
	bool is_stopping;
	uint64_t *seen;
};

/* hub_pages_model.c */
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
void world_open(struct world *w, uint64_t seed, uint64_t *seen);
void world_close(struct world *w);
void world_set_time(struct world *w, int64_t now_ms);
int64_t world_visible(const struct world *w);
/* Queues an event of some kind. */
void world_say(struct world *w);
/* One that changes nothing. */
void world_say_plain(struct world *w, int room);
/* The next step of the group under way, or of a new one; false: nothing is queued. */
bool world_publish(struct world *w);
/* Is it an event of this room that strangers hear? */
bool world_hears(const struct world *w, int room, int64_t position);
bool world_closes(const struct world *w, int64_t position);
/* Was the room open behind that position? */
bool world_is_open(const struct world *w, int room, int64_t position);
/* hub_options.page_news */
enum mx_err world_news(
    void *arg, struct ctx *ctx, struct arena *arena, struct page_news *news);

/* hub_pages_model_client.c */
void client_ask(struct world *w, struct client *c);
void client_enter(struct world *w, struct client *c);
/* What it has to be shown behind its place, up to `to`; 0: nothing. */
int64_t client_next(const struct world *w, const struct client *c, int64_t to);
/* Those who may know of what the hook did not do. */
void clients_may_fail(struct world *w, int room, int language);
struct wire_hooks client_hooks(struct world *w);

#endif
