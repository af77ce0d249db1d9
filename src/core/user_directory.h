/*
 * Finding users by the words of their name and id, among those whom the asker may see:
 * who shares a room with them, or is in a room that is open to the public.
 * Spec: client-server-api/#user-directory
 */
#ifndef CORE_USER_DIRECTORY_H
#define CORE_USER_DIRECTORY_H

#include "room/ctx.h"

#define USER_DIRECTORY_LIMIT_MAX 100

struct found_user {
	const char *user_id;
	const char *display_name, *avatar_url; /* NULL: none */
	int rank;			       /* the less, the better it matches */
};

struct user_query {
	const char *user_id; /* who asks */
	const char *term;
	int limit;
	/* filled in, in the arena: the best match first */
	struct found_user *users;
	int count;
	bool limited; /* there are, or may be, more */
};

struct user_directory *user_directory_new(struct core *core);
void user_directory_free(struct user_directory *directory);

/* Each word of the term must begin a word of the user's name or localpart; a term that
 * begins with '@' must begin the user's id, too. Case is nothing. A bounded number of
 * users is looked at. */
enum mx_err user_directory_search(
    struct ctx *ctx, struct arena *arena, struct user_query *query) MUST_USE;

/* Inside a write job: the user is new, or has another name. */
enum mx_err user_directory_write(struct db *db, const char *user_id) MUST_USE;

/* Once a second: reads on in core->changes. */
void user_directory_follow(struct core *core);
/* A portion of the users of before there was a directory; *more_out: not all yet. */
enum mx_err user_directory_fill(struct ctx *ctx, bool *more_out) MUST_USE;

#endif
