/*
 * How far users have read: receipts, which others see or (private ones) do not, and the
 * fully read marker. Spec: client-server-api/#receipts, #fully-read-markers
 */
#ifndef ROOM_RECEIPTS_H
#define ROOM_RECEIPTS_H

#include "room/ignored.h"
#include "room/room.h"
#include "store/receipts.h"

enum mark_kind {
	MARK_READ = RECEIPT_READ,	/* m.read */
	MARK_PRIVATE = RECEIPT_PRIVATE, /* m.read.private */
	MARK_FULLY_READ, /* m.fully_read, kept in the room's account data */
};

struct mark {
	enum mark_kind kind;
	const char *event_id;
	const char *thread; /* NULL: unthreaded */
	int64_t event;	    /* filled in */
};

/* "m.read" and so on; false: there is no such receipt. */
bool mark_kind_of(const char *type, enum mark_kind *out);

/*
 * Sets several marks of one user in a room, or none of them: all are checked first.
 * None ever goes back. M_FORBIDDEN: not in the room. M_NOT_FOUND: there is no such
 * event in it that the user may see. M_INVALID_PARAM: no event id; a thread that is
 * empty, does not hold the event, or is given for a kind that has none.
 */
enum mx_err receipts_mark(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, struct mark *marks, int count) MUST_USE;
/* The same of one receipt. */
enum mx_err receipts_set(struct ctx *ctx, struct arena *arena, struct room *room,
    const char *user_id, enum receipt_kind kind, const char *event_id,
    const char *thread) MUST_USE;

/* Of a room, for one answer; the newest. */
#define RECEIPTS_TOLD_MAX 1000

/* What one member is told of a room's receipts. Borrowed. */
struct receipts_ask {
	const char *asker;
	const struct ignored *ignored; /* NULL: nobody is */
	int64_t since, until;	       /* positions: since < written <= until */
};
/*
 * None of ignored users, private ones of the asker alone; of more than
 * RECEIPTS_TOLD_MAX the newest, and all of the asker's own. In the arena. Spec:
 * client-server-api/#ignoring-users
 */
enum mx_err receipts_told(struct ctx *ctx, struct arena *arena, const struct room *room,
    const struct receipts_ask *ask, struct receipt_row **rows_out,
    int *count_out) MUST_USE;

/*
 * Appends the content of an m.receipt: an object of the rows, private ones of asker
 * (never NULL) alone. False: none is left, and nothing is appended. Where one user has
 * receipts of several threads at the same event, that object has room for one of them,
 * the unthreaded first.
 */
bool receipts_write(
    struct buf *out, const struct receipt_row *rows, int n, const char *asker);
/* Appends a whole m.receipt. nth 0 holds what receipts_write holds; 1, 2 ... until it
 * is false, the receipts that had no room in those before. room_id NULL: without one.
 */
bool receipts_write_event(struct buf *out, const char *room_id,
    const struct receipt_row *rows, int n, const char *asker, int nth);

#endif
