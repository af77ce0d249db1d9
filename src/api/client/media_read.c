/*
 * Downloads. What is in memory is answered by the io thread itself; else a worker looks
 * the file up, and reads each part of it when its client has taken the one before.
 * Spec: client-server-api/#get_matrixclientv1mediadownloadservernamemediaid
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "api/client/handlers.h"
#include "api/client/media_headers.h"
#include "api/client/media_read.h"
#include "api/client/media_wait.h"
#include "api/inside.h"
#include "base/codec.h"
#include "base/log.h"
#include "core/media.h"
#include "event/ids.h"

#define PART_BYTES (256 << 10) /* that a worker reads at a time */
#define PART_AT_HAND_BYTES                                                             \
	(128 << 10) /* that an io thread copies: others wait for it */
#define TIMEOUT_DEFAULT_MS 20000
#define TIMEOUT_MAX_MS 60000

/* A file on its way out; handed on from thread to thread, one has it at a time. */
struct sending {
	struct task task;
	struct server *server;
	struct exchange exchange;
	uint64_t whose; /* transfer_begin's */
	int fd;
	int64_t at, end; /* of what is still to be read */
	bool is_small;	 /* its first part is all of it, and worth to be kept */
	uint8_t sha256[SHA256_LEN];
};

static void part_sent(void *arg, bool is_gone);

static void
sending_free(struct sending *s)
{
	transfer_end(s->server, s->whose);
	close(s->fd);
	free(s);
}

static size_t
bytes_left(const struct sending *s, size_t max)
{
	return s->end - s->at > (int64_t)max ? max : (size_t)(s->end - s->at);
}

/* Passes n bytes on, with the last of which it ends. head: NULL behind the first. */
static void
send_part(struct sending *s, const struct http_reply *head, char *bytes, size_t n)
{
	struct http_part part = {
		.head = head, .bytes = bytes, .n = n, .sent = part_sent, .arg = s
	};

	if (s->is_small && s->at == 0 && n > 0 && (int64_t)n == s->end)
		media_hot_keep(s->server->media_hot, s->sha256, bytes, n);
	s->at += (int64_t)n;
	media_sent(s->server->core, n);
	part.is_last = s->at == s->end;
	http_send_part(s->exchange, &part);
	if (part.is_last)
		sending_free(s);
}

/* From the page cache alone, and so on any thread. False: the disk would be waited for.
 */
static bool
send_at_hand(struct sending *s, const struct http_reply *head)
{
	size_t n = bytes_left(s, PART_AT_HAND_BYTES);
	char *bytes = xmalloc(n);
	struct iovec iov = { bytes, n };
	ssize_t got = preadv2(s->fd, &iov, 1, s->at, RWF_NOWAIT);

	if (got > 0) {
		send_part(s, head, bytes, (size_t)got);
		return true;
	}
	free(bytes);
	return false;
}

/* On an io thread; or, where the server has ended, on whoever ends it. */
static void
part_sent(void *arg, bool is_gone)
{
	struct sending *s = arg;

	if (is_gone || s->server->files == NULL)
		sending_free(s);
	else if (!send_at_hand(s, NULL))
		workers_queue(s->server->files, &s->task);
}

/* NULL: it cannot be read (logged). */
static char *
read_part(const struct sending *s, size_t n)
{
	char *bytes = xmalloc(n);
	size_t done = 0;

	thread_waits(true);
	while (done < n) {
		ssize_t got =
		    pread(s->fd, bytes + done, n - done, s->at + (int64_t)done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			log_error("media: a file cannot be read: %s",
			    got < 0 ? strerror(errno) : "it is too short");
			free(bytes);
			bytes = NULL;
			break;
		}
		done += (size_t)got;
	}
	thread_waits(false);
	return bytes;
}

static void
run_sending(struct task *task, struct ctx *ctx, struct arena *arena)
{
	struct sending *s = (struct sending *)task;
	size_t n = bytes_left(s, PART_BYTES);
	char *bytes = read_part(s, n);

	if (bytes != NULL) {
		send_part(s, NULL, bytes, n);
		return;
	}
	http_send_cut(s->exchange);
	sending_free(s);
}

/* --- what stands beside it --- */

static void
common_headers(struct req *req, const char *etag, const char *cache_control)
{
	bool is_open = req->who.user_id == NULL;

	reply_header(req, "ETag", etag);
	reply_header(req, "Cache-Control",
	    cache_control != NULL ? cache_control
	    : is_open		  ? "public, max-age=86400, immutable"
				  : "private, max-age=86400, immutable");
	reply_header(req, "Cross-Origin-Resource-Policy", "cross-origin");
	/* Else the script that fetches a file does not see what it is called. */
	reply_header(req, "Access-Control-Expose-Headers",
	    "Content-Disposition, Content-Range, ETag");
}

static void
file_headers(struct req *req, const char *type, const char *name)
{
	struct buf disposition = { 0 };

	media_disposition(&disposition, type, name);
	buf_char(&disposition, '\0');
	reply_header(req, "Content-Disposition", disposition.p);
	buf_free(&disposition);
	reply_header(req, "Content-Security-Policy",
	    "sandbox; default-src 'none'; script-src 'none'; "
	    "plugin-types application/pdf; style-src 'unsafe-inline'; "
	    "object-src 'self';");
	reply_header(req, "X-Content-Type-Options", "nosniff");
	reply_header(req, "Accept-Ranges", "bytes");
}

static const char *
type_of(const struct media_file *file)
{
	return file->content_type == NULL ? "application/octet-stream"
					  : file->content_type;
}

/* What was said of the file does not hold for the error that is answered instead: it
 * would be kept for a day. */
static enum mx_err
not_that(struct req *req, enum mx_err err)
{
	buf_reset(&req->headers);
	return err;
}

/* Which part is asked for, of this file and no other: a weak etag, a list or a date in
 * If-Range names none, and only GET knows parts. RFC 9110 13.1.5, 14.2 */
static enum media_range
range_of(const struct req *req, int64_t size, const char *etag, int64_t *first,
    int64_t *last)
{
	const struct http_head *head = &req->http->head;
	const struct str *range = http_header(head, "range");
	const struct str *only_if = http_header(head, "if-range");

	if (range == NULL || head->method == HTTP_HEAD ||
	    (only_if != NULL && !str_is(*only_if, etag)))
		return MEDIA_WHOLE;
	return media_range(*range, size, first, last);
}

/* Where the disk would be waited for, the head goes alone: the pool of workers that
 * wait for disks does the rest, and not that which answers everybody. */
static enum mx_err
send_file(struct req *req, const struct media_asked *asked, int fd,
    const struct http_reply *head, int64_t first)
{
	struct sending *s;
	uint64_t whose;
	enum mx_err err = transfer_begin(req, &whose);

	if (err != M_OK) {
		close(fd);
		return not_that(req, err);
	}
	s = xcalloc(1, sizeof *s);
	s->whose = whose;
	s->task.run = run_sending;
	s->server = req->server;
	s->exchange = req->http->exchange;
	s->fd = fd;
	s->at = first;
	s->end = first + (req->http->head.method == HTTP_HEAD ? 0 : head->body_n);
	s->is_small = asked->is_wanted && asked->file.size <= MEDIA_SMALL_MAX &&
		      s->end == asked->file.size;
	memcpy(s->sha256, asked->file.sha256, SHA256_LEN);
	dispatch_count(req->server, head->status);
	media_downloaded(req->core);
	if (s->at == s->end || !send_at_hand(s, head))
		send_part(s, head, NULL, 0);
	return M_PARKED;
}

/* On the io thread. */
static enum mx_err
send_from_memory(struct req *req, struct http_shared *bytes,
    const struct http_reply *head, int64_t first)
{
	dispatch_count(req->server, head->status);
	media_downloaded(req->core);
	if (req->http->head.method != HTTP_HEAD)
		media_sent(req->core, head->body_n);
	http_answer_from(req->http->exchange, head, bytes, (size_t)first);
	return M_PARKED;
}

/* fd: the file, open, where its bytes are not in memory. */
static enum mx_err
answer_range(struct req *req, const struct media_asked *asked, int fd, const char *etag)
{
	const struct media_file *file = &asked->file;
	int64_t first = 0, last = file->size - 1;
	enum media_range range = range_of(req, file->size, etag, &first, &last);
	struct http_reply head = { .status = 200, .content_type = type_of(file) };

	if (range == MEDIA_BEYOND) {
		if (fd >= 0)
			close(fd);
		buf_reset(&req->headers);
		reply_header(req, "Content-Range",
		    arena_printf(req->arena, "bytes */%lld", (long long)file->size));
		return req_fail_status(req, 416, M_INVALID_PARAM,
		    "The file ends before what Range asks for");
	}
	file_headers(req, head.content_type, file->name);
	if (range == MEDIA_PART) {
		head.status = 206;
		reply_header(req, "Content-Range",
		    arena_printf(req->arena, "bytes %lld-%lld/%lld", (long long)first,
			(long long)last, (long long)file->size));
	}
	head.body_n = (size_t)(last - first + 1);
	buf_char(&req->headers, '\0');
	head.headers = req->headers.p;
	return fd < 0 ? send_from_memory(req, file->bytes, &head, first)
		      : send_file(req, asked, fd, &head, first);
}

enum mx_err
media_answer(struct req *req, const struct media_asked *asked)
{
	char hex[2 * SHA256_LEN + 1];
	const char *etag;
	enum mx_err err;
	int fd = -1;

	hex_encode(asked->file.sha256, SHA256_LEN, hex);
	etag = arena_printf(req->arena, "\"%s\"", hex);
	common_headers(req, etag, asked->cache_control);
	if (req_names_etag(req, "if-none-match", etag)) {
		req->status = 304;
		return M_OK;
	}
	if (asked->file.bytes != NULL)
		return answer_range(req, asked, fd, etag);
	if (req->ctx->db == NULL)
		return REQ_TO_WORKER;
	err = media_read(req->ctx, asked->file.sha256, req->is_slow, &fd);
	if (err == M_PARKED) {
		job_run_away(req->job);
		return REQ_TAKEN;
	}
	return err == M_OK ? answer_range(req, asked, fd, etag) : not_that(req, err);
}

/* --- which one --- */

enum mx_err
media_read_asked(struct req *req, const char *made, struct media_asked *out)
{
	*out = (struct media_asked){ .server_name = req_path(req, "serverName"),
		.id = req_path(req, "mediaId") };
	if (!id_server_name_valid(out->server_name))
		return req_fail(req, M_INVALID_PARAM, "this is no server name");
	if (!req_query_int(req, "timeout_ms", TIMEOUT_DEFAULT_MS, 0, TIMEOUT_MAX_MS,
		&out->timeout_ms))
		return req_fail(req, M_INVALID_PARAM, "timeout_ms must be a number");
	out->key = arena_printf(req->arena, "%s %s", made, out->id);
	return M_OK;
}

void
media_asked_of(struct req *req, const char *server_name, const char *id,
    const char *made, struct media_asked *out)
{
	*out = (struct media_asked){ .server_name = server_name, .id = id };
	out->key = arena_printf(req->arena, "%s %s", made, id);
}

enum mx_err
media_answer_known(struct req *req, struct media_asked *asked, const char *name)
{
	enum mx_err err;

	if (strcmp(asked->server_name, req->core->set.server_name) != 0 ||
	    !media_hot_find(
		req->server->media_hot, req->arena, asked->key, &asked->file))
		return REQ_TO_WORKER;
	if (name != NULL)
		asked->file.name = name;
	err = media_answer(req, asked);
	http_shared_unref(asked->file.bytes);
	if (err != REQ_TO_WORKER)
		media_hot_answered(req->server->media_hot);
	return err;
}

enum mx_err
media_find_asked(struct req *req, struct media_asked *asked, struct media_row *row)
{
	enum mx_err err;

	asked->age = media_hot_age(req->server->media_hot);
	err = media_find(req->ctx, req->arena, asked->server_name, asked->id, row);
	if (err != M_NOT_YET_UPLOADED || req->is_late || asked->timeout_ms == 0)
		return err;
	err = media_wait(
	    req, asked->server_name, asked->id, asked->timeout_ms, row->expires_ts);
	return err == M_OK ? media_find(req->ctx, req->arena, asked->server_name,
				 asked->id, row)
			   : err;
}

void
media_set_asked(struct req *req, struct media_asked *asked, const struct media_row *row,
    const struct media_file *file)
{
	asked->file = *file;
	asked->is_wanted = media_hot_put(
	    req->server->media_hot, asked->age, asked->key, row->sha256, file);
}

static enum mx_err
answer_named(struct req *req, struct media_asked *asked, const char *name)
{
	struct media_file file;
	struct media_row row;
	enum mx_err err = media_find_asked(req, asked, &row);

	if (err != M_OK)
		return err;
	file = media_original(&row);
	media_set_asked(req, asked, &row, &file);
	if (name != NULL)
		asked->file.name = name;
	return media_answer(req, asked);
}

enum mx_err
media_answer_whole(struct req *req, struct media_asked *asked)
{
	return answer_named(req, asked, NULL);
}

static enum mx_err
download(struct req *req, const char *name)
{
	struct media_asked asked;
	enum mx_err err = media_read_asked(req, "whole", &asked);

	if (err == M_OK && req->ctx->db == NULL)
		return media_answer_known(req, &asked, name);
	return err == M_OK ? answer_named(req, &asked, name) : err;
}

enum mx_err
client_media_download(struct req *req)
{
	return download(req, NULL);
}

/* client-server-api/#get_matrixclientv1mediadownloadservernamemediaidfilename */
enum mx_err
client_media_download_named(struct req *req)
{
	return download(req, req_path(req, "fileName"));
}

/* The paths of before, which ask for no token: for who has one, as bots do that know no
 * others, and for everybody where the operator allows it.
 * Spec: client-server-api/#get_matrixmediav3downloadservernamemediaid */
enum mx_err
media_check_open(struct req *req)
{
	return req->who.user_id != NULL || req->core->set.media_without_token
		   ? M_OK
		   : req_fail(req, M_NOT_FOUND,
			 "Files are handed out by "
			 "/_matrix/client/v1/media/download, for a token");
}

enum mx_err
client_media_download_open(struct req *req)
{
	enum mx_err err = media_check_open(req);

	return err == M_OK ? client_media_download(req) : err;
}

enum mx_err
client_media_download_named_open(struct req *req)
{
	enum mx_err err = media_check_open(req);

	return err == M_OK ? client_media_download_named(req) : err;
}
