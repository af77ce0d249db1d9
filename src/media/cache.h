/*
 * Some of a bucket's files, in a folder: those that were asked for last. Nothing is
 * lost with them.
 */
#ifndef MEDIA_CACHE_H
#define MEDIA_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"

struct cache;

/* Makes the folder if it is not there; takes up what lies in it. NULL with a sentence
 * in *error_out (malloc'ed). Any thread may use it. */
struct cache *cache_open(const char *folder, int64_t bytes_max, char **error_out);
void cache_free(struct cache *cache);

bool cache_has(struct cache *cache, const uint8_t sha256[SHA256_LEN]);
/* And the bucket has it: it was put here since the start. What only lay here may be of
 * another bucket, or of before a crash. */
bool cache_is_sure(struct cache *cache, const uint8_t sha256[SHA256_LEN]);
/* For reading; the caller closes it. M_NOT_FOUND: it is not here. M_UNAVAILABLE: no
 * more files can be opened now (logged). */
enum mx_err cache_read(
    struct cache *cache, const uint8_t sha256[SHA256_LEN], int *fd_out) MUST_USE;
/* Of a file that the bucket has. Links path, which is whole and synced, and drops what
 * was not asked for the longest, so that all together have bytes_max. What cannot be
 * linked (logged), or is larger than that alone, is not there. */
void cache_put(struct cache *cache, const uint8_t sha256[SHA256_LEN], const char *path,
    int64_t size);
void cache_drop(struct cache *cache, const uint8_t sha256[SHA256_LEN]);
/* Drops the oldest until that comes to so many bytes; false: there was nothing. */
bool cache_shrink(struct cache *cache, int64_t bytes);
/* In whole blocks, as the disk has them. */
int64_t cache_bytes(struct cache *cache);

#endif
