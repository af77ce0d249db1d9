/*
 * For tests of HTTP/2: a client by nghttp2 over a real socket, on top of http/testing,
 * and frames written by hand for what no client would send.
 */
#ifndef HTTP_H2_TESTING_H
#define HTTP_H2_TESTING_H

#include "http/testing.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#define H2_ASKS_MAX 4096

/* What one stream has brought. */
struct h2_got {
	int status, length; /* of its head; -1: it does not say */
	struct buf body;
	bool ended, closed;
	uint32_t error; /* with which it was closed */
};

struct h2_client {
	int fd;
	SSL *ssl; /* NULL: plain */
	nghttp2_session *session;
	struct h2_got got[H2_ASKS_MAX]; /* by half of the stream's id */
	int closed_n;
	bool goaway;
	uint32_t goaway_error;
};

/* ---- frames by hand ---- */

static inline void
say_frame(int fd, uint8_t type, uint8_t flags, uint32_t id, const void *p, size_t n)
{
	uint8_t head[9] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, type,
		flags, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8),
		(uint8_t)id };

	say_n(fd, (char *)head, sizeof head);
	say_n(fd, p, n);
}

/* A connection that has said the preface and empty settings, and reads nothing. */
static inline int
dial_raw(const struct app *app)
{
	int fd = dial(app);

	say(fd, NGHTTP2_CLIENT_MAGIC);
	say_frame(fd, NGHTTP2_SETTINGS, 0, 0, "", 0);
	return fd;
}

/* The server's frames until it closes: what its GOAWAY says, or -1 without one. */
static inline int
goaway_of(int fd)
{
	static uint8_t p[READ_ALL_MAX];
	size_t n = 0, at = 0;
	int code = -1;
	ssize_t got;

	while ((got = recv(fd, p + n, sizeof p - n, 0)) > 0)
		n += (size_t)got;
	assert_true(got == 0 || errno == ECONNRESET);
	while (at + 9 <= n) {
		size_t length =
		    (size_t)p[at] << 16 | (size_t)p[at + 1] << 8 | p[at + 2];

		if (p[at + 3] == NGHTTP2_GOAWAY && at + 17 <= n)
			code = p[at + 16] | p[at + 15] << 8;
		at += 9 + length;
	}
	close(fd);
	return code;
}

/* ---- a client ---- */

static inline struct h2_got *
got_of(struct h2_client *client, int32_t id)
{
	assert_true(id > 0 && id / 2 < H2_ASKS_MAX);
	return &client->got[id / 2];
}

static inline int
h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t n, uint8_t flags, void *arg)
{
	struct h2_got *got = got_of(arg, frame->hd.stream_id);

	if (strcmp((const char *)name, ":status") == 0)
		got->status = atoi((const char *)value);
	if (strcmp((const char *)name, "content-length") == 0)
		got->length = atoi((const char *)value);
	assert_int_not_equal(strcmp((const char *)name, "connection"), 0);
	assert_int_not_equal(strcmp((const char *)name, "transfer-encoding"), 0);
	return 0;
}

static inline int
h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data,
    size_t n, void *arg)
{
	buf_add(&got_of(arg, id)->body, data, n);
	return 0;
}

static inline int
h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct h2_client *client = arg;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaway = true;
		client->goaway_error = frame->goaway.error_code;
	}
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		got_of(client, frame->hd.stream_id)->ended = true;
	return 0;
}

static inline int
h2_on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct h2_client *client = arg;

	got_of(client, id)->closed = true;
	got_of(client, id)->error = code;
	client->closed_n++;
	return 0;
}

/* Sends what is to be sent. */
static inline void
h2_push(struct h2_client *client)
{
	const uint8_t *p;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(client->session, &p)) > 0)
		if (client->ssl != NULL)
			assert_int_equal(SSL_write(client->ssl, p, (int)n), n);
		else
			say_n(client->fd, (const char *)p, (size_t)n);
	assert_int_equal(n, 0);
}

/* Reads once and answers; false: the server has closed. */
static inline bool
h2_pump(struct h2_client *client)
{
	uint8_t bytes[16384];
	ssize_t n = client->ssl != NULL
			? SSL_read(client->ssl, bytes, (int)sizeof bytes)
			: recv(client->fd, bytes, sizeof bytes, 0);

	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return false;
	assert_true(n > 0);
	assert_int_equal(
	    nghttp2_session_mem_recv(client->session, bytes, (size_t)n), n);
	h2_push(client);
	return true;
}

/* window: of each stream; 0: none. lazy: what is read opens no window again. */
static inline struct h2_client *
h2_dial_over(int fd, SSL *ssl, uint32_t window, bool lazy)
{
	const nghttp2_settings_entry settings = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		window };
	struct h2_client *client = xcalloc(1, sizeof *client);
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, h2_on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    callbacks, h2_on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, h2_on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, h2_on_close);
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, lazy);
	/* Tests send what no client would, and more than it would. */
	nghttp2_option_set_no_http_messaging(option, 1);
	nghttp2_option_set_peer_max_concurrent_streams(option, H2_ASKS_MAX);
	nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
	client->fd = fd;
	client->ssl = ssl;
	nghttp2_session_client_new2(&client->session, callbacks, client, option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(client->session, 0, &settings, 1);
	h2_push(client);
	return client;
}

static inline struct h2_client *
h2_dial_with(const struct app *app, uint32_t window, bool lazy)
{
	return h2_dial_over(dial(app), NULL, window, lazy);
}

static inline struct h2_client *
h2_dial(const struct app *app)
{
	return h2_dial_with(app, 65535, false);
}

static inline void
h2_hang_up(struct h2_client *client)
{
	for (int i = 0; i < H2_ASKS_MAX; i++)
		buf_free(&client->got[i].body);
	nghttp2_session_del(client->session);
	SSL_free(client->ssl);
	close(client->fd);
	free(client);
}

static inline nghttp2_nv
nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name),
		strlen(value), NGHTTP2_NV_FLAG_NONE };
}

static inline ssize_t
h2_read_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct str *left = source->ptr;
	size_t n = left->n < room ? left->n : room;

	memcpy(out, left->p, n);
	left->p += n;
	left->n -= n;
	if (left->n == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

/* The same of a body that does not go on behind that. */
static inline ssize_t
h2_read_half(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct str *left = source->ptr;
	ssize_t n;

	if (left->n == 0)
		return NGHTTP2_ERR_DEFERRED;
	n = h2_read_body(session, id, out, room, flags, source, arg);
	*flags = NGHTTP2_DATA_FLAG_NONE;
	return n;
}

/* A request of these fields; body: NULL, or read from until the stream ends. */
static inline int32_t
h2_submit(
    struct h2_client *client, const nghttp2_nv *fields, size_t n, struct str *body)
{
	nghttp2_data_provider data = { .source = { .ptr = body },
		.read_callback = h2_read_body };
	int32_t id = nghttp2_submit_request(
	    client->session, NULL, fields, n, body != NULL ? &data : NULL, NULL);

	assert_true(id > 0);
	got_of(client, id)->length = -1;
	h2_push(client);
	return id;
}

static inline int32_t
h2_ask_with(
    struct h2_client *client, const char *method, const char *path, struct str *body)
{
	const nghttp2_nv fields[] = { nv(":method", method), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", path) };

	return h2_submit(client, fields, 4, body);
}

/* A request whose body stays behind these bytes. */
static inline int32_t
h2_ask_half(struct h2_client *client, struct str *body)
{
	const nghttp2_nv fields[] = { nv(":method", "POST"), nv(":scheme", "http"),
		nv(":authority", "x"), nv(":path", "/half") };
	nghttp2_data_provider data = { .source = { .ptr = body },
		.read_callback = h2_read_half };
	int32_t id =
	    nghttp2_submit_request(client->session, NULL, fields, 4, &data, NULL);

	assert_true(id > 0);
	h2_push(client);
	return id;
}

static inline int32_t
h2_ask(struct h2_client *client, const char *path)
{
	return h2_ask_with(client, "GET", path, NULL);
}

/* Until the stream is closed, both ways. */
static inline struct h2_got *
h2_await(struct h2_client *client, int32_t id)
{
	struct h2_got *got = got_of(client, id);

	while (!got->closed)
		assert_true(h2_pump(client));
	return got;
}

static inline void
h2_expect(struct h2_client *client, int32_t id, int status, const char *body)
{
	struct h2_got *got = h2_await(client, id);

	assert_int_equal(got->status, status);
	assert_true(got->ended);
	assert_int_equal(got->body.n, strlen(body));
	assert_memory_equal(got->body.p, body, got->body.n);
}

/* Until the server has closed the connection. */
static inline void
h2_expect_end(struct h2_client *client)
{
	while (h2_pump(client))
		;
}

#endif
