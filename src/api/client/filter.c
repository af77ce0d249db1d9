/*
 * Filters that clients leave with the server.
 * Spec: client-server-api/#post_matrixclientv3useruseridfilter
 */
#include "room/filter.h"

#include <string.h>

#include "api/client/handlers.h"
#include "store/filters.h"

static bool
is_own(const struct req *req)
{
	return strcmp(req_path(req, "userId"), req->who.user_id) == 0;
}

/* A write job's view of the request. */
struct adding {
	const char *user_id;
	struct str json;
	int64_t id;
};

static enum mx_err
add(void *arg, struct db *db)
{
	struct adding *a = arg;

	return store_filter_add(db, a->user_id, a->json, &a->id);
}

enum mx_err
client_filter_add(struct req *req)
{
	struct adding a = { .user_id = req->who.user_id };
	const char *why = NULL;
	enum mx_err err;

	if (!is_own(req))
		return req_fail(req, M_FORBIDDEN, "This is another user's filter");
	err = filter_check(req->body, &why);
	if (err != M_OK)
		return req_fail(req, err, why);
	a.json.p = json_text(req->arena, req->body, &a.json.n);
	if (a.json.n > FILTER_SIZE_MAX)
		return req_fail(req, M_TOO_LARGE, "A filter is at most 64 KiB");
	err = ctx_write(req->ctx, add, &a);
	if (err == M_LIMIT_EXCEEDED)
		return req_fail_status(
		    req, 400, M_UNKNOWN, "You have left too many filters here");
	if (err == M_OK)
		buf_printf(&req->out, "{\"filter_id\":\"%lld\"}", (long long)a.id);
	return err;
}

enum mx_err
client_filter_get(struct req *req)
{
	struct str json;
	int64_t id;
	enum mx_err err;

	if (!is_own(req))
		return req_fail(req, M_FORBIDDEN, "This is another user's filter");
	if (!str_int(str_of(req_path(req, "filterId")), &id))
		return req_fail(req, M_NOT_FOUND, "There is no such filter");
	err = store_filter_get(req->ctx->db, req->arena, req->who.user_id, id, &json);
	if (err == M_NOT_FOUND)
		return req_fail(req, err, "There is no such filter");
	if (err == M_OK)
		buf_add(&req->out, json.p, json.n);
	return err;
}
