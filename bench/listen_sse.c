/*
 * Listening by a stream of server-sent events, a guest's or that of a room's page: one
 * question, and then blocks as they come. Relies on answer_read for the chunks,
 * listen_gzip where they are packed, and listen_heard for what is in them.
 */
#include <string.h>

#include "listen_worker.h"

#define ACCEPT "\r\nAccept: text/event-stream"

static const char *
headers_of(const struct worker *worker)
{
	return worker->crowd->gzip ? ACCEPT "\r\nAccept-Encoding: gzip" : ACCEPT;
}

static void
sse_ask(
    struct worker *worker, struct line *line, struct listener *who, int64_t timeout_ms)
{
	(void)timeout_ms;
	worker_add_request(worker, who, -1, headers_of(worker), &line->out);
}

static void
page_ask(
    struct worker *worker, struct line *line, struct listener *who, int64_t timeout_ms)
{
	const struct crowd *crowd = worker->crowd;
	int64_t number = who - crowd->listeners;

	(void)timeout_ms;
	buf_lit(&line->out, "GET /rooms/");
	buf_str(&line->out, crowd->rooms[who->room].id);
	buf_lit(&line->out, "/live?lang=");
	buf_str(&line->out, crowd->languages[number % crowd->language_count]);
	buf_lit(&line->out, "&from=");
	buf_str(&line->out, who->from);
	worker_add_headers(worker, who, headers_of(worker), &line->out);
}

/* Bytes up to the end of the last event that is whole. */
static size_t
whole_events(const char *text, size_t n)
{
	while (n >= 2 && (text[n - 1] != '\n' || text[n - 2] != '\n'))
		n--;
	return n >= 2 ? n : 0;
}

/* The opening and comments say nothing, events do. */
static void
hear(struct worker *worker, struct listener *who, const char *text, size_t n)
{
	if (memmem(text, n, "data: ", 6) != NULL)
		heard_page(worker, who, text, n);
	else if (memmem(text, n, "id: ", 4) != NULL)
		heard_end(text, n, "id: ", "\n", who->from);
}

static void
take_text(struct worker *worker, struct line *line, const char *text, size_t n)
{
	size_t used;

	if (line->text.n == 0) {
		used = whole_events(text, n);
		if (used > 0)
			hear(worker, line->who, text, used);
		buf_add(&line->text, text + used, n - used);
		return;
	}
	buf_add(&line->text, text, n);
	used = whole_events(line->text.p, line->text.n);
	if (used == 0)
		return;
	hear(worker, line->who, line->text.p, used);
	worker_cut(&line->text, used);
}

static size_t
take_head(struct worker *worker, struct line *line, const char *bytes, size_t n)
{
	int64_t length;
	int status;
	size_t used = answer_read_head(bytes, n, &status, &length);

	if (used == 0)
		return 0;
	if (status != 200 || length != CHUNKED)
		worker_wrong(worker, line->who, "%d instead of a stream: %.*s", status,
		    (int)(n - used < 200 ? n - used : 200), bytes + used);
	line->has_head = true;
	return used;
}

static void
take_block(struct worker *worker, struct line *line, struct str block)
{
	if (worker->crowd->gzip && block.n > 0)
		block = unpack_block(worker, line->who, block);
	take_text(worker, line, block.p, block.n);
}

static size_t
sse_take(struct worker *worker, struct line *line, char *bytes, size_t n)
{
	const char *data;
	size_t used = 0, part, data_n;

	if (!line->has_head) {
		used = take_head(worker, line, bytes, n);
		if (used == 0)
			return 0;
	}
	while ((part = answer_read_chunk(bytes + used, n - used, &data, &data_n)) > 0) {
		used += part;
		take_block(worker, line, (struct str){ data, data_n });
		worker_answered(worker, line, line->who, part);
	}
	return used;
}

const struct way way_sse = { .name = "sse",
	.each = 1,
	.goes_on = true,
	.id_name = JSON_ID_NAME,
	.ask = sse_ask,
	.take = sse_take };
const struct way way_page = { .name = "page",
	.each = 1,
	.goes_on = true,
	.id_name = " id=\"",
	.ask = page_ask,
	.take = sse_take };
