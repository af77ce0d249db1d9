/*
 * The event stream: the endpoint that this server is about. Runs on the io thread; what
 * has to be looked for is a worker's, what has to be waited for is the hub's.
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/poll.h"
#include "base/clock.h"
#include "core/ids.h"
#include "stream/events.h"
#include "stream/sse.h"

#define TIMEOUT_DEFAULT_MS 30000
#define ROOMS_MAX 500

/* Adds the ids of one room_id parameter, which may hold several, comma-separated.
 * False: too many, or no room id. */
static bool
add_rooms(struct req *req, const char *text, const char **rooms, int *n)
{
	while (*text != '\0') {
		size_t length = strcspn(text, ",");

		if (length > 0) {
			if (*n == ROOMS_MAX)
				return false;
			rooms[*n] = arena_strndup(req->arena, text, length);
			if (!id_room_valid(rooms[*n]))
				return false;
			(*n)++;
		}
		text += length;
		text += *text == ',';
	}
	return true;
}

static bool
already(const char *const *rooms, int n, const char *room_id)
{
	for (int i = 0; i < n; i++)
		if (strcmp(rooms[i], room_id) == 0)
			return true;
	return false;
}

/* Swagger 2.0 says commas, clients repeat the parameter: both are heard
 * (doc/events.md). */
static enum mx_err
read_rooms(struct req *req, const char ***rooms_out, int *n_out)
{
	const char **rooms = ARENA_ARRAY(req->arena, const char *, ROOMS_MAX);
	const char *text;
	int n = 0, unique = 0;

	for (int i = 0; (text = req_query_nth(req, "room_id", i)) != NULL; i++)
		if (!add_rooms(req, text, rooms, &n))
			return req_fail(req, M_INVALID_PARAM,
			    "room_id must be one or several room ids, 500 at most");
	for (int i = 0; i < n; i++)
		if (!already(rooms, unique, rooms[i]))
			rooms[unique++] = rooms[i];
	if (unique == 0 && req->who.is_guest)
		return req_fail(req, M_MISSING_PARAM,
		    "guests must say which rooms they listen to: room_id is required");
	*rooms_out = rooms;
	*n_out = unique;
	return M_OK;
}

static enum mx_err
read_timeout(struct req *req, int64_t *timeout_out)
{
	int64_t max = req->core->set.events_timeout_max_ms;

	if (!req_query_int(
		req, "timeout", TIMEOUT_DEFAULT_MS, INT64_MIN, INT64_MAX, timeout_out))
		return req_fail(req, M_INVALID_PARAM, "timeout must be a whole number");
	if (*timeout_out < 0)
		return req_fail(req, M_INVALID_PARAM, "timeout must not be negative");
	if (*timeout_out > max)
		*timeout_out = max;
	return M_OK;
}

/* The token's end on the clock that deadlines use. */
static int64_t
expiry(const struct req *req, int64_t now_ms)
{
	return req->who.expires_ms == 0 ? 0
					: now_ms + req->who.expires_ms - clock_now_ms();
}

/* Browsers' EventSource and whoever else asks for a stream instead of one answer. */
static bool
wants_stream(const struct req *req)
{
	const struct str *accept = http_header(&req->http->head, "accept");

	return accept != NULL && req->http->head.method == HTTP_GET &&
	       memmem(accept->p, accept->n, SSE_TYPE, strlen(SSE_TYPE)) != NULL;
}

/* Where to go on: whoever comes back to a stream says what it has heard last, and keeps
 * the address that it began with. */
static const char *
read_from(struct req *req, bool is_stream)
{
	const struct str *last = http_header(&req->http->head, "last-event-id");

	if (is_stream && last != NULL && last->n > 0)
		return arena_strndup(req->arena, last->p, last->n);
	return req_query(req, "from");
}

/* client-server-api/#get_matrixclientv3events; doc/events.md */
enum mx_err
client_events(struct req *req)
{
	bool is_stream = wants_stream(req);
	const char *from = read_from(req, is_stream);
	int64_t timeout_ms, limit, now_ms = clock_mono_ms();
	struct stream_token token = { 0, -1 };
	struct waiting *w;
	const char **rooms = NULL;
	int room_count = 0;
	enum mx_err err;

	if (from != NULL && !token_parse(from, &token))
		return req_fail(req, M_INVALID_PARAM,
		    "from is not a token that this server gave out");
	if (!req_query_int(req, "limit", EVENTS_LIMIT_DEFAULT, INT64_MIN,
		EVENTS_LIMIT_MAX, &limit) ||
	    limit < 1)
		return req_fail(
		    req, M_INVALID_PARAM, "limit must be a whole number of 1 or more");
	err = read_timeout(req, &timeout_ms);
	if (err == M_OK)
		err = read_rooms(req, &rooms, &room_count);
	if (err != M_OK)
		return err;
	w = waiting_new(req->who.user_id, req->who.device_id, rooms, room_count, from);
	w->from = token;
	w->has_from = from != NULL;
	w->limit = is_stream ? EVENTS_LIMIT_DEFAULT : (int)limit;
	w->sse = is_stream;
	w->is_stranger = req->who.is_guest && !req->who.has_rows;
	w->deadline_ms = now_ms + (is_stream ? SSE_COMMENT_MS : timeout_ms);
	w->expires_ms = expiry(req, now_ms);
	poll_enter(req, w);
	return M_PARKED;
}
