/*
 * Who is online: asking, and saying so oneself; and the presence lists of 2015. Relies
 * on core/presence. Spec: client-server-api/#presence, legacy-v1 presence.yaml
 */
#include "core/presence.h"

#include <string.h>

#include "api/client/handlers.h"
#include "core/circle.h"
#include "core/presence_lists.h"
#include "core/users.h"
#include "event/ids.h"

static enum mx_err
own_user(struct req *req)
{
	if (strcmp(req_path(req, "userId"), req->who.user_id) != 0)
		return req_fail(req, M_FORBIDDEN, "this is for the user themselves");
	return M_OK;
}

/* A user of another server may be there; one of this server is or is not. */
static enum mx_err
check_seen(struct req *req, const char *user_id)
{
	bool shared;
	enum mx_err err;

	if (!id_user_valid(user_id))
		return req_fail(req, M_INVALID_PARAM, "This is no user id");
	err = circle_shared(req->ctx, req->who.user_id, user_id, &shared);
	if (err != M_OK || shared)
		return err;
	if (id_is_of(user_id, req->core->set.server_name) &&
	    !users_exists(req->ctx, req->arena, user_id))
		return req_fail(req, M_NOT_FOUND, "There is no such user here");
	/* In 2015 it is not there for who may not see it. */
	return req_fail(req, req_is_legacy(req) ? M_NOT_FOUND : M_FORBIDDEN,
	    "You share no room: you may not see their presence");
}

/* client-server-api/#get_matrixclientv3presenceuseridstatus */
enum mx_err
client_presence(struct req *req)
{
	const char *user_id = req_path(req, "userId");
	struct presence_row row;
	enum mx_err err = check_seen(req, user_id);

	if (err != M_OK)
		return err;
	presence_get(req->core, req->arena, user_id, &row);
	presence_write_status(&req->out, &row, req_is_legacy(req));
	return M_OK;
}

static enum mx_err
read_state(struct req *req, enum presence_state *state_out)
{
	const struct json *word = json_get(req->body, "presence");

	if (word == NULL)
		return req_fail(req, M_MISSING_PARAM, "presence is missing");
	if (json_as_str(word) == NULL)
		return req_fail(req, M_BAD_JSON, "presence must be a string");
	if (!presence_parse(json_as_str(word), req_is_legacy(req), state_out))
		return req_fail(req, M_INVALID_PARAM,
		    "presence must be online, unavailable or offline");
	/* A string that holds a NUL is none. */
	if (req_body_wrong(req, "status_msg", JSON_STR) ||
	    (json_is(json_get(req->body, "status_msg"), JSON_STR) &&
		req_body_str(req, "status_msg") == NULL))
		return req_fail(req, M_BAD_JSON, "status_msg must be a string");
	return M_OK;
}

/* client-server-api/#put_matrixclientv3presenceuseridstatus */
enum mx_err
client_presence_put(struct req *req)
{
	enum presence_state state;
	enum mx_err err = own_user(req);

	if (err == M_OK)
		err = read_state(req, &state);
	if (err == M_OK)
		err = presence_set(
		    req->ctx, &req->who, state, req_body_str(req, "status_msg"));
	return err != M_OK ? err : reply_empty(req);
}

/* --- the lists of 2015 --- */

enum mx_err
client_presence_list(struct req *req)
{
	struct presence_row *rows;
	int n = 0;
	enum mx_err err = own_user(req);

	if (err == M_OK)
		err = presence_list_show(
		    req->ctx, req->arena, req->who.user_id, &rows, &n);
	buf_char(&req->out, '[');
	for (int i = 0; err == M_OK && i < n; i++) {
		if (i > 0)
			buf_char(&req->out, ',');
		presence_write_v1(&req->out, &rows[i], true);
	}
	buf_char(&req->out, ']');
	return err;
}

/* An array of strings; not given: an empty one. */
static enum mx_err
read_ids(struct req *req, const char *field, const char ***ids_out, int *count_out)
{
	const struct json *list = json_get(req->body, field);

	if (list == NULL)
		return M_OK;
	if (!json_is(list, JSON_ARRAY))
		return req_fail(req, M_BAD_JSON, "invite and drop must be arrays");
	*ids_out = ARENA_ARRAY(req->arena, const char *, list->n);
	for (uint32_t i = 0; i < list->n; i++) {
		const char *id = json_as_str(&list->items[i]);

		if (id == NULL)
			return req_fail(
			    req, M_BAD_JSON, "invite and drop hold user ids alone");
		(*ids_out)[(*count_out)++] = id;
	}
	return M_OK;
}

enum mx_err
client_presence_list_change(struct req *req)
{
	struct presence_list_change change = { .user_id = req->who.user_id };
	enum mx_err err = own_user(req);

	if (err == M_OK)
		err = read_ids(req, "invite", &change.invite, &change.invite_count);
	if (err == M_OK)
		err = read_ids(req, "drop", &change.drop, &change.drop_count);
	if (err == M_OK)
		err = presence_list_change(req->ctx, req->arena, &change);
	return err != M_OK ? err : reply_empty(req);
}
