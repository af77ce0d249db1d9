/*
 * Receipts and read markers.
 * Spec: client-server-api/#receipts, #read-and-unread-markers
 */
#include "room/receipts.h"

#include "api/client/handlers.h"
#include "api/client/room_args.h"
#include "core/presence.h"

static enum mx_err
set(struct req *req, struct mark *marks, int count)
{
	struct room *room;
	enum mx_err err = arg_room(req, &room);

	if (err != M_OK)
		return err;
	err = receipts_mark(req->ctx, req->arena, room, req->who.user_id, marks, count);
	room_put(room);
	if (err == M_OK && count > 0)
		presence_active(req->core, &req->who);
	return err;
}

/* client-server-api/#post_matrixclientv3roomsroomidreceiptreceipttypeeventid */
enum mx_err
client_receipt(struct req *req)
{
	struct mark mark = { .event_id = req_path(req, "eventId") };
	const struct json *thread = json_get(req->body, "thread_id");

	if (!mark_kind_of(req_path(req, "receiptType"), &mark.kind))
		return req_fail(req, M_INVALID_PARAM,
		    "a receipt is m.read, m.read.private or m.fully_read");
	mark.thread = json_as_str(thread);
	if (thread != NULL && mark.thread == NULL)
		return req_fail(req, M_INVALID_PARAM, "thread_id must be a string");
	return set(req, &mark, 1);
}

/* client-server-api/#post_matrixclientv3roomsroomidread_markers */
enum mx_err
client_read_markers(struct req *req)
{
	static const char *const fields[] = { "m.fully_read", "m.read",
		"m.read.private" };
	struct mark marks[3] = { 0 };
	int count = 0;

	for (int i = 0; i < 3; i++) {
		struct mark *mark = &marks[count];
		enum mx_err err = arg_str(req, fields[i], &mark->event_id);

		if (err != M_OK)
			return err;
		if (mark->event_id != NULL && mark_kind_of(fields[i], &mark->kind))
			count++;
	}
	return set(req, marks, count);
}
