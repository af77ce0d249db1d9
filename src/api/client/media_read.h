/*
 * How a file is handed out, whichever it is. For downloads and thumbnails.
 */
#ifndef API_CLIENT_MEDIA_READ_H
#define API_CLIENT_MEDIA_READ_H

#include <string.h>

#include "api/client/media_hot.h"
#include "api/req.h"
#include "core/media.h"

/* What a request asks for, and what is known of it. */
struct media_asked {
	const char *server_name, *id; /* of the path */
	int64_t timeout_ms;
	const char *key; /* of api/client/media_hot */
	uint64_t age;	 /* media_hot's, before the row was read */
	struct media_file file;
	bool is_wanted; /* it was asked for before: its bytes shall be kept */
	const char *cache_control; /* NULL: the usual one */
};

/* Reads path and query. made: which file of this upload, a word without blanks. */
enum mx_err media_read_asked(
    struct req *req, const char *made, struct media_asked *out) MUST_USE;
/* The same of what no path names. */
void media_asked_of(struct req *req, const char *server_name, const char *id,
    const char *made, struct media_asked *out);
/* On an io thread: answers if that can be done out of memory; else REQ_TO_WORKER. name:
 * instead of the file's; NULL: none. */
enum mx_err media_answer_known(
    struct req *req, struct media_asked *asked, const char *name) MUST_USE;
/* On a worker: the row. REQ_TAKEN: it has not come yet, and is waited for. */
enum mx_err media_find_asked(
    struct req *req, struct media_asked *asked, struct media_row *row) MUST_USE;
/* That is the file, and from now on known. */
void media_set_asked(struct req *req, struct media_asked *asked,
    const struct media_row *row, const struct media_file *file);
/* Answers with asked->file, or says why not; returns what the handler returns. */
enum mx_err media_answer(struct req *req, const struct media_asked *asked) MUST_USE;

/* On a worker: the file itself. */
enum mx_err media_answer_whole(struct req *req, struct media_asked *asked) MUST_USE;
struct thumbnail_ask;
/* On a worker: looks for a thumbnail of what is asked for, or has one made, and answers
 * with it; returns what the handler returns. */
enum mx_err media_answer_thumbnail(struct req *req, struct media_asked *asked,
    const struct thumbnail_ask *ask) MUST_USE;
/* Hands out a file that something else than a path names, or (ask not NULL) a thumbnail
 * of it. On a worker; returns what the handler returns. */
enum mx_err media_hand_out(struct req *req, const char *server_name, const char *id,
    const struct thumbnail_ask *ask, const char *cache_control) MUST_USE;

static inline struct media_file
media_original(const struct media_row *row)
{
	struct media_file file = { .size = row->size,
		.content_type = row->content_type,
		.name = row->file_name };

	memcpy(file.sha256, row->sha256, SHA256_LEN);
	return file;
}

/* M_OK where the paths of before are open. */
enum mx_err media_check_open(struct req *req) MUST_USE;

#endif
