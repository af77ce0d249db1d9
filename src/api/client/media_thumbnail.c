/*
 * Thumbnails: those that have been made are files like others; a new one is made by a
 * slow worker. Spec:
 * client-server-api/#get_matrixclientv1mediathumbnailservernamemediaid
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/media_read.h"
#include "api/inside.h"
#include "core/thumbnail.h"

static enum mx_err
read_side(struct req *req, const char *name, int *out)
{
	int64_t n;

	if (req_query(req, name) == NULL)
		return req_fail(req, M_MISSING_PARAM,
		    arena_printf(req->arena, "%s is missing", name));
	if (!req_query_int(req, name, 0, 0, 1 << 20, &n) || n == 0)
		return req_fail(req, M_INVALID_PARAM,
		    arena_printf(
			req->arena, "%s must be a whole number, 1 or more", name));
	*out = (int)n;
	return M_OK;
}

static enum mx_err
read_ask(struct req *req, struct thumbnail_ask *out)
{
	const char *method = req_query(req, "method");
	enum mx_err err = read_side(req, "width", &out->width);

	if (err == M_OK)
		err = read_side(req, "height", &out->height);
	if (err != M_OK)
		return err;
	out->is_crop = method != NULL && strcmp(method, "crop") == 0;
	if (method != NULL && !out->is_crop && strcmp(method, "scale") != 0)
		return req_fail(req, M_INVALID_PARAM, "method must be crop or scale");
	if (!req_query_bool(req, "animated", false, &out->is_animated))
		return req_fail(req, M_INVALID_PARAM, "animated must be true or false");
	return M_OK;
}

static const char *
name_of(const char *content_type)
{
	if (strcmp(content_type, "image/gif") == 0)
		return "thumbnail.gif";
	if (strcmp(content_type, "image/png") == 0)
		return "thumbnail.png";
	if (strcmp(content_type, "image/webp") == 0)
		return "thumbnail.webp";
	return strcmp(content_type, "image/jpeg") == 0 ? "thumbnail.jpg" : "thumbnail";
}

/* Spec: a thumbnail is shown in place, and a picture; so an original that does for one
 * is called what it is, and not what was said of it when it was uploaded. */
static struct media_file
file_of(const struct media_row *row, const struct thumbnail_row *made)
{
	struct media_file file = { .size = made->size,
		.content_type = made->content_type,
		.name = name_of(made->content_type) };

	if (made->is_original && row->file_name != NULL)
		file.name = row->file_name;
	memcpy(file.sha256, made->is_original ? row->sha256 : made->file, SHA256_LEN);
	return file;
}

/* As it is made, so that what comes to the same has one name. */
static const char *
word_of(struct req *req, const struct thumbnail_ask *ask)
{
	struct thumbnail_ask snapped = *ask;

	thumbnail_snap(&snapped, false);
	return arena_printf(req->arena, "%dx%d%s%s", snapped.width, snapped.height,
	    snapped.is_crop ? "c" : "s", snapped.is_animated ? "a" : "");
}

enum mx_err
media_answer_thumbnail(
    struct req *req, struct media_asked *asked, const struct thumbnail_ask *ask)
{
	struct thumbnail_row made;
	struct media_file file;
	struct media_row row;
	enum mx_err err = media_find_asked(req, asked, &row);

	if (err != M_OK)
		return err;
	err = thumbnail_find(req->ctx, req->arena, &row, ask, &made);
	if (err == M_NOT_FOUND && !req->is_slow) {
		job_run_away(req->job);
		return REQ_TAKEN;
	}
	if (err == M_NOT_FOUND)
		err = thumbnail_make(req->ctx, req->arena, &row, &made);
	if (err != M_OK)
		return err;
	file = file_of(&row, &made);
	media_set_asked(req, asked, &row, &file);
	return media_answer(req, asked);
}

enum mx_err
client_media_thumbnail(struct req *req)
{
	struct thumbnail_ask ask;
	struct media_asked asked;
	enum mx_err err = read_ask(req, &ask);

	if (err == M_OK)
		err = media_read_asked(req, word_of(req, &ask), &asked);
	if (err == M_OK && req->ctx->db == NULL)
		return media_answer_known(req, &asked, NULL);
	return err == M_OK ? media_answer_thumbnail(req, &asked, &ask) : err;
}

enum mx_err
media_hand_out(struct req *req, const char *server_name, const char *id,
    const struct thumbnail_ask *ask, const char *cache_control)
{
	struct media_asked asked;

	media_asked_of(
	    req, server_name, id, ask == NULL ? "whole" : word_of(req, ask), &asked);
	asked.cache_control = cache_control;
	return ask == NULL ? media_answer_whole(req, &asked)
			   : media_answer_thumbnail(req, &asked, ask);
}

enum mx_err
client_media_thumbnail_open(struct req *req)
{
	enum mx_err err = media_check_open(req);

	return err == M_OK ? client_media_thumbnail(req) : err;
}
