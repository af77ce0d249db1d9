/*
 * What the endpoints of accounts share: fields of a body, the session that a login or
 * registration opens, and where the server is to be found.
 */
#ifndef API_CLIENT_SESSION_H
#define API_CLIENT_SESSION_H

#include "api/req.h"
#include "core/login.h"

/* A string of the body, or NULL if it is not there (or null). M_BAD_JSON, with its
 * sentence, if it is something else or has a NUL inside. */
enum mx_err body_text(struct req *req, const char *field, const char **out) MUST_USE;
/* The same, but it must be there: M_MISSING_PARAM. */
enum mx_err body_text_needed(
    struct req *req, const char *field, const char **out) MUST_USE;
/* The same of a boolean. */
enum mx_err body_bool(
    struct req *req, const char *field, bool fallback, bool *out) MUST_USE;

/* device_id, initial_device_display_name, refresh_token. M_BAD_JSON, M_INVALID_PARAM.
 */
enum mx_err session_from_body(struct req *req, struct session *out) MUST_USE;
/* Adds the tokens and their life to an answer. */
void session_add(struct req *req, struct json *answer, const struct session *s);
/* Where clients find this server: .well-known/matrix/client, and part of a login. */
struct json *discovery_json(struct req *req);
/* user_id and home_server; of a session (NULL: none) the device and the tokens too. */
struct json *session_answer(
    struct req *req, const char *user_id, const struct session *s);

#endif
