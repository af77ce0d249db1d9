/*
 * Tokens to identities. Relies on core/guests and core/login.
 * Between the router and every handler; first on the io thread, from memory alone.
 */
#include "api/auth.h"

#include <string.h>

#include "core/guests.h"
#include "core/login.h"

/* RFC 6750 2.1; the scheme in any case, as RFC 9110 11.1 has it. */
static struct str
bearer(const struct str *header)
{
	struct str token = *header;

	if (token.n < 7 || !str_ieq((struct str){ token.p, 6 }, "bearer") ||
	    token.p[6] != ' ')
		return (struct str){ NULL, 0 };
	for (token.p += 7, token.n -= 7; token.n > 0 && token.p[0] == ' '; token.n--)
		token.p++;
	return token;
}

struct str
auth_token(const struct http_head *head, bool *encoded_out)
{
	const struct str *header = http_header(head, "authorization");
	struct str token = { NULL, 0 };

	*encoded_out = false;
	if (header != NULL)
		token = bearer(header);
	if (token.n > 0)
		return token;
	*encoded_out = true;
	if (!uri_query_raw(head->query, "access_token", &token))
		token.n = 0;
	return token;
}

static enum mx_err
identify(struct req *req)
{
	if (guests_is_token(req->token))
		return guests_identify(req->core, req->arena, req->token, &req->who);
	if (!login_is_token(req->token))
		return M_UNKNOWN_TOKEN;
	if (req->ctx->db != NULL)
		return login_identify(req->ctx, req->arena, req->token,
		    req_client_text(req), &req->who, &req->soft_logout);
	return login_identify_cached(
		   req->core->logins, req->arena, req->token, &req->who)
		   ? M_OK
		   : REQ_TO_WORKER;
}

/* Does who it is suffice for the row? */
static enum mx_err
suffices(const struct req *req)
{
	if (req->who.is_guest && (req->route->who == USER || req->route->who == ADMIN))
		return M_GUEST_ACCESS_FORBIDDEN;
	return req->route->who == ADMIN && !req->who.is_admin ? M_FORBIDDEN : M_OK;
}

enum mx_err
auth_identify(struct req *req)
{
	enum mx_err err;

	req->who = (struct identity){ 0 };
	if (req->route->who == NOBODY)
		return M_OK;
	if (req->token == NULL)
		return req->route->who == ANYBODY ? M_OK : M_MISSING_TOKEN;
	err = identify(req);
	return err == M_OK ? suffices(req) : err;
}
