/*
 * gzip for answers (RFC 1952), by zlib.
 * Relies on one deflate stream a thread, made at first use and reset between bodies.
 * Last step before a large answer is handed to the server.
 */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>
#include "base/str.h"
#include "http/gzip.h"

#define LEVEL 5 /* 4 to 6: JSON gains little beyond, and time grows fast */
#define WINDOW_BITS (15 + 16) /* 16: with a gzip header */
#define MEM_LEVEL 8

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* frees the stream of a thread that ends */
static _Thread_local z_stream *thread_stream;

static void
stream_free(void *arg)
{
	z_stream *stream = arg;

	deflateEnd(stream);
	free(stream);
}

static void
key_init(void)
{
	if (pthread_key_create(&key, stream_free) != 0)
		abort();
}

static z_stream *
stream_get(void)
{
	z_stream *stream = thread_stream;

	if (stream != NULL) {
		deflateReset(stream);
		return stream;
	}
	stream = xcalloc(1, sizeof *stream);
	if (deflateInit2(stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL,
		Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory; the parameters are constants */
	pthread_once(&key_once, key_init);
	pthread_setspecific(key, stream);
	return thread_stream = stream;
}

bool
gzip_body(char **body, size_t *n)
{
	z_stream *stream;
	char *packed;

	if (*n < GZIP_MIN || *n > UINT_MAX)
		return false;
	stream = stream_get();
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
