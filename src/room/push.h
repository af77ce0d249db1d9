/*
 * Who has push rules of their own, and those rules compiled: in memory, bounded. Asked
 * for each event of a room under its lock; brought up to date as changes become
 * visible. Below room/push_room.
 */
#ifndef ROOM_PUSH_H
#define ROOM_PUSH_H

#include "event/push_set.h"
#include "room/ctx.h"

/* Makes core->push and reads who has rules. At start, once. */
enum mx_err push_setup(struct core *core, struct db *db) MUST_USE;
void push_free(struct core *core);

/* False: all of the user's rules are as predefined. */
bool push_may_deviate(struct core *core, const char *user_id);
/* The rules of whoever has none of their own. Borrowed. */
struct push_set *push_predefined_set(struct core *core);
/* A user's rules, counted; those predefined where they cannot be read (logged). */
struct push_set *push_set_get(struct ctx *ctx, const char *user_id);

/* A user's rules or ignored users have changed: durable, on the writer thread. */
void push_changed(struct core *core, const char *user_id);

/* How often somebody who had none has come to have rules; and who: calls each for those
 * behind `since`. False: that is longer ago than is remembered. */
uint64_t push_newcomers(struct core *core);
bool push_newcomers_since(struct core *core, uint64_t since,
    void (*each)(const char *user_id, void *arg), void *arg);

#endif
