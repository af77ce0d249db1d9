/*
 * Guests. Relies on core/guest_token for their tokens, store/guests for the few rows,
 * core/leave for their going. Each request of a guest comes through guests_identify on
 * the io thread.
 */
#include "core/guests.h"

#include <stdlib.h>
#include <string.h>

#include "base/bloom.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/vec.h"
#include "core/guest_token.h"
#include "core/leave.h"
#include "core/revoke.h"
#include "room/changes.h"
#include "store/devices.h"
#include "store/guests.h"
#include "store/users.h"

#define SEEN_WRITE_MS (3600 * 1000) /* at most this often to the disk */
#define SWEEP_MS 60000
#define SWEEP_MAX 1000		/* guests to go in one sweep; the rest waits a minute */
#define FILTER_BYTES (16 << 20) /* at most: of 8 million guests with rows */

/* A guest with rows, or a denied one. */
struct known {
	uint8_t id[GUEST_ID_LEN];
	bool is_ending;		     /* its time is up: the sweep has it */
	int64_t expires_ms;	     /* of its token; of a denial: until when */
	int64_t seen_ms, written_ms; /* last active, and what of that is on disk */
};

/* Shared; lock guards what stands below it. Most guests have neither row nor denial:
 * the filter tells so without the lock. */
struct guests {
	struct guest_key key;
	int64_t seen_write_ms;
	_Atomic uint64_t issued;
	struct bloom *filter; /* each id that ever was in a map below */
	_Atomic bool filter_is_full;

	struct lock lock;	  /* RANK_CACHE */
	struct map rows, denials; /* id -> struct known */
};

/* An id is ten random bytes: its first two choose the line, the others the bits. */
static void
filter_hash(const uint8_t id[GUEST_ID_LEN], uint8_t out[BLOOM_HASH_LEN])
{
	memcpy(out, id, 8);
	memcpy(out + 8, id + 2, 8);
}

static bool
may_be_known(const struct guests *guests, const uint8_t id[GUEST_ID_LEN])
{
	uint8_t hash[BLOOM_HASH_LEN];

	filter_hash(id, hash);
	return atomic_load(&guests->filter_is_full) ||
	       bloom_may_have(guests->filter, hash);
}

static void
put_locked(struct guests *guests, struct map *map, const struct known *known)
{
	uint8_t hash[BLOOM_HASH_LEN];
	struct known *copy = xmalloc(sizeof *copy), *before;

	filter_hash(known->id, hash);
	if (!bloom_add(guests->filter, hash))
		atomic_store(&guests->filter_is_full, true);
	*copy = *known;
	before = map_put(map, copy->id, sizeof copy->id, copy);
	free(before);
}

static void
load_row(void *arg, const char *user_id, int64_t seen_ts, int64_t expires_ts)
{
	struct guests *guests = arg;
	struct known row = {
		.expires_ms = expires_ts, .seen_ms = seen_ts, .written_ms = seen_ts
	};

	if (!guest_id_of(user_id + 1, row.id))
		log_warn("guests: a row of a guest that is none of ours: %s", user_id);
	else
		put_locked(guests, &guests->rows, &row);
}

static void
load_denial(void *arg, const char *user_id, int64_t until_ts)
{
	struct guests *guests = arg;
	struct known denial = { .expires_ms = until_ts };

	if (until_ts > clock_now_ms() && guest_id_of(user_id + 1, denial.id))
		put_locked(guests, &guests->denials, &denial);
}

enum mx_err
guests_setup(struct core *core, struct db *db)
{
	struct guests *guests = xcalloc(1, sizeof *guests);
	int64_t often = core->set.guest_lifetime_ms / 24;
	uint8_t key[MAC_KEY_LEN];
	enum mx_err err;

	lock_init(&guests->lock, RANK_CACHE);
	derive_key(core->set.secret, "guest token", key);
	guest_key_init(&guests->key, key);
	guests->seen_write_ms = often < SEEN_WRITE_MS ? often : SEEN_WRITE_MS;
	guests->filter = bloom_new(FILTER_BYTES);
	core->guests = guests;
	err = store_guests_each(db, load_row, guests);
	return err != M_OK ? err : store_denials_each(db, load_denial, guests);
}

static void
free_known(struct map *map)
{
	struct known *known;

	for (size_t at = 0; (known = map_next(map, &at)) != NULL;)
		free(known);
	map_fini(map);
}

void
guests_free(struct core *core)
{
	bloom_free(core->guests->filter);
	free_known(&core->guests->rows);
	free_known(&core->guests->denials);
	lock_fini(&core->guests->lock);
	free(core->guests);
	core->guests = NULL;
}

/* --- tokens --- */

static const char *
user_id_of(struct core *core, struct arena *arena, const uint8_t id[GUEST_ID_LEN])
{
	size_t name_n = strlen(core->set.server_name) + 1;
	char *out = arena_raw(arena, 1 + GUEST_LOCALPART_LEN + 1 + name_n);

	out[0] = '@';
	guest_localpart(id, out + 1);
	out[1 + GUEST_LOCALPART_LEN] = ':';
	memcpy(out + 1 + GUEST_LOCALPART_LEN + 1, core->set.server_name, name_n);
	return out;
}

static const char *
device_id_of(struct arena *arena, const struct guest_token *t)
{
	char *out = arena_raw(arena, GUEST_DEVICE_TEXT_LEN + 1);

	guest_device_id(t->device, out);
	return out;
}

/* As many whole characters as the token has room for. */
static void
put_name(struct guest_token *t, const char *name)
{
	size_t n = strlen(name);

	if (n > GUEST_NAME_MAX)
		for (n = GUEST_NAME_MAX; n > 0 && (name[n] & 0xC0) == 0x80;)
			n--;
	memcpy(t->name, name, n);
}

enum mx_err
guests_issue(struct core *core, struct arena *arena, const char *device_name,
    struct new_guest *out)
{
	struct guest_token t = { .issued_ms = clock_now_ms() };
	char *text = arena_raw(arena, GUEST_TOKEN_MAX + 1);

	if (core->set.guests == GUESTS_OFF)
		return M_FORBIDDEN;
	t.expires_ms = t.issued_ms + core->set.guest_lifetime_ms;
	random_bytes(t.id, sizeof t.id);
	random_bytes(t.device, sizeof t.device);
	if (device_name != NULL)
		put_name(&t, device_name);
	guest_token_write(&core->guests->key, &t, text);
	atomic_fetch_add_explicit(&core->guests->issued, 1, memory_order_relaxed);
	*out = (struct new_guest){ .user_id = user_id_of(core, arena, t.id),
		.device_id = device_id_of(arena, &t),
		.token = text,
		.expires_ms = t.expires_ms };
	return M_OK;
}

bool
guests_is_token(const char *token)
{
	return starts_with(token, GUEST_PREFIX);
}

bool
guests_is_localpart(const char *localpart)
{
	uint8_t id[GUEST_ID_LEN];

	return guest_id_of(localpart, id);
}

/* --- a guest's last use, on its way to the disk; nobody waits for it --- */

struct seen_job {
	struct write_job job; /* first */
	int64_t ts;
	char user_id[];
};

static enum mx_err
seen_run(struct write_job *job, struct db *db)
{
	struct seen_job *seen = (struct seen_job *)job;

	return store_guest_seen(db, seen->user_id, seen->ts);
}

static void
seen_done(struct write_job *job, enum mx_err err)
{
	if (err != M_OK)
		log_debug("guests: a guest's last use could not be noted");
	free(job);
}

static void
queue_seen(struct core *core, const char *user_id, int64_t now)
{
	size_t n = strlen(user_id) + 1;
	struct seen_job *seen = xcalloc(1, sizeof *seen + n);

	seen->job = (struct write_job){ .run = seen_run, .done = seen_done };
	seen->ts = now;
	memcpy(seen->user_id, user_id, n);
	writer_queue(core->writer, &seen->job);
}

/* --- who is this? --- */

/* What a look at the maps tells about a guest that asks. */
struct seen {
	int64_t until_ms;     /* its token is good until then; 0: it is not */
	bool has_row, is_due; /* the row, to be written again */
};

/* A row lives on from the last time that its guest was seen: that is now. */
static void
see_row_locked(struct core *core, struct known *row, int64_t now, struct seen *seen)
{
	int64_t lifetime = core->set.guest_lifetime_ms;

	if (row->seen_ms + lifetime > seen->until_ms)
		seen->until_ms = row->seen_ms + lifetime;
	if (row->is_ending || now >= seen->until_ms) {
		seen->until_ms = 0;
		return;
	}
	row->seen_ms = now;
	seen->is_due = now - row->written_ms >= core->guests->seen_write_ms;
	if (seen->is_due)
		row->written_ms = now;
	if (now + lifetime > seen->until_ms)
		seen->until_ms = now + lifetime;
}

static struct seen
see(struct core *core, const struct guest_token *t, int64_t now)
{
	struct guests *guests = core->guests;
	struct seen seen = { .until_ms = t->expires_ms };
	struct known *row;

	if (may_be_known(guests, t->id)) {
		lock_take(&guests->lock);
		row = map_get(&guests->rows, t->id, sizeof t->id);
		seen.has_row = row != NULL;
		if (map_get(&guests->denials, t->id, sizeof t->id) != NULL)
			seen.until_ms = 0;
		else if (row != NULL)
			see_row_locked(core, row, now, &seen);
		lock_give(&guests->lock);
	}
	if (now >= seen.until_ms)
		seen.until_ms = 0;
	return seen;
}

enum mx_err
guests_identify(
    struct core *core, struct arena *arena, const char *token, struct identity *who)
{
	struct guests *guests = core->guests;
	int64_t now = clock_now_ms();
	struct guest_token t;
	struct seen seen;

	if (core->set.guests == GUESTS_OFF ||
	    !guest_token_read(&guests->key, token, &t))
		return M_UNKNOWN_TOKEN;
	seen = see(core, &t, now);
	if (seen.until_ms == 0)
		return M_UNKNOWN_TOKEN;
	*who = (struct identity){ .user_id = user_id_of(core, arena, t.id),
		.device_id = device_id_of(arena, &t),
		.device_name = t.name[0] == '\0' ? NULL : arena_strdup(arena, t.name),
		.is_guest = true,
		.has_rows = seen.has_row,
		.expires_ms = seen.until_ms };
	if (seen.is_due)
		queue_seen(core, who->user_id, now);
	return M_OK;
}

/* --- rows --- */

static enum mx_err
add_row(void *arg, struct db *db)
{
	const struct identity *who = arg;
	struct device_row device = { .device_id = who->device_id,
		.display_name = who->device_name,
		.last_seen_ts = clock_now_ms() };
	enum mx_err err =
	    store_guest_add(db, who->user_id, device.last_seen_ts, who->expires_ms);

	return err != M_OK ? err : store_device_add(db, who->user_id, &device);
}

enum mx_err
guests_make_row(struct ctx *ctx, struct identity *who)
{
	struct guests *guests = ctx->core->guests;
	struct known row = { .expires_ms = who->expires_ms };
	enum mx_err err;

	if (!who->is_guest)
		return M_OK;
	if (ctx->core->set.guests != GUESTS_JOIN)
		return ctx_fail(ctx, M_GUEST_ACCESS_FORBIDDEN,
		    "Guests may only read on this server");
	if (who->has_rows)
		return M_OK;
	err = ctx_write(ctx, add_row, who);
	if (err != M_OK)
		return err;
	row.seen_ms = row.written_ms = clock_now_ms();
	guest_id_of(who->user_id + 1, row.id);
	lock_take(&guests->lock);
	/* It may have logged out while the row was written: then the sweep gets it. */
	row.is_ending = map_get(&guests->denials, row.id, sizeof row.id) != NULL;
	/* Not over one that another request of the guest has put there meanwhile. */
	if (map_get(&guests->rows, row.id, sizeof row.id) == NULL)
		put_locked(guests, &guests->rows, &row);
	lock_give(&guests->lock);
	who->has_rows = true;
	return row.is_ending ? M_UNKNOWN_TOKEN : M_OK;
}

static void
deny_in_memory(struct core *core, const struct identity *who)
{
	struct guests *guests = core->guests;
	struct known denial = { .expires_ms = who->expires_ms }, *row;

	guest_id_of(who->user_id + 1, denial.id);
	lock_take(&guests->lock);
	put_locked(guests, &guests->denials, &denial);
	row = map_get(&guests->rows, denial.id, sizeof denial.id);
	if (row != NULL)
		row->is_ending = true;
	lock_give(&guests->lock);
}

static enum mx_err
write_denial(struct revoke *r, struct db *db)
{
	const struct identity *who = r->arg;
	enum mx_err err = store_denial_add(db, who->user_id, who->expires_ms);

	return err != M_OK ? err : store_guest_end(db, who->user_id);
}

/* In memory at once, so that no row is made behind it; if the disk then fails the guest
 * is told so, and is denied all the same until the server starts again. */
enum mx_err
guests_deny(struct ctx *ctx, const struct identity *who)
{
	struct revoke r = { .fn = write_denial,
		.arg = (void *)who,
		.user_id = who->user_id,
		.whole_user = true };

	deny_in_memory(ctx->core, who);
	return revoke_run(ctx, &r);
}

enum mx_err
guests_write_upgrade(struct db *db, const struct identity *who,
    const char *password_hash, int64_t now_ms)
{
	enum mx_err err = store_denial_add(db, who->user_id, who->expires_ms);

	if (err == M_OK)
		err = store_device_remove(db, who->user_id, who->device_id);
	return err != M_OK
		   ? err
		   : store_guest_upgrade(db, who->user_id, password_hash, now_ms);
}

static void
forget_row(struct guests *guests, const uint8_t id[GUEST_ID_LEN])
{
	struct known *row;

	lock_take(&guests->lock);
	row = map_del(&guests->rows, id, GUEST_ID_LEN);
	lock_give(&guests->lock);
	free(row);
}

/* In one step: a row that is left behind for a moment, ending, is one for the sweep. */
void
guests_upgraded(struct core *core, const struct identity *who)
{
	struct guests *guests = core->guests;
	struct known denial = { .expires_ms = who->expires_ms }, *row;

	guest_id_of(who->user_id + 1, denial.id);
	lock_take(&guests->lock);
	put_locked(guests, &guests->denials, &denial);
	row = map_del(&guests->rows, denial.id, sizeof denial.id);
	lock_give(&guests->lock);
	free(row);
}

/* --- the sweep --- */

typedef VEC(struct known) known_vec;

/* Whose time is up; from now on their tokens are refused. */
static void
take_ended(struct core *core, int64_t now, known_vec *out)
{
	struct guests *guests = core->guests;
	struct known *row;

	lock_take(&guests->lock);
	for (size_t at = 0;
	     out->n < SWEEP_MAX && (row = map_next(&guests->rows, &at)) != NULL;) {
		if (row->expires_ms <= now &&
		    row->seen_ms + core->set.guest_lifetime_ms <= now)
			row->is_ending = true;
		if (row->is_ending)
			vec_push(out, *row);
	}
	lock_give(&guests->lock);
}

static enum mx_err
remove_guest(struct revoke *r, struct db *db)
{
	return store_guest_remove(db, r->user_id);
}

/* It may have logged out and become an account at one time. */
static enum mx_err
is_guest_still(
    struct ctx *ctx, struct arena *arena, const char *user_id, bool *is_guest_out)
{
	struct user_row row;
	enum mx_err err = store_user_get(ctx->db, arena, user_id, &row);

	*is_guest_out = err == M_OK && row.kind == USER_GUEST;
	return err == M_NOT_FOUND ? M_OK : err;
}

/* Leaves by real leave events; the rows go last, so that a sweep that was cut short
 * goes on with the next. */
static enum mx_err
end_guest(struct ctx *ctx, struct arena *arena, const struct known *row)
{
	struct revoke r = { .fn = remove_guest,
		.user_id = user_id_of(ctx->core, arena, row->id),
		.whole_user = true };
	bool is_guest;
	enum mx_err err = is_guest_still(ctx, arena, r.user_id, &is_guest);

	if (err == M_OK && is_guest)
		err = leave_all(ctx, arena, r.user_id, NULL);
	if (err == M_OK && is_guest)
		err = revoke_run(ctx, &r);
	if (err == M_OK)
		forget_row(ctx->core->guests, row->id);
	return err;
}

static enum mx_err
prune(void *arg, struct db *db)
{
	return store_denials_prune(db, *(int64_t *)arg);
}

static size_t
prune_in_memory(struct guests *guests, int64_t now)
{
	struct known *denial;
	size_t n = 0;

	lock_take(&guests->lock);
	for (size_t at = 0; (denial = map_next(&guests->denials, &at)) != NULL;) {
		if (denial->expires_ms > now)
			continue;
		map_del(&guests->denials, denial->id, sizeof denial->id);
		free(denial);
		n++;
	}
	lock_give(&guests->lock);
	return n;
}

void
guests_sweep(struct ctx *ctx)
{
	int64_t now = clock_now_ms();
	struct arena *arena = arena_new();
	known_vec ended = { 0 };
	size_t gone = 0;

	take_ended(ctx->core, now, &ended);
	for (size_t i = 0; i < ended.n; i++) {
		arena_reset(arena);
		if (end_guest(ctx, arena, &ended.v[i]) == M_OK)
			gone++;
	}
	if (gone > 0)
		log_info("guests: %zu have expired", gone);
	if (gone < ended.n)
		log_warn("guests: %zu could not be taken away yet", ended.n - gone);
	if (prune_in_memory(ctx->core->guests, now) > 0 &&
	    ctx_write(ctx, prune, &now) != M_OK)
		log_warn("guests: old denials stay in the database until next time");
	vec_free(&ended);
	arena_free(arena);
}

int64_t
guests_sweep_ms(const struct core *core)
{
	int64_t quarter = core->set.guest_lifetime_ms / 4;

	return quarter < 1000 ? 1000 : quarter > SWEEP_MS ? SWEEP_MS : quarter;
}

void
guests_stats(struct guests *guests, struct guests_stats *out)
{
	lock_take(&guests->lock);
	out->rows = guests->rows.count;
	out->denied = guests->denials.count;
	lock_give(&guests->lock);
	out->issued = atomic_load_explicit(&guests->issued, memory_order_relaxed);
}
