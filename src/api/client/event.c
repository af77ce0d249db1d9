/*
 * One event by its id, in its room or wherever it is.
 * Spec: client-server-api/#get_matrixclientv3roomsroomideventeventid,
 * #get_matrixclientv3eventseventid
 */
#include "api/client/handlers.h"
#include "api/client/reading.h"

/* An event that may not be seen is as if it were not there. */
static enum mx_err
answer(struct req *req, struct reading *reading, const char *event_id)
{
	struct stored_event stored;
	struct event *event;
	enum mx_err err = seer_find(&reading->seer, event_id, &stored, &event);

	if (err != M_OK)
		return err == M_NOT_FOUND ? reading_no_event(req) : err;
	return reading_write_event(req, reading, &req->out, &stored);
}

static enum mx_err
answer_in(struct req *req, const char *room_id)
{
	struct reading reading = { 0 };
	enum mx_err err = reading_open(req, room_id, &reading);

	if (err == M_FORBIDDEN)
		return reading_no_event(req);
	if (err != M_OK)
		return err;
	err = answer(req, &reading, req_path(req, "eventId"));
	reading_close(&reading);
	return err;
}

enum mx_err
client_room_event(struct req *req)
{
	return answer_in(req, req_path(req, "roomId"));
}

enum mx_err
client_event(struct req *req)
{
	int64_t event, room_number;
	struct room *room;
	enum mx_err err = store_event_find(
	    req->ctx->db, req_path(req, "eventId"), &event, &room_number);

	if (err == M_NOT_FOUND)
		return reading_no_event(req);
	if (err == M_OK)
		err = room_get_by_id(req->ctx, room_number, &room);
	if (err != M_OK)
		return err;
	err = answer_in(req, room->room_id);
	room_put(room);
	return err;
}
