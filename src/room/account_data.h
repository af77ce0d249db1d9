/*
 * What users keep with the server for themselves, of one room or of none: settings of
 * clients, tags, the fully read marker. Only its owner ever sees it.
 * Spec: client-server-api/#client-config
 */
#ifndef ROOM_ACCOUNT_DATA_H
#define ROOM_ACCOUNT_DATA_H

#include "room/room.h"
#include "room/update.h"
#include "store/account_data.h"

#define ACCOUNT_DATA_SIZE_MAX 65536 /* bytes of one content */
#define ACCOUNT_DATA_NOT_THERE "There is no such account data"

/* Is it a type whose values the server alone may set? */
bool account_data_is_kept(const char *type);

/*
 * Sets a value; room NULL: a global one. Its listeners are told unless it is as it was.
 * M_BAD_JSON: the server keeps this type. M_NOT_FOUND: a room that the user has nothing
 * to do with, which is answered like one that is not there. M_TOO_LARGE: the content
 * here, too many types with the answer. M_INVALID_PARAM: the type's name is too long.
 */
enum mx_err account_data_set(struct ctx *ctx, struct arena *arena, const char *user_id,
    struct room *room, const char *type, const struct json *content) MUST_USE;
/* The content as JSON, in the arena. M_NOT_FOUND. */
enum mx_err account_data_get(struct ctx *ctx, struct arena *arena, const char *user_id,
    const struct room *room, const char *type, struct str *json_out) MUST_USE;

/*
 * A value that is worked out of the one before it, on the writer thread: two changes at
 * the same moment both count.
 */
struct account_data_change {
	struct update *update; /* what fn needs has to lie in its arena */
	const char *type;
	/* before: the present content, NULL if there is none. *after_out NULL: it
	 * stays. An error is the answer's. */
	enum mx_err (*fn)(struct account_data_change *change, struct db *db,
	    const struct json *before, const struct json **after_out);
	void *arg;
	struct str json; /* instead of fn: the content to be */
};
/* To be filled in (fn, arg) and queued. type is copied; room may be NULL. Whether the
 * user may is for the caller to know. */
struct account_data_change *account_data_change_new(
    struct ctx *ctx, const char *user_id, struct room *room, const char *type);
/* Takes it over. The answer waits for it. */
void account_data_change_queue(struct ctx *ctx, struct account_data_change *change);

/* Has the user to do with the room: was ever a member of it or invited, or may see
 * something of it? */
bool account_data_may_in(
    struct ctx *ctx, struct arena *arena, const char *user_id, struct room *room);

/* Appends it as an event; room_id NULL: without one. */
void account_data_write(
    struct buf *out, const struct account_data_row *row, const char *room_id);

#endif
