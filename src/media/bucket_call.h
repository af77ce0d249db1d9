/*
 * One request to a bucket's store, and what came of it. For media/bucket alone.
 */
#ifndef MEDIA_BUCKET_CALL_H
#define MEDIA_BUCKET_CALL_H

#include <pthread.h>
#include <stdatomic.h>
#include <curl/curl.h>

#include "base/str.h"
#include "base/thread.h"
#include "base/vec.h"
#include "media/bucket.h"

struct bucket {
	struct bucket_setup setup;
	char *base; /* before all names: "https://host/bucket/prefix" */
	char *list; /* what lists: "https://host/bucket/?" */
	char *signing;
	atomic_bool stops;
	struct lock lock; /* RANK_LEAF; guards idle, and what waits for stops */
	pthread_cond_t stopped;
	VEC(CURL *) idle;
};

/* One request, and what came of it. */
struct bucket_call {
	struct bucket *bucket;
	const char *method;
	char *url;
	/* its body: of fd, or text */
	int fd;
	const char *text;
	int64_t size, at;
	uint8_t sha256[SHA256_LEN];
	/* what comes: given to take where it went well, else kept */
	struct bucket_taker taker; /* take NULL: nobody */
	bool has_taken, is_unwanted;
	int64_t taken;
	long limit_ms; /* of each try; 0: as long as something moves */
	struct buf reply;
	CURL *curl;
	CURLcode code;
	char detail[CURL_ERROR_SIZE]; /* more than code says; "": nothing */
	long status;
};

/* Blocks; tries some times. Errors are media/bucket's. *why_out: a sentence
 * (malloc'ed), NULL unless it fails. The reply and the url stay the caller's to free.
 */
enum mx_err bucket_call(struct bucket_call *call, char **why_out) MUST_USE;
/* The bytes are made fit for a terminal, in place. */
char *bucket_harmless(char *sentence);

#endif
