/*
 * Sessions: login, refresh, logout, whoami. Relies on core/users for passwords and
 * core/login for tokens.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/session.h"
#include "core/guests.h"
#include "core/users.h"

/* client-server-api/#get_matrixclientv3login */
enum mx_err
client_login_flows(struct req *req)
{
	struct json *answer = json_object(req->arena), *flows = json_array(req->arena);
	struct json *flow = json_object(req->arena);

	json_set_str(req->arena, flow, "type", "m.login.password");
	json_push(req->arena, flows, flow);
	json_set(req->arena, answer, "flows", flows);
	return reply_json(req, answer);
}

/* Whom does the body name? identifier, or `user` as it was before r0.4; *out NULL: by
 * address or number, of which no account here has any. */
static enum mx_err
read_user(struct req *req, const char **out)
{
	const struct json *identifier = json_get_object(req->body, "identifier");
	const char *type;

	*out = NULL;
	if (req_body_wrong(req, "identifier", JSON_OBJECT))
		return req_fail(req, M_BAD_JSON, "identifier must be an object");
	if (identifier == NULL) {
		if (json_get(req->body, "address") != NULL)
			return M_OK;
		return body_text_needed(req, "user", out);
	}
	type = json_get_str(identifier, "type");
	/* The example of a login by address has no type. Spec: #legacy-login */
	if (json_get(identifier, "type") == NULL &&
	    json_get(identifier, "address") != NULL)
		return M_OK;
	if (type == NULL)
		return req_fail(
		    req, M_MISSING_PARAM, "identifier has no type that is a string");
	if (strcmp(type, "m.id.thirdparty") == 0 || strcmp(type, "m.id.phone") == 0)
		return M_OK;
	if (strcmp(type, "m.id.user") != 0)
		return req_fail_status(
		    req, 400, M_UNKNOWN, "This type of identifier is not known");
	*out = json_get_str(identifier, "user");
	return *out != NULL ? M_OK
			    : req_fail(req, M_MISSING_PARAM,
				  "identifier has no user that is a string");
}

static enum mx_err
check_password(
    struct req *req, const char *user, const char *password, struct session *session)
{
	const char *user_id =
	    user == NULL ? NULL : users_login_id(req->core, req->arena, user);

	session->user_id = user_id;
	/* A name that cannot be: asked for as if it could, which takes its time. */
	return users_check_password(req->ctx, req->arena,
	    user_id == NULL ? "" : user_id, password, &session->password_hash);
}

/* client-server-api/#post_matrixclientv3login */
enum mx_err
client_login(struct req *req)
{
	const char *type, *user, *password;
	struct session session;
	struct json *answer;
	enum mx_err err = body_text_needed(req, "type", &type);

	if (err != M_OK)
		return err;
	if (strcmp(type, "m.login.password") != 0)
		return req_fail_status(req, 400, M_UNKNOWN, "Bad login type");
	err = session_from_body(req, &session);
	if (err == M_OK)
		err = read_user(req, &user);
	if (err == M_OK)
		err = body_text_needed(req, "password", &password);
	if (err == M_OK)
		err = check_password(req, user, password, &session);
	if (err == M_OK)
		err = login_open(req->ctx, req->arena, &session);
	if (err != M_OK)
		return err;
	answer = session_answer(req, session.user_id, &session);
	/* Clients move to where it says: not to an address that was made up. */
	if (req->core->set.base_url_is_given)
		json_set(req->arena, answer, "well_known", discovery_json(req));
	return reply_json(req, answer);
}

/* client-server-api/#post_matrixclientv3refresh */
enum mx_err
client_refresh(struct req *req)
{
	struct json *answer = json_object(req->arena);
	struct session session;
	const char *token;
	enum mx_err err = body_text_needed(req, "refresh_token", &token);

	if (err != M_OK)
		return err;
	err = login_refresh(req->ctx, req->arena, token, &session);
	if (err == M_UNKNOWN_TOKEN) /* 2015's /tokenrefresh knows a 403 alone */
		return req_fail(req,
		    req->version == A1 || req->version == A2 ? M_FORBIDDEN : err,
		    "This refresh token is not known, or has been used");
	if (err != M_OK)
		return err;
	session_add(req, answer, &session);
	return reply_json(req, answer);
}

/* client-server-api/#post_matrixclientv3logout */
enum mx_err
client_logout(struct req *req)
{
	enum mx_err err = req->who.is_guest ? guests_deny(req->ctx, &req->who)
					    : login_logout(req->ctx, &req->who);

	return err != M_OK ? err : reply_empty(req);
}

/* client-server-api/#post_matrixclientv3logoutall */
enum mx_err
client_logout_all(struct req *req)
{
	enum mx_err err = req->who.is_guest
			      ? guests_deny(req->ctx, &req->who)
			      : login_logout_all(req->ctx, req->who.user_id);

	return err != M_OK ? err : reply_empty(req);
}

/* client-server-api/#get_matrixclientv3accountwhoami */
enum mx_err
client_whoami(struct req *req)
{
	struct json *answer = json_object(req->arena);

	json_set_str(req->arena, answer, "user_id", req->who.user_id);
	json_set_str(req->arena, answer, "device_id", req->who.device_id);
	json_set_bool(req->arena, answer, "is_guest", req->who.is_guest);
	return reply_json(req, answer);
}
