/*
 * The presence lists of 2015: whom a user wants to follow, kept for them. Being in one
 * gives nobody a right: those who share no room with the list's owner are left out of
 * what it shows. Spec: legacy-v1 presence.yaml
 */
#ifndef CORE_PRESENCE_LISTS_H
#define CORE_PRESENCE_LISTS_H

#include "core/presence.h"

#define PRESENCE_LIST_MAX 1000 /* users in one list */

/* Borrowed. */
struct presence_list_change {
	const char *user_id; /* whose list */
	const char **invite, **drop;
	int invite_count, drop_count;
};

/* M_INVALID_PARAM: one of them is no user id; M_NOT_FOUND: there is no such user here;
 * M_TOO_LARGE: more than PRESENCE_LIST_MAX. Nothing is changed then. */
enum mx_err presence_list_change(struct ctx *ctx, struct arena *arena,
    const struct presence_list_change *change) MUST_USE;
/* Those in the list who share a room with its owner, as they are now, offline ones too;
 * with names and pictures. */
enum mx_err presence_list_show(struct ctx *ctx, struct arena *arena,
    const char *user_id, struct presence_row **rows_out, int *count_out) MUST_USE;

#endif
