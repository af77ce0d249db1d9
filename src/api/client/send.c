/*
 * Sending events into rooms. Spec: client-server-api/#sending-events-to-a-room
 */
#include "core/send.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"

static enum mx_err
send_event(struct req *req, const char *txn_id)
{
	struct sending s = { .who = &req->who,
		.type = req_path(req, "eventType"),
		.content = req->body,
		.txn_id = txn_id };
	const char *event_id;
	enum mx_err err = arg_room(req, &s.room);

	if (err != M_OK)
		return err;
	err = send_message(req->ctx, req->arena, &s, &event_id);
	room_put(s.room);
	return err == M_OK ? reply_event_id(req, event_id) : err;
}

/* client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid */
enum mx_err
client_send(struct req *req)
{
	return send_event(req, req_path(req, "txnId"));
}

/* 2015's clients send without transaction id as well, and test suites of today do so
 * below v3. */
enum mx_err
client_send_once(struct req *req)
{
	return send_event(req, NULL);
}
