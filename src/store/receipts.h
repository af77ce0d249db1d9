/*
 * Up to which event each user has read a room.
 * Spec: client-server-api/#receipts
 */
#ifndef STORE_RECEIPTS_H
#define STORE_RECEIPTS_H

#include "db/db.h"

/* The numbers lie in the database. */
enum receipt_kind { RECEIPT_READ, RECEIPT_PRIVATE };

/* When read, all of it lies in the arena. */
struct receipt_row {
	int64_t room;
	const char *user_id;
	int kind;	    /* enum receipt_kind */
	const char *thread; /* "": unthreaded; "main", or the thread's root */
	int64_t event;
	const char *event_id;
	int64_t ts, position;
};

/* Of one user, in one room, of one kind: receipts of single threads, main not among
 * them. */
#define RECEIPTS_THREADS_MAX 1000

/* On the writer. *changed_out false: of this room, user, kind and thread there is a
 * receipt for the same event, or one that stands behind it in the room's timeline. For
 * one thread more than RECEIPTS_THREADS_MAX that at the oldest event goes, and the user
 * has read everything up to that (store_unread_mark_forwards). */
enum mx_err store_receipt_set(
    struct db *db, const struct receipt_row *row, bool *changed_out) MUST_USE;
/* A room's, written behind `since`, up to `until`, by position: m.read of everybody,
 * m.read.private of asker; of more than `limit` the newest. */
enum mx_err store_receipts_since(struct db *db, struct arena *arena, int64_t room,
    const char *asker, int64_t since, int64_t until, int limit,
    struct receipt_row **rows_out, int *count_out) MUST_USE;
/* All of one user's in a room. */
enum mx_err store_receipts_of_user(struct db *db, struct arena *arena, int64_t room,
    const char *user_id, struct receipt_row **rows_out, int *count_out) MUST_USE;

#endif
