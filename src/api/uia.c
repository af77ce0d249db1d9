/*
 * User-interactive authentication. Relies on base/crypto for sessions that need no
 * memory, on core/users and core/registration for what stages ask.
 * Between the handlers of register, password, deactivate, devices, and their work.
 */
#include "api/uia.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/map.h"
#include "core/registration.h"
#include "core/users.h"

#define SESSION_MS (15 * 60 * 1000)
#define COMPLETED_MAX 4096
#define NONCES_MAX 512
#define NONCE_MS 60000

/* A session's bytes: version, stages offered, when it ends, what for, whose, something
 * random, MAC. 45 of them have no spare bits in Base64. */
#define AT_STAGES 1
#define AT_ENDS 2
#define AT_PURPOSE 8
#define AT_USER 16
#define AT_RANDOM 24
#define AT_MAC 29
#define RAW_LEN (AT_MAC + MAC_LEN)
#define SESSION_LEN (RAW_LEN / 3 * 4)
#define VERSION 1

_Static_assert(RAW_LEN % 3 == 0, "no spare bits in its Base64");

/* A stage done on a fallback page; or all of them, and what came of it. */
struct completed {
	char session[SESSION_LEN + 1];
	enum uia_stage stage; /* 0: all, and detail is the account that was made */
	int64_t ends_ms;
	struct completed *next; /* the one made after it */
	char detail[];
};

struct nonce {
	char text[UIA_NONCE_LEN + 1];
	int64_t ends_ms; /* in clock_mono_ms */
};

/* Shared; lock guards what stands below it. */
static struct {
	uint8_t key[MAC_KEY_LEN];

	struct lock lock;     /* RANK_CACHE */
	struct map completed; /* session -> struct completed */
	struct completed *oldest, **newest;
	size_t completed_count; /* in the list: a session may stand there twice */
	struct uia_turn *turns; /* sessions at work */
	pthread_cond_t given;	/* one of them is no longer */
	struct nonce nonces[NONCES_MAX]; /* a ring */
	size_t next_nonce;
} uia;

static const char *const names[UIA_STAGES] = { "m.login.dummy", "m.login.password",
	"m.login.registration_token" };

const char *
uia_stage_name(enum uia_stage stage)
{
	for (int i = 0; i < UIA_STAGES; i++)
		if ((int)stage == 1 << i)
			return names[i];
	return NULL;
}

enum uia_stage
uia_stage_find(const char *name)
{
	for (int i = 0; i < UIA_STAGES; i++)
		if (strcmp(names[i], name) == 0)
			return (enum uia_stage)(1 << i);
	return (enum uia_stage)0;
}

void
uia_setup(const uint8_t secret[32])
{
	memset(&uia, 0, sizeof uia);
	lock_init(&uia.lock, RANK_CACHE);
	derive_key(secret, "interactive authentication", uia.key);
	uia.newest = &uia.oldest;
	cond_init(&uia.given);
}

void
uia_free(void)
{
	while (uia.oldest != NULL) {
		struct completed *next = uia.oldest->next;

		free(uia.oldest);
		uia.oldest = next;
	}
	map_fini(&uia.completed);
	pthread_cond_destroy(&uia.given);
	lock_fini(&uia.lock);
}

/* --- sessions --- */

static void
short_hash(const char *s, uint8_t out[8])
{
	uint8_t hash[SHA256_LEN];

	sha256(s, strlen(s), hash);
	memcpy(out, hash, 8);
}

/* What the session is for: this endpoint, this object, this user. */
static void
purpose_of(const struct req *req, const char *user_id, uint8_t out[8])
{
	struct buf b = { 0 };

	buf_printf(&b, "%d %s", req->route->method, req->route->path);
	for (int i = 0; i < REQ_PARAMS_MAX && req->params[i] != NULL; i++)
		buf_printf(&b, "\n%s", req->params[i]);
	buf_printf(&b, "\n%s", user_id == NULL ? "" : user_id);
	short_hash(b.p, out);
	buf_free(&b);
}

static const char *
session_new(const struct req *req, int stages, const char *user_id)
{
	char *text = arena_raw(req->arena, SESSION_LEN + 1);
	uint8_t raw[RAW_LEN];

	raw[0] = VERSION;
	raw[AT_STAGES] = (uint8_t)stages;
	be48_put(raw + AT_ENDS, clock_now_ms() + SESSION_MS);
	purpose_of(req, user_id, raw + AT_PURPOSE);
	short_hash(user_id == NULL ? "" : user_id, raw + AT_USER);
	random_bytes(raw + AT_RANDOM, AT_MAC - AT_RANDOM);
	mac(uia.key, raw, AT_MAC, raw + AT_MAC);
	b64url_encode(raw, RAW_LEN, text);
	return text;
}

/* False: not one of ours, or its time is up. */
static bool
session_read(const char *session, uint8_t raw[RAW_LEN])
{
	uint8_t right[MAC_LEN];
	size_t n;

	if (strlen(session) != SESSION_LEN ||
	    !b64url_decode(session, SESSION_LEN, raw, RAW_LEN, &n) || n != RAW_LEN)
		return false;
	mac(uia.key, raw, AT_MAC, right);
	return secret_eq(right, raw + AT_MAC, MAC_LEN) && raw[0] == VERSION &&
	       clock_now_ms() < be48_get(raw + AT_ENDS);
}

bool
uia_session_offers(const char *session, enum uia_stage stage)
{
	uint8_t raw[RAW_LEN];

	return session_read(session, raw) && (raw[AT_STAGES] & stage) != 0;
}

bool
uia_session_is_of(const char *session, const char *user_id)
{
	uint8_t raw[RAW_LEN], user[8];

	short_hash(user_id, user);
	return session_read(session, raw) && memcmp(raw + AT_USER, user, 8) == 0;
}

/* --- stages completed elsewhere --- */

static void
drop_oldest_locked(void)
{
	struct completed *old = uia.oldest;

	uia.oldest = old->next;
	if (uia.oldest == NULL)
		uia.newest = &uia.oldest;
	if (map_get_str(&uia.completed, old->session) == old)
		map_del_str(&uia.completed, old->session);
	uia.completed_count--;
	free(old);
}

static struct completed *
completed_new(const char *session, enum uia_stage stage, const char *detail)
{
	size_t n = detail == NULL ? 1 : strlen(detail) + 1;
	struct completed *c = xcalloc(1, sizeof *c + n);

	memcpy(c->session, session, SESSION_LEN);
	c->stage = stage;
	c->ends_ms = clock_mono_ms() + SESSION_MS;
	memcpy(c->detail, detail == NULL ? "" : detail, n);
	return c;
}

static void
note_locked(struct completed *c)
{
	int64_t now = clock_mono_ms();

	while (uia.oldest != NULL &&
	       (uia.oldest->ends_ms <= now || uia.completed_count >= COMPLETED_MAX))
		drop_oldest_locked();
	/* A key lies in its value: the old entry goes before the new one comes. What it
	 * stood for stays in the list until its time. */
	map_del_str(&uia.completed, c->session);
	map_put_str(&uia.completed, c->session, c);
	*uia.newest = c;
	uia.newest = &c->next;
	uia.completed_count++;
}

/* NULL: nothing yet. */
static const char *
made_locked(const char *session)
{
	const struct completed *c = map_get_str(&uia.completed, session);

	return c != NULL && c->stage == 0 ? c->detail : NULL;
}

void
uia_complete(const char *session, enum uia_stage stage, const char *detail)
{
	uint8_t raw[RAW_LEN];

	if (!session_read(session, raw))
		return;
	lock_take(&uia.lock);
	if (made_locked(session) == NULL)
		note_locked(completed_new(session, stage, detail));
	lock_give(&uia.lock);
}

/* 0: none. The detail is copied into the arena, unless that is NULL; a stage without
 * one leaves *detail_out as it was. */
static enum uia_stage
completed_stage(const char *session, struct arena *arena, const char **detail_out)
{
	enum uia_stage stage = (enum uia_stage)0;
	struct completed *c;

	lock_take(&uia.lock);
	c = map_get_str(&uia.completed, session);
	if (c != NULL)
		stage = c->stage;
	if (stage != 0 && arena != NULL && c->detail[0] != '\0')
		*detail_out = arena_strdup(arena, c->detail);
	lock_give(&uia.lock);
	return stage;
}

bool
uia_is_complete(const char *session, enum uia_stage stage)
{
	return completed_stage(session, NULL, NULL) == stage;
}

/* --- the dialogue --- */

static struct json *
flows_of(struct arena *arena, int stages)
{
	struct json *flows = json_array(arena);

	for (int i = 0; i < UIA_STAGES; i++) {
		struct json *flow, *list;

		if (!(stages & 1 << i))
			continue;
		flow = json_object(arena);
		list = json_array(arena);
		json_push(arena, list, json_str(arena, names[i]));
		json_set(arena, flow, "stages", list);
		json_push(arena, flows, flow);
	}
	return flows;
}

/* The 401 with its flows; err M_OK: nothing went wrong yet. */
static enum mx_err
reply_flows(struct req *req, int stages, const char *session, enum mx_err err,
    const char *sentence)
{
	struct json *body = json_object(req->arena);

	json_set(req->arena, body, "flows", flows_of(req->arena, stages));
	json_set(req->arena, body, "params", json_object(req->arena));
	json_set_str(req->arena, body, "session", session);
	if (err != M_OK) {
		json_set(req->arena, body, "completed", json_array(req->arena));
		json_set_str(req->arena, body, "errcode", err_name(err));
		json_set_str(req->arena, body, "error", sentence);
	}
	req->status = 401;
	return reply_json(req, body);
}

enum mx_err
uia_again(struct req *req, int stages, const char *user_id, enum mx_err err,
    const char *sentence)
{
	return reply_flows(
	    req, stages, session_new(req, stages, user_id), err, sentence);
}

/* Whom does the client mean: identifier, or `user` as clients of old have it? */
static const char *
named_user(const struct req *req, const struct json *auth)
{
	const struct json *identifier = json_get_object(auth, "identifier");
	const char *type = json_get_str(identifier, "type"), *user;

	if (identifier == NULL)
		user = json_get_str(auth, "user");
	else if (type == NULL || strcmp(type, "m.id.user") != 0)
		user = NULL;
	else
		user = json_get_str(identifier, "user");
	return user == NULL ? NULL : users_login_id(req->core, req->arena, user);
}

static bool
names_user(const struct req *req, const struct json *auth, const char *user_id)
{
	const char *named = named_user(req, auth);

	return named != NULL && strcmp(named, user_id) == 0;
}

/* Spec: #password-based. A password of another account proves nothing. */
static enum mx_err
try_password(struct req *req, const struct json *auth, const char *user_id)
{
	const char *password = json_get_str(auth, "password");

	if (!names_user(req, auth, user_id))
		return ctx_fail(req->ctx, M_FORBIDDEN,
		    "This is not the user who makes the request");
	if (password == NULL)
		return ctx_fail(req->ctx, M_MISSING_PARAM, "password is missing");
	return users_check_password(req->ctx, req->arena, user_id, password, NULL);
}

/* Spec: #token-authenticated-registration */
static enum mx_err
try_token(struct req *req, const struct json *auth, struct uia_result *result)
{
	const char *token = json_get_str(auth, "token");
	bool valid;
	enum mx_err err;

	if (token == NULL)
		return ctx_fail(req->ctx, M_MISSING_PARAM, "token is missing");
	err = registration_token_valid(req->ctx, token, &valid);
	if (err != M_OK)
		return err;
	if (!valid)
		return ctx_fail(
		    req->ctx, M_UNAUTHORIZED, "This registration token is not valid");
	result->registration_token = token;
	return M_OK;
}

static enum mx_err
try_stage(struct req *req, const struct json *auth, int stages, const char *user_id,
    struct uia_result *result)
{
	const char *type = json_get_str(auth, "type");

	/* Done on a fallback page? "Completed stages cannot be retried": then whatever
	 * else auth says does not matter. */
	result->stage =
	    completed_stage(result->session, req->arena, &result->registration_token);
	if (result->stage & stages)
		return M_OK;
	if (type == NULL)
		return M_UNAUTHORIZED;
	result->stage = uia_stage_find(type);
	if (!(result->stage & stages))
		return ctx_fail(req->ctx, M_UNRECOGNIZED, "This stage is not offered");
	if (result->stage == UIA_PASSWORD)
		return try_password(req, auth, user_id);
	if (result->stage == UIA_REGISTRATION_TOKEN)
		return try_token(req, auth, result);
	return M_OK;
}

static bool
is_for_this(const struct req *req, const char *session, int stages, const char *user_id)
{
	uint8_t raw[RAW_LEN], purpose[8];

	purpose_of(req, user_id, purpose);
	return session_read(session, raw) && raw[AT_STAGES] == stages &&
	       memcmp(raw + AT_PURPOSE, purpose, 8) == 0;
}

/* Errors that are the server's own end the request, and so does another user's name:
 * "the homeserver must respond with 403", while a wrong password may be tried again. */
static bool
ends(const struct req *req, const struct json *auth, const char *user_id,
    const struct uia_result *result, enum mx_err err)
{
	return err == M_UNKNOWN || err == M_UNAVAILABLE ||
	       (result->stage == UIA_PASSWORD && !names_user(req, auth, user_id));
}

bool
uia_pass(struct req *req, int stages, const char *user_id,
    struct uia_result *result_out, enum mx_err *err_out)
{
	const struct json *auth = json_get_object(req->body, "auth");
	const char *session = json_get_str(auth, "session");
	enum mx_err err;

	*result_out = (struct uia_result){ .session = session };
	if (req_body_wrong(req, "auth", JSON_OBJECT)) {
		*err_out = req_fail(req, M_BAD_JSON, "auth must be an object");
		return false;
	}
	if (auth == NULL || (session == NULL && json_get_str(auth, "type") == NULL)) {
		*err_out = uia_again(req, stages, user_id, M_OK, NULL);
		return false;
	}
	if (session == NULL)
		result_out->session = session = session_new(req, stages, user_id);
	if (!is_for_this(req, session, stages, user_id)) {
		*err_out = uia_again(req, stages, user_id, M_UNAUTHORIZED,
		    "This session is not known, or has expired");
		return false;
	}
	req->ctx->why = NULL;
	err = try_stage(req, auth, stages, user_id, result_out);
	if (err == M_OK)
		return true;
	*err_out = ends(req, auth, user_id, result_out, err)
		       ? err
		       : reply_flows(req, stages, session,
			     req->ctx->why == NULL ? M_OK : err, req->ctx->why);
	return false;
}

/* --- turns --- */

static bool
is_taken_locked(const char *session)
{
	for (const struct uia_turn *t = uia.turns; t != NULL; t = t->next)
		if (strcmp(t->session, session) == 0)
			return true;
	return false;
}

/* Who has the turn is at work on another thread, and needs none of those that wait. */
static void
wait_for_turn_locked(const char *session)
{
	if (!is_taken_locked(session))
		return;
	thread_waits(true);
	while (is_taken_locked(session))
		lock_wait(&uia.lock, &uia.given, 0);
	thread_waits(false);
}

const char *
uia_turn_take(
    struct req *req, int stages, const char *user_id, struct uia_turn *turn_out)
{
	const struct json *auth = json_get_object(req->body, "auth");
	const char *session = json_get_str(auth, "session"), *made;

	*turn_out = (struct uia_turn){ .session = NULL };
	if (session == NULL || !is_for_this(req, session, stages, user_id))
		return NULL;
	lock_take(&uia.lock);
	wait_for_turn_locked(session);
	made = made_locked(session);
	if (made != NULL) {
		made = arena_strdup(req->arena, made);
	} else {
		*turn_out = (struct uia_turn){ session, uia.turns };
		uia.turns = turn_out;
	}
	lock_give(&uia.lock);
	return made;
}

void
uia_turn_give(struct uia_turn *turn, const char *made)
{
	struct uia_turn **at = &uia.turns;

	if (turn->session == NULL)
		return;
	lock_take(&uia.lock);
	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	if (made != NULL)
		note_locked(completed_new(turn->session, (enum uia_stage)0, made));
	pthread_cond_broadcast(&uia.given);
	lock_give(&uia.lock);
}

/* --- nonces --- */

void
uia_nonce_new(char out[UIA_NONCE_LEN + 1])
{
	struct nonce *nonce;

	random_letters(out, UIA_NONCE_LEN);
	lock_take(&uia.lock);
	nonce = &uia.nonces[uia.next_nonce++ % NONCES_MAX];
	memcpy(nonce->text, out, UIA_NONCE_LEN + 1);
	nonce->ends_ms = clock_mono_ms() + NONCE_MS;
	lock_give(&uia.lock);
}

bool
uia_nonce_take(const char *nonce)
{
	int64_t now = clock_mono_ms();
	bool good = false;

	lock_take(&uia.lock);
	for (size_t i = 0; i < NONCES_MAX && !good; i++) {
		good = uia.nonces[i].ends_ms > now &&
		       strcmp(uia.nonces[i].text, nonce) == 0;
		if (good)
			uia.nonces[i].ends_ms = 0;
	}
	lock_give(&uia.lock);
	return good;
}
