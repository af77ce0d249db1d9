/*
 * Uploads: at once, or announced first. Spec: client-server-api/#content-repository
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/upload.h"
#include "core/media.h"

/* --- what is said of an upload --- */

/* A header's value may be anything a client sends: what would not do as one of ours is
 * not kept. */
static const char *
content_type(const struct req *req)
{
	const struct str *given = http_header(&req->http->head, "content-type");

	if (given == NULL || given->n == 0 || given->n > MEDIA_TYPE_MAX ||
	    memchr(given->p, '/', given->n) == NULL)
		return NULL;
	for (size_t i = 0; i < given->n; i++)
		if (given->p[i] < ' ' || given->p[i] > '~')
			return NULL;
	return arena_strndup(req->arena, given->p, given->n);
}

static enum mx_err
read_about(struct req *req, struct media_about *out)
{
	const char *name = req_query(req, "filename");

	*out = (struct media_about){ .content_type = content_type(req) };
	if (name == NULL || name[0] == '\0')
		return M_OK;
	if (strlen(name) > MEDIA_NAME_MAX)
		return req_fail(req, M_INVALID_PARAM, "filename is at most 1024 bytes");
	out->file_name = name;
	return M_OK;
}

/* Before the body comes: may it, and where to? */
static enum mx_err
begin(struct req *req)
{
	int64_t size_max = req->core->set.media_upload_max;
	struct file_new file;
	enum mx_err err = media_may_upload(req->ctx, &req->who, upload_length(req));

	if (err == M_TOO_LARGE)
		return upload_too_large(req->ctx, req->arena, size_max);
	if (err == M_OK)
		err = media_begin(req->ctx, &file);
	return err == M_OK ? upload_take(req, &file, size_max) : err;
}

static const char *
uri_of(struct req *req, const char *media_id)
{
	return arena_printf(
	    req->arena, "mxc://%s/%s", req->core->set.server_name, media_id);
}

/* client-server-api/#post_matrixmediav3upload */
enum mx_err
client_media_upload(struct req *req)
{
	struct media_about about;
	struct json *body;
	const char *id;
	enum mx_err err = read_about(req, &about);

	if (err != M_OK)
		return err;
	if (req->upload == NULL)
		return begin(req);
	err = media_add(
	    req->ctx, req->arena, &req->who, upload_file(req->upload), &about, &id);
	if (err != M_OK)
		return err;
	body = json_object(req->arena);
	json_set_str(req->arena, body, "content_uri", uri_of(req, id));
	return reply_json(req, body);
}

/* --- announced --- */

/* client-server-api/#post_matrixmediav1create */
enum mx_err
client_media_create(struct req *req)
{
	struct json *body;
	const char *id;
	int64_t expires_ts;
	enum mx_err err =
	    media_announce(req->ctx, req->arena, &req->who, &id, &expires_ts);

	if (err != M_OK)
		return err;
	body = json_object(req->arena);
	json_set_str(req->arena, body, "content_uri", uri_of(req, id));
	json_set_int(req->arena, body, "unused_expires_at", expires_ts);
	return reply_json(req, body);
}

/* client-server-api/#put_matrixmediav3uploadservernamemediaid */
enum mx_err
client_media_put(struct req *req)
{
	const char *id = req_path(req, "mediaId");
	struct media_about about;
	enum mx_err err = read_about(req, &about);

	if (err == M_OK)
		err = media_is_awaited(
		    req->ctx, req->arena, &req->who, req_path(req, "serverName"), id);
	if (err != M_OK)
		return err;
	if (req->upload == NULL)
		return begin(req);
	err = media_fill(
	    req->ctx, req->arena, &req->who, id, upload_file(req->upload), &about);
	if (err != M_OK)
		return err;
	return reply_empty(req);
}

/* client-server-api/#get_matrixclientv1mediaconfig */
enum mx_err
client_media_config(struct req *req)
{
	struct json *body = json_object(req->arena);

	json_set_int(
	    req->arena, body, "m.upload.size", req->core->set.media_upload_max);
	return reply_json(req, body);
}
