/*
 * What a listener asks of /events, read from its query and its headers.
 */
#ifndef API_CLIENT_LISTEN_PARAMS_H
#define API_CLIENT_LISTEN_PARAMS_H

#include "api/req.h"
#include "stream/token.h"

#define LISTEN_ROOMS_MAX 500

/* Texts are in the request's arena, or in the request. */
struct listen_params {
	const char *from; /* as it was given; NULL: from now on */
	struct stream_token at;
	const char *const *rooms; /* each once */
	int room_count;		  /* 0: all of the user's own */
	int limit;
	int64_t timeout_ms;
	bool is_stream; /* server-sent events; limit and timeout do not matter */
};

/* M_INVALID_PARAM, or M_MISSING_PARAM of a guest who names no room.
 * client-server-api/#get_matrixclientv3events; doc/events.md */
enum mx_err listen_params_read(struct req *req, struct listen_params *out);

#endif
