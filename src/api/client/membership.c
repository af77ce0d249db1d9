/*
 * Moving in and out of rooms. Spec: client-server-api/#room-membership
 */
#include "core/membership.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "core/directory.h"
#include "event/ids.h"

typedef enum mx_err (*mover)(
    struct ctx *ctx, struct arena *arena, const struct move *move);

/* --- one's own membership --- */

static enum mx_err
read_proof(struct req *req, const struct json **out)
{
	*out = json_get_object(req->body, "third_party_signed");
	return req_body_wrong(req, "third_party_signed", JSON_OBJECT)
		   ? req_fail(req, M_BAD_JSON, "third_party_signed must be an object")
		   : M_OK;
}

/* Gives the reference to room back. */
static enum mx_err
move_self(struct req *req, struct room *room, mover fn)
{
	struct move move = { .room = room,
		.who = &req->who,
		.user_id = req->who.user_id,
		.more = req->body };
	enum mx_err err = arg_str(req, "reason", &move.reason);

	if (err == M_OK)
		err = read_proof(req, &move.third_party_signed);
	if (err == M_OK)
		err = fn(req->ctx, req->arena, &move);
	if (err == M_OK)
		err = reply_room_id(req, room);
	room_put(room);
	return err;
}

static enum mx_err
move_self_by_name(struct req *req, const char *room_id_or_alias, mover fn)
{
	struct room *room;
	enum mx_err err = directory_room(req->ctx, req->arena, room_id_or_alias, &room);

	return err == M_OK ? move_self(req, room, fn) : err;
}

/* client-server-api/#post_matrixclientv3roomsroomidjoin. "The room identifier or room
 * alias to join", says 2015's (legacy-v1 joining.yaml). */
enum mx_err
client_join_room(struct req *req)
{
	struct room *room;
	enum mx_err err;

	if (req_is_legacy(req))
		return move_self_by_name(req, req_path(req, "roomId"), membership_join);
	err = arg_room(req, &room);
	return err == M_OK ? move_self(req, room, membership_join) : err;
}

/* client-server-api/#post_matrixclientv3joinroomidoralias */
enum mx_err
client_join(struct req *req)
{
	return move_self_by_name(req, req_path(req, "roomIdOrAlias"), membership_join);
}

/* client-server-api/#post_matrixclientv3knockroomidoralias */
enum mx_err
client_knock(struct req *req)
{
	return move_self_by_name(req, req_path(req, "roomIdOrAlias"), membership_knock);
}

/* client-server-api/#post_matrixclientv3roomsroomidleave */
enum mx_err
client_leave(struct req *req)
{
	struct room *room;
	enum mx_err err = arg_room(req, &room);

	if (err == M_OK)
		err = move_self(req, room, membership_leave);
	return err == M_OK ? reply_empty(req) : err;
}

/* "If the user is currently joined to the room, they will implicitly leave", in 2015
 * (legacy-v1 leaving.yaml). */
static enum mx_err
leave_and_forget(struct req *req, struct room *room)
{
	struct move move = {
		.room = room, .who = &req->who, .user_id = req->who.user_id
	};
	enum mx_err err = membership_leave(req->ctx, req->arena, &move);

	return err == M_OK ? membership_forget(req->ctx, room, req->who.user_id) : err;
}

/* client-server-api/#post_matrixclientv3roomsroomidforget */
enum mx_err
client_forget(struct req *req)
{
	struct room *room;
	enum mx_err err = arg_room(req, &room);

	if (err != M_OK)
		return err;
	err = membership_forget(req->ctx, room, req->who.user_id);
	if (err == M_BAD_STATE && req_is_legacy(req))
		err = leave_and_forget(req, room);
	room_put(room);
	/* The endpoint has this errcode for who has not left. */
	return err == M_BAD_STATE ? req_fail_status(req, 400, M_UNKNOWN, req->ctx->why)
				  : err;
}

/* --- others' membership --- */

static enum mx_err
move_other(struct req *req, mover fn)
{
	struct move move = { .who = &req->who };
	enum mx_err err = arg_str_needed(req, "user_id", &move.user_id);

	if (err == M_OK)
		err = arg_str(req, "reason", &move.reason);
	if (err == M_OK && !id_user_valid(move.user_id))
		err = req_fail(req, M_INVALID_PARAM, "user_id is no user id");
	if (err == M_OK)
		err = arg_room(req, &move.room);
	if (err != M_OK)
		return err;
	err = fn(req->ctx, req->arena, &move);
	room_put(move.room);
	return err;
}

/* Invitations by address need an identity server, and this server asks none.
 * client-server-api/#post_matrixclientv3roomsroomidinvite,
 * #thirdparty_post_matrixclientv3roomsroomidinvite */
enum mx_err
client_invite(struct req *req)
{
	if (json_get(req->body, "user_id") == NULL &&
	    json_get(req->body, "medium") != NULL)
		return req_fail(req, M_UNSUPPORTED,
		    "this server asks no identity server: invite by user id");
	return move_other(req, membership_invite);
}

/* client-server-api/#post_matrixclientv3roomsroomidkick */
enum mx_err
client_kick(struct req *req)
{
	return move_other(req, membership_kick);
}

/* client-server-api/#post_matrixclientv3roomsroomidban */
enum mx_err
client_ban(struct req *req)
{
	return move_other(req, membership_ban);
}

/* client-server-api/#post_matrixclientv3roomsroomidunban */
enum mx_err
client_unban(struct req *req)
{
	return move_other(req, membership_unban);
}
