/*
 * Who asks? Tokens from requests to identities. Guests' tokens are checked by their MAC
 * alone; accounts' tokens by their hash, first in memory, then in the store.
 * Spec: client-server-api/#client-authentication
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "api/req.h"

/* The token of a request, borrowed from its head: Authorization: Bearer, else
 * ?access_token= (still percent-encoded: *encoded_out). n = 0: none. */
struct str auth_token(const struct http_head *head, bool *encoded_out);

/*
 * Fills in req->who as req->route->who asks; req->token is set. M_MISSING_TOKEN,
 * M_UNKNOWN_TOKEN (req->soft_logout), M_GUEST_ACCESS_FORBIDDEN, M_FORBIDDEN (ADMIN).
 * On an io thread (req->ctx->db == NULL) REQ_TO_WORKER where the store must be asked.
 */
enum mx_err auth_identify(struct req *req) MUST_USE;

#endif
