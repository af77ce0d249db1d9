/*
 * gzip for answers (RFC 1952), by zlib.
 * Relies on a thread's own deflate streams, made at first use and reset between bodies.
 * Last step before a large answer is handed to the server.
 */
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>
#include "base/str.h"
#include "http/gzip.h"

#define LEVEL 5 /* 4 to 6: JSON gains little beyond, and time grows fast */
#define WINDOW_BITS (15 + 16) /* 16: with a gzip header */
#define MEM_LEVEL 8

#define RAW_BITS (-15) /* no header, no trailer */
#define STORED_MAX 65535u

enum kind { WHOLE, BLOCK, KINDS };

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* frees the streams of a thread that ends */
static _Thread_local z_stream *thread_streams;

static void
streams_free(void *arg)
{
	z_stream *streams = arg;

	for (int i = 0; i < KINDS; i++)
		deflateEnd(&streams[i]);
	free(streams);
}

static void
key_init(void)
{
	if (pthread_key_create(&key, streams_free) != 0)
		abort();
}

static z_stream *
stream_get(enum kind kind)
{
	z_stream *stream;

	if (thread_streams == NULL) {
		thread_streams = xcalloc(KINDS, sizeof *thread_streams);
		pthread_once(&key_once, key_init);
		pthread_setspecific(key, thread_streams);
	}
	stream = &thread_streams[kind];
	if (stream->state != NULL)
		deflateReset(stream);
	else if (deflateInit2(stream, LEVEL, Z_DEFLATED,
		     kind == WHOLE ? WINDOW_BITS : RAW_BITS, MEM_LEVEL,
		     Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory; the parameters are constants */
	return stream;
}

bool
gzip_body(char **body, size_t *n)
{
	z_stream *stream;
	char *packed;

	if (*n < GZIP_MIN || *n > UINT_MAX)
		return false;
	stream = stream_get(WHOLE);
	packed = xmalloc(*n);
	stream->next_in = (unsigned char *)*body;
	stream->avail_in = (unsigned)*n;
	stream->next_out = (unsigned char *)packed;
	stream->avail_out = (unsigned)*n - 1; /* what does not fit is not smaller */
	if (deflate(stream, Z_FINISH) != Z_STREAM_END) {
		free(packed);
		return false;
	}
	free(*body);
	*n = stream->total_out;
	*body = xrealloc(packed, *n);
	return true;
}

void
gzip_block(struct buf *out, const char *bytes, size_t n)
{
	z_stream *stream = stream_get(BLOCK);
	/* The bound counts on one flush, an empty stored block of five bytes. */
	size_t cap = deflateBound(stream, n) + 16;

	assert(n <= UINT_MAX / 2);
	buf_reserve(out, cap);
	stream->next_in = (unsigned char *)bytes;
	stream->avail_in = (unsigned)n;
	stream->next_out = (unsigned char *)out->p + out->n;
	stream->avail_out = (unsigned)cap;
	deflate(stream, Z_FULL_FLUSH);
	assert(stream->avail_in == 0 && stream->avail_out > 0);
	out->n += stream->total_out;
}

/* RFC 1951, 3.2.4: three bits say "stored, not the last one", the rest of their byte is
 * left; then a length, its inverse, the bytes. */
void
gzip_block_stored(struct buf *out, const char *bytes, size_t n)
{
	while (n > 0) {
		unsigned part = n < STORED_MAX ? (unsigned)n : STORED_MAX;
		unsigned inverse = ~part;
		char head[5] = { 0, (char)part, (char)(part >> 8), (char)inverse,
			(char)(inverse >> 8) };

		buf_add(out, head, sizeof head);
		buf_add(out, bytes, part);
		bytes += part;
		n -= part;
	}
}
