/*
 * Sessions of HTTP/2 as clients have them, for bench/million and bench/listen. Relies
 * on nghttp2; stands between frames and what a program asks.
 */
#include "h2_session.h"

#include <stdlib.h>
#include <string.h>

#include "load_tools.h"

#define WINDOW (16 << 20)

nghttp2_session *
h2_session_new(const struct h2_hooks *hooks)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW },
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	nghttp2_option *options;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_option_new(&options);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, hooks->on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    callbacks, hooks->on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    callbacks, hooks->on_close);
	nghttp2_session_client_new2(&session, callbacks, NULL, options);
	nghttp2_option_del(options);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(
	    session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof *settings);
	nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, WINDOW);
	return session;
}

static ssize_t
read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	const char *body = source->ptr;
	size_t n = strlen(body);

	if (n > room)
		return NGHTTP2_ERR_CALLBACK_FAILURE; /* a room is a frame, at least */
	memcpy(out, body, n);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv
field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

void
h2_ask(nghttp2_session *session, const char *host, const struct load_request *request,
    void *stream)
{
	struct buf bearer = { 0 };
	nghttp2_data_provider body = { .source.ptr = (void *)request->body,
		.read_callback = read_body };
	nghttp2_nv fields[5] = { field(":method", request->method),
		field(":scheme", "http"), field(":authority", host),
		field(":path", request->target) };
	size_t n = 4;

	if (request->token[0] != '\0') {
		buf_printf(&bearer, "Bearer %s", request->token);
		buf_char(&bearer, '\0');
		fields[n++] = field("authorization", bearer.p);
	}
	if (nghttp2_submit_request(session, NULL, fields, n,
		request->body[0] != '\0' ? &body : NULL, stream) < 0)
		load_die("nghttp2 takes no request");
	buf_free(&bearer);
}

void
h2_take_frames(nghttp2_session *session, size_t most, struct buf *out)
{
	const uint8_t *p;
	ssize_t n;

	while (out->n < most && (n = nghttp2_session_mem_send(session, &p)) > 0)
		buf_add(out, p, (size_t)n);
}

void
h2_receive(nghttp2_session *session, const char *bytes, size_t n)
{
	if (nghttp2_session_mem_recv(session, (const uint8_t *)bytes, n) != (ssize_t)n)
		load_die("what the server sends is no HTTP/2");
}

int
h2_status(const uint8_t *name, size_t name_n, const uint8_t *value)
{
	if (name_n != 7 || memcmp(name, ":status", 7) != 0)
		return 0;
	return atoi((const char *)value);
}
