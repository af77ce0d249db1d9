/*
 * Uploaded files: who may add how much, and what is there. The bytes are media/files',
 * the rows store/media's. Spec: client-server-api/#content-repository
 */
#ifndef CORE_MEDIA_H
#define CORE_MEDIA_H

#include "media/files.h"
#include "room/ctx.h"
#include "room/identity.h"
#include "store/media.h"

#define MEDIA_AWAITED_MS (24LL * 3600 * 1000) /* for an upload that was announced */
#define MEDIA_AWAITED_MAX 100		      /* of one user */
#define MEDIA_NAME_MAX 1024 /* bytes: file systems let names have 255 characters */
#define MEDIA_TYPE_MAX 255

/* At start, behind the database. False with a sentence (malloc'ed). */
bool media_open(
    struct core *core, const struct files_setup *setup, char **error_out) MUST_USE;
/* Whoever waits for a bucket is told that it cannot be had. Any thread. */
void media_stop(struct core *core);
void media_close(struct core *core);
/* At start, before anything is added or removed: how much there is, for media_stats. */
enum mx_err media_count(struct core *core, struct db *db) MUST_USE;
/* Files that no row names, since the server was killed between the two. Once, on a
 * thread with a reader's connection. */
enum mx_err media_drop_orphans(struct ctx *ctx) MUST_USE;
/* Forgets announced uploads that never came: at start, and once an hour, of which
 * media_tick, once a second on one thread, keeps count. */
enum mx_err media_sweep(struct ctx *ctx) MUST_USE;
void media_tick(struct ctx *ctx);

/*
 * What is above the core may keep something of files. It is told by these, on the
 * thread that has changed it, with no lock held: when the change is durable, and before
 * whoever asked for it is answered.
 */
struct media_hooks {
	/* An upload that was announced has come, or is deleted. */
	void (*settled)(void *arg, const char *media_id);
	/* What rows say of files with these contents, or of thumbnails of them, is
	 * not what it was: deleted, quarantined, released; another thumbnail made. */
	void (*changed)(void *arg, const uint8_t (*hashes)[SHA256_LEN], int n);
	void *arg;
};
/* Before threads start, and behind their end: NULL, nobody is told any more. Does
 * nothing where files are not kept (tests). */
void media_set_hooks(struct core *core, const struct media_hooks *hooks);

struct media_stats {
	uint64_t files, bytes; /* on disk: the same bytes are there once */
	uint64_t uploads, bytes_in;
	uint64_t downloads, bytes_out;
	bool has_bucket;
	struct remote_stats bucket;
};
void media_stats(const struct core *core, struct media_stats *out);
/* A client is handed one, or a part of it. */
void media_downloaded(struct core *core);
/* Bytes of a file are on their way to a client. */
void media_sent(struct core *core, size_t bytes);

/* Before anything is read: M_TOO_LARGE, or M_FORBIDDEN over the user's quota. size -1:
 * not known yet. */
enum mx_err media_may_upload(
    struct ctx *ctx, const struct identity *who, int64_t size) MUST_USE;
/* A temporary file for what comes. */
enum mx_err media_begin(struct ctx *ctx, struct file_new *out) MUST_USE;

/* What a client says of its upload. */
struct media_about {
	const char *content_type; /* NULL: not given */
	const char *file_name;	  /* NULL: not given */
};
/* Durable when it returns. The id lies in the arena. The file stays the caller's to
 * end. */
enum mx_err media_add(struct ctx *ctx, struct arena *arena, const struct identity *who,
    struct file_new *file, const struct media_about *about,
    const char **media_id_out) MUST_USE;

/* An id for an upload to come. M_LIMIT_EXCEEDED: too many are awaited.
 * Spec: #post_matrixmediav1create */
enum mx_err media_announce(struct ctx *ctx, struct arena *arena,
    const struct identity *who, const char **media_id_out,
    int64_t *expires_ts_out) MUST_USE;
/* May this user upload to it now? M_NOT_FOUND: it was not announced, or is over;
 * M_FORBIDDEN: by somebody else; M_CANNOT_OVERWRITE_MEDIA. */
enum mx_err media_is_awaited(struct ctx *ctx, struct arena *arena,
    const struct identity *who, const char *server, const char *media_id) MUST_USE;
/* As media_add, to an id that is awaited. */
enum mx_err media_fill(struct ctx *ctx, struct arena *arena, const struct identity *who,
    const char *media_id, struct file_new *file,
    const struct media_about *about) MUST_USE;

/* M_NOT_FOUND, also of what is quarantined, is over, or lies on another server.
 * M_NOT_YET_UPLOADED: it is announced and has not come. */
enum mx_err media_find(struct ctx *ctx, struct arena *arena, const char *server,
    const char *media_id, struct media_row *out) MUST_USE;
/* Its bytes; the caller closes fd. M_NOT_FOUND: it was deleted just now (else logged).
 * M_PARKED: to have them may take long, and may_wait is not set. */
enum mx_err media_read(struct ctx *ctx, const uint8_t sha256[SHA256_LEN], bool may_wait,
    int *fd_out) MUST_USE;
/* Do files come from elsewhere, so that to keep or read one may take long? */
bool media_is_remote(const struct core *core);

#endif
