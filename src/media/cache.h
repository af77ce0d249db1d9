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
/* For reading; -1: it is not here. The caller closes it. */
int cache_read(struct cache *cache, const uint8_t sha256[SHA256_LEN]);
/* Links path, which is whole and synced, and drops what was not asked for the longest,
 * so that all together have bytes_max: perhaps this, too. What cannot be linked is not
 * there (logged). */
void cache_put(struct cache *cache, const uint8_t sha256[SHA256_LEN], const char *path,
    int64_t size);
void cache_drop(struct cache *cache, const uint8_t sha256[SHA256_LEN]);
int64_t cache_bytes(struct cache *cache);

#endif
