/*
 * For tests of a hub's streams: a client that asks for server-sent events and reads
 * them block by block.
 */
#ifndef STREAM_TESTING_SSE_H
#define STREAM_TESTING_SSE_H

#include <zlib.h>

#include "stream/testing.h"

#define BLOCK_MAX (16 << 20)

#define ANN "@ann:" TESTING_SERVER

static inline int
stream_as(struct fixture *f, const char *user, const char *more)
{
	char text[512];

	snprintf(text, sizeof text, "&stream=1%s", more);
	return poll_as(f, user, text);
}

/* All rooms of a user. */
static inline int
stream_of_all(struct fixture *f, const char *user, const char *more)
{
	int fd = new_socket();
	char text[512];

	connect_socket(fd, f->port);
	snprintf(text, sizeof text,
	    "GET /events?user=%s&stream=1%s HTTP/1.1\r\nHost: x\r\n\r\n", user, more);
	say(fd, text);
	return fd;
}

/* The bytes of the next block; malloc'ed. Without any: the stream has ended. */
static inline char *
read_block(int fd, size_t *n_out)
{
	char line[20], *bytes;
	size_t n = 0;

	do {
		assert_true(n < sizeof line - 1);
		read_exactly(fd, line + n, 1);
	} while (line[n++] != '\n');
	n = strtoul(line, NULL, 16);
	assert_true(n <= BLOCK_MAX);
	bytes = xmalloc(n + 2);
	read_exactly(fd, bytes, n + 2);
	assert_memory_equal(bytes + n, "\r\n", 2);
	bytes[n] = '\0';
	*n_out = n;
	return bytes;
}

static inline void
expect_head(int fd)
{
	struct answer answer;

	read_head(fd, &answer);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.head, "\r\nContent-Type: text/event-stream\r\n"));
	assert_non_null(strstr(answer.head, "\r\nCache-Control: no-store\r\n"));
	assert_non_null(strstr(answer.head, "\r\nX-Accel-Buffering: no\r\n"));
}

/* Reads how a stream begins; where it stands goes to id (32 bytes). */
static inline void
expect_opening(int fd, char *id)
{
	size_t n;
	char *text;

	expect_head(fd);
	text = read_block(fd, &n);
	assert_int_equal(sscanf(text, "retry: 2000\nid: %31s\n\n", id), 1);
	free(text);
}

static inline int
open_stream(struct fixture *f, const char *user, const char *more)
{
	int fd = stream_as(f, user, more);
	char id[32];

	serve_look(f);
	expect_opening(fd, id);
	return fd;
}

static inline void
expect_block(int fd, const char *const *words, const char * not )
{
	size_t n;
	char *text = read_block(fd, &n);
	const char *at = text;

	for (; *words != NULL; words++) {
		at = strstr(at, *words);
		if (at == NULL)
			fail_msg("%s is missing in %s", *words, text);
	}
	if (not != NULL && strstr(text, not ) != NULL)
		fail_msg("%s has no place in %s", not, text);
	free(text);
}

/* The stream ends as it should; the connection stays. */
static inline void
expect_stream_end(int fd)
{
	char *last;
	size_t n;

	last = read_block(fd, &n);
	if (n > 0)
		fail_msg("%s where the end was to come", last);
	free(last);
	close(fd);
}

static inline uint64_t
looks(struct fixture *f)
{
	struct hub_stats stats;

	hubs_stats(f->hubs, &stats);
	return stats.looks;
}

/* Turns the hub's clock to so many milliseconds from now. */
struct turn {
	struct fixture *f;
	int64_t in_ms;
	bool done;
};

static inline void
do_turn(struct http_io *io, void *arg)
{
	struct turn *turn = arg;

	hub_tick(turn->f->hubs, io, clock_mono_ms() + turn->in_ms);
	lock_take(&turn->f->lock);
	turn->done = true;
	pthread_cond_broadcast(&turn->f->changed);
	lock_give(&turn->f->lock);
}

static inline void
turn_clock(struct fixture *f, int64_t in_ms)
{
	struct turn turn = { f, in_ms, false };

	http_post(http_io_at(f->http, 0), do_turn, &turn);
	lock_take(&f->lock);
	while (!turn.done)
		lock_wait(&f->lock, &f->changed, 0);
	lock_give(&f->lock);
}

static inline void
stop_hub(struct http_io *io, void *arg)
{
	hub_stopping(((struct fixture *)arg)->hubs, io);
}

/* Unpacks the next block of a stream into text. */
static inline void
read_packed(int fd, z_stream *stream, char *text, size_t cap)
{
	size_t n;
	char *block = read_block(fd, &n);

	stream->next_in = (unsigned char *)block;
	stream->avail_in = (unsigned)n;
	stream->next_out = (unsigned char *)text;
	stream->avail_out = (unsigned)cap - 1;
	assert_int_equal(inflate(stream, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(stream->avail_in, 0);
	text[cap - 1 - stream->avail_out] = '\0';
	free(block);
}

#endif
