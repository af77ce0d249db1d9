/*
 * What is asked by those who run the server, not by clients: its health and its
 * numbers. Relies on api/metrics and the writer's counters. No Matrix specification.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/inside.h"
#include "api/metrics.h"
#include "base/clock.h"

#define FAILED_LATELY_MS 10000

/* Has the writer failed to commit lately? Whoever watches comes again: the first to see
 * a new failure notes when. */
static bool
writer_failed(struct server *server)
{
	struct writer_stats stats;
	int64_t now_ms = clock_mono_ms();

	writer_stats(server->core->writer, &stats);
	if (atomic_exchange(&server->failed_groups, stats.failed_groups) !=
	    stats.failed_groups)
		atomic_store(&server->failed_until_ms, now_ms + FAILED_LATELY_MS);
	return now_ms < atomic_load(&server->failed_until_ms);
}

/* GET /_parlour/health: 200, or 503 while nothing can be written. */
enum mx_err
ours_health(struct req *req)
{
	struct json *body = json_object(req->arena);
	bool failed = writer_failed(req->server);

	json_set_str(req->arena, body, "status", failed ? "failing" : "ok");
	json_set_str(req->arena, body, "version", PARLOUR_VERSION);
	json_set_str(req->arena, body, "server_name", req->core->set.server_name);
	if (failed) {
		req->status = 503;
		json_set_str(req->arena, body, "reason",
		    "the database could not be written a moment ago");
	}
	reply_header(req, "Cache-Control", "no-store");
	return reply_json(req, body);
}

/* GET /metrics: on a listener of its own; on others only for who sits on this machine.
 */
enum mx_err
ours_metrics(struct req *req)
{
	int serves = req->server->options.serves[req->http->listener];
	struct buf body = { 0 };

	if ((serves & SERVES_METRICS) == 0 && !req->peer_is_local)
		return req_fail_status(req, 404, M_UNRECOGNIZED, NULL);
	metrics_write(req->server, &body);
	req->content_type = METRICS_CONTENT_TYPE;
	return reply_buf(req, &body);
}
