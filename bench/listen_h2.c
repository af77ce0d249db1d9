/*
 * Listening by HTTP/2: polls as streams, many listeners on a line, a new stream for
 * each question. Relies on h2_session for the frames and listen_heard for what is in
 * the answers.
 */
#include <stdlib.h>

#include "h2_session.h"
#include "listen_worker.h"

#define EACH 100 /* as bench/listening.py says */

/* A listener's question; borrowed by the session until the stream is closed. */
struct stream {
	struct worker *worker;
	struct line *line;
	struct listener *who;
	int status;
	struct buf body;
};

/* ---- what comes ---- */

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t n, uint8_t flags, void *arg)
{
	struct stream *stream =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	int status = h2_status(name, name_n, value);

	if (stream != NULL && status != 0)
		stream->status = status;
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
    size_t n, void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

	if (stream != NULL)
		buf_add(&stream->body, data, n);
	return 0;
}

/* Then the server closes the line, and who waits there is asked for again. */
static bool
has_said_goodbye(nghttp2_session *session, uint32_t code)
{
	return code == NGHTTP2_REFUSED_STREAM &&
	       nghttp2_session_check_request_allowed(session) == 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct stream *stream = nghttp2_session_get_stream_user_data(session, id);
	struct buf body;

	if (stream == NULL || has_said_goodbye(session, code))
		return 0;
	body = stream->body; /* the listener may ask again */
	stream->body = (struct buf){ 0 };
	if (code != NGHTTP2_NO_ERROR)
		worker_wrong(
		    stream->worker, stream->who, "a stream ended with %u", code);
	else
		heard_answer(
		    stream->worker, stream->who, stream->status, body.p, body.n);
	worker_answered(stream->worker, stream->line, stream->who, 0);
	buf_free(&body);
	return 0;
}

static size_t
h2_take(struct worker *worker, struct line *line, char *bytes, size_t n)
{
	h2_receive(line->session, bytes, n);
	/* Frames of many answers: whose each byte is does not matter. */
	atomic_fetch_add_explicit(&worker->tally->bytes, n, memory_order_relaxed);
	return n;
}

/* ---- what goes ---- */

static void
h2_ask_for(
    struct worker *worker, struct line *line, struct listener *who, int64_t timeout_ms)
{
	struct stream *stream = &line->streams[who - line->who];
	struct buf target = { 0 };
	struct load_request request = { "GET", "", who->token, "" };

	*stream = (struct stream){ worker, line, who, 0, { 0 } };
	worker_add_target(worker, who, timeout_ms, &target);
	buf_char(&target, '\0');
	request.target = target.p;
	h2_ask(line->session, worker->crowd->server, &request, stream);
	buf_free(&target);
}

static void
h2_frames(struct line *line)
{
	h2_take_frames(line->session, SIZE_MAX, &line->out);
}

static void
h2_begin(struct line *line)
{
	static const struct h2_hooks hooks = { on_header, on_data, on_close };

	line->session = h2_session_new(&hooks);
	line->streams = xcalloc((size_t)line->n, sizeof *line->streams);
}

static void
h2_end(struct line *line)
{
	nghttp2_session_del(line->session);
	for (int i = 0; i < line->n; i++)
		buf_free(&line->streams[i].body);
	free(line->streams);
}

const struct way way_h2 = { .name = "h2",
	.each = EACH,
	.id_name = JSON_ID_NAME,
	.begin = h2_begin,
	.end = h2_end,
	.ask = h2_ask_for,
	.frames = h2_frames,
	.take = h2_take };
