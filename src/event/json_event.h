/*
 * An event as clients are shown it. The part that is the same for everybody is made
 * once per event and format and shared by counted bytes (struct live_event); what
 * depends on who asks (transaction_id, membership, prev_content, age) or changes later
 * (what its children come to) is spliced behind it. /metrics counts how often an event
 * was encoded and how often it was delivered.
 */
#ifndef EVENT_JSON_EVENT_H
#define EVENT_JSON_EVENT_H

#include <stdatomic.h>
#include <stdint.h>
#include "base/str.h"
#include "event/event_slices.h"
#include "event/state.h"
#include "event/visibility.h"

enum event_format {
	FORMAT_CLIENT, /* client-server-api/#room-event-format: unsigned alone */
	FORMAT_V1,   /* /events: unsigned, and 2015's fields at the top level as well */
	FORMAT_SYNC, /* as CLIENT, without the room's id: it stands around the events */
	FORMAT_COUNT,
	FORMAT_RAW =
	    FORMAT_COUNT, /* as servers have it; nothing is added or left out */
};

/* Counted bytes. */
struct shared_json {
	_Atomic uint32_t refs;
	uint32_t n;
	char bytes[];
};

/*
 * A live event in its room's tail: what a listener needs without the database.
 * Counted; immutable but for the shared encodings, each set once. A redaction puts
 * another live_event in its place.
 */
struct live_event {
	_Atomic uint32_t refs;
	int64_t event; /* its integer and stream position */
	int64_t room;  /* the room's integer */
	struct pdu *pdu;
	/* The room's history visibility before and after it (they differ only for
	 * m.room.history_visibility itself). */
	enum history_visibility visibility_before, visibility_after;
	/* Of m.room.member: state_key's membership before and after. */
	uint8_t membership_before, membership_after;
	/* State events: what they replaced. NULL and 0 if nothing. */
	char *replaced_id, *replaced_content; /* content as JSON text */
	int64_t replaced_event;
	/* The room's setting at what it replaced, if that is known: may everybody see
	 * it, may every member (WORLD_READABLE, SHARED)? */
	bool replaced_is_known;
	enum history_visibility replaced_visibility;
	/* Who sent it by which transaction; NULL for events that came another way. */
	char *device_id, *txn_id;
	/* Which thread it is in (NULL: the main timeline), and by how many relations.
	 */
	char *thread;
	int thread_hops;
	/* The redaction that took effect on it; NULL: none. */
	struct pdu *redacted_because;
	_Atomic(struct shared_json *) shared[FORMAT_COUNT];
};

struct live_event *live_event_ref(struct live_event *e);
void live_event_unref(struct live_event *e); /* NULL is allowed */

/* What the asker adds to an event. */
struct event_view {
	enum event_format format;
	const char *user_id, *device_id; /* of the asker; NULL: nobody in particular */
	enum membership membership; /* the asker's at the event; NONE shows "leave" */
	bool may_see_replaced;	    /* may the asker see the event that was replaced? */
	int64_t now_ms;		    /* for age */
	/* What its children come to, as JSON: unsigned.m.relations. It changes, and
	 * belongs behind the shared bytes. NULL: nothing. */
	const char *relations;
	/* Of an invitation: what room it is to, as a JSON array; NULL: nothing. */
	const char *invite_room_state;
};

/* Makes what everybody shares of it in a format, unless it is there: for those who may
 * not wait while it is made. */
void json_event_prepare(struct live_event *e, enum event_format format);
/* Appends the event as the asker may see it. An io thread waits for nobody; others may,
 * for a moment, while another makes the shared part. */
void json_event_live(
    struct buf *out, struct live_event *e, const struct event_view *view);

/* An event from the store with what belongs to it. */
struct stored_view {
	const struct event_slices *raw; /* redacted already where it is */
	const char *event_id, *room_id;
	/* Of an m.room.redaction: what it redacts, as JSON, from wherever the version
	 * keeps it; p NULL: none. */
	struct str redacts;
	const char *replaced_id;  /* NULL: none */
	const char *prev_content; /* JSON text; NULL: none, or may not be seen */
	const struct event *redacted_because; /* NULL: none */
	const char *txn_id;		      /* if the asker's device sent it; NULL */
};
void json_event_stored(
    struct buf *out, const struct stored_view *e, const struct event_view *view);

/*
 * The part of a stored event that does not depend on who asks, to be kept: all but the
 * room's id and the ending. Of events alone that are neither redacted nor redactions;
 * what they replaced is not shown.
 */
struct event_head {
	int64_t ts;	  /* its origin_server_ts; INT64_MAX: unknown */
	uint32_t n;	  /* bytes of it */
	uint32_t room_at; /* where the room's id belongs */
	uint32_t content_n, sender_n;
};

/* Appends it. */
void json_event_head(
    struct buf *out, const struct stored_view *e, struct event_head *head);
/* Its content and its sender, as JSON, in the bytes that were appended. */
struct str event_head_content(const struct event_head *head, const char *bytes);
struct str event_head_sender(const struct event_head *head, const char *bytes);
/* Appends the event. Any format but FORMAT_RAW. */
void json_event_of_head(struct buf *out, const struct event_head *head,
    const char *bytes, const char *room_id, const struct event_view *view);

/* Counted since the start: encodings made, events delivered. */
struct json_event_stats {
	uint64_t encoded, delivered;
};
void json_event_stats(struct json_event_stats *out);
void json_event_count_delivered(uint64_t n);

#endif
