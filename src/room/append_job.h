/*
 * One append on its way to the disk: built by room/append under the room's lock,
 * written and published by room/append_job on the writer thread.
 */
#ifndef ROOM_APPEND_JOB_H
#define ROOM_APPEND_JOB_H

#include "base/bloom.h"
#include "base/map.h"
#include "room/append.h"
#include "room/push_append.h"
#include "store/events.h"
#include "store/relations.h"

/* One event of the unit. */
struct appended {
	struct event_row row;	   /* in the job's arena */
	struct live_event *live;   /* counted */
	struct state_entry *entry; /* counted; NULL: no state event */
	int64_t detail;		   /* of its state change */
	/* What it is a child of; borrowed from its pdu. NULL: of nothing. */
	struct relation_row *relation;
	/* A redaction that takes effect: on which event, and what is left of it. */
	int64_t target;		/* 0: none */
	struct pdu *target_pdu; /* counted */
	struct str target_packed;
	struct push_outcome push;
};

struct append_job {
	struct write_job job; /* first: the writer hands back this pointer */
	struct append_job *next_in_group, *next_in_room; /* the writer thread's */
	struct core *core;
	struct room *room; /* counted */
	uint32_t epoch;
	bool makes_room;
	struct arena *arena;
	struct appended *events;
	int n;
	struct snapshot *after; /* the room with all of them; counted */
	bool has_txn;
	uint8_t txn_hash[16];
	struct append_extra extra;
};

/* A client transaction whose append is not durable yet. */
struct pending_txn {
	uint8_t hash[16];
	uint64_t ticket;
	char event_id[256];
};

enum txns_known {
	TXNS_LEARNING, /* the old ones are being read */
	TXNS_KNOWN,
	TXNS_TOO_MANY, /* for good: there is no room for all of them */
};

/* Shared. */
struct appends {
	struct lock order; /* RANK_CACHE; makes event integers and queue order agree */
	int64_t next_event;
	_Atomic int64_t next_room;
	struct lock txn_lock; /* RANK_CACHE */
	struct map txns;      /* hash -> struct pending_txn */
	/* Once the old ones have been read, every transaction there is: what it does
	 * not have is new, and no table is asked. */
	struct bloom *known_txns;
	_Atomic enum txns_known knows_txns;
	uint8_t learned[16]; /* up to this hash they have been read */
	/* The writer thread's: jobs of this group that ran well, in order. */
	struct append_job *group, **group_end;
	struct update *updates, **updates_end; /* the same of room/update */
	int64_t reserved; /* positions up to it are noted on disk; 0: who knows */
};

/* The write_job's callbacks. */
enum mx_err append_run(struct write_job *job, struct db *db);
void append_done(struct write_job *job, enum mx_err err);
/* The writer's hooks; arg is the core. */
void append_durable(void *arg);
void append_failed(void *arg);
void append_finished(void *arg);
void append_job_free(struct append_job *job);

#endif
