/*
 * A data directory in use: its lock, its keys, and the core over its database. What
 * `serve` and the operator's words share. Relies on config, keys and core.
 */
#ifndef RUNNING_H
#define RUNNING_H

#include "config.h"
#include "files_config.h"
#include "keys.h"
#include "room/ctx.h"

/* Owned by the main thread; core is shared. { 0 } but for config and lock_fd = -1. */
struct running {
	const struct config *config; /* borrowed */
	int lock_fd;
	struct keys keys;
	struct files_config files;
	struct core core;
};

enum running_lock { RUNNING_LOCKED, RUNNING_IN_USE, RUNNING_FAILED };

/* Takes the lock of data_dir, which must be there: two programs on one data directory
 * would each believe that they alone write. With *error_out (malloc'ed) unless LOCKED.
 */
enum running_lock running_lock(struct running *r, char **error_out) MUST_USE;
/* Reads the keys and opens the core. False with *error_out (malloc'ed): a sentence. */
bool running_open(struct running *r, char **error_out) MUST_USE;
/* Closes what is open and gives the lock back; the lock file stays. */
void running_close(struct running *r);

#endif
