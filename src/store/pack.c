/*
 * Packing of event JSON for the disk: zstd with the dictionary of schema/event.dict.
 * Called by room/append when an event is built and by whoever reads one.
 */
#include "store/pack.h"

#include <pthread.h>
#include <string.h>
#include <zstd.h>

#include "store/event_dict.h"

enum packing {
	PACKED_PLAIN = 0,
	PACKED_ZSTD_DICT_1 = 1,
};

/*
 * The first bytes of every zstd frame; they are not kept, and pay for the checksum at
 * its end: SQLite has none of its own, and a flipped bit shall not become another
 * event.
 */
static const char magic[] = "\x28\xb5\x2f\xfd";
#define MAGIC_N (sizeof magic - 1)

/* Larger than any event: what claims more is damaged. */
#define UNPACKED_MAX (1 << 20)
#define FRAME_HEADER_MAX 14 /* without the magic number */

/* With the dictionary the third level saves no byte in three hundred over the first,
 * and takes twice the time (bench/store_size, an event of 730 bytes). */
#define PACK_LEVEL 1

static pthread_once_t once = PTHREAD_ONCE_INIT;
static ZSTD_CDict *compress_dict;
static ZSTD_DDict *expand_dict;
static pthread_key_t compressor_key, expander_key;

static void
free_compressor(void *cctx)
{
	ZSTD_freeCCtx(cctx);
}

static void
free_expander(void *dctx)
{
	ZSTD_freeDCtx(dctx);
}

static void
setup(void)
{
	compress_dict = ZSTD_createCDict(event_dict, event_dict_n, PACK_LEVEL);
	expand_dict = ZSTD_createDDict(event_dict, event_dict_n);
	pthread_key_create(&compressor_key, free_compressor);
	pthread_key_create(&expander_key, free_expander);
}

static ZSTD_CCtx *
compressor(void)
{
	ZSTD_CCtx *cctx;

	pthread_once(&once, setup);
	cctx = pthread_getspecific(compressor_key);
	if (cctx == NULL) {
		cctx = ZSTD_createCCtx();
		ZSTD_CCtx_refCDict(cctx, compress_dict);
		ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
		ZSTD_CCtx_setParameter(cctx, ZSTD_c_dictIDFlag, 0);
		pthread_setspecific(compressor_key, cctx);
	}
	return cctx;
}

static ZSTD_DCtx *
expander(void)
{
	ZSTD_DCtx *dctx;

	pthread_once(&once, setup);
	dctx = pthread_getspecific(expander_key);
	if (dctx == NULL) {
		dctx = ZSTD_createDCtx();
		ZSTD_DCtx_refDDict(dctx, expand_dict);
		pthread_setspecific(expander_key, dctx);
	}
	return dctx;
}

struct str
pack_json(struct arena *arena, const char *json, size_t n)
{
	size_t cap = ZSTD_compressBound(n), frame_n;
	char *frame = arena_raw(arena, cap + n + 1), *out = frame + MAGIC_N - 1;

	frame_n = ZSTD_compress2(compressor(), frame, cap, json, n);
	if (ZSTD_isError(frame_n) || frame_n - MAGIC_N >= n) {
		out[0] = PACKED_PLAIN;
		memcpy(out + 1, json, n);
		return (struct str){ out, n + 1 };
	}
	out[0] = PACKED_ZSTD_DICT_1;
	return (struct str){ out, frame_n - MAGIC_N + 1 };
}

/* How many bytes it was; false: damaged. */
static bool
unpacked_size(struct str packed, size_t *n_out)
{
	char head[MAGIC_N + FRAME_HEADER_MAX];
	size_t n = packed.n < 1 ? 0 : packed.n - 1;
	unsigned long long size;

	if (packed.n < 1)
		return false;
	*n_out = n;
	/* An event is an object: what does not begin like one was no plain text. */
	if (packed.p[0] == PACKED_PLAIN)
		return n > 0 && packed.p[1] == '{';
	if (packed.p[0] != PACKED_ZSTD_DICT_1)
		return false;
	if (n > FRAME_HEADER_MAX)
		n = FRAME_HEADER_MAX;
	memcpy(head, magic, MAGIC_N);
	memcpy(head + MAGIC_N, packed.p + 1, n);
	size = ZSTD_getFrameContentSize(head, MAGIC_N + n);
	*n_out = (size_t)size;
	return size <= UNPACKED_MAX; /* its two error values are larger */
}

/* Room that unpack needs behind the n bytes: the frame with its magic number. */
static size_t
unpack_room(struct str packed)
{
	return packed.p[0] == PACKED_PLAIN ? 0 : MAGIC_N + packed.n - 1;
}

static bool
unpack(struct str packed, char *out, size_t n)
{
	char *frame = out + n;

	if (packed.p[0] == PACKED_PLAIN) {
		memcpy(out, packed.p + 1, n);
		return true;
	}
	memcpy(frame, magic, MAGIC_N);
	memcpy(frame + MAGIC_N, packed.p + 1, packed.n - 1);
	return ZSTD_decompressDCtx(expander(), out, n, frame, unpack_room(packed)) == n;
}

struct str
unpack_json(struct arena *arena, struct str packed)
{
	struct str json = { NULL, 0 };
	size_t n;
	char *out;

	if (!unpacked_size(packed, &n))
		return json;
	out = arena_raw(arena, n + unpack_room(packed) + 1);
	if (unpack(packed, out, n))
		json = (struct str){ out, n };
	out[n] = '\0';
	return json;
}

bool
unpack_json_to(struct buf *out, struct str packed)
{
	size_t n;

	buf_reset(out);
	if (!unpacked_size(packed, &n))
		return false;
	buf_reserve(out, n + unpack_room(packed));
	out->n = n;
	return unpack(packed, out->p, n);
}
