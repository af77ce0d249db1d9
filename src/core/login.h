/*
 * Sessions of accounts: access tokens ("plr_..."), refresh tokens ("plf_..."), and the
 * tokens seen lately, in memory. Tokens are stored as SHA-256 alone.
 * Spec: client-server-api/#client-authentication, #refreshing-access-tokens
 */
#ifndef CORE_LOGIN_H
#define CORE_LOGIN_H

#include "core/revoke.h"
#include "room/ctx.h"
#include "room/identity.h"

/* Makes core->logins. Tokens of sessions that can refresh live access_token_ms. */
void logins_setup(struct core *core, int64_t access_token_ms);
void logins_free(struct core *core);

/* Could this be an access token of an account at all? */
bool login_is_token(const char *token);

/*
 * Who is this? From memory alone: any thread. False: not known here, ask
 * login_identify on a worker. What *who points to lies in the arena.
 */
bool login_identify_cached(struct logins *logins, struct arena *arena,
    const char *token, struct identity *who) MUST_USE;
/*
 * The same with the store behind it. M_UNKNOWN_TOKEN; *soft_logout_out: it has expired
 * and may be refreshed. ip (NULL: unknown) is noted for the device, once an hour. The
 * first use of a refreshed token ends the one before it.
 */
enum mx_err login_identify(struct ctx *ctx, struct arena *arena, const char *token,
    const char *ip, struct identity *who, bool *soft_logout_out) MUST_USE;
/* Tokens in memory that are no longer good; device_id NULL: all of the user's. */
void login_forget(struct logins *logins, const char *user_id, const char *device_id);

/* A session to be. What is filled in lies in the arena. */
struct session {
	const char *user_id;
	const char *device_id;	 /* NULL: filled in */
	const char *device_name; /* NULL: none; of a device that is new only */
	const char *ip;		 /* NULL: not known */
	bool wants_refresh;
	/* What the password was found right against: no session if it has changed
	 * since. NULL: not by password. */
	const char *password_hash;
	/* filled in */
	const char *access_token;
	const char *refresh_token; /* NULL unless wants_refresh */
	int64_t expires_in_ms;	   /* 0: never */
	struct {		   /* for session_write */
		uint8_t access[32], refresh[32];
		int64_t now_ts;
	} row;
};

/* Makes the tokens. */
void session_prepare(struct core *core, struct arena *arena, struct session *s);
/* Its rows: inside a write job that revokes the device's former tokens. */
enum mx_err session_write(struct db *db, const struct session *s) MUST_USE;
/* Both, as a write of its own: a login. M_FORBIDDEN: the password has changed, or the
 * account has ended, since it was checked. */
enum mx_err login_open(
    struct ctx *ctx, struct arena *arena, struct session *s) MUST_USE;

/* A new pair for a refresh token; of `out` only the tokens and their life are filled
 * in. M_UNKNOWN_TOKEN. */
enum mx_err login_refresh(struct ctx *ctx, struct arena *arena,
    const char *refresh_token, struct session *out) MUST_USE;

/* Ends a session: its device goes with it. */
enum mx_err login_logout(struct ctx *ctx, const struct identity *who) MUST_USE;
enum mx_err login_logout_all(struct ctx *ctx, const char *user_id) MUST_USE;

#endif
