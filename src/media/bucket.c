/*
 * Names, objects, lists of them, and whose they are. Relies on media/bucket_call for
 * each request, and on media/bucket_page for what the store answers in XML.
 */
#include "media/bucket.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "http/uri.h"
#include "media/bucket_call.h"
#include "media/bucket_page.h"

#define CLAIM_MS 5000L /* a server that starts waits for it */
#define CLAIM_NAME "parlour-server.txt"

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

/* --- requests --- */

static void
set_name(struct bucket_call *c, const char *name)
{
	struct buf url = { 0 };

	buf_printf(&url, "%s%s", c->bucket->base, name);
	c->url = buf_take(&url, NULL);
}

/* Of an object; logs what is wrong, and frees the request. */
static enum mx_err
call_name(struct bucket_call *c, const char *name)
{
	char *why;
	enum mx_err err;

	set_name(c, name);
	err = bucket_call(c, &why);
	if (err != M_OK && err != M_NOT_FOUND && !c->is_unwanted)
		log_error("media: %s", why);
	free(why);
	free(c->url);
	buf_free(&c->reply);
	return err;
}

static struct bucket_call
call_of(struct bucket *b, const char *method)
{
	struct bucket_call c = { .bucket = b, .method = method, .fd = -1 };

	sha256("", 0, c.sha256);
	return c;
}

/* --- objects --- */

enum mx_err
bucket_put(struct bucket *b, const char *name, int fd, int64_t size,
    const uint8_t sha256[SHA256_LEN])
{
	struct bucket_call c = call_of(b, "PUT");
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
	struct bucket_call c = call_of(b, "GET");

	c.taker = *taker;
	return call_name(&c, name);
}

enum mx_err
bucket_delete(struct bucket *b, const char *name)
{
	struct bucket_call c = call_of(b, "DELETE");
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
		uri_encode(&url, token, strlen(token), "");
		buf_char(&url, '&');
	}
	buf_lit(&url, "list-type=2");
	if (b->setup.page_size > 0)
		buf_printf(&url, "&max-keys=%d", b->setup.page_size);
	if (b->setup.prefix[0] != '\0') {
		buf_lit(&url, "&prefix=");
		uri_encode(&url, b->setup.prefix, strlen(b->setup.prefix), "");
	}
	return buf_take(&url, NULL);
}

static enum mx_err
read_page(struct bucket *b, const char *token, struct bucket_page *out)
{
	struct bucket_call c = call_of(b, "GET");
	enum mx_err err;
	char *why;

	c.url = page_url(b, token);
	err = bucket_call(&c, &why);
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
	struct bucket_call c = call_of(b, "PUT");
	enum mx_err err;

	c.limit_ms = CLAIM_MS;
	c.text = owner;
	c.size = (int64_t)strlen(owner);
	sha256(owner, strlen(owner), c.sha256);
	set_name(&c, CLAIM_NAME);
	err = bucket_call(&c, why_out);
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
	*why_out = bucket_harmless(buf_take(&why, NULL));
	return M_FORBIDDEN;
}

enum mx_err
bucket_look(struct bucket *b, const char *owner, char **why_out)
{
	struct bucket_call c = call_of(b, "GET");
	struct buf there = { 0 };
	enum mx_err err;

	c.limit_ms = CLAIM_MS;
	c.taker = (struct bucket_taker){ .take = take_text, .arg = &there };
	set_name(&c, CLAIM_NAME);
	err = bucket_call(&c, why_out);
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
