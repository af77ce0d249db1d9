/*
 * By libcurl, which signs, and libxml2, which reads what is listed. Easy handles are
 * kept, with their connections, for whoever calls next.
 */
#include "media/bucket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <curl/curl.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/vec.h"
#include "media/bucket_page.h"

#define TRIES 3
#define FIRST_PAUSE_MS 100 /* four times that before the third */
#define CONNECT_MS 5000
#define SLOW_BYTES_S 1024L /* less for so long, and it is given up */
#define SLOW_S 30L
#define CLAIM_MS 5000L	    /* a server that starts waits for it */
#define REPLY_MAX (4 << 20) /* of a page of names; errors are shorter */
#define IDLE_MAX 16	    /* handles kept */
#define CLAIM_NAME "parlour-server.txt"

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
struct call {
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

/* --- names --- */

static bool
consists_of(const char *s, const char *more)
{
	for (; *s != '\0'; s++)
		if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') &&
		    strchr(more, *s) == NULL)
			return false;
	return true;
}

bool
bucket_prefix_valid(const char *prefix)
{
	static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./";

	return strlen(prefix) <= BUCKET_PREFIX_MAX && consists_of(prefix, more) &&
	       prefix[0] != '/' && strstr(prefix, "//") == NULL &&
	       strstr(prefix, "..") == NULL && !starts_with(prefix, "./") &&
	       strstr(prefix, "/./") == NULL;
}

bool
bucket_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n >= 3 && n <= 63 && consists_of(name, "-.") && name[0] != '-' &&
	       name[0] != '.' && name[n - 1] != '-' && name[n - 1] != '.' &&
	       strstr(name, "..") == NULL;
}

/* "https://" and "host:port". */
static void
write_place(struct buf *out, const struct bucket_setup *setup)
{
	const char *host = strstr(setup->endpoint, "://");

	host = host == NULL ? setup->endpoint : host + 3;
	buf_add(out, setup->endpoint, (size_t)(host - setup->endpoint));
	if (setup->name_in_host)
		buf_printf(out, "%s.%s/", setup->name, host);
	else
		buf_printf(out, "%s/%s/", host, setup->name);
}

/* What stands in a query: everything but RFC 3986's unreserved, as is signed. */
static void
write_escaped(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		if (consists_of((char[]){ *s, '\0' }, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-._~"))
			buf_char(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
}

static void
start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		log_error("media: libcurl does not start");
		abort();
	}
}

struct bucket *
bucket_new(const struct bucket_setup *setup)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct bucket *b = xcalloc(1, sizeof *b);
	struct buf base = { 0 }, list = { 0 }, signing = { 0 };

	pthread_once(&once, start_curl);
	b->setup = *setup;
	write_place(&list, setup);
	buf_add(&base, list.p, list.n);
	buf_str(&base, setup->prefix);
	buf_char(&list, '?');
	buf_printf(&signing, "aws:amz:%s:s3", setup->region);
	b->base = buf_take(&base, NULL);
	b->list = buf_take(&list, NULL);
	b->signing = buf_take(&signing, NULL);
	lock_init(&b->lock, RANK_LEAF);
	cond_init(&b->stopped);
	return b;
}

void
bucket_stop(struct bucket *b)
{
	lock_take(&b->lock);
	atomic_store(&b->stops, true);
	pthread_cond_broadcast(&b->stopped);
	lock_give(&b->lock);
}

void
bucket_free(struct bucket *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->idle.n; i++)
		curl_easy_cleanup(b->idle.v[i]);
	vec_free(&b->idle);
	lock_fini(&b->lock);
	pthread_cond_destroy(&b->stopped);
	free(b->base);
	free(b->list);
	free(b->signing);
	free(b);
}

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
	struct call *c = arg;
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
	struct call *c = arg;

	if (origin != SEEK_SET || at < 0 || at > c->size)
		return CURL_SEEKFUNC_FAIL;
	c->at = at;
	return CURL_SEEKFUNC_OK;
}

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
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
	return atomic_load(&((const struct call *)arg)->bucket->stops);
}

/* --- a request --- */

#define SET(option, value) (void)curl_easy_setopt(c->curl, option, value)

static void
set_limits(struct call *c)
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
set_body(struct call *c)
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
check_sent(struct call *c)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(c->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (c->code != CURLE_OK || c->status / 100 != 2 || sent >= c->size)
		return;
	c->code = CURLE_SEND_ERROR;
	snprintf(c->detail, sizeof c->detail, "%ld before all was sent", c->status);
}

static void
perform(struct call *c)
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
may_try_again(struct call *c)
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
is_code(const struct call *c, const char *code)
{
	char *there = bucket_page_text(c->reply.p, c->reply.n, "Code");
	bool is = there != NULL && strcmp(there, code) == 0;

	free(there);
	return is;
}

/* Whoever reads it reads it on a terminal. */
static char *
made_harmless(char *sentence)
{
	for (char *p = sentence; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return sentence;
}

/* A sentence, malloc'ed. */
static char *
explain(const struct call *c)
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
	return made_harmless(buf_take(&out, NULL));
}

/* It would have it some other time: what a clock that is not set yet is told, and who
 * sent too slowly. */
static bool
is_of_this_moment(const struct call *c)
{
	return c->status >= 500 || c->status == 429 || c->status == 408 ||
	       is_code(c, "RequestTimeTooSkewed") || is_code(c, "RequestTimeout");
}

/* That of a missing object alone: a missing bucket is no object's. */
static enum mx_err
judge(const struct call *c)
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

/* *why_out: NULL unless it fails. Leaves the reply to the caller. */
static enum mx_err
call(struct call *c, char **why_out)
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

static void
set_name(struct call *c, const char *name)
{
	struct buf url = { 0 };

	buf_printf(&url, "%s%s", c->bucket->base, name);
	c->url = buf_take(&url, NULL);
}

/* Of an object; logs what is wrong, and frees the request. */
static enum mx_err
call_name(struct call *c, const char *name)
{
	char *why;
	enum mx_err err;

	set_name(c, name);
	err = call(c, &why);
	if (err != M_OK && err != M_NOT_FOUND && !c->is_unwanted)
		log_error("media: %s", why);
	free(why);
	free(c->url);
	buf_free(&c->reply);
	return err;
}

static struct call
call_of(struct bucket *b, const char *method)
{
	struct call c = { .bucket = b, .method = method, .fd = -1 };

	sha256("", 0, c.sha256);
	return c;
}

/* --- objects --- */

enum mx_err
bucket_put(struct bucket *b, const char *name, int fd, int64_t size,
    const uint8_t sha256[SHA256_LEN])
{
	struct call c = call_of(b, "PUT");
	enum mx_err err;

	c.fd = fd;
	c.size = size;
	memcpy(c.sha256, sha256, SHA256_LEN);
	err = call_name(&c, name);
	return err == M_NOT_FOUND ? M_FORBIDDEN : err;
}

enum mx_err
bucket_get(struct bucket *b, const char *name, const struct bucket_taker *taker)
{
	struct call c = call_of(b, "GET");

	c.taker = *taker;
	return call_name(&c, name);
}

enum mx_err
bucket_delete(struct bucket *b, const char *name)
{
	struct call c = call_of(b, "DELETE");
	enum mx_err err = call_name(&c, name);

	return err == M_NOT_FOUND ? M_OK : err;
}

/* --- all of them --- */

static char *
page_url(struct bucket *b, const char *token)
{
	struct buf url = { 0 };

	/* In the order in which they are signed. */
	buf_str(&url, b->list);
	if (token != NULL) {
		buf_lit(&url, "continuation-token=");
		write_escaped(&url, token);
		buf_char(&url, '&');
	}
	buf_lit(&url, "list-type=2");
	if (b->setup.page_size > 0)
		buf_printf(&url, "&max-keys=%d", b->setup.page_size);
	if (b->setup.prefix[0] != '\0') {
		buf_lit(&url, "&prefix=");
		write_escaped(&url, b->setup.prefix);
	}
	return buf_take(&url, NULL);
}

static enum mx_err
read_page(struct bucket *b, const char *token, struct bucket_page *out)
{
	struct call c = call_of(b, "GET");
	enum mx_err err;
	char *why;

	c.url = page_url(b, token);
	err = call(&c, &why);
	if (err == M_OK && !bucket_page_read(c.reply.p, c.reply.n, out)) {
		log_error("media: GET %s: this is no list of objects", c.url);
		err = M_UNAVAILABLE;
	} else if (err != M_OK) {
		log_error("media: %s", why);
		err = err == M_NOT_FOUND ? M_FORBIDDEN : err;
	}
	free(why);
	free(c.url);
	buf_free(&c.reply);
	return err;
}

static enum mx_err
each_of_page(struct bucket *b, const struct bucket_page *page,
    enum mx_err (*fn)(void *arg, const char *name), void *arg)
{
	size_t n = strlen(b->setup.prefix);
	enum mx_err err = M_OK;

	for (size_t i = 0; err == M_OK && i < page->names.n; i++) {
		const char *name = page->names.v[i];

		if (atomic_load(&b->stops))
			return M_UNAVAILABLE;
		if (strncmp(name, b->setup.prefix, n) == 0 &&
		    strcmp(name + n, CLAIM_NAME) != 0)
			err = fn(arg, name + n);
	}
	return err;
}

/* Whether a list turns in a circle, however large: a token is remembered for twice as
 * many pages as the one before (Brent's). */
struct circle {
	char *token;
	uint64_t pages, until;
};

static bool
circle_is_closed(struct circle *circle, const char *token)
{
	if (circle->token != NULL && strcmp(circle->token, token) == 0)
		return true;
	if (circle->pages++ == circle->until) {
		free(circle->token);
		circle->token = xstrdup(token);
		circle->until = 2 * circle->pages;
	}
	return false;
}

/* *token: of the page, and then of the next. */
static enum mx_err
each_next(struct bucket *b, char **token,
    enum mx_err (*fn)(void *arg, const char *name), void *arg)
{
	struct bucket_page page = { 0 };
	enum mx_err err = read_page(b, *token, &page);

	if (err == M_OK)
		err = each_of_page(b, &page, fn, arg);
	free(*token);
	*token = page.next;
	page.next = NULL;
	bucket_page_fini(&page);
	return err;
}

enum mx_err
bucket_each(struct bucket *b, enum mx_err (*fn)(void *arg, const char *name), void *arg)
{
	struct circle circle = { 0 };
	char *token = NULL;
	enum mx_err err;

	do {
		err = each_next(b, &token, fn, arg);
		if (err == M_OK && token != NULL && circle_is_closed(&circle, token)) {
			log_error("media: %s lists the same names again", b->list);
			err = M_UNAVAILABLE;
		}
	} while (err == M_OK && token != NULL);
	free(token);
	free(circle.token);
	return err;
}

/* --- whose it is --- */

static bool
take_text(void *arg, const void *bytes, size_t n)
{
	struct buf *text = arg;

	if (text->n + n > 1024)
		return false;
	buf_add(text, bytes, n);
	return true;
}

static enum mx_err
write_claim(struct bucket *b, const char *owner, char **why_out)
{
	struct call c = call_of(b, "PUT");
	enum mx_err err;

	c.limit_ms = CLAIM_MS;
	c.text = owner;
	c.size = (int64_t)strlen(owner);
	sha256(owner, strlen(owner), c.sha256);
	set_name(&c, CLAIM_NAME);
	err = call(&c, why_out);
	free(c.url);
	buf_free(&c.reply);
	return err == M_NOT_FOUND ? M_FORBIDDEN : err;
}

static enum mx_err
compare(struct bucket *b, const struct buf *there, const char *owner, char **why_out)
{
	struct buf why = { 0 };

	if (there->n == strlen(owner) && memcmp(there->p, owner, there->n) == 0)
		return M_OK;
	buf_printf(&why, "%s holds the files of %.*s, as %s says there, and this is %s",
	    b->base, (int)(there->n < 320 ? there->n : 320),
	    there->n == 0 ? "" : there->p, CLAIM_NAME, owner);
	*why_out = made_harmless(buf_take(&why, NULL));
	return M_FORBIDDEN;
}

enum mx_err
bucket_look(struct bucket *b, const char *owner, char **why_out)
{
	struct call c = call_of(b, "GET");
	struct buf there = { 0 };
	enum mx_err err;

	c.limit_ms = CLAIM_MS;
	c.taker = (struct bucket_taker){ .take = take_text, .arg = &there };
	set_name(&c, CLAIM_NAME);
	err = call(&c, why_out);
	free(c.url);
	buf_free(&c.reply);
	if (err == M_OK)
		err = compare(b, &there, owner, why_out);
	buf_free(&there);
	return err;
}

enum mx_err
bucket_claim(struct bucket *b, const char *owner, char **why_out)
{
	enum mx_err err = bucket_look(b, owner, why_out);

	if (err != M_NOT_FOUND)
		return err;
	free(*why_out);
	return write_claim(b, owner, why_out);
}
