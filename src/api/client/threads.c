/*
 * The threads of a room, the liveliest first.
 * Spec: client-server-api/#get_matrixclientv1roomsroomidthreads
 */
#include "room/threads.h"

#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 20
#define LIMIT_MAX 100

static enum mx_err
read_asked(struct req *req, const struct reading *reading, struct page *page,
    bool *participated_out)
{
	const char *include = req_query(req, "include");
	bool has_from;
	enum mx_err err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &page->limit);

	if (err != M_OK)
		return err;
	if (page->limit < 1)
		return req_fail(req, M_INVALID_PARAM, "limit must be 1 or more");
	if (include != NULL && strcmp(include, "all") != 0 &&
	    strcmp(include, "participated") != 0)
		return req_fail(
		    req, M_INVALID_PARAM, "include must be all or participated");
	*participated_out = include != NULL && include[0] == 'p';
	page->backwards = true;
	page->from = (struct place){ reading->s->position + 1, 0 };
	return reading_place(req, "from", &page->from, &has_from);
}

static enum mx_err
write_answer(struct req *req, struct reading *reading, struct page *page)
{
	struct buf *out = &req->out;
	enum mx_err err = reading_bundle(req, reading, page);

	if (err != M_OK)
		return err;
	buf_lit(out, "{\"chunk\":");
	reading_write_page(req, reading, out, page, false);
	if (page->more) {
		buf_lit(out, ",\"next_batch\":\"");
		token_write_place(out, page->end);
		buf_char(out, '"');
	}
	buf_char(out, '}');
	return M_OK;
}

enum mx_err
client_threads(struct req *req)
{
	struct reading reading = { 0 };
	struct page page = { .limit = 0 };
	bool participated = false;
	enum mx_err err = reading_open(req, req_path(req, "roomId"), &reading);

	if (err != M_OK)
		return err;
	err = read_asked(req, &reading, &page, &participated);
	if (err == M_OK)
		err = threads_page(&reading.seer, participated, &page);
	if (err == M_OK)
		err = write_answer(req, &reading, &page);
	reading_close(&reading);
	return err;
}
