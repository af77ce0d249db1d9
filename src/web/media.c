/*
 * GET /rooms/{room}/media/{eventId}/{what}: the pictures and files of what is shown,
 * and nothing else: an event that everybody may see now names them.
 */
#include <stdlib.h>
#include <string.h>

#include "api/client/media_read.h"
#include "core/thumbnail.h"
#include "room/relations.h"
#include "web/handlers.h"
#include "web/markup.h"
#include "web/open.h"
#include "web/sheet.h"

#define FACE_SIDE 96
#define THUMB_WIDTH 800
#define THUMB_HEIGHT 600
#define INLINE_SIDE 320
/* Gone from caches as soon as from pages. */

/* What the address asks for. */
struct picture {
	const char *mxc;
	bool is_whole; /* the file itself, no thumbnail */
	struct thumbnail_ask size;
};

/* An edit shows nothing more once what it is of has gone. */
static bool
is_of_redacted(struct seer *seer, const struct sliced *e)
{
	struct relation_to to;
	struct stored_event stored;
	struct event *event;

	return relation_of(seer->room->version, sliced_content(seer, e), &to) &&
	       strcmp(to.rel_type, "m.replace") == 0 &&
	       (seer_find(seer, to.parent, &stored, &event) != M_OK ||
		   stored.redacted_by != 0 || strcmp(event->sender, e->sender) != 0);
}

/* The event, if it may be seen, or if it is what the room's present state stands on. */
static enum mx_err
find_event(struct shown *shown, const char *event_id, struct sliced *out)
{
	struct seer *seer = &shown->seer;
	int64_t event, room;
	enum mx_err err = store_event_find(seer->ctx->db, event_id, &event, &room);

	if (err == M_OK && room != shown->room->id)
		err = M_NOT_FOUND;
	if (err == M_OK)
		err = seer_get(seer, event, out);
	if (err != M_OK || !stored_event_is(&out->stored, event_id))
		return err == M_OK ? M_NOT_FOUND : err;
	if (out->state_key != NULL) {
		const struct state_entry *entry =
		    snapshot_state(shown->s, out->type, out->state_key);

		if (seer_ignores(seer, out->sender))
			return M_NOT_FOUND;
		if (entry != NULL && entry->event == event)
			return M_OK;
	}
	if (out->state_key == NULL &&
	    (seer_ignores(seer, out->sender) || is_of_redacted(seer, out)))
		return M_NOT_FOUND;
	return seer_sees(seer, event, out->type, out->state_key) ? M_OK : M_NOT_FOUND;
}

/* "picture-3": the fourth picture of a body. */
static const char *
inline_mxc(struct arena *arena, const struct json *content, const char *what)
{
	const char *html = json_get_str(content, "formatted_body");
	int64_t n;

	if (html == NULL || !str_int(str_of(what + strlen("picture-")), &n) || n < 0 ||
	    n > 1000)
		return NULL;
	return markup_picture(arena, html, strlen(html), (int)n);
}

/* False: there is no such thing at this event. */
static bool
read_what(struct arena *arena, const struct sliced *e, const struct json *content,
    const char *what, struct picture *out)
{
	const struct json *edited = json_get_object(content, "m.new_content");
	bool is_member = strcmp(e->type, "m.room.member") == 0;

	if (edited != NULL)
		content = edited;
	*out = (struct picture){ .size = {
				     .width = THUMB_WIDTH, .height = THUMB_HEIGHT } };
	if (strcmp(what, "face") == 0) {
		out->mxc = json_get_str(content, is_member ? "avatar_url" : "url");
		out->size = (struct thumbnail_ask){ FACE_SIDE, FACE_SIDE, true, false };
	} else if (strcmp(what, "thumb") == 0) {
		out->mxc = json_get_str(content, "url");
	} else if (strcmp(what, "file") == 0) {
		out->mxc = json_get_str(content, "url");
		out->is_whole = true;
	} else if (strcmp(what, "poster") == 0) {
		out->mxc =
		    json_get_str(json_get_object(content, "info"), "thumbnail_url");
	} else if (starts_with(what, "picture-")) {
		out->mxc = inline_mxc(arena, content, what);
		out->size =
		    (struct thumbnail_ask){ INLINE_SIDE, INLINE_SIDE, false, false };
	}
	return out->mxc != NULL && starts_with(out->mxc, "mxc://");
}

static enum mx_err
find_picture(struct req *req, struct picture *out)
{
	struct shown shown;
	struct sliced e;
	enum mx_err err = shown_open(
	    web_of(req), req->ctx, req->arena, req_path(req, "room"), &shown);

	if (err != M_OK)
		return err;
	err = find_event(&shown, req_path(req, "eventId"), &e);
	if (err == M_OK && !read_what(req->arena, &e, sliced_content(&shown.seer, &e),
			       req_path(req, "what"), out))
		err = M_NOT_FOUND;
	if (err == M_OK)
		out->mxc = arena_strdup(req->arena, out->mxc);
	shown_close(&shown);
	return err;
}

enum mx_err
web_media(struct req *req)
{
	struct picture picture;
	const char *server, *id;
	enum mx_err err = find_picture(req, &picture);

	if (err != M_OK)
		return err;
	server = picture.mxc + strlen("mxc://");
	id = strchr(server, '/');
	if (id == NULL || id[1] == '\0')
		return M_NOT_FOUND;
	server = arena_strndup(req->arena, server, (size_t)(id - server));
	reply_header(req, "X-Robots-Tag", "noindex");
	return media_hand_out(req, server, id + 1,
	    picture.is_whole ? NULL : &picture.size, PAGE_CACHE_CONTROL);
}
