/*
 * One room as it is: what members and peekers begin with.
 * Spec: client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
#include "api/client/handlers.h"
#include "api/client/room_info.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 1000

enum mx_err
client_room_initial_sync(struct req *req)
{
	/* Before the room: what comes in between is heard twice rather than never. */
	int64_t visible = atomic_load(&req->core->visible);
	struct reading reading = { 0 };
	struct buf receipts = { 0 };
	int limit;
	enum mx_err err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &limit);

	if (err == M_OK)
		err = reading_open(req, req_path(req, "roomId"), &reading);
	if (err != M_OK)
		return err;
	buf_char(&req->out, '{');
	err = room_info_write(req, &reading, visible, limit);
	buf_lit(&req->out, ",\"presence\":[],\"receipts\":[");
	if (err == M_OK)
		err = room_info_receipts(req, &reading, visible, &receipts);
	buf_add(&req->out, receipts.p, receipts.n);
	buf_lit(&req->out, "]}");
	buf_free(&receipts);
	reading_close(&reading);
	return err;
}
