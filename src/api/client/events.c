/*
 * The event stream: the endpoint that this server is about. Runs on the io thread; what
 * has to be looked for is a worker's, what has to be waited for is the hub's.
 */
#include "api/client/handlers.h"
#include "api/client/listen_params.h"
#include "api/poll.h"
#include "base/clock.h"
#include "core/presence.h"
#include "stream/sse.h"

/* client-server-api/#get_matrixclientv3events; doc/events.md */
enum mx_err
client_events(struct req *req)
{
	int64_t now_ms = clock_mono_ms();
	struct listen_params params;
	struct waiting *w;
	enum mx_err err = listen_params_read(req, &params);

	if (err != M_OK)
		return err;
	presence_seen(req->core, &req->who, PRESENCE_AS_IS,
	    params.is_stream ? SSE_COMMENT_MS : params.timeout_ms);
	w = waiting_new(req->who.user_id, req->who.device_id, params.rooms,
	    params.room_count, params.from, NULL);
	w->from = params.at;
	w->has_from = params.from != NULL;
	w->limit = params.limit;
	w->sse = params.is_stream;
	w->has_chat = req_is_legacy(req);
	w->is_stranger = req->who.is_guest && !req->who.has_rows;
	w->deadline_ms =
	    now_ms + (params.is_stream ? SSE_COMMENT_MS : params.timeout_ms);
	w->expires_ms = poll_expiry(req, now_ms);
	poll_enter(req, w);
	return M_PARKED;
}
