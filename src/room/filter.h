/*
 * Filters that clients give: which events of a room an answer shall hold.
 * Spec: client-server-api/#filtering (EventFilter, RoomEventFilter, Filter)
 */
#ifndef ROOM_FILTER_H
#define ROOM_FILTER_H

#include "base/json.h"
#include "room/ignored.h"
#include "room/timeline.h"

/* A list of strings; v NULL: the filter does not have it. */
struct filter_list {
	const char **v;
	int n;
};

/* A RoomEventFilter. Zeroed: everything passes. Lives in the arena it was read into. */
struct filter {
	struct filter_list types, not_types; /* with * for any characters */
	struct filter_list senders, not_senders, rooms, not_rooms;
	/* Events with a child by one of these, of one of these kinds (of MSC3440, by
	 * which clients look for threads). */
	struct filter_list related_by_senders, related_by_rel_types;
	struct seer *seer; /* who reads: set by whoever uses these two; NULL: they are
			    * not looked at */
	bool has_contains_url, contains_url;
	bool lazy_load_members, include_redundant_members;
	bool unread_thread_notifications;
	int64_t limit;	     /* 0: none */
	const char *room_id; /* the room that is read: set by whoever uses it */
	const struct ignored *ignored; /* likewise: of these users state events alone */
};

/* The `filter` parameter: a RoomEventFilter as inline JSON; NULL: none is given.
 * M_INVALID_PARAM with a sentence in *why_out if it is no such thing. */
enum mx_err filter_read(struct arena *arena, const char *text, struct filter *out,
    const char **why_out) MUST_USE;
/* A whole Filter, for /sync. Zeroed: everything passes. */
struct filter_whole {
	struct filter_list event_fields;
	bool is_federation; /* event_format: events as servers have them */
	struct filter presence, account_data;
	struct filter_list rooms, not_rooms;
	bool include_leave;
	struct filter room_account_data, ephemeral, state, timeline;
};

/* M_BAD_JSON with a sentence if it is no such thing. */
enum mx_err filter_whole_of(struct arena *arena, const struct json *json,
    struct filter_whole *out, const char **why_out) MUST_USE;
/* Is this JSON a whole Filter, as clients upload it? M_BAD_JSON with a sentence. */
enum mx_err filter_check(const struct json *filter, const char **why_out) MUST_USE;

/* filter_read of a tree, for a filter within another. M_BAD_JSON. */
enum mx_err filter_of(struct arena *arena, const struct json *json, struct filter *out,
    const char **why_out) MUST_USE;

/* Does the event pass? As page.keep and state_pick.keep: arg is the filter. */
bool filter_keeps(const struct sliced *event, const void *arg);
/* The same of what is no event of a room's timeline: by type and sender (NULL:
 * nobody's) alone. */
bool filter_keeps_type(const struct filter *f, const char *type, const char *sender);
/* Could an event of this type pass, whoever sent it? */
bool filter_may_keep(const struct filter *f, const char *type);
/* Does it take more than an event's type to tell whether it passes? */
bool filter_looks_inside(const struct filter *f);
/* Could an event of this sender pass, whatever its type? */
bool filter_keeps_sender(const struct filter *f, const char *sender);
/* Is it known that no event of f->room_id passes, whatever it is? */
bool filter_keeps_nothing(const struct filter *f);
/* Is the room among those that a filter's two lists let through? */
bool filter_keeps_room(const struct filter_list *rooms,
    const struct filter_list *not_rooms, const char *room_id);

/* Does pattern, in which * stands for any characters, match all of text? */
bool filter_matches(const char *pattern, const char *text);

#endif
