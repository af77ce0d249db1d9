/*
 * Previews of links. One that has not been made is made on threads for that alone, so
 * that nothing else waits for slow pages. Spec:
 * client-server-api/#get_matrixclientv1mediapreview_url
 */
#include "api/client/handlers.h"
#include "api/inside.h"
#include "core/preview.h"

static enum mx_err
read_args(struct req *req, const char **url)
{
	int64_t ts;

	*url = req_query(req, "url");
	if (*url == NULL)
		return req_fail(req, M_MISSING_PARAM, "url is missing");
	if (!req_query_int(req, "ts", 0, INT64_MIN, INT64_MAX, &ts))
		return req_fail(req, M_INVALID_PARAM, "ts must be a whole number");
	return M_OK;
}

static enum mx_err
answer(struct req *req, const struct preview *preview)
{
	struct buf body = { 0 };

	buf_str(&body, preview->json);
	return reply_buf(req, &body);
}

/* The preferred time, ts, is not heeded: the newest is all there is. */
enum mx_err
client_media_preview(struct req *req)
{
	struct preview preview;
	const char *url;
	enum mx_err err;

	if (req->core->previews == NULL)
		return req_fail(
		    req, M_UNRECOGNIZED, "This server makes no previews of links");
	err = read_args(req, &url);
	if (err == M_OK)
		err = preview_find(req->ctx, req->arena, url, &preview);
	if (err == M_NOT_FOUND && !req->is_slow) {
		job_run_link(req->job);
		return REQ_TAKEN;
	}
	if (err == M_NOT_FOUND)
		err = preview_make(req->ctx, req->arena, &preview);
	if (err == M_UNKNOWN && preview.is_out_of_reach)
		return req_fail_status(req, 502, err, req->ctx->why);
	return err == M_OK ? answer(req, &preview) : err;
}
