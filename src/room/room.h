/*
 * Rooms in memory. Readers take a counted snapshot of what is committed and never wait;
 * appends work on the pending tip under the room's lock (room/append). Rooms that
 * nobody uses leave memory, least recently used first.
 */
#ifndef ROOM_ROOM_H
#define ROOM_ROOM_H

#include "event/auth_rules.h"
#include "event/event.h"
#include "event/json_event.h"
#include "event/room_version.h"
#include "event/state.h"
#include "room/ctx.h"

#define ROOM_TAIL_MAX 64 /* live events kept in memory a room */

/* An event that nobody names in prev_events yet. */
struct extremity {
	int64_t event;
	int64_t depth;
	char *event_id;
	struct pdu *pdu; /* room versions 1 and 2, which name its hash too; else NULL */
};

/* One version of a room. Counted, immutable. */
struct snapshot {
	_Atomic uint32_t refs;
	struct state *state;
	struct extremity *extremities;
	int extremity_count;
	int64_t position; /* the newest event in it; 0: an empty room */
	int64_t segment;  /* where its state is kept on disk */
	uint32_t joined, invited, local_joined;
	enum history_visibility visibility;
	bool guests_may_join; /* m.room.guest_access is can_join */
	/* How many of its events notify, and highlight, whoever has the predefined push
	 * rules (room/unread). */
	int64_t notified, loud;
	/* No state event was redacted behind it, up to position. */
	int64_t redacted;
	/* The newest live events up to position, oldest first: a shared array. */
	struct live_event **tail;
	int tail_count;
	/* Every live event of the room above it is in the tail, and no other event
	 * stands among those in the room's timeline. */
	int64_t tail_from;
};

void snapshot_unref(struct snapshot *s);
struct snapshot *snapshot_ref(struct snapshot *s);

struct append_job;
struct push_room;

#define ROOM_RECENT_MAX 64

/* Shared, counted. */
struct room {
	_Atomic uint32_t refs;
	int64_t id; /* its integer */
	const char *room_id;
	const struct room_version *version;
	_Atomic int64_t used;	    /* when it was last asked for: rooms_evict */
	_Atomic bool hidden;	    /* it has no pages: core/hide */
	_Atomic uint32_t pages_age; /* grows with each pages_changed */
	struct lock
	    committed_lock; /* RANK_LEAF; guards the pointer, held for its copy */
	struct snapshot *committed;

	struct lock lock;     /* RANK_ROOM; guards what stands below it */
	struct snapshot *tip; /* runs ahead of the disk; has no tail */
	/* The last events appended, durable or not (a ring): redactions look here. */
	struct live_event *recent[ROOM_RECENT_MAX];
	uint32_t recent_next;
	uint32_t tip_epoch;	/* the tip is void while it differs from epoch */
	bool is_new;		/* its row is yet to be written, by the first append */
	struct push_room *push; /* room/push_room; NULL: not made yet */

	_Atomic uint32_t epoch; /* counts failures: jobs of an older epoch are void */
	/* The writer thread's: this room's jobs of the group under way. */
	struct append_job *group, **group_end;
};

struct rooms *rooms_new(struct core *core);
void rooms_free(struct rooms *rooms);

/* A counted room, from memory or the database. M_NOT_FOUND: unknown here. */
enum mx_err room_get(
    struct ctx *ctx, const char *room_id, struct room **room_out) MUST_USE;
enum mx_err room_get_by_id(
    struct ctx *ctx, int64_t id, struct room **room_out) MUST_USE;
/* A new empty room; the append of its m.room.create puts it into the table, and it
 * exists for others once that is durable. room_id NULL: the version makes it of the
 * create event. */
struct room *room_make(
    struct ctx *ctx, const char *room_id, const struct room_version *version);
/* For room/append: room_id is set by now; M_ROOM_IN_USE if the table has it. */
enum mx_err room_enter(struct core *core, struct room *room) MUST_USE;
/* For room/append: its first append failed, it was never there. */
void room_forget(struct core *core, struct room *room);
struct room *room_ref(struct room *room);
void room_put(struct room *room); /* gives the reference back; NULL is allowed */

/* What is committed, counted. Never NULL for a room from room_get. */
struct snapshot *room_snapshot(struct room *room);

/* What a room's pages (web/) show, or where they are found, is other than it was, and
 * no event of the room tells it. room NULL: any room's. When that is durable, before
 * whoever asked for it is answered. Any thread. */
void pages_changed(const struct core *core, struct room *room);

/* Looking into a snapshot. */
const struct state_entry *snapshot_state(
    const struct snapshot *s, const char *type, const char *state_key);
enum membership snapshot_membership(const struct snapshot *s, const char *user_id);
/* content of a state event that is kept parsed (create, join_rules, power_levels,
 * history_visibility, guest_access, name, topic, avatar, canonical_alias ...); NULL:
 * not set. Of others (members, unknown types) use store_event_load. */
const struct json *snapshot_content(
    const struct snapshot *s, const char *type, const char *state_key);

/* What auth_state's callbacks need; lives as long as the auth_state is used. */
struct snapshot_judge {
	struct ctx *ctx;
	struct arena *arena;
	const struct room *room;
	const struct snapshot *s;
	bool locked; /* room->lock is held: what is not durable yet may be looked at */
};
/* The auth_state of a snapshot for event/auth_rules and event/power. */
struct auth_state snapshot_auth_state(struct snapshot_judge *judge);
struct power snapshot_power(const struct snapshot *s);

/* Is the event that holds (type, state_key) kept parsed in memory? */
bool room_keeps_parsed(const struct room_version *version, const char *type);
/* A snapshot with the same content but no tail and counted parts: to build on. */
struct snapshot *snapshot_copy(const struct snapshot *s);
/* Puts a state entry in place (takes over its reference), counts members. */
void snapshot_set(
    struct snapshot *s, struct state_entry *entry, const char *server_name);
/* The only extremity from now on. */
void snapshot_set_extremity(struct snapshot *s, int64_t event, int64_t depth,
    const char *event_id, struct pdu *pdu);

/* How many rooms are in memory, and how many bytes of state and tails (for /metrics).
 */
void rooms_stats(struct rooms *rooms, uint64_t *rooms_out, uint64_t *events_out);

/* Has the user, who is not in the room any more, forgotten it? */
enum mx_err room_is_forgotten(
    struct ctx *ctx, const struct room *room, const char *user_id, bool *out) MUST_USE;

#endif
