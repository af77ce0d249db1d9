/*
 * Profiles: display name, picture and other fields. Relies on core/profile.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "core/profile.h"
#include "event/ids.h"

static enum mx_err
read_user(struct req *req, const char **user_id_out)
{
	*user_id_out = req_path(req, "userId");
	if (!id_user_valid(*user_id_out))
		return req_fail(req, M_INVALID_PARAM, "This is no user id");
	return M_OK;
}

/* client-server-api/#get_matrixclientv3profileuserid */
enum mx_err
client_profile(struct req *req)
{
	struct json *profile;
	const char *user_id;
	enum mx_err err = read_user(req, &user_id);

	if (err == M_OK)
		err = profile_get(req->ctx, req->arena, user_id, &profile);
	return err != M_OK ? err : reply_json(req, profile);
}

/* client-server-api/#get_matrixclientv3profileuseridkeyname */
enum mx_err
client_profile_field(struct req *req)
{
	const char *field = req_path(req, "keyName"), *user_id;
	struct json *answer = json_object(req->arena), *value;
	enum mx_err err = read_user(req, &user_id);

	if (err == M_OK)
		err = profile_get_field(req->ctx, req->arena, user_id, field, &value);
	if (err != M_OK)
		return err;
	json_set(req->arena, answer, field, value);
	return reply_json(req, answer);
}

/* "For avatar_url, the value MUST be an MXC URI string": so it is below v3, while the
 * versions before it ask for a URL alone. An empty one takes the picture away. */
static bool
is_no_picture(const struct req *req, const struct json *value)
{
	const char *text = json_as_str(value);

	return req->version == V3 &&
	       strcmp(req_path(req, "keyName"), "avatar_url") == 0 && text != NULL &&
	       text[0] != '\0' && !id_mxc_valid(text);
}

static enum mx_err
set_field(struct req *req, const struct json *value)
{
	const char *user_id;
	enum mx_err err = read_user(req, &user_id);

	if (err != M_OK)
		return err;
	if (strcmp(user_id, req->who.user_id) != 0)
		return req_fail(
		    req, M_FORBIDDEN, "Only the user themselves may change this");
	if (is_no_picture(req, value))
		return req_fail(
		    req, M_INVALID_PARAM, "avatar_url must be an mxc:// URI");
	err = profile_set(
	    req->ctx, req->arena, &req->who, req_path(req, "keyName"), value);
	return err != M_OK ? err : reply_empty(req);
}

/* client-server-api/#put_matrixclientv3profileuseridkeyname */
enum mx_err
client_profile_put(struct req *req)
{
	const char *field = req_path(req, "keyName");
	const struct json *value = json_get(req->body, field);

	if (value == NULL)
		return req_fail(req, M_MISSING_PARAM,
		    arena_printf(req->arena, "%.300s is missing", field));
	return set_field(req, value);
}

/* client-server-api/#delete_matrixclientv3profileuseridkeyname */
enum mx_err
client_profile_delete(struct req *req)
{
	return set_field(req, NULL);
}
