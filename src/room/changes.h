/*
 * What became visible, in order: one queue that every listener's thread reads on from
 * its own place. Events and whatever takes rights away stand in the same queue, so that
 * nobody hears an event with a right that ended before it (doc/request.md).
 *
 * A singly linked list of counted records. The writer thread appends; readers follow
 * `next` without a lock. A record is freed when no reader stands at or before it.
 */
#ifndef ROOM_CHANGES_H
#define ROOM_CHANGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct live_event;
struct room;
struct room_version;

enum change_kind {
	CHANGE_START,  /* the queue's first record: carries nothing */
	CHANGE_EVENT,  /* a live event in a room */
	CHANGE_TYPING, /* who is typing in a room has changed (position: typing's own)
			*/
	CHANGE_TOKEN_GONE, /* a device's or guest's token is no longer valid */
	CHANGE_USER_GONE,  /* all of a user's tokens */
	CHANGE_USER_DATA,  /* something of a user's own: account data, private receipts
			    */
	CHANGE_ROOM_DATA,  /* something that a room's members are told: receipts */
	CHANGE_PRESENCE,   /* of users whom all of an audience see, a round of them */
	CHANGE_POSITION,   /* `visible` moved, nothing to tell */
};

struct change {
	_Atomic uint32_t refs;
	_Atomic(struct change *) next;
	enum change_kind kind;
	int64_t position;	  /* `visible` once this record may be acted on */
	struct room *room;	  /* EVENT, TYPING, ROOM_DATA: counted */
	struct live_event *event; /* EVENT: counted */
	char *user_id;		  /* TOKEN_GONE, USER_GONE, USER_DATA, ROOM_DATA */
	char *device_id;	  /* TOKEN_GONE; NULL: the user's every device */
	int64_t typing;		  /* TYPING */
	bool alters_hearing;	  /* USER_DATA: whom the user ignores */
	/* PRESENCE: map_hash of the user ids of those who shall look, in order.
	 * malloc'ed. */
	uint64_t *audience;
	size_t audience_count;
};

struct changes *changes_new(void);
void changes_free(struct changes *changes);

/* Takes over the references in it. On the writer thread, or (TYPING, TOKEN_GONE of
 * guests without rows) under the queue's own lock: any thread. Wakes nobody. */
void changes_add(struct changes *changes, const struct change *what);
/* How many records have taken tokens away so far. Whoever identifies a request asks
 * first: had a reader read more of them by the time the request comes to it, one of
 * them may have been about the request's own token. */
uint64_t changes_tokens_gone(const struct changes *changes);
/* Tells all who subscribed that there is something to read. Any thread. */
void changes_wake(struct changes *changes);
/* fn is called by changes_wake, on whichever thread that is; must not block.
 * Before the threads start. */
void changes_subscribe(struct changes *changes, void (*fn)(void *arg), void *arg);

/* Somebody reads what is told of this room's events to pass it on, from before they
 * look for the room's newest: the events that are told from now on have their bytes for
 * /events already, so that io threads need not make them. Any thread. */
void changes_follow(struct changes *changes, const char *room_id);
void changes_unfollow(struct changes *changes, const char *room_id);
/* Also true of a few rooms that nobody follows. */
bool changes_is_followed(const struct changes *changes, const char *room_id);

/* The newest record, as a place to read on from (a reference is taken). */
struct change *changes_cursor(struct changes *changes);
/* The record after *cursor, or NULL; moves the cursor there (references move along).
 * The record may be used until the next call. */
const struct change *changes_next(struct change **cursor);
void changes_cursor_free(struct change *cursor);

#endif
