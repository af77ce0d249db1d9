/*
 * Who is there: online, idle or away, since when, and what they say of themselves. In
 * memory, by what a user's devices do; each change that others see has a position of
 * presence's own, and listeners are told of all changes together once a second. Guests
 * have no presence. Spec: client-server-api/#presence
 *
 * Where it is disabled (presence.enabled) all of this does nothing, and everybody is
 * offline.
 */
#ifndef CORE_PRESENCE_H
#define CORE_PRESENCE_H

#include "base/arena.h"
#include "room/ctx.h"
#include "room/identity.h"

/* In the order of availability. 2015's free_for_chat is an online to everybody else. */
enum presence_state {
	PRESENCE_OFFLINE,
	PRESENCE_UNAVAILABLE,
	PRESENCE_ONLINE,
	PRESENCE_FREE_FOR_CHAT,
	PRESENCE_AS_IS, /* for presence_seen: online, unless the device said else */
};

#define PRESENCE_STATUS_MAX 1024 /* bytes of a status */

#define PRESENCE_IDLE_MS (5 * 60 * 1000) /* without activity: unavailable */
#define PRESENCE_ACTIVE_MS (60 * 1000)	 /* since the last one: currently_active */
#define PRESENCE_GRACE_MS (30 * 1000)	 /* between two polls; then offline */
/* Who is offline is remembered so long, for clients that come back. */
#define PRESENCE_REMEMBER_MS (30LL * 24 * 3600 * 1000)

/* One user as others see them. The strings lie in an arena. */
struct presence_row {
	const char *user_id;
	enum presence_state state; /* never AS_IS */
	const char *status_msg;	   /* NULL: none */
	/* NULL: none; filled in by presence_news and presence_fill alone. */
	const char *displayname, *avatar_url;
	int64_t last_active_ms; /* clock_now_ms; 0: not known */
	bool currently_active;
	int64_t position;     /* of the last change that others see */
	int64_t own_position; /* of the last that the user made by hand */
};

/* At start: makes core->presence and reads what was written. Who was online then has a
 * moment to come back before others are told that they did not. Positions go on rising
 * over a restart. */
enum mx_err presence_setup(struct core *core, struct db *db) MUST_USE;
void presence_free(struct core *core);

/* "online" and its like. False: no such state (free_for_chat is one only in 2015's). */
bool presence_parse(const char *word, bool is_legacy, enum presence_state *out);

/* --- what users do; any thread, no I/O but in presence_set --- */

/* A device asks for events (/sync: as set_presence says, ONLINE without it; /events:
 * AS_IS), and does so for the next for_ms. */
void presence_seen(struct core *core, const struct identity *who,
    enum presence_state state, int64_t for_ms);
/* One that was seen before is still there: a stream that goes on. */
void presence_stays(
    struct core *core, const char *user_id, const char *device_id, int64_t for_ms);
/* The user has done something: sent, typed, read. Who is idle is online again; who
 * hides (a device that says offline) goes on hiding. */
void presence_active(struct core *core, const struct identity *who);
/* By hand: the state of this device and (status_msg NULL: none) the user's status,
 * which is written down. M_TOO_LARGE. Spec: #put_matrixclientv3presenceuseridstatus */
enum mx_err presence_set(struct ctx *ctx, const struct identity *who,
    enum presence_state state, const char *status_msg) MUST_USE;
/* An account has a new name or picture. Spec:
 * #events-on-change-of-profile-information */
void presence_profile_changed(struct core *core, const char *user_id);
/* A device's session has ended (device_id NULL: all of them). */
void presence_gone(struct core *core, const char *user_id, const char *device_id);
/* The account has ended; its rows are the caller's (store_presence_remove). */
void presence_forget(struct core *core, const char *user_id);

/* Once a second, on a thread with a reader's connection: idle and gone users, the word
 * to listeners, rows. last: the server stops, all is written now. */
void presence_tick(struct ctx *ctx, struct arena *arena, bool last);

/* --- asking --- */

/* The newest position; -1 where presence is disabled: then no token has a part of it.
 */
int64_t presence_position(struct core *core);
/* One user as they are now. False: not known, so offline (*out says that). */
bool presence_get(struct core *core, struct arena *arena, const char *user_id,
    struct presence_row *out);
/* Everybody who changed after `position`, newest first; position < 0: everybody who is
 * not offline. Bounded; whoever is told must share a room with them: presence_news. */
void presence_changed_since(struct core *core, struct arena *arena, int64_t position,
    struct presence_row **rows_out, int *count_out);

/* What one user is told. */
struct presence_news {
	const char *user_id;
	int64_t since; /* a position; -1: of everybody, as in a first sync */
	/* Whatever their position: users who have joined a room of theirs, and the
	 * members of rooms (integers) that the user has joined, since. */
	const char *const *users;
	int user_count;
	const int64_t *rooms;
	int room_count;
	bool with_self; /* also what the user did by hand: for their other devices */
	/* filled in, in the arena, with names and pictures */
	struct presence_row *rows;
	int count;
	int opened; /* rooms that were looked into for it */
};
/* Of users who share a room with news->user_id (or, with_self, are that user). */
enum mx_err presence_news(
    struct ctx *ctx, struct arena *arena, struct presence_news *news) MUST_USE;
/* The members of one room, whoever asks. */
enum mx_err presence_of_room(struct ctx *ctx, struct arena *arena, int64_t room,
    struct presence_row **rows_out, int *count_out) MUST_USE;
/* A row's name and picture. */
enum mx_err presence_fill(
    struct ctx *ctx, struct arena *arena, struct presence_row *row) MUST_USE;

/* One m.presence event: as /sync shows it, and as 2015 does (user_id in its content;
 * has_chat: and free_for_chat). Spec: #mpresence */
void presence_write(struct buf *out, const struct presence_row *row);
void presence_write_v1(struct buf *out, const struct presence_row *row, bool has_chat);
/* The fields of a row that GET .../status answers, as an object. */
void presence_write_status(
    struct buf *out, const struct presence_row *row, bool has_chat);

#endif
