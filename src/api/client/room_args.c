/*
 * Arguments and answers that several handlers of rooms have in common. Relies on
 * room/room.
 */
#include "api/client/room_args.h"

#include <string.h>

#include "event/ids.h"

enum mx_err
arg_room(struct req *req, struct room **room_out)
{
	const char *room_id = req_path(req, "roomId");
	enum mx_err err;

	if (!id_room_valid(room_id))
		return req_fail(req, M_INVALID_PARAM, "this is no room id");
	err = room_get(req->ctx, room_id, room_out);
	return err == M_NOT_FOUND ? req_fail(req, err, "this server knows no such room")
				  : err;
}

enum mx_err
arg_own_user(struct req *req, const char *sentence)
{
	return strcmp(req_path(req, "userId"), req->who.user_id) == 0
		   ? M_OK
		   : req_fail(req, M_FORBIDDEN, sentence);
}

enum mx_err
arg_str(struct req *req, const char *field, const char **out)
{
	*out = req_body_str(req, field);
	if (*out != NULL)
		return M_OK;
	if (req_body_wrong(req, field, JSON_STR) ||
	    json_is(json_get(req->body, field), JSON_STR))
		return req_fail(req, M_BAD_JSON,
		    arena_printf(req->arena, "%s must be a string", field));
	return M_OK;
}

enum mx_err
arg_str_needed(struct req *req, const char *field, const char **out)
{
	enum mx_err err = arg_str(req, field, out);

	if (err == M_OK && *out == NULL)
		return req_fail(req, M_MISSING_PARAM,
		    arena_printf(req->arena, "%s is required", field));
	return err;
}

static enum mx_err
reply_one(struct req *req, const char *field, const char *value)
{
	struct json *answer = json_object(req->arena);

	json_set_str(req->arena, answer, field, value);
	return reply_json(req, answer);
}

enum mx_err
reply_event_id(struct req *req, const char *event_id)
{
	return reply_one(req, "event_id", event_id);
}

enum mx_err
reply_room_id(struct req *req, const struct room *room)
{
	return reply_one(req, "room_id", room->room_id);
}
