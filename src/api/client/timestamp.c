/*
 * The event nearest to a moment.
 * Spec: client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"

enum mx_err
client_timestamp_to_event(struct req *req)
{
	const char *dir = req_query(req, "dir");
	struct reading reading = { 0 };
	struct sliced found;
	int64_t ts;
	enum mx_err err;

	if (dir == NULL || req_query(req, "ts") == NULL)
		return req_fail(req, M_MISSING_PARAM, "ts and dir are required");
	if (strcmp(dir, "b") != 0 && strcmp(dir, "f") != 0)
		return req_fail(req, M_INVALID_PARAM, "dir must be b or f");
	if (!req_query_int(req, "ts", 0, INT64_MIN, INT64_MAX, &ts))
		return req_fail(req, M_INVALID_PARAM, "ts must be a number");
	err = reading_open(req, req_path(req, "roomId"), &reading);
	if (err != M_OK)
		return err;
	err = timeline_near(&reading.seer, ts, dir[0] == 'b', &found);
	if (err == M_OK) {
		buf_lit(&req->out, "{\"event_id\":");
		buf_json_str(&req->out, found.stored.event_id);
		buf_lit(&req->out, ",\"origin_server_ts\":");
		buf_int(&req->out, found.stored.ts);
		buf_char(&req->out, '}');
	} else if (err == M_NOT_FOUND) {
		req_fail(req, err, "There is no event on that side of that moment");
	}
	reading_close(&reading);
	return err;
}
