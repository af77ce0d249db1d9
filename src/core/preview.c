/*
 * The rules of previews: who asks for a link that somebody else is asking for hears
 * what that one hears. Between api/client/media_preview and core/preview_fetch.
 */
#include "core/preview.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "core/media_inside.h"
#include "core/preview_fetch.h"
#include "fetch/link.h"
#include "store/previews.h"

#define SWEEP_EVERY 100 /* previews made */
#define PICTURE_LIFETIME_MS (7 * 24 * 3600LL * 1000)

/* One that is being made; freed by the last who wants it. */
struct making {
	struct making *next;
	const char *link; /* its maker's */
	int wanted;
	bool is_done;
	enum mx_err err;
	enum fetch_result result;
	char *json; /* malloc'ed; NULL: there is none */
};

/* Shared; constant once it is open, but for what the lock guards. */
struct previews {
	bool private_too;
	atomic_bool stopping;
	struct lock lock; /* RANK_LEAF */
	pthread_cond_t made;
	struct making *making;
	unsigned added;
};

void
previews_open(struct core *core, bool private_too)
{
	core->previews = xcalloc(1, sizeof *core->previews);
	core->previews->private_too = private_too;
	atomic_init(&core->previews->stopping, false);
	lock_init(&core->previews->lock, RANK_LEAF);
	cond_init(&core->previews->made);
}

void
previews_stop(struct core *core)
{
	if (core->previews != NULL)
		atomic_store(&core->previews->stopping, true);
}

void
previews_close(struct core *core)
{
	if (core->previews == NULL)
		return;
	lock_fini(&core->previews->lock);
	pthread_cond_destroy(&core->previews->made);
	free(core->previews);
	core->previews = NULL;
}

enum mx_err
preview_find(struct ctx *ctx, struct arena *arena, const char *url, struct preview *out)
{
	*out = (struct preview){ .link = link_read(arena, NULL, url) };
	if (out->link == NULL)
		return ctx_fail(ctx, M_INVALID_PARAM,
		    "url must be a link of http or https, without a password");
	return store_preview_get(ctx->db, arena, out->link, clock_now_ms(), &out->json);
}

/* --- one maker --- */

/* The one that makes it; NULL: nobody does. */
static struct making *
find_locked(const struct previews *p, const char *link)
{
	for (struct making *m = p->making; m != NULL; m = m->next)
		if (strcmp(m->link, link) == 0)
			return m;
	return NULL;
}

/* The caller makes it, unless it is done. */
static struct making *
begin(struct previews *p, const char *link)
{
	struct making *m;

	lock_take(&p->lock);
	m = find_locked(p, link);
	if (m != NULL) {
		m->wanted++;
		while (!m->is_done)
			lock_wait(&p->lock, &p->made, 0);
	} else {
		m = xcalloc(1, sizeof *m);
		m->link = link;
		m->wanted = 1;
		m->next = p->making;
		p->making = m;
	}
	lock_give(&p->lock);
	return m;
}

/* It is there for those who wait; who comes from now on finds it in the table. */
static void
tell(struct previews *p, struct making *m)
{
	struct making **at;

	lock_take(&p->lock);
	for (at = &p->making; *at != m;)
		at = &(*at)->next;
	*at = m->next;
	m->is_done = true;
	pthread_cond_broadcast(&p->made);
	lock_give(&p->lock);
}

static void
leave(struct previews *p, struct making *m)
{
	bool is_last;

	lock_take(&p->lock);
	is_last = --m->wanted == 0;
	lock_give(&p->lock);
	if (!is_last)
		return;
	free(m->json);
	free(m);
}

/* --- making --- */

struct keeping {
	const char *link, *json;
	int64_t now_ts;
	bool sweeps;
};

static enum mx_err
keep(void *arg, struct db *db)
{
	const struct keeping *k = arg;
	enum mx_err err = store_preview_set(
	    db, k->link, k->now_ts, k->now_ts + PREVIEW_LIFETIME_MS, k->json);

	return err == M_OK && k->sweeps
		   ? store_previews_sweep(db, k->now_ts, PREVIEWS_MAX)
		   : err;
}

static bool
is_time_to_sweep(struct previews *p)
{
	bool is;

	lock_take(&p->lock);
	is = ++p->added % SWEEP_EVERY == 0;
	lock_give(&p->lock);
	return is;
}

static void
fetch(struct ctx *ctx, struct arena *arena, struct making *m)
{
	struct previews *p = ctx->core->previews;
	struct fetch_setup setup = { .time_limit_ms = PREVIEW_TIME_LIMIT_MS,
		.private_too = p->private_too,
		.stop = &p->stopping };
	struct fetcher *fetcher = fetcher_new(&setup);
	struct keeping k = { .link = m->link, .now_ts = clock_now_ms() };
	struct json *json;

	m->err = preview_fetch(ctx, arena, fetcher, m->link, &m->result, &json);
	fetcher_free(fetcher);
	if (m->err != M_OK || m->result != FETCH_DONE)
		return;
	k.json = json_text(arena, json, NULL);
	k.sweeps = is_time_to_sweep(p);
	m->err = ctx_write(ctx, keep, &k);
	if (m->err == M_OK)
		m->json = xstrdup(k.json);
}

/* Somebody else may have made it since it was looked for. */
static void
make(struct ctx *ctx, struct arena *arena, struct making *m)
{
	const char *json;

	m->err = store_preview_get(ctx->db, arena, m->link, clock_now_ms(), &json);
	if (m->err == M_OK)
		m->json = xstrdup(json);
	else if (m->err == M_NOT_FOUND)
		fetch(ctx, arena, m);
}

static enum mx_err
answer(struct ctx *ctx, struct arena *arena, const struct making *m,
    struct preview *preview)
{
	if (m->json != NULL) {
		preview->json = arena_strdup(arena, m->json);
		return M_OK;
	}
	if (m->err != M_OK)
		return m->err;
	if (m->result == FETCH_FORBIDDEN)
		return ctx_fail(ctx, M_FORBIDDEN,
		    "This link leads into a network that previews are not made of");
	preview->is_out_of_reach = true;
	return ctx_fail(ctx, M_UNKNOWN, "What this link leads to could not be had");
}

enum mx_err
preview_make(struct ctx *ctx, struct arena *arena, struct preview *preview)
{
	struct previews *p = ctx->core->previews;
	struct making *m;
	enum mx_err err;

	if (atomic_load(&p->stopping))
		return M_UNAVAILABLE;
	thread_waits(true);
	m = begin(p, preview->link);
	if (!m->is_done) {
		make(ctx, arena, m);
		tell(p, m);
	}
	thread_waits(false);
	err = answer(ctx, arena, m, preview);
	leave(p, m);
	return err;
}

/* --- what is over --- */

static enum mx_err
sweep(void *arg, struct db *db)
{
	return store_previews_sweep(db, *(const int64_t *)arg, PREVIEWS_MAX);
}

enum mx_err
previews_sweep(struct ctx *ctx)
{
	int64_t now_ts = clock_now_ms();
	enum mx_err err = ctx_write(ctx, sweep, &now_ts);

	return err == M_OK ? media_drop_own(ctx, now_ts - PICTURE_LIFETIME_MS) : err;
}
