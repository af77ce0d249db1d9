/*
 * An HTTP/2 connection: nghttp2 turns bytes into frames and back, here frames become
 * requests. A request is written down as HTTP/1.1 and parsed by the same strict parser.
 * Beside http/conn, which reads and closes; answers are http/h2_answer's.
 */
#include "http/h2.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/h2_inside.h"
#include "http/secure.h"

#define STREAMS_MAX 1000	    /* at a time, of one connection */
#define WINDOW_BYTES (1 << 20)	    /* of a connection's bodies that are under way */
#define BODIES_MAX 4		    /* that one connection may have half here */
#define UNSENT_ANSWERS_MAX 16	    /* times write_max: who takes none gets no more */
#define UNSENT_PARTS_MAX (64 << 20) /* the same of answers in parts, which are many */
#define SESSION_BYTES (26 << 10)    /* what nghttp2 keeps: for /metrics */
#define STREAM_CHUNK 1024
#define STREAM_NONE UINT32_MAX
/* Pings, settings, resets: more of them a second is no client's. */
#define CONTROL_FRAMES_MAX 4000
/* In such frames: */
#define BAD_FRAME_COST 40
#define RESET_COST 4
#define WINDOW_UPDATES_EACH 2 /* that a frame of a body calls for */

static const char preface[] = "PRI * HTTP/2.0\r\n";

bool
h2_is_preface(const char *p, size_t n, bool *whole_out)
{
	size_t length = sizeof preface - 1;

	*whole_out = n >= length;
	return n >= 4 && memcmp(p, preface, n < length ? n : length) == 0;
}

/* --- streams' records --- */

struct h2_stream *
h2_stream_at(const struct http_io *io, uint32_t index)
{
	return &io->stream_chunks[index / STREAM_CHUNK][index % STREAM_CHUNK];
}

static void
add_stream_chunk(struct http_io *io)
{
	uint32_t chunk = io->stream_count / STREAM_CHUNK;
	struct h2_stream *records = xcalloc(STREAM_CHUNK, sizeof *records);

	io->stream_chunks =
	    xrealloc(io->stream_chunks, (chunk + 1) * sizeof *io->stream_chunks);
	io->stream_chunks[chunk] = records;
	for (uint32_t i = STREAM_CHUNK; i-- > 0;) {
		records[i].index = io->stream_count + i;
		records[i].next_free = io->stream_free;
		io->stream_free = io->stream_count + i;
	}
	io->stream_count += STREAM_CHUNK;
	STAT_ADD(io, memory_bytes, STREAM_CHUNK * sizeof *records);
}

static struct h2_stream *
stream_new(struct h2 *h2, int32_t id)
{
	struct http_io *io = h2->io;
	struct h2_stream *s;

	if (io->stream_count == 0)
		io->stream_free = STREAM_NONE;
	if (io->stream_free == STREAM_NONE)
		add_stream_chunk(io);
	s = h2_stream_at(io, io->stream_free);
	io->stream_free = s->next_free;
	*s = (struct h2_stream){ .index = s->index,
		.gen = s->gen + 1,
		.id = id,
		.state = H2_READING,
		.h2 = h2,
		.next = h2->streams };
	if (h2->streams != NULL)
		h2->streams->prev = s;
	h2->streams = s;
	h2->stream_count++;
	h2_set_due(s);
	return s;
}

static void
set_due(struct h2_stream *s, int timeout_ms)
{
	struct h2 *h2 = s->h2;

	s->moved = 0;
	s->due_ms = h2->io->now_ms + timeout_ms;
	if (h2->due_ms == 0 || s->due_ms < h2->due_ms)
		h2->due_ms = s->due_ms;
}

void
h2_set_due(struct h2_stream *s)
{
	set_due(s, s->h2->io->server->config.body_timeout_ms);
}

/* Of a body that comes in portions: the windows open again by so much. */
static void
body_taken(struct h2_stream *s, size_t n)
{
	s->h2->coming -= n;
	nghttp2_session_consume(s->h2->session, s->id, n);
}

void
h2_request_free(struct h2_stream *s)
{
	struct h2_request *in = s->in;

	if (in == NULL)
		return;
	s->in = NULL;
	s->h2->held -= in->head_n;
	if (in->comes)
		body_taken(s, in->body.n);
	else
		s->h2->held -= in->body.n;
	if (in->take != NULL)
		in->take(in->take_arg, HTTP_PORTION_GONE, NULL, 0);
	buf_free(&in->method);
	buf_free(&in->path);
	buf_free(&in->authority);
	buf_free(&in->fields);
	buf_free(&in->body);
	free(in);
}

/* The client, or the connection, has gone, or all is answered. */
static void
stream_free(struct h2_stream *s)
{
	struct h2 *h2 = s->h2;
	struct http_io *io = h2->io;
	bool was_parked = s->state == H2_PARKED;

	h2_request_free(s);
	h2_out_free(s);
	h2_part_sent(s, true);
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		h2->streams = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (--h2->stream_count == 0)
		h2->due_ms = 0; /* an idle connection has its own time */
	s->gen++;
	s->state = H2_FREE;
	s->next_free = io->stream_free;
	io->stream_free = s->index;
	if (was_parked) {
		STAT_SUB(io, parked, 1);
		io->server->hooks.gone(io, s->tag, io->server->hooks.arg);
	}
}

void
h2_streams_free(struct http_io *io)
{
	for (uint32_t i = 0; i < io->stream_count; i += STREAM_CHUNK)
		free(io->stream_chunks[i / STREAM_CHUNK]);
	free(io->stream_chunks);
}

/* --- requests --- */

static int
on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	s = stream_new(h2, frame->hd.stream_id);
	s->in = xcalloc(1, sizeof *s->in);
	nghttp2_session_set_stream_user_data(session, s->id, s);
	return 0;
}

/* What HTTP/1.1 would take for the end of a line, or of a target. */
static bool
is_sound(const uint8_t *p, size_t n, int above)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] <= above && p[i] != '\t')
			return false;
	return true;
}

static void
add_field(
    struct h2_request *in, const char *name, size_t name_n, const char *value, size_t n)
{
	buf_add(&in->fields, name, name_n);
	buf_lit(&in->fields, ": ");
	buf_add(&in->fields, value, n);
	buf_lit(&in->fields, "\r\n");
}

static bool
is_name(const uint8_t *name, size_t n, const char *wanted)
{
	return n == strlen(wanted) && memcmp(name, wanted, n) == 0;
}

static void
take_field(struct h2_request *in, const uint8_t *name, size_t name_n,
    const uint8_t *value, size_t n)
{
	const char *text = (const char *)value;

	if (is_name(name, name_n, ":method"))
		buf_add(&in->method, text, n);
	else if (is_name(name, name_n, ":path"))
		buf_add(&in->path, text, n);
	else if (is_name(name, name_n, ":authority") ||
		 (is_name(name, name_n, "host") && in->authority.n == 0))
		buf_add(&in->authority, text, n);
	else if (name[0] != ':' && !is_name(name, name_n, "host") &&
		 !is_name(name, name_n, "expect"))
		add_field(in, (const char *)name, name_n, text, n);
	if (is_name(name, name_n, "content-length") &&
	    !str_int((struct str){ text, n }, &in->length))
		in->is_bad = true;
	if (!is_sound(value, n, name[0] == ':' ? ' ' : 31))
		in->is_bad = true;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t n, uint8_t flags, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *s =
	    nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	if (s == NULL || s->in == NULL || frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0; /* trailers are nobody's */
	s->in->head_n += name_n + n + 4;
	h2->held += name_n + n + 4;
	if (s->in->head_n <= HTTP_HEAD_MAX)
		take_field(s->in, name, name_n, value, n);
	return 0;
}

/* Answers a request of which the rest is not wanted. */
static void
refuse(struct h2_stream *s, int status)
{
	h2_refuse(s, status);
	h2_request_free(s);
}

/* Of all that is half here, so that many slow requests are no way to our memory. */
static bool
holds_too_much(const struct h2 *h2, size_t more)
{
	return h2->held + more >
	       BODIES_MAX * (h2->io->server->config.body_max + HTTP_HEAD_MAX);
}

/* Whoever takes it may answer, or ask for the next. */
static void
hand_over(struct h2_stream *s)
{
	struct h2 *h2 = s->h2;
	struct buf body = s->in->body;
	http_taker take = s->in->take;
	void *arg = s->in->take_arg;
	bool is_last = s->in->is_whole;

	s->in->body = (struct buf){ 0 };
	s->in->take = NULL;
	s->due_ms = 0;
	body_taken(s, body.n);
	if (is_last)
		h2_request_free(s);
	ready_push(h2->io, h2->c); /* its window opens again */
	take(arg, is_last ? HTTP_PORTION_LAST : HTTP_PORTION, body.p, body.n);
}

/* Where many bodies come, small portions will do: else the connection's window might be
 * full of halves, and nobody's be whole. */
static bool
has_portion(const struct h2_stream *s)
{
	size_t least = s->h2->coming > WINDOW_BYTES / 4 ? 1 : HTTP_PORTION_MAX / 2;

	return s->in->take != NULL && (s->in->is_whole || s->in->body.n >= least);
}

void
h2_body_next(struct exchange exchange, http_taker take, void *arg)
{
	struct h2_stream *s = h2_stream_of(exchange);

	if (s == NULL || s->in == NULL) {
		take(arg, HTTP_PORTION_GONE, NULL, 0);
		return;
	}
	s->in->take = take;
	s->in->take_arg = arg;
	h2_set_due(s);
	if (has_portion(s))
		hand_over(s);
}

static void
take_data(struct h2_stream *s, const uint8_t *data, size_t n)
{
	buf_add(&s->in->body, data, n);
	if (s->in->comes)
		s->h2->coming += n;
	else
		s->h2->held += n;
	s->moved += (uint32_t)n;
	if (s->moved >= PROGRESS_BYTES && s->due_ms != 0)
		h2_set_due(s);
	if (has_portion(s))
		hand_over(s);
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
    size_t n, void *arg)
{
	struct h2 *h2 = arg;
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
	bool comes = s != NULL && s->in != NULL && s->in->comes;

	/* What comes in portions opens the windows when it is taken. */
	if (!comes)
		nghttp2_session_consume(session, id, n);
	if (s == NULL || s->in == NULL)
		return 0;
	if (comes)
		take_data(s, data, n);
	else if (n > h2->io->server->config.body_max - s->in->body.n)
		refuse(s, 413);
	else if (holds_too_much(h2, n))
		refuse(s, 503);
	else
		take_data(s, data, n);
	return 0;
}

static int
status_of_head(const struct h2_request *in, enum http_parse result)
{
	if (in->head_n > HTTP_HEAD_MAX || result == HTTP_BAD_TOO_LARGE)
		return 431;
	return result == HTTP_BAD_URI_TOO_LONG ? 414 : 400;
}

/* The head as HTTP/1.1 would have it. */
static void
write_head(const struct h2_request *in, struct buf *head)
{
	buf_add(head, in->method.p, in->method.n);
	buf_char(head, ' ');
	buf_add(head, in->path.p, in->path.n);
	buf_lit(head, " HTTP/1.1\r\nhost: ");
	buf_add(head, in->authority.p, in->authority.n);
	buf_lit(head, "\r\n");
	buf_add(head, in->fields.p, in->fields.n);
	buf_lit(head, "\r\n");
}

static void
ask_parsed(struct h2_stream *s, struct http_request *request)
{
	struct http_io *io = s->h2->io;

	buf_reserve(&s->in->body, 1);
	s->in->body.p[s->in->body.n] = '\0';
	request->exchange = (struct exchange){ io, s->index | EXCHANGE_STREAM, s->gen };
	request->body = s->in->body.p;
	request->body_n = s->in->body.n;
	request->peer = s->h2->c->peer;
	request->listener = s->h2->c->listener;
	request->received_us = clock_mono_us();
	request->comes_in_portions = s->in->comes;
	s->no_body = request->head.method == HTTP_HEAD;
	s->state = H2_ASKED;
	s->due_ms = 0;
	STAT_ADD(io, requests, 1);
	io->server->hooks.request(io, request, io->server->hooks.arg);
}

/* What it asked for and does not take is enough: RFC 9113 8.7 lets it ask again. */
static void
put_off(struct h2_stream *s)
{
	h2_request_free(s);
	nghttp2_submit_rst_stream(
	    s->h2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_REFUSED_STREAM);
}

/* The whole request is there, or its head and the rest comes in portions. */
static void
ask(struct h2_stream *s)
{
	struct http_request request;
	bool comes = s->in->comes;
	enum http_parse result = HTTP_BAD;
	struct buf head = { 0 };
	size_t used;

	if (s->in->head_n <= HTTP_HEAD_MAX && !s->in->is_bad) {
		write_head(s->in, &head);
		result = http_parse_head(head.p, head.n, &request.head, &used);
	}
	if (result == HTTP_PARSED && used == head.n && !request.head.chunked)
		ask_parsed(s, &request);
	else
		h2_refuse(s, status_of_head(s->in, result));
	buf_free(&head);
	if (!comes)
		h2_request_free(s);
}

/* Counts what costs us and brings nothing; too much of it ends the connection, at once:
 * what nghttp2 counts by itself takes effect with the next thing that is sent. */
static int
count_control(nghttp2_session *session, struct h2 *h2, int cost)
{
	int64_t now_s = h2->io->now_ms / 1000;

	if (h2->control_s != now_s) {
		h2->control_s = now_s;
		h2->control_frames = 0;
	}
	h2->control_frames += cost;
	if (cost == 0 || h2->control_frames <= CONTROL_FRAMES_MAX)
		return 0;
	return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int
cost_of(const nghttp2_frame *frame)
{
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		return 0;
	case NGHTTP2_DATA:
		return frame->hd.length == 0;
	case NGHTTP2_RST_STREAM:
		return RESET_COST;
	default:
		return 1;
	}
}

static bool
comes_in_portions(const struct h2_stream *s)
{
	const struct http_hooks *hooks = &s->h2->io->server->hooks;
	struct str method = { s->in->method.p, s->in->method.n };
	struct str path = { s->in->path.p, s->in->path.n };
	const char *query = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;

	if (query != NULL)
		path.n = (size_t)(query - path.p);
	return hooks->in_portions != NULL &&
	       hooks->in_portions(method, path, hooks->arg);
}

/* The head is there and a body follows: is that wanted? */
static void
expect_body(struct h2_stream *s)
{
	const struct h2 *h2 = s->h2;

	s->in->comes = comes_in_portions(s);
	if (s->in->comes) {
		nghttp2_session_set_local_window_size(
		    h2->session, NGHTTP2_FLAG_NONE, s->id, HTTP_PORTION_MAX);
		ask(s);
	} else if ((uint64_t)s->in->length > h2->io->server->config.body_max)
		refuse(s, 413);
	else if (holds_too_much(h2, 0))
		refuse(s, 503);
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	const struct http_config *config = &h2->io->server->config;
	struct h2_stream *s;

	if (count_control(session, h2, cost_of(frame)) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s == NULL || s->in == NULL)
		return 0;
	if (s->in->comes) {
		s->in->is_whole = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
		if (has_portion(s))
			hand_over(s);
	} else if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		if (frame->hd.type == NGHTTP2_HEADERS)
			expect_body(s);
	} else if (h2->unsent > UNSENT_ANSWERS_MAX * config->write_max ||
		   h2->unsent_parts > UNSENT_PARTS_MAX) {
		put_off(s);
	} else {
		ask(s);
	}
	return 0;
}

/* Its stream is reset by us, which nghttp2 does not count as it does the client's own
 * resets: what was asked would go on without its stream, and the next could come. */
static int
on_bad_frame(nghttp2_session *session, const nghttp2_frame *frame, int why, void *arg)
{
	struct h2 *h2 = arg;

	STAT_ADD(h2->io, bad_requests, 1);
	return count_control(session, h2, BAD_FRAME_COST);
}

/* What we send calls for frames that open its windows again; and where it is the whole
 * answer to half a request, the rest of that is thrown away for a while. */
static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2 *h2 = arg;
	int32_t id = frame->hd.stream_id;
	struct h2_stream *s;

	if (frame->hd.type == NGHTTP2_DATA)
		h2->control_frames -= WINDOW_UPDATES_EACH;
	else if (frame->hd.type != NGHTTP2_HEADERS)
		return 0;
	if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) ||
	    nghttp2_session_get_stream_remote_close(session, id) != 0)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, id);
	if (s != NULL)
		set_due(s, LINGER_MS);
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);

	if (s != NULL)
		stream_free(s);
	return 0;
}

/* --- the session --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

static void
setup(void)
{
	if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
	    nghttp2_option_new(&options) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
	    callbacks, on_bad_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_no_auto_window_update(options, 1);
}

void
h2_begin(struct http_io *io, struct conn *c)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};
	struct conn_side *side = side_make(io, c);
	struct h2 *h2 = xcalloc(1, sizeof *h2);

	pthread_once(&once, setup);
	h2->io = io;
	h2->c = c;
	if (nghttp2_session_server_new2(&h2->session, callbacks, h2, options) != 0 ||
	    nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
		sizeof settings / sizeof *settings) != 0 ||
	    nghttp2_session_set_local_window_size(
		h2->session, NGHTTP2_FLAG_NONE, 0, WINDOW_BYTES) != 0)
		abort(); /* out of memory; the parameters are constants */
	side->h2 = h2;
	c->state = CONN_FRAMES;
	STAT_ADD(io, memory_bytes, SESSION_BYTES);
	ready_push(io, c);
}

void
h2_free(struct h2 *h2)
{
	if (h2 == NULL)
		return;
	while (h2->streams != NULL)
		stream_free(h2->streams);
	STAT_SUB(h2->io, memory_bytes, SESSION_BYTES);
	nghttp2_session_del(h2->session);
	free(h2);
}

/* --- bytes --- */

/* Frames that are ready, as many as fit; returns their length, -1: it is over. */
static ssize_t
collect(struct h2 *h2, char *out, size_t cap)
{
	size_t n = 0;

	/* The last frame may be larger than what is left of the room. */
	while (n + H2_FRAME_MAX <= cap) {
		const uint8_t *frame;
		ssize_t got = nghttp2_session_mem_send(h2->session, &frame);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		memcpy(out + n, frame, (size_t)got);
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* Writes until the socket is full or nothing is left; false: the connection is closed.
 */
static bool
flush(struct http_io *io, struct conn *c, struct h2 *h2)
{
	while (!has_unsent(c)) {
		ssize_t n = collect(h2, io->read_buf, READ_MAX);

		if (n < 0) {
			conn_close(io, c);
			return false;
		}
		if (n == 0)
			return true;
		out_copy(io, c, io->read_buf, (size_t)n);
		if (!out_flush(io, c))
			return c->fd >= 0;
	}
	return true;
}

/* How long it may be silent: not for ever, unless somebody waits. */
static void
set_deadline(struct http_io *io, struct conn *c, const struct h2 *h2)
{
	const struct http_config *config = &io->server->config;

	if (has_unsent(c))
		wheel_set(io, c, config->body_timeout_ms);
	else if (h2->due_ms > io->now_ms)
		wheel_set(io, c, (int)(h2->due_ms - io->now_ms));
	else if (h2->due_ms != 0)
		wheel_set(io, c, 1);
	else
		wheel_set(io, c, h2->stream_count > 0 ? 0 : config->idle_timeout_ms);
}

static void
settle(struct http_io *io, struct conn *c, struct h2 *h2)
{
	if (!flush(io, c, h2))
		return;
	if (h2->unsent > 0 && pins_too_much(io)) {
		conn_close(io, c);
		return;
	}
	if (!has_unsent(c) && ((!nghttp2_session_want_read(h2->session) &&
				   !nghttp2_session_want_write(h2->session)) ||
				  (io->stopping && h2->stream_count == 0))) {
		conn_close(io, c);
		return;
	}
	set_deadline(io, c, h2);
}

bool
h2_take(struct http_io *io, struct conn *c, const char *p, size_t n)
{
	struct h2 *h2 = side_get(io, c)->h2;
	ssize_t used = nghttp2_session_mem_recv(h2->session, (const uint8_t *)p, n);

	if (used == (ssize_t)n)
		return true;
	STAT_ADD(io, bad_requests, 1);
	if (flush(io, c, h2)) /* what it is told of its mistake */
		conn_close(io, c);
	return false;
}

/* False: the connection is closed. */
static bool
receive(struct http_io *io, struct conn *c)
{
	bool is_secure = side_get(io, c)->ssl != NULL;

	for (int steps = 0; steps < TURN_STEPS && (c->flags & CONN_READABLE); steps++) {
		ssize_t n = secure_read(io, c, io->read_buf, READ_MAX);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0) {
			conn_close(io, c);
			return false;
		}
		STAT_ADD(io, bytes_in, n);
		if (!h2_take(io, c, io->read_buf, (size_t)n))
			return false;
		if (!is_secure && n < READ_MAX && !(c->flags & CONN_EOF))
			c->flags &= ~CONN_READABLE;
	}
	if (c->flags & CONN_READABLE)
		ready_push(io, c);
	return true;
}

void
h2_turn(struct http_io *io, struct conn *c)
{
	if (receive(io, c))
		settle(io, c, side_get(io, c)->h2);
}

/* Lets go who has not moved, and finds out who is next. */
static void
sweep(struct h2 *h2)
{
	int64_t now_ms = h2->io->now_ms;

	h2->due_ms = 0;
	for (struct h2_stream *s = h2->streams, *next; s != NULL; s = next) {
		next = s->next;
		if (s->due_ms != 0 && s->due_ms <= now_ms) {
			s->due_ms = 0;
			if (s->in != NULL)
				refuse(s, 408);
			else
				h2_let_go(s);
		}
		if (s->due_ms != 0 && (h2->due_ms == 0 || s->due_ms < h2->due_ms))
			h2->due_ms = s->due_ms;
	}
}

void
h2_expire(struct http_io *io, struct conn *c)
{
	struct h2 *h2 = side_get(io, c)->h2;

	if (has_unsent(c)) {
		conn_close(io, c);
		return;
	}
	if (h2->stream_count > 0)
		sweep(h2);
	else
		nghttp2_session_terminate_session(h2->session, NGHTTP2_NO_ERROR);
	settle(io, c, h2);
	if (c->fd >= 0)
		conn_settle(io, c);
}

void
h2_stop(struct http_io *io, struct conn *c)
{
	struct h2 *h2 = side_get(io, c)->h2;

	nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR,
	    NULL, 0);
	ready_push(io, c);
}
