/*
 * Sessions of accounts. Relies on store/tokens for their rows and core/revoke for their
 * end. Each request with an account's token comes through login_identify_cached on the
 * io thread, a rare one through login_identify on a worker.
 */
#include "core/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "store/devices.h"
#include "store/tokens.h"
#include "store/users.h"

#define ACCESS_PREFIX "plr_"
#define REFRESH_PREFIX "plf_"
#define PREFIX_LEN 4
#define SECRET_LETTERS 40 /* 228 bits */
#define DEVICE_LETTERS 10
#define CACHE_SETS 4096
#define CACHE_WAYS 4
/* A token comes past a worker this often, for the device's "last seen", which "may be a
 * few minutes out of date" (client-server-api/#get_matrixclientv3devices). */
#define CACHED_MS (5 * 60 * 1000)

/* One token seen lately. */
struct cached {
	uint8_t hash[TOKEN_HASH_LEN];
	int64_t expires_ms; /* 0: never */
	int64_t since_ms;   /* in clock_now_ms */
	uint32_t used;	    /* when it was last asked for, in the table's own time */
	bool is_admin;
	const char *device_id; /* behind user_id */
	char user_id[];
};

/* Shared; lock guards what stands below it. A token's set is chosen by its hash, which
 * nobody can aim since only tokens that were issued get in. */
struct logins {
	int64_t access_token_ms;

	struct lock lock; /* RANK_CACHE */
	uint32_t time;
	uint64_t forgotten; /* counts login_forget: what was read before it is stale */
	struct cached *slots[CACHE_SETS][CACHE_WAYS];
};

void
logins_setup(struct core *core, int64_t access_token_ms)
{
	struct logins *logins = xcalloc(1, sizeof *logins);

	lock_init(&logins->lock, RANK_CACHE);
	logins->access_token_ms = access_token_ms;
	core->logins = logins;
}

void
logins_free(struct core *core)
{
	struct logins *logins = core->logins;

	for (int set = 0; set < CACHE_SETS; set++)
		for (int way = 0; way < CACHE_WAYS; way++)
			free(logins->slots[set][way]);
	lock_fini(&logins->lock);
	free(logins);
	core->logins = NULL;
}

bool
login_is_token(const char *token)
{
	return starts_with(token, ACCESS_PREFIX) &&
	       strlen(token) == PREFIX_LEN + SECRET_LETTERS;
}

/* --- the tokens in memory --- */

static struct cached **
set_of(struct logins *logins, const uint8_t hash[TOKEN_HASH_LEN])
{
	return logins->slots[(hash[0] | (unsigned)hash[1] << 8) % CACHE_SETS];
}

static struct cached *
find_locked(struct logins *logins, const uint8_t hash[TOKEN_HASH_LEN])
{
	struct cached **set = set_of(logins, hash);

	for (int way = 0; way < CACHE_WAYS; way++)
		if (set[way] != NULL &&
		    memcmp(set[way]->hash, hash, TOKEN_HASH_LEN) == 0)
			return set[way];
	return NULL;
}

static void
put_locked(struct logins *logins, struct cached *new)
{
	struct cached **set = set_of(logins, new->hash);
	int victim = 0;

	for (int way = 0; way < CACHE_WAYS; way++) {
		if (set[way] == NULL ||
		    memcmp(set[way]->hash, new->hash, TOKEN_HASH_LEN) == 0) {
			victim = way;
			break;
		}
		if (set[way]->used < set[victim]->used)
			victim = way;
	}
	free(set[victim]);
	set[victim] = new;
	new->used = ++logins->time;
}

static void
fill_identity(struct identity *who, struct arena *arena, const struct cached *c)
{
	*who = (struct identity){ .user_id = arena_strdup(arena, c->user_id),
		.device_id = arena_strdup(arena, c->device_id),
		.has_rows = true,
		.is_admin = c->is_admin,
		.expires_ms = c->expires_ms };
}

bool
login_identify_cached(
    struct logins *logins, struct arena *arena, const char *token, struct identity *who)
{
	uint8_t hash[TOKEN_HASH_LEN];
	int64_t now = clock_now_ms();
	struct cached *c;
	bool good;

	sha256(token, strlen(token), hash);
	lock_take(&logins->lock);
	c = find_locked(logins, hash);
	good = c != NULL && (c->expires_ms == 0 || now < c->expires_ms) &&
	       now - c->since_ms < CACHED_MS;
	if (good) {
		c->used = ++logins->time;
		fill_identity(who, arena, c);
	}
	lock_give(&logins->lock);
	return good;
}

void
login_forget(struct logins *logins, const char *user_id, const char *device_id)
{
	struct cached **c = &logins->slots[0][0];

	lock_take(&logins->lock);
	logins->forgotten++;
	for (int i = 0; i < CACHE_SETS * CACHE_WAYS; i++) {
		if (c[i] == NULL || strcmp(c[i]->user_id, user_id) != 0 ||
		    (device_id != NULL && strcmp(c[i]->device_id, device_id) != 0))
			continue;
		free(c[i]);
		c[i] = NULL;
	}
	lock_give(&logins->lock);
}

static struct cached *
cached_new(const uint8_t hash[TOKEN_HASH_LEN], const struct access_row *row)
{
	size_t user_n = strlen(row->user_id) + 1, device_n = strlen(row->device_id) + 1;
	struct cached *c = xmalloc(sizeof *c + user_n + device_n);

	memcpy(c->hash, hash, TOKEN_HASH_LEN);
	c->expires_ms = row->expires_ts;
	c->since_ms = clock_now_ms();
	c->is_admin = row->is_admin;
	memcpy(c->user_id, row->user_id, user_n);
	memcpy(c->user_id + user_n, row->device_id, device_n);
	c->device_id = c->user_id + user_n;
	return c;
}

static uint64_t
times_forgotten(struct logins *logins)
{
	uint64_t n;

	lock_take(&logins->lock);
	n = logins->forgotten;
	lock_give(&logins->lock);
	return n;
}

/* Not if a token was taken away since the row was read: it may have been this one. */
static void
remember(struct logins *logins, uint64_t forgotten, struct cached *new)
{
	bool stale;

	lock_take(&logins->lock);
	stale = logins->forgotten != forgotten;
	if (!stale)
		put_locked(logins, new);
	lock_give(&logins->lock);
	if (stale)
		free(new);
}

/* --- the tokens in the store --- */

/* A device's "last seen", on its way to the disk; nobody waits for it. */
struct seen_job {
	struct write_job job; /* first */
	int64_t ts;
	char ip[48];
	const char *device_id; /* behind user_id */
	char user_id[];
};

static enum mx_err
seen_run(struct write_job *job, struct db *db)
{
	struct seen_job *seen = (struct seen_job *)job;

	return store_device_seen(db, seen->user_id, seen->device_id, seen->ts,
	    seen->ip[0] == '\0' ? NULL : seen->ip);
}

static void
seen_done(struct write_job *job, enum mx_err err)
{
	if (err != M_OK)
		log_debug("login: a device's last use could not be noted");
	free(job);
}

static void
note_seen(struct ctx *ctx, const struct access_row *row, const char *ip)
{
	size_t user_n = strlen(row->user_id) + 1, device_n = strlen(row->device_id) + 1;
	struct seen_job *seen;

	if (clock_now_ms() - row->seen_ts < CACHED_MS)
		return;
	seen = xcalloc(1, sizeof *seen + user_n + device_n);
	seen->job = (struct write_job){ .run = seen_run, .done = seen_done };
	seen->ts = clock_now_ms();
	snprintf(seen->ip, sizeof seen->ip, "%s", ip == NULL ? "" : ip);
	memcpy(seen->user_id, row->user_id, user_n);
	memcpy(seen->user_id + user_n, row->device_id, device_n);
	seen->device_id = seen->user_id + user_n;
	writer_queue(ctx->core->writer, &seen->job);
}

static enum mx_err
end_predecessor(struct revoke *r, struct db *db)
{
	return store_refresh_remove(db, r->user_id, r->devices[0], r->arg);
}

/* "The old refresh token remains valid until the new access token or refresh token is
 * used, at which point the old refresh token is revoked." */
static enum mx_err
used_first(struct ctx *ctx, struct arena *arena, const struct access_row *row)
{
	struct revoke r = { .fn = end_predecessor,
		.user_id = row->user_id,
		.devices = (const char **)&row->device_id,
		.device_count = 1,
		.is_quiet = true };
	const uint8_t *before;
	enum mx_err err;

	if (row->refresh_hash == NULL)
		return M_OK;
	err = store_refresh_before(
	    ctx->db, arena, row->user_id, row->device_id, row->refresh_hash, &before);
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_OK : err;
	r.arg = (void *)before;
	return revoke_run(ctx, &r);
}

enum mx_err
login_identify(struct ctx *ctx, struct arena *arena, const char *token, const char *ip,
    struct identity *who, bool *soft_logout_out)
{
	struct logins *logins = ctx->core->logins;
	uint8_t hash[TOKEN_HASH_LEN];
	struct access_row row;
	struct cached *new;
	uint64_t forgotten;
	enum mx_err err;

	*soft_logout_out = false;
	if (login_identify_cached(logins, arena, token, who))
		return M_OK;
	if (!login_is_token(token))
		return M_UNKNOWN_TOKEN;
	sha256(token, strlen(token), hash);
	forgotten = times_forgotten(logins);
	err = store_access_find(ctx->db, arena, hash, &row);
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_UNKNOWN_TOKEN : err;
	if (row.expires_ts != 0 && clock_now_ms() >= row.expires_ts) {
		*soft_logout_out = true;
		return ctx_fail(ctx, M_UNKNOWN_TOKEN, "The access token has expired");
	}
	err = used_first(ctx, arena, &row);
	if (err != M_OK)
		return err;
	note_seen(ctx, &row, ip);
	new = cached_new(hash, &row);
	fill_identity(who, arena, new);
	remember(logins, forgotten, new);
	return M_OK;
}

/* --- opening and refreshing --- */

static const char *
new_token(struct arena *arena, const char *prefix, uint8_t hash_out[TOKEN_HASH_LEN])
{
	char *token = arena_raw(arena, PREFIX_LEN + SECRET_LETTERS + 1);

	memcpy(token, prefix, PREFIX_LEN);
	random_letters(token + PREFIX_LEN, SECRET_LETTERS);
	sha256(token, PREFIX_LEN + SECRET_LETTERS, hash_out);
	return token;
}

void
session_prepare(struct core *core, struct arena *arena, struct session *s)
{
	if (s->device_id == NULL) {
		char *id = arena_raw(arena, DEVICE_LETTERS + 1);

		random_letters(id, DEVICE_LETTERS);
		for (char *p = id; *p != '\0'; p++)
			*p &= ~0x20; /* upper case, as device ids are by custom */
		s->device_id = id;
	}
	s->row.now_ts = clock_now_ms();
	s->access_token = new_token(arena, ACCESS_PREFIX, s->row.access);
	if (!s->wants_refresh)
		return;
	s->refresh_token = new_token(arena, REFRESH_PREFIX, s->row.refresh);
	s->expires_in_ms = core->logins->access_token_ms;
}

/* The tokens' rows alone. */
static enum mx_err
write_tokens(struct db *db, const struct session *s)
{
	struct access_row row = { .user_id = s->user_id,
		.device_id = s->device_id,
		.expires_ts =
		    s->expires_in_ms == 0 ? 0 : s->row.now_ts + s->expires_in_ms,
		.refresh_hash = s->refresh_token == NULL ? NULL : s->row.refresh };
	enum mx_err err = store_access_add(db, s->row.access, &row);

	if (err == M_OK && s->refresh_token != NULL)
		err = store_refresh_add(db, s->row.refresh, s->user_id, s->device_id);
	return err;
}

/* "If the client sets the device_id, the server will invalidate any access and refresh
 * tokens previously assigned to that device." */
enum mx_err
session_write(struct db *db, const struct session *s)
{
	struct device_row device = { .device_id = s->device_id,
		.display_name = s->device_name,
		.last_seen_ts = s->row.now_ts,
		.last_seen_ip = s->ip };
	enum mx_err err = store_tokens_remove(db, s->user_id, s->device_id);

	if (err == M_OK)
		err = store_device_add(db, s->user_id, &device);
	return err != M_OK ? err : write_tokens(db, s);
}

/* A login under way. */
struct opening {
	struct arena *arena;
	struct session *session;
};

/* A password takes its time to check: meanwhile it may have been changed, or the
 * account deactivated, which ends all sessions there are. None may be opened behind
 * that. */
static enum mx_err
still_proven(const struct opening *o, struct db *db)
{
	const char *proven = o->session->password_hash;
	struct user_row row;
	enum mx_err err;

	if (proven == NULL)
		return M_OK;
	err = store_user_get(db, o->arena, o->session->user_id, &row);
	if (err != M_OK)
		return err == M_NOT_FOUND ? M_FORBIDDEN : err;
	return row.password_hash != NULL && strcmp(row.password_hash, proven) == 0
		   ? M_OK
		   : M_FORBIDDEN;
}

static enum mx_err
open_session(struct revoke *r, struct db *db)
{
	const struct opening *o = r->arg;
	enum mx_err err = still_proven(o, db);

	return err != M_OK ? err : session_write(db, o->session);
}

enum mx_err
login_open(struct ctx *ctx, struct arena *arena, struct session *s)
{
	struct opening o = { .arena = arena, .session = s };
	struct revoke r = { .fn = open_session, .arg = &o, .user_id = s->user_id };
	enum mx_err err;

	session_prepare(ctx->core, arena, s);
	r.devices = &s->device_id;
	r.device_count = 1;
	err = revoke_run(ctx, &r);
	return err == M_FORBIDDEN ? ctx_fail(ctx, err, "Wrong user name or password")
				  : err;
}

/* A refresh under way. */
struct refreshing {
	struct arena *arena;
	struct session *session;
	uint8_t hash[TOKEN_HASH_LEN];
};

/* All in the write job: two refreshes with one token must not both count as the first.
 */
static enum mx_err
refresh(struct revoke *r, struct db *db)
{
	struct refreshing *it = r->arg;
	struct refresh_row row;
	const uint8_t *before;
	enum mx_err err = store_refresh_find(db, it->arena, it->hash, &row);

	if (err != M_OK)
		return err == M_NOT_FOUND ? M_UNKNOWN_TOKEN : err;
	r->user_id = it->session->user_id = row.user_id;
	it->session->device_id = row.device_id;
	r->devices = &it->session->device_id;
	r->device_count = 1;
	/* The pair that its first use gave and nobody has used; and what came before.
	 */
	if (row.next_hash != NULL)
		err =
		    store_refresh_remove(db, row.user_id, row.device_id, row.next_hash);
	if (err != M_OK)
		return err;
	err = store_refresh_before(
	    db, it->arena, row.user_id, row.device_id, it->hash, &before);
	if (err == M_OK)
		err = store_refresh_remove(db, row.user_id, row.device_id, before);
	if (err != M_OK && err != M_NOT_FOUND)
		return err;
	err = store_refresh_used(db, it->hash, it->session->row.refresh);
	return err != M_OK ? err : write_tokens(db, it->session);
}

enum mx_err
login_refresh(struct ctx *ctx, struct arena *arena, const char *refresh_token,
    struct session *out)
{
	struct refreshing it = { .arena = arena, .session = out };
	struct revoke r = { .fn = refresh, .arg = &it, .is_quiet = true };

	*out = (struct session){ .device_id = "", .wants_refresh = true };
	session_prepare(ctx->core, arena, out);
	sha256(refresh_token, strlen(refresh_token), it.hash);
	return revoke_run(ctx, &r);
}

/* --- the end --- */

static enum mx_err
remove_device(struct revoke *r, struct db *db)
{
	return store_device_remove(db, r->user_id, r->devices[0]);
}

enum mx_err
login_logout(struct ctx *ctx, const struct identity *who)
{
	const char *device_id = who->device_id;
	struct revoke r = { .fn = remove_device,
		.user_id = who->user_id,
		.devices = &device_id,
		.device_count = 1 };

	return revoke_run(ctx, &r);
}

static enum mx_err
remove_all(struct revoke *r, struct db *db)
{
	return store_devices_remove_all(db, r->user_id);
}

enum mx_err
login_logout_all(struct ctx *ctx, const char *user_id)
{
	struct revoke r = { .fn = remove_all, .user_id = user_id, .whole_user = true };

	return revoke_run(ctx, &r);
}
