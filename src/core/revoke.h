/*
 * Taking tokens away. The write, what is forgotten in memory and the word to parked
 * listeners come in this order, the latter two on the writer thread once the write is
 * durable, so that nobody hears an event with a right that ended before it
 * (doc/request.md).
 */
#ifndef CORE_REVOKE_H
#define CORE_REVOKE_H

#include "room/ctx.h"

/* On the caller's stack while revoke_run works. */
struct revoke {
	/* Filled in by the caller. fn runs as a write job; what it allocates in the
	 * request's arena is safe: the request waits. */
	enum mx_err (*fn)(struct revoke *r, struct db *db);
	void *arg;
	const char *user_id;
	/* Whose tokens are gone; fn may set them as well. */
	bool whole_user;
	const char **devices;
	int device_count;
	/* Tokens are replaced, not taken away: listeners are not told. */
	bool is_quiet;

	/* Its own. */
	struct write_job job;
	struct core *core;
	enum mx_err err;
};

/* Runs r->fn and waits until it is durable and tokens that are gone are no longer
 * taken. The error is fn's, or M_UNAVAILABLE. */
enum mx_err revoke_run(struct ctx *ctx, struct revoke *r) MUST_USE;

/* The word alone, for a token that nothing was written about. Any thread. device_id
 * NULL: all of the user's. */
void revoke_tell(struct core *core, const char *user_id, const char *device_id);

#endif
