/*
 * Fields of a body, and sessions in it and in answers. Relies on base/json.
 * Used by the handlers of register, login, account and devices.
 */
#include "api/client/session.h"

#include <string.h>

#include "core/devices.h"

enum mx_err
body_text(struct req *req, const char *field, const char **out)
{
	const struct json *v = json_get(req->body, field);

	*out = json_as_str(v);
	if (v == NULL || json_is(v, JSON_NULL) || *out != NULL)
		return M_OK;
	return req_fail(
	    req, M_BAD_JSON, arena_printf(req->arena, "%s must be a string", field));
}

enum mx_err
body_text_needed(struct req *req, const char *field, const char **out)
{
	enum mx_err err = body_text(req, field, out);

	if (err != M_OK || *out != NULL)
		return err;
	return req_fail(
	    req, M_MISSING_PARAM, arena_printf(req->arena, "%s is missing", field));
}

enum mx_err
body_bool(struct req *req, const char *field, bool fallback, bool *out)
{
	*out = json_get_bool(req->body, field, fallback);
	if (!req_body_wrong(req, field, JSON_BOOL))
		return M_OK;
	return req_fail(req, M_BAD_JSON,
	    arena_printf(req->arena, "%s must be true or false", field));
}

enum mx_err
session_from_body(struct req *req, struct session *out)
{
	enum mx_err err;

	*out = (struct session){ .ip = req_client_text(req) };
	err = body_text(req, "device_id", &out->device_id);
	if (err == M_OK)
		err = body_text(req, "initial_device_display_name", &out->device_name);
	if (err == M_OK)
		err = body_bool(req, "refresh_token", false, &out->wants_refresh);
	if (err != M_OK)
		return err;
	if (out->device_id != NULL && out->device_id[0] == '\0')
		out->device_id = NULL;
	if (out->device_id != NULL && strlen(out->device_id) > DEVICE_ID_MAX)
		return req_fail(
		    req, M_INVALID_PARAM, "device_id has at most 255 bytes");
	if (out->device_name != NULL && strlen(out->device_name) > DEVICE_NAME_MAX)
		return req_fail(req, M_INVALID_PARAM,
		    "initial_device_display_name has at most 255 bytes");
	return M_OK;
}

void
session_add(struct req *req, struct json *answer, const struct session *s)
{
	json_set_str(req->arena, answer, "access_token", s->access_token);
	if (s->refresh_token != NULL)
		json_set_str(req->arena, answer, "refresh_token", s->refresh_token);
	if (s->expires_in_ms != 0)
		json_set_int(req->arena, answer, "expires_in_ms", s->expires_in_ms);
}

struct json *
discovery_json(struct req *req)
{
	struct json *all = json_object(req->arena), *here = json_object(req->arena);

	json_set_str(req->arena, here, "base_url", req->core->set.public_base_url);
	json_set(req->arena, all, "m.homeserver", here);
	return all;
}

struct json *
session_answer(struct req *req, const char *user_id, const struct session *s)
{
	struct json *answer = json_object(req->arena);

	json_set_str(req->arena, answer, "user_id", user_id);
	json_set_str(req->arena, answer, "home_server", req->core->set.server_name);
	if (s != NULL) {
		json_set_str(req->arena, answer, "device_id", s->device_id);
		session_add(req, answer, s);
	}
	return answer;
}
