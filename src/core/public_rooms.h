/*
 * The published room directory: a list in memory of what it shows, kept up with what
 * happens in the rooms. Spec: client-server-api/#published-room-directory
 */
#ifndef CORE_PUBLIC_ROOMS_H
#define CORE_PUBLIC_ROOMS_H

#include "room/identity.h"
#include "room/room.h"

#define PUBLIC_ROOMS_LIMIT_MAX 1000

/* At start, behind core->changes. The list itself is built when it is first asked for.
 */
struct public_rooms *public_rooms_new(struct core *core);
void public_rooms_free(struct public_rooms *list);
/* Reads on in core->changes. Each second, so that its place in that queue moves on even
 * if nobody asks for the list. */
void public_rooms_follow(struct core *core);

/* M_NOT_FOUND: no such room. */
enum mx_err public_rooms_is_published(
    struct ctx *ctx, const char *room_id, bool *published_out) MUST_USE;
/* For who may set m.room.canonical_alias in the room, and administrators: M_FORBIDDEN
 * for others. */
enum mx_err public_rooms_set(struct ctx *ctx, const struct identity *who,
    struct room *room, bool published) MUST_USE;
/* The room's row says so already, durably: the list follows. */
void public_rooms_note(struct core *core, struct room *room, bool published);

/* One room as the list shows it; strings NULL where nothing is set. In the arena. */
struct public_room {
	int64_t room;
	const char *room_id, *name, *topic, *canonical_alias, *avatar_url, *join_rule,
	    *room_type;
	int64_t joined;
	bool world_readable, guests_may_join;
};

/* What is asked for, and the answer. */
struct public_query {
	int64_t limit;
	const char *since; /* a token of an earlier answer; NULL: from the start */
	const char *term;  /* NULL: any */
	/* Room types that will do; NULL among them: rooms without one. count 0: any. */
	const char **types;
	int type_count;
	bool has_types;
	bool readable_only; /* world_readable ones */
	/* filled in */
	struct public_room *rooms;
	int count;
	int64_t total;		 /* of the whole list */
	const char *next, *prev; /* NULL: nothing further that way */
};

/* The fullest rooms first. M_INVALID_PARAM: since is no token of ours. */
enum mx_err public_rooms_page(
    struct ctx *ctx, struct arena *arena, struct public_query *query) MUST_USE;

#endif
