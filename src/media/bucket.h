/*
 * A bucket of an S3-compatible store: objects by name, over HTTP. Knows nothing of what
 * is in them. Requests are signed by libcurl (AWS Signature Version 4), and each says
 * the SHA-256 of its body, so that the store refuses one that came otherwise.
 */
#ifndef MEDIA_BUCKET_H
#define MEDIA_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/err.h"

#define BUCKET_PREFIX_MAX 255
#define BUCKET_OBJECT_MAX (5LL << 30) /* bytes that one request may bring */

/* Strings are the caller's, and must live as long as the bucket. */
struct bucket_setup {
	const char *endpoint; /* "https://s3.example.org:9000", nothing behind it */
	const char *region, *name;
	const char *prefix; /* before all names; "": none */
	const char *access_key, *secret_key;
	bool name_in_host; /* https://NAME.HOST/ and not https://HOST/NAME/ */
	int page_size;	   /* of what is listed; 0: the store's own */
};

/* "": no prefix. Those characters alone that need no other spelling anywhere:
 * a-z A-Z 0-9 - _ . /, without "..", "/./" and "//", and no "/" or "./" at its
 * beginning. */
bool bucket_prefix_valid(const char *prefix);
/* As stores name buckets: 3 to 63 of a-z 0-9 - . */
bool bucket_name_valid(const char *name);

/* Any thread may use it; each call blocks. What fails for a moment is tried three
 * times, unless it was waited for in vain. Errors, all logged: M_NOT_FOUND (not
 * logged), M_FORBIDDEN (the store refuses: keys, rights, no such bucket), M_UNAVAILABLE
 * (nobody there, or it fails). */
struct bucket *bucket_new(const struct bucket_setup *setup);
/* Whatever is under way ends soon, and what is begun from now on at once. */
void bucket_stop(struct bucket *bucket);
void bucket_free(struct bucket *bucket);

/* The first to do so writes its name beside the objects; who comes with another is told
 * M_FORBIDDEN, since each would drop the other's. Waits some seconds at most. *why_out:
 * a sentence (malloc'ed), or NULL where it went well. bucket_look writes nothing:
 * M_NOT_FOUND, there is no name yet. */
enum mx_err bucket_claim(
    struct bucket *bucket, const char *owner, char **why_out) MUST_USE;
enum mx_err bucket_look(
    struct bucket *bucket, const char *owner, char **why_out) MUST_USE;

/* size bytes of fd from its beginning, which have this hash. Durable when it returns.
 */
enum mx_err bucket_put(struct bucket *bucket, const char *name, int fd, int64_t size,
    const uint8_t sha256[SHA256_LEN]) MUST_USE;
/* take is given the object in pieces; false ends it (M_UNAVAILABLE). again: it broke
 * off and comes from its beginning; false ends it, too. */
struct bucket_taker {
	bool (*take)(void *arg, const void *bytes, size_t n);
	bool (*again)(void *arg);
	void *arg;
};
enum mx_err bucket_get(
    struct bucket *bucket, const char *name, const struct bucket_taker *taker) MUST_USE;
/* M_OK where it is not there. */
enum mx_err bucket_delete(struct bucket *bucket, const char *name) MUST_USE;
/* Calls fn for the name of each object behind the prefix, in order; may use it
 * meanwhile. */
enum mx_err bucket_each(struct bucket *bucket,
    enum mx_err (*fn)(void *arg, const char *name), void *arg) MUST_USE;

#endif
