/*
 * The cache of compiled push rules, in two generations: what is used moves to the young
 * one, and when that is full the old one is dropped. A Bloom filter tells who has rules
 * at all.
 */
#include "room/push.h"

#include <stdlib.h>
#include <string.h>

#include "base/bloom.h"
#include "base/log.h"
#include "base/map.h"
#include "store/account_data.h"
#include "store/push_rules.h"

#define DEVIATING_BYTES (64 << 20) /* of memory for who has rules: 32 million users */
#define YOUNG_BYTES (64 << 20)	   /* half of what the compiled rules may take */
#define NEWCOMERS 1024		   /* remembered; a power of two */

struct cached {
	char *user_id;
	struct push_set *set;
};

/* Shared; lock guards what stands below it. */
struct push {
	struct bloom *deviating;
	_Atomic bool knows_nobody; /* the filter is full: anybody may deviate */
	struct push_set *predefined;
	struct lock lock; /* RANK_CACHE */
	struct map young, old;
	size_t young_bytes;
	uint64_t changes; /* counted: what was read before one is not kept */
	char *newcomers[NEWCOMERS];
	_Atomic uint64_t newcomer_count;
};

/* --- who has rules --- */

static void
hash_user(const char *user_id, uint8_t out[BLOOM_HASH_LEN])
{
	uint64_t halves[2] = { map_hash(user_id, strlen(user_id)), 0 };

	halves[1] = map_hash(halves, sizeof halves[0]);
	memcpy(out, halves, BLOOM_HASH_LEN);
}

static void
note(const char *user_id, void *arg)
{
	struct push *push = arg;
	uint8_t hash[BLOOM_HASH_LEN];

	hash_user(user_id, hash);
	if (!bloom_add(push->deviating, hash))
		atomic_store(&push->knows_nobody, true);
}

enum mx_err
push_setup(struct core *core, struct db *db)
{
	struct push *push = xcalloc(1, sizeof *push);

	lock_init(&push->lock, RANK_CACHE);
	push->deviating = bloom_new(DEVIATING_BYTES);
	push->predefined = push_set_predefined();
	core->push = push;
	return store_push_rules_users(db, note, push);
}

bool
push_may_deviate(struct core *core, const char *user_id)
{
	uint8_t hash[BLOOM_HASH_LEN];

	hash_user(user_id, hash);
	return bloom_may_have(core->push->deviating, hash) ||
	       atomic_load(&core->push->knows_nobody);
}

struct push_set *
push_predefined_set(struct core *core)
{
	return core->push->predefined;
}

/* --- compiled rules --- */

static void
cached_free(struct cached *c)
{
	if (c == NULL)
		return;
	push_set_unref(c->set);
	free(c->user_id);
	free(c);
}

static void
clear(struct map *map)
{
	struct cached *c;

	for (size_t at = 0; (c = map_next(map, &at)) != NULL;)
		cached_free(c);
	map_fini(map);
	*map = (struct map){ .count = 0 };
}

void
push_free(struct core *core)
{
	struct push *push = core->push;

	clear(&push->young);
	clear(&push->old);
	for (int i = 0; i < NEWCOMERS; i++)
		free(push->newcomers[i]);
	push_set_unref(push->predefined);
	bloom_free(push->deviating);
	lock_fini(&push->lock);
	free(push);
}

static void
add_young_locked(struct push *push, struct cached *c)
{
	size_t bytes = push_set_bytes(c->set) + 128;

	if (push->young_bytes + bytes > YOUNG_BYTES) {
		clear(&push->old);
		push->old = push->young;
		push->young = (struct map){ .count = 0 };
		push->young_bytes = 0;
	}
	push->young_bytes += bytes;
	cached_free(map_put_str(&push->young, c->user_id, c));
}

static struct push_set *
find(struct push *push, const char *user_id, uint64_t *changes_out)
{
	struct push_set *set = NULL;
	struct cached *c;

	lock_take(&push->lock);
	c = map_get_str(&push->young, user_id);
	if (c == NULL) {
		c = map_del_str(&push->old, user_id);
		if (c != NULL)
			add_young_locked(push, c);
	}
	if (c != NULL)
		set = push_set_ref(c->set);
	*changes_out = push->changes;
	lock_give(&push->lock);
	return set;
}

static void
keep(struct push *push, const char *user_id, struct push_set *set, uint64_t changes)
{
	struct cached *c = xcalloc(1, sizeof *c);

	c->user_id = xstrdup(user_id);
	c->set = push_set_ref(set);
	lock_take(&push->lock);
	if (push->changes == changes)
		add_young_locked(push, c);
	else
		cached_free(c);
	lock_give(&push->lock);
}

static const struct json *
parse(struct arena *arena, const char *text, size_t n)
{
	return json_parse_copy(arena, text, n, JSON_LENIENT, NULL);
}

static struct push_set *
load(struct ctx *ctx, const char *user_id)
{
	struct push_ruleset set = { .user_id = user_id };
	const struct json *ignored = NULL;
	struct arena *arena = arena_new();
	struct account_data_row row;
	struct push_set *out = NULL;
	struct str own;
	enum mx_err err = store_push_rules_get(ctx->db, arena, user_id, "", &own);

	if (err == M_OK)
		set.own = parse(arena, own.p, own.n);
	if (store_account_data_get(
		ctx->db, arena, user_id, 0, "m.ignored_user_list", &row) == M_OK)
		ignored = parse(arena, row.json, row.json_n);
	if (err == M_OK || err == M_NOT_FOUND)
		out = push_set_new(&set, ctx->core->push->predefined, ignored);
	arena_free(arena);
	return out;
}

struct push_set *
push_set_get(struct ctx *ctx, const char *user_id)
{
	struct push *push = ctx->core->push;
	uint64_t changes;
	struct push_set *set;

	if (!push_may_deviate(ctx->core, user_id))
		return push_set_ref(push->predefined);
	set = find(push, user_id, &changes);
	if (set != NULL)
		return set;
	set = load(ctx, user_id);
	if (set == NULL)
		return push_set_ref(push->predefined);
	keep(push, user_id, set, changes);
	return set;
}

/* --- changes --- */

static void
add_newcomer_locked(struct push *push, const char *user_id)
{
	uint64_t n = atomic_load(&push->newcomer_count);
	char **at = &push->newcomers[n % NEWCOMERS];

	free(*at);
	*at = xstrdup(user_id);
	atomic_store(&push->newcomer_count, n + 1);
}

void
push_changed(struct core *core, const char *user_id)
{
	struct push *push = core->push;
	bool is_new = !push_may_deviate(core, user_id);

	if (is_new)
		note(user_id, push);
	lock_take(&push->lock);
	push->changes++;
	cached_free(map_del_str(&push->young, user_id));
	cached_free(map_del_str(&push->old, user_id));
	if (is_new)
		add_newcomer_locked(push, user_id);
	lock_give(&push->lock);
}

uint64_t
push_newcomers(struct core *core)
{
	return atomic_load(&core->push->newcomer_count);
}

bool
push_newcomers_since(struct core *core, uint64_t since,
    void (*each)(const char *user_id, void *arg), void *arg)
{
	struct push *push = core->push;
	uint64_t n;
	bool knows;

	lock_take(&push->lock);
	n = atomic_load(&push->newcomer_count);
	knows = n - since <= NEWCOMERS;
	for (; knows && since < n; since++)
		each(push->newcomers[since % NEWCOMERS], arg);
	lock_give(&push->lock);
	return knows;
}
