/*
 * Making rooms. Spec: client-server-api/#creation
 */
#include "core/create_room.h"

#include "api/client/handlers.h"

/* client-server-api/#post_matrixclientv3createroom */
enum mx_err
client_create_room(struct req *req)
{
	struct json *answer = json_object(req->arena);
	const char *alias;
	struct room *room;
	enum mx_err err =
	    create_room(req->ctx, req->arena, &req->who, req->body, &room, &alias);

	if (err != M_OK)
		return err;
	json_set_str(req->arena, answer, "room_id", room->room_id);
	/* 2015's clients learn the alias as well. */
	if (req->version == A1 && alias != NULL)
		json_set_str(req->arena, answer, "room_alias", alias);
	room_put(room);
	return reply_json(req, answer);
}
