/*
 * What every function of the core is given: the server's settings and shared tables
 * (struct core), and one request's view of it (struct ctx).
 */
#ifndef ROOM_CTX_H
#define ROOM_CTX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/thread.h"
#include "db/db.h"
#include "store/writer.h"

enum registration_mode { REGISTRATION_CLOSED, REGISTRATION_TOKEN, REGISTRATION_OPEN };
enum guests_mode { GUESTS_OFF, GUESTS_READ, GUESTS_JOIN };

/* Set before the threads start, never changed. */
struct settings {
	const char *server_name;
	const char *public_base_url;
	bool base_url_is_given; /* else it is made up from server_name */
	const char *database;	/* the SQLite file */
	const char *default_room_version;
	bool public_list_without_token;
	const char *signing_key_id; /* "ed25519:a_xyz" */
	uint8_t signing_secret[ED25519_SECRET_LEN];
	uint8_t signing_public[ED25519_PUBLIC_LEN];
	uint8_t secret[32]; /* all other keys are derived from it */
	enum registration_mode registration;
	const char *registration_shared_secret; /* NULL: none */
	enum guests_mode guests;
	int64_t guest_lifetime_ms;
	unsigned password_memory_kib, password_passes;
	int64_t events_timeout_max_ms;
	bool presence_enabled;
	int64_t media_upload_max;		  /* bytes of one file */
	int64_t media_files_max, media_total_max; /* of one user; 0: no limit */
	const char *media_quota_link; /* where users read how to get more; NULL: none */
	bool media_without_token;
};

struct rooms;
struct state_texts;
struct appends;
struct changes;
struct recent;
struct push;
struct logins;
struct guests;
struct typing;
struct presence;
struct user_directory;
struct media;
struct previews;
struct public_rooms;

/* Shared; each part guards itself. */
struct core {
	struct settings set;
	struct writer *writer;
	struct rooms *rooms;		 /* room/room: rooms in memory */
	struct state_texts *state_texts; /* room/state_text; NULL: none is kept */
	struct appends
	    *appends; /* room/append: event integers, transactions under way */
	struct changes *changes; /* room/changes: what became visible, in order */
	struct recent *recent;	 /* room/recent: what moved lately */
	struct push *push;	 /* room/push: who has push rules of their own */
	struct logins *logins;	 /* core/login: access tokens seen lately */
	struct guests *guests;	 /* core/guests: denials, guests with rows */
	struct typing *typing;
	struct presence *presence;	   /* NULL in tests that do without */
	struct public_rooms *public_rooms; /* core/public_rooms: the directory's list */
	struct user_directory *user_directory;
	struct media
	    *media; /* core/media: uploaded files; NULL in tests that do without */
	struct previews *previews; /* core/preview: of links; NULL: none are made */
	/* Told of what pages_changed says. Set before the threads start; NULL: nobody.
	 */
	void (*on_pages_changed)(void *arg, const char *room_id);
	void *on_pages_changed_arg;
	/* Every event at or below it is durable and in its room's tail (doc/rooms.md).
	 */
	_Atomic int64_t visible;
};

#define CTX_TICKETS_MAX 16

/* Owned by one worker for one request (or by a maintenance job). */
struct ctx {
	struct core *core;
	struct db *db; /* a reader's connection: sees what is committed */
	/* The sentence for people behind the error being returned; NULL: the default.
	 * In the request's arena or static. */
	const char *why;
	/* Writer tickets that the answer must wait for (see ctx_wrote). */
	uint64_t tickets[CTX_TICKETS_MAX];
	int ticket_count;
};

/* The request has queued a write: its answer is held back until it is durable. Beyond
 * CTX_TICKETS_MAX of them it waits here and now. */
void ctx_wrote(struct ctx *ctx, uint64_t ticket);
/* Sets ctx->why and returns err: return ctx_fail(ctx, M_FORBIDDEN, "..."). */
enum mx_err ctx_fail(struct ctx *ctx, enum mx_err err, const char *why);
/* Waits until all that the request has queued is durable: before reading it back. */
enum mx_err ctx_settle(struct ctx *ctx) MUST_USE;
/* Runs fn as a write job and waits: for what must know its result before it answers. */
enum mx_err ctx_write(
    struct ctx *ctx, enum mx_err (*fn)(void *arg, struct db *db), void *arg) MUST_USE;

#endif
