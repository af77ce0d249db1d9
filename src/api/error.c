/*
 * Errors become answers here and nowhere else.
 */
#include "api/error.h"

#include <stdio.h>
#include <string.h>

static const struct {
	enum mx_err err;
	int status;
	const char *sentence;
} table[] = {
	{ M_FORBIDDEN, 403, "You are not allowed to do this" },
	{ M_UNKNOWN_TOKEN, 401, "This access token is not valid" },
	{ M_MISSING_TOKEN, 401, "This needs an access token" },
	{ M_USER_LOCKED, 401, "This account is locked" },
	{ M_USER_SUSPENDED, 403, "This account is suspended" },
	{ M_USER_DEACTIVATED, 403, "This account has been deactivated" },
	{ M_BAD_JSON, 400, "The JSON is not what this endpoint takes" },
	{ M_NOT_JSON, 400, "The body is not valid JSON" },
	{ M_NOT_FOUND, 404, "There is nothing here" },
	{ M_LIMIT_EXCEEDED, 429, "Too many requests; come back later" },
	{ M_UNRECOGNIZED, 404, "This server does not know this endpoint" },
	{ M_UNAUTHORIZED, 401, "Authorisation is required" },
	{ M_USER_IN_USE, 400, "This user name is taken" },
	{ M_INVALID_USERNAME, 400, "This is not a valid user name" },
	{ M_ROOM_IN_USE, 400, "This room alias is taken" },
	{ M_INVALID_ROOM_STATE, 400, "A room with this state is not possible" },
	{ M_UNSUPPORTED_ROOM_VERSION, 400, "This room version is not supported" },
	{ M_INCOMPATIBLE_ROOM_VERSION, 400, "The room's version is not supported" },
	{ M_BAD_STATE, 400, "The room is not in a state that allows this" },
	{ M_GUEST_ACCESS_FORBIDDEN, 403, "Guests may not do this" },
	{ M_MISSING_PARAM, 400, "A parameter is missing" },
	{ M_INVALID_PARAM, 400, "A parameter is not valid" },
	{ M_TOO_LARGE, 413, "This is too large" },
	{ M_EXCLUSIVE, 400, "This name is reserved" },
	{ M_RESOURCE_LIMIT_EXCEEDED, 403, "This server has reached a limit" },
	{ M_WEAK_PASSWORD, 400, "This password is too weak" },
	{ M_DUPLICATE_ANNOTATION, 400, "You have said this already" },
	{ M_BAD_ALIAS, 400, "An alias does not belong to this room" },
	{ M_UNABLE_TO_AUTHORISE_JOIN, 400, "This server cannot judge this join" },
	{ M_UNABLE_TO_GRANT_JOIN, 403, "Nobody here can let you into this room" },
	{ M_USER_LIMIT_EXCEEDED, 403, "You have reached a limit" },
	{ M_PROFILE_TOO_LARGE, 400, "The profile would be larger than 64 KiB" },
	{ M_KEY_TOO_LARGE, 400, "The name of a profile field is at most 255 bytes" },
	{ M_NOT_YET_UPLOADED, 504, "This file has not been uploaded yet" },
	{ M_CANNOT_OVERWRITE_MEDIA, 409, "This id has its file already" },
	{ M_INVITE_BLOCKED, 403, "This user does not take invitations" },
	{ M_UNAVAILABLE, 503, "The server cannot write at the moment; try again" },
	{ M_REFUSED, 400, "This request was refused" },
	{ M_UNKNOWN, 500, "Something went wrong in this server" },
};

static int
row_of(enum mx_err err)
{
	int n = sizeof table / sizeof table[0];

	for (int i = 0; i < n; i++)
		if (table[i].err == err)
			return i;
	return -1;
}

int
error_status(enum mx_err err)
{
	int i = row_of(err);

	return i < 0 ? 400 : table[i].status;
}

const char *
error_sentence(enum mx_err err)
{
	int i = row_of(err);

	return i < 0 ? "This request was refused" : table[i].sentence;
}

static void
add_more(struct buf *out, const struct json *more)
{
	for (uint32_t i = 0; json_is(more, JSON_OBJECT) && i < more->n; i++) {
		buf_char(out, ',');
		buf_json(out, more->members[i].key, more->members[i].key_n);
		buf_char(out, ':');
		json_write(out, &more->members[i].value);
	}
}

static void
add_retry(struct req *req)
{
	char seconds[16];

	snprintf(seconds, sizeof seconds, "%d", (req->retry_after_ms + 999) / 1000);
	reply_header(req, "Retry-After", seconds);
	buf_printf(&req->out, ",\"retry_after_ms\":%d", req->retry_after_ms);
}

/* Spec: client-server-api/#common-error-codes: info_uri is a must. */
static void
add_quota_link(struct req *req)
{
	buf_lit(&req->out, ",\"info_uri\":");
	buf_json_str(&req->out, req->core->set.media_quota_link);
	buf_lit(&req->out, ",\"can_upgrade\":true");
}

void
error_write(struct req *req, enum mx_err err)
{
	const char *sentence = req->error_sentence;

	if (sentence == NULL && req->ctx != NULL)
		sentence = req->ctx->why;
	if (sentence == NULL)
		sentence = error_sentence(err);
	if (req->status < 400)
		req->status = error_status(err);
	buf_reset(&req->out);
	buf_printf(&req->out, "{\"errcode\":\"%s\",\"error\":", err_name(err));
	buf_json_str(&req->out, sentence);
	if (req->soft_logout)
		buf_lit(&req->out, ",\"soft_logout\":true");
	if (err == M_LIMIT_EXCEEDED && req->retry_after_ms > 0)
		add_retry(req);
	if (err == M_USER_LIMIT_EXCEEDED)
		add_quota_link(req);
	add_more(&req->out, req->error_more);
	buf_char(&req->out, '}');
}

size_t
error_for_status(int status, char *out, size_t cap)
{
	static const struct {
		int status;
		const char *errcode, *sentence;
	} plain[] = {
		{ 400, "M_UNKNOWN", "This is not a valid HTTP request" },
		{ 408, "M_UNKNOWN", "The request took too long to arrive" },
		{ 413, "M_TOO_LARGE", "The body is too large" },
		{ 414, "M_TOO_LARGE", "The address is too long" },
		{ 431, "M_TOO_LARGE", "The headers are too large" },
		{ 501, "M_UNRECOGNIZED", "This transfer coding is not supported" },
		{ 503, "M_LIMIT_EXCEEDED", "The server is full; come back later" },
		{ 505, "M_UNRECOGNIZED", "This HTTP version is not supported" },
	};
	size_t n = sizeof plain / sizeof plain[0], i = 0;

	while (i < n - 1 && plain[i].status != status)
		i++;
	return (size_t)snprintf(out, cap, "{\"errcode\":\"%s\",\"error\":\"%s\"}",
	    plain[i].errcode, plain[i].sentence);
}
