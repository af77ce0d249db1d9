/*
 * libFuzzer: any bytes as the head of a request to /events. Whatever is taken for
 * parameters is within its bounds, and an error has its sentence. `./dev fuzz` runs it.
 */
#include "api/client/listen_params.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event/ids.h"
#include "stream/events.h"
#include "stream/sse.h"

#define TIMEOUT_MAX_MS 60000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_rooms(const struct listen_params *params)
{
	assert(params->room_count <= LISTEN_ROOMS_MAX);
	for (int i = 0; i < params->room_count; i++) {
		assert(id_room_valid(params->rooms[i]));
		for (int j = 0; j < i; j++)
			assert(strcmp(params->rooms[i], params->rooms[j]) != 0);
	}
}

/* Where it goes on is one place with one name, the same by query and by header. */
static void
check_place(const struct listen_params *params)
{
	struct buf b = { 0 };

	if (params->from == NULL) {
		assert(params->at.events == 0 && params->at.typing == -1 &&
		       params->at.presence == -1);
		return;
	}
	token_write(&b, &params->at);
	assert(b.n == strlen(params->from) && memcmp(b.p, params->from, b.n) == 0);
	buf_free(&b);
}

static void
check(struct req *req)
{
	struct listen_params params;
	enum mx_err err = listen_params_read(req, &params);

	if (err != M_OK) {
		assert(err == M_INVALID_PARAM || err == M_MISSING_PARAM);
		assert(req->error_sentence != NULL);
		return;
	}
	assert(params.limit >= 1 && params.limit <= EVENTS_LIMIT_MAX);
	assert(params.timeout_ms >= 0 && params.timeout_ms <= TIMEOUT_MAX_MS);
	assert(params.room_count > 0 || !req->who.is_guest);
	if (params.is_stream)
		assert(http_header(&req->http->head, "accept") != NULL);
	check_rooms(&params);
	check_place(&params);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct core core;
	static struct arena *arena;
	char *text = xstrndup((const char *)data, n);
	struct http_request request = { 0 };
	struct req req = { .core = &core, .http = &request };
	size_t used;

	if (arena == NULL)
		arena = arena_new();
	arena_reset(arena);
	core.set.events_timeout_max_ms = TIMEOUT_MAX_MS;
	req.arena = arena;
	if (http_parse_head(text, n, &request.head, &used) == HTTP_PARSED &&
	    uri_query_parse(arena, request.head.query, &req.query)) {
		req.who.is_guest = used % 2;
		check(&req);
	}
	free(text);
	return 0;
}
