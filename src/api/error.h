/*
 * The only place where an error becomes a status and a body.
 * Spec: client-server-api/#standard-error-response
 */
#ifndef API_ERROR_H
#define API_ERROR_H

#include "api/req.h"

int error_status(enum mx_err err);
/* A sentence for whoever gave none. */
const char *error_sentence(enum mx_err err);
/* Writes {"errcode": ..., "error": ...} (and what else req says) into req->out, sets
 * req->status. */
void error_write(struct req *req, enum mx_err err);
/* The body for errors that the HTTP server itself answers. */
size_t error_for_status(int status, char *out, size_t cap);

#endif
