/*
 * The children of an event. Spec: client-server-api/#relationships-api
 */
#include "room/relations.h"

#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 1000

/* What was asked for. */
struct asked {
	struct relations_query query;
	struct page page;
	struct place to;
	bool has_from;
};

static enum mx_err
read_direction(struct req *req, const struct reading *reading, struct page *page)
{
	const char *dir = req_query(req, "dir");

	if (dir != NULL && strcmp(dir, "b") != 0 && strcmp(dir, "f") != 0)
		return req_fail(req, M_INVALID_PARAM, "dir must be b or f");
	page->backwards = dir == NULL || dir[0] == 'b';
	/* Without `from` it begins at the newest event, or at the first. */
	if (page->backwards)
		page->from = (struct place){ reading->s->position + 1, 0 };
	return M_OK;
}

static enum mx_err
read_asked(struct req *req, const struct reading *reading, struct asked *out)
{
	bool recurse, has_to;
	enum mx_err err = read_direction(req, reading, &out->page);

	if (err == M_OK)
		err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &out->page.limit);
	if (err == M_OK)
		err = reading_place(req, "from", &out->page.from, &out->has_from);
	if (err == M_OK)
		err = reading_place(req, "to", &out->to, &has_to);
	if (err != M_OK)
		return err;
	if (has_to)
		out->page.to = &out->to;
	if (!req_query_bool(req, "recurse", false, &recurse))
		return req_fail(req, M_INVALID_PARAM, "recurse must be true or false");
	out->query.depth = recurse ? RELATIONS_DEPTH : 1;
	return M_OK;
}

static void
write_token(struct buf *out, const char *name, struct place place)
{
	buf_printf(out, ",\"%s\":\"", name);
	token_write_place(out, place);
	buf_char(out, '"');
}

static enum mx_err
write_answer(struct req *req, struct reading *reading, struct asked *asked)
{
	struct buf *out = &req->out;
	enum mx_err err = reading_bundle(req, reading, &asked->page);

	if (err != M_OK)
		return err;
	buf_lit(out, "{\"chunk\":");
	reading_write_page(req, reading, out, &asked->page, false);
	if (asked->page.more)
		write_token(out, "next_batch", asked->page.end);
	if (asked->has_from)
		write_token(out, "prev_batch", asked->page.from);
	if (req_query(req, "recurse") != NULL)
		buf_printf(out, ",\"recursion_depth\":%d", asked->query.depth);
	buf_char(out, '}');
	return M_OK;
}

static enum mx_err
find_children(struct req *req, struct reading *reading, struct asked *asked)
{
	struct stored_event stored;
	struct event *event;
	enum mx_err err =
	    seer_find(&reading->seer, asked->query.parent, &stored, &event);

	if (err == M_NOT_FOUND)
		return reading_no_event(req);
	if (err == M_OK)
		err = read_asked(req, reading, asked);
	if (err == M_OK)
		err = relations_page(&reading->seer, &asked->query, &asked->page);
	return err == M_OK ? write_answer(req, reading, asked) : err;
}

/* A room that may not be seen is as if the event were not there. */
static enum mx_err
answer(struct req *req, const char *rel_type, const char *type)
{
	struct asked asked = { .query = { .parent = req_path(req, "eventId"),
				   .rel_type = rel_type,
				   .type = type } };
	struct reading reading = { 0 };
	enum mx_err err = reading_open(req, req_path(req, "roomId"), &reading);

	if (err == M_FORBIDDEN)
		return reading_no_event(req);
	if (err != M_OK)
		return err;
	err = find_children(req, &reading, &asked);
	reading_close(&reading);
	return err;
}

/* client-server-api/#get_matrixclientv1roomsroomidrelationseventid */
enum mx_err
client_relations(struct req *req)
{
	return answer(req, NULL, NULL);
}

/* client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltype */
enum mx_err
client_relations_of_kind(struct req *req)
{
	return answer(req, req_path(req, "relType"), NULL);
}

/* client-server-api/#get_matrixclientv1roomsroomidrelationseventidreltypeeventtype */
enum mx_err
client_relations_of_type(struct req *req)
{
	return answer(req, req_path(req, "relType"), req_path(req, "eventType"));
}
