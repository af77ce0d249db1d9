/*
 * Registration: guests, accounts, guests who become accounts, and what is asked before.
 * Relies on core/users and core/guests; guests are answered on the io thread.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/session.h"
#include "api/uia.h"
#include "base/clock.h"
#include "base/codec.h"
#include "core/guests.h"
#include "core/registration.h"
#include "core/users.h"

/* What is asked for. */
struct wish {
	const char *username, *password; /* NULL: not given */
	const char *guest_token;	 /* of the guest who becomes this account */
	bool inhibit_login;
	struct session session;
	struct identity guest;
	const char *user_id;
	bool is_made;
};

/* --- guests --- */

/* "All parameters in the request body with the exception of initial_device_display_name
 * MUST BE ignored by the server." */
static enum mx_err
register_guest(struct req *req)
{
	struct new_guest guest;
	struct json *answer = json_object(req->arena);
	const char *name;
	enum mx_err err = body_text(req, "initial_device_display_name", &name);

	if (err != M_OK)
		return err;
	err = guests_issue(req->core, req->arena, name, &guest);
	if (err != M_OK)
		return req_fail(req, err, "There are no guests on this server");
	json_set_str(req->arena, answer, "access_token", guest.token);
	json_set_str(req->arena, answer, "device_id", guest.device_id);
	json_set_int(
	    req->arena, answer, "expires_in_ms", guest.expires_ms - clock_now_ms());
	json_set_str(req->arena, answer, "home_server", req->core->set.server_name);
	json_set_str(req->arena, answer, "user_id", guest.user_id);
	return reply_json(req, answer);
}

/* --- accounts --- */

static enum mx_err
read_username(struct req *req, struct wish *wish)
{
	const char *field = req->version == A1 ? "user" : "username";
	const struct json *given = json_get(req->body, field);

	wish->username = json_as_str(given);
	if (json_is(given, JSON_STR) && wish->username == NULL)
		return req_fail(
		    req, M_INVALID_USERNAME, "A user name has no NUL inside");
	return body_text(req, field, &wish->username);
}

static enum mx_err
read_wish(struct req *req, struct wish *wish)
{
	enum mx_err err = session_from_body(req, &wish->session);

	if (err == M_OK)
		err = read_username(req, wish);
	if (err == M_OK)
		err = body_text(req, "password", &wish->password);
	if (err == M_OK)
		err = body_text(req, "guest_access_token", &wish->guest_token);
	if (err == M_OK)
		err = body_bool(req, "inhibit_login", false, &wish->inhibit_login);
	if (err == M_OK && wish->password != NULL)
		err = users_password_fit(req->ctx, wish->password);
	return err;
}

/* "They are also required to specify the username parameter to the value of the local
 * part of their username." Spec: #guest-access */
static enum mx_err
read_guest(struct req *req, struct wish *wish)
{
	enum mx_err err =
	    guests_identify(req->core, req->arena, wish->guest_token, &wish->guest);

	if (err != M_OK)
		return req_fail(req, M_FORBIDDEN,
		    "guest_access_token is no guest's, or has expired");
	if (wish->username == NULL)
		return req_fail(req, M_MISSING_PARAM,
		    "username is missing: it must be the guest's own");
	err = users_name(req->ctx, req->arena, wish->username, &wish->user_id);
	if (err != M_OK)
		return err;
	return strcmp(wish->user_id, wish->guest.user_id) == 0
		   ? M_OK
		   : req_fail(req, M_FORBIDDEN, "username must be the guest's own");
}

/* "Homeservers MUST perform the relevant checks and return these codes before
 * performing User-Interactive Authentication." */
static enum mx_err
check_wish(struct req *req, struct wish *wish)
{
	if (wish->guest_token != NULL)
		return read_guest(req, wish);
	if (wish->username != NULL)
		return users_name_free(
		    req->ctx, req->arena, wish->username, &wish->user_id);
	return users_name_free(
	    req->ctx, req->arena, users_random_name(req->arena), &wish->user_id);
}

static enum mx_err
create(struct req *req, struct wish *wish, const char *registration_token)
{
	struct new_account account = { .user_id = wish->user_id,
		.password = wish->password,
		.registration_token = registration_token,
		.guest = wish->guest_token == NULL ? NULL : &wish->guest,
		.session = wish->inhibit_login ? NULL : &wish->session };

	wish->session.user_id = wish->user_id;
	return users_create(req->ctx, req->arena, &account);
}

static int
stages_here(const struct req *req)
{
	return req->core->set.registration == REGISTRATION_TOKEN
		   ? UIA_REGISTRATION_TOKEN
		   : UIA_DUMMY;
}

static enum mx_err
reply_wish(struct req *req, const struct wish *wish)
{
	return reply_json(req, session_answer(req, wish->user_id,
				   wish->inhibit_login ? NULL : &wish->session));
}

static enum mx_err
register_user(struct req *req, struct wish *wish)
{
	struct uia_result proof;
	enum mx_err err;

	if (!uia_pass(req, stages_here(req), NULL, &proof, &err))
		return err;
	if (wish->password == NULL)
		return req_fail(req, M_MISSING_PARAM, "password is missing");
	err = create(req, wish, proof.registration_token);
	if (err == M_UNAUTHORIZED)
		return uia_again(req, stages_here(req), NULL, err,
		    "This registration token has been used up");
	wish->is_made = err == M_OK;
	return err != M_OK ? err : reply_wish(req, wish);
}

/* --- an account that is there already --- */

/* Does who comes again mean the account that its session has made, and know it? */
static enum mx_err
prove_again(struct req *req, struct wish *wish, const char *made)
{
	const char *named = made;
	enum mx_err err = M_OK;

	if (wish->username != NULL)
		err = users_name(req->ctx, req->arena, wish->username, &named);
	if (err != M_OK)
		return err;
	if (strcmp(named, made) != 0)
		return ctx_fail(
		    req->ctx, M_UNAUTHORIZED, "This session has made another account");
	if (wish->password == NULL)
		return req_fail(req, M_MISSING_PARAM, "password is missing");
	return users_check_password(
	    req->ctx, req->arena, made, wish->password, &wish->session.password_hash);
}

/* "Servers must return either a 401 response with the completed stages, or the result
 * of the API call if all stages were completed when a client retries a stage": whose
 * answer was lost asks again, and is logged in. Spec:
 * #user-interactive-api-in-the-rest-api */
static enum mx_err
answer_again(struct req *req, struct wish *wish, const char *made)
{
	enum mx_err err = prove_again(req, wish, made);

	if (err == M_UNAUTHORIZED)
		return uia_again(req, stages_here(req), NULL, err, req->ctx->why);
	wish->user_id = wish->session.user_id = made;
	if (err == M_OK && !wish->inhibit_login)
		err = login_open(req->ctx, req->arena, &wish->session);
	return err != M_OK ? err : reply_wish(req, wish);
}

/* --- 2015 --- */

/* The `mac` of 2015's shared-secret registration, without a nonce. */
static bool
is_mac_right(const struct req *req, const struct wish *wish, const char *given)
{
	const char *secret = req->core->set.registration_shared_secret;
	bool admin = json_get_bool(req->body, "admin", false);
	uint8_t right[20], got[20];
	struct buf b = { 0 };

	buf_add(&b, wish->username, strlen(wish->username) + 1);
	buf_add(&b, wish->password, strlen(wish->password) + 1);
	buf_str(&b, admin ? "admin" : "notadmin");
	hmac_sha1(secret, strlen(secret), b.p, b.n, right);
	buf_free(&b);
	return strlen(given) == 40 && hex_decode(given, 40, got) &&
	       secret_eq(got, right, sizeof right);
}

static enum mx_err
register_by_secret(struct req *req, struct wish *wish)
{
	const char *secret = req->core->set.registration_shared_secret;
	const char *given = req_body_str(req, "mac");
	struct new_account account = { .user_id = wish->user_id,
		.password = wish->password,
		.is_admin = json_get_bool(req->body, "admin", false),
		.session = &wish->session };
	enum mx_err err;

	if (secret == NULL || secret[0] == '\0')
		return req_fail(
		    req, M_FORBIDDEN, "There is no registration by shared secret here");
	if (given == NULL || !is_mac_right(req, wish, given))
		return req_fail(req, M_FORBIDDEN, "mac is not right");
	wish->session.user_id = wish->user_id;
	err = users_create(req->ctx, req->arena, &account);
	return err != M_OK ? err : reply_wish(req, wish);
}

/* One request with everything in it: {"type": "m.login.password", "user", "password"}.
 * Spec: legacy-v1/ specification of 2015, "Registration and Login" */
static enum mx_err
register_v1(struct req *req, struct wish *wish, const char *type)
{
	enum mx_err err;

	if (wish->username == NULL || wish->password == NULL)
		return req_fail(req, M_MISSING_PARAM, "user and password are needed");
	if (strcmp(type, "org.matrix.login.shared_secret") == 0)
		return register_by_secret(req, wish);
	if (strcmp(type, "m.login.password") != 0 && strcmp(type, "m.login.dummy") != 0)
		return req_fail_status(req, 400, M_UNKNOWN, "Bad login type");
	if (req->core->set.registration != REGISTRATION_OPEN)
		return req_fail(req, M_FORBIDDEN,
		    "Registration on this server is not open in this form");
	err = create(req, wish, NULL);
	return err != M_OK ? err : reply_wish(req, wish);
}

/* --- the endpoints --- */

static enum mx_err
register_now(struct req *req, struct wish *wish, const char *type)
{
	enum mx_err err = check_wish(req, wish);

	if (err != M_OK)
		return err;
	return type != NULL ? register_v1(req, wish, type) : register_user(req, wish);
}

/* A session makes one account, however often and at what moment it is brought. */
static enum mx_err
register_once(struct req *req, struct wish *wish, const char *type)
{
	struct uia_turn turn;
	const char *made = uia_turn_take(req, stages_here(req), NULL, &turn);
	enum mx_err err;

	if (made != NULL)
		return answer_again(req, wish, made);
	err = register_now(req, wish, type);
	uia_turn_give(&turn, wish->is_made ? wish->user_id : NULL);
	return err;
}

static bool
is_by_secret(const char *type)
{
	return type != NULL && strcmp(type, "org.matrix.login.shared_secret") == 0;
}

/* client-server-api/#post_matrixclientv3register */
enum mx_err
client_register(struct req *req)
{
	const char *kind = req_query(req, "kind");
	const char *type = req->version == A1 ? req_body_str(req, "type") : NULL;
	struct wish wish = { 0 };
	enum mx_err err;

	if (kind != NULL && strcmp(kind, "guest") == 0)
		return register_guest(req);
	if (kind != NULL && strcmp(kind, "user") != 0)
		return req_fail(req, M_INVALID_PARAM, "kind must be user or guest");
	if (req->ctx->db == NULL)
		return REQ_TO_WORKER;
	if (req->core->set.registration == REGISTRATION_CLOSED && !is_by_secret(type))
		return req_fail(
		    req, M_FORBIDDEN, "Registration is closed on this server");
	err = read_wish(req, &wish);
	return err != M_OK ? err : register_once(req, &wish, type);
}

/* 2015's, for api/v1: legacy-v1/ */
enum mx_err
client_register_flows(struct req *req)
{
	struct json *answer = json_object(req->arena), *flows = json_array(req->arena);

	if (req->core->set.registration == REGISTRATION_OPEN) {
		struct json *flow = json_object(req->arena);

		json_set_str(req->arena, flow, "type", "m.login.password");
		json_push(req->arena, flows, flow);
	}
	json_set(req->arena, answer, "flows", flows);
	return reply_json(req, answer);
}

/* client-server-api/#get_matrixclientv3registeravailable */
enum mx_err
client_register_available(struct req *req)
{
	const char *name = req_query(req, "username"), *user_id;
	struct json *answer = json_object(req->arena);
	enum mx_err err;

	if (name == NULL)
		return req_fail(req, M_MISSING_PARAM, "username is missing");
	err = users_name_free(req->ctx, req->arena, name, &user_id);
	if (err != M_OK)
		return err;
	json_set_bool(req->arena, answer, "available", true);
	return reply_json(req, answer);
}

/* client-server-api/#get_matrixclientv1registermloginregistration_tokenvalidity */
enum mx_err
client_registration_token_validity(struct req *req)
{
	const char *token = req_query(req, "token");
	struct json *answer = json_object(req->arena);
	bool valid;
	enum mx_err err;

	if (token == NULL)
		return req_fail(req, M_MISSING_PARAM, "token is missing");
	if (req->core->set.registration == REGISTRATION_CLOSED)
		return req_fail(
		    req, M_FORBIDDEN, "Registration is closed on this server");
	err = registration_token_valid(req->ctx, token, &valid);
	if (err != M_OK)
		return err;
	json_set_bool(req->arena, answer, "valid", valid);
	return reply_json(req, answer);
}
