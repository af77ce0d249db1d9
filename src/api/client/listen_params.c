/*
 * The parameters of the event stream. Reads the request alone; a fuzzer runs it.
 */
#include "api/client/listen_params.h"

#include <string.h>

#include "event/ids.h"
#include "stream/events.h"
#include "stream/sse.h"

#define TIMEOUT_DEFAULT_MS 30000

/* Adds the ids of one room_id parameter, which may hold several, comma-separated.
 * False: too many, or no room id. */
static bool
add_rooms(struct req *req, const char *text, const char **rooms, int *n)
{
	while (*text != '\0') {
		size_t length = strcspn(text, ",");

		if (length > 0) {
			if (*n == LISTEN_ROOMS_MAX)
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
read_rooms(struct req *req, struct listen_params *out)
{
	const char **rooms = ARENA_ARRAY(req->arena, const char *, LISTEN_ROOMS_MAX);
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
	out->rooms = rooms;
	out->room_count = unique;
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

/* Browsers' EventSource and whoever else asks for a stream instead of one answer. */
static bool
wants_stream(const struct req *req)
{
	const struct http_head *head = &req->http->head;

	return head->method == HTTP_GET && http_lists(head, "accept", SSE_TYPE);
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

enum mx_err
listen_params_read(struct req *req, struct listen_params *out)
{
	int64_t limit;
	enum mx_err err;

	*out =
	    (struct listen_params){ .at = token_at(0), .is_stream = wants_stream(req) };
	out->from = read_from(req, out->is_stream);
	if (out->from != NULL && !token_parse(out->from, &out->at))
		return req_fail(req, M_INVALID_PARAM,
		    "from is not a token that this server gave out");
	if (!req_query_int(req, "limit", EVENTS_LIMIT_DEFAULT, INT64_MIN,
		EVENTS_LIMIT_MAX, &limit) ||
	    limit < 1)
		return req_fail(
		    req, M_INVALID_PARAM, "limit must be a whole number of 1 or more");
	out->limit = out->is_stream ? EVENTS_LIMIT_DEFAULT : (int)limit;
	err = read_timeout(req, &out->timeout_ms);
	return err == M_OK ? read_rooms(req, out) : err;
}
