/*
 * Account data, global and of rooms. Spec: client-server-api/#client-config
 */
#include "room/account_data.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"

#define NOT_YOURS "This is another user's account data"

static enum mx_err
get(struct req *req, const struct room *room)
{
	struct str content;
	enum mx_err err = account_data_get(req->ctx, req->arena, req->who.user_id, room,
	    req_path(req, "type"), &content);

	if (err == M_OK)
		buf_add(&req->out, content.p, content.n);
	return err;
}

/* "Servers MUST reject setting account data for event types that the server manages by
 * using a 405 error response." */
static enum mx_err
put(struct req *req, struct room *room)
{
	const char *type = req_path(req, "type");

	if (account_data_is_kept(type)) {
		reply_header(req, "Allow", "GET, HEAD, OPTIONS");
		return req_fail_status(req, 405, M_BAD_JSON,
		    arena_printf(req->arena, "%s cannot be set here", type));
	}
	return account_data_set(
	    req->ctx, req->arena, req->who.user_id, room, type, req->body);
}

/* client-server-api/#get_matrixclientv3useruseridaccount_datatype */
enum mx_err
client_account_data(struct req *req)
{
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	return err != M_OK ? err : get(req, NULL);
}

/* client-server-api/#put_matrixclientv3useruseridaccount_datatype */
enum mx_err
client_account_data_put(struct req *req)
{
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	return err != M_OK ? err : put(req, NULL);
}

/* client-server-api/#get_matrixclientv3useruseridroomsroomidaccount_datatype */
enum mx_err
client_room_account_data(struct req *req)
{
	struct room *room;
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	if (err == M_OK)
		err = arg_room(req, &room);
	/* As in a room that is here, and none of the user's. */
	if (err == M_NOT_FOUND)
		return req_fail(req, err, ACCOUNT_DATA_NOT_THERE);
	if (err != M_OK)
		return err;
	err = get(req, room);
	room_put(room);
	return err;
}

/* client-server-api/#put_matrixclientv3useruseridroomsroomidaccount_datatype */
enum mx_err
client_room_account_data_put(struct req *req)
{
	struct room *room;
	enum mx_err err = arg_own_user(req, NOT_YOURS);

	if (err == M_OK)
		err = arg_room(req, &room);
	if (err != M_OK)
		return err;
	err = put(req, room);
	room_put(room);
	return err;
}
