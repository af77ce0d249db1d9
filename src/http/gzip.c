/*
 * gzip for answers (RFC 1952): whole bodies by libdeflate, the blocks of a stream by
 * zlib, which can end one so that the next can follow. Relies on a thread's own
 * packers, made at first use and used again for the next. Last step before a large
 * answer is handed to the server.
 */
#include <assert.h>
#include <libdeflate.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>
#include "base/str.h"
#include "http/gzip.h"

#define LEVEL 5 /* 4 to 6: JSON gains little beyond, and time grows fast */
#define QUICK 1 /* HTML: 4 % larger in half of the time */
#define MEM_LEVEL 8
#define RAW_BITS (-15) /* no header, no trailer */
#define STORED_MAX 65535u

/* Owned by one thread. */
struct packers {
	struct libdeflate_compressor *whole, *quick; /* NULL until needed */
	z_stream blocks;
	bool has_blocks;
};

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key; /* frees the packers of a thread that ends */
static _Thread_local struct packers *thread_packers;

static void
packers_free(void *arg)
{
	struct packers *packers = arg;

	if (packers->has_blocks)
		deflateEnd(&packers->blocks);
	libdeflate_free_compressor(packers->whole);
	libdeflate_free_compressor(packers->quick);
	free(packers);
}

static void
key_init(void)
{
	if (pthread_key_create(&key, packers_free) != 0)
		abort();
}

static struct packers *
packers_get(void)
{
	if (thread_packers == NULL) {
		thread_packers = xcalloc(1, sizeof *thread_packers);
		pthread_once(&key_once, key_init);
		pthread_setspecific(key, thread_packers);
	}
	return thread_packers;
}

static struct libdeflate_compressor *
compressor_get(int level)
{
	struct packers *packers = packers_get();
	struct libdeflate_compressor **at =
	    level == QUICK ? &packers->quick : &packers->whole;

	if (*at == NULL)
		*at = libdeflate_alloc_compressor(level);
	if (*at == NULL)
		abort(); /* out of memory */
	return *at;
}

static z_stream *
blocks_get(void)
{
	struct packers *packers = packers_get();

	if (packers->has_blocks)
		deflateReset(&packers->blocks);
	else if (deflateInit2(&packers->blocks, LEVEL, Z_DEFLATED, RAW_BITS, MEM_LEVEL,
		     Z_DEFAULT_STRATEGY) != Z_OK)
		abort(); /* out of memory; the parameters are constants */
	packers->has_blocks = true;
	return &packers->blocks;
}

uint64_t
gzip_checksum(const void *bytes, size_t n)
{
	return (uint64_t)libdeflate_crc32(0, bytes, n) << 32 |
	       libdeflate_adler32(1, bytes, n);
}

static bool
pack(char **body, size_t *n, int level)
{
	char *packed;
	size_t packed_n;

	if (*n < GZIP_MIN)
		return false;
	packed = xmalloc(*n);
	/* What does not fit is not smaller. */
	packed_n =
	    libdeflate_gzip_compress(compressor_get(level), *body, *n, packed, *n - 1);
	if (packed_n == 0) {
		free(packed);
		return false;
	}
	free(*body);
	*n = packed_n;
	*body = xrealloc(packed, *n);
	return true;
}

bool
gzip_body(char **body, size_t *n)
{
	return pack(body, n, LEVEL);
}

bool
gzip_body_quick(char **body, size_t *n)
{
	return pack(body, n, QUICK);
}

void
gzip_block(struct buf *out, const char *bytes, size_t n)
{
	z_stream *stream = blocks_get();
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
