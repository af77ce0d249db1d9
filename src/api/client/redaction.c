/*
 * Redactions. Spec: client-server-api/#redactions
 */
#include "core/send.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"

static enum mx_err
redact(struct req *req, const char *txn_id)
{
	struct sending s = { .who = &req->who, .content = req->body, .txn_id = txn_id };
	const char *reason, *event_id;
	enum mx_err err = arg_str(req, "reason", &reason);

	if (err == M_OK)
		err = arg_room(req, &s.room);
	if (err != M_OK)
		return err;
	err = send_redaction(
	    req->ctx, req->arena, &s, req_path(req, "eventId"), &event_id);
	room_put(s.room);
	return err == M_OK ? reply_event_id(req, event_id) : err;
}

/* client-server-api/#put_matrixclientv3roomsroomidredacteventidtxnid */
enum mx_err
client_redact(struct req *req)
{
	return redact(req, req_path(req, "txnId"));
}

/* 2015's clients redact without transaction id as well, and test suites of today do so
 * below v3. */
enum mx_err
client_redact_once(struct req *req)
{
	return redact(req, NULL);
}
