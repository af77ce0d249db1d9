/*
 * Room state, written and read.
 * Spec: client-server-api/#getting-events-for-a-room, #sending-events-to-a-room
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "api/client/room_args.h"
#include "core/send.h"
#include "room/state_list.h"
#include "store/events.h"
#include "store/state.h"

static enum mx_err
put(struct req *req, const char *state_key)
{
	struct sending s = { .who = &req->who,
		.type = req_path(req, "eventType"),
		.content = req->body };
	const char *event_id;
	enum mx_err err = arg_room(req, &s.room);

	if (err != M_OK)
		return err;
	err = send_state(req->ctx, req->arena, &s, state_key, &event_id);
	room_put(s.room);
	return err == M_OK ? reply_event_id(req, event_id) : err;
}

/* client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey */
enum mx_err
client_state_put(struct req *req)
{
	return put(req, req_path(req, "stateKey"));
}

enum mx_err
client_state_put_no_key(struct req *req)
{
	return put(req, "");
}

/* The room, and up to where the asker may look at its state. */
static enum mx_err
open(struct req *req, struct reading *reading, int64_t *at_out)
{
	enum mx_err err = reading_open(req, req_path(req, "roomId"), reading);

	if (err != M_OK)
		return err;
	*at_out = seer_horizon(&reading->seer);
	if (*at_out != 0)
		return M_OK;
	reading_close(reading);
	return req_fail(req, M_FORBIDDEN, "You are not in this room and never were");
}

/* client-server-api/#get_matrixclientv3roomsroomidstate */
enum mx_err
client_state(struct req *req)
{
	struct reading reading = { 0 };
	struct buf out = { 0 };
	int64_t at;
	enum mx_err err = open(req, &reading, &at);

	if (err != M_OK)
		return err;
	err = state_list_write(&reading.seer, &out, at, NULL, reading_format(req));
	reading_close(&reading);
	if (err == M_OK)
		return reply_buf(req, &out);
	buf_free(&out);
	return err;
}

/* The integer of the event that holds (type, state_key) at a place. */
static enum mx_err
find(struct reading *reading, int64_t at, const char *type, const char *state_key,
    int64_t *event_out)
{
	const struct state_entry *entry;
	int64_t detail;

	if (at != STATE_NOW)
		return store_state_at(reading->seer.ctx->db, reading->s->segment, at,
		    type, state_key, event_out, &detail);
	entry = snapshot_state(reading->s, type, state_key);
	if (entry == NULL)
		return M_NOT_FOUND;
	*event_out = entry->event;
	return M_OK;
}

static enum mx_err
reply_event(struct req *req, struct reading *reading, int64_t number, bool whole)
{
	struct stored_event stored;
	struct event *event;
	struct buf out = { 0 };
	enum mx_err err = store_event_get(req->ctx->db, req->arena, number,
	    reading->room->version->event_id_format == EVENT_ID_BASE64, &stored);

	if (err != M_OK)
		return err;
	event = seer_parse(&reading->seer, &stored);
	if (event == NULL)
		return M_UNKNOWN;
	if (whole)
		seer_write(&reading->seer, &out, &stored, event, reading_format(req));
	else
		json_write(&out, event->content);
	return reply_buf(req, &out);
}

static enum mx_err
get(struct req *req, const char *state_key)
{
	const char *format = req_query(req, "format");
	bool whole = format != NULL && strcmp(format, "event") == 0;
	struct reading reading = { 0 };
	int64_t at, event;
	enum mx_err err;

	if (format != NULL && !whole && strcmp(format, "content") != 0)
		return req_fail(
		    req, M_INVALID_PARAM, "format must be content or event");
	err = open(req, &reading, &at);
	if (err != M_OK)
		return err;
	err = find(&reading, at, req_path(req, "eventType"), state_key, &event);
	if (err == M_OK)
		err = reply_event(req, &reading, event, whole);
	else if (err == M_NOT_FOUND)
		err = req_fail(req, err, "the room has no such state");
	reading_close(&reading);
	return err;
}

/* client-server-api/#get_matrixclientv3roomsroomidstateeventtypestatekey */
enum mx_err
client_state_get(struct req *req)
{
	return get(req, req_path(req, "stateKey"));
}

enum mx_err
client_state_get_no_key(struct req *req)
{
	return get(req, "");
}
