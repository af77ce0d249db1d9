/*
 * One room as it is: what members and peekers begin with.
 * Spec: client-server-api/#get_matrixclientv3roomsroomidinitialsync
 */
#include "api/client/handlers.h"
#include "api/client/room_info.h"
#include "core/presence.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 1000

/* Of the room's members, for its members. */
static enum mx_err
write_presence(struct req *req, struct reading *reading)
{
	struct presence_row *rows;
	const char *between = "";
	int n = 0;
	enum mx_err err = M_OK;

	if (snapshot_membership(reading->s, req->who.user_id) == MEMBERSHIP_JOIN)
		err = presence_of_room(
		    req->ctx, req->arena, reading->room->id, &rows, &n);
	buf_lit(&req->out, ",\"presence\":[");
	for (int i = 0; err == M_OK && i < n; i++) {
		if (seer_ignores(&reading->seer, rows[i].user_id))
			continue;
		buf_str(&req->out, between);
		presence_write_v1(&req->out, &rows[i], req_is_legacy(req));
		between = ",";
	}
	buf_char(&req->out, ']');
	return err;
}

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
	if (err == M_OK)
		err = write_presence(req, &reading);
	buf_lit(&req->out, ",\"receipts\":[");
	if (err == M_OK)
		err = room_info_receipts(req, &reading, visible, &receipts);
	buf_add(&req->out, receipts.p, receipts.n);
	buf_lit(&req->out, "]}");
	buf_free(&receipts);
	reading_close(&reading);
	return err;
}
