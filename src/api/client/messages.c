/*
 * Pages of a room's history.
 * Spec: client-server-api/#get_matrixclientv3roomsroomidmessages
 */
#include <string.h>

#include "api/client/handlers.h"
#include "api/client/reading.h"
#include "room/state_list.h"
#include "stream/token.h"

#define LIMIT_DEFAULT 10
#define LIMIT_MAX 1000

/* What was asked for. */
struct asked {
	struct page page;
	struct filter filter;
	struct place to;
	bool has_from;
};

static enum mx_err
read_asked(struct req *req, struct reading *reading, struct asked *out)
{
	const char *dir = req_query(req, "dir");
	bool has_to;
	enum mx_err err;

	if (dir == NULL)
		return req_fail(req, M_MISSING_PARAM, "dir is required");
	if (strcmp(dir, "b") != 0 && strcmp(dir, "f") != 0)
		return req_fail(req, M_INVALID_PARAM, "dir must be b or f");
	out->page.backwards = dir[0] == 'b';
	/* Without `from` it begins at the room's last event, or its first. */
	if (out->page.backwards)
		out->page.from = (struct place){ reading->s->position + 1, 0 };
	err = reading_limit(req, LIMIT_DEFAULT, LIMIT_MAX, &out->page.limit);
	if (err == M_OK)
		err = reading_place(req, "from", &out->page.from, &out->has_from);
	if (err == M_OK)
		err = reading_place(req, "to", &out->to, &has_to);
	if (err != M_OK)
		return err;
	if (has_to)
		out->page.to = &out->to;
	out->page.keep = filter_keeps;
	out->page.keep_arg = &out->filter;
	return reading_filter(req, reading, &out->filter, &out->page.limit);
}

static void
write_token(struct buf *out, const char *name, struct place place)
{
	buf_printf(out, "\"%s\":\"", name);
	token_write_place(out, place);
	buf_lit(out, "\",");
}

static bool
is_sender(const struct state_ref *ref, const void *arg)
{
	return map_get_str(arg, ref->state_key) != NULL;
}

/* Their members as they stood at the newest event of the page. */
static enum mx_err
write_senders(
    struct req *req, struct reading *reading, struct buf *out, const struct page *page)
{
	const struct sliced *newest;
	struct map senders = { 0 };
	struct state_pick pick = {
		.type = "m.room.member", .want = is_sender, .arg = &senders
	};
	enum mx_err err;

	if (page->count == 0) {
		buf_lit(out, "[]");
		return M_OK;
	}
	newest = &page->events[page->backwards ? 0 : page->count - 1];
	reading_senders(&senders, page);
	err = state_list_write(
	    &reading->seer, out, newest->stored.event + 1, &pick, reading_format(req));
	map_fini(&senders);
	return err;
}

static enum mx_err
write_answer(struct req *req, struct reading *reading, const struct asked *asked)
{
	const struct page *page = &asked->page;
	struct buf *out = &req->out;
	enum mx_err err = M_OK;

	buf_lit(out, "{\"chunk\":");
	reading_write_page(req, reading, out, page, false);
	buf_char(out, ',');
	/* 2015's clients go on from `end` until a chunk is empty. */
	if (page->more || reading_format(req) == FORMAT_V1)
		write_token(out, "end", page->end);
	if (asked->filter.lazy_load_members) {
		buf_lit(out, "\"state\":");
		err = write_senders(req, reading, out, page);
		buf_char(out, ',');
	}
	buf_lit(out, "\"start\":");
	if (asked->has_from) {
		buf_json_str(out, req_query(req, "from"));
	} else {
		buf_char(out, '"');
		token_write_place(out, page->from);
		buf_char(out, '"');
	}
	buf_char(out, '}');
	return err;
}

enum mx_err
client_messages(struct req *req)
{
	struct asked asked = { .page.limit = LIMIT_DEFAULT };
	struct reading reading = { 0 };
	enum mx_err err = reading_open(req, req_path(req, "roomId"), &reading);

	if (err != M_OK)
		return err;
	err = read_asked(req, &reading, &asked);
	if (err == M_OK)
		err = timeline_page(&reading.seer, &asked.page);
	if (err == M_OK)
		err = reading_bundle(req, &reading, &asked.page);
	if (err == M_OK)
		err = write_answer(req, &reading, &asked);
	reading_close(&reading);
	return err;
}
