/*
 * By libcurl, which signs. Easy handles are kept, with their connections, for whoever
 * calls next.
 */
#include "media/bucket_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "media/bucket_page.h"

#define TRIES 3
#define FIRST_PAUSE_MS 100 /* four times that before the third */
#define CONNECT_MS 5000
#define SLOW_BYTES_S 1024L /* less for so long, and it is given up */
#define SLOW_S 30L
#define REPLY_MAX (4 << 20) /* of a page of names; errors are shorter */
#define IDLE_MAX 16	    /* handles kept */

/* --- handles --- */

static CURL *
handle_get(struct bucket *b)
{
	CURL *curl = NULL;

	lock_take(&b->lock);
	if (b->idle.n > 0)
		curl = b->idle.v[--b->idle.n];
	lock_give(&b->lock);
	if (curl == NULL && (curl = curl_easy_init()) == NULL)
		abort(); /* out of memory */
	return curl;
}

static void
handle_put(struct bucket *b, CURL *curl)
{
	curl_easy_reset(curl); /* its connections stay */
	lock_take(&b->lock);
	if (b->idle.n < IDLE_MAX) {
		vec_push(&b->idle, curl);
		curl = NULL;
	}
	lock_give(&b->lock);
	if (curl != NULL)
		curl_easy_cleanup(curl);
}

/* --- what libcurl asks --- */

static size_t
on_read(char *out, size_t size, size_t n, void *arg)
{
	struct bucket_call *c = arg;
	ssize_t got;

	n *= size;
	if ((int64_t)n > c->size - c->at)
		n = (size_t)(c->size - c->at);
	if (c->text != NULL) {
		memcpy(out, c->text + c->at, n);
		got = (ssize_t)n;
	} else {
		got = n == 0 ? 0 : pread(c->fd, out, n, c->at);
	}
	if (got < 0 || (got == 0 && n > 0)) {
		log_errno("media: a file on its way to the bucket cannot be read");
		return CURL_READFUNC_ABORT;
	}
	c->at += got;
	return (size_t)got;
}

static int
on_seek(void *arg, curl_off_t at, int origin)
{
	struct bucket_call *c = arg;

	if (origin != SEEK_SET || at < 0 || at > c->size)
		return CURL_SEEKFUNC_FAIL;
	c->at = at;
	return CURL_SEEKFUNC_OK;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct bucket_call *c = arg;
	long status = 0;

	n *= size;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200 && c->taker.take != NULL) {
		c->has_taken = true;
		c->taken += (int64_t)n;
		if (c->taken > BUCKET_OBJECT_MAX) {
			log_error("media: %s does not end", c->url);
			c->is_unwanted = true;
			return 0;
		}
		c->is_unwanted = !c->taker.take(c->taker.arg, bytes, n);
		return c->is_unwanted ? 0 : n;
	}
	if (c->reply.n + n > REPLY_MAX)
		return 0;
	buf_add(&c->reply, bytes, n);
	return n;
}

static int
on_progress(
    void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	return atomic_load(&((const struct bucket_call *)arg)->bucket->stops);
}

/* --- a request --- */

#define SET(option, value) (void)curl_easy_setopt(c->curl, option, value)

static void
set_limits(struct bucket_call *c)
{
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, ""); /* the one place that is configured, and no other */
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* leaves a resolver that waits to itself */
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_S);
	SET(CURLOPT_LOW_SPEED_TIME, SLOW_S);
	SET(CURLOPT_TIMEOUT_MS, c->limit_ms);
	SET(CURLOPT_BUFFERSIZE, 128L << 10);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, 128L << 10);
	SET(CURLOPT_USERAGENT, "Parlour/" PARLOUR_VERSION);
}

static void
set_body(struct bucket_call *c)
{
	if (strcmp(c->method, "PUT") == 0) {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->size);
		SET(CURLOPT_READFUNCTION, on_read);
		SET(CURLOPT_READDATA, c);
		SET(CURLOPT_SEEKFUNCTION, on_seek);
		SET(CURLOPT_SEEKDATA, c);
	} else if (strcmp(c->method, "GET") != 0) {
		SET(CURLOPT_CUSTOMREQUEST, c->method);
	}
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, c);
}

/* Whoever says yes before all is sent, as something between us and the store may,
 * cannot have it. */
static void
check_sent(struct bucket_call *c)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(c->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (c->code != CURLE_OK || c->status / 100 != 2 || sent >= c->size)
		return;
	c->code = CURLE_SEND_ERROR;
	snprintf(c->detail, sizeof c->detail, "%ld before all was sent", c->status);
}

static void
perform(struct bucket_call *c)
{
	char hash[] =
	    "x-amz-content-sha256: "
	    "................................................................";
	struct curl_slist *headers;

	hex_encode(c->sha256, SHA256_LEN, hash + strlen(hash) - 2 * SHA256_LEN);
	headers = curl_slist_append(NULL, hash);
	buf_reset(&c->reply);
	c->at = 0;
	c->status = 0;
	set_limits(c);
	set_body(c);
	c->detail[0] = '\0';
	SET(CURLOPT_ERRORBUFFER, c->detail);
	SET(CURLOPT_URL, c->url);
	SET(CURLOPT_AWS_SIGV4, c->bucket->signing);
	SET(CURLOPT_USERNAME, c->bucket->setup.access_key);
	SET(CURLOPT_PASSWORD, c->bucket->setup.secret_key);
	SET(CURLOPT_HTTPHEADER, headers);
	c->code = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
	check_sent(c);
	SET(CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
}

/* What another try may mend, and has not been passed on for good. */
static bool
may_try_again(struct bucket_call *c)
{
	if (c->is_unwanted || atomic_load(&c->bucket->stops))
		return false;
	if (c->code == CURLE_URL_MALFORMAT)
		return false;
	if (c->code == CURLE_OPERATION_TIMEDOUT)
		return false; /* somebody waits, and so do all behind him */
	if (c->code == CURLE_OK && c->status < 500 && c->status != 429)
		return false;
	if (c->has_taken && (c->taker.again == NULL || !c->taker.again(c->taker.arg)))
		return false;
	c->has_taken = false;
	c->taken = 0;
	return true;
}

static void
pause_before(struct bucket *b, int try)
{
	int64_t end = clock_mono_ms() + (FIRST_PAUSE_MS << (2 * (try - 1)));

	lock_take(&b->lock);
	while (!atomic_load(&b->stops) && lock_wait(&b->lock, &b->stopped, end))
		;
	lock_give(&b->lock);
}

static bool
is_code(const struct bucket_call *c, const char *code)
{
	char *there = bucket_page_text(c->reply.p, c->reply.n, "Code");
	bool is = there != NULL && strcmp(there, code) == 0;

	free(there);
	return is;
}

/* Whoever reads it reads it on a terminal. */
char *
bucket_harmless(char *sentence)
{
	for (char *p = sentence; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return sentence;
}

/* A sentence, malloc'ed. */
static char *
explain(const struct bucket_call *c)
{
	char *code = bucket_page_text(c->reply.p, c->reply.n, "Code");
	char *message = bucket_page_text(c->reply.p, c->reply.n, "Message");
	char *endpoint = bucket_page_text(c->reply.p, c->reply.n, "Endpoint");
	struct buf out = { 0 };

	buf_printf(&out, "%s %s: ", c->method, c->url);
	if (atomic_load(&c->bucket->stops))
		buf_str(&out, "the server stops");
	else if (c->code != CURLE_OK)
		buf_str(&out,
		    c->detail[0] != '\0' ? c->detail : curl_easy_strerror(c->code));
	else if (code != NULL)
		buf_printf(&out, "%ld %s: %s", c->status, code,
		    message == NULL ? "(no reason given)" : message);
	else
		buf_printf(&out, "%ld", c->status);
	if (endpoint != NULL) /* of a bucket that is in another region */
		buf_printf(&out, ": its endpoint is %s", endpoint);
	free(code);
	free(message);
	free(endpoint);
	return bucket_harmless(buf_take(&out, NULL));
}

/* It would have it some other time: what a clock that is not set yet is told, and who
 * sent too slowly. */
static bool
is_of_this_moment(const struct bucket_call *c)
{
	return c->status >= 500 || c->status == 429 || c->status == 408 ||
	       is_code(c, "RequestTimeTooSkewed") || is_code(c, "RequestTimeout");
}

/* That of a missing object alone: a missing bucket is no object's. */
static enum mx_err
judge(const struct bucket_call *c)
{
	if (c->code == CURLE_URL_MALFORMAT)
		return M_FORBIDDEN; /* no other moment mends it */
	if (c->code != CURLE_OK)
		return M_UNAVAILABLE;
	if (c->status / 100 == 2)
		return M_OK;
	if (is_of_this_moment(c))
		return M_UNAVAILABLE;
	return c->status == 404 && !is_code(c, "NoSuchBucket") ? M_NOT_FOUND
							       : M_FORBIDDEN;
}

enum mx_err
bucket_call(struct bucket_call *c, char **why_out)
{
	enum mx_err err;

	*why_out = NULL;
	c->curl = handle_get(c->bucket);
	thread_waits(true);
	for (int try = 0;; try++) {
		if (try > 0)
			pause_before(c->bucket, try);
		perform(c);
		if (try + 1 == TRIES || !may_try_again(c))
			break;
	}
	thread_waits(false);
	err = judge(c);
	if (err != M_OK)
		*why_out = explain(c);
	handle_put(c->bucket, c->curl);
	return err;
}
