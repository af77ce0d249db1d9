/*
 * Files in a bucket: who writes one, who reads one and who drops one at the same time,
 * and what of them lies in the cache. Behind media/files.
 */
#ifndef MEDIA_REMOTE_H
#define MEDIA_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "media/bucket.h"

struct remote;

/* owner: whose files these are, for bucket_claim; cache: a folder. Both are copied.
 * NULL with a sentence in *error_out (malloc'ed): the bucket refuses, or is another's.
 * One that is out of reach now is tried again when it is used (logged). */
struct remote *remote_open(const struct bucket_setup *setup, const char *owner,
    const char *cache, int64_t cache_max, char **error_out);
/* Tries once to drop what is still to be dropped; what stays is an orphan at the next
 * start. */
void remote_free(struct remote *remote);
/* Whatever waits for the bucket ends soon, without it. */
void remote_stop(struct remote *remote);

/* Nothing of this hash is dropped from the bucket from here until remote_end; waits
 * while it is being dropped. Then remote_keep: the bytes are in the bucket, durably,
 * and in the cache. path: of the file that fd reads. */
void remote_begin(struct remote *remote, const uint8_t sha256[SHA256_LEN]);
enum mx_err remote_keep(struct remote *remote, const uint8_t sha256[SHA256_LEN], int fd,
    const char *path, int64_t size) MUST_USE;
/* A row is about to name it: what was to be dropped before stays. Never blocks. */
void remote_keep_again(struct remote *remote, const uint8_t sha256[SHA256_LEN]);
void remote_end(struct remote *remote, const uint8_t sha256[SHA256_LEN]);

/* For reading, from the cache: cache_read's. */
enum mx_err remote_read(
    struct remote *remote, const uint8_t sha256[SHA256_LEN], int *fd_out) MUST_USE;
/* The disk is full: the cache gives up so many bytes; false: it has none. */
bool remote_make_room(struct remote *remote, int64_t bytes);
/* Brings it: bucket is given its bytes, and then done, if all have come, says where
 * they lie, synced. Of several who ask at once one is M_OK, and the others, when that
 * one has ended, are M_PARKED: they look into the cache again; or M_UNAVAILABLE with
 * it, so that a store which says nothing is waited for once. M_NOT_FOUND: also of what
 * is to be dropped. */
struct remote_taker {
	struct bucket_taker bucket;
	/* Of the same arg. NULL: the bytes are not those of the hash (logged). */
	const char *(*done)(void *arg, int64_t *size_out);
};
enum mx_err remote_fetch(struct remote *remote, const uint8_t sha256[SHA256_LEN],
    const struct remote_taker *taker) MUST_USE;

/* Soon, in the order of the calls. Never blocks. */
void remote_drop(struct remote *remote, const uint8_t sha256[SHA256_LEN]);
/* Calls fn for each that is in the bucket; it may drop it. */
enum mx_err remote_each(struct remote *remote,
    enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]), void *arg) MUST_USE;

struct remote_stats {
	int64_t cache_bytes;
	uint64_t fetched, kept, dropped; /* since the start */
};
void remote_stats(struct remote *remote, struct remote_stats *out);

#endif
