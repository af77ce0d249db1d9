/*
 * The table of presence, shared by presence.c (what users do), presence_keep.c (what
 * time does) and presence_news.c (who is told).
 */
#ifndef CORE_PRESENCE_INSIDE_H
#define CORE_PRESENCE_INSIDE_H

#include "base/map.h"
#include "core/presence.h"

#define DEVICES_MAX 8 /* of one user, remembered at one time */

/* What one device says; gone when its time is up. */
struct presence_device {
	uint64_t id; /* map_hash of the device id */
	enum presence_state state;
	int64_t until_ms; /* clock_mono_ms */
};

/* One user. Guarded by the table's lock. */
struct present {
	char *user_id;
	char *status_msg; /* NULL: none */
	/* How often it has changed; up to which change it is written. */
	uint32_t said, said_written;
	struct presence_device devices[DEVICES_MAX];
	int device_count;
	int64_t last_active_ms; /* clock_now_ms; 0: not known */
	int64_t active_mono_ms; /* the same in clock_mono_ms */
	int64_t changed_ms;	/* clock_mono_ms of position */
	/* As others were told. */
	enum presence_state state;
	bool currently_active;
	int64_t position, own_position;
	struct present *older, *newer; /* by position */
	struct present *next_to_tell;  /* in the table's list; valid if is_to_tell */
	struct present *next_to_write; /* likewise */
	bool is_to_tell, is_to_write;
	bool was_online; /* as it is written, or about to be */
};

/* Shared; lock guards all of it. */
struct presence {
	struct lock lock; /* RANK_CACHE */
	struct map users; /* user id -> struct present */
	int64_t position;
	struct present *newest, *oldest;
	struct present *to_tell, **to_tell_end;
	struct present *to_write, **to_write_end;
	size_t at;	    /* where the walk of presence_tick stands */
	int64_t written_ms; /* when rows were written last */
};

/* NULL: presence is disabled. */
struct presence *presence_on(struct core *core);
/* All with the lock held. */
struct present *presence_user_locked(struct presence *p, const char *user_id);
/* What others see follows from what devices say and when; by_hand: the user did it.
 * True: it is another now. */
bool presence_settle_locked(
    struct presence *p, struct present *u, int64_t now_ms, bool by_hand);
/* A new position for what others see. */
void presence_moved_locked(
    struct presence *p, struct present *u, int64_t now_ms, bool by_hand);
void presence_row_locked(
    struct arena *arena, const struct present *u, struct presence_row *out);
void presence_remove_locked(struct presence *p, struct present *u);

#endif
