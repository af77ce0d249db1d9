/*
 * Tags on rooms. Spec: client-server-api/#room-tagging
 */
#include "room/tags.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"

#define NOT_YOURS "These are another user's tags"

/* A room that is not here has no tags, as one without any. */
static enum mx_err
read_tags(struct req *req, const struct json **tags_out)
{
	struct room *room;
	enum mx_err err = arg_room(req, &room);

	if (err == M_NOT_FOUND) {
		struct json *none = json_object(req->arena);

		json_set(req->arena, none, "tags", json_object(req->arena));
		*tags_out = none;
		return M_OK;
	}
	if (err != M_OK)
		return err;
	err = tags_get(req->ctx, req->arena, req->who.user_id, room, tags_out);
	room_put(room);
	return err;
}

/* client-server-api/#get_matrixclientv3useruseridroomsroomidtags */
enum mx_err
client_tags(struct req *req)
{
	const struct json *tags;
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	if (err == M_OK)
		err = read_tags(req, &tags);
	return err != M_OK ? err : reply_json(req, tags);
}

static enum mx_err
set(struct req *req, const struct json *content)
{
	struct room *room;
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	if (err == M_OK)
		err = arg_room(req, &room);
	if (err != M_OK)
		return err;
	err = tags_set(req->ctx, req->arena, req->who.user_id, room,
	    req_path(req, "tag"), content);
	room_put(room);
	return err;
}

/* In 2015 it was a string, and such tags have stayed. */
static bool
is_order(const struct json *order)
{
	return order == NULL || json_is(order, JSON_NULL) || json_is(order, JSON_INT) ||
	       json_is(order, JSON_FLOAT) || json_is(order, JSON_STR);
}

/* client-server-api/#put_matrixclientv3useruseridroomsroomidtagstag */
enum mx_err
client_tag_put(struct req *req)
{
	if (!is_order(json_get(req->body, "order")))
		return req_fail(req, M_BAD_JSON, "order must be a number");
	return set(req, req->body);
}

/* client-server-api/#delete_matrixclientv3useruseridroomsroomidtagstag */
enum mx_err
client_tag_delete(struct req *req)
{
	return set(req, NULL);
}
