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

/* On the writer. *changed_out false: of this room, user, kind and thread there is a
 * receipt for the same event, or one that stands behind it in the room's timeline. */
enum mx_err store_receipt_set(
    struct db *db, const struct receipt_row *row, bool *changed_out) MUST_USE;
/* A room's, written behind `since`, up to `until`, by position; of everybody and of
 * both kinds. */
enum mx_err store_receipts_since(struct db *db, struct arena *arena, int64_t room,
    int64_t since, int64_t until, struct receipt_row **rows_out,
    int *count_out) MUST_USE;
/* All of one user's in a room. */
enum mx_err store_receipts_of_user(struct db *db, struct arena *arena, int64_t room,
    const char *user_id, struct receipt_row **rows_out, int *count_out) MUST_USE;

#endif
