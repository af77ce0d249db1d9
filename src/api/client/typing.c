/*
 * Telling others that one types. Spec: client-server-api/#typing-notifications
 */
#include "room/typing.h"

#include <string.h>

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "core/presence.h"

static enum mx_err
read_timeout(struct req *req, int64_t *timeout_out)
{
	const struct json *typing = json_get(req->body, "typing");

	if (!json_is(typing, JSON_BOOL))
		return req_fail(req, typing == NULL ? M_MISSING_PARAM : M_BAD_JSON,
		    "typing must be true or false");
	*timeout_out = TYPING_TIMEOUT_DEFAULT_MS;
	if (req_body_wrong(req, "timeout", JSON_INT))
		return req_fail(req, M_BAD_JSON, "timeout must be a number");
	json_get_int(req->body, "timeout", timeout_out);
	if (*timeout_out < 0)
		return req_fail(
		    req, M_INVALID_PARAM, "timeout must be a number, 0 or more");
	if (!typing->b)
		*timeout_out = 0;
	return M_OK;
}

/* client-server-api/#put_matrixclientv3roomsroomidtypinguserid */
enum mx_err
client_typing(struct req *req)
{
	struct room *room;
	struct snapshot *s;
	int64_t timeout_ms;
	enum mx_err err = read_timeout(req, &timeout_ms);

	if (err != M_OK)
		return err;
	if (strcmp(req_path(req, "userId"), req->who.user_id) != 0)
		return req_fail(req, M_FORBIDDEN, "you can only type yourself");
	err = arg_room(req, &room);
	if (err != M_OK)
		return err;
	s = room_snapshot(room);
	if (snapshot_membership(s, req->who.user_id) == MEMBERSHIP_JOIN) {
		typing_set(req->core, room, req->who.user_id, timeout_ms);
		presence_active(req->core, &req->who);
	} else {
		err = req_fail(req, M_FORBIDDEN, "you are not in this room");
	}
	snapshot_unref(s);
	room_put(room);
	return err;
}
