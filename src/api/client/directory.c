/*
 * Room aliases. Spec: client-server-api/#room-aliases
 */
#include "core/directory.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "event/ids.h"

static enum mx_err
read_alias(struct req *req, const char **out)
{
	*out = req_path(req, "roomAlias");
	return id_alias_valid(*out) && (*out)[1] != ':'
		   ? M_OK
		   : req_fail(req, M_INVALID_PARAM, "this is no room alias");
}

/* client-server-api/#put_matrixclientv3directoryroomroomalias */
enum mx_err
client_alias_put(struct req *req)
{
	const char *alias, *room_id;
	struct room *room;
	enum mx_err err = read_alias(req, &alias);

	if (err == M_OK)
		err = arg_str_needed(req, "room_id", &room_id);
	if (err == M_OK && !id_room_valid(room_id))
		err = req_fail(req, M_INVALID_PARAM, "room_id is no room id");
	if (err == M_OK)
		err = directory_room(req->ctx, req->arena, room_id, &room);
	if (err != M_OK)
		return err;
	err = directory_add(req->ctx, &req->who, alias, room);
	room_put(room);
	/* This endpoint has another errcode and status for it. */
	return err == M_ROOM_IN_USE
		   ? req_fail_status(req, 409, M_UNKNOWN, req->ctx->why)
		   : err;
}

/* client-server-api/#get_matrixclientv3directoryroomroomalias */
enum mx_err
client_alias_get(struct req *req)
{
	struct json *answer = json_object(req->arena),
		    *servers = json_array(req->arena);
	const char *alias;
	struct room *room;
	enum mx_err err = read_alias(req, &alias);

	if (err == M_OK)
		err = directory_room(req->ctx, req->arena, alias, &room);
	if (err == M_NOT_FOUND)
		return req_fail(req, err,
		    arena_printf(req->arena, "Room alias %s not found.", alias));
	if (err != M_OK)
		return err;
	json_push(
	    req->arena, servers, json_str(req->arena, req->core->set.server_name));
	json_set_str(req->arena, answer, "room_id", room->room_id);
	json_set(req->arena, answer, "servers", servers);
	room_put(room);
	return reply_json(req, answer);
}

/* client-server-api/#delete_matrixclientv3directoryroomroomalias */
enum mx_err
client_alias_delete(struct req *req)
{
	const char *alias;
	enum mx_err err = read_alias(req, &alias);

	if (err == M_OK)
		err = directory_remove(req->ctx, req->arena, &req->who, alias);
	return err == M_NOT_FOUND
		   ? req_fail(req, err,
			 arena_printf(req->arena, "Room alias %s not found.", alias))
		   : err;
}

/* client-server-api/#get_matrixclientv3roomsroomidaliases */
enum mx_err
client_aliases(struct req *req)
{
	struct json *answer = json_object(req->arena), *list = json_array(req->arena);
	const char **aliases;
	struct room *room;
	int n;
	enum mx_err err = arg_room(req, &room);

	if (err != M_OK)
		return err;
	err = directory_aliases(req->ctx, req->arena, &req->who, room, &aliases, &n);
	room_put(room);
	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++)
		json_push(req->arena, list, json_str(req->arena, aliases[i]));
	json_set(req->arena, answer, "aliases", list);
	return reply_json(req, answer);
}
