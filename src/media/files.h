/*
 * Files by the SHA-256 of what is in them, under one folder, or in a bucket with some
 * of them in the folder. What has been kept is on disk, whole (or acknowledged by the
 * bucket's store); the same bytes are there once. Knows nothing of whose they are.
 */
#ifndef MEDIA_FILES_H
#define MEDIA_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "base/crypto.h"
#include "base/err.h"
#include "media/remote.h"

struct files;

struct files_setup {
	const char *folder;
	/* Where new ones go; NULL: into the folder. What lies in the folder from before
	 * is read there. */
	const struct bucket_setup *bucket;
	const char *owner; /* of the bucket: remote_open's */
	int64_t cache_max; /* bytes of the bucket's files that the folder holds, too */
};

/* Makes the folder if it is not there, and drops what a server that was killed left
 * half written. NULL with a sentence in *error_out (malloc'ed). Any thread may use it.
 */
struct files *files_open(const struct files_setup *setup, char **error_out);
/* For reading alone, beside a server that may be running: makes and drops nothing. */
struct files *files_look(const char *folder);
/* Whatever waits for the bucket ends soon. */
void files_stop(struct files *files);
void files_free(struct files *files);
/* Files may be elsewhere: to keep one, and to read one, may take long. */
bool files_are_remote(const struct files *files);
/* False: none are in a bucket. */
bool files_remote_stats(const struct files *files, struct remote_stats *out);

/* One that is coming in; owned by one thread at a time. */
struct file_new {
	struct files *files;
	struct sha256 *hash;
	int fd;
	int64_t size;
	int64_t begun;	/* so much of it is on its way to the disk */
	char *path;	/* a temporary name */
	bool is_remote; /* remote_begin has begun */
	uint8_t sha256[SHA256_LEN];
};

/* M_UNAVAILABLE (logged): no space, or no such folder. */
enum mx_err file_begin(struct files *files, struct file_new *out) MUST_USE;
enum mx_err file_add(struct file_new *file, const void *bytes, size_t n) MUST_USE;
/* Somebody else has written it, into fd: reads it for its hash and size. */
enum mx_err file_reread(struct file_new *file) MUST_USE;
/* It is whole: makes it durable under its own name, and fills in sha256. The temporary
 * name stays until file_end: if somebody drops the file meanwhile, file_keep_again puts
 * it back. */
enum mx_err file_keep(struct file_new *file) MUST_USE;
enum mx_err file_keep_again(struct file_new *file) MUST_USE;
/* Closes it, and drops the temporary name. */
void file_end(struct file_new *file);

/* For reading; the caller closes fd. M_NOT_FOUND. M_PARKED: it is in the bucket, and
 * may_wait is not set. M_UNAVAILABLE (logged). */
enum mx_err files_read(struct files *files, const uint8_t sha256[SHA256_LEN],
    bool may_wait, int *fd_out, int64_t *size_out) MUST_USE;
/* M_NOT_FOUND, but not of the bucket, which drops it later. Who is reading it reads on.
 */
enum mx_err files_drop(struct files *files, const uint8_t sha256[SHA256_LEN]) MUST_USE;
/* Calls fn for each file, in no order; it may drop it. Of a bucket this takes long. */
enum mx_err files_each(struct files *files,
    enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]), void *arg) MUST_USE;

#endif
