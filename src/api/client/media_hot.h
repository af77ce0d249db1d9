/*
 * Files that are asked for again and again: what their rows say of them, and the bytes
 * of small ones, in memory, so that an io thread answers without asking anybody. Filled
 * by workers; whoever changes a row has it forgotten. Any thread may use it.
 */
#ifndef API_CLIENT_MEDIA_HOT_H
#define API_CLIENT_MEDIA_HOT_H

#include "base/arena.h"
#include "base/crypto.h"
#include "base/err.h"
#include "http/server.h"

#define MEDIA_SMALL_MAX (128 << 10) /* bytes of a file that is kept whole */

struct media_hot;

/* One file as it is handed out. */
struct media_file {
	uint8_t sha256[SHA256_LEN];
	int64_t size;
	const char *content_type, *name; /* NULL: not known, none */
	struct http_shared *bytes; /* all of them, a reference; NULL: not in memory */
};

struct media_hot *media_hot_new(void);
void media_hot_free(struct media_hot *hot);

/* What is known by this key; its strings in the arena, bytes the caller's to unref.
 * False: nothing is. */
bool media_hot_find(struct media_hot *hot, struct arena *arena, const char *key,
    struct media_file *out) MUST_USE;
/* To be asked before rows are read, and said when what they say is put: it is dropped
 * if anything was forgotten in between, since it may have been this. */
uint64_t media_hot_age(struct media_hot *hot);
/* original: what is in the upload, of which the file may be a thumbnail; bytes are not
 * looked at. True: it is known already, and so worth to be kept. */
bool media_hot_put(struct media_hot *hot, uint64_t age, const char *key,
    const uint8_t original[SHA256_LEN], const struct media_file *file);
/* A small file's bytes, all of them, are copied; not each time where there is no room.
 */
void media_hot_keep(struct media_hot *hot, const uint8_t sha256[SHA256_LEN],
    const void *bytes, size_t n);
/* All that is known of these contents is over: when it returns, none of it is found any
 * more. */
void media_hot_forget(
    struct media_hot *hot, const uint8_t (*hashes)[SHA256_LEN], int n);

/* A request was answered out of it alone: counted. */
void media_hot_answered(struct media_hot *hot);

struct media_hot_stats {
	uint64_t files;	     /* of which it is known what their rows say */
	uint64_t kept_bytes; /* of small ones */
	uint64_t hits;	     /* requests that were answered out of it */
};
void media_hot_stats(struct media_hot *hot, struct media_hot_stats *out);

#endif
