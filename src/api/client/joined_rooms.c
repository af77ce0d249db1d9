/*
 * The rooms one is in. Spec: client-server-api/#get_matrixclientv3joined_rooms
 */
#include "api/client/handlers.h"
#include "event/state.h"
#include "store/rooms.h"

enum mx_err
client_joined_rooms(struct req *req)
{
	struct json *answer = json_object(req->arena), *list = json_array(req->arena);
	const char **room_ids;
	int n;
	enum mx_err err = store_member_room_ids(
	    req->ctx->db, req->arena, req->who.user_id, MEMBERSHIP_JOIN, &room_ids, &n);

	if (err != M_OK)
		return err;
	for (int i = 0; i < n; i++)
		json_push(req->arena, list, json_str(req->arena, room_ids[i]));
	json_set(req->arena, answer, "joined_rooms", list);
	return reply_json(req, answer);
}
