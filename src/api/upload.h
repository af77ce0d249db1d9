/*
 * Requests whose bodies are files: an UPLOAD row's handler is run before the body has
 * come, to say who may send it, and again when it is here, as a file.
 */
#ifndef API_UPLOAD_H
#define API_UPLOAD_H

#include "api/req.h"
#include "media/files.h"

/* The first time (req->upload is NULL), instead of an answer:
 * return upload_take(req, &file, size_max). It owns the file from here on. A larger
 * body ends with M_TOO_LARGE. M_LIMIT_EXCEEDED: too many are on their way. */
enum mx_err upload_take(
    struct req *req, struct file_new *file, int64_t size_max) MUST_USE;
/* The second time: what has come. It ends with the request. */
struct file_new *upload_file(struct upload *upload);
/* M_TOO_LARGE, with a sentence that says how much would do. */
enum mx_err upload_too_large(struct ctx *ctx, struct arena *arena, int64_t size_max);
/* What the body's length is said to be; -1: nothing. */
int64_t upload_length(const struct req *req);

#endif
