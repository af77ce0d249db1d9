/*
 * The common part of reading a room. Between the handlers of /messages, /context,
 * /members, initialSync ... and room/timeline.
 */
#include "api/client/reading.h"

#include <string.h>

#include "room/bundle.h"
#include "stream/token.h"

/* The database is looked at after the snapshot is taken: it knows all that the snapshot
 * knows. */
enum mx_err
reading_of(struct req *req, struct room *room, struct reading *out)
{
	enum mx_err err;

	*out = (struct reading){ .room = room, .s = room_snapshot(room) };
	seer_init(&out->seer, req->ctx, req->arena, room, out->s, req->who.user_id,
	    req->who.device_id);
	err = db_begin(req->ctx->db);
	out->has_begun = err == M_OK;
	if (err != M_OK)
		reading_close(out);
	return err;
}

enum mx_err
reading_open(struct req *req, const char *room_id, struct reading *out)
{
	struct room *room;
	enum mx_err err = room_get(req->ctx, room_id, &room);

	if (err == M_NOT_FOUND)
		return req_fail(req, M_FORBIDDEN, "You may not read this room");
	if (err == M_OK)
		err = reading_of(req, room, out);
	if (err != M_OK || seer_sees_anything(&out->seer))
		return err;
	reading_close(out);
	return req_fail(req, M_FORBIDDEN, "You may not read this room");
}

void
reading_close(struct reading *reading)
{
	if (reading->has_begun)
		db_rollback(reading->seer.ctx->db);
	snapshot_unref(reading->s);
	room_put(reading->room);
	*reading = (struct reading){ .room = NULL };
}

enum mx_err
reading_no_event(struct req *req)
{
	return req_fail(req, M_NOT_FOUND, "There is no such event that you may see");
}

enum event_format
reading_format(const struct req *req)
{
	return req->version == A1 || req->version == A2 ? FORMAT_V1 : FORMAT_CLIENT;
}

enum mx_err
reading_limit(struct req *req, int fallback, int max, int *out)
{
	int64_t limit;

	if (!req_query_int(req, "limit", fallback, -1, max, &limit) || limit < 0)
		return req_fail(
		    req, M_INVALID_PARAM, "limit must be a number, 0 or more");
	*out = (int)limit;
	return M_OK;
}

enum mx_err
reading_place(struct req *req, const char *name, struct place *out, bool *given_out)
{
	const char *text = req_query(req, name);

	*given_out = text != NULL && text[0] != '\0';
	if (!*given_out || token_parse_place(text, out))
		return M_OK;
	return req_fail(req, M_INVALID_PARAM,
	    arena_printf(req->arena, "%s is not a token of this server", name));
}

enum mx_err
reading_filter(struct req *req, struct reading *reading, struct filter *out, int *limit)
{
	const char *why = NULL;
	enum mx_err err = filter_read(req->arena, req_query(req, "filter"), out, &why);

	if (err != M_OK)
		return req_fail(req, err, why);
	out->room_id = reading->room->room_id;
	if (req->who.user_id != NULL)
		err =
		    ignored_load(req->ctx, req->arena, req->who.user_id, &out->ignored);
	if (err != M_OK)
		return err;
	out->seer = &reading->seer;
	if (out->limit > 0 && out->limit < *limit)
		*limit = (int)out->limit;
	return M_OK;
}

enum mx_err
reading_bundle(struct req *req, struct reading *reading, struct page *page)
{
	return bundle_events(&reading->seer, page->events, page->count,
	    reading->s->position, reading_format(req));
}

enum mx_err
reading_write_event(struct req *req, struct reading *reading, struct buf *out,
    const struct stored_event *stored)
{
	enum event_format format = reading_format(req);
	struct sliced e;
	enum mx_err err;

	if (!seer_slice(&reading->seer, stored, &e))
		return M_UNKNOWN;
	err = bundle_events(&reading->seer, &e, 1, reading->s->position, format);
	if (err == M_OK)
		seer_write_sliced(&reading->seer, out, &e, format);
	return err;
}

void
reading_write_page(struct req *req, struct reading *reading, struct buf *out,
    const struct page *page, bool turned)
{
	buf_char(out, '[');
	for (int i = 0; i < page->count; i++) {
		int at = turned ? page->count - 1 - i : i;

		if (i > 0)
			buf_char(out, ',');
		seer_write_sliced(
		    &reading->seer, out, &page->events[at], reading_format(req));
	}
	buf_char(out, ']');
}

void
reading_senders(struct map *senders, const struct page *page)
{
	for (int i = 0; i < page->count; i++)
		map_put_str(
		    senders, page->events[i].sender, (void *)page->events[i].sender);
}
