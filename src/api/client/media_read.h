/*
 * How a file is handed out, whichever it is. For downloads and thumbnails.
 */
#ifndef API_CLIENT_MEDIA_READ_H
#define API_CLIENT_MEDIA_READ_H

#include "api/req.h"
#include "core/media.h"

/* The row that the path names. REQ_TAKEN: it has not come yet, and is waited for. */
enum mx_err media_asked(struct req *req, struct media_row *out) MUST_USE;
/* M_OK where the paths of before are open. */
enum mx_err media_check_open(struct req *req) MUST_USE;
/* Answers with the file, or says why not; returns what the handler returns.
 * content_type NULL: not known. name NULL: it has none. */
enum mx_err media_answer(struct req *req, const uint8_t sha256[SHA256_LEN],
    int64_t size, const char *content_type, const char *name) MUST_USE;

#endif
