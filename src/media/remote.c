/*
 * A file's row decides whether it stays, and rows are looked at on the writer thread
 * alone, which must not wait for a network. So that thread only says what is to be
 * dropped, and a thread of ours drops it, unless somebody has begun to write the same
 * bytes meanwhile. What is known of a file while anything goes on with it is in a
 * table; of all others nothing is kept but the cache's.
 */
#include "media/remote.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "base/thread.h"
#include "media/cache.h"

#define RETRY_MS 30000

/* A file with which something goes on. */
struct moving {
	uint8_t sha256[SHA256_LEN];
	int writers;
	bool is_doomed;	  /* to be dropped, when nobody writes it */
	bool is_listed;	  /* in the list of those */
	bool is_dropping; /* this very moment */
	bool is_fetching;
	bool is_stale; /* doomed while it was fetched: the cache does not take it */
	int waiting;   /* for who fetches it */
	unsigned fetches;
	enum mx_err fetch_err; /* of the last that ended */
	struct moving *next;
};

struct remote {
	struct bucket *bucket;
	struct cache *cache;
	char *owner;
	atomic_bool is_claimed;
	struct lock lock; /* RANK_CACHE; guards the rest */
	pthread_cond_t changed;
	struct map moving; /* by sha256 */
	struct moving *first, **last;
	bool ends;
	pthread_t dropper;
	_Atomic uint64_t fetched, kept, dropped;
};

static void *drop_all(void *arg);

/* --- the bucket --- */

static void
name_of(const uint8_t sha256[SHA256_LEN], char out[2 * SHA256_LEN + 1])
{
	hex_encode(sha256, SHA256_LEN, out);
}

/* Before the first write, where the bucket was out of reach at start. */
static enum mx_err
claim(struct remote *remote)
{
	char *why = NULL;
	enum mx_err err;

	if (atomic_load(&remote->is_claimed))
		return M_OK;
	err = bucket_claim(remote->bucket, remote->owner, &why);
	if (err == M_OK)
		atomic_store(&remote->is_claimed, true);
	else
		log_error("media: %s", why);
	free(why);
	return err == M_OK ? M_OK : M_UNAVAILABLE;
}

static bool
open_bucket(struct remote *remote, char **error_out)
{
	char *why = NULL;
	enum mx_err err = bucket_claim(remote->bucket, remote->owner, &why);
	struct buf text = { 0 };

	if (err == M_OK) {
		atomic_store(&remote->is_claimed, true);
	} else if (err == M_UNAVAILABLE) {
		log_warn("media: the bucket is out of reach: %s", why);
	} else {
		buf_printf(&text, "media.s3: %s", why);
		*error_out = buf_take(&text, NULL);
	}
	free(why);
	return err == M_OK || err == M_UNAVAILABLE;
}

struct remote *
remote_open(const struct bucket_setup *setup, const char *owner, const char *cache,
    int64_t cache_max, char **error_out)
{
	struct remote *remote = xcalloc(1, sizeof *remote);

	remote->bucket = bucket_new(setup);
	remote->owner = xstrdup(owner);
	remote->last = &remote->first;
	lock_init(&remote->lock, RANK_CACHE);
	cond_init(&remote->changed);
	remote->cache = cache_open(cache, cache_max, error_out);
	if (remote->cache != NULL && open_bucket(remote, error_out)) {
		remote->dropper = thread_start("bucket", ROLE_WORKER, drop_all, remote);
		return remote;
	}
	remote->ends = true;
	remote_free(remote);
	return NULL;
}

void
remote_stop(struct remote *remote)
{
	bucket_stop(remote->bucket);
}

static void
tell_left(const struct remote *remote)
{
	size_t n = 0;

	for (const struct moving *m = remote->first; m != NULL; m = m->next)
		n += m->is_doomed;
	if (n > 0)
		log_warn("media: %zu deleted files stay in the bucket until the next "
			 "start with a store that answers",
		    n);
}

void
remote_free(struct remote *remote)
{
	struct moving *m;
	bool has_thread;

	if (remote == NULL)
		return;
	lock_take(&remote->lock);
	has_thread = !remote->ends;
	remote->ends = true;
	pthread_cond_broadcast(&remote->changed);
	lock_give(&remote->lock);
	if (has_thread) {
		pthread_join(remote->dropper, NULL);
		tell_left(remote);
	}
	for (size_t at = 0; (m = map_next(&remote->moving, &at)) != NULL;)
		free(m);
	map_fini(&remote->moving);
	cache_free(remote->cache);
	bucket_free(remote->bucket);
	lock_fini(&remote->lock);
	pthread_cond_destroy(&remote->changed);
	free(remote->owner);
	free(remote);
}

/* --- what goes on with a file --- */

static struct moving *
moving_locked(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m = map_get(&remote->moving, sha256, SHA256_LEN);

	if (m != NULL)
		return m;
	m = xcalloc(1, sizeof *m);
	memcpy(m->sha256, sha256, SHA256_LEN);
	map_put(&remote->moving, m->sha256, SHA256_LEN, m);
	return m;
}

static void
forget_if_still_locked(struct remote *remote, struct moving *m)
{
	if (m->writers > 0 || m->is_doomed || m->is_listed || m->is_dropping ||
	    m->is_fetching || m->waiting > 0)
		return;
	map_del(&remote->moving, m->sha256, SHA256_LEN);
	free(m);
}

static void
list_locked(struct remote *remote, struct moving *m)
{
	if (m->is_listed)
		return;
	m->is_listed = true;
	m->next = NULL;
	*remote->last = m;
	remote->last = &m->next;
	pthread_cond_broadcast(&remote->changed);
}

static struct moving *
unlist_locked(struct remote *remote)
{
	struct moving *m = remote->first;

	remote->first = m->next;
	if (m->next == NULL)
		remote->last = &remote->first;
	m->is_listed = false;
	return m;
}

/* --- writing --- */

void
remote_begin(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m;

	thread_waits(true);
	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	m->writers++;
	while (m->is_dropping)
		lock_wait(&remote->lock, &remote->changed, 0);
	lock_give(&remote->lock);
	thread_waits(false);
}

/* What has been put into the cache is in the bucket: a drop takes it from the cache
 * first, and nobody brings it back before that has ended. */
enum mx_err
remote_keep(struct remote *remote, const uint8_t sha256[SHA256_LEN], int fd,
    const char *path, int64_t size)
{
	char name[2 * SHA256_LEN + 1];
	enum mx_err err;

	if (cache_is_sure(remote->cache, sha256))
		return M_OK;
	name_of(sha256, name);
	err = claim(remote);
	if (err == M_OK)
		err = bucket_put(remote->bucket, name, fd, size, sha256);
	if (err != M_OK)
		return M_UNAVAILABLE;
	atomic_fetch_add(&remote->kept, 1);
	cache_put(remote->cache, sha256, path, size);
	return M_OK;
}

void
remote_keep_again(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m;

	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	m->is_doomed = m->is_stale = false;
	forget_if_still_locked(remote, m);
	lock_give(&remote->lock);
}

void
remote_end(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m;

	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	m->writers--;
	if (m->writers == 0 && m->is_doomed)
		list_locked(remote, m);
	forget_if_still_locked(remote, m);
	lock_give(&remote->lock);
}

/* --- reading --- */

enum mx_err
remote_read(struct remote *remote, const uint8_t sha256[SHA256_LEN], int *fd_out)
{
	return cache_read(remote->cache, sha256, fd_out);
}

bool
remote_make_room(struct remote *remote, int64_t bytes)
{
	return cache_shrink(remote->cache, bytes);
}

static enum mx_err
wait_for_fetch_locked(struct remote *remote, struct moving *m)
{
	unsigned this = m->fetches;
	bool has_failed;

	m->waiting++;
	while (m->is_fetching && m->fetches == this)
		lock_wait(&remote->lock, &remote->changed, 0);
	m->waiting--;
	has_failed = m->fetches == this && m->fetch_err == M_UNAVAILABLE;
	return has_failed ? M_UNAVAILABLE : M_PARKED;
}

/* M_OK: this thread is the one that fetches it. */
static enum mx_err
begin_fetching(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m;
	enum mx_err err = M_OK;

	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	if (m->is_doomed || m->is_dropping) {
		err = M_NOT_FOUND;
	} else if (cache_has(remote->cache, sha256)) {
		err = M_PARKED; /* since it was looked for */
	} else if (m->is_fetching) {
		err = wait_for_fetch_locked(remote, m);
	} else {
		m->is_fetching = true;
		m->is_stale = false;
		m->fetches++;
	}
	forget_if_still_locked(remote, m);
	lock_give(&remote->lock);
	return err;
}

/* How it went; path: of what has come. False: it was dropped meanwhile. */
static bool
end_fetching(struct remote *remote, const uint8_t sha256[SHA256_LEN], enum mx_err err,
    const char *path, int64_t size)
{
	struct moving *m;
	bool is_stale;

	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	is_stale = m->is_stale;
	if (err == M_OK && !is_stale)
		cache_put(remote->cache, sha256, path, size);
	m->is_fetching = false;
	m->fetch_err = err;
	pthread_cond_broadcast(&remote->changed);
	forget_if_still_locked(remote, m);
	lock_give(&remote->lock);
	return !is_stale;
}

enum mx_err
remote_fetch(struct remote *remote, const uint8_t sha256[SHA256_LEN],
    const struct remote_taker *taker)
{
	char name[2 * SHA256_LEN + 1];
	const char *path = NULL;
	int64_t size = 0;
	enum mx_err err;

	thread_waits(true);
	err = begin_fetching(remote, sha256);
	thread_waits(false);
	if (err != M_OK)
		return err;
	name_of(sha256, name);
	err = claim(remote);
	if (err == M_OK)
		err = bucket_get(remote->bucket, name, &taker->bucket);
	if (err == M_OK && (path = taker->done(taker->bucket.arg, &size)) == NULL)
		err = M_UNAVAILABLE;
	if (err == M_FORBIDDEN)
		err = M_UNAVAILABLE;
	if (!end_fetching(remote, sha256, err, path, size) && err == M_OK)
		err = M_NOT_FOUND;
	if (err == M_OK)
		atomic_fetch_add(&remote->fetched, 1);
	return err;
}

/* --- dropping --- */

void
remote_drop(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	struct moving *m;

	lock_take(&remote->lock);
	m = moving_locked(remote, sha256);
	m->is_doomed = true;
	m->is_stale = m->is_fetching;
	cache_drop(remote->cache, sha256);
	if (m->writers == 0)
		list_locked(remote, m);
	lock_give(&remote->lock);
}

static enum mx_err
drop_one(struct remote *remote, const uint8_t sha256[SHA256_LEN])
{
	char name[2 * SHA256_LEN + 1];
	enum mx_err err = claim(remote);

	name_of(sha256, name);
	if (err == M_OK)
		err = bucket_delete(remote->bucket, name);
	if (err == M_OK)
		atomic_fetch_add(&remote->dropped, 1);
	return err;
}

/* The first of the list, unless somebody writes it or will have it after all. False:
 * the bucket does not answer. */
static bool
drop_next_locked(struct remote *remote)
{
	struct moving *m = unlist_locked(remote);
	enum mx_err err = M_OK;

	if (m->is_doomed && m->writers == 0) {
		m->is_doomed = false;
		m->is_dropping = true;
		/* Again: who wrote it since it was doomed has put it there. */
		cache_drop(remote->cache, m->sha256);
		lock_give(&remote->lock);
		err = drop_one(remote, m->sha256);
		lock_take(&remote->lock);
		m->is_dropping = false;
		if (err == M_UNAVAILABLE) {
			m->is_doomed = true;
			if (m->writers == 0)
				list_locked(remote, m);
		}
		pthread_cond_broadcast(&remote->changed);
	}
	forget_if_still_locked(remote, m);
	return err != M_UNAVAILABLE;
}

static void *
drop_all(void *arg)
{
	struct remote *remote = arg;
	/* One that was out of reach a moment ago is not asked at once. */
	int64_t not_before_ms =
	    atomic_load(&remote->is_claimed) ? 0 : clock_mono_ms() + RETRY_MS;

	lock_take(&remote->lock);
	for (;;) {
		bool pauses = !remote->ends && clock_mono_ms() < not_before_ms;

		if (remote->ends &&
		    (remote->first == NULL || !atomic_load(&remote->is_claimed)))
			break; /* out of reach so far: no second wait for it */
		if (remote->first == NULL || pauses)
			lock_wait(&remote->lock, &remote->changed,
			    pauses ? not_before_ms : 0);
		else if (drop_next_locked(remote))
			not_before_ms = 0;
		else if (remote->ends)
			break;
		else
			not_before_ms = clock_mono_ms() + RETRY_MS;
	}
	lock_give(&remote->lock);
	return NULL;
}

/* --- all of them --- */

struct each {
	enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]);
	void *arg;
};

/* Whatever else lies there is not ours. */
static enum mx_err
on_name(void *arg, const char *name)
{
	const struct each *each = arg;
	uint8_t sha256[SHA256_LEN];

	if (strlen(name) != 2 * SHA256_LEN || !hex_decode(name, 2 * SHA256_LEN, sha256))
		return M_OK;
	return each->fn(each->arg, sha256);
}

enum mx_err
remote_each(struct remote *remote,
    enum mx_err (*fn)(void *arg, const uint8_t sha256[SHA256_LEN]), void *arg)
{
	struct each each = { fn, arg };
	enum mx_err err = claim(remote);

	return err == M_OK ? bucket_each(remote->bucket, on_name, &each) : err;
}

void
remote_stats(struct remote *remote, struct remote_stats *out)
{
	*out = (struct remote_stats){ .cache_bytes = cache_bytes(remote->cache),
		.fetched = atomic_load(&remote->fetched),
		.kept = atomic_load(&remote->kept),
		.dropped = atomic_load(&remote->dropped) };
}
