/*
 * The parameters of /sync. Runs on the io thread, or on a worker where the filter is
 * one that was left with the server; what is new is looked for by a worker, and waited
 * for by the hub. Spec: client-server-api/#get_matrixclientv3sync
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/inside.h"
#include "api/poll.h"
#include "base/clock.h"
#include "core/presence.h"
#include "store/filters.h"

/* A filter's text by its id; on the io thread there is nobody to ask. */
static enum mx_err
filter_text(struct req *req, const char *given, const char **text_out)
{
	struct str json;
	int64_t id;
	enum mx_err err;

	*text_out = given == NULL ? "" : given;
	if (given == NULL || given[0] == '{')
		return M_OK;
	if (req->ctx->db == NULL)
		return REQ_TO_WORKER;
	if (!str_int(str_of(given), &id))
		return req_fail(
		    req, M_INVALID_PARAM, "filter is neither a filter nor its id");
	err = store_filter_get(req->ctx->db, req->arena, req->who.user_id, id, &json);
	if (err == M_NOT_FOUND)
		return req_fail(
		    req, M_INVALID_PARAM, "there is no filter of yours with this id");
	if (err == M_OK)
		*text_out = arena_strndup(req->arena, json.p, json.n);
	return err;
}

static enum mx_err
read_filter(struct req *req, struct waiting_sync *out)
{
	const char *why = NULL, *text;
	enum mx_err err = filter_text(req, req_query(req, "filter"), &text);

	if (err != M_OK)
		return err;
	if (strlen(text) > FILTER_SIZE_MAX)
		return req_fail(req, M_TOO_LARGE, "A filter is at most 64 KiB");
	err = sync_filter_get(out->filters, text, &out->filter, &why);
	return err == M_OK ? M_OK : req_fail(req, M_INVALID_PARAM, why);
}

static enum mx_err
read_flags(struct req *req, struct waiting_sync *out)
{
	if (!req_query_bool(req, "full_state", false, &out->full_state))
		return req_fail(
		    req, M_INVALID_PARAM, "full_state must be true or false");
	if (!req_query_bool(req, "use_state_after", false, &out->use_state_after))
		return req_fail(
		    req, M_INVALID_PARAM, "use_state_after must be true or false");
	return M_OK;
}

static enum mx_err
read_timeout(struct req *req, int64_t *timeout_out)
{
	int64_t max = req->core->set.events_timeout_max_ms;

	if (!req_query_int(req, "timeout", 0, INT64_MIN, max, timeout_out) ||
	    *timeout_out < 0)
		return req_fail(
		    req, M_INVALID_PARAM, "timeout must be a whole number, 0 or more");
	return M_OK;
}

static enum mx_err
read_presence(struct req *req, enum presence_state *out)
{
	const char *word = req_query(req, "set_presence");

	*out = PRESENCE_ONLINE;
	if (word != NULL && !presence_parse(word, false, out))
		return req_fail(req, M_INVALID_PARAM,
		    "set_presence must be online, unavailable or offline");
	return M_OK;
}

/* An empty one is as good as none: some clients begin like that. */
static enum mx_err
read_since(struct req *req, struct stream_token *since, bool *has_since)
{
	const char *text = req_query(req, "since");

	*since = token_at(0);
	*has_since = text != NULL && text[0] != '\0';
	if (*has_since && (!token_parse(text, since) || since->events == INT64_MAX))
		return req_fail(req, M_INVALID_PARAM,
		    "since is not a next_batch that this server gave out");
	return M_OK;
}

enum mx_err
client_sync(struct req *req)
{
	struct waiting_sync sync = { .filter = NULL };
	int64_t now_ms = clock_mono_ms(), timeout_ms;
	enum presence_state presence;
	struct stream_token since;
	struct waiting *w;
	bool has_since;
	enum mx_err err = read_since(req, &since, &has_since);

	poll_sync(req, &sync);
	if (err == M_OK)
		err = read_flags(req, &sync);
	if (err == M_OK)
		err = read_timeout(req, &timeout_ms);
	if (err == M_OK)
		err = read_presence(req, &presence);
	if (err == M_OK)
		err = read_filter(req, &sync);
	if (err != M_OK)
		return err;
	presence_seen(req->core, &req->who, presence, timeout_ms);
	w = waiting_new(req->who.user_id, req->who.device_id, NULL, 0, NULL, &sync);
	w->from = since;
	w->has_from = has_since;
	w->deadline_ms = now_ms + timeout_ms;
	w->expires_ms = poll_expiry(req, now_ms);
	poll_enter(req, w);
	return M_PARKED;
}
